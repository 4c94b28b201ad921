"""Latency of a counted nest: compute, ports, and what cannot overlap. Compilable like `dse.model.counting.axes`."""

from __future__ import annotations

from dse.model.counting.axes import combinations, stationary_run
from dse.model.counting.kernel import Floats, Ints, entry
from dse.model.counting.records import READ, WRITE, Counts, IterationSpace, Nest, Spent, Timing
from dse.problem.dims import PSUM

STREAMING, DOUBLE, SINGLE = 0, 1, 2
"""How a level buffers an operand."""

COMPUTE, FIRST_FILL, LAST_DRAIN, SERIAL, SKEW, SHIFTS = 0, 1, 2, 3, 4, 5
"""Parts of the time: compute steps; first fill; last drain; transfers of single-buffered levels; the skew of arrays;
operands shifted into and out of arrays."""

APART, OVERLAPPING = 0, 4
"""Where the skew of folds that do not overlap, and of those that do, stands in `Timing.folds`; its shifts follow."""


@entry
def latency(
    nest: Nest, space: IterationSpace, counts: Counts, steps: int, timing: Timing, spent: Spent, counted: Ints
) -> int:
    """Time a nest that `dse.model.counting.nest.count_nest` has counted: fills `spent`.

    `cycles = max(compute steps + skew + shifts, busiest port) + first fill + last drain + serial`, where a port's time
    is its words over its rate, and what crosses into and out of a level that buffers the operand singly is serial
    instead of overlapped. First fill and last drain hand one tile on from level to level, each at the pace of its
    slowest port. Skew and shifts are those of `fold_cycles`: an array that waits for words fills and drains meanwhile.
    `total_cycles` adds up. The time of a port contains that of ports that join it.

    Parameters
    ----------
    steps : int
        Compute steps.
    counted : (loops,)
        Scratch.

    Returns
    -------
    int
        The busiest port, or -1 when the array binds: its compute steps, skew and shifts.

    Examples
    --------
    A layer with K = 2 and C = 3 whose outer level has one port of two words a step: its 14 words take 7 steps, more
    than the 6 of compute.

    >>> import numpy as np
    >>> from dse.model.counting.counts import RELEVANCE, scratch_for
    >>> from dse.model.counting.nest import count_nest
    >>> from dse.model.counting.records import Hierarchy, new_counts
    >>> bounds, zeros = (1, 1, 2, 3, 1, 1, 1, 1), np.zeros(2, int)
    >>> space = IterationSpace(np.array(bounds), np.ones(4, int), RELEVANCE)
    >>> levels = Hierarchy(zeros, np.full(2, 2), zeros, np.ones((2, 3), int))
    >>> nest = Nest(2, np.array([2, 3]), np.array([2, 3]), np.ones(2, int), zeros, zeros)
    >>> scratch, counts = scratch_for(bounds, 1, 2), new_counts(2)
    >>> steps = count_nest(nest, space, levels, scratch, counts)
    >>> port_cost, port_saved = np.full((1, 3, 2), 0.5), np.zeros((1, 2))
    >>> ports = np.zeros(1, int), port_cost, port_saved, np.full(1, -1)
    >>> timing = Timing(np.full((2, 3), DOUBLE), *ports, np.zeros((2, 8)))
    >>> spent = Spent(np.zeros(6), np.zeros(1))
    >>> busiest = latency(nest, space, counts, steps, timing, spent, scratch.counted)
    >>> busiest, spent.ports.tolist(), spent.parts[:3].tolist()
    (0, [7.0], [6.0, 1.0, 0.5])
    """
    spent.parts[COMPUTE] = steps
    for part in range(FIRST_FILL, SHIFTS + 1):
        spent.parts[part] = 0.0
    fold_cycles(nest, space, counts.ends, timing.folds, counted, spent.parts)
    for node in range(len(timing.buffering)):
        port_cycles(node, nest, space, counts, timing, spent)
    for t in range(len(timing.port_node)):
        if timing.port_joins[t] >= 0:
            spent.ports[timing.port_joins[t]] += spent.ports[t]
    busiest = -1
    longest = spent.parts[COMPUTE] + spent.parts[SKEW] + spent.parts[SHIFTS]
    for t in range(len(timing.port_node)):
        if spent.ports[t] > longest:
            longest = spent.ports[t]
            busiest = t
    return busiest


def total_cycles(busiest: int, spent: Spent) -> float:
    """Steps that a nest takes in all; `busiest` as `latency` returns it.

    Examples
    --------
    >>> import numpy as np
    >>> spent = Spent(np.array([6.0, 1.0, 0.5, 0.0, 0.0, 0.0]), np.array([7.0]))
    >>> total_cycles(-1, spent), total_cycles(0, spent)
    (7.5, 8.5)
    """
    parts = spent.parts
    longest = parts[COMPUTE] + parts[SKEW] + parts[SHIFTS] if busiest < 0 else spent.ports[busiest]
    return float(longest + parts[FIRST_FILL] + parts[LAST_DRAIN] + parts[SERIAL])


