"""The deep search against full walks of hierarchies of up to five levels and up to three fan-outs."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from mapper.walks.deep_walk import DeepProblem, Walk, clustered_problem, deep_problem
from mapper.walks.fronts import EQUAL, significant
from mapper.walks.mapper_cases import random_problem
from mapper.walks.simulated_price import simulated_price
from thinned import in_gate, thinned

from dse.errors import InfeasibleError
from dse.mapper.deep.solve import solve_deep
from dse.mapper.flat.instance import shape_of
from dse.mapper.layer import OBJECTIVES, layer_front, map_layer, solve

CHUNK = 10


@lru_cache(maxsize=32)
def problems(chunk: int, draw: Callable[[int], DeepProblem] = deep_problem) -> list[tuple[DeepProblem, Any]]:
    """A chunk of problems and their fronts, shared by the objectives."""
    drawn = [draw(seed) for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK)]
    return [(problem, Walk(problem.architecture, problem.layer, problem.kind).front()) for problem in drawn]


def truth(front: Any, objective: str) -> Any:
    fastest = front[front[:, 1] <= front[0, 1] * (1 + EQUAL)]
    return {
        "energy": front[-1:, 0], "latency": fastest[-1, ::-1], "edp": front.prod(axis=1).min(keepdims=True),
        "front": significant(front),
    }[objective]  # fmt: skip


def answer(values: Any, objective: str) -> Any:
    return {
        "energy": values[:1, 0], "latency": values[0, ::-1], "edp": values[:1].prod(axis=1),
        "front": significant(values),
    }[objective]  # fmt: skip


def check(chunk: int, objective: str, draw: Callable[[int], DeepProblem] = deep_problem) -> None:
    for number, (problem, front) in enumerate(problems(chunk, draw)):
        case = f"{draw.__name__}({chunk * CHUNK + number}), {objective}"
        if len(front) == 0:
            with pytest.raises(InfeasibleError):
                solve(problem.architecture, problem.layer, objective, 0.0, problem.kind)
            continue
        found = answer(solve(problem.architecture, problem.layer, objective, 0.0, problem.kind).values, objective)
        best = truth(front, objective)
        assert found.shape == best.shape, f"{case}: {found.tolist()}, full walk {best.tolist()}"
        assert found == pytest.approx(best, rel=EQUAL, abs=0), case


@pytest.mark.parametrize("objective", ["energy", "latency", "edp", "front"])
@pytest.mark.parametrize("chunk", thinned(range(10), 10))
def test_best_equals_full_walk(chunk: int, objective: str) -> None:
    check(chunk, objective)


@pytest.mark.parametrize("objective", ["energy", "latency", "edp", "front"])
@pytest.mark.parametrize("chunk", thinned(range(6), 6))
def test_best_equals_full_walk_with_three_fan_outs_and_clusters(chunk: int, objective: str) -> None:
    check(chunk, objective, clustered_problem)


@pytest.mark.gate
def test_the_problems_with_many_fan_outs_strain_everything() -> None:
    walked = [pair for chunk in in_gate(thinned(range(6), 6)) for pair in problems(chunk, clustered_problem)]
    drawn = [clustered_problem(seed) for seed in range(60)]
    used = [sum(fan.children > 1 for fan in p.architecture.fan_outs) for p in drawn]
    share = {
        "three fan-outs": np.mean([count >= 3 for count in used]),
        "two fan-outs": np.mean([count == 2 for count in used]),
        "fan-outs that follow fan-outs": np.mean(["FF" in shape_of(p.architecture) for p in drawn]),
        "more than 200 mappings": np.mean([p.mappings > 200 for p in drawn]),
        "several points": np.mean([len(front) > 1 for _, front in walked]),
    }
    assert all(value > 0.15 for value in share.values()), share


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["energy", "latency", "edp", "front"])
@pytest.mark.parametrize("chunk", range(6, 20))
def test_best_equals_full_walk_on_more_fan_outs(chunk: int, objective: str) -> None:
    check(chunk, objective, clustered_problem)


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["energy", "latency", "edp", "front"])
@pytest.mark.parametrize("chunk", range(10, 50))
def test_best_equals_full_walk_on_more(chunk: int, objective: str) -> None:
    check(chunk, objective)


@pytest.mark.parametrize("objective", ["energy", "latency", "edp", "front"])
@pytest.mark.parametrize(
    ("flow", "kind"), thinned([("random", "all"), ("flexible", "all"), ("row-stationary", "perfect")], 3)
)
def test_equals_the_flat_search(flow: str, kind: str, objective: str) -> None:
    """On the hierarchies that both searches handle."""
    for seed in range(1000, 1015):
        problem = random_problem(seed, flow, kind)
        deep = solve_deep(problem.architecture, problem.layer, OBJECTIVES[objective], 0.0, kind, 4096).values
        try:
            values = solve(problem.architecture, problem.layer, objective, 0.0, kind).values
        except InfeasibleError:
            assert len(deep) == 0
            continue
        assert answer(deep, objective) == pytest.approx(answer(values, objective), rel=EQUAL, abs=0), seed


def test_records_are_mappings_at_their_price() -> None:
    """What is returned can be evaluated, costs what the search said, and a gap is kept."""
    for problem, front in problems(0):
        if len(front) == 0:
            continue
        for best in (
            map_layer(problem.architecture, problem.layer, "edp", factors=problem.kind),
            *layer_front(problem.architecture, problem.layer, factors=problem.kind),
        ):
            assert best.certificate is not None
            value = {"edp": best.cost.energy_pj * best.cost.cycles}.get(best.certificate.objective, best.cost.energy_pj)
            assert best.certificate.value == pytest.approx(value, rel=EQUAL, abs=0)
        near = map_layer(problem.architecture, problem.layer, "energy", gap=0.1, factors=problem.kind)
        assert near.certificate is not None
        assert near.certificate.lower_bound <= front[-1, 0] * (1 + EQUAL)
        assert near.cost.energy_pj <= front[-1, 0] * 1.1 * (1 + EQUAL)


def test_prices_with_many_fan_outs_are_the_simulators() -> None:
    """Of the best mappings, by walking their loops and adding up by other means."""
    checked = 0
    for problem, front in problems(0, clustered_problem):
        if len(front) == 0:
            continue
        for objective in ("energy", "latency"):
            best = map_layer(problem.architecture, problem.layer, objective, factors=problem.kind)
            walked = simulated_price(problem.layer, problem.architecture, best.mapping)
            assert (best.cost.energy_pj, best.cost.cycles) == pytest.approx(walked, rel=EQUAL, abs=0)
            checked += 1
    assert checked > CHUNK


@pytest.mark.gate
def test_the_problems_strain_everything() -> None:
    walked = [pair for chunk in in_gate(thinned(range(10), 10)) for pair in problems(chunk)]
    drawn = [deep_problem(seed) for seed in range(50)]
    share = {
        "two fan-outs": np.mean([len(p.architecture.fan_outs) == 2 for p in drawn]),
        "four levels or more": np.mean([len(p.architecture.levels) >= 4 for p in drawn]),
        "bypass": np.mean([any(level.may_bypass for level in p.architecture.levels) for p in drawn]),
        "more than 200 mappings": np.mean([p.mappings > 200 for p in drawn]),
        "several points": np.mean([len(front) > 1 for _, front in walked]),
    }
    assert all(value > 0.15 for value in share.values()), share
