"""What a step may have at home, and the room that this leaves."""

from itertools import product
from math import inf
from pathlib import Path
from random import Random

import pytest
from mapper.network.residency.small_networks import setting_of

from dse.formats.architecture.load import load_architecture_spec
from dse.mapper.layer import lower_bound
from dse.mapper.network.residency.asking import homes_in, searcher
from dse.mapper.network.residency.columns import Column, Columns, Point, Solved, Way, within
from dse.mapper.network.residency.rooms import way_in, ways_of
from dse.mapper.shared.stopping import Shares
from dse.model.homes import at_home
from dse.problem.layer import Layer


@pytest.mark.parametrize("seed", range(12))
def test_rooms_are_what_the_tensors_at_home_leave(seed):
    setting, _ = setting_of(seed)
    (capacity,) = setting.capacities
    for i, step in enumerate(setting.graph.steps):
        if step.layer is None:
            continue
        of = {**dict(step.operands), "psum": (step.writes,)}
        ways = [way for way in ways_of(setting, i) if not way.wide]
        assert len({way.homes for way in ways}) == len(ways)
        assert any(not any(way.homes) and way.room == (capacity,) for way in ways)
        for way in ways:
            held = {t for operand in way.homes[0] for t in of[operand]}
            assert way.room == (capacity - sum(setting.graph.tensors[t].bits for t in held),)
            assert way.room[0] >= 0


def test_a_column_takes_what_is_left():
    setting, _ = setting_of(1)
    i = next(i for i, step in enumerate(setting.graph.steps) if step.layer is not None)
    column = Column((frozenset(),), False, (8,), Point(1.0, 1.0, 1.0, 1.0, (8,)), True)
    way = way_in(setting, i, column, (40,))
    assert (way.homes, way.wide, way.room) == ((frozenset(),), False, (40,))


def point(energy: float, cycles: float, bits: int, within: float = 1.0) -> Point:
    return Point(energy, cycles, energy / within, cycles / within, (bits,))


@pytest.mark.parametrize("fronts", [False, True])
def test_a_bound_for_more_room_holds_for_less(fronts):
    """A search that was far from its optimum says less of its room than a close one of a larger room."""
    far = (point(120.0, 60.0, 40, 1.5), *((point(150.0, 45.0, 48, 1.5),) if fronts else ()))
    close = (point(100.0, 50.0, 60), *((point(130.0, 42.0, 70),) if fronts else ()))
    layer, way = Layer("fc", K=2, C=3), Way((frozenset(),), False, (80,), (0,))
    columns = Columns(lambda *_: (), solved={(layer.shape_key(), (frozenset(),), False): [
        Solved((50,), far, 0.5), Solved((80,), close, 0.0),
    ]})  # fmt: skip
    bounds = [one for one in columns.of(layer, way) if not one.exact]
    assert [one.bits for one in bounds] == sorted(one.bits for one in bounds)
    for one in bounds:
        assert any(p.energy_pj <= one.point.least_pj and p.cycles <= one.point.least_cycles for p in close)
    exact = [one.point for one in columns.of(layer, way) if one.exact]
    assert exact == [*far, *close]


@pytest.mark.parametrize("seed", range(20))
def test_columns_of_two_levels_bound_every_room(seed):
    """In each room the least column is no better than any search of no less room allows, and no worse than all."""
    rng = Random(f"rooms {seed}")
    layer, nothing = Layer("fc", K=2, C=3), (frozenset[str](), frozenset[str]())
    solved = []
    for room in {(12, 12), *((rng.randint(0, 12), rng.randint(0, 12)) for _ in range(5))}:
        value, slack = rng.uniform(50, 100), rng.choice((1.0, 1.3))
        bits = tuple(rng.randint(0, most) for most in room)
        found = (Point(value, value, value / slack, value / slack, bits),) if rng.random() < 0.9 else ()
        solved.append(Solved(room, found, slack - 1))
    solved.sort(key=lambda one: one.room)
    columns = Columns(lambda *_: (), solved={(layer.shape_key(), nothing, False): solved})
    found = columns.of(layer, Way(nothing, False, (12, 12), (0, 0)))
    for room in product(range(13), repeat=2):
        fitting = [one.point.least_pj for one in found if within(one.bits, room)]
        exact = [p.least_pj for one in solved for p in one.points if within(p.bits, room)]
        above = [one for one in solved if within(room, one.room)]
        if any(not one.points for one in above):  # nothing fits
            assert min(fitting, default=inf) == min(exact, default=inf)
            continue
        bound = max(one.points[0].least_pj for one in above)
        assert min(fitting) == pytest.approx(min([bound, *exact])), room
    most = (rng.randint(0, 12), rng.randint(0, 12))
    assert all(within(one.bits, most) for one in columns.of(layer, Way(nothing, False, most, (0, 0))))


def test_a_search_asks_for_the_layer_with_these_homes_and_says_what_each_level_has_to_hold():
    chip = load_architecture_spec(Path(__file__).with_name("two_levels.yaml")).resolve({})
    layer, levels = Layer("conv", K=4, C=4, P=4, Q=4), ("L3", "L2")
    search = searcher(chip, levels, "energy", "all", Shares())
    homes, room = (frozenset({"ifmap"}), frozenset({"psum"})), (2000, 1000)
    (point,) = search(layer, homes, False, room, 0.0)
    assert within(point.bits, room)
    bound = lower_bound(at_home(chip, homes_in(levels, homes, room, False)), layer)
    assert bound.energy_pj <= point.energy_pj * (1 + 1e-9)
    (other,) = search(layer, homes, False, point.bits, 0.0)
    assert other.energy_pj == pytest.approx(point.energy_pj, rel=1e-12)
    assert search(layer, (frozenset(), frozenset()), False, (0, 0), 0.0) == ()
