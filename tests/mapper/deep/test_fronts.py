"""Fronts of the deep search: every point with the record that comes first, within the gap, and stopped at any time."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from mapper.walks.deep_walk import Walk, deep_problem
from mapper.walks.fronts import EQUAL
from thinned import thinned

from dse import Layer, load_architecture
from dse.mapper.deep.bounds.best import Best
from dse.mapper.deep.fronts.slices import FASTER, Slice, Stairs
from dse.mapper.deep.fronts.whole import _cut, gap_of_one, points_of
from dse.mapper.deep.leaf.orders import PRICED
from dse.mapper.deep.solve import DeepSearch, solve_deep
from dse.mapper.shared.incumbent import ENERGY, FRONT
from dse.model.price import price

SEEDS, SOME = thinned(range(60), 4), range(20)


def search_of(seed: int, gap: float = 0.0, stop: int = 0) -> DeepSearch:
    problem = deep_problem(seed)
    return DeepSearch(problem.architecture, problem.layer, gap, problem.kind, np.full(1, stop, dtype=np.int64))


@cache
def truth(seed: int) -> Any:
    """Energies, and times in steps."""
    problem = deep_problem(seed)
    front = Walk(problem.architecture, problem.layer, problem.kind).front()
    return front / (1.0, price(problem.architecture, problem.layer).cycles_per_step)


def worst_gap(front: Any, values: Any) -> float:
    """How far the best of some points is from a point of the front in both energy and time, for the worst of these."""
    return max(float((values / point).max(axis=1).min()) for point in front) - 1


def test_a_slice_sees_each_point_as_soon_as_it_is_priced() -> None:
    rng = np.random.default_rng(0)
    stairs, visited = Stairs(np.zeros((40, 2)), np.zeros((40, 3), dtype=np.int64)), np.zeros(5, dtype=np.int64)
    stairs.add(np.array([9.0, 1.0]), np.zeros(3, dtype=np.int64))
    best = Best(ENERGY, 0.0, np.inf, stairs.values, stairs.records, visited, np.zeros(1, dtype=np.int64))
    kept = Slice(stairs, best, 1.0, 2.0)
    steps = set()
    for _ in range(60):
        assert kept.target() == kept.part(1.0, 2.0).target()
        assert np.array_equal(kept.steps(), kept.part(1.0, 2.0).steps())
        steps.add(kept.steps().shape[1])
        visited[PRICED] += 1
        stairs.add(rng.uniform((1.0, 1.0), (9.0, 2.0)), np.zeros(3, dtype=np.int64))
    assert len(steps) > 3


@pytest.mark.parametrize("seed", SEEDS)
def test_points_are_those_of_searches_one_by_one(seed: int) -> None:
    """With the records that these find, but for the space that a mapping of several is counted in."""
    values, records, gap = search_of(seed).front(4096, "layer")
    if len(values) == 0:
        return
    search, until = search_of(seed), np.inf
    assert gap == 0.0
    for value, record in list(zip(values, records, strict=True))[::-1]:
        (alone,), (its,), _ = search.least(ENERGY, until)
        assert tuple(value) == pytest.approx(tuple(alone), rel=1e-12, abs=0)
        assert (record[:-1] == its[:-1]).all()
        assert search.choices[record[-1]] == search.choices[its[-1]]
        until = float(value[1]) * (1 - FASTER)
    assert len(search.least(ENERGY, until)[0]) == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_no_point_is_missing_whatever_subproblems_are_cut_into(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """All ways to cut are tried in each, and next to nothing is walked before it is cut."""
    from dse.mapper.deep.fronts import whole
    from dse.mapper.deep.tree import best_first, branching

    front, search = truth(seed), search_of(seed)
    monkeypatch.setattr(whole, "is_large", lambda _: True)
    monkeypatch.setattr(best_first, "is_large", lambda _: True)
    monkeypatch.setattr(branching, "SHORT", (-1, -1))
    monkeypatch.setattr(branching, "BETTER", np.inf)
    for most in ("OPEN", "DIRECT", "FEW", "FEW_OF_FRONT"):
        monkeypatch.setattr(best_first, most, 3)
    values, _, gap = search.front(4096, "layer")
    assert gap == 0.0
    assert len(values) == len(front)
    assert values == pytest.approx(front, rel=EQUAL)


@pytest.mark.parametrize("gap", [0.01, 0.05, 0.5])
def test_every_mapping_is_within_the_gap_of_some_point(gap: float) -> None:
    for seed in SOME:
        front, (values, _, proven) = truth(seed), search_of(seed, gap).front(4096, "layer")
        assert (len(front) == 0) == (len(values) == 0)
        if len(front):
            assert proven == gap
            assert worst_gap(front, values) <= gap + EQUAL, seed


@pytest.mark.parametrize("after", [0, 1, 3, 10, 30])
def test_a_stopped_front_states_what_is_proven(after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is stopped after some subproblems between the ends, or before there are any."""
    early = 0
    for seed in SOME:
        front, search = truth(seed), search_of(seed, stop=int(after == 0))
        _stop_after(search, after, monkeypatch)
        values, _, proven = search.front(4096, "layer")
        if len(values):
            assert worst_gap(front, values) <= proven + EQUAL, seed
            early += proven > 0.0
    assert early > 0 or after > 3


