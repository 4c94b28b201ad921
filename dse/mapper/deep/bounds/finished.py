"""Kindred spaces with no mapping in common: by how far in psums come finished.

Kindred spaces differ in the levels to which only finished psums come (`dse.mapper.deep.problem.rooms_for_finished`),
and each has those of the space before it and more. A mapping with all psums finished in the levels of one space is a
mapping of the spaces before it as well. Here each mapping is left to the last space that has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dse.mapper.deep.lists import Bools, Choice
from dse.model.counting.kernel import Ints
from dse.problem.dims import PSUM, C, P, Q

if TYPE_CHECKING:
    from dse.mapper.deep.bounds.subproblem import Space

Rows = tuple[Ints, ...]

SUMMED = (C, P, Q)
"""Axes with the dims that a psum is summed over."""

ONCE = 1e-9
"""Logarithm up to which a count is one."""


def told_apart(
    parts: tuple[Space, ...], choices: tuple[Choice | None, ...], rows: Rows
) -> Iterator[tuple[Space, Rows]]:
    """Each part with the splits that its own mappings can have; no mapping has its splits in two of what comes.

    How often a psum comes to a level is a product of counts of the axes. It comes finished where each of them is one,
    and not where one is more. The counts are exact once all lists are laid down, and at most as large as the truth
    before, or where psums may rest over a part of their loops: there nothing is said of what is not finished.
    """
    exact = None not in choices and not any(space.problem.visits_pay for space in parts)
    for space, following in zip(parts, [*parts[1:], None], strict=True):
        mine = _once(space, choices, rows, space.problem.only_finished)
        kept = tuple(row[mine[a]] if a in mine else row for a, row in enumerate(rows))
        if not all(map(len, kept)):
            return  # nor is anything finished further in
        if following is None or not exact:
            yield space, kept
            continue
        # Not finished in the next level: more than one visit on the first axis, or on one of those after it.
        further = _once(space, choices, kept, following.problem.only_finished)
        for a in further:
            yield space, tuple(row[~further[a]] if x == a else row for x, row in enumerate(kept))
            kept = tuple(row[further[a]] if x == a else row for x, row in enumerate(kept))


def _once(space: Space, choices: tuple[Choice | None, ...], rows: Rows, levels: Ints) -> dict[int, Bools]:
    """Which splits bring each psum once to all of some levels, of the axes where not all do."""
    inner = [k for k, one in enumerate(space.crossings) if one.operand == PSUM and levels[one.parent]]
    if not inner:
        return {}
    # What comes to a level once comes once to all outside it.
    columns, _ = space.words_of(inner[-1], choices)
    at = columns[space.crossings[inner[-1]].up]
    return {a: space.axes[a].table()[at[a]][rows[a]] <= ONCE for a in SUMMED if at[a] > 0}
