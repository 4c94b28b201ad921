"""The separable bound is never above what any assignment of splits costs, whatever the weights."""

from __future__ import annotations

from itertools import product
from math import inf, log

import numpy as np
import pytest
from mapper.deep.bounds.drawn_terms import AXES, all_alive, drawn, even_weights, objective

from dse.mapper.deep.bounds.sums.records import OF_ENERGY, Alive, Terms
from dse.mapper.deep.bounds.weights.chosen import SOME, choose
from dse.mapper.deep.bounds.weights.dual import Effort, climb


@pytest.mark.parametrize("seed", range(60))
def test_the_bound_is_below_every_assignment(seed: int) -> None:
    """And with a goal just above the best, the splits of the best are still there."""
    terms, tables = drawn(seed)
    values = {
        splits: objective(terms, tables, splits) for splits in product(*(range(len(table[0])) for table in tables))
    }
    best = min(values, key=lambda splits: values[splits])
    logarithms = tuple(np.log(table) for table in tables)
    for enough in (inf, values[best] + 1e-6):
        alive, weights = all_alive(tables), even_weights(terms)
        bound = climb(logarithms, tables, terms, weights, Effort(0.1, enough), alive)
        if values[best] == inf:
            return  # nothing keeps the limit, and any bound is right
        assert bound <= values[best] + 1e-9
        for a in range(AXES):
            left = alive.rows[alive.start[a] : alive.end[a]]
            assert best[a] in left
            lifted = alive.reduced[alive.start[a] : alive.end[a]]
            assert (lifted >= -1e-12).all()
        lift = sum(
            alive.reduced[alive.start[a] + list(alive.rows[alive.start[a] : alive.end[a]]).index(best[a])]
            for a in range(AXES)
        )
        assert bound + lift <= values[best] + 1e-9


def test_the_bound_is_exact_for_one_term_per_block() -> None:
    """A weighted product of one factor each is the sum itself."""
    tables = tuple(np.array([[1.0, 1.0], [2.0, 3.0]]) for _ in range(AXES))
    ones = np.ones((1, AXES), dtype=np.int64)
    terms = Terms(
        ones, 0 * ones, np.array([log(5.0)]), np.array([OF_ENERGY]), np.array([-1]), np.zeros(2), np.array([1.0, 0.0]),
        groups=0, cuts=np.array([[1.0, 0.0]]),
    )  # fmt: skip
    alive = Alive(np.tile([0, 1], AXES), np.arange(AXES) * 2, np.arange(AXES) * 2 + 2, np.zeros(2 * AXES))
    logarithms = tuple(np.log(table) for table in tables)
    bound = climb(logarithms, tables, terms, np.ones(1), Effort(0.1, inf), alive)
    assert bound == pytest.approx(log(5.0 * 2.0**AXES))
    assert alive.reduced == pytest.approx(np.tile([0.0, log(1.5)], AXES))


def test_the_least_lifted_splits_of_an_axis_are_chosen_first() -> None:
    """All of a short axis, and of a long one so many, the least among them; the others later."""
    sizes = [5, 4 * SOME, 1, 1, 1, 1]
    end = np.cumsum(sizes)
    alive = Alive(np.concatenate([np.arange(n) for n in sizes]), end - sizes, end, np.zeros(end[-1]))
    alive.reduced[5 : 5 + 4 * SOME] = np.random.default_rng(1).permutation(4 * SOME) * 1e-3
    chosen, least = np.zeros(end[-1], dtype=np.bool_), np.zeros(AXES)
    assert choose(alive, least, chosen) == chosen.sum()
    of_long = chosen[5 : 5 + 4 * SOME]
    assert chosen[:5].all()
    assert SOME // 2 <= of_long.sum() <= SOME
    assert of_long[np.argmin(alive.reduced[5 : 5 + 4 * SOME])]
    assert choose(alive, least, chosen) > 0
