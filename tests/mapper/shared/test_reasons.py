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
from mapper.conformance.cases import draw_layer, pairs, problem, shrunk
from mapper.walks.brute_force import choices
from mapper.walks.deep_walk import SHAPES, Walk
from mapper.walks.mapper_cases import ALL, draw_dataflow, draw_level
from thinned import thinned

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import FanOut, Level
from dse.errors import InfeasibleError
from dse.formats.architecture.dataflow import built_in_dataflows
from dse.formats.architecture.load import load_architecture_spec
from dse.mapper.layer import map_layer
from dse.mapper.shared.reasons import Obstacle, obstacles, why_infeasible
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
        any(True for _ in walk.orders(used)) if not walk.crowded(used, kept) else walk.has_room_for_finished(used, kept)
        for kept in choices(architecture) for used in walk.fitting(kept)
    )  # fmt: skip


def check(architecture: Architecture, layer: Layer, factors: str, what: Any, *, walked: bool) -> tuple[Obstacle, ...]:
    """Hold the obstacles of a case against what is possible, and each against its own proposal."""
    found = obstacles(architecture, layer, factors)
    possible = is_possible(architecture, layer, factors) if walked else _maps(architecture, layer, factors)
    narrow = obstacles(architecture, layer.stating({"psum": layer.finished_bits}), factors)
    assert found or possible, what
    assert not (narrow and possible), (what, narrow)
    if layer.finished_bits == layer.bits.psum:
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


@pytest.mark.parametrize("chunk", thinned(range(10), 5))
def test_obstacles_are_named_exactly_where_nothing_fits(chunk: int) -> None:
    for seed in range(chunk * RANDOM // 10, (chunk + 1) * RANDOM // 10):
        check(*random_case(seed), seed, walked=True)


def test_the_random_cases_meet_every_kind_of_obstacle() -> None:
    kinds = [obstacle.kind for seed in range(RANDOM) for obstacle in obstacles(*random_case(seed))]
    met = {kind: kinds.count(kind) for kind in ("capacity", "side", "wiring", "split")}
    assert all(count >= 10 for count in met.values()), met
    shapes = [architecture for architecture, _, _ in map(random_case, range(RANDOM)) if len(architecture.fan_outs) == 2]
    assert len(shapes) >= RANDOM // 5


@pytest.mark.parametrize(("spec", "flow"), thinned(pairs(), 8))
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


CONV1 = Layer("conv1", K=8, C=3, P=5, Q=5, R=11, S=11, stride_h=4, stride_w=4)


@pytest.mark.parametrize(("spec", "settings", "text"), [
    ("eyeriss", {"levels.PE.capacity.weight": "8 word"},
     "layer conv1: the weight scratchpad of PE holds 8 words, a filter row needs 11 under row-stationary: "
     "11 words (176 bits) would do"),
    ("eyeriss", {"levels.PE.double_buffer": True},
     "layer conv1: the ifmap scratchpad of PE holds 12 words, half of it for a tile as it is double-buffered, a row of "
     "a window needs 11 under row-stationary: 22 words (352 bits) would do"),
    ("isca16_rs", {"levels.PE.capacity": "16 B"},
     "layer conv1: PE holds 128 bits, and the least it must keep takes 368 bits under RS (a row of a window of 11 "
     "words, a filter row of 11 words, one psum word): 368 bits would do"),
    ("eyeriss", {"levels.GLB.capacity": "244 B", "levels.PE.capacity.ifmap": "10 word"},
     "layer conv1: the ifmap scratchpad of PE holds 10 words, a row of a window needs 11 under row-stationary: "
     "11 words (176 bits) would do"),
    ("eyeriss", {"levels.GLB.capacity": "243 B"},
     "layer conv1: GLB holds 1944 bits, and the least it must keep takes 1952 bits under row-stationary (a whole "
     "window of 121 words, one psum word): 1952 bits would do"),
    ("isca16_ws", {"levels.array.rows": 64},
     "layer conv1: array has 64 rows, and WS lays R=11 in parts of 11 and S=11 in parts of 11 on them at once, which "
     "takes 121: 121 rows would do"),
    ("edge_npu", {"dataflow": "row-stationary"},
     "layer conv1: cores can unroll G, K, P over its rows, and row-stationary lays R=11 there: dims with R, or a "
     "dataflow without rows_whole: [R], would do"),
])  # fmt: skip
def test_messages_speak_of_what_an_architect_knows(spec: str, settings: dict[str, Any], text: str) -> None:
    assert why_infeasible(load_architecture_spec(spec).resolve(settings), CONV1, "all") == text


def test_every_obstacle_is_named() -> None:
    wired = {"levels.array.dims": ["C", "K"], "dataflow": "row-stationary"}
    text = why_infeasible(load_architecture_spec("nvdla_small").resolve(wired), CONV1, "all")
    assert "array can unroll K, C over its rows" in text
    assert "the weight scratchpad of MAC_cell holds 2 words" in text


def test_what_may_bypass_takes_no_room() -> None:
    """A buffer with room for less than a window's ifmap, which may go past it."""
    spec = load_architecture_spec("eyeriss")
    tight = {"levels.GLB.capacity": "20 B"}
    assert obstacles(spec.resolve(tight), CONV1)
    assert obstacles(spec.resolve({**tight, "levels.GLB.may_bypass": ["ifmap"]}), CONV1) == ()


@pytest.mark.parametrize("rows", [2, 6, 7])
def test_a_prime_that_must_be_whole_is_folded_one_by_one(rows: int) -> None:
    """Perfect factors of seven filter rows on fewer array rows: one at a time, which is possible."""
    spec = load_architecture_spec("eyeriss").resolve({"levels.array.rows": rows})
    layer = Layer("prime", R=7, S=3, P=4)
    assert check(spec, layer, "perfect", rows, walked=False) == ()


def test_rules_on_loop_orders_may_clash() -> None:
    """Without a buffer the outermost list is the one above the array: no other takes the loops that the rules bar."""
    level = Level("PE", ALL, capacity_bits=3 * 16)
    flow = replace(built_in_dataflows()["weight-stationary"], innermost="C")
    bare = Architecture("bare", (Level("DRAM", ALL), FanOut("array", 1, 1), level), Mac(1.0), 1e9, flow)
    layer = Layer("orders", C=2, P=3)
    with pytest.raises(InfeasibleError, match="keeps weight in place and wants loops over C, which change it, innerm"):
        map_layer(bare, layer, "energy")
    assert _maps(bare.with_(dataflow=replace(flow, innermost="P")), layer, "all")


@pytest.mark.parametrize("spec", ["eyeriss", "nvdla_small"])
def test_an_outermost_level_of_some_size_holds_the_whole_layer(spec: str) -> None:
    outermost = {"levels.DRAM.dram": None} if spec == "nvdla_small" else {}
    small = load_architecture_spec(spec).resolve({
        **outermost, "levels.DRAM.capacity": "100 word", "levels.DRAM.energy": "100 pJ",
    })  # fmt: skip
    with pytest.raises(InfeasibleError, match="the layer's weight of 64 words"):
        map_layer(small, Layer("large", K=8, C=8, P=2, Q=2), "energy")
