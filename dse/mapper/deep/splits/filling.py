"""Columns of an axis' factors, as many at once as are asked for. Compilable."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.mapper.shared.words import box
from dse.model.counting.kernel import Floats, Ints, entry

COUNT, CHANGES, STEPS_PER_CHANGE, TILE, BOX, CHILDREN, SIDE, IDLE = range(8)
"""What a column counts, with the numbers that follow it:

- index combinations of a dim (0 or 1) over the outermost lists, so many, and a set of fan-outs (bits);
- those over the outermost lists, so many of each dim;
- compute steps for each of these;
- the tile of a dim at a level, with what the fan-outs from another level on spread out if that is not -1;
- the box of both dims' tiles, likewise with the last two numbers;
- children of a level's fan-out that the axis is spread over;
- the fewest rows (0) or columns (1) that they can stand on;
- one over the instances of a level that are in use.
"""

NOT_SPREAD = -1
"""In place of the level from which on fan-outs are part of a tile."""


class Splits(NamedTuple):
    """The splits of an axis.

    Parameters
    ----------
    chains : (n, 2, 2 * k) int64
        Trips and children of each level, of the axis' dim and that of the window.
    sides : (n, k, 2) int64
        The fewest rows, and the fewest columns, that the children can stand on.
    bounds : (2,) int64
    stride, dilation : int
    """

    chains: Ints
    sides: Ints
    bounds: Ints
    stride: int
    dilation: int


@entry
def fill(splits: Splits, asked: Ints, logs: Floats, plain: Floats) -> None:
    """Fill columns with factors and their logarithms.

    Parameters
    ----------
    asked : (c, 5) int64
        Which column, what it counts (`COUNT` and those after it), and the numbers that this needs.
    logs, plain : (columns, n) float
        Filled.
    """
    inside = np.ones((2, splits.chains.shape[2] + 1), dtype=np.int64)
    for i in range(len(splits.chains)):
        for which in range(2):
            for slot in range(splits.chains.shape[2] - 1, -1, -1):
                inside[which, slot] = inside[which, slot + 1] * splits.chains[i, which, slot]
        for c in range(len(asked)):
            at, factor = asked[c, 0], _factor(splits, i, asked[c, 1], asked[c, 2], asked[c, 3], asked[c, 4], inside)
            plain[at, i] = factor
            logs[at, i] = 0.0 if factor == 1.0 else np.log(factor)


def _factor(splits: Splits, i: int, what: int, x: int, y: int, z: int, inside: Ints) -> float:
    """One factor.

    Parameters
    ----------
    inside : (2, 2 * k + 1) int64
        The product of each slot and all further in.
    """
    if what == COUNT:
        return float(combinations(splits, i, x, y, z, inside))
    if what == CHANGES:
        return float(combinations(splits, i, 0, x, 0, inside) * combinations(splits, i, 1, y, 0, inside))
    if what == STEPS_PER_CHANGE:
        levels = splits.sides.shape[1]
        steps = combinations(splits, i, 0, levels, 0, inside) * combinations(splits, i, 1, levels, 0, inside)
        return steps / (combinations(splits, i, 0, x, 0, inside) * combinations(splits, i, 1, y, 0, inside))
    if what == TILE:
        return float(_tile(splits, i, x, y, z, inside))
    if what == BOX:
        first, second = _tile(splits, i, 0, y, z, inside), _tile(splits, i, 1, y, z, inside)
        return float(box(first, second, splits.stride, splits.dilation))
    if what == CHILDREN:
        return float(splits.chains[i, 0, 2 * x + 1] * splits.chains[i, 1, 2 * x + 1])
    if what == SIDE:
        return float(splits.sides[i, x, y])
    used = 1
    for which in range(2):
        spread = 1
        for level in range(x):
            spread *= splits.chains[i, which, 2 * level + 1]
        used *= min(spread, splits.bounds[which])
    return 1.0 / used


def _tile(splits: Splits, i: int, which: int, level: int, above: int, inside: Ints) -> int:
    """Tile of a level, capped at the bound; given `above`, with what the fan-outs from that level on spread out."""
    size = inside[which, 2 * level]
    if above != NOT_SPREAD:
        for k in range(above, level):
            size *= splits.chains[i, which, 2 * k + 1]
    return int(min(size, splits.bounds[which]))


def combinations(splits: Splits, i: int, which: int, lists: int, fans: int, inside: Ints) -> int:
    """As `dse.model.counting.axes.combinations`, of a split: the first lists and a set of fan-outs (bits) counted."""
    several = 1
    for level in range(splits.sides.shape[1]):
        if level < lists:
            several *= splits.chains[i, which, 2 * level]
        if fans >> level & 1 == 1:
            several *= splits.chains[i, which, 2 * level + 1]
    extent, total = splits.bounds[which], 0
    if several == 1 or inside[which, 0] == extent:
        return int(several)  # all combinations are there
    for level in range(splits.sides.shape[1]):
        for spread in range(2):
            number, step = splits.chains[i, which, 2 * level + spread], inside[which, 2 * level + spread + 1]
            if number == 1:
                continue
            if (spread == 0 and level < lists) or (spread == 1 and fans >> level & 1 == 1):
                several //= number
                whole = extent // step
                total += whole * several
                extent -= whole * step
            else:
                extent = min(extent, step)
    return int(total + (extent > 0))
