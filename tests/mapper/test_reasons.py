"""Why nothing fits: what is named is what is in the way, and what is proposed helps.

An obstacle is held against full walks. Nothing is named where something fits, and something is where nothing does; an
obstacle is gone with the size that it asks for, and still there with one less; with all obstacles gone there are
mappings.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import prod
from random import Random
from typing import Any

import pytest
from mapper.brute_force import choices
from mapper.conformance import draw_layer, pairs, problem, shrunk
from mapper.general_walk import SHAPES, Walk
from mapper.mapper_cases import ALL, draw_dataflow, draw_level

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import FanOut, Level
from dse.errors import InfeasibleError
from dse.formats.dataflow import built_in_dataflows
from dse.mapper.mapper import map_layer
from dse.mapper.reasons import Obstacle, obstacles, why_infeasible
from dse.problem.dims import DIMS, RELEVANT, PerOperand
from dse.problem.layer import Layer

MOST_SPLITS = 4000
RANDOM = 1000


def relaxed(architecture: Architecture, obstacle: Obstacle, less: int = 0) -> Architecture:
    """The architecture with just what an obstacle asks for, or a little less of it."""
    size = obstacle.needed - less
    if obstacle.kind == "split":
        flow, field = architecture.dataflow, f"{obstacle.side}_whole"
        return architecture.with_(dataflow=replace(flow, **{field: getattr(flow, field) - {obstacle.dim}}))
    nodes: list[Level | FanOut] = []
    for node in architecture.hierarchy:
        if node.name == obstacle.node and isinstance(node, FanOut):
            wired = obstacle.kind == "wiring"
            node = replace(node, dims=node.dims | {obstacle.dim}) if wired else replace(node, **{obstacle.side: size})
        elif node.name == obstacle.node and isinstance(node, Level):
            if obstacle.operand:
                assert node.partition_bits is not None
                node = replace(node, partition_bits=replace(node.partition_bits, **{obstacle.operand: size}))
            else:
                node = replace(node, capacity_bits=size)
        nodes.append(node)
    architecture = architecture.with_(hierarchy=tuple(nodes))
    if obstacle.kind == "wiring":  # a dataflow made in Python may ask for a dim whole that it does not allow there
        allowed = getattr(architecture.dataflow, obstacle.side) | {obstacle.dim}
        architecture = architecture.with_(dataflow=replace(architecture.dataflow, **{obstacle.side: allowed}))
    return architecture


def same(one: Obstacle, other: Obstacle) -> bool:
    """Whether two obstacles are the same constraint, whatever the size it asks for."""
    return replace(one, needed=0, text="") == replace(other, needed=0, text="")


def is_possible(architecture: Architecture, layer: Layer, factors: str) -> bool:
    """By the definition of the mapspace: some split of every dim fits, in some order."""
    walk = Walk(architecture, architecture.lowered(layer), factors)
    return any(
        any(True for _ in walk.orders(used)) for kept in choices(architecture) for used in walk.fitting(kept)
    )


def check(architecture: Architecture, layer: Layer, factors: str, what: Any, *, walked: bool) -> tuple[Obstacle, ...]:
    """Hold the obstacles of a case against what is possible, and each against its own proposal."""
    found = obstacles(architecture, layer, factors)
    possible = is_possible(architecture, layer, factors) if walked else _maps(architecture, layer, factors)
    assert possible != bool(found), (what, found)
    for obstacle in found:
        assert obstacle.text in why_infeasible(architecture, layer, factors)
        assert not any(same(obstacle, x) for x in obstacles(relaxed(architecture, obstacle), layer, factors)), what
        if obstacle.needed > 1:
            short = obstacles(relaxed(architecture, obstacle, less=1), layer, factors)
            assert any(same(obstacle, x) for x in short), (what, obstacle)
    helped = architecture
    for obstacle in found:
        helped = relaxed(helped, obstacle)
    assert not found or _maps(helped, layer, factors), (what, found)
    return found


def _maps(architecture: Architecture, layer: Layer, factors: str) -> bool:
    try:
        map_layer(architecture, layer, "energy", factors=factors, gap=10.0)
    except InfeasibleError:
        return False
    return True


@cache
def random_case(seed: int) -> tuple[Architecture, Layer, str]:
    """Any hierarchy, tight all over, under a dataflow with many rules; few enough splits to try them all."""
    rng = Random(f"reason {seed}")
    while True:
        layer = draw_layer(rng, rng.choice(("conv", "strided", "grouped", "dilated", "batch")), 20)
        flow = draw_dataflow(rng) if rng.random() < 0.7 else rng.choice(list(built_in_dataflows().values()))
        whole = {f"{side}_whole": getattr(flow, f"{side}_whole") | _some(rng, getattr(flow, side))
                 for side in ("rows", "cols")}  # fmt: skip
        flow = replace(flow, inside_whole=flow.inside_whole | _some(rng, frozenset("RSCK")), **whole)
        nodes: list[Level | FanOut] = [Level("DRAM", ALL)]
        for i, letter in enumerate(rng.choice(SHAPES)[1:], 1):
            if letter == "F":
                dims = frozenset(DIMS) if rng.random() < 0.7 else _some(rng, frozenset(DIMS), 0.7)
                nodes.append(FanOut(f"fan{i}", rng.randint(1, 5), rng.randint(1, 4), dims=dims))
            else:
                nodes.append(_tight(draw_level(rng, layer, f"level{i}", 1.0, True), rng))
        architecture = Architecture("small", tuple(nodes), Mac(1.0), 1e9, flow)
        factors = rng.choice(("all", "perfect"))
        splits = prod(map(len, Walk(architecture, layer, factors).chains)) * len(choices(architecture))
        if splits <= MOST_SPLITS and not _order_rules_clash(architecture):
            return architecture, layer, factors


def _some(rng: Random, dims: frozenset[str], share: float = 0.25) -> frozenset[str]:
    return frozenset(dim for dim in DIMS if dim in dims and rng.random() < share)


def _tight(level: Level, rng: Random) -> Level:
    """Room for a few words, whatever the layer."""
    if rng.random() < 0.5:
        return level
    few = [rng.randint(1, 9) * 16 for _ in range(4)]
    if level.partition_bits is None:
        return replace(level, capacity_bits=sum(few))
    return replace(level, partition_bits=PerOperand(*few[:3]))


def _order_rules_clash(architecture: Architecture) -> bool:
    flow = architecture.dataflow
    return flow.stationary is not None and flow.innermost in RELEVANT[flow.stationary]


@pytest.mark.parametrize("chunk", range(10))
def test_obstacles_are_named_exactly_where_nothing_fits(chunk: int) -> None:
    for seed in range(chunk * RANDOM // 10, (chunk + 1) * RANDOM // 10):
        check(*random_case(seed), seed, walked=True)


def test_the_random_cases_meet_every_kind_of_obstacle() -> None:
    kinds = [obstacle.kind for seed in range(RANDOM) for obstacle in obstacles(*random_case(seed))]
    met = {kind: kinds.count(kind) for kind in ("capacity", "side", "wiring", "split")}
    assert all(count >= 10 for count in met.values()), met
    shapes = [architecture for architecture, _, _ in map(random_case, range(RANDOM)) if len(architecture.fan_outs) == 2]
    assert len(shapes) >= RANDOM // 5


@pytest.mark.parametrize(("spec", "flow"), pairs())
def test_every_spec_under_every_dataflow_says_why(spec: str, flow: str) -> None:
    """With capacities of a word or two nearly nothing fits, and the whole message helps."""
    for seed in range(3):
        rng = Random(f"why {spec} {flow} {seed}")
        architecture, _ = problem(spec, flow, "why")
        layer = draw_layer(rng, rng.choice(("conv", "1x7", "matmul", "grouped", "depthwise")))
        architecture = scarce(shrunk(architecture, layer, rng), rng)
        factors = rng.choice(("all", "perfect"))
        check(architecture, layer, factors, (spec, flow, seed), walked=False)


def scarce(architecture: Architecture, rng: Random) -> Architecture:
    """The accelerator with hardly any room, and now and then double-buffered."""
    nodes = []
    for node in architecture.hierarchy:
        if isinstance(node, Level) and node.capacity_bits is not None:
            node = replace(node, capacity_bits=rng.randint(8, 100))
        elif isinstance(node, Level) and node.partition_bits is not None:
            few = (None if bits is None else rng.randint(8, 40) for bits in node.partition_bits)
            node = replace(node, partition_bits=PerOperand(*few))
        if isinstance(node, Level) and node is not architecture.hierarchy[0]:
            node = replace(node, buffering=rng.choice((node.buffering, "double")))
        nodes.append(node)
    return architecture.with_(hierarchy=tuple(nodes))
