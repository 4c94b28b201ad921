"""Splits that are ruled out each by itself, with the least factors of all other axes. Compilable."""

from __future__ import annotations

from typing import Any

import numpy as np

Ints = Any
Floats = Any


def sift(
    factors: Any, first: Ints, second: Ints, logs: Floats, block: Ints, group: Ints, limits: Floats, groups: int,
    fixed: Floats, enough: float, alive: Ints, start: Ints, end: Ints,
) -> bool:  # fmt: skip
    """Drop splits with which the sums of terms are too large even with the least factors of all other axes.

    Parameters are those of `dse.mapper.deep.dual.climb`. False when an axis has no split left.
    """
    terms, slots = len(logs), len(limits) + groups
    pairs = (np.zeros(terms, dtype=np.int64), np.zeros(terms, dtype=np.int64), np.zeros(terms))
    sums = np.zeros(slots), np.zeros(slots), np.zeros(slots, dtype=np.int64), np.zeros(len(limits))
    return _sift(
        factors, first, second, logs, block, group, limits, fixed, enough, alive, start, end, np.zeros((6, terms)),
        np.zeros((6, terms), dtype=np.int64), pairs, sums,
    )  # fmt: skip


def _sift(
    factors: Any, first: Ints, second: Ints, logs: Floats, block: Ints, group: Ints, limits: Floats, fixed: Floats,
    enough: float, alive: Ints, start: Ints, end: Ints, least: Floats, same: Ints, pairs: Any, sums: Any,
) -> bool:  # fmt: skip
    """The work of `sift`, in arrays that it made."""
    total, constant, block_of, room = sums
    for b in range(len(limits)):
        room[b] = np.exp(limits[b] + 1e-11)
    for slot in range(len(total)):
        block_of[slot] = slot
    for t in range(len(logs)):
        if group[t] >= 0:
            block_of[len(limits) + group[t]] = block[t]
    for a in range(6):
        for t in range(len(logs)):
            # The first term with the same columns of the axis.
            same[a, t] = 0
            while first[same[a, t], a] != first[t, a] or second[same[a, t], a] != second[t, a]:
                same[a, t] += 1
        _least_factors(factors[a], first, second, a, same, alive, start, end, least)
    for a in range(6):
        table, kept = factors[a], start[a]
        count = _pair_up(first, second, logs, block, group, len(limits), a, least, same, constant, pairs)
        for i in range(start[a], end[a]):
            _sum_up(table, first, second, a, alive[i], count, pairs, constant, total)
            if _in_reach(total, block_of, room, fixed, enough):
                alive[kept] = alive[i]
                kept += 1
        changed = kept < end[a]
        end[a] = kept
        if kept == start[a]:
            return False
        if changed:
            _least_factors(table, first, second, a, same, alive, start, end, least)
    return True


def _least_factors(
    table: Floats, first: Ints, second: Ints, a: int, same: Ints, alive: Ints, start: Ints, end: Ints, least: Floats
) -> None:
    """The least factor of each term among the splits of an axis."""
    for t in range(len(first)):
        j, k = first[t, a], second[t, a]
        if same[a, t] < t:
            least[a, t] = least[a, same[a, t]]
        elif j == 0 and k == 0:
            least[a, t] = 1.0
        else:
            least[a, t] = np.inf
            for i in range(start[a], end[a]):
                least[a, t] = min(least[a, t], table[j, alive[i]] * table[k, alive[i]])


def _pair_up(
    first: Ints, second: Ints, logs: Floats, block: Ints, group: Ints, blocks: int, a: int, least: Floats, same: Ints,
    constant: Floats, pairs: Any,
) -> int:  # fmt: skip
    """Terms of one sum with the same factor of an axis as one, and what no split of the axis changes.

    Parameters
    ----------
    least, same : (6, T)
        Least factor of each term, and the first term with the same columns, per axis.
    constant : (slots,)
        Filled: of each block, and behind them of each group, the sum of terms without a factor of the axis.
    pairs : 3 x (T,)
        Filled: slot, term with the columns, and weight of each pair.

    Returns
    -------
    int
        How many pairs there are.
    """
    where, pair, weight = pairs
    for slot in range(len(constant)):
        constant[slot] = 0.0
    count = 0
    for t in range(len(logs)):
        rest = np.exp(logs[t])
        for other in range(6):
            if other != a:
                rest *= least[other, t]
        slot = block[t] if group[t] < 0 else blocks + group[t]
        if first[t, a] == 0 and second[t, a] == 0:
            constant[slot] += rest
            continue
        at = 0
        while at < count and (where[at] != slot or pair[at] != same[a, t]):
            at += 1
        if at == count:
            where[at], pair[at], weight[at] = slot, same[a, t], 0.0
            count += 1
        weight[at] += rest
    return count


def _sum_up(
    table: Floats, first: Ints, second: Ints, a: int, row: int, count: int, pairs: Any, constant: Floats, total: Floats
) -> None:
    """Sums of blocks and groups with one split of an axis."""
    where, pair, weight = pairs
    for slot in range(len(total)):
        total[slot] = constant[slot]
    for at in range(count):
        total[where[at]] += weight[at] * table[first[pair[at], a], row] * table[second[pair[at], a], row]


def _in_reach(sums: Floats, block_of: Ints, room: Floats, fixed: Floats, enough: float) -> bool:
    """Whether sums of blocks, and behind them of groups, keep all limits and stay below the goal."""
    most_energy, most_time = 0.0, 0.0
    for slot in range(len(room), len(sums)):
        if block_of[slot] == 0:
            most_energy = max(most_energy, sums[slot])
        else:
            most_time = max(most_time, sums[slot])
    value = 0.0
    for b in range(len(room)):
        here = sums[b]
        if b == 0:
            here += most_energy
        elif b == 1:
            here += most_time
        if fixed[b] < 0.0 and here > room[b]:
            return False
        if fixed[b] > 0.0:
            value += fixed[b] * np.log(here)
    return value <= enough + 1e-9
