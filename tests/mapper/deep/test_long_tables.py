"""Layers whose tables of splits are too long to be made: a limit on time ends the search, and without one it says so.

Nothing here depends on how fast the machine is: flags are raised before a search begins.
"""

from __future__ import annotations

import json
from dataclasses import replace
from math import inf, log

import numpy as np
import pytest
from benchmarks.machines import machine_of
from mapper.walks.deep_walk import deep_problem

import dse
from dse.architecture.hierarchy import Level
from dse.errors import DseError, InfeasibleError
from dse.mapper import turns
from dse.mapper.deep import coarse
from dse.mapper.deep import solve as module
from dse.mapper.deep.bounds.least import least_of_all
from dse.mapper.deep.splits import chains
from dse.mapper.layer import layer_answers, solve
from dse.mapper.shared.incumbent import AT_TIME, EDP, ENERGY, FRONT, LATENCY
from dse.mapper.shared.stopping import OutOfTimeError, TooLongError, end_at_once, stopping
from dse.mapper.turns import by_turns
from dse.problem.layer import Layer

LONG = Layer("long", K=1_073_741_789)
WINDOW = Layer("window", K=4, P=65_537, Q=65_537)


def calls_of(kernel, monkeypatch, where):
    """How often a module calls a kernel."""
    calls, compiled = [], where.compiled

    def counted(function):
        if function is kernel:
            calls.append(function)
        return compiled(function)

    monkeypatch.setattr(where, "compiled", counted)
    return calls


@pytest.mark.parametrize("kind", [ENERGY, LATENCY, EDP, FRONT])
def test_a_search_that_is_over_has_its_first_mapping(kind, monkeypatch):
    """With the gap that needs no tables, before more than a part of the splits are counted."""
    edge_npu = dse.load_architecture("edge_npu")
    counted = calls_of(chains.count_some, monkeypatch, chains)
    with stopping(600.0) as stop:
        stop[0] = AT_TIME
        solution = module.solve_deep(edge_npu, edge_npu.lowered(LONG), kind, 0.0, "all", 64, stop=stop)
    assert len(solution.values) > 0
    assert solution.visited[0] == 0  # subproblems
    assert 0 < solution.gap < 20
    assert len(counted) < 60  # of 197 for K alone, four times for a front


def test_stand_ins_are_not_counted_to_the_end(monkeypatch):
    """There may be few, of many products."""
    npu3 = machine_of("npu3")
    counted = calls_of(chains.count_some, monkeypatch, chains)
    with stopping(600.0) as stop:
        stop[0] = AT_TIME
        solution = module.solve_deep(npu3, npu3.lowered(LONG), EDP, 0.0, "all", 1, stop=stop)
    assert solution.visited[0] == 0
    assert len(counted) < 30


def test_words_that_slide_are_not_counted_to_the_end():
    edge_npu = dse.load_architecture("edge_npu")
    with stopping(600.0) as stop:
        stop[0] = AT_TIME
        solution = module.solve_deep(edge_npu, edge_npu.lowered(WINDOW), LATENCY, 0.0, "all", 1, stop=stop)
    assert solution.visited[0] == 0
    assert 0 <= solution.gap < 20


def test_without_a_limit_the_dim_is_named():
    with pytest.raises(DseError, match=r"long: K = 1,073,741,789 can be split in more than 30,000,000 ways") as error:
        dse.map_layer("edge_npu", LONG)
    assert "--time-limit" in error.value.hint


def test_with_a_limit_the_best_known_is_shown_where_tables_are_too_long(monkeypatch):
    """Also before the time is over; what is shown can be written as JSON."""
    monkeypatch.setattr(chains, "MOST", 1_000)
    (answer,) = layer_answers(dse.load_architecture("edge_npu"), Layer("fc", K=4099, C=257), "edp", time_limit_s=600.0)
    proof = answer.mapped().certificate
    assert 0 < proof.gap < inf
    assert json.loads(json.dumps(proof.to_dict(), allow_nan=False))["gap"] == proof.gap


