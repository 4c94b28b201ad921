"use strict";
// Draws the page of a sweep from the data in it. Names are text everywhere: they are never read as markup.

const data = JSON.parse(document.getElementById("data").textContent);
const designs = new Map(data.designs.map(design => [design.number, design]));
const metrics = new Map(data.metrics.map(metric => [metric.key, metric]));
const COLOURS = data.colours.palette;
const MARKS = ["circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "x"];
const DASHES = ["solid", "dash", "dashdot", "dot"];
const OPERANDS = ["ifmap", "weight", "psum", "ofmap"];
const PLAIN = { displaylogo: false, responsive: true };
const flows = [...new Set(data.designs.map(design => design.dataflow))].sort();
const front = data.designs.filter(design => design.front).sort((a, b) => a.latency_s - b.latency_s);
const state = { x: data.axes[0], y: data.axes[1], logarithmic: true, first: null, second: null, layer: {}, network: 0, by: "level" };

// ---- small tools -------------------------------------------------------------------------------------------------

function element(tag, settings = {}, ...children) {
  const made = Object.assign(document.createElement(tag), settings);
  made.append(...children.filter(child => child !== null).map(child => child instanceof Node ? child : together(child)));
  return made;
}

/** A number stays on the line of its sign or unit. */
function together(text) {
  return String(text).replace(/(\d) (?=%|[fpnµmkMGT]?(?:J|s)\b)/g, "$1\u00a0");
}

/** Plotly reads markup in labels: what comes from files must not be any. */
function label(text) {
  return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function si(value, unit) {
  if (value === 0) return `0 ${unit}`;
  const prefixes = { "-15": "f", "-12": "p", "-9": "n", "-6": "µ", "-3": "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P" };
  const rounded = Number(value.toPrecision(3));
  const exponent = Math.min(15, Math.max(-15, 3 * Math.floor(Math.log10(Math.abs(rounded)) / 3)));
  return `${(rounded / 10 ** exponent).toPrecision(3)} ${prefixes[exponent]}${unit}`;
}

function shown(key, value) {
  if (value === null) return "";
  const metric = metrics.get(key);
  return metric.unit === "mm2" ? `${value.toPrecision(3)} mm2` : si(value * metric.scale, metric.unit);
}

function percent(ratio) {
  const change = (ratio - 1) * 100;
  if (Math.abs(change) < 0.05) return "0.0 %";
  return `${change > 0 ? "+" : change < 0 ? "−" : "±"}${Math.abs(change).toFixed(Math.abs(change) < 9.95 ? 1 : 0)} %`;
}

function name(number) {
  return number === data.reference ? `${data.architecture} as specified (${number})` : `design ${number}`;
}

function cells(tag, texts, left = 1) {
  return element("tr", {}, ...texts.map((text, at) =>
    element(tag, { className: at < left ? "left" : "" }, text instanceof Node ? text : String(text))));
}

function table(head, rows, left = 1) {
  return element("table", {}, cells("th", head, left), ...rows.map(row => row instanceof Node ? row : cells("td", row, left)));
}

/** A proven gap in percent, in two digits; rounded up, as less would be more than is proven. */
function within(gap) {
  if (!(gap > 0)) return "0 %";
  const digits = 1 - Math.floor(Math.log10(100 * gap)), up = Math.ceil(100 * gap * 10 ** digits * (1 - 1e-9)) / 10 ** digits;
  return `${Number(up.toPrecision(3))} %`;
}

function ratio(value, gap = 0) {
  if (gap > 0 && Math.abs(value - 1) <= gap) return element("span", { title: `mappings within ${within(gap)} of the best` }, "~");
  return element("span", { className: value < 0.9995 ? "better" : value > 1.0005 ? "worse" : "" }, percent(value));
}

function select(title, options, value, change) {
  const box = element("select", { ariaLabel: title, onchange: () => change(box.value) },
    ...options.map(([key, text]) => element("option", { value: key, selected: String(key) === String(value) }, text)));
  return element("label", {}, `${title} `, box);
}

function draw(where, traces, layout) {
  const settings = { margin: { l: 62, r: 16, t: 34, b: 44 }, font: { family: "system-ui, sans-serif", size: 12, color: "#222" },
    hoverlabel: { align: "left" }, legend: { orientation: "h", y: -0.22 }, ...layout };
  return Plotly.react(where, traces, settings, PLAIN);
}

// ---- the front ---------------------------------------------------------------------------------------------------

function hover(design) {
  const lines = [`<b>${label(name(design.number))}</b>`, ...data.metrics.map(metric => `${metric.name} ${label(shown(metric.key, design[metric.key]))}`)];
  data.parameters.forEach((parameter, at) => {
    if (design.parameters[at] !== null) lines.push(`${label(parameter.name)}: ${label(design.parameters[at])}`);
  });
  return lines.join("<br>");
}

function value(design, key) {
  return design[key] * metrics.get(key).scale;
}

/** Areas of markers follow areas of chips, the axis that a plane leaves out. */
function size(design) {
  const most = Math.max(...data.designs.map(other => other.area_mm2));
  return most > 0 ? 7 + 13 * Math.sqrt(design.area_mm2 / most) : 10;
}

function markers(group, flow, on) {
  const at = flows.indexOf(flow);
  return {
    type: "scatter", mode: "markers", name: label(on ? flow || "front" : `${flow} (explored)`), showlegend: on,
    x: group.map(design => value(design, state.x)), y: group.map(design => value(design, state.y)),
    customdata: group.map(design => design.number), text: group.map(hover), hoverinfo: "text",
    marker: { color: COLOURS[at % 7], symbol: MARKS[at % 7], opacity: on ? 0.95 : 0.35,
      size: group.map(design => on ? size(design) : 6), line: { width: on ? 1 : 0, color: "#222" } },
  };
}

function budgetLines() {
  if (!(state.x === "latency_s" && state.y === "energy_pj")) return [];
  return data.budgets.map((budget, at) => {
    const group = budget.numbers.map(number => designs.get(number)).filter(Boolean).sort((a, b) => a.latency_s - b.latency_s);
    return { type: "scatter", mode: "lines", hoverinfo: "skip", line: { shape: "hv", width: 1.2, color: "#666", dash: DASHES[at % 4] },
      name: data.budgets.length > 1 ? `within ${budget.area_mm2.toPrecision(3)} mm2` : "front",
      x: group.map(design => value(design, state.x)), y: group.map(design => value(design, state.y)) };
  });
}

/** Lines on which energy times latency is the same, through the middle of the front and beside it. */
function equalProducts() {
  if (!(state.x === "latency_s" && state.y === "energy_pj" && state.logarithmic) || front.length === 0) return [];
  const low = Math.min(...front.map(d => value(d, state.x))), high = Math.max(...front.map(d => value(d, state.x)));
  const best = Math.min(...front.map(d => d.edp_js));
  return [1, 2, 4].map(times => ({
    type: "scatter", mode: "lines", showlegend: times === 1, name: "equal energy-delay product", hoverinfo: "text",
    text: Array(2).fill(`energy-delay product ${si(best * times, "J·s")}`), line: { color: "#bbb", width: 0.8, dash: "dot" },
    x: [low, high], y: [best * times / low, best * times / high],
  }));
}

/** Of the front: around all designs, with a few round figures where it is logarithmic. */
function axis(key) {
  const metric = metrics.get(key), values = data.designs.map(design => value(design, key));
  const layout = { title: { text: `${metric.name} (${metric.unit})` }, gridcolor: "#eee", zeroline: false, exponentformat: "SI" };
  if (!state.logarithmic) return layout;
  const ends = [Math.log10(Math.min(...values)), Math.log10(Math.max(...values))], room = 0.05 * (ends[1] - ends[0]) + 0.02;
  const round = [], on = tick => Math.abs(2 * Math.log10(tick) - ends[0] - ends[1]) <= ends[1] - ends[0] + 2 * room;
  for (let power = Math.floor(ends[0]); power <= ends[1] + room; power++) round.push(...[1, 1.5, 2, 3, 5, 7].map(digit => digit * 10 ** power));
  const few = round.filter(on).length < 2;  // designs that lie so close are told apart by what they have
  const ticks = few ? [0, 0.5, 1].map(part => 10 ** (ends[0] + part * (ends[1] - ends[0]))) : round;
  const text = tick => metric.unit === "mm2" ? String(Number(tick.toPrecision(few ? 3 : 2))) : si(tick, metric.unit).replace(/^\S+/, digits => String(Number(digits)));
  return { ...layout, title: { text: metric.unit === "mm2" ? `${metric.name} (mm2)` : metric.name }, type: "log", range: [ends[0] - room, ends[1] + room],
    tickvals: ticks, ticktext: ticks.map(text) };
}

function drawFront() {
  const traces = [];
  for (const flow of flows) traces.push(markers(data.designs.filter(d => d.dataflow === flow && !d.front), flow, false));
  traces.push(...equalProducts(), ...budgetLines());
  for (const flow of flows) traces.push(markers(data.designs.filter(d => d.dataflow === flow && d.front), flow, true));
  for (const [number, colour] of [[state.first, "#0072B2"], [state.second, "#D55E00"]]) {
    const design = designs.get(number);
    if (design) traces.push({ type: "scatter", mode: "markers", hoverinfo: "skip", showlegend: false, x: [value(design, state.x)],
      y: [value(design, state.y)], marker: { size: 28, symbol: "circle-open", color: colour, line: { width: 3 } } });
  }
  const own = designs.get(data.reference);
  if (own) traces.push({ type: "scatter", mode: "markers", name: label(`${data.architecture} as specified`), customdata: [own.number],
    hovertext: [hover(own)], hoverinfo: "text", x: [value(own, state.x)],
    y: [value(own, state.y)], marker: { symbol: "star", size: 15, color: "#E69F00", line: { width: 1, color: "#222" } } });
  draw("front", traces, { xaxis: axis(state.x), yaxis: axis(state.y), hovermode: "closest", legend: { orientation: "h", y: -0.16 } });
}

function drawAxes() {
  const options = data.metrics.map(metric => [metric.key, metric.name]);
  const change = which => key => { state[which] = key; drawFront(); };
  const box = element("input", { type: "checkbox", checked: state.logarithmic,
    onchange: () => { state.logarithmic = box.checked; drawFront(); } });
  document.getElementById("axes").replaceChildren(select("across", options, state.x, change("x")),
    select("up", options, state.y, change("y")), element("label", {}, box, " logarithmic"),
    element("span", { className: "note" }, "colour and shape: dataflow; size: area"));
}

function drawTable() {
  const own = designs.get(data.reference);
  const rows = [...(own && !own.front ? [own] : []), ...front].map(design => {
    const button = element("button", { type: "button", ariaLabel: `show ${name(design.number)}`,
      onclick: event => choose(design.number, event.shiftKey) }, String(design.number));
    const row = cells("td", [button, ...data.metrics.map(metric => shown(metric.key, design[metric.key])),
      design.proven === "exact" ? "0 %" : within(Number(design.proven)),
      ...design.parameters.map(text => text === null ? "as specified" : text)]);
    row.className = [design.number === state.first ? "chosen" : "", design.number === state.second ? "second" : "",
      design.number === data.reference ? "own" : ""].join(" ");
    return row;
  });
  const head = ["design", ...data.metrics.map(metric => metric.name), "gap", ...data.parameters.map(parameter => parameter.name)];
  document.getElementById("table").replaceChildren(table(head, rows));
}

// ---- a design ----------------------------------------------------------------------------------------------------

function choose(number, beside = false) {
  if (beside) state.second = state.second === number ? null : number;
  else state.first = number;
  drawFront(); drawTable(); drawChoice(); drawCards();
}

function drawChoice() {
  const options = [...(designs.has(data.reference) ? [[data.reference, name(data.reference)]] : []),
    ...front.filter(d => d.number !== data.reference).map(d => [d.number, name(d.number)])];
  const networks = [...new Set(Object.values(data.cards).flatMap(card => card.networks.map(network => network.name)))];
  document.getElementById("choice").replaceChildren(
    select("design", options, state.first, number => choose(Number(number))),
    select("beside it", [["", "nothing"], ...options], state.second ?? "",
      number => { state.second = number === "" ? null : Number(number); choose(state.first); }),
    select("energy by", [["level", "level"], ["operand", "operand"]], state.by, by => { state.by = by; drawCards(); }),
    networks.length > 1 ? select("network", networks.map((network, at) => [at, network]), state.network,
      at => { state.network = Number(at); drawCards(); }) : "");
}

function drawCards() {
  const chosen = [state.first, state.second].filter(number => number !== null && designs.has(number));
  const panels = chosen.map((number, at) => element("article", { id: `card${at}`, ariaLabel: name(number) }));
  document.getElementById("cards").replaceChildren(...panels);
  chosen.forEach((number, at) => fill(panels[at], number, at, chosen));
  for (const [what, axis] of [["energy", "yaxis"], ["time", "yaxis"], ["area", "xaxis"]]) shareScale(what, axis);
}

/** Two designs are compared by the length of their bars, so both have the scale of the longer ones. */
function shareScale(what, axis) {
  const pair = [0, 1].map(at => document.getElementById(`${what}${at}`));
  if (pair.includes(null) || pair[0].layout[axis].title.text !== pair[1].layout[axis].title.text) return;
  const most = Math.max(...pair.map(figure => figure.layout[axis].range[1]));
  for (const figure of pair) Plotly.relayout(figure, { [`${axis}.range`]: [0, most] });
}

function fill(panel, number, at, chosen) {
  const design = designs.get(number), card = data.cards[number];
  panel.append(element("h3", {}, name(number)), settingsOf(design, at === 1 ? chosen[0] : data.reference));
  if (!card) {
    panel.append(element("p", { className: "note" }, "No card was kept of this design: `dse explain` says what it does."), stepsOf(number));
    return;
  }
  const network = card.networks[Math.min(state.network, card.networks.length - 1)];
  for (const [what, title, low, drawn] of [
    ["energy", energyTitle(network), false, where => drawEnergy(where, network)],
    ["area", areaTitle(card), true, where => drawArea(where, card)],
    ["time", timeTitle(network), false, where => drawTime(where, network)],
    ["roofline", "Roofline: MACs per second against MACs per word of outermost traffic", false, where => drawRoofline(where, card, network)],
    ["reuse", "Reuse: how often a word is used where it is kept, by kind", false, where => drawReuse(where, network)],
  ]) {
    const where = element("div", { id: `${what}${at}`, className: low ? "figure low" : "figure" });
    panel.append(element("h4", {}, title), where);
    drawn(where);
    if (what === "time") panel.append(...portNotes(network));
  }
  if (network.residency) showResidency(panel, network, at);
  panel.append(nestOf(network, number), stepsOf(number));
}

function settingsOf(design, against) {
  const other = designs.get(against);
  const rows = data.metrics.map(metric => [metric.name, shown(metric.key, design[metric.key]),
    ...(other ? [ratio(design[metric.key] / other[metric.key])] : [])]);
  data.parameters.forEach((parameter, at) => {
    const mine = design.parameters[at] ?? "as specified", theirs = other ? other.parameters[at] ?? "as specified" : mine;
    rows.push([parameter.name, mine, ...(other ? [mine === theirs ? "" : `was ${theirs}`] : [])]);
  });
  return table(["", "", ...(other ? [`against ${name(against)}`] : [])], rows);
}

/** The same thing has the same colour in every figure, in those that are drawn to files, and beside another design. */
const colours = { part: new Map(), bound: new Map() };
function colourOf(key, of) {
  if (key in data.colours.fixed) return data.colours.fixed[key];
  if (!colours[of].has(key)) colours[of].set(key, COLOURS[colours[of].size % COLOURS.length]);
  return colours[of].get(key);
}

function bars(where, groups, base, of, texts = null) {
  const keys = [...new Set(groups.flatMap(group => Object.keys(group.parts)))];
  const most = Math.max(...groups.map(group => Object.values(group.parts).reduce((sum, part) => sum + part, 0)));
  const power = most > 0 ? 3 * Math.floor(Math.log10(most) / 3) : 0, share = 10 ** -power, unit = si(10 ** power, base).split(" ")[1];
  const traces = keys.map(key => ({ type: "bar", name: label(key), x: groups.map(group => label(group.name)),
    y: groups.map(group => (group.parts[key] ?? 0) * share), marker: { color: colourOf(key, of) },
    hovertemplate: `%{x}<br>${label(key)}: %{y:.3g} ${unit}<extra></extra>` }));
  if (texts) traces.push({ type: "scatter", mode: "markers", name: texts.name, x: groups.map(group => label(group.name)), y: texts.values.map(one => one * share),
    marker: { symbol: "line-ew-open", size: 14, color: "#222", line: { width: 2 } }, text: texts.labels.map(label), hoverinfo: "text" });
  draw(where, traces, { barmode: "stack", margin: { l: 62, r: 16, t: 42, b: 60 },
    xaxis: { tickangle: -50, automargin: true, tickfont: { size: 9 }, type: "category" },
    yaxis: { title: { text: unit }, gridcolor: "#eee" }, legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, traceorder: "normal", font: { size: 10 } } });
}

/** Parts of a whole in words, the largest first. */
function shares(parts, whole) {
  return Object.entries(parts).filter(([, part]) => part > 0).sort((a, b) => b[1] - a[1])
    .map(([what, part]) => `${what} ${(100 * part / whole).toFixed(0)} %`).join(", ");
}

function many(layer) {
  return layer.count > 1 ? `${layer.name} ×${layer.count}` : layer.name;
}

function energyKey() {
  return state.by === "level" ? "energy_by_level_pj" : "energy_by_operand_pj";
}

function energyTitle(network) {
  return `Energy ${si(network.energy_pj * 1e-12, "J")}, by layer and ${state.by}: ${shares(network[energyKey()], network.energy_pj)}`;
}

/** Layers, and nodes without MACs that move words of their own. */
function withMoves(network) {
  return [...network.layers, ...(network.moves ?? [])];
}

function drawEnergy(where, network) {
  const key = energyKey();
  const groups = withMoves(network).map(layer => ({ name: many(layer),
    parts: Object.fromEntries(Object.entries(layer[key]).map(([part, pj]) => [part, pj * layer.count * 1e-12])) }));
  bars(where, groups, "J", "part");
}

function areaTitle(card) {
  return `Area ${Object.values(card.area_mm2).reduce((sum, area) => sum + area, 0).toPrecision(3)} mm2`;
}

function drawArea(where, card) {
  const total = Object.values(card.area_mm2).reduce((sum, area) => sum + area, 0);
  const parts = Object.entries(card.area_mm2).filter(([, area]) => area > 0).sort((a, b) => a[1] - b[1]);
  draw(where, [{ type: "bar", orientation: "h", x: parts.map(([, area]) => area), y: parts.map(([part]) => label(part)), marker: { color: "#0072B2" },
    text: parts.map(([, area]) => `${area.toPrecision(3)} mm2, ${(100 * area / total).toFixed(0)} %`), textposition: "auto", hoverinfo: "text" }],
  { margin: { l: 62, r: 16, t: 8, b: 44 }, xaxis: { title: { text: "mm2" }, gridcolor: "#eee" }, yaxis: { automargin: true } });
}

function timeTitle(network) {
  const seconds = {};
  for (const layer of withMoves(network)) seconds[layer.bound_by] = (seconds[layer.bound_by] ?? 0) + layer.latency_s * layer.count;
  return `Latency ${si(network.latency_s, "s")}, by layer and what binds it: ${shares(seconds, network.latency_s)}`;
}

/** What "DRAM shared" means, where a port binds that all operands share. */
function portNotes(network) {
  const levels = [...new Set(withMoves(network).map(layer => layer.bound_by))].filter(bound => bound.endsWith(" shared")).map(bound => bound.slice(0, -7));
  return levels.map(level => element("p", { className: "note" },
    `${level} shared: the one port of ${level} that all operands share, in and out. A layer bound by it waits for words; more MACs would not help it.`));
}

function drawTime(where, network) {
  const steps = withMoves(network);
  const groups = steps.map(layer => ({ name: many(layer), parts: { [`bound by ${layer.bound_by}`]: layer.latency_s * layer.count } }));
  bars(where, groups, "s", "bound", { name: "if all MACs were busy",
    values: steps.map(layer => layer.latency_s * layer.count * layer.utilization),
    labels: steps.map(layer => `${many(layer)}: ${(100 * layer.utilization).toFixed(1)} % of all MACs busy`) });
}

function drawRoofline(where, card, network) {
  const layers = network.layers.map(layer => ({ ...layer, words: OPERANDS.reduce((sum, o) => sum + (layer.outermost_words[o] ?? 0), 0) }));
  const x = layers.map(layer => layer.macs / layer.words), y = layers.map(layer => layer.macs / layer.latency_s);
  const rates = layers.filter(layer => layer.outermost_s > 0).map(layer => layer.words / layer.outermost_s).sort((a, b) => a - b);
  const ends = [Math.min(...x) / 2, Math.max(...x) * 2], traces = [];
  if (rates.length) {
    const rate = rates[Math.floor(rates.length / 2)], ridge = card.peak_macs_per_s / rate;
    const stops = [ends[0], Math.min(Math.max(ridge, ends[0]), ends[1]), ends[1]];
    traces.push({ type: "scatter", mode: "lines", name: "memory and MACs", hoverinfo: "skip", line: { color: "#222", width: 1.5 },
      x: stops, y: stops.map(intensity => Math.min(card.peak_macs_per_s, intensity * rate)) });
  }
  const named = namedTogether(layers.map((layer, at) => ({ name: many(layer), seconds: layer.latency_s * layer.count, x: x[at], y: y[at] })));
  for (const what of new Set(layers.map(layer => `bound by ${layer.bound_by}`))) {
    const at = layers.map((layer, index) => index).filter(index => `bound by ${layers[index].bound_by}` === what);
    traces.push({ type: "scatter", mode: "markers+text", name: label(what), x: at.map(index => x[index]), y: at.map(index => y[index]),
      marker: { color: colourOf(what, "bound"), size: 9 }, hoverinfo: "text", hovertext: at.map(index => label(many(layers[index]))),
      text: at.map(index => label(named.get(index) ?? "")), textposition: "bottom center", textfont: { size: 10 } });
  }
  draw(where, traces, { margin: { l: 62, r: 16, t: 34, b: 44 }, legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, font: { size: 10 } },
    xaxis: { type: "log", dtick: 1, title: { text: "MACs per outermost word" }, gridcolor: "#eee" },
    yaxis: { type: "log", dtick: 1, title: { text: "MACs/s" }, exponentformat: "SI", gridcolor: "#eee" } });
}

