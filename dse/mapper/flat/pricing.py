"""Exact prices of the mappings that survive the bounds. Compilable like the model."""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.mapper.flat.array.spreads import settle
from dse.mapper.flat.inner.costs import ANY, SLIDES, again, kind_energy, passes_through
from dse.mapper.flat.inner.least_time import array_beside
from dse.mapper.flat.instance import BUFFER, OUTER, Instance
from dse.mapper.flat.outer.words import FETCHED, PSUMS, SLID_P, WEIGHTS
from dse.mapper.flat.run import (
    BUFFER_ORDER,
    BUFFER_TRIPS,
    CHOICE,
    ON_COLS,
    ON_ROWS,
    OUTER_ORDER,
    OUTER_TRIPS,
    PE_TILE,
    PRICED,
)  # fmt: skip
from dse.mapper.shared.incumbent import enter, pruned
from dse.mapper.shared.mapspace.orders import list_orders
from dse.mapper.shared.price import PriceRoom, Rates, price_loops
from dse.model.counting.kernel import Floats, Ints, Record
from dse.model.counting.nest import only_finished
from dse.model.counting.records import Counts, Hierarchy, IterationSpace, Nest, Scratch, Spent, Timing
from dse.problem.dims import IFMAP, PSUM, WEIGHT, K, P

STAYS, SLIDE = range(2)
"""Columns of the kinds of order that `list_orders` gives: operand whose irrelevant loops are innermost, dim slid on."""


def price_orders(
    inst: Instance, run: Record, work: Record, config: Record, options: Any, span: Ints, offset: Ints,
    incumbents: Any,
) -> None:  # fmt: skip
    """Price the orders of both lists that may improve on the incumbents, exactly.

    Parameters
    ----------
    work, config : elements of `dse.mapper.flat.run.WORK` and `CONFIGURATION`
        All trips and spreads are decided.
    options : Options
    span, offset
        Scratch of the model.
    incumbents : Incumbents
    """
    outer_orders = np.zeros((24, 8), dtype=np.int64)
    inner_orders = np.zeros((24, 8), dtype=np.int64)
    outer_kinds = np.zeros((24, 2), dtype=np.int64)
    inner_kinds = np.zeros((24, 2), dtype=np.int64)
    m, n = work.m, work.n
    alone = inst.place[BUFFER] < 0
    count_inner = list_orders(m, inst.stationary, inst.innermost, inner_orders, inner_kinds)
    count_outer = 1 if alone else list_orders(n, -1, -1, outer_orders, outer_kinds)
    if alone:
        outer_kinds[0, STAYS] = -1
        outer_kinds[0, SLIDE] = -1
    settled = False
    point = np.zeros(2)
    for i in range(count_outer):
        for k in range(count_inner):
            joins = _first_loop(outer_orders[i], n) == inner_kinds[k, SLIDE]
            for d in range(8):
                if m[d] > 1 and d != inner_kinds[k, SLIDE] and d != K:
                    joins = False
            if not _worthwhile(inst, run, work, config, outer_kinds[i], inner_kinds[k], joins, incumbents.values):
                continue
            if not settled:
                if not settle(inst, work, config, options):
                    return
                settled = True
            run.visited[PRICED] += 1
            if not price_nest(inst, work, config.f, span, offset, outer_orders[i], inner_orders[k], point):
                continue
            _accept(run, work, config.f, outer_orders[i], inner_orders[k], point, incumbents)
            if run.held < 0:
                return


def _accept(
    run: Record, work: Record, f: Ints, outer_order: Ints, inner_order: Ints, point: Floats, incumbents: Any
) -> None:
    """Enter a priced mapping among the incumbents if it improves; `run.held` tells how many there are.

    Parameters
    ----------
    f : (8,)
        Its PE tile.
    point : (2,)
        Its pJ and cycles.
    """
    records = incumbents.records
    run.held, at = enter(run.kind, point[0], point[1], incumbents.values, run.held, records)
    if at < 0:
        return
    for d in range(8):
        records[at, PE_TILE + d] = f[d]
        records[at, ON_ROWS + d] = work.sy[d]
        records[at, ON_COLS + d] = work.sx[d]
        records[at, BUFFER_TRIPS + d] = work.m[d]
        records[at, OUTER_TRIPS + d] = work.n[d]
        records[at, OUTER_ORDER + d] = outer_order[d]
        records[at, BUFFER_ORDER + d] = inner_order[d]
    records[at, CHOICE] = run.mask


