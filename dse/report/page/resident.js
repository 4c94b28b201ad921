"use strict";
// Draws what stays on chip from layer to layer; `page.js` has the tools, and calls `showResidency`.

/** A count with its thousands apart. */
function counted(words) {
  return typeof words === "number" ? words.toLocaleString("en-US") : words;
}

function bytes(bits) {
  for (const [size, unit] of [[2 ** 33, "GiB"], [2 ** 23, "MiB"], [2 ** 13, "KiB"]]) if (bits >= size) return `${Number((bits / size).toPrecision(3))} ${unit}`;
  return `${Math.ceil(bits / 8)} B`;
}

/** Stays of tensors on chip as bars over the steps: first and last step, offset and size in bits. */
function staysOf(timeline) {
  const stays = [];
  let last = new Map();
  timeline.forEach((moment, step) => {
    const now = new Map();
    for (const one of moment.tensors) {
      const key = `${one.name} ${one.offset_bits}`, stay = last.get(key) ?? { ...one, first: step };
      if (!last.has(key)) stays.push(stay);
      stay.last = step;
      now.set(key, stay);
    }
    last = now;
  });
  return stays;
}

/** Room that tiles take in a step, from the top down around what lies there, as pairs of bits. */
function tilesOf(moment, capacity) {
  const found = [];
  let left = moment.tiles_bits, top = capacity;
  const lying = moment.tensors.map(one => [one.offset_bits, one.offset_bits + one.bits]).sort((a, b) => b[0] - a[0] || b[1] - a[1]);
  for (const [low, high] of [...lying, [0, 0]]) {
    if (left > 0 && high < top) {
      const taken = Math.min(left, top - high);
      found.push([top - taken, top]);
      left -= taken;
    }
    top = Math.min(top, low);
  }
  return found;
}

/** What stays on chip: a timeline of the level, and what that saves by tensor, or why not. */
function showResidency(panel, network, at) {
  const run = network.residency, kept = run.tensors.filter(one => one.steps.length > 0).length;
  const words = key => run.tensors.reduce((sum, one) => sum + (one[key] ?? 0), 0);
  const parts = [`${run.level} keeps ${kept} of ${run.tensors.length} tensors`];
  if (run.before) parts.push(`energy ${percent(network.energy_pj / run.before.energy_pj)}`,
    `words of tensors to and from the outermost level: ${counted(words("words_before"))} before, ${counted(words("words_after"))} after`);
  const figures = run.levels.map((level, number) => element("div", { id: number === 0 ? `stays${at}` : `stays${at}-${number}`, className: "figure" }));
  const span = steps => steps.length === 0 ? "–" : steps.length === 1 ? steps[0] : `${steps[0]} to ${steps.at(-1)}`;
  const spans = one => run.levels.length === 1 ? span(one.steps) : Object.entries(one.levels).map(([level, steps]) => `${level} ${span(steps)}`).join(", ") || "–";
  const rows = run.tensors.map(one => [one.name, spans(one),
    one.why_not, bytes(one.bits), counted(one.words_before ?? "–"), counted(one.words_after)]);
  panel.append(element("h4", {}, `On chip from layer to layer: ${parts.join("; ")}`), ...figures,
    element("div", { className: "scroll", id: `kept${at}` }, table(["tensor", `in ${run.level}`, "why not", "size", "words before", "after"], rows, 3)),
    element("p", { className: "note" }, "In colour: a tensor, for the layers over which it stays; grey: tiles of the layer that runs; white: free. Words: of the tensor, across the edge of the outermost level, with nothing on chip and now"));
  run.levels.forEach((level, number) => drawStays(figures[number], run, level));
}

function drawStays(where, run, level) {
  const timeline = run.timeline.filter(moment => moment.level === level.level), capacity = level.capacity_bits;
  const KiB = 8192, names = timeline.map(moment => moment.step), stays = staysOf(timeline);
  const rooms = timeline.flatMap((moment, step) => tilesOf(moment, capacity).map(([low, high]) => ({ step, low, high })));
  const bar = (name, colour, blocks) => ({ type: "bar", name, marker: { color: colour, line: { width: 0.7, color: "#fff" } }, hoverinfo: "text",
    x: blocks.map(block => (block.first + block.last) / 2), width: blocks.map(block => block.last - block.first + 1),
    base: blocks.map(block => block.low / KiB), y: blocks.map(block => (block.high - block.low) / KiB), hovertext: blocks.map(block => block.text),
    text: blocks.map(block => block.name ?? ""), textposition: "inside", insidetextanchor: "middle", textangle: 0 });
  const tensors = stays.map((stay, index) => ({ first: stay.first, last: stay.last, low: stay.offset_bits, high: stay.offset_bits + stay.bits,
    name: label(stay.name), text: `${label(stay.name)}: ${bytes(stay.bits)}, ${label(names[stay.first])} to ${label(names[stay.last])}`, colour: COLOURS[index % 6] }));
  const tiles = rooms.map(({ step, low, high }) => ({ first: step, last: step, low, high, text: `tiles of ${label(names[step])}: ${bytes(high - low)}` }));
  const free = timeline.map(moment => `${label(moment.step)}: ${bytes(moment.free_bits)} free`);
  draw(where, [bar("tensors", tensors.map(block => block.colour), tensors), bar("tiles", "#c9ced4", tiles),
    { type: "scatter", mode: "lines", name: "capacity", x: names.map((_, step) => step), y: names.map(() => capacity / KiB), text: free, hoverinfo: "text", line: { color: "#222", width: 1 } }],
  { barmode: "overlay", bargap: 0, uniformtext: { minsize: 8, mode: "hide" }, margin: { l: 62, r: 16, t: 34, b: 80 }, legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, font: { size: 10 } },
    xaxis: { tickvals: names.map((_, step) => step), ticktext: names.map(label), tickangle: -60, automargin: true, tickfont: { size: 9 }, range: [-0.5, names.length - 0.5] },
    yaxis: { title: { text: run.levels.length === 1 ? "KiB" : `KiB of ${level.level}` }, gridcolor: "#eee", range: [0, 1.03 * capacity / KiB] } });
}