/** Names of the points that take a tenth of the time or more, by index; points whose names would touch share one name. */
function namedTogether(points) {
  const all = points.reduce((sum, point) => sum + point.seconds, 0), named = new Map(), groups = [];
  const range = axis => Math.log(4 * Math.max(...points.map(point => point[axis])) / Math.min(...points.map(point => point[axis])));
  const close = (one, other, axis, part) => Math.abs(Math.log(one[axis] / other[axis])) < part * range(axis);
  points.forEach((point, index) => {
    const near = groups.find(group => close(group[0], point, "x", 0.2) && close(group[0], point, "y", 0.1));
    if (near) near.push({ ...point, index }); else groups.push([{ ...point, index }]);
  });
  for (const group of groups) {
    if (group.reduce((sum, point) => sum + point.seconds, 0) < all / 10) continue;
    const [longest] = group.sort((a, b) => b.seconds - a.seconds);
    named.set(longest.index, group.length > 1 ? `${longest.name} and ${group.length - 1} more` : longest.name);
  }
  return named;
}

/** Geometric means over the MACs of all layers: what a word brought to a place is used for, by kind. */
function drawReuse(where, network) {
  const sums = {};
  let macs = 0;
  for (const layer of network.layers) {
    const weight = layer.macs * layer.count;
    macs += weight;
    for (const row of layer.reuse) {
      if (row.how === "refetch") continue;
      const places = sums[row.kind] ??= {}, key = `${row.operand} at ${row.place}`;
      places[key] = (places[key] ?? 0) + weight * Math.log(row.factor);
    }
  }
  const factor = (places, key) => Math.exp((places[key] ?? 0) / macs);
  const keys = [...new Set(Object.values(sums).flatMap(Object.keys))].filter(key => Object.values(sums).some(places => factor(places, key) > 1.005));
  const traces = Object.entries(sums).filter(([, places]) => keys.some(key => factor(places, key) > 1.005)).map(([kind, places]) => ({ type: "bar",
    name: label(kind), x: keys.map(label), y: keys.map(key => factor(places, key) > 1.005 ? factor(places, key) : null),
    marker: { color: data.colours.kinds[kind] }, hovertemplate: `%{x}<br>${label(kind)}: %{y:.3g} times<extra></extra>` }));
  draw(where, traces, { barmode: "group", margin: { l: 62, r: 16, t: 34, b: 60 },
    yaxis: { type: "log", dtick: 1, title: { text: "times used" }, gridcolor: "#eee", range: [0, Math.log10(1.3 * Math.max(2, ...traces.flatMap(trace => trace.y)))] },
    xaxis: { categoryorder: "array", categoryarray: keys.map(label), tickangle: -35, automargin: true, tickfont: { size: 9 } },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, font: { size: 10 } } });
}

