"""Draws the figures of docs/ from what dse computes.

    python docs/figures/draw.py [FOLDER]      # writes the files of `FIGURES`, here unless told otherwise

Needs the tools of development (matplotlib). Every number is asked of dse, none is typed in.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
sys.path.insert(0, str(Path(__file__).parent.parent))

import matplotlib.pyplot as plt
from examples import visits
from examples.line import ARCHITECTURE, LAYER, nest
from matplotlib.patches import FancyArrowPatch, Rectangle

from dse.model.counting.counts import count

KEPT, NEW, EDGE, GREY = "#bcd4ec", "#f2b880", "#33475b", "#6b7785"
OPERAND = {"ifmap": "#2f6fad", "weight": "#b3541e", "psum": "#3b7d4f"}
OUTSIDE = nest(DRAM=[("K", 2), ("P", 2)], array=[("R", 3)], PE=[("P", 2)])
INSIDE = nest(DRAM=[("P", 2), ("K", 2)], array=[("R", 3)], PE=[("P", 2)])


def canvas(width: float, height: float) -> tuple[Any, Any]:
    """A figure whose unit is a tenth of an inch, without axes."""
    figure, axes = plt.subplots(figsize=(width / 10, height / 10))
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    axes.axis("off")
    figure.subplots_adjust(0, 0, 1, 1)
    return figure, axes


def say(axes: Any, x: float, y: float, text: str, **style: Any) -> None:
    axes.text(x, y, text, **{"fontsize": 9, "va": "center", "color": EDGE} | style)


def box(axes: Any, x: float, y: float, width: float, height: float, fill: str = "white") -> None:
    axes.add_patch(Rectangle((x, y), width, height, facecolor=fill, edgecolor=EDGE, linewidth=1))


def arrow(axes: Any, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    axes.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=11, color=colour, linewidth=1.4))


def draw_nest() -> Any:
    """Levels from the outermost to the MACs, their loops, and the words of each operand between neighbours."""
    figure, axes = canvas(80, 48)
    counted = count(LAYER, ARCHITECTURE, OUTSIDE)
    array = counted.fan_outs["array"]
    glb, pe, dram = (counted.levels[name] for name in ("GLB", "PE", "DRAM"))
    rows = [
        ("DRAM", "for k in 2, for p in 2"), ("GLB", "no loops; the array below: parallel-for r in 3"),
        ("PE", "for p in 2"), ("MAC", "multiply and add"),
    ]  # fmt: skip
    crossings = [
        (f"{dram['ifmap'].reads} words", f"{dram['weight'].reads} words", f"{dram['psum'].writes} words"),
        (
            f"{glb['ifmap'].reads} read, {array['ifmap'].delivered} handed out",
            f"{glb['weight'].reads} read, {array['weight'].delivered} handed out",
            f"{array['psum'].hops} hops, {glb['psum'].writes} arrive",
        ),
        (f"{pe['ifmap'].reads} words", f"{pe['weight'].reads} words", f"{pe['psum'].writes} words"),
    ]
    top = 42.0
    for i, (name, loops) in enumerate(rows):
        y = top - 12.5 * i
        box(axes, 2, y - 1, 76, 5, "#f3f6f9")
        say(axes, 4, y + 1.5, name, weight="bold")
        say(axes, 13, y + 1.5, loops, family="monospace")
        if i == len(crossings):
            break
        for k, (operand, words) in enumerate(zip(OPERAND, crossings[i], strict=True)):
            x = 4 + 25 * k
            ends = ((x, y - 1.2), (x, y - 8.3))
            arrow(axes, *(ends if operand != "psum" else ends[::-1]), OPERAND[operand])
            say(axes, x + 1.4, y - 3.6, operand, color=OPERAND[operand])
            say(axes, x + 1.4, y - 6.2, words)
    return figure


def draw_slide() -> Any:
    """Which words of the ifmap a tile keeps, and which it fetches, when p steps from 0 to 2."""
    figure, axes = canvas(66, 26)
    tile = OUTSIDE.tile(LAYER, 1)
    length = (tile["P"] - 1) * LAYER.stride_h + (tile["R"] - 1) * LAYER.dilation_h + 1
    step = tile["P"] * LAYER.stride_h
    moves = [("first step: a fetch", 0, set()), ("next step: a slide", step, set(range(step, length)))]
    for line, (name, start, held) in enumerate(moves):
        y = 15.5 - 10 * line
        say(axes, 2, y + 2.5, name)
        for word in range(LAYER.box_height):
            inside = start <= word < start + length
            fill = "white" if not inside else KEPT if word in held else NEW
            box(axes, 20 + 5 * word, y, 5, 5, fill)
            say(axes, 22.5 + 5 * word, y + 2.5, str(word), ha="center", color=EDGE if inside else "#b5bec7")
        new = length - len(held)
        say(axes, 52, y + 2.5, f"{new} words fetched" + (f",\n{len(held)} kept" if held else ""))
    say(axes, 20, 22.5, "the ifmap, word by word; the tile is coloured", color=GREY)
    return figure


def steps_of(order: Any) -> list[tuple[str, int, int]]:
    """Name, ifmap words and weight words of each step of an order of DRAM's list, checked against the counts."""
    tile = order.tile(LAYER, 1)
    length, weights = tile["P"] + tile["R"] - 1, tile["K"] * tile["R"]
    first, second = (loop.dim for loop in order.nodes[0].loops)
    rows, before = [], None
    for outer in range(2):
        for inner in range(2):
            at = {first: outer, second: inner}
            if before is None:
                ifmap, weight = length, weights
            else:
                slides = at["P"] > before["P"]
                ifmap = min(tile["P"], length) if slides else 0 if at["P"] == before["P"] else length
                weight = 0 if at["K"] == before["K"] else weights
            rows.append((f"k={at['K']} p={at['P'] * tile['P']}", ifmap, weight))
            before = at
    moved = count(LAYER, ARCHITECTURE, order).levels["DRAM"]
    assert (moved["ifmap"].reads, moved["weight"].reads) == tuple(sum(row[i] for row in rows) for i in (1, 2))
    return rows


