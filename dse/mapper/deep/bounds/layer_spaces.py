"""The spaces that are searched for a layer, and fewer that have all of their mappings, for bounds."""

from __future__ import annotations

from collections.abc import Sequence

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import Level
from dse.architecture.parts import in_parts
from dse.mapper.deep.bounds.finished import Returning, apart_by_sums, joined_spaces, returning_spaces
from dse.mapper.deep.bounds.spaces import narrowed, space_of
from dse.mapper.deep.bounds.subproblem import Space
from dse.mapper.deep.drafts import Bypasses, Draft, drafts_of
from dse.mapper.deep.problem import build, finishing, rooms_for_finished, without_limits
from dse.mapper.shared.mapspace.bypass import bypass_choices
from dse.mapper.shared.mapspace.places import Places
from dse.model.price import price
from dse.model.room import ways
from dse.problem.layer import Layer


def spaces_of(architecture: Architecture, layer: Layer, factors: str) -> tuple[list[Bypasses], list[Space]]:
    """What levels keep in each space to search, and these spaces."""
    choices, drafts = drafts_of(architecture, layer, factors)
    return choices, _spaces_of(drafts)


def _spaces_of(drafts: Sequence[Draft]) -> list[Space]:
    """The spaces of drafts.

    One of each choice of bypasses. Where finished psums are narrower it has the mappings in which psums come back from
    the outermost level; beside it are, of each choice, the spaces with only finished psums in some levels, together.
    Those alone are left where the outermost level takes finished psums only.
    """
    spaces: list[Space] = []
    for draft in drafts:
        finished, returning = spaces_of_draft(draft)
        spaces += (returning.spaces() if returning is not None else []) + finished
    return spaces


def spaces_of_draft(draft: Draft) -> tuple[list[Space], Returning | None]:
    """The spaces of a draft, but for those in which psums come back from the outermost level; and these, if any."""
    way = draft.architecture
    problem, mask = (draft.kindred[0], draft.masks[0]) if draft.kindred else (draft.problem, draft.mask)
    space = space_of(problem, mask, loose_levels(way))
    if not draft.kindred:
        return apart_by_sums(space), None
    kindred: list[Space] = []
    for problem, mask in zip(draft.kindred, draft.masks, strict=True):
        kindred += apart_by_sums(narrowed(space, problem, mask))
    spaces = joined_spaces(kindred)
    if way.levels[0].only_finished:
        return spaces, None
    return spaces, Returning(tuple(spaces), lambda: returning_spaces(space, draft.problem, draft.mask))


def wholes_of(architecture: Architecture, layer: Layer, factors: str) -> list[Space]:
    """Fewer spaces that have all mappings of `spaces_of`, for bounds; those come last in which psums come back.

    Spaces that differ in the levels to which only finished psums come are one here, with the least widths of any.
    """
    spaces: list[Space] = []
    returning: list[Space] = []
    for way in (way for machine in in_parts(architecture) for way in ways(machine)):
        prices, loose = price(way, layer), loose_levels(way)
        for mask, kept in enumerate(bypass_choices(way)):
            some = tuple(rooms_for_finished(way, layer, kept))
            space = space_of(build(way, layer, kept, prices, factors, returns=bool(some)), mask, loose)
            if some and not way.levels[0].only_finished:
                returning.append(space)
            each = [finishing(space.problem, way, layer, nodes, some[-1]) for nodes in some]
            spaces += apart_by_sums(narrowed(space, without_limits(each), mask) if some else space)
    return spaces + returning


def loose_levels(architecture: Architecture) -> tuple[int, ...]:
    """Parts of a level, from whose lists loops may move outwards (`dse.mapper.deep.lists.needed`); not above registers.

    Where psums are kept in a register, too, the order of loops that are irrelevant to them may matter.
    """
    if architecture.levels[-1].is_register:
        return ()
    nodes = [architecture.hierarchy[node] for node in Places.of(architecture).levels]
    return tuple(k for k, node in enumerate(nodes) if isinstance(node, Level) and node.part_of)
