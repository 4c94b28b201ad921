"""The mapper optimises what zeros leave over: its answers equal a full walk's, and their prices the model's."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from mapper.walks.brute_force import walk_all
from mapper.walks.fronts import EQUAL
from mapper.walks.mapper_cases import random_problem
from thinned import thinned

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import Level
from dse.mapper.layer import layer_front, map_layer, solve
from dse.model.cost import evaluate
from dse.model.price import price
from dse.problem.dims import OPERANDS, PerOperand
from dse.problem.layer import Layer

GATES = (frozenset[str](), frozenset({"ifmap"}), frozenset({"weight"}), frozenset({"ifmap", "weight"}))
CODINGS = (None, "run-length", "bitmask", "csr")


def with_zeros(rng: Random, architecture: Architecture, layer: Layer) -> tuple[Architecture, Layer]:
    """Any switches, and densities for them to act on."""
    nodes = list(architecture.hierarchy)
    nodes[0] = replace(nodes[0], compression=PerOperand(*(rng.choice(CODINGS) for _ in OPERANDS)))  # type: ignore[call-arg]
    last = nodes[-1]
    if isinstance(last, Level):
        always = last.stores - last.may_bypass
        gating = PerOperand(*(rng.choice(GATES) if o in always else frozenset() for o in OPERANDS))
        nodes[-1] = replace(last, gating=gating)
    skipping = rng.choice((frozenset(), *GATES))
    if any(fan_out.is_systolic for fan_out in architecture.fan_outs):
        skipping = frozenset()  # an array in step skips nothing
    mac = replace(architecture.mac, gating=rng.choice(GATES), skipping=skipping, gated_energy_pj=0.1)
    density = PerOperand(*(rng.uniform(0.05, 1.0) for _ in OPERANDS))
    return architecture.with_(hierarchy=tuple(nodes), mac=mac, clock_power_mw=3.0), layer.with_(density=density)


@pytest.mark.parametrize("flow", ["flexible", "weight-stationary", "row-stationary", "random"])
@pytest.mark.parametrize("chunk", thinned(range(4), 4))
def test_best_equals_full_walk(flow: str, chunk: int) -> None:
    exercised = set()
    for seed in range(1000 + 6 * chunk, 1006 + 6 * chunk):
        problem = random_problem(seed, flow, "all", most=10_000)
        if not problem.mappings:
            continue
        architecture, layer = with_zeros(Random(f"{seed} {flow}"), problem.architecture, problem.layer)
        walked = walk_all(architecture, layer)
        share = price(architecture, layer).cycles_per_step  # the walk counts steps
        exercised |= {"skipping"} if share < 1 else set()
        exercised |= {"psum gating"} if price(architecture, layer).spared_pj else set()
        case = f"seed {seed}, {flow}"
        goals = ("energy", "latency", "edp")
        energy, latency, edp = (solve(architecture, layer, goal, 0.0, "all").values[0] for goal in goals)
        assert energy[0] == pytest.approx(walked.energy, rel=EQUAL), case
        assert latency[1] == pytest.approx(walked.latency[0] * share, rel=EQUAL), case
        assert edp.prod() == pytest.approx(walked.edp * share, rel=EQUAL), case
        for objective in ("energy", "latency", "edp"):
            mapped = map_layer(architecture, layer, objective)
            cost = evaluate(architecture, layer, mapped.mapping)
            value = {"energy": cost.energy_pj, "latency": cost.cycles, "edp": cost.energy_pj * cost.cycles}[objective]
            assert mapped.certificate.value == pytest.approx(value, rel=EQUAL), case
        for mapped in layer_front(architecture, layer):
            assert mapped.certificate.value == pytest.approx(mapped.cost.energy_pj, rel=EQUAL), case
    assert exercised
