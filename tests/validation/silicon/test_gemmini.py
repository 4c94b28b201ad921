"""Cycles of mappings on `gemmini.yaml` against Timeloop's, and against those that Gemmini's RTL took.

Source of `tests/reference/gemmini_rtl_16x16.csv`: the public data of DOSA (Hong et al., MICRO 2023).
"""

from dataclasses import replace

import pytest
from validation.silicon import gemmini, gemmini_more

from dse.model.mapping import Loop


def test_the_reader_takes_loops_outermost_first():
    dram, scratchpad, columns, accumulator, rows, pe = gemmini.read_mapping(
        "L3[WIO] Q2 K8 - L2[WI] N1 K16X - L1[O] C4 P8 C3X - L0[W] P16"
    ).nodes
    assert dram.loops == (Loop("Q", 2), Loop("K", 8))
    assert dram.stores == {"ifmap", "weight", "psum"}
    assert scratchpad.loops == ()
    assert scratchpad.stores == {"ifmap", "weight"}
    assert columns.cols == (Loop("K", 16),)
    assert rows.rows == (Loop("C", 3),)
    assert accumulator.loops == (Loop("C", 4), Loop("P", 8))
    assert pe.loops == (Loop("P", 16),)
    with pytest.raises(ValueError, match="no fan-out"):
        gemmini.read_mapping("L3[WIO] K8X - L2[WI] N1 - L1[O] N1 - L0[W] P16")


def test_cycles_are_timeloops():
    """All where the accumulator pays for psums' first visits, as it did; 125 by the rules of today."""
    found = [(gemmini.timeloop_cycles(point), point.timeloop) for point in gemmini.points()]
    assert len(found) == 148
    assert all(older == theirs for (_, older), theirs in found)
    assert sum(now == theirs for (now, _), theirs in found) == 125
    assert all(now <= theirs for (now, _), theirs in found)


MEASURED = {
    "analytical": (gemmini.Agreement(1.397, 2.331, 0.969), gemmini.Agreement(1.042, 1.522, 0.984)),
    "both": (gemmini.Agreement(1.170, 2.056, 0.973), gemmini.Agreement(0.941, 1.414, 0.988)),
}
"""RTL over ours of each set: with nothing fitted, and with the constant that was fitted on the other set."""


@pytest.mark.parametrize("reported", gemmini.SETS)
def test_rtl_over_ours_is_as_measured(reported):
    (fitted,) = set(gemmini.SETS) - {reported}
    _, plain, rows = gemmini.compared(gemmini.of(reported), gemmini.cycles_per_row(fitted))
    for found, measured in zip((plain, rows), MEASURED[reported], strict=True):
        assert vars(found) == pytest.approx(vars(measured), abs=1e-3)


def test_one_constant_serves_both_sets():
    """As many cycles a row as set `both` asks for: ranks, medians and tails of both sets are near the RTL's."""
    per_row = gemmini.cycles_per_row("both")
    assert per_row == pytest.approx(2.13, abs=0.01)
    for group in gemmini.SETS:
        _, _, found = gemmini.compared(gemmini.of(group), per_row)
        assert found.rank >= 0.98
        assert 0.95 <= found.median <= 1.15
        assert found.p90 < 1.8


def test_rows_of_a_transfer():
    """Tiles of 2 x 2 outputs, stride 2, 3 x 3 taps, 96 channels, 80 filters: 25 pixels and 864 taps of two rows."""
    mapping = gemmini.read_mapping("L3[WIO] K2 C2 - L2[WI] N1 - L1[O] C96 K80 S3 R3 - L0[W] P2 Q2")
    (point, *_) = gemmini.points()
    layer = point.layer.with_(N=1, K=160, C=192, P=2, Q=2, R=3, S=3, stride_h=2, stride_w=2)
    one_load = 25 * 2 + 9 * 96 * 2
    assert gemmini.dma_rows(replace(point, layer=layer, mapping=mapping)) == 4 * one_load + 2 * 4 * 5


def test_what_a_fan_out_takes_beyond_the_array_is_folded():
    mapping = gemmini.read_mapping("L3[WIO] Q2 - L2[WI] N1 K20X - L1[O] C4 P8 C64X - L0[W] N1")
    _, scratchpad, columns, accumulator, rows, _ = gemmini_more.folded(mapping).nodes
    assert (scratchpad.loops, columns.cols) == ((Loop("K", 2),), (Loop("K", 16),))
    assert accumulator.loops == (Loop("C", 4), Loop("P", 8), Loop("C", 4))
    assert rows.rows == (Loop("C", 16),)


@pytest.mark.slow
def test_further_mappings_are_reported_not_aimed_at():
    """All 1,567 are read and priced; the constant of the 148 brings the median nearer and ranks them better."""
    everything, *kinds = gemmini_more.rows()
    name, count, plain, with_rows = everything
    assert (name, count) == ("all", 1567) == ("all", sum(kind[1] for kind in kinds))
    assert vars(plain) == pytest.approx({"median": 1.37, "p90": 10.34, "rank": 0.827}, abs=0.01)
    assert vars(with_rows) == pytest.approx({"median": 0.86, "p90": 5.21, "rank": 0.872}, abs=0.01)
