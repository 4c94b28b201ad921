"""The walk over the outer tiles of one array configuration. Compilable like the model."""

from __future__ import annotations

from typing import Any

from dse.mapper.flat.inner.costs import ANY, again, kind_energy, passes_through
from dse.mapper.flat.inner.least_time import (
    array_beside,
    array_time,
    fills_whole,
    first_and_last,
    first_and_last_whole,
)  # fmt: skip
from dse.mapper.flat.instance import Instance
from dse.mapper.flat.outer.dear import p_too_dear, too_dear, trips_too_dear
from dse.mapper.flat.outer.held import UNKNOWN, is_held_still, list_held
from dse.mapper.flat.outer.table import (
    BUSY,
    CROSSING_PJ,
    MOST_FIRST,
    MOST_SECOND,
    PASSES_FIRST,
    PASSES_SECOND,
    worked_out,
)  # fmt: skip
from dse.mapper.flat.outer.trips import (
    END,
    FIRST,
    M_TRIPS,
    MOST_TRIPS,
    N_TRIPS,
    begin_trips,
    least_trips,
    list_trips,
)  # fmt: skip
from dse.mapper.flat.outer.walk import others
from dse.mapper.flat.outer.words import (
    PSUMS,
    WEIGHTS,
    fits,
    least_ifmap,
    outer_energy,
    outer_least,
    outer_words,
    repeats,
)
from dse.mapper.flat.pricing import price_orders
from dse.mapper.flat.run import OUTER_TILES
from dse.mapper.shared.incumbent import ENERGY, is_told_to_end, pruned
from dse.mapper.shared.mapspace.orders import group_dims
from dse.model.counting.kernel import Floats, Ints, Record
from dse.problem.dims import IFMAP, PSUM, WEIGHT, C, G, K, N, P, Q, R, S

NOWHERE, CROWDED, AMPLE = range(3)
"""How dims still open fit beside those decided: not at all; with more than their fewest trips; with these."""

SEQUENCE = (G, R, S, P, Q, K, C, N)
"""Dims in the order in which their outer trips are decided. A tuple: a walk that made an array of them would be
compiled to count the references of every row that it looks at."""

ALL_UNROLLED = 9
"""Row of `WalkRoom.alive` that `tile_pruned` fills for an array configuration with no spread open: one more than the
depth `dse.mapper.flat.search.UNROLLED`."""


def place_tiles(
    inst: Instance, run: Record, work: Record, config: Record, room: Any, options: Any, table: Any, holders: Any,
    incumbents: Any, stop: Ints,
) -> None:  # fmt: skip
    """Walk the outer tiles of one array configuration and price every mapping that may improve on the incumbents.

    Parameters
    ----------
    config : an element of `dse.mapper.flat.run.CONFIGURATION`
        With no spread open; `inner_costs` has filled in what it costs.
    room : Room
        Its `alive` holds the outer tiles that may still be best, see `dse.mapper.flat.inner.bounds.tile_pruned`; its
        `trips` those listed, see `dse.mapper.flat.outer.trips.list_trips`.
    options : Options
    table : OuterTable
    holders : Holders
    incumbents : Incumbents
    stop : (1,)
        As for `dse.mapper.flat.search.search`.
    """
    values = incumbents.values
    config.beside = first_and_last(inst, config.tile, 1.0)
    config.cycles = array_time(inst, config.passes, config.cycles)
    if not _promising(inst, run, work, config, table, room.alive[ALL_UNROLLED], values):
        return
    if worked_out(table) and too_dear(
        inst, run, work, config, table, len(table.p), len(table.q), len(table.k), values
    ):  # fmt: skip
        return
    listed, pool = room.listed, room.trips
    begin_trips(listed, pool, MOST_TRIPS)
    for d in range(8):
        row = config.spread_row[d]
        if listed[row, END] == 0:
            list_trips(inst, run, config, options, d, listed, pool)
        if listed[row, FIRST] == listed[row, END]:
            return
    if worked_out(table):
        last_p, last_q = len(table.p), len(table.q)
        room.marks[last_p, last_q] += 2
        first, end = listed[config.spread_row[P], FIRST], listed[config.spread_row[P], END]
        while first < end and p_too_dear(inst, run, work, config, room, table, pool[first, N_TRIPS], values):
            first += 1
        if first == end:
            return
    room.held[0, 0] = UNKNOWN
    if config.latest <= holders.below:
        list_held(inst, config, holders.trips, holders.times, config.latest, room.held)
    _walk(inst, run, work, config, room, options, table, pool, incumbents, stop)


