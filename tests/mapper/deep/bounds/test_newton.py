"""Newton's method finds the weights of the best bound: that of the convex problem which the bound is the dual of."""

from __future__ import annotations

from math import exp, inf, log
from typing import Any

import numpy as np
import pytest
from mapper.deep.bounds.drawn_terms import AXES, all_alive, drawn, even_weights
from scipy.optimize import minimize

from dse.mapper.deep.bounds.sums.records import FIRST_LIMIT, NO_LIMIT, Terms
from dse.mapper.deep.bounds.weights.newton import BARRIER, COLD, ascend
from dse.mapper.deep.bounds.weights.small import Small, gather, pair_up

SHORT = COLD * (AXES * log(3) + 6 * BARRIER)
"""How far the softened minima of six axes of up to three splits, and the barrier, may keep the bound below the best."""


def small_of(terms: Terms, tables: tuple[np.ndarray, ...]) -> Small:
    alive = all_alive(tables)
    logarithms = tuple(np.log(table) for table in tables)
    return gather(logarithms, terms, pair_up(terms), alive, np.ones(len(alive.rows), dtype=np.bool_), 0.0)


def least_of_mixtures(terms: Terms, tables: tuple[np.ndarray, ...]) -> float:
    """The least logarithm of what a mixture of each axis' splits costs; infinite where none keeps the limit.

    A mixture's factor is the geometric mean of its splits': a geometric programme, convex in the shares. Solved by
    sequential quadratic programming, from even shares; a variable per block is the logarithm of its longest group.
    """
    logs = [np.log(table) for table in tables]
    ends = np.cumsum([len(table[0]) for table in tables])
    starts = np.concatenate([[0], ends[:-1]])
    matrix = np.zeros((len(terms.logs), ends[-1]))
    for t in range(len(terms.logs)):
        for a in range(AXES):
            matrix[t, starts[a] : ends[a]] = logs[a][terms.first[t, a]] + logs[a][terms.second[t, a]]

    def values(x: np.ndarray) -> np.ndarray:
        return np.exp(terms.logs + matrix @ x[: ends[-1]])

    def block(x: np.ndarray, b: int) -> float:
        of = values(x)
        alone = of[(terms.block == b) & (terms.group < 0)].sum()
        return log(alone + (exp(x[ends[-1] + b]) if ((terms.block == b) & (terms.group >= 0)).any() else 0.0))

    def cost(x: np.ndarray) -> float:
        return sum(terms.fixed[b] * block(x, b) for b in (0, 1) if terms.fixed[b] > 0.0)

    rules: list[dict[str, Any]] = [
        {"type": "eq", "fun": lambda x, a=a: x[starts[a] : ends[a]].sum() - 1} for a in range(AXES)
    ]
    for b in (0, 1):
        for g in range(terms.groups):
            mine = (terms.block == b) & (terms.group == g)
            if mine.any():
                rules.append({"type": "ineq", "fun": lambda x, b=b, m=mine: x[ends[-1] + b] - log(values(x)[m].sum())})
    rules.append({"type": "ineq", "fun": lambda x: terms.limits[FIRST_LIMIT] - block(x, FIRST_LIMIT)})
    even = np.concatenate([np.full(len(table[0]), 1 / len(table[0])) for table in tables])
    found = minimize(
        cost, np.append(even, [8.0, 8.0]), method="SLSQP", constraints=rules,
        bounds=[(0, 1)] * int(ends[-1]) + [(-5, 20)] * 2, options={"maxiter": 500, "ftol": 1e-10},
    )  # fmt: skip
    return float(found.fun) if found.success else inf


@pytest.mark.parametrize("seed", range(16))
def test_without_limits_the_best_bound_is_found(seed: int) -> None:
    terms, tables = drawn(seed)
    terms = terms._replace(limits=np.array([0.0, 0.0, NO_LIMIT]))
    truth, weights = least_of_mixtures(terms, tables), even_weights(terms)
    reached = ascend(small_of(terms, tables), terms, weights, 0.1, inf)
    assert truth - SHORT <= reached <= truth + 1e-6
    for b in (0, 1):
        assert weights[terms.block == b].sum() == pytest.approx(terms.fixed[b])
    assert not weights[terms.block == FIRST_LIMIT].any()


@pytest.mark.parametrize("seed", range(24))
def test_with_a_limit_the_bound_rises_and_never_passes_the_best(seed: int) -> None:
    """Nothing is above the bound of a problem in which nothing keeps the limit."""
    terms, tables = drawn(seed)
    small, truth = small_of(terms, tables), least_of_mixtures(terms, tables)
    weights = even_weights(terms)
    free = ascend(small, terms, even_weights(terms), 0.1, -inf)  # ends with the weights that it starts from
    reached = ascend(small, terms, weights, 0.1, inf)
    assert free <= reached <= truth + 1e-6
    assert (weights >= 0).all()


def test_the_ascent_ends_when_the_bound_is_high_enough() -> None:
    terms, tables = drawn(0)
    small = small_of(terms, tables)
    first, last = (ascend(small, terms, even_weights(terms), 0.1, enough) for enough in (-inf, inf))
    between = ascend(small, terms, even_weights(terms), 0.1, (first + last) / 2)
    assert first < (first + last) / 2 <= between <= last


@pytest.mark.parametrize("seed", range(16))
def test_weights_that_are_far_from_right_do_not_end_the_climb(seed: int) -> None:
    """Nearly all weight of each block on one term, at a heat for weights that are nearly right."""
    terms, tables = drawn(seed)
    terms = terms._replace(limits=np.array([0.0, 0.0, NO_LIMIT]))
    small, even = small_of(terms, tables), even_weights(terms)
    far = 0.1 * even
    for b in np.unique(terms.block[even > 0]):
        worst = np.flatnonzero(terms.block == b)[np.argmin(terms.logs[terms.block == b])]
        far[worst] += 0.9 * terms.fixed[b]
    expected = ascend(small, terms, even, 0.1, inf)
    assert ascend(small, terms, far, 0.01, inf) == pytest.approx(expected, abs=SHORT)


@pytest.mark.parametrize("seed", range(16))
def test_near_a_goal_the_bound_comes_close_to_the_best(seed: int) -> None:
    """Where the goal is the best there is, what softening and barrier take off shrinks with what is missing."""
    terms, tables = drawn(seed)
    terms = terms._replace(limits=np.array([0.0, 0.0, NO_LIMIT]))
    truth = least_of_mixtures(terms, tables)
    reached = ascend(small_of(terms, tables), terms, even_weights(terms), 0.1, truth + 1e-5)
    assert truth - SHORT / 20 <= reached <= truth + 1e-6
