"""Lower bounds on a problem without a search, on many arrays at once: what they share is worked out once.

Arrays that differ in their sides alone have the same PE tiles and outer points, and differ in passes and steps.
Compilable like the model.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from dse.mapper.flat.inner.bounds import (
    delivered,
    deliveries,
    delivery_times,
    goes_with,
    least_inside,
    next_tile,
    steps_together,
)
from dse.mapper.flat.inner.least_time import array_beside, array_time, first_and_last, least_time
from dse.mapper.flat.instance import Instance
from dse.mapper.flat.outer.table import BUSY, CROSSING_PJ, MOST_FIRST, MOST_SECOND, PASSES_FIRST, PASSES_SECOND
from dse.mapper.flat.spreads import leave_open
from dse.model.counting.kernel import Floats, Ints, Record, entry


class Arrays(NamedTuple):
    """Arrays that a problem is bounded on, each by itself, and what is known of all mappings on each.

    Parameters
    ----------
    fewest : (arrays, tiles, 2) int64
        Per row of `Options.tiles`, the fewest passes and steps that any spread on the array leaves; 0 where there is
        none.
    known : (arrays, 4) float
        By `PES`, `STEPS`, `PE_PJ`, `WORK_PJ`: PEs at most; compute steps at least; static and clock power of all PEs,
        pJ per step; and their energy at least, pJ, however many PEs there are: more of them need fewer steps.
    cycle_pj : float
        Weight of a step in the sum of energy and time.
    alone_pj : float
        Static and clock power of what is no part of a PE, pJ per step.
    """

    fewest: Ints
    known: Floats
    cycle_pj: float
    alone_pj: float


PES, STEPS, PE_PJ, WORK_PJ = range(4)
"""Columns of `Arrays.known`."""


@entry
def least_of_tiles(inst: Instance, options: Any, arrays: Any, table: Any, config: Record, out: Floats) -> None:
    """Lower bounds on the energy, on the time and on a weighted sum of both of every mapping there is, by array.

    Parameters
    ----------
    options : Options
        The tiles of all arrays.
    arrays : Arrays
    table : OuterTable
        Worked out.
    config : an element of `dse.mapper.flat.run.CONFIGURATION`
        Scratch.
    out : (arrays, 3)
        Lowered: pJ, steps, and pJ of the sum.
    """
    for d in range(8):
        if options.tile_start[d] == options.tile_start[d + 1]:
            return
        config.tile_row[d] = options.tile_start[d]
        leave_open(config, options, d)
    config.tile_row[0] -= 1
    more = next_tile(inst, options, config, 0)
    while more:
        config.beside = first_and_last(inst, config.tile, 1.0)
        for kind in range(3):
            config.inside_pj[kind] = least_inside(inst, kind, config.number)
        for a in range(len(out)):
            if _has_tile(config, arrays.fewest[a]):
                known = arrays.known[a]
                config.left = known[PES]
                config.cycles = array_time(inst, config.passes, max(steps_together(config.steps), known[STEPS]))
                for kind in range(3):
                    _least_of_points(inst, config, table, kind, arrays, known, out[a])
        more = next_tile(inst, options, config, 7)


def _has_tile(config: Record, fewest: Ints) -> bool:
    """Whether the array has spreads of the PE tile; the fewest passes and steps are then set."""
    for d in range(8):
        row = config.tile_row[d]
        if fewest[row, 0] == 0:
            return False
        config.passes[d], config.steps[d] = fewest[row, 0], fewest[row, 1]
    return True


def _least_of_points(
    inst: Instance, config: Record, table: Any, kind: int, arrays: Any, known: Floats, out: Floats
) -> None:
    """Lower the bounds to the least over the outer points, with one operand stationary at the array."""
    a, b, x, y, product, fixed = deliveries(inst, config, kind)
    inside, beside = config.inside_pj[kind] + fixed, config.beside
    time = least_time(inst, kind, config.passes, config.cycles, table.floor)
    per_x, per_y = delivery_times(inst, table, kind)
    alone = inside + a * x + b * y + _static(arrays, known, time + beside)
    waiting = array_beside(inst, table.ports[0], config.cycles) if len(table.ports) == 1 else 0.0
    for i in range(table.count[kind]):
        point = table.points[kind, i]
        least = alone + point[CROSSING_PJ]
        if least >= out[0] and time + beside >= out[1] and least + arrays.cycle_pj * (time + beside) >= out[2]:
            break  # the further ones cost more energy
        if not goes_with(point, config.passes, kind, product):
            continue
        more = max(x, point[PASSES_FIRST], product / point[MOST_SECOND])
        again = max(y, point[PASSES_SECOND], product / point[MOST_FIRST])
        busy = max(time, point[BUSY] + per_x * more + per_y * again + waiting) + beside
        least = inside + point[CROSSING_PJ] + delivered(a, b, more, again, product) + _static(arrays, known, busy)
        out[0], out[1] = min(out[0], least), min(out[1], busy)
        out[2] = min(out[2], least + arrays.cycle_pj * busy)


def _static(arrays: Any, known: Floats, time: float) -> float:
    """Least static and clock energy over a time, pJ: of the least PEs for all of it, or of all the work that PEs do."""
    return float(arrays.alone_pj * time + max(known[PE_PJ] * time, known[WORK_PJ]))