function nestOf(network, number) {
  const costliest = [...network.layers].sort((a, b) => b.energy_pj * b.count - a.energy_pj * a.count);
  const at = Math.min(state.layer[number] ?? network.layers.indexOf(costliest[0]), network.layers.length - 1);
  const layer = network.layers[at], text = element("pre", {}, layer.nest);
  const near = layer.gap === null ? "given" : layer.gap === 0 ? "proven best" : `within ${within(layer.gap)} of the best, proven`;
  const proof = near + (layer.may_take_less ? ", but one that is as fast may take less energy" : "");
  const widths = OPERANDS.filter(o => o in layer.bits).map(o => `${o} ${layer.bits[o]}`).join(", ");
  return element("div", {}, element("h4", {}, "Loop nest"),
    select("layer", network.layers.map((one, index) => [index, many(one)]), at, index => { state.layer[number] = Number(index); drawCards(); }),
    element("p", { className: "note" }, `${si(layer.energy_pj * 1e-12, "J")}, ${si(layer.latency_s, "s")}, bound by ${layer.bound_by}; mapping ${proof}; bits: ${widths}`), text);
}

function stepsOf(number) {
  const rows = [...(data.steps[number] ?? [])], box = element("div", {}, element("h4", {}, "One step away"));
  if (rows.length === 0) {
    box.append(element("p", { className: "note" }, `No design one step away was evaluated: dse explain, with this folder and ${number}, maps them.`));
    return box;
  }
  const numbered = rows.some(row => designs.has(row.number));
  const steps = table(["step, the least energy-delay product first", "energy", "latency", "EDP", "area", ...(numbered ? ["design"] : [])], rows.map(row => [
    `${data.names[row.path] ?? row.path}: ${row.old} → ${row.new}`, ...("energy" in row ?
      [ratio(row.energy, row.gap), ratio(row.latency, row.gap), ratio(row.energy * row.latency, row.gap), ratio(row.area)] : ["", "", "", ""]),
    ...(!numbered ? [] : [designs.has(row.number) ?
      element("button", { type: "button", onclick: event => choose(row.number, event.shiftKey) }, String(row.number)) : ""])]));
  steps.className = "steps";
  box.append(steps);
  for (const row of rows.filter(row => !("energy" in row)))
    box.append(element("p", { className: "note worse" }, `${data.names[row.path] ?? row.path} ${row.new} does not work: ${row.reason}`));
  const gap = Math.max(...rows.map(row => row.gap ?? 0));
  box.append(element("p", { className: "note" }, gap > 0 ? `~: smaller than what is known, as the mappings are only proven to be within ${within(gap)} of the best.`
    : `Each of these designs is mapped exactly, every layer to its least ${data.mapped_for}.`));
  return box;
}

