"""Which trips of the outermost list the outer table rules out for an array configuration. Compilable.

See "Outer table" in docs/mapper/flat.md.
"""

from __future__ import annotations

from typing import Any

from dse.mapper.flat.inner.costs import ANY
from dse.mapper.flat.inner.least_time import array_beside
from dse.mapper.flat.instance import Instance
from dse.mapper.flat.outer.table import OF_K, OF_P, OF_Q, place_of
from dse.mapper.flat.outer.trips import END, FIRST, N_TRIPS, is_too_large
from dse.mapper.flat.run import OUTER_TILES
from dse.mapper.shared.incumbent import pruned
from dse.model.counting.kernel import Floats, Ints, Record
from dse.problem.dims import IFMAP, K, P, Q


def trips_too_dear(
    inst: Instance, run: Record, work: Record, config: Record, room: Any, table: Any, d: int, values: Floats
) -> bool:
    """`too_dear` with the trips decided up to dim d, which is P, Q or K."""
    if d == P:
        return p_too_dear(inst, run, work, config, room, table, work.n[P], values)
    p, q = place_of(table, OF_P, inst.bounds[P], work.n[P]), place_of(table, OF_Q, inst.bounds[Q], work.n[Q])
    if d == Q:
        return pair_too_dear(inst, run, work, config, table, room.marks, p, q, values)
    run.visited[OUTER_TILES] += 1
    return too_dear(inst, run, work, config, table, p, q, place_of(table, OF_K, inst.bounds[K], work.n[K]), values)


def p_too_dear(
    inst: Instance, run: Record, work: Record, config: Record, room: Any, table: Any, trips: int, values: Floats
) -> bool:
    """Whether no trips over Q, with some over P, improve."""
    p, last, listed, marks = place_of(table, OF_P, inst.bounds[P], trips), len(table.q), room.listed, room.marks
    if pair_too_dear(inst, run, work, config, table, marks, p, last, values):
        return True
    row = config.spread_row[Q]
    for i in range(listed[row, FIRST], listed[row, END]):
        q = place_of(table, OF_Q, inst.bounds[Q], room.trips[i, N_TRIPS])
        if not pair_too_dear(inst, run, work, config, table, marks, p, q, values):
            return False
    marks[p, last] = marks[len(table.p), last]
    return True


def pair_too_dear(
    inst: Instance, run: Record, work: Record, config: Record, table: Any, marks: Ints, p: int, q: int, values: Floats,
) -> bool:  # fmt: skip
    """`is_too_large`, or `too_dear` with any trips over K. Trips over R and S do not matter, so it is asked once.

    What is found to improve is so as long as the incumbents stay as they are; what does not never will.

    Parameters
    ----------
    marks : (P trips + 1, Q trips + 1)
        The last is the mark of pairs that are too dear here, one more that of those that are not; less is not known.
    """
    mark = marks[len(table.p), len(table.q)]
    if marks[p, q] < mark:
        run.visited[OUTER_TILES] += 1
        dear = is_too_large(inst, config, table, p, q)
        dear = dear or too_dear(inst, run, work, config, table, p, q, len(table.k), values)
        marks[p, q] = mark if dear else mark + 1
    return bool(marks[p, q] == mark)


def too_dear(
    inst: Instance, run: Record, work: Record, config: Record, table: Any, p: int, q: int, k: int,
    values: Floats,
) -> bool:  # fmt: skip
    """Whether the table says that no outer tile with these trips over P, Q (and K) improves.

    An operand stays through the outermost list only where all passes over its dims are trips of that list.

    Parameters
    ----------
    p, q, k : int
        Places of the trips in `table.least`.
    """
    all_k = place_of(table, OF_K, inst.bounds[K], config.passes[K])
    for row in range(6):  # of each operand, once where it does not stay through the outermost list, once where it does
        o = row % 3
        at = k
        if row >= 3:
            if inst.in_pe[o] == 0 or (o != IFMAP and k != len(table.k) and k != all_k):
                continue
            if o != IFMAP:
                at = all_k
        time = config.cycles
        for i in range(len(table.ports)):
            t = table.ports[i]
            busy = work.busy[o, t] + array_beside(inst, t, config.cycles)
            time = max(time, busy + table.least[row, 1 + i, p, q, at])
        time += config.beside
        least = work.energy[o, ANY] + table.least[row, 0, p, q, at] + inst.static_pj * time
        if not pruned(run.kind, run.gap, least, time, values, run.held):
            return False
    return True