def _worthwhile(
    inst: Instance, run: Record, work: Record, config: Record, outer_kind: Ints, inner_kind: Ints, joins: bool,
    values: Floats,
) -> bool:  # fmt: skip
    """Whether an order of each list may improve.

    Parameters
    ----------
    outer_kind, inner_kind : (2,)
        From `list_orders`.
    joins : bool
        Whether the run of the inner list's slide goes on in the outermost list.
    """
    words, e = work.words, inst.outer_pj
    column = FETCHED if outer_kind[SLIDE] < 0 else SLID_P + outer_kind[SLIDE] - P
    r = max(outer_kind[STAYS], 0)
    over = e[IFMAP] * words[r, column] + e[WEIGHT] * words[r, WEIGHTS] + e[PSUM] * words[r, PSUMS]
    slide = ANY if inner_kind[SLIDE] < 0 else inner_kind[SLIDE] - SLIDES
    for o in range(3):
        if inner_kind[STAYS] >= 0 and o != inner_kind[STAYS]:
            continue
        stays = outer_kind[STAYS] == o
        more = 0.0 if stays and passes_through(inst, o, work.m) else again(inst, o, work.n)
        time = config.cycles
        for t in range(inst.ports):
            p = inst.port_over[t]
            crossing = p[IFMAP] * words[r, column] + p[WEIGHT] * words[r, WEIGHTS] + p[PSUM] * words[r, PSUMS]
            busy = work.busy[o, t] + array_beside(inst, t, config.cycles)
            time = max(time, busy + inst.port_up[t, o] * inst.words[o] * more + crossing)
        time += config.beside_tile
        least = kind_energy(inst, work, config, o, slide, joins, stays) + (over + inst.static_pj * time)
        if not pruned(run.kind, run.gap, least, time, values, run.held):
            return True
    return False


def _first_loop(order: Ints, trips: Ints) -> int:
    """The innermost loop of a list that has more than one trip, -1 for none; loops over K do not interrupt a slide."""
    for i in range(8):
        if trips[order[i]] > 1 and order[i] != K:
            return int(order[i])
    return -1


def price_nest(
    inst: Instance, work: Record, f: Ints, span: Ints, offset: Ints, outer_order: Ints, inner_order: Ints,
    point: Floats,
) -> bool:  # fmt: skip
    """Exact energy (pJ) and latency (cycles) of one mapping, by the model; whether its psums come as they should."""
    dim, trips, step, place, spatial, inside = work.dim, work.trips, work.step, work.place, work.spatial, work.inside
    size = 0
    for part in range(4):
        for i in range(7, -1, -1):
            d = outer_order[i] if part == 0 else (inner_order[i] if part == 1 else 7 - i)
            count = work.n[d] if part == 0 else (work.m[d] if part == 1 else f[d])
            if part == 2:
                count = work.sy[d] * work.sx[d]
            if count > 1:
                dim[size] = d
                trips[size] = count
                place[size] = inst.place[part] if not (part == 1 and inst.place[BUFFER] < 0) else inst.place[OUTER]
                spatial[size] = 1 if part == 2 else 0
                size += 1
    for d in range(8):
        inside[d] = 1
    for i in range(size - 1, -1, -1):
        step[i] = inside[dim[i]]
        inside[dim[i]] *= trips[i]
    nodes, ports = inst.nodes, inst.ports
    nest = Nest(size, dim, trips, step, place, spatial)
    space = IterationSpace(inst.bounds, inst.window, inst.relevance)
    hierarchy = Hierarchy(inst.is_fan_out[:nodes], inst.multicast[:nodes], inst.reduces[:nodes], inst.keeps[:nodes])
    scratch = Scratch(
        work.counted, work.joined, inside, span[0], span[1], offset[0], offset[1], offset[2], offset[3]
    )  # fmt: skip
    counts = Counts(work.factors, work.ends, work.booked, work.levels, work.fans, work.finished[:nodes])
    timing = Timing(
        inst.buffering[:nodes], inst.port_node[:ports], inst.port_cost[:ports], inst.port_saved[:ports],
        inst.port_joins[:ports], inst.folds[:nodes],
    )  # fmt: skip
    # `dse.model.price.linear` has worked what psums spare into the other prices.
    rates = Rates(inst.access_pj, inst.saved_pj, inst.fan_pj, inst.mac_pj, inst.static_pj, 0.0)
    room = PriceRoom(scratch, counts, Spent(work.split, work.port_cycles))
    price_loops(nest, space, hierarchy, timing, rates, room, point)
    comes_to = inst.place[BUFFER] if inst.in_buffer[PSUM] == 1 else inst.place[OUTER]
    return inst.only_finished == 0 or only_finished(comes_to, counts)
