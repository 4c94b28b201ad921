"""The split that stands for those with the same loops further in has all others in the outermost list."""

from __future__ import annotations

import numpy as np
import pytest

from dse import Layer, load_architecture
from dse.mapper.deep.bounds.layer_spaces import spaces_of
from dse.mapper.deep.splits.axes import Axis
from dse.mapper.deep.splits.gathered import gathered, stand_ins_of, told_further

LAYER = Layer("l", K=12, C=10, P=7, Q=7, R=3, S=3)


def axes_of(machine: str) -> list[Axis]:
    architecture = load_architecture(machine)
    return spaces_of(architecture, architecture.lowered(LAYER), "all")[1][0].axes


@pytest.mark.parametrize("machine", ["nvdla_small", "gemmini", "tests/benchmarks/specs/npu3.yaml"])
@pytest.mark.parametrize("lists", [1, 2, 3])
def test_a_stand_in_is_the_split_with_the_fewest_outer_trips(machine: str, lists: int) -> None:
    for axis in axes_of(machine):
        axis.gathered.clear()
        of = gathered(axis, lists)
        assert of is not None
        assert np.array_equal(of[of], of)
        for chain, bound in zip(axis.chains, axis.bounds, strict=True):
            slots = np.arange(chain.shape[1])
            outer = (slots % 2 == 0) & (slots < 2 * lists)
            assert np.array_equal(chain[of][:, ~outer], chain[:, ~outer])
            assert (chain[of][:, outer & (slots > 0)] == 1).all()
            inner = chain[:, ~outer].prod(axis=1)
            assert np.array_equal(chain[of][:, 0], -(-bound // inner))
            assert (chain[of][:, 0] <= chain[:, outer].prod(axis=1)).all()


def test_what_stands_for_others_is_told_further() -> None:
    axis = max(axes_of("tests/benchmarks/specs/npu3.yaml"), key=len)
    some = np.arange(0, len(axis), 3)
    coarse = stand_ins_of(axis, some, 3)
    assert 1 < len(coarse) < len(stand_ins_of(axis, some, 2)) < len(some)
    splits, places = told_further(axis, coarse, 3, 1)
    of, finer = gathered(axis, 3), gathered(axis, 2)
    assert of is not None
    assert finer is not None
    assert np.array_equal(coarse[places], of[splits])
    assert set(some.tolist()) <= set(splits.tolist())
    assert np.array_equal(splits, np.flatnonzero(np.isin(of, coarse)))
    between, at = told_further(axis, coarse, 3, 2)
    assert np.array_equal(between, np.unique(finer[splits]))
    assert np.array_equal(told_further(axis, between, 2, 1)[0], splits)
    assert np.array_equal(coarse[at], of[between])


def test_no_split_stands_for_others_where_one_is_missing() -> None:
    axis = max(axes_of("tests/benchmarks/specs/npu3.yaml"), key=len)
    of = gathered(axis, 3)
    assert of is not None
    missing = np.bincount(of).argmax()
    rows = np.delete(np.arange(len(axis)), missing)
    less = Axis(axis.dims, axis.bounds, tuple(chain[rows] for chain in axis.chains), 1, 1)
    assert gathered(less, 3) is None
    assert gathered(less, 1) is not None
