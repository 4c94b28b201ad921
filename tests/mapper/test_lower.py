"""No bound of a layer, on a design or on a box of designs, lies above the front of any design that it is about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import Any

import numpy as np
import pytest
from mapper.walks.brute_force import walk_all
from mapper.walks.fronts import EQUAL
from mapper.walks.mapper_cases import random_problem
from thinned import parts, thinned

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import FanOut, Level
from dse.errors import DseError, InfeasibleError
from dse.formats.architecture.dataflow import built_in_dataflows
from dse.formats.architecture.load import load_architecture, load_architecture_spec
from dse.formats.workload.load import load_workload
from dse.mapper import (
    LowerBound,
    has_flat_shape,
    layer_points,
    lower_bound,
    lower_bounds,
    lower_bounds_alike,
    map_layer,
    points_below,
)  # fmt: skip
from dse.problem.dims import OPERANDS, PerOperand
from dse.problem.layer import Layer

FLOWS = ("flexible", "random", "weight-stationary", "output-stationary", "row-stationary")
WEIGHTS = (0.0, 1.0, 30.0)
CONV = Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)


def assert_below(bound: Any, front: Any, cycle_pj: float, case: str) -> None:
    energy, cycles = np.asarray(front, dtype=float).T
    least = np.array([energy.min(), cycles.min(), (energy + cycle_pj * cycles).min()])
    assert (np.array([bound.energy_pj, bound.cycles, bound.weighted_pj]) <= least * (1 + EQUAL)).all(), case


@pytest.mark.parametrize(
    ("kind", "flow"),
    [pytest.param(kind, flow, marks=[pytest.mark.gate] if (kind, flow) == ("all", "flexible") else [])
     for kind in ("all", "perfect") for flow in FLOWS],
)  # fmt: skip
@pytest.mark.parametrize("numbers", thinned(parts(24, 8), 3))
def test_a_design_is_bounded_below_every_mapping_of_random_problems(flow: str, kind: str, numbers: range) -> None:
    for number in numbers:
        problem = random_problem(f"lower {number}", flow, kind)
        walked = walk_all(problem.architecture, problem.layer, kind)
        for cycle_pj in WEIGHTS:
            bound = lower_bound(problem.architecture, problem.layer, cycle_pj=cycle_pj, factors=kind)
            if walked.mappings:
                assert_below(bound, walked.front, cycle_pj, f"{number} {flow} {kind} {cycle_pj}")


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("numbers", thinned(parts(24, 8), 3))
def test_a_box_is_bounded_below_every_mapping_of_the_designs_in_it(flow: str, numbers: range) -> None:
    """The box reaches from a random design to one of more rows, more columns and larger memories at no lower prices."""
    for number in numbers:
        problem = random_problem(f"box {number}", flow, "all")
        mac = replace(problem.architecture.mac, clock_power_mw=400.0 * (number % 3))  # beside it, a MAC takes 1 pJ
        own = replace(problem.architecture, mac=mac)
        walked = walk_all(own, problem.layer, "all")
        if not walked.mappings:
            continue
        for grown in (1, 2):
            nodes = tuple(_larger(node, grown) for node in own.hierarchy)
            other = replace(own, hierarchy=nodes)
            sides = tuple(_sides(one) for one in (other, own))
            for smallest, largest in ((own, other), (_smaller(own), other)):
                case = f"{number} {flow} {grown}"
                for known in ((), sides):
                    bound = lower_bound(smallest, problem.layer, others=[largest], sides=known, cycle_pj=3.0)
                    assert_below(bound, walked.front, 3.0, case)
                if has_flat_shape(own):
                    bands = [(one,) for one in sides]
                    each = lower_bounds(smallest, problem.layer, bands, others=[largest], cycle_pj=3.0)
                    assert_below(LowerBound(*each[1].tolist()), walked.front, 3.0, case)


def _sides(architecture: Any) -> tuple[int, int]:
    for node in architecture.hierarchy:
        if isinstance(node, FanOut):
            return node.rows, node.cols
    return 1, 1


def test_power_of_more_pes_is_bounded_by_the_work_that_they_do() -> None:
    """Among arrays of different sizes, energy at rest is at least that of one PE over all steps of one."""
    spec = load_architecture_spec("eyeriss")
    corners = [spec.resolve({"levels.array.rows": r, "levels.array.cols": c}) for r, c in ((4, 4), (32, 32))]
    bound = lower_bound(corners[0], CONV, others=corners[1:])
    per_mac = 1.0476e-3 / corners[0].clock_hz * 1e12
    still = [replace(one, mac=replace(one.mac, clock_power_mw=0.0)) for one in corners]
    without = lower_bound(still[0], CONV, others=still[1:])
    assert bound.energy_pj >= without.energy_pj + per_mac * CONV.macs * (1 - EQUAL)


def _larger(node: Any, grown: int) -> Any:
    if isinstance(node, FanOut):
        return replace(node, rows=node.rows + grown, cols=node.cols + 1)
    bits = None if node.capacity_bits is None else node.capacity_bits * (1 + grown)
    return replace(node, capacity_bits=bits, read_energy_pj=_times(node.read_energy_pj, 1.0 + grown / 7))


def _smaller(architecture: Any) -> Any:
    """The same with half of its capacities and cheaper writes: what a box starts from may hold no mapping at all."""
    nodes = tuple(
        replace(node, capacity_bits=node.capacity_bits // 2, write_energy_pj=_times(node.write_energy_pj, 0.9))
        if isinstance(node, Level) and node.capacity_bits is not None
        else node
        for node in architecture.hierarchy
    )
    return replace(architecture, hierarchy=nodes)


def _times(values: Any, factor: float) -> Any:
    return type(values)(*(value * factor for value in values))


@pytest.mark.parametrize("name", ["eyeriss", "systolic_ws", "simba_pe"])
def test_shipped_specs_are_bounded_below_their_fronts(name: str) -> None:
    architecture = load_architecture(name)
    for layer in (CONV, Layer("fc", K=10, C=16), Layer("odd", K=6, C=5, P=7, Q=5, R=3, S=2, stride_h=2)):
        front = layer_points(architecture, layer, "front")
        cycle_pj = front[0][0] / front[0][1]
        bound = lower_bound(architecture, layer, cycle_pj=cycle_pj)
        assert_below(bound, front, cycle_pj, f"{name} {layer.name}")
        assert min(bound.energy_pj, bound.cycles, bound.weighted_pj) > 0


@pytest.mark.gate
def test_layers_of_vgg16_are_bounded_below_their_fronts_in_every_box() -> None:
    spec = load_architecture_spec("eyeriss")
    small = {"levels.array.rows": 8, "levels.array.cols": 12, "levels.GLB.capacity": "64 KiB"}
    large = {"levels.array.rows": 16, "levels.array.cols": 20, "levels.GLB.capacity": "256 KiB"}
    for flow in ("row-stationary", "output-stationary", "weight-stationary"):
        own = spec.resolve({"dataflow": flow})
        corners = [spec.resolve({**corner, "dataflow": flow}) for corner in (small, large)]
        for layer, _ in load_workload("vgg16").distinct()[::3]:
            front = layer_points(own, layer, "front", gap=0.0)
            tight = lower_bound(own, layer, cycle_pj=1700.0)
            loose = lower_bound(corners[0], layer, others=corners[1:], cycle_pj=1700.0)
            assert_below(tight, front, 1700.0, f"{flow} {layer.name}")
            assert_below(loose, front, 1700.0, f"box {flow} {layer.name}")
            assert loose.energy_pj <= tight.energy_pj * (1 + EQUAL)
            assert tight.energy_pj > 0.6 * min(energy for energy, _ in front)


def test_power_at_rest_is_in_the_bound() -> None:
    own = load_architecture("eyeriss")
    idle = replace(own, hierarchy=tuple(
        replace(node, static_power_mw=50.0) if isinstance(node, Level) and node.name == "GLB" else node
        for node in own.hierarchy
    ))  # fmt: skip
    quiet, busy = lower_bound(own, CONV), lower_bound(idle, CONV)
    seconds = quiet.cycles / own.clock_hz
    assert busy.energy_pj >= quiet.energy_pj + 50e-3 * seconds * 1e12 * (1 - EQUAL)


def test_what_fits_nowhere_has_an_infinite_bound() -> None:
    tiny = load_architecture_spec("eyeriss").resolve({"levels.PE.capacity.weight": "1 word"})
    assert lower_bound(tiny, CONV).energy_pj == inf


def test_where_one_choice_of_psums_fits_nowhere_the_others_are_the_bound() -> None:
    """No split keeps psums from coming back here, which weights of limits show by a bound that is no float's log."""
    once = PerOperand(1.0, 1.0, 1.0)
    chip = Architecture(
        "chip",
        (
            Level("DRAM", frozenset(OPERANDS), read_energy_pj=once, write_energy_pj=once),
            FanOut("array", 2, 5),
            Level("weights", frozenset({"weight"})),
            FanOut("lanes", 2, 2),
        ),
        Mac(1.0), 1e9, built_in_dataflows()["weight-stationary"],
    )  # fmt: skip
    layer = Layer("conv", C=4, S=4, bits=PerOperand(16, 16, 20))
    bound, best = lower_bound(chip, layer), map_layer(chip, layer, "energy").cost
    assert 0.9 * best.energy_pj < bound.energy_pj <= best.energy_pj


