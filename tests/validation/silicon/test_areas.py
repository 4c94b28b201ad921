"""Areas of memories: the table goes through CACTI's points, and between them it is as near as its neighbours tell."""

import pytest
from validation.silicon import areas


def test_the_table_goes_through_its_points():
    assert areas.through_its_points() == pytest.approx(0, abs=1e-9)


def test_a_point_left_out_is_within_an_eighth():
    errors = areas.left_out()
    assert len(errors) == 24
    assert max(map(abs, errors.values())) < 1 / 8


def test_no_memory_is_larger_than_a_die_that_holds_it():
    limits = [(theirs, ours) for _, _, theirs, ours, is_limit in areas.published() if is_limit]
    assert len(limits) == 3
    assert all(ours < theirs for theirs, ours in limits)
