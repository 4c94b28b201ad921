"""Ways to share the children of a fan-out among the axes, in which something may improve. Compilable.

A *share* is how many children of a fan-out an axis takes: the splits of an axis with the same share are one class. Of
the combinations of classes, one of each axis, most are ruled out by their prices or their sums of terms.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.mapper.deep.bounds.necessary.standing import find_ways
from dse.mapper.deep.bounds.sums.axis_sums import AxisSums, add_up_several, axis_sums_of, weigh_columns
from dse.mapper.deep.bounds.sums.records import (
    FIRST_LIMIT,
    OF_ENERGY,
    OF_TIME,
    ROUNDING,
    Alive,
    Terms,
    with_lists,
    worth,
)
from dse.mapper.deep.bounds.sums.shrink import Sums, shrink
from dse.mapper.deep.bounds.sums.sift import BLOCK, add_longest
from dse.model.counting.kernel import Bools, Floats, Ints, entry

TOO_MANY = -1
"""In place of how many ways there are."""


class FanOut(NamedTuple):
    """A fan-out whose children are shared out.

    Parameters
    ----------
    level : int
    children : int
        How many there are.
    sides : (2,) int64
        Its rows and columns.
    on_side : (2, 8) int64
        1 where a dim may be unrolled on a side.
    """

    level: int
    children: int
    sides: Ints
    on_side: Ints


class Reach(NamedTuple):
    """What splits are held against, in logarithms.

    Parameters
    ----------
    enough : float
        The objective that a mapping must stay below.
    left : float
        How far splits together may lift the bound.
    """

    enough: float
    left: float


class Ways(NamedTuple):
    """Room for the ways that are found.

    Parameters
    ----------
    shares : (most, 6) int64
        The share of each axis in each way.
    share : (n,) int64
        The share of each split alive.
    """

    shares: Ints
    share: Ints


class Classes(NamedTuple):
    """The splits of each axis by their share; the classes of all axes one after another.

    Parameters
    ----------
    start : (7,) int64
        Those of axis a are start[a]..start[a + 1], in rising order of their shares.
    share : (c,) int64
        Children of the fan-out.
    lift : (c,) float
        How far the split of the class that lifts the bound least does so.
    begin : (c + 1,) int64
        The splits of class i are alive.rows[begin[i]..begin[i + 1]].
    standing : (c, rows) int64
        On how many rows the children of some of its splits may stand, then zeros.
    alive
        All splits, class by class; `reduced` is not in use.
    """

    start: Ints
    share: Ints
    lift: Floats
    begin: Ints
    standing: Ints
    alive: Alive


class Scan(NamedTuple):
    """A combination of classes at hand, axis after axis; m terms are left of the sums.

    Parameters
    ----------
    sequence : (6,) int64
        The axes, fewest classes first.
    factor : (c, m) float
        The least factor of each term among the splits of a class.
    least : (6, m) float
        The least factor of each term on each axis: of the class taken, or of all classes.
    product : (7, m) float
        Each term with the least factors of the classes taken so far.
    rest : (7, m) float
        Product of the least factors of all axes that come after.
    others : (m,) float
        Each term with the least factors of all axes but one.
    total : (slots,) float
    lift : (7,) float
    taken : (7,) int64
        Children taken so far.
    place : (6,) int64
        The class of each axis in the sequence.
    rows : (7, rows + 1) int64
        On how many rows the children taken so far may stand, then zeros.
    seen : (rows + 1,) bool
        Room.
    """

    sequence: Ints
    factor: Floats
    least: Floats
    product: Floats
    rest: Floats
    others: Floats
    total: Floats
    lift: Floats
    taken: Ints
    place: Ints
    rows: Ints
    seen: Bools


class Ceiling(NamedTuple):
    """What the sums of terms must stay below.

    Parameters
    ----------
    most : float
        Of the objective, energy, time or their product.
    weighs : (2,) bool
        Whether energy and time are part of it.
    timed : bool
        Whether there is a limit on time.
    """

    most: float
    weighs: Bools
    timed: bool


@entry
def ways_to_share(
    tables: tuple[Floats, ...], chains: tuple[Ints, ...], terms: Terms, logs: Floats, first: Ints, alive: Alive,
    fan: FanOut, reach: Reach, ways: Ways,
) -> int:  # fmt: skip
    """List the ways to share a fan-out's children in which something may improve.

    Parameters
    ----------
    tables : 6 x (columns, n) float
        Factors of each axis' splits.
    chains : 6 x (n, 2, 2 * k) int32
        Trips and children of each of k levels, for both dims of each axis.
    logs, first
        In place of those of the terms.
    alive
        `reduced` is how far each split lifts the bound.
    ways
        Filled.

    Returns
    -------
    int
        How many ways there are, `TOO_MANY` if there is no room for all.
    """
    mine = with_lists(terms, logs, first)
    classes = _classes(chains, alive, fan, ways.share)
    each = classes.alive
    sums = shrink(tables, mine, each)
    axes = (
        axis_sums_of(sums, 0, each), axis_sums_of(sums, 1, each), axis_sums_of(sums, 2, each),
        axis_sums_of(sums, 3, each), axis_sums_of(sums, 4, each), axis_sums_of(sums, 5, each),
    )  # fmt: skip
    fixed, most = terms.fixed, np.exp(reach.enough + 2.0 * ROUNDING)
    ceiling = Ceiling(most, fixed[: OF_TIME + 1] > 0.0, bool(fixed[OF_TIME] < 0.0))
    return _ways(sums, axes, classes, _scan_of(sums, classes), ceiling, fan, reach.left, ways.shares)


def _classes(chains: tuple[Ints, ...], alive: Alive, fan: FanOut, share: Ints) -> Classes:
    """The splits alive by their share, but those that take more children than there are."""
    start, at_fan, room = np.zeros(7, dtype=np.int64), 2 * fan.level + 1, fan.children
    number, sizes = np.full((6, room + 1), -1, dtype=np.int64), np.zeros((6, room + 1), dtype=np.int64)
    for a in range(6):
        for i in range(alive.start[a], alive.end[a]):
            row = alive.rows[i]
            share[i] = chains[a][row, 0, at_fan] * chains[a][row, 1, at_fan]
            if share[i] <= room:
                sizes[a, share[i]] += 1
        start[a + 1] = start[a]
        for one in range(1, room + 1):
            if sizes[a, one] > 0:
                number[a, one] = start[a + 1]
                start[a + 1] += 1
    many, begin = start[6], np.zeros(start[6] + 1, dtype=np.int64)
    for a in range(6):
        for one in range(1, room + 1):
            if sizes[a, one] > 0:
                c = number[a, one]
                begin[c + 1] = begin[c] + sizes[a, one]
    rows = np.zeros(begin[many], dtype=np.int64)
    every = Alive(rows, begin[start[:6]], begin[start[1:]], np.zeros(0))
    classes = Classes(
        start, np.zeros(many, dtype=np.int64), np.full(many, np.inf), begin,
        np.zeros((many, fan.sides[0]), dtype=np.int64), every,
    )  # fmt: skip
    at, stands = begin.copy(), np.zeros((many, fan.sides[0] + 1), dtype=np.bool_)
    for a in range(6):
        known = np.zeros(room + 1, dtype=np.int64)
        for i in range(alive.start[a], alive.end[a]):
            if share[i] <= room:
                c = number[a, share[i]]
                children = chains[a][alive.rows[i], :, at_fan]
                if known[share[i]] != children[0]:  # of a share, these are seldom several
                    find_ways(a, children, fan.sides, fan.on_side, stands[c])
                    known[share[i]] = children[0]
                classes.share[c] = share[i]
                classes.lift[c] = min(classes.lift[c], alive.reduced[i])
                rows[at[c]] = alive.rows[i]
                at[c] += 1
    for c in range(many):
        mine = np.flatnonzero(stands[c])
        classes.standing[c, : len(mine)] = mine
    return classes


def _scan_of(sums: Sums, classes: Classes) -> Scan:
    """A scan to begin with."""
    m, start, begin, many = len(sums.slot), classes.start, classes.begin, len(classes.share)
    scan = Scan(
        np.arange(6), np.full((many, m), np.inf), np.full((6, m), np.inf), np.zeros((7, m)), np.ones((7, m)),
        np.zeros(m), np.zeros(len(sums.block_of)), np.zeros(7), np.ones(7, dtype=np.int64),
        np.zeros(6, dtype=np.int64), np.zeros((7, 1 + classes.standing.shape[1]), dtype=np.int64),
        np.zeros(1 + classes.standing.shape[1], dtype=np.bool_),
    )  # fmt: skip
    scan.rows[0, 0] = 1
    sequence = scan.sequence
    for i in range(1, 6):
        for k in range(i, 0, -1):
            a, b = sequence[k - 1], sequence[k]
            if start[b + 1] - start[b] >= start[a + 1] - start[a]:
                break
            sequence[k - 1], sequence[k] = b, a
    for a in range(6):
        for c in range(start[a], start[a + 1]):
            for i in range(begin[c], begin[c + 1]):
                for q in range(m):
                    scan.factor[c, q] = min(scan.factor[c, q], sums.factors[i, q])
            for q in range(m):
                scan.least[a, q] = min(scan.least[a, q], scan.factor[c, q])
    for depth in range(5, -1, -1):
        for q in range(m):
            scan.rest[depth, q] = scan.rest[depth + 1, q] * scan.least[sequence[depth], q]
    scan.product[0] = sums.coefficient
    return scan


def _ways(
    sums: Sums, axes: tuple[AxisSums, ...], classes: Classes, scan: Scan, ceiling: Ceiling, fan: FanOut, left: float,
    found: Ints,
) -> int:  # fmt: skip
    """The combinations of classes in which something may improve; `left` is how far they may lift the bound."""
    whole, product, factor = scan.least.copy(), scan.product, scan.factor
    sequence, place, start = scan.sequence, scan.place, classes.start
    depth, count = 0, 0
    place[0] = start[sequence[0]] - 1
    while depth >= 0:
        a = sequence[depth]
        place[depth] += 1
        c = place[depth]
        if c == start[a + 1] or scan.taken[depth] * classes.share[c] > fan.children:
            scan.least[a] = whole[a]
            depth -= 1
            continue
        scan.lift[depth + 1] = scan.lift[depth] + classes.lift[c]
        scan.taken[depth + 1] = scan.taken[depth] * classes.share[c]
        if scan.lift[depth + 1] > left or not _may_stand(scan, depth, classes.standing[c], fan.sides):
            continue
        for q in range(len(sums.slot)):
            product[depth + 1, q] = product[depth, q] * factor[c, q]
        if not _sums_in_reach(sums, scan, depth + 1, ceiling):
            continue
        scan.least[a] = factor[c]
        if not _some_in_reach(sums, axes[a], a, classes, c, scan, ceiling):
            continue
        if depth < 5:
            depth += 1
            place[depth] = start[sequence[depth]] - 1
            continue
        every = True
        for k in range(5):
            b = sequence[k]
            every = every and _some_in_reach(sums, axes[b], b, classes, place[k], scan, ceiling)
        if every:
            if count == len(found):
                return TOO_MANY
            for k in range(6):
                found[count, sequence[k]] = classes.share[place[k]]
            count += 1
    return count


def _may_stand(scan: Scan, depth: int, standing: Ints, sides: Ints) -> bool:
    """Whether the children taken so far may stand on the sides of the fan-out with those of one class more."""
    rows, more, seen, taken, many = scan.rows[depth], scan.rows[depth + 1], scan.seen, scan.taken[depth + 1], 0
    i = 0
    while rows[i] > 0:
        k = 0
        while k < len(standing) and 0 < standing[k] * rows[i] <= sides[0]:
            together = standing[k] * rows[i]
            if taken <= sides[1] * together and not seen[together]:
                seen[together] = True
                more[many] = together
                many += 1
            k += 1
        i += 1
    more[many] = 0
    for i in range(many):
        seen[more[i]] = False
    return many > 0


def _sums_in_reach(sums: Sums, scan: Scan, depth: int, ceiling: Ceiling) -> bool:
    """Whether the sums of terms with the least factors of classes keep all limits and may improve."""
    total, product, rest, room = scan.total, scan.product, scan.rest, sums.room
    for s in range(len(total)):
        total[s] = 0.0
    for q in range(len(sums.slot)):
        total[sums.slot[q]] += worth(product[depth, q] * rest[depth, q], sums.cuts, q)
    add_longest(total, sums.block_of, len(room))
    for b in range(FIRST_LIMIT, len(room)):
        if total[b] > room[b]:
            return False
    return _is_less(total[OF_ENERGY], total[OF_TIME], room, ceiling)


def _is_less(energy: float, time: float, room: Floats, ceiling: Ceiling) -> bool:
    """Whether energy and time may be those of something better."""
    value = (energy if ceiling.weighs[OF_ENERGY] else 1.0) * (time if ceiling.weighs[OF_TIME] else 1.0)
    return bool(value <= ceiling.most and not (ceiling.timed and time > room[OF_TIME]))


def _some_in_reach(sums: Sums, axis: AxisSums, a: int, classes: Classes, c: int, scan: Scan, ceiling: Ceiling) -> bool:
    """Whether this holds with some split of a class."""
    at, end, others, least = classes.begin[c], classes.begin[c + 1], scan.others, scan.least
    if end - at == 1:
        return True  # its factors are the least
    for q in range(len(others)):
        value = sums.coefficient[q]
        for b in range(6):
            if b != a:
                value *= least[b, q]
        others[q] = value
    weigh_columns(axis, sums, others, at)
    first = classes.alive.start[a]
    while at < end:
        n = min(BLOCK, end - at)
        add_up_several(axis, sums, at - first, n)
        for i in range(n):
            if axis.fits[i] and _is_less(axis.height[OF_ENERGY, i], axis.height[OF_TIME, i], sums.room, ceiling):
                return True
        at += n
    return False
