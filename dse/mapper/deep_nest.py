"""Exact prices of the levels decided so far, and of a whole mapping, in the general search. Compilable."""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.model.axes import count_nest
from dse.model.time import latency, used_instances

Ints = Any
Deep = Any

TRIPS, ROWS, COLS, ORDER = 0, 1, 2, 3
"""Rows of a level's split."""


def workspace(dp: Deep) -> Any:
    """Scratch of the model's kernels, the flat nest and its counts."""
    levels, nodes = len(dp.nodes), len(dp.is_fan_out)
    loops = 24 * (levels + 1)
    children = 1
    for i in range(levels):
        children *= dp.sides[i, 0] * dp.sides[i, 1]
    longest = max(max(dp.bounds[4], dp.bounds[5]), max(dp.bounds[6], dp.bounds[7])) + 1
    scratch = (
        np.zeros(loops, dtype=np.int64), np.zeros(loops, dtype=np.int64),
        np.zeros((longest, 3), dtype=np.int64), np.zeros((longest, 3), dtype=np.int64),
        np.zeros(children + 1, dtype=np.int64), np.zeros(children + 1, dtype=np.int64),
        np.zeros(children + 1, dtype=np.int64), np.zeros(children + 1, dtype=np.int64),
    )  # fmt: skip
    nest = (
        np.zeros(loops, dtype=np.int64), np.zeros(loops, dtype=np.int64), np.zeros(loops, dtype=np.int64),
        np.zeros(loops, dtype=np.int64), np.zeros(loops, dtype=np.int64), np.ones(8, dtype=np.int64),
    )  # fmt: skip
    counts = (
        np.ones((3, nodes, 3, 8), dtype=np.int64), np.full((3, nodes, 2), -1, dtype=np.int64),
        np.zeros((3, nodes, 2), dtype=np.int64), np.zeros((nodes, 3, 2), dtype=np.int64),
        np.zeros((nodes, 3, 2), dtype=np.int64), np.zeros(6), np.zeros(len(dp.port_node)),
    )  # fmt: skip
    return scratch, nest, counts, np.zeros((nodes, 3, 2))


def lay_out(dp: Deep, split: Ints, level: int, tile: Ints, work: Any) -> int:
    """Write the flat nest of the levels 0..level and, as loops of the next level, what is left; returns its length."""
    dim, trips, step, place, spatial, inside = work[1]
    size = 0
    for i in range(level + 1):
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
    if level + 1 < len(dp.nodes):
        for d in range(8):
            if tile[d] > 1:
                dim[size], trips[size], place[size], spatial[size] = d, tile[d], dp.nodes[level + 1], 0
                size += 1
    for d in range(8):
        inside[d] = 1
    for i in range(size - 1, -1, -1):
        step[i] = inside[dim[i]]
        inside[dim[i]] *= trips[i]
    return size


def count(dp: Deep, size: int, nodes: int, work: Any) -> int:
    """Count the nest that `lay_out` wrote down to so many nodes, as if the MACs stood there. Returns compute steps."""
    dim, trips, step, place, spatial, inside = work[1]
    factors, ends, booked, levels, fans = work[2][:5]
    return count_nest(
        size, dim, trips, step, place, spatial, dp.bounds, dp.window, dp.keeps[:nodes], dp.is_fan_out[:nodes],
        dp.multicast[:nodes], dp.reduces[:nodes], dp.relevance, work[0], inside, factors, ends, booked, levels, fans,
    )  # fmt: skip


