"""The small problem says of every choice of splits what the terms say that it was made of."""

from __future__ import annotations

from itertools import pairwise, product
from math import inf, log

import numpy as np
import pytest
from mapper.deep.bounds.drawn_terms import AXES, all_alive, drawn, objective

from dse.mapper.deep.bounds.sums.records import FIRST_LIMIT, NO_LIMIT, OF_ENERGY, OF_TIME, Terms
from dse.mapper.deep.bounds.weights.small import (
    NO_FACTOR,
    NOT_IN_USE,
    Small,
    drop_dominated,
    gather,
    in_use,
    pair_up,
    room_for_moments,
    take_moments,
)


def value(small: Small, terms: Terms, splits: tuple[int, ...]) -> float:
    """The logarithm of what an assignment costs by the merged terms; infinite past the limit."""
    sums, groups = np.zeros(len(terms.limits)), np.zeros((len(terms.limits), terms.groups))
    for q in range(len(small.log)):
        x = small.log[q]
        for a, split in enumerate(splits):
            if small.column[q, a] != NO_FACTOR:
                x += small.values[small.column[q, a], small.start[a] + split]
        if small.group[q] < 0:
            sums[small.block[q]] += np.exp(x)
        else:
            groups[small.block[q], small.group[q]] += np.exp(x)
    sums += groups.max(axis=1)
    if sums[FIRST_LIMIT] > np.exp(terms.limits[FIRST_LIMIT]):
        return inf
    return float(sum(terms.fixed[b] * log(sums[b]) for b in (OF_ENERGY, OF_TIME) if terms.fixed[b] > 0))


@pytest.mark.parametrize("seed", range(30))
def test_every_assignment_costs_what_it_did(seed: int) -> None:
    terms, tables = drawn(seed)
    alive, logarithms = all_alive(tables), tuple(np.log(table) for table in tables)
    small = gather(logarithms, terms, pair_up(terms), alive, np.ones(len(alive.rows), dtype=np.bool_), 0.0)
    for splits in product(*(range(len(table[0])) for table in tables)):
        assert value(small, terms, splits) == pytest.approx(objective(terms, tables, splits), rel=1e-12)


@pytest.mark.parametrize("seed", range(30))
def test_the_shares_of_a_merged_term_add_up_to_one(seed: int) -> None:
    terms, tables = drawn(seed)
    alive, logarithms = all_alive(tables), tuple(np.log(table) for table in tables)
    small = gather(logarithms, terms, pair_up(terms), alive, np.ones(len(alive.rows), dtype=np.bool_), 0.0)
    for q in range(len(small.log)):
        assert small.share[small.merged == q].sum() == pytest.approx(1.0)
    for t in range(len(terms.logs)):
        assert small.merged[t] != NOT_IN_USE or small.share[t] == 0
        assert in_use(terms, t) or small.merged[t] == NOT_IN_USE


def test_some_splits_make_a_problem_of_their_own() -> None:
    """Where only one split of an axis is chosen its factor is part of the coefficient."""
    terms, tables = drawn(1)
    alive, logarithms = all_alive(tables), tuple(np.log(table) for table in tables)
    chosen = np.zeros(len(alive.rows), dtype=np.bool_)
    chosen[alive.start] = True
    small = gather(logarithms, terms, pair_up(terms), alive, chosen, 0.0)
    assert small.start.tolist() == list(range(AXES + 1))
    assert (small.column == NO_FACTOR).all()
    assert value(small, terms, (0,) * AXES) == pytest.approx(objective(terms, tables, (0,) * AXES), rel=1e-12)


def test_pairs_of_columns_are_counted_once() -> None:
    """Two terms with the columns (1, 2) of an axis share a pair; factors of 1, and limits not in use, have none."""
    first = np.array([[1, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0], [2, 0, 0, 0, 0, 0]])
    second = np.array([[2, 0, 0, 0, 0, 0], [2, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0]])
    block, group = np.array([OF_ENERGY, OF_ENERGY, FIRST_LIMIT]), np.full(3, -1)
    fixed, none = np.array([1.0, 0.0, -1.0]), np.array([0.0, 0.0, NO_LIMIT])
    uncut = np.tile([1.0, 0.0], (3, 1))
    pairs = pair_up(Terms(first, second, np.zeros(3), block, group, none, fixed, 0, uncut))
    assert pairs.width.tolist() == [1, 1, 0, 0, 0, 0]
    assert pairs.of_term[:, 0].tolist() == [0, 0, NO_FACTOR]
    limited = pair_up(Terms(first, second, np.zeros(3), block, group, np.zeros(3), fixed, 0, uncut))
    assert limited.width[0] == 2


@pytest.mark.parametrize("seed", range(30))
def test_no_weights_prefer_a_dominated_split(seed: int) -> None:
    """Whatever the weights, each axis' least is the same without them; and none of two splits left dominates."""
    terms, tables = drawn(seed)
    more = tuple(np.concatenate([table, table, table * (1.0 + 0.5 * (seed % 2))], axis=1) for table in tables)
    alive, logarithms = all_alive(more), tuple(np.log(table) for table in more)
    every, few = (
        gather(logarithms, terms, pair_up(terms), alive, np.ones(len(alive.rows), dtype=np.bool_), 0.0)
        for _ in range(2)
    )
    drop_dominated(few)
    rng = np.random.default_rng(seed)
    for a in range(AXES):
        used = np.unique(every.column[:, a])
        used = used[used != NO_FACTOR]
        whole, left = (one.values[used, one.start[a] : one.start[a + 1]] for one in (every, few))
        assert 1 <= left.shape[1] <= max(1, whole.shape[1] // 3)
        for load in rng.random((20, len(used))):
            assert (load @ left).min() == pytest.approx((load @ whole).min(), rel=1e-12)
        worse = (left[:, :, None] <= left[:, None, :]).all(axis=0)
        assert worse.sum() == left.shape[1]


@pytest.mark.parametrize("columns", [1, 3, 4, 6, 9])
def test_moments_are_those_of_the_splits_that_count(columns: int) -> None:
    rng = np.random.default_rng(columns)
    start = np.array([0, 1, 1, 8, 8, 8, 20])
    values, width = rng.normal(size=(columns, 20)), np.array([columns, 0, columns, 0, 0, columns // 2])
    load = np.where(rng.random((6, columns)) < 0.7, 0.5, 0.0)
    portion = rng.random(20)
    portion[[3, 9]] = 0.0, 1e-9
    whole = np.array([portion[begin:end].sum() for begin, end in pairwise(start)])
    none = np.zeros(0, dtype=np.int64)
    small = Small(values, start, width, none.reshape(0, 6), none.astype(float), none, none, none, none.astype(float))
    moments = room_for_moments(columns, 20)
    take_moments(small, load, portion, whole, moments)
    for a in (0, 2, 5):
        used = np.flatnonzero(load[a, : width[a]])
        mine = values[used, start[a] : start[a + 1]]
        part = portion[start[a] : start[a + 1]] / whole[a]
        off = mine - (mine @ part)[:, None]
        assert moments.mean[a, used] == pytest.approx(mine @ part, abs=1e-7)
        assert moments.spread[a][np.ix_(used, used)] == pytest.approx(off * part @ off.T, abs=1e-7)
