"""The choice of tensors on chip against walks of all there are, on small networks with made-up costs."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from math import inf

import pytest
from mapper.network.residency.small_networks import Costs, Front, columns_of, setting_of, walked
from thinned import parts, thinned

from dse.errors import MappingError
from dse.formats.architecture.load import load_architecture_spec
from dse.mapper.network.residency.choice import Choice, KeptInLevel, Setting, Weights
from dse.mapper.network.residency.choice import setting_of as setting_on
from dse.mapper.network.residency.choosing.choose import choose
from dse.mapper.network.residency.choosing.placing import laid_out
from dse.mapper.network.residency.columns import Column, Point
from dse.mapper.network.residency.outcome.result import sums
from dse.mapper.network.residency.outcome.stays import check as check_choice
from dse.mapper.network.residency.outcome.stays import choice_of, stays_of
from dse.mapper.network.residency.search import best_choice
from dse.mapper.network.residency.solve import NetworkGoal, least_product
from dse.problem.layer import Layer
from dse.problem.workload import Node, Workload

EQUAL = 1e-7


@lru_cache(maxsize=256)
def case(seed: int, steps: int = 5, levels: int = 1) -> tuple[Setting, Costs, Front]:
    """A small network, its costs, and the front of all ways to run it, which several tests compare with."""
    setting, costs = setting_of(seed, steps, levels)
    return setting, costs, walked(setting, costs)


@lru_cache
def check(seeds: range, steps: int = 5, levels: int = 1) -> dict[str, int]:
    """Hold the best choices of some networks against full walks; how many of them show what."""
    kinds = ("kept", "loaded", "copied", "merged", "rounds", "full", "wide", "moved", "copied on", "in all")
    seen = dict.fromkeys(kinds, 0)
    for seed in seeds:
        weights = ((1.0, 0.0), (0.0, 1.0), (1.0, 0.7))[seed % 3]
        setting, costs, front = case(seed, steps, levels)
        found = best_choice(setting, columns_of(costs, weights), Weights(*weights))
        truth = min(weights[0] * energy + weights[1] * cycles for energy, cycles in front)
        value = sum(w * part for w, part in zip(weights, sums(setting, found.choice), strict=True))
        for kept, capacity in zip(found.choice.levels, setting.capacities, strict=True):
            assert laid_out(setting.graph, kept, capacity)[0] is not None
        assert value == pytest.approx(truth, rel=EQUAL), seed
        assert found.bound == pytest.approx(truth, rel=1e-6), seed
        choice = found.choice
        seen["kept"] += any(choice.home)
        seen["rounds"] += found.rounds > 1
        seen["wide"] += any(column is not None and column.wide for column in choice.columns)
        seen["full"] += any(min(choice.rooms(setting, i)) < 16 for i in range(len(choice.home)))
        for what in ("loaded", "copied", "merged"):
            seen[what] += any(getattr(kept, what) for kept in choice.levels)
        seen["moved"] += any(source >= 0 for kept in choice.levels for _, _, source in kept.loaded)
        seen["copied on"] += any(target >= 0 for kept in choice.levels for _, target in kept.copied)
        seen["in all"] += all(any(kept.home) for kept in choice.levels)
    return seen


@pytest.mark.parametrize("seeds", thinned(parts(120, 60), 2))
def test_the_best_choice_is_that_of_a_full_walk(seeds: range) -> None:
    assert check(seeds)["kept"] > 30


@pytest.mark.parametrize("seeds", thinned(parts(80, 8), 5))
def test_the_best_choice_in_two_levels_is_that_of_a_full_walk(seeds: range) -> None:
    assert check(seeds, 3, levels=2)["kept"] > 1


def test_the_networks_strain_everything() -> None:
    """Some kinds are rare, such as a level filled to the last word: they are asked of the first networks together."""
    one, two = check(range(60)), check(range(8), 3, levels=2)
    assert min(one[what] for what in one if what not in ("moved", "copied on")) > 0, one
    assert two["in all"] > 0, two


@pytest.mark.parametrize("seeds", thinned(parts(60, 12), 5))
def test_a_dynamic_programme_equals_a_walk_that_remembers_nothing(seeds: range) -> None:
    for seed in seeds:
        setting, costs, front = case(seed, 3)
        assert front == walked(setting, costs, remembers=False), seed


@pytest.mark.parametrize(("first", "gap"), [(0.02, 0.02), (0.5, 0.5), (0.5, 0.02)])
def test_a_gap_of_the_searches_is_one_of_the_network(first: float, gap: float) -> None:
    apart = 0
    for seed in range(60):
        weights = ((1.0, 0.0), (0.0, 1.0), (1.0, 0.7))[seed % 3]
        setting, costs, front = case(seed)
        columns = columns_of(costs, weights)
        columns.gap = first
        found = best_choice(setting, columns, Weights(*weights), gap if gap < first else inf)
        truth = min(weights[0] * energy + weights[1] * cycles for energy, cycles in front)
        value = sum(w * part for w, part in zip(weights, sums(setting, found.choice), strict=True))
        assert found.bound * (1 - EQUAL) <= truth <= value * (1 + EQUAL), seed
        assert value <= found.bound * (1 + gap) * (1 + EQUAL), seed
        apart += value > found.bound * (1 + EQUAL)
    assert apart > 30


def test_a_large_level_holds_not_one_bit_more() -> None:
    """One bit of 64 MiB is less than the solver's tolerance of a row."""
    layer = Layer("n0", C=8, K=8, P=64, Q=64)
    nodes = [Node("in", "input", (8, 64, 64))]
    for n in range(8):
        nodes.append(Node(f"n{n}", "conv", (8, 64, 64), (nodes[-1].name,), layer=layer.with_(name=f"n{n}")))
    chip = load_architecture_spec("eyeriss").resolve({"levels.GLB.capacity": "64MiB"})
    setting = setting_on(chip, Workload("chain", tuple(nodes)))

    def columns(homes: frozenset[str]) -> list[Column]:
        room = setting.capacities[0] - len(homes) * setting.graph.tensors[1].bits
        points = (Point(pj - 5 * len(homes), 1.0, pj - 5 * len(homes), 1.0, (bits,)) for pj, bits in
                  ((19.0, room + 1), (20.0, room)))  # fmt: skip
        return [Column((homes,), False, point.bits, point, True) for point in points]

    ways = [frozenset[str](), frozenset({"ifmap"}), frozenset({"psum"}), frozenset({"ifmap", "psum"})]
    choice = choose(setting, [[one for homes in ways for one in columns(homes)]] * 8, Weights(1.0, 0.0))
    assert sum(map(len, choice.home)) == 14
    used = [column.bits for column in choice.columns if column is not None]
    assert used == [choice.rooms(setting, i) for i in range(8)]


