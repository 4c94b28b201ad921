"""Pareto fronts of points to be minimised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Point = Sequence[float]

ROUNDING = 1e-12
"""Relative; sums of the same energies in another order differ by less."""


def pareto(points: Sequence[Point]) -> list[int]:
    """Which points no other point matches or beats in every objective.

    Parameters
    ----------
    points : sequence of sequences of float
        All of one length; smaller is better.

    Returns
    -------
    list of int
        Positions, sorted by the points' values. Of equal points the first stands for all.
    """
    if not points:
        return []
    order = sorted(range(len(points)), key=lambda i: (tuple(points[i]), i))
    width = len(points[0])
    if width <= 2:
        return _staircase(points, order)
    import numpy as np
    from moocore import is_nondominated

    keep = is_nondominated(np.array([points[i] for i in order], dtype=float), keep_weakly=False)
    return [i for i, kept in zip(order, keep, strict=True) if kept]


def dominates(one: Point, other: Point) -> bool:
    """Whether `one` is nowhere worse than `other` and somewhere better."""
    pairs = list(zip(one, other, strict=True))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


def _staircase(points: Sequence[Point], order: list[int]) -> list[int]:
    """The front of points in one or two objectives, given in rising order: each step must go down."""
    kept: list[int] = []
    for i in order:
        if not kept or points[i][-1] < points[kept[-1]][-1]:
            kept.append(i)
    return kept


def minkowski(fronts: Sequence[Sequence[tuple[float, float]]]) -> tuple[Any, Any]:
    """The front of all sums that take one point from each front: what a network can do whose layers can do these.

    Parameters
    ----------
    fronts : sequence of fronts
        Of (energy, latency) points.

    Returns
    -------
    points : array (n, 2)
        Ascending in latency.
    picks : array (n, len(fronts))
        Which point of each front was taken.

    Notes
    -----
    Exact: of the sums of some of the fronts, one that another beats cannot be part of a total that is not beaten.
    Energies closer than the rounding of their sums count as equal.
    """
    import numpy as np

    points, picks = np.zeros((1, 2)), np.zeros((1, 0), dtype=np.int64)
    for front in fronts:
        sums = (points[:, None, :] + np.asarray(front, dtype=float)[None, :, :]).reshape(-1, 2)
        order = np.lexsort((sums[:, 0], sums[:, 1]))
        energies = sums[order, 0]
        lowest_before = np.minimum.accumulate(np.concatenate(([np.inf], energies[:-1])))
        kept = order[energies < lowest_before * (1 - ROUNDING)]
        points = sums[kept]
        picks = np.column_stack((picks[kept // len(front)], kept % len(front)))
    return points, picks


def thin(front: Sequence[tuple[float, float]], most: int) -> tuple[tuple[float, float], ...]:
    """At most `most` points of a front: both ends, the least product, and the rest evenly spread.

    Parameters
    ----------
    front : sequence of (energy, latency)
        Ascending in latency.
    """
    if len(front) <= most:
        return tuple(front)
    best = min(range(len(front)), key=lambda i: front[i][0] * front[i][1])
    last = len(front) - 1
    spread = {round(step * last / (most - 2)) for step in range(most - 1)}
    return tuple(front[i] for i in sorted(spread | {best}))
