"""Mappings near the best one: a few splits of each axis, those that do best in place of its own, are tried together."""

from __future__ import annotations

from math import inf

import numpy as np

from dse.mapper.deep.bounds.best import Best
from dse.mapper.deep.bounds.subproblem import Node, Space
from dse.mapper.deep.lists import choices_of
from dse.mapper.deep.tree.exchange import rows_of
from dse.mapper.deep.tree.start import nearest, values_of
from dse.mapper.deep.tree.walks import walk_to
from dse.model.counting.kernel import Ints

EXCHANGED = 1_000
"""Splits that are tried around a mapping: those that do best in place of its own come first."""

PROBED = 24
"""Splits per axis that are looked through for a mapping before a subproblem is halved, where four axes have several."""

BEYOND = 0.8
"""How far beyond limits, in logarithms, a mapping may be with one split exchanged, for others to bring it back."""


def probed(rows: tuple[Ints, ...]) -> int:
    """How many splits of each axis are looked through: more where fewer axes have several."""
    several = sum(len(row) > 1 for row in rows)
    return round(PROBED ** (4 / max(2, min(4, several))))


def improved(spaces: list[Space], best: Best, known: float) -> float:
    """Exchange splits of the best mapping for as long as it gets better.

    Nothing is done unless it is better than `known`. Returns the target that is left.
    """
    while best.held > 0 and best.target() < known and not best.stop[0]:
        known = best.target()
        exchange_near(spaces, best, best.records[0])
    return min(known, best.target())


def exchange_near(spaces: list[Space], best: Best, record: Ints) -> None:
    """Look for a mapping among the splits, a few of each axis, that do best in place of those of a record."""
    mine = [part for space in spaces for part in (space.parts or (space,)) if part.mask == record[-1]]
    if not mine:
        return
    rows = rows_of(mine[0], record)
    space = next((one for one in mine if one.holds(rows)), mine[0])
    choices = choices_of(space.problem, record)
    columns = space.columns(choices)
    values, beyond = values_of(space, best, columns, rows)
    many = probed(space.rows)
    some = tuple(nearest(*both, many, BEYOND) for both in zip(values, beyond, strict=True))
    if all(map(len, some)):
        # As all are tried within the limit, their order counts alone; where nothing takes energy they are -inf.
        dearer = tuple(value[row] for row, value in zip(some, values, strict=True))
        walk_to(Node(space, choices, some, np.zeros(0), 0.0, dearer, columns), best, inf, EXCHANGED)
