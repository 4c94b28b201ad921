"""Lower bounds on time between the buffer and the MACs. Compilable like the model."""

from __future__ import annotations

from typing import Any

from dse.mapper.outer import repeats

Ints = Any
Instance = Any


def least_time(inst: Instance, kind: int, passes: Ints, cycles: float, floor: Any) -> float:
    """Least time of compute steps and ports with at least the given passes, without folds."""
    time = max(cycles, floor[kind, 1])
    for t in range(inst.ports):
        busy = inst.port_fixed[t]
        for o in range(3):
            words = inst.words[o]
            if inst.in_buffer[o] == 1:
                busy += inst.port_over[t, o] * words
            if inst.in_pe[o] == 1 and o == kind:
                busy += inst.port_up[t, o] * words
            else:
                busy += inst.port_up[t, o] * words * repeats(passes, o)
        time = max(time, busy)
    return float(time)


def least_folds(inst: Instance, passes: Ints) -> float:
    """Cycles that the folds of the array take beside their steps at least, with at least the given passes per dim.

    Loops over the dims of an operand that the PEs keep all change it, so it changes once per pass over these dims at
    least; see `dse.model.time.fold_cycles`.
    """
    if inst.place[2] < 0:
        return 0.0
    fold = inst.folds[inst.place[2]]
    most = 1.0
    shifts = 0.0
    for o in range(3):
        if inst.in_pe[o] == 1:
            visits = 1.0
            for d in range(8):
                if inst.relevance[o, d] == 1:
                    visits *= passes[d]
            most = max(most, visits)
            shifts += visits * fold[1 + o]
    return most * fold[0] + shifts


def first_and_last(inst: Instance, tile: Ints) -> float:
    """Cycles of the first fill and the last drain that the array's own tile takes at least, if it is no smaller.

    Every level hands the first tile on through its slowest port; only operands that the PEs keep count here.

    Parameters
    ----------
    tile : (8,)
        Indices per dim, on all PEs together.
    """
    height = (tile[4] - 1) * inst.window[0] + (tile[6] - 1) * inst.window[1] + 1
    width = (tile[5] - 1) * inst.window[2] + (tile[7] - 1) * inst.window[3] + 1
    total = 0.0
    for node in range(inst.nodes):
        filled = 0.0
        drained = 0.0
        for t in range(inst.ports):
            if inst.port_node[t] != node or (node != inst.place[0] and node != inst.place[1]):
                continue
            fill = 0.0
            for o in range(2):
                if inst.in_pe[o] == 1 and (node == inst.place[0] or inst.in_buffer[o] == 1):
                    words = tile[0] * tile[3] * (tile[1] * height * width if o == 0 else tile[2] * tile[6] * tile[7])
                    fill += words * inst.port_cost[t, o, 0]
            drain = 0.0
            if inst.in_pe[2] == 1 and (node == inst.place[0] or inst.in_buffer[2] == 1):
                drain = tile[0] * tile[1] * tile[2] * tile[4] * tile[5] * inst.port_cost[t, 2, 1]
            filled = max(filled, fill)
            drained = max(drained, drain)
        total += filled + drained
    return total
