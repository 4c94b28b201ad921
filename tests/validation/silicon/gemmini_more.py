"""The 1,567 further mappings of `gemmini_rtl_cycles.csv`, of which only the RTL's cycles are known.

Neither the sizes of their memories nor what Timeloop says of them is given, so memories are as large as they need be.
Fan-outs take up to 64 filters or channels there: what is more than 16 is taken to be folded by software, into a loop
right above the fan-out.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from validation.silicon import gemmini
from validation.silicon.gemmini import Agreement, Point

from dse.model.mapping import Loop, Mapping, Spatial, Temporal

REFERENCE = Path(__file__).parents[2] / "reference" / "gemmini_rtl_cycles.csv"
SIDE = 16
"""Rows, and columns, of the array."""
AMPLE_WORDS = 1 << 26
"""Of scratchpad and accumulator: more than any of the mappings needs."""


@lru_cache(maxsize=1)
def points() -> tuple[Point, ...]:
    """Every mapping of the file; Timeloop's cycles are not known, and stand as 0."""
    return tuple(_point(row) for row in gemmini.rows_of(REFERENCE))


def _point(row: dict[str, str]) -> Point:
    layer = gemmini.layer_of(row)
    machine = gemmini.machine(AMPLE_WORDS, AMPLE_WORDS, 32)
    mapping = folded(gemmini.read_mapping(row["mapping"]))
    return Point("more", gemmini.kind(layer), layer, mapping, machine, machine, 0, int(row["rtl_cycles"]))


def folded(mapping: Mapping) -> Mapping:
    """The mapping on 16 x 16 PEs: what a fan-out takes beyond them is the innermost loop of the list above it."""
    nodes = list(mapping.nodes)
    for index, node in enumerate(nodes):
        outer = nodes[index - 1]
        if not isinstance(node, Spatial) or not isinstance(outer, Temporal):
            continue
        over = [loop for loop in (*node.rows, *node.cols) if loop.trips > SIDE]
        if over:
            (loop,) = over
            folds, part = -(-loop.trips // SIDE), (Loop(loop.dim, SIDE),)
            nodes[index] = replace(node, rows=part) if node.rows else replace(node, cols=part)
            nodes[index - 1] = replace(outer, loops=(*outer.loops, Loop(loop.dim, folds)))
    return Mapping(tuple(nodes))


@lru_cache(maxsize=1)
def rows() -> tuple[tuple[str, int, Agreement, Agreement], ...]:
    """Name, number of mappings, and RTL over ours with nothing fitted and with the cycles a DMA row of set `both`."""
    everything = points()
    chosen = [("all", everything)]
    for kind in sorted({point.kind for point in everything}):
        chosen.append((kind, tuple(point for point in everything if point.kind == kind)))
    per_row = gemmini.cycles_per_row("both")
    found = []
    for name, several in chosen:
        ours = [gemmini.cycles(point) for point in several]
        with_rows = [own + per_row * gemmini.dma_rows(point) for own, point in zip(ours, several, strict=True)]
        rtl = [point.rtl for point in several]
        found.append((name, len(several), gemmini.agreement(ours, rtl), gemmini.agreement(with_rows, rtl)))
    return tuple(found)
