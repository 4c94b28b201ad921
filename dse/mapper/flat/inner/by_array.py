"""Lower bounds on a problem without a search, on many arrays at once: what they share is worked out once.

Arrays that differ in their sides alone have the same PE tiles and outer points, and differ in passes and steps.
Compilable like the model.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

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
from dse.mapper.flat.outer.table import BUSY, CROSSING_PJ, MOST_FIRST, MOST_SECOND, PASSES_FIRST, PASSES_SECOND, others
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


SAMPLE = 16
"""One PE tile in so many is looked at before all are."""

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
    ahead = _least_ahead(table)
    # Some tiles of all kinds come first: what they allow spares most of the others.
    for every in (SAMPLE, 1):
        for d in range(8):
            config.tile_row[d] = options.tile_start[d]
            leave_open(config, options, d)
        config.tile_row[0] -= 1
        number = 0
        more = next_tile(inst, options, config, 0)
        while more:
            if number % every == 0:
                _least_of_arrays(inst, config, table, ahead, arrays, out)
            number += 1
            more = next_tile(inst, options, config, 7)


def _least_ahead(table: Any) -> Floats:
    """(3, points): the least time of the outermost port of every outer point and all that follow it."""
    ahead = np.full((3, table.points.shape[1]), np.inf)
    for kind in range(3):
        least = np.inf
        for i in range(table.count[kind] - 1, -1, -1):
            least = min(least, table.points[kind, i, BUSY])
            ahead[kind, i] = least
    return ahead


def _least_of_arrays(
    inst: Instance, config: Record, table: Any, ahead: Floats, arrays: Any, out: Floats
) -> None:
    """Lower the bounds of all arrays to the least that a PE tile allows.

    Parameters
    ----------
    ahead : (3, points) float
        From `_least_ahead`.
    """
    config.beside = first_and_last(inst, config.tile, 1.0)
    least_pj = np.inf  # on any array, without power at rest
    for kind in range(3):
        config.inside_pj[kind] = least_inside(inst, kind, config.number)
        first, second = others(kind)
        once = inst.up_pj[first] * inst.words[first] + inst.up_pj[second] * inst.words[second]
        if table.count[kind] > 0:
            least_pj = min(least_pj, config.inside_pj[kind] + table.points[kind, 0, CROSSING_PJ] + once)
    for a in range(len(out)):
        if not _has_tile(config, arrays.fewest[a]):
            continue
        known = arrays.known[a]
        steps = max(steps_together(config.steps), known[STEPS])
        if _is_above(arrays, known, least_pj, steps + config.beside, out[a]):
            continue
        config.left = known[PES]
        config.cycles = array_time(inst, config.passes, steps)
        for kind in range(3):
            _least_of_points(inst, config, table, ahead[kind], kind, arrays, known, out[a])


def _is_above(arrays: Any, known: Floats, energy_pj: float, time: float, out: Floats) -> bool:
    """Whether nothing of at least some energy, without power at rest, and time lowers the bounds."""
    least = energy_pj + _static(arrays, known, time)
    return bool(least >= out[0] and time >= out[1] and least + arrays.cycle_pj * time >= out[2])


def _has_tile(config: Record, fewest: Ints) -> bool:
    """Whether the array has spreads of the PE tile; the fewest passes and steps are then set."""
    for d in range(8):
        row = config.tile_row[d]
        if fewest[row, 0] == 0:
            return False
        config.passes[d], config.steps[d] = fewest[row, 0], fewest[row, 1]
    return True


def _least_of_points(
    inst: Instance, config: Record, table: Any, ahead: Floats, kind: int, arrays: Any, known: Floats, out: Floats
) -> None:
    """Lower the bounds to the least over the outer points, with one operand stationary at the array."""
    a, b, x, y, product, fixed = deliveries(inst, config, kind)
    inside, beside = config.inside_pj[kind] + fixed, config.beside
    delivery = inside + a * x + b * y
    if table.count[kind] == 0:
        return
    if _is_above(arrays, known, delivery + table.points[kind, 0, CROSSING_PJ], config.cycles + beside, out):
        return
    time = least_time(inst, kind, config.passes, config.cycles, table.floor)
    per_x, per_y = delivery_times(inst, table, kind)
    waiting = array_beside(inst, table.ports[0], config.cycles) if len(table.ports) == 1 else 0.0
    for i in range(table.count[kind]):
        point = table.points[kind, i]
        least_time_ahead = max(time, ahead[i] + per_x * x + per_y * y + waiting) + beside
        if _is_above(arrays, known, delivery + point[CROSSING_PJ], least_time_ahead, out):
            break  # the further ones cost more energy, and take no less time
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
