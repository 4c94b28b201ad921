"""What may be laid down about the lists of a hierarchy, and which splits agree with it."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dse.mapper.deep.problem import Deep
from dse.mapper.deep.record import ANYTHING, axis_of, parts_of
from dse.mapper.deep.splits.axes import AXES, Axis
from dse.mapper.shared.mapspace.orders import add_partial_stays, group_dims, list_orders
from dse.model.counting.kernel import Ints
from dse.problem.dims import IFMAP, PSUM, WEIGHT, C, G, K, N, P, Q, R, S

Bools = NDArray[np.bool_]

IRRELEVANT = ((K,), (N, P, Q), (C, R, S))
"""Dims that each operand does not have."""

NO_TRIPS, NO_SLIDE = -1, -1
"""In place of the operand that stays, and of the axis of a slide."""

ANY_SLIDE = ANYTHING
"""In place of the axis of a slide about which nothing is laid down."""

SLIDING = ((0, 1), (0,), (1,))
"""Which of an axis' two dims the ifmap may slide over, by the operand that stays: the others move that operand."""

ORDER_OF_PARTS = ((0, 0, 1), (1, 0, 0), (0, 1, 0))
"""What parts keep, in the order that they have where they stand at one depth."""

WITHOUT_SLIDE = (K, N, C)
"""The dim without slides of those that each operand does not have."""


class ListChoice(NamedTuple):
    """What is laid down about the order of a list.

    Parameters
    ----------
    kind : int
        The operand that stays, `NO_TRIPS` for a list without loops.
    slide : int
        The axis (P or Q) that the ifmap slides on, `NO_SLIDE` for none.
    passing : bool or None
        Whether the list has no loops over any dim of the operand; None, with `ANY_SLIDE`, where the operand alone is
        laid down.
    """

    kind: int
    slide: int = NO_SLIDE
    passing: bool | None = False

    @property
    def partial(self) -> bool:
        """Whether the operand that stays is all that is laid down."""
        return self.passing is None


@cache
def listed() -> tuple[ListChoice, ...]:
    """What may be laid down about a list."""
    found = [ListChoice(NO_TRIPS)]
    for kind in (IFMAP, WEIGHT, PSUM):
        for passing in (False, True):
            # A list without loops over the ifmap's dims has nothing that it could slide on.
            slides = (NO_SLIDE,) if kind == IFMAP and passing else (NO_SLIDE, P, Q)
            found += [ListChoice(kind, slide, passing) for slide in slides]
    return tuple(found)


@cache
def kinds() -> tuple[ListChoice, ...]:
    """What may be laid down about a list first: whether it has loops, and over which of them an operand stays."""
    return (ListChoice(NO_TRIPS), *(ListChoice(kind, ANY_SLIDE, None) for kind in (IFMAP, WEIGHT, PSUM)))


@cache
def parts_of_choice(choice: ListChoice) -> tuple[ListChoice, ...]:
    """All that a choice stands for."""
    return tuple(one for one in listed() if one.kind == choice.kind) if choice.partial else (choice,)


def laid_of(choices: tuple[ListChoice | None, ...], levels: int) -> Ints:
    """(k, 3) what is laid down about all lists, as a walk takes it."""
    rows = [[ANYTHING] * 3 if one is None else [ANYTHING if x is None else int(x) for x in one] for one in choices]
    return np.array(rows + [[ANYTHING] * 3] * (levels - len(rows)))


def stays_of(problem: Deep, choices: tuple[ListChoice | None, ...]) -> tuple[int, ...]:
    """Per list, the operand that needs a loop to stay over where no more is laid down; -1 for none.

    See `dse.mapper.deep.bounds.necessary.staying`. For the ifmap it is a loop over K, which single splits are asked
    for.
    """
    return (-1,) * len(choices) if problem.visits_pay else _stays_of(choices)


@lru_cache(maxsize=10_000)
def _stays_of(choices: tuple[ListChoice | None, ...]) -> tuple[int, ...]:
    return tuple(-1 if one is None or not one.partial or one.kind == IFMAP else one.kind for one in choices)


def nothing_of(problem: Deep) -> tuple[ListChoice | None, ...]:
    """Nothing laid down about the lists above the innermost level's, but that those between fan-outs have no loops."""
    nodes = problem.nodes[: problem.last]
    return tuple(ListChoice(NO_TRIPS) if problem.is_fan_out[node] else None for node in nodes)


@cache
def agreeing(forced: int, some: tuple[ListChoice, ...]) -> Bools:
    """(choices, 24) whether splits agree with each choice about a list, by what `Axis.loops` says of them.

    Parameters
    ----------
    forced : int
        The dim that the dataflow wants innermost in the list, -1 for none.

    Examples
    --------
    >>> agreeing(-1, (ListChoice(NO_TRIPS),))[0, 4 * K : 4 * K + 2].tolist()  # without a loop over K, and with one
    [True, False]
    """
    return np.array([
        np.logical_or.reduce([_agreeing(forced, part) for part in parts_of_choice(choice)]).ravel() for choice in some
    ])  # fmt: skip