def _walk(
    inst: Instance, run: Record, work: Record, config: Record, room: Any, options: Any, table: Any, pool: Ints,
    incumbents: Any, stop: Ints,
) -> None:  # fmt: skip
    """Walk the trips listed, dim by dim, see `place_tiles`."""
    n, m, option, values, listed = work.n, work.m, work.option, incumbents.values, room.listed
    held, known = room.held, room.held[0, 0] != UNKNOWN
    aided, dense, whole = worked_out(table), _is_dense(inst), fills_whole(inst)
    for d in range(8):
        n[d] = 1
        _undecide(work, config, d)
        option[d] = listed[config.spread_row[d], FIRST] - 1
    depth = 0
    while depth >= 0:
        d = SEQUENCE[depth]
        first, end = listed[config.spread_row[d], FIRST], listed[config.spread_row[d], END]
        option[d] += 1
        if option[d] == end:
            _undecide(work, config, d)
            option[d] = first - 1
            depth -= 1
            continue
        n[d], m[d] = pool[option[d], N_TRIPS], pool[option[d], M_TRIPS]
        if aided and (d == K or d == P or d == Q) and trips_too_dear(inst, run, work, config, room, table, d, values):
            continue
        work.tile[d] = min(inst.bounds[d], config.f[d] * config.spread[d] * m[d])
        if not fits(inst, work.tile, inst.in_buffer, inst.buffer_bits):
            continue
        _note_decided(work, d, 1)
        if known and not is_held_still(inst, work, config, held):
            continue
        run.visited[OUTER_TILES] += 1
        if is_told_to_end(stop[0], run.held):
            return
        config.beside_tile = config.beside
        if end - first > 1 or depth == 7:
            others_fit = _set_open_trips(inst, work, config, listed, pool, depth)
            if others_fit == NOWHERE:
                continue
            outer_words(inst, n, work.known, work.words)
            if _outer_pruned(inst, run, work, config, values):
                if others_fit == AMPLE and (dense or d < P):
                    # More trips only cost more, but where one array tile comes to be all that the buffer holds.
                    option[d] = max(option[d], end - 2)
                continue
            if whole:
                # Less than that with more trips, whose tiles are smaller.
                config.beside_tile = max(config.beside, first_and_last_whole(inst, config.tile, work.tile))
                if _outer_pruned(inst, run, work, config, values):
                    continue
        if depth < 7:
            depth += 1
            continue
        price_orders(inst, run, work, config, options, room.positions, room.offsets, incumbents)
        if run.held < 0:
            return


def _is_dense(inst: Instance) -> bool:
    """Whether windows leave no holes, as none of their steps is longer than one."""
    dense = True
    for side in inst.window:
        dense = dense and side == 1
    return dense


def _note_decided(work: Record, d: int, decided: int) -> None:
    work.decided[d] = decided
    if d == P or d == Q:
        work.known[d - P] = decided


def _undecide(work: Record, config: Record, d: int) -> None:
    """Take back the trips of a dim; what is in n stays as a lower bound."""
    work.m[d] = 1
    work.tile[d] = config.tile[d]
    _note_decided(work, d, 0)


def _set_open_trips(
    inst: Instance, work: Record, config: Record, listed: Ints, pool: Ints, depth: int
) -> int:
    """Set the outermost trips of the dims still open to the fewest that fit; returns how these dims fit."""
    fit = AMPLE
    for later in range(depth + 1, 8):
        x = SEQUENCE[later]
        first, end = listed[config.spread_row[x], FIRST], listed[config.spread_row[x], END]
        if not least_trips(inst, work, config, x, first, end, pool):
            return NOWHERE
        if work.n[x] > pool[first, N_TRIPS]:
            fit = CROWDED
    return fit


