"""Latency of a counted nest: compute, ports, and what cannot overlap. Compilable like `dse.model.axes`."""

from __future__ import annotations

from typing import Any

from dse.model.axes import combinations, stationary_run

Ints = Any
Floats = Any

STREAMING, DOUBLE, SINGLE = 0, 1, 2

COMPUTE, FIRST_FILL, LAST_DRAIN, SERIAL, SKEW, SHIFTS = 0, 1, 2, 3, 4, 5
"""Rows of the split: compute steps; first fill; last drain; transfers of single-buffered levels; the skew of arrays;
operands shifted into and out of arrays."""


def first_tile(
    operand: int, parent: int, child: int, n: int, dim: Ints, trips: Ints, place: Ints, spatial: Ints, bounds: Ints,
    window: Ints,
) -> int:  # fmt: skip
    """Words of an operand that the children of one parent hold together at the first step, the ifmap's as its box."""
    g = k = c = m = p = q = r = s = 1
    for i in range(n):
        if place[i] < child and (spatial[i] == 0 or place[i] < parent):
            continue
        d = dim[i]
        if d == 0:
            g *= trips[i]
        elif d == 1:
            m *= trips[i]
        elif d == 2:
            k *= trips[i]
        elif d == 3:
            c *= trips[i]
        elif d == 4:
            p *= trips[i]
        elif d == 5:
            q *= trips[i]
        elif d == 6:
            r *= trips[i]
        else:
            s *= trips[i]
    g, m, k, c = min(g, bounds[0]), min(m, bounds[1]), min(k, bounds[2]), min(c, bounds[3])
    p, q, r, s = min(p, bounds[4]), min(q, bounds[5]), min(r, bounds[6]), min(s, bounds[7])
    if operand == 0:
        height = (p - 1) * window[0] + (r - 1) * window[1] + 1
        width = (q - 1) * window[2] + (s - 1) * window[3] + 1
        return g * m * c * height * width
    if operand == 1:
        return g * k * c * r * s
    return g * m * k * p * q


def used_instances(node: int, n: int, dim: Ints, trips: Ints, place: Ints, spatial: Ints, bounds: Ints) -> int:
    """Instances of a node that a mapping keeps busy when no tile is ragged."""
    used = 1
    for d in range(8):
        factor = 1
        for i in range(n):
            if spatial[i] == 1 and place[i] < node and dim[i] == d:
                factor *= trips[i]
        used *= min(factor, bounds[d])
    return used


def fold_cycles(
    n: int, dim: Ints, trips: Ints, place: Ints, spatial: Ints, bounds: Ints, ends: Ints, step: Ints, relevance: Ints,
    folds: Floats, counted: Ints, split: Floats,
) -> None:  # fmt: skip
    """What the folds of systolic arrays add to the compute steps; see `latency` for the parameters.

    A fold is a stretch of steps in which all that a fan-out's children keep stays in place. Folds do not overlap: each
    pays the whole fan-out's skew, however much of it the fold uses, and each time the children's words of an operand
    change, the shifts that bring and take them.

    Notes
    -----
    The words of an operand change with the loops at or outside its loop j, so they change as often as these loops have
    index combinations. Of two operands the loops of one are among those of the other, so folds are those of the
    operand that changes more often. A fan-out whose children keep nothing has a single fold.
    """
    nodes = len(folds)
    for fan_out in range(nodes):
        if folds[fan_out, 0] + folds[fan_out, 1] + folds[fan_out, 2] + folds[fan_out, 3] == 0.0:
            continue
        most = 1
        for o in range(3):
            k = 0
            while k < nodes and ends[o, k, 0] >= 0 and ends[o, k, 1] < fan_out:
                k += 1
            if k == nodes or ends[o, k, 0] < 0 or ends[o, k, 1] == nodes:
                continue
            child = ends[o, k, 1]
            _, last = stationary_run(n, dim, trips, place, spatial, child, relevance[o])
            for i in range(n):
                counted[i] = 1 if last < n and i <= last and spatial[i] == 0 and place[i] < child else 0
            visits = 1
            for d in range(8):
                visits *= combinations(n, dim, trips, step, d, bounds[d], counted)
            most = max(most, visits)
            split[SHIFTS] += visits * folds[fan_out, 1 + o]
        split[SKEW] += most * folds[fan_out, 0]


