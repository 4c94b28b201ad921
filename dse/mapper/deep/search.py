"""The deep search: any number of levels and fan-outs, axis by axis, each split over all levels at once. Compilable.

What an axis contributes to every count is a row of factors (`dse.mapper.deep.axes`); the walk multiplies
them up, and holds both the sums that follow and the separable bound (`dse.mapper.deep.dual`) against the best known.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.mapper.deep.nest import ORDER, TRIPS, price_whole, workspace
from dse.mapper.shared.incumbent import enter, pruned
from dse.mapper.shared.orders import group_dims, list_orders

Ints = Any
Floats = Any
Deep = Any


def search_deep(
    dp: Deep, factors: Floats, chains: Ints, start: Ints, sequence: Ints, reduced: Floats, gap_left: float,
    coefficient: Floats, block: Ints, group: Ints, limits: Floats, groups: int, choices: Ints, until: float, kind: int,
    gap: float, mask: int, values: Any, records: Ints, held: int, visited: Ints, limit: int, stop: Ints,
) -> int:  # fmt: skip
    """Walk the splits of all axes, best reduced cost first, and price the mappings that may improve.

    Parameters
    ----------
    factors : (n, T)
        Factor of each split in each term; those of axis a are rows start[a]..start[a + 1], reduced cost rising.
    chains : (n, 2, 3 * k)
        Trips, rows and columns of each level, for both dims of the axis.
    sequence : (6,)
        Axes in the order of the walk.
    reduced : (n,)
        How far, in logarithms, a split lifts the separable bound above its least.
    gap_left : float
        What all splits together may lift it without passing the best that is known.
    coefficient, block, group : (T,)
        The terms.
    limits : (B,)
    choices : (k, 3)
        What is laid down per list: operand that stays, axis of the slide, whether the list has none of the operand's
        loops; -2 for nothing.
    until : float
        Mappings that take so long or longer are of no use.
    kind, gap, mask, values, held
        As in `dse.mapper.flat.search`.
    records : (*, 32 * k + 1)
        One row per incumbent: per level trips, rows, columns and order (outermost last); then the bypass choice.
    visited : (5,)
        Counts up: subproblems (elsewhere), splits tried, leaves, mappings priced; the last is set to 1 when the walk
        stopped at the limit or was told to.
    limit : int
        Splits at which the walk stops unfinished, 0 for no limit.
    stop : (1,)
        Anything but zero ends the walk, once a mapping is known.

    Returns
    -------
    int
        How many incumbents there are, -1 when there is no room for all.
    """
    levels, terms = len(dp.nodes), len(coefficient)
    scratch = (
        np.zeros((levels, 4, 8), dtype=np.int64), np.zeros((7, terms)), np.zeros((7, terms)), np.zeros(7),
        np.zeros(6, dtype=np.int64), np.zeros(len(limits)), np.zeros(groups + 1),
    )  # fmt: skip
    listed = (np.zeros((levels, 24, 8), dtype=np.int64), np.zeros((24, 2), dtype=np.int64),
              np.zeros(levels, dtype=np.int64), np.zeros(levels, dtype=np.int64), np.zeros(3))  # fmt: skip
    return _walk(
        dp, factors, chains, start, sequence, reduced, gap_left, coefficient, block, group, limits, choices, until,
        kind, gap, mask, values, records, held, visited, limit, stop, scratch, listed, workspace(dp),
    )  # fmt: skip


def _walk(
    dp: Deep, factors: Floats, chains: Ints, start: Ints, sequence: Ints, reduced: Floats, gap_left: float,
    coefficient: Floats, block: Ints, group: Ints, limits: Floats, choices: Ints, until: float, kind: int, gap: float,
    mask: int, values: Any, records: Ints, held: int, visited: Ints, limit: int, stop: Ints, scratch: Any, listed: Any,
    work: Any,
) -> int:  # fmt: skip
    """The walk of `search_deep`, in arrays that it made."""
    split, partial, rest, lifted, place, sums, longest = scratch
    _begin(dp, factors, start, sequence, coefficient, split, partial, rest)
    depth = 0
    place[0] = start[sequence[0]] - 1
    while depth >= 0 and held >= 0:
        a = sequence[depth]
        place[depth] += 1
        i = place[depth]
        if i == start[a + 1] or lifted[depth] + reduced[i] > gap_left:
            depth -= 1
            continue
        visited[1] += 1
        if (stop[0] != 0 and held > 0) or (limit > 0 and visited[1] >= limit):
            visited[4] = 1
            break
        lifted[depth + 1] = lifted[depth] + reduced[i]
        _sum_up(factors, depth, i, block, group, partial, rest, sums, longest)
        if not _promising(sums, longest, block, group, limits, until, kind, gap, values, held):
            continue
        if depth < 5:
            depth += 1
            place[depth] = start[sequence[depth]] - 1
            continue
        visited[2] += 1
        for x in range(6):
            _put(chains, place[x], sequence[x], split)
        held = _price_orders(dp, split, choices, until, kind, mask, values, records, held, visited, listed, work)
    return held


def _begin(
    dp: Deep, factors: Floats, start: Ints, sequence: Ints, coefficient: Floats, split: Ints, partial: Floats,
    rest: Floats,
) -> None:  # fmt: skip
    """Fill the terms before the first axis, and the least that the axes from each depth on multiply them by."""
    for t in range(len(coefficient)):
        partial[0, t] = coefficient[t]
        rest[6, t] = 1.0
        for depth in range(5, -1, -1):
            a = sequence[depth]
            least = np.inf
            for i in range(start[a], start[a + 1]):
                least = min(least, factors[i, t])
            rest[depth, t] = rest[depth + 1, t] * least
    for level in range(len(dp.nodes)):
        for part in range(4):
            for d in range(8):
                split[level, part, d] = 1


def _sum_up(
    factors: Floats, depth: int, i: int, block: Ints, group: Ints, partial: Floats, rest: Floats, sums: Floats,
    longest: Floats,
) -> None:  # fmt: skip
    """Sums of the terms, with the least factors of the axes still open, when an axis takes a split."""
    for b in range(len(sums)):
        sums[b] = 0.0
    for g in range(len(longest)):
        longest[g] = 0.0
    for t in range(len(block)):
        grown = partial[depth, t] * factors[i, t]
        partial[depth + 1, t] = grown
        grown *= rest[depth + 1, t]
        if group[t] < 0:
            sums[block[t]] += grown
        else:
            longest[group[t]] += grown


def _put(chains: Ints, i: int, axis: int, split: Ints) -> None:
    """Write an axis' chains into a mapping's split."""
    for level in range(len(split)):
        for part in range(3):
            split[level, part, axis] = chains[i, 0, 3 * level + part]
            if axis > 3:
                split[level, part, axis + 2] = chains[i, 1, 3 * level + part]


def _promising(
    sums: Floats, longest: Floats, block: Ints, group: Ints, limits: Floats, until: float, kind: int, gap: float,
    values: Any, held: int,
) -> bool:  # fmt: skip
    """Whether sums of terms keep all limits and may improve."""
    slack = 1.0 + 1e-11
    for b in range(2, len(limits)):
        if sums[b] > limits[b] * slack:
            return False
    most_energy, most_time = 0.0, 0.0
    for t in range(len(group)):
        if group[t] >= 0 and block[t] == 0:
            most_energy = max(most_energy, longest[group[t]])
        elif group[t] >= 0:
            most_time = max(most_time, longest[group[t]])
    energy, time = sums[0] + most_energy, sums[1] + most_time
    return time < until * slack and not pruned(kind, gap, energy, time, values, held)


def _price_orders(
    dp: Deep, split: Ints, choices: Ints, until: float, kind: int, mask: int, values: Any, records: Ints, held: int,
    visited: Ints, listed: Any, work: Any,
) -> int:  # fmt: skip
    """Price every combination of orders of the lists that can be best and is what `choices` lays down."""
    levels = len(dp.nodes)
    orders, kinds, several, chosen, point = listed
    for i in range(levels):
        chosen[i] = 0
        several[i] = _orders_of(dp, split, i, choices, orders, kinds)
        if several[i] == 0:
            return held
    while True:
        for i in range(levels):
            for d in range(8):
                split[i, ORDER, d] = orders[i, chosen[i], d]
        visited[3] += 1
        price_whole(dp, split, work, point)
        if point[1] < until:
            held, at = enter(kind, point[0], point[1], values, held, records)
            if at >= 0:
                for i in range(levels):
                    for part in range(4):
                        for d in range(8):
                            records[at, 32 * i + 8 * part + d] = split[i, part, d]
                records[at, 32 * levels] = mask
            if held < 0:
                return held
        i = levels - 1
        while i >= 0:
            chosen[i] += 1
            if chosen[i] < several[i]:
                break
            chosen[i] = 0
            i -= 1
        if i < 0:
            return held


def _orders_of(dp: Deep, split: Ints, i: int, choices: Ints, orders: Ints, kinds: Ints) -> int:
    """List the orders of a list that can be best and are what `choices` lays down; returns how many."""
    stationary = dp.stationary if i == dp.near else -1
    innermost = dp.innermost if i == dp.near else -1
    count = list_orders(split[i, TRIPS], stationary, innermost, orders[i], kinds)
    if i == len(dp.nodes) - 1:
        # Inside the innermost list stand the MACs, which receive everything at every step.
        return min(1, count)
    several = 0
    for k in range(count):
        if _laid_down(split[i, TRIPS], kinds[k], choices[i]):
            for d in range(8):
                orders[i, several, d] = orders[i, k, d]
            several += 1
    return several


def _laid_down(trips: Ints, order: Ints, choice: Ints) -> bool:
    """Whether an order of a list is of the kind that was chosen for it."""
    if choice[0] == -2:
        return True
    if order[0] != choice[0]:
        return False
    if order[0] < 0:
        return True
    slide = order[1]
    if slide >= 6:
        slide -= 2
    if slide != choice[1]:
        return False
    for d in range(8):
        if choice[2] == 1 and trips[d] > 1:
            irrelevant = False
            for x in group_dims(order[0]):
                irrelevant = irrelevant or x == d
            if not irrelevant:
                return False
    return True
