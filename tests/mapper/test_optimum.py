"""The mapper's answer equals that of a full walk over the mapspace, for every objective and dataflow."""

from __future__ import annotations

from collections import Counter, OrderedDict
from functools import lru_cache
from math import prod
from random import Random
from typing import Any

import numpy as np
import pytest
from mapper.walks.brute_force import Walked, mapping_of, walk_all, why_outside
from mapper.walks.fronts import EQUAL, significant
from mapper.walks.mapper_cases import Problem, random_problem, unlimited
from mapper.walks.simulated_price import simulated_price
from thinned import in_gate, thinned

from dse.errors import InfeasibleError
from dse.mapper.flat import solve as flat_solve
from dse.mapper.flat.outer import kept
from dse.mapper.flat.outer.table import empty_table
from dse.mapper.layer import layer_front, map_layer, solve
from dse.model.cost import evaluate
from dse.problem.dims import DIMS

CHUNK = 50
CASES = [
    (flow, kind, chunk)
    for flow, counts in {
        "weight-stationary": (300, 100), "output-stationary": (300, 100), "row-stationary": (300, 100),
        "flexible": (300, 100), "random": (300, 100), "input-stationary": (50, 50), "no-local-reuse": (50, 0),
        "OSA": (50, 0), "OSB": (50, 0), "OSC": (50, 0),
    }.items()
    for kind, count in zip(("all", "perfect"), counts, strict=True)
    for chunk in range(count // CHUNK)
]  # fmt: skip
MORE = [(flow, kind, chunk) for flow, kind in sorted({case[:2] for case in CASES}) for chunk in range(100, 120)]


@lru_cache(maxsize=32)
def problems(flow: str, kind: str, chunk: int) -> list[tuple[Problem, Walked]]:
    """A chunk of problems, and what a full walk finds of each; shared by the tests of this module."""
    drawn = [random_problem(seed, flow, kind) for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK)]
    return [(problem, walk_all(problem.architecture, problem.layer, kind)) for problem in drawn]


def answer(problem: Problem, objective: str) -> Any:
    values = solve(problem.architecture, problem.layer, objective, 0.0, problem.kind).values
    return {
        "energy": values[:1, 0], "latency": values[0, ::-1], "edp": values[:1].prod(axis=1),
        "front": significant(values),
    }[objective]  # fmt: skip


def truth(walked: Walked, objective: str) -> Any:
    return {
        "energy": np.array([walked.energy]), "latency": np.array(walked.latency), "edp": np.array([walked.edp]),
        "front": significant(walked.front),
    }[objective]  # fmt: skip


def check(flow: str, kind: str, chunk: int, objective: str) -> None:
    for number, (problem, walked) in enumerate(problems(flow, kind, chunk)):
        case = f"random_problem({chunk * CHUNK + number}, {flow!r}, {kind!r}), {objective}"
        if walked.mappings == 0:
            with pytest.raises(InfeasibleError):
                answer(problem, objective)
            continue
        found, best = answer(problem, objective), truth(walked, objective)
        assert found.shape == best.shape, f"{case}: {found.tolist()}, full walk {best.tolist()}"
        assert found == pytest.approx(best, rel=EQUAL, abs=0), case


@pytest.mark.parametrize("objective", ["energy", "latency", "edp", "front"])
@pytest.mark.parametrize(("flow", "kind", "chunk"), thinned(CASES, 14))
def test_best_equals_full_walk(flow: str, kind: str, chunk: int, objective: str) -> None:
    check(flow, kind, chunk, objective)


@pytest.fixture
def with_table(monkeypatch):
    """Searches that know all of outer tiles from the start: on problems this small they never would."""
    monkeypatch.setattr(flat_solve, "LISTED", -1)
    monkeypatch.setattr(kept, "empty_table", lambda *given: empty_table(*given)._replace(worth=-1))
    for name in ("_TABLES", "_TIMED", "_LONG"):
        monkeypatch.setattr(kept, name, OrderedDict())


@pytest.mark.usefixtures("with_table")
@pytest.mark.parametrize("objective", ["energy", "latency", "edp", "front"])
@pytest.mark.parametrize(("flow", "kind", "chunk"), thinned(CASES, 14))
def test_best_equals_full_walk_with_the_outer_table(flow: str, kind: str, chunk: int, objective: str) -> None:
    check(flow, kind, chunk, objective)


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["energy", "latency", "edp", "front"])
@pytest.mark.parametrize(("flow", "kind", "chunk"), MORE)
def test_best_equals_full_walk_on_more(flow: str, kind: str, chunk: int, objective: str) -> None:
    check(flow, kind, chunk, objective)


