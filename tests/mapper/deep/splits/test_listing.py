"""Axes of the same splits have one table, and each finds in it what it would have by itself."""

from dataclasses import replace

import numpy as np
import pytest

from dse import DseError, Layer, load_architecture, map_layer
from dse.mapper.deep.bounds.layer_spaces import spaces_of
from dse.mapper.deep.splits.axes import Axis
from dse.mapper.deep.splits.listing import MOST, axes_of
from dse.problem.dims import IFMAP, PSUM, WEIGHT, P, Q, R, S

SQUARE = Layer("square", K=4, C=3, P=6, Q=6, R=3, S=3)


def axes_on(machine: str, layer: Layer) -> list[Axis]:
    spec = load_architecture(machine)
    return axes_of(spaces_of(spec, spec.lowered(layer), "all")[1][0].problem)


def alone(axis: Axis) -> Axis:
    return replace(axis, columns={}, twin=None, _tables=None, _width=1, _asked=(), beside=None, _equal={})


def factors(axis: Axis, key: tuple[object, ...]) -> list[float]:
    at = axis.column(key)
    return [float(factor) for factor in axis.table(plain=True)[at]]


@pytest.mark.parametrize("machine", ["simba_pe", "nvdla_small"])
def test_axes_of_the_same_splits_have_one_table(machine: str) -> None:
    p, q = axes_on(machine, SQUARE)[P : Q + 1]
    assert q.twin is p
    assert q.nbytes == 0
    levels = p.chains[0].shape[1] // 2
    words = [("words", operand, level) for operand in (IFMAP, WEIGHT, PSUM) for level in range(levels)]
    each = [("side", level, side) for level in range(levels) for side in (0, 1)] + [("children", 1), ("steps",)]
    for which, own in ((P, Q), (R, S)):
        for lists in range(levels):
            key = ("count", own, lists, 2)
            assert factors(q, key) == factors(alone(q), key) == factors(p, ("count", which, lists, 2))
    for key in words + each + [("idle", levels), ("changes", 1, 2), ("steps_per_change", 1, 2)]:
        assert factors(q, key) == factors(alone(q), key), key
    assert q.width == p.width
    assert q.both() is p.both()


def test_sides_that_differ_are_told_apart() -> None:
    p, q = axes_on("simba_pe", SQUARE)[P : Q + 1]
    turned = replace(q, sides=q.sides + np.arange(len(q))[:, None, None], columns={})
    assert factors(turned, ("side", 1, 0)) == (p.sides[:, 1, 0] + np.arange(len(p))).tolist()
    assert factors(q, ("side", 1, 0)) == p.sides[:, 1, 0].tolist()


OTHERS = [replace(SQUARE, Q=7), replace(SQUARE, S=1), replace(SQUARE, stride_w=2), replace(SQUARE, dilation_h=2)]


@pytest.mark.parametrize("layer", OTHERS)
def test_other_sizes_or_windows_have_tables_of_their_own(layer: Layer) -> None:
    assert axes_on("simba_pe", layer)[Q].twin is None


def test_a_bound_too_large_for_chains_is_refused() -> None:
    """Chains have four bytes a number: 3,000,000,019 became a mapping that covers one."""
    with pytest.raises(DseError, match=r"a loop bound of 3,000,000,019 is too large for the mapper: 1,073,741,823 at"):
        map_layer("edge_npu", Layer("fc", K=3_000_000_019, C=2), "energy", factors="perfect")
    assert map_layer("edge_npu", Layer("fc", K=MOST - 5, C=2), "energy", factors="perfect").certificate.gap == 0.0
