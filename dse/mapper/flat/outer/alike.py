"""Outer points of problems that differ in prices alone: one walk over the outer tiles serves all of them.

Energy is linear in prices, so what a tile costs at prices between those of two problems is at least as far between what
it costs at these, and the least over tiles at least as far between their least. The time of the outermost port is the
same but for a factor. So cells (see `OuterTable.points`) hold the least energy of the two problems at the ends, and the
least time of one. Compilable like the model, but for `among`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from dse.mapper.flat.instance import Instance
from dse.mapper.flat.outer.table import (
    LEAST_BUSY,
    LEAST_PJ,
    OuterTile,
    cell_of,
    first_outer,
    first_to_stay,
    grain,
    is_square,
    pick,
    set_c,
)  # fmt: skip
from dse.mapper.flat.outer.words import PSUMS, WEIGHTS, fits, least_ifmap, outer_axes, repeats, words_of_axes
from dse.mapper.shared.factors import ceil_div, trip_values
from dse.model.counting.kernel import Floats, entry
from dse.problem.dims import IFMAP, PSUM, WEIGHT, C, K, N, P, Q, R, S

LOW, HIGH, TIME = range(3)
"""Columns of a cell: the least energy of the problems at the low and at the high end, and the time of the former."""

ROUNDING = 1e-12
"""Relative difference below which prices and times count as equal; parts are lowered by as much."""

SAME = (
    "bounds", "window", "words", "touched", "bits", "in_buffer", "in_pe", "buffer_bits", "room", "ports", "port_outer",
    "relevance",
)  # fmt: skip
"""Fields of an instance that are the same for all problems that share a walk."""


class Between(NamedTuple):
    """Where the prices of some problems lie.

    Parameters
    ----------
    low, high : int
        The problems at the ends.
    parts : tuple of float
        How far each lies from the low end to the high one, at most: no price of it is below that mixture's.
    factors : tuple of float
        By what the time of the low end's outermost port becomes that of each.
    """

    low: int
    high: int
    parts: tuple[float, ...]
    factors: tuple[float, ...]


def among(instances: Any) -> Between | None:
    """Where the prices of some problems lie between those of two of them; None where one walk does not serve all.

    Parameters
    ----------
    instances : sequence of Instance
    """
    first = instances[0]
    ports = np.flatnonzero(first.port_outer[: first.ports])
    if len(ports) != 1 or any(not np.array_equal(one[name], first[name]) for one in instances for name in SAME):
        return None
    prices = np.array([np.concatenate([one.outer_pj, one.up_pj]) for one in instances])
    times = np.array(
        [np.concatenate([one.port_over[ports[0]], one.port_up[ports[0]], one.port_fixed[ports]]) for one in instances]
    )
    order = np.argsort(prices.sum(axis=1), kind="stable")
    low, high = int(order[0]), int(order[-1])
    span, rise = prices[high] - prices[low], prices - prices[low]
    rounded = ROUNDING * prices[high]
    apart = span > rounded
    if (span < -rounded).any() or (rise < -rounded).any() or (times[low] == 0).all():
        return None
    parts = np.min(rise[:, apart] / span[apart], axis=1, initial=1.0) if apart.any() else np.zeros(len(prices))
    widest = int(np.argmax(np.abs(times[low])))
    factors = times[:, widest] / times[low, widest]
    if not np.allclose(times, factors[:, None] * times[low], rtol=ROUNDING, atol=0.0) or (factors <= 0).any():
        return None
    parts = np.where(parts >= 1.0, 1.0, np.maximum(0.0, parts * (1 - ROUNDING)))
    return Between(low, high, tuple(parts.tolist()), tuple(factors.tolist()))


@entry
def cells_of(low: Instance, high: Instance, table: Any, cells: Floats) -> None:
    """Lower all cells to what outer tiles cost at both ends and take at the low one.

    Parameters
    ----------
    table : OuterTable
        With one outermost port; nothing of it is filled.
    cells : (6, cells, 3) float
        Lowered. First by the operand that is delivered in every trip over a dim it does not have, then by that which
        stays in the PEs through the outermost list, too.
    """
    outer = first_outer(low, table)
    square = is_square(low)
    b, n, tile, trips_c = low.bounds, outer.n, outer.tile, outer.trips_c
    for p in range(len(table.p)):
        for q in range(p if square else 0, len(table.q)):
            n[P], n[Q] = table.p[p], table.q[q]
            tile[P], tile[Q] = ceil_div(b[P], n[P]), ceil_div(b[Q], n[Q])
            for n_r in trip_values(b[R]):
                n[R] = n_r
                tile[R] = ceil_div(b[R], n_r)
                for n_s in trip_values(b[S]):
                    n[S] = n_s
                    tile[S] = ceil_div(b[S], n_s)
                    outer_axes(low, n, outer.axes)
                    for c in range(len(trips_c)):
                        outer.classes_c[c] = grain(float(trips_c[c]) * n_r * n_s)
                    for n_n in trip_values(b[N]):
                        n[N] = n_n
                        tile[N] = ceil_div(b[N], n_n)
                        outer.classes[WEIGHT] = grain(repeats(n, WEIGHT))
                        _enter_all(low, high, table, cells, outer)


def _enter_all(low: Instance, high: Instance, table: Any, cells: Floats, outer: OuterTile) -> None:
    """Enter the outer tiles of all trips over K and C that may be best, with the others decided."""
    b, n, tile, trips_c = low.bounds, outer.n, outer.tile, outer.trips_c
    c = len(trips_c)
    for k in range(len(table.k)):
        n[K] = table.k[k]
        tile[K] = ceil_div(b[K], n[K])
        # The smaller the tile over K, the fewer trips over C fit.
        while c > 0:
            tile[C] = ceil_div(b[C], trips_c[c - 1])
            if not fits(low, tile, low.in_buffer, low.buffer_bits):
                break
            c -= 1
        if c < len(trips_c):
            outer.classes[IFMAP] = outer.classes_k[k]
            set_c(outer, c)
            for r in range(3):
                words_of_axes(low, n, outer.axes, r, outer.words[r])
            _enter_first(low, high, table.ports[0], cells, outer)
            for o in range(3):
                if low.in_pe[o] == 1:
                    _enter_staying(low, high, table.ports[0], cells, outer, o, c)


def _enter_first(low: Instance, high: Instance, t: int, cells: Floats, outer: OuterTile) -> None:
    """Enter an outer tile: of the kinds of order, the best for each of energy and time counts."""
    low_pj, high_pj, time = np.inf, np.inf, np.inf
    for r in range(3):
        ifmap, weights, psums = least_ifmap(outer.words, r), outer.words[r, WEIGHTS], outer.words[r, PSUMS]
        low_pj = min(low_pj, _sum(low.outer_pj, ifmap, weights, psums))
        high_pj = min(high_pj, _sum(high.outer_pj, ifmap, weights, psums))
        time = min(time, _sum(low.port_over[t], ifmap, weights, psums))
    for o in range(3):
        words = low.words[o] * repeats(outer.n, o) if low.in_pe[o] == 1 else 0.0
        _enter(low, high, t, o, cells[o, cell_of(outer, o)], low_pj, high_pj, time, words)


def _enter_staying(low: Instance, high: Instance, t: int, cells: Floats, outer: OuterTile, o: int, first: int) -> None:
    """Enter the outer tiles with which operand o stays in the PEs, by trips over C from the first that fit.

    Only psums cross more often with more trips over C, and these not where they stay: then the fewest trips are best.
    """
    trips_c, words = outer.trips_c, outer.words[o]
    fewest = first_to_stay(low, o, outer.tile, trips_c, first)
    most = len(trips_c) if low.relevance[o, C] == 1 else min(fewest + 1, len(trips_c))
    ifmap, psums = least_ifmap(outer.words, o), words[PSUMS]
    for c in range(fewest, most):
        if o != PSUM:
            psums = low.words[PSUM] * (trips_c[c] * outer.n[R] * outer.n[S])
        outer.classes[PSUM] = outer.classes_c[c]
        low_pj = _sum(low.outer_pj, ifmap, words[WEIGHTS], psums)
        high_pj = _sum(high.outer_pj, ifmap, words[WEIGHTS], psums)
        time = _sum(low.port_over[t], ifmap, words[WEIGHTS], psums)
        _enter(low, high, t, o, cells[3 + o, cell_of(outer, o)], low_pj, high_pj, time, low.words[o])


def _sum(each: Floats, ifmap: float, weights: float, psums: float) -> float:
    return float(each[IFMAP] * ifmap + each[WEIGHT] * weights + each[PSUM] * psums)


def _enter(
    low: Instance, high: Instance, t: int, o: int, cell: Floats, low_pj: float, high_pj: float, time: float,
    words: float,
) -> None:  # fmt: skip
    """Lower a cell to what crosses and what is delivered of the operand that is stationary at the array.

    Parameters
    ----------
    t : int
        The outermost port.
    cell : (3,) float
    low_pj, high_pj, time : float
        Of what crosses.
    words : float
        Of the operand, in all deliveries.
    """
    cell[LOW] = min(cell[LOW], low_pj + low.up_pj[o] * words)
    cell[HIGH] = min(cell[HIGH], high_pj + high.up_pj[o] * words)
    cell[TIME] = min(cell[TIME], low.port_fixed[t] + (time + low.port_up[t, o] * words))


@entry
def points_between(inst: Instance, table: Any, cells: Floats, part: float, factor: float) -> None:
    """Fill the points of a problem whose prices lie between those of the ends, see `Between`.

    Parameters
    ----------
    cells : (6, cells, 3) float
        From `cells_of`.
    """
    own = np.full((6, cells.shape[1], 2), np.inf)
    for o in range(6):
        for i in range(cells.shape[1]):
            if cells[o, i, LOW] < np.inf:
                own[o, i, LEAST_PJ] = (1.0 - part) * cells[o, i, LOW] + part * cells[o, i, HIGH]
                own[o, i, LEAST_BUSY] = factor * cells[o, i, TIME]
    for o in range(3):
        pick(inst, table, own, o)
