"""A search with a gap that bounds on stand-ins end, before the tables of all splits are made.

With three lists or more, tables take longest where bounds are large: those of a fully connected layer of 4,096 by 9,216
weights half a second. A table of stand-ins alone is some hundred splits long.
"""

from __future__ import annotations

from collections.abc import Sequence

from dse.mapper.deep.bounds.best import Best
from dse.mapper.deep.bounds.layer_spaces import spaces_of_draft
from dse.mapper.deep.bounds.stand_ins import has_several_lists, lists_that_slide, may_stand_in, outer_lists
from dse.mapper.deep.drafts import Draft
from dse.mapper.deep.lists import nothing_of
from dse.mapper.deep.problem import Deep
from dse.mapper.deep.tree.best_first import is_closed
from dse.problem.dims import P


def is_closed_at_once(drafts: Sequence[Draft], best: Best) -> bool:
    """Whether bounds on stand-ins show that no mapping is better than the best one by more than the gap.

    They are those of `dse.mapper.deep.bounds.stand_ins`, while nothing is known of any list. It makes no difference
    whether tables of all splits are at hand: with a gap, an answer must not depend on what was searched before.
    """
    if best.held == 0 or not all(_has_stand_ins(draft.problem) for draft in drafts):
        return False
    made = [spaces_of_draft(_coarse(draft)) for draft in drafts]
    spaces, later = [space for some, _ in made for space in some], [one for _, one in made if one is not None]
    return all(map(may_stand_in, spaces)) and is_closed(spaces, later, best)


def _has_stand_ins(problem: Deep) -> bool:
    """Whether there are so many lists that it is worth while, and all loops may stand in the outermost one."""
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
