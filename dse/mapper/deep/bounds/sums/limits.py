"""The limits on a mapping, room of levels and sides of fan-outs, as terms of bounds."""

from __future__ import annotations

from math import inf, log
from typing import NamedTuple

import numpy as np

from dse.mapper.deep.bounds.sums.crossings import Crossing, Term
from dse.mapper.deep.bounds.sums.objective import of_all, tile_of
from dse.mapper.deep.bounds.sums.records import FIRST_LIMIT, NO_LIMIT
from dse.mapper.deep.bounds.sums.terms import NO_GROUP
from dse.mapper.deep.problem import Deep
from dse.mapper.deep.splits.axes import Key
from dse.model.counting.kernel import Floats
from dse.model.price import SHARED
from dse.problem.dims import IFMAP, PSUM, WEIGHT


class LimitTerms(NamedTuple):
    """Terms of one block for each limited capacity or side, which no size of a capacity changes.

    Parameters
    ----------
    terms : list of Term
    logs : (len(terms),) float
        Logarithms of their coefficients.
    rooms : list of (int, int)
        Level and partition of each limited capacity, the first blocks.
    others : list of float
        The logarithm of the limit of each other block.
    """

    terms: list[Term]
    logs: Floats
    rooms: list[tuple[int, int]]
    others: list[float]

    def of(self, dp: Deep) -> Floats:
        """The logarithm of each block's limit, for the capacities of a problem."""
        rooms = dp.capacity.tolist()
        mine = [log(max(rooms[level][which], 1e-9)) for level, which in self.rooms]
        return np.array([0.0] * FIRST_LIMIT + mine + self.others)


def limits_on(dp: Deep, crossings: list[Crossing]) -> LimitTerms:
    """The limits on the mappings of a problem."""
    terms: list[Term] = []
    found: list[tuple[int, int]] = []
    keeps, rooms, widths = dp.kept.tolist(), dp.capacity.tolist(), dp.bits.tolist()
    for level in range(1, len(widths)):
        for which in (IFMAP, WEIGHT, PSUM, SHARED):
            held = [o for o in (IFMAP, WEIGHT, PSUM) if keeps[level][o] and which in (o, SHARED)]
            if rooms[level][which] < inf and held:
                block = FIRST_LIMIT + len(found)
                terms += [Term(float(widths[level][o]), block, NO_GROUP, extra=tile_of(o, level, -1)) for o in held]
                found.append((level, which))
    others: list[float] = []
    first = FIRST_LIMIT + len(found)
    for k, c in enumerate(crossings):
        if c.operand == PSUM and dp.may_finish[c.parent]:
            # Each psum comes once.
            terms.append(Term(1.0, first + len(others), NO_GROUP, k, c.up))
            others.append(log(float(dp.words[PSUM])) if dp.only_finished[c.parent] else NO_LIMIT)
    two_sided = (dp.on_side.sum(axis=1) > 1).any(axis=1)  # else each dim has a side, and both sides say it all
    for i, (rows, cols) in enumerate(dp.sides.tolist()):
        columns: list[tuple[Key, int]] = [(("side", i, 0), rows), (("side", i, 1), cols)]
        if two_sided[i]:
            columns.append((("children", i), rows * cols))
        for key, most in columns:
            if dp.fans[i] >= 0 and most > 1:
                terms.append(Term(1.0, first + len(others), NO_GROUP, extra=of_all(*key)))
                others.append(log(float(most)))
    return LimitTerms(terms, np.log([term.coefficient for term in terms]), found, others)
