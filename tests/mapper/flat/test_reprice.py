"""Mappings of one architecture, priced on another that differs in prices alone, cost what the model says they do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from mapper.walks.fronts import EQUAL
from mapper.walks.mapper_cases import random_problem

from dse.architecture.hierarchy import Level
from dse.formats.architecture.load import load_architecture_spec
from dse.mapper import has_flat_shape, layer_front, layer_points, lower_bound
from dse.mapper.alike import layout, points_alike
from dse.mapper.flat.instance import INSTANCE
from dse.mapper.flat.reprice import COSTS
from dse.model.cost import evaluate
from dse.problem.layer import Layer


def dearer(architecture: Any, number: int) -> Any:
    """The same with other energies and power, so that other mappings are best."""
    nodes = tuple(_dearer(node, 1 + (number + i) % 3) for i, node in enumerate(architecture.hierarchy))
    return replace(architecture, hierarchy=nodes, mac=replace(architecture.mac, clock_power_mw=50.0 * (number % 4)))


def _dearer(node: Any, times: int) -> Any:
    if not isinstance(node, Level):
        return node
    energy = type(node.read_energy_pj)(*(value * times for value in node.read_energy_pj))
    return replace(node, read_energy_pj=energy, static_power_mw=node.static_power_mw + 0.1 * times)


@pytest.mark.parametrize("flow", ["random", "row-stationary"])
def test_mappings_are_priced_as_the_model_does(flow: str) -> None:
    tried = 0
    for number in range(6):
        problem = random_problem(f"reprice {number}", flow, "all", most=2_000)
        own, layer = problem.architecture, problem.layer
        if problem.mappings == 0 or not has_flat_shape(own):
            continue
        other = dearer(own, number)
        assert layout(own, layer) == layout(other, layer)
        front, (alike,) = points_alike(own, layer, [other])
        assert front == layer_points(own, layer, "front")
        costs = [evaluate(other, layer, mapped.mapping) for mapped in layer_front(own, layer)]
        points = [(cost.energy_pj, cost.cycles) for cost in costs]
        kept = [p for p in points if not any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in points)]
        assert np.allclose(sorted(alike), sorted(set(kept)), rtol=EQUAL), number
        bound = lower_bound(other, layer)
        assert min(energy for energy, _ in alike) >= bound.energy_pj * (1 - EQUAL)
        assert min(cycles for _, cycles in alike) >= bound.cycles * (1 - EQUAL)
        tried += 1
    assert tried >= 3


def test_a_layout_tells_apart_what_maps_in_another_way() -> None:
    spec, layer = load_architecture_spec("eyeriss"), Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    own = layout(spec.architecture, layer)
    for path, value in (
        ("levels.array.rows", 11), ("levels.PE.capacity.weight", "64 word"), ("dataflow", "output-stationary"),
        ("levels.GLB.buffering", "single"),
    ):  # fmt: skip
        assert layout(spec.resolve({path: value}), layer) != own, path
    for path, value in (("levels.DRAM.energy", "100 mac"), ("levels.DRAM.bandwidth", "800 MB/s")):
        assert layout(spec.resolve({path: value}), layer) == own, path


def test_costs_are_fields_of_an_instance() -> None:
    assert INSTANCE.names is not None
    assert set(INSTANCE.names) > COSTS
