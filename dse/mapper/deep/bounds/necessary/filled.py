"""Splits with which too few children are at work, once compute steps have a price. Compilable.

The best weights put what time counts on the fewest steps that are possible with each axis' split. Each of these lets
the other axes fill a fan-out as they like, and says nothing of whether all can at once. So the same weights are tried
with all of that on the compute steps themselves, and nothing on the room for a fan-out's children: which of these fit
beside one another is gone through then (`dse.mapper.deep.bounds.necessary.standing`).
"""

from __future__ import annotations

import numpy as np

from dse.mapper.deep.bounds.necessary.standing import CHILDREN, FanOuts, drop_on
from dse.mapper.deep.bounds.sums.records import ROUNDING, Alive, Terms
from dse.mapper.deep.bounds.weights.dual import AxisRoom, WeightSums, bound_of
from dse.model.counting.kernel import Floats, Ints

WORTH = 0.02
"""The least weight of the fewest steps with which this is tried."""


def drop_unfilled(
    tables: tuple[Floats, ...], chains: tuple[Ints, ...], terms: Terms, floors: Ints, fans: FanOuts, weights: Floats,
    enough: float, steps: Floats, alive: Alive,
) -> tuple[float, float]:  # fmt: skip
    """Drop the splits that, with steps priced, cost too much beside children of other axes that fit.

    Parameters
    ----------
    floors : (F, 3) int64
        As of `dse.mapper.deep.bounds.weights.family.Family`.
    weights : (T,) float
        The best ones known; prices are those by these in the end.
    enough : float
        What a bound must stay below.
    steps
        As of `dse.mapper.deep.bounds.weights.dual.Effort`.

    Returns
    -------
    bound, proven : float
        The bound of the weights over the splits that are left, and the best one found; infinite when nothing is left,
        and less than any where nothing was tried.
    """
    blocks, groups, widest, proven = len(terms.limits), terms.groups, 0, -np.inf
    for a in range(6):
        widest = max(widest, len(tables[a]))
    sums = WeightSums(np.zeros(blocks), np.zeros(blocks), np.zeros(groups + 1), np.zeros(groups + 1, dtype=np.int64))
    columns = AxisRoom(np.zeros((6, widest)), np.zeros(6))
    for fan in range(len(fans.level)):
        mine = weights.copy()
        if _put_on_steps(mine, floors, fans, fan) < WORTH:
            return proven, proven
        value = _priced_by(mine, tables, terms, steps, alive, columns, sums)
        most = enough - value + ROUNDING
        if most < 0.0:
            return np.inf, np.inf
        value += drop_on(chains, fans.level[fan], fans.sides[fan], fans.on_side[fan], alive, most, True)
        if value == np.inf:
            return np.inf, np.inf
        proven = max(proven, value)
    value = _priced_by(weights, tables, terms, steps, alive, columns, sums)
    return value, max(proven, value)


def _put_on_steps(weights: Floats, floors: Ints, fans: FanOuts, fan: int) -> float:
    """Put the weight of the fewest steps on the steps, and none on a fan-out's room; returns how much it is."""
    moved = 0.0
    for at in range(len(floors)):
        for t in range(floors[at, 1], floors[at, 2]):
            moved += weights[t]
            weights[floors[at, 0]] += weights[t]
            weights[t] = 0.0
    for other in range(len(fans.level)):
        for side in range(CHILDREN + 1):
            t = fans.terms[other, side]
            if t >= 0 and other == fan:
                weights[t] = 0.0
            elif t >= 0 and (side == CHILDREN or fans.terms[other, CHILDREN] < 0):
                # With less, the steps would be fewest where more children are on the other fan-outs than there are.
                weights[t] = max(weights[t], moved)
    return moved


def _priced_by(
    weights: Floats, tables: tuple[Floats, ...], terms: Terms, steps: Floats, alive: Alive, columns: AxisRoom,
    sums: WeightSums,
) -> float:  # fmt: skip
    """The bound that weights give, and each split's price by them."""
    value = bound_of(tables, terms, weights, steps, alive, columns, sums)
    for a in range(6):
        for i in range(alive.start[a], alive.end[a]):
            alive.reduced[i] -= columns.least[a]
    return float(value)
