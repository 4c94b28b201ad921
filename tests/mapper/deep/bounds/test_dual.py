"""The separable bound is never above what any assignment of splits costs, whatever the weights."""

from __future__ import annotations

from itertools import product
from math import exp, inf, log
from random import Random

import numpy as np
import pytest

from dse.mapper.deep.bounds.dual import Effort, climb
from dse.mapper.deep.bounds.sift import FIRST_LIMIT, OF_ENERGY, OF_TIME, Alive, Terms

AXES = 6


def drawn(seed: int) -> tuple[Terms, tuple[np.ndarray, ...]]:
    """Terms with groups and one limit, and the factors of two or three splits per axis."""
    rng = Random(f"dual {seed}")
    tables = tuple(
        np.array([[1.0] * n, *([rng.choice((1.0, 1.5, 2.0, 4.0, 7.0)) for _ in range(n)] for _ in range(3))])
        for n in (rng.randint(1, 3) for _ in range(AXES))
    )
    size = rng.randint(4, 9)
    first = np.array([[rng.randint(0, 3) for _ in range(AXES)] for _ in range(size)])
    second = np.array([[rng.choice((0, 0, 1)) for _ in range(AXES)] for _ in range(size)])
    block = np.array([OF_ENERGY, OF_TIME, OF_TIME, FIRST_LIMIT, *(rng.randint(0, 2) for _ in range(size - 4))])
    group = np.where((block == OF_TIME) & (np.arange(size) > 1), np.arange(size) % 2, -1)
    logs = np.log([rng.uniform(0.5, 20.0) for _ in range(size)])
    limits = np.array([0.0, 0.0, log(rng.uniform(20.0, 4000.0))])
    fixed = np.array([*rng.choice(((1.0, 0.0), (0.0, 1.0), (1.0, 1.0))), -1.0])
    return Terms(first, second, logs, block, group, limits, fixed, 2), tables


def objective(terms: Terms, tables: tuple[np.ndarray, ...], splits: tuple[int, ...]) -> float:
    """The logarithm of what an assignment costs; infinite past the limit."""
    sums, groups = np.zeros(3), np.zeros((3, 2))
    for t in range(len(terms.logs)):
        value = exp(terms.logs[t])
        for a, split in enumerate(splits):
            value *= tables[a][terms.first[t, a], split] * tables[a][terms.second[t, a], split]
        if terms.group[t] < 0:
            sums[terms.block[t]] += value
        else:
            groups[terms.block[t], terms.group[t]] += value
    sums += groups.max(axis=1)
    if log(sums[FIRST_LIMIT]) > terms.limits[FIRST_LIMIT]:
        return inf
    return float(sum(weight * log(x) for weight, x in zip(terms.fixed[:2], sums[:2], strict=True) if weight > 0))


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
        sizes = [len(table[0]) for table in tables]
        end = np.cumsum(sizes)
        start = end - sizes
        alive = Alive(np.concatenate([np.arange(n) for n in sizes]), start, end.copy(), np.zeros(end[-1]))
        weights = np.zeros(len(terms.logs))
        for b in (OF_ENERGY, OF_TIME):
            mine = terms.block == b
            weights[mine] = terms.fixed[b] / max(1, mine.sum())
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
        groups=0,
    )  # fmt: skip
    alive = Alive(np.tile([0, 1], AXES), np.arange(AXES) * 2, np.arange(AXES) * 2 + 2, np.zeros(2 * AXES))
    logarithms = tuple(np.log(table) for table in tables)
    bound = climb(logarithms, tables, terms, np.ones(1), Effort(0.1, inf), alive)
    assert bound == pytest.approx(log(5.0 * 2.0**AXES))
    assert alive.reduced == pytest.approx(np.tile([0.0, log(1.5)], AXES))
