"""Subproblems that stand for the mappings in which psums come back as well lose none of these."""

from __future__ import annotations

from math import inf
from random import Random
from typing import Any

import numpy as np
import pytest
from mapper.deep.test_deep_bounds import EQUAL, operand_alone, some_mapping, sums
from mapper.walks.deep_walk import deep_problem
from mapper.walks.whole import price_whole
from thinned import parts, thinned

from dse.mapper.deep.bounds.best import Best
from dse.mapper.deep.bounds.finished import Returning
from dse.mapper.deep.bounds.subproblem import Node, Space
from dse.mapper.deep.leaf.nest import workspace
from dse.mapper.deep.solve import DeepSearch, solve_deep
from dse.mapper.deep.tree.for_both import (
    beside,
    bounded_again,
    is_open,
    made_now,
    make_that_of,
    parts_for_both,
    root_of_both,
)
from dse.mapper.shared.incumbent import EDP, ENERGY

LITTLE = 1e-6
"""A gap at which spaces in which psums come back are made late, and answers are the best ones nearly."""


def searched(number: int) -> tuple[list[Space], list[Returning]]:
    """The spaces that a search with a gap begins with, and those that are made late."""
    problem = deep_problem(f"both {number}")
    stop = np.zeros(1, dtype=np.int64)
    return DeepSearch(problem.architecture, problem.layer, LITTLE, problem.kind, stop)._first_spaces()


def hair_above(point: Any, kind: int) -> Best:
    """A search for what costs no more than a mapping."""
    return Best(
        kind, 0.0, inf, point[None, :2] * (1 + 1e-9), np.zeros((1, 1), np.int64), np.zeros(5, np.int64),
        np.zeros(1, np.int64), held=1,
    )  # fmt: skip


def holds(node: Node, rows: list[int], choices: list[Any]) -> bool:
    """Whether a mapping, or its mirror image, may be one of a subproblem's."""
    alone = [operand_alone(choice) for choice in choices]
    laid = all(mine is None or mine == one for mine, one in zip(node.choices, alone, strict=True))
    return laid and (bool(node.mirror) or all(row in mine for row, mine in zip(rows, node.rows, strict=True)))


@pytest.mark.parametrize("numbers", thinned(parts(120, 30), 4))
def test_no_mapping_in_which_psums_come_back_is_lost(numbers: range) -> None:
    checked = 0
    for number in numbers:
        rng, (_, later) = Random(number), searched(number)
        for returning in later:
            assert returning.made is None
            for space in returning.spaces():
                own = [one for one in returning.beside
                       if np.array_equal(one.problem.never_finished, space.problem.never_finished)]  # fmt: skip
                assert len(own) == 1  # each has the space beside it that was bounded for it
                assert all(np.isin(mine, its).all() for mine, its in zip(space.rows, own[0].rows, strict=True))
                assert (space.twins is None) == (own[0].twins is None)
                for _ in range(5):
                    found, point = some_mapping(space, rng), np.zeros(3)
                    if found is None or not space.holds(found[0]) or (sums(space, *found[::2])[2] > 1 + EQUAL).any():
                        continue  # it does not fit
                    if not price_whole(space.problem, found[1], workspace(space.problem), point):
                        continue
                    for kind in (ENERGY, EDP):
                        checked += followed(own[0], returning, hair_above(point, kind), found[0], found[2])
    assert checked > 10


def followed(space: Space, returning: Returning, best: Best, rows: list[int], choices: list[Any]) -> int:
    """Check that a mapping is in some subproblem all the way to its own space; returns how many were looked at."""
    root = root_of_both(space, best)
    assert root is not None
    assert root.space is space
    again = bounded_again(root, best)
    assert again is not None
    nodes, looked = [root, again], 0
    while nodes:
        node, looked = nodes.pop(), looked + 1
        apart = list(beside(node, returning, best))
        assert any(one.space.problem.returns and holds(one, rows, choices) for one in apart)
        if is_open(node):
            mine = [part for part in parts_for_both(node, best) if holds(part, rows, choices)]
            assert mine or node.mirror
            nodes += mine[:1]
    return looked


@pytest.mark.parametrize("numbers", thinned(parts(80, 20), 4))
def test_answers_at_next_to_no_gap_are_those_without(numbers: range) -> None:
    """Without a gap all spaces are made at once, and none stands for another one."""
    late = 0
    for number in numbers:
        problem = deep_problem(f"both {number}")
        for kind in (ENERGY, EDP):
            best, near = (
                solve_deep(problem.architecture, problem.layer, kind, gap, problem.kind, 1).values
                for gap in (0.0, LITTLE)
            )
            assert len(best) == len(near)
            if len(best):
                (least,), (value,) = ((x[:, :1] if kind == ENERGY else x).prod(axis=1) for x in (best, near))
                assert least * (1 - EQUAL) <= value <= least * (1 + LITTLE) * (1 + EQUAL)
        late += bool(searched(number)[1])
    assert late > 0


def test_spaces_that_were_made_are_put_among_the_others() -> None:
    spaces: list[Any] = ["one"]
    later: list[Any] = [Returning((), lambda: ["two"]), Returning((), lambda: ["three"])]
    later[1].spaces()
    made_now(spaces, later)
    assert spaces == ["one", "three"]
    assert [one.made for one in later] == [None]


def test_the_space_of_the_best_mapping_is_made() -> None:
    spaces, later = next(found for found in map(searched, range(100)) if found[1])
    best, masks = hair_above(np.ones(3), ENERGY), [part.mask for space in spaces for part in (space.parts or (space,))]
    best.records[0, -1] = masks[-1]
    make_that_of(best, spaces, later)
    assert later
    best.records[0, -1] = next(mask for mask in range(1 + max(masks)) if mask not in masks)
    make_that_of(best, spaces, later)
    assert not later
    assert best.records[0, -1] in [space.mask for space in spaces]
