"""The walk over the outer tiles of one array configuration. Compilable like the model."""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.mapper.bounds import least_folds
from dse.mapper.factors import next_trips
from dse.mapper.incumbent import pruned
from dse.mapper.inner import again, first_and_last, inner_costs, kind_energy, passes_through
from dse.mapper.orders import group_dims
from dse.mapper.outer import fits, least_ifmap, outer_energy, outer_least, outer_words
from dse.mapper.outer_table import work_out
from dse.mapper.pricing import price_orders

Ints = Any
Instance = Any


def place_tiles(
    inst: Instance, rules: Any, tiles: Ints, unrollings: Ints, row: Ints, chosen: Ints, tall: Any, wide: Any,
    floor: Any, table: Any, perfect: bool, kind: int, gap: float, mask: int, values: Any, records: Ints, held: int,
    visited: Ints, work: Any,
) -> Any:  # fmt: skip
    """Walk the outer tiles of one array configuration and price every mapping that may improve on the incumbents.

    Parameters
    ----------
    tall, wide : (10,)
        `halo_words` of both axes.
    floor, table
        From `outer_floor` and `empty_table`.

    Returns
    -------
    held : int
    pool
        See `_list_trips`.
    """
    energy, busy, sums, vectors, words = work[9]
    tile, passes, f, sy, sx, spread = vectors[0], vectors[1], vectors[2], vectors[3], vectors[4], vectors[5]
    cycles = inner_costs(inst, tiles, unrollings, row, chosen, tall, wide, sums, energy, busy)
    for d in range(8):
        passes[d] = unrollings[chosen[d], 2]
    ends_pay = first_and_last(inst, tiles, unrollings, row, chosen, tile) + least_folds(inst, passes)
    promising = False
    for o in range(3):
        time = max(cycles, floor[o, 1])
        for t in range(len(inst.port_outer)):
            least = busy[o, t]
            for x in range(3):
                if inst.in_buffer[x] == 1:
                    least += inst.port_over[t, x] * inst.words[x]
            time = max(time, least)
        time += ends_pay
        least_energy = energy[o, 5] + floor[o, 0] + inst.static_pj * time
        promising = promising or not pruned(kind, gap, least_energy, time, values, held)
    if not promising:
        return held, work[8][1]
    aided = visited[2] > table.worth
    if aided:
        work_out(inst, table)
        if _too_dear(
            inst, table, len(table.p), len(table.q), len(table.k), table.index[2, passes[2]], energy, busy, cycles,
            ends_pay, kind, gap, values, held,
        ):  # fmt: skip
            return held, work[8][1]
    for d in range(8):
        u = unrollings[chosen[d]]
        f[d], sy[d], sx[d] = tiles[row[d], 0], u[0], u[1]
        spread[d] = sy[d] * sx[d]
    sequence = np.array([0, 6, 7, 4, 5, 2, 3, 1])
    rows, pool = work[8]
    for d in range(8):
        if rows[chosen[d], 1] == 0:
            pool = _list_trips(inst, unrollings[chosen[d]], chosen[d], d, f[d], perfect, (rows, pool))
        if rows[chosen[d], 0] == rows[chosen[d], 1]:
            return held, pool
    n, m, decided, option, known = vectors[6], vectors[7], vectors[8], vectors[9], vectors[10]
    for d in range(8):
        n[d], m[d], decided[d], known[d] = 1, 1, 0, 0
    regular = inst.window[0] * inst.window[1] * inst.window[2] * inst.window[3] == 1
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
            if d == 4 or d == 5:
                known[d - 4] = 0
            depth -= 1
            continue
        n[d], m[d] = pool[option[d], 0], pool[option[d], 1]
        if aided and (d == 4 or d == 5 or d == 2):
            at_p = table.index[0, n[4]]
            at_q = len(table.q) if d == 4 else table.index[1, n[5]]
            at_k = table.index[2, n[2]] if d == 2 else len(table.k)
            if _too_dear(
                inst, table, at_p, at_q, at_k, table.index[2, passes[2]], energy, busy, cycles, ends_pay, kind, gap,
                values, held,
            ):  # fmt: skip
                visited[2] += 1
                continue
        tile[d] = min(inst.bounds[d], f[d] * spread[d] * m[d])
        if not fits(inst, tile, inst.in_buffer, inst.buffer_bits):
            continue
        visited[2] += 1
        decided[d] = 1
        if d == 4 or d == 5:
            known[d - 4] = 1
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
            if _outer_pruned(
                inst, rules, f, spread, passes, m, n, decided, energy, busy, cycles, ends_pay, kind, gap, values, held,
                known, words,
            ):  # fmt: skip
                if not crowded and (regular or d < 4):
                    # More trips only cost more, but where one array tile comes to be all that the buffer holds.
                    option[d] = max(option[d], end - 2)
                continue
        if depth < 7:
            depth += 1
            option[sequence[depth]] = rows[chosen[sequence[depth]], 0] - 1
            continue
        held = price_orders(
            inst, rules, f, sy, sx, spread, m, n, passes, decided, energy, busy, cycles, ends_pay, words, kind, gap,
            mask, values, records, held, visited, work,
        )  # fmt: skip
        if held < 0:
            return held, pool
    return held, pool


