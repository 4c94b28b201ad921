"""What a subproblem of the deep search is cut into: choices about a list, or halves of an axis."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import inf

import numpy as np

from dse.mapper.deep.bounds.halves import most_undecided
from dse.mapper.deep.bounds.subproblem import MARGIN, Best, Kin, Node, Space, bounded_all, lifts_left, with_each
from dse.mapper.deep.bounds.sums.columns import Laid
from dse.mapper.deep.lists import Bools, Choice, kinds, parts_of_choice
from dse.mapper.deep.splits.axes import together
from dse.mapper.shared.compilation.twins import compiled
from dse.model.counting.kernel import Ints

HEAT = 0.01
"""Lift, in logarithms, of splits that count as undecided when a subproblem is halved."""

GROWTH = 100.0
"""How many times as many subproblems a part takes, about, of which all is left to prove as one of which nothing is."""

DEARER = 2.0
"""What halves count with beside choices about a list, which have to be laid down at some time."""

BETTER = 0.8
"""Another way is looked at as well where it has been better so far than this part of what has just come of one."""

RECENT = 16
"""How many of the last cuts in some way count."""

SHORT = 100
"""Subproblems after which ways are compared; most searches are over by then, and nothing is known of them yet."""

HALVES = -1
"""In place of a list: an axis is halved."""


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


def open_lists(node: Node) -> tuple[int, ...]:
    """The lists of which the operand alone is known, if more would change a term, the innermost first."""
    key = node.choices
    if key not in node.space.open_lists:
        node.space.open_lists[key] = tuple(_partial_lists(node.space, key))
    return node.space.open_lists[key]


def _next_partial(space: Space, choices: Laid) -> int | None:
    return next(_partial_lists(space, choices), None)


def _partial_lists(space: Space, choices: Laid) -> Iterator[int]:
    words, (begins,) = space.words, space.words.begins([choices])
    for level in range(len(choices) - 1, -1, -1):
        choice = choices[level]
        if choice is not None and choice.partial:
            each = with_each(choices, level, parts_of_choice(choice))
            if not all(words.same(space.places, begins, one) for one in words.begins(each)):
                yield level


class Learned:
    """What it has been worth so far to lay down more about each list, or to halve an axis, in one search.

    What a cut is worth is about how many subproblems its parts will need, as a share of what the whole would: 0 where
    none is left, and more than 1 where all is left of several.

    Parameters
    ----------
    halved : bool
        Whether axes are halved even while nothing is known of some list.
    """

    begun = False
    """Whether the search has taken so long that ways to cut a subproblem are compared."""

    def __init__(self, halved: bool) -> None:
        self.halved = halved
        self.worth: dict[int, float] = {}
        self.count: dict[int, int] = {}

    def best_of(self, ways: Mapping[int, Callable[[], list[Node]]], bound: float, target: float) -> list[Node]:
        """The parts of a subproblem that the best of some ways to cut it comes to.

        The one that has been best so far is tried first, and others where they have been better than what it comes to.
        """
        least, found, left = inf, list[Node](), max(MARGIN, target - bound)
        for way in sorted(ways, key=lambda way: self.worth.get(way, 0.0)):
            if self.worth.get(way, 0.0) >= BETTER * least:
                break
            parts = ways[way]()
            value = sum(GROWTH ** -min(1.0, (part.bound - bound) / left) for part in parts)
            value *= DEARER if way == HALVES else 1.0
            count = self.count[way] = min(RECENT, self.count.get(way, 0) + 1)
            self.worth[way] = self.worth.get(way, 0.0) * (1 - 1 / count) + value / count
            if value < least:
                least, found = value, parts
        return found


def halves(node: Node, rows: tuple[Ints, ...], half: tuple[int, Bools], best: Best) -> list[Node]:
    """A subproblem for each half of an axis' splits, see `half_of`, in which something may improve."""
    a, lower = half
    keep = np.ones((2, sum(map(len, rows))), dtype=bool)
    begin = sum(map(len, rows[:a]))
    keep[0, begin : begin + len(lower)], keep[1, begin : begin + len(lower)] = lower, ~lower
    logs, first, second = node.columns
    kin = Kin((node.choices,) * 2, np.stack([logs, logs]), np.stack([first, first]), second)
    return bounded_all(node.space, kin, rows, keep, node.weights, best)


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
