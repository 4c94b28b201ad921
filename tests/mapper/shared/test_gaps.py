"""A gap is a fraction from 0 to a million: with more, products overflow and searches find nothing."""

from math import inf, nan

import pytest

import dse
from dse.errors import DseError
from dse.mapper.shared.gaps import LARGEST_GAP, check_gap

LAYER = dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)


@pytest.mark.parametrize("gap", [-0.1, nan, inf, 1e308, 2 * LARGEST_GAP, "1", True, None])
def test_what_is_no_gap_is_refused(gap):
    with pytest.raises(DseError, match="gap"):
        check_gap(gap)
    with pytest.raises(DseError, match="gap"):
        dse.map_layer("eyeriss", LAYER, gap=gap)


@pytest.mark.parametrize("machine", ["eyeriss", "edge_npu"])
@pytest.mark.parametrize("objective", ["energy", "latency", "edp"])
def test_the_largest_gap_still_finds_a_mapping(machine, objective):
    assert dse.map_layer(machine, LAYER, objective, gap=LARGEST_GAP).certificate.gap <= LARGEST_GAP
