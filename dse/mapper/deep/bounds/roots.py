"""Whole spaces as subproblems, with which a search begins."""

from __future__ import annotations

from math import inf

import numpy as np

from dse.mapper.deep.bounds.best import Best
from dse.mapper.deep.bounds.mirror import PLAIN, WHOLE
from dse.mapper.deep.bounds.stand_ins import lists_of_stand_ins, lists_on
from dse.mapper.deep.bounds.subproblem import AT_ONCE, Node, Space, bounded, even_weights
from dse.mapper.deep.bounds.weights.dual import WARM
from dse.mapper.deep.bounds.weights.newton import HOT
from dse.mapper.deep.lists import nothing_of
from dse.mapper.deep.splits.gathered import stand_ins_of
from dse.mapper.shared.stopping import look_at_clock


def look_at_clock_between(many: int, best: Best | None) -> None:
    """Raise `OutOfTimeError` where a search has enough of so many spaces, between one that is made or bounded and the
    next."""
    if best is not None and best.has_enough_of(many):
        look_at_clock(inf)


def root_of(space: Space, best: Best) -> Node | None:
    """A whole space as a subproblem, None when nothing in it improves."""
    if not all(map(len, space.rows)):
        return None
    look_at_clock(sum(map(len, space.rows)))
    problem = space.problem
    key = (best.kind, best.until < inf, problem.returns, problem.never_finished.tobytes(), problem.kept.tobytes())
    # A gap's search ends with what it comes to first, so nothing may lead it that another order of work changes.
    known = (space.weights if best.start_weights is None else best.start_weights).get(key)
    begun = best.warm or best.start_weights is not None
    warm = known is not None and begun and np.array_equal(known[0], space.block)
    weights = known[1] if known is not None and warm else even_weights(space, best)
    mirror, heat = PLAIN if space.twins is None else WHOLE, WARM if warm else HOT
    lists, rows = lists_of_stand_ins(space), space.rows
    if lists > 0 and space.gathered == AT_ONCE:
        rows = tuple(
            stand_ins_of(axis, mine, lists_on(space, axis, lists)) for axis, mine in zip(space.axes, rows, strict=True)
        )  # fmt: skip
    node = bounded(space, nothing_of(problem), rows, weights, best, None, heat, mirror, lists)
    if node is not None:
        space.weights[key] = best.weights[key] = space.block, node.weights
    return node
