"""Generations of NSGA-II: the seed decides, the fittest are the parents, and nothing is learnt twice."""

from __future__ import annotations

from typing import Any

import optuna
import pytest

from dse.explore.designs.nsga2 import CHILDREN, PARENTS, Generations
from dse.explore.designs.space import DesignSpace

SPACE = DesignSpace.of({"rows": list(range(1, 17)), "cols": list(range(1, 17))})
DISTRIBUTIONS = {str(place): optuna.distributions.CategoricalDistribution(range(16)) for place in range(2)}


def made(seed: int = 0) -> Generations:
    return Generations(SPACE, DISTRIBUTIONS, seed, 2, 1e9)


def values(index: int) -> list[float]:
    rows, cols = SPACE.settings(index).values()
    return [float(rows * rows + cols), float((16 - rows) ** 2 + cols)]


def generation(search: Generations, violation: Any = lambda index: 0.0) -> list[int]:
    asked = [search.ask() for _ in range(CHILDREN)]
    for index in asked:
        search.tell(index, values(index), violation(index))
    return asked


def test_a_generation_depends_on_the_seed_alone() -> None:
    assert generation(made()) == generation(made())
    assert generation(made(1)) != generation(made(2))


def test_the_next_parents_are_the_fittest() -> None:
    """None of those left out dominates a parent."""
    search = made()
    told: set[int] = set()
    while len(told) < CHILDREN:  # repeats are told once
        told |= set(generation(search))
    search.end_batch()
    parents = [SPACE.index([trial.params["0"], trial.params["1"]]) for trial in search.parents]
    assert len(parents) == PARENTS
    assert set(parents) <= told
    for parent in parents:
        for other in told - set(parents):
            assert not all(a < b for a, b in zip(values(other), values(parent), strict=True))


def test_a_design_that_breaks_a_limit_is_no_parent_while_others_are_left() -> None:
    search = made(3)
    broken = lambda index: float(SPACE.settings(index)["cols"] > 8)  # noqa: E731
    sound: set[int] = set()
    while len(search._children) < CHILDREN or len(sound) < PARENTS:
        sound |= {index for index in generation(search, broken) if not broken(index)}
    search.end_batch()
    assert all(trial.params["1"] < 8 for trial in search.parents)


def test_a_generation_ends_when_it_is_complete_and_repeats_do_not_count() -> None:
    search = made()
    for _ in range(CHILDREN):
        search.tell(5, values(5), 0.0)
    search.end_batch()
    assert not search.parents
    assert len(search._children) == 1


def test_what_has_no_values_is_the_worst() -> None:
    search = made()
    search.tell(7, None, 1.0)
    child = search._trial(search._children[0])
    assert child.values == [1e9, 1e9]
    assert child.params == dict(zip("01", SPACE.digits(7), strict=True))


@pytest.mark.parametrize("seed", [0, 1])
def test_later_generations_are_better(seed: int) -> None:
    search, mean = made(seed), []
    for _ in range(8):
        mean.append(sum(sum(values(index)) for index in generation(search)) / CHILDREN)
        search.end_batch()
    assert sum(mean[-2:]) < sum(mean[:2])
