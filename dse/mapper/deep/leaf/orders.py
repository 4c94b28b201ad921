"""What a walk comes to: a whole split in every axis, priced with all of its orders. Compilable."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.mapper.deep.bounds.sums.records import OF_ENERGY, OF_TIME
from dse.mapper.deep.leaf.nest import Work, price_finished, workspace
from dse.mapper.deep.problem import Deep
from dse.mapper.deep.record import (
    ANYTHING,
    COLS,
    KIND,
    ORDER,
    PASSING,
    PER_LEVEL,
    PER_PART,
    ROWS,
    SLIDE,
    TRIPS,
    axis_of,
)
from dse.mapper.shared.incumbent import SLACK, enter
from dse.mapper.shared.mapspace.orders import add_partial_stays, group_dims, list_orders
from dse.model.counting.kernel import Floats, Ints
from dse.problem.dims import P, R

SUBPROBLEMS, SPLITS, LEAVES, PRICED, UNFINISHED = range(5)
"""Places of the counters of a search; the walk counts all but the first."""


TIED = 0.25 * SLACK
"""How much less than an incumbent's, relatively, bounds on energy and time may be where nothing is better than it."""


class Goal(NamedTuple):
    """What a walk looks for, and when it ends.

    Parameters
    ----------
    kind : int
        Objective, one of those in `dse.mapper.shared.incumbent`.
    gap : float
        Mappings that are better by no more than this, relatively, are not looked for. Below zero, all mappings that
        cost what the best one does, or a point of the front, are priced, and of these the one whose record comes
        first is kept.
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
        One row per mapping: see `dse.mapper.deep.record.parts_of`; last, the bypass choice.
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
    point : (2,) float
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
    orders, work
        Room for the orders of the mapping at hand, and for its price.
    only_finished : (k,) int64
        As of the problem.
    marks : (n,) int64
        See `dse.mapper.deep.leaf.walk.Sets`.
    """

    split: Ints
    orders: Orders
    work: Work
    only_finished: Ints
    marks: Ints


def scratch_of(dp: Deep) -> Scratch:
    """Room for walks of a problem."""
    levels = len(dp.nodes)
    orders = Orders(
        np.zeros((levels, 24, 8), dtype=np.int64), np.zeros((24, 2), dtype=np.int64),
        np.zeros(levels, dtype=np.int64), np.zeros(levels, dtype=np.int64), np.zeros(2),
    )  # fmt: skip
    split, marks = np.ones((levels, 4, 8), dtype=np.int64), np.zeros(0, dtype=np.int64)
    return Scratch(split, orders, workspace(dp), dp.only_finished, marks)


def put_split(chains: Ints, row: int, axis: int, split: Ints) -> None:
    """Write an axis' chains into a mapping's split, all children on rows."""
    for level in range(len(split)):
        for which in range(1 if axis < P else 2):
            d = axis if which == 0 else axis - P + R
            split[level, TRIPS, d] = chains[row, which, 2 * level]
            split[level, ROWS, d], split[level, COLS, d] = chains[row, which, 2 * level + 1], 1


def tied_with(goal: Goal, energy: float, time: float, values: Floats, held: int) -> int:
    """The incumbent whose place a mapping at or above a bound can take by its record alone; -1 if there is none.

    There is none either where the first of all mappings that cost the same is not sought.

    Parameters
    ----------
    energy, time : float
        Lower bounds.
    values, held
        As for `dse.mapper.shared.incumbent.pruned`.

    Examples
    --------
    >>> goal, values = Goal(0, -1e-12, 9.0, 0.0, 0, np.zeros(1, int)), np.array([[5.0, 2.0]])
    >>> tied_with(goal, 5.0, 2.0, values, 1), tied_with(goal, 5.0, 1.9, values, 1)
    (0, -1)
    """
    if goal.gap < 0.0:
        for at in range(held):
            if energy >= values[at, OF_ENERGY] * (1.0 - TIED) and time >= values[at, OF_TIME] * (1.0 - TIED):
                return at
    return -1


def price_orders(
    dp: Deep, choices: Ints, goal: Goal, incumbents: Incumbents, held: int, scratch: Scratch, tied: int = -1
) -> int:
    """Price every combination of orders of the lists that can be best and is what `choices` lays down.

    Parameters
    ----------
    tied : int
        See `tied_with`: if there is one, those alone whose record stands before its record.
    """
    levels, split, orders, chosen = len(dp.nodes), scratch.split, scratch.orders, scratch.orders.chosen
    for i in range(levels):
        chosen[i] = 0
        orders.several[i] = _orders_of(dp, split, i, choices, orders.order, orders.kinds)
        if orders.several[i] == 0:
            return held
    while True:
        for i in range(levels):
            for d in range(8):
                split[i, ORDER, d] = orders.order[i, chosen[i], d]
        if tied < 0 or _comes_first(split, incumbents.records[tied]):
            held = _price(dp, goal, incumbents, held, scratch)
            if held < 0:
                return held
        i = levels - 1
        while i >= 0:
            chosen[i] += 1
            if chosen[i] < orders.several[i]:
                break
            chosen[i] = 0
            i -= 1
        if i < 0:
            return held


def _price(dp: Deep, goal: Goal, incumbents: Incumbents, held: int, scratch: Scratch) -> int:
    """Price the mapping at hand, which is an incumbent then if it is better; returns how many there are."""
    split, point, values, records = scratch.split, scratch.orders.point, incumbents.values, incumbents.records
    incumbents.visited[PRICED] += 1
    if not price_finished(dp, scratch.only_finished, split, scratch.work, point) or point[OF_TIME] >= goal.until:
        return held
    same = _same_but_later(split, point, incumbents, held) if goal.gap < 0.0 else -1
    held, at = enter(goal.kind, point[OF_ENERGY], point[OF_TIME], values, held, records)
    if same >= 0 and at < 0:
        at = same
        values[at, OF_ENERGY], values[at, OF_TIME] = point[OF_ENERGY], point[OF_TIME]
    if at >= 0:
        for i in range(len(split)):
            for part in range(4):
                for d in range(8):
                    records[at, PER_LEVEL * i + PER_PART * part + d] = split[i, part, d]
        records[at, PER_LEVEL * len(split)] = incumbents.mask
    return held


def begins_later(split: Ints, record: Ints) -> bool:
    """Whether the trips of the outermost list, with which a mapping's record begins, stand after those of another."""
    for d in range(8):
        if split[0, TRIPS, d] != record[d]:
            return bool(split[0, TRIPS, d] > record[d])
    return False


def _same_but_later(split: Ints, point: Floats, incumbents: Incumbents, held: int) -> int:
    """The incumbent that costs what a mapping does, if its record stands after this one's; -1 if there is none."""
    for at in range(held):
        same = True
        for which in range(2):
            cost = incumbents.values[at, which]
            same = same and abs(point[which] - cost) <= SLACK * cost
        if same:
            return at if _comes_first(split, incumbents.records[at]) else -1
    return -1


def _comes_first(split: Ints, record: Ints) -> bool:
    """Whether a mapping's record stands before another one."""
    for i in range(len(split)):
        for part in range(4):
            for d in range(8):
                mine, other = split[i, part, d], record[PER_LEVEL * i + PER_PART * part + d]
                if mine != other:
                    return bool(mine < other)
    return False


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


def _laid_down(trips: Ints, order: Ints, choice: Ints) -> bool:
    """Whether an order of a list is of the kind that was chosen for it."""
    if choice[KIND] == ANYTHING:
        return True
    if order[KIND] != choice[KIND]:
        return False
    if order[KIND] < 0 or choice[SLIDE] == ANYTHING:
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