@pytest.mark.slow
def test_a_thousand_small_networks_equal_their_full_walks() -> None:
    check(range(120, 1120), 6)


def test_the_least_product_is_that_of_a_full_walk() -> None:
    for seed in range(40):
        setting, costs, front = case(seed, 4)
        found, bound, _ = least_product(setting, columns_of(costs, None), NetworkGoal("edp"))
        truth = min(energy * cycles for energy, cycles in front)
        energy, cycles = sums(setting, found.choice)
        assert energy * cycles == pytest.approx(truth, rel=EQUAL), seed
        assert bound == pytest.approx(truth, rel=1e-6), seed


def test_the_least_energy_within_a_limit_of_latency_is_that_of_a_full_walk() -> None:
    for seed in range(40):
        setting, costs, front = case(seed, 4)
        limit = (front[0][1] + front[-1][1]) / 2
        weights = Weights(1.0, 0.0, max_cycles=limit)
        found = best_choice(setting, columns_of(costs, None), weights)
        energy, cycles = sums(setting, found.choice)
        assert cycles <= limit * (1 + EQUAL)
        assert energy == pytest.approx(min(e for e, t in front if t <= limit), rel=EQUAL), seed


def test_more_room_is_never_worse() -> None:
    for seed in range(40):
        setting, costs = setting_of(seed)
        rooms = [replace(setting, capacities=(setting.capacities[0] + more,)) for more in (0, 16, 64, 4096)]
        values = [best_choice(one, columns_of(costs, (1.0, 0.0)), Weights(1.0, 0.0)).bound for one in rooms]
        assert all(later <= earlier * (1 + EQUAL) for earlier, later in pairwise(values)), seed


