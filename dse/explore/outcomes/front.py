"""Pareto fronts of points to be minimised."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

Point = Sequence[float]


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

    Examples
    --------
    >>> pareto([(3.0, 1.0), (1.0, 3.0), (2.0, 4.0), (1.0, 3.0)])
    [1, 0]
    """
    if not points:
        return []
    if len(points[0]) <= 2:
        return _staircase(points, sorted(range(len(points)), key=lambda i: (tuple(points[i]), i)))
    import numpy as np
    from moocore import is_nondominated

    values = np.array(points, dtype=float)
    order = np.lexsort(values.T[::-1])  # by the first value, then the second; equal ones stay as they are
    keep = is_nondominated(values[order], keep_weakly=False)
    return [int(i) for i in order[keep]]


def beaten_by(points: Sequence[Point], share: Sequence[float] | Sequence[Sequence[float]]) -> list[bool]:
    """Which points are beaten by another even when each of their values is divided by its share.

    Parameters
    ----------
    points : sequence of sequences of float
        All of one length; smaller is better.
    share : sequence of float
        For each objective, at least 1; of all points, or a row for each.

    Examples
    --------
    >>> beaten_by([(1.0, 4.0), (1.05, 4.0), (1.2, 4.0)], (1.1, 1.0))
    [False, False, True]
    """
    import numpy as np

    best = np.array([points[i] for i in pareto(points)], dtype=float)
    lowered = np.array(points, dtype=float) / np.array(share, dtype=float)
    left = np.arange(len(lowered))  # that nothing has beaten so far; most are beaten soon
    for start in range(0, len(best), 64):
        for block in np.array_split(left, 1 + len(left) // 4096):
            part, rivals = lowered[block, None, :], best[None, start : start + 64, :]
            lost = ((rivals <= part).all(axis=2) & (rivals < part).any(axis=2)).any(axis=1)
            left = np.setdiff1d(left, block[lost], assume_unique=True)
    kept = set(left.tolist())
    return [place not in kept for place in range(len(points))]


def _staircase(points: Sequence[Point], order: list[int]) -> list[int]:
    """The front of points in one or two objectives, given in rising order: each step must go down."""
    kept: list[int] = []
    for i in order:
        if not kept or points[i][-1] < points[kept[-1]][-1]:
            kept.append(i)
    return kept


def thin(front: Sequence[tuple[float, float]], most: int) -> tuple[tuple[float, float], ...]:
    """At most `most` points of a front: both ends, the least product, and the rest evenly spread.

    Parameters
    ----------
    front : sequence of (energy, latency)
        Ascending in latency.

    Examples
    --------
    >>> thin([(8, 1), (4, 1.5), (2, 2), (1.5, 4), (1, 8)], 3)
    ((8, 1), (2, 2), (1, 8))
    """
    if len(front) <= most:
        return tuple(front)
    best = min(range(len(front)), key=lambda i: front[i][0] * front[i][1])
    last = len(front) - 1
    spread = {round(step * last / (most - 2)) for step in range(most - 1)}
    return tuple(front[i] for i in sorted(spread | {best}))


HALVINGS = 24
"""Of the range in which the gap of a front that is thinned is looked for."""


def thinned(front: Sequence[tuple[float, float]], most: int) -> tuple[tuple[tuple[float, float], ...], float]:
    """At most `most` points of a front that match all of it closely, and the gap within which they do.

    Parameters
    ----------
    front : sequence of (energy, latency)
        Ascending in latency, descending in energy. Both ends and the least product are kept.
    most : int
        At least 3.

    Examples
    --------
    >>> front = [(9.0, 1.0), (8.9, 2.0), (8.8, 4.0), (2.0, 8.0), (1.0, 8.1)]
    >>> points, gap = thinned(front, 4)
    >>> points, round(gap, 4)
    (((9.0, 1.0), (8.8, 4.0), (1.0, 8.1)), 0.0125)
    """
    if len(front) <= most:
        return tuple(front), 0.0
    falling, latencies = [-energy for energy, _ in front], [latency for _, latency in front]
    best = min(range(len(front)), key=lambda i: front[i][0] * front[i][1])
    low, high = 0.0, falling[0] / falling[-1] - 1
    kept = [0, len(front) - 1]
    for _ in range(HALVINGS):
        gap = (low + high) / 2
        found = _matching(falling, latencies, gap, most - 1)
        low, high = (low, gap) if found else (gap, high)
        kept = found or kept
    return tuple(front[i] for i in sorted({*kept, best})), high


def _matching(falling: list[float], latencies: list[float], gap: float, most: int) -> list[int]:
    """The fewest points, both ends among them, that match all others within a gap; none where that takes too many."""
    last, kept = len(falling) - 1, [0]
    while kept[-1] < last:
        # what follows is matched by this point as far as its energy goes, what is left by the latency of the next
        beyond = bisect_right(falling, falling[kept[-1]] / (1 + gap))
        kept.append(last if beyond > last else bisect_right(latencies, latencies[beyond] * (1 + gap)) - 1)
        if len(kept) > most:
            return []
    return kept