def latency(
    n: int, dim: Ints, trips: Ints, place: Ints, spatial: Ints, bounds: Ints, window: Ints, ends: Ints, booked: Ints,
    levels: Ints, steps: int, buffering: Ints, port_node: Ints, port_cost: Floats, split: Floats, port_cycles: Floats,
    step: Ints, relevance: Ints, folds: Floats, counted: Ints,
) -> int:  # fmt: skip
    """Cycles of a nest that has been counted.

    `cycles = max(compute steps, busiest port) + first fill + last drain + serial + skew + shifts`, where a port's time
    is its words over its rate, and what crosses into and out of a single-buffered level is serial instead of
    overlapped. First fill and last drain hand one tile on from level to level, each at the pace of its slowest port:
    the tile of the level that must be full before anything inside it can start (the innermost one, or one that is not
    streaming). Skew and shifts are those of `fold_cycles`.

    Parameters
    ----------
    ends, booked, levels, steps
        As filled by `dse.model.nest.count_nest`.
    buffering : (nodes,)
    port_node : (ports,)
        The level a port belongs to.
    port_cost : (ports, 3, 2)
        Cycles that one element of an operand occupies the port, reading and writing; 0 where it is not served.
    split : (6,)
        Filled: compute, first fill, last drain, serial, skew, shifts.
    port_cycles : (ports,)
        Filled: overlapped time of each port.
    step : (loops,)
        As for `dse.model.axes`.
    relevance : (3, 8)
    folds : (nodes, 4)
        For a fan-out, cycles of skew that every fold pays, and cycles that shift each operand in and out.
    counted : (loops,)
        Scratch.

    Returns
    -------
    int
        The busiest port, or -1 when the compute steps bind.
    """
    nodes = len(buffering)
    ports = len(port_node)
    split[COMPUTE] = steps
    for part in range(FIRST_FILL, SHIFTS + 1):
        split[part] = 0.0
    fold_cycles(n, dim, trips, place, spatial, bounds, ends, step, relevance, folds, counted, split)
    for node in range(nodes):
        used = used_instances(node, n, dim, trips, place, spatial, bounds)
        filled = drained = serial = 0.0
        for t in range(ports):
            if port_node[t] != node:
                continue
            busy = fill = drain = stop = 0.0
            for o in range(3):
                busy += levels[node, o, 0] * port_cost[t, o, 0] + levels[node, o, 1] * port_cost[t, o, 1]
                k = 0
                while k < nodes and ends[o, k, 0] >= 0 and ends[o, k, 0] != node:
                    k += 1
                if k == nodes or ends[o, k, 0] < 0 or ends[o, k, 1] == nodes:
                    continue
                if buffering[ends[o, k, 1]] == SINGLE:
                    stop += booked[o, k, 0] * port_cost[t, o, 0] + booked[o, k, 1] * port_cost[t, o, 1]
                while buffering[ends[o, k, 1]] == STREAMING and ends[o, k + 1, 1] < nodes:
                    k += 1
                words = first_tile(o, ends[o, k, 0], ends[o, k, 1], n, dim, trips, place, spatial, bounds, window)
                if o < 2:
                    fill += words * port_cost[t, o, 0]
                else:
                    drain += words * port_cost[t, o, 1]
            port_cycles[t] = (busy - stop) / used
            filled = max(filled, fill / used)
            drained = max(drained, drain / used)
            serial = max(serial, stop / used)
        split[FIRST_FILL] += filled
        split[LAST_DRAIN] += drained
        split[SERIAL] += serial
    busiest = -1
    longest = float(steps)
    for t in range(ports):
        if port_cycles[t] > longest:
            longest = port_cycles[t]
            busiest = t
    return busiest
