"""Boxes partition a space, and their corners have the extremes of what is in them."""

import numpy as np
import pytest

from dse.explore.designs.space import DesignSpace
from dse.explore.proof.boxes import box
from dse.explore.proof.boxes.bands import Band
from dse.explore.proof.boxes.box import Axes, Box, axes_of, held_by

SPACE = DesignSpace.of({
    "dataflow": ["ws", "rs"],
    "levels.array.rows": [2, 4, 8, 16],
    "levels.GLB.capacity": ["64 KiB", "32 KiB", "16 KiB"],
    "technology.voltage": ["0.8 V", "1 V"],
})  # fmt: skip


def prices(settings):
    """A word costs more from a larger memory, and an array of more rows has a shorter way to the edge."""
    kib = int(settings["levels.GLB.capacity"].split()[0])
    return np.array([kib**0.5, 100 / settings["levels.array.rows"], 1.0])


def leaves(axes):
    waiting, found = [axes.whole], []
    while waiting:
        one = waiting.pop()
        if one.size == 1:
            found.append(one)
        else:
            parts = axes.split(one)
            assert sum(part.size for part in parts) == one.size
            waiting += parts
    return found


def test_splitting_ends_at_every_design_once():
    found = leaves(axes_of(SPACE, prices))
    assert sorted(SPACE.index(box.first) for box in found) == list(range(SPACE.size))


@pytest.fixture
def _wide(monkeypatch):
    """Spaces are wide enough for boxes that span capacities."""
    monkeypatch.setattr(box, "MANY_BOXES", 4)


def test_capacities_are_spanned_in_wide_spaces_only():
    assert [sizes is not None for sizes in axes_of(SPACE, prices).sizes] == [False, True, False, False]


@pytest.mark.usefixtures("_wide")
def test_sides_and_capacities_are_spanned_and_nothing_else():
    axes = axes_of(SPACE, prices)
    assert [sizes is not None for sizes in axes.sizes] == [False, True, True, False]
    assert not axes.is_bounded(axes.whole)
    assert all(sizes is None for sizes in axes_of(SPACE, None).sizes)


@pytest.mark.usefixtures("_wide")
def test_corners_reach_the_least_of_every_price_in_a_box():
    axes = axes_of(SPACE, prices)
    for first, last in (((0, 1, 0, 1), (0, 3, 2, 1)), ((1, 0, 1, 0), (1, 1, 2, 0)), ((1, 2, 1, 0), (1, 2, 1, 0))):
        one = Box(first, last)
        inside = [prices(SPACE.settings(i)) for i in range(SPACE.size) if one.holds(SPACE.digits(i))]
        corners = [prices(settings) for settings in axes.settings_of(one)]
        assert len(inside) == one.size
        assert np.min(corners, axis=0).tolist() == np.min(inside, axis=0).tolist()
        assert len(corners) <= one.size


@pytest.mark.usefixtures("_wide")
def test_a_setting_along_which_a_price_turns_back_is_not_spanned():
    def turning(settings):
        return np.array([abs(settings["levels.array.rows"] - 4.0)])

    assert [sizes is not None for sizes in axes_of(SPACE, turning).sizes] == [False, False, True, False]


def test_one_design_has_one_corner():
    axes = Axes(SPACE, (None,) * 4, ((False,) * 4, (True,) * 4))
    one = Box((1, 2, 0, 1), (1, 2, 0, 1))
    assert axes.settings_of(one) == (SPACE.settings(SPACE.index(one.first)),)


@pytest.mark.parametrize("axis", range(4))
def test_a_part_has_another_interval_of_one_setting(axis):
    whole = axes_of(SPACE, prices).whole
    part = whole.part(axis, 1, 1)
    assert part.size * (whole.last[axis] + 1) == whole.size


def test_boxes_that_differ_in_prices_alone_have_one_layout_and_are_split_off_last():
    space = DesignSpace.of({"technology.voltage": ["0.9 V", "1 V"], "dataflow": ["ws", "rs"], "levels.array.rows": [2]})
    axes = Axes(space, (None,) * 3, ((False,) * 3,), (True, False, False))
    first, second = axes.split(axes.whole)
    assert [first.last[0], first.first[1], second.first[1]] == [1, 0, 1]
    slow, fast = axes.split(first)
    assert axes.layout_of(slow) == axes.layout_of(fast) != axes.layout_of(second)
    assert axes.outside_of(slow) == axes.outside_of(fast)


def test_designs_in_boxes_are_counted_as_each_box_holds_them() -> None:
    boxes = [Box((0, 0), (0, 3)), Box((1, 2), (1, 2)), Box((0, 1), (2, 2)), Box((3, 3), (3, 3))]
    designs = [(0, 1), (0, 2), (1, 2), (2, 3)]
    assert held_by(boxes, designs) == [sum(map(one.holds, designs)) for one in boxes] == [2, 1, 3, 0]
    assert held_by(boxes, []) == [0] * 4
    assert held_by(boxes[1::2], designs) == [1, 0]
    assert held_by([], designs) == []
    bands = [Box((0, 0), (1, 2), Band((0, 1), pairs, (1,) * len(pairs))) for pairs in (((0, 1), (1, 2)), ((0, 0),))]
    assert held_by(bands, designs) == [sum(map(one.holds, designs)) for one in bands]