// ---- the search --------------------------------------------------------------------------------------------------

function drawParallel() {
  const dimensions = data.parameters.map((parameter, at) => {
    const values = data.designs.map(design => design.parameters[at] ?? "as specified");
    const choices = [...parameter.choices, ...new Set(values.filter(text => !parameter.choices.includes(text)))];
    return { label: label(parameter.name), values: values.map(text => choices.indexOf(text)), tickvals: choices.map((_, index) => index), ticktext: choices.map(label) };
  });
  for (const metric of data.metrics.slice(0, 3)) {
    const logs = data.designs.map(design => Math.log10(design[metric.key] * metric.scale));
    const low = Math.min(...logs), high = Math.max(...logs), ticks = [0, 0.5, 1].map(part => low + part * (high - low));
    dimensions.push({ label: metric.unit === "mm2" ? `${metric.name} (mm2)` : metric.name, values: logs, tickvals: ticks, ticktext: ticks.map(tick => metric.unit === "mm2" ? (10 ** tick).toPrecision(3) : si(10 ** tick, metric.unit)) });
  }
  const products = data.designs.map(design => Math.log10(design.edp_js)), ends = [Math.min(...products), Math.max(...products)];
  const marks = [0, 0.25, 0.5, 0.75, 1].map(part => ends[0] + part * (ends[1] - ends[0]));
  draw("parallel", [{ type: "parcoords", dimensions, line: { color: products, colorscale: "Viridis", reversescale: true, showscale: true,
    colorbar: { title: { text: "EDP" }, thickness: 10, tickvals: marks, ticktext: marks.map(mark => si(10 ** mark, "J·s")) } } }], { margin: { l: 120, r: 30, t: 40, b: 20 } });
}