def test_a_mapping_of_a_smaller_space_is_shown_where_tables_are_too_long(monkeypatch):
    """A tight one, where splits may be loose."""
    edge_npu, layer = dse.load_architecture("edge_npu"), Layer("fc", K=67, C=5)
    tight = dse.map_layer(edge_npu, layer, "edp").certificate
    monkeypatch.setattr(module, "spaces_of_draft", too_long)
    (answer,) = layer_answers(edge_npu, layer, "edp", factors="any", time_limit_s=600.0)
    assert answer.energy_pj * answer.cycles == pytest.approx(tight.value, rel=1e-12)
    assert 0 < answer.solution.gap < inf


def too_long(*arguments, **how):
    raise TooLongError("too long")


@pytest.mark.parametrize("error", [OutOfTimeError, TooLongError])
def test_one_message_where_no_mapping_is_known(error, monkeypatch):
    monkeypatch.setattr(module, "sketch_first", lambda *arguments, **how: None)
    edge_npu = dse.load_architecture("edge_npu")
    with stopping(600.0) as stop:
        stop[0] = int(error is OutOfTimeError)
        with pytest.raises(error, match="layer long: ") as raised:
            module.solve_deep(edge_npu, edge_npu.lowered(LONG), EDP, 0.0, "all", 1, stop=stop)
    assert "no mapping is known" in raised.value.hint


@pytest.mark.parametrize("gap", [0.0, 0.05])
def test_of_many_spaces_no_more_are_made_once_the_time_is_over(monkeypatch, gap):
    """Levels whose room is shared in 128 ways: a search that is told to end has the best of its sketches."""
    chip = dse.load_architecture("tpu_v4i")
    outermost, *others = chip.hierarchy
    levels = [replace(node, buffering="room") if isinstance(node, Level) else node for node in others]
    chip, layer = chip.with_(hierarchy=(outermost, *levels)), Layer("conv", K=64, C=32, P=14, Q=14, R=3, S=3)
    made = []
    for one in (module, coarse):
        monkeypatch.setattr(one, "spaces_of_draft", made.append)
    with stopping(600.0) as stop:
        stop[0] = AT_TIME
        found = module.solve_deep(chip, chip.lowered(layer), EDP, gap, "all", 1, stop=stop)
    assert len(found.values) == 1
    assert found.gap > gap
    assert made == []


def test_the_flat_search_goes_on_alone_where_tables_are_too_long(monkeypatch):
    eyeriss, layer = dse.load_architecture("eyeriss"), Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    best = dse.map_layer(eyeriss, layer, "edp").certificate
    for each in ("ALONE", "EARLY"):
        rules = getattr(turns, each)
        monkeypatch.setattr(turns, each, dict.fromkeys(rules, (1, 0) if each == "EARLY" else 1))
    monkeypatch.setattr(turns, "SET_UP", -1)

    monkeypatch.setattr(module, "spaces_of_draft", too_long)
    with stopping(None) as stop:
        solution = by_turns(eyeriss, eyeriss.lowered(layer), EDP, 0.0, "all", 1, stop)
    assert solution.gap == 0
    assert float(solution.values[0].prod()) == pytest.approx(best.value, rel=1e-12)


def test_a_signal_ends_a_search_without_any_mapping():
    eyeriss, layer = dse.load_architecture("eyeriss"), Layer("conv", K=512, C=512, P=28, Q=28, R=3, S=3)
    with stopping(None) as stop:
        end_at_once()
        solution = by_turns(eyeriss, eyeriss.lowered(layer), EDP, 0.0, "all", 1, stop)
    assert len(solution.values) == 0
    assert sum(solution.visited) < 10


@pytest.mark.parametrize("seed", range(30))
def test_what_needs_no_tables_is_no_more_than_the_best(seed):
    problem = deep_problem(f"least {seed}")
    stop = np.zeros(1, dtype=np.int64)
    search = module.DeepSearch(problem.architecture, problem.layer, 0.0, problem.kind, stop)
    for kind, objective in ((ENERGY, "energy"), (LATENCY, "latency"), (EDP, "edp")):
        try:
            energy, cycles = solve(problem.architecture, problem.layer, objective, 0.0, problem.kind).values[0]
        except InfeasibleError:
            return
        steps = float(cycles) / search.per_step
        value = {ENERGY: energy, LATENCY: steps, EDP: energy * steps}[kind]
        assert least_of_all(search.drafts, kind) <= log(max(float(value), 1e-300)) + 1e-12
