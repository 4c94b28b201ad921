"""A search with a gap that bounds on stand-ins end, before the tables of all splits are made.

With three lists or more, tables take longest where bounds are large: those of a fully connected layer of 4,096 by 9,216
weights half a second. A table of stand-ins alone is some hundred splits long.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import exp, prod

from dse.mapper.deep.bounds.best import Best
from dse.mapper.deep.bounds.layer_spaces import spaces_of_draft
from dse.mapper.deep.bounds.left import only_left
from dse.mapper.deep.bounds.roots import look_at_clock_between
from dse.mapper.deep.bounds.stand_ins import (
    has_one_array,
    has_several_lists,
    lists_that_slide,
    may_stand_in,
    outer_lists,
)
from dse.mapper.deep.bounds.subproblem import Node, bounded
from dse.mapper.deep.drafts import Draft
from dse.mapper.deep.lists import nothing_of
from dse.mapper.deep.problem import Deep
from dse.mapper.deep.sketch.first import sketch_on
from dse.mapper.deep.tree import for_both
from dse.mapper.deep.tree.best_first import DIRECT, whole_spaces, with_cheapest
from dse.mapper.deep.tree.branching import Learned, by_operand, half_of, ways_to_cut
from dse.mapper.deep.tree.walks import surviving
from dse.problem.dims import P

MOST_PARTS = 60
"""How many parts a space of stand-ins is cut into at most."""

UNTRIED = 0.5
"""What ways to cut a space count with before they are tried (`dse.mapper.deep.tree.branching.Learned`), but for
shares of the innermost fan-out, which are tried first."""

REACHED = 0.15
"""How far above what bounds ask for, in logarithms, a mapping may be that others are sought beside: what is farther is
so for the bounds, and a better one ends no search."""

PROBED = 8
"""Splits of each axis whose combinations are looked through before."""


def may_be_closed(drafts: Sequence[Draft]) -> bool:
    """Whether there are stand-ins that may end a search, see `is_closed_at_once`."""
    return all(_has_stand_ins(draft.problem) for draft in drafts)


def is_closed_at_once(drafts: Sequence[Draft], best: Best) -> bool:
    """Whether bounds on stand-ins show that no mapping is better than the best one by more than the gap.

    They are those of `dse.mapper.deep.bounds.stand_ins`, while nothing is known of any list. It makes no difference
    whether tables of all splits are at hand: with a gap, an answer must not depend on what was searched before.

    Parameters
    ----------
    drafts : sequence of Draft
        All with stand-ins, see `may_be_closed`.
    best : Best
        With the best of what is soon sketched. More is sketched here where that does not do, until a mapping is as good
        as the bounds ask for.
    """
    made = []
    for draft in drafts:
        look_at_clock_between(len(drafts), best)
        made.append(spaces_of_draft(_coarse(draft)))
    spaces, later = [space for some, _ in made for space in some], [one for _, one in made if one is not None]
    if best.held == 0 or not all(map(may_stand_in, spaces)):
        for once in (True, False):
            sketch_on(drafts, best, 0.0, once=once)
        return False
    both = {id(space) for one in later for space in one.beside}
    roots = [(space, root) for space, root in whole_spaces(spaces, later, best) if root is not None]
    left = [for_both.of_both(root) if id(space) in both else root for space, root in roots]
    best.start_weights = dict(best.weights)  # those of stand-ins are nearly right for all splits
    by_lists = has_one_array(drafts[0].problem)
    if by_lists:
        left = [part for root in left for part in by_operand(root, best)]
    for once in (True, False):
        if not left:
            return True
        known, asked = best.target(), min(part.proven for part in left)
        if by_lists and not once and known - asked > REACHED:
            best.sketches = partial(sketch_on, drafts, best, 0.0)
            return False
        sketch_on(drafts, best, exp(asked) * (1 + best.gap), once=once)
        if best.target() < known:
            left = [part for one in left if (part := _bounded_again(one, best)) is not None]
        elif not once:
            return False
        if all(_has_nothing(part, best) for part in left):
            return True
    return False


def _bounded_again(part: Node, best: Best) -> Node | None:
    """The same part now that a better mapping is known, None where nothing in it improves any more."""
    if part.proven >= best.target():
        return None
    left = only_left(part, best.target())
    return bounded(left.space, left.choices, left.rows, left.weights, best, left.columns, mirror=left.mirror)


def _has_nothing(root: Node, best: Best) -> bool:
    """Whether a few parts of a space of stand-ins show that nothing in it improves, while nothing is known of any list.

    Its splits are cut in the ways of a long search, and the combinations of few splits are looked through. It ends as
    soon as some of these may improve; those of the cheapest splits are looked at first, with children that stand.
    """
    root = only_left(root, best.target())
    some = surviving(with_cheapest(root, PROBED), best)
    if some is not None and bounded(some.space, some.choices, some.rows, root.weights, best, root.columns) is not None:
        return False
    target, parts, learned, many = best.target(), [root], Learned(True), 1
    while parts:
        node = only_left(parts.pop(), target)
        if prod(map(len, node.rows)) <= DIRECT:
            if surviving(node, best) is not None:
                return False
            continue
        ways = ways_to_cut(node, half_of(node, 1e-7), best)
        # The innermost fan-out first: others have many parts, and are tried where its children say little.
        fans = sorted(way for way in ways if way < 0)
        for way in fans[1:]:
            learned.worth.setdefault(way, UNTRIED)
        cut = learned.best_of({way: ways[way] for way in fans}, node, best, target)
        if cut is None or (many := many + len(cut)) > MOST_PARTS:
            return False
        parts += sorted(cut, key=lambda part: -part.proven)
    return True


def _has_stand_ins(problem: Deep) -> bool:
    """Whether there are so many lists that it is worth while, and all loops may stand in the outermost one."""
    if problem.loose or problem.folds.any():  # as `may_stand_in` says of spaces, which are not made yet
        return False
    return has_several_lists(problem) and bool((problem.in_list[0] == 1)[problem.bounds > 1].all())


def _coarse(draft: Draft) -> Draft:
    """The same with stand-ins alone: no loops in the other lists above the innermost one."""
    return draft._replace(
        problem=_of_stand_ins(draft.problem), kindred=tuple(_of_stand_ins(problem) for problem in draft.kindred)
    )


def _of_stand_ins(problem: Deep) -> Deep:
    lists, in_list = outer_lists(nothing_of(problem)), problem.in_list.copy()
    in_list[1:lists, :P] = 0
    in_list[1 : lists_that_slide(problem, lists), P:] = 0
    return problem._replace(in_list=in_list)
