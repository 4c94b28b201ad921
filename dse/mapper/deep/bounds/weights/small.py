"""The search for good weights made small: some splits of each axis, and terms of which none says what another does.

Whatever is left out here makes the weights found worse, never the bound wrong: that is worked out over all splits.
Compilable.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.mapper.deep.bounds.sums.records import OF_TIME, Alive, Terms, in_use
from dse.model.counting.kernel import Bools, Floats, Ints

NO_FACTOR = -1
"""In place of a column: the term is the same for all splits of the axis."""

NOT_IN_USE = -1
"""In place of a merged term: whatever its weight, the bound does not gain."""

SAME = 1e-13
"""Difference of logarithms that makes no difference."""

FEW = 1e-5
"""Part of what all splits of an axis count for below which one changes no mean."""


class Small(NamedTuple):
    """Terms over some splits of each axis, in logarithms.

    Parameters
    ----------
    values : (most columns, n) float
        Factors of the splits chosen, those of axis a in columns start[a]..start[a + 1].
    start : (7,) int64
    width : (6,) int64
        How many rows of `values` each axis has.
    column : (m, 6) int64
        Row of `values` of each merged term on each axis, or `NO_FACTOR`.
    log : (m,) float
        Coefficient of each merged term with the factors that are the same for all splits chosen.
    block, group : (m,) int64
        As of `dse.mapper.deep.bounds.sums.records.Terms`.
    merged : (T,) int64
        The merged term that each term is part of, or `NOT_IN_USE`.
    share : (T,) float
        The term's part of the merged term.
    """

    values: Floats
    start: Ints
    width: Ints
    column: Ints
    log: Floats
    block: Ints
    group: Ints
    merged: Ints
    share: Floats


class Pairs(NamedTuple):
    """The distinct pairs of columns of an axis, each the factor of one or more terms.

    Parameters
    ----------
    first, second : (6, T) int64
        Columns of the axis' table.
    width : (6,) int64
        How many pairs each axis has.
    of_term : (T, 6) int64
        Pair of each term, or `NO_FACTOR`.
    """

    first: Ints
    second: Ints
    width: Ints
    of_term: Ints


class Moments(NamedTuple):
    """Means and covariances of the columns over the splits of an axis that count, and room to work them out.

    Parameters
    ----------
    mean : (6, columns) float
    spread : (6, columns, columns) float
    near : (n,) int64
        The splits of an axis that count.
    part : (n,) float
        How much each of them does; these add up to nearly one.
    used : (columns,) int64
        The columns of an axis that terms have.
    off : (columns + 3, n) float
        Their factors of those splits, above the mean; behind them as many columns of nothing as make the last four.
    """

    mean: Floats
    spread: Floats
    near: Ints
    part: Floats
    used: Ints
    off: Floats


def pair_up(terms: Terms) -> Pairs:
    """Number the distinct pairs of columns of each axis."""
    size = len(terms.logs)
    pairs = Pairs(
        np.zeros((6, size), dtype=np.int64), np.zeros((6, size), dtype=np.int64), np.zeros(6, dtype=np.int64),
        np.full((size, 6), NO_FACTOR, dtype=np.int64),
    )  # fmt: skip
    for a in range(6):
        for t in range(size):
            j, k = terms.first[t, a], terms.second[t, a]
            if (j == 0 and k == 0) or not in_use(terms, t):
                continue
            at = 0
            while at < pairs.width[a] and (pairs.first[a, at] != j or pairs.second[a, at] != k):
                at += 1
            if at == pairs.width[a]:
                pairs.first[a, at], pairs.second[a, at] = j, k
                pairs.width[a] += 1
            pairs.of_term[t, a] = at
    return pairs


def gather(
    tables: tuple[Floats, ...], terms: Terms, pairs: Pairs, alive: Alive, chosen: Bools, earlier: float
) -> Small:
    """The small problem of the splits chosen.

    Parameters
    ----------
    tables : 6 x (columns, n) float
        Logarithms of the factors of each axis' splits.
    chosen : (n,) bool
        Which of the splits alive, beside `alive.rows`.
    earlier : float
        How far before the limit on time, in logarithms, the end of a front's first step is.
    """
    start = np.zeros(7, dtype=np.int64)
    for a in range(6):
        start[a + 1] = start[a]
        for i in range(alive.start[a], alive.end[a]):
            start[a + 1] += chosen[i]
    size = len(terms.logs)
    values = np.zeros((max(1, pairs.width.max()), start[6]))
    for a in range(6):
        _fill(tables[a], pairs, a, alive, chosen, values, start[a])
    column, base = pairs.of_term.copy(), terms.logs.copy()
    low, high = base.copy(), base.copy()
    for t in range(size):
        for a in range(6):
            k = column[t, a]
            if k >= 0:
                lower, upper = np.inf, -np.inf
                for i in range(start[a], start[a + 1]):
                    lower, upper = min(lower, values[k, i]), max(upper, values[k, i])
                low[t] += lower
                high[t] += upper
                if upper - lower < SAME:
                    base[t] += lower
                    column[t, a] = NO_FACTOR
    merged, first = np.full(size, NOT_IN_USE, dtype=np.int64), np.zeros(size, dtype=np.int64)
    _leave_out(terms, low, high, earlier, merged)
    log = np.zeros(size)
    m = _merge(terms, column, base, merged, first, log)
    share = np.zeros(size)
    for t in range(size):
        if merged[t] >= 0:
            share[t] = np.exp(base[t] - log[merged[t]])
    kept, block, group = np.zeros((m, 6), dtype=np.int64), np.zeros(m, dtype=np.int64), np.zeros(m, dtype=np.int64)
    for q in range(m):
        block[q], group[q] = terms.block[first[q]], terms.group[first[q]]
        for a in range(6):
            kept[q, a] = column[first[q], a]
    return Small(values, start, pairs.width, kept, log[:m].copy(), block, group, merged, share)


def _fill(table: Floats, pairs: Pairs, a: int, alive: Alive, chosen: Bools, values: Floats, begin: int) -> None:
    """Copy the factors of an axis' chosen splits."""
    at = begin
    for i in range(alive.start[a], alive.end[a]):
        if chosen[i]:
            row = alive.rows[i]
            for k in range(pairs.width[a]):
                values[k, at] = table[pairs.first[a, k], row] + table[pairs.second[a, k], row]
            at += 1


