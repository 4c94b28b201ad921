"""Spaces whose splits are listed in stages, as lists are laid down: see `dse.mapper.deep.splits.stages`.

Their tables belong to one search: what is listed depends on what it has left out. See docs/mapper/deep.md, "Splits in
stages".
"""

from __future__ import annotations

from collections.abc import Sequence

from dse.mapper.deep.bounds.finished import apart_by_sums
from dse.mapper.deep.bounds.kept import Shared, Tables
from dse.mapper.deep.bounds.layer_spaces import loose_levels
from dse.mapper.deep.bounds.spaces import space_of
from dse.mapper.deep.bounds.stand_ins import has_several_lists, may_stand_in, outer_lists
from dse.mapper.deep.bounds.subproblem import Space
from dse.mapper.deep.bounds.sums.steps import lay_down_fewest
from dse.mapper.deep.drafts import Draft
from dse.mapper.deep.lists import nothing_of
from dse.mapper.deep.problem import Deep
from dse.mapper.deep.splits.chains import any_tiles, count_chains
from dse.mapper.deep.splits.stages import staged_axes
from dse.problem.dims import P

LONG = 100_000
"""Splits of a layer from which on they are listed in stages. With fewer, more small tables take longer than one."""


def in_stages(drafts: Sequence[Draft]) -> list[Space] | None:
    """The spaces of a layer with stand-ins alone; None where splits are better listed at once, or have to be."""
    if not all(map(_may_be_staged, drafts)):
        return None
    spaces = []
    for draft in drafts:
        lists = outer_lists(nothing_of(draft.problem))
        axes = staged_axes(draft.problem, lists)
        tables = Tables(axes, *lay_down_fewest(draft.problem, axes), {}, {}, {}, Shared())
        space = space_of(draft.problem, draft.mask, tables=tables)
        spaces += [one.but(gathered=lists) for one in apart_by_sums(space)]
    return spaces if all(map(may_stand_in, spaces)) else None


def _may_be_staged(draft: Draft) -> bool:
    """Whether a draft has one space or some that nothing but C tells apart, three lists or more, and long axes."""
    problem = draft.problem
    lists = outer_lists(nothing_of(problem))
    if draft.kindred or loose_levels(draft.architecture) or problem.loose or problem.folds.any():
        return False
    if not has_several_lists(problem) or (problem.bounds[P:] > 1).any() or problem.whole[:lists].any():
        return False
    return bool((problem.in_list[0] == 1)[problem.bounds > 1].all()) and _many_splits(problem) >= LONG


def _many_splits(problem: Deep) -> int:
    most = float(LONG)  # more need not be counted
    return sum(
        int(count_chains(problem, d, any_tiles(problem, d), most=most)) for d in range(P) if problem.bounds[d] > 1
    )