def _too_dear(
    inst: Instance, table: Any, p: int, q: int, k: int, all_k: int, energy: Any, busy: Any, cycles: float,
    ends_pay: float, kind: int, gap: float, values: Any, held: int,
) -> bool:  # fmt: skip
    """Whether the table says that no outer tile with these trips over P, Q (and K) improves.

    An operand stays through the outermost list only where all passes over its dims are trips of that list.
    """
    for row in range(6):
        o = row % 3
        at = k
        if row >= 3:
            if inst.in_pe[o] == 0 or (o > 0 and k != len(table.k) and k != all_k):
                continue
            if o > 0:
                at = all_k
        time = cycles
        for i in range(len(table.ports)):
            time = max(time, busy[o, table.ports[i]] + table.least[row, 1 + i, p, q, at])
        time += ends_pay
        least = energy[o, 5] + table.least[row, 0, p, q, at] + inst.static_pj * time
        if not pruned(kind, gap, least, time, values, held):
            return False
    return True


def _list_trips(inst: Instance, unrolling: Ints, index: int, d: int, f: int, perfect: bool, listed: Any) -> Any:
    """Outermost and buffer trips (n, m) of every tight split with this tile and unrolling, n rising.

    `listed` keeps what has been listed: rows (first, end) per unrolling, and a pool of pairs whose first row counts
    them. Returns the pool, which moves when it grows.
    """
    rows, pool = listed
    used = pool[0, 0]
    first = used + 1
    passes = unrolling[2]
    if inst.place[1] < 0:
        pool = _room(pool, used + 2)
        used += 1
        pool[used, 0], pool[used, 1] = 1, passes
    elif d == 0:
        # A group is reuse of nothing, so its loop is outermost of all.
        pool = _room(pool, used + 2)
        used += 1
        pool[used, 0], pool[used, 1] = passes, 1
    else:
        n, m = next_trips(inst.bounds[d], f, unrolling[0], unrolling[1], passes, 1, perfect)
        while n > 0:
            pool = _room(pool, used + 2)
            used += 1
            pool[used, 0], pool[used, 1] = n, m
            n, m = next_trips(inst.bounds[d], f, unrolling[0], unrolling[1], passes, n + 1, perfect)
    pool[0, 0] = used
    rows[index, 0] = first
    rows[index, 1] = used + 1
    return pool


def _room(pool: Ints, size: int) -> Ints:
    if size < len(pool):
        return pool
    wider = np.zeros((2 * len(pool), 2), dtype=np.int64)
    wider[: len(pool)] = pool
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


def _outer_pruned(
    inst: Instance, rules: Any, f: Ints, spread: Ints, passes: Ints, m: Ints, n: Ints, decided: Ints, energy: Any,
    busy: Any, cycles: float, ends_pay: float, kind: int, gap: float, values: Any, held: int, known: Ints, words: Any,
) -> bool:  # fmt: skip
    """Whether no mapping with the outer trips decided so far (the others at least one) can improve."""
    barred = False
    if rules.stationary >= 0:
        for x in group_dims(rules.stationary):
            if x >= 0 and m[x] > 1:
                barred = True
    for o in range(3):
        if barred and o != rules.stationary:
            continue
        inner = kind_energy(inst, energy, o, 5, True, False, f, spread, passes, m, n, decided)
        time = cycles + ends_pay
        if not pruned(
            kind, gap, inner + outer_least(inst, words) + inst.static_pj * time, time, values, held
        ):  # fmt: skip
            more = again(inst, o, n)
            for r in range(3):
                if not _kind_pruned(inst, busy, o, r, more, inner, time, ends_pay, words, kind, gap, values, held):
                    return False
        if inst.in_pe[o] == 1 and passes_through(inst, o, m):
            inner = kind_energy(inst, energy, o, 5, True, True, f, spread, passes, m, n, decided)
            outside = _staying(inst, o, passes, n, known, decided, words)
            if not _kind_pruned(inst, busy, o, o, 0.0, inner, time, ends_pay, outside, kind, gap, values, held):
                return False
    return True


def _kind_pruned(
    inst: Instance, busy: Any, o: int, r: int, more: float, inner: float, time: float, ends_pay: float, words: Any,
    kind: int, gap: float, values: Any, held: int,
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
    if kind != 0 or inst.static_pj > 0.0:
        ifmap = least_ifmap(words, r)
        for t in range(len(inst.port_outer)):
            p = inst.port_over[t]
            crossing = p[0] * ifmap + p[1] * words[r, 0] + p[2] * words[r, 1]
            time = max(time, busy[o, t] + inst.port_up[t, o] * inst.words[o] * more + crossing + ends_pay)
    return bool(pruned(kind, gap, least + inst.static_pj * time, time, values, held))


def _staying(inst: Instance, o: int, passes: Ints, n: Ints, known: Ints, decided: Ints, words: Any) -> Any:
    """Outer words while operand o stays in the PEs: all passes over its dims are trips of the outermost list."""
    trips = n.copy()
    more = 0
    for d in range(8):
        if inst.relevance[o, d] == 1 and decided[d] == 0 and n[d] != passes[d]:
            trips[d] = passes[d]
            more += 1
    if more == 0:
        return words
    outside = np.zeros((3, 7))
    outer_words(inst, trips, known, outside)
    return outside
