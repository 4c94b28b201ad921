"""Layers with operands at home on chip: both searches against full walks, and against the literal simulator."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest
from mapper.test_deep import answer, truth
from mapper.walks.deep_walk import SHAPES, Walk, draw_problem
from mapper.walks.fronts import EQUAL
from mapper.walks.mapper_cases import HIERARCHIES
from mapper.walks.simulated_price import simulated_price
from thinned import parts, thinned

import dse
from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import Level, Port
from dse.errors import InfeasibleError, MappingError
from dse.mapper.flat.instance import SHAPES as FLAT
from dse.mapper.flat.instance import shape_of
from dse.mapper.layer import map_layer, solve
from dse.model.cost import Cost
from dse.model.homes import Homes, at_home, evaluate_at_home, home_level, outer_mapping
from dse.problem.dims import OPERANDS
from dse.problem.layer import Layer

FLAT_SHAPES = tuple(shape for shape in HIERARCHIES if shape.startswith("LL") and shape != "LL")
WAYS: tuple[Any, ...] = ("read", "write")
DEEP_SHAPES = tuple(shape for shape in SHAPES if shape.startswith("LL"))
TWO_SHAPES = tuple(shape for shape in SHAPES if shape.startswith("LLL"))


def homed(seed: int, shapes: tuple[str, ...]) -> tuple[Architecture, Layer, str, Homes]:
    """A random problem with some operands at home in the level inside the outermost one."""
    rng = Random(f"homes {seed}")
    while True:
        problem = draw_problem(rng, shapes, 1500)
        nodes = list(problem.architecture.hierarchy)
        level = nodes[1]
        assert isinstance(level, Level)
        total = sum(problem.layer.words(o) * problem.layer.bits[o] for o in OPERANDS)
        ports = level.ports
        if rng.random() < 0.7:
            every = frozenset((o, way) for o in OPERANDS for way in WAYS)
            ports = (Port("shared", every, rng.choice((0.3, 1.0, 3.0))),)
        nodes[1] = replace(level, ports=ports, stores=frozenset(OPERANDS), partition_bits=None,
                           capacity_bits=2 * total, on_chip=True)  # fmt: skip
        operands = rng.choice((("ifmap",), ("psum",), ("ifmap", "psum"), ("weight", "psum")))
        homes = Homes(level.name, frozenset(operands), int(total * rng.choice((0.2, 0.5, 1, 2))), rng.random() < 0.3)
        architecture = problem.architecture.with_(hierarchy=tuple(nodes))
        other = at_home(architecture, homes)
        walk = Walk(other, problem.layer, problem.kind)
        if walk.size < 60_000:
            return architecture, problem.layer, problem.kind, homes


def assert_equals_full_walk(
    chip: Architecture, layer: Layer, kind: str, objectives: tuple[str, ...], name: str
) -> None:
    """The mapper's answers are those of a walk of all mappings; both find none where there are none."""
    front = Walk(chip, layer, kind).front()
    for objective in objectives:
        case = f"{name}, {shape_of(chip)}, {objective}"
        if len(front) == 0:
            with pytest.raises(InfeasibleError):
                solve(chip, layer, objective, 0.0, kind)
            continue
        found, best = answer(solve(chip, layer, objective, 0.0, kind).values, objective), truth(front, objective)
        assert found.shape == best.shape, f"{case}: {found.tolist()}, full walk {best.tolist()}"
        assert found == pytest.approx(best, rel=EQUAL, abs=0), case


def walked_cost(architecture: Architecture, layer: Layer, homes: Homes, seed: int) -> Cost | None:
    """The cost of the fastest mapping, held against that of its walked loops; None where nothing fits."""
    other = at_home(architecture, homes)
    try:
        best = map_layer(other, layer, "latency")
    except InfeasibleError:
        return None
    walked = simulated_price(layer, other, best.mapping)
    cost = evaluate_at_home(architecture, layer, outer_mapping(architecture, homes, best.mapping), homes)
    assert (cost.energy_pj, cost.cycles) == pytest.approx(walked, rel=1e-9), seed
    assert sum(cost.energy_by_level_pj.values()) == pytest.approx(cost.energy_pj, rel=1e-12)
    return cost


