"""Chains are the splits of a dim over a hierarchy: all of those that the rules allow, each once."""

from __future__ import annotations

from itertools import product
from math import prod
from random import Random

import numpy as np
import pytest

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import FanOut, Level
from dse.mapper.deep.chains import list_chains
from dse.mapper.deep.problem import Deep, build
from dse.mapper.shared.bypass import bypass_choices
from dse.model.price import price
from dse.problem.dims import P
from dse.problem.layer import Layer

EVERY = frozenset(("ifmap", "weight", "psum"))


def problem(bound: int, sides: tuple[int, int], factors: str) -> Deep:
    """Two levels with an array between them, which any dim may be unrolled on."""
    nodes = Level("DRAM", EVERY), FanOut("array", *sides), Level("PE", EVERY)
    architecture = Architecture("a", nodes, Mac(1.0), 1e9)
    layer = Layer("l", P=bound)
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
    chains = list_chains(problem(bound, sides, factors), P)
    outer, inner = chains[:, :3], chains[:, 3:]
    assert (inner[:, 1:] == 1).all()  # there is no fan-out below the innermost level
    rows = [(*a, b) for a, b in zip(outer.tolist(), inner[:, 0].tolist(), strict=True)]
    assert len(rows) == len(set(rows))
    assert set(rows) == literal(bound, sides, factors == "perfect")


def test_the_list_grows_past_its_first_room() -> None:
    chains = list_chains(problem(60, (8, 8), "perfect"), P)
    assert len(chains) > 64
    assert (np.prod(chains, axis=1) == 60).all()
