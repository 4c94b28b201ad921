"""Subproblems that stand for two spaces: one with finished psums, and that in which psums come back beside it.

The bound on the first, without the limits that keep unfinished psums out, holds for the second as well. What it shows
nothing about is told apart once a list is laid down, and the second space is made then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from dse.mapper.deep.bounds.best import Best
from dse.mapper.deep.bounds.finished import Returning
from dse.mapper.deep.bounds.left import only_left
from dse.mapper.deep.bounds.roots import root_of
from dse.mapper.deep.bounds.spaces import allowing_returns
from dse.mapper.deep.bounds.subproblem import Node, Space, bounded, even_weights
from dse.mapper.deep.tree.branching import laid_down, next_list


def root_of_both(space: Space, best: Best) -> Node | None:
    """A whole space as a subproblem, None when nothing improves in it, nor where psums come back beside it."""
    root = root_of(allowing_returns(space), best)
    return None if root is None else replace(root, space=space)


def of_both(node: Node) -> Node:
    """The same subproblem as one of a space that has what may improve in either."""
    return replace(node, space=allowing_returns(node.space))


def bounded_again(node: Node, best: Best) -> Node | None:
    """The same subproblem now that a better mapping is known."""
    space = allowing_returns(node.space)
    found = bounded(
        space, node.choices, node.rows, node.weights, best, node.columns, mirror=node.mirror, gathered=node.gathered
    )  # fmt: skip
    return None if found is None else replace(found, space=node.space)


def parts_for_both(node: Node, best: Best) -> list[Node]:
    """A subproblem for each choice about the next list, in which something may improve in either space."""
    level, left = next_list(node), only_left(node, best.target_in(node))
    assert level is not None
    parts = laid_down(replace(left, space=allowing_returns(node.space)), level, best)
    return [replace(part, space=node.space) for part in parts]


def is_open(node: Node) -> bool:
    """Whether some list is open of which nothing is known."""
    return None in node.choices


def beside(node: Node, returning: Returning, best: Best) -> Iterator[Node]:
    """What may improve of a subproblem where psums come back."""
    for space in returning.spaces():
        alike = np.array_equal(space.problem.never_finished, node.space.problem.never_finished)
        if not alike or not space.words.is_possible(node.choices):
            continue
        rows = tuple(row[np.isin(row, mine)] for row, mine in zip(node.rows, space.rows, strict=True))
        weights = node.weights if np.array_equal(space.block, node.space.block) else even_weights(space, best)
        found = bounded(space, node.choices, rows, weights, best, mirror=node.mirror) if all(map(len, rows)) else None
        if found is not None:
            yield found


def made_now(spaces: list[Space], later: list[Returning]) -> None:
    """Put those spaces among the others that are made by now."""
    for one in [each for each in later if each.made is not None]:
        spaces += one.spaces()
        later.remove(one)


def make_that_of(best: Best, spaces: list[Space], later: list[Returning]) -> None:
    """Make all spaces where the best mapping, which may be a sketch, is in none of those that are made."""
    made = (part.mask for space in spaces for part in (space.parts or (space,)))
    if later and best.records[0][-1] not in made:
        for one in later:
            one.spaces()
        made_now(spaces, later)
