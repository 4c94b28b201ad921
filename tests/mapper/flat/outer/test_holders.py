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
from dse.mapper.flat.outer import holders as holders_module
from dse.mapper.flat.outer.held import UNKNOWN, is_held, is_held_still, list_held
from dse.mapper.flat.outer.holders import MOST_HOLDERS, MOST_LOOKS, NEVER, _trips_rank, holders_of, list_holders
from dse.mapper.flat.outer.kept import whole_table
from dse.mapper.flat.outer.words import fits, outer_words
from dse.mapper.flat.problems import Problem, prepare
from dse.mapper.flat.run import (
    BUFFER_TRIPS,
    CHOICE,
    NO_HOLDERS,
    ON_COLS,
    ON_ROWS,
    OUTER_TRIPS,
    PE_TILE,
    TOGETHER,
    new_configuration,
    new_run,
    new_work,
)
from dse.mapper.flat.solve import FlatSearch, solve_flat
from dse.mapper.shared.incumbent import EDP, ENERGY, FRONT, LATENCY
from dse.mapper.shared.mapspace.factors import trip_values
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


def whole_parts(bounds: Any, sizes: Any) -> Any:
    """How many parts of some sizes cover some bounds."""
    return -(bounds // -sizes)


def listed(problem: Problem, kind: int, values: Any) -> Any:
    run = new_run(kind, 0.0, False)
    run.fastest, run.held = problem.fastest, len(values)
    return holders_of(problem.instance, run, problem.options, problem.tiles, whole_table(problem.instance), values)


def at_work(problem: Problem, record: Any) -> tuple[Any, Any]:
    """A record's array configuration and its outer tile, of which nothing is decided."""
    bounds, config, work = problem.instance["bounds"], new_configuration(), new_work()
    tile, spread = record[PE_TILE : PE_TILE + 8], record[ON_ROWS : ON_ROWS + 8] * record[ON_COLS : ON_COLS + 8]
    config.tile[:] = np.minimum(bounds, tile * spread)
    config.spread_out[:] = whole_parts(whole_parts(bounds, tile), spread)
    work.tile[:] = np.minimum(bounds, tile * spread * record[BUFFER_TRIPS : BUFFER_TRIPS + 8])
    work.n[:] = record[OUTER_TRIPS : OUTER_TRIPS + 8]
    return config, work


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
@pytest.mark.parametrize("kind", [ENERGY, LATENCY, EDP, FRONT])
def test_the_best_is_held_past_incumbents_that_are_hardly_worse(layer: Layer, machine: str, kind: int) -> None:
    """With any of its spreads open and any part of its outer tile decided, though it has hardly time to improve."""
    architecture = chip(MACHINES[machine])
    best, problems = found(architecture, layer, kind), prepare(architecture, layer, kind, "all")[1]
    values = steps_of(architecture, layer, best.values) * A_LITTLE
    asked = 0
    for record, (_, time) in zip(best.records, values, strict=True):
        problem = problems[int(record[CHOICE])]
        trips, times, most, below = listed(problem, kind, values)
        latest = np.inf if kind in (ENERGY, EDP) else time
        if latest > below:
            continue
        asked += 1
        n = record[OUTER_TRIPS : OUTER_TRIPS + 8]
        assert ((trips[:, N:] >= n[N:]).all(axis=1) & (times < latest)).any()
        tile, bounds = record[PE_TILE : PE_TILE + 8], problem.instance["bounds"]
        whole, work = at_work(problem, record)
        held = np.zeros((1 + len(trips), 8), dtype=np.int64)
        list_held(problem.instance, whole, trips, times, latest, held)
        for some in product((True, False), repeat=8):
            config = whole.copy()
            config.tile[list(some)] = tile[list(some)]
            config.spread_out[list(some)] = whole_parts(bounds, tile)[list(some)]
            assert is_held(problem.instance, config, trips, times, most, latest)
            work.decided[:] = some
            assert held[0, 0] == UNKNOWN or is_held_still(problem.instance, work, whole, held)
        assert record[BUFFER_TRIPS + G] == 1
    assert asked or kind == ENERGY or layer.name == "fc"


@pytest.mark.parametrize("most_looks", [20, MOST_LOOKS])
@pytest.mark.parametrize("kind", [LATENCY, EDP, FRONT])
def test_all_trips_that_may_improve_are_below_a_holder(kind: int, most_looks: int, monkeypatch: Any) -> None:
    """Of all that fit, with the least time that each can have; but for those of much time where a list ends early."""
    monkeypatch.setattr(holders_module, "MOST_LOOKS", most_looks)
    architecture, layer = chip(MACHINES["free"]), Layer("conv", K=8, C=6, P=7, Q=5, R=3)
    values = steps_of(architecture, layer, found(architecture, layer, kind).values) * 1.05
    ended = 0
    for problem in prepare(architecture, layer, kind, "all")[1]:
        inst, run, config = problem.instance, new_run(kind, 0.0, False), new_configuration()
        run.fastest, run.held = problem.fastest, len(values)
        holders, ranks = np.zeros((MOST_HOLDERS, 8), dtype=np.int64), np.zeros(MOST_HOLDERS, dtype=np.int64)
        count, end = list_holders(
            inst, run, config, problem.options, problem.tiles, whole_table(inst), values, holders, ranks
        )
        ended += end <= len(values)
        words, known, bounds = np.zeros((3, 7)), np.ones(2, dtype=np.int64), inst["bounds"]
        for n in map(np.array, product(*(trip_values(int(bound)) for bound in bounds))):
            tile = whole_parts(bounds, n)
            if not fits(inst, tile, inst.in_buffer, inst.buffer_bits):
                continue
            outer_words(inst, n, known, words)
            rank = _trips_rank(inst, run, config, n, tile, words, values)
            above = (holders[:count, N:] >= n[N:]).all(axis=1)
            if rank < end:
                assert (above & (ranks[:count] <= rank)).any()
            elif rank == NEVER:
                assert not (holders[:count, N:] == n[N:]).all(axis=1).any()
    assert (ended > 0) == (most_looks < MOST_LOOKS)


@pytest.mark.parametrize("kind", [LATENCY, FRONT])
def test_better_incumbents_leave_fewer_outer_tiles(kind: int) -> None:
    """Their holders have no more trips than some of worse incumbents, and none as many as another of as much time."""
    architecture, layer = chip(MACHINES["bound by memory"]), LAYERS[0]
    best, problem = found(architecture, layer, kind), prepare(architecture, layer, kind, "all")[1][0]
    before = None
    for factor in (1.3, 1.1, 1.02, 1.0):
        trips, times, most, below = listed(problem, kind, steps_of(architecture, layer, best.values) * factor)
        if before is not None:
            assert below == np.inf
            assert all((before[:, N:] >= one[N:]).all(axis=1).any() for one in trips)
        before = trips if below == np.inf else before
        assert (np.diff(times) >= 0).all()
        for one, time in zip(trips, times, strict=True):
            assert ((trips[:, N:] >= one[N:]).all(axis=1) & (times <= time)).sum() == 1  # itself
            assert all(one[d] in trip_values(int(problem.instance["bounds"][d])) for d in range(N, S + 1))
        assert all((most[at // TOGETHER] >= one).all() for at, one in enumerate(trips))
    assert before is not None
    assert 0 < len(before) < MOST_HOLDERS


@pytest.mark.parametrize("kind", [LATENCY, EDP, FRONT])
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
    best = steps_of(architecture, layer, np.array([[144606648524.8, 46193952.0]]))
    trips, times, most, below = listed(problem, LATENCY, best)
    assert 0 < len(trips) < 64
    assert below == np.inf
    config, bounds = new_configuration(), problem.instance["bounds"]
    for tile, held in (((1, 1, 8, 1, 4, 8, 1, 1), True), ((1, 1, 64, 64, 1, 1, 3, 3), False)):
        config.tile[:] = tile
        config.spread_out[:] = whole_parts(bounds, np.array(tile))
        assert fits(problem.instance, np.array(tile), problem.instance.in_buffer, problem.instance.buffer_bits)
        assert is_held(problem.instance, config, trips, times, most, best[0, 1]) == held


def test_without_holders_everything_is_held() -> None:
    problem = prepare(chip({}), LAYERS[0], ENERGY, "all")[1][0]
    held = np.zeros((1, 8), dtype=np.int64)
    list_held(problem.instance, new_configuration(), NO_HOLDERS.trips, NO_HOLDERS.times, 1.0, held)
    assert held[0, 0] == UNKNOWN
