"""What ports that wait for each other add to the time: each of them counts, and words that come back do."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from mapper.deep.test_deep_bounds import some_mapping, sums
from mapper.walks.whole import price_whole

from dse import Layer, load_architecture
from dse.formats.workload.load import load_workload
from dse.mapper.deep.bounds.layer_spaces import spaces_of
from dse.mapper.deep.bounds.sums.objective import serial_terms
from dse.mapper.deep.bounds.sums.records import OF_TIME
from dse.mapper.deep.bounds.sums.terms import Book
from dse.mapper.deep.leaf.nest import workspace
from dse.mapper.deep.leaf.orders import PRICED, SUBPROBLEMS
from dse.mapper.deep.solve import solve_deep
from dse.mapper.flat.solve import solve_flat
from dse.mapper.shared.incumbent import EDP, ENERGY, LATENCY

SPEC = "tests/benchmarks/specs/asymmetric.yaml"
"""Its DRAM reads and writes through a port each, and waits for a buffer that has one tile at a time."""

LAYERS = (
    Layer("conv", K=12, C=10, P=9, Q=7, R=3, S=3),
    Layer("fc", K=60, C=96),
    Layer("strided", K=6, C=4, P=5, Q=6, R=5, S=5, stride_h=2, stride_w=2),
    Layer("depthwise", G=12, K=1, C=1, P=8, Q=8, R=3, S=3),
)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_the_time_of_a_whole_mapping_is_mostly_known(layer: Layer) -> None:
    """To a hundredth in three of four mappings, whichever port is waited for longest; and it is never too long."""
    architecture, rng = load_architecture(SPEC), Random(layer.name)
    (space,) = spaces_of(architecture, architecture.lowered(layer), "all")[1]
    part, book = np.zeros(2), Book(space.problem, space.crossings)
    found = []
    for _ in range(400):
        mapping = some_mapping(space, rng)
        assert mapping is not None
        rows, split, choices = mapping
        assert price_whole(space.problem, split, workspace(space.problem), part)
        time = sums(space, rows, choices, whole=True)[OF_TIME]
        assert time <= part[OF_TIME] * (1 + 1e-11)
        found.append(time / part[OF_TIME])
    waited = {space.crossings[term.crossing].operand for port in serial_terms(book, 0) for term in port}
    assert len(serial_terms(book, 0)) == 2
    assert waited == {0, 1, 2}
    assert np.quantile(found, 0.25) > 0.99


@pytest.mark.parametrize("kind", [ENERGY, LATENCY, EDP])
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_both_searches_find_the_same_where_ports_wait(layer: Layer, kind: int) -> None:
    architecture = load_architecture(SPEC)
    layer, stop = architecture.lowered(layer), np.zeros(1, dtype=np.int64)
    flat = solve_flat(architecture, layer, kind, 0.0, "all", 1, stop=stop)
    deep = solve_deep(architecture, layer, kind, 0.0, "all", 1)
    value = {ENERGY: [1, 0], LATENCY: [0, 1], EDP: [1, 1]}[kind]
    assert (flat.values[0] ** value).prod() == pytest.approx((deep.values[0] ** value).prod(), rel=1e-11)


def test_the_port_that_all_weights_come_through_ends_the_search() -> None:
    """By the slowest port for each word, the one that writes few psums, two million mappings were priced."""
    architecture = load_architecture(SPEC)
    found = solve_deep(architecture, load_workload("alexnet").layer("fc8"), LATENCY, 0.0, "all", 1)
    assert found.gap == 0.0
    assert found.visited[SUBPROBLEMS] < 100
    assert found.visited[PRICED] < 10_000
