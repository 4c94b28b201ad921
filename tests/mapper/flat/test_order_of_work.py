"""What a flat search visits and names hangs on its problem alone, whatever this process has searched before."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from mapper.walks.mapper_cases import draw_architecture, draw_dataflow, draw_layer, draw_ports, per_operand
from thinned import parts, thinned

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import Level
from dse.errors import InfeasibleError
from dse.formats.architecture.dataflow import built_in_dataflows
from dse.mapper.flat.outer import kept, points, table
from dse.mapper.flat.run import RECORD
from dse.mapper.layer import is_flat, layer_points, lower_bound, points_below, solve
from dse.problem.dims import PerOperand
from dse.problem.layer import Layer

SHAPES = ("LLFL", "LLFL", "LLFL", "LFL", "LLF")
GOALS = [(objective, gap) for objective in ("energy", "edp", "latency", "front") for gap in (0.0, 0.05)]
CHANGES = ("energy", "hair", "rate", "factor", "size", "static")

WAYS = {
    "tables at once": {},
    "tables late": {"SMALL": 0, "FEWEST_WORTH": 30, "PER_VISIT": 1 << 20},
}
"""When outer tables are worked out: those of small problems at once, or, as of large ones, once a search is long."""


def neighbour(rng: Random, machine: Architecture) -> Architecture:
    """A design that differs in energies, rates, sizes or power alone."""
    change, factor = rng.choice(CHANGES), rng.choice((0.25, 0.6, 2.0, 3.0))
    nodes: list[Any] = []
    for place, node in enumerate(machine.hierarchy):
        if not isinstance(node, Level):
            nodes.append(node)
            continue
        other: dict[str, Any] = {}
        if change == "energy":
            price = rng.choice((0.0, 1.0, 6.0, 200.0))
            other = {"read_energy_pj": per_operand(rng, price), "write_energy_pj": per_operand(rng, price)}
        elif change == "hair":
            hair = rng.choice((1e-13, 1e-11, 1e-9))
            other = {"read_energy_pj": PerOperand(*(price * (1.0 + hair) for price in node.read_energy_pj))}
        elif change == "rate":
            other = {"ports": draw_ports(rng)}
        elif change == "factor" and place == 0:
            ports = (replace(port, words_per_cycle=factor * port.words_per_cycle) for port in node.ports)
            other = {"ports": tuple(ports)}
        elif change == "size" and place > 0 and node.capacity_bits is not None:
            other = {"capacity_bits": int(node.capacity_bits * factor)}
        nodes.append(replace(node, **other))
    static = rng.choice((0.0, 10.0, 300.0)) if change == "static" else machine.static_power_mw
    return machine.with_(hierarchy=tuple(nodes), static_power_mw=static)


def neighbours(seed: int) -> tuple[Layer, list[Architecture]]:
    """A layer and three designs that are like each other."""
    rng = Random(f"order of work {seed}")
    layer = draw_layer(rng)
    layer = layer.with_(**{dim: 2 * bound for dim, bound in zip("GNKCPQRS", layer.bounds, strict=True)
                           if bound > 1 and dim in "KCPQ"})  # fmt: skip
    flow = built_in_dataflows()["flexible"] if rng.random() < 0.5 else draw_dataflow(rng)
    designs = [draw_architecture(rng, layer, flow, rng.choice(SHAPES))]
    while len(designs) < 3:
        designs.append(neighbour(rng, rng.choice(designs)))
    return layer, designs


def forget() -> None:
    """As in a process that has searched nothing yet."""
    for known in (kept._TABLES, kept._TIMED, kept._LONG, kept._FLOORS, points._POINTS, points._NEAR, points._TOGETHER):
        known.clear()


def found(design: Architecture, layer: Layer, objective: str, gap: float) -> Any:
    """Values, mappings and the gap; and the visits, where the flat search has the answer: the deep one keeps tables."""
    try:
        solution = solve(design, layer, objective, gap, "all")
    except InfeasibleError:
        return None
    visited = solution.visited if solution.records.shape[1] == RECORD else ()
    return solution.values.tolist(), solution.records.tolist(), visited, solution.gap


def look_around(design: Architecture, layer: Layer) -> None:
    """Leave behind all that searches for values alone, and bounds, leave."""
    with suppress(InfeasibleError):
        ((energy, cycles),) = layer_points(design, layer, "edp")
        points_below(design, layer, [(1.1 * energy, 1.1 * cycles)])
        lower_bound(design, layer)


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_TABLES", "_TIMED", "_LONG", "_FLOORS"):
        monkeypatch.setattr(kept, name, OrderedDict())
    for name in ("_POINTS", "_NEAR", "_TOGETHER"):
        monkeypatch.setattr(points, name, OrderedDict())


def set_way(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    for name, value in WAYS[way].items():
        monkeypatch.setattr(kept if name == "SMALL" else table, name, value)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seeds", thinned(parts(240, 4), 12))
def test_an_answer_is_the_same_in_any_order_of_work(monkeypatch: pytest.MonkeyPatch, seeds: range, way: str) -> None:
    set_way(monkeypatch, way)
    for seed in seeds:
        layer, designs = neighbours(seed)
        assert all(is_flat(design, "all") for design in designs)
        asked = [(design, goal) for design in designs for goal in GOALS]
        first = []
        for design, goal in asked:
            forget()
            first.append(found(design, layer, *goal))
        forget()
        there = [found(design, layer, *goal) for design, goal in asked]
        for design in designs:
            look_around(design, layer)
        back = [found(design, layer, *goal) for design, goal in reversed(asked)]
        assert there == first
        assert back[::-1] == first
