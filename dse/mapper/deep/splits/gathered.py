"""Splits that differ in loops of outer lists alone, of which one stands for all while nothing is known of these lists.

A split's *stand-in* has all loops of these lists in the outermost: as many trips as cover the bound with what both have
further in. While nothing is laid down about the lists, no factor that a bound counts is larger than it is with another
split that it stands for (docs/mapper/deep.md, "Outer lists last").
"""

from __future__ import annotations

import numpy as np

from dse.mapper.deep.splits.axes import Axis
from dse.model.counting.kernel import Ints

MOST = 2**62
"""Numbers of rows stay below this, so that they are exact."""


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
    some = np.flatnonzero(before == np.arange(len(axis)))
    numbers = np.concatenate([chain[some] for chain in axis.chains], axis=1)
    slot = np.arange(numbers.shape[1]) % axis.chains[0].shape[1]  # trips of list i in slot 2 i, its children behind
    is_outer = (slot % 2 == 0) & (slot < 2 * lists)
    codes = _codes(numbers[:, ~is_outer])
    may_stand = np.flatnonzero((numbers[:, is_outer & (slot > 0)] == 1).all(axis=1))
    order = may_stand[np.argsort(codes[may_stand], kind="stable")]
    at = np.minimum(np.searchsorted(codes[order], codes), len(order) - 1)
    if len(order) == 0 or (codes[order[at]] != codes).any():
        return None
    stand_ins = np.zeros(len(axis), dtype=np.int64)
    stand_ins[some] = some[order[at]]
    return stand_ins[before]


def _codes(numbers: Ints) -> Ints:
    """A number for each row, the same for equal rows and for no others."""
    codes, many = np.zeros(len(numbers), dtype=np.int64), 1
    for column in numbers.T:
        most = int(column.max(initial=1)) + 1
        if many * most >= MOST:
            values, codes = np.unique(codes, return_inverse=True)
            many = len(values)
        codes, many = codes * most + column, many * most
    return codes


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
