"""Fits and node scaling: monotone, exact where they should be, and equal to the published factors."""

from __future__ import annotations

import csv
from math import log
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.architecture.scaling import PowerLaw, fit_power_law, interpolate_log, node
from dse.errors import DseError

REFERENCE = Path(__file__).parents[1] / "reference"
POSITIVE = st.floats(min_value=1e-3, max_value=1e6)


def rows(name: str) -> list[dict[str, str]]:
    lines = [line for line in (REFERENCE / name).read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


@given(POSITIVE, st.floats(0.05, 2), st.lists(POSITIVE, min_size=2, max_size=9, unique=True))
def test_a_fit_finds_the_line_its_points_lie_on(factor: float, exponent: float, sizes: list[float]) -> None:
    if max(sizes) / min(sizes) < 1.01:
        return
    fit = fit_power_law([(x, factor * x**exponent) for x in sizes])
    assert fit.exponent == pytest.approx(exponent, rel=1e-6)
    assert fit.factor == pytest.approx(factor, rel=1e-4)


def test_a_fit_is_the_least_squares_line() -> None:
    points = [(2.0, 3.0), (8.0, 5.0), (64.0, 20.0), (100.0, 11.0)]

    def error(law: PowerLaw) -> float:
        return sum((log(law(x)) - log(y)) ** 2 for x, y in points)

    best = fit_power_law(points)
    for factor, exponent in ((1.01, 0), (0.99, 0), (1, 0.01), (1, -0.01)):
        assert error(best) < error(PowerLaw(best.factor * factor, best.exponent + exponent))


@pytest.mark.parametrize("points", [[(1.0, 2.0), (4.0, 1.0)], [(1.0, 2.0), (4.0, 2.0)], [(3.0, 1.0)]])
def test_points_that_do_not_grow_are_refused(points: list[tuple[float, float]]) -> None:
    with pytest.raises(DseError, match="do not grow"):
        fit_power_law(points)


TABLE = [(2.0, 1.0), (4.0, 7.0), (32.0, 9.0)]


@given(st.floats(0.1, 500), st.floats(1.0001, 3))
def test_interpolation_rises_strictly(x: float, step: float) -> None:
    assert interpolate_log(TABLE, x) < interpolate_log(TABLE, x * step)


@pytest.mark.parametrize(("x", "y"), [*TABLE, (1.0, 0.5), (64.0, 18.0), (8**0.5, 7**0.5)])
def test_interpolation_meets_its_points_and_is_proportional_outside(x: float, y: float) -> None:
    assert interpolate_log(TABLE, x) == pytest.approx(y, rel=1e-12)


@pytest.mark.parametrize("row", rows("stillmaker_scaling.csv"), ids=lambda row: row["node_nm"])
def test_nodes_are_the_published_polynomials_at_their_supply(row: dict[str, str]) -> None:
    found = node(float(row["node_nm"]))
    a2, a1, a0 = (float(row[f"energy_a{power}"]) for power in (2, 1, 0))
    assert found.energy == a2 * found.supply_v**2 + a1 * found.supply_v + a0
    assert found.area == float(row["area_rel_to_65nm"])


@given(st.floats(7, 130), st.floats(7, 130))
def test_a_smaller_node_is_smaller_and_thriftier(one: float, other: float) -> None:
    small, large = node(min(one, other)), node(max(one, other))
    assert small.energy <= large.energy
    assert small.area <= large.area
    assert small.supply_v <= large.supply_v


@pytest.mark.parametrize("nm", [5, 180])
def test_a_node_outside_the_equations_is_refused(nm: float) -> None:
    with pytest.raises(DseError, match=f"no scaling to {nm} nm") as error:
        node(nm)
    assert error.value.hint == "nodes from 7 nm to 130 nm are covered"
