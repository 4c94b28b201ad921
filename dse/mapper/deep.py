"""The general search: any number of levels and fan-outs, outermost first, one level after another. Compilable.

The split of a level (trips, rows, columns and the tile left, per dim) and the order of its list settle the crossings
into the next level exactly, whatever lies inside; what is still open costs at least `boundary_floor` at each level.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.mapper.deep_bound import boundary_bound, fits, widest
from dse.mapper.deep_nest import COLS, ORDER, ROWS, TRIPS, price_decided, price_whole, workspace
from dse.mapper.deep_options import list_options
from dse.mapper.factors import ceil_div
from dse.mapper.incumbent import enter, pruned
from dse.mapper.orders import list_orders

Ints = Any
Deep = Any

PRICE = 16
"""Partial splits that take as long as pricing one order."""

ROW = 48
"""Numbers of a candidate: trips, rows, columns, tile left, product and order, per dim."""


def search_deep(
    dp: Deep, rest: Any, fastest: float, kind: int, gap: float, mask: int, values: Any, records: Ints, held: int,
    visited: Ints, limit: int,
) -> int:  # fmt: skip
    """Walk the levels' splits, best bound first within each level, keeping the best mappings found.

    Parameters
    ----------
    rest : (k + 1,) float
        Least energy of all crossings to children below the lists of level i and inside.
    fastest : float
        The fewest compute steps.
    kind, gap, mask, values, held
        As in `dse.mapper.search`.
    records : (*, 32 * k + 1)
        One row per incumbent: per level trips, rows, columns and order (outermost last); then the bypass choice.
    visited : (5,)
        Counts up: splits opened, partial splits and 16 for each order priced, candidates, mappings priced; the last is
        set to 1 when the walk stopped at the limit.
    limit : int
        Partial splits at which the walk stops unfinished, 0 for no limit.

    Returns
    -------
    int
        How many incumbents there are, -1 when there is no room for all.
    """
    levels = len(dp.nodes)
    work = workspace(dp)
    split = np.ones((levels, 4, 8), dtype=np.int64)
    tile = np.ones((levels + 1, 8), dtype=np.int64)
    product = np.ones(8, dtype=np.int64)
    rows = np.zeros((1024, ROW), dtype=np.int32)
    bounds = np.zeros((1024, 5))
    first = np.zeros(levels + 1, dtype=np.int64)
    nothing = np.zeros(3)
    nothing[2] = dp.words[2]
    held, used, rows, bounds = _expand(
        dp, 0, split, tile, product, nothing, rest, fastest, kind, gap, mask, values, records, held, visited,
        work, rows, bounds, 0, limit,
    )  # fmt: skip
    level = 0
    place = np.zeros(levels + 1, dtype=np.int64)
    sequence = [np.zeros(0, dtype=np.int64) for _ in range(levels + 1)]
    sequence[0] = _ranked(bounds, 0, used, kind)
    end = np.zeros(levels + 1, dtype=np.int64)
    end[0] = used
    while level >= 0 and held >= 0 and visited[4] == 0:
        if place[level] == len(sequence[level]):
            level -= 1
            continue
        at = first[level] + sequence[level][place[level]]
        place[level] += 1
        if pruned(kind, gap, bounds[at, 0], bounds[at, 1], values, held):
            if kind == 0 or kind == 2:
                place[level] = len(sequence[level])
            continue
        visited[0] += 1
        for d in range(8):
            split[level, TRIPS, d] = rows[at, d]
            split[level, ROWS, d] = rows[at, 8 + d]
            split[level, COLS, d] = rows[at, 16 + d]
            tile[level + 1, d], split[level, ORDER, d] = rows[at, 24 + d], rows[at, 40 + d]
            if level == 0:
                product[d] = rows[at, 32 + d]
        before = bounds[at, 2:5].copy()
        held, used, rows, bounds = _expand(
            dp, level + 1, split, tile, product, before, rest, fastest, kind, gap, mask, values, records, held,
            visited, work, rows, bounds, end[level], limit,
        )  # fmt: skip
        if held >= 0 and level + 1 < levels - 1:
            first[level + 1] = end[level]
            end[level + 1] = used
            sequence[level + 1] = _ranked(bounds, end[level], used, kind)
            level += 1
            place[level] = 0
    return held


def _ranked(bounds: Any, first: int, end: int, kind: int) -> Ints:
    """Candidates, best bound first."""
    part = bounds[first:end]
    if kind == 0:
        return np.argsort(part[:, 0])
    if kind == 1:
        return np.argsort(part[:, 1] + part[:, 0] * (1e-9 / max(1.0, _largest(part))))
    return np.argsort(part[:, 0] * part[:, 1])


def _largest(part: Any) -> float:
    """The largest energy of some candidates, to break ties of time by energy."""
    largest = 0.0
    for i in range(len(part)):
        largest = max(largest, part[i, 0])
    return largest


def _expand(
    dp: Deep, level: int, split: Ints, tile: Ints, product: Ints, before: Any, rest: Any, fastest: float, kind: int,
    gap: float, mask: int, values: Any, records: Ints, held: int, visited: Ints, work: Any, rows: Ints, bounds: Any,
    used: int, limit: int,
) -> Any:  # fmt: skip
    """List the splits of a level that may improve, as candidates from row `used` on; price them at the last level."""
    start, options = list_options(dp, level, tile[level], product)
    for d in range(8):
        if start[d] == start[d + 1]:
            return held, used, rows, bounds
    last = len(dp.nodes) - 1
    sequence = np.argsort(start[1:] - start[:8])
    chosen = np.zeros(8, dtype=np.int64)
    inner = np.ones(8, dtype=np.int64)
    spread = np.ones(8, dtype=np.int64)
    decided = np.zeros(8, dtype=np.int64)
    outside = np.ones(8, dtype=np.int64)
    for d in range(8):
        inner[d] = dp.bounds[d] if level < last and dp.whole[level + 1, d] == 1 else 1
        for i in range(level):
            outside[d] *= split[i, ROWS, d] * split[i, COLS, d]
    least_inner = inner.copy()
    rows_left = np.ones(9, dtype=np.int64)
    cols_left = np.ones(9, dtype=np.int64)
    rows_left[0], cols_left[0] = dp.sides[level, 0], dp.sides[level, 1]
    children = 1.0
    deeper = np.ones(8, dtype=np.int64)
    for i in range(level + 1, last + 1):
        children *= dp.sides[i, 0] * dp.sides[i, 1]
        for d in range(8):
            deeper[d] *= widest(dp, i, d)
    depth = 0
    chosen[sequence[0]] = start[sequence[0]] - 1
    while depth >= 0:
        d = sequence[depth]
        chosen[d] += 1
        if chosen[d] == start[d + 1]:
            decided[d], inner[d], spread[d] = 0, least_inner[d], 1
            depth -= 1
            continue
        row = options[chosen[d]]
        if row[1] > rows_left[depth] or row[2] > cols_left[depth]:
            continue
        visited[1] += 1
        if limit > 0 and visited[1] >= limit:
            visited[4] = 1
            break
        inner[d] = min(dp.bounds[d], row[3])
        if level < last and not fits(dp, level + 1, inner):
            inner[d] = least_inner[d]
            continue
        rows_left[depth + 1] = rows_left[depth] // row[1]
        cols_left[depth + 1] = cols_left[depth] // row[2]
        spread[d] = row[1] * row[2]
        decided[d] = 1
        if start[d + 1] - start[d] > 1 or depth == 7:
            crossing = max(boundary_bound(dp, level, inner, spread, decided), rest[level] - rest[level + 1])
            least = before[0] + crossing + rest[level + 1] + dp.mac_pj
            least -= _saved(dp, level, before[2])
            steps = 1.0
            for x in range(8):
                steps *= ceil_div(dp.bounds[x], outside[x] * spread[x])
            steps /= children * rows_left[depth + 1] * cols_left[depth + 1]
            if depth == 7:
                steps *= rows_left[8] * cols_left[8]
            # No dim unrolls further inside than the tile that is left of it.
            alone = 1.0
            for x in range(8):
                most = deeper[x]
                if decided[x] == 1:
                    most = min(most, options[chosen[x], 3])
                else:
                    most *= widest(dp, level, x)
                alone *= ceil_div(dp.bounds[x], outside[x] * spread[x] * most)
            steps = max(steps, alone)
            time = max(before[1], max(fastest, steps))
            if pruned(kind, gap, least + dp.static_pj * time, time, values, held):
                continue
        if depth < 7:
            depth += 1
            chosen[sequence[depth]] = start[sequence[depth]] - 1
            continue
        for x in range(8):
            row = options[chosen[x]]
            split[level, TRIPS, x], split[level, ROWS, x], split[level, COLS, x] = row[0], row[1], row[2]
            tile[level + 1, x] = row[3]
            if level == 0:
                product[x] = row[4]
        held, used, rows, bounds = _order(
            dp, level, split, tile, product, steps, rest, fastest, kind, gap, mask, values, records, held, visited,
            work, rows, bounds, used,
        )  # fmt: skip
        if held < 0:
            break
    return held, used, rows, bounds


def _saved(dp: Deep, level: int, empty: float) -> float:
    """What psum visits that start empty save at the first open crossing, below the list of a level or inside."""
    for i in range(level, len(dp.nodes)):
        if dp.kept[i + 1, 2] == 1:
            return float(dp.start_pj[i] * empty)
    return 0.0


def _order(
    dp: Deep, level: int, split: Ints, tile: Ints, product: Ints, steps: float, rest: Any, fastest: float, kind: int,
    gap: float, mask: int, values: Any, records: Ints, held: int, visited: Ints, work: Any, rows: Ints, bounds: Any,
    used: int,
) -> Any:  # fmt: skip
    """Price the orders of a level's list as far as they are settled, and keep those that may improve."""
    orders = np.zeros((24, 8), dtype=np.int64)
    kinds = np.zeros((24, 2), dtype=np.int64)
    stationary = dp.stationary if level == dp.near else -1
    innermost = dp.innermost if level == dp.near else -1
    count = list_orders(split[level, TRIPS], stationary, innermost, orders, kinds)
    levels = len(dp.nodes)
    point = np.zeros(3)
    if level == levels - 1:
        if count == 0:
            return held, used, rows, bounds
        # Inside the innermost list stand the MACs, which receive everything at every step.
        for d in range(8):
            split[level, ORDER, d] = orders[0, d]
        visited[3] += 1
        price_whole(dp, split, tile[level + 1], work, point)
        held, at = enter(kind, point[0], point[1], values, held, records)
        if at >= 0:
            for i in range(levels):
                for part in range(4):
                    for d in range(8):
                        records[at, 32 * i + 8 * part + d] = split[i, part, d]
            records[at, 32 * levels] = mask
        return held, used, rows, bounds
    for i in range(count):
        for d in range(8):
            split[level, ORDER, d] = orders[i, d]
        visited[1] += PRICE
        price_decided(dp, split, level, tile[level + 1], work, point)
        time = max(point[1], max(fastest, steps))
        least = point[0] + dp.mac_pj + rest[level + 1] - _saved(dp, level + 1, point[2]) + dp.static_pj * time
        if pruned(kind, gap, least, time, values, held):
            continue
        visited[2] += 1
        if used == len(rows):
            wider = np.zeros((2 * used, ROW), dtype=np.int32)
            wider[:used] = rows
            rows = wider
            longer = np.zeros((2 * used, 5))
            longer[:used] = bounds
            bounds = longer
        for d in range(8):
            rows[used, d] = split[level, TRIPS, d]
            rows[used, 8 + d] = split[level, ROWS, d]
            rows[used, 16 + d] = split[level, COLS, d]
            rows[used, 24 + d], rows[used, 32 + d], rows[used, 40 + d] = tile[level + 1, d], product[d], orders[i, d]
        bounds[used, 0] = least
        bounds[used, 1] = time
        for k in range(3):
            bounds[used, 2 + k] = point[k]
        used += 1
    return held, used, rows, bounds
