"""The walk over outer tiles: what each class of them costs, for one problem or for two that differ in prices alone.

Tiles with the same trip counts cost the same, and are one class. All that costs depend on is worked out as far out in
the loops as it is decided: words and bits are products over dims, and only psums cross more often with more trips over
C. Compilable like the model.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.mapper.flat.instance import MOST_PORTS, Instance, record
from dse.mapper.flat.outer.words import is_square, least_ifmap, outer_axes, repeats, words_of_axes
from dse.mapper.shared.mapspace.factors import ceil_div, trip_values
from dse.mapper.shared.mapspace.words import tile_words
from dse.model.counting.kernel import Floats, Ints, Record
from dse.model.price import SHARED
from dse.problem.dims import IFMAP, PSUM, WEIGHT, C, K, N, P, Q, R, S

LEAST_PJ, LEAST_BUSY, HIGH_PJ = range(3)
"""Columns of a cell: least energy, least time of the busiest outermost port, and least energy of the second problem."""

GRAIN = 8
"""Numbers of trips that classes of repeats tell apart between one and twice as many."""

TRIPS, TILE, CLASS = range(3)
"""Columns of what is listed for K and C: a number of trips, the indices of a tile, the class of repeats."""

LEAST = 3
"""Row of `crossing` with the least of all others."""

OUTER_TILE = np.dtype(
    [
        ("n", np.int64, 8), ("tile", np.int64, 8),  # trips and indices per dim
        # Bits of each operand's tile for one index of K and of C, and the place of the fewest trips over C that leave
        # a tile for which the PEs have room.
        ("unit", np.int64, 3), ("stays", np.int64, 3),
        # Words: what the PEs keep of each operand; the least of the ifmap that cross, by the operand whose irrelevant
        # loops are innermost in the outermost list, with one trip over K; of weights, unless they stay.
        ("kept", np.float64, 3), ("ifmap", np.float64, 3), ("weights", np.float64),
        # What a word costs that crosses, and one that the array is delivered: in pJ, in cycles of every outermost
        # port, and in pJ of the second problem. Cycles that every port takes besides.
        ("ports", np.int64), ("quantities", np.int64), ("fixed", np.float64, MOST_PORTS),
        ("rates", np.float64, (MOST_PORTS + 2, 3)), ("up", np.float64, (MOST_PORTS + 2, 3)),
        # What crosses, by the operand whose irrelevant loops are innermost, and the least of these.
        ("crossing", np.float64, (4, MOST_PORTS + 2)),
        # Per operand: the class of the trips over the dims that it does not have, and how many classes the second of
        # the others has.
        ("classes", np.int64, 3), ("widths", np.int64, 3),
        ("alone", np.int64),  # 1 where there is no second problem
        ("whole", np.float64, 3),  # words of each operand, once
        ("axes", np.int64, (2, 3)), ("words", np.float64, (3, 7)),  # from `outer_axes` and `words_of_axes`
    ]
)  # fmt: skip
"""An outer tile on the way through all of them, and what follows from its trips. Scratch."""


_NEW = record(OUTER_TILE, {"n": [1] * 8, "tile": [1] * 8})


def new_outer_tile() -> Record:
    return _NEW.copy()


def grain(trips: float) -> int:
    """The class of a number of trips among outer points."""
    return int(GRAIN * np.log2(trips) + 1e-9)


def others(o: int) -> tuple[int, int]:
    """The operands beside o."""
    return WEIGHT if o == IFMAP else IFMAP, WEIGHT if o == PSUM else PSUM


def _begin(low: Instance, high: Instance, ports: Ints, outer: Record, alone: bool) -> None:
    """Enter what no trips decide, of a problem and, unless it is alone, of a second one with other prices."""
    last = len(ports) + 1
    outer.ports, outer.quantities, outer.alone = len(ports), last if alone else last + 1, 1 if alone else 0
    for i in range(len(ports)):
        outer.fixed[i] = low.port_fixed[ports[i]]
    for o in range(3):
        outer.whole[o] = low.words[o]
        outer.kept[o] = low.words[o] if low.in_pe[o] == 1 else 0.0
        outer.widths[o] = grain(repeats(low.bounds, others(o)[1])) + 1
        outer.rates[0, o], outer.up[0, o] = low.outer_pj[o], low.up_pj[o]
        for i in range(len(ports)):
            outer.rates[1 + i, o], outer.up[1 + i, o] = low.port_over[ports[i], o], low.port_up[ports[i], o]
        outer.rates[last, o], outer.up[last, o] = high.outer_pj[o], high.up_pj[o]


def _listed(bound: int, trips: Ints) -> Ints:
    """(trips, 3): numbers of trips, indices of a tile, and classes of repeats."""
    found = np.zeros((len(trips), 3), dtype=np.int64)
    for i in range(len(trips)):
        found[i, TRIPS], found[i, TILE], found[i, CLASS] = trips[i], ceil_div(bound, trips[i]), grain(float(trips[i]))
    return found


def walk(low: Instance, high: Instance, outer: Record, table: Any, cells: Floats, alone: bool) -> None:
    """Lower all cells to what outer tiles cost.

    Parameters
    ----------
    low, high : Instance
        They differ in prices alone; of the latter only energy counts.
    outer : an element of `OUTER_TILE`
        From `new_outer_tile`.
    table : OuterTable
    cells : (6, cells, 2 or 3) float
        Lowered. First by the operand that is delivered in every trip over a dim it does not have, then by that which
        stays in the PEs through the outermost list, too.
    alone : bool
        There is no second problem, and `table.least` is filled for every number of trips, too.
    """
    _begin(low, high, table.ports, outer, alone)
    square, b, n, tile = is_square(low), low.bounds, outer.n, outer.tile
    trips_n, trips_r, trips_s = trip_values(b[N]), trip_values(b[R]), trip_values(b[S])
    of_k, of_c = _listed(b[K], table.k), _listed(b[C], trip_values(b[C]))
    psums = np.zeros(len(of_c))
    fewest = np.full((len(trips_r), len(trips_s), len(trips_n), len(of_k), len(of_c)), np.inf)
    for p in range(len(table.p)):
        for q in range(p if square else 0, len(table.q)):
            n[P], n[Q] = table.p[p], table.q[q]
            tile[P], tile[Q] = ceil_div(b[P], n[P]), ceil_div(b[Q], n[Q])
            if alone:
                table.least[:, :, p, q, :] = np.inf
            for r in range(len(trips_r)):
                for s in range(len(trips_s)):
                    n[R], n[S] = trips_r[r], trips_s[s]
                    tile[R], tile[S] = ceil_div(b[R], n[R]), ceil_div(b[S], n[S])
                    _set_window(low, outer, of_c, psums)
                    for i in range(len(trips_n)):
                        n[N] = trips_n[i]
                        tile[N] = ceil_div(b[N], n[N])
                        outer.classes[WEIGHT] = grain(repeats(n, WEIGHT))
                        outer.weights = low.words[WEIGHT] * (n[N] * n[P] * n[Q])
                        _enter_all(
                            low, outer, of_k, of_c, psums, cells, table.least[:, :, p, q, :], fewest[r, s, i]
                        )
    if low.in_pe[WEIGHT] == 1:
        for r in range(len(trips_r)):
            for s in range(len(trips_s)):
                _set_psums(low, of_c, psums, trips_r[r] * trips_s[s])
                for i in range(len(trips_n)):
                    _enter_staying_weights(outer, of_k, of_c, psums, cells, fewest[r, s, i])


def _set_window(inst: Instance, outer: Record, of_c: Ints, psums: Floats) -> None:
    """Set what the trips over P, Q, R and S decide.

    Parameters
    ----------
    of_c : (*, 3) int64
        For C, the classes of the psums' repeats are filled.
    psums : (*,) float
        Filled: words of psums that cross, by trips over C.
    """
    n = outer.n
    n[K] = n[C] = 1
    outer_axes(inst, n, outer.axes)
    for o in range(3):
        words_of_axes(inst, n, outer.axes, o, outer.words[o])
    for o in range(3):
        outer.ifmap[o] = least_ifmap(outer.words, o)
    _set_psums(inst, of_c, psums, n[R] * n[S])


def _set_psums(inst: Instance, of_c: Ints, psums: Floats, again: int) -> None:
    """Set what the trips over R and S together decide, see `_set_window`."""
    for c in range(len(of_c)):
        of_c[c, CLASS] = grain(float(of_c[c, TRIPS] * again))
        psums[c] = inst.words[PSUM] * (of_c[c, TRIPS] * again)


def _enter_all(
    inst: Instance, outer: Record, of_k: Ints, of_c: Ints, psums: Floats, cells: Floats, least: Floats, fewest: Floats
) -> None:
    """Enter the outer tiles of all trips over K and C that may be best, with the others decided.

    Parameters
    ----------
    of_k, of_c : (*, 3) int64
    psums : (*,) float
        See `_set_window`.
    least : (6, 1 + outermost ports, K trips + 1) float
        Of `table`.
    fewest : (K trips, C trips) float
        Lowered, see `_enter_staying_weights`.
    """
    c, tile = len(of_c), outer.tile
    tile[K] = tile[C] = 1
    for o in range(3):
        outer.unit[o] = inst.bits[o] * tile_words(tile, inst.window, o)
        outer.stays[o] = c
    entered = c
    for k in range(len(of_k)):
        # The smaller the tile over K, the fewer trips over C fit, and the fewer leave room in the PEs.
        while c > 0 and _fits(inst, outer, of_k[k, TILE], of_c[c - 1, TILE]):
            c -= 1
        if c == len(of_c):
            continue
        outer.n[K], outer.n[C] = of_k[k, TRIPS], of_c[c, TRIPS]
        outer.classes[IFMAP], outer.classes[PSUM] = of_k[k, CLASS], of_c[c, CLASS]
        _cross(outer, psums[c])
        for o in range(3):
            _enter_first(outer, cells, least, o, k)
        _set_stays(inst, outer, of_k[k, TILE], of_c)
        ifmap, weights, whole, again = outer.ifmap, outer.weights, outer.whole, outer.n[K]
        first = max(c, outer.stays[IFMAP])
        if inst.in_pe[IFMAP] == 1 and first < len(of_c):
            _lower_staying(outer, least, IFMAP, k, ifmap[IFMAP], weights, psums[first])
            for i in range(first, entered):  # neither the trips over K nor their class enter into what these cost
                outer.classes[PSUM] = of_c[i, CLASS]
                _enter_staying(outer, cells, IFMAP, ifmap[IFMAP], weights, psums[i])
            entered = min(entered, first)
        first = max(c, outer.stays[WEIGHT])
        if inst.in_pe[WEIGHT] == 1 and first < len(of_c):
            _lower_staying(outer, least, WEIGHT, k, ifmap[WEIGHT] * again, whole[WEIGHT], psums[first])
            fewest[k, first] = min(fewest[k, first], ifmap[WEIGHT])
        if inst.in_pe[PSUM] == 1 and outer.stays[PSUM] == 0:
            _lower_staying(outer, least, PSUM, k, ifmap[PSUM] * again, weights, whole[PSUM])
            _enter_staying(outer, cells, PSUM, ifmap[PSUM] * again, weights, whole[PSUM])


def _enter_staying_weights(
    outer: Record, of_k: Ints, of_c: Ints, psums: Floats, cells: Floats, fewest: Floats
) -> None:
    """Enter the outer tiles with which weights stay in the PEs, with the trips over N, R and S decided.

    Those that differ in their trips over P and Q alone are in one cell, and those with the fewest words of the ifmap
    cost least.

    Parameters
    ----------
    fewest : (K trips, C trips) float
        Words of the ifmap that cross, with one trip over K: the fewest of all tiles of which these are the fewest trips
        over C that fit. The tiles fit with all further trips over C, too.
    """
    for k in range(len(of_k)):
        words, outer.classes[IFMAP] = np.inf, of_k[k, CLASS]
        for c in range(len(of_c)):
            words = min(words, fewest[k, c])
            if words < np.inf:
                outer.classes[PSUM] = of_c[c, CLASS]
                _enter_staying(outer, cells, WEIGHT, words * of_k[k, TRIPS], outer.whole[WEIGHT], psums[c])


def _fits(inst: Instance, outer: Record, tile_k: int, tile_c: int) -> bool:
    """Whether the tiles of the operands that the buffer keeps fit: `words.fits`, of products."""
    kept, room, unit = inst.in_buffer, inst.buffer_bits, outer.unit
    ifmap = unit[IFMAP] * tile_c if kept[IFMAP] == 1 else 0
    weights = unit[WEIGHT] * tile_c * tile_k if kept[WEIGHT] == 1 else 0
    psums = unit[PSUM] * tile_k if kept[PSUM] == 1 else 0
    each = ifmap <= room[IFMAP] and weights <= room[WEIGHT] and psums <= room[PSUM]
    return bool(each and ifmap + weights + psums <= room[SHARED])


def _set_stays(inst: Instance, outer: Record, tile_k: int, of_c: Ints) -> None:
    """Set the fewest trips over C for which the PEs have room, which do not rise with the trips over K."""
    unit, stays = outer.unit, outer.stays
    while stays[IFMAP] > 0 and unit[IFMAP] * of_c[stays[IFMAP] - 1, TILE] <= inst.room[IFMAP]:
        stays[IFMAP] -= 1
    while stays[WEIGHT] > 0 and unit[WEIGHT] * tile_k * of_c[stays[WEIGHT] - 1, TILE] <= inst.room[WEIGHT]:
        stays[WEIGHT] -= 1
    if unit[PSUM] * tile_k <= inst.room[PSUM]:
        stays[PSUM] = 0


def _cross(outer: Record, psums: float) -> None:
    """Set what crosses: by the operand that is not fetched again for loops over dims that it lacks."""
    rates, crossing, ifmap, again, whole = outer.rates, outer.crossing, outer.ifmap, outer.n[K], outer.whole
    for i in range(outer.quantities):
        of_ifmap, of_weights, of_psums = rates[i, IFMAP], rates[i, WEIGHT], rates[i, PSUM]
        first = of_ifmap * ifmap[IFMAP] + of_weights * outer.weights + of_psums * psums
        second = of_ifmap * (ifmap[WEIGHT] * again) + of_weights * whole[WEIGHT] + of_psums * psums
        third = of_ifmap * (ifmap[PSUM] * again) + of_weights * outer.weights + of_psums * whole[PSUM]
        crossing[IFMAP, i], crossing[WEIGHT, i], crossing[PSUM, i] = first, second, third
        crossing[LEAST, i] = min(min(first, second), third)


def _cell_of(outer: Record, o: int) -> int:
    """The cell of an outer tile among those of operand o: the classes of the others' repeats."""
    a, b = others(o)
    return int(outer.classes[a] * outer.widths[o] + outer.classes[b])


