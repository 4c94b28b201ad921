"""What a further hardware point takes: how it is measured and printed."""

from __future__ import annotations

import pytest
from benchmarks.further_point import CHANGES, GOALS, HEADER, SETTINGS, Spent, cells, designs, figures, measured

from dse import Layer


def test_figures_are_in_ms() -> None:
    assert figures([0.001 * each for each in range(10, 0, -1)]) == ("5.5", "9.0", "10.0")


def test_a_row_tells_the_first_point_from_the_further_ones() -> None:
    row = cells("simba_pe", "edp", "size", [Spent("a", 0.04, (0.01, 0.02)), Spent("b", 0.05, (0.03, 0.01))])
    assert len(row) == len(HEADER)
    assert row == ("simba_pe", "edp", "size", "2", "45.0", "50.0", "50.0", "15.0", "30.0", "30.0", "b")


@pytest.mark.parametrize(("machine", "setting"), [(one, each) for one, some in CHANGES.items() for each in some])
def test_further_points_differ_in_what_they_say(machine: str, setting: str) -> None:
    assert setting in SETTINGS
    own, *others = designs(machine, setting)
    assert others[0] != own != others[1] != others[0]


@pytest.mark.gate
def test_a_small_layer_is_measured() -> None:
    assert "edp_1%" in GOALS
    found = measured("simba_pe", "edp", "rate", Layer("small", K=16, C=8, P=6, Q=6, R=3, S=3))
    assert (found.layer, len(found.further_s)) == ("small", 2)
    assert min(found.first_s, *found.further_s) > 0
