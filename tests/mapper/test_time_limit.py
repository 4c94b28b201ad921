"""A search that is stopped returns its incumbent, and a gap that is true."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import elapsed
import numpy as np
import pytest
from mapper.walks.brute_force import walk_all
from mapper.walks.fronts import EQUAL, significant
from mapper.walks.mapper_cases import random_problem

from dse.errors import DseError
from dse.formats.architecture.load import load_architecture, load_architecture_spec
from dse.mapper import layer as layer_module
from dse.mapper import layer_front, map_layer
from dse.mapper.deep import solve as deep_module
from dse.mapper.flat.solve import solve_flat
from dse.mapper.layer import OBJECTIVES, solve
from dse.mapper.shared import stopping as stopping_module
from dse.mapper.shared.reference import Reference
from dse.mapper.shared.stopping import Busy, stopping
from dse.problem.layer import Layer

LARGE = Layer("large", K=256, C=256, P=56, Q=56, R=3, S=3)


def stopped(problem: Any, objective: str) -> Any:
    """The answer of a search that is told to stop before it starts: its first mapping."""
    stop = np.ones(1, dtype=np.int64)
    kind = OBJECTIVES[objective]
    return solve_flat(problem.architecture, problem.layer, kind, 0.0, problem.kind, 4096, stop=stop)


@pytest.mark.parametrize("flow", ["flexible", "random", "row-stationary", "output-stationary"])
def test_the_gap_of_a_stopped_search_is_true(flow: str) -> None:
    """Of full walks' optima: none lies further below than the gap says; and some searches do stop short."""
    short = 0
    for seed in range(2000, 2030):
        problem = random_problem(seed, flow, "all")
        walked = walk_all(problem.architecture, problem.layer, "all")
        if walked.mappings == 0 or walked.energy <= 0.0:
            continue
        truth = {"energy": walked.energy, "latency": walked.latency[0], "edp": walked.edp}
        for objective, best in truth.items():
            found = stopped(problem, objective)
            value = {"energy": found.values[0, 0], "latency": found.values[0, 1], "edp": found.values[0].prod()}
            assert value[objective] <= best * (1 + found.gap) * (1 + EQUAL), (seed, objective)
            short += value[objective] > best * (1 + EQUAL)
    assert short > 0


@pytest.mark.parametrize("flow", ["flexible", "random", "weight-stationary"])
def test_every_mapping_is_within_the_gap_of_a_stopped_front(flow: str) -> None:
    for seed in range(2100, 2125):
        problem = random_problem(seed, flow, "all")
        walked = walk_all(problem.architecture, problem.layer, "all")
        if walked.mappings == 0 or walked.energy <= 0.0:
            continue
        found = stopped(problem, "front")
        for energy, cycles in significant(walked.front):
            room = 1 + found.gap + EQUAL
            assert any(e <= energy * room and t <= cycles * room for e, t in found.values), seed


def test_a_limit_ends_a_long_search_with_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer whose exact optimum takes seconds, and the certificate that goes with next to no time."""
    elapsed.use(monkeypatch)
    spec = load_architecture_spec("eyeriss_isca16")
    flexible = spec.resolve({"dataflow": spec.parse_setting("dataflow", "flexible")})
    best = map_layer(flexible, LARGE, "energy", time_limit_s=0.02)
    proof = best.certificate
    assert proof is not None
    assert 0.0 < proof.gap < 1.0
    assert proof.lower_bound == pytest.approx(proof.value / (1 + proof.gap), rel=1e-12)
    assert proof.value == pytest.approx(best.cost.energy_pj, rel=EQUAL)


def test_a_limit_that_is_not_met_changes_nothing() -> None:
    eyeriss = load_architecture("eyeriss")
    layer = Layer("small", K=8, C=4, P=7, Q=7, R=3, S=3)
    assert map_layer(eyeriss, layer, time_limit_s=600.0) == map_layer(eyeriss, layer)
    assert layer_front(eyeriss, layer, time_limit_s=600.0) == layer_front(eyeriss, layer)


def test_a_flag_is_raised_when_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with stopping(600.0) as stop, stopping(None) as never:
        assert not stop.any()
    elapsed.use(monkeypatch)
    with stopping(600.0) as stop, stopping(None) as never:
        assert stop.all()
        assert not never.any()


def test_no_time_is_an_error() -> None:
    with pytest.raises(DseError, match="time_limit_s=0"):
        map_layer(load_architecture("eyeriss"), LARGE, time_limit_s=0)


def test_a_limit_is_one_for_a_search_and_for_what_leads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is best of tight splits, and on a reference, has half of what is left."""
    edge_npu, limits = load_architecture("edge_npu"), list[tuple[float, int]]()
    layer, honest = edge_npu.lowered(Layer("small", K=6, C=4)), layer_module.stopping

    @contextmanager
    def noted(limit_s: float) -> Iterator[Any]:
        limits.append((limit_s, len(stopping_module._at_hand.get())))
        with honest(limit_s) as stop:
            yield stop

    monkeypatch.setattr(layer_module, "stopping", noted)
    monkeypatch.setattr(deep_module, "stopping", noted)
    monkeypatch.setattr(deep_module, "_BEGUN", type(deep_module._BEGUN)())
    reference = Reference(edge_npu, "an edge_npu")
    solve(edge_npu, layer, "edp", 0.05, "any", 600.0, reference)
    (whole, _), (on_reference, inside), (tight, again) = limits
    assert (whole, inside, again) == (600, 1, 1)
    assert 0 < tight <= on_reference <= 300
    limits.clear()
    solve(edge_npu, layer, "edp", 0.05, "any", Busy(600.0, 900.0), None)
    assert [(limit_s, limit_s.clock_s) for limit_s, _ in limits[:1]] == [(600, 900)]
    (_, (half, _)) = limits
    assert isinstance(half, Busy)
    assert half <= 300
    assert half.clock_s <= 450
    limits.clear()
    solve(edge_npu, layer, "edp", 0.05, "any", None, reference)
    assert [limit_s for limit_s, _ in limits] == [None, None]  # the reference's answer is kept
