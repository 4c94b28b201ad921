"""The least outer cost by the trips over P, Q and K: what a walk over outer tiles asks at every step. Compilable.

The outer cost of a tile depends on its trip counts alone, and so does, with the smallest tiles that have them, whether
it fits. So what the dims still open cost at least, once P and Q (and K) are decided, is worked out once per problem and
not once per array configuration.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np

from dse.mapper.flat.instance import Instance
from dse.mapper.flat.outer.words import PSUMS, WEIGHTS, fits, least_ifmap, outer_axes, repeats, tile_bits, words_of_axes
from dse.mapper.shared.factors import ceil_div, trip_values
from dse.mapper.shared.orders import group_dims
from dse.mapper.shared.words import DILATION_H, DILATION_W, STRIDE_H, STRIDE_W
from dse.model.counting.kernel import Floats, Ints, entry
from dse.problem.dims import IFMAP, PSUM, WEIGHT, C, K, N, P, Q, R, S

CROSSING_PJ, PASSES_FIRST, PASSES_SECOND, BUSY, MOST_FIRST, MOST_SECOND = range(6)
"""Columns of `OuterTable.points`."""

OF_P, OF_Q, OF_K = range(3)
"""Rows of `OuterTable.index`."""


class OuterTable(NamedTuple):
    """Least energy and port time of the outer crossing with the stationary operand's delivery, see `outer_floor`.

    Parameters
    ----------
    floor : (3, 2) float
        From `dse.mapper.flat.outer.words.outer_floor`.
    least : (6, 1 + outermost ports, P trips + 1, Q trips + 1, K trips + 1) float
        By operand that may be stationary at the array: first delivered in every trip over a dim it does not have, then
        staying through the outermost list too. Energy of the crossing with the operand's delivery, pJ, -1 where not
        worked out yet; and for every outermost port, cycles of the crossing and of deliveries after the first. The last
        entries over P, Q and K are the least of all others.
    ports : (outermost ports,) int64
    index : (3, longest bound + 1) int64
        Of P, Q and K: place of a trip count in `least`.
    p, q, k : (*,) int64
        The trip counts.
    points : (3, *, 6) float
        Per operand o that may be stationary at the array, outer tiles that no other beats: energy of the crossing with
        o's delivery, pJ, rising; at least so many passes over the dims that the first and that the second of the other
        operands does not have, as the outermost list has so many trips; at least so many cycles of the busiest
        outermost port, without what it delivers of the other operands; at most so many passes of both kinds: inf but
        where o stays through the outermost list, whose trips are then all the passes over o's dims. Until the table is
        worked out, one tile that is below all.
    count : (3,) int64
        How many.
    worth : int
        Unrollings and outer tiles that a search may visit before working out the table pays: most searches end before.
    """

    floor: Floats
    least: Floats
    ports: Ints
    index: Ints  # type: ignore[assignment]  # in place of a tuple's method
    p: Ints
    q: Ints
    k: Ints
    points: Floats
    count: Ints  # type: ignore[assignment]
    worth: int


class OuterTile(NamedTuple):
    """An outer tile on the way through all of them, and what follows from its trips.

    Parameters
    ----------
    n, tile : (8,) int64
        Trips and indices per dim.
    trips_c : (*,) int64
        Numbers of trips that C may have.
    axes : (2, 3) int64
        From `outer_axes`.
    words : (3, 7) float
        From `outer_words`.
    crossing : (3, 1 + outermost ports) float
        By the operand whose irrelevant loops are innermost in the outermost list: energy of the crossing, pJ, and the
        cycles of every outermost port for it.
    classes : (3,) int64
        Per operand: the class of the trips over the dims that it does not have, see `grain`.
    widths : (3,) int64
        Per operand: classes of the second of the others.
    classes_k, classes_c : (*,) int64
        The same for all trips over K, which the ifmap does not have, and over C, R, S, which psums do not have.
    """

    n: Ints
    tile: Ints
    trips_c: Ints
    axes: Ints
    words: Floats
    crossing: Floats
    classes: Ints
    widths: Ints
    classes_k: Ints
    classes_c: Ints


LEAST_PJ, LEAST_BUSY = range(2)
"""Columns of a cell: energy and time, see `OuterTable.points`."""

GRAIN = 8
"""Numbers of trips that `points` tell apart between one and twice as many."""


def empty_table(bounds: Ints, port_outer: Ints, floor: Floats) -> OuterTable:
    """A table of a problem's size with nothing worked out; the floor is `dse.mapper.flat.outer.words.outer_floor`'s."""
    values = [trip_values(int(bounds[d])) for d in (P, Q, K)]
    index = np.full((3, int(max(bounds[d] for d in (P, Q, K))) + 1), -1, dtype=np.int64)
    for row, trips in enumerate(values):
        index[row, trips] = np.arange(len(trips))
    p, q, k = values
    ports = np.flatnonzero(port_outer).astype(np.int64)
    least = np.full((6, 1 + len(ports), len(p) + 1, len(q) + 1, len(k) + 1), -1.0)
    entries = prod(len(trip_values(int(bound))) for bound in bounds[[N, K, P, Q, R, S]])
    sizes = [grain(prod(int(bounds[d]) for d in group_dims(o) if d >= 0)) + 1 for o in range(3)]
    cells = max(sizes[0] * sizes[1], sizes[0] * sizes[2], sizes[1] * sizes[2])
    points = np.empty((3, 2 * cells, 6))
    points[:, 0] = 0.0, 1.0, 1.0, -np.inf, np.inf, np.inf
    points[:, 0, CROSSING_PJ] = floor[:, 0]
    return OuterTable(floor, least, ports, index, p, q, k, points, np.ones(3, dtype=np.int64), max(4096, entries // 4))


def grain(trips: float) -> int:
    """The class of a number of trips among `points`."""
    return int(GRAIN * np.log2(trips) + 1e-9)


def worked_out(table: OuterTable) -> bool:
    return bool(table.least[0, 0, len(table.p), len(table.q), len(table.k)] >= 0.0)


@entry
def work_out(inst: Instance, table: OuterTable) -> None:
    """Fill the table."""
    last_p, last_q, last_k = len(table.p), len(table.q), len(table.k)
    cells = np.full((6, table.points.shape[1] // 2, 2), np.inf)
    outer = first_outer(inst, table)
    square = is_square(inst)
    for p in range(last_p):
        for q in range(p if square else 0, last_q):
            _fill(inst, table, cells, p, q, outer)
            if square and q > p:
                _mirror(table, p, q)
    for o in range(3):
        pick(inst, table, cells, o)
    for o in range(6):
        for what in range(1 + len(table.ports)):
            for k in range(last_k + 1):
                table.least[o, what, last_p, :, k] = np.inf
                for p in range(last_p):
                    table.least[o, what, p, last_q, k] = np.inf
                    for q in range(last_q):
                        table.least[o, what, p, last_q, k] = min(
                            table.least[o, what, p, last_q, k], table.least[o, what, p, q, k]
                        )
                    table.least[o, what, last_p, last_q, k] = min(
                        table.least[o, what, last_p, last_q, k], table.least[o, what, p, last_q, k]
                    )


def _mirror(table: OuterTable, p: int, q: int) -> None:
    """Enter what some trips over P and Q have for those over Q and P."""
    for o in range(table.least.shape[0]):
        for what in range(table.least.shape[1]):
            for k in range(table.least.shape[4]):
                table.least[o, what, q, p, k] = table.least[o, what, p, q, k]


def is_square(inst: Instance) -> bool:
    """Whether height and width are alike: trips over them may then be exchanged, and cost the same."""
    b, w = inst.bounds, inst.window
    bounds = b[P] == b[Q] and b[R] == b[S] and inst.touched[0] == inst.touched[1]
    return bool(bounds and w[STRIDE_H] == w[STRIDE_W] and w[DILATION_H] == w[DILATION_W])


def first_outer(inst: Instance, table: OuterTable) -> OuterTile:
    n, tile, classes = np.ones(8, dtype=np.int64), np.ones(8, dtype=np.int64), np.zeros(3, dtype=np.int64)
    trips_c = trip_values(inst.bounds[C])
    axes = np.zeros((2, 3), dtype=np.int64)
    words, crossing = np.zeros((3, 7)), np.zeros((3, 1 + len(table.ports)))
    classes_k, classes_c = np.zeros(len(table.k), dtype=np.int64), np.zeros(len(trips_c), dtype=np.int64)
    for k in range(len(table.k)):
        classes_k[k] = grain(float(table.k[k]))
    widths = np.zeros(3, dtype=np.int64)
    for o in range(3):
        widths[o] = grain(repeats(inst.bounds, others(o)[1])) + 1
    return OuterTile(n, tile, trips_c, axes, words, crossing, classes, widths, classes_k, classes_c)


def _fill(inst: Instance, table: OuterTable, cells: Floats, p: int, q: int, outer: OuterTile) -> None:
    """Fill the entries of some trips over P and Q."""
    b, n, tile, trips_c = inst.bounds, outer.n, outer.tile, outer.trips_c
    n[P], n[Q] = table.p[p], table.q[q]
    tile[P], tile[Q] = ceil_div(b[P], n[P]), ceil_div(b[Q], n[Q])
    last = len(table.k)
    table.least[:, :, p, q, :] = np.inf
    for n_r in trip_values(b[R]):
        n[R] = n_r
        tile[R] = ceil_div(b[R], n_r)
        for n_s in trip_values(b[S]):
            n[S] = n_s
            tile[S] = ceil_div(b[S], n_s)
            outer_axes(inst, n, outer.axes)
            for c in range(len(trips_c)):
                outer.classes_c[c] = grain(float(trips_c[c]) * n_r * n_s)
            for n_n in trip_values(b[N]):
                n[N] = n_n
                tile[N] = ceil_div(b[N], n_n)
                outer.classes[WEIGHT] = grain(repeats(n, WEIGHT))
                c = len(trips_c)
                for k in range(last):
                    n[K] = table.k[k]
                    tile[K] = ceil_div(b[K], n[K])
                    # The smaller the tile over K, the fewer trips over C fit.
                    while c > 0:
                        tile[C] = ceil_div(b[C], trips_c[c - 1])
                        if not fits(inst, tile, inst.in_buffer, inst.buffer_bits):
                            break
                        c -= 1
                    if c < len(trips_c):
                        _lower(inst, table, cells, table.least[:, :, p, q, k], k, outer, c)
    for o in range(6):
        for what in range(1 + len(table.ports)):
            for k in range(last):
                table.least[o, what, p, q, last] = min(table.least[o, what, p, q, last], table.least[o, what, p, q, k])


def _lower(
    inst: Instance, table: OuterTable, cells: Floats, least: Floats, k: int, outer: OuterTile, first: int
) -> None:
    """Lower entries to the least over the trips over C, of which the first that fit cost least.

    Parameters
    ----------
    least : (6, 1 + outermost ports) float
        Of `table`, for the trips over P, Q and K.
    """
    trips_c = outer.trips_c
    outer.classes[IFMAP] = outer.classes_k[k]
    set_c(outer, first)
    for r in range(3):
        _cross(inst, table, outer, r)
    for o in range(3):
        again = inst.words[o] * (repeats(outer.n, o) - 1.0) if inst.in_pe[o] == 1 else 0.0
        once = inst.words[o] if inst.in_pe[o] == 1 else 0.0
        cell = cells[o, cell_of(outer, o)]
        for r in range(3):
            _enter(inst, table, o, least[o], cell, outer.crossing[r], once, again)
    for o in range(3):
        if inst.in_pe[o] == 0:
            continue
        fewest = first_to_stay(inst, o, outer.tile, trips_c, first)
        # More trips go with more passes where the operand has C, and only cost more where it has not.
        most = len(trips_c) if inst.relevance[o, C] == 1 else min(fewest + 1, len(trips_c))
        for c in range(fewest, most):
            set_c(outer, c)
            _cross(inst, table, outer, o)
            cell = cells[3 + o, cell_of(outer, o)]
            _enter(inst, table, o, least[3 + o], cell, outer.crossing[o], inst.words[o], 0.0)


def set_c(outer: OuterTile, c: int) -> None:
    """Set the trips over C."""
    outer.n[C] = outer.trips_c[c]
    outer.classes[PSUM] = outer.classes_c[c]


def _cross(inst: Instance, table: OuterTable, outer: OuterTile, r: int) -> None:
    """Set row r of what crosses between the outermost level and the buffer."""
    words, crossing, e = outer.words[r], outer.crossing[r], inst.outer_pj
    words_of_axes(inst, outer.n, outer.axes, r, words)
    ifmap = least_ifmap(outer.words, r)
    crossing[0] = e[IFMAP] * ifmap + e[WEIGHT] * words[WEIGHTS] + e[PSUM] * words[PSUMS]
    for i in range(len(table.ports)):
        cycles = inst.port_over[table.ports[i]]
        crossing[1 + i] = cycles[IFMAP] * ifmap + cycles[WEIGHT] * words[WEIGHTS] + cycles[PSUM] * words[PSUMS]


def _enter(
    inst: Instance, table: OuterTable, o: int, least: Floats, cell: Floats, crossing: Floats, once: float, again: float
) -> None:
    """Lower an entry, and a cell's energy and time, to what crosses with operand o stationary at the array.

    Parameters
    ----------
    least, crossing : (1 + outermost ports,) float
        A row of `OuterTable.least` for some trips, and one of `OuterTile.crossing`.
    once, again : float
        Words of the operand stationary at the array in its first delivery and in all others.
    """
    energy = crossing[0] + inst.up_pj[o] * (once + again)
    least[0] = min(least[0], energy)
    busiest = -np.inf  # psums that start empty spare more than crosses, now and then
    for i in range(len(table.ports)):
        t = table.ports[i]
        least[1 + i] = min(least[1 + i], crossing[1 + i] + inst.port_up[t, o] * again)
        busiest = max(busiest, inst.port_fixed[t] + (crossing[1 + i] + inst.port_up[t, o] * (once + again)))
    cell[LEAST_PJ] = min(cell[LEAST_PJ], energy)
    cell[LEAST_BUSY] = min(cell[LEAST_BUSY], busiest)


def others(o: int) -> tuple[int, int]:
    """The operands beside o."""
    return WEIGHT if o == IFMAP else IFMAP, WEIGHT if o == PSUM else PSUM


def cell_of(outer: OuterTile, o: int) -> int:
    """The cell of an outer tile among those of operand o: the classes of the others' repeats."""
    a, b = others(o)
    return outer.classes[a] * outer.widths[o] + outer.classes[b]