def price_whole(dp: Deep, split: Ints, tile: Ints, work: Any, point: Any) -> None:
    """Energy (pJ) and latency (steps) of a mapping, by the model itself."""
    size = lay_out(dp, split, len(dp.nodes) - 1, tile, work)
    steps = count(dp, size, len(dp.is_fan_out), work)
    dim, trips, step, place, spatial, _ = work[1]
    _, ends, booked, levels, fans, parts, port_cycles = work[2]
    busiest = latency(
        size, dim, trips, place, spatial, dp.bounds, dp.window, ends, booked, levels, steps, dp.buffering, dp.port_node,
        dp.port_cost, parts, port_cycles, step, dp.relevance, dp.folds, work[0][0],
    )  # fmt: skip
    cycles = float(steps) if busiest < 0 else port_cycles[busiest]
    cycles += parts[1] + parts[2] + parts[3] + parts[4] + parts[5]
    energy = dp.mac_pj + dp.static_pj * cycles
    nodes = len(dp.is_fan_out)
    for node in range(nodes):
        for o in range(3):
            for side in range(2):
                energy += levels[node, o, side] * dp.access_pj[node, o, side]
                energy += fans[node, o, side] * dp.fan_pj[node, o, side]
    if dp.spared_pj != 0.0:
        for k in range(nodes):
            if ends[2, k, 0] == nodes - 1:
                energy -= dp.spared_pj * booked[2, k, 0]
    point[0] = energy
    point[1] = cycles


def price_decided(dp: Deep, split: Ints, level: int, tile: Ints, work: Any, point: Any) -> None:
    """What the crossings into children at level + 1 or above cost, whatever the levels inside.

    Parameters
    ----------
    point : (3,)
        Filled: pJ of the crossings; steps of their busiest port; visits of psums that start empty at the last of these
        children that keeps psums.
    """
    size = lay_out(dp, split, level, tile, work)
    count(dp, size, dp.nodes[level + 1] + 1, work)
    dim, trips, _, place, spatial, _ = work[1]
    factors, ends, booked = work[2][:3]
    words = work[3]
    reach = dp.nodes[level + 1]
    nodes = reach + 1
    words[:] = 0.0
    energy = 0.0
    empty = dp.words[2]
    for o in range(3):
        for k in range(nodes):
            parent, child = ends[o, k, 0], ends[o, k, 1]
            if parent < 0 or child > reach:
                break
            filled = middle = 1.0
            for d in range(8):
                filled *= factors[o, k, 0, d]
                middle *= factors[o, k, 1, d]
            up = float(booked[o, k, 0] if o < 2 else booked[o, k, 1])
            back = float(booked[o, k, 0])
            inner = outer = -1
            for i in range(parent + 1, child):
                if dp.is_fan_out[i] == 1:
                    outer = inner
                    inner = i
            # What a single-buffered child takes stops the compute instead of keeping the port busy beside it.
            overlaps = 0.0 if dp.buffering[child] == 2 else 1.0
            if o < 2:
                words[parent, o, 0] += up * overlaps
                words[child, o, 1] += filled
                energy += up * dp.access_pj[parent, o, 0] + filled * dp.access_pj[child, o, 1]
                if outer >= 0:
                    energy += middle * dp.fan_pj[outer, o, 0]
                if inner >= 0:
                    energy += filled * dp.fan_pj[inner, o, 0]
                continue
            words[parent, o, 0] += back * overlaps
            words[parent, o, 1] += up * overlaps
            words[child, o, 0] += filled
            words[child, o, 1] += back
            energy += back * dp.access_pj[parent, o, 0] + up * dp.access_pj[parent, o, 1]
            energy += filled * dp.access_pj[child, o, 0] + back * dp.access_pj[child, o, 1]
            if outer >= 0:
                energy += back * (dp.fan_pj[outer, o, 0] + dp.fan_pj[inner, o, 0])
                energy += (middle - up) * dp.fan_pj[outer, o, 1] + (filled - middle) * dp.fan_pj[inner, o, 1]
            elif inner >= 0:
                energy += back * dp.fan_pj[inner, o, 0] + (filled - up) * dp.fan_pj[inner, o, 1]
            empty = filled - back
    time = 0.0
    for t in range(len(dp.port_node)):
        node = dp.port_node[t]
        if node > reach:
            continue
        busy = 0.0
        for o in range(3):
            busy += words[node, o, 0] * dp.port_cost[t, o, 0] + words[node, o, 1] * dp.port_cost[t, o, 1]
        if busy > 0.0:
            time = max(time, busy / used_instances(node, size, dim, trips, place, spatial, dp.bounds))
    point[0] = energy
    point[1] = time
    point[2] = empty
