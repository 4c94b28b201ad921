"""What crosses between the outermost level and the buffer: words by trip counts, and the least that any tile can reach.

Counts of this crossing depend on the trip counts n = ceil(X / b) of the buffer's tiles alone (and, for slides over
holes, not even a bound needs more), so tiles fall into classes by trip counts. Compilable like the model.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.mapper.shared.factors import ceil_div, trip_values

Ints = Any
Instance = Any


def boxes(n_a: int, n_b: int, bound_a: int, bound_b: int, stride: int, dilation: int) -> int:
    """Sum of the boxes of n_a x n_b tiles on an axis, each fetched whole: exact for any tile sizes."""
    return n_b * stride * (bound_a - n_a) + n_a * dilation * (bound_b - n_b) + n_a * n_b


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


def outer_words(inst: Instance, n: Ints, known: Ints, out: Any) -> None:
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
    b = inst.bounds
    w = inst.window
    h0 = h1 = h2 = inst.touched[0]
    w0 = w1 = w2 = inst.touched[1]
    if known[0] == 1:
        h0 = boxes(n[4], n[6], b[4], b[6], w[0], w[1])
        h1 = slid_over_a(n[4], n[6], b[4], b[6], w[0], w[1])
        h2 = slid_over_b(n[4], n[6], b[4], b[6], w[0], w[1])
    if known[1] == 1:
        w0 = boxes(n[5], n[7], b[5], b[7], w[2], w[3])
        w1 = slid_over_a(n[5], n[7], b[5], b[7], w[2], w[3])
        w2 = slid_over_b(n[5], n[7], b[5], b[7], w[2], w[3])
    planes = float(b[0] * b[1] * b[3])
    filters = n[1] * n[4] * n[5]
    sums = n[3] * n[6] * n[7]
    for o in range(3):
        image = planes if o == 0 else planes * n[2]
        out[o, 0] = inst.words[1] if o == 1 else inst.words[1] * filters
        out[o, 1] = inst.words[2] if o == 2 else inst.words[2] * sums
        out[o, 2] = image * h0 * w0
        out[o, 3] = image * h1 * w0
        out[o, 4] = image * h0 * w1
        out[o, 5] = image * h2 * w0
        out[o, 6] = image * h0 * w2


def least_ifmap(words: Any, o: int) -> float:
    """Least ifmap words over the slides that an order with operand o stationary can have."""
    least = words[o, 2]
    if o != 2:
        least = min(least, min(words[o, 3], words[o, 4]))
    if o != 1:
        least = min(least, min(words[o, 5], words[o, 6]))
    return least


def outer_energy(inst: Instance, words: Any, o: int) -> float:
    """Least energy of the outer crossing with the irrelevant loops of operand o innermost in the outer list."""
    e = inst.outer_pj
    return e[0] * least_ifmap(words, o) + e[1] * words[o, 0] + e[2] * words[o, 1]


def outer_least(inst: Instance, words: Any) -> float:
    """Least energy of the outer crossing over all kinds of order."""
    return min(outer_energy(inst, words, 0), min(outer_energy(inst, words, 1), outer_energy(inst, words, 2)))


def outer_least_time(inst: Instance, words: Any) -> float:
    """Least time of the busiest outermost port, for the outer crossing alone."""
    least = np.inf
    for o in range(3):
        ifmap = least_ifmap(words, o)
        busiest = 0.0
        for t in range(inst.ports):
            if inst.port_outer[t] == 1:
                p = inst.port_over[t]
                time = inst.port_fixed[t] + p[0] * ifmap + p[1] * words[o, 0] + p[2] * words[o, 1]
                busiest = max(busiest, time)
        least = min(least, busiest)
    return least


def tile_bits(inst: Instance, tile: Ints, operand: int) -> int:
    """Bits of an operand's tile, the ifmap's as its box."""
    t = tile
    if operand == 0:
        height = (t[4] - 1) * inst.window[0] + (t[6] - 1) * inst.window[1] + 1
        width = (t[5] - 1) * inst.window[2] + (t[7] - 1) * inst.window[3] + 1
        return inst.bits[0] * t[0] * t[1] * t[3] * height * width
    if operand == 1:
        return inst.bits[1] * t[0] * t[2] * t[3] * t[6] * t[7]
    return inst.bits[2] * t[0] * t[1] * t[2] * t[4] * t[5]


def fits(inst: Instance, tile: Ints, kept: Ints, capacity: Any) -> bool:
    """Whether the tiles of the operands kept fit capacities per operand and shared."""
    total = 0
    for o in range(3):
        if kept[o] == 1:
            size = tile_bits(inst, tile, o)
            if size > capacity[o]:
                return False
            total += size
    return total <= capacity[3]


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
    trips_n, trips_k, trips_c = trip_values(b[1]), trip_values(b[2]), trip_values(b[3])
    for n_r in trip_values(b[6]):
        for n_s in trip_values(b[7]):
            for n_p in trip_values(b[4]):
                for n_q in trip_values(b[5]):
                    n[4], n[5], n[6], n[7] = n_p, n_q, n_r, n_s
                    for d in range(8):
                        tile[d] = ceil_div(b[d], n[d]) if d > 3 else 1
                    # The fewest trips that capacity asks of each open dim, were the others' tiles as small as can be.
                    if not (
                        _fewest(inst, tile, n, 3, trips_c)
                        and _fewest(inst, tile, n, 2, trips_k)
                        and _fewest(inst, tile, n, 1, trips_n)
                        and _could_improve(inst, n, known, words, floor)
                    ):
                        continue
                    for n_n in trips_n:
                        n[1] = n_n
                        tile[1] = ceil_div(b[1], n_n)
                        for n_c in trips_c:
                            n[3] = n_c
                            tile[3] = ceil_div(b[3], n_c)
                            tile[2] = 1
                            if not _fewest(inst, tile, n, 2, trips_k):
                                continue
                            if not _could_improve(inst, n, known, words, floor):
                                continue
                            _least_k(inst, n, known, tile, trips_k, words, floor)
                        tile[3] = 1
                    tile[1] = 1
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


def _could_improve(inst: Instance, n: Ints, known: Ints, words: Any, floor: Any) -> bool:
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
    if o == 0:
        return float(n[2])
    return float(n[1]) * n[4] * n[5] if o == 1 else float(n[3]) * n[6] * n[7]


def _least_k(inst: Instance, n: Ints, known: Ints, tile: Ints, values: Ints, words: Any, floor: Any) -> None:
    """Lower the floor with the trips over K that fit: all but the pass-through of tiles grows with them."""
    for n_k in values[np.searchsorted(values, n[2]) :]:
        n[2] = n_k
        tile[2] = ceil_div(inst.bounds[2], n_k)
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
