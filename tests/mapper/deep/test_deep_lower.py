"""What the roots of the deep search say of a layer lies below all of its mappings."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np
import pytest
from mapper.walks.deep_walk import Walk, deep_problem
from mapper.walks.fronts import EQUAL
from thinned import thinned

from dse.architecture.architecture import Mac
from dse.architecture.hierarchy import Level
from dse.formats.architecture.load import load_architecture
from dse.mapper.deep.bounds.layer_spaces import spaces_of, wholes_of
from dse.mapper.deep.lower import bound_deep
from dse.problem.dims import PerOperand
from dse.problem.layer import Layer


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


@pytest.mark.parametrize("seed", thinned(range(30), 6))
def test_nor_where_finished_psums_are_narrower(seed: int) -> None:
    """Spaces that differ in where psums come finished are bounded as one, with the room that any of them has."""
    problem = deep_problem(f"finished {seed}")
    layer = problem.layer.stating({"psum": 32, "ofmap": 8})
    front = Walk(problem.architecture, layer, problem.kind).front()
    bound = bound_deep(problem.architecture, layer, 3.0, problem.kind)
    if len(front):
        energy, cycles = front.T
        assert bound.energy_pj <= energy.min() * (1 + EQUAL)
        assert 0 < bound.cycles <= cycles.min() * (1 + EQUAL)
        assert bound.weighted_pj <= (energy + 3.0 * cycles).min() * (1 + EQUAL)


def test_spaces_bounded_as_one_have_all_mappings() -> None:
    """Those of each space that is searched: its splits are among theirs, and its limits are no wider."""
    chip, layer = load_architecture("simba_pe"), Layer("l", K=64, C=96, P=7, Q=7).stating({"psum": 24, "ofmap": 8})
    wholes, parts = wholes_of(chip, layer, "all"), spaces_of(chip, layer, "all")[1]
    parts = [part for space in parts for part in (space.parts or (space,))]
    assert len(wholes) < len(parts)
    for part in parts:
        assert any(
            whole.problem.returns == part.problem.returns
            and (whole.problem.never_finished <= part.problem.never_finished).all()
            and (whole.problem.bits <= part.problem.bits).all()
            and (whole.problem.only_finished <= part.problem.only_finished).all()
            and all(np.isin(its, mine).all() for its, mine in zip(part.rows, whole.rows, strict=True))
            for whole in wholes
        )


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


def test_what_takes_no_energy_is_bounded_by_none() -> None:
    """Bounds are logarithms, which zero does not have."""
    chip = load_architecture("edge_npu")
    free = {"static_power_mw": 0.0, "clock_power_mw": 0.0}
    nothing = {"read_energy_pj": PerOperand.same(0.0), "write_energy_pj": PerOperand.same(0.0), **free}
    nodes = tuple(replace(x, **(nothing if isinstance(x, Level) else {"energy_pj": 0.0})) for x in chip.hierarchy)
    chip = chip.with_(hierarchy=nodes, mac=Mac(0.0), **free)
    bound = bound_deep(chip, chip.lowered(Layer("fc", K=8, C=4)), 2.0, "all")
    assert (bound.energy_pj, bound.weighted_pj) == (0.0, pytest.approx(2.0 * bound.cycles))