def _promising(
    inst: Instance, run: Record, work: Record, config: Record, table: Any, alive: Ints, values: Floats
) -> bool:
    """Whether some operand stationary at the array, with the least outer cost that goes with it, may improve.

    The outermost list has no more trips over the dims that the other two operands do not have than there are passes.

    Parameters
    ----------
    alive : (3, *)
        Per operand how many outer tiles there are, and their places in `table.points`.
    """
    for o in range(3):
        first, second = others(o)
        most, more = repeats(config.passes, first), repeats(config.passes, second)
        time = max(config.cycles, table.floor[o, 1])
        for t in range(inst.ports):
            least = work.busy[o, t] + array_beside(inst, t, config.cycles)
            for x in range(3):
                if inst.in_buffer[x] == 1:
                    least += inst.port_over[t, x] * inst.words[x]
            time = max(time, least)
        past = 0.0
        if len(table.ports) == 1:
            t = table.ports[0]
            past += array_beside(inst, t, config.cycles)
            for x in (first, second):
                if inst.in_pe[x] == 1:
                    past += inst.port_up[t, x] * inst.words[x] * repeats(config.passes, x)
        for i in range(1, alive[o, 0] + 1):
            point = table.points[o, alive[o, i]]
            if point[PASSES_FIRST] <= most <= point[MOST_FIRST] and point[PASSES_SECOND] <= more <= point[MOST_SECOND]:
                longest = max(time, point[BUSY] + past) + config.beside
                least_energy = work.energy[o, ANY] + point[CROSSING_PJ] + inst.static_pj * longest
                if not pruned(run.kind, run.gap, least_energy, longest, values, run.held):
                    return True
    return False


def _outer_pruned(inst: Instance, run: Record, work: Record, config: Record, values: Floats) -> bool:
    """Whether no mapping with the outer trips decided so far (the others at least one) can improve."""
    barred = False
    if inst.stationary >= 0:
        for x in group_dims(inst.stationary):
            if x >= 0 and work.m[x] > 1:
                barred = True
    time = config.cycles + config.beside_tile
    for o in range(3):
        if barred and o != inst.stationary:
            continue
        inner = kind_energy(inst, work, config, o, ANY, True, False)
        least = inner + outer_least(inst, work.words) + inst.static_pj * time
        if not pruned(run.kind, run.gap, least, time, values, run.held):
            more = again(inst, o, work.n)
            for r in range(3):
                if not _kind_pruned(inst, run, work.busy[o], config, o, r, more, inner, work.words, values):
                    return False
        if inst.in_pe[o] == 1 and passes_through(inst, o, work.m):
            inner = kind_energy(inst, work, config, o, ANY, True, True)
            if _stays_elsewhere(inst, work, config, o):
                outer_words(inst, work.all_n, work.known, work.outside)
                cut = _kind_pruned(inst, run, work.busy[o], config, o, o, 0.0, inner, work.outside, values)
            else:
                cut = _kind_pruned(inst, run, work.busy[o], config, o, o, 0.0, inner, work.words, values)
            if not cut:
                return False
    return True


def _kind_pruned(
    inst: Instance, run: Record, busy: Floats, config: Record, o: int, r: int, more: float, inner: float,
    words: Floats, values: Floats,
) -> bool:  # fmt: skip
    """Whether no mapping improves that keeps operand o stationary at the array and r at the buffer.

    Parameters
    ----------
    busy : (ports,)
        Cycles of every port below the buffer, with o stationary at the array.
    more : float
        How often more than once o is delivered to the array.
    inner : float
        Energy below the buffer.
    words : (3, 7)
        From `outer_words`.
    """
    least = inner + outer_energy(inst, words, r)
    time = config.cycles + config.beside_tile
    if run.kind != ENERGY or inst.static_pj > 0.0:
        ifmap = least_ifmap(words, r)
        for t in range(inst.ports):
            p = inst.port_over[t]
            crossing = p[IFMAP] * ifmap + p[WEIGHT] * words[r, WEIGHTS] + p[PSUM] * words[r, PSUMS]
            crossing += busy[t] + array_beside(inst, t, config.cycles)
            time = max(time, crossing + inst.port_up[t, o] * inst.words[o] * more + config.beside_tile)
    return bool(pruned(run.kind, run.gap, least + inst.static_pj * time, time, values, run.held))


def _stays_elsewhere(inst: Instance, work: Record, config: Record, o: int) -> bool:
    """Set `work.all_n` to the trips while operand o stays in the PEs; False if they are those decided so far.

    It stays only where all passes over its dims are trips of the outermost list.
    """
    more = False
    for d in range(8):
        work.all_n[d] = work.n[d]
        if inst.relevance[o, d] == 1 and work.decided[d] == 0 and work.n[d] != config.passes[d]:
            work.all_n[d] = config.passes[d]
            more = True
    return more
