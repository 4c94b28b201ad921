"""The least outer cost by the trips over P, Q and K: what a walk over outer tiles asks at every step. Compilable.

The outer cost of a tile depends on its trip counts alone, and so does, with the smallest tiles that have them, whether
it fits. So what the dims still open cost at least, once P and Q (and K) are decided, is worked out once per problem and
not once per array configuration.
"""

from __future__ import annotations

from functools import lru_cache
from math import isqrt, prod
from typing import Any, NamedTuple

import numpy as np

from dse.mapper.flat.instance import Instance
from dse.mapper.flat.outer.walk import GRAIN, LEAST_BUSY, LEAST_PJ, grain, others, walk
from dse.mapper.flat.outer.words import is_square, repeats
from dse.mapper.shared.mapspace.factors import ceil_div, trip_values
from dse.mapper.shared.mapspace.orders import group_dims
from dse.model.counting.kernel import Floats, Ints, Record, entry
from dse.problem.dims import K, N, P, Q, R, S

CROSSING_PJ, PASSES_FIRST, PASSES_SECOND, BUSY, MOST_FIRST, MOST_SECOND = range(6)
"""Columns of `OuterTable.points`."""

FEWEST_WORTH, PER_VISIT = 4096, 4
"""A table is worth so many visits at least; and one for so many of its entries."""

OF_P, OF_Q, OF_K = range(3)
"""Rows of `OuterTable.index`."""


class OuterTable(NamedTuple):
    """Least energy and port time of the outer crossing with the stationary operand's delivery, see `outer_floor`.

    Parameters
    ----------
    floor : (3, 2) float
        From `dse.mapper.flat.outer.words.outer_floor`; once the table is worked out, from its own entries.
    least : (6, 1 + outermost ports, P trips + 1, Q trips + 1, K trips + 1) float
        By operand that may be stationary at the array: first delivered in every trip over a dim it does not have, then
        staying through the outermost list too. Energy of the crossing with the operand's delivery, pJ; and for every
        outermost port, cycles of the crossing and of deliveries after the first. The last entries over P, Q and K are
        the least of all others. Until the table is worked out, there is one of each.
    ports : (outermost ports,) int64
    index : (3, *) int64
        Of P, Q and K: place of a trip count in `least`, see `place_of`.
    p, q, k : (*,) int64
        The trip counts.
    points : (3, *, 6) float
        Per operand o that may be stationary at the array, outer tiles that no other beats: energy of the crossing with
        o's delivery, pJ, rising; at least so many passes over the dims that the first and that the second of the other
        operands does not have, as the outermost list has so many trips; at least so many cycles of the busiest
        outermost port, without what it delivers of the other operands; at most so many passes of both kinds: inf but
        where o stays through the outermost list, whose trips are then all the passes over o's dims. Until the table is
        worked out, one tile that is below all.
    count : (3,) int64
        How many.
    worth : int
        Unrollings and outer tiles that a search may visit before working out the table pays: most searches end before.
    """

    floor: Floats
    least: Floats
    ports: Ints
    index: Ints  # type: ignore[assignment]  # in place of a tuple's method
    p: Ints
    q: Ints
    k: Ints
    points: Floats
    count: Ints  # type: ignore[assignment]
    worth: int


class Trips(NamedTuple):
    """What outer tables of a layer have in common: see `OuterTable`, and how many entries and cells a walk has."""

    index: Any
    p: Any
    q: Any
    k: Any
    entries: int
    cells: int


