"""The walk over the outer tiles of one array configuration. Compilable like the model."""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.mapper.flat.inner import ANY, again, inner_costs, kind_energy, passes_through
from dse.mapper.flat.instance import BUFFER
from dse.mapper.flat.least_time import first_and_last, least_folds
from dse.mapper.flat.outer import PSUMS, WEIGHTS, fits, least_ifmap, outer_energy, outer_least, outer_words, repeats
from dse.mapper.flat.outer_table import (
    BUSY,
    CROSSING_PJ,
    MOST_FIRST,
    MOST_SECOND,
    OF_K,
    OF_P,
    OF_Q,
    PASSES_FIRST,
    PASSES_SECOND,
    others,
    worked_out,
)  # fmt: skip
from dse.mapper.flat.pricing import price_orders
from dse.mapper.flat.run import OUTER_TILES
from dse.mapper.flat.spreads import CHILDREN, LEAST_COLS, LEAST_ROWS, PASSES, TILE
from dse.mapper.shared.factors import next_trips
from dse.mapper.shared.incumbent import ENERGY, pruned
from dse.mapper.shared.orders import group_dims
from dse.problem.dims import IFMAP, PSUM, WEIGHT, C, G, K, N, P, Q, R, S

Ints = Any
Instance = Any


def place_tiles(
    inst: Instance, run: Any, work: Any, rows: Ints, span: Ints, offset: Ints, options: Any, row: Ints, chosen: Ints,
    tall: Any, wide: Any, floor: Any, table: Any, alive: Ints, many: Ints, pool: Ints, values: Any, records: Ints,
    stop: Ints,
) -> Any:  # fmt: skip
    """Walk the outer tiles of one array configuration and price every mapping that may improve on the incumbents.

    Parameters
    ----------
    rows, pool
        See `_list_trips`.
    span, offset
        Scratch of the model.
    tall, wide : (10,)
        `halo_words` of both axes.
    floor, table
        From `outer_floor` and `empty_table`.
    alive, many : (3, *), (3,)
        Outer tiles that may still be best, see `dse.mapper.flat.bounds.tile_pruned`.

    Returns
    -------
    pool
    """
    _, tiles, spreads, _ = options
    energy, busy, words = work.energy, work.busy, work.words
    tile, passes, f, spread = work.tile, work.passes, work.f, work.spread
    cycles = inner_costs(inst, tiles, spreads, row, chosen, tall, wide, work.sums, energy, busy)
    for d in range(8):
        passes[d] = spreads[chosen[d], PASSES]
        f[d], spread[d] = tiles[row[d], TILE], spreads[chosen[d], CHILDREN]
    for d in range(8):
        tile[d] = min(inst.bounds[d], f[d] * spread[d])
    ends_pay = first_and_last(inst, tile, 1.0) + least_folds(inst, passes)
    if not _promising(inst, run, floor, table, alive, many, passes, energy, busy, cycles, ends_pay, values):
        return pool
    aided = worked_out(table)
    if aided and _too_dear(
        inst, run, table, len(table.p), len(table.q), len(table.k), table.index[OF_K, passes[2]], energy, busy, cycles,
        ends_pay, values,
    ):  # fmt: skip
        return pool
    sequence = np.array([G, R, S, P, Q, K, C, N])
    for d in range(8):
        if rows[chosen[d], 1] == 0:
            pool = _list_trips(inst, spreads[chosen[d]], chosen[d], d, f[d], run.perfect == 1, rows, pool)
        if rows[chosen[d], 0] == rows[chosen[d], 1]:
            return pool
    n, m, decided, option, known = work.n, work.m, work.decided, work.option, work.known
    known[0], known[1] = 0, 0
    for d in range(8):
        n[d], m[d], decided[d] = 1, 1, 0
    regular = True
    for side in inst.window:
        regular = regular and side == 1
    depth = 0
    option[sequence[0]] = rows[chosen[sequence[0]], 0] - 1
    while depth >= 0:
        d = sequence[depth]
        end = rows[chosen[d], 1]
        option[d] += 1
        if option[d] == end:
            m[d] = 1
            decided[d] = 0
            tile[d] = min(inst.bounds[d], f[d] * spread[d])
            if d == P or d == Q:
                known[d - P] = 0
            depth -= 1
            continue
        n[d], m[d] = pool[option[d], 0], pool[option[d], 1]
        if aided and (d == P or d == Q or d == K):
            at_p = table.index[OF_P, n[P]]
            at_q = len(table.q) if d == P else table.index[OF_Q, n[Q]]
            at_k = table.index[OF_K, n[K]] if d == K else len(table.k)
            if _too_dear(
                inst, run, table, at_p, at_q, at_k, table.index[OF_K, passes[2]], energy, busy, cycles, ends_pay, values
            ):  # fmt: skip
                run.visited[OUTER_TILES] += 1
                continue
        tile[d] = min(inst.bounds[d], f[d] * spread[d] * m[d])
        if not fits(inst, tile, inst.in_buffer, inst.buffer_bits):
            continue
        run.visited[OUTER_TILES] += 1
        if stop[0] != 0 and run.held > 0:
            return pool
        decided[d] = 1
        if d == P or d == Q:
            known[d - P] = 1
        if end - rows[chosen[d], 0] > 1 or depth == 7:
            room = True
            crowded = False
            for later in range(depth + 1, 8):
                x = sequence[later]
                room = room and _least_trips(inst, x, rows[chosen[x]], pool, f, spread, tile, n)
                crowded = crowded or n[x] > pool[rows[chosen[x], 0], 0]
            if not room:
                continue
            outer_words(inst, n, known, words)
            if _outer_pruned(inst, run, work, cycles, ends_pay, values):
                if not crowded and (regular or d < P):
                    # More trips only cost more, but where one array tile comes to be all that the buffer holds.
                    option[d] = max(option[d], end - 2)
                continue
        if depth < 7:
            depth += 1
            option[sequence[depth]] = rows[chosen[sequence[depth]], 0] - 1
            continue
        price_orders(inst, run, work, span, offset, options, chosen, cycles, ends_pay, values, records)
        if run.held < 0:
            return pool
    return pool


