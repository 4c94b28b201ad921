"""What the roots of the deep search say of a layer lies below all of its mappings."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np
import pytest
from mapper.walks.deep_walk import Walk, deep_problem
from mapper.walks.fronts import EQUAL
from thinned import thinned

from dse.architecture.hierarchy import Level
from dse.mapper.deep.lower import bound_deep


@pytest.mark.parametrize("seed", thinned(range(30), 8))
def test_no_mapping_of_a_full_walk_is_below_the_bound(seed: int) -> None:
    problem = deep_problem(f"lower {seed}")
    front = Walk(problem.architecture, problem.layer, problem.kind).front()
    for cycle_pj in (0.0, 2.0, 40.0):
        bound = bound_deep(problem.architecture, problem.layer, cycle_pj, problem.kind)
        if not len(front):
            continue
        energy, cycles = front.T
        assert bound.energy_pj <= energy.min() * (1 + EQUAL)
        assert 0 < bound.cycles <= cycles.min() * (1 + EQUAL)
        assert bound.weighted_pj <= (energy + cycle_pj * cycles).min() * (1 + EQUAL)
        assert bound.weighted_pj >= (bound.energy_pj + cycle_pj * bound.cycles) * (1 - EQUAL)


def test_the_bound_is_worth_having() -> None:
    """A good part of the optimum in half of the cases."""
    shares = []
    for seed in range(12):
        problem = deep_problem(f"lower {seed}")
        front = Walk(problem.architecture, problem.layer, problem.kind).front()
        if len(front):
            bound = bound_deep(problem.architecture, problem.layer, 0.0, problem.kind)
            shares.append((bound.energy_pj / front[:, 0].min(), bound.cycles / front[:, 1].min()))
    energy, time = np.median(shares, axis=0)
    assert energy > 0.85
    assert time > 0.85


def test_a_layer_that_fits_nowhere_has_no_finite_bound() -> None:
    problem = deep_problem("lower 0")
    nodes = tuple(
        replace(node, capacity_bits=1, partition_bits=None, may_bypass=frozenset())
        if i and isinstance(node, Level)
        else node
        for i, node in enumerate(problem.architecture.hierarchy)
    )
    bound = bound_deep(replace(problem.architecture, hierarchy=nodes), problem.layer, 1.0, "all")
    assert (bound.energy_pj, bound.cycles, bound.weighted_pj) == (inf, inf, inf)