def pick(inst: Instance, table: OuterTable, cells: Floats, o: int) -> None:
    """Keep, by rising energy, the cells that no single other one matches in energy, time and passes of both kinds.

    A tile with which o stays matches no other: it goes with other numbers of passes.
    """
    a, b = others(o)
    height, width = grain(repeats(inst.bounds, a)) + 1, grain(repeats(inst.bounds, b)) + 1
    wider = 2.0 ** (1.0 / GRAIN) * (1.0 + 2e-9)
    found = 0
    for stays in range(2):
        for cell in range(height * width):
            energy, time = cells[o + 3 * stays, cell, LEAST_PJ], cells[o + 3 * stays, cell, LEAST_BUSY]
            if energy == np.inf:
                continue
            x, y = 2.0 ** (cell // width / GRAIN) * (1.0 - 1e-9), 2.0 ** (cell % width / GRAIN) * (1.0 - 1e-9)
            beaten = False
            for i in range(found):
                point = table.points[o, i]
                if point[CROSSING_PJ] > energy:
                    break  # so do all that follow
                matches = point[MOST_FIRST] == np.inf and point[PASSES_FIRST] <= x
                if matches and point[PASSES_SECOND] <= y and point[BUSY] <= time:
                    beaten = True
                    break
            if beaten:
                continue
            place = found
            while place > 0 and table.points[o, place - 1, CROSSING_PJ] > energy:
                for part in range(6):
                    table.points[o, place, part] = table.points[o, place - 1, part]
                place -= 1
            point = table.points[o, place]
            point[CROSSING_PJ], point[PASSES_FIRST], point[PASSES_SECOND], point[BUSY] = energy, x, y, time
            point[MOST_FIRST] = x * wider if stays == 1 else np.inf
            point[MOST_SECOND] = y * wider if stays == 1 else np.inf
            found += 1
    table.count[o] = found


def first_to_stay(inst: Instance, o: int, tile: Ints, trips_c: Ints, first: int) -> int:
    """The fewest trips over C, from a first one on, that leave a tile of an operand for which the PEs have room."""
    low = first
    high = len(trips_c)
    while low < high:
        middle = (low + high) // 2
        tile[C] = ceil_div(inst.bounds[C], trips_c[middle])
        if tile_bits(inst, tile, o) <= inst.room[o]:
            high = middle
        else:
            low = middle + 1
    return low
