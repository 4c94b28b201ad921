"""Sums of terms with many splits of one axis at a time, such as the last axis of a walk. Compilable.

Once what all other axes multiply the terms by is known, terms of one sum with the same factor of the axis are one, and
each is added to many splits' sums in one loop over numbers that lie side by side.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.mapper.deep.bounds.sums.records import FIRST_LIMIT, Alive, worth
from dse.mapper.deep.bounds.sums.shrink import Sums
from dse.mapper.deep.bounds.sums.sift import BLOCK
from dse.model.counting.kernel import Bools, Floats, Ints

NO_COLUMN = -1
"""In place of the column of a term that is the same for all splits of the axis."""


class AxisSums(NamedTuple):
    """Sums of m terms over the splits of one axis, in p columns.

    Parameters
    ----------
    sums
        Those of all axes.
    column : (m,) int64
        Column of each term, `NO_COLUMN` for none.
    slot : (p,) int64
        Sum that a column is added to.
    term : (p,) int64
        The first term of each.
    factors : (p, n) float
        Factor of each of the axis' splits.
    weight : (p,) float
        What it is multiplied by.
    constant : (slots,) float
        What no split of the axis changes.
    used : (slots,) bool
        Sums with any term.
    height : (slots, BLOCK) float
        Sums of some of the splits; those of energy and time have their longest groups in them.
    fits : (BLOCK,) bool
        Which of these keep all limits.
    """

    sums: Sums
    column: Ints
    slot: Ints
    term: Ints
    factors: Floats
    weight: Floats
    constant: Floats
    used: Bools
    height: Floats
    fits: Bools


def axis_sums_of(sums: Sums, a: int, alive: Alive) -> AxisSums:
    """Room for the sums of an axis, with its factors in columns."""
    m, slots = len(sums.slot), len(sums.block_of)
    begin, n = alive.start[a], alive.end[a] - alive.start[a]
    column, slot, term = np.full(m, NO_COLUMN), np.zeros(m, dtype=np.int64), np.zeros(m, dtype=np.int64)
    factors, used = np.empty((m, n)), np.zeros(slots, dtype=np.bool_)
    p = 0
    for q in range(m):
        used[sums.slot[q]] = True
        same = True
        for i in range(n):
            factors[p, i] = sums.factors[begin + i, q]
            same = same and factors[p, i] == factors[p, 0]
        if same:
            continue
        at = 0
        while at < p and not _alike(sums, factors, at, p, slot[at], term[at], q):
            at += 1
        column[q] = at
        if at == p:
            slot[p], term[p] = sums.slot[q], q
            p += 1
    return AxisSums(
        sums, column, slot[:p].copy(), term[:p].copy(), factors, np.zeros(p), np.zeros(slots), used,
        np.zeros((slots, BLOCK)), np.zeros(BLOCK, dtype=np.bool_),
    )  # fmt: skip


def _alike(sums: Sums, factors: Floats, at: int, p: int, slot: int, term: int, q: int) -> bool:
    """Whether a term may be added to a column: it belongs to the same sum, has the same factors, and no constant."""
    if slot != sums.slot[q] or sums.cuts[q, 1] != 0.0 or sums.cuts[term, 1] != 0.0:
        return False
    i = 0
    while i < factors.shape[1] and factors[at, i] == factors[p, i]:
        i += 1
    return bool(i == factors.shape[1])


def weigh_columns(last: AxisSums, sums: Sums, others: Floats, first: int) -> None:
    """Take in what all other axes make of the terms.

    Parameters
    ----------
    others : (m,) float
        Each term with the factors of all other axes.
    first : int
        Any split of the axis, counted among those of all axes.
    """
    for s in range(len(last.constant)):
        last.constant[s] = 0.0
    for r in range(len(last.weight)):
        last.weight[r] = 0.0
    for q in range(len(last.column)):
        grown = others[q]
        if last.column[q] == NO_COLUMN:
            last.constant[sums.slot[q]] += worth(grown * sums.factors[first, q], sums.cuts, q)
        else:
            last.weight[last.column[q]] += grown


def add_up_several(last: AxisSums, sums: Sums, begin: int, n: int) -> None:
    """Work out the sums of n splits of the axis, `BLOCK` at most, and whether they keep the limits.

    Parameters
    ----------
    begin : int
        The first of them, counted among those of the axis.
    """
    height, fits = last.height, last.fits
    for s in range(len(last.constant)):
        if last.used[s]:
            mine, value = height[s, :n], last.constant[s]
            for i in range(n):
                mine[i] = value
    for r in range(len(last.weight)):
        mine, factors = height[last.slot[r], :n], last.factors[r, begin : begin + n]
        weight, share, less = last.weight[r], sums.cuts[last.term[r], 0], sums.cuts[last.term[r], 1]
        if less == 0.0:
            for i in range(n):
                mine[i] += weight * factors[i]
        else:
            for i in range(n):
                value = weight * factors[i]
                mine[i] += max(value, value * share - less)
    blocks = len(sums.room)
    for b in range(2):
        _add_longest(last, sums, b, blocks, n)
    for i in range(n):
        fits[i] = True
    for b in range(FIRST_LIMIT, blocks):
        if last.used[b]:
            mine, room = height[b, :n], sums.room[b]
            for i in range(n):
                fits[i] = fits[i] and mine[i] <= room


def _add_longest(last: AxisSums, sums: Sums, b: int, blocks: int, n: int) -> None:
    """Add to the sums of energy or of time that of the longest of their groups."""
    first = -1
    for s in range(blocks, len(last.constant)):
        if last.used[s] and sums.block_of[s] == b:
            if first < 0:
                first = s
            else:
                longest, mine = last.height[first, :n], last.height[s, :n]
                for i in range(n):
                    longest[i] = max(longest[i], mine[i])
    if first >= 0:
        longest, whole = last.height[first, :n], last.height[b, :n]
        if not last.used[b]:
            for i in range(n):
                whole[i] = longest[i]
        else:
            for i in range(n):
                whole[i] += longest[i]