@pytest.mark.parametrize("shapes", [FLAT_SHAPES, DEEP_SHAPES], ids=["flat", "deep"])
@pytest.mark.parametrize("seeds", thinned(parts(40, 10), 4))
def test_the_best_of_a_layer_with_homes_equals_a_full_walk(shapes: tuple[str, ...], seeds: range) -> None:
    joined = narrow = 0
    for seed in seeds:
        architecture, layer, kind, homes = homed(seed, shapes)
        other = at_home(architecture, homes)
        joined += any(port.joins for port in other.levels[0].ports)
        narrow += other.levels[0].only_finished and layer.finishes_narrower
        assert_equals_full_walk(other, layer, kind, ("energy", "latency", "edp", "front"), f"homed({seed})")
    assert joined > 0
    assert narrow > 0


@pytest.mark.parametrize("shapes", [FLAT_SHAPES, DEEP_SHAPES], ids=["flat", "deep"])
def test_the_price_with_homes_is_that_of_the_walked_loops(shapes: tuple[str, ...]) -> None:
    for seed in range(12):
        architecture, layer, _, homes = homed(seed, shapes)
        cost = walked_cost(architecture, layer, homes, seed)
        if cost is None:
            continue
        outermost = cost.accesses.levels[architecture.levels[0].name]
        assert all(outermost[operand].reads == outermost[operand].writes == 0 for operand in homes.operands)


def chip(**changes: Any) -> Architecture:
    return dse.load_architecture("edge_npu", settings=changes) if changes else dse.load_architecture("edge_npu")


LAYER = Layer("conv", K=32, C=32, P=14, Q=14, R=3, S=3)


def test_a_shared_port_of_the_home_serves_both_what_is_at_home_and_its_own_tiles() -> None:
    homes = Homes("L2", frozenset({"psum"}), 8 << 18)
    other = at_home(chip(), homes)
    best = map_layer(other, LAYER, "energy", gap=0.05)
    cost = evaluate_at_home(chip(), LAYER, outer_mapping(chip(), homes, best.mapping), homes)
    words = cost.accesses.levels["L2"]
    widths = cost.bits
    moved = sum((words[o].reads + words[o].writes) * widths[o] for o in ("ifmap", "weight"))
    moved += cost.accesses.finished["L2"].writes * widths["ofmap"]
    assert words["psum"].reads == 0
    assert cost.cycles_by["L2 shared"] == pytest.approx(moved / 8 / 64)


def test_homes_cost_less_than_the_outermost_level_and_room_only_helps() -> None:
    def energy(operands: set[str], kib: int) -> float:
        return map_layer(at_home(chip(), Homes("L2", frozenset(operands), 8192 * kib)), LAYER, "energy").cost.energy_pj

    assert energy({"ifmap", "psum"}, 64) < min(energy({"ifmap"}, 64), energy({"psum"}, 64)) < energy(set(), 64)
    assert energy({"ifmap"}, 64) <= energy({"ifmap"}, 8)


def test_unfinished_psums_do_not_come_to_a_narrow_home() -> None:
    nodes = [
        {"level": "DRAM", "stores": ["ifmap", "weight", "psum"], "loops": [["C", 2], ["K", 2]]},
        {"level": "L2", "stores": ["ifmap", "weight"], "loops": []},
        {"fan_out": "cores", "rows": [], "cols": []},
        {"level": "L1", "stores": ["ifmap", "weight", "psum"], "loops": []},
        {"fan_out": "lanes", "rows": [], "cols": []},
    ]
    mapping, layer = dse.Mapping.from_dict(nodes), Layer("fc", K=2, C=2)
    with pytest.raises(MappingError, match="room for finished ones only"):
        evaluate_at_home(chip(), layer, mapping, Homes("L2", frozenset({"psum"}), 1 << 20))
    wide = evaluate_at_home(chip(), layer, mapping, Homes("L2", frozenset({"psum"}), 1 << 20, wide=True))
    assert wide.accesses.levels["L2"]["psum"].reads == 2


