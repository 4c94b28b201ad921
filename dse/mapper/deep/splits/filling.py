"""Columns of an axis' factors, as many at once as are asked for. Compilable."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.mapper.shared.mapspace.words import box
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


KNOWN = 16_384
"""Whole factors below this occur again and again; the logarithm of each is worked out once."""

FEW = 1024
"""The same in tables of no more splits than this."""


class Splits(NamedTuple):
    """The splits of an axis.

    Parameters
    ----------
    chains : (n, 2, 2 * k) int32
        Trips and children of each level, of the axis' dim and that of the window.
    sides : (n, k, 2) int32
        The fewest rows, and the fewest columns, that the children can stand on.
    bounds : (2,) int64
    stride, dilation : int
    """

    chains: Ints
    sides: Ints
    bounds: Ints
    stride: int
    dilation: int


class FillRoom(NamedTuple):
    """Scratch.

    Parameters
    ----------
    inside : (2 * k + 1,) int64
        The product of each slot of a dim and all further in, 1 at the end.
    others, changes : (n,) float
        Counts of another dim, and of changes.
    """

    inside: Ints
    others: Floats
    changes: Floats


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
    ones, rows = np.ones(splits.chains.shape[2] + 1, dtype=np.int64), plain.shape[1]
    room = FillRoom(ones, np.zeros(rows), np.zeros(rows))
    known = np.zeros(min(KNOWN, max(FEW, plain.shape[1])))
    for c in range(len(asked)):
        mine = plain[asked[c, 0]]
        _fill_factors(splits, asked[c, 1], asked[c, 2], asked[c, 3], asked[c, 4], room, mine)
        _fill_logs(mine, known, logs[asked[c, 0]])


def _fill_logs(factors: Floats, known: Floats, logs: Floats) -> None:
    """Logarithms of factors; `known` has those of small whole numbers that occurred before, 0 for none."""
    for i in range(len(factors)):
        factor = factors[i]
        if factor == 1.0:
            logs[i] = 0.0
            continue
        whole = int(factor) if factor < len(known) else 0
        if whole != factor:
            logs[i] = np.log(factor)
            continue
        if known[whole] == 0.0:
            known[whole] = np.log(factor)
        logs[i] = known[whole]


def _fill_factors(splits: Splits, what: int, x: int, y: int, z: int, room: FillRoom, factors: Floats) -> None:
    """One column."""
    chains, bounds, levels = splits.chains, splits.bounds, splits.sides.shape[1]
    if what == COUNT:
        _count(chains, x, bounds[x], y, z, room.inside, factors)
    elif what == CHANGES:
        _count_both(chains, bounds, x, y, room, factors)
    elif what == STEPS_PER_CHANGE:
        _count_both(chains, bounds, levels, levels, room, factors)
        _count_both(chains, bounds, x, y, room, room.changes)
        for i in range(len(factors)):
            factors[i] /= room.changes[i]
    elif what == TILE:
        for i in range(len(factors)):
            factors[i] = _tile(chains, i, x, bounds[x], y, z)
    elif what == BOX:
        for i in range(len(factors)):
            first, second = _tile(chains, i, 0, bounds[0], y, z), _tile(chains, i, 1, bounds[1], y, z)
            factors[i] = box(first, second, splits.stride, splits.dilation)
    elif what == CHILDREN:
        for i in range(len(factors)):
            factors[i] = chains[i, 0, 2 * x + 1] * chains[i, 1, 2 * x + 1]
    elif what == SIDE:
        for i in range(len(factors)):
            factors[i] = splits.sides[i, x, y]
    else:
        _fill_idle(chains, bounds, x, factors)


def _fill_idle(chains: Ints, bounds: Ints, levels: int, factors: Floats) -> None:
    """One over the instances in use of the first fan-outs, so many."""
    for i in range(len(factors)):
        used = 1
        for which in range(2):
            spread = 1
            for level in range(levels):
                spread *= chains[i, which, 2 * level + 1]
            used *= min(spread, bounds[which])
        factors[i] = 1.0 / used


def _tile(chains: Ints, i: int, which: int, bound: int, level: int, above: int) -> int:
    """Tile of a level, capped at the bound; given `above`, with what the fan-outs from that level on spread out."""
    size = 1
    for slot in range(2 * level, chains.shape[2]):
        size *= chains[i, which, slot]
    if above != NOT_SPREAD:
        for k in range(above, level):
            size *= chains[i, which, 2 * k + 1]
    return int(min(size, bound))


def _count_both(chains: Ints, bounds: Ints, x: int, y: int, room: FillRoom, counts: Floats) -> None:
    """Index combinations of both dims over the outermost lists, so many of each."""
    _count(chains, 0, bounds[0], x, 0, room.inside, counts)
    if bounds[1] > 1:
        _count(chains, 1, bounds[1], y, 0, room.inside, room.others)
        for i in range(len(counts)):
            counts[i] *= room.others[i]


def _count(chains: Ints, which: int, bound: int, lists: int, fans: int, inside: Ints, counts: Floats) -> None:
    """As `dse.model.counting.axes.combinations`, of a dim: the first lists and a set of fan-outs (bits) counted.

    Parameters
    ----------
    inside : (2 * k + 1,) int64
        Scratch, see `FillRoom`.
    """
    slots = chains.shape[2]
    after, counted = np.ones(slots + 1, dtype=np.int64), np.zeros(slots, dtype=np.bool_)
    for slot in range(slots):
        counted[slot] = _is_counted(slot, lists, fans)
    for i in range(len(counts)):
        for slot in range(slots - 1, -1, -1):
            number = chains[i, which, slot]
            inside[slot] = inside[slot + 1] * number
            after[slot] = after[slot + 1] * (number if counted[slot] else 1)
        extent, total = bound, 0
        if after[0] == 1 or inside[0] == extent:
            counts[i] = after[0]  # all combinations are there
            continue
        for slot in range(slots):
            step = inside[slot + 1]
            if inside[slot] == step:
                continue
            if not counted[slot]:
                extent = min(extent, step)
            elif extent >= step:
                whole = int(extent / step)  # exact for numbers this small, and much quicker than dividing integers
                total += whole * after[slot + 1]
                extent -= whole * step
        counts[i] = total + int(extent > 0)


def _is_counted(slot: int, lists: int, fans: int) -> bool:
    """Whether a slot is of the first lists, so many, or of a set of fan-outs (bits)."""
    return fans >> (slot // 2) & 1 == 1 if slot % 2 == 1 else slot < 2 * lists