def test_a_deep_hierarchy_has_no_box() -> None:
    simba = load_architecture("simba_pe")
    with pytest.raises(DseError, match="no bound of several"):
        lower_bound(simba, CONV, others=[simba])


def test_what_is_true_of_tight_splits_is_not_said_of_all() -> None:
    """A bound of tight splits may lie above a mapping with others, and a front of tight ones may lack points."""
    own = load_architecture("eyeriss")
    ask: tuple[Callable[..., Any], ...] = (
        lambda factors: lower_bounds(own, CONV, [((12, 14),)], factors=factors),
        lambda factors: lower_bounds_alike([own], CONV, ((12, 14),), (0.0,), factors=factors),
        lambda factors: points_below(own, CONV, [(inf, inf)], factors=factors),
        lambda factors: lower_bound(own, CONV, others=[own], factors=factors),
    )
    for each in ask:
        each("all")
        with pytest.raises(DseError, match="with any factors"):
            each("any")
        with pytest.raises(DseError, match="'tight' is not all, perfect or any"):
            each("tight")
    best = map_layer(own, CONV, "energy", factors="any")
    assert lower_bound(own, CONV, factors="any").energy_pj <= best.cost.energy_pj


@pytest.mark.parametrize("flow", FLOWS)
def test_what_a_layer_can_below_corners_is_that_part_of_its_front(flow: str) -> None:
    """Corners are drawn around the front: some lie below all of it, some above parts of it, some ask for one only."""
    draw, some, none = np.random.default_rng(FLOWS.index(flow)), 0, 0
    for number in range(24):
        problem = random_problem(f"below {number}", flow, "all")
        if not has_flat_shape(problem.architecture):
            continue
        try:
            front = np.array(layer_points(problem.architecture, problem.layer, "front"))
        except InfeasibleError:
            continue
        for count in (1, 3):
            corners = front[draw.integers(len(front), size=count)] * draw.uniform(0.9, 1.3, size=(count, 2))
            corners[0, draw.integers(2)] = inf
            below = (front[:, None, :] < corners[None, :, :]).all(axis=2).any(axis=1)
            found = points_below(problem.architecture, problem.layer, corners)
            assert found == tuple(map(tuple, front[below].tolist())), f"{number} {flow}"
            some, none = some + bool(found), none + (not found)
    assert some > 5
    assert none > 1


