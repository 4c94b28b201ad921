"""Outer points of problems that differ in prices alone, from one walk over outer tiles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dse.formats.architecture.load import load_architecture_spec
from dse.mapper.flat.gather import instances_of
from dse.mapper.flat.outer.alike import among
from dse.mapper.flat.outer.points import points_of, points_of_all
from dse.problem.layer import Layer

CONV = Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)


def instance_of(layer: Layer = CONV, **settings: str) -> Any:
    changes = {f"technology.{name}": value for name, value in settings.items()}
    return instances_of(load_architecture_spec("eyeriss").resolve(changes), layer)[1][0]


def test_the_ends_have_the_points_that_they_have_alone() -> None:
    ends = [instance_of(voltage=supply, clock="max") for supply in ("0.82 V", "1.17 V")]
    for table, own in zip(points_of_all(ends), map(points_of, ends), strict=True):
        assert table.count.tolist() == own.count.tolist()
        assert table.floor == pytest.approx(own.floor, rel=1e-9)
        for kind, count in enumerate(own.count):
            assert np.allclose(table.points[kind, :count], own.points[kind, :count], rtol=1e-9)


def test_prices_between_two_lie_as_far_as_the_least_of_them() -> None:
    low, high = (instance_of(voltage=supply, clock="max") for supply in ("0.82 V", "1.17 V"))
    between = low.copy()
    between.outer_pj = 0.5 * (low.outer_pj + high.outer_pj)
    between.up_pj = 0.25 * high.up_pj + 0.75 * low.up_pj
    found = among([high, between, low])
    assert found is not None
    assert (found.low, found.high) == (2, 0)
    assert found.parts == pytest.approx((1.0, 0.25, 0.0), rel=1e-9)
    assert found.factors[1:] == (1.0, 1.0)


def test_other_sizes_other_ports_and_prices_that_cross_have_walks_of_their_own() -> None:
    own = instance_of()
    for name, value in (("buffer_bits", own.buffer_bits * 2), ("outer_pj", own.outer_pj * (1.0, 1.0, 0.5)),
                        ("port_over", own.port_over * (1.0, 1.0, 2.0))):  # fmt: skip
        other = own.copy()
        other[name] = value
        if name == "outer_pj":
            other.up_pj = own.up_pj * 9.0
        assert among([own, other]) is None
