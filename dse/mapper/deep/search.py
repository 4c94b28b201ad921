"""The deep search: any number of levels and fan-outs, axis by axis, each split over all levels at once. Compilable.

What an axis contributes to every count is a row of factors (`dse.mapper.deep.axes`); the walk multiplies
them up, and holds both the sums that follow and the separable bound (`dse.mapper.deep.bounds.dual`) against the best
known.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.mapper.deep.bounds.sift import FIRST_LIMIT, OF_ENERGY, OF_TIME, worth
from dse.mapper.deep.chains import settle_sides
from dse.mapper.deep.nest import COLS, ORDER, PER_LEVEL, PER_PART, ROWS, TRIPS, Work, price_whole, workspace
from dse.mapper.deep.problem import Deep
from dse.mapper.shared.incumbent import enter, pruned
from dse.mapper.shared.orders import add_partial_stays, group_dims, list_orders
from dse.model.counting.kernel import Floats, Ints, entry
from dse.problem.dims import P, R

SUBPROBLEMS, SPLITS, LEAVES, PRICED, UNFINISHED = range(5)
"""Places of the counters of a search; the walk counts all but the first."""

KIND, SLIDE, PASSING = range(3)
"""Columns of what is laid down per list; the first two are also those of the kinds of orders."""

ANYTHING = -2
"""What is laid down about a list of which nothing is."""

LAST_AXIS = 5
"""Depth of the last axis in the walk."""


class Splits(NamedTuple):
    """The splits of the six axes, those of axis a in rows start[a]..start[a + 1], by rising `reduced`.

    Parameters
    ----------
    factors : (n, T) float
        Factor of each split in each term.
    chains : (n, 2, 2 * k) int64
        Trips and children of each of k levels, for both dims of the axis.
    start : (7,) int64
    sequence : (6,) int64
        Axes in the order of the walk.
    reduced : (n,) float
        How far, in logarithms, a split lifts the separable bound above its least.
    """

    factors: Floats
    chains: Ints
    start: Ints
    sequence: Ints
    reduced: Floats


class Sums(NamedTuple):
    """What the terms of a mapping add up to, and how large that may be.

    Parameters
    ----------
    coefficient : (T,) float
        Each term before its factors: pJ, steps, or the unit of its limit.
    block : (T,) int64
        Sum that each term belongs to: energy, time, or one of the limits.
    group : (T,) int64
        Group of each term, -1 for none: only the longest group of a block counts.
    limits : (B,) float
        The most of each block, of no meaning for the two objectives.
    groups : int
    cuts : (T, 2) float
        See `dse.mapper.deep.bounds.sift.worth`.
    """

    coefficient: Floats
    block: Ints
    group: Ints
    limits: Floats
    groups: int
    cuts: Floats


class Goal(NamedTuple):
    """What a walk looks for, and when it ends.

    Parameters
    ----------
    kind : int
        Objective, one of those in `dse.mapper.shared.incumbent`.
    gap : float
        Mappings that are better by no more than this, relatively, are not looked for.
    until : float
        Mappings that take so many steps or more are of no use.
    reach : float
        How far, in logarithms, the splits of a mapping together may lift the separable bound.
    limit : int
        Splits at which the walk stops unfinished, 0 for no limit.
    stop : (1,) int64
        Anything but zero ends the walk, once a mapping is known.
    """

    kind: int
    gap: float
    until: float
    reach: float
    limit: int
    stop: Ints


class Incumbents(NamedTuple):
    """The best mappings known, and what it took to find them; a walk adds to both.

    Parameters
    ----------
    values : (room, 2) float
        Energy (pJ) and latency (steps).
    records : (room, record_length(k)) int64
        One row per mapping: see `dse.mapper.deep.nest.parts_of`; last, the bypass choice.
    visited : (5,) int64
        Counts up: subproblems, splits tried, leaves, mappings priced; the last is set to 1 when the walk stopped at
        the limit or was told to.
    mask : int
        The bypass choice at hand.
    """

    values: Floats
    records: Ints
    visited: Ints
    mask: int


class Orders(NamedTuple):
    """Room for the orders of all lists.

    Parameters
    ----------
    order : (k, 24, 8) int64
        Orders of each list, as `list_orders` gives them.
    kinds : (24, 2) int64
        Operand and slide of each order of the list at hand.
    several : (k,) int64
        How many orders each list has.
    chosen : (k,) int64
        The order of each list at hand.
    point : (3,) float
        Price of the mapping at hand: energy (pJ) and latency (steps).
    """

    order: Ints
    kinds: Ints
    several: Ints
    chosen: Ints
    point: Floats


class Scratch(NamedTuple):
    """Room for a walk.

    Parameters
    ----------
    split : (k, 4, 8) int64
        The mapping at hand: per level trips, rows, columns and order.
    partial : (7, T) float
        Terms with the factors of the axes before each depth.
    rest : (7, T) float
        The least that the axes from each depth on multiply a term by.
    lifted : (7,) float
        How far, in logarithms, the splits before each depth lift the separable bound.
    place : (6,) int64
        Split at each depth.
    sums : (B,) float
        Sum of each block.
    longest : (groups + 1,) float
        Sum of each group.
    orders, work
        Room for the orders of the mapping at hand, and for its price.
    """

    split: Ints
    partial: Floats
    rest: Floats
    lifted: Floats
    place: Ints
    sums: Floats
    longest: Floats
    orders: Orders
    work: Work


@entry
def search_deep(
    dp: Deep, splits: Splits, terms: Sums, choices: Ints, goal: Goal, incumbents: Incumbents, held: int
) -> int:
    """Walk the splits of all axes, best reduced cost first, and price the mappings that may improve.

    Parameters
    ----------
    choices : (k, 3) int64
        What is laid down per list: operand that stays, axis of the slide, whether the list has none of the operand's
        loops; -2 for nothing.
    held : int
        How many incumbents there are.

    Returns
    -------
    int
        How many incumbents there are, -1 when there is no room for all.
    """
    levels, size = len(dp.nodes), len(terms.coefficient)
    orders = Orders(
        np.zeros((levels, 24, 8), dtype=np.int64), np.zeros((24, 2), dtype=np.int64),
        np.zeros(levels, dtype=np.int64), np.zeros(levels, dtype=np.int64), np.zeros(3),
    )  # fmt: skip
    scratch = Scratch(
        np.zeros((levels, 4, 8), dtype=np.int64), np.zeros((7, size)), np.zeros((7, size)), np.zeros(7),
        np.zeros(6, dtype=np.int64), np.zeros(len(terms.limits)), np.zeros(terms.groups + 1), orders, workspace(dp),
    )  # fmt: skip
    return _walk(dp, splits, terms, choices, goal, incumbents, held, scratch)


def _walk(
    dp: Deep, splits: Splits, terms: Sums, choices: Ints, goal: Goal, incumbents: Incumbents, held: int,
    scratch: Scratch,
) -> int:  # fmt: skip
    """The walk of `search_deep`, in arrays that it made."""
    start, sequence, reduced = splits.start, splits.sequence, splits.reduced
    lifted, place, visited = scratch.lifted, scratch.place, incumbents.visited
    _begin(dp, splits, terms, scratch)
    depth = 0
    place[0] = start[sequence[0]] - 1
    while depth >= 0 and held >= 0:
        a = sequence[depth]
        place[depth] += 1
        i = place[depth]
        if i == start[a + 1] or lifted[depth] + reduced[i] > goal.reach:
            depth -= 1
            continue
        visited[SPLITS] += 1
        if (goal.stop[0] != 0 and held > 0) or (goal.limit > 0 and visited[SPLITS] >= goal.limit):
            visited[UNFINISHED] = 1
            break
        lifted[depth + 1] = lifted[depth] + reduced[i]
        _sum_up(splits.factors, depth, i, terms, scratch)
        if not _promising(terms, scratch, goal, incumbents.values, held):
            continue
        if depth < LAST_AXIS:
            depth += 1
            place[depth] = start[sequence[depth]] - 1
            continue
        visited[LEAVES] += 1
        for x in range(6):
            _put(splits.chains, place[x], sequence[x], scratch.split)
        if settle_sides(dp, scratch.split):
            held = _price_orders(dp, choices, goal, incumbents, held, scratch)
    return held


def _begin(dp: Deep, splits: Splits, terms: Sums, scratch: Scratch) -> None:
    """Fill the terms before the first axis, and the least that the axes from each depth on multiply them by."""
    factors, start = splits.factors, splits.start
    for t in range(len(terms.coefficient)):
        scratch.partial[0, t] = terms.coefficient[t]
        scratch.rest[6, t] = 1.0
        for depth in range(LAST_AXIS, -1, -1):
            a = splits.sequence[depth]
            least = np.inf
            for i in range(start[a], start[a + 1]):
                least = min(least, factors[i, t])
            scratch.rest[depth, t] = scratch.rest[depth + 1, t] * least
    for level in range(len(dp.nodes)):
        for part in range(4):
            for d in range(8):
                scratch.split[level, part, d] = 1


def _sum_up(factors: Floats, depth: int, i: int, terms: Sums, scratch: Scratch) -> None:
    """Sums of the terms, with the least factors of the axes still open, when an axis takes a split."""
    block, group = terms.block, terms.group
    partial, rest, sums, longest = scratch.partial, scratch.rest, scratch.sums, scratch.longest
    for b in range(len(sums)):
        sums[b] = 0.0
    for g in range(len(longest)):
        longest[g] = 0.0
    for t in range(len(block)):
        grown = partial[depth, t] * factors[i, t]
        partial[depth + 1, t] = grown
        grown = worth(grown * rest[depth + 1, t], terms.cuts, t)
        if group[t] < 0:
            sums[block[t]] += grown
        else:
            longest[group[t]] += grown


def _put(chains: Ints, i: int, axis: int, split: Ints) -> None:
    """Write an axis' chains into a mapping's split, all children on rows."""
    for level in range(len(split)):
        for which in range(1 if axis < P else 2):
            d = axis if which == 0 else axis - P + R
            split[level, TRIPS, d] = chains[i, which, 2 * level]
            split[level, ROWS, d], split[level, COLS, d] = chains[i, which, 2 * level + 1], 1


def _promising(terms: Sums, scratch: Scratch, goal: Goal, values: Floats, held: int) -> bool:
    """Whether sums of terms keep all limits and may improve."""
    block, group, limits = terms.block, terms.group, terms.limits
    sums, longest = scratch.sums, scratch.longest
    slack = 1.0 + 1e-11
    for b in range(FIRST_LIMIT, len(limits)):
        if sums[b] > limits[b] * slack:
            return False
    most_energy, most_time = 0.0, 0.0
    for t in range(len(group)):
        if group[t] >= 0 and block[t] == OF_ENERGY:
            most_energy = max(most_energy, longest[group[t]])
        elif group[t] >= 0:
            most_time = max(most_time, longest[group[t]])
    energy, time = sums[OF_ENERGY] + most_energy, sums[OF_TIME] + most_time
    return time < goal.until * slack and not pruned(goal.kind, goal.gap, energy, time, values, held)


def _price_orders(dp: Deep, choices: Ints, goal: Goal, incumbents: Incumbents, held: int, scratch: Scratch) -> int:
    """Price every combination of orders of the lists that can be best and is what `choices` lays down."""
    levels, split, orders, records = len(dp.nodes), scratch.split, scratch.orders, incumbents.records
    several, chosen, point = orders.several, orders.chosen, orders.point
    for i in range(levels):
        chosen[i] = 0
        several[i] = _orders_of(dp, split, i, choices, orders.order, orders.kinds)
        if several[i] == 0:
            return held
    while True:
        for i in range(levels):
            for d in range(8):
                split[i, ORDER, d] = orders.order[i, chosen[i], d]
        incumbents.visited[PRICED] += 1
        if price_whole(dp, split, scratch.work, point) and point[OF_TIME] < goal.until:
            held, at = enter(goal.kind, point[OF_ENERGY], point[OF_TIME], incumbents.values, held, records)
            if at >= 0:
                for i in range(levels):
                    for part in range(4):
                        for d in range(8):
                            records[at, PER_LEVEL * i + PER_PART * part + d] = split[i, part, d]
                records[at, PER_LEVEL * levels] = incumbents.mask
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
    if dp.visits_pay:
        count = add_partial_stays(split[i, TRIPS], stationary, innermost, orders[i], kinds, count)
    if i == dp.last:
        # Inside the innermost list stand the MACs, which receive everything at every step.
        return min(1, count)
    several = 0
    for k in range(count):
        if _laid_down(split[i, TRIPS], kinds[k], choices[i]):
            for d in range(8):
                orders[i, several, d] = orders[i, k, d]
            several += 1
    return several


def axis_of(dim: int) -> int:
    """The axis of a dim, known by its first dim; -1 for no dim."""
    return dim - R + P if dim >= R else dim


def _laid_down(trips: Ints, order: Ints, choice: Ints) -> bool:
    """Whether an order of a list is of the kind that was chosen for it."""
    if choice[KIND] == ANYTHING:
        return True
    if order[KIND] != choice[KIND]:
        return False
    if order[KIND] < 0:
        return True
    if axis_of(order[SLIDE]) != choice[SLIDE]:
        return False
    for d in range(8):
        if choice[PASSING] == 1 and trips[d] > 1:
            irrelevant = False
            for x in group_dims(order[KIND]):
                irrelevant = irrelevant or x == d
            if not irrelevant:
                return False
    return True
