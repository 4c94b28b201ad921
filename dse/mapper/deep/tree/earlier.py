"""What earlier searches of the same splits have found, and what a search leaves to later ones."""

from __future__ import annotations

import numpy as np

from dse.mapper.deep.bounds.best import Best
from dse.mapper.deep.bounds.kept import Begun, BestBefore, found_by, rules_of, splits_of
from dse.mapper.deep.bounds.subproblem import Space
from dse.mapper.deep.lists import choices_of
from dse.mapper.deep.problem import Deep
from dse.mapper.deep.tree.exchange import rows_of
from dse.mapper.deep.tree.improve import exchange_near
from dse.mapper.deep.tree.walks import price
from dse.mapper.shared.incumbent import LATENCY


def remembered(spaces: list[Space], kind: int) -> list[BestBefore]:
    """What earlier searches of the same splits have found; for the fastest, only what is one of the fastest there."""
    each = [item for space in spaces for item in found_by(space.problem).items()]
    kept = {id(one): one for of, one in each if kind != LATENCY or of == LATENCY}
    return list(kept.values())


def remember(spaces: list[Space], best: Best) -> None:
    """Keep the best mapping for the next search of the same splits."""
    problem, found = _found(spaces, best)
    found_by(problem)[best.kind] = found


def begun_by(spaces: list[Space], best: Best) -> Begun:
    """Where searches of other problems with the same splits may begin."""
    problem, found = _found(spaces, best)
    return Begun(found, best.weights, splits_of(problem))


def taken_over(spaces: list[Space], begun: Begun) -> list[BestBefore]:
    """The mapping that others begin at, if this problem has the same splits."""
    problems = (part.problem for space in spaces for part in (space.parts or (space,)) if part.mask == begun.found.mask)
    return [begun.found] if any(splits_of(problem) == begun.splits for problem in problems) else []


def take_up(spaces: list[Space], best: Best, found: BestBefore) -> None:
    """Price a mapping that another search has found; where it does not fit, some with other splits in their place."""
    mine = [part for space in spaces for part in (space.parts or (space,)) if part.mask == found.mask]
    if not mine or rules_of(mine[0].problem) != found.rules:
        return
    for part in mine:
        price(part, found.rows[None], found.choices, best)
    if best.held == 0:
        exchange_near(spaces, best, found.record)


def _found(spaces: list[Space], best: Best) -> tuple[Deep, BestBefore]:
    """The best mapping, and the problem that it is one of."""
    record = best.records[0].copy()
    space = next(part for space in spaces for part in (space.parts or (space,)) if part.mask == record[-1])
    problem, rows = space.problem, np.array(rows_of(space, record))
    return problem, BestBefore(int(record[-1]), rules_of(problem), rows, choices_of(problem, record), record)
