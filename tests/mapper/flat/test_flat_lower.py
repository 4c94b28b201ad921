"""Bounds of boxes of designs: as tight as the box is small, and the same however they are asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dse.formats.architecture.load import load_architecture_spec
from dse.mapper.flat.instance import INSTANCE, record
from dse.mapper.flat.lower import LEAST, _rows, bound_flat, bound_flat_in_bands, flat_prices
from dse.problem.dims import PerOperand
from dse.problem.layer import Layer

CONV = Layer("conv", K=16, C=6, P=9, Q=9, R=3, S=3)
SIDES = ((4, 6), (6, 4), (8, 8))


def corner(rows: int, cols: int, buffer: str = "32 KiB") -> Any:
    settings = {"levels.array.rows": rows, "levels.array.cols": cols, "levels.GLB.capacity": buffer}
    return load_architecture_spec("eyeriss").resolve(settings)


def values(bound: Any) -> Any:
    return np.array([bound.energy_pj, bound.cycles, bound.weighted_pj])


@pytest.mark.parametrize("cycle_pj", [0.0, 5.0])
def test_arrays_bounded_together_have_the_bounds_that_each_has_alone(cycle_pj: float) -> None:
    corners = [corner(4, 6), corner(8, 8, "64 KiB")]
    together = bound_flat_in_bands(corners, CONV, cycle_pj, "all", [(sides,) for sides in SIDES])
    alone = [values(bound_flat(corners, CONV, cycle_pj, "all", (sides,))) for sides in SIDES]
    assert together == pytest.approx(np.array(alone), rel=1e-12)


def test_a_larger_box_has_a_lower_bound() -> None:
    """A design alone, its box with larger memories, and that with any array that fits between the corners."""
    one, larger, all_arrays = corner(4, 6), corner(4, 6, "64 KiB"), corner(8, 8, "64 KiB")
    bounds = [values(bound_flat(corners, CONV, 2.0, "all")) for corners in ([one], [one, larger], [one, all_arrays])]
    assert (bounds[0] >= bounds[1] * (1 - 1e-12)).all()
    assert (bounds[1] >= bounds[2] * (1 - 1e-12)).all()
    assert bounds[0][1] > bounds[2][1]  # more PEs take less time


def test_corners_may_come_in_any_order_and_more_than_once() -> None:
    corners = [corner(4, 6), corner(8, 8, "64 KiB"), corner(6, 4)]
    first = values(bound_flat(corners, CONV, 2.0, "all"))
    assert values(bound_flat(corners[::-1] + corners[:1], CONV, 2.0, "all")) == pytest.approx(first, rel=1e-12)


def test_perfect_factors_have_no_lower_bound_than_all_factors() -> None:
    odd = Layer("odd", K=7, C=5, P=11, Q=11, R=3, S=3)
    some, every = (values(bound_flat([corner(4, 6)], odd, 2.0, kind)) for kind in ("perfect", "all"))
    assert (some >= every * (1 - 1e-12)).all()
    assert some[1] > every[1]  # 7, 5 and 11 divide into no steps of 4 x 6 PEs


def test_the_prices_of_a_design_do_not_change_with_its_room_alone() -> None:
    """Boxes of capacities are bounded with the least of their corners' prices, which are these."""
    own = corner(4, 6)
    roomy, dear = (replace(own, hierarchy=tuple(
        replace(node, **change) if node.name == "GLB" else node for node in own.hierarchy
    )) for change in ({"capacity_bits": 1 << 22}, {"read_energy_pj": PerOperand.same(90.0)}))  # fmt: skip
    assert (flat_prices(roomy, CONV) == flat_prices(own, CONV)).all()
    assert (flat_prices(dear, CONV) != flat_prices(own, CONV)).any()
    assert len(flat_prices(own, CONV)) > len(LEAST)
    assert bound_flat([dear], CONV, 0.0, "all").energy_pj > bound_flat([own], CONV, 0.0, "all").energy_pj


def test_records_of_one_kind_share_one_type() -> None:
    # kernels' arguments are told apart by the identity of their types, each of which is kept
    instances = [record(INSTANCE, {"rows": rows}) for rows in (1, 2)]
    assert instances[0].dtype is instances[1].dtype is _rows(instances).dtype
    assert (instances[1].rows, _rows(instances)[1].rows) == (2, 2)
