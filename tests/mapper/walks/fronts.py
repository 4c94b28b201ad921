"""Fronts of (energy, latency) points, and when two of them are the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

EQUAL = 1e-9
"""Relative difference below which two prices are the same: they are sums of floats in different orders."""


def front_of(points: Iterable[tuple[float, float]]) -> Any:
    """(points, 2): the points that no other is as good as, latency rising and energy falling."""
    front: list[tuple[float, float]] = []
    for energy, cycles in sorted(points, key=lambda point: (point[1], point[0])):
        if not front or energy < front[-1][0]:
            front.append((energy, cycles))
    return np.array(front).reshape(-1, 2)


def significant(front: Any) -> Any:
    """A front without the points that are better than another by rounding only."""
    points: list[tuple[float, float]] = []
    for energy, cycles in front:
        if points and energy >= points[-1][0] * (1 - EQUAL):
            continue
        if points and cycles <= points[-1][1] * (1 + EQUAL):
            points.pop()
        points.append((energy, cycles))
    return np.array(points).reshape(-1, 2)
