"""What a subproblem of the deep search is cut into: choices about a list, halves of an axis, or shares of a fan-out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from math import inf, log
from typing import NamedTuple

import numpy as np

from dse.mapper.deep.bounds.best import MARGIN, Best
from dse.mapper.deep.bounds.halves import most_undecided
from dse.mapper.deep.bounds.left import only_left
from dse.mapper.deep.bounds.mirror import CLOSED, PLAIN, one_of_each, part_of
from dse.mapper.deep.bounds.sharing import TOO_MANY, FanOut, Reach, Ways, ways_to_share
from dse.mapper.deep.bounds.stand_ins import combinations_of, is_large, outer_lists, without_list
from dse.mapper.deep.bounds.subproblem import AT_ONCE, Kin, Node, Space, bounded_all, with_each
from dse.mapper.deep.bounds.sums.columns import Laid
from dse.mapper.deep.bounds.sums.records import ROUNDING, Alive
from dse.mapper.deep.lists import NO_SLIDE, Bools, ListChoice, kinds, parts_of_choice
from dse.mapper.deep.splits.axes import tables_of_axes
from dse.mapper.deep.tree.walks import OPEN
from dse.mapper.shared.compilation.twins import compiled
from dse.mapper.shared.incumbent import LATENCY
from dse.model.counting.kernel import Ints
from dse.problem.dims import IFMAP, P, Q, R, S

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

FADING = 0.97
"""How much of what a way counts with is left each time that it is not tried: what is bad at first may be good later."""

UNTRIED = 4.0
"""What choices about a list count with that were not tried yet, where lists lift bounds by little."""

TOO_MANY_PARTS = 4.0
"""What a way counts with that comes to too many parts to list them."""

SHORT = 30, 8
"""Subproblems after which ways are compared: most searches are over by then, and nothing is known of them yet. The
second where outer lists may wait, as laying them down first makes many parts that are alike, and there are `MANY`
splits."""

MANY = 30_000
"""Splits of a whole space with which a search is seldom over soon, and each of its subproblems takes long."""

HALVES, SHARES, ORDERS = -1, -2, 1_000
"""In place of a list: an axis is halved, or the children of the outermost fan-out are shared out (of the next one, one
less). With `ORDERS` more: more about a list of which the operand that stays is known."""

LONG = 16_000
"""Splits of all axes up to which a subproblem takes about as long whatever they are; with more, in proportion."""

MOST_WAYS = 200
"""Ways to share out a fan-out's children at most."""


def is_long(space: Space) -> bool:
    """Whether ways to cut are compared soon in searches of a space: where there is a window, or they lead astray."""
    window = int(space.problem.bounds[R]) * int(space.problem.bounds[S])
    return window > 1 and is_large(space) and sum(map(len, space.rows)) >= MANY


class Half(NamedTuple):
    """A way to halve a subproblem.

    Parameters
    ----------
    node : Node
    axis : int
        Whose splits are halved.
    lower : (n,) bool
        Which of these are on one side.
    """

    node: Node
    axis: int
    lower: Bools


def laid_down(node: Node, level: int, best: Best) -> list[Node]:
    """A subproblem for each choice about a list with which something may improve; about the last two lists at once,
    where splits are listed in stages: with one of them open, the bound on so many splits is dear and says little of
    energy."""
    space, rows, lists = without_list(node, level)
    parts = list[Node]()
    for choices, outer in _told_before(node, level, best):
        some, kin = options(node.space, choices, outer, node.mirror)
        agree = space.agree(outer, rows, some)
        if outer != level and (inner := choices[level]) is not None:
            agree &= space.agree(level, rows, (inner,))
        parts += bounded_all(space, kin, rows, agree, node.weights, best, gathered=lists)
    return parts


