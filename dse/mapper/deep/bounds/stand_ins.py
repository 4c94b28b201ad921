"""Subproblems in which nothing is known of outer lists, so that one split stands for all that differ in these alone.

See `dse.mapper.deep.splits.gathered`, and docs/mapper/deep.md, "Outer lists last".
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from dse.mapper.deep.bounds.subproblem import AT_ONCE, Node, Space
from dse.mapper.deep.lists import nothing_of
from dse.mapper.deep.problem import Deep
from dse.mapper.deep.splits.axes import Axis
from dse.mapper.deep.splits.gathered import gathered, many_of, told_further
from dse.mapper.deep.splits.stages import next_stage
from dse.model.counting.kernel import Ints

SEVERAL = 3
"""Lists that may hold loops, above the innermost, from which on splits may stand for others."""

LONG = 8_000
"""Splits in all from which on they do. With shorter tables, finding stand-ins takes longer than it saves."""

AXES = 3
"""Axes that have several splits at least: with two, combinations are few, but the outer lists decide among them."""

Rows = tuple[Ints, ...]


def has_several_lists(problem: Deep) -> bool:
    """Whether so many lists may hold loops that long searches learn what to cut."""
    return nothing_of(problem).count(None) >= SEVERAL


def has_one_array(problem: Deep) -> bool:
    """Whether children stand on one fan-out alone: where they do on several, these say more than lists."""
    return int((problem.fans >= 0).sum()) <= 1


def is_large(space: Space) -> bool:
    """Whether there are so many lists and splits that the outer lists are laid down last."""
    sizes = [len(rows) for rows in space.rows if len(rows) > 1]
    return (space.gathered != AT_ONCE or sum(sizes) >= LONG) and len(sizes) >= AXES and has_several_lists(space.problem)


def may_stand_in(space: Space) -> bool:
    """Whether no bound counts less for a split than for its stand-in."""
    problem = space.problem
    counts_less = space.words.returning or problem.visits_pay or problem.loose or bool(problem.folds.any())
    return not counts_less and not space.loose


def lists_of_stand_ins(space: Space) -> int:
    """The outermost lists of which nothing is known in a whole space, if splits stand for those that differ in these; 0
    if not."""
    if space.gathered != AT_ONCE:
        return space.gathered
    if not is_large(space) or not may_stand_in(space):
        return 0
    lists = outer_lists(nothing_of(space.problem))
    each = (gathered(axis, lists_on(space, axis, lists)) for axis in space.axes)
    return lists if all(of is not None for of in each) else 0


def lists_on(space: Space, axis: Axis, lists: int) -> int:
    """How many of the outermost lists an axis' loops are gathered from, of so many."""
    return lists if len(axis.dims) == 1 else lists_that_slide(space.problem, lists)


def lists_that_slide(problem: Deep, lists: int) -> int:
    """How many of the outermost lists loops are gathered from that the ifmap may slide over, of so many.

    None of them moves to the outside of a fan-out: children have other words in common then.
    """
    fans = problem.fans.tolist()
    return min(lists, next((level + 1 for level, fan in enumerate(fans) if fan >= 0), len(fans)))


def outer_lists(choices: tuple[object, ...]) -> int:
    """The outermost lists, up to the last one of which nothing is known."""
    return max((i + 1 for i, choice in enumerate(choices) if choice is None), default=0)


def without_list(node: Node, level: int) -> tuple[Space, Rows, int]:
    """Splits of a subproblem once something is laid down about a list, their space, and the lists that they are
    gathered in then."""
    if node.gathered == 0 or node.choices[level] is not None:
        return node.space, node.rows, node.gathered
    lists = outer_lists(node.choices[:level])
    space, rows, _ = _told_further(node, max(1, lists))
    return space, rows, lists if lists > 1 else 0


def whole_of(node: Node) -> Node:
    """The same subproblem with each of its splits by itself."""
    if node.gathered == 0:
        return node
    space, rows, places = _told_further(node, 1)
    reduced = tuple(lifted[at] for lifted, at in zip(node.reduced, places, strict=True))
    return replace(node, space=space, rows=rows, reduced=reduced, gathered=0)


def combinations_of(node: Node) -> int:
    """How many combinations of splits a subproblem has, each of them by itself."""
    if node.gathered == 0 or node.space.gathered != AT_ONCE:
        return prod(map(len, node.rows))
    return prod(
        many_of(axis, rows, lists_on(node.space, axis, node.gathered))
        for axis, rows in zip(node.space.axes, node.rows, strict=True)
    )


def _told_further(node: Node, fewer: int) -> tuple[Space, Rows, Rows]:
    """Splits with fewer lists of which nothing is known, and where in the subproblem's the stand-in of each is."""
    if node.space.gathered != AT_ONCE:
        return _next_stage(node, fewer)
    each, places = list[Ints](), list[Ints]()
    for axis, mine, every in zip(node.space.axes, node.rows, node.space.rows, strict=True):
        before, after = (lists_on(node.space, axis, lists) for lists in (node.gathered, fewer))
        splits, at = told_further(axis, mine, before, after)
        if len(every) < len(axis):
            among = np.isin(splits, every, assume_unique=True)
            splits, at = splits[among], at[among]
        each.append(splits)
        places.append(at)
    return node.space, tuple(each), tuple(places)


def _next_stage(node: Node, fewer: int) -> tuple[Space, Rows, Rows]:
    """The same where splits are listed in stages: a space of those that are left, all of them its rows."""
    told = [
        next_stage(node.space.problem, axis, rows, node.gathered, fewer)
        for axis, rows in zip(node.space.axes, node.rows, strict=True)
    ]
    rows = tuple(np.arange(len(axis)) for axis, _ in told)
    space = node.space.but(
        axes=[axis for axis, _ in told], rows=rows, gathered=fewer if fewer > 1 else 0, needed={}, twins=None
    )
    return space, rows, tuple(places for _, places in told)