def _leave_out(terms: Terms, low: Floats, high: Floats, earlier: float, merged: Ints) -> None:
    """Mark the terms in use with 0: not those of limits that no split chosen passes, nor of groups that are never
    the longest.

    Parameters
    ----------
    low, high : (T,) float
        Least and largest logarithm of each term.
    """
    blocks, groups, size = len(terms.limits), terms.groups, len(terms.logs)
    largest, shortest, longest = np.zeros(blocks), np.zeros(groups + 1), np.zeros(groups + 1)
    block_of = np.full(groups + 1, -1, dtype=np.int64)
    for t in range(size):
        if in_use(terms, t):
            b, g = terms.block[t], terms.group[t]
            largest[b] += np.exp(high[t] - terms.limits[b]) if terms.fixed[b] < 0.0 else 0.0
            if g >= 0:
                block_of[g] = b
                shortest[g] += np.exp(low[t])
                longest[g] += np.exp(high[t])
    for g in range(groups):
        for other in range(groups):
            same_block = block_of[g] >= 0 and block_of[other] == block_of[g] and other != g
            tie = longest[g] == shortest[other] and other < g
            if same_block and (longest[g] < shortest[other] or tie):
                block_of[g] = -1
                break
    for t in range(size):
        b, g = terms.block[t], terms.group[t]
        binds = terms.fixed[b] > 0.0 or largest[b] > (np.exp(-earlier) if b == OF_TIME else 1.0)
        if in_use(terms, t) and binds and (g < 0 or block_of[g] >= 0):
            merged[t] = 0


def _merge(terms: Terms, column: Ints, base: Floats, merged: Ints, first: Ints, log: Floats) -> int:
    """Take terms of one sum with the same columns as one. Returns how many there are then.

    Parameters
    ----------
    merged : (T,) int64
        0 where a term is in use; filled with the number of its merged term.
    first : (T,) int64
        Filled with the first term of each merged term.
    log : (T,) float
        Filled with the logarithm of the sum of the coefficients of each.
    """
    m = 0
    for t in range(len(base)):
        if merged[t] == NOT_IN_USE:
            continue
        at = 0
        while at < m:
            r = first[at]
            same = terms.block[r] == terms.block[t] and terms.group[r] == terms.group[t]
            for a in range(6):
                same = same and column[r, a] == column[t, a]
            if same:
                break
            at += 1
        merged[t] = at
        if at == m:
            first[m], log[m] = t, base[t]
            m += 1
        else:
            top = max(log[at], base[t])
            log[at] = top + np.log(np.exp(log[at] - top) + np.exp(base[t] - top))
    return m


