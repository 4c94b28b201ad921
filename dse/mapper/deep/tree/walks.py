"""Walks of the deep search: splits of a subproblem, or mappings that are at hand, are priced with all orders."""

from __future__ import annotations

from itertools import accumulate
from math import inf, prod

import numpy as np

from dse.mapper.deep.bounds.best import Best
from dse.mapper.deep.bounds.mirror import CLOSED, HALF, mirrored
from dse.mapper.deep.bounds.subproblem import Node, Space
from dse.mapper.deep.bounds.sums.columns import Columns, Laid
from dse.mapper.deep.bounds.sums.records import ROUNDING
from dse.mapper.deep.leaf.orders import SPLITS, UNFINISHED, Goal, Incumbents
from dse.mapper.deep.leaf.walk import Lists, Sets, walk_splits
from dse.mapper.deep.lists import ListChoice, laid_of
from dse.mapper.deep.splits.axes import tables_of_axes
from dse.mapper.shared.compilation.twins import compiled
from dse.mapper.shared.incumbent import FRONT, LATENCY, SLACK
from dse.model.counting.kernel import Ints
from dse.problem.dims import P, Q

OPEN = 500
"""Combinations of splits that are walked at once while some list is open that changes a term, or with the bound that
spaces have together."""

STEPS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, inf)
"""How far above its bound a subproblem is searched while no mapping is known."""

NO_MARKS = np.zeros(0, dtype=np.int64)

TIES = -3.0 * SLACK
"""The gap of a search for the first of all mappings that cost what the best one does."""


def walk(node: Node, best: Best, limit: int) -> None:
    """Search a subproblem, a little farther above its bound each time until a mapping is known.

    Mirror images that are in no other subproblem are priced as well where the first of equals is sought.
    """
    images = node.mirror == HALF and _gap(best) == TIES
    if best.held > 0 and not limit and prod(map(len, node.rows)) <= OPEN:
        walk_to(node, best, best.target_in(node), limit, images)
        return
    for step in STEPS:
        target = best.target_in(node)
        reach = min(target, node.bound + step)
        walk_to(node, best, reach, limit, images)
        if best.held != 0 or (limit and best.visited[UNFINISHED]):
            break
    if best.held > 0 and not limit and not best.stop[0] and best.target_in(node) > reach:
        walk_to(node, best, best.target_in(node), limit, images)


def walk_to(node: Node, best: Best, target: float, limit: int, images: bool = False) -> None:
    """Walk the splits of a subproblem that may lie below a target, in logarithms; at most `limit` of them, if any."""
    ends = np.array([[0, *accumulate(map(len, node.rows))]])
    sets = Sets(np.concatenate(node.rows), np.concatenate(node.reduced), ends, NO_MARKS)
    goal = _goal(best, float(target - node.bound + ROUNDING), limit)
    _search(node.space, node.columns, (node.choices, mirrored(node.choices))[: 1 + images], sets, goal, best)


def surviving(node: Node, best: Best) -> Node | None:
    """A subproblem without the splits that are in no combination whose sums may improve; None if none may.

    Nothing is priced. Where the walk is stopped, all splits are left.
    """
    ends = np.array([0, *accumulate(map(len, node.rows))])
    marks = np.zeros(ends[-1], dtype=np.int64)
    sets = Sets(np.concatenate(node.rows), np.concatenate(node.reduced), ends[None], marks)
    goal = _goal(best, float(best.target_in(node) - node.bound + ROUNDING), 0)
    _search(node.space, node.columns, (node.choices,), sets, goal, best)
    if best.visited[UNFINISHED]:
        return node
    mine = [np.zeros(len(axis), dtype=bool) for axis in node.space.axes]
    for a, mask in enumerate(mine):
        within = slice(ends[a], ends[a + 1])
        mask[sets.rows[within][marks[within] == 1]] = True
    if node.mirror == CLOSED and node.space.twins is not None:
        # Images cost the same, but for rounding: what is left has all of them.
        for a, its, twins in ((P, Q, node.space.twins[1]), (Q, P, node.space.twins[0])):
            mine[a][twins[np.flatnonzero(mine[its])]] = True
    some = node.only([mask[rows] for mask, rows in zip(mine, node.rows, strict=True)])
    return some if len(some.rows[P]) else None


def _search(space: Space, columns: Columns, choices: tuple[Laid, ...], sets: Sets, goal: Goal, best: Best) -> None:
    """Walk some splits in all parts of a space, with some lists laid down, and mirror images with a second choice."""
    problem, (tables, chains) = (space.parts or (space,))[0].problem, tables_of_axes(space.axes).of_walks
    laid = np.array([laid_of(one, len(problem.nodes)) for one in choices])
    lists = Lists(laid, columns[0], columns[1])
    best.visited[UNFINISHED] = 0
    marked = len(sets.marks) > 0
    # Whether mappings that cost the same are the same in both is asked where they are priced.
    both = best.walks_for in (LATENCY, FRONT) or (goal.gap == TIES and not marked)
    best.held = compiled(walk_splits)(
        problem, tables, chains, space.terms_for(best, both),
        space.parts_for(best, together=marked), lists, sets, goal,
        Incumbents(best.values, best.records, best.visited, 0), best.held,
    )  # fmt: skip


def _goal(best: Best, reach: float, limit: int) -> Goal:
    """What walks look for; see `Goal`."""
    gap = _gap(best)
    most = int(best.visited[SPLITS]) + limit if limit else 0
    return Goal(best.walks_for, gap, best.until, reach, most, best.stop)


def _gap(best: Best) -> float:
    """Mappings that are better by no more are not looked for; `TIES` where those that cost the same are."""
    return TIES if best.gap == 0 and best.kind != LATENCY else best.gap


def price(space: Space, rows: Ints, choices: tuple[ListChoice | None, ...], best: Best) -> None:
    """Price mappings, one in each row, with their best orders, in those of a space's parts that have their splits."""
    rows = rows[[space.holds(row) for row in rows.tolist()]]
    if len(rows):
        sets = Sets(rows.ravel(), np.zeros(rows.size), np.arange(7) + 6 * np.arange(len(rows))[:, None], NO_MARKS)
        _search(space, space.columns(choices), (choices,), sets, _goal(best, inf, 0), best)