@pytest.mark.parametrize(("flow", "kind", "chunk"), thinned(CASES[::3], 6))
def test_prices_are_those_of_the_simulator(flow: str, kind: str, chunk: int) -> None:
    """One problem in three, of one chunk in three: winners and any mappings, priced by walking their loops."""
    for number, (problem, walked) in list(enumerate(problems(flow, kind, chunk)))[::3]:
        if walked.mappings == 0:
            continue
        seed = chunk * CHUNK + number
        picks = Random(seed).sample(range(walked.mappings), min(3, walked.mappings))
        again = walk_all(problem.architecture, problem.layer, kind, picks=picks)
        some = zip([*again.picked, walked.records[-1]], [*again.picked_values, walked.front[-1]], strict=True)
        for record, value in some:
            mapping = mapping_of(problem.architecture, record)
            walk = simulated_price(problem.layer, problem.architecture, mapping)
            assert walk == pytest.approx(tuple(value), rel=EQUAL, abs=0), f"random_problem({seed}, {flow!r}, {kind!r})"
        best = map_layer(problem.architecture, problem.layer, "energy", factors=kind)
        walk = simulated_price(problem.layer, problem.architecture, best.mapping)
        assert walk[0] == pytest.approx(walked.energy, rel=EQUAL, abs=0)


@pytest.mark.parametrize(("flow", "kind", "chunk"), thinned(CASES[1::4], 8))
def test_answers_lie_in_the_mapspace(flow: str, kind: str, chunk: int) -> None:
    """Every mapping returned obeys the dataflow and fits, and its certificate states its own price."""
    for problem, walked in problems(flow, kind, chunk):
        if walked.mappings == 0:
            continue
        found = [map_layer(problem.architecture, problem.layer, x, factors=kind) for x in ("energy", "latency", "edp")]
        points = layer_front(problem.architecture, problem.layer, factors=kind)
        for best in (*found, *points):
            assert why_outside(problem.architecture, problem.layer, best.mapping, kind) == ""
            energy, cycles = best.cost.energy_pj, best.cost.cycles
            stated = {"latency": cycles, "edp": energy * cycles}.get(best.certificate.objective, energy)
            assert best.certificate.value == pytest.approx(stated, rel=EQUAL, abs=0)
            assert best.certificate.lower_bound == best.certificate.value


@pytest.mark.gate
def test_the_problems_strain_everything() -> None:
    """Shares of what makes mapping hard among the problems walked, so that none is only seldom met."""
    seen: Counter[str] = Counter()
    total = 0
    for case in in_gate(thinned(CASES, 14)):
        for problem, walked in problems(*case):
            total += 1
            seen.update(strains(problem, walked))
    least = {
        "no mapping": 0.02, "more than 1,000 mappings": 0.2, "a front of several points": 0.25, "ragged optimum": 0.1,
        "capacity binds": 0.4, "a port binds": 0.25, "may bypass": 0.05, "no buffer": 0.15,
        "no level in the array": 0.1, "groups": 0.05, "stride": 0.1, "dilation": 0.1, "other bits": 0.3,
        "serial": 0.1, "static power": 0.3, "four dims": 0.1,
    }  # fmt: skip
    assert {what: seen[what] / total for what in least if seen[what] / total < least[what]} == {}


def strains(problem: Problem, walked: Walked) -> set[str]:
    layer, architecture = problem.layer, problem.architecture
    names = [node.name for node in architecture.hierarchy]
    levels = architecture.levels[1:]
    found = {
        "more than 1,000 mappings": walked.mappings > 1000,
        "may bypass": any(level.may_bypass for level in levels),
        "no buffer": "GLB" not in names,
        "no level in the array": "array" in names and "PE" not in names,
        "groups": layer.G > 1,
        "stride": max(layer.stride_h if layer.P > 1 else 1, layer.stride_w if layer.Q > 1 else 1) > 1,
        "dilation": max(layer.dilation_h if layer.R > 1 else 1, layer.dilation_w if layer.S > 1 else 1) > 1,
        "other bits": len(set(layer.bits)) > 1,
        "static power": architecture.total_static_power_mw > 0,
        "four dims": sum(bound > 1 for bound in layer.bounds) >= 4,
        "no mapping": walked.mappings == 0,
    }
    if walked.mappings:
        fastest = evaluate(architecture, layer, mapping_of(architecture, walked.records[0]))
        cheapest = mapping_of(architecture, walked.records[-1])
        found |= {
            "a front of several points": len(significant(walked.front)) > 1,
            "ragged optimum": any(
                prod(loop.trips for loop in cheapest.loops if loop.dim == dim) > bound
                for dim, bound in zip(DIMS, layer.bounds, strict=True)
            ),
            "capacity binds": walk_all(
                unlimited(architecture), layer, problem.kind, count_only=True, most=walked.mappings
            ).mappings > walked.mappings,
            "a port binds": fastest.bound_by != "compute",
            "serial": fastest.cycles_by["serial"] > 0,
        }
    return {what for what, true in found.items() if true}
