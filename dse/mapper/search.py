"""The branch-and-bound walk over unrollings and outer tiles, and the exact price of what survives. Compilable."""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.mapper.bounds import group_product, halo_words, per_tile_least, tile_bound
from dse.mapper.factors import next_trips
from dse.mapper.incumbent import accept, pruned
from dse.mapper.orders import group_dims, list_orders
from dse.mapper.outer import fits, least_ifmap, outer_energy, outer_least, outer_words
from dse.model.axes import count_nest
from dse.model.time import latency

Ints = Any
Instance = Any


def search(
    inst: Instance, rules: Any, tile_start: Ints, tiles: Ints, unrollings: Ints, order: Ints, choice: Ints, bound: Any,
    floor: Any, fastest: float, perfect: bool, kind: int, gap: float, mask: int, values: Any, records: Ints, held: int,
    visited: Ints,
) -> int:  # fmt: skip
    """Walk PE tiles in the given order, their unrollings, outer tiles and loop orders, keeping the best found.

    Parameters
    ----------
    inst, rules
        See `dse.mapper.instance`.
    tile_start, tiles, unrollings : int64 arrays
        From `dim_options`.
    order : (k,)
        PE tiles, best bound first.
    choice, bound
        From `list_tiles`.
    floor : (3, 2)
    fastest : float
    kind : int
        Objective: 0 energy, 1 latency, 2 their product, 3 the front.
    gap : float
        A branch is cut when it cannot improve by more than this fraction.
    mask : int
        Which bypass choice this is, for the records.
    values, records, held
        The incumbents: see `dse.mapper.incumbent`.
    visited : (4,)
        Counts up: PE tiles opened, unrollings tried, outer tiles tried, mappings priced.

    Returns
    -------
    int
        How many incumbents there are.
    """
    work = _workspace(inst, tile_start, tiles, unrollings)
    pool = work[8][1]
    for index in order:
        if pruned(kind, gap, bound[index, 0], bound[index, 1], values, held):
            if kind == 0 or kind == 2:
                break  # the order is that of the bound
            continue
        visited[0] += 1
        held, pool = _unroll(
            inst, rules, tile_start, tiles, unrollings, choice[index], floor, fastest, perfect, kind, gap, mask,
            values, records, held, visited, (*work[:8], (work[8][0], pool)),
        )  # fmt: skip
        if held < 0:
            break
    return held


def _workspace(inst: Instance, tile_start: Ints, tiles: Ints, unrollings: Ints) -> Any:
    """Arrays that the walk reuses: halo tables (filled on demand) and scratch."""
    first = np.zeros(9, dtype=np.int64)
    for d in range(9):
        first[d] = tiles[tile_start[d], 2]
    tall = np.full((first[5] - first[4], first[7] - first[6], 10), -1.0)
    wide = np.full((first[6] - first[5], first[8] - first[7], 10), -1.0)
    nodes = len(inst.is_fan_out)
    longest = max(max(inst.bounds[4], inst.bounds[5]), max(inst.bounds[6], inst.bounds[7])) + 1
    loops = 48
    scratch = (
        np.zeros(loops, dtype=np.int64), np.zeros(loops, dtype=np.int64),
        np.zeros((longest, 3), dtype=np.int64), np.zeros((longest, 3), dtype=np.int64),
        np.zeros(inst.pes + 1, dtype=np.int64), np.zeros(inst.pes + 1, dtype=np.int64),
        np.zeros(inst.pes + 1, dtype=np.int64), np.zeros(inst.pes + 1, dtype=np.int64),
    )  # fmt: skip
    nest = (
        np.zeros(loops, dtype=np.int64), np.zeros(loops, dtype=np.int64), np.zeros(loops, dtype=np.int64),
        np.zeros(loops, dtype=np.int64), np.zeros(loops, dtype=np.int64), np.ones(8, dtype=np.int64),
    )  # fmt: skip
    counts = (
        np.ones((3, nodes, 3, 8), dtype=np.int64), np.full((3, nodes, 2), -1, dtype=np.int64),
        np.zeros((3, nodes, 2), dtype=np.int64), np.zeros((nodes, 3, 2), dtype=np.int64),
        np.zeros((nodes, 3, 2), dtype=np.int64), np.zeros(4), np.zeros(len(inst.port_node)),
    )  # fmt: skip
    fewest, least_steps = per_tile_least(tile_start, tiles, unrollings)
    listed = (np.zeros((len(unrollings) + 1, 2), dtype=np.int64), np.zeros((1024, 2), dtype=np.int64))
    return first, tall, wide, scratch, nest, counts, fewest, least_steps, listed


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


