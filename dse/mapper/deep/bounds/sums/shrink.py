"""Sums of terms over few splits made short. Compilable.

Where few splits are left, most factors are the same for all of them, and most limits are kept by all. What is left of
the sums is shorter and has the same values, but for rounding.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.mapper.deep.bounds.sums.records import FIRST_LIMIT, OVER, Alive, Terms, in_use, worth
from dse.mapper.deep.bounds.sums.sift import add_longest, find_same
from dse.model.counting.kernel import Bools, Floats, Ints

LAST = 5
"""Depth of the last axis in a walk."""

OUT = -1
"""In place of the slot of a term that changes nothing."""


class Sums(NamedTuple):
    """What m terms add up to, and how large that may be.

    Parameters
    ----------
    coefficient : (m,) float
        Each term before its factors: pJ, steps, or the unit of its limit.
    slot : (m,) int64
        Sum that each term belongs to: of B blocks (energy, time, or one of the limits), and behind them of groups, of
        which only the longest of a block counts.
    block_of : (slots,) int64
        Block of each sum.
    room : (B,) float
        The most of each block, of no meaning for the objective.
    cuts : (m, 2) float
        See `dse.mapper.deep.bounds.sums.records.worth`.
    factors : (n, m) float
        Factor of each split in each term.
    """

    coefficient: Floats
    slot: Ints
    block_of: Ints
    room: Floats
    cuts: Floats
    factors: Floats


class SumWalk(NamedTuple):
    """Room for a walk over the splits of one axis after another.

    Parameters
    ----------
    sequence : (6,) int64
        Axes in the order of the walk, those with the fewest splits first.
    partial : (7, m) float
        Terms with the factors of the axes before each depth.
    rest : (7, m) float
        The least that the axes from each depth on multiply a term by.
    lifted : (7,) float
        How far, in logarithms, the splits before each depth lift the separable bound.
    place : (6,) int64
        Split at each depth.
    total : (slots,) float
        The sums.
    """

    sequence: Ints
    partial: Floats
    rest: Floats
    lifted: Floats
    place: Ints
    total: Floats


def shrink(tables: tuple[Floats, ...], terms: Terms, alive: Alive) -> Sums:
    """The sums of terms over some splits, those of all axes one after another without gaps.

    Left out are limits that all these splits keep, and groups that are never the longest. A factor that is the same for
    all splits of an axis becomes part of the coefficient, and terms that differ in nothing else are one.

    Parameters
    ----------
    tables : 6 x (columns, n) float
        Factors of each axis' splits.
    """
    size, blocks = len(terms.logs), len(terms.limits)
    same, base = np.zeros((6, size), dtype=np.int64), np.exp(terms.logs)
    varies = np.zeros((6, size), dtype=np.bool_)
    low, high, slot = base.copy(), base.copy(), np.full(size, OUT)
    find_same(terms, same)
    for a in range(6):
        _fold(tables[a], terms, a, alive, same[a], varies[a], low, high, base)
    block_of, room = np.arange(blocks + terms.groups), np.exp(terms.limits + OVER)
    _leave_out(terms, low, high, room, slot, block_of)
    first, coefficient = np.zeros(size, dtype=np.int64), np.zeros(size)
    m = _merge(terms, same, varies, base, slot, first, coefficient)
    cuts, slots = np.zeros((m, 2)), np.zeros(m, dtype=np.int64)
    factors = np.ones((alive.end[5], m))
    for q in range(m):
        t = first[q]
        cuts[q, 0], cuts[q, 1], slots[q] = terms.cuts[t, 0], terms.cuts[t, 1], slot[t]
        for a in range(6):
            if varies[a, t]:
                table, j, k = tables[a], terms.first[t, a], terms.second[t, a]
                for i in range(alive.start[a], alive.end[a]):
                    factors[i, q] = table[j, alive.rows[i]] * table[k, alive.rows[i]]
    return Sums(coefficient[:m].copy(), slots, block_of, room, cuts, factors)


def _fold(
    table: Floats, terms: Terms, a: int, alive: Alive, same: Ints, varies: Bools, low: Floats, high: Floats,
    base: Floats,
) -> None:  # fmt: skip
    """Fold one axis into the least and the largest value of each term, and constant factors into its coefficient."""
    least, most = np.ones(len(same)), np.ones(len(same))
    for t in range(len(same)):
        j, k = terms.first[t, a], terms.second[t, a]
        if same[t] < t:
            least[t], most[t] = least[same[t]], most[same[t]]
        elif j > 0 or k > 0:
            least[t], most[t] = np.inf, 0.0
            for i in range(alive.start[a], alive.end[a]):
                value = table[j, alive.rows[i]] * table[k, alive.rows[i]]
                least[t], most[t] = min(least[t], value), max(most[t], value)
        varies[t] = least[t] < most[t]
        low[t] *= least[t]
        high[t] *= most[t]
        if not varies[t]:
            base[t] *= least[t]


def _leave_out(terms: Terms, low: Floats, high: Floats, room: Floats, slot: Ints, block_of: Ints) -> None:
    """Give each term its sum, `OUT` to those of limits that are kept anyway and of groups that are never the longest.

    Parameters
    ----------
    low, high : (T,) float
        Least and largest value of each term.
    """
    blocks, groups = len(room), terms.groups
    largest, shortest, longest = np.zeros(blocks), np.zeros(groups), np.zeros(groups)
    for t in range(len(slot)):
        b, g = terms.block[t], terms.group[t]
        largest[b] += worth(high[t], terms.cuts, t)
        if g >= 0:
            block_of[blocks + g] = b
            shortest[g] += worth(low[t], terms.cuts, t)
            longest[g] += worth(high[t], terms.cuts, t)
    counts = np.ones(groups, dtype=np.bool_)
    for g in range(groups):
        for other in range(groups):
            if other != g and counts[other] and block_of[blocks + g] == block_of[blocks + other]:
                counts[g] = counts[g] and longest[g] > shortest[other]
    for t in range(len(slot)):
        b, g = terms.block[t], terms.group[t]
        binds = b < FIRST_LIMIT or largest[b] > room[b]
        if in_use(terms, t) and binds and (g < 0 or counts[g]):
            slot[t] = b if g < 0 else blocks + g


def _merge(terms: Terms, same: Ints, varies: Bools, base: Floats, slot: Ints, first: Ints, coefficient: Floats) -> int:
    """Take terms of one sum with the same factors as one; returns how many there are then.

    Parameters
    ----------
    first : (T,) int64
        Filled with the first term of each.
    coefficient : (T,) float
        Filled with the sum of theirs.
    """
    m = 0
    for t in range(len(slot)):
        if slot[t] == OUT:
            continue
        at = 0 if terms.cuts[t, 1] == 0.0 else m
        while at < m:
            r = first[at]
            alike = slot[r] == slot[t] and terms.cuts[r, 1] == 0.0
            for a in range(6):
                alike = alike and varies[a, r] == varies[a, t] and (not varies[a, t] or same[a, r] == same[a, t])
            if alike:
                break
            at += 1
        if at == m:
            first[m], coefficient[m] = t, 0.0
            m += 1
        coefficient[at] += base[t]
    return m


def walk_of(sums: Sums, alive: Alive) -> SumWalk:
    """Room for a walk, with all that is known before its first split."""
    m = len(sums.coefficient)
    walk = SumWalk(
        np.arange(6), np.zeros((7, m)), np.ones((7, m)), np.zeros(7), np.zeros(6, dtype=np.int64),
        np.zeros(len(sums.block_of)),
    )  # fmt: skip
    sequence, start, end = walk.sequence, alive.start, alive.end
    for at in range(1, 6):
        a, to = sequence[at], at
        while to > 0 and end[sequence[to - 1]] - start[sequence[to - 1]] > end[a] - start[a]:
            sequence[to] = sequence[to - 1]
            to -= 1
        sequence[to] = a
    walk.partial[0] = sums.coefficient
    for depth in range(5, -1, -1):
        a = sequence[depth]
        for q in range(m):
            least = np.inf
            for i in range(start[a], end[a]):
                least = min(least, sums.factors[i, q])
            walk.rest[depth, q] = walk.rest[depth + 1, q] * least
    walk.place[0] = start[sequence[0]] - 1
    return walk


def add_up(sums: Sums, walk: SumWalk, depth: int, i: int) -> None:
    """The sums, with the least factors of the axes still open, when the axis at a depth takes a split.

    Those of energy and of time have their longest groups in them.
    """
    partial, rest, total, slot = walk.partial, walk.rest, walk.total, sums.slot
    for s in range(len(total)):
        total[s] = 0.0
    for q in range(len(slot)):
        grown = partial[depth, q] * sums.factors[i, q]
        partial[depth + 1, q] = grown
        total[slot[q]] += worth(grown * rest[depth + 1, q], sums.cuts, q)
    add_longest(total, sums.block_of, len(sums.room))
