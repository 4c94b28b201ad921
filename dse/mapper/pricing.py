"""Exact prices of the mappings that survive the bounds. Compilable like the model."""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.mapper.incumbent import accept, pruned
from dse.mapper.inner import again, kind_energy, passes_through
from dse.mapper.orders import list_orders
from dse.model.axes import count_nest
from dse.model.time import latency

Ints = Any
Instance = Any


def price_orders(
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
                stays = outer_kinds[i, 0] == o
                more = 0.0 if stays and passes_through(inst, o, m) else again(inst, o, n)
                time = cycles
                for t in range(len(inst.port_outer)):
                    p = inst.port_over[t]
                    crossing = p[0] * words[r, column] + p[1] * words[r, 0] + p[2] * words[r, 1]
                    time = max(time, busy[o, t] + inst.port_up[t, o] * inst.words[o] * more + crossing)
                time += ends_pay
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
        inst.port_node, inst.port_cost, split, port_cycles, step, inst.relevance, inst.folds, scratch[0],
    )  # fmt: skip
    cycles = float(steps) if busiest < 0 else port_cycles[busiest]
    cycles += split[1] + split[2] + split[3] + split[4] + split[5]
    energy = inst.mac_pj + inst.static_pj * cycles
    for node in range(len(inst.is_fan_out)):
        for o in range(3):
            for side in range(2):
                energy += levels[node, o, side] * inst.access_pj[node, o, side]
                energy += fans[node, o, side] * inst.fan_pj[node, o, side]
    point[0] = energy
    point[1] = cycles