def _unroll(
    inst: Instance, rules: Any, tile_start: Ints, tiles: Ints, unrollings: Ints, row: Ints, floor: Any, fastest: float,
    perfect: bool, kind: int, gap: float, mask: int, values: Any, records: Ints, held: int, visited: Ints, work: Any,
) -> Any:  # fmt: skip
    """Walk the unrollings of one PE tile, dim by dim, dims with the fewest choices first."""
    fewest, least_steps = work[6], work[7]
    choices = np.zeros(8, dtype=np.int64)
    number = np.ones(8, dtype=np.int64)
    passes = np.ones(8, dtype=np.int64)
    steps = np.ones(8, dtype=np.int64)
    for d in range(8):
        choices[d] = tiles[row[d] + 1, 2] - tiles[row[d], 2]
        number[d] = tiles[row[d], 1]
        passes[d] = fewest[row[d]]
        steps[d] = least_steps[row[d]]
    sequence = np.argsort(choices)
    chosen = np.zeros(8, dtype=np.int64)
    rows_left = np.ones(9, dtype=np.int64)
    cols_left = np.ones(9, dtype=np.int64)
    rows_left[0] = inst.rows
    cols_left[0] = inst.cols
    estimate = np.zeros(2)
    pool = work[8][1]
    depth = 0
    d = sequence[0]
    chosen[d] = tiles[row[d], 2] - 1
    while depth >= 0:
        d = sequence[depth]
        chosen[d] += 1
        if chosen[d] == tiles[row[d] + 1, 2]:
            passes[d] = fewest[row[d]]
            steps[d] = least_steps[row[d]]
            depth -= 1
            continue
        sy, sx = unrollings[chosen[d], 0], unrollings[chosen[d], 1]
        if sy > rows_left[depth] or sx > cols_left[depth]:
            continue
        passes[d] = unrollings[chosen[d], 2]
        steps[d] = unrollings[chosen[d], 3]
        rows_left[depth + 1] = rows_left[depth] // sy
        cols_left[depth + 1] = cols_left[depth] // sx
        if choices[d] > 1:
            visited[1] += 1
            open_steps = 1.0
            for later in range(depth + 1, 8):
                open_steps *= inst.bounds[sequence[later]]
            shared = 1.0
            for earlier in range(depth + 1):
                shared *= steps[sequence[earlier]]
            shared *= open_steps / (rows_left[depth + 1] * cols_left[depth + 1])
            tile_bound(inst, number, passes, steps, floor, max(fastest, shared), inst.pes, estimate)
            if pruned(kind, gap, estimate[0], estimate[1], values, held):
                continue
        if depth < 7:
            depth += 1
            following = sequence[depth]
            chosen[following] = tiles[row[following], 2] - 1
            continue
        held, pool = _place_tiles(
            inst, rules, tiles, unrollings, row, chosen, floor, perfect, kind, gap, mask, values, records, held,
            visited, (*work[:8], (work[8][0], pool)),
        )  # fmt: skip
        if held < 0:
            break
    return held, pool


def _halos(
    inst: Instance, tiles: Ints, unrollings: Ints, row: Ints, chosen: Ints, a: int, table: Any, work: Any
) -> Any:
    """The table entry of one axis: `halo_words` of the chosen tiles and unrollings of dims a and a + 2."""
    first, scratch = work[0], work[3]
    b = a + 2
    entry = table[chosen[a] - first[a], chosen[b] - first[b]]
    if entry[0] < 0:
        u, v = unrollings[chosen[a]], unrollings[chosen[b]]
        mode = 2
        if inst.place[2] >= 0:
            mode = inst.multicast[inst.place[2]]
        w = 0 if a == 4 else 2
        halo_words(
            inst.bounds[a], inst.bounds[b], inst.window[w], inst.window[w + 1], tiles[row[a], 0], u[0] * u[1],
            tiles[row[b], 0], v[0] * v[1], inst.in_pe[0] == 0, mode, scratch, entry,
        )  # fmt: skip
    return entry


