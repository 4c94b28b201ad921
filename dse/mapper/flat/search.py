"""The branch-and-bound walk over PE tiles and their unrollings. Compilable like the model."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from dse.mapper.flat.fitting import (
    MOST_ENTRIES,
    MOST_STATES,
    Fitting,
    begin,
    find_again,
    follow,
    forget,
    is_full,
    new_fitting,
)  # fmt: skip
from dse.mapper.flat.inner.bounds import least_inside, steps_together, tile_pruned
from dse.mapper.flat.inner.costs import inner_costs
from dse.mapper.flat.inner.halo import halos
from dse.mapper.flat.inner.least_time import array_time, first_and_last, growth_of
from dse.mapper.flat.instance import Instance
from dse.mapper.flat.placing import place_tiles
from dse.mapper.flat.run import OUTER_TILES, PE_TILES, UNROLLINGS
from dse.mapper.flat.spreads import FIRST_SPREAD, STEPS, decide, leave_open
from dse.mapper.shared.incumbent import EDP, ENERGY, SLACK, latest, longest, pruned
from dse.model.counting.kernel import Floats, Ints, Record, entry
from dse.problem.dims import P, Q, R, S

ROUNDING = 1e-9
"""Larger than the relative rounding of any bound."""

UNROLLED = 8
"""Depth of the walk at which all dims are spread."""


class Room(NamedTuple):
    """Arrays that the walk reuses, of sizes that the problem sets.

    Parameters
    ----------
    first : (9,) int64
        First spread of every dim.
    tall, wide : (spreads of P or Q, spreads of R or S, 10) float
        Words on both axes as of `halo_words`, filled on demand; -1 where they are not known yet.
    left : (9, most_left, 2) int64
        Rows and columns that the array may have left, by depth, see `take`.
    count : (9,) int64
        How many such pairs.
    listed : (spreads, 2) int64
        Where the trips of every spread are listed, see `place_tiles`.
    positions, offsets : (2, longest bound + 1, 3), (4, children + 1) int64
        Scratch of the model.
    alive, many : (10, 3, *), (10, 3) int64
        Outer tiles that may still be best and their numbers, see `tile_pruned`.
    """

    first: Ints
    tall: Floats
    wide: Floats
    fitting: Fitting
    listed: Ints
    positions: Ints
    offsets: Ints
    alive: Ints
    many: Ints


@entry
def search(
    inst: Instance, run: Record, work: Record, config: Record, options: Any, tiles: Any, table: Any,
    incumbents: Any, stop: Ints,
) -> None:  # fmt: skip
    """Walk PE tiles in the given order, their unrollings, outer tiles and loop orders, keeping the best found.

    Begins with the PE tile at place `run.reached`. Returns before it is done, with `run.reached` short of the last PE
    tile, when it is stopped or has visited as much as `run.until` says; that PE tile is then walked again.

    Parameters
    ----------
    inst : an element of `dse.mapper.flat.instance.INSTANCE`
    run, work, config : elements of `dse.mapper.flat.run.RUN`, `WORK` and `CONFIGURATION`
        What is looked for, and what has been found and visited; scratch.
    options : Options
    tiles : PeTiles
    table : OuterTable
    incumbents : Incumbents
    stop : (1,)
        Set to 1 from outside to end the walk, as soon as there is an incumbent.
    """
    room = _room(inst, options, table)
    pool = np.zeros((1024, 2), dtype=np.int64)
    for at in range(run.reached, len(tiles.order)):
        index = tiles.order[at]
        run.reached = at
        if stop[0] != 0 and run.held > 0:
            return
        if pruned(run.kind, run.gap, tiles.bound[index, 0], tiles.bound[index, 1], incumbents.values, run.held):
            if run.kind == ENERGY or run.kind == EDP:
                break  # the order is that of the bound
            continue
        run.visited[PE_TILES] += 1
        run.least_pj = tiles.bound[index, 0]
        for d in range(8):
            config.tile_row[d] = tiles.choice[index, d]
        pool = _unroll(inst, run, work, config, room, options, table, pool, incumbents, stop)
        if run.held < 0 or (stop[0] != 0 and run.held > 0) or _is_over(run):
            return
    run.reached = len(tiles.order)


def _is_over(run: Record) -> bool:
    """Whether as much has been visited as should be, or more."""
    return bool(run.visited[UNROLLINGS] + run.visited[OUTER_TILES] > run.until)


def _room(inst: Instance, options: Any, table: Any) -> Room:
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
    alive = np.zeros((10, 3, max(table.count[0], max(table.count[1], table.count[2]))), dtype=np.int64)
    many = np.zeros((10, 3), dtype=np.int64)
    return Room(first, tall, wide, fitting, listed, positions, offsets, alive, many)


def _unroll(
    inst: Instance, run: Record, work: Record, config: Record, room: Any, options: Any, table: Any, pool: Ints,
    incumbents: Any, stop: Ints,
) -> Ints:  # fmt: skip
    """Walk the spreads of one PE tile, dim by dim, dims with the fewest choices first. Returns the pool of trips."""
    tiles, row, chosen, fitting = options.tiles, config.tile_row, config.spread_row, room.fitting
    alive, many, values = room.alive, room.many, incumbents.values
    choices = np.zeros(8, dtype=np.int64)
    for d in range(8):
        choices[d] = tiles[row[d] + 1, FIRST_SPREAD] - tiles[row[d], FIRST_SPREAD]
    _open_all(inst, run, config, options, table, alive, many, values)
    if tile_pruned(inst, run, config, table, values, alive, many, 0):
        return pool  # since the tiles were listed, the table has been worked out
    sequence = by_size(choices)
    if is_full(fitting):
        forget(fitting, inst.rows, inst.cols)
    depth = 0
    begin(fitting, options, config, sequence, depth)
    while depth >= 0:
        d = sequence[depth]
        fitting.at[depth] += 1
        # Narrower spreads take no fewer steps: where one takes too many, so do all after it.
        if fitting.at[depth] == fitting.last[depth] or _too_late(
            run, fitting.beside[depth] * _steps(options, fitting, depth)
        ):
            leave_open(config, options, d)
            depth -= 1
            continue
        chosen[d] = fitting.row[fitting.at[depth]]
        decide(inst, config, options, d)
        run.visited[UNROLLINGS] += choices[d] > 1
        if (stop[0] != 0 and run.held > 0) or _is_over(run):
            return pool
        if not _look_ahead(inst, run, config, options, fitting, sequence, depth):
            continue
        if tile_pruned(inst, run, config, table, values, alive, many, depth + 1):
            continue
        if depth < UNROLLED - 1:
            depth += 1
            begin(fitting, options, config, sequence, depth)
            continue
        tall, wide = halos(inst, work, config, room, P), halos(inst, work, config, room, Q)
        config.cycles = inner_costs(inst, work, config, tall, wide)
        pool = place_tiles(inst, run, work, config, room, options, table, pool, incumbents, stop)
        if run.held < 0:
            break
        _note_incumbents(run, values)
    return pool


def _steps(options: Any, fitting: Any, depth: int) -> int:
    """Compute steps along a dim with the spread at hand."""
    return int(options.spreads[fitting.row[fitting.at[depth]], STEPS])


def _too_late(run: Record, time: float) -> bool:
    """Whether mappings with the least energy of the PE tile at hand do not improve on the incumbents with such a time."""
    return bool(time * (1.0 + run.gap + SLACK) >= run.latest)


def _note_incumbents(run: Record, values: Floats) -> None:
    """Note which times improve on the incumbents, with the least energy of the PE tile at hand."""
    run.latest = latest(run.kind, run.gap, run.least_pj, values, run.held)
    run.longest = longest(run.kind, run.least_pj, values, run.held) * (1.0 + ROUNDING)


def _open_all(
    inst: Instance, run: Record, config: Record, options: Any, table: Any, alive: Ints, many: Ints, values: Floats
) -> None:
    """Begin with a PE tile: every spread open, every outer tile as good as another."""
    _note_incumbents(run, values)
    for d in range(8):
        leave_open(config, options, d)
    for kind in range(3):
        config.inside_pj[kind] = least_inside(inst, kind, config.number)
        many[0, kind] = table.count[kind]
        for i in range(table.count[kind]):
            alive[0, kind, i] = i
    config.left = inst.pes
    config.cycles = array_time(inst, config.passes, max(run.fastest, steps_together(config.steps)))
    config.beside = _beside(inst, run, config, inst.macs)


def _look_ahead(
    inst: Instance, run: Record, config: Record, options: Any, fitting: Any, sequence: Ints, depth: int
) -> bool:
    """Bound the cycles of the array and those beside them, with the PEs that are left to dims with open spreads.

    Returns False if these dims do not fit, or compute steps alone are too many.
    """
    config.left = 1.0
    if depth < UNROLLED - 1:
        if is_full(fitting):
            forget(fitting, inst.rows, inst.cols)
            find_again(fitting, options, config, sequence, depth)
        if not follow(fitting, options, config, sequence, depth):
            return False
        config.left = fitting.most[fitting.state[depth + 1]]
    todo = 1.0
    for d in range(8):
        todo *= inst.bounds[d] if config.opened[d] == 1 else config.steps[d]
    steps = max(run.fastest, max(todo / config.left, steps_together(config.steps)))
    if _too_late(run, steps):
        return False
    config.cycles = array_time(inst, config.passes, steps)
    config.beside = _beside(inst, run, config, todo)
    return True


def _beside(inst: Instance, run: Record, config: Record, todo: float) -> float:
    """Cycles at least that no others overlap with; 0 when nobody asks for time. See `growth_of`."""
    if run.kind == ENERGY and inst.static_pj == 0.0:
        return 0.0
    return first_and_last(inst, config.tile, growth_of(inst, config.tile, config.opened, todo, run.longest))


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
