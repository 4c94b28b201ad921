"""What crosses between the outermost level and the buffer: words by trip counts, and the least that any tile can reach.

Counts of this crossing depend on the trip counts n = ceil(X / b) of the buffer's tiles alone (and, for slides over
holes, not even a bound needs more), so tiles fall into classes by trip counts. Compilable like the model.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.mapper.flat.instance import Instance
from dse.mapper.shared.mapspace.factors import ceil_div, trip_values
from dse.mapper.shared.mapspace.words import DILATION_H, DILATION_W, STRIDE_H, STRIDE_W, boxes, tile_words
from dse.model.counting.kernel import Floats, Ints, entry
from dse.model.price import SHARED
from dse.problem.dims import IFMAP, PSUM, WEIGHT, C, G, K, N, P, Q, R, S

WEIGHTS, PSUMS, FETCHED, SLID_P, SLID_Q, SLID_R, SLID_S = range(7)
"""Columns of `outer_words`: words of weights and psums; of the ifmap without a slide, and sliding on each dim."""


def slid_over_a(n_a: int, n_b: int, bound_a: int, bound_b: int, stride: int, dilation: int) -> int:
    """Least words when a (P, Q) slides, one run over all of its tiles per tile of b.

    A run over tiles with windows of w words moves stride*X + w - stride words, or, where w < stride leaves holes,
    n_a times that last difference. Exact unless tiles of b differ in which case they are.
    """
    whole = boxes(1, n_b, bound_a, bound_b, stride, dilation)
    if stride == 1 or n_a == 1:
        return whole
    if n_b == 1:
        return min(whole, boxes(n_a, 1, bound_a, bound_b, stride, dilation))
    return whole - (n_a - 1) * n_b * (stride - 1)


def slid_over_b(n_a: int, n_b: int, bound_a: int, bound_b: int, stride: int, dilation: int) -> int:
    """Least words when b (R, S) slides; see `slid_over_a`."""
    return slid_over_a(n_b, n_a, bound_b, bound_a, dilation, stride)


def outer_words(inst: Instance, n: Ints, known: Ints, out: Floats) -> None:
    """Least words of each operand between the outermost level and the buffer, by what is innermost in the outer list.

    Parameters
    ----------
    n : (8,)
        Trip counts.
    known : (2,)
        1 where the trip counts on the height (width) are decided; else the touched rows (columns) count.
    out : (3, 7)
        Filled. Row o: the irrelevant loops of operand o are innermost. Columns: words of weights and psums; words of
        the ifmap without a slide, and sliding on P, Q, R and S.
    """
    rows, columns = inst.touched[0], inst.touched[1]
    height = _height(inst, n) if known[0] == 1 else (rows, rows, rows)
    width = _width(inst, n) if known[1] == 1 else (columns, columns, columns)
    for o in range(3):
        _words(inst, n, height, width, o, out[o])


def outer_axes(inst: Instance, n: Ints, axes: Ints) -> None:
    """The part of `outer_words` that only the trips over P, Q, R and S decide.

    Parameters
    ----------
    axes : (2, 3)
        Filled, for height and width: words on the axis without a slide, sliding on P (Q), and sliding on R (S).
    """
    axes[0, 0], axes[0, 1], axes[0, 2] = _height(inst, n)
    axes[1, 0], axes[1, 1], axes[1, 2] = _width(inst, n)


def words_of_axes(inst: Instance, n: Ints, axes: Ints, o: int, out: Floats) -> None:
    """Row o of `outer_words`, from `outer_axes`."""
    height, width = axes[0], axes[1]
    _words(inst, n, (height[0], height[1], height[2]), (width[0], width[1], width[2]), o, out)


def _height(inst: Instance, n: Ints) -> tuple[int, int, int]:
    b, w = inst.bounds, inst.window
    whole = boxes(n[P], n[R], b[P], b[R], w[STRIDE_H], w[DILATION_H])
    over_p = slid_over_a(n[P], n[R], b[P], b[R], w[STRIDE_H], w[DILATION_H])
    return whole, over_p, slid_over_b(n[P], n[R], b[P], b[R], w[STRIDE_H], w[DILATION_H])


def _width(inst: Instance, n: Ints) -> tuple[int, int, int]:
    b, w = inst.bounds, inst.window
    whole = boxes(n[Q], n[S], b[Q], b[S], w[STRIDE_W], w[DILATION_W])
    over_q = slid_over_a(n[Q], n[S], b[Q], b[S], w[STRIDE_W], w[DILATION_W])
    return whole, over_q, slid_over_b(n[Q], n[S], b[Q], b[S], w[STRIDE_W], w[DILATION_W])


def _words(
    inst: Instance, n: Ints, height: tuple[int, int, int], width: tuple[int, int, int], o: int, out: Floats
) -> None:
    (h0, h1, h2), (w0, w1, w2) = height, width
    planes = float(inst.bounds[G] * inst.bounds[N] * inst.bounds[C])
    image = planes if o == IFMAP else planes * n[K]
    out[WEIGHTS] = inst.words[WEIGHT] if o == WEIGHT else inst.words[WEIGHT] * (n[N] * n[P] * n[Q])
    out[PSUMS] = inst.words[PSUM] if o == PSUM else inst.words[PSUM] * (n[C] * n[R] * n[S])
    out[FETCHED] = image * h0 * w0
    out[SLID_P] = image * h1 * w0
    out[SLID_Q] = image * h0 * w1
    out[SLID_R] = image * h2 * w0
    out[SLID_S] = image * h0 * w2


def least_ifmap(words: Floats, o: int) -> float:
    """Least ifmap words over the slides that an order with operand o stationary can have."""
    least = words[o, FETCHED]
    if o != PSUM:
        least = min(least, min(words[o, SLID_P], words[o, SLID_Q]))
    if o != WEIGHT:
        least = min(least, min(words[o, SLID_R], words[o, SLID_S]))
    return least


def outer_energy(inst: Instance, words: Floats, o: int) -> float:
    """Least energy of the outer crossing with the irrelevant loops of operand o innermost in the outer list."""
    e = inst.outer_pj
    return e[IFMAP] * least_ifmap(words, o) + e[WEIGHT] * words[o, WEIGHTS] + e[PSUM] * words[o, PSUMS]


def outer_least(inst: Instance, words: Floats) -> float:
    """Least energy of the outer crossing over all kinds of order."""
    return min(outer_energy(inst, words, 0), min(outer_energy(inst, words, 1), outer_energy(inst, words, 2)))


def outer_least_time(inst: Instance, words: Floats) -> float:
    """Least time of the busiest outermost port, for the outer crossing alone."""
    least = np.inf
    for o in range(3):
        ifmap = least_ifmap(words, o)
        busiest = 0.0
        for t in range(inst.ports):
            if inst.port_outer[t] == 1:
                p = inst.port_over[t]
                time = inst.port_fixed[t] + p[IFMAP] * ifmap
                time += p[WEIGHT] * words[o, WEIGHTS]
                time += p[PSUM] * words[o, PSUMS]
                busiest = max(busiest, time)
        least = min(least, busiest)
    return least


def tile_bits(inst: Instance, tile: Ints, operand: int) -> int:
    """Bits of an operand's tile, the ifmap's as its box."""
    return inst.bits[operand] * tile_words(tile, inst.window, operand)


def fits(inst: Instance, tile: Ints, kept: Ints, capacity: Floats) -> bool:
    """Whether the tiles of the operands kept fit capacities per operand and shared."""
    total = 0
    for o in range(3):
        if kept[o] == 1:
            size = tile_bits(inst, tile, o)
            if size > capacity[o]:
                return False
            total += size
    return total <= capacity[SHARED]


def is_square(inst: Instance) -> bool:
    """Whether height and width are alike: trips over them may then be exchanged, and cost the same."""
    b, w = inst.bounds, inst.window
    bounds = b[P] == b[Q] and b[R] == b[S] and inst.touched[0] == inst.touched[1]
    return bool(bounds and w[STRIDE_H] == w[STRIDE_W] and w[DILATION_H] == w[DILATION_W])


@entry
def outer_floor(inst: Instance) -> Any:
    """Least outer energy and time of any buffer tile that fits, with the stationary operand's traffic to the PEs.

    Returns
    -------
    (3, 2) float
        Per operand o that may be stationary at the array: the least, over all classes of tiles, of outer energy plus
        `up` energy of o; and of the time of the busiest outermost port. An operand stationary at the array is delivered
        again for every trip of the outermost list over a dim it does not have, unless it is stationary there too and
        one array tile is all the buffer holds of it, which takes room for it in the PEs.
    """
    floor = np.full((3, 2), np.inf)
    n = np.ones(8, dtype=np.int64)
    known = np.ones(2, dtype=np.int64)
    tile = np.ones(8, dtype=np.int64)
    words = np.zeros((3, 7))
    b = inst.bounds
    trips_n, trips_k, trips_c = trip_values(b[N]), trip_values(b[K]), trip_values(b[C])
    square = is_square(inst)
    for n_r in trip_values(b[R]):
        for n_s in trip_values(b[S]):
            for n_p in trip_values(b[P]):
                for n_q in trip_values(b[Q]):
                    if square and n_q < n_p:
                        continue  # as the tile with height and width exchanged
                    n[P], n[Q], n[R], n[S] = n_p, n_q, n_r, n_s
                    for d in range(8):
                        tile[d] = ceil_div(b[d], n[d]) if d >= P else 1
                    # The fewest trips that capacity asks of each open dim, were the others' tiles as small as can be.
                    if not (
                        _fewest(inst, tile, n, C, trips_c)
                        and _fewest(inst, tile, n, K, trips_k)
                        and _fewest(inst, tile, n, N, trips_n)
                        and _could_improve(inst, n, known, words, floor)
                    ):
                        continue
                    for n_n in trips_n:
                        n[N] = n_n
                        tile[N] = ceil_div(b[N], n_n)
                        for n_c in trips_c:
                            n[C] = n_c
                            tile[C] = ceil_div(b[C], n_c)
                            tile[K] = 1
                            if not _fewest(inst, tile, n, K, trips_k):
                                continue
                            if not _could_improve(inst, n, known, words, floor):
                                continue
                            _least_k(inst, n, known, tile, trips_k, words, floor)
                        tile[C] = 1
                    tile[N] = 1
    return floor


def _fewest(inst: Instance, tile: Ints, n: Ints, d: int, values: Ints) -> bool:
    """Set n[d] to the fewest trips with which the tile, small elsewhere, fits; False if it never does."""
    low = 0
    high = len(values)
    while low < high:
        middle = (low + high) // 2
        tile[d] = ceil_div(inst.bounds[d], values[middle])
        if fits(inst, tile, inst.in_buffer, inst.buffer_bits):
            high = middle
        else:
            low = middle + 1
    tile[d] = 1
    if low == len(values):
        return False
    n[d] = values[low]
    return True


def _could_improve(inst: Instance, n: Ints, known: Ints, words: Floats, floor: Floats) -> bool:
    """Whether trips of at least n may lower the floor."""
    outer_words(inst, n, known, words)
    least = outer_least(inst, words)
    for o in range(3):
        energy = least
        if inst.in_pe[o] == 1:
            once = inst.up_pj[o] * inst.words[o]
            energy = min(least + once * repeats(n, o), outer_energy(inst, words, o) + once)
        if energy < floor[o, 0]:
            return True
    return outer_least_time(inst, words) < floor[0, 1]


def repeats(n: Ints, o: int) -> float:
    """Trips over the dims that an operand does not have."""
    if o == IFMAP:
        return float(n[K])
    return float(n[N]) * n[P] * n[Q] if o == WEIGHT else float(n[C]) * n[R] * n[S]


def _least_k(inst: Instance, n: Ints, known: Ints, tile: Ints, values: Ints, words: Floats, floor: Floats) -> None:
    """Lower the floor with the trips over K that fit: all but the pass-through of tiles grows with them."""
    for n_k in values[np.searchsorted(values, n[K]) :]:
        n[K] = n_k
        tile[K] = ceil_div(inst.bounds[K], n_k)
        outer_words(inst, n, known, words)
        least = outer_least(inst, words)
        time = outer_least_time(inst, words)
        all_pass = True
        for o in range(3):
            energy = least
            if inst.in_pe[o] == 1:
                once = inst.up_pj[o] * inst.words[o]
                energy = least + once * repeats(n, o)
                if tile_bits(inst, tile, o) <= inst.room[o]:
                    energy = min(energy, outer_energy(inst, words, o) + once)
                else:
                    all_pass = False
            floor[o, 0] = min(floor[o, 0], energy)
            floor[o, 1] = min(floor[o, 1], time)
        if all_pass or not _could_improve(inst, n, known, words, floor):
            return
