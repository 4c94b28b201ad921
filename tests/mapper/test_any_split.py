"""Splits that are not tight, against full walks of them; and room that operands share unequally."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mapper.walks.deep_walk import Walk, deep_problem
from mapper.walks.fronts import EQUAL

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import Level
from dse.mapper.layer import map_layer, solve
from dse.model.mapping import tile_words
from dse.problem.dims import OPERANDS, PerOperand
from dse.problem.layer import Layer

LARGEST_WALK = 20_000


def check(seeds: range) -> int:
    """How often a split that is not tight is better; that the search finds what a walk does is asserted."""
    better = 0
    for seed in seeds:
        problem = deep_problem(seed, 600)
        walk = Walk(problem.architecture, problem.layer, "any")
        if walk.size > LARGEST_WALK:
            continue
        walked, tight = (each.front() for each in (walk, Walk(problem.architecture, problem.layer, "all")))
        if len(tight) == 0:
            continue
        for objective in ("energy", "edp"):
            best, other = (
                front[:, 0].min() if objective == "energy" else front.prod(axis=1).min() for front in (walked, tight)
            )
            (energy, cycles), *_ = solve(problem.architecture, problem.layer, objective, 0.0, "any").values
            value = energy if objective == "energy" else energy * cycles
            assert value == pytest.approx(best, rel=EQUAL, abs=0), (seed, objective)
            better += best < other * (1 - EQUAL)
    return better


def test_the_best_of_all_splits_equals_a_walk_of_them() -> None:
    assert check(range(22, 25)) > 0


@pytest.mark.slow
def test_the_best_of_all_splits_equals_walks_of_many() -> None:
    assert check(range(200)) > 5


def test_an_operand_takes_what_others_leave() -> None:
    """Of a shared capacity; fixed partitions of the same sum can only be worse."""
    every = frozenset(OPERANDS)
    buffer = Level("buffer", every, capacity_bits=16 * 30, read_energy_pj=PerOperand.same(1.0))
    outer = Level("DRAM", every, read_energy_pj=PerOperand.same(100.0), write_energy_pj=PerOperand.same(100.0))
    layer = Layer("fc", K=12, C=10, N=4)
    shared = Architecture("shared", (outer, buffer), Mac(1.0), 1e9)
    thirds = replace(buffer, capacity_bits=None, partition_bits=PerOperand.same(16 * 10))
    best, fixed = (map_layer(one, layer, "energy") for one in (shared, shared.with_(hierarchy=(outer, thirds))))
    words = {operand: tile_words(layer, operand, best.mapping.tile(layer, 1)) for operand in OPERANDS}
    assert max(words.values()) > 10
    assert sum(words.values()) <= 30
    assert best.cost.energy_pj < fixed.cost.energy_pj