def port_cycles(node: int, nest: Nest, space: IterationSpace, counts: Counts, timing: Timing, spent: Spent) -> None:
    """Time of each port of a level, overlapped, and its part of first fill, last drain and serial transfers.

    First fill and last drain are of the tile of the level that must be full before anything inside it can start: the
    innermost one, or one that is not streaming.

    Examples
    --------
    >>> import numpy as np
    >>> from dse.model.counting.counts import RELEVANCE, scratch_for
    >>> from dse.model.counting.nest import count_nest
    >>> from dse.model.counting.records import Hierarchy, new_counts
    >>> bounds, zeros = (1, 1, 2, 3, 1, 1, 1, 1), np.zeros(2, int)
    >>> space = IterationSpace(np.array(bounds), np.ones(4, int), RELEVANCE)
    >>> levels = Hierarchy(zeros, np.full(2, 2), zeros, np.ones((2, 3), int))
    >>> nest = Nest(2, np.array([2, 3]), np.array([2, 3]), np.ones(2, int), zeros, zeros)
    >>> scratch, counts = scratch_for(bounds, 1, 2), new_counts(2)
    >>> steps = count_nest(nest, space, levels, scratch, counts)
    >>> port_cost, port_saved = np.full((1, 3, 2), 0.5), np.zeros((1, 2))
    >>> ports = np.zeros(1, int), port_cost, port_saved, np.full(1, -1)
    >>> timing = Timing(np.full((2, 3), DOUBLE), *ports, np.zeros((2, 8)))
    >>> spent = Spent(np.zeros(6), np.zeros(1))
    >>> port_cycles(0, nest, space, counts, timing, spent)
    >>> spent.ports.tolist(), spent.parts[FIRST_FILL : LAST_DRAIN + 1].tolist()
    ([7.0], [1.0, 0.5])
    """
    nodes, cost, saved, ends = len(timing.buffering), timing.port_cost, timing.port_saved, counts.ends
    used = used_instances(node, nest, space.bounds)
    filled = drained = serial = 0.0
    for t in range(len(timing.port_node)):
        if timing.port_node[t] != node:
            continue
        busy = fill = drain = stop = 0.0
        for o in range(3):
            busy += counts.levels[node, o, READ] * cost[t, o, READ] + counts.levels[node, o, WRITE] * cost[t, o, WRITE]
            if o == PSUM:
                busy -= counts.finished[node] * (saved[t, READ] + saved[t, WRITE])
            k = 0
            while k < nodes and ends[o, k, 0] >= 0 and ends[o, k, 0] != node:
                k += 1
            if k == nodes or ends[o, k, 0] < 0 or ends[o, k, 1] == nodes:
                continue
            if timing.buffering[ends[o, k, 1], o] == SINGLE:
                stop += counts.booked[o, k, READ] * cost[t, o, READ] + counts.booked[o, k, WRITE] * cost[t, o, WRITE]
                if o == PSUM:
                    stop -= counts.finished[node] * saved[t, WRITE]
            while timing.buffering[ends[o, k, 1], o] == STREAMING and ends[o, k + 1, 1] < nodes:
                k += 1
            words = first_tile(o, ends[o, k, 0], ends[o, k, 1], nest, space)
            if o < 2:
                fill += words * cost[t, o, READ]
            else:
                less = saved[t, WRITE] if counts.finished[node] > 0 else 0.0
                drain += words * (cost[t, o, WRITE] - less)
        spent.ports[t] = (busy - stop) / used
        filled = max(filled, fill / used)
        drained = max(drained, drain / used)
        serial = max(serial, stop / used)
    spent.parts[FIRST_FILL] += filled
    spent.parts[LAST_DRAIN] += drained
    spent.parts[SERIAL] += serial


def first_tile(operand: int, parent: int, child: int, nest: Nest, space: IterationSpace) -> int:
    """Words of an operand that the children of one parent hold together at the first step, the ifmap's as its box.

    Examples
    --------
    P = 6 in three tiles of 2, R = 3 inside: a tile takes 4 rows of the ifmap.

    >>> import numpy as np
    >>> from dse.model.counting.counts import RELEVANCE
    >>> space = IterationSpace(np.array([1, 1, 1, 1, 6, 1, 3, 1]), np.ones(4, int), RELEVANCE)
    >>> dim, trips, step, place = np.array([[4, 4, 6], [3, 2, 3], [2, 1, 1], [0, 1, 1]])
    >>> nest = Nest(3, dim, trips, step, place, np.zeros(3, int))
    >>> int(first_tile(0, 0, 1, nest, space)), int(first_tile(1, 0, 1, nest, space))
    (4, 3)
    """
    bounds, window, trips = space.bounds, space.window, nest.trips
    g = k = c = m = p = q = r = s = 1
    for i in range(nest.size):
        if nest.place[i] < child and (nest.spatial[i] == 0 or nest.place[i] < parent):
            continue
        d = nest.dim[i]
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


