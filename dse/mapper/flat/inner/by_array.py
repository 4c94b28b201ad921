"""Lower bounds on problems without a search, on many arrays and at many prices at once: what they share is worked out
once.

Arrays that differ in their sides alone have the same PE tiles and outer points, and differ in passes and steps.
Problems that differ in prices alone have the same PE tiles, passes and steps. Compilable like the model.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from dse.mapper.flat.array.spreads import leave_open
from dse.mapper.flat.inner.bounds import (
    delivered,
    deliveries,
    delivery_time,
    goes_with,
    least_inside,
    lone_port,
    next_tile,
)
from dse.mapper.flat.inner.least_time import array_beside, array_time, first_and_last, least_time
from dse.mapper.flat.instance import Instance
from dse.mapper.flat.outer.table import BUSY, CROSSING_PJ, MOST_FIRST, MOST_SECOND, PASSES_FIRST, PASSES_SECOND
from dse.mapper.flat.outer.walk import others
from dse.model.counting.kernel import Floats, Ints, Record, entry


class Arrays(NamedTuple):
    """Arrays that problems are bounded on, each by itself, and what is known of all mappings on each.

    Parameters
    ----------
    passes : (tiles, arrays) int64
        Per row of `Options.tiles`, the fewest passes that any spread on the array leaves; 0 where there is none.
    steps : (tiles, arrays) float
        The fewest compute steps, likewise.
    known : (problems, arrays, 4) float
        By `PES`, `STEPS`, `PE_PJ`, `WORK_PJ`: PEs at most; compute steps at least; static and clock power of all PEs,
        pJ per step; and their energy at least, pJ, however many PEs there are: more of them need fewer steps.
    cycle_pj, alone_pj : (problems,) float
        Weight of a step in the sum of energy and time; static and clock power of what is no part of a PE, pJ per step.
    """

    passes: Ints
    steps: Floats
    known: Floats
    cycle_pj: Floats
    alone_pj: Floats


class Outside(NamedTuple):
    """The outer tables of some problems, cut down to what bounds need; see `OuterTable`.

    Parameters
    ----------
    floor : (problems, 3, 2) float
    points : (problems, 3, *, 6) float
    count : (problems, 3) int64
    ahead : (problems, 3, *) float
        The least time of the outermost port of every outer point and all that follow it.
    ports : (outermost ports,) int64
    """

    floor: Floats
    points: Floats
    count: Ints  # type: ignore[assignment]  # in place of a tuple's method
    ahead: Floats
    ports: Ints

    @classmethod
    def of(cls, tables: Any) -> Outside:
        """Of tables that are worked out."""
        longest = max(table.points.shape[1] for table in tables)
        points = np.zeros((len(tables), 3, longest, 6))
        ahead = np.full((len(tables), 3, longest), np.inf)
        count = np.array([table.count for table in tables])
        for own, least, table in zip(points, ahead, tables, strict=True):
            own[:, : table.points.shape[1]] = table.points
            for kind, many in enumerate(table.count):
                least[kind, :many] = np.minimum.accumulate(table.points[kind, :many, BUSY][::-1])[::-1]
        return cls(np.array([table.floor for table in tables]), points, count, ahead, tables[0].ports)


SAMPLE = 16
"""One PE tile in so many is looked at before all are."""

PES, STEPS, PE_PJ, WORK_PJ = range(4)
"""Columns of `Arrays.known`."""


class Seen(NamedTuple):
    """What the walk over PE tiles has of the tile at hand.

    Parameters
    ----------
    row : (8,) int64
        The rows of `Options.tiles` that `partial` is of; -1 where it is not yet.
    partial : (9, arrays) float
        Compute steps of the first dims together.
    again : (3, 9, arrays) float
        How often each operand is delivered at least, by array, as far as the first dims decide; see `deliveries`.
    least : (problems, 3) float
        Least time of all ports, by operand stationary at the array, of any tile.
    asked : (problems, 3, arrays) bool
        Where the tile may lower a bound.
    beside : (problems,) float
        Cycles that overlap with no others.
    inside_pj : (problems, 3) float
        Least energy inside the array, by operand stationary there.
    """

    row: Ints
    partial: Floats
    again: Floats
    least: Floats
    asked: Any
    beside: Floats
    inside_pj: Floats


@entry
def least_of_tiles(insts: Any, options: Any, arrays: Any, outside: Any, config: Record, out: Floats) -> None:
    """Lower bounds on the energy, on the time and on a weighted sum of both of every mapping there is, by array.

    Parameters
    ----------
    insts : (problems,) of `INSTANCE`
        They differ in prices alone.
    options : Options
        The tiles of all arrays.
    arrays : Arrays
    outside : Outside
    config : an element of `dse.mapper.flat.run.CONFIGURATION`
        Scratch.
    out : (problems, arrays, 3)
        Lowered: pJ, steps, and pJ of the sum.
    """
    for d in range(8):
        if options.tile_start[d] == options.tile_start[d + 1]:
            return
    problems, many = out.shape[0], out.shape[1]
    seen = Seen(
        np.full(8, -1, dtype=np.int64), np.ones((9, many)), np.ones((3, 9, many)), np.zeros((problems, 3)),
        np.zeros((problems, 3, many), dtype=np.bool_), np.zeros(problems), np.zeros((problems, 3)),
    )  # fmt: skip
    _set_least(insts, outside, seen)
    # Some tiles of all kinds come first: what they allow spares most of the others.
    for every in (SAMPLE, 1):
        for d in range(8):
            config.tile_row[d] = options.tile_start[d]
            leave_open(config, options, d)
        config.tile_row[0] -= 1
        number = 0
        more = next_tile(insts[0], options, config, 0)
        while more:
            if number % every == 0:
                _least_of_arrays(insts, config, outside, arrays, seen, out)
            number += 1
            more = next_tile(insts[0], options, config, 7)


def _set_least(insts: Any, outside: Any, seen: Seen) -> None:
    """Set what the ports take with any PE tile: everything passes them once at least."""
    once = np.ones(8, dtype=np.int64)
    for v in range(len(insts)):
        for kind in range(3):
            seen.least[v, kind] = least_time(insts[v], kind, once, 0.0, outside.floor[v, kind, 1])


def _least_of_arrays(insts: Any, config: Record, outside: Any, arrays: Any, seen: Seen, out: Floats) -> None:
    """Lower the bounds of all problems on all arrays to the least that a PE tile allows."""
    _set_steps(insts[0], config, arrays, seen)
    some = False
    for v in range(len(insts)):
        seen.beside[v] = first_and_last(insts[v], config.tile, 1.0)
        for kind in range(3):
            if outside.count[v, kind] > 0:
                seen.inside_pj[v, kind] = least_inside(insts[v], kind, config.number)
                some = _ask(insts[v], outside, v, kind, arrays, seen, out[v]) or some
    if not some:
        return
    for a in range(out.shape[1]):
        is_set = False
        for v in range(len(insts)):
            for kind in range(3):
                if not seen.asked[v, kind, a]:
                    continue
                if not is_set:
                    _set_array(config, arrays, a)
                    is_set = True
                known = arrays.known[v, a]
                config.left, config.beside = known[PES], seen.beside[v]
                config.cycles = array_time(insts[v], config.passes, max(seen.partial[8, a], known[STEPS]))
                config.inside_pj[kind] = seen.inside_pj[v, kind]
                _least_of_points(insts[v], config, outside, v, kind, arrays, known, out[v, a])


def _set_array(config: Record, arrays: Any, a: int) -> None:
    """Set the fewest passes and steps of the PE tile on an array."""
    for d in range(8):
        row = config.tile_row[d]
        config.passes[d], config.steps[d] = arrays.passes[row, a], int(arrays.steps[row, a])


def _set_steps(inst: Instance, config: Record, arrays: Any, seen: Seen) -> None:
    """Work out what a tile takes on all arrays, from the first dim on that has another tile."""
    first = 0
    while first < 8 and seen.row[first] == config.tile_row[first]:
        first += 1
    many = seen.partial.shape[1]
    for d in range(first, 8):
        row = config.tile_row[d]
        seen.row[d] = row
        steps, passes = arrays.steps[row], arrays.passes[row]
        for a in range(many):
            seen.partial[d + 1, a] = seen.partial[d, a] * steps[a]
        for o in range(3):
            before, after = seen.again[o, d], seen.again[o, d + 1]
            if inst.relevance[o, d] == 1 or d == 0:  # a group is reuse of nothing
                for a in range(many):
                    after[a] = before[a]
            elif inst.in_pe[o] == 1:
                for a in range(many):
                    after[a] = before[a] * passes[a]
            else:
                for a in range(many):
                    after[a] = before[a] * steps[a]


def _ask(inst: Instance, outside: Any, v: int, kind: int, arrays: Any, seen: Seen, out: Floats) -> bool:
    """Whether a PE tile may lower some bounds of problem v with one operand stationary, and on which arrays.

    The first outer point costs least energy, and with none is the outermost port busy for less than `ahead` says.
    """
    first, second = others(kind)
    a, b = inst.up_pj[first] * inst.words[first], inst.up_pj[second] * inst.words[second]
    port = lone_port(outside.ports)
    per_x, per_y = delivery_time(inst, port, first), delivery_time(inst, port, second)
    inside = seen.inside_pj[v, kind] + outside.points[v, kind, 0, CROSSING_PJ]
    least_port, busy, beside = seen.least[v, kind], outside.ahead[v, kind, 0], seen.beside[v]
    alone_pj, cycle_pj, known = arrays.alone_pj[v], arrays.cycle_pj[v], arrays.known[v]
    x, y, steps, asked = seen.again[first, 8], seen.again[second, 8], seen.partial[8], seen.asked[v, kind]
    some = False
    for i in range(out.shape[0]):
        time = max(max(steps[i], known[i, STEPS]), max(least_port, busy + per_x * x[i] + per_y * y[i])) + beside
        least = inside + a * x[i] + b * y[i] + alone_pj * time + max(known[i, PE_PJ] * time, known[i, WORK_PJ])
        below = (least < out[i, 0]) | (time < out[i, 1]) | (least + cycle_pj * time < out[i, 2])
        asked[i] = below & (steps[i] > 0.0)  # no steps: the array has no spread of the tile
        some = some | asked[i]
    return some


def _is_above(arrays: Any, v: int, known: Floats, energy_pj: float, time: float, out: Floats) -> bool:
    """Whether nothing of at least some energy, without power at rest, and time lowers the bounds."""
    least = energy_pj + _static(arrays, v, known, time)
    return bool(least >= out[0] and time >= out[1] and least + arrays.cycle_pj[v] * time >= out[2])


def _least_of_points(
    inst: Instance, config: Record, outside: Any, v: int, kind: int, arrays: Any, known: Floats, out: Floats
) -> None:
    """Lower the bounds of problem v to the least over the outer points, with one operand stationary at the array."""
    a, b, x, y, product, fixed = deliveries(inst, config, kind)
    inside, beside = config.inside_pj[kind] + fixed, config.beside
    delivery = inside + a * x + b * y
    count, points, ahead = outside.count[v, kind], outside.points[v, kind], outside.ahead[v, kind]
    if count == 0:
        return
    if _is_above(arrays, v, known, delivery + points[0, CROSSING_PJ], config.cycles + beside, out):
        return
    time = least_time(inst, kind, config.passes, config.cycles, outside.floor[v, kind, 1])
    port = lone_port(outside.ports)
    first, second = others(kind)
    per_x, per_y = delivery_time(inst, port, first), delivery_time(inst, port, second)
    waiting = array_beside(inst, port, config.cycles) if port >= 0 else 0.0
    for i in range(count):
        point = points[i]
        least_time_ahead = max(time, ahead[i] + per_x * x + per_y * y + waiting) + beside
        if _is_above(arrays, v, known, delivery + point[CROSSING_PJ], least_time_ahead, out):
            break  # the further ones cost more energy, and take no less time
        if not goes_with(config.passes, kind, product, point[MOST_FIRST], point[MOST_SECOND]):
            continue
        more = max(x, point[PASSES_FIRST], product / point[MOST_SECOND])
        again = max(y, point[PASSES_SECOND], product / point[MOST_FIRST])
        busy = max(time, point[BUSY] + per_x * more + per_y * again + waiting) + beside
        least = inside + point[CROSSING_PJ] + delivered(a, b, more, again, product) + _static(arrays, v, known, busy)
        out[0], out[1] = min(out[0], least), min(out[1], busy)
        out[2] = min(out[2], least + arrays.cycle_pj[v] * busy)


def _static(arrays: Any, v: int, known: Floats, time: float) -> float:
    """Least static and clock energy over a time, pJ: of the least PEs for all of it, or of all the work that PEs do."""
    return float(arrays.alone_pj[v] * time + max(known[PE_PJ] * time, known[WORK_PJ]))
