"""Sums of terms over few splits are the same when they are shrunk, and no combination below the goal is lost."""

from __future__ import annotations

from itertools import product
from math import inf, log

import numpy as np
import pytest
from mapper.deep.bounds.drawn_terms import AXES, all_alive, drawn, objective

from dse.mapper.deep.bounds.shrink import add_up, keep_combined, shrink, walk_of
from dse.mapper.deep.bounds.sift import in_reach


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


@pytest.mark.parametrize("seed", range(30))
def test_splits_of_combinations_below_the_goal_are_kept_and_no_others(seed: int) -> None:
    terms, tables = drawn(seed)
    values = {splits: objective(terms, tables, splits) for splits in combinations(tables)}
    known = sorted(value for value in values.values() if value < inf)
    for goal in (known[len(known) // 3], known[0] - 1e-6) if known else (log(2.0),):
        alive = all_alive(tables)
        left = keep_combined(tables, terms, goal, inf, 10**6, alive)
        below = [splits for splits, value in values.items() if value <= goal + 1e-9]
        assert left == bool(below)
        for a in range(AXES):
            assert list(alive.rows[alive.start[a] : alive.end[a]]) == sorted({splits[a] for splits in below})


def test_nothing_is_dropped_when_there_are_too_many_combinations() -> None:
    terms, tables = drawn(1)
    alive = all_alive(tables)
    before = [array.copy() for array in alive]
    for looks in (0, 3):
        assert keep_combined(tables, terms, 700.0, inf, looks, alive)
        assert all(map(np.array_equal, alive, before))