def _told_before(node: Node, level: int, best: Best) -> list[tuple[Laid, int]]:
    """What is laid down before all choices about a list are tried, and that list: the one given; or the last one but
    this, once for each choice about the given one."""
    others = [i for i, choice in enumerate(node.choices[: node.gathered]) if choice is None and i != level]
    staged = node.space.gathered != AT_ONCE and is_large(node.space)  # with two axes alone, combinations are few
    if best.kind == LATENCY or not staged or len(others) != 1 or node.choices[level] is not None:
        return [(node.choices, level)]
    some, _ = options(node.space, node.choices, level, node.mirror)
    return [(choices, others[0]) for choices in with_each(node.choices, level, some)]


def by_operand(node: Node, best: Best) -> list[Node]:
    """A subproblem for each operand that may stay in the innermost list that has loops, of those outside all that is
    known, whichever list that is; and for that in which none of these has any.

    Of its splits each stands for as many as before: see docs/mapper/deep.md, "Outer lists last".
    """
    space, choices, some = node.space, node.choices, kinds()
    lists, many = outer_lists(choices), len(some)
    begins = np.array([space.words.begins_of_innermost(one.kind, lists, choices) for one in some])
    scales, first = space.words.of_terms(space.places, begins)
    kin = Kin((choices,) * many, space.places.logs + scales, first, space.places.second, (node.mirror,) * many)
    each = [space.agree(level, node.rows, some) for level in range(lists)]
    agree = np.logical_or.reduce(each)
    agree[0] = np.logical_and.reduce([mine[0] for mine in each])
    return bounded_all(space, kin, node.rows, agree, node.weights, best, gathered=node.gathered)


def options(
    space: Space, choices: Laid, level: int, mirror: int = PLAIN
) -> tuple[tuple[ListChoice, ...], Kin]:  # fmt: skip
    """What is laid down next about a list, without what says no more than another choice and allows no more.

    Every split that agrees with a list without loops over the operand that stays agrees with one that may have some.
    Where a subproblem has all images of its mappings, one of two choices is enough that are each other's.
    """
    choice = choices[level]
    if choice is None:
        some = tuple(one for one in kinds() if space.words.is_possible(with_each(choices, level, (one,))[0]))
        return some, space.kin(choices, level, some)._replace(mirror=(mirror,) * len(some))
    key = choices, level
    if key not in space.told:
        some = parts_of_choice(choice)
        begins = dict(zip(some, space.words.begins(with_each(choices, level, some)), strict=True))
        # Where a slide in a list further in is open, what this one says of it may matter later.
        later = any(one is None or (one.partial and one.kind == IFMAP) for one in choices[level + 1 :])
        space.told[key] = tuple(
            one for one in some
            if not (one.passing and not (later and one.slide != NO_SLIDE)
                    and space.words.same(space.places, begins[one], begins[one._replace(passing=False)]))
        )  # fmt: skip
    some = one_of_each(space.told[key]) if mirror == CLOSED else space.told[key]
    parts = tuple(part_of(mirror, even=one.slide not in (P, Q)) for one in some)
    return some, space.kin(choices, level, some)._replace(mirror=parts)


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
    """The innermost list of which nothing is known, if any; and those of which the operand alone is, if more would
    change a term, the innermost first.
    """
    key = node.choices
    if key not in node.space.open_lists:
        unknown = [i for i, choice in enumerate(key) if choice is None][-1:]
        node.space.open_lists[key] = (*unknown, *_partial_lists(node.space, key))
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
    """What it has been worth so far to lay down more about each list, or to cut a subproblem otherwise, in one search.

    What a cut is worth is about how many subproblems its parts will need, as a share of what the whole would: next to 0
    where none is left, and more than 1 where all is left of several.

    Parameters
    ----------
    halved : bool
        Whether axes are halved even while nothing is known of some list.
    """

    compares = False
    """Whether the search has taken so long that ways to cut a subproblem are compared."""

    def __init__(self, halved: bool) -> None:
        self.halved = halved
        self.worth: dict[int, float] = {}
        self.count: dict[int, int] = {}

    def goes_on(self, subproblems: int, node: Node) -> None:
        """Take note that so many subproblems were cut before one that is cut next."""
        self.compares = subproblems > SHORT[is_long(node.space)]

    def best_of(
        self, ways: Mapping[int, Callable[[], list[Node] | None]], node: Node, best: Best, target: float
    ) -> list[Node] | None:
        """The parts of a subproblem that the best of some ways to cut it comes to; None if there is none.

        The one that has been best so far is tried first, and others where they have been better than what it comes to.

        Parameters
        ----------
        node
            With the splits that are left alone.
        target : float
            What its bound must stay below.
        """
        if self.halved:
            for way in ways:
                self.worth.setdefault(way, UNTRIED if way >= 0 else 0.0)
        least, found, left = inf, None, set(ways).intersection(self.worth)
        for way in sorted(ways, key=lambda way: self.worth.get(way, 0.0)):
            if self.worth.get(way, 0.0) >= BETTER * least:
                break
            parts = ways[way]()
            left.discard(way)
            value = TOO_MANY_PARTS if parts is None else _worth(parts, node, best, target)
            value *= DEARER if way == HALVES else 1.0
            count = self.count[way] = min(RECENT, self.count.get(way, 0) + 1)
            self.worth[way] = self.worth.get(way, 0.0) * (1 - 1 / count) + value / count
            if parts is not None and value < least:
                least, found = value, parts
        for way in left:
            self.worth[way] *= FADING
        # Where nothing gets on, a list: it has to be laid down at some time, and there are few.
        unknown = next((way for way in left if 0 <= way < ORDERS), None)
        if least >= 1.0 and unknown is not None and not self.halved:
            return ways[unknown]()
        return found


