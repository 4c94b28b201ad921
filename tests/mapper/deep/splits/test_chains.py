"""Chains are the splits of a dim over a hierarchy: all of those that the rules allow, each once."""

from __future__ import annotations

from collections import Counter
from itertools import product
from math import prod
from random import Random

import numpy as np
import pytest

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import FanOut, Level
from dse.mapper.deep.problem import Deep, build
from dse.mapper.deep.record import COLS, ROWS, TRIPS
from dse.mapper.deep.splits.chains import (
    any_tiles,
    count_chains,
    least_sides,
    list_beside_ones,
    list_chains,
    settle_sides,
)
from dse.mapper.shared.mapspace.bypass import bypass_choices
from dse.model.price import price
from dse.problem.dims import C, K, P
from dse.problem.layer import Layer

EVERY = frozenset(("ifmap", "weight", "psum"))


def problem(bound: int, sides: tuple[int, int], factors: str) -> Deep:
    """Two levels with an array between them, which any dim may be unrolled on."""
    return problem_of(Layer("l", P=bound), sides, factors)


def problem_of(layer: Layer, sides: tuple[int, int], factors: str = "all") -> Deep:
    nodes = Level("DRAM", EVERY), FanOut("array", *sides), Level("PE", EVERY)
    architecture = Architecture("a", nodes, Mac(1.0), 1e9)
    return build(architecture, layer, bypass_choices(architecture)[0], price(architecture, layer), factors)


def literal(bound: int, sides: tuple[int, int], perfect: bool) -> set[tuple[int, ...]]:
    """Trips outside, rows, columns and trips inside, none of which can shrink and still cover the bound."""
    ranges = [range(1, bound + 1), *(range(1, min(side, bound) + 1) for side in sides), range(1, bound + 1)]
    found = set()
    for factors in product(*ranges):
        covers = prod(factors) >= bound
        shrunk = (prod(factors) // factor * (factor - 1) for factor in factors if factor > 1)
        if covers and all(rest < bound for rest in shrunk) and (not perfect or prod(factors) == bound):
            found.add(factors)
    return found


@pytest.mark.parametrize("factors", ["all", "perfect"])
@pytest.mark.parametrize("seed", range(12))
def test_chains_are_the_tight_splits_of_a_bound(seed: int, factors: str) -> None:
    rng = Random(seed)
    bound, sides = rng.randint(1, 12), (rng.randint(1, 4), rng.randint(1, 4))
    dp = problem(bound, sides, factors)
    chains = list_chains(dp, P, any_tiles(dp, P))
    assert (chains[:, 3] == 1).all()  # there is no fan-out below the innermost level
    splits = literal(bound, sides, factors == "perfect")
    ways = Counter((outer, rows * cols, inner) for outer, rows, cols, inner in splits)
    assert {(a, b, c) for a, b, c, _ in chains.tolist()} == set(ways)
    assert len(chains) == len(ways)
    assert count_chains(dp, P, any_tiles(dp, P), True) == len(splits)
    for (outer, children, inner, _), least in zip(chains.tolist(), least_sides(dp, P, chains), strict=True):
        mine = [(rows, cols) for a, rows, cols, b in splits if (a, rows * cols, b) == (outer, children, inner)]
        assert least[0].tolist() == [min(rows for rows, _ in mine), min(cols for _, cols in mine)]


@pytest.mark.parametrize("seed", range(20))
def test_sides_are_found_where_some_fit(seed: int) -> None:
    """Children of several dims on one array: rows and columns for all at once, or none where no choice has room."""
    rng = Random(f"sides {seed}")
    sides = rng.randint(2, 6), rng.randint(2, 6)
    dp = problem_of(Layer("l", K=rng.randint(2, 6), C=rng.randint(2, 6), P=rng.randint(2, 6)), sides)
    split, options = np.ones((2, 4, 8), dtype=np.int64), []
    for d in (K, C, P):
        chains = list_chains(dp, d, any_tiles(dp, d))
        outer, children, inner, _ = chains[rng.randrange(len(chains))].tolist()
        split[0, TRIPS, d], split[0, ROWS, d], split[1, TRIPS, d] = outer, children, inner
        bound = int(dp.bounds[d])
        splits = literal(bound, sides, False)
        options.append([(r, c) for a, r, c, b in splits if (a, r * c, b) == (outer, children, inner)])
    wanted = split[0, ROWS].copy()
    fits = [some for some in product(*options) if (np.prod(some, axis=0) <= sides).all()]
    assert settle_sides(dp, split) == bool(fits)
    if fits:
        assert tuple(tuple(split[0, [ROWS, COLS], d].tolist()) for d in (K, C, P)) in fits
        assert (split[0, ROWS] * split[0, COLS] == wanted).all()


def test_each_chain_is_there_once_where_there_are_many() -> None:
    dp = problem(360, (8, 8), "perfect")
    chains = list_chains(dp, P, any_tiles(dp, P))
    assert len(chains) > 64
    assert len(np.unique(chains, axis=0)) == len(chains) == count_chains(dp, P, any_tiles(dp, P), False)
    assert (np.prod(chains, axis=1) == 360).all()


@pytest.mark.parametrize("seed", range(12))
def test_of_chains_those_are_listed_whose_tiles_fit(seed: int) -> None:
    """In their order; as many as are counted, beside ones as well."""
    rng = Random(f"tiles {seed}")
    dp = problem(rng.randint(5, 40), (rng.randint(1, 4), rng.randint(1, 4)), rng.choice(["all", "perfect"]))
    every, largest = list_chains(dp, P, any_tiles(dp, P)), any_tiles(dp, P)
    largest[1] = rng.randint(1, int(dp.bounds[P]))
    fit = every[every[:, 2] * every[:, 3] <= largest[1]]
    assert len(fit) > 0
    assert np.array_equal(list_chains(dp, P, largest), fit)
    assert count_chains(dp, P, largest, False) == len(fit)
    both = list_beside_ones(dp, P, largest, len(fit))
    assert np.array_equal(both[:, 0], fit)
    assert (both[:, 1] == 1).all()
