"""The branch-and-bound walk over PE tiles and their unrollings. Compilable like the model."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from dse.mapper.flat.bounds import least_inside, per_tile_least, tile_pruned
from dse.mapper.flat.halo import halo_words
from dse.mapper.flat.instance import ARRAY, STRIDE_H, STRIDE_W
from dse.mapper.flat.least_time import first_and_last, growth_of, least_folds
from dse.mapper.flat.outer_table import worked_out
from dse.mapper.flat.placing import place_tiles
from dse.mapper.flat.run import OUTER_TILES, PE_TILES, UNROLLINGS
from dse.mapper.flat.spreads import CHILDREN, FIRST_SPREAD, PASSES, STEPS, TILE, TILES, most_left, take
from dse.mapper.shared.incumbent import EDP, ENERGY, longest, pruned
from dse.model.axes import WORD
from dse.model.kernel import entry
from dse.problem.dims import IFMAP, P, Q, R, S

Ints = Any
Instance = Any

ROUNDING = 1e-9
"""Larger than the relative rounding of any bound."""


class Room(NamedTuple):
    """Arrays that the walk reuses, of sizes that the problem sets.

    Parameters
    ----------
    first : (9,) int64
        First spread of every dim.
    tall, wide : (spreads of P or Q, spreads of R or S, 10) float
        Words on both axes as of `halo_words`, filled on demand; -1 where they are not known yet.
    fewest, least_steps : (tiles,) int64
        The fewest passes and compute steps that any spread leaves.
    left : (9, most_left, 2) int64
        Rows and columns that the array may have left, by depth, see `take`.
    listed : (spreads, 2) int64
        Where the trips of every spread are listed, see `place_tiles`.
    positions, offsets : (2, longest bound + 1, 3), (4, children + 1) int64
        Scratch of the model.
    alive, many : (10, 3, *), (10, 3) int64
        Outer tiles that may still be best and their numbers, see `tile_pruned`.
    """

    first: Ints
    tall: Any
    wide: Any
    fewest: Ints
    least_steps: Ints
    left: Ints
    listed: Ints
    positions: Ints
    offsets: Ints
    alive: Ints
    many: Ints


@entry
def search(
    inst: Instance, run: Any, work: Any, options: Any, order: Ints, choice: Ints, bound: Any, floor: Any, table: Any,
    values: Any, records: Ints, stop: Ints,
) -> None:  # fmt: skip
    """Walk PE tiles in the given order, their unrollings, outer tiles and loop orders, keeping the best found.

    Returns before it is done, with `run.reached` short of the last PE tile, when it is stopped or when working out the
    table would pay.

    Parameters
    ----------
    inst : an element of `dse.mapper.flat.instance.INSTANCE`
    run, work : elements of `dse.mapper.flat.run.RUN` and `WORK`
        What is looked for, and what has been found and visited; scratch.
    options : tuple
        The parts of `dse.mapper.flat.spreads.Options`.
    order : (k,)
        PE tiles, best bound first.
    choice, bound
        From `list_tiles`.
    floor : (3, 2)
        From `outer_floor`.
    table : OuterTable
    values, records
        The incumbents: see `dse.mapper.shared.incumbent`.
    stop : (1,)
        Set to 1 from outside to end the walk, as soon as there is an incumbent.
    """
    room = _room(inst, options, table)
    pool = np.zeros((1024, 2), dtype=np.int64)
    for at in range(len(order)):
        index = order[at]
        run.reached = at
        if stop[0] != 0 and run.held > 0:
            return
        if pruned(run.kind, run.gap, bound[index, 0], bound[index, 1], values, run.held):
            if run.kind == ENERGY or run.kind == EDP:
                break  # the order is that of the bound
            continue
        run.visited[PE_TILES] += 1
        run.least_pj = bound[index, 0]
        pool = _unroll(inst, run, work, room, options, choice[index], floor, table, pool, values, records, stop)
        if run.held < 0 or (stop[0] != 0 and run.held > 0) or _is_long(run, table):
            return
    run.reached = len(order)


def _is_long(run: Any, table: Any) -> bool:
    """Whether the table is not worked out but should be."""
    return run.visited[UNROLLINGS] + run.visited[OUTER_TILES] - run.since > table.worth and not worked_out(table)


def _room(inst: Instance, options: Any, table: Any) -> Room:
    tile_start, tiles, spreads, _ = options
    first = np.zeros(9, dtype=np.int64)
    for d in range(9):
        first[d] = tiles[tile_start[d], FIRST_SPREAD]
    tall = np.full((first[Q] - first[P], first[S] - first[R], 10), -1.0)
    wide = np.full((first[R] - first[Q], first[S + 1] - first[S], 10), -1.0)
    longest = max(max(inst.bounds[P], inst.bounds[Q]), max(inst.bounds[R], inst.bounds[S])) + 1
    fewest, least_steps = per_tile_least(tiles, spreads)
    left = np.ones((9, most_left(inst.rows), 2), dtype=np.int64)
    listed = np.zeros((len(spreads), 2), dtype=np.int64)
    positions = np.zeros((2, longest, 3), dtype=np.int64)
    offsets = np.zeros((4, inst.pes + 1), dtype=np.int64)
    alive = np.zeros((10, 3, max(table.count[0], max(table.count[1], table.count[2]))), dtype=np.int64)
    many = np.zeros((10, 3), dtype=np.int64)
    return Room(first, tall, wide, fewest, least_steps, left, listed, positions, offsets, alive, many)


def _unroll(
    inst: Instance, run: Any, work: Any, room: Any, options: Any, row: Ints, floor: Any, table: Any, pool: Ints,
    values: Any, records: Ints, stop: Ints,
) -> Ints:  # fmt: skip
    """Walk the spreads of one PE tile, dim by dim, dims with the fewest choices first. Returns the pool of trips."""
    _, tiles, spreads, sides = options
    fewest, least_steps, left, alive, many = room.fewest, room.least_steps, room.left, room.alive, room.many
    choices = np.zeros(8, dtype=np.int64)
    number = np.ones(8, dtype=np.int64)
    tile = np.ones(8, dtype=np.int64)
    spread_out = np.ones(8, dtype=np.int64)
    passes = np.ones(8, dtype=np.int64)
    steps = np.ones(8, dtype=np.int64)
    for d in range(8):
        choices[d] = tiles[row[d] + 1, FIRST_SPREAD] - tiles[row[d], FIRST_SPREAD]
        number[d] = tiles[row[d], TILES]
        tile[d] = tiles[row[d], TILE]
        spread_out[d] = number[d]
        passes[d] = fewest[row[d]]
        steps[d] = least_steps[row[d]]
    inside = np.zeros(3)
    for kind in range(3):
        inside[kind] = least_inside(inst, kind, number)
        many[0, kind] = table.count[kind]
        for i in range(table.count[kind]):
            alive[0, kind, i] = i
    opened = np.ones(8, dtype=np.int64)
    beside = _beside(inst, run, tile, passes, opened, inst.macs, values)
    if tile_pruned(
        inst, run, inside, spread_out, passes, steps, floor, table, run.fastest, beside, float(inst.pes), values, alive,
        many, 0,
    ):  # fmt: skip
        return pool  # since the tiles were listed, the table has been worked out
    sequence = by_size(choices)
    chosen = np.zeros(8, dtype=np.int64)
    count = np.ones(9, dtype=np.int64)
    left[0, 0, 0] = inst.rows
    left[0, 0, 1] = inst.cols
    depth = 0
    d = sequence[0]
    chosen[d] = tiles[row[d], FIRST_SPREAD] - 1
    while depth >= 0:
        d = sequence[depth]
        chosen[d] += 1
        if chosen[d] == tiles[row[d] + 1, FIRST_SPREAD]:
            tile[d] = tiles[row[d], TILE]
            spread_out[d] = number[d]
            passes[d] = fewest[row[d]]
            steps[d] = least_steps[row[d]]
            depth -= 1
            continue
        free = take(left, count, depth, spreads, sides, chosen[d])
        if free == 0:
            continue
        tile[d] = min(inst.bounds[d], tiles[row[d], TILE] * spreads[chosen[d], CHILDREN])
        passes[d] = spreads[chosen[d], PASSES]
        spread_out[d] = passes[d]
        steps[d] = spreads[chosen[d], STEPS]
        run.visited[UNROLLINGS] += choices[d] > 1
        if (stop[0] != 0 and run.held > 0) or _is_long(run, table):
            return pool
        todo = 1.0
        for i in range(8):
            x = sequence[i]
            opened[x] = i > depth
            todo *= inst.bounds[x] if i > depth else steps[x]
        beside = _beside(inst, run, tile, passes, opened, todo, values)
        if tile_pruned(
            inst, run, inside, spread_out, passes, steps, floor, table, max(run.fastest, todo / free), beside,
            float(free), values, alive, many, depth + 1,
        ):  # fmt: skip
            continue
        if depth < 7:
            depth += 1
            following = sequence[depth]
            chosen[following] = tiles[row[following], FIRST_SPREAD] - 1
            continue
        tall = _halos(inst, room, options, row, chosen, P, room.tall, work)
        wide = _halos(inst, room, options, row, chosen, Q, room.wide, work)
        pool = place_tiles(
            inst, run, work, room.listed, room.positions, room.offsets, options, row, chosen, tall, wide, floor, table,
            alive[9], many[9], pool, values, records, stop,
        )  # fmt: skip
        if run.held < 0:
            break
    return pool


def _beside(inst: Instance, run: Any, tile: Ints, passes: Ints, opened: Ints, todo: float, values: Any) -> float:
    """Cycles at least that no others overlap with; 0 when nobody asks for time. See `growth_of`."""
    if run.kind == ENERGY and inst.static_pj == 0.0:
        return 0.0
    most = longest(run.kind, run.least_pj, values, run.held) * (1.0 + ROUNDING)
    growth = growth_of(inst, tile, opened, todo, most)
    return least_folds(inst, passes) + first_and_last(inst, tile, growth)


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


def _halos(inst: Instance, room: Any, options: Any, row: Ints, chosen: Ints, a: int, known: Any, work: Any) -> Any:
    """The known entry of one axis: `halo_words` of the chosen tiles and spreads of dims a and a + 2."""
    first = room.first
    _, tiles, spreads, _ = options
    b = a + 2
    entry = known[chosen[a] - first[a], chosen[b] - first[b]]
    if entry[0] < 0:
        mode = WORD
        if inst.place[ARRAY] >= 0:
            mode = inst.multicast[inst.place[ARRAY]]
        w = STRIDE_H if a == P else STRIDE_W
        halo_words(
            inst.bounds[a], inst.bounds[b], inst.window[w], inst.window[w + 1], tiles[row[a], TILE],
            spreads[chosen[a], CHILDREN], tiles[row[b], TILE], spreads[chosen[b], CHILDREN], inst.in_pe[IFMAP] == 0,
            mode,
            work, room.positions, room.offsets, entry,
        )  # fmt: skip
    return entry
