"""The best choice of one point from each front: of least product of the sums, or least in one sum within a limit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from dse.mapper.network.front_sum import ROUNDING, Front, sum_fronts

Picks = tuple[int, ...]
"""Which point of each front."""


def totals(fronts: Sequence[Front], picks: Picks) -> tuple[float, float]:
    """Energy and latency of a choice.

    Examples
    --------
    >>> totals([[(4, 3), (1, 10)], [(10, 1), (3, 4)]], (0, 1))
    (7, 7)
    """
    chosen = [front[pick] for front, pick in zip(fronts, picks, strict=True)]
    return sum(energy for energy, _ in chosen), sum(latency for _, latency in chosen)


def best_choice(
    fronts: Sequence[Front], objective: str, max_energy: float = np.inf, max_latency: float = np.inf
) -> Picks | None:
    """The choice of one point from each front that is best in the sums, within limits on the sums.

    Parameters
    ----------
    objective : {"energy", "latency", "edp"}
        Of the sums. `energy` breaks ties by latency, `latency` by energy.
    max_energy, max_latency : float
        In the units of the fronts.

    Returns
    -------
    tuple of int, or None
        None when no choice keeps the limits.

    Examples
    --------
    >>> best_choice([[(10, 1), (8, 2), (1, 3)]], "energy", max_latency=2.5)
    (1,)
    """
    if objective == "edp":
        picks: Picks | None = least_product(fronts)
        assert picks is not None
        energy, latency = totals(fronts, picks)
        if energy > max_energy or latency > max_latency:
            picks = _least_product_within(fronts, max_energy, max_latency)
        return picks
    if objective == "energy":
        picks = least_energy(fronts, max_latency)
    else:
        mirrored = least_energy([[(b, a) for a, b in reversed(front)] for front in fronts], max_energy)
        picks = mirrored and tuple(len(front) - 1 - pick for front, pick in zip(fronts, mirrored, strict=True))
    if picks is None:
        return None
    energy, latency = totals(fronts, picks)
    return picks if energy <= max_energy and latency <= max_latency else None


def least_product(fronts: Sequence[Front]) -> Picks:
    """The choice whose summed energy times summed latency is least.

    Notes
    -----
    It is a corner of the lower convex hull of all sums. With energy E, latency T and the least product c, all sums lie
    in {E T >= c}. That set is convex, so their hull lies in it too; its boundary E T = c is curved everywhere, so a
    point of the hull on it is no mixture of others: a corner. And corners of the hull of sums are sums of corners, one
    from each front, all least in E + x T for the same x. Walking x from large to small passes them all, each front
    moving along its own hull; equal fronts move together. That takes time in the number of points, not of sums.

    Only products have this: the least energy within a limit of latency is mostly no corner (`least_energy`).

    Examples
    --------
    >>> least_product([[(4, 3), (1, 10)], [(10, 1), (3, 4)]])
    (0, 1)
    """
    hulls = [_hull(front) for front in fronts]
    path, owners = _walk(fronts, hulls, range(len(fronts)))
    products = path[:, 0] * path[:, 1]
    # Inside a run of equal slopes lies no corner; of equal products the first.
    moves = np.bincount(owners[: int(np.argmin(products))], minlength=len(fronts))
    return tuple(hull[int(move)] for hull, move in zip(hulls, moves, strict=True))


def least_energy(fronts: Sequence[Front], max_latency: float) -> Picks | None:
    """The choice of least energy whose summed latency is within a limit; None when the fastest is above it.

    Notes
    -----
    Sums of some of the fronts, as in `sum_fronts`, without those that cannot become the best: the fronts still to be
    added spend at least the energy of the lower convex hull of their sums at the latency that is left. They can do
    with that of the hull's last corner within it, and the least total of that kind is the value to beat. A hull and
    its corners are one edge apart at most, so few sums remain.

    Examples
    --------
    >>> least_energy([[(10, 1), (8, 2), (1, 3)]], 2.5), least_energy([[(10, 1), (8, 2), (1, 3)]], 0.5)
    ((1,), None)
    """
    fastest = tuple(0 for _ in fronts)
    if not totals(fronts, fastest)[1] <= max_latency:
        return None
    slowest = tuple(len(front) - 1 for front in fronts)
    if totals(fronts, slowest)[1] <= max_latency:
        return slowest
    hulls = [_hull(front) for front in fronts]
    reached = np.inf

    def keep(rest: Picks, points: Any) -> Any:
        nonlocal reached
        path, _ = _walk(fronts, hulls, rest)
        left = max_latency - points[:, 1]
        corner = np.searchsorted(path[:, 1], left * (1 + ROUNDING), side="right") - 1
        within = corner >= 0
        surely = np.searchsorted(path[:, 1], left * (1 - ROUNDING), side="right") - 1
        if (surely >= 0).any():
            reached = min(reached, float((points[:, 0] + path[surely, 0])[surely >= 0].min()))
        least = points[:, 0] + np.interp(left, path[:, 1], path[:, 0])
        return within & (least <= reached * (1 + ROUNDING))

    total = sum_fronts(fronts, keep)
    for index in range(len(total.points) - 1, -1, -1):
        picks = total.picks(index)
        if totals(fronts, picks)[1] <= max_latency:
            return picks
    return fastest


def _least_product_within(fronts: Sequence[Front], max_energy: float, max_latency: float) -> Picks | None:
    """Among all sums: within limits the best product need not be a corner of the hull."""
    total = sum_fronts(fronts)
    energies, latencies = total.points[:, 0], total.points[:, 1]
    for index in np.argsort(energies * latencies, kind="stable"):
        if energies[index] <= max_energy and latencies[index] <= max_latency:
            return total.picks(int(index))
    return None


def _hull(front: Front) -> list[int]:
    """Positions of the corners of the lower convex hull, fastest first."""
    corners: list[int] = []
    for at in range(len(front)):
        while len(corners) > 1 and _slope(front, corners[-1], at) >= _slope(front, corners[-2], corners[-1]):
            corners.pop()
        corners.append(at)
    return corners


def _slope(front: Front, one: int, other: int) -> float:
    """Energy saved per latency spent."""
    return (front[one][0] - front[other][0]) / (front[other][1] - front[one][1])


def _walk(fronts: Sequence[Front], hulls: Sequence[list[int]], which: Iterable[int]) -> tuple[Any, Any]:
    """Down the hull of the sums of some fronts.

    Energies and latencies (n + 1, 2), fastest first, and the front (n,) that each step moves. Steps along one edge
    of the hull are apart when several fronts have its slope.
    """
    which = tuple(which)
    edges = [
        (_slope(fronts[i], a, b), fronts[i][b][0] - fronts[i][a][0], fronts[i][b][1] - fronts[i][a][1], i)
        for i in which
        for a, b in zip(hulls[i], hulls[i][1:], strict=False)
    ]
    edges.sort(key=lambda edge: -edge[0])
    start = (sum(fronts[i][0][0] for i in which), sum(fronts[i][0][1] for i in which))
    path = np.cumsum(np.array([start, *((energy, latency) for _, energy, latency, _ in edges)]), axis=0)
    return path, np.array([owner for *_, owner in edges], dtype=np.int64)
