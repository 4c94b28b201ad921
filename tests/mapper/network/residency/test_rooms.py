"""What a step may have at home, and the room that this leaves."""

import pytest
from mapper.network.residency.small_networks import setting_of

from dse.mapper.network.residency.columns import Column, Columns, Point, Solved, Way
from dse.mapper.network.residency.rooms import way_in, ways_of
from dse.problem.layer import Layer


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


def point(energy: float, cycles: float, bits: int, within: float = 1.0) -> Point:
    return Point(energy, cycles, energy / within, cycles / within, bits)


@pytest.mark.parametrize("fronts", [False, True])
def test_a_bound_for_more_room_holds_for_less(fronts):
    """A search that was far from its optimum says less of its room than a close one of a larger room."""
    far = (point(120.0, 60.0, 40, 1.5), *((point(150.0, 45.0, 48, 1.5),) if fronts else ()))
    close = (point(100.0, 50.0, 60), *((point(130.0, 42.0, 70),) if fronts else ()))
    layer, way = Layer("fc", K=2, C=3), Way(frozenset(), False, 80)
    columns = Columns(lambda *_: (), solved={(layer.shape_key(), frozenset(), False): [
        Solved(50, far, 0.5), Solved(80, close, 0.0),
    ]})  # fmt: skip
    bounds = [one for one in columns.of(layer, way) if not one.exact]
    assert [one.bits for one in bounds] == sorted(one.bits for one in bounds)
    for one in bounds:
        assert any(p.energy_pj <= one.point.least_pj and p.cycles <= one.point.least_cycles for p in close)
    exact = [one.point for one in columns.of(layer, way) if one.exact]
    assert exact == [*far, *close]
