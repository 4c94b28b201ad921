"""Mappings made better by exchanging the splits of their axes. Compilable but for `rows_of`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dse.mapper.deep.bounds.sums.records import FIRST_LIMIT, Terms, with_lists
from dse.mapper.deep.bounds.sums.sift import BLOCK, MergedTerms, add_longest, find_same, merge_terms, sum_up, sums_of
from dse.mapper.deep.record import COLS, ROWS, TRIPS, parts_of
from dse.model.counting.kernel import Bools, Floats, Ints, entry

if TYPE_CHECKING:
    from dse.mapper.deep.bounds.subproblem import Space

STEEP = 4.0
"""What the logarithm of what is used above a limit counts with while a mapping that fits is sought."""

PAST = 0.25
"""Added to that logarithm, so that a limit is not passed by a little."""


def rows_of(space: Space, record: Ints) -> list[int]:
    """The place of each axis' split in a record of the deep search."""
    parts = parts_of(record)
    factors = np.stack([parts[:, TRIPS], parts[:, ROWS] * parts[:, COLS]], axis=1).reshape(-1, parts.shape[2])
    return [axis.place_of([factors[:, d] for d in axis.dims]) for axis in space.axes]


LIKE_BEFORE = -1
"""In place of a split to begin with."""


class At(NamedTuple):
    """A mapping at hand.

    Parameters
    ----------
    rows : (6,) int64
        Split of each axis.
    factor : (6, T) float
        Factor of each term on each axis.
    same : (6, T) int64
        The first term with the same columns, per axis.
    sums
        Room for the sums of terms.
    height : (slots, BLOCK) float
        Room for those of several splits.
    values, beyond : (BLOCK,) float
        The objective's logarithm with each of several splits, and how far beyond a limit it is with them, likewise.
    """

    rows: Ints
    factor: Floats
    same: Ints
    sums: MergedTerms
    height: Floats
    values: Floats
    beyond: Floats


@entry
def exchanged(
    factors: tuple[Floats, ...], terms: Terms, logs: Floats, first: Ints, splits: Ints, start: Ints, rows: Ints,
    values: Floats, beyond: Floats,
) -> None:  # fmt: skip
    """The objective's logarithm with each of some splits in place of a mapping's, and how far it is beyond limits then.

    Parameters
    ----------
    factors : 6 x (columns, n) float
        Factors of each axis' splits.
    logs, first
        In place of those of the terms.
    splits : (n,) int64
        Of all axes, those of axis a from start[a] to start[a + 1].
    rows : (6,) int64
        The mapping's splits.
    values, beyond : (n,) float
        Filled; beyond the limit on time as far as can be, all others in logarithms.
    """
    mine = with_lists(terms, logs, first)
    at = _at(factors, mine, rows)
    for a in range(6):
        count = merge_terms(mine, a, at.factor, at.same, at.sums)
        for begin in range(start[a], start[a + 1], BLOCK):
            several = splits[begin : min(begin + BLOCK, start[a + 1])]
            _values(factors[a], mine, a, several, count, at, 0.0)
            for i in range(len(several)):
                values[begin + i], beyond[begin + i] = at.values[i], at.beyond[i]


@entry
def descend_all(
    factors: tuple[Floats, ...], terms: Terms, logs: Floats, first: Ints, keep: Bools, splits: Ints, start: Ints,
    rows: Ints, values: Floats,
) -> None:  # fmt: skip
    """Exchange one split after another for the best of its axis, with each of m ways to lay down lists.

    Parameters
    ----------
    logs, first
        (m, T) and (m, T, 6), in place of those of the terms.
    keep : (m, n) bool
        The splits that may be taken in each way.
    splits : (n,) int64
        Of all axes, those of axis a from start[a] to start[a + 1].
    rows : (m, 6) int64
        Splits to begin with, `LIKE_BEFORE` for those that the way before came to; replaced by those found.
    values : (m,) float
        Filled with the objective's logarithm, more where limits are passed; infinite where an axis has no split.
    """
    for i in range(len(values)):
        if rows[i, 0] == LIKE_BEFORE:
            rows[i] = rows[i - 1]
        mine = with_lists(terms, logs[i], first[i])
        values[i] = _descend(factors, mine, keep[i], splits, start, _at(factors, mine, rows[i]))


def _at(factors: tuple[Floats, ...], terms: Terms, rows: Ints) -> At:
    size, sums = len(terms.logs), sums_of(terms)
    height = np.zeros((len(sums.total), BLOCK))
    at = At(
        rows, np.ones((6, size)), np.zeros((6, size), dtype=np.int64), sums, height, np.zeros(BLOCK), np.zeros(BLOCK)
    )
    find_same(terms, at.same)
    for a in range(6):
        _take(factors[a], terms, a, rows[a], at)
    return at


def _take(table: Floats, terms: Terms, a: int, row: int, at: At) -> None:
    """Put a split in place of that of its axis."""
    at.rows[a] = row
    for t in range(len(terms.logs)):
        at.factor[a, t] = table[terms.first[t, a], row] * table[terms.second[t, a], row]


def _descend(factors: tuple[Floats, ...], terms: Terms, keep: Bools, splits: Ints, start: Ints, at: At) -> float:
    """Exchange splits until no axis has a better one; the first ones need not be among those to choose from."""
    some, end = splits.copy(), start.copy()
    for a in range(6):
        end[a] = start[a]
        for i in range(start[a], start[a + 1]):
            if keep[i]:
                some[end[a]] = splits[i]
                end[a] += 1
        if end[a] == start[a]:
            return np.inf
    reached, still, turn = np.inf, 0, 0
    while still < 6:
        a = 5 - turn % 6
        count = merge_terms(terms, a, at.factor, at.same, at.sums)
        best, row = np.inf, -1
        for begin in range(start[a], end[a], BLOCK):
            several = some[begin : min(begin + BLOCK, end[a])]
            _values(factors[a], terms, a, several, count, at, STEEP)
            for i in range(len(several)):
                if at.values[i] < best:
                    best, row = at.values[i], several[i]
        if row < 0:
            return np.inf
        # An axis that has just been seen is at its best until another one changes.
        still += 1
        if turn < 6 or best < reached - 1e-12:
            still = still if row == at.rows[a] else 1
            reached = best
            _take(factors[a], terms, a, row, at)
        turn += 1
    return reached


def _values(table: Floats, terms: Terms, a: int, rows: Ints, count: int, at: At, steep: float) -> None:
    """The objective's logarithm with some splits of an axis, and `steep` times as much as limits are passed by."""
    sum_up(table, terms, a, rows, count, at.sums, at.height)
    heights, room, fixed = at.sums.total, at.sums.room, terms.fixed
    for i in range(len(rows)):
        for slot in range(len(heights)):
            heights[slot] = at.height[slot, i]
        add_longest(heights, at.sums.block_of, len(room))
        value, furthest = 0.0, 0.0
        for b in range(len(room)):
            if fixed[b] > 0.0:
                value += fixed[b] * np.log(heights[b])
            elif fixed[b] < 0.0 and heights[b] > room[b] * (1.0 + 1e-9):
                beyond = np.log(heights[b] / room[b])
                value += steep * (PAST + beyond)
                furthest = max(furthest, beyond if b >= FIRST_LIMIT else np.inf)
        at.values[i], at.beyond[i] = value, furthest
