"""Splits that are ruled out each by itself, with the least factors of all other axes. Compilable."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.mapper.deep.bounds.sums.records import OF_ENERGY, OF_TIME, OVER, ROUNDING, Alive, Terms, in_use, worth
from dse.model.counting.kernel import Bools, Floats, Ints

BLOCK = 64
"""Splits that are summed up at a time, term by term: their factors lie side by side."""


class MergedTerms(NamedTuple):
    """Terms of one sum with the same factor of an axis, taken as one, and the sums of an axis' split.

    Parameters
    ----------
    slot, term, whose : (T,) int64
        Sum that a pair adds to, the first term with its columns, and its own first term. One with a constant taken out
        is a pair by itself.
    weight : (T,) float
        What its factor is multiplied by.
    constant, total : (slots,) float
        Of each block, and behind them of each group: the sum of terms without a factor of the axis, and of all terms.
    block_of : (slots,) int64
        Block of each sum.
    room : (B,) float
        The most of each block.
    """

    slot: Ints
    term: Ints
    whose: Ints
    weight: Floats
    constant: Floats
    total: Floats
    block_of: Ints
    room: Floats


def sift(factors: tuple[Floats, ...], terms: Terms, enough: float, alive: Alive) -> bool:
    """Drop splits with which the sums of terms are too large even with the least factors of all other axes.

    Parameters
    ----------
    factors : 6 x (columns, n) float
        Factors of each axis' splits.
    enough : float
        Logarithm of the objective that a mapping must stay below.
    alive
        What is left of it, in place, `reduced` with it.

    Returns
    -------
    bool
        False when an axis has no split left.
    """
    size = len(terms.logs)
    least, same = np.zeros((6, size)), np.zeros((6, size), dtype=np.int64)
    return _sift(factors, terms, enough, alive, least, same, sums_of(terms))


def sums_of(terms: Terms) -> MergedTerms:
    """Room for the sums of an axis' splits."""
    size, blocks = len(terms.logs), len(terms.limits)
    slots = blocks + terms.groups
    merged = MergedTerms(
        np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64), np.zeros(size),
        np.zeros(slots), np.zeros(slots), np.arange(slots), np.exp(terms.limits + OVER),
    )  # fmt: skip
    for t in range(size):
        if terms.group[t] >= 0:
            merged.block_of[blocks + terms.group[t]] = terms.block[t]
    return merged


def find_same(terms: Terms, same: Ints) -> None:
    """Fill in the first term with the same columns, per axis."""
    first, second = terms.first, terms.second
    for a in range(6):
        for t in range(len(terms.logs)):
            same[a, t] = 0
            while first[same[a, t], a] != first[t, a] or second[same[a, t], a] != second[t, a]:
                same[a, t] += 1


def _sift(
    factors: tuple[Floats, ...], terms: Terms, enough: float, alive: Alive, least: Floats, same: Ints,
    merged: MergedTerms,
) -> bool:  # fmt: skip
    """The work of `sift`, in arrays that it made.

    Parameters
    ----------
    least : (6, T) float
        Least factor of each term on each axis.
    same : (6, T) int64
        The first term with the same columns, per axis.
    """
    rows, start, end, reduced, total = alive.rows, alive.start, alive.end, alive.reduced, merged.total
    height, within = np.zeros((len(total), BLOCK)), np.zeros(BLOCK, dtype=np.bool_)
    find_same(terms, same)
    for a in range(6):
        _least_factors(factors[a], terms, a, same, alive, least)
    for a in range(6):
        table, kept = factors[a], start[a]
        count = merge_terms(terms, a, least, same, merged)
        for begin in range(start[a], end[a], BLOCK):
            several = rows[begin : min(begin + BLOCK, end[a])]
            sum_up(table, terms, a, several, count, merged, height)
            each_in_reach(height, len(several), merged, terms.fixed, enough, within)
            for i in range(len(several)):
                if within[i]:
                    rows[kept], reduced[kept] = several[i], reduced[begin + i]
                    kept += 1
        changed = kept < end[a] and a < 5
        end[a] = kept
        if kept == start[a]:
            return False
        if changed:
            _least_factors(table, terms, a, same, alive, least)
    return True


def _least_factors(table: Floats, terms: Terms, a: int, same: Ints, alive: Alive, least: Floats) -> None:
    """The least factor of each term that counts among the splits of an axis."""
    first, second, rows, start, end = terms.first, terms.second, alive.rows, alive.start, alive.end
    counts = np.zeros(len(first), dtype=np.bool_)
    for t in range(len(first)):
        counts[same[a, t]] |= in_use(terms, t)
    for t in range(len(first)):
        j, k = first[t, a], second[t, a]
        if same[a, t] < t:
            least[a, t] = least[a, same[a, t]]
        elif (j == 0 and k == 0) or not counts[t]:
            least[a, t] = 1.0
        else:
            value = np.inf
            if k == 0:
                for i in range(start[a], end[a]):
                    value = min(value, table[j, rows[i]])
            else:
                for i in range(start[a], end[a]):
                    value = min(value, table[j, rows[i]] * table[k, rows[i]])
            least[a, t] = value


