"""The exact price of a mapping in the deep search, by the model itself. Compilable."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.mapper.deep.problem import Deep
from dse.mapper.deep.record import COLS, ORDER, ROWS, TRIPS
from dse.mapper.shared.price import PriceRoom, Rates, new_scratch, price_loops
from dse.model.counting.kernel import Floats, Ints
from dse.model.counting.nest import only_finished
from dse.model.counting.records import Counts, Hierarchy, IterationSpace, Nest, Spent, Timing
from dse.problem.dims import P, Q, R, S


class Work(NamedTuple):
    """Room for the price of a mapping.

    Parameters
    ----------
    room
        What the model's kernels fill.
    nest
        The mapping's loops; its size is that of the room.
    inside : (8,) int64
        Product of the trips of the loops laid out so far, per dim.
    """

    room: PriceRoom
    nest: Nest
    inside: Ints


def workspace(dp: Deep) -> Work:
    """Scratch of the model's kernels, the flat nest and its counts."""
    levels, nodes = len(dp.nodes), len(dp.is_fan_out)
    loops = 24 * (levels + 1)
    children = 1
    for i in range(levels):
        children *= dp.sides[i, 0] * dp.sides[i, 1]
    longest = max(max(dp.bounds[P], dp.bounds[Q]), max(dp.bounds[R], dp.bounds[S]))
    scratch = new_scratch(loops, longest, children)
    nest = Nest(
        loops, np.zeros(loops, dtype=np.int64), np.zeros(loops, dtype=np.int64), np.zeros(loops, dtype=np.int64),
        np.zeros(loops, dtype=np.int64), np.zeros(loops, dtype=np.int64),
    )  # fmt: skip
    counts = Counts(
        np.ones((3, nodes, 8), dtype=np.int64), np.full((3, nodes, 2), -1, dtype=np.int64),
        np.zeros((3, nodes, 2), dtype=np.int64), np.zeros((nodes, 3, 2), dtype=np.int64),
        np.zeros((nodes, 3, 2), dtype=np.int64), np.zeros(nodes, dtype=np.int64),
    )  # fmt: skip
    spent = Spent(np.zeros(6), np.zeros(len(dp.port_node)))
    return Work(PriceRoom(scratch, counts, spent), nest, np.ones(8, dtype=np.int64))


def lay_out(dp: Deep, split: Ints, work: Work) -> int:
    """Write the flat nest of all levels; returns its length."""
    room, inside = work.nest, work.inside
    dim, trips, step, place, spatial = room.dim, room.trips, room.step, room.place, room.spatial
    size = 0
    for i in range(len(dp.nodes)):
        for k in range(7, -1, -1):
            d = split[i, ORDER, k]
            if split[i, TRIPS, d] > 1:
                dim[size], trips[size], place[size], spatial[size] = d, split[i, TRIPS, d], dp.nodes[i], 0
                size += 1
        for d in range(8):
            spread = split[i, ROWS, d] * split[i, COLS, d]
            if spread > 1:
                dim[size], trips[size], place[size], spatial[size] = d, spread, dp.fans[i], 1
                size += 1
    for d in range(8):
        inside[d] = 1
    for i in range(size - 1, -1, -1):
        step[i] = inside[dim[i]]
        inside[dim[i]] *= trips[i]
    return size


def price_finished(dp: Deep, only_finished_in: Ints, split: Ints, work: Work, point: Floats) -> bool:
    """Energy (pJ) and latency (steps) of a mapping, by the model; whether its psums come as the problem has it.

    Parameters
    ----------
    only_finished_in : (k,) int64
        Levels with only finished psums, whatever the problem says of them.
    split : (k, 4, 8) int64
        Per level trips, rows, columns and order.
    point : (2,) float
        Filled.
    """
    size = lay_out(dp, split, work)
    room = work.nest
    nest = Nest(size, room.dim, room.trips, room.step, room.place, room.spatial)
    space = IterationSpace(dp.bounds, dp.window, dp.relevance)
    hierarchy = Hierarchy(dp.is_fan_out, dp.multicast, dp.reduces, dp.keeps)
    timing = Timing(dp.buffering, dp.port_node, dp.port_cost, dp.port_saved, dp.port_joins, dp.folds)
    rates = Rates(dp.access_pj, dp.saved_pj, dp.fan_pj, dp.mac_pj, dp.static_pj, dp.spared_pj)
    price_loops(nest, space, hierarchy, timing, rates, work.room, point)
    if dp.returns and only_finished(dp.nodes[0], work.room.counts):
        return False
    for level in range(len(dp.nodes)):
        if only_finished_in[level] == 1 and not only_finished(dp.nodes[level], work.room.counts):
            return False
    return True
