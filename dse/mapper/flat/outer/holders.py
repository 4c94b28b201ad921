"""Which outer tiles may improve, when these are few: an array's tile that none of them holds is left out. Compilable.

See "Outer tiles that may improve" in docs/mapper/flat.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.mapper.flat.inner.bounds import least_inside
from dse.mapper.flat.inner.least_time import array_beside, first_and_last
from dse.mapper.flat.instance import Instance
from dse.mapper.flat.outer.words import PSUMS, WEIGHTS, fits, least_ifmap, outer_words, repeats, tile_bits
from dse.mapper.flat.run import new_configuration
from dse.mapper.flat.spreads import leave_open
from dse.mapper.shared.compilation.twins import compiled
from dse.mapper.shared.factors import ceil_div, trip_values
from dse.mapper.shared.incumbent import pruned
from dse.model.counting.kernel import Floats, Ints, Record, entry
from dse.problem.dims import IFMAP, PSUM, WEIGHT, C, G, K, N, P, Q, R, S

TOO_MANY = -1
"""In place of how many holders there are, where too many outer tiles may improve."""

MOST_LOOKS, MOST_HOLDERS = 4096, 256
"""Trips over all dims but C that are looked at, and holders, before they are taken to be too many to be of use."""


def holders_of(instance: Instance, run: Record, options: Any, tiles: Any, table: Any, values: Floats) -> Ints | None:
    """Trips of the outer tiles that may improve, see `list_holders`; None where they are too many to be of use.

    Examples
    --------
    What has the least energy fits in some outer tiles of those that there are; nothing has a tenth less.

    >>> import dse, numpy as np
    >>> from dse.mapper.flat.outer.kept import whole_table
    >>> from dse.mapper.flat.run import new_run
    >>> from dse.mapper.flat.solve import prepare
    >>> layer = dse.Layer("conv", K=64, C=32, P=56, Q=56, R=3, S=3)
    >>> eyeriss = dse.load_architecture("eyeriss")
    >>> problem, run = prepare(eyeriss, layer, 0, "all")[1][0], new_run(0, 0.0, False)
    >>> table, run.held = whole_table(problem.instance), 1
    >>> best = dse.map_layer(eyeriss, layer, "energy").cost.energy_pj
    >>> for energy_pj in (best * 1.0001, best * 0.9):
    ...     values = np.array([[energy_pj, 1.0]])
    ...     print(len(holders_of(problem.instance, run, problem.options, problem.tiles, table, values)))
    4
    0
    """
    found = np.zeros((MOST_HOLDERS, 8), dtype=np.int64)
    count = compiled(list_holders)(instance, run, new_configuration(), options, tiles, table, values, found)
    return None if count == TOO_MANY else found[:count].copy()


@entry
def list_holders(
    inst: Instance, run: Record, config: Record, options: Any, tiles: Any, table: Any, values: Floats, holders: Ints
) -> int:
    """Trips of the outer tiles that may improve on the incumbents, but those with no more trips than others.

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

    Returns
    -------
    int
        How many there are, `TOO_MANY` where they would be of no use.
    """
    _set_least(inst, config, options, tiles)
    n, tile, known = np.ones(8, dtype=np.int64), np.ones(8, dtype=np.int64), np.ones(2, dtype=np.int64)
    words = np.zeros((3, 7))
    trips_n, trips_r, trips_s = trip_values(inst.bounds[N]), trip_values(inst.bounds[R]), trip_values(inst.bounds[S])
    trips_c = trip_values(inst.bounds[C])
    count = looks = 0
    # Many trips first: what is found later is then seldom more than what has been.
    for p in range(len(table.p) - 1, -1, -1):
        _set_trips(inst, n, tile, P, table.p[p])
        for q in range(len(table.q) - 1, -1, -1):
            _set_trips(inst, n, tile, Q, table.q[q])
            if _cell_pruned(inst, run, config, table, p, q, len(table.k), values):
                continue
            for k in range(len(table.k) - 1, -1, -1):
                _set_trips(inst, n, tile, K, table.k[k])
                if _cell_pruned(inst, run, config, table, p, q, k, values):
                    continue
                looks += len(trips_r) * len(trips_s) * len(trips_n)
                if looks > MOST_LOOKS:
                    return TOO_MANY
                for r in range(len(trips_r) - 1, -1, -1):
                    _set_trips(inst, n, tile, R, trips_r[r])
                    for s in range(len(trips_s) - 1, -1, -1):
                        _set_trips(inst, n, tile, S, trips_s[s])
                        for i in range(len(trips_n) - 1, -1, -1):
                            _set_trips(inst, n, tile, N, trips_n[i])
                            if not _most_over_c(
                                inst, run, config, n, tile, known, words, trips_c, holders[:count], values
                            ):
                                continue
                            count = _enter(n, holders, count)
                            if count == MOST_HOLDERS:
                                return TOO_MANY
    return count


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


def _cell_pruned(
    inst: Instance, run: Record, config: Record, table: Any, p: int, q: int, k: int, values: Floats
) -> bool:
    """Whether the table says that no outer tile with these trips over P, Q (and K) improves with any PE tile."""
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
        if not pruned(run.kind, run.gap, least, time, values, run.held):
            return False
    return True


def _most_over_c(
    inst: Instance, run: Record, config: Record, n: Ints, tile: Ints, known: Ints, words: Floats,
    trips_c: Ints, holders: Ints, values: Floats,
) -> bool:  # fmt: skip
    """Set the most trips over C with which an outer tile may improve; False if there are none, or a holder has more."""
    for c in range(len(trips_c) - 1, -1, -1):
        _set_trips(inst, n, tile, C, trips_c[c])
        # With fewer trips over C the tile is larger, and a holder with as many has as many still.
        if not fits(inst, tile, inst.in_buffer, inst.buffer_bits) or _has_more(holders, n):
            return False
        outer_words(inst, n, known, words)
        if not _trips_pruned(inst, run, config, n, tile, words, values):
            return True
    return False


def _has_more(holders: Ints, n: Ints) -> bool:
    """Whether some holder has no fewer trips over any dim."""
    for i in range(len(holders)):
        more = True
        for d in range(N, S + 1):
            more = more and holders[i, d] >= n[d]
        if more:
            return True
    return False


def _enter(n: Ints, holders: Ints, count: int) -> int:
    """Enter a holder, in place of those that have no more trips over any dim; returns how many there are."""
    kept = 0
    for i in range(count):
        less = True
        for d in range(N, S + 1):
            less = less and holders[i, d] <= n[d]
        if not less:
            for d in range(8):
                holders[kept, d] = holders[i, d]
            kept += 1
    for d in range(8):
        holders[kept, d] = n[d]
    return kept + 1


def _trips_pruned(
    inst: Instance, run: Record, config: Record, n: Ints, tile: Ints, words: Floats, values: Floats
) -> bool:
    """Whether no mapping with these outermost trips improves, whatever is inside.

    Parameters
    ----------
    tile : (8,)
        The smallest that has these trips.
    words : (3, 7)
        From `outer_words`.
    """
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
            if not pruned(run.kind, run.gap, energy, time, values, run.held):
                return False
    return True


def is_held(inst: Instance, config: Record, holders: Ints) -> bool:
    """Whether an outer tile that may improve has room for what all PEs hold at a time; as ever without holders.

    Parameters
    ----------
    config : an element of `dse.mapper.flat.run.CONFIGURATION`
        Dims with open spreads have one PE's tile. Its `holder`, the one that was found last, is asked first.
    holders : (*, 8) int64
        From `list_holders`.
    """
    last = config.holder
    if len(holders) == 0 or (last < len(holders) and _holds(inst, config, holders, last)):
        return True
    for i in range(len(holders)):
        if _holds(inst, config, holders, i):
            config.holder = i
            return True
    return False


def _holds(inst: Instance, config: Record, holders: Ints, at: int) -> bool:
    """Whether the smallest outer tile of whole tiles of the array that has a holder's trips fits the buffer."""
    outer, tile = config.outer, config.tile
    outer[G] = tile[G]
    for d in range(N, S + 1):
        count, n = config.spread_out[d], holders[at, d]
        if n == 1:
            outer[d] = inst.bounds[d]
        elif n >= count:
            outer[d] = tile[d]
        else:  # divisions take longer than all else here
            outer[d] = min(inst.bounds[d], tile[d] * ceil_div(count, n))
    return fits(inst, outer, inst.in_buffer, inst.buffer_bits)