def inner_costs(
    inst: Instance, tiles: Ints, unrollings: Ints, row: Ints, chosen: Ints, tall: Any, wide: Any, energy: Any, busy: Any
) -> float:
    """Bounds on what one array configuration costs below the buffer, by the kind of order of the list above it.

    Parameters
    ----------
    tall, wide : (10,)
        `halo_words` of both axes.
    energy : (3, 10) float
        Filled, pJ. Row o: the irrelevant loops of operand o are innermost; column 0 without a slide, then sliding on P,
        Q, R, S in a single run, then the least of all, then what a run over P, Q, R, S costs more when it starts anew
        at its last position. What depends on the outer tile is left out: the `up` words of the stationary operand and
        static energy.
    busy : (3, ports) float
        Filled, cycles of every port, with the least of the stationary operand but nothing of the outer crossing.

    Returns
    -------
    float
        Compute steps.
    """
    number = np.ones(8)
    passes = np.ones(8)
    steps = np.ones(8)
    copies = np.ones(8)
    cycles = 1.0
    for d in range(8):
        u = unrollings[chosen[d]]
        number[d] = tiles[row[d], 1]
        passes[d] = u[2]
        steps[d] = u[3]
        copies[d] = min(u[0] * u[1], number[d])
        cycles *= steps[d]
    planes = float(inst.bounds[0] * inst.bounds[1] * inst.bounds[3])
    for o in range(3):
        fixed = inst.fixed_pj
        for x in range(1, 3):
            if inst.in_pe[x] == 0:
                fixed += inst.up_pj[x] * inst.words[x] * group_product(steps, x) + inst.fill_pj[x] * inst.macs
            elif x == o:
                fixed += inst.fill_pj[x] * inst.words[x] * group_product(copies, x)
            else:
                fixed += inst.up_pj[x] * inst.words[x] * group_product(passes, x)
                fixed += inst.fill_pj[x] * inst.words[x] * group_product(number, x)
        least_up = np.inf
        for slide in range(5):
            h = 1 if slide == 1 else (2 if slide == 3 else 0)
            w = 1 if slide == 2 else (2 if slide == 4 else 0)
            up = planes * tall[h] * wide[w]
            fill = planes * tall[3 + h] * wide[3 + w]
            least_up = min(least_up, up)
            again_up = planes * (tall[5 + h] * wide[0] if h > 0 else tall[0] * wide[5 + w])
            again_fill = planes * (tall[7 + h] * wide[3] if h > 0 else tall[3] * wide[7 + w])
            if inst.in_pe[0] == 0:
                each_up = 0.0
                each_fill = 0.0
                energy[o, slide] = inst.up_pj[0] * up * group_product(steps, 0) + inst.fill_pj[0] * inst.macs
            else:
                each_up = 0.0 if o == 0 else inst.up_pj[0] * group_product(passes, 0)
                each_fill = inst.fill_pj[0] * group_product(copies if o == 0 else number, 0)
                energy[o, slide] = each_up * up + each_fill * fill
            energy[o, slide] += fixed
            if slide > 0:
                energy[o, 5 + slide] = each_up * again_up + each_fill * again_fill
        energy[o, 5] = np.min(energy[o, :5])
        for t in range(len(inst.port_outer)):
            busy[o, t] = inst.port_fixed[t]
            for x in range(3):
                words = least_up if x == 0 else inst.words[x]
                if x == 0 and o == 0 and inst.in_pe[0] == 1:
                    words = inst.words[0]
                repeats = 1.0
                if inst.in_pe[x] == 0:
                    repeats = group_product(steps, x)
                elif x != o:
                    repeats = group_product(passes, x)
                busy[o, t] += inst.port_up[t, x] * words * repeats
    return cycles