def _stop_after(search: DeepSearch, after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from dse.mapper.deep.fronts import whole

    left, plain = [after], whole._left

    def counted(part: Any, node: Any) -> Any:
        left[0] -= 1
        if left[0] <= 0:
            search.stop[0] = 1
        return plain(part, node)

    monkeypatch.setattr(whole, "_left", counted)


def test_a_front_longer_than_there_is_room_for_says_so() -> None:
    seed = next(seed for seed in SOME if len(truth(seed)) > 2)
    with pytest.raises(Exception, match="more than 2 points"):
        search_of(seed).front(2, "layer")


def test_slices_look_for_less_energy_than_at_their_beginning() -> None:
    stairs = Stairs(np.zeros((4, 2)), np.zeros((4, 1), dtype=np.int64))
    for energy, time in ((4.0, 3.0), (9.0, 1.0), (6.0, 2.0), (7.0, 2.5)):
        stairs.add(np.array([energy, time]), np.array([int(time)]))
    assert stairs.values[:3].tolist() == [[9.0, 1.0], [6.0, 2.0], [4.0, 3.0]]
    counters = np.zeros(5, dtype=np.int64), np.zeros(1, dtype=np.int64)
    best = Best(ENERGY, 0.0, np.inf, stairs.values, stairs.records, *counters)
    whole = Slice(stairs, best, 1.0, 3.0)
    assert np.exp(whole.targets_at(np.array([0.5, 1.0, 2.5]))) == pytest.approx([np.inf, 9.0, 6.0])
    assert stairs.times_within(1.0, 3.0, 0.0).tolist() == [1.0, 2.0]
    part = whole.part(2.0, 3.0)
    part.held = 2
    assert (np.exp(part.target()), whole.held, part.walks_for) == (pytest.approx(6.0), 2, FRONT)
    assert gap_of_one(stairs, 3.0, 1.0) == 1.0
    assert points_of(stairs)[0].tolist() == [[9.0, 1.0], [6.0, 2.0]]


def test_with_a_gap_slices_look_for_less_where_a_point_comes_within_it() -> None:
    stairs = Stairs(np.zeros((4, 2)), np.zeros((4, 1), dtype=np.int64))
    for energy, time in ((9.0, 1.2), (6.0, 2.4), (4.0, 3.6)):
        stairs.add(np.array([energy, time]), np.array([int(time)]))
    best = Best(ENERGY, 0.2, np.inf, stairs.values, stairs.records, np.zeros(5, np.int64), np.zeros(1, np.int64))
    times = stairs.times_within(1.0, 3.0, 0.2)
    assert times == pytest.approx([1.0, 2.0])
    assert np.exp(Slice(stairs, best, 1.0, 3.0).targets_at(times)) * 1.2 == pytest.approx([9.0, 6.0])


def test_slices_are_cut_where_a_bound_is_nearer_to_the_goal_than_beside() -> None:
    assert _cut(np.array([0.5, 0.4, 0.01, 0.02, 0.3]), 0, 5) == [(0, 3), (3, 5)]
    assert _cut(np.array([0.5, 0.4, 0.01, 0.02, 0.3]), 2, 5) == [(2, 5)]
    assert _cut(np.array([0.5, 0.4, 0.3, 0.2, 0.01]), 0, 5) == [(0, 5)]
    assert _cut(np.array([0.5, np.inf, 0.01, 0.2]), 0, 4) == [(0, 4)]
    assert _cut(np.array([0.5]), 0, 1) == [(0, 1)]


@pytest.mark.parametrize(
    ("machine", "layer", "part", "shares"),
    [
        ("npu3", Layer("conv", K=64, C=48, P=14, Q=14, R=3, S=3), "fronts.whole.is_large", 0.8),
        ("npu3", Layer("conv", K=256, C=64, P=28, Q=28), "fronts.whole.is_large", np.inf),  # children are shared out
        ("npu3", Layer("fc", K=1_000, C=4_096), "solve.in_stages", np.inf),
    ],
)
def test_fronts_take_what_makes_other_searches_short(
    machine: str, layer: Layer, part: str, shares: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On three levels ways to cut are compared, and long axes are listed in stages: points are the same without."""
    architecture = load_architecture(f"tests/benchmarks/specs/{machine}.yaml")
    found = solve_deep(architecture, architecture.lowered(layer), FRONT, 0.0, "all", 4096)
    monkeypatch.setattr(f"dse.mapper.deep.{part}", lambda *_: None)
    plain = solve_deep(architecture, architecture.lowered(layer), FRONT, 0.0, "all", 4096)
    assert found.values == pytest.approx(plain.values, rel=1e-12)
    assert found.visited != plain.visited
    assert found.visited[0] < shares * plain.visited[0]


def test_the_search_takes_the_front_from_them() -> None:
    problem = deep_problem(SOME[0])
    found = solve_deep(problem.architecture, problem.layer, FRONT, 0.0, problem.kind, 4096)
    assert len(found.values) == len(search_of(SOME[0]).front(4096, "layer")[0])


@pytest.mark.filterwarnings("error")
def test_a_point_of_no_energy_is_as_near_as_its_time() -> None:
    stairs = Stairs(np.array([[0.0, 12.0]]), np.zeros((1, 1), dtype=np.int64), 1)
    assert gap_of_one(stairs, 0.0, 10.0) == pytest.approx(0.2)
