"""How often an outer tile may be cut: outermost and buffer trips of every tight split, listed once. Compilable."""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.mapper.flat.array.spreads import LEAST_COLS, LEAST_ROWS, PASSES
from dse.mapper.flat.instance import BUFFER, Instance
from dse.mapper.flat.outer.words import fits
from dse.mapper.shared.mapspace.factors import ceil_div, next_trips
from dse.model.counting.kernel import Ints, Record
from dse.problem.dims import G, P, Q

FIRST, END = range(2)
"""Columns of `WalkRoom.listed`: where the trips of a spread begin and end among those listed."""

MOST_TRIPS = 1 << 16
"""Room for so many trips of all spreads. When it is used up, all are forgotten."""

N_TRIPS, M_TRIPS = range(2)
"""Columns of the trips listed: of the outermost list and of the buffer's."""


def new_trips(bounds: Ints, most: int) -> Ints:
    """Nothing listed, with room for so many trips beside those that one walk needs at a time."""
    longest = 1
    for d in range(8):
        longest = max(longest, bounds[d])
    pool = np.empty((1 + most + 8 * (2 * int(np.sqrt(longest)) + 2), 2), dtype=np.int64)
    pool[0, 0] = 0
    return pool


def begin_trips(listed: Ints, pool: Ints, most: int) -> None:
    """Forget all trips where there may be no room for those of one spread of every dim."""
    if pool[0, 0] < most:
        return
    pool[0, 0] = 0
    for row in range(len(listed)):
        listed[row, FIRST] = listed[row, END] = 0


def list_trips(
    inst: Instance, run: Record, config: Record, options: Any, d: int, listed: Ints, pool: Ints
) -> None:
    """Outermost and buffer trips (n, m) of every tight split with this tile and spread, n rising.

    Tight on the sides whose larger one is smallest; other sides may rule some of them out (`settle`).

    Parameters
    ----------
    d : int
        Dim; `config` says its tile and spread.
    listed, pool
        What has been listed: (first, end) per spread, and pairs whose first row counts them.
    """
    index, perfect = config.spread_row[d], run.perfect == 1
    f, spread = config.f[d], options.spreads[index]
    used = pool[0, 0]
    first = used + 1
    passes = spread[PASSES]
    if inst.place[BUFFER] < 0:
        used += 1
        pool[used, N_TRIPS], pool[used, M_TRIPS] = 1, passes
    elif d == G:
        # A group is reuse of nothing, so its loop is outermost of all.
        used += 1
        pool[used, N_TRIPS], pool[used, M_TRIPS] = passes, 1
    else:
        n, m = next_trips(inst.bounds[d], f, spread[LEAST_ROWS], spread[LEAST_COLS], passes, 1, perfect)
        while n > 0:
            used += 1
            pool[used, N_TRIPS], pool[used, M_TRIPS] = n, m
            n, m = next_trips(inst.bounds[d], f, spread[LEAST_ROWS], spread[LEAST_COLS], passes, n + 1, perfect)
    pool[0, 0] = used
    listed[index, FIRST] = first
    listed[index, END] = used + 1


def least_trips(inst: Instance, work: Record, config: Record, d: int, first: int, end: int, pool: Ints) -> bool:
    """Set n[d] to the fewest outermost trips that fit while the other open dims are smallest; False if none do.

    Parameters
    ----------
    first, end : int
        Where the trips of the dim are listed.
    """
    low, high = first, end
    if high - low == 1:
        work.n[d] = pool[low, N_TRIPS]
        return True
    while low < high:
        middle = (low + high) // 2
        work.tile[d] = min(inst.bounds[d], config.f[d] * config.spread[d] * pool[middle, M_TRIPS])
        if fits(inst, work.tile, inst.in_buffer, inst.buffer_bits):
            high = middle
        else:
            low = middle + 1
    work.tile[d] = config.tile[d]
    if low == end:
        return False
    work.n[d] = pool[low, N_TRIPS]
    return True


def is_too_large(inst: Instance, config: Record, table: Any, p: int, q: int) -> bool:
    """Whether the buffer has no room with these trips over P and Q, whatever those over other dims.

    Parameters
    ----------
    config : an element of `dse.mapper.flat.run.CONFIGURATION`
        With no spread open.
    p, q : int
        Places of the trips in `table.p` and `table.q`; of Q, one more stands for any.
    """
    outer = config.outer
    for d in range(8):
        outer[d] = config.tile[d]
    outer[P] = min(inst.bounds[P], config.tile[P] * ceil_div(config.passes[P], table.p[p]))
    if q < len(table.q):
        outer[Q] = min(inst.bounds[Q], config.tile[Q] * ceil_div(config.passes[Q], table.q[q]))
    return not fits(inst, outer, inst.in_buffer, inst.buffer_bits)