def _enter_first(outer: Record, cells: Floats, least: Floats, o: int, k: int) -> None:
    """Enter an outer tile with operand o delivered in every trip: of the kinds of order, the best for each counts."""
    crossing, up, cell = outer.crossing, outer.up, _cell_of(outer, o)
    again = outer.kept[o] * (repeats(outer.n, o) - 1.0)
    words = outer.kept[o] + again
    energy = crossing[LEAST, 0] + up[0, o] * words
    cells[o, cell, LEAST_PJ] = min(cells[o, cell, LEAST_PJ], energy)
    busy = np.inf
    for r in range(LEAST if outer.ports == 1 else 0, LEAST + 1 if outer.ports == 1 else LEAST):
        busiest = -np.inf  # psums that start empty spare more than crosses, now and then
        for i in range(outer.ports):
            busiest = max(busiest, outer.fixed[i] + (crossing[r, 1 + i] + up[1 + i, o] * words))
        busy = min(busy, busiest)
    cells[o, cell, LEAST_BUSY] = min(cells[o, cell, LEAST_BUSY], busy)
    if outer.alone == 0:
        last = outer.ports + 1
        cells[o, cell, HIGH_PJ] = min(cells[o, cell, HIGH_PJ], crossing[LEAST, last] + up[last, o] * words)
        return
    least[o, 0, k] = min(least[o, 0, k], energy)
    for i in range(outer.ports):
        least[o, 1 + i, k] = min(least[o, 1 + i, k], crossing[LEAST, 1 + i] + up[1 + i, o] * again)


