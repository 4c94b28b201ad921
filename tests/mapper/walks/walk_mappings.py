"""The compiled inner part of `brute_force`: every mapping that some lists of splits span, priced one by one.

It prices with the closed form of `dse.model`, which equals the literal simulator, and takes nothing from `dse.mapper`
but the service that compiles. There are no bounds here and nothing is left out.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from dse.mapper.shared.compilation.twins import twin
from dse.model import time
from dse.model.counting import nest
from dse.model.counting.records import Counts, Hierarchy, IterationSpace, Nest, Spent, Timing

count_nest = twin(nest.count_nest)
latency = twin(time.latency)

RECORD = 57
"""Numbers of a mapping: f, sy, sx, m, n per dim; dims of the list above the array and of the outermost list, outermost
first, -1 where a loop has one trip; bypass choice."""


@njit(cache=True)
def _words(o, t, window):
    """Words of an operand's tile; the ifmap's is its box."""
    if o == 0:
        height = (t[4] - 1) * window[0] + (t[6] - 1) * window[1] + 1
        width = (t[5] - 1) * window[2] + (t[7] - 1) * window[3] + 1
        return t[0] * t[1] * t[3] * height * width
    if o == 1:
        return t[0] * t[2] * t[3] * t[6] * t[7]
    return t[0] * t[1] * t[2] * t[4] * t[5]


@njit(cache=True)
def _fits(tile, bits, window, kept, capacity):
    total = 0
    for o in range(3):
        if kept[o] == 1:
            size = bits[o] * _words(o, tile, window)
            if size > capacity[o]:
                return False
            total += size
    return total <= capacity[3]


@njit(cache=True)
def _obeys(order, depth, relevant, stationary, innermost):
    """Whether a loop list, outermost first, keeps the dataflow's rules on it."""
    if stationary >= 0:
        for i in range(depth):
            for k in range(i + 1, depth):
                if relevant[stationary, order[i]] == 0 and relevant[stationary, order[k]] == 1:
                    return False
    if innermost >= 0:
        for i in range(depth - 1):
            if order[i] == innermost:
                return False
    return True


@njit(cache=True)
def _enter(energy, cycles, values, records, held, record):
    """Keep the exact front: latency rises, energy falls. Returns how many points it has."""
    at = 0
    while at < held and values[at, 1] < cycles:
        at += 1
    if at > 0 and values[at - 1, 0] <= energy:
        return held
    if at < held and values[at, 1] == cycles and values[at, 0] <= energy:
        return held
    stop = at
    while stop < held and values[stop, 0] >= energy:
        stop += 1
    if stop == at:
        for i in range(held, at, -1):
            values[i] = values[i - 1]
            records[i] = records[i - 1]
    else:
        for i in range(stop, held):
            values[at + 1 + i - stop] = values[i]
            records[at + 1 + i - stop] = records[i]
    values[at, 0] = energy
    values[at, 1] = cycles
    records[at] = record
    return held + 1 - (stop - at)


@njit(cache=True)
def workspace(nodes, ports):
    """Arrays that `price_mapping` fills: the flat nest, the counts, and the time."""
    nest = (
        np.zeros(48, np.int64), np.zeros(48, np.int64), np.zeros(48, np.int64), np.zeros(48, np.int64),
        np.zeros(48, np.int64), np.ones(8, np.int64),
    )  # fmt: skip
    counts = Counts(
        np.ones((3, nodes, 8), np.int64), np.full((3, nodes, 2), -1), np.zeros((3, nodes, 2), np.int64),
        np.zeros((nodes, 3, 2), np.int64), np.zeros((nodes, 3, 2), np.int64), np.zeros(nodes, np.int64),
    )  # fmt: skip
    return nest, counts, Spent(np.zeros(6), np.zeros(ports))


@njit(cache=True)
def price_mapping(problem, prices, keeps, place, scratch, work, record):
    """Energy and cycles of one mapping by the closed form of the model."""
    bounds, window, relevance, is_fan_out, multicast, reduces = problem
    access_pj, fan_pj, mac_pj, static_pj, buffering, port_node, port_cost, folds, saved_pj = prices[:9]
    port_saved, port_joins = prices[9:]
    dim, trips, step, where, spatial, inside = work[0]
    counts, spent = work[1], work[2]
    size = 0
    for part in range(5):  # outermost list, list above the array, rows, columns, PE
        node = place[(0, 1, 2, 2, 3)[part]]
        for i in range(8):
            d = record[48 + i] if part == 0 else (record[40 + i] if part == 1 else i)
            if d < 0:
                break
            count = record[(32, 24, 8, 16, 0)[part] + d]
            if count > 1:
                dim[size], trips[size], where[size] = d, count, node
                spatial[size] = 1 if part == 2 or part == 3 else 0
                size += 1
    for d in range(8):
        inside[d] = 1
    for q in range(size - 1, -1, -1):
        step[q] = inside[dim[q]]
        inside[dim[q]] *= trips[q]
    nest, space = Nest(size, dim, trips, step, where, spatial), IterationSpace(bounds, window, relevance)
    hierarchy = Hierarchy(is_fan_out, multicast, reduces, keeps)
    steps = count_nest(nest, space, hierarchy, scratch, counts)
    timing = Timing(buffering, port_node, port_cost, port_saved, port_joins, folds)
    busiest = latency(nest, space, counts, steps, timing, spent, scratch.counted)
    parts = spent.parts
    array = parts[time.COMPUTE] + parts[time.SKEW] + parts[time.SHIFTS]
    cycles = array if busiest < 0 else spent.ports[busiest]
    cycles += parts[time.FIRST_FILL] + parts[time.LAST_DRAIN] + parts[time.SERIAL]
    energy = mac_pj + static_pj * cycles
    for node in range(len(is_fan_out)):
        for o in range(3):
            for side in range(2):
                energy += counts.levels[node, o, side] * access_pj[node, o, side]
                energy += counts.fans[node, o, side] * fan_pj[node, o, side]
        energy -= counts.finished[node] * (saved_pj[node, 0] + saved_pj[node, 1])
    return energy, cycles


