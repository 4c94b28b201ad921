"""Splits that are ruled out each by itself, with the least factors of all other axes. Compilable."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.model.counting.kernel import Bools, Floats, Ints

OF_ENERGY, OF_TIME, FIRST_LIMIT = range(3)
"""Blocks of terms: the two parts of the objective, then the blocks that have a limit."""

BLOCK = 64
"""Splits that are summed up at a time, term by term: their factors lie side by side."""

ROUNDING = 1e-12
"""Difference of logarithms that rounding may make."""

NO_LIMIT = 700.0
"""Logarithm in place of a limit that there is not: no sum gets there, and it is still a number when it is raised."""


class Terms(NamedTuple):
    """Sums of T terms, each a coefficient times two factors per axis, in B blocks.

    Parameters
    ----------
    first, second : (T, 6) int64
        Columns of each term's factors in the axes' tables; column 0 is the factor 1.
    logs : (T,) float
        Logarithm of each coefficient (pJ, steps, or the unit of the block's limit).
    block : (T,) int64
        Block of each term: `OF_ENERGY`, `OF_TIME`, then one per limited capacity or side.
    group : (T,) int64
        Group of each term, -1 for none: only the longest group of a block counts.
    limits : (B,) float
        Logarithm of each block's limit.
    fixed : (B,) float
        Weight of the objective's blocks, -1 for a limit.
    groups : int
        How many there are.
    cuts : (T, 2) float
        How many times a term is worth by its whole coefficient, and what is taken off then, see `worth`.
    """

    first: Ints
    second: Ints
    logs: Floats
    block: Ints
    group: Ints
    limits: Floats
    fixed: Floats
    groups: int
    cuts: Floats


class Alive(NamedTuple):
    """Splits of the six axes: those of axis a are rows[start[a]..end[a]].

    Parameters
    ----------
    rows : (n,) int64
        Columns of the axis' table.
    start, end : (6,) int64
    reduced : (n,) float
        Weighted logarithm of each split, beside `rows`, less the least of its axis once that is known.
    """

    rows: Ints
    start: Ints
    end: Ints
    reduced: Floats


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


def worth(value: float, cuts: Floats, t: int) -> float:
    """What a term adds at least, by its coefficient or by what this was before a constant was taken out of it.

    Parameters
    ----------
    value
        Its coefficient times factors, no more than those of the mappings it stands for.
    cuts : (T, 2) float
    """
    return max(value, value * cuts[t, 0] - cuts[t, 1])


def with_lists(terms: Terms, logs: Floats, first: Ints) -> Terms:
    """The same terms with other lists laid down.

    Parameters
    ----------
    logs, first
        As of `Terms`.
    """
    return Terms(
        first, terms.second, logs, terms.block, terms.group, terms.limits, terms.fixed, terms.groups, terms.cuts
    )  # fmt: skip


def in_use(terms: Terms, t: int) -> bool:
    """Whether a term belongs to the objective or to a limit that there is."""
    fixed = terms.fixed[terms.block[t]]
    return bool(fixed > 0.0 or (fixed < 0.0 and terms.limits[terms.block[t]] < NO_LIMIT))


def close_gaps(alive: Alive) -> None:
    """Move the splits of each axis to where those of the axis before end, the first axis' being where they are."""
    rows, reduced, at = alive.rows, alive.reduced, alive.end[0]
    for a in range(1, 6):
        for i in range(alive.start[a], alive.end[a]):
            rows[at], reduced[at] = rows[i], reduced[i]
            at += 1
        alive.end[a] = at


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
    pairs = MergedTerms(
        np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64), np.zeros(size),
        np.zeros(slots), np.zeros(slots), np.arange(slots), np.exp(terms.limits + 1e-11),
    )  # fmt: skip
    for t in range(size):
        if terms.group[t] >= 0:
            pairs.block_of[blocks + terms.group[t]] = terms.block[t]
    return pairs


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
    pairs: MergedTerms,
) -> bool:  # fmt: skip
    """The work of `sift`, in arrays that it made.

    Parameters
    ----------
    least : (6, T) float
        Least factor of each term on each axis.
    same : (6, T) int64
        The first term with the same columns, per axis.
    """
    rows, start, end, reduced, total = alive.rows, alive.start, alive.end, alive.reduced, pairs.total
    height, within = np.zeros((len(total), BLOCK)), np.zeros(BLOCK, dtype=np.bool_)
    find_same(terms, same)
    for a in range(6):
        _least_factors(factors[a], terms, a, same, alive, least)
    for a in range(6):
        table, kept = factors[a], start[a]
        count = pair_terms(terms, a, least, same, pairs)
        for begin in range(start[a], end[a], BLOCK):
            several = rows[begin : min(begin + BLOCK, end[a])]
            sum_up(table, terms, a, several, count, pairs, height)
            each_in_reach(height, len(several), pairs, terms.fixed, enough, within)
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


def pair_terms(terms: Terms, a: int, least: Floats, same: Ints, pairs: MergedTerms) -> int:
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
        How many pairs there are.
    """
    first, second, logs, block, group = terms.first, terms.second, terms.logs, terms.block, terms.group
    where, pair, weight, constant = pairs.slot, pairs.term, pairs.weight, pairs.constant
    cuts, whose = terms.cuts, pairs.whose
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


def sum_up(table: Floats, terms: Terms, a: int, rows: Ints, count: int, pairs: MergedTerms, height: Floats) -> None:
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
            height[slot, i] = pairs.constant[slot]
    for at in range(count):
        t, slot, weight = pairs.term[at], pairs.slot[at], pairs.weight[at]
        j, k = terms.first[t, a], terms.second[t, a]
        share, less = terms.cuts[pairs.whose[at], 0], terms.cuts[pairs.whose[at], 1]
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
    height: Floats, many: int, pairs: MergedTerms, fixed: Floats, enough: float, within: Bools
) -> None:  # fmt: skip
    """Whether the sums with each of several splits keep all limits and stay below the goal.

    What `add_longest` and `in_reach` say of one split, sum by sum and without logarithms.

    Parameters
    ----------
    height : (slots, BLOCK) float
        As `sum_up` has filled it; the groups are added to their blocks here.
    many : int
        How many splits there are.
    within : (BLOCK,) bool
        Filled.
    """
    room, block_of = pairs.room, pairs.block_of
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


def in_reach(heights: Floats, room: Floats, fixed: Floats, enough: float) -> bool:
    """Whether the heights of all blocks keep their limits and stay below the goal."""
    value = 0.0
    for b in range(len(room)):
        if fixed[b] < 0.0 and heights[b] > room[b]:
            return False
        if fixed[b] > 0.0:
            value += fixed[b] * np.log(heights[b])
    return value <= enough + ROUNDING
