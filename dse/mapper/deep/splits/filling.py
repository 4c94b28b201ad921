"""Columns of an axis' factors, as many at once as are asked for. Compilable."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.mapper.shared.mapspace.words import box
from dse.model.counting.kernel import Bools, Floats, Ints, entry

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


AT_ONCE = 256
"""Splits that columns are filled for at a time: what they have in common is worked out once, and stays at hand."""


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
    """Room for what is known of some splits, as many as are taken at once.

    Parameters
    ----------
    factors : (2, 2 * k, n) float
        Trips and children of each level, of both dims.
    inside : (2, 2 * k + 1, n) float
        The product of each slot and all further in, 1 at the end.
    several : (2, 2 * k) bool
        Slots that some of the splits take more than one in.
    extent, others, changes : (n,) float
        What is left of a bound, counts of another dim, and of changes.
    """

    factors: Floats
    inside: Floats
    several: Bools
    extent: Floats
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
    rows, slots = plain.shape[1], splits.chains.shape[2]
    room = FillRoom(
        np.ones((2, slots, AT_ONCE)), np.ones((2, slots + 1, AT_ONCE)), np.zeros((2, slots), dtype=np.bool_),
        np.zeros(AT_ONCE), np.zeros(AT_ONCE), np.zeros(AT_ONCE),
    )  # fmt: skip
    known = np.zeros(min(KNOWN, max(FEW, rows)))
    for begin in range(0, rows, AT_ONCE):
        end = min(begin + AT_ONCE, rows)
        some = Splits(splits.chains[begin:end], splits.sides[begin:end], splits.bounds, splits.stride, splits.dilation)
        _lay_out(some.chains, room)
        for c in range(len(asked)):
            mine = plain[asked[c, 0], begin:end]
            _fill_factors(some, asked[c, 1], asked[c, 2], asked[c, 3], asked[c, 4], room, mine)
            _fill_logs(mine, known, logs[asked[c, 0], begin:end])


def _lay_out(chains: Ints, room: FillRoom) -> None:
    """Lay out the factors of some splits slot by slot, with their products."""
    for which in range(2):
        for slot in range(chains.shape[2] - 1, -1, -1):
            mine, product, further = room.factors[which, slot], room.inside[which, slot], room.inside[which, slot + 1]
            most = 1.0
            for i in range(len(chains)):
                mine[i] = chains[i, which, slot]
            for i in range(len(chains)):
                product[i] = further[i] * mine[i]
                most = max(most, mine[i])
            room.several[which, slot] = most > 1.0


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
    """One column, of the splits that are laid out."""
    chains, bounds, levels = splits.chains, splits.bounds, splits.sides.shape[1]
    if what == COUNT:
        _count(room, x, bounds[x], y, z, factors)
    elif what == CHANGES:
        _count_both(room, bounds, x, y, factors)
    elif what == STEPS_PER_CHANGE:
        _count_both(room, bounds, levels, levels, factors)
        _count_both(room, bounds, x, y, room.changes)
        for i in range(len(factors)):
            factors[i] /= room.changes[i]
    elif what == TILE:
        _tile(room, x, bounds[x], y, z, factors)
    elif what == BOX:
        _tile(room, 0, bounds[0], y, z, factors)
        _tile(room, 1, bounds[1], y, z, room.others)
        for i in range(len(factors)):
            factors[i] = box(factors[i], room.others[i], splits.stride, splits.dilation)
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


def _tile(room: FillRoom, which: int, bound: int, level: int, above: int, sizes: Floats) -> None:
    """Tiles of a level, capped at the bound; given `above`, with what the fan-outs from that level on spread out."""
    inside, most = room.inside[which, 2 * level], float(bound)
    for i in range(len(sizes)):
        sizes[i] = inside[i]
    if above != NOT_SPREAD:
        for k in range(above, level):
            children = room.factors[which, 2 * k + 1]
            for i in range(len(sizes)):
                sizes[i] *= children[i]
    for i in range(len(sizes)):
        sizes[i] = min(sizes[i], most)


def _count_both(room: FillRoom, bounds: Ints, x: int, y: int, counts: Floats) -> None:
    """Index combinations of both dims over the outermost lists, so many of each."""
    _count(room, 0, bounds[0], x, 0, counts)
    if bounds[1] > 1:
        _count(room, 1, bounds[1], y, 0, room.others)
        for i in range(len(counts)):
            counts[i] *= room.others[i]


def _count(room: FillRoom, which: int, bound: int, lists: int, fans: int, counts: Floats) -> None:
    """As `dse.model.counting.axes.combinations`, of a dim: the first lists and a set of fan-outs (bits) counted.

    From the outermost slot inwards, of the indices below the bound: how many combinations have all of their indices
    further in, and how many indices are left of the one that has not. Numbers are whole, and small enough for a
    quotient to be exact once it is rounded down.
    """
    factors, inside, several, extent = room.factors[which], room.inside[which], room.several[which], room.extent
    last = -1
    for slot in range(len(factors)):
        if several[slot] and _is_counted(slot, lists, fans):
            last = slot
    for i in range(len(counts)):
        counts[i], extent[i] = 0.0, float(bound)
    for slot in range(last + 1):
        if not several[slot]:
            continue
        step, mine = inside[slot + 1], factors[slot]
        if not _is_counted(slot, lists, fans):
            for i in range(len(counts)):
                extent[i] = min(extent[i], step[i])
        else:
            for i in range(len(counts)):
                whole = np.floor(extent[i] / step[i])
                counts[i] = counts[i] * mine[i] + whole
                extent[i] -= whole * step[i]
    for i in range(len(counts)):
        counts[i] += 1.0 if extent[i] > 0.0 else 0.0


def _is_counted(slot: int, lists: int, fans: int) -> bool:
    """Whether a slot is of the first lists, so many, or of a set of fan-outs (bits)."""
    return fans >> (slot // 2) & 1 == 1 if slot % 2 == 1 else slot < 2 * lists