@pytest.mark.parametrize(
    ("name", "why"),
    [("simba_pe", "no level keeps whole tensors"), ("edge_npu", "")],
)
def test_which_level_may_be_a_home(name: str, why: str) -> None:
    architecture = dse.load_architecture(name)
    if why:
        with pytest.raises(dse.DseError, match=why):
            home_level(architecture)
    else:
        assert home_level(architecture).name == "L2"


def test_power_of_a_level_that_keeps_nothing_is_drawn_all_the_same() -> None:
    eyeriss = dse.load_architecture("eyeriss")
    other = at_home(eyeriss, Homes("GLB", frozenset({"ifmap", "psum"}), 0))
    assert [node.name for node in other.hierarchy] == ["DRAM", "array", "PE"]
    assert other.total_static_power_mw == pytest.approx(eyeriss.total_static_power_mw)
    assert other.total_clock_power_mw == pytest.approx(eyeriss.total_clock_power_mw)
    assert np.isclose(other.area_mm2, eyeriss.area_mm2)
    assert shape_of(other) in FLAT


def homed_in_two(seed: int) -> tuple[Architecture, Layer, str, Homes]:
    """A random problem whose two levels inside the outermost one both have something at home, or room for it."""
    rng = Random(f"two homes {seed}")
    while True:
        problem = draw_problem(rng, TWO_SHAPES, 600)
        nodes = list(problem.architecture.hierarchy)
        total = sum(problem.layer.words(o) * problem.layer.bits[o] for o in OPERANDS)
        for at in (1, 2):
            level = nodes[at]
            assert isinstance(level, Level)
            ports = level.ports
            if rng.random() < 0.7:
                every = frozenset((o, way) for o in OPERANDS for way in WAYS)
                ports = (Port("shared", every, rng.choice((0.3, 1.0, 3.0))),)
            nodes[at] = replace(level, ports=ports, stores=frozenset(OPERANDS), partition_bits=None,
                                capacity_bits=2 * total, on_chip=True)  # fmt: skip
        places = {operand: rng.choice((0, 1, 2)) for operand in OPERANDS}
        homes = None
        for at in (1, 2):
            own = frozenset(operand for operand, place in places.items() if place == at)
            room = int(total * rng.choice((0.2, 0.5, 1, 2)))
            homes = Homes(nodes[at].name, own, room, "psum" in own and rng.random() < 0.3, homes)
        assert homes is not None
        architecture = problem.architecture.with_(hierarchy=tuple(nodes))
        try:
            other = at_home(architecture, homes)
        except InfeasibleError:
            continue
        if homes.everywhere and Walk(other, problem.layer, problem.kind).size < 30_000:
            return architecture, problem.layer, problem.kind, homes


@pytest.mark.parametrize("seeds", thinned(parts(40, 8), 4))
def test_the_best_of_a_layer_with_homes_in_two_levels_equals_a_full_walk(seeds: range) -> None:
    both = joined = 0
    for seed in seeds:
        architecture, layer, kind, homes = homed_in_two(seed)
        other = at_home(architecture, homes)
        both += all(one.operands for one in homes.levels)
        joined += any(port.joins for port in other.levels[0].ports)
        assert_equals_full_walk(other, layer, kind, ("energy", "latency", "front"), f"homed_in_two({seed})")
    assert both > 0
    assert joined > 0


def test_the_price_with_homes_in_two_levels_is_that_of_the_walked_loops() -> None:
    for seed in range(12):
        architecture, layer, _, homes = homed_in_two(seed)
        cost = walked_cost(architecture, layer, homes, seed)
        if cost is None:
            continue
        for operand, home in homes.by_operand().items():
            moved = {name: words[operand].reads + words[operand].writes for name, words in cost.accesses.levels.items()}
            outside = [level.name for level in architecture.levels[: architecture.levels.index(
                architecture.level(home))]]  # fmt: skip
            assert moved[home] > 0, seed
            assert not any(moved[name] for name in outside), seed


def test_finished_psums_alone_come_to_the_inner_of_two_homes() -> None:
    """What the outer home does to the machine does not forget what the inner one asks for."""
    for seed in range(200):
        architecture, _, _, homes = homed_in_two(seed)
        if "psum" in homes.operands and not homes.wide:
            assert at_home(architecture, homes).levels[0].only_finished
            return
    raise AssertionError("no case")