def drop_dominated(small: Small) -> None:
    """Drop splits that no weights prefer to another one of their axis, whose factors are all no larger.

    Weights are zero or more, so such a split is never less than the other one. The bound over the splits chosen is the
    same without it, and a softened one is nearer to it.
    """
    values, start, begin = small.values, small.start, small.start[0]
    used, total = np.zeros(len(values), dtype=np.int64), np.zeros(start[6])
    dropped = np.zeros(start[6], dtype=np.bool_)
    kept = 0
    for a in range(6):
        columns, end = _used(small, a, used), start[a + 1]
        for i in range(begin, end):
            for at in range(columns):
                total[i] += values[used[at], i]
        # A split that dominates another one has no larger sum, and what it is dominated by dominates both.
        order, least = np.argsort(total[begin:end], kind="mergesort") + begin, 0
        for place in range(end - begin):
            i = order[place]
            for before in range(least):
                if _no_larger(values, used, columns, order[before], i):
                    dropped[i] = True
                    break
            if not dropped[i]:
                order[least] = i
                least += 1
        for i in range(begin, end):
            if not dropped[i]:
                for at in range(columns):
                    values[used[at], kept] = values[used[at], i]
                kept += 1
        begin, start[a + 1] = end, kept


def _used(small: Small, a: int, used: Ints) -> int:
    """Fill in the rows of `values` that terms have on an axis; how many there are."""
    count = 0
    for k in range(small.width[a]):
        for q in range(len(small.log)):
            if small.column[q, a] == k:
                used[count] = k
                count += 1
                break
    return count


def _no_larger(values: Floats, used: Ints, columns: int, one: int, other: int) -> bool:
    """Whether all factors of one split that are used are no larger than those of another one."""
    at = 0
    while at < columns and values[used[at], one] <= values[used[at], other]:
        at += 1
    return at == columns


def room_for_moments(columns: int, size: int) -> Moments:
    """Room for the moments of some columns and splits."""
    return Moments(
        np.zeros((6, columns)), np.zeros((6, columns, columns)), np.zeros(size, dtype=np.int64), np.zeros(size),
        np.zeros(columns, dtype=np.int64), np.zeros((columns + 3, size)),
    )  # fmt: skip


def take_moments(small: Small, load: Floats, portion: Floats, whole: Floats, moments: Moments) -> None:
    """Means and covariances of the columns in use, over the splits that count.

    Parameters
    ----------
    load : (6, columns) float
        Weight of each column, 0 for one that is not in use.
    portion : (n,) float
        How much each split counts among those of its axis.
    whole : (6,) float
        Their sum.
    """
    mean, near, part, used, off = moments.mean, moments.near, moments.part, moments.used, moments.off
    for a in range(6):
        count, columns = 0, 0
        for i in range(small.start[a], small.start[a + 1]):
            if portion[i] > FEW * whole[a]:
                near[count], part[count] = i, portion[i] / whole[a]
                count += 1
        for k in range(small.width[a]):
            if load[a, k] != 0.0:
                used[columns] = k
                columns += 1
                mean[a, k] = 0.0
                for i in range(count):
                    mean[a, k] += part[i] * small.values[k, near[i]]
        for at in range(columns):
            for i in range(count):
                off[at, i] = small.values[used[at], near[i]] - mean[a, used[at]]
        for at in range(columns, columns + 3):
            for i in range(count):
                off[at, i] = 0.0
        for at in range(columns):
            for other in range(0, at + 1, 4):
                _take_four(moments, a, at, other, count, columns)


def _take_four(moments: Moments, a: int, at: int, other: int, count: int, columns: int) -> None:
    """Covariances of a column with four others at once: sums that need not wait for one another."""
    off, part, used, spread = moments.off, moments.part, moments.used, moments.spread
    first, second, third, fourth = 0.0, 0.0, 0.0, 0.0
    for i in range(count):
        x = part[i] * off[at, i]
        first += x * off[other, i]
        second += x * off[other + 1, i]
        third += x * off[other + 2, i]
        fourth += x * off[other + 3, i]
    sums = (first, second, third, fourth)
    for more in range(min(4, columns - other)):
        spread[a, used[at], used[other + more]] = sums[more]
        spread[a, used[other + more], used[at]] = sums[more]