def _promising(
    inst: Instance, run: Any, floor: Any, table: Any, alive: Ints, many: Ints, passes: Ints, energy: Any, busy: Any,
    cycles: float, ends_pay: float, values: Any,
) -> bool:  # fmt: skip
    """Whether some operand stationary at the array, with the least outer cost that goes with it, may improve.

    The outermost list has no more trips over the dims that the other two operands do not have than there are passes.
    """
    for o in range(3):
        first, second = others(o)
        most, more = repeats(passes, first), repeats(passes, second)
        time = max(cycles, floor[o, 1])
        for t in range(inst.ports):
            least = busy[o, t]
            for x in range(3):
                if inst.in_buffer[x] == 1:
                    least += inst.port_over[t, x] * inst.words[x]
            time = max(time, least)
        past = 0.0
        if len(table.ports) == 1:
            t = table.ports[0]
            for x in (first, second):
                if inst.in_pe[x] == 1:
                    past += inst.port_up[t, x] * inst.words[x] * repeats(passes, x)
        for i in range(many[o]):
            point = table.points[o, alive[o, i]]
            if point[PASSES_FIRST] <= most <= point[MOST_FIRST] and point[PASSES_SECOND] <= more <= point[MOST_SECOND]:
                longest = max(time, point[BUSY] + past) + ends_pay
                least_energy = energy[o, ANY] + point[CROSSING_PJ] + inst.static_pj * longest
                if not pruned(run.kind, run.gap, least_energy, longest, values, run.held):
                    return True
    return False


def _too_dear(
    inst: Instance, run: Any, table: Any, p: int, q: int, k: int, all_k: int, energy: Any, busy: Any, cycles: float,
    ends_pay: float, values: Any,
) -> bool:  # fmt: skip
    """Whether the table says that no outer tile with these trips over P, Q (and K) improves.

    An operand stays through the outermost list only where all passes over its dims are trips of that list.
    """
    for row in range(6):
        o = row % 3
        at = k
        if row >= 3:
            if inst.in_pe[o] == 0 or (o != IFMAP and k != len(table.k) and k != all_k):
                continue
            if o != IFMAP:
                at = all_k
        time = cycles
        for i in range(len(table.ports)):
            time = max(time, busy[o, table.ports[i]] + table.least[row, 1 + i, p, q, at])
        time += ends_pay
        least = energy[o, ANY] + table.least[row, 0, p, q, at] + inst.static_pj * time
        if not pruned(run.kind, run.gap, least, time, values, run.held):
            return False
    return True


def _list_trips(
    inst: Instance, spread: Ints, index: int, d: int, f: int, perfect: bool, rows: Ints, pool: Ints
) -> Ints:
    """Outermost and buffer trips (n, m) of every tight split with this tile and spread, n rising.

    Tight on the sides whose larger one is smallest; other sides may rule some of them out (`settle`).

    Parameters
    ----------
    spread : (6,)
        Row of `spreads`.
    index : int
        Its number.
    rows, pool
        What has been listed: (first, end) per spread, and pairs whose first row counts them. Returns the pool, which
        moves when it grows.
    """
    used = pool[0, 0]
    first = used + 1
    passes = spread[PASSES]
    if inst.place[BUFFER] < 0:
        pool = _room(pool, used + 2)
        used += 1
        pool[used, 0], pool[used, 1] = 1, passes
    elif d == G:
        # A group is reuse of nothing, so its loop is outermost of all.
        pool = _room(pool, used + 2)
        used += 1
        pool[used, 0], pool[used, 1] = passes, 1
    else:
        n, m = next_trips(inst.bounds[d], f, spread[LEAST_ROWS], spread[LEAST_COLS], passes, 1, perfect)
        while n > 0:
            pool = _room(pool, used + 2)
            used += 1
            pool[used, 0], pool[used, 1] = n, m
            n, m = next_trips(inst.bounds[d], f, spread[LEAST_ROWS], spread[LEAST_COLS], passes, n + 1, perfect)
    pool[0, 0] = used
    rows[index, 0] = first
    rows[index, 1] = used + 1
    return pool