def _enter_staying(outer: Record, cells: Floats, o: int, ifmap: float, weights: float, psums: float) -> None:
    """Enter an outer tile with which operand o stays in the PEs, and with which so many words of each operand cross."""
    rates, up, words, last = outer.rates, outer.up, outer.kept[o], outer.ports + 1
    cell = cells[3 + o, _cell_of(outer, o)]
    energy = rates[0, IFMAP] * ifmap + rates[0, WEIGHT] * weights + rates[0, PSUM] * psums + up[0, o] * words
    cell[LEAST_PJ] = min(cell[LEAST_PJ], energy)
    busiest = -np.inf
    for i in range(outer.ports):
        over = rates[1 + i, IFMAP] * ifmap + rates[1 + i, WEIGHT] * weights + rates[1 + i, PSUM] * psums
        busiest = max(busiest, outer.fixed[i] + (over + up[1 + i, o] * words))
    cell[LEAST_BUSY] = min(cell[LEAST_BUSY], busiest)
    if outer.alone == 0:
        dear = rates[last, IFMAP] * ifmap + rates[last, WEIGHT] * weights + rates[last, PSUM] * psums
        cell[HIGH_PJ] = min(cell[HIGH_PJ], dear + up[last, o] * words)


def _lower_staying(
    outer: Record, least: Floats, o: int, k: int, ifmap: float, weights: float, psums: float
) -> None:
    """Lower the least of `table` to what a tile costs, as `_enter_staying` has it.

    Those with the fewest trips over C that fit are enough: more go with more passes where the operand has C, and cost
    no less.
    """
    if outer.alone == 0:
        return
    rates = outer.rates
    for i in range(outer.ports + 1):
        over = rates[i, IFMAP] * ifmap + rates[i, WEIGHT] * weights + rates[i, PSUM] * psums
        least[3 + o, i, k] = min(least[3 + o, i, k], over + outer.up[0, o] * outer.kept[o] if i == 0 else over)
