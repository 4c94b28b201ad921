"""Splits that differ in loops of outer lists alone, of which one stands for all while nothing is known of these lists;
`find_stand_ins` is compilable.

A split's *stand-in* has all loops of these lists in the outermost: as many trips as cover the bound with what both have
further in. While nothing is laid down about the lists, no factor that a bound counts is larger than it is with another
split that it stands for (docs/mapper/deep.md, "Outer lists last").
"""

from __future__ import annotations

import numpy as np

from dse.mapper.deep.splits.axes import Axis
from dse.mapper.shared.compilation.twins import compiled
from dse.model.counting.kernel import Ints, entry


def gathered(axis: Axis, lists: int) -> Ints | None:
    """The stand-in of each split while nothing is known of so many of the outermost lists, one at least.

    Returns
    -------
    (n,) int64
        None where some split has none in the table.
    """
    if axis.twin is not None:
        return gathered(axis.twin, lists)
    if lists not in axis.gathered:
        before = gathered(axis, lists - 1) if lists > 1 else np.arange(len(axis))
        axis.gathered[lists] = None if before is None else _gathered(axis, lists, before)
    return axis.gathered[lists]


def _gathered(axis: Axis, lists: int, before: Ints) -> Ints | None:
    """The same, from the stand-ins with one list less."""
    stand_ins = np.zeros(len(axis), dtype=np.int64)
    return stand_ins if compiled(find_stand_ins)(axis.both(), len(axis.dims), lists, before, stand_ins) else None


@entry
def find_stand_ins(chains: Ints, dims: int, lists: int, before: Ints, stand_ins: Ints) -> bool:
    """Fill in the stand-in of each split, the first of several; False where some split has none.

    Parameters
    ----------
    chains : (n, 2, 2 * k) int32
        See `dse.mapper.deep.splits.axes.Axis.both`.
    dims : int
        How many the axis has.
    lists : int
        How many of the outermost lists nothing is known of.
    before : (n,) int64
        Stand-ins with one list less.
    stand_ins : (n,) int64
        Filled.
    """
    codes, size = _codes(chains, dims, lists, before), 64
    while size < 2 * len(before):
        size *= 2
    seen = np.full(size, -1)
    for i in range(len(before)):
        if before[i] == i and _may_stand_in(chains, dims, i, lists):
            at = _place_of(chains, dims, i, lists, codes, seen)
            if seen[at] < 0:
                seen[at] = i
    for i in range(len(before)):
        if before[i] == i:
            stand_ins[i] = seen[_place_of(chains, dims, i, lists, codes, seen)]
            if stand_ins[i] < 0:
                return False
    for i in range(len(before)):
        stand_ins[i] = stand_ins[before[i]]
    return len(before) > 0


def _codes(chains: Ints, dims: int, lists: int, before: Ints) -> Ints:
    """A number for each stand-in with one list less, the same for those with the same children and trips in all but the
    first lists."""
    codes, factor, slots = np.zeros(len(chains), dtype=np.int64), 1, chains.shape[2]
    factors = np.zeros((2, slots), dtype=np.int64)
    for which in range(dims):
        for slot in range(1, slots):
            factor = (factor * 48_271) % 0x7FFF_FFFF
            factors[which, slot] = factor if slot % 2 == 1 or slot >= 2 * lists else 0
    for i in range(len(chains)):
        for which in range(dims if before[i] == i else 0):
            for slot in range(1, slots):
                codes[i] += (chains[i, which, slot] * factors[which, slot]) & 0xFFFF_FFFF_FFFF
    return codes


def _may_stand_in(chains: Ints, dims: int, i: int, lists: int) -> bool:
    """Whether a split has no trips in the first lists but the outermost."""
    for which in range(dims):
        for level in range(1, lists):
            if chains[i, which, 2 * level] != 1:
                return False
    return True


def _place_of(chains: Ints, dims: int, i: int, lists: int, codes: Ints, seen: Ints) -> int:
    """Where in a table by what is further in than some lists the split is that one has this in common with, or where
    there is room for it."""
    code = codes[i]
    at = (code ^ (code >> 17) ^ (code >> 31)) & (len(seen) - 1)
    while seen[at] >= 0 and not (codes[seen[at]] == code and _same_further_in(chains, dims, i, seen[at], lists)):
        at = (at + 1) & (len(seen) - 1)
    return int(at)


def _same_further_in(chains: Ints, dims: int, i: int, other: int, lists: int) -> bool:
    """Whether two splits have the same children, and the same trips in all but the first lists."""
    for which in range(dims):
        for slot in range(1, chains.shape[2]):
            if (slot % 2 == 1 or slot >= 2 * lists) and chains[i, which, slot] != chains[other, which, slot]:
                return False
    return True


def stand_ins_of(axis: Axis, rows: Ints, lists: int) -> Ints:
    """Those that stand for some splits while nothing is known of so many lists, rising."""
    of = gathered(axis, lists)
    assert of is not None, "each split has one"
    mask = np.zeros(len(axis), dtype=bool)
    mask[of[rows]] = True
    return np.flatnonzero(mask)


def many_of(axis: Axis, rows: Ints, lists: int) -> int:
    """How many splits some stand for, while nothing is known of so many lists.

    Examples
    --------
    >>> axis = Axis((2,), (4,), (np.array([[4, 1, 1, 1], [2, 1, 2, 1], [1, 1, 4, 1], [1, 4, 1, 1]]),), 1, 1)
    >>> gathered(axis, 2).tolist(), many_of(axis, np.array([0]), 2), many_of(axis, np.array([0, 3]), 2)
    ([0, 0, 0, 3], 3, 4)
    """
    if axis.twin is not None:
        return many_of(axis.twin, rows, lists)
    if lists not in axis.stood_for:
        of = gathered(axis, lists)
        assert of is not None, "each split has one"
        axis.stood_for[lists] = np.bincount(of, minlength=len(axis))
    return int(axis.stood_for[lists][rows].sum())


def told_further(axis: Axis, rows: Ints, lists: int, fewer: int) -> tuple[Ints, Ints]:
    """The splits that some stand for, themselves stand-ins for those that differ in `fewer` lists.

    Parameters
    ----------
    rows
        Stand-ins while nothing is known of so many `lists`.

    Returns
    -------
    splits, places : (m,) int64
        Rising; and where in `rows` the stand-in of each is.
    """
    of, finer = gathered(axis, lists), gathered(axis, fewer)
    assert of is not None, "each split has a stand-in"
    assert finer is not None, "each split has one of its own"
    place = np.full(len(axis), -1)
    place[rows] = np.arange(len(rows))
    at = place[of]
    splits = np.flatnonzero((at >= 0) & (finer == np.arange(len(axis))))
    return splits, at[splits]