def merge_terms(terms: Terms, a: int, least: Floats, same: Ints, merged: MergedTerms) -> int:
    """Take terms of one sum with the same factor of an axis as one, and add up what no split of the axis changes.

    Terms of sums that do not count are left out.

    Parameters
    ----------
    least : (6, T) float
        Factor of each term on each other axis.
    same : (6, T) int64
        The first term with the same columns, per axis.

    Returns
    -------
    int
        How many terms there are.
    """
    first, second, logs, block, group = terms.first, terms.second, terms.logs, terms.block, terms.group
    where, pair, weight, constant = merged.slot, merged.term, merged.weight, merged.constant
    cuts, whose = terms.cuts, merged.whose
    blocks = len(terms.limits)
    for slot in range(len(constant)):
        constant[slot] = 0.0
    count = 0
    for t in range(len(logs)):
        if not in_use(terms, t):
            continue
        rest = np.exp(logs[t])
        for other in range(6):
            if other != a:
                rest *= least[other, t]
        slot = block[t] if group[t] < 0 else blocks + group[t]
        if first[t, a] == 0 and second[t, a] == 0:
            constant[slot] += worth(rest, cuts, t)
            continue
        at = 0
        while at < count and (where[at] != slot or pair[at] != same[a, t] or cuts[t, 1] + cuts[whose[at], 1] > 0.0):
            at += 1
        if at == count:
            where[at], pair[at], whose[at], weight[at] = slot, same[a, t], t, 0.0
            count += 1
        weight[at] += rest
    return count


def sum_up(table: Floats, terms: Terms, a: int, rows: Ints, count: int, merged: MergedTerms, height: Floats) -> None:
    """The sums of blocks and groups with each of some splits of an axis.

    Parameters
    ----------
    rows : (n,) int64
        The splits, no more than `BLOCK`.
    height : (slots, BLOCK) float
        Filled.
    """
    for slot in range(len(height)):
        for i in range(len(rows)):
            height[slot, i] = merged.constant[slot]
    for at in range(count):
        t, slot, weight = merged.term[at], merged.slot[at], merged.weight[at]
        j, k = terms.first[t, a], terms.second[t, a]
        share, less = terms.cuts[merged.whose[at], 0], terms.cuts[merged.whose[at], 1]
        if k == 0 and less == 0.0:
            for i in range(len(rows)):
                height[slot, i] += weight * table[j, rows[i]]
        else:
            for i in range(len(rows)):
                value = weight * table[j, rows[i]] * table[k, rows[i]]
                height[slot, i] += max(value, value * share - less)


def add_longest(total: Floats, block_of: Ints, blocks: int) -> None:
    """Add to the sums of energy and of time that of the longest of their groups.

    Parameters
    ----------
    total : (slots,) float
        Sums of the blocks, and behind them of the groups.
    block_of : (slots,) int64
    blocks : int
        How many blocks there are.
    """
    energy, time = 0.0, 0.0
    for slot in range(blocks, len(total)):
        if block_of[slot] == OF_ENERGY:
            energy = max(energy, total[slot])
        else:
            time = max(time, total[slot])
    total[OF_ENERGY] += energy
    total[OF_TIME] += time


def each_in_reach(
    height: Floats, many: int, merged: MergedTerms, fixed: Floats, enough: float, within: Bools
) -> None:  # fmt: skip
    """Whether the sums with each of several splits keep all limits and stay below the goal.

    What `add_longest` and a comparison with limits and goal say of one split, sum by sum and without logarithms.

    Parameters
    ----------
    height : (slots, BLOCK) float
        As `sum_up` has filled it; the groups are added to their blocks here.
    many : int
        How many splits there are.
    within : (BLOCK,) bool
        Filled.
    """
    room, block_of = merged.room, merged.block_of
    blocks, goal = len(room), np.exp(enough + 2.0 * ROUNDING)
    first = np.full(2, -1)
    for slot in range(blocks, len(height)):
        b = OF_ENERGY if block_of[slot] == OF_ENERGY else OF_TIME
        if first[b] < 0:
            first[b] = slot
        else:
            longest, mine = height[first[b]], height[slot]
            for i in range(many):
                longest[i] = max(longest[i], mine[i])
    for b in range(2):
        if first[b] >= 0:
            whole, longest = height[b], height[first[b]]
            for i in range(many):
                whole[i] += longest[i]
    for i in range(many):
        value = height[OF_ENERGY, i] if fixed[OF_ENERGY] > 0.0 else 1.0
        value *= height[OF_TIME, i] if fixed[OF_TIME] > 0.0 else 1.0
        within[i] = value <= goal
    for b in range(blocks):
        if fixed[b] < 0.0:
            mine, most = height[b], room[b]
            for i in range(many):
                within[i] = within[i] and mine[i] <= most
