"""Sums of fronts: what a network can do whose layers, one after another, can do these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Front = Sequence[tuple[float, float]]
"""Points (energy, latency), latency rising and energy falling."""

ROUNDING = 1e-12
"""Relative; sums of the same energies in another order differ by less."""

BLOCK = 2**21
"""Sums that are sorted at once: bounds the memory of adding a front."""


@dataclass(frozen=True, slots=True)
class FrontSum:
    """The front of all sums that take one point from each of some fronts, and how each sum is made.

    Parameters
    ----------
    points : array (n, 2)
        Energy and latency, latency rising and energy falling.
    order : tuple of int
        Positions of the fronts in the order in which they were added.
    steps : tuple of (array, array)
        Per addition, for each sum then kept: which sum before it, and which point of the front added.
    """

    points: Any
    order: tuple[int, ...]
    steps: tuple[tuple[Any, Any], ...]

    def picks(self, index: int) -> tuple[int, ...]:
        """Which point of each front, in the order of the fronts, makes up a point of the sum."""
        picked = [0] * len(self.order)
        for position, (before, choices) in zip(reversed(self.order), reversed(self.steps), strict=True):
            picked[position] = int(choices[index])
            index = int(before[index])
        return tuple(picked)

    def all_picks(self) -> Any:
        """(points, fronts): `picks` of every point."""
        picked = np.zeros((len(self.points), len(self.order)), dtype=np.int64)
        index = np.arange(len(self.points))
        for position, (before, choices) in zip(reversed(self.order), reversed(self.steps), strict=True):
            picked[:, position] = choices[index]
            index = before[index]
        return picked


def sum_fronts(fronts: Sequence[Front], keep: Callable[[tuple[int, ...], Any], Any] | None = None) -> FrontSum:
    """The front of all sums of one point from each front.

    Parameters
    ----------
    fronts : sequence of fronts
        Equal layers are as many equal fronts, and may take different points.
    keep : callable, optional
        Told the positions of the fronts still to be added and the sums so far (n, 2), says which (n) to go on with.

    Notes
    -----
    Exact: a sum with a part that another beats is beaten by the sum with that other part, so the front of sums may be
    taken after every addition. Energies closer than the rounding of their sums count as equal. Short fronts are added
    first, which keeps the early sums few.

    Examples
    --------
    >>> sum_fronts([[(4, 3), (1, 10)], [(10, 1), (3, 4)]]).points.tolist()
    [[14.0, 4.0], [7.0, 7.0], [4.0, 14.0]]
    """
    order = tuple(sorted(range(len(fronts)), key=lambda position: len(fronts[position])))
    points = np.zeros((1, 2))
    steps = []
    for done, position in enumerate(order, 1):
        points, before, choices = _add(points, np.asarray(fronts[position], dtype=float))
        if keep is not None:
            kept = keep(order[done:], points)
            points, before, choices = points[kept], before[kept], choices[kept]
        steps.append((before, choices))
    return FrontSum(points, order, tuple(steps))


def _add(points: Any, front: Any) -> tuple[Any, Any, Any]:
    """The front of the sums of two fronts, and the two points behind each."""
    width = max(1, BLOCK // max(1, len(points)))
    best, before, choices = np.zeros((0, 2)), np.zeros(0, np.int32), np.zeros(0, np.int32)
    rows = np.arange(len(points), dtype=np.int32)
    for start in range(0, len(front), width):
        part = front[start : start + width]
        sums = np.concatenate((best, (part[:, None, :] + points[None, :, :]).reshape(-1, 2)))
        kept = _lower_left(sums)
        best = sums[kept]
        before = np.concatenate((before, np.tile(rows, len(part))))[kept]
        taken = np.arange(start, start + len(part), dtype=np.int32)
        choices = np.concatenate((choices, np.repeat(taken, len(points))))[kept]
    return best, before, choices


def _lower_left(points: Any) -> Any:
    """Positions of the points that no other beats, latency rising; of equal ones, one."""
    # A stable sort merges the runs that rise already. Of equal latencies the last that improves is the best.
    order = np.argsort(points[:, 1], kind="stable")
    energies = points[order, 0]
    lowest_before = np.minimum.accumulate(np.concatenate(([np.inf], energies[:-1])))
    kept = order[energies < lowest_before * (1 - ROUNDING)]
    latencies = points[kept, 1]
    return kept[np.append(latencies[1:] > latencies[:-1], True)] if len(kept) else kept
