"""Sums of terms over few splits are the same when they are shrunk."""

from __future__ import annotations

from itertools import product
from math import inf

import numpy as np
import pytest
from mapper.deep.bounds.drawn_terms import all_alive, drawn, objective

from dse.mapper.deep.bounds.sums.records import ROUNDING
from dse.mapper.deep.bounds.sums.shrink import add_up, shrink, walk_of
from dse.model.counting.kernel import Floats


def combinations(tables: tuple[np.ndarray, ...]) -> list[tuple[int, ...]]:
    return list(product(*(range(len(table[0])) for table in tables)))


@pytest.mark.parametrize("seed", range(30))
def test_shrunk_sums_say_the_same_of_every_combination(seed: int) -> None:
    """Of those that keep all limits: the objective is the same; of others: they are out of reach."""
    terms, tables = drawn(seed)
    alive = all_alive(tables)
    sums = shrink(tables, terms, alive)
    walk = walk_of(sums, alive)
    for splits in combinations(tables):
        value = objective(terms, tables, splits)
        for depth, a in enumerate(walk.sequence):
            add_up(sums, walk, depth, alive.start[a] + splits[a])
        reached = [in_reach(walk.total, sums.room, terms.fixed, value + more) for more in (1e-6, -1e-6)]
        assert reached == ([True, False] if value < inf else [False, False])


def in_reach(heights: Floats, room: Floats, fixed: Floats, enough: float) -> bool:
    """Whether the heights of all blocks keep their limits and stay below the goal."""
    value = 0.0
    for b in range(len(room)):
        if fixed[b] < 0.0 and heights[b] > room[b]:
            return False
        if fixed[b] > 0.0:
            value += fixed[b] * np.log(heights[b])
    return value <= enough + ROUNDING
