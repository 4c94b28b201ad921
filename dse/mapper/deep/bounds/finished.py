"""Kindred spaces with no mapping in common: by how far in psums come finished.

Kindred spaces differ in the levels to which only finished psums come (`dse.mapper.deep.problem.rooms_for_finished`),
and each has those of the space before it and more. A mapping with all psums finished in the levels of one space is a
mapping of the spaces before it as well. Here each mapping is left to the last space that has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from dse.mapper.deep.bounds.mirror import CLOSED, PLAIN, part_of
from dse.mapper.deep.bounds.spaces import narrowed
from dse.mapper.deep.bounds.subproblem import Space
from dse.mapper.deep.lists import Bools, ListChoice
from dse.mapper.deep.problem import Deep, spreads_that_add_up, without_limits
from dse.model.counting.kernel import Ints
from dse.problem.dims import PSUM, C, P, Q, R, S

Rows = tuple[Ints, ...]

SUMMED = (C, P, Q)
"""Axes with the dims that a psum is summed over."""

ONCE = 1e-9
"""Logarithm up to which a count is one."""


@dataclass(slots=True, eq=False)
class Returning:
    """Spaces of mappings in which psums come back from the outermost level, to be made when they are needed.

    Parameters
    ----------
    beside : tuple of Space
        Those of the other mappings with the same bypasses. Bounds on these hold for both, see `allowing_returns`.
    make
        Makes the spaces.
    made : list of Space or None
        What it has made.
    """

    beside: tuple[Space, ...]
    make: Callable[[], list[Space]]
    made: list[Space] | None = None

    def spaces(self) -> list[Space]:
        """The spaces, made at the first call."""
        if self.made is None:
            self.made = self.make()
        return self.made


def returning_spaces(space: Space, problem: Deep, mask: int) -> list[Space]:
    """The spaces of mappings in which psums come back from the outermost level, made of one beside them.

    Where psums are summed over channels alone, splits of these without trips outside what comes back are left out.
    """
    returning = narrowed(space, problem, mask)
    if returning.words.returning and problem.bounds[R] == problem.bounds[S] == 1:
        one = next(one for one in space.crossings if one.operand == PSUM)
        axis, rows = space.axes[C], returning.rows
        counts = axis.column(("count", C, one.child, one.views[one.up]))
        often = axis.table()[counts][rows[C]] > ONCE
        returning = returning.but(rows=tuple(row[often] if a == C else row for a, row in enumerate(rows)))
    return apart_by_sums(returning)


def apart_by_sums(space: Space) -> list[Space]:
    """The same mappings in spaces that differ in the levels whose psums are never finished, by where C is spread.

    Where a sum is spread over instances, none of its psums is finished in them, and costs what unfinished ones do.
    Splits over several fan-outs that add up psums, or over one of them, may have the same such levels: they are in one
    space. So spaces with the same levels have the same splits.
    """
    spreads, axis, rows = list(spreads_that_add_up(space.problem)), space.axes[C], space.rows[C]
    if not spreads:
        return [space]
    # Few ways to be spread or not over each of these, and many splits: so the ways are told apart, not the splits.
    ways = np.zeros(len(rows), dtype=np.int64)
    for i, (level, _) in enumerate(spreads):
        ways |= (axis.children(level)[rows] > 1).astype(np.int64) << i
    never = np.tile(space.problem.never_finished, (1 << len(spreads), 1))
    for i, (_, inside) in enumerate(spreads):
        never[np.arange(len(never)) >> i & 1 == 1] |= inside
    there = np.bincount(ways, minlength=len(never)) > 0
    spaces = []
    for mine in np.unique(never[there], axis=0)[::-1]:
        if not (mine & space.problem.only_finished).any():
            some = (never == mine).all(axis=1)[ways]
            spaces.append(narrowed(
                space, space.problem._replace(never_finished=mine), space.mask,
                tuple(row[some] if a == C else row for a, row in enumerate(space.rows)),
            ))  # fmt: skip
    return spaces


def joined_spaces(spaces: list[Space]) -> list[Space]:
    """Kindred spaces with the same splits as parts of one, which has the limits that all of them have."""
    found = []
    for kind in dict.fromkeys(tuple(space.problem.never_finished) for space in spaces):
        mine = tuple(space for space in spaces if tuple(space.problem.never_finished) == kind)
        problem = without_limits([space.problem for space in mine])
        found.append(narrowed(mine[0], problem, mine[0].mask).but(parts=mine) if len(mine) > 1 else mine[0])
    return found


def told_apart(
    parts: tuple[Space, ...], choices: tuple[ListChoice | None, ...], rows: Rows, mirror: int = PLAIN
) -> Iterator[tuple[Space, tuple[Bools, ...], int]]:
    """Each part with the splits that its own mappings can have; no mapping has its splits in two of what comes.

    How often a psum comes to a level is a product of counts of the axes. It comes finished where each of them is one,
    and not where one is more. The counts are exact once all lists are laid down, and at most as large as the truth
    before, or where psums may rest over a part of their loops: there nothing is said of what is not finished.

    Parameters
    ----------
    mirror
        What is known of images, see `dse.mapper.deep.bounds.mirror`. Where all are here, those of what is left to Q are
        in what is left to P, so it does not come.

    Yields
    ------
    part, tuple of (n,) bool, and int
        Per axis, which of the rows, at least one of each; and what is known of their images.
    """
    exact = not any(choice is None or (choice.partial and choice.kind == PSUM) for choice in choices)
    exact = exact and not any(space.problem.visits_pay for space in parts)
    kept = [np.ones(len(row), dtype=bool) for row in rows]
    for space, following in zip(parts, [*parts[1:], None], strict=True):
        for a, mine in _once(space, choices, rows, space.problem.only_finished).items():
            kept[a] = kept[a] & mine
        if not all(mask.any() for mask in kept):
            return  # nor is anything finished further in
        if following is None or not exact:
            yield space, tuple(kept), mirror
            continue
        # Not finished in the next level: more than one visit on the first axis, or on one of those after it.
        for a, mine in _once(space, choices, rows, following.problem.only_finished).items():
            some = kept[a] & ~mine
            if some.any() and all(mask.any() for mask in kept) and not (mirror == CLOSED and a == Q):
                yield space, (*kept[:a], some, *kept[a + 1 :]), part_of(mirror, even=a == C)
            kept[a] = kept[a] & mine


def _once(space: Space, choices: tuple[ListChoice | None, ...], rows: Rows, levels: Ints) -> dict[int, Bools]:
    """Which splits bring each psum once to all of some levels, of the axes where not all do."""
    inner = [k for k, one in enumerate(space.crossings) if one.operand == PSUM and levels[one.parent]]
    if not inner:
        return {}
    # What comes to a level once comes once to all outside it.
    columns, _ = space.words_of(inner[-1], choices)
    at = columns[space.crossings[inner[-1]].up]
    return {a: space.axes[a].table()[at[a]][rows[a]] <= ONCE for a in SUMMED if at[a] > 0}
