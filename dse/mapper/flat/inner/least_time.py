"""Lower bounds on time between the buffer and the MACs. Compilable like the model."""

from __future__ import annotations

import numpy as np

from dse.mapper.flat.instance import ARRAY, BUFFER, OUTER, Instance
from dse.mapper.flat.outer.words import repeats
from dse.mapper.shared.mapspace.words import tile_words
from dse.model.counting.kernel import Ints
from dse.model.counting.records import READ, WRITE
from dse.model.time import APART, OVERLAPPING, STREAMING
from dse.problem.dims import IFMAP, PSUM, WEIGHT, C, G, N, P, Q, R, S


def least_time(inst: Instance, kind: int, passes: Ints, cycles: float, floor: float) -> float:
    """Least time of the array and of ports with at least the given passes; `cycles` as from `array_time`.

    Parameters
    ----------
    kind : int
        Operand that is stationary at the array.
    floor : float
        Least time of the outermost ports then, see `OuterTable.floor`.
    """
    time = max(cycles, floor + (cycles if inst.waits >= 0 else 0.0))
    again = _again(inst, kind, passes, IFMAP), _again(inst, kind, passes, WEIGHT), _again(inst, kind, passes, PSUM)
    for t in range(inst.ports):
        busy = inst.port_fixed[t]
        for o in range(3):
            words = inst.words[o]
            if inst.in_buffer[o] == 1:
                busy += inst.port_over[t, o] * words
            busy += inst.port_up[t, o] * words * again[o]
        time = max(time, busy + array_beside(inst, t, cycles))
    return float(time)


def _again(inst: Instance, kind: int, passes: Ints, o: int) -> float:
    """How often an operand is delivered at least."""
    return 1.0 if inst.in_pe[o] == 1 and o == kind else repeats(passes, o)


def array_beside(inst: Instance, t: int, cycles: float) -> float:
    """Cycles of the array that cannot overlap with those of a port: all, if it stands for serial transfers."""
    return cycles if t == inst.waits else 0.0


def array_time(inst: Instance, passes: Ints, steps: float) -> float:
    """Cycles that the array's steps and folds take at least, with at least the given passes per dim.

    Loops over the dims of an operand that the PEs keep all change it, so it changes once per pass over these dims at
    least; see `dse.model.time.fold_cycles`, whose time falls neither with more changes nor with more steps.
    """
    if inst.place[ARRAY] < 0:
        return float(steps)
    fold = inst.folds[inst.place[ARRAY]]
    has_folds = False
    for part in range(8):
        has_folds = has_folds or fold[part] > 0.0
    if not has_folds:
        return float(steps)
    most = 1.0
    shifts = 0.0
    busy = float(steps)
    for o in range(3):
        if inst.in_pe[o] == 1:
            visits = 1.0
            for d in range(8):
                if inst.relevance[o, d] == 1:
                    visits *= passes[d]
            most = max(most, visits)
            shifts += visits * fold[APART + 1 + o]
            hidden = fold[OVERLAPPING + 1 + o]
            busy = max(busy + hidden, visits * hidden + busy / visits)
    return float(busy + most * fold[APART] + fold[OVERLAPPING] + shifts)


def first_and_last(inst: Instance, tile: Ints, growth: float) -> float:
    """Cycles of the first fill and the last drain that the array's own tile takes at least.

    Every level hands the first tile on through its slowest port; only operands that the PEs keep count here.

    Parameters
    ----------
    tile : (8,)
        Indices per dim that all PEs together have at least.
    growth : float
        At least so many times the product of the operands' words is larger than that of these indices.
    """
    plane = tile[G] * tile[N] * tile[C]
    ifmap, weight = tile_words(tile, inst.window, IFMAP), tile_words(tile, inst.window, WEIGHT)
    psum = tile_words(tile, inst.window, PSUM)
    per_ifmap = per_weight = per_psum = 0.0
    for node in range(inst.nodes):
        if node != inst.place[OUTER] and node != inst.place[BUFFER]:
            continue
        slowest, slow_ifmap, slow_weight, slow_psum = 0.0, 0.0, 0.0, 0.0
        for t in range(inst.ports):
            if inst.port_node[t] != node:
                continue
            each_ifmap = _first(inst, node, IFMAP) * inst.port_cost[t, IFMAP, READ]
            each_weight = _first(inst, node, WEIGHT) * inst.port_cost[t, WEIGHT, READ]
            if ifmap * each_ifmap + weight * each_weight > slowest:
                slowest = ifmap * each_ifmap + weight * each_weight
                slow_ifmap, slow_weight = each_ifmap, each_weight
            each_psum = inst.port_cost[t, PSUM, WRITE] - inst.port_saved[t, WRITE]  # the last tile is finished
            slow_psum = max(slow_psum, _first(inst, node, PSUM) * each_psum)
        per_ifmap, per_weight, per_psum = per_ifmap + slow_ifmap, per_weight + slow_weight, per_psum + slow_psum
    # The ifmap's box may hold more than one word per index of N, C, P and Q, but never fewer.
    product = per_ifmap * plane * tile[P] * tile[Q] * per_weight * weight * per_psum * psum * growth
    return least_sum(per_ifmap * ifmap, per_weight * weight, per_psum * psum, product)


