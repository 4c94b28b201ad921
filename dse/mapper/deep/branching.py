"""What a subproblem of the deep search is cut into: choices about a list, or halves of an axis."""

from __future__ import annotations

import numpy as np

from dse.mapper.deep.bounds.columns import Laid
from dse.mapper.deep.bounds.halves import most_undecided
from dse.mapper.deep.bounds.subproblem import Best, Kin, Node, Space, bounded_all, lifts_left, with_each
from dse.mapper.deep.lists import Bools, Choice, kinds, parts_of_choice
from dse.mapper.deep.splits.axes import together
from dse.mapper.shared.compilation.twins import compiled
from dse.model.counting.kernel import Ints

HEAT = 0.01
"""Lift, in logarithms, of splits that count as undecided when a subproblem is halved."""


def laid_down(node: Node, rows: tuple[Ints, ...], level: int, best: Best) -> list[Node]:
    """A subproblem for each choice about a list with which something may improve."""
    some, kin = options(node.space, node.choices, level)
    return bounded_all(node.space, kin, rows, node.space.agree(level, rows, some), node.weights, best)


def options(space: Space, choices: Laid, level: int) -> tuple[tuple[Choice, ...], Kin]:
    """What is laid down next about a list, without what says no more than another choice and allows no more.

    Every split that agrees with a list without loops over the operand that stays agrees with one that may have some.
    """
    choice = choices[level]
    if choice is None:
        return kinds(), space.kin(choices, level, kinds())
    key = choices, level
    if key not in space.told:
        some = parts_of_choice(choice)
        begins = dict(zip(some, space.words.begins(with_each(choices, level, some)), strict=True))
        space.told[key] = tuple(
            one for one in some
            if not (one.passing and space.words.same(space.places, begins[one], begins[one._replace(passing=False)]))
        )  # fmt: skip
    return space.told[key], space.kin(choices, level, space.told[key])


def next_list(node: Node) -> int | None:
    """The list to lay something down about: the innermost one about which nothing is, then the innermost one of which
    the operand alone is known, if more would change a term; None if there is none."""
    open_lists = [i for i, choice in enumerate(node.choices) if choice is None]
    if open_lists:
        return open_lists[-1]
    key = node.choices
    if key not in node.space.next_lists:
        node.space.next_lists[key] = _next_partial(node.space, key)
    return node.space.next_lists[key]


def partial_list(node: Node) -> int | None:
    """The innermost list of which the operand alone is known, None if there is none."""
    some = [i for i, choice in enumerate(node.choices) if choice is not None and choice.partial]
    return max(some, default=None)


def _next_partial(space: Space, choices: Laid) -> int | None:
    words, (begins,) = space.words, space.words.begins([choices])
    for level in range(len(choices) - 1, -1, -1):
        choice = choices[level]
        if choice is not None and choice.partial:
            each = with_each(choices, level, parts_of_choice(choice))
            if not all(words.same(space.places, begins, one) for one in words.begins(each)):
                return level
    return None


def half_of(node: Node, rows: tuple[Ints, ...], target: float, worst: float) -> tuple[int, Bools] | None:
    """An axis, and which of its splits are on one side of the factor that the bound is most undecided about; None if
    it is decided by less than `worst`."""
    lifted = [node.reduced[a][lifts_left(node, a, target)] for a in range(len(rows))]
    start, logs = np.cumsum([0, *map(len, rows)]), together(node.space.axes).logs
    _, first, second = node.columns
    a, column, mean = compiled(most_undecided)(
        logs, first, second, node.weights, np.concatenate(rows), np.concatenate(lifted), start, HEAT, worst
    )  # fmt: skip
    return None if a < 0 else (a, logs[a][column, rows[a]] <= mean)
