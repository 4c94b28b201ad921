"""Ways to share the children of a fan-out among the axes, in which something may improve. Compilable.

A *share* is how many children of a fan-out an axis takes: the splits of an axis with the same share are one class. Of
the combinations of classes, one of each axis, most are ruled out by their prices or their sums of terms.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.mapper.deep.bounds.sums.sift import (
    BLOCK,
    Alive,
    MergedTerms,
    Terms,
    add_longest,
    each_in_reach,
    find_same,
    in_reach,
    in_use,
    pair_terms,
    sum_up,
    sums_of,
    with_lists,
    worth,
)
from dse.mapper.deep.bounds.weights.standing import find_ways
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


class SumRoom(NamedTuple):
    """Room for sums of terms.

    Parameters
    ----------
    same : (6, T) int64
        The first term with the same columns, per axis.
    pairs
        Terms with the same factor of an axis.
    height : (slots, BLOCK) float
        Sums with each of several splits.
    within : (BLOCK,) bool
        Whether these keep all limits and stay below the goal.
    """

    same: Ints
    pairs: MergedTerms
    height: Floats
    within: Bools


class Classes(NamedTuple):
    """The splits of each axis by their share; the classes of all axes one after another.

    Parameters
    ----------
    start : (7,) int64
        Those of axis a are start[a]..start[a + 1].
    share : (c,) int64
        Children of the fan-out.
    lift : (c,) float
        How far the split of the class that lifts the bound least does so.
    begin : (c + 1,) int64
        The splits of class i are member[begin[i]..begin[i + 1]], the one that lifts the bound least first.
    member : (n,) int64
        Columns of the axis' table.
    factor : (c, T) float
        The least factor of each term.
    stands : (c, rows + 1) bool
        On how many rows the children of some of its splits may stand.
    """

    start: Ints
    share: Ints
    lift: Floats
    begin: Ints
    member: Ints
    factor: Floats
    stands: Bools


class Scan(NamedTuple):
    """A combination of classes at hand, axis after axis.

    Parameters
    ----------
    sequence : (6,) int64
        The axes, fewest classes first.
    least : (6, T) float
        The least factor of each term on each axis: of the class taken, or of all classes.
    product : (7, T) float
        Each term with the least factors of the classes taken so far.
    rest : (7, T) float
        Product of the least factors of all axes that come after.
    lift : (7,) float
    taken : (7,) int64
        Children taken so far.
    place : (6,) int64
        The class of each axis in the sequence.
    rows : (7, rows + 1) bool
        On how many rows the children taken so far may stand.
    """

    sequence: Ints
    least: Floats
    product: Floats
    rest: Floats
    lift: Floats
    taken: Ints
    place: Ints
    rows: Bools


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
    chains : 6 x (n, 2, 2 * k) int64
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
    mine, size = with_lists(terms, logs, first), len(logs)
    classes = _classes(chains, alive, fan, ways.share, size)
    pairs = sums_of(mine)
    room = SumRoom(
        np.zeros((6, size), dtype=np.int64), pairs, np.zeros((len(pairs.total), BLOCK)), np.zeros(BLOCK, dtype=np.bool_)
    )
    find_same(mine, room.same)
    for a in range(6):
        for c in range(classes.start[a], classes.start[a + 1]):
            _least_of(tables[a], mine, a, room.same, classes, c)
    return _ways(tables, mine, classes, _scan_of(mine, classes), room, fan, reach, ways.shares)


def _classes(chains: tuple[Ints, ...], alive: Alive, fan: FanOut, share: Ints, terms: int) -> Classes:
    """The splits alive by their share."""
    start, total, at_fan, room = np.zeros(7, dtype=np.int64), len(alive.rows), 2 * fan.level + 1, fan.children
    number = np.full((6, room + 1), -1, dtype=np.int64)
    for a in range(6):
        start[a + 1] = start[a]
        for i in range(alive.start[a], alive.end[a]):
            row = alive.rows[i]
            share[i] = chains[a][row, 0, at_fan] * chains[a][row, 1, at_fan]
            if share[i] <= room and number[a, share[i]] < 0:
                number[a, share[i]] = start[a + 1]
                start[a + 1] += 1
    many = start[6]
    classes = Classes(
        start, np.zeros(many, dtype=np.int64), np.full(many, np.inf), np.zeros(many + 1, dtype=np.int64),
        np.zeros(total, dtype=np.int64), np.zeros((many, terms)), np.zeros((many, fan.sides[0] + 1), dtype=np.bool_),
    )  # fmt: skip
    for a in range(6):
        for i in range(alive.start[a], alive.end[a]):
            if share[i] <= room:
                classes.begin[number[a, share[i]] + 1] += 1
    for c in range(many):
        classes.begin[c + 1] += classes.begin[c]
    at = classes.begin.copy()
    for a in range(6):
        known = np.zeros(room + 1, dtype=np.int64)
        for i in range(alive.start[a], alive.end[a]):
            if share[i] <= room:
                c = number[a, share[i]]
                children = chains[a][alive.rows[i], :, at_fan]
                if known[share[i]] != children[0]:  # of a share, these are seldom several
                    find_ways(a, children, fan.sides, fan.on_side, classes.stands[c])
                    known[share[i]] = children[0]
                classes.share[c] = share[i]
                classes.member[at[c]] = alive.rows[i]
                if alive.reduced[i] < classes.lift[c]:
                    classes.lift[c] = alive.reduced[i]
                    to = classes.begin[c]
                    classes.member[at[c]], classes.member[to] = classes.member[to], alive.rows[i]
                at[c] += 1
    return classes


def _least_of(table: Floats, terms: Terms, a: int, same: Ints, classes: Classes, c: int) -> None:
    """Fill in the least factor of each term among the splits of a class."""
    begin, end, member = classes.begin[c], classes.begin[c + 1], classes.member
    for t in range(len(terms.logs)):
        j, k = terms.first[t, a], terms.second[t, a]
        if same[a, t] < t:
            classes.factor[c, t] = classes.factor[c, same[a, t]]
        elif j == 0 and k == 0:
            classes.factor[c, t] = 1.0
        else:
            value = np.inf
            for i in range(begin, end):
                value = min(value, table[j, member[i]] * table[k, member[i]])
            classes.factor[c, t] = value


def _scan_of(terms: Terms, classes: Classes) -> Scan:
    """A scan to begin with."""
    size, start = len(terms.logs), classes.start
    scan = Scan(
        np.arange(6), np.full((6, size), np.inf), np.zeros((7, size)), np.ones((7, size)), np.zeros(7),
        np.ones(7, dtype=np.int64), np.zeros(6, dtype=np.int64), np.zeros((7, classes.stands.shape[1]), dtype=np.bool_),
    )  # fmt: skip
    scan.rows[0, 1] = True
    sequence = scan.sequence
    for i in range(1, 6):
        for k in range(i, 0, -1):
            a, b = sequence[k - 1], sequence[k]
            if start[b + 1] - start[b] >= start[a + 1] - start[a]:
                break
            sequence[k - 1], sequence[k] = b, a
    for a in range(6):
        for c in range(start[a], start[a + 1]):
            for t in range(size):
                scan.least[a, t] = min(scan.least[a, t], classes.factor[c, t])
    for depth in range(5, -1, -1):
        for t in range(size):
            scan.rest[depth, t] = scan.rest[depth + 1, t] * scan.least[sequence[depth], t]
    for t in range(size):
        scan.product[0, t] = np.exp(terms.logs[t]) if in_use(terms, t) else 0.0
    return scan


def _ways(
    tables: tuple[Floats, ...], terms: Terms, classes: Classes, scan: Scan, room: SumRoom, fan: FanOut, reach: Reach,
    found: Ints,
) -> int:  # fmt: skip
    """The combinations of classes in which something may improve."""
    whole, enough = scan.least.copy(), reach.enough
    sequence, place, start = scan.sequence, scan.place, classes.start
    depth, count = 0, 0
    place[0] = start[sequence[0]] - 1
    while depth >= 0:
        a = sequence[depth]
        place[depth] += 1
        c = place[depth]
        if c == start[a + 1]:
            scan.least[a] = whole[a]
            depth -= 1
            continue
        scan.lift[depth + 1] = scan.lift[depth] + classes.lift[c]
        scan.taken[depth + 1] = scan.taken[depth] * classes.share[c]
        if scan.lift[depth + 1] > reach.left or scan.taken[depth + 1] > fan.children:
            continue
        if not _may_stand(scan, depth, classes.stands[c], fan.sides[1]):
            continue
        for t in range(len(terms.logs)):
            scan.product[depth + 1, t] = scan.product[depth, t] * classes.factor[c, t]
        if not _sums_in_reach(terms, scan, depth + 1, room.pairs, enough):
            continue
        scan.least[a] = classes.factor[c]
        if not _some_in_reach(tables[a], terms, a, classes, c, scan, room, enough):
            continue
        if depth < 5:
            depth += 1
            place[depth] = start[sequence[depth]] - 1
            continue
        every = True
        for k in range(5):
            b = sequence[k]
            every = every and _some_in_reach(tables[b], terms, b, classes, place[k], scan, room, enough)
        if every:
            if count == len(found):
                return TOO_MANY
            for k in range(6):
                found[count, sequence[k]] = classes.share[place[k]]
            count += 1
    return count


def _may_stand(scan: Scan, depth: int, stands: Bools, cols: int) -> bool:
    """Whether the children taken so far may stand on the sides of the fan-out with those of one class more."""
    rows, more, taken, some = scan.rows[depth], scan.rows[depth + 1], scan.taken[depth + 1], False
    more[:] = False
    for r in range(1, len(rows)):
        if rows[r]:
            for mine in range(1, (len(rows) - 1) // r + 1):
                if stands[mine] and taken <= cols * r * mine:
                    more[r * mine] = some = True
    return some


def _sums_in_reach(terms: Terms, scan: Scan, depth: int, pairs: MergedTerms, enough: float) -> bool:
    """Whether the sums of terms with the least factors of classes keep all limits and may improve."""
    total, blocks = pairs.total, len(terms.limits)
    for slot in range(len(total)):
        total[slot] = 0.0
    for t in range(len(terms.logs)):
        value = scan.product[depth, t] * scan.rest[depth, t]
        total[terms.block[t] if terms.group[t] < 0 else blocks + terms.group[t]] += worth(value, terms.cuts, t)
    add_longest(total, pairs.block_of, blocks)
    return in_reach(total, pairs.room, terms.fixed, enough)


def _some_in_reach(
    table: Floats, terms: Terms, a: int, classes: Classes, c: int, scan: Scan, room: SumRoom, enough: float
) -> bool:
    """Whether this holds with some split of a class."""
    begin, end = classes.begin[c], classes.begin[c + 1]
    if end - begin == 1:
        return True  # its factors are the least
    pairs, height, within = room.pairs, room.height, room.within
    count = pair_terms(terms, a, scan.least, room.same, pairs)
    while begin < end:
        several = classes.member[begin : min(begin + BLOCK, end)]
        sum_up(table, terms, a, several, count, pairs, height)
        each_in_reach(height, len(several), pairs, terms.fixed, enough, within)
        for i in range(len(several)):
            if within[i]:
                return True
        begin += BLOCK
    return False
