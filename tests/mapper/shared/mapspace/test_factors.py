"""Tight splits: listed by the mapper, and found by trying every factor."""

from __future__ import annotations

from math import ceil, prod
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapper.walks.brute_force import Places, all_splits, is_tight, obeys
from mapper.walks.mapper_cases import ALL, draw_dataflow

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import FanOut, Level
from dse.mapper.shared.mapspace.factors import dim_options, next_trips, tight, trip_values
from dse.mapper.shared.mapspace.rules import Rules
from dse.mapper.shared.mapspace.sizes import splits
from dse.problem.dims import DIMS

factor = st.integers(1, 7)
HIERARCHY = (Level("DRAM", ALL), Level("GLB", ALL), FanOut("array", 3, 4), Level("PE", ALL))
PLACES = Places.of(Architecture("with everything", HIERARCHY, Mac(1.0), 1e9))


@given(st.integers(1, 60), factor, factor, factor, factor, factor)
def test_tight_is_what_no_factor_can_leave(bound: int, f: int, sy: int, sx: int, m: int, n: int) -> None:
    assert tight(bound, f, sy, sx, m, n) == is_tight(bound, (f, sy, sx, m, n))


@given(factor, factor, factor, factor, factor)
def test_perfect_is_tight(f: int, sy: int, sx: int, m: int, n: int) -> None:
    assert tight(prod((f, sy, sx, m, n)), f, sy, sx, m, n)


@given(st.integers(1, 500))
def test_trip_values_are_those_of_some_tile(bound: int) -> None:
    assert trip_values(bound).tolist() == sorted({ceil(bound / tile) for tile in range(1, bound + 1)})


def listed(bound: int, rows: int, cols: int, rules: Rules, perfect: bool, largest: int) -> dict[int, Any]:
    """By dim: the splits that the mapper's lists hold, with the compute steps they state."""
    bounds, tiles_up_to = np.full(8, bound), np.full(8, largest)
    tile_start, tiles, unrollings = dim_options(bounds, tiles_up_to, rules, rows, cols, perfect)
    found: dict[int, Any] = {d: {} for d in range(8)}
    for d in range(8):
        for row in range(tile_start[d], tile_start[d + 1]):
            for sy, sx, passes, steps, tile in unrollings[tiles[row, 2] : tiles[row + 1, 2]]:
                f = int(tiles[row, 0])
                assert tiles[row, 1] == ceil(bound / f)
                assert tile == row
                n, m = next_trips(bound, f, sy, sx, passes, 1, perfect)
                while n:
                    split = (f, int(sy), int(sx), m, n)
                    assert split not in found[d]
                    found[d][split] = int(steps)
                    n, m = next_trips(bound, f, sy, sx, passes, n + 1, perfect)
    counts = np.zeros(8)
    splits(bounds, tile_start, tiles, unrollings, perfect, True, counts)
    if all(found.values()):
        assert counts.tolist() == [len(found[d]) for d in range(8)]
    return found


@pytest.mark.parametrize("perfect", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_lists_hold_every_tight_split_that_the_dataflow_allows(seed: int, perfect: bool) -> None:
    rng = Random(f"factors {seed} {perfect}")
    bound, rows, cols = rng.randint(1, 24), rng.randint(1, 5), rng.randint(1, 4)
    flow, kind = draw_dataflow(rng), "perfect" if perfect else "all"
    largest = rng.choice((bound, rng.randint(1, bound)))
    found = listed(bound, rows, cols, Rules.of(flow, FanOut("array", rows, cols), has_pe=True), perfect, largest)
    for d, dim in enumerate(DIMS):
        wanted = {
            split
            for split in all_splits(bound, rows, cols, True, True, kind)
            if obeys(split, dim, bound, flow, PLACES, rows, cols, kind)
            and split[0] <= (largest if dim != "G" or dim in flow.inside_whole else 1)
        }
        assert set(found[d]) == wanted, (bound, rows, cols, flow, dim, largest)
        for split, steps in found[d].items():
            assert steps == walked_steps(bound, *split), split


def walked_steps(bound: int, f: int, sy: int, sx: int, m: int, n: int) -> int:
    """Compute steps along one dim: temporal iterations in which some PE has work."""
    spread = f * sy * sx
    return sum(
        outer * m * spread + inner * spread + inside < bound
        for outer in range(n)
        for inner in range(m)
        for inside in range(f)
    )
