"""Sketched mappings: the model prices them, they keep all rules, and most are near the best."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mapper.deep.sketch.sketched import sketched
from mapper.walks.deep_walk import clustered_problem, deep_problem
from thinned import thinned

import dse
from dse.errors import InfeasibleError
from dse.mapper.deep.bounds.layer_spaces import spaces_of
from dse.mapper.deep.bounds.subproblem import Space
from dse.mapper.deep.known import deep_mapping
from dse.mapper.deep.record import COLS, ROWS, TRIPS, parts_of
from dse.mapper.deep.sketch.sketch import KICKS, STARTS
from dse.mapper.deep.solve import solve_deep
from dse.mapper.deep.tree.exchange import rows_of
from dse.mapper.layer import solve
from dse.mapper.shared.incumbent import EDP, ENERGY, LATENCY
from dse.mapper.shared.mapspace.factors import keeps_tight
from dse.model.price import price

REGISTERS = str(Path(__file__).parents[3] / "benchmarks/specs/registers.yaml")
OBJECTIVES = {"energy": ENERGY, "latency": LATENCY, "edp": EDP}
MACHINES = ("edge_npu", "simba_pe", "nvdla_small", "nvdla_large", "gemmini")


def value(objective: str, point: np.ndarray) -> float:
    return float({"energy": point[0], "latency": point[1], "edp": point[0] * point[1]}[objective])


def is_searched(spaces: list[Space], record: np.ndarray) -> bool:
    """Whether a mapping's splits are among those of its space."""
    mine = [part for space in spaces for part in (space.parts or (space,)) if part.mask == record[-1]]
    parts = parts_of(record)
    children = parts[:, ROWS] * parts[:, COLS]
    for axis, row in zip(mine[0].axes, rows_of(mine[0], record), strict=True):
        for d, chain in zip(axis.dims, axis.chains, strict=True):
            if chain[row].tolist() != np.stack([parts[:, TRIPS, d], children[:, d]], axis=1).ravel().tolist():
                return False
    return True


@pytest.mark.parametrize("objective", ["energy", "latency", "edp"])
@pytest.mark.parametrize("draw", [deep_problem, clustered_problem])
@pytest.mark.parametrize("chunk", thinned(range(6), 3))
def test_sketches_of_random_problems_are_mappings_with_the_models_price(draw, objective: str, chunk: int) -> None:
    met = 0
    for seed in range(10 * chunk, 10 * chunk + 10):
        problem = draw(seed)
        architecture, layer = problem.architecture, problem.architecture.lowered(problem.layer)
        choices, best = sketched(architecture, layer, OBJECTIVES[objective], problem.kind)
        try:
            least = solve(architecture, layer, objective, 0.0, problem.kind).values[0]
        except InfeasibleError:
            assert best.held == 0
            continue
        if best.held == 0:
            continue
        met += 1
        mapping = deep_mapping(architecture, best.records[0], choices[int(best.records[0, -1])])
        mapping.check(architecture, layer)
        assert is_searched(spaces_of(architecture, layer, problem.kind)[1], best.records[0])
        cost = dse.evaluate(architecture, layer, mapping, any_mapping=True)
        steps = cost.cycles / price(architecture, layer).cycles_per_step
        assert best.values[0] == pytest.approx([cost.energy_pj, steps], rel=1e-12)
        assert value(objective, best.values[0]) >= value(objective, least / (1, cost.cycles / steps)) * (1 - 1e-12)
        for dim, bound in zip("GNKCPQRS", layer.bounds, strict=True):
            factors = [loop.trips for node in mapping.nodes for loop in node.loops if loop.dim == dim]
            product = int(np.prod(factors))
            assert all(keeps_tight(bound, product, factor) for factor in factors)
            assert problem.kind != "perfect" or product == bound
    assert met > 3


@pytest.mark.parametrize("machine", MACHINES)
def test_sketches_are_near_the_best(machine: str) -> None:
    architecture = dse.load_architecture(machine)
    for layer in (
        dse.Layer("conv", K=128, C=64, P=28, Q=28, R=3, S=3),
        dse.Layer("pointwise", K=128, C=256, P=14, Q=14),
        dse.Layer("fc", K=1000, C=512),
    ):
        found = architecture.lowered(layer)
        least = solve_deep(architecture, found, EDP, 0.0, "all", 1).values[0].prod()
        _, best = sketched(architecture, layer, EDP)
        per_step = price(architecture, found).cycles_per_step
        assert least * (1 - 1e-12) <= best.values[0].prod() * per_step <= 1.05 * least, layer.name


@pytest.mark.parametrize("objective", [LATENCY, EDP, ENERGY])
def test_on_three_levels_more_is_tried(objective: int) -> None:
    architecture = dse.load_architecture(REGISTERS)
    layer = dse.Layer("conv", K=128, C=256, P=28, Q=28, stride_h=2, stride_w=2, H=56, W=56)
    _, best = sketched(architecture, layer, objective)
    assert best.records.tolist() == sketched(architecture, layer, objective)[1].records.tolist()
    # No mapping takes fewer steps: 12 columns have 3 and 4 children, and 128 or 256 is not three times anything.
    fewest = 43 * 256 * 28 * 28 // (4 * 14)
    assert best.values[0, 1] >= fewest
    if objective == LATENCY:
        assert best.values[0, 1] <= 1.01 * fewest


def test_psums_come_back_from_the_outermost_level_where_that_is_better() -> None:
    machine = dse.load_architecture("nvdla_small")
    layer = dse.Layer("strided", K=512, C=1024, P=7, Q=7, stride_h=2, stride_w=2)
    choices, best = sketched(machine, layer, EDP)
    mapping = deep_mapping(machine, best.records[0], choices[int(best.records[0, -1])])
    cost = dse.evaluate(machine, layer, mapping)
    assert cost.accesses.levels["DRAM"]["psum"].reads > 0
    least = dse.map_layer(machine, layer, "edp").cost
    assert cost.energy_pj * cost.cycles <= 1.05 * least.energy_pj * least.cycles


def test_a_beginning_that_ends_where_nothing_fits_goes_on_to_what_does() -> None:
    """Without that, what can be priced of this layer's sketches is 7.9 % above the best."""
    machine = dse.load_architecture("nvdla_small")
    layer = dse.Layer("long", N=2048, K=4096, C=14336)
    _, best = sketched(machine, layer, EDP)
    least = dse.map_layer(machine, layer, "edp").cost
    assert best.values[0].prod() * price(machine, layer).cycles_per_step <= 1.05 * least.energy_pj * least.cycles


def test_sketches_are_the_same_each_time() -> None:
    layer = dse.Layer("conv", K=48, C=40, P=13, Q=13, R=3, S=3, stride_h=2, stride_w=2)
    runs = [sketched(dse.load_architecture("edge_npu"), layer, EDP)[1] for _ in range(2)]
    assert runs[0].records.tolist() == runs[1].records.tolist()
    assert runs[0].visited.tolist() == runs[1].visited.tolist()


def test_every_dim_is_moved_from_each_beginning() -> None:
    assert all(sorted(order) == list(range(8)) for order in STARTS)
    assert all(first != second for first, second in KICKS)