@njit(cache=True)
def _has_room(node, wide, counts):
    """Whether what a level keeps fits: in psums' own width, or because each psum comes to it once, finished."""
    fits = wide
    for k in range(len(counts.finished)):
        if counts.ends[2, k, 0] == node and counts.booked[2, k, 1] == counts.finished[node]:
            fits = True
    return fits


@njit(cache=True)
def walk(
    start, splits, rules, problem, prices, bits, capacity, place, keeps, permutations, scratch, mask, dry, values,
    records, held, least, picks, picked, picked_values, ordinal, most,
):  # fmt: skip
    """Walk every mapping of one bypass choice, or, if they are only counted, until there are more than so many.

    Parameters
    ----------
    start (9,), splits (*, 5) : the splits of dim d are rows start[d]..start[d+1]: f, sy, sx, m, n
    rules : rows, columns of the array; stationary operand and innermost dim of the list above it (-1 for none)
    problem, prices : see `price_mapping`
    bits (nodes, 4), capacity (nodes, 4) : widths, of finished outputs last, twice where two tiles are there; bits that
        tiles may take
    place : (4,) node of the outermost level, of the list above the array, of the array (-1) and of the PE level (-1)
    permutations : (6, 120, 5) of the first k numbers
    dry : only count
    values, records, held : the front so far
    least : (product of the bounds, 2) least energy and latency by PE tile, f - 1 as digits to the bounds
    picks : ascending numbers of mappings to record in `picked`, `picked_values`
    ordinal : number of the first mapping here
    most : where counting ends

    Returns
    -------
    points of the front, number after the last mapping
    """
    factorial = np.array([1, 1, 2, 6, 24, 120])
    bounds, window, relevance = problem[0], problem[1], problem[2]
    work = workspace(len(keeps), len(prices[5]))
    at = start[:8].copy()
    record = np.zeros(RECORD, np.int64)
    record[56] = mask
    small, large = np.ones(8, np.int64), np.ones(8, np.int64)
    narrow_pe = np.array([bits[place[3], 0], bits[place[3], 1], bits[place[3], 3]])
    narrow_buffer = np.array([bits[place[1], 0], bits[place[1], 1], bits[place[1], 3]])
    near, far = np.zeros(8, np.int64), np.zeros(8, np.int64)
    next_pick = np.searchsorted(picks, ordinal)
    for d in range(8):
        if start[d] == start[d + 1]:
            return held, ordinal
    while True:
        used_rows = used_cols = 1
        depth_near = depth_far = digit = 0
        for d in range(8):
            for part in range(5):
                record[8 * part + d] = splits[at[d], part]
            f, sy, sx, m, n = record[d], record[8 + d], record[16 + d], record[24 + d], record[32 + d]
            used_rows *= sy
            used_cols *= sx
            small[d] = min(bounds[d], f)
            large[d] = min(bounds[d], f * sy * sx * m)
            digit = digit * bounds[d] + small[d] - 1
            if m > 1:
                near[depth_near] = d
                depth_near += 1
            if n > 1:
                far[depth_far] = d
                depth_far += 1
        fine = used_rows <= rules[0] and used_cols <= rules[1]
        wide_pe = wide_buffer = True
        if fine and place[3] >= 0:
            wide_pe = _fits(small, bits[place[3]], window, keeps[place[3]], capacity[place[3]])
            fine = wide_pe or _fits(small, narrow_pe, window, keeps[place[3]], capacity[place[3]])
        if fine and place[1] != place[0]:
            wide_buffer = _fits(large, bits[place[1]], window, keeps[place[1]], capacity[place[1]])
            fine = wide_buffer or _fits(large, narrow_buffer, window, keeps[place[1]], capacity[place[1]])
        wide = wide_pe and wide_buffer
        for i in range(factorial[depth_near] if fine else 0):
            record[40:56] = -1
            for q in range(depth_near):
                record[40 + q] = near[permutations[depth_near, i, q]]
            if not _obeys(record[40:48], depth_near, relevance, rules[2], rules[3]):
                continue
            if dry and wide:
                ordinal += factorial[depth_far]
                continue
            for k in range(factorial[depth_far]):
                for q in range(depth_far):
                    record[48 + q] = far[permutations[depth_far, k, q]]
                energy, cycles = price_mapping(problem, prices, keeps, place, scratch, work, record)
                if not (_has_room(place[3], wide_pe, work[1]) and _has_room(place[1], wide_buffer, work[1])):
                    continue
                if dry:
                    ordinal += 1
                    continue
                held = _enter(energy, cycles, values, records, held, record)
                least[digit, 0] = min(least[digit, 0], energy)
                least[digit, 1] = min(least[digit, 1], cycles)
                if next_pick < len(picks) and picks[next_pick] == ordinal:
                    picked[next_pick] = record
                    picked_values[next_pick, 0] = energy
                    picked_values[next_pick, 1] = cycles
                    next_pick += 1
                ordinal += 1
        if dry and ordinal > most:
            return held, ordinal
        d = 7
        while d >= 0:
            at[d] += 1
            if at[d] < start[d + 1]:
                break
            at[d] = start[d]
            d -= 1
        if d < 0:
            return held, ordinal