def _worth(parts: list[Node], node: Node, best: Best, target: float) -> float:
    """About how long the parts of a subproblem will take, as a share of what it would take itself.

    How many subproblems that are grows with what is left to prove, and with the logarithm of how many combinations of
    splits there are, as these are cut until few are left. Splits that one stands for count as well: they are told apart
    some time. How long each takes grows with its splits, where there are many: those that are told apart now are more.
    What is left to prove of a part of a front is the most in any step below its stairs, so it is asked of each part.
    """
    left, whole = max(MARGIN, target - node.proven), max(1.0, _depth(combinations_of(node)))
    needed, size = 0.0, _size(node)
    for part in parts:
        open_part = max(0.0, best.target_in(part) - part.proven) / left
        share = GROWTH ** (open_part * _depth(combinations_of(part)) / whole - 1.0)
        needed += share * _size(part) / size
    return needed


def _size(node: Node) -> int:
    """How many splits a subproblem has, at least so many that their number counts."""
    return max(LONG, sum(map(len, node.rows)))


def _depth(many: int) -> float:
    """The logarithm of how many times too many combinations of splits there are to walk them at once."""
    return max(0.0, log(many / OPEN))


def ways_to_cut(node: Node, half: Half | None, best: Best) -> dict[int, Callable[[], list[Node] | None]]:
    """The ways to cut a subproblem, see `Learned`; `half` is its own, see `half_of`."""
    ways: dict[int, Callable[[], list[Node] | None]] = {
        level + ORDERS * (node.choices[level] is not None): partial(laid_down, node, level, best)
        for level in open_lists(node)
    }
    if half is not None:
        ways[HALVES] = partial(halves, half, best)
    for fan in _unshared(node):
        ways[SHARES - fan] = partial(shares, node, fan, best)
    return ways


def halves(half: Half, best: Best) -> list[Node]:
    """A subproblem for each half of an axis' splits, see `half_of`, in which something may improve.

    Where it has all images of its mappings, P and Q are halved together: of two parts that are each other's image, one
    is enough.
    """
    node, a, lower = half
    rows, upper = node.rows, ~lower
    both = node.mirror == CLOSED and a in (P, Q)
    parts = [{P: lower, Q: lower}, {P: lower, Q: upper}, {P: upper, Q: upper}] if both else [{a: lower}, {a: upper}]
    every = [np.ones(len(row), dtype=bool) for row in rows]
    keep = np.array([np.concatenate([part.get(x, mask) for x, mask in enumerate(every)]) for part in parts])
    kin = _alike(node, [a not in (P, Q) or (both and part[P] is part[Q]) for part in parts])
    return bounded_all(node.space, kin, rows, keep, node.weights, best, gathered=node.gathered)


