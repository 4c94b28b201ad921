"""The least outer cost by the trips over P, Q and K: what a walk over outer tiles asks at every step. Compilable.

The outer cost of a tile depends on its trip counts alone, and so does, with the smallest tiles that have them, whether
it fits. So what the dims still open cost at least, once P and Q (and K) are decided, is worked out once per problem and
not once per array configuration.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np

from dse.mapper.factors import ceil_div, trip_values
from dse.mapper.outer import fits, least_ifmap, outer_words, repeats, tile_bits

Ints = Any
Instance = Any


class OuterTable(NamedTuple):
    """Least energy and port time of the outer crossing with the stationary operand's delivery, see `outer_floor`.

    Parameters
    ----------
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
    worth : int
        Outer tiles that a search may visit without the table before working it out pays: most searches end before.
    """

    least: Any
    ports: Ints
    index: Ints
    p: Ints
    q: Ints
    k: Ints
    worth: int


def empty_table(bounds: Ints, port_outer: Ints) -> OuterTable:
    """A table of a problem's size with nothing worked out."""
    values = [trip_values(int(bounds[d])) for d in (4, 5, 2)]
    index = np.full((3, int(max(bounds[d] for d in (4, 5, 2))) + 1), -1, dtype=np.int64)
    for row, trips in enumerate(values):
        index[row, trips] = np.arange(len(trips))
    p, q, k = values
    ports = np.flatnonzero(port_outer).astype(np.int64)
    least = np.full((6, 1 + len(ports), len(p) + 1, len(q) + 1, len(k) + 1), -1.0)
    entries = prod(len(trip_values(int(bound))) for bound in bounds[[1, 2, 4, 5, 6, 7]])
    return OuterTable(least, ports, index, p, q, k, max(4096, entries // 4))


def work_out(inst: Instance, table: OuterTable) -> None:
    """Fill the table unless it is filled."""
    last_p, last_q, last_k = len(table.p), len(table.q), len(table.k)
    if table.least[0, 0, last_p, last_q, last_k] >= 0.0:
        return
    n = np.ones(8, dtype=np.int64)
    tile = np.ones(8, dtype=np.int64)
    words = np.zeros((3, 7))
    for p in range(last_p):
        for q in range(last_q):
            _fill(inst, table, p, q, n, tile, words)
    for o in range(6):
        for what in range(1 + len(table.ports)):
            for k in range(last_k + 1):
                for p in range(last_p):
                    table.least[o, what, p, last_q, k] = np.min(table.least[o, what, p, :last_q, k])
                table.least[o, what, last_p, :, k] = np.inf
                table.least[o, what, last_p, last_q, k] = np.min(table.least[o, what, :last_p, last_q, k])


def _fill(inst: Instance, table: OuterTable, p: int, q: int, n: Ints, tile: Ints, words: Any) -> None:
    b = inst.bounds
    n[4], n[5] = table.p[p], table.q[q]
    tile[4], tile[5] = ceil_div(b[4], n[4]), ceil_div(b[5], n[5])
    trips_c = trip_values(b[3])
    last = len(table.k)
    table.least[:, :, p, q, :] = np.inf
    for n_r in trip_values(b[6]):
        n[6] = n_r
        tile[6] = ceil_div(b[6], n_r)
        for n_s in trip_values(b[7]):
            n[7] = n_s
            tile[7] = ceil_div(b[7], n_s)
            for n_n in trip_values(b[1]):
                n[1] = n_n
                tile[1] = ceil_div(b[1], n_n)
                c = len(trips_c)
                for k in range(last):
                    n[2] = table.k[k]
                    tile[2] = ceil_div(b[2], n[2])
                    # The smaller the tile over K, the fewer trips over C fit.
                    while c > 0:
                        tile[3] = ceil_div(b[3], trips_c[c - 1])
                        if not fits(inst, tile, inst.in_buffer, inst.buffer_bits):
                            break
                        c -= 1
                    _lower(inst, table, p, q, k, n, tile, trips_c, c, words)
    for o in range(6):
        for what in range(1 + len(table.ports)):
            table.least[o, what, p, q, last] = np.min(table.least[o, what, p, q, :last])


def _lower(
    inst: Instance, table: OuterTable, p: int, q: int, k: int, n: Ints, tile: Ints, trips_c: Ints, first: int,
    words: Any,
) -> None:  # fmt: skip
    """Lower an entry to the least over the trips over C, of which the first that fit cost least."""
    if first == len(trips_c):
        return
    known = np.ones(2, dtype=np.int64)
    n[3] = trips_c[first]
    outer_words(inst, n, known, words)
    for o in range(3):
        again = inst.words[o] * (repeats(n, o) - 1.0) if inst.in_pe[o] == 1 else 0.0
        once = inst.words[o] if inst.in_pe[o] == 1 else 0.0
        for r in range(3):
            _enter(inst, table, o, p, q, k, words, r, once, again)
    at = first
    for o in range(3):
        if inst.in_pe[o] == 0:
            continue
        c = _first_to_stay(inst, o, tile, trips_c, first)
        if c == len(trips_c):
            continue
        if c != at:
            n[3] = trips_c[c]
            outer_words(inst, n, known, words)
            at = c
        _enter(inst, table, 3 + o, p, q, k, words, o, inst.words[o], 0.0)


def _enter(
    inst: Instance, table: OuterTable, row: int, p: int, q: int, k: int, words: Any, r: int, once: float, again: float
) -> None:
    """Lower an entry to what an order costs that has operand r stationary in the outermost list."""
    o = row % 3
    ifmap = least_ifmap(words, r)
    e = inst.outer_pj
    energy = e[0] * ifmap + e[1] * words[r, 0] + e[2] * words[r, 1] + inst.up_pj[o] * (once + again)
    table.least[row, 0, p, q, k] = min(table.least[row, 0, p, q, k], energy)
    for i in range(len(table.ports)):
        c = inst.port_over[table.ports[i]]
        time = c[0] * ifmap + c[1] * words[r, 0] + c[2] * words[r, 1] + inst.port_up[table.ports[i], o] * again
        table.least[row, 1 + i, p, q, k] = min(table.least[row, 1 + i, p, q, k], time)


def _first_to_stay(inst: Instance, o: int, tile: Ints, trips_c: Ints, first: int) -> int:
    """The fewest trips over C, from a first one on, that leave a tile of an operand for which the PEs have room."""
    low = first
    high = len(trips_c)
    while low < high:
        middle = (low + high) // 2
        tile[3] = ceil_div(inst.bounds[3], trips_c[middle])
        if tile_bits(inst, tile, o) <= inst.room[o]:
            high = middle
        else:
            low = middle + 1
    return low
