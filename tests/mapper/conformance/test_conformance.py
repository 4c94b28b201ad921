"""One suite that the mapper passes on every shipped architecture under every dataflow that it can take.

A new file among the shipped specs, or a new built-in dataflow, is covered by being there.
"""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import Any

import numpy as np
import pytest
from mapper.conformance import cases as conformance
from mapper.conformance.cases import KINDS, VARIANTS, Case, architectures, case, kind_of, pairs
from mapper.walks.brute_force import walk_all, why_outside
from mapper.walks.fronts import EQUAL, significant
from mapper.walks.mapper_cases import unlimited
from thinned import in_gate, thinned

from dse.errors import InfeasibleError
from dse.formats.architecture.dataflow import built_in_dataflows
from dse.formats.text.shipped import shipped_names
from dse.mapper.flat.instance import SHAPES, shape_of
from dse.mapper.layer import OBJECTIVES, layer_front, map_layer
from dse.model.fit import check_fit

SPECS = shipped_names("arch_specs")
MANY = 2000

TIE = 1e-11
"""Relative difference of two latencies above which they are no tie: rounding stays far below, coded zeros do not."""


def cases(spec: str, flow: str) -> list[Case]:
    return [case(spec, flow, variant) for variant in VARIANTS]


def truth(front: Any, objective: str) -> Any:
    fastest = front[front[:, 1] <= front[0, 1] * (1 + TIE)]
    return {
        "energy": front[-1:, 0], "latency": fastest[-1, ::-1], "edp": front.prod(axis=1).min(keepdims=True),
        "front": significant(front),
    }[objective]  # fmt: skip


def answer(drawn: Case, objective: str) -> Any:
    """What the mapper says, from the costs of its mappings; each of them is one of the mapspace."""
    if objective == "front":
        found = layer_front(drawn.architecture, drawn.layer, factors=drawn.factors)
    else:
        found = (map_layer(drawn.architecture, drawn.layer, objective, factors=drawn.factors),)
    layer = drawn.architecture.lowered(drawn.layer)
    for best in found:
        best.mapping.check(drawn.architecture, layer)
        check_fit(layer, drawn.architecture, best.mapping)
        if shape_of(drawn.architecture) in SHAPES:
            assert why_outside(drawn.architecture, layer, best.mapping, drawn.factors) == "", drawn.name
        assert best.certificate.lower_bound == best.certificate.value
    values = np.array([(best.cost.energy_pj, best.cost.cycles) for best in found])
    return {
        "energy": values[:, 0], "latency": values[0, ::-1], "edp": values.prod(axis=1), "front": significant(values),
    }[objective]  # fmt: skip


def check(drawn: Case, objective: str) -> None:
    """The mapper's answer is that of the full walk, or both find nothing."""
    if drawn.mappings == 0:
        with pytest.raises(InfeasibleError):
            answer(drawn, objective)
        return
    found, best = answer(drawn, objective), truth(drawn.front, objective)
    where = f"{drawn.name}, {objective}"
    assert found.shape == best.shape, f"{where}: {found.tolist()}, full walk {best.tolist()}"
    assert found == pytest.approx(best, rel=EQUAL, abs=0), where


PAIRS = thinned(pairs(), 16)


@pytest.mark.parametrize(("spec", "flow"), PAIRS)
def test_best_equals_full_walk(spec: str, flow: str) -> None:
    for drawn in cases(spec, flow):
        for objective in OBJECTIVES:
            check(drawn, objective)


@pytest.mark.slow
@pytest.mark.parametrize(("spec", "flow"), pairs())
def test_best_equals_full_walk_on_more(spec: str, flow: str) -> None:
    for seed, variant in product(range(1, 11), VARIANTS):
        drawn = case.__wrapped__(spec, flow, variant, seed)
        for objective in OBJECTIVES:
            check(drawn, objective)


def test_every_spec_meets_every_dataflow_in_thousands_of_cases() -> None:
    assert set(architectures()) == set(SPECS)
    for spec in SPECS:
        met = [architectures()[spec].dataflow, *conformance.dataflows(spec).values()]
        assert all(flow in met for flow in built_in_dataflows().values())
    assert len(pairs()) * len(VARIANTS) * len(OBJECTIVES) >= MANY


def test_every_kind_of_layer_is_on_every_spec() -> None:
    for spec in SPECS:
        assert {kind_of(*pair, variant) for pair in pairs() if pair[0] == spec for variant in VARIANTS} == set(KINDS)


@pytest.mark.parametrize("taken", [
    pytest.param(in_gate(PAIRS), marks=pytest.mark.gate, id="gate"),
    pytest.param(pairs(), marks=pytest.mark.slow, id="all"),
])  # fmt: skip
def test_the_cases_strain_everything(taken: list[tuple[str, str]]) -> None:
    """What makes mapping hard is met often."""
    drawn = [each for pair in taken for each in cases(*pair)]
    seen: Counter[str] = Counter()
    for each in drawn:
        seen.update(strains(each))
    least = {
        "nothing fits": 0.03, "something fits": 0.8, "several points": 0.15, "capacity binds": 0.3,
        "may bypass": 0.2, "perfect": 0.25, "more than 100 mappings": 0.25,
    }  # fmt: skip
    shares = {what: seen[what] / len(drawn) for what in least}
    assert {what: share for what, share in shares.items() if share < least[what]} == {}


@pytest.mark.slow
def test_something_fits_in_many_cases_of_every_spec() -> None:
    for spec in SPECS:
        drawn = [each for pair in pairs() if pair[0] == spec for each in cases(*pair)]
        assert {each.kind for each in drawn} == set(KINDS), spec
        assert sum(each.mappings > 0 for each in drawn) >= 25, spec


def strains(drawn: Case) -> set[str]:
    architecture, layer = drawn.architecture, drawn.architecture.lowered(drawn.layer)
    found = {
        "nothing fits": drawn.mappings == 0,
        "something fits": drawn.mappings > 0,
        "several points": drawn.mappings > 0 and len(significant(drawn.front)) > 1,
        "may bypass": any(level.may_bypass for level in architecture.levels),
        "perfect": drawn.factors == "perfect",
        "more than 100 mappings": drawn.mappings > 100,
    }
    if shape_of(architecture) in SHAPES:
        free = walk_all(unlimited(architecture), layer, drawn.factors, count_only=True, most=drawn.mappings)
        found["capacity binds"] = free.mappings > drawn.mappings
    return {what for what, true in found.items() if true}
