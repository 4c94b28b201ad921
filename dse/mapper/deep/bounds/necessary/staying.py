"""Splits that leave an operand nothing to stay over in a list in which it is laid down to stay. Compilable.

Weights stay over loops of N, P and Q, psums over those of C, R and S. Where no more is laid down of some lists than the
operand that stays, each of them must have such a loop, and any axis may have it. So of all axes' splits together the
least price is sought with which every list has one.
"""

from __future__ import annotations

import numpy as np

from dse.mapper.deep.bounds.necessary.dropping import drop_some
from dse.mapper.deep.bounds.sums.records import Alive
from dse.model.counting.kernel import Floats, Ints
from dse.problem.dims import WEIGHT, C, N, P

MOST_LISTS = 6
"""Lists that are looked at together, the outermost ones: there are two to the power of them sets of lists."""


def drop_unstaying(chains: tuple[Ints, ...], stays: Ints, alive: Alive, most: float) -> bool:
    """Drop the splits with which prices add up to too much once each list has a loop that its operand stays over.

    Parameters
    ----------
    chains : 6 x (n, 2, 2 * k) int32
        Trips and children of each of k levels, for both dims of each axis.
    stays : (lists,) int64
        The operand, weights or psums, that needs a loop to stay over in each list, -1 for none.
    alive
        What is left of it, in place; `reduced` is above the least of each axis.
    most : float
        What the prices of a mapping's splits may add up to.

    Returns
    -------
    bool
        False when no mapping is left.
    """
    count = 0
    levels = np.zeros(MOST_LISTS, dtype=np.int64)
    for level in range(len(stays)):
        if stays[level] >= 0 and count < MOST_LISTS:
            levels[count] = level
            count += 1
    if count == 0:
        return True
    # A set of lists is a number with a bit for each.
    sets = 1 << count
    mine, least = np.zeros(alive.end[5], dtype=np.int64), np.full((6, sets), np.inf)
    for a in range(6):
        for i in range(alive.start[a], alive.end[a]):
            for at in range(count):
                mine[i] |= _has_loop(chains[a], alive.rows[i], a, stays[levels[at]], levels[at]) << at
            least[a, mine[i]] = min(least[a, mine[i]], alive.reduced[i])
    before, after = np.full((7, sets), np.inf), np.full((7, sets), np.inf)
    before[0, 0], after[6, 0] = 0.0, 0.0
    for a in range(6):
        _cover(before[a], least[a], before[a + 1])
        _cover(after[6 - a], least[5 - a], after[5 - a])
    if after[0, sets - 1] > most:
        return False
    left = True
    for a in range(6):
        left = left and drop_some(alive, a, mine, _of_others(before[a], after[a + 1]), most)
    return left


def _has_loop(chains: Ints, row: int, a: int, operand: int, level: int) -> int:
    """1 where a split has a loop in a list over a dim that the operand lacks."""
    single, of_pair = (N, 0) if operand == WEIGHT else (C, 1)
    if a < P:
        return int(a == single and chains[row, 0, 2 * level] > 1)
    return int(chains[row, of_pair, 2 * level] > 1)


def _cover(some: Floats, least: Floats, out: Floats) -> None:
    """The least that it takes some axes and one more to have loops in all lists of each set, and maybe in others.

    Parameters
    ----------
    some : (sets,) float
        The same without the axis.
    least : (sets,) float
        The least price of a split of the axis that has loops in a set of lists and in no others.
    """
    for wanted in range(len(out)):
        for mine in range(len(out)):
            if least[mine] < np.inf:
                out[wanted] = min(out[wanted], least[mine] + some[wanted & ~mine])


def _of_others(before: Floats, after: Floats) -> Floats:
    """What the axes before and after one need at least, by the lists that this one has loops in."""
    sets = len(before)
    least = np.full(sets, np.inf)
    for mine in range(sets):
        wanted = (sets - 1) & ~mine
        for some in range(sets):
            if some & mine == 0:
                least[mine] = min(least[mine], before[some] + after[wanted & ~some])
    return least