def draw_order() -> Any:
    """The words that four steps fetch under both orders of DRAM's list."""
    figure, axes = canvas(82, 36)
    for line, (order, name) in enumerate(((OUTSIDE, "for k\n  for p"), (INSIDE, "for p\n  for k"))):
        y = 20.0 - 17 * line
        say(axes, 2, y + 7.5, name, family="monospace")
        rows = steps_of(order)
        for i, (label, *words) in enumerate(rows):
            x = 21 + 12 * i
            say(axes, x + 4, y + 13, label, ha="center", color=GREY, fontsize=8)
            for k, moved in enumerate(words):
                box(axes, x, y + 6.5 - 5.5 * k, 9, 4.5, NEW if moved else KEPT)
                say(axes, x + 4.5, y + 8.75 - 5.5 * k, str(moved) if moved else "stays", ha="center")
        for k, operand in enumerate(("ifmap", "weight")):
            say(axes, 13, y + 8.75 - 5.5 * k, operand, color=OPERAND[operand])
            say(axes, 69, y + 8.75 - 5.5 * k, f"= {sum(row[1 + k] for row in rows)} words")
    return figure


def visits_of(mapping: Any) -> tuple[int, int, list[list[bool]]]:
    """Of one psum: words that leave the PEs, words that come back, and per PE and turn whether its register reads it.

    A psum takes four turns in a PE, one for each step over channels, as many in every visit. The first turn of a visit
    reads nothing, except in the PE that was handed the psum's old value. All that is checked against the counts.
    """
    counted = count(visits.LAYER, visits.ARCHITECTURE, mapping)
    dram, pe, register = (counted.levels[name]["psum"] for name in ("DRAM", "PE", "register"))
    drained = dram.writes + counted.fan_outs["array"]["psum"].hops
    number = drained // (visits.PSUMS * visits.PES)
    turns = pe.writes - dram.reads
    per_visit = turns // (visits.PSUMS * visits.PES * number)
    grid = [
        [turn % per_visit > 0 or (turn > 0 and child == 0) for turn in range(per_visit * number)]
        for child in range(visits.PES)
    ]
    assert sum(map(sum, grid)) * visits.PSUMS == pe.reads - drained
    assert register.writes - counted.macs == pe.reads - drained
    return drained // visits.PSUMS, dram.reads // visits.PSUMS, grid


def draw_visits() -> Any:
    """The turns of one psum in four PEs, when it visits them once and when it visits them twice."""
    figure, axes = canvas(78, 52)
    for line, (mapping, name) in enumerate(((visits.ONCE, "for k\n  for c"), (visits.TWICE, "for c\n  for k"))):
        y = 29.0 - 25 * line
        left, back, grid = visits_of(mapping)
        number = left // visits.PES
        per_visit = len(grid[0]) // number
        say(axes, 2, y + 10, name, family="monospace")
        for child, turns in enumerate(grid):
            say(axes, 14, y + 15 - 4.5 * child, f"PE {child}")
            for turn, reads in enumerate(turns):
                x = 20 + 6.5 * turn + 4 * (turn // per_visit)
                box(axes, x, y + 13 - 4.5 * child, 6, 4, NEW if reads else "white")
                say(axes, x + 3, y + 15 - 4.5 * child, "read" if reads else "empty", ha="center", fontsize=7.5)
        for visit in range(number):
            say(axes, 20 + (6.5 * per_visit + 4) * visit, y + 19.2, f"visit {visit + 1}", color=GREY, fontsize=8)
        shown = (f"{left} words leave the PEs", f"{back} come back", f"{sum(map(sum, grid))} read into registers")
        for i, text in enumerate(shown):
            say(axes, 54, y + 14 - 4.5 * i, text)
    return figure


FIGURES = {"nest": draw_nest, "slide": draw_slide, "order": draw_order, "visits": draw_visits}


def main(folder: Path) -> None:
    with plt.rc_context({"svg.fonttype": "none", "svg.hashsalt": "dse", "font.family": "DejaVu Sans"}):
        for name, draw in FIGURES.items():
            figure = draw()
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None, "Creator": None})
            plt.close(figure)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
