"""Fits and scaling laws behind the technology tables: power laws in capacity, and factors between nodes."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import exp, log
from pathlib import Path

from dse.errors import DseError

TABLES = Path(__file__).parent / "tables"


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """`factor * x ** exponent`: a straight line in log-log."""

    factor: float
    exponent: float

    def __call__(self, x: float) -> float:
        return float(self.factor * x**self.exponent)

    def scaled(self, by: float) -> PowerLaw:
        return PowerLaw(self.factor * by, self.exponent)


@dataclass(frozen=True, slots=True)
class SizeLaw:
    """Two power laws that meet: `small` below `joint`, `large` from there on."""

    small: PowerLaw
    large: PowerLaw
    joint: float

    def __call__(self, x: float) -> float:
        return self.small(x) if x < self.joint else self.large(x)

    def scaled(self, by: float) -> SizeLaw:
        return SizeLaw(self.small.scaled(by), self.large.scaled(by), self.joint)


def fit_power_law(points: Iterable[tuple[float, float]], exponent: float | None = None) -> PowerLaw:
    """The least-squares line through `(log x, log y)`; exact through two points.

    Parameters
    ----------
    points : iterable of (x, y)
        All positive; at least two different x, or one if the exponent is given.
    exponent : float, optional
        Slope to keep; only the factor is fitted then.

    Raises
    ------
    DseError
        If y would not grow with x: a memory that costs less when it is larger is a mistake in the points.

    Examples
    --------
    >>> law = fit_power_law([(1, 3), (4, 6)])
    >>> round(law.exponent, 6), round(law(16), 6)
    (0.5, 12.0)
    """
    logs = [(log(x), log(y)) for x, y in points]
    mean_x = sum(x for x, _ in logs) / len(logs)
    mean_y = sum(y for _, y in logs) / len(logs)
    if exponent is None:
        spread = sum((x - mean_x) ** 2 for x, _ in logs)
        exponent = sum((x - mean_x) * (y - mean_y) for x, y in logs) / spread if spread else 0.0
    if exponent <= 0:
        raise DseError(f"the energy points do not grow with size: their log-log slope is {exponent:.3g}")
    return PowerLaw(exp(mean_y - exponent * mean_x), exponent)


def interpolate_log(points: Sequence[tuple[float, float]], x: float) -> float:
    """Piecewise log-log interpolation between ascending points; beyond either end y stays proportional to x.

    Monotone when the points are.

    Examples
    --------
    >>> points = [(1, 1), (100, 10)]
    >>> round(interpolate_log(points, 10), 6), interpolate_log(points, 200)
    (3.162278, 20.0)
    """
    if x <= points[0][0]:
        return points[0][1] * x / points[0][0]
    for (x0, y0), (x1, y1) in pairwise(points):
        if x == x1:
            return y1
        if x < x1:
            return y0 * exp(log(y1 / y0) * log(x / x0) / log(x1 / x0))
    return points[-1][1] * x / points[-1][0]


@cache
def macro_areas_um2(node_nm: float) -> tuple[tuple[float, float], ...]:
    """Points (bytes, square micrometres) of SRAM macros at a node, ascending in size.

    CACTI 7 from 65 to 22 nm, log-log between its nodes. Below 22 nm a macro shrinks as published bit cells do, above
    65 nm with the square of the node.

    Examples
    --------
    >>> sizes = [size for size, _ in macro_areas_um2(65)]
    >>> sizes == sorted(sizes), macro_areas_um2(28)[0] < macro_areas_um2(65)[0]
    (True, True)
    """
    tables: dict[float, list[tuple[float, float]]] = {}
    for row in read_table("sram_area.csv"):
        tables.setdefault(row["capacity_bytes"], []).append((row["node_nm"], row["area_um2"]))
    cells = sorted((row["node_nm"], row["cell_um2"]) for row in read_table("bit_cells.csv"))

    def at(points: list[tuple[float, float]]) -> float:
        first, last = min(points), max(points)
        if node_nm < first[0]:
            return first[1] * interpolate_log(cells, node_nm) / interpolate_log(cells, first[0])
        return last[1] * (node_nm / last[0]) ** 2 if node_nm > last[0] else interpolate_log(sorted(points), node_nm)

    return tuple((size, at(points)) for size, points in sorted(tables.items()))


@cache
def read_table(name: str) -> tuple[Mapping[str, float], ...]:
    """The rows of one of the number tables shipped beside this module, comment lines left out.

    Examples
    --------
    >>> sorted(read_table("bit_cells.csv")[0])
    ['cell_um2', 'node_nm']
    """
    with (TABLES / name).open(encoding="utf-8", newline="") as stream:
        lines = [line for line in stream if not line.startswith("#")]
    return tuple({key: float(value) for key, value in row.items()} for row in csv.DictReader(lines))


@dataclass(frozen=True, slots=True)
class Node:
    """What a technology node is relative to others.

    Parameters
    ----------
    nm : float
    energy : float
        Switching energy at the nominal supply, in the arbitrary unit of the scaling equations.
    area : float
        Relative to 65 nm.
    supply_v : float
    """

    nm: float
    energy: float
    area: float
    supply_v: float


@cache
def node(nm: float) -> Node:
    """A node of the scaling equations (Stillmaker and Baas, Integration 58, 2017), or one between two of them.

    Between two nodes, energy and area follow a line in log-log and so does the supply.

    Raises
    ------
    DseError
        Outside 7 to 130 nm.

    Examples
    --------
    >>> node(65).area, node(28).energy < node(65).energy
    (1.0, True)
    """
    known = sorted(
        (
            Node(
                row["node_nm"],
                row["energy_a2"] * row["supply_v"] ** 2 + row["energy_a1"] * row["supply_v"] + row["energy_a0"],
                row["area_rel_to_65nm"],
                row["supply_v"],
            )
            for row in read_table("node_scaling.csv")
        ),
        key=lambda entry: entry.nm,
    )
    if not known[0].nm <= nm <= known[-1].nm:
        raise DseError(
            f"no scaling to {nm:g} nm", hint=f"nodes from {known[0].nm:g} nm to {known[-1].nm:g} nm are covered"
        )

    def between(values: list[float]) -> float:
        return interpolate_log([(entry.nm, value) for entry, value in zip(known, values, strict=True)], nm)

    return Node(
        nm,
        between([entry.energy for entry in known]),
        between([entry.area for entry in known]),
        between([entry.supply_v for entry in known]),
    )
