"""What is known to be possible, and how far from it a bound lies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

import numpy as np

from dse.explore.proof.bounding.bounds import DesignBound

MOST_CORNERS = 256
"""Corners that a search below them is given at most."""

HYPERBOLA = 32
"""Corners that cover all products of energy and latency below a value."""


@dataclass(slots=True)
class Staircase:
    """Points that some design reaches, by the objectives of a sweep.

    Parameters
    ----------
    objectives : tuple of str
        Of energy, latency, edp, area. With area among them, a bound is held only against designs of no more area.
    weight : float
        Of latency in the weighted sum of a bound, pJ/s.

    Notes
    -----
    The points that a design can reach lie above its bounds on energy, on latency and on their weighted sum. All of
    them are matched by a known point, unless the region above the bounds reaches below an inner corner of the staircase
    of known points (e_i, t_i+1), or past one of its two ends. So a factor on the bounds is enough when it brings, at
    every corner, one of the three to the corner's.

    Examples
    --------
    >>> known = Staircase(("energy", "latency"), 1.0)
    >>> known.add([(4.0, 1.0), (2.0, 2.0)], 5.0)
    >>> known.short_of(DesignBound(4.0, 1.0, 5.0)), known.short_of(DesignBound(2.0, 1.6, 3.6))
    (0.0, 0.25)
    """

    objectives: tuple[str, ...]
    weight: float
    _points: Any = field(default_factory=lambda: np.zeros((0, 3)))
    _corners: dict[int, Any] = field(default_factory=dict)
    _columns: dict[int, Any] = field(default_factory=dict)  # of corners: both coordinates, and their weighted sums
    _areas: Any = field(default_factory=lambda: np.zeros(0))
    _has_both: bool = False
    _has_area: bool = False

    def __post_init__(self) -> None:
        self._has_both = {"energy", "latency"} <= set(self.objectives)
        self._has_area = "area" in self.objectives

    def add(self, points: Iterable[tuple[float, float]], area_mm2: float) -> None:
        """Enter what a design reaches, as (energy in pJ, latency in s)."""
        rows = [(area_mm2, *point) for point in points]
        if rows:
            together = np.concatenate((self._points, np.array(rows)))
            self._points = together[np.argsort(together[:, 0], kind="stable")]
            self._areas = np.ascontiguousarray(self._points[:, 0])
            self._corners.clear()
            self._columns.clear()

    def short_of(self, bound: DesignBound) -> float:
        """The least fraction t such that 1 + t times what a bound allows is matched by a known point; at least 0.

        Infinite where nothing is known to compare with, or where the bound is of nothing.
        """
        count = self._count_within(bound.area_mm2)
        if count not in self._columns:
            ends = self._corners_of(count).T
            sums = ends[0] + self.weight * ends[1] if self.weight else ends[0]
            self._columns[count] = *np.ascontiguousarray(ends), np.ascontiguousarray(sums)
        firsts, seconds, sums = self._columns[count]
        first, second, weighted = self._coordinates(bound)
        if len(firsts) == 0 or first <= 0 or second <= 0:
            return inf
        factors = firsts / first
        np.minimum(factors, seconds / second, out=factors)
        if weighted > 0:
            np.minimum(factors, sums / weighted, out=factors)
        return max(0.0, float(factors.max()) - 1.0)

    def gap_of(self, points: Iterable[tuple[float, float]], bound: DesignBound) -> float:
        """How far a design's own points are from its bound, as a fraction: all it can reach is matched within that."""
        own = Staircase(self.objectives, self.weight)
        own.add(points, bound.area_mm2)
        return own.short_of(bound)

    def corners_above(self, bound: DesignBound, gap: float = 0.0) -> Any:
        """The corners below which a point that the bound allows would be matched by no known point.

        Parameters
        ----------
        bound : DesignBound
        gap : float
            Points that are matched within it count as matched.

        Returns
        -------
        (*, 2) float
            Energy in pJ and latency in s, at most `MOST_CORNERS`: neighbours are taken together, at the largest of
            both. None at all where the bound is matched.

        Examples
        --------
        >>> known = Staircase(("energy", "latency"), 1.0)
        >>> known.add([(4.0, 1.0), (2.0, 2.0)], 5.0)
        >>> known.corners_above(DesignBound(2.0, 1.6, 3.6)).tolist()
        [[4.0, 2.0]]
        """
        corners = self._corners_within(bound.area_mm2) / (1 + gap)
        first, second, weighted = self._coordinates(bound)
        above = corners[(corners[:, 0] > first) & (corners[:, 1] > second)]
        if weighted > 0:
            sums = above[:, 0] + self.weight * above[:, 1] if self.weight else above[:, 0]
            above = above[sums > weighted]
        if self._has_both:
            return _grouped(above, MOST_CORNERS)
        return self._energy_latency(_grouped(above, MOST_CORNERS // HYPERBOLA), bound)

    def _energy_latency(self, above: Any, bound: DesignBound) -> Any:
        """(*, 2): corners in energy and latency that cover those of the one or two objectives beside area."""
        names = [name for name in self.objectives if name != "area"]
        found: list[Any] = []
        for pair in above.tolist():
            most = {"energy": inf, "latency": inf, "edp": inf}
            for name, value in zip((names[0], names[-1]), pair, strict=True):
                most[name] = min(most[name], value)
            bends = most["edp"] < inf and min(bound.energy_pj, bound.latency_s) > 0
            found += _below_product(most, bound) if bends else [(most["energy"], most["latency"])]
        return np.array(list(dict.fromkeys(found))).reshape(-1, 2)

    def _coordinates(self, bound: DesignBound) -> tuple[float, float, float]:
        """A bound in the objectives that the staircase is drawn in: twice the same where there is one only."""
        energy, latency = bound.energy_pj, bound.latency_s
        if self._has_both:
            return energy, latency, bound.weighted_pj
        values = self._values(np.array([[0.0, energy, latency]]))[0]
        return float(values[0]), float(values[1]), 0.0

    def _values(self, points: Any) -> Any:
        """(points, 2): the objectives but area, without EDP where energy and latency both are among them."""
        energy, latency = points[:, 1], points[:, 2]
        columns = {"energy": energy, "latency": latency, "edp": energy * latency}
        names = ["energy", "latency"] if self._has_both else [name for name in self.objectives if name != "area"]
        chosen = [columns[name] for name in names] or [np.ones(len(points))]
        return np.stack([chosen[0], chosen[-1]], axis=1)

    def _corners_within(self, area_mm2: float) -> Any:
        """The inner corners and the two open ends of the staircase of designs of at most so much area."""
        return self._corners_of(self._count_within(area_mm2))

    def _count_within(self, area_mm2: float) -> int:
        """How many known points are of designs of at most so much area: they come first."""
        return int(self._areas.searchsorted(area_mm2, side="right")) if self._has_area else len(self._points)

    def _corners_of(self, count: int) -> Any:
        if count not in self._corners:
            self._corners[count] = _corners(self._values(self._points[:count]))
        return self._corners[count]


def _grouped(corners: Any, most: int) -> Any:
    """At most so many corners, each the largest of some neighbours in both coordinates."""
    groups = np.array_split(corners, min(len(corners), most)) if len(corners) else []
    return np.array([group.max(axis=0) for group in groups]).reshape(-1, 2)


def _below_product(most: Mapping[str, float], bound: DesignBound) -> list[tuple[float, float]]:
    """Corners that cover all points above a bound whose energy, latency and product are below some values."""
    last = min(most["energy"], most["edp"] / bound.latency_s)
    first = max(bound.energy_pj, min(last, most["edp"] / most["latency"]))
    energies = np.geomspace(first, last, HYPERBOLA + 1)
    latencies = np.minimum(most["latency"], most["edp"] / energies[:-1])
    return [*((energies[0], most["latency"]),) * (first > bound.energy_pj), *zip(energies[1:], latencies, strict=True)]


def _corners(values: Any) -> Any:
    """(corners, 2): the least that is not matched, one coordinate of each neighbour; infinite beyond the ends."""
    if len(values) == 0:
        return values
    order = np.lexsort((values[:, 0], values[:, 1]))
    first, second = values[order, 0], values[order, 1]
    lowest = np.concatenate(([np.inf], np.minimum.accumulate(first)[:-1]))
    kept = first < lowest
    stairs = np.stack([first[kept], second[kept]], axis=1)
    return np.stack([np.r_[np.inf, stairs[:, 0]], np.r_[stairs[:, 1], np.inf]], axis=1)