def _room(pool: Ints, size: int) -> Ints:
    if size < len(pool):
        return pool
    wider = np.zeros((2 * len(pool), 2), dtype=np.int64)
    for i in range(len(pool)):
        wider[i, 0], wider[i, 1] = pool[i, 0], pool[i, 1]
    return wider


def _least_trips(inst: Instance, d: int, listed: Ints, pool: Ints, f: Ints, spread: Ints, tile: Ints, n: Ints) -> bool:
    """Set n[d] to the fewest outermost trips that fit while the other open dims are smallest; False if none do."""
    least = min(inst.bounds[d], f[d] * spread[d])
    if listed[1] - listed[0] == 1:
        n[d] = pool[listed[0], 0]
        return True
    low = listed[0]
    high = listed[1]
    while low < high:
        middle = (low + high) // 2
        tile[d] = min(inst.bounds[d], f[d] * spread[d] * pool[middle, 1])
        if fits(inst, tile, inst.in_buffer, inst.buffer_bits):
            high = middle
        else:
            low = middle + 1
    tile[d] = least
    if low == listed[1]:
        return False
    n[d] = pool[low, 0]
    return True


def _outer_pruned(inst: Instance, run: Any, work: Any, cycles: float, ends_pay: float, values: Any) -> bool:
    """Whether no mapping with the outer trips decided so far (the others at least one) can improve."""
    f, spread, passes, m, n, decided = work.f, work.spread, work.passes, work.m, work.n, work.decided
    barred = False
    if inst.stationary >= 0:
        for x in group_dims(inst.stationary):
            if x >= 0 and m[x] > 1:
                barred = True
    time = cycles + ends_pay
    for o in range(3):
        if barred and o != inst.stationary:
            continue
        inner = kind_energy(inst, work.energy, o, ANY, True, False, f, spread, passes, m, n, decided)
        least = inner + outer_least(inst, work.words) + inst.static_pj * time
        if not pruned(run.kind, run.gap, least, time, values, run.held):
            more = again(inst, o, n)
            for r in range(3):
                if not _kind_pruned(inst, run, work.busy, o, r, more, inner, time, ends_pay, work.words, values):
                    return False
        if inst.in_pe[o] == 1 and passes_through(inst, o, m):
            inner = kind_energy(inst, work.energy, o, ANY, True, True, f, spread, passes, m, n, decided)
            if _stays_elsewhere(inst, o, work):
                outer_words(inst, work.all_n, work.known, work.outside)
                cut = _kind_pruned(inst, run, work.busy, o, o, 0.0, inner, time, ends_pay, work.outside, values)
            else:
                cut = _kind_pruned(inst, run, work.busy, o, o, 0.0, inner, time, ends_pay, work.words, values)
            if not cut:
                return False
    return True


def _kind_pruned(
    inst: Instance, run: Any, busy: Any, o: int, r: int, more: float, inner: float, time: float, ends_pay: float,
    words: Any, values: Any,
) -> bool:  # fmt: skip
    """Whether no mapping improves that keeps operand o stationary at the array and r at the buffer.

    Parameters
    ----------
    more : float
        How often more than once o is delivered to the array.
    inner : float
        Energy below the buffer.
    time : float
        Compute steps, first fill and last drain.
    """
    least = inner + outer_energy(inst, words, r)
    if run.kind != ENERGY or inst.static_pj > 0.0:
        ifmap = least_ifmap(words, r)
        for t in range(inst.ports):
            p = inst.port_over[t]
            crossing = p[IFMAP] * ifmap + p[WEIGHT] * words[r, WEIGHTS] + p[PSUM] * words[r, PSUMS]
            time = max(time, busy[o, t] + inst.port_up[t, o] * inst.words[o] * more + crossing + ends_pay)
    return bool(pruned(run.kind, run.gap, least + inst.static_pj * time, time, values, run.held))


def _stays_elsewhere(inst: Instance, o: int, work: Any) -> bool:
    """Set `work.all_n` to the trips while operand o stays in the PEs; False if they are those decided so far.

    It stays only where all passes over its dims are trips of the outermost list.
    """
    more = False
    for d in range(8):
        work.all_n[d] = work.n[d]
        if inst.relevance[o, d] == 1 and work.decided[d] == 0 and work.n[d] != work.passes[d]:
            work.all_n[d] = work.passes[d]
            more = True
    return more
