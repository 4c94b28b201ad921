"""Orders of a loop list: the few that can be best. Compilable like the model.

Each of N, K, C, P, Q, R, S is irrelevant to exactly one operand. Which operand has its irrelevant loops innermost, and
over which dim the ifmap then slides, is all that an order decides (docs/mapper/orders.md has the proof), so at
most a handful of orders per list have to be priced.
"""

from __future__ import annotations

from dse.model.counting.kernel import Ints
from dse.problem.dims import IFMAP, PSUM, WEIGHT, C, G, K, N, P, Q, R, S


def group_dims(operand: int) -> tuple[int, int, int]:
    """The dims that an operand does not have, -1 where there are fewer than three.

    Examples
    --------
    >>> [group_dims(operand) for operand in (IFMAP, WEIGHT, PSUM)]
    [(2, -1, -1), (1, 4, 5), (3, 6, 7)]
    """
    if operand == IFMAP:
        return K, -1, -1
    if operand == WEIGHT:
        return N, P, Q
    return C, R, S


def list_orders(trips: Ints, stationary: int, innermost: int, out: Ints, kinds: Ints) -> int:
    """The orders of a list that can be best.

    Parameters
    ----------
    trips : (8,)
        Trips of the list per dim.
    stationary : int
        Operand whose relevant loops must lie outside all others of this list, -1 for no such rule.
    innermost : int
        Dim that must be innermost when it has more than one trip, -1 for no such rule.
    out : (24, 8)
        Filled: dims from the innermost loop outwards, G last.
    kinds : (24, 2)
        Filled: the operand whose irrelevant loops are innermost (-1 when no loop has trips), and the dim that the
        ifmap can slide on (-1 for none).

    Returns
    -------
    int
        How many orders; 0 when the rules contradict each other.

    Examples
    --------
    Loops over K and C: either psums stay in place (C innermost) or the ifmap does (K innermost).

    >>> import numpy as np
    >>> out, kinds = np.zeros((24, 8), int), np.zeros((24, 2), int)
    >>> number = list_orders(np.array([1, 1, 4, 3, 1, 1, 1, 1]), -1, -1, out, kinds)
    >>> [(int(out[i, 0]), int(kinds[i, 0])) for i in range(number)]
    [(2, 0), (3, 2)]
    """
    count = 0
    forced = innermost if innermost >= 0 and trips[innermost] > 1 else -1
    bound_operand = -1
    if stationary >= 0:
        for d in group_dims(stationary):
            if d >= 0 and trips[d] > 1:
                bound_operand = stationary
    for operand in range(3):
        if bound_operand >= 0 and operand != bound_operand:
            continue
        group = group_dims(operand)
        if operand == IFMAP:
            if trips[K] == 1 or (forced >= 0 and forced != K):
                continue
            slid = 0
            for x in range(P, S + 1):
                if trips[x] > 1:
                    count = _write(out, kinds, count, K, x, -1, operand, x)
                    slid += 1
            if slid == 0:
                count = _write(out, kinds, count, K, -1, -1, operand, -1)
            continue
        slid = 0
        for x in (group[1], group[2]):
            if trips[x] > 1 and (forced < 0 or forced == x):
                other = group[1] + group[2] - x
                count = _write(out, kinds, count, x, group[0], other, operand, x)
                slid += 1
        x = group[0]
        if trips[x] > 1 and (forced == x or (forced < 0 and slid == 0)):
            count = _write(out, kinds, count, x, group[1], group[2], operand, -1)
    if count == 0:
        for d in range(N, S + 1):
            if trips[d] > 1:
                return 0  # the two rules contradict each other
        count = _write(out, kinds, count, -1, -1, -1, -1, -1)
    return count


def add_partial_stays(trips: Ints, stationary: int, innermost: int, out: Ints, kinds: Ints, count: int) -> int:
    """Add the orders that can be best where more visits of psums may cost less: those in which psums rest over a part.

    Psums then rest over the loops of some of C, R and S only, innermost x among them, or over none.

    Parameters
    ----------
    trips, stationary, innermost, out, kinds
        As for `list_orders`, which has filled `count` rows. An order in which the ifmap slides on neither R nor S,
        though one has trips, is said to slide on one: that bounds its words from below.

    Returns
    -------
    int
        How many orders there are now, at most 24.

    Examples
    --------
    Loops over G and C where more visits may cost less: G alone innermost, over which no psum stays, joins.

    >>> import numpy as np
    >>> out, kinds, trips = np.zeros((24, 8), int), np.zeros((24, 2), int), np.array([2, 1, 1, 3, 1, 1, 1, 1])
    >>> count = list_orders(trips, -1, -1, out, kinds)
    >>> count, add_partial_stays(trips, -1, -1, out, kinds, count), out[:2, 0].tolist()
    (1, 2, [3, 0])
    """
    forced = innermost if innermost >= 0 and trips[innermost] > 1 else -1
    if stationary >= 0:
        for d in group_dims(stationary):
            if d >= 0 and trips[d] > 1:
                return count
    if forced >= 0 and forced != C and forced != R and forced != S:
        return count
    mover = -1
    for d in (G, Q, P, N, K):
        if trips[d] > 1:
            mover = d
    if mover < 0:
        return count
    slide = R if trips[R] > 1 else S if trips[S] > 1 else -1
    every = (trips[C] > 1) * 1 + (trips[R] > 1) * 2 + (trips[S] > 1) * 4
    for x in (C, R, S):
        own = 1 if x == C else 2 if x == R else 4
        if trips[x] == 1 or (forced >= 0 and forced != x):
            continue
        for rests in range(1, every):
            # C innermost, where R or S rests as well, is no better than one of these innermost.
            if rests & own and rests & every == rests and (x != C or rests == own or forced == C):
                on = x if x != C else -1 if forced == C else slide
                count = _write_part(out, kinds, count, x, rests, mover, on)
    if mover == G and every > 0 and forced < 0:
        count = _write_part(out, kinds, count, -1, 0, G, slide)
    return count


def _write_part(out: Ints, kinds: Ints, row: int, x: int, rests: int, mover: int, slide: int) -> int:
    """Write an order: x, the others of C, R and S (bits) over which psums rest, a loop that moves them, the rest."""
    place = 0
    for turn in range(3):
        for d in range(8):
            inside = (d == C and rests & 1) or (d == R and rests & 2) or (d == S and rests & 4)
            mine = 0 if d == x else 1 if inside else 2 if d == mover else 3
            if mine == turn:
                out[row, place] = d
                place += 1
    for d in range(7, -1, -1):
        inside = (d == C and rests & 1) or (d == R and rests & 2) or (d == S and rests & 4)
        if d != x and not inside and d != mover:
            out[row, place] = d
            place += 1
    kinds[row, 0] = PSUM
    kinds[row, 1] = slide
    return row + 1


def _write(out: Ints, kinds: Ints, row: int, a: int, b: int, c: int, operand: int, slide: int) -> int:
    """Write an order: the given dims innermost, then all others, G outermost."""
    place = 0
    for d in (a, b, c):
        if d >= 0:
            out[row, place] = d
            place += 1
    for d in range(N, S + 1):
        if d not in (a, b, c):
            out[row, place] = d
            place += 1
    out[row, 7] = G
    kinds[row, 0] = operand
    kinds[row, 1] = slide
    return row + 1