@lru_cache(maxsize=1024)
def _trips_of(bounds: tuple[int, ...]) -> Trips:
    p, q, k = (trip_values(bounds[d]) for d in (P, Q, K))
    few = isqrt(max(bounds[d] for d in (P, Q, K))) + 2
    index = np.full((3, 2 * few), -1, dtype=np.int64)
    for row, (d, trips) in enumerate(((P, p), (Q, q), (K, k))):
        index[row, np.where(trips < few, trips, few - 1 - bounds[d] // -trips)] = np.arange(len(trips))
    entries = len(p) * len(q) * len(k) * prod(len(trip_values(bounds[d])) for d in (N, R, S))
    sizes = [grain(prod(bounds[d] for d in group_dims(o) if d >= 0)) + 1 for o in range(3)]
    cells = max(sizes[0] * sizes[1], sizes[0] * sizes[2], sizes[1] * sizes[2])
    return Trips(index, p, q, k, entries, cells)


def entries_of(bounds: Ints) -> int:
    """How many numbers of trips over all dims but C and G there are: as many entries a walk has.

    Examples
    --------
    >>> entries_of(np.array([1, 1, 2, 5, 9, 9, 1, 1]))
    50
    """
    return _trips_of(tuple(bounds.tolist())).entries


def place_of(table: Any, row: int, bound: int, trips: int) -> int:
    """The place of a trip count of a dim among all: of many trips by the tile that each has, as few are as many.

    Examples
    --------
    >>> table = empty_table(np.array([1, 1, 1000, 1, 6, 6, 3, 3]), np.zeros(1))
    >>> [int(table.k[place_of(table, OF_K, 1000, trips)]) for trips in (1, 31, 32, 34, 500, 1000)]
    [1, 31, 32, 34, 500, 1000]
    """
    few = table.index.shape[1] // 2
    return int(table.index[row, trips if trips < few else few - 1 + ceil_div(bound, trips)])


NO_FLOOR = np.zeros((3, 2))


def empty_table(bounds: Ints, port_outer: Ints, floor: Floats = NO_FLOOR) -> OuterTable:
    """A table with nothing worked out; the floor is `dse.mapper.flat.outer.words.outer_floor`'s."""
    trips = _trips_of(tuple(bounds.tolist()))
    ports = np.flatnonzero(port_outer).astype(np.int64)
    points = np.empty((3, 1, 6))
    points[:, 0] = 0.0, 1.0, 1.0, -np.inf, np.inf, np.inf
    points[:, 0, CROSSING_PJ] = floor[:, 0]
    least, worth = np.zeros((6, 1 + len(ports), 1, 1, 1)), max(FEWEST_WORTH, trips.entries // PER_VISIT)
    return OuterTable(floor, least, ports, *trips[:4], points, np.ones(3, dtype=np.int64), worth)


def with_room(table: OuterTable, bounds: Ints) -> OuterTable:
    """A table with room for everything that `work_out` fills."""
    trips = _trips_of(tuple(bounds.tolist()))
    least = np.full((6, 1 + len(table.ports), len(trips.p) + 1, len(trips.q) + 1, len(trips.k) + 1), -1.0)
    points = np.empty((3, 2 * trips.cells, 6))
    return table._replace(floor=table.floor.copy(), least=least, points=points, count=table.count.copy())


def worked_out(table: OuterTable) -> bool:
    return bool(table.least.shape[4] > 1)


@entry
def work_out(inst: Instance, table: OuterTable, outer: Record) -> None:
    """Fill the table; `outer` is `dse.mapper.flat.outer.walk.new_outer_tile`'s."""
    cells = np.full((6, table.points.shape[1] // 2, 2), np.inf)
    walk(inst, inst, outer, table, cells, True)
    _summarize(inst, table)
    for o in range(3):
        pick(inst, table, cells, o)


def _summarize(inst: Instance, table: OuterTable) -> None:
    """Fill the entries of any trips over P, Q or K from those of each, and the floor."""
    last_p, last_q, last_k = len(table.p), len(table.q), len(table.k)
    square = is_square(inst)
    for p in range(last_p):
        for q in range(p if square else 0, last_q):
            for o in range(6):
                for what in range(1 + len(table.ports)):
                    for k in range(last_k):
                        table.least[o, what, p, q, last_k] = min(
                            table.least[o, what, p, q, last_k], table.least[o, what, p, q, k]
                        )
            if square and q > p:
                _mirror(table, p, q)
    for o in range(6):
        for what in range(1 + len(table.ports)):
            for k in range(last_k + 1):
                table.least[o, what, last_p, :, k] = np.inf
                for p in range(last_p):
                    table.least[o, what, p, last_q, k] = np.inf
                    for q in range(last_q):
                        table.least[o, what, p, last_q, k] = min(
                            table.least[o, what, p, last_q, k], table.least[o, what, p, q, k]
                        )
                    table.least[o, what, last_p, last_q, k] = min(
                        table.least[o, what, last_p, last_q, k], table.least[o, what, p, last_q, k]
                    )
    for o in range(3):
        first, staying = table.least[o, :, last_p, last_q, last_k], table.least[3 + o, :, last_p, last_q, last_k]
        table.floor[o, 0], table.floor[o, 1] = min(first[0], staying[0]), 0.0
        for i in range(len(table.ports)):
            busy = inst.port_fixed[table.ports[i]] + min(first[1 + i], staying[1 + i])
            table.floor[o, 1] = max(table.floor[o, 1], busy)


def _mirror(table: OuterTable, p: int, q: int) -> None:
    """Enter what some trips over P and Q have for those over Q and P."""
    for o in range(table.least.shape[0]):
        for what in range(table.least.shape[1]):
            for k in range(table.least.shape[4]):
                table.least[o, what, q, p, k] = table.least[o, what, p, q, k]


def pick(inst: Instance, table: OuterTable, cells: Floats, o: int) -> None:
    """Keep, by rising energy, the cells that no single other one matches in energy, time and passes of both kinds.

    A tile with which o stays matches no other: it goes with other numbers of passes.
    """
    a, b = others(o)
    height, width = grain(repeats(inst.bounds, a)) + 1, grain(repeats(inst.bounds, b)) + 1
    wider = 2.0 ** (1.0 / GRAIN) * (1.0 + 2e-9)
    found = 0
    for stays in range(2):
        for cell in range(height * width):
            energy, time = cells[o + 3 * stays, cell, LEAST_PJ], cells[o + 3 * stays, cell, LEAST_BUSY]
            if energy == np.inf:
                continue
            x, y = 2.0 ** (cell // width / GRAIN) * (1.0 - 1e-9), 2.0 ** (cell % width / GRAIN) * (1.0 - 1e-9)
            beaten = False
            for i in range(found):
                point = table.points[o, i]
                if point[CROSSING_PJ] > energy:
                    break  # so do all that follow
                matches = point[MOST_FIRST] == np.inf and point[PASSES_FIRST] <= x
                if matches and point[PASSES_SECOND] <= y and point[BUSY] <= time:
                    beaten = True
                    break
            if beaten:
                continue
            place = found
            while place > 0 and table.points[o, place - 1, CROSSING_PJ] > energy:
                for part in range(6):
                    table.points[o, place, part] = table.points[o, place - 1, part]
                place -= 1
            point = table.points[o, place]
            point[CROSSING_PJ], point[PASSES_FIRST], point[PASSES_SECOND], point[BUSY] = energy, x, y, time
            point[MOST_FIRST] = x * wider if stays == 1 else np.inf
            point[MOST_SECOND] = y * wider if stays == 1 else np.inf
            found += 1
    table.count[o] = found