@cache
def _agreeing(forced: int, choice: ListChoice) -> Bools:
    """(6, 4) the same of one choice about all that there is to say, by axis."""
    loops = {d: np.arange(4) >> which & 1 == 1 for dims in AXES for which, d in enumerate(dims)}
    keep = np.ones((6, 4), dtype=bool)
    if choice.kind == NO_TRIPS:
        # Groups reuse nothing and stand outside all kinds of order.
        without = [d for d in loops if d != G]
    else:
        without = [d for d in loops if choice.passing and d not in IRRELEVANT[choice.kind]]
    for a, dims in enumerate(AXES):
        for d in set(dims).intersection(without):
            keep[a] &= ~loops[d]
    if choice.kind == NO_TRIPS:
        return keep
    for a in (P, Q):
        moves = np.logical_or.reduce([loops[AXES[a][which]] for which in SLIDING[choice.kind]])
        if choice.slide == a:
            keep[a] &= moves
        elif choice.slide == NO_SLIDE and forced not in (N, C):
            keep[a] &= ~moves
    if choice.slide == NO_SLIDE or choice.kind == IFMAP:
        single = WITHOUT_SLIDE[choice.kind]
        keep[single] &= loops[single]
    return keep


def needed(problem: Deep, axes: list[Axis], level: int, choice: ListChoice) -> list[Bools]:
    """Per axis, which splits have no loops in the list of a part that may as well stand in the list right outside.

    A loop over a dim that what a level keeps does not have may move from the outermost place of its list to the
    innermost one outside: it then repeats the same transfers, unless the fan-out between unrolls the dim. All loops but
    those over which an operand stays that is kept further in, and those of the ifmap's slide, may be outermost; in the
    innermost list, all may, and so may all together, in their order. The merged loop must be tight, else the split
    stays.
    """
    keep = [np.ones(len(axis), dtype=bool) for axis in axes]
    ruled = level - 1 == problem.near and max(problem.stationary, problem.innermost) >= 0
    if level < 1 or ruled or problem.visits_pay:
        return keep
    if choice.kind == NO_TRIPS and level < problem.last and _comes_late(problem, level):
        return [~mine for mine in keep]
    of_level = problem.relevance[problem.kept[level] == 1].any(axis=0)
    kind, everything = choice.kind, level == problem.last
    if choice.passing:
        everything = not of_level[list(IRRELEVANT[kind])].any()
    stays = kind >= 0 and problem.kept[level + 1 : problem.last + 1, kind].any()
    inside = IRRELEVANT[kind] if stays and not everything else ()
    for a, dims in enumerate(AXES):
        for which, d in enumerate(dims):
            fixed = of_level[d] or d in inside or (a == choice.slide and not everything)
            if fixed or problem.in_list[level - 1, d] == 0 or problem.whole[level, d] == 1:
                continue
            chain = axes[a].chains[which]
            trips, product = chain[:, 2 * level], chain.prod(axis=1)
            merged = trips * chain[:, 2 * level - 2]
            stands_outside = (chain[:, 2 * level - 1] == 1) & (product // merged * (merged - 1) < problem.bounds[d])
            keep[a] &= (trips == 1) | ~stands_outside
    return keep


def _comes_late(problem: Deep, level: int) -> bool:
    """Whether a part without loops above the next one is a mapping that another order of the parts has, too."""
    mine, next_one = (tuple(problem.kept[k].tolist()) for k in (level, level + 1))
    if mine not in ORDER_OF_PARTS or next_one not in ORDER_OF_PARTS:
        return False
    return ORDER_OF_PARTS.index(mine) > ORDER_OF_PARTS.index(next_one)


def choices_of(problem: Deep, record: Ints) -> tuple[ListChoice | None, ...]:
    """What the orders of a record lay down about each list above the innermost level's."""
    orders, kinds = np.zeros((24, 8), dtype=np.int64), np.zeros((24, 2), dtype=np.int64)
    choices: list[ListChoice | None] = []
    for level, (trips, _, _, order) in enumerate(parts_of(record)[: problem.last]):
        near = level == problem.near
        rules = problem.stationary if near else -1, problem.innermost if near else -1
        count = list_orders(trips, *rules, orders, kinds)
        if problem.visits_pay:
            count = add_partial_stays(trips, *rules, orders, kinds, count)
        looping = trips > 1  # what comes from another search may have dims of one trip anywhere
        at = next(k for k in range(count) if np.array_equal(*(x[looping[x]] for x in (orders[k], order))))
        operand, slide = (int(x) for x in kinds[at])
        others = [d for d in range(8) if operand < 0 or d not in group_dims(operand)]
        passing = operand >= 0 and all(trips[d] == 1 for d in others)
        choices.append(ListChoice(operand, axis_of(slide), passing))
    return tuple(choices)
