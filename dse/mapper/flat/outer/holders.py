"""Which outer tiles may improve, where these are few. Compilable.

See "Outer tiles that may improve" in docs/mapper/flat.md; `dse.mapper.flat.outer.held` asks what they hold.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.mapper.flat.array.spreads import leave_open
from dse.mapper.flat.inner.bounds import least_inside
from dse.mapper.flat.inner.least_time import array_beside, first_and_last
from dse.mapper.flat.instance import Instance
from dse.mapper.flat.outer.words import PSUMS, WEIGHTS, fits, least_ifmap, outer_words, repeats, tile_bits
from dse.mapper.flat.run import TOGETHER, Holders, new_configuration
from dse.mapper.shared.compilation.twins import compiled
from dse.mapper.shared.incumbent import FRONT, SLACK, pruned
from dse.mapper.shared.mapspace.factors import ceil_div, trip_values
from dse.model.counting.kernel import Floats, Ints, Record, entry
from dse.problem.dims import IFMAP, PSUM, WEIGHT, C, K, N, P, Q, R, S

MOST_LOOKS, MOST_HOLDERS = 32768, 512
"""Outer tiles that are priced, and holders, before a list ends."""

NEVER = 1 << 30
"""Rank of what does not improve."""


def holders_of(instance: Instance, run: Record, options: Any, tiles: Any, table: Any, values: Floats) -> Holders:
    """The outer tiles that may improve, see `list_holders`.

    Examples
    --------
    What has the least energy fits in some outer tiles of those that there are; nothing has a tenth less.

    >>> import dse, numpy as np
    >>> from dse.mapper.flat.outer.kept import whole_table
    >>> from dse.mapper.flat.run import new_run
    >>> from dse.mapper.flat.problems import prepare
    >>> layer = dse.Layer("conv", K=64, C=32, P=56, Q=56, R=3, S=3)
    >>> eyeriss = dse.load_architecture("eyeriss")
    >>> problem, run = prepare(eyeriss, layer, 0, "all")[1][0], new_run(0, 0.0, False)
    >>> table, run.held = whole_table(problem.instance), 1
    >>> best = dse.map_layer(eyeriss, layer, "energy").cost.energy_pj
    >>> for energy_pj in (best * 1.0001, best * 0.9):
    ...     values = np.array([[energy_pj, 1.0]])
    ...     holders = holders_of(problem.instance, run, problem.options, problem.tiles, table, values)
    ...     print(len(holders.trips), holders.below)
    4 inf
    0 inf
    """
    trips, ranks = np.zeros((MOST_HOLDERS, 8), dtype=np.int64), np.zeros(MOST_HOLDERS, dtype=np.int64)
    count, end = compiled(list_holders)(
        instance, run, new_configuration(), options, tiles, table, values, trips, ranks
    )  # fmt: skip
    order = np.lexsort((*trips[:count].T, ranks[:count]))
    trips, ranks = trips[order], ranks[order]
    times = np.concatenate(([0.0], values[: run.held, 1], [np.inf]))
    most = [trips[at : at + TOGETHER].max(axis=0) for at in range(0, count, TOGETHER)]
    return Holders(trips, times[ranks], np.array(most, dtype=np.int64).reshape(-1, 8), float(times[end]))


@entry
def list_holders(
    inst: Instance, run: Record, config: Record, options: Any, tiles: Any, table: Any, values: Floats, holders: Ints,
    ranks: Ints,
) -> tuple[int, int]:  # fmt: skip
    """Trips of the outer tiles that may improve on the incumbents, but those with no more trips than others.

    The *rank* of what improves on a front is how many of its points are no slower; else it is 0. Trips of low rank
    come first. Where there are too many trips, those of high rank are left out.

    Parameters
    ----------
    run, config : elements of `dse.mapper.flat.run.RUN` and `CONFIGURATION`
        What is looked for; scratch.
    options : Options
    tiles : PeTiles
    table : OuterTable
        Worked out.
    values : (*, 2) float
        Of the incumbents, of which there is one at least.
    holders : (`MOST_HOLDERS`, 8) int64
        Filled.
    ranks : (`MOST_HOLDERS`,) int64
        Filled: the least of any mapping that improves with no more trips than a holder has.

    Returns
    -------
    count : int
        How many holders there are.
    end : int
        The rank from which on there may be others: one more than there are incumbents, if there are no others.
    """
    _set_least(inst, config, options, tiles)
    cells, least = _list_cells(inst, run, config, table, values)
    others, trips_c = _list_others(inst), trip_values(inst.bounds[C])
    n, tile, known = np.ones(8, dtype=np.int64), np.ones(8, dtype=np.int64), np.ones(2, dtype=np.int64)
    words = np.zeros((3, 7))
    count = looks = 0
    for at in range(len(cells)):
        if looks > MOST_LOOKS:
            return count, least[at]
        _set_trips(inst, n, tile, P, table.p[cells[at, 0]])
        _set_trips(inst, n, tile, Q, table.q[cells[at, 1]])
        _set_trips(inst, n, tile, K, table.k[cells[at, 2]])
        for i in range(len(others)):
            _set_trips(inst, n, tile, N, others[i, 0])
            _set_trips(inst, n, tile, R, others[i, 1])
            _set_trips(inst, n, tile, S, others[i, 2])
            for c in range(len(trips_c) - 1, -1, -1):
                _set_trips(inst, n, tile, C, trips_c[c])
                # With fewer trips over C the tile is larger, and a holder with as many has as many still.
                full = not fits(inst, tile, inst.in_buffer, inst.buffer_bits)
                if full or _has_more(holders[:count], ranks, n, least[at]):
                    break
                outer_words(inst, n, known, words)
                rank = _trips_rank(inst, run, config, n, tile, words, values)
                looks += 1
                if rank == NEVER or _has_more(holders[:count], ranks, n, rank):
                    continue
                if count == MOST_HOLDERS:
                    return count, least[at]
                count = _enter(n, rank, holders, ranks, count)
    return count, run.held + 1


def _set_trips(inst: Instance, n: Ints, tile: Ints, d: int, trips: int) -> None:
    n[d], tile[d] = trips, ceil_div(inst.bounds[d], trips)


def _set_least(inst: Instance, config: Record, options: Any, tiles: Any) -> None:
    """Set `inside_pj` and `beside` of the configuration to the least of any PE tile."""
    for o in range(3):
        config.inside_pj[o] = np.inf
    config.beside = np.inf
    for at in range(len(tiles.choice)):
        for d in range(8):
            config.tile_row[d] = tiles.choice[at, d]
            leave_open(config, options, d)
        for o in range(3):
            config.inside_pj[o] = min(config.inside_pj[o], least_inside(inst, o, config.number))
        config.beside = min(config.beside, first_and_last(inst, config.tile, 1.0))


def _list_others(inst: Instance) -> Ints:
    """All trips over N, R and S together, many first: what is found later is then seldom more than what has been."""
    trips_n, trips_r, trips_s = trip_values(inst.bounds[N]), trip_values(inst.bounds[R]), trip_values(inst.bounds[S])
    others = np.zeros((len(trips_n) * len(trips_r) * len(trips_s), 3), dtype=np.int64)
    count = len(others)
    for i in range(len(trips_n)):
        for r in range(len(trips_r)):
            for s in range(len(trips_s)):
                count -= 1
                others[count, 0], others[count, 1], others[count, 2] = trips_n[i], trips_r[r], trips_s[s]
    return others


def _list_cells(inst: Instance, run: Record, config: Record, table: Any, values: Floats) -> tuple[Ints, Ints]:
    """Places in the table of trips over P, Q and K with which something may improve, and its least rank, which rises.

    Of the same rank, many trips come first.
    """
    ranks = np.full((len(table.p), len(table.q), len(table.k)), NEVER)
    starts = np.zeros(run.held + 2, dtype=np.int64)
    for p in range(len(table.p)):
        for q in range(len(table.q)):
            if _cell_rank(inst, run, config, table, p, q, len(table.k), values) == NEVER:
                continue
            for k in range(len(table.k)):
                rank = _cell_rank(inst, run, config, table, p, q, k, values)
                ranks[p, q, k] = rank
                if rank != NEVER:
                    starts[rank + 1] += 1
    for rank in range(run.held + 1):
        starts[rank + 1] += starts[rank]
    cells, least = np.zeros((starts[run.held + 1], 3), dtype=np.int64), np.zeros(starts[run.held + 1], dtype=np.int64)
    for p in range(len(table.p) - 1, -1, -1):
        for q in range(len(table.q) - 1, -1, -1):
            for k in range(len(table.k) - 1, -1, -1):
                rank = ranks[p, q, k]
                if rank != NEVER:
                    at = starts[rank]
                    cells[at, 0], cells[at, 1], cells[at, 2], least[at] = p, q, k, rank
                    starts[rank] += 1
    return cells, least


def _rank(run: Record, energy: float, time: float, values: Floats) -> int:
    """Rank of what has an energy and a time at least: how many points of a front are no slower; else 0."""
    if pruned(run.kind, run.gap, energy, time, values, run.held):
        return NEVER
    low, high = 0, run.held if run.kind == FRONT else 0
    while low < high:
        middle = (low + high) // 2
        if values[middle, 1] <= time * (1.0 + run.gap + SLACK):
            low = middle + 1
        else:
            high = middle
    return low


def _cell_rank(
    inst: Instance, run: Record, config: Record, table: Any, p: int, q: int, k: int, values: Floats
) -> int:
    """The least rank that the table knows of outer tiles with these trips over P, Q (and K), with any PE tile."""
    rank = NEVER
    for row in range(6):
        o = row % 3
        time = run.fastest
        for i in range(len(table.ports)):
            t = table.ports[i]
            busy = inst.port_fixed[t] + array_beside(inst, t, run.fastest) + table.least[row, 1 + i, p, q, k]
            for x in range(3):
                busy += inst.port_up[t, x] * inst.words[x]
            time = max(time, busy)
        time += config.beside
        least = config.inside_pj[o] + table.least[row, 0, p, q, k] + inst.static_pj * time
        rank = min(rank, _rank(run, least, time, values))
    return rank


def _trips_rank(
    inst: Instance, run: Record, config: Record, n: Ints, tile: Ints, words: Floats, values: Floats
) -> int:
    """The least rank of mappings with these outermost trips, whatever is inside.

    Parameters
    ----------
    tile : (8,)
        The smallest that has these trips.
    words : (3, 7)
        From `outer_words`.
    """
    rank = NEVER
    for o in range(3):
        stays = inst.in_pe[o] == 1 and tile_bits(inst, tile, o) <= inst.room[o]
        for r in range(3):
            ifmap, weights, psums = least_ifmap(words, r), words[r, WEIGHTS], words[r, PSUMS]
            energy = inst.outer_pj[IFMAP] * ifmap + inst.outer_pj[WEIGHT] * weights + inst.outer_pj[PSUM] * psums
            for x in range(3):
                energy += inst.up_pj[x] * inst.words[x] * (1.0 if x == o == r and stays else repeats(n, x))
            time = run.fastest
            for t in range(inst.ports):
                over = inst.port_over[t]
                busy = inst.port_fixed[t] + array_beside(inst, t, run.fastest)
                busy += over[IFMAP] * ifmap + over[WEIGHT] * weights + over[PSUM] * psums
                for x in range(3):
                    busy += inst.port_up[t, x] * inst.words[x] * (1.0 if x == o == r and stays else repeats(n, x))
                time = max(time, busy)
            time += config.beside
            energy += config.inside_pj[o] + inst.static_pj * time
            rank = min(rank, _rank(run, energy, time, values))
    return rank


def _has_more(holders: Ints, ranks: Ints, n: Ints, rank: int) -> bool:
    """Whether some holder has no fewer trips over any dim, and no higher rank."""
    for i in range(len(holders)):
        more = ranks[i] <= rank
        for d in range(N, S + 1):
            more = more and holders[i, d] >= n[d]
        if more:
            return True
    return False


def _enter(n: Ints, rank: int, holders: Ints, ranks: Ints, count: int) -> int:
    """Enter a holder, in place of those with no more trips over any dim and no lower rank; returns how many remain."""
    kept = 0
    for i in range(count):
        less = ranks[i] >= rank
        for d in range(N, S + 1):
            less = less and holders[i, d] <= n[d]
        if not less:
            for d in range(8):
                holders[kept, d] = holders[i, d]
            ranks[kept] = ranks[i]
            kept += 1
    for d in range(8):
        holders[kept, d] = n[d]
    ranks[kept] = rank
    return kept + 1
