"""Trips that are listed for the outer tiles of a spread."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from dse.mapper.flat.array.spreads import FIRST_SPREAD, LEAST_COLS, LEAST_ROWS, by_spread, decide, leave_open
from dse.mapper.flat.instance import INSTANCE, record
from dse.mapper.flat.outer.trips import END, FIRST, begin_trips, least_trips, list_trips, new_trips
from dse.mapper.flat.run import new_configuration, new_run, new_work
from dse.mapper.shared.incumbent import ENERGY
from dse.mapper.shared.mapspace.factors import dim_options, tight
from dse.mapper.shared.mapspace.rules import Rules
from dse.problem.dims import K


@pytest.mark.parametrize("perfect", [False, True])
@pytest.mark.parametrize("bound", [1, 5, 12, 17])
def test_the_trips_listed_are_the_tight_splits(bound: int, perfect: bool) -> None:
    """And the fewest with which a tile fits are the first of them that do."""
    rng = Random(f"trips {bound} {perfect}")
    bounds = np.ones(8, dtype=np.int64)
    bounds[K] = bound
    yes, no = np.ones(8, dtype=np.int64), np.zeros(8, dtype=np.int64)
    options = by_spread(*dim_options(bounds, bounds, Rules(yes, no, yes, yes, no, no), 3, 2, perfect))
    capacity = rng.randint(1, bound)
    inst = record(INSTANCE, {
        "bounds": bounds, "window": np.ones(4), "place": [0, 1, 2, 3], "bits": [1, 1, 1], "in_buffer": [0, 1, 0],
        "buffer_bits": [capacity] * 4,
    })  # fmt: skip
    run, work, config = new_run(ENERGY, 0.0, perfect), new_work(), new_configuration()
    listed, pool = np.zeros((len(options.spreads), 2), dtype=np.int64), new_trips(bounds, 1000)
    work.tile[:] = 1
    for tile in range(options.tile_start[K], options.tile_start[K + 1]):
        for row in range(options.tiles[tile, FIRST_SPREAD], options.tiles[tile + 1, FIRST_SPREAD]):
            config.tile_row[K], config.spread_row[K] = tile, row
            leave_open(config, options, K)
            decide(inst, config, options, K)
            list_trips(inst, run, config, options, K, listed, pool)
            passes, f = int(config.passes[K]), int(config.f[K])
            sides = options.spreads[row, [LEAST_ROWS, LEAST_COLS]].tolist()
            expected = [
                (n, m)
                for n in range(1, passes + 1)
                for m in range(1, passes + 1)
                if tight(bound, f, *sides, m, n) and (not perfect or m * n == passes)
            ]
            trips = [tuple(pair) for pair in pool[listed[row, FIRST] : listed[row, END]].tolist()]
            assert trips == expected
            reach = [n for n, m in trips if min(bound, f * int(config.spread[K]) * m) <= capacity]
            if len(trips) > 1:
                assert least_trips(inst, work, config, K, listed[row, FIRST], listed[row, END], pool) == bool(reach)
                assert not reach or work.n[K] == reach[0]


def test_trips_are_forgotten_when_there_is_no_room_for_more() -> None:
    bounds = np.ones(8, dtype=np.int64)
    bounds[K] = 17
    listed, pool = np.ones((3, 2), dtype=np.int64), new_trips(bounds, 5)
    assert len(pool) == 1 + 5 + 8 * 10  # ceil(17 / n) has at most ten values
    pool[0, 0] = 4
    begin_trips(listed, pool, 5)
    assert (pool[0, 0], listed.tolist()) == (4, [[1, 1]] * 3)
    pool[0, 0] = 5
    begin_trips(listed, pool, 5)
    assert (pool[0, 0], listed.tolist()) == (0, [[0, 0]] * 3)