def shares(node: Node, fan: int, best: Best) -> list[Node] | None:
    """A subproblem for each way to share the children of a fan-out among the axes in which something may improve; None
    if there are too many."""
    # What is left is found anew, as a better mapping may be known by now than when the ways to cut were listed.
    target, space = best.target_in(node), node.space
    node = only_left(node, target)
    rows = node.rows
    ends, sizes = np.cumsum([0, *map(len, rows)]), [len(row) for row in rows]
    ways = Ways(np.empty((MOST_WAYS, 6), dtype=np.int64), np.empty(ends[-1], dtype=np.int64))
    logs, first, _ = node.columns
    alive = Alive(np.concatenate(rows), ends[:-1], ends[1:], np.concatenate(node.reduced))
    many = compiled(ways_to_share)(
        *tables_of_axes(space.axes).of_walks, space.terms_for(best), logs, first, alive,
        FanOut(fan, int(space.problem.sides[fan].prod()), space.problem.sides[fan], space.problem.on_side[fan]),
        Reach(float(best.target()), float(target - node.bound + ROUNDING)), ways,
    )  # fmt: skip
    if many == TOO_MANY:
        return None
    taken = ways.shares[:many]
    if node.mirror == CLOSED:
        taken = taken[taken[:, P] <= taken[:, Q]]  # of the others, these are the mirror images
    keep = ways.share[None] == np.repeat(taken, sizes, axis=1)
    kin = _alike(node, (taken[:, P] == taken[:, Q]).tolist())
    return bounded_all(space, kin, rows, keep, node.weights, best, gathered=node.gathered) if len(taken) else []


def _alike(node: Node, even: list[bool]) -> Kin:
    """Parts with the lists of a subproblem, each of which says of P what it says of Q, or does not."""
    many, (logs, first, second) = len(even), node.columns
    mirror = tuple(part_of(node.mirror, one) for one in even)
    return Kin((node.choices,) * many, np.array([logs] * many), np.array([first] * many), second, mirror)


def _unshared(node: Node) -> Iterator[int]:
    """The fan-outs of which some axis has splits with different numbers of children."""
    problem, axes = node.space.problem, node.space.axes
    for fan in range(len(problem.nodes)):
        if problem.fans[fan] < 0 or problem.sides[fan].prod() == 1:
            continue
        if any(several(axis.children(fan), row) for axis, row in zip(axes, node.rows, strict=True)):
            yield fan


def several(values: Ints, rows: Ints) -> bool:
    """Whether the values of some splits differ; of many, a few are looked at first.

    Examples
    --------
    >>> several(np.array([1, 2, 2]), np.array([1, 2])), several(np.array([1, 2, 2]), np.array([0, 2]))
    (False, True)
    """
    first, few = values[rows[0]], rows[:: 1 + len(rows) // 64]
    return bool((values[few] != first).any() or (values[rows] != first).any())


def half_of(node: Node, worst: float) -> Half | None:
    """An axis, and which of its splits are on one side of the factor that the bound is most undecided about; None if
    it is decided by less than `worst`."""
    start, logs = np.cumsum([0, *map(len, node.rows)]), tables_of_axes(node.space.axes).logs
    _, first, second = node.columns
    a, column, mean = compiled(most_undecided)(
        logs, first, second, node.weights, np.concatenate(node.rows), np.concatenate(node.reduced), start, HEAT, worst
    )  # fmt: skip
    return None if a < 0 else Half(node, a, logs[a][column, node.rows[a]] <= mean)