def test_arrays_bounded_together_have_the_bounds_that_each_has_alone() -> None:
    sides = ((3, 3), (12, 14), (4, 32), (32, 4), (1, 1), (7, 5))
    for flow in ("row-stationary", "weight-stationary", "flexible"):
        own = load_architecture_spec("eyeriss").resolve({"dataflow": flow})
        together = lower_bounds(own, CONV, [(one,) for one in sides], cycle_pj=1700.0)
        for pair, row in zip(sides, together, strict=True):
            assert row.tolist() == lower_bounds(own, CONV, [(pair,)], cycle_pj=1700.0)[0].tolist()


def test_designs_that_differ_in_prices_alone_are_bounded_together_hardly_lower_than_each_alone() -> None:
    """Never above the bound of one alone, which is below all of its mappings."""
    spec, sides = load_architecture_spec("eyeriss"), ((12, 14), (4, 8), (3, 3))
    supplies = ("0.82 V", "0.9 V", "1 V", "1.1 V", "1.17 V")
    designs = [spec.resolve({"technology.voltage": supply, "technology.clock": "max"}) for supply in supplies]
    for layer in (CONV, Layer("fc", K=32, C=16), Layer("strided", K=6, C=5, P=7, Q=5, R=3, S=2, stride_h=2)):
        weights = [1700.0 * number for number in range(len(designs))]
        together = lower_bounds_alike(designs, layer, sides, weights)
        for own, found, weight in zip(designs, together, weights, strict=True):
            alone = lower_bounds(own, layer, [(one,) for one in sides], cycle_pj=weight)
            assert (found <= alone * (1 + EQUAL)).all()
            assert (found >= alone * 0.99).all()


@pytest.mark.parametrize("numbers", thinned(parts(24, 8), 3))
def test_prices_of_all_kinds_are_bounded_together_below_every_mapping(numbers: range) -> None:
    """Prices that rise apart from one another need not lie between two designs' prices."""
    for number in numbers:
        own = random_problem(f"alike {number}", FLOWS[number % len(FLOWS)], "all")
        if not has_flat_shape(own.architecture):
            continue
        designs = [own.architecture, *(_dearer(own.architecture, number + k) for k in (1, 2))]
        found = lower_bounds_alike(designs, own.layer, (_sides(own.architecture),), (3.0,) * len(designs))
        for design, bound in zip(designs, found, strict=True):
            walked = walk_all(design, own.layer, "all")
            if walked.mappings:
                assert_below(LowerBound(*bound[0].tolist()), walked.front, 3.0, f"{number} {design.name}")


def _dearer(architecture: Any, number: int) -> Any:
    """The same with other prices: of all levels alike, or of each by its place."""
    factors = [1.0 + (number * (1 + place if number % 2 else 1)) / 5 for place in range(len(architecture.hierarchy))]
    nodes = tuple(
        replace(node, read_energy_pj=_times(node.read_energy_pj, factor)) if isinstance(node, Level) else node
        for node, factor in zip(architecture.hierarchy, factors, strict=True)
    )
    return replace(architecture, hierarchy=nodes)


def test_designs_that_differ_in_more_than_prices_are_not_bounded_together() -> None:
    spec = load_architecture_spec("eyeriss")
    with pytest.raises(DseError, match="differ in more than prices"):
        lower_bounds_alike(
            [spec.architecture, spec.resolve({"levels.GLB.capacity": "32 KiB"})], CONV, ((4, 4),), (0, 0)
        )
