"""Limits on results, as files state them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.formats.architecture.space.constraints import Constraint, read_constraints
from dse.formats.architecture.space.model import ConstraintsModel


def test_limits_come_in_the_units_they_are_named_for() -> None:
    model = ConstraintsModel.model_validate(
        {"area": {"max": "500000 um2"}, "power": {"max": "2 W", "min": "1 mW"}, "latency": {"max": "5 ms"},
         "energy": {"max": "3 uJ"}}
    )  # fmt: skip
    assert read_constraints(model) == (
        Constraint("area_mm2", 0.5),
        Constraint("power_mw", 2000, 1),
        Constraint("latency_s", 0.005),
        Constraint("energy_pj", 3e6),
    )


@given(st.floats(1, 1e6), st.floats(0.01, 100))
def test_excess_is_relative_to_the_limit(limit: float, ratio: float) -> None:
    found = Constraint("area_mm2", maximum=limit).excess(limit * ratio)
    assert found == pytest.approx(max(0, ratio - 1), abs=1e-9)
    found = Constraint("area_mm2", minimum=limit).excess(limit * ratio)
    assert found == pytest.approx(max(0, 1 - ratio), abs=1e-9)