def used_instances(node: int, nest: Nest, bounds: Ints) -> int:
    """Instances of a node that a mapping keeps busy when no tile is ragged.

    Examples
    --------
    K = 3 unrolled over 4 children: three of them work.

    >>> import numpy as np
    >>> nest = Nest(1, np.array([2]), np.array([4]), np.array([1]), np.array([1]), np.array([1]))
    >>> int(used_instances(2, nest, np.array([1, 1, 3, 1, 1, 1, 1, 1])))
    3
    """
    used = 1
    for d in range(8):
        factor = 1
        for i in range(nest.size):
            if nest.spatial[i] == 1 and nest.place[i] < node and nest.dim[i] == d:
                factor *= nest.trips[i]
        used *= min(factor, bounds[d])
    return used


def fold_cycles(nest: Nest, space: IterationSpace, ends: Ints, folds: Floats, counted: Ints, parts: Floats) -> None:
    """What the folds of systolic arrays add to the compute steps in `parts[COMPUTE]`; see `latency`.

    A fold is a stretch of steps in which all that a fan-out's children keep stays in place. Folds that do not overlap
    each pay the whole fan-out's skew, however much of it the fold uses, and each time the children's words of an
    operand change, the shifts that bring and take them. Where they overlap, the next fold's words enter behind the
    last one's, so that skew is paid once, and shifts go on while the array works with a second set: F changes of s
    cycles each beside c cycles of work take `max(c + s, F s + c / F)` together, which is exact for equal folds.

    Notes
    -----
    The words of an operand change with the loops at or outside its loop j, so they change as often as these loops have
    index combinations. Of two operands the loops of one are among those of the other, so folds are those of the
    operand that changes more often. A fan-out whose children keep nothing has a single fold.

    The time of overlapping folds falls neither with more changes nor with more work.

    Examples
    --------
    Weights that stay in the children while P steps: two folds over K, each with 5 cycles of skew, and with 4 that shift
    weights in.

    >>> import numpy as np
    >>> from dse.model.counting.counts import RELEVANCE
    >>> space = IterationSpace(np.array([1, 1, 2, 1, 3, 1, 1, 1]), np.ones(4, int), RELEVANCE)
    >>> nest = Nest(2, np.array([2, 4]), np.array([2, 3]), np.ones(2, int), np.zeros(2, int), np.zeros(2, int))
    >>> ends, folds, parts = np.full((3, 3, 2), -1), np.zeros((3, 8)), np.zeros(6)
    >>> ends[0, 0] = ends[2, 0] = 0, 3
    >>> ends[1, 0], folds[1] = (0, 2), (5, 0, 4, 0, 0, 0, 0, 0)
    >>> parts[COMPUTE] = 6.0
    >>> fold_cycles(nest, space, ends, folds, np.zeros(2, int), parts)
    >>> parts[SKEW : SHIFTS + 1].tolist()
    [10.0, 8.0]

    With a second set of weights the second load takes 4 cycles beside 3 of work, so that one of them shows:

    >>> folds[1], parts[SKEW:] = (0, 0, 0, 0, 5, 0, 4, 0), 0.0
    >>> fold_cycles(nest, space, ends, folds, np.zeros(2, int), parts)
    >>> parts[SKEW : SHIFTS + 1].tolist()
    [5.0, 5.0]
    """
    nodes = len(folds)
    busy = parts[COMPUTE]
    for fan_out in range(nodes):
        is_systolic = False
        for part in range(8):
            is_systolic = is_systolic or folds[fan_out, part] > 0.0
        if not is_systolic:
            continue
        most = 1
        for o in range(3):
            k = 0
            while k < nodes and ends[o, k, 0] >= 0 and ends[o, k, 1] < fan_out:
                k += 1
            if k == nodes or ends[o, k, 0] < 0 or ends[o, k, 1] == nodes:
                continue
            child = ends[o, k, 1]
            _, last = stationary_run(nest, child, space.relevance[o])
            for i in range(nest.size):
                outside = last < nest.size and i <= last
                counted[i] = 1 if outside and nest.spatial[i] == 0 and nest.place[i] < child else 0
            visits = 1
            for d in range(8):
                visits *= combinations(nest, d, space.bounds[d], counted)
            most = max(most, visits)
            parts[SHIFTS] += visits * folds[fan_out, APART + 1 + o]
            hidden = folds[fan_out, OVERLAPPING + 1 + o]
            busy = max(busy + hidden, visits * hidden + busy / visits)
        parts[SKEW] += most * folds[fan_out, APART] + folds[fan_out, OVERLAPPING]
    parts[SHIFTS] += busy - parts[COMPUTE]