def kind_energy(
    inst: Instance, energy: Any, o: int, slide: int, joins: bool, stays: bool, f: Ints, spread: Ints, passes: Ints,
    m: Ints, n: Ints, decided: Ints,
) -> float:  # fmt: skip
    """Lower bound on the energy below the buffer with given outer trips.

    Parameters
    ----------
    energy : (3, 10)
        From `inner_costs`.
    o : int
        Operand whose irrelevant loops are innermost above the array.
    slide : int
        Column of `energy`; 5 stands for any.
    joins : bool
        Whether the run of the slide may go on in the outermost list's innermost loop.
    stays : bool
        Whether the irrelevant loops of the operand are innermost in the outermost list as well.
    f, spread, passes, m, n : (8,)
        PE tile, unrolling, passes over the array, trips of the buffer's and of the outermost list.
    decided : (8,)
        1 where m and n are decided; elsewhere m is 1 and n a lower bound.
    """
    least = energy[o, slide]
    if 0 < slide < 5 and not joins:
        least += _restarts(energy, o, slide + 3, passes, m, n)
    if inst.in_pe[o] == 0:
        return least
    if stays and passes_through(inst, o, m):
        return least + inst.up_pj[o] * inst.words[o]
    visits = 1.0
    copies = 1.0
    held = 1.0
    for d in group_dims(o):
        if d >= 0:
            most = min(spread[d], (inst.bounds[d] + f[d] - 1) // f[d])
            last = most if n[d] == 1 else 1
            if decided[d] == 1:
                rest = inst.bounds[d] - (n[d] - 1) * f[d] * spread[d] * m[d]
                last = min(most, (rest + f[d] - 1) // f[d])
            visits *= n[d]
            held *= most
            copies *= (n[d] - 1) * most + last
    return least + inst.words[o] * (inst.up_pj[o] * visits + inst.fill_pj[o] * (copies - held))


def passes_through(inst: Instance, o: int, m: Ints) -> bool:
    """Whether one array tile is all that the buffer holds of an operand, so that it can stay through the outer list."""
    more = 0
    for d in range(8):
        more += inst.relevance[o, d] * (m[d] - 1)
    return bool(more == 0)


def _restarts(energy: Any, o: int, x: int, passes: Ints, m: Ints, n: Ints) -> float:
    """Energy of the slides over dim x that start anew in every outer tile but the first.

    Fetching at all passes but the first instead of sliding costs energy[o, 0] - energy[o, x - 3]; a restart at the last
    pass, which may be ragged, costs energy[o, x + 2], and all others cost the same.
    """
    if n[x] == 1 or m[x] == 1:
        return 0.0
    last = 1 if (n[x] - 1) * m[x] == passes[x] - 1 else 0
    each = 0.0
    if passes[x] > 2:
        each = (energy[o, 0] - energy[o, x - 3] - energy[o, x + 2]) / (passes[x] - 2)
    return each * (n[x] - 1 - last) + energy[o, x + 2] * last


def _first_and_last(inst: Instance, tiles: Ints, unrollings: Ints, row: Ints, chosen: Ints, tile: Ints) -> float:
    """Cycles of the first fill and the last drain that the array's own tile takes at least.

    Every level hands the first tile on through its slowest port; only operands that the PEs keep count here.
    """
    for d in range(8):
        u = unrollings[chosen[d]]
        tile[d] = min(inst.bounds[d], tiles[row[d], 0] * u[0] * u[1])
    height = (tile[4] - 1) * inst.window[0] + (tile[6] - 1) * inst.window[1] + 1
    width = (tile[5] - 1) * inst.window[2] + (tile[7] - 1) * inst.window[3] + 1
    total = 0.0
    for node in range(len(inst.is_fan_out)):
        filled = 0.0
        drained = 0.0
        for t in range(len(inst.port_node)):
            if inst.port_node[t] != node or (node != inst.place[0] and node != inst.place[1]):
                continue
            fill = 0.0
            for o in range(2):
                if inst.in_pe[o] == 1 and (node == inst.place[0] or inst.in_buffer[o] == 1):
                    words = tile[0] * tile[3] * (tile[1] * height * width if o == 0 else tile[2] * tile[6] * tile[7])
                    fill += words * inst.port_cost[t, o, 0]
            drain = 0.0
            if inst.in_pe[2] == 1 and (node == inst.place[0] or inst.in_buffer[2] == 1):
                drain = tile[0] * tile[1] * tile[2] * tile[4] * tile[5] * inst.port_cost[t, 2, 1]
            filled = max(filled, fill)
            drained = max(drained, drain)
        total += filled + drained
    return total


def _place_tiles(
    inst: Instance, rules: Any, tiles: Ints, unrollings: Ints, row: Ints, chosen: Ints, floor: Any, perfect: bool,
    kind: int, gap: float, mask: int, values: Any, records: Ints, held: int, visited: Ints, work: Any,
) -> int:  # fmt: skip
    """Walk the outer tiles of one array configuration and price every mapping that may improve on the incumbents."""
    tall = _halos(inst, tiles, unrollings, row, chosen, 4, work[1], work)
    wide = _halos(inst, tiles, unrollings, row, chosen, 5, work[2], work)
    energy = np.zeros((3, 10))
    busy = np.zeros((3, len(inst.port_outer)))
    cycles = inner_costs(inst, tiles, unrollings, row, chosen, tall, wide, energy, busy)
    tile = np.ones(8, dtype=np.int64)
    ends_pay = _first_and_last(inst, tiles, unrollings, row, chosen, tile)
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
    f = np.ones(8, dtype=np.int64)
    sy = np.ones(8, dtype=np.int64)
    sx = np.ones(8, dtype=np.int64)
    spread = np.ones(8, dtype=np.int64)
    passes = np.ones(8, dtype=np.int64)
    for d in range(8):
        u = unrollings[chosen[d]]
        f[d], sy[d], sx[d], passes[d] = tiles[row[d], 0], u[0], u[1], u[2]
        spread[d] = sy[d] * sx[d]
    sequence = np.array([0, 6, 7, 4, 5, 2, 3, 1])
    rows, pool = work[8]
    for d in range(8):
        if rows[chosen[d], 1] == 0:
            pool = _list_trips(inst, unrollings[chosen[d]], chosen[d], d, f[d], perfect, (rows, pool))
        if rows[chosen[d], 0] == rows[chosen[d], 1]:
            return held, pool
    n = np.ones(8, dtype=np.int64)
    m = np.ones(8, dtype=np.int64)
    decided = np.zeros(8, dtype=np.int64)
    known = np.zeros(2, dtype=np.int64)
    words = np.zeros((3, 7))
    regular = inst.window[0] * inst.window[1] * inst.window[2] * inst.window[3] == 1
    option = np.zeros(8, dtype=np.int64)
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
                words,
            ):  # fmt: skip
                if not crowded and (regular or d < 4):
                    # More trips only cost more, but where one array tile comes to be all that the buffer holds.
                    option[d] = max(option[d], end - 2)
                continue
        if depth < 7:
            depth += 1
            option[sequence[depth]] = rows[chosen[sequence[depth]], 0] - 1
            continue
        held = _price_orders(
            inst, rules, f, sy, sx, spread, m, n, passes, decided, energy, busy, cycles, ends_pay, words, kind, gap,
            mask, values, records, held, visited, work,
        )  # fmt: skip
        if held < 0:
            return held, pool
    return held, pool


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
    busy: Any, cycles: float, ends_pay: float, kind: int, gap: float, values: Any, held: int, words: Any,
) -> bool:  # fmt: skip
    """Whether no mapping with the outer trips decided so far (the others at least one) can improve."""
    over = outer_least(inst, words)
    barred = False
    if rules.stationary >= 0:
        for x in group_dims(rules.stationary):
            if x >= 0 and m[x] > 1:
                barred = True
    for o in range(3):
        if barred and o != rules.stationary:
            continue
        least = kind_energy(inst, energy, o, 5, True, False, f, spread, passes, m, n, decided) + over
        if inst.in_pe[o] == 1 and passes_through(inst, o, m):
            stays = kind_energy(inst, energy, o, 5, True, True, f, spread, passes, m, n, decided)
            least = min(least, stays + outer_energy(inst, words, o))
        time = cycles + ends_pay
        if pruned(kind, gap, least + inst.static_pj * time, time, values, held):
            continue
        if kind == 0 and inst.static_pj == 0.0:
            return False
        for t in range(len(inst.port_outer)):
            p = inst.port_over[t]
            crossing = np.inf
            for r in range(3):
                ifmap = least_ifmap(words, r)
                crossing = min(crossing, p[0] * ifmap + p[1] * words[r, 0] + p[2] * words[r, 1])
            time = max(time, busy[o, t] + crossing + ends_pay)
        if not pruned(kind, gap, least + inst.static_pj * time, time, values, held):
            return False
    return True


