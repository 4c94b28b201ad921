"""Ways to fill the fan-outs with which a layer takes few steps, for sketches that are to be fast. Compilable."""

from __future__ import annotations

import numpy as np

from dse.mapper.deep.problem import Deep
from dse.mapper.deep.sketch.estimate import PLACES
from dse.mapper.shared.mapspace.factors import ceil_div
from dse.model.counting.kernel import Floats, Ints, entry

MOST_WAYS = 12
"""Ways that are kept after each side of a fan-out, those with fewest steps."""


@entry
def spread_out(dp: Deep, most: Ints) -> Ints:
    """Some ways to spread a layer's dims over all fan-outs, fewest steps first: at most two dims more on each side.

    Of ways that take as many steps, some are taken without an order, so that they are not all alike.

    Parameters
    ----------
    dp : Deep
    most : (8, 3 * k) int64
        The largest factor of each dim at each place, see `dse.mapper.deep.sketch.moves.Moves`.

    Returns
    -------
    (n, 8, 3 * k) int64
        Factors of each dim on the rows and columns of each level; all others are one.

    Examples
    --------
    >>> import dse
    >>> from dse.mapper.deep.drafts import drafts_of
    >>> from dse.mapper.deep.sketch.moves import moves_of
    >>> edge_npu = dse.load_architecture("edge_npu")
    >>> problem = drafts_of(edge_npu, edge_npu.lowered(dse.Layer("fc", K=32, C=64)), "all")[1][0].problem
    >>> float(steps_of(problem, spread_out(problem, moves_of(problem).most)[0]))
    2.0
    """
    slots = most.shape[1]
    ways, others = np.ones((MOST_WAYS, 8, slots), dtype=np.int64), np.ones((MOST_WAYS, 8, slots), dtype=np.int64)
    steps, marks, count = np.zeros(MOST_WAYS), np.zeros(MOST_WAYS, dtype=np.int64), 1
    for slot in range(slots):
        level, side = slot // PLACES, slot % PLACES - 1
        if side < 0 or dp.fans[level] < 0 or dp.sides[level, side] == 1:
            continue
        size, before, count = dp.sides[level, side], count, 0
        for at in range(before):
            for first in range(8):
                for factor in range(1, min(size, most[first, slot]) + 1):
                    for second in range(8):
                        rest = min(size // factor, most[second, slot]) if second != first else 1
                        if (factor == 1 and second > first) or (rest == 1 and second != first):
                            continue
                        way = ways[at]
                        way[first, slot] = factor
                        way[second, slot] = way[second, slot] if second == first else rest
                        count = _noted(dp, way, others, steps, marks, count)
                        way[first, slot], way[second, slot] = 1, 1
        ways, others = others, ways
    return ways[:count]


def steps_of(dp: Deep, way: Ints) -> float:
    """How many steps a layer takes at least when it is spread in one way.

    Parameters
    ----------
    way : (8, 3 * k) int64
    """
    steps = 1.0
    for d in range(8):
        steps *= ceil_div(dp.bounds[d], _children(way[d]))
    return steps


def _children(factors: Ints) -> int:
    children = 1
    for slot in range(len(factors)):
        children *= factors[slot]
    return children


def _noted(dp: Deep, way: Ints, ways: Ints, steps: Floats, marks: Ints, count: int) -> int:
    """Put a way among the best ones, if it is one; returns how many these are then."""
    mine, mark = steps_of(dp, way), 1
    for d in range(8):
        children = _children(way[d])
        if dp.perfect and dp.bounds[d] % children != 0:
            return count
        mark = (mark * 48_271 + children) % 2_147_483_647
    place = count
    for at in range(count):
        if marks[at] == mark and steps[at] == mine:
            return count
        if place == count and (mine < steps[at] or (mine == steps[at] and mark < marks[at])):
            place = at
    if place == len(steps):
        return count
    count = min(count + 1, len(steps))
    for at in range(count - 1, place, -1):
        steps[at], marks[at] = steps[at - 1], marks[at - 1]
        for d in range(8):
            for slot in range(way.shape[1]):
                ways[at, d, slot] = ways[at - 1, d, slot]
    steps[place], marks[place] = mine, mark
    for d in range(8):
        for slot in range(way.shape[1]):
            ways[place, d, slot] = way[d, slot]
    return count