def with_home(choice: Choice, home: tuple[frozenset[int], ...]) -> Choice:
    return replace(choice, levels=(replace(choice.levels[0], home=home), *choice.levels[1:]))


def too_small(setting: Setting, choice: Choice, h: int) -> Setting:
    """With one bit less than a choice takes of a level."""
    left = min(choice.levels[h].room(setting.graph, i, setting.capacities[h]) for i in range(len(choice.home)))
    return replace(setting, capacities=tuple(
        bits - left - 1 if at == h else bits for at, bits in enumerate(setting.capacities)
    ))  # fmt: skip


@pytest.mark.parametrize("levels", [1, 2])
def test_a_choice_that_is_tampered_with_cannot_be_run(levels: int) -> None:
    """What leaves one step early, comes from nowhere, or takes too much room is noticed."""
    noticed = 0
    for seed in range(60):
        setting, costs = setting_of(seed, levels=levels)
        choice = best_choice(setting, columns_of(costs, (1.0, 0.0)), Weights(1.0, 0.0)).choice
        check_choice(setting, choice)
        kept = [(i, t) for i, home in enumerate(choice.levels[0].home) for t in home]
        for i, t in kept:
            home = tuple(own - {t} if at == i else own for at, own in enumerate(choice.levels[0].home))
            step, column = setting.graph.steps[i], choice.columns[i]
            here = {"psum": (step.writes,), **dict(step.operands)}
            if column is not None and any(t in here[operand] for operand in column.homes[0]):
                with pytest.raises(MappingError):
                    check_choice(setting, with_home(choice, home))
                noticed += 1
        for h, one in enumerate(choice.levels):
            if any(one.home):
                with pytest.raises(MappingError):
                    check_choice(too_small(setting, choice, h), choice)
    assert noticed > 30


def test_what_is_loaded_must_have_been_where_it_comes_from() -> None:
    setting, costs = setting_of(1, levels=2)
    choice = best_choice(setting, columns_of(costs, (1.0, 0.0)), Weights(1.0, 0.0)).choice
    empty = KeptInLevel((frozenset(),) * len(choice.home))
    step = next(i for i, one in enumerate(setting.graph.steps) if one.reads)
    t = setting.graph.steps[step].reads[0]
    home = tuple(frozenset({t}) if i == step else frozenset[int]() for i in range(len(choice.home)))
    with pytest.raises(MappingError, match="cannot be loaded from L3"):
        check_choice(setting, replace(choice, levels=(empty, KeptInLevel(home, loaded=((t, step, 0),)))))


@pytest.mark.parametrize("levels", [1, 2])
def test_a_choice_in_names_is_the_same_choice(levels: int) -> None:
    for seed in range(60):
        setting, costs = setting_of(seed, levels=levels)
        choice = best_choice(setting, columns_of(costs, (1.0, 0.0)), Weights(1.0, 0.0)).choice
        points = {
            step.name: column.point
            for step, column in zip(setting.graph.steps, choice.columns, strict=True) if column is not None
        }  # fmt: skip
        again = choice_of(setting, stays_of(setting, choice), points)
        for one, other in zip(again.levels, choice.levels, strict=True):
            assert (one.home, one.merged) == (other.home, other.merged)
            assert (set(one.copied), set(one.loaded)) == (set(other.copied), set(other.loaded))
        assert [None if one is None else (one.reads, set(one.writes)) for one in again.places] == [
            None if one is None else (one.reads, set(one.writes)) for one in choice.places
        ]
        assert sums(setting, again) == pytest.approx(sums(setting, choice))