def fills_whole(inst: Instance) -> bool:
    """Whether the buffer's first tile must be there, or its last one leave, as a whole; see `dse.model.time`."""
    whole = False
    for o in range(3):
        if inst.place[BUFFER] >= 0 and inst.in_buffer[o] == 1 and inst.in_pe[o] == 1:
            whole = whole or inst.buffering[inst.place[BUFFER], o] != STREAMING
    return whole


def first_and_last_whole(inst: Instance, tile: Ints, whole: Ints) -> float:
    """`first_and_last` where the buffer has a whole tile at first and at last of what it does not stream.

    Parameters
    ----------
    tile, whole : (8,)
        Indices per dim that all PEs together, and that the buffer, has at least.
    """
    total = 0.0
    for node in range(inst.nodes):
        if node != inst.place[OUTER] and node != inst.place[BUFFER]:
            continue
        slowest = 0.0
        slow_psum = 0.0
        for t in range(inst.ports):
            if inst.port_node[t] != node:
                continue
            filled = 0.0
            for o in range(3):
                if _first(inst, node, o) == 0:
                    continue
                held = node == inst.place[OUTER] and inst.in_buffer[o] == 1
                is_whole = held and inst.buffering[inst.place[BUFFER], o] != STREAMING
                words = tile_words(whole if is_whole else tile, inst.window, o)
                if o == PSUM:
                    each = inst.port_cost[t, PSUM, WRITE] - inst.port_saved[t, WRITE]  # the last tile is finished
                    slow_psum = max(slow_psum, words * each)
                else:
                    filled += words * inst.port_cost[t, o, READ]
            slowest = max(slowest, filled)
        total += slowest + slow_psum
    return total


def _first(inst: Instance, node: int, o: int) -> int:
    """1 if a level hands the first tile of an operand on to the PEs."""
    return inst.in_pe[o] if node == inst.place[OUTER] else inst.in_pe[o] * inst.in_buffer[o]


def least_sum(x: float, y: float, z: float, product: float) -> float:
    """The least sum of three numbers that are at least those given and whose product is at least the one given."""
    high, low = max(x, max(y, z)), min(x, min(y, z))
    middle = x + y + z - high - low
    if product <= high * middle * low:
        return x + y + z
    if product >= high**3:
        return 3.0 * product ** (1.0 / 3.0)
    if product >= high * middle**2:
        return high + 2.0 * np.sqrt(product / high)
    return high + middle + product / (high * middle)


def growth_of(inst: Instance, tile: Ints, opened: Ints, todo: float, most: float) -> float:
    """How much the product of the operands' words must grow for the compute steps to come down.

    A dim spread s times takes at least X / s steps, so over all open dims the tile of all PEs is at least todo / most
    times as large as one PE's. Every dim but R and S counts in two operands' words at least, and R and S only grow
    until they are whole.

    Parameters
    ----------
    opened : (8,)
        1 where the spread is open.
    todo : float
        Compute steps if no open dim is spread.
    most : float
        More compute steps are of no use.
    """
    larger = todo / most
    filters = 1.0
    for d in range(R, S + 1):
        if opened[d] == 1:
            filters *= inst.bounds[d] / tile[d]
    return larger * max(1.0, larger / filters)