/** Draws a figure when it comes near the window, or on paper: parallel axes take seconds without a graphics processor. */
function drawWhenSeen(id, drawIt) {
  const once = () => { seen.disconnect(); removeEventListener("beforeprint", once); drawIt(); };
  const seen = new IntersectionObserver(entries => { if (entries.some(entry => entry.isIntersecting)) once(); }, { rootMargin: "300px" });
  seen.observe(document.getElementById(id));
  addEventListener("beforeprint", once);
}

function drawSearch() {
  drawWhenSeen("parallel", drawParallel);
  draw("hypervolume", [{ type: "scatter", mode: "lines", x: data.hypervolume.map(point => point[0]), y: data.hypervolume.map(point => point[1]), line: { shape: "hv", color: "#0072B2" } }],
    { margin: { l: 62, r: 16, t: 10, b: 44 }, xaxis: { title: { text: "designs that work" } }, yaxis: { title: { text: "beaten" }, rangemode: "tozero", gridcolor: "#eee", tickformat: ".0%" } });
  const rows = data.ruled_out.map(([reason, count]) => [reason, count]);
  document.getElementById("ruled").replaceChildren(element("h4", {}, "Designs that do not work"), rows.length
    ? table(["reason", "designs"], rows) : element("p", { className: "note" }, "Every design tried works."));
}

document.getElementById("front").addEventListener("mousedown", event => { state.shift = event.shiftKey; }, true);
state.first = data.recommended ?? data.reference;
drawAxes(); drawFront(); drawTable(); drawChoice(); drawCards(); drawSearch();
document.getElementById("front").on("plotly_click", event => {
  const number = event.points.map(point => point.customdata).find(found => found !== undefined);
  if (number !== undefined) choose(number, Boolean(event.event && event.event.shiftKey) || Boolean(state.shift));
});
