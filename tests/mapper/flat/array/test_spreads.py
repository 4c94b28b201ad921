"""Spreads of dims: what they leave, and what the array has left beside them."""

from __future__ import annotations

from itertools import product
from math import prod
from random import Random

import numpy as np
import pytest

from dse.mapper.flat.array.spreads import (
    CHILDREN,
    FEWEST_PASSES,
    FEWEST_STEPS,
    FIRST_SIDES,
    FIRST_SPREAD,
    PASSES,
    STEPS,
    TILE,
    Options,
    by_spread,
    decide,
    leave_open,
    most_left,
    settle,
    take,
)
from dse.mapper.flat.instance import INSTANCE, record
from dse.mapper.flat.run import new_configuration, new_work
from dse.mapper.shared.mapspace.factors import dim_options, tight
from dse.mapper.shared.mapspace.rules import Rules


def drawn(seed: int) -> tuple[Random, np.ndarray, Options, int, int]:
    """Bounds of which three are more than one, everything allowed; options; rows and columns."""
    rng = Random(f"spreads {seed}")
    bounds = np.ones(8, dtype=np.int64)
    for d in rng.sample(range(8), 3):
        bounds[d] = rng.randint(2, 7)
    rows, cols = rng.choice(((2, 3), (3, 3), (4, 2), (5, 1), (4, 6)))
    yes, no = np.ones(8, dtype=np.int64), np.zeros(8, dtype=np.int64)
    listed = dim_options(bounds, bounds, Rules(yes, no, yes, yes, no, no), rows, cols, False)
    return rng, bounds, by_spread(*listed), rows, cols


def rows_of(rng: Random, options: Options, d: int) -> tuple[int, int]:
    """A tile of a dim and one of its spreads."""
    tile = rng.randrange(options.tile_start[d], options.tile_start[d + 1])
    return tile, rng.randrange(options.tiles[tile, FIRST_SPREAD], options.tiles[tile + 1, FIRST_SPREAD])


@pytest.mark.parametrize("seed", range(20))
def test_the_fewest_of_a_tile_are_those_of_its_spreads(seed: int) -> None:
    options = drawn(seed)[2]
    for tile, end in zip(options.tiles, options.tiles[1:, FIRST_SPREAD], strict=False):
        spreads = options.spreads[tile[FIRST_SPREAD] : end]
        assert tile[FEWEST_PASSES] == spreads[:, PASSES].min()
        assert tile[FEWEST_STEPS] == spreads[:, STEPS].min()


@pytest.mark.parametrize("seed", range(20))
def test_what_the_array_has_left_is_the_most_of_any_sides(seed: int) -> None:
    rng, _, options, rows, cols = drawn(seed)
    left = np.ones((9, most_left(rows), 2), dtype=np.int64)
    count = np.ones(9, dtype=np.int64)
    left[0, 0] = rows, cols
    choices = []
    for depth in range(8):
        spread = rows_of(rng, options, depth)[1]
        choices.append(options.sides[options.spreads[spread, FIRST_SIDES] : options.spreads[spread + 1, FIRST_SIDES]])
        most = 0
        for sides in product(*choices):
            r, c = rows, cols
            for tall, wide in sides:
                r, c = r // tall, c // wide
            most = max(most, r * c)
        assert take(left, count, depth, options.spreads, options.sides, spread) == most
        if most == 0:
            return


@pytest.mark.parametrize("seed", range(20))
def test_sides_are_found_where_some_fit_and_are_tight(seed: int) -> None:
    rng, bounds, options, rows, cols = drawn(seed)
    inst = record(INSTANCE, {"bounds": bounds, "rows": rows, "cols": cols})
    for _ in range(10):
        work, config = new_work(), new_configuration()
        choices = []
        for d in range(8):
            config.tile_row[d], config.spread_row[d] = rows_of(rng, options, d)
            leave_open(config, options, d)
            decide(inst, config, options, d)
            row = config.spread_row[d]
            assert config.tile[d] == min(bounds[d], config.f[d] * config.spread[d])
            assert config.f[d] == options.tiles[config.tile_row[d], TILE]
            assert config.spread[d] == options.spreads[row, CHILDREN]
            work.m[d], work.n[d] = 1, config.passes[d]
            sides = options.sides[options.spreads[row, FIRST_SIDES] : options.spreads[row + 1, FIRST_SIDES]]
            choices.append([s for s in sides if tight(bounds[d], config.f[d], *s, 1, config.passes[d])])
        some = any(
            prod(int(s[0]) for s in sides) <= rows and prod(int(s[1]) for s in sides) <= cols
            for sides in product(*choices)
        )
        assert settle(inst, work, config, options) == some
        if some:
            assert work.sy.prod() <= rows
            assert work.sx.prod() <= cols
