"""The branch-and-bound walk over PE tiles and their unrollings. Compilable like the model."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from dse.mapper.flat.array.fitting import (
    END,
    FIRST,
    LEAST_PASSES,
    LEAST_STEPS,
    MOST_ENTRIES,
    MOST_STATES,
    ROW,
    UNKNOWN,
    Fitting,
    begin,
    follow,
    look_up,
    new_fitting,
    start,
)  # fmt: skip
from dse.mapper.flat.array.spreads import FIRST_SPREAD, STEPS, decide, leave_open
from dse.mapper.flat.inner.bounds import least_inside, lone_port, steps_together, tile_pruned
from dse.mapper.flat.inner.costs import inner_costs
from dse.mapper.flat.inner.halo import halo_words
from dse.mapper.flat.inner.least_time import array_time, first_and_last, growth_of
from dse.mapper.flat.instance import Instance
from dse.mapper.flat.outer.held import is_held
from dse.mapper.flat.outer.trips import MOST_TRIPS, new_trips
from dse.mapper.flat.placing import place_tiles
from dse.mapper.flat.run import OUTER_TILES, PE_TILES, PRICED, PRICING, UNROLLINGS
from dse.mapper.shared.incumbent import EDP, ENERGY, SLACK, is_told_to_end, latest, longest, pruned
from dse.model.counting.kernel import Floats, Ints, Record, entry
from dse.problem.dims import P, Q, R, S

ROUNDING = 1e-9
"""Larger than the relative rounding of any bound."""

UNROLLED = 8
"""Depth of the walk at which all dims are spread."""


class WalkRoom(NamedTuple):
    """Arrays that the walk reuses, of sizes that the problem sets.

    Parameters
    ----------
    first : (9,) int64
        First spread of every dim.
    options : Options
    tall, wide : (spreads of P or Q, spreads of R or S, 10) float
        Words on both axes as of `halo_words`, filled on demand; -1 where they are not known yet.
    fitting : Fitting
        What the array may have left, see `dse.mapper.flat.array.fitting`.
    listed : (spreads, 2) int64
        Where the trips of every spread are listed, see `dse.mapper.flat.outer.trips.list_trips`.
    positions, offsets : (2, longest bound + 1, 3), (4, children + 1) int64
        Scratch of the model.
    alive : (10, 3, *) int64
        Outer tiles that may still be best, see `tile_pruned`.
    trips : (*, 2) int64
        Those listed, see `place_tiles`.
    marks : (P trips + 1, Q trips + 1) int64
        Which trips over both are too dear, see `dse.mapper.flat.outer.dear.pair_too_dear`.
    held : (1 + holders, 8) int64
        Those of the array configuration at hand, see `dse.mapper.flat.outer.held.list_held`.
    """

    first: Ints
    options: Any
    tall: Floats
    wide: Floats
    fitting: Fitting
    listed: Ints
    positions: Ints
    offsets: Ints
    alive: Ints
    trips: Ints
    marks: Ints
    held: Ints


@entry
def search(
    inst: Instance, run: Record, work: Record, walk: Record, config: Record, options: Any, tiles: Any, table: Any,
    incumbents: Any, stop: Ints,
) -> None:  # fmt: skip
    """Walk PE tiles in the given order, their unrollings, outer tiles and loop orders, keeping the best found.

    Begins with the PE tile at place `run.reached`. Returns before it is done, with `run.reached` short of the last PE
    tile, when it is stopped or has spent as much as `run.until` says; that PE tile is then walked again.

    Parameters
    ----------
    inst : an element of `dse.mapper.flat.instance.INSTANCE`
    run, work, walk, config : elements of `dse.mapper.flat.run.RUN`, `WORK`, `WALK` and `CONFIGURATION`
        What is looked for, and what has been found and visited; scratch.
    options : Options
    tiles : PeTiles
    table : OuterTable
    incumbents : Incumbents
    stop : (1,)
        Set to 1 from outside to end the walk, as soon as there is an incumbent; to 2 to end it at once.
    """
    room = _room(inst, options, tiles, table)
    for at in range(run.reached, len(tiles.order)):
        index = tiles.order[at]
        run.reached = at
        if is_told_to_end(stop[0], run.held):
            return
        if pruned(run.kind, run.gap, tiles.bound[index, 0], tiles.bound[index, 1], incumbents.values, run.held):
            if run.kind == ENERGY or run.kind == EDP:
                break  # the order is that of the bound
            continue
        run.visited[PE_TILES] += 1
        run.least_pj = tiles.bound[index, 0]
        for d in range(8):
            config.tile_row[d] = tiles.choice[index, d]
        _unroll(inst, run, work, walk, config, room, table, tiles.holders, incumbents, stop)
        if run.held < 0 or is_told_to_end(stop[0], run.held) or _is_over(run):
            return
    run.reached = len(tiles.order)


def _is_over(run: Record) -> bool:
    """Whether as much has been spent as should be, or more."""
    visits = run.visited[UNROLLINGS] + run.visited[OUTER_TILES]
    return bool(visits + PRICING * run.visited[PRICED] > run.until)


def _room(inst: Instance, options: Any, tiles: Any, table: Any) -> WalkRoom:
    first = np.zeros(9, dtype=np.int64)
    for d in range(9):
        first[d] = options.tiles[options.tile_start[d], FIRST_SPREAD]
    tall = np.full((first[Q] - first[P], first[S] - first[R], 10), -1.0)
    wide = np.full((first[R] - first[Q], first[S + 1] - first[S], 10), -1.0)
    longest = max(max(inst.bounds[P], inst.bounds[Q]), max(inst.bounds[R], inst.bounds[S])) + 1
    fitting = new_fitting(inst.rows, inst.cols, options.tiles, MOST_STATES, MOST_ENTRIES)
    listed = np.zeros((len(options.spreads), 2), dtype=np.int64)
    positions = np.zeros((2, longest, 3), dtype=np.int64)
    offsets = np.zeros((4, inst.pes + 1), dtype=np.int64)
    alive = np.zeros((10, 3, 1 + max(table.count[0], max(table.count[1], table.count[2]))), dtype=np.int64)
    trips = new_trips(inst.bounds, MOST_TRIPS)
    marks = np.zeros((len(table.p) + 1, len(table.q) + 1), dtype=np.int64)
    held = np.zeros((1 + len(tiles.holders.times), 8), dtype=np.int64)
    return WalkRoom(first, options, tall, wide, fitting, listed, positions, offsets, alive, trips, marks, held)


def _unroll(
    inst: Instance, run: Record, work: Record, walk: Record, config: Record, room: Any, table: Any, holders: Any,
    incumbents: Any, stop: Ints,
) -> None:  # fmt: skip
    """Walk the spreads of one PE tile, dim by dim, dims with the fewest choices first.

    Neither makes nor hands on arrays: to count who uses them would take a fifth of the time.
    """
    options, values, alive, points, floor = room.options, incumbents.values, room.alive, table.points, table.floor
    trips, times, most_trips, below = holders.trips, holders.times, holders.most, holders.below
    spreads, listed, entries, most = options.spreads, room.fitting.listed, room.fitting.entries, room.fitting.most
    _open_all(inst, run, walk, config, table, room, values)
    if _is_pruned(inst, run, walk, config, points, floor, values, alive, 0):
        return  # since the tiles were listed, the table has been worked out
    if walk.latest[0] <= below and not is_held(inst, config, trips, times, most_trips, walk.latest[0]):
        return
    depth = 0
    start(room.fitting, options, walk)
    while depth >= 0:
        walk.at[depth] += 1
        # Narrower spreads take no fewer steps: where one takes too many, so do all after it.
        if walk.at[depth] == walk.last[depth] or _is_late(
            run, walk, depth, walk.others[depth] * spreads[entries[walk.at[depth], ROW], STEPS]
        ):
            leave_open(config, options, walk.dim[depth])
            depth -= 1
            continue
        run.visited[UNROLLINGS] += walk.several[depth]
        if is_told_to_end(stop[0], run.held) or _is_over(run):
            return
        config.spread_row[walk.dim[depth]] = entries[walk.at[depth], ROW]
        further = follow(listed, entries, walk, depth) if depth < UNROLLED - 1 else 1.0
        if further == UNKNOWN:
            look_up(room.fitting, options, config, walk, depth)
            further = follow(listed, entries, walk, depth)
        if _takes_long(run, walk, config, spreads, most, further, depth):
            continue
        decide(inst, config, options, walk.dim[depth])
        _note_least(walk, config, listed, depth)
        if depth < UNROLLED - 1 and _has_one(run, walk, spreads, listed, entries, depth + 1):
            _as_above(walk, depth + 1)
        elif _is_pruned(inst, run, walk, config, points, floor, values, alive, depth + 1) or (
            walk.latest[depth + 1] <= below
            and not is_held(inst, config, trips, times, most_trips, walk.latest[depth + 1])
        ):
            continue
        if depth < UNROLLED - 1:
            depth += 1
            begin(listed, walk, depth)
            continue
        config.cycles = _below_the_buffer(
            inst, work, config, room.tall, room.wide, room.first, room.positions, room.offsets
        )
        config.latest = walk.latest[UNROLLED]
        place_tiles(inst, run, work, config, room, options, table, holders, incumbents, stop)
        if run.held < 0:
            break
        for level in range(UNROLLED):
            _set_limits(run, walk, values, level)


def _below_the_buffer(
    inst: Instance, work: Record, config: Record, tall: Floats, wide: Floats, first: Ints, positions: Ints,
    offsets: Ints,
) -> float:  # fmt: skip
    """`inner_costs` of the configuration; the words of each axis are counted once per pair of tiles and spreads."""
    row = config.spread_row
    over_tall, over_wide = tall[row[P] - first[P], row[R] - first[R]], wide[row[Q] - first[Q], row[S] - first[S]]
    if over_tall[0] < 0:
        halo_words(inst, work, config, P, positions, offsets, over_tall)
    if over_wide[0] < 0:
        halo_words(inst, work, config, Q, positions, offsets, over_wide)
    return inner_costs(inst, work, config, over_tall, over_wide)


def _open_all(inst: Instance, run: Record, walk: Record, config: Record, table: Any, room: Any, values: Floats) -> None:
    """Begin with a PE tile: every spread open, every outer tile as good as another."""
    options, row = room.options, config.tile_row
    choices = np.zeros(8, dtype=np.int64)
    for d in range(8):
        leave_open(config, options, d)
        choices[d] = options.tiles[row[d] + 1, FIRST_SPREAD] - options.tiles[row[d], FIRST_SPREAD]
    sequence = by_size(choices)
    below = 1.0
    walk.others[0] = 1.0
    for depth in range(7, -1, -1):
        d = sequence[depth]
        walk.dim[depth], walk.tile[depth], walk.several[depth] = d, row[d], choices[d] > 1
        walk.below[depth] = below
        below *= inst.bounds[d]
        if depth > 0:
            walk.others[0] *= config.steps[d]
    for kind in range(3):
        config.inside_pj[kind] = least_inside(inst, kind, config.number)
        room.alive[0, kind, 0] = table.count[kind]
        for i in range(table.count[kind]):
            room.alive[0, kind, 1 + i] = i
    walk.source[0], walk.done[0], walk.least_pj[0] = 0, 1.0, run.least_pj
    config.port = lone_port(table.ports)
    _set_limits(run, walk, values, 0)
    config.left, config.todo = inst.pes, inst.macs
    config.cycles = max(run.fastest, steps_together(config.steps))


def _set_limits(run: Record, walk: Record, values: Floats, level: int) -> None:
    """Note which times improve on the incumbents with the least energy of a level of the walk."""
    walk.latest[level] = latest(run.kind, run.gap, walk.least_pj[level], values, run.held)
    walk.longest[level] = longest(run.kind, walk.least_pj[level], values, run.held) * (1.0 + ROUNDING)


def _is_late(run: Record, walk: Record, level: int, time: float) -> bool:
    """Whether mappings with the least energy of a level of the walk are not better than the incumbents with a time."""
    return bool(time * (1.0 + run.gap + SLACK) >= walk.latest[level])


def _takes_long(
    run: Record, walk: Record, config: Record, spreads: Ints, most: Ints, further: float, depth: int
) -> bool:
    """Whether compute steps alone are too many with the spread at hand, which leaves open dims some steps at least."""
    steps = done = walk.done[depth] * spreads[config.spread_row[walk.dim[depth]], STEPS]
    config.left = 1.0
    if depth < UNROLLED - 1:
        config.left = most[walk.state[depth + 1]]
        steps = max(done * further, done * walk.below[depth] / config.left)
    steps = max(float(run.fastest), steps)
    config.cycles, config.todo = steps, done * walk.below[depth]
    walk.done[depth + 1] = done
    return _is_late(run, walk, depth, steps)


def _note_least(walk: Record, config: Record, listed: Ints, depth: int) -> None:
    """Note what open dims have at least beside the spreads decided down to some depth."""
    state = walk.state[depth + 1]
    walk.others[depth + 1] *= walk.done[depth + 1]
    for later in range(depth + 1, 8):
        config.passes[walk.dim[later]] = listed[state, walk.tile[later], LEAST_PASSES]
        config.steps[walk.dim[later]] = listed[state, walk.tile[later], LEAST_STEPS]


def _has_one(run: Record, walk: Record, spreads: Ints, listed: Ints, entries: Ints, depth: int) -> bool:
    """Whether only the widest spread that fits at some depth may be of use: then there is nothing to bound above it."""
    state, tile = walk.state[depth], walk.tile[depth]
    second = listed[state, tile, FIRST] + 1
    return bool(
        second == listed[state, tile, END]
        or _is_late(run, walk, depth - 1, walk.others[depth] * spreads[entries[second, ROW], STEPS])
    )


def _as_above(walk: Record, level: int) -> None:
    """Let a level of the walk know no more than the one above it."""
    walk.source[level], walk.least_pj[level] = walk.source[level - 1], walk.least_pj[level - 1]
    walk.latest[level], walk.longest[level] = walk.latest[level - 1], walk.longest[level - 1]


def _is_pruned(
    inst: Instance, run: Record, walk: Record, config: Record, points: Floats, floor: Floats, values: Floats,
    alive: Ints, level: int,
) -> bool:  # fmt: skip
    """Whether nothing below a level of the walk improves on the incumbents; else what is known there is noted.

    Parameters
    ----------
    config : an element of `dse.mapper.flat.run.CONFIGURATION`
        Its `cycles` are compute steps; those of the array, and those beside, are filled.
    """
    above = max(0, level - 1)
    config.cycles = array_time(inst, config.passes, config.cycles)
    config.beside = 0.0
    if run.kind != ENERGY or inst.static_pj > 0.0:  # else nobody asks for time
        growth = growth_of(inst, config.tile, config.opened, config.todo, walk.longest[above])
        config.beside = first_and_last(inst, config.tile, growth)
    if _is_late(run, walk, above, config.cycles + config.beside):
        return True
    if tile_pruned(inst, run, config, points, floor, values, alive, walk.source[above], level + 1):
        return True
    walk.source[level] = level + 1
    walk.least_pj[level] = max(walk.least_pj[above], config.least_pj)
    _set_limits(run, walk, values, level)
    return False


def by_size(numbers: Ints) -> Ints:
    """Places of some numbers, the smallest first. A sort of the library's would take a second to compile."""
    order = np.zeros(len(numbers), dtype=np.int64)
    for i in range(len(numbers)):
        k = i
        while k > 0 and numbers[order[k - 1]] > numbers[i]:
            order[k] = order[k - 1]
            k -= 1
        order[k] = i
    return order
