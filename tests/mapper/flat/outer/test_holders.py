"""Outer tiles that may improve: no best mapping lies outside of all that are listed, and few are enough."""

from __future__ import annotations

from itertools import product
from math import inf
from typing import Any

import numpy as np
import pytest

from dse.formats.architecture.load import load_architecture_spec
from dse.formats.workload.load import load_workload
from dse.mapper.flat import solve as flat_solve
from dse.mapper.flat.outer.holders import MOST_HOLDERS, holders_of, is_held
from dse.mapper.flat.outer.kept import whole_table
from dse.mapper.flat.outer.words import fits
from dse.mapper.flat.run import BUFFER_TRIPS, CHOICE, ON_COLS, ON_ROWS, OUTER_TRIPS, PE_TILE, new_configuration, new_run
from dse.mapper.flat.solve import FlatSearch, Problem, prepare, solve_flat
from dse.mapper.shared.factors import ceil_div, trip_values
from dse.mapper.shared.incumbent import EDP, ENERGY, FRONT, LATENCY
from dse.problem.dims import G, N, S
from dse.problem.layer import Layer

A_LITTLE = 1 + 1e-9
LAYERS = (
    Layer("conv", K=24, C=12, P=13, Q=13, R=3, S=3),
    Layer("strided", K=16, C=6, P=12, Q=7, R=5, S=3, stride_h=2, stride_w=3),
    Layer("grouped", G=3, K=8, C=4, P=9, Q=10, R=3, S=1),
    Layer("fc", N=4, K=120, C=84),
)
MACHINES = {
    "bound by the array": {"levels.GLB.capacity": "4 KiB"},
    "bound by memory": {"levels.GLB.capacity": "1 KiB", "levels.DRAM.bandwidth": "50 MB/s"},
    "free": {"levels.GLB.capacity": "2 KiB", "levels.DRAM.bandwidth": "100 MB/s", "dataflow": "flexible"},
}


def chip(settings: dict[str, Any]) -> Any:
    """Eyeriss with small memories, and with weights in the buffer or past it."""
    small = {"levels.array.rows": 4, "levels.array.cols": 4, "levels.PE.capacity.weight": "16 word"}
    return load_architecture_spec("eyeriss").resolve({**small, **settings})


def steps_of(architecture: Any, layer: Layer, values: Any) -> Any:
    """Incumbents with their time in compute steps, as the search has it."""
    stop = np.zeros(1, dtype=np.int64)
    return values / (1.0, FlatSearch(architecture, layer, ENERGY, 0.0, "all", 1, stop=stop).per_step)


def found(architecture: Any, layer: Layer, kind: int) -> Any:
    return solve_flat(architecture, layer, kind, 0.0, "all", 4096, stop=np.zeros(1, dtype=np.int64))


def listed(problem: Problem, kind: int, values: Any) -> Any:
    run = new_run(kind, 0.0, False)
    run.fastest, run.held = problem.fastest, len(values)
    return holders_of(problem.instance, run, problem.options, problem.tiles, whole_table(problem.instance), values)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
@pytest.mark.parametrize("kind", [ENERGY, LATENCY, EDP, FRONT])
def test_the_best_is_held_past_incumbents_that_are_hardly_worse(layer: Layer, machine: str, kind: int) -> None:
    """With any of its spreads open, by its own trips or by more of them."""
    architecture = chip(MACHINES[machine])
    best, problems = found(architecture, layer, kind), prepare(architecture, layer, kind, "all")[1]
    values = steps_of(architecture, layer, best.values) * A_LITTLE
    held = 0
    for record in best.records:
        problem = problems[int(record[CHOICE])]
        holders = listed(problem, kind, values)
        if holders is None:
            continue
        held += 1
        n = record[OUTER_TRIPS : OUTER_TRIPS + 8]
        assert (holders[:, N:] >= n[N:]).all(axis=1).any()
        tile, spread = record[PE_TILE : PE_TILE + 8], record[ON_ROWS : ON_ROWS + 8] * record[ON_COLS : ON_COLS + 8]
        bounds, config = problem.instance["bounds"], new_configuration()
        for opened in product((True, False), repeat=8):
            for d in range(8):
                number = ceil_div(int(bounds[d]), int(tile[d]))
                config.tile[d] = tile[d] if opened[d] else min(bounds[d], tile[d] * spread[d])
                config.spread_out[d] = number if opened[d] else ceil_div(number, int(spread[d]))
            assert is_held(problem.instance, config, holders)
        assert record[BUFFER_TRIPS + G] == 1
    assert held or kind == ENERGY or layer.name == "fc"