def _price_orders(
    inst: Instance, rules: Any, f: Ints, sy: Ints, sx: Ints, spread: Ints, m: Ints, n: Ints, passes: Ints,
    decided: Ints, energy: Any, busy: Any, cycles: float, ends_pay: float, words: Any, kind: int, gap: float,
    mask: int, values: Any, records: Ints,
    held: int, visited: Ints, work: Any,
) -> int:  # fmt: skip
    """Price the orders of both lists that may improve on the incumbents, exactly."""
    outer_orders = np.zeros((24, 8), dtype=np.int64)
    inner_orders = np.zeros((24, 8), dtype=np.int64)
    outer_kinds = np.zeros((24, 2), dtype=np.int64)
    inner_kinds = np.zeros((24, 2), dtype=np.int64)
    alone = inst.place[1] < 0
    count_inner = list_orders(m, rules.stationary, rules.innermost, inner_orders, inner_kinds)
    count_outer = 1 if alone else list_orders(n, -1, -1, outer_orders, outer_kinds)
    if alone:
        outer_kinds[0, 0] = -1
        outer_kinds[0, 1] = -1
    e = inst.outer_pj
    point = np.zeros(2)
    for i in range(count_outer):
        column = 2 if outer_kinds[i, 1] < 0 else outer_kinds[i, 1] - 1
        r = max(outer_kinds[i, 0], 0)
        over = e[0] * words[r, column] + e[1] * words[r, 0] + e[2] * words[r, 1]
        for k in range(count_inner):
            o2 = inner_kinds[k, 0]
            slide = 5 if inner_kinds[k, 1] < 0 else inner_kinds[k, 1] - 3
            joins = _first_loop(outer_orders[i], n) == inner_kinds[k, 1]
            for d in range(8):
                if m[d] > 1 and d != inner_kinds[k, 1] and d != 2:
                    joins = False
            worthwhile = False
            for o in range(3):
                if o2 >= 0 and o != o2:
                    continue
                time = cycles
                for t in range(len(inst.port_outer)):
                    p = inst.port_over[t]
                    crossing = p[0] * words[r, column] + p[1] * words[r, 0] + p[2] * words[r, 1]
                    time = max(time, busy[o, t] + crossing)
                time += ends_pay
                stays = outer_kinds[i, 0] == o
                least = kind_energy(inst, energy, o, slide, joins, stays, f, spread, passes, m, n, decided)
                least += over + inst.static_pj * time
                worthwhile = worthwhile or not pruned(kind, gap, least, time, values, held)
            if not worthwhile:
                continue
            visited[3] += 1
            price_nest(inst, f, sy, sx, m, n, outer_orders[i], inner_orders[k], work, point)
            held = accept(
                kind, gap, point[0], point[1], values, held, records, mask, f, sy, sx, m, n, outer_orders[i],
                inner_orders[k],
            )  # fmt: skip
            if held < 0:
                return held
    return held


