"""What a step may have at home, and the room that this leaves."""

import pytest
from mapper.network.residency.small_networks import setting_of

from dse.mapper.network.residency.columns import Column, Point
from dse.mapper.network.residency.rooms import way_in, ways_of


@pytest.mark.parametrize("seed", range(12))
def test_rooms_are_what_the_tensors_at_home_leave(seed):
    setting, _ = setting_of(seed)
    for i, step in enumerate(setting.graph.steps):
        if step.layer is None:
            continue
        of = {**dict(step.operands), "psum": (step.writes,)}
        ways = [way for way in ways_of(setting, i) if not way.wide]
        assert len({way.homes for way in ways}) == len(ways)
        assert any(not way.homes and way.room == setting.capacity for way in ways)
        for way in ways:
            held = {t for operand in way.homes for t in of[operand]}
            assert way.room == setting.capacity - sum(setting.graph.tensors[t].bits for t in held) >= 0


def test_a_column_takes_what_is_left():
    setting, _ = setting_of(1)
    i = next(i for i, step in enumerate(setting.graph.steps) if step.layer is not None)
    column = Column(frozenset(), False, 8, Point(1.0, 1.0, 1.0, 1.0, 8), True)
    way = way_in(setting, i, column, 40)
    assert (way.homes, way.wide, way.room) == (frozenset(), False, 40)