@pytest.mark.parametrize("kind", [LATENCY, FRONT])
def test_better_incumbents_leave_fewer_outer_tiles(kind: int) -> None:
    """Their holders have no more trips than some of worse incumbents, and none as many as another."""
    architecture, layer = chip(MACHINES["bound by memory"]), LAYERS[0]
    best, problem = found(architecture, layer, kind), prepare(architecture, layer, kind, "all")[1][0]
    before = None
    for factor in (1.3, 1.1, 1.02, 1.0):
        holders = listed(problem, kind, steps_of(architecture, layer, best.values) * factor)
        if before is not None:
            assert holders is not None
            assert all((before[:, N:] >= one[N:]).all(axis=1).any() for one in holders)
        before = holders if holders is not None else before
        for one in holders if holders is not None else ():
            more = (holders[:, N:] >= one[N:]).all(axis=1)
            assert more.sum() == 1  # itself
            assert all(one[d] in trip_values(int(problem.instance["bounds"][d])) for d in range(N, S + 1))
    assert before is not None
    assert 0 < len(before) < MOST_HOLDERS


@pytest.mark.parametrize("kind", [LATENCY, EDP])
def test_a_search_finds_the_same_with_holders(kind: int, monkeypatch: Any) -> None:
    architecture = load_architecture_spec("eyeriss_isca16").resolve({"dataflow": "flexible"})
    layer = Layer("conv", K=32, C=32, P=28, Q=28, R=3, S=3)
    answers = []
    for listed_after in (inf, 10_000):
        monkeypatch.setattr(flat_solve, "LISTED", listed_after)
        answers.append(found(architecture, layer, kind))
    (without, listing) = answers
    assert np.array_equal(without.values, listing.values)
    assert np.array_equal(without.records, listing.records)


def test_few_outer_tiles_are_left_of_a_layer_that_memory_binds() -> None:
    """UNet's down.1.2 with weights in the buffer; the best time known is that without."""
    architecture = load_architecture_spec("eyeriss_isca16").resolve({"dataflow": "flexible"})
    layer = load_workload("unet").layer("down.1.2")
    problem = prepare(architecture, layer, LATENCY, "all")[1][0]
    assert problem.instance["in_buffer"].tolist() == [1, 1, 1]
    holders = listed(problem, LATENCY, steps_of(architecture, layer, np.array([[144606648524.8, 46193952.0]])))
    assert 0 < len(holders) < 64
    config, bounds = new_configuration(), problem.instance["bounds"]
    for tile, held in (((1, 1, 8, 1, 4, 8, 1, 1), True), ((1, 1, 64, 64, 1, 1, 3, 3), False)):
        config.tile[:] = tile
        config.spread_out[:] = -(-bounds // np.array(tile))
        assert fits(problem.instance, np.array(tile), problem.instance.in_buffer, problem.instance.buffer_bits)
        assert is_held(problem.instance, config, holders) == held


def test_without_holders_everything_is_held() -> None:
    problem = prepare(chip({}), LAYERS[0], ENERGY, "all")[1][0]
    assert is_held(problem.instance, new_configuration(), np.zeros((0, 8), dtype=np.int64))