def _first_loop(order: Ints, trips: Ints) -> int:
    """The innermost loop of a list that has more than one trip, -1 for none; loops over K do not interrupt a slide."""
    for i in range(8):
        if trips[order[i]] > 1 and order[i] != 2:
            return int(order[i])
    return -1


def price_nest(
    inst: Instance, f: Ints, sy: Ints, sx: Ints, m: Ints, n: Ints, outer_order: Ints, inner_order: Ints, work: Any,
    point: Any,
) -> None:  # fmt: skip
    """Exact energy (pJ) and latency (cycles) of one mapping, by the model itself."""
    scratch, nest, counts = work[3], work[4], work[5]
    dim, trips, step, place, spatial, inside = nest
    factors, ends, booked, levels, fans, split, port_cycles = counts
    size = 0
    for part in range(4):
        for i in range(7, -1, -1):
            d = outer_order[i] if part == 0 else (inner_order[i] if part == 1 else 7 - i)
            count = n[d] if part == 0 else (m[d] if part == 1 else (sy[d] * sx[d] if part == 2 else f[d]))
            if count > 1:
                dim[size] = d
                trips[size] = count
                place[size] = inst.place[part] if not (part == 1 and inst.place[1] < 0) else inst.place[0]
                spatial[size] = 1 if part == 2 else 0
                size += 1
    for d in range(8):
        inside[d] = 1
    for i in range(size - 1, -1, -1):
        step[i] = inside[dim[i]]
        inside[dim[i]] *= trips[i]
    steps = count_nest(
        size, dim, trips, step, place, spatial, inst.bounds, inst.window, inst.keeps, inst.is_fan_out, inst.multicast,
        inst.reduces, inst.relevance, scratch, inside, factors, ends, booked, levels, fans,
    )  # fmt: skip
    busiest = latency(
        size, dim, trips, place, spatial, inst.bounds, inst.window, ends, booked, levels, steps, inst.buffering,
        inst.port_node, inst.port_cost, split, port_cycles,
    )  # fmt: skip
    cycles = float(steps) if busiest < 0 else port_cycles[busiest]
    cycles += split[1] + split[2] + split[3]
    energy = inst.mac_pj + inst.static_pj * cycles
    for node in range(len(inst.is_fan_out)):
        for o in range(3):
            for side in range(2):
                energy += levels[node, o, side] * inst.access_pj[node, o, side]
                energy += fans[node, o, side] * inst.fan_pj[node, o, side]
    point[0] = energy
    point[1] = cycles
