"""A bound held against all steps of a front at once says no more of any than a bound on it alone."""

from __future__ import annotations

from itertools import product
from math import inf, log
from random import Random

import numpy as np
import pytest
from mapper.deep.bounds.drawn_terms import AXES, all_alive, drawn, even_weights, objective

from dse.mapper.deep.bounds.sums.records import OF_TIME
from dse.mapper.deep.bounds.weights.dual import Effort, climb
from dse.mapper.deep.bounds.weights.stairs import hull_of, least_step, soft_step


def stairs_of(seed: int) -> np.ndarray:
    """How far before the limit each step ends, and how far below the first one's goal its own is."""
    rng = Random(f"stairs {seed}")
    earlier = sorted((rng.uniform(0.01, 1.5) for _ in range(rng.randint(1, 7))), reverse=True)
    return np.array([[*earlier, 0.0], [0.0, *np.cumsum([rng.uniform(0.01, 0.5) for _ in earlier])]])


@pytest.mark.parametrize("seed", range(20))
def test_the_hull_of_steps_has_the_least_for_all_weights(seed: int) -> None:
    steps = stairs_of(seed)
    hull = hull_of(steps)
    assert hull.shape[1] <= steps.shape[1]
    for weight in (0.0, 1e-3, 0.1, 0.5, 1.0, 2.0, 30.0, 1e4):
        assert least_step(hull, weight) == pytest.approx(least_step(steps, weight), abs=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_a_softened_step_is_below_the_least_and_rises_as_it_says(seed: int) -> None:
    steps, weight, heat, apart = stairs_of(seed), 0.3, 0.05, 1e-5
    soft, slope, bend = soft_step(steps, weight, heat)
    assert least_step(steps, weight) - heat * log(steps.shape[1]) <= soft <= least_step(steps, weight)
    (before, first, _), (after, last, _) = (soft_step(steps, weight + x, heat) for x in (-apart, apart))
    assert (after - before) / (2 * apart) == pytest.approx(slope, abs=1e-4)
    assert (last - first) / (2 * apart) == pytest.approx(-bend / heat, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("seed", range(60))
def test_no_assignment_below_some_step_is_left_out(seed: int) -> None:
    """And none in any step is below the bound there."""
    terms, tables = drawn(seed)
    assignments = list(product(*(range(len(table[0])) for table in tables)))
    energies, times = (
        {one: objective(terms._replace(fixed=np.array(fixed)), tables, one) for one in assignments}
        for fixed in ((1.0, 0.0, -1.0), (0.0, 1.0, -1.0))
    )
    fitting = [one for one in assignments if energies[one] < inf]
    if not fitting:
        return
    steps, logarithms = stairs_of(seed), tuple(np.log(table) for table in tables)
    until = Random(seed).uniform(min(times[one] for one in fitting), max(times[one] for one in fitting) + 0.1)
    terms = terms._replace(fixed=np.array([1.0, -1.0, -1.0]), limits=np.array([0.0, until, terms.limits[2]]))
    near = [(energies[one] + steps[1, s], one) for one in fitting for s in range(steps.shape[1])
            if times[one] <= until - steps[0, s]]  # fmt: skip
    least = min((value for value, _ in near), default=inf)
    for enough in (inf, least + 1e-6, least + 0.2):
        alive, weights = all_alive(tables), even_weights(terms)
        weights[terms.block == OF_TIME] = 0.0
        bound = climb(logarithms, tables, terms, weights, Effort(0.1, enough, hull_of(steps)), alive)
        if not near:
            return
        assert bound <= least + 1e-9
        for value, one in near:
            if value < enough:
                assert all(one[a] in alive.rows[alive.start[a] : alive.end[a]] for a in range(AXES))
