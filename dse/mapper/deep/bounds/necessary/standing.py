"""Splits whose children cannot stand on the rows and columns of a fan-out beside those of other axes. Compilable.

A split says how many children a dim has on a fan-out, not on which sides (`dse.mapper.deep.splits.chains`). On 32 x 32
children 26 x 13 x 3 cannot stand, though there are no more than 1,024. So of all axes' splits together the least price
is sought with which all children stand.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.mapper.deep.bounds.necessary.dropping import drop_some
from dse.mapper.deep.bounds.sums.crossings import Term
from dse.mapper.deep.bounds.sums.objective import of_all
from dse.mapper.deep.bounds.sums.records import Alive
from dse.mapper.deep.problem import Deep
from dse.mapper.deep.splits.axes import AXES
from dse.model.counting.kernel import Bools, Floats, Ints


class FanOuts(NamedTuple):
    """The fan-outs of a hierarchy on which children have to stand; m of them.

    Parameters
    ----------
    level : (m,) int64
        The level that each is below.
    sides : (m, 2) int64
        Its rows and columns.
    on_side : (m, 2, 8) int64
        1 where a dim may be unrolled on a side.
    terms : (m, 3) int64
        The terms of the limits on its rows, its columns and all of its children, -1 for none.
    """

    level: Ints
    sides: Ints
    on_side: Ints
    terms: Ints


CHILDREN = 2
"""The column of the limit on all children, behind those on rows and on columns."""

SEVERAL = 3
"""Axes that may be spread over a fan-out at least. Children of two are seldom in one another's way."""

MANY = 16
"""Children of a fan-out at least."""

NO_FAN_OUTS = FanOuts(
    np.zeros(0, dtype=np.int64), np.zeros((0, 2), dtype=np.int64), np.zeros((0, 2, 8), dtype=np.int64),
    np.zeros((0, 3), dtype=np.int64),
)  # fmt: skip
"""Where nothing is asked."""


class Stands(NamedTuple):
    """The splits of each axis by their children on one fan-out, and how these may stand there.

    Parameters
    ----------
    mine : (n,) int64
        The class of each split alive: all with as many children of both dims.
    start : (7,) int64
        The classes of axis a are start[a]..start[a + 1].
    least : (c,) float
        The least price of a split of each class.
    begin : (c + 1,) int64
        The ways in which those of class i may stand are rows[begin[i]..begin[i + 1]], and as many columns.
    rows, cols : (w,) int64
    """

    mine: Ints
    start: Ints
    least: Floats
    begin: Ints
    rows: Ints
    cols: Ints


class Side(NamedTuple):
    """How many rows, or columns, may be left for further axes: v numbers, from all of them down to 1.

    Parameters
    ----------
    after : (side + 1, v) int64
        Which of the numbers is left of each once so many are taken, -1 for none.
    enough : (side + 1,) int64
        The last of the numbers that is at least as large as each.
    """

    after: Ints
    enough: Ints


class Choices(NamedTuple):
    """The ways to stand of each axis that no other one of it undercuts with fewer rows and columns.

    Parameters
    ----------
    start, end : (6,) int64
        Those of axis a are start[a]..end[a].
    rows, cols : (w,) int64
    price : (w,) float
    """

    start: Ints
    end: Ints
    rows: Ints
    cols: Ints
    price: Floats


def fan_outs_of(problem: Deep, terms: list[Term]) -> FanOuts:
    """The fan-outs of a problem on which children of several axes may be in one another's way.

    Examples
    --------
    >>> import dse
    >>> from dse.mapper.deep.bounds import layer_spaces
    >>> machine, layer = dse.load_architecture("edge_npu"), dse.Layer("conv", N=2, K=16, C=8, P=6, Q=6)
    >>> fan_outs_of(layer_spaces.spaces_of(machine, layer, "all")[1][0].problem, []).sides.tolist()
    []
    """
    spread = problem.on_side.any(axis=1) & (problem.bounds > 1)
    axes = np.array([spread[:, list(dims)].any(axis=1) for dims in AXES]).sum(axis=0)
    level = np.flatnonzero((problem.fans >= 0) & (problem.sides.prod(axis=1) >= MANY) & (axes >= SEVERAL))
    at = {term.extra: t for t, term in enumerate(terms)}
    limits = [
        [at.get(of_all(*key), -1) for key in (("side", i, 0), ("side", i, 1), ("children", i))] for i in level.tolist()
    ]
    return FanOuts(level, problem.sides[level], problem.on_side[level], np.array(limits, dtype=np.int64).reshape(-1, 3))


def drop_unplaced(chains: tuple[Ints, ...], fans: FanOuts, alive: Alive, most: float, priced: bool = True) -> bool:
    """Drop the splits with which prices add up to too much once the children of all axes can stand on each fan-out.

    Parameters
    ----------
    chains : 6 x (n, 2, 2 * k) int32
        Trips and children of each of k levels, for both dims of each axis.
    alive
        What is left of it, in place; `reduced` is above the least of each axis.
    most : float
        What the prices of a mapping's splits may add up to.
    priced : bool
        Whether there are prices yet. If not, `reduced` is filled with zeros.

    Returns
    -------
    bool
        False when no mapping is left.
    """
    left = True
    for at in range(len(fans.level)):
        left = left and drop_on(chains, fans.level[at], fans.sides[at], fans.on_side[at], alive, most, priced) < np.inf
    return left


def drop_on(
    chains: tuple[Ints, ...], level: int, sides: Ints, on_side: Ints, alive: Alive, most: float, priced: bool
) -> float:
    """The same for one fan-out: the least that prices add up to, infinite when no mapping is left."""
    widest, spread = _widest(chains, level, alive)
    if widest.max() == 1 or (spread < 2 and not priced):
        return 0.0  # each split fits by itself
    if not priced:
        for a in range(6):
            alive.reduced[alive.start[a] : alive.end[a]] = 0.0
    stands = _stands_of(chains, level, sides, on_side, alive, widest)
    choices, rows, cols = _choices_of(stands), _side_of(sides[0]), _side_of(sides[1])
    shape = rows.after.shape[1], cols.after.shape[1]
    before, others = np.full((7, *shape), np.inf), np.full((2, *shape), np.inf)
    before[0, 0, 0] = 0.0
    for a in range(6):
        _take(choices, a, rows, cols, before[a], before[a + 1])
    together = before[6].min()
    if together > most:
        return np.inf
    least, left = np.full(len(stands.least), np.inf), True
    for a in range(6):
        if stands.start[a + 1] - stands.start[a] == 1:
            continue  # all of its splits are alike here, and some are left
        others[0] = before[a]
        for b in range(a + 1, 6):
            _take(choices, b, rows, cols, others[0], others[1])
            others[0] = others[1]
        _fill_least(stands, a, rows, cols, others[0], least)
        left = left and drop_some(alive, a, stands.mine, least, most)
    return float(together) if left else np.inf


def _widest(chains: tuple[Ints, ...], level: int, alive: Alive) -> tuple[Ints, int]:
    """(6, 2) the most children that a split has, per axis and dim; and how many axes have no split without any."""
    widest, spread = np.ones((6, 2), dtype=np.int64), 0
    for a in range(6):
        table, at, every = chains[a], 2 * level + 1, True
        one, other = 1, 1
        for i in range(alive.start[a], alive.end[a]):
            row = alive.rows[i]
            one, other = max(one, table[row, 0, at]), max(other, table[row, 1, at])
            every = every and table[row, 0, at] * table[row, 1, at] > 1
        widest[a, 0], widest[a, 1] = one, other
        spread += every
    return widest, spread


def _stands_of(
    chains: tuple[Ints, ...], level: int, sides: Ints, on_side: Ints, alive: Alive, widest: Ints
) -> Stands:  # fmt: skip
    """The classes of all axes' splits, and how they may stand."""
    size, room = 0, 0
    for a in range(6):
        size = max(size, (widest[a, 0] + 1) * (widest[a, 1] + 1))
        room += min(alive.end[a] - alive.start[a], widest[a, 0] * widest[a, 1])
    mine, start = np.zeros(alive.end[5], dtype=np.int64), np.zeros(7, dtype=np.int64)
    least, children = np.full(room, np.inf), np.zeros((room, 2), dtype=np.int64)
    number = np.zeros(size, dtype=np.int64)
    for a in range(6):
        count, table, at = start[a], chains[a], 2 * level + 1
        number[: (widest[a, 0] + 1) * (widest[a, 1] + 1)] = -1
        for i in range(alive.start[a], alive.end[a]):
            one, other = table[alive.rows[i], 0, at], table[alive.rows[i], 1, at]
            key = one * (widest[a, 1] + 1) + other
            if number[key] < 0:
                number[key] = count
                children[count, 0], children[count, 1] = one, other
                count += 1
            mine[i] = number[key]
            least[mine[i]] = min(least[mine[i]], alive.reduced[i])
        start[a + 1] = count
    begin, ways = np.zeros(start[6] + 1, dtype=np.int64), np.zeros((start[6], sides[0] + 1), dtype=np.bool_)
    for a in range(6):
        for c in range(start[a], start[a + 1]):
            begin[c + 1] = begin[c] + find_ways(a, children[c], sides, on_side, ways[c])
    rows, cols = np.zeros(begin[-1], dtype=np.int64), np.zeros(begin[-1], dtype=np.int64)
    for c in range(start[6]):
        at, r = begin[c], 1
        while at < begin[c + 1]:
            if ways[c, r]:
                rows[at], cols[at] = r, children[c, 0] * children[c, 1] // r
                at += 1
            r += 1
    return Stands(mine, start, least[: start[6]], begin, rows, cols)


def find_ways(a: int, children: Ints, sides: Ints, on_side: Ints, ways: Bools) -> int:
    """Note on how many rows an axis' children may stand, and count the ways."""
    count, one, other = 0, children[0], children[1]
    for r in range(-(-one // sides[1]), min(one, sides[0]) + 1):
        if one % r != 0 or not _may_stand(on_side, a, r, one // r):
            continue
        if other == 1:
            ways[r] = True
            count += 1
            continue
        for s in range(1, min(other, sides[0] // r) + 1):
            # P comes with R, and Q with S.
            fits = other % s == 0 and one // r * (other // s) <= sides[1] and not ways[r * s]
            if fits and _may_stand(on_side, a + 2, s, other // s):
                ways[r * s] = True
                count += 1
    return count


def _may_stand(on_side: Ints, dim: int, rows: int, cols: int) -> bool:
    return (rows == 1 or on_side[0, dim] == 1) and (cols == 1 or on_side[1, dim] == 1)


def _choices_of(stands: Stands) -> Choices:
    """The ways to stand, those of classes with lower prices first, without such as are undercut."""
    size = len(stands.rows)
    start, end = np.zeros(6, dtype=np.int64), np.zeros(6, dtype=np.int64)
    rows, cols, price = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64), np.zeros(size)
    count = 0
    for a in range(6):
        start[a] = count
        begin = stands.start[a]
        for c in np.argsort(stands.least[begin : stands.start[a + 1]]):
            for way in range(stands.begin[begin + c], stands.begin[begin + c + 1]):
                r, s, at = stands.rows[way], stands.cols[way], start[a]
                while at < count and not (rows[at] <= r and cols[at] <= s):
                    at += 1
                if at == count:
                    rows[count], cols[count], price[count] = r, s, stands.least[begin + c]
                    count += 1
        end[a] = count
    return Choices(start, end, rows, cols, price)


def _side_of(side: int) -> Side:
    """What may be left of a side: the side divided by a whole number, rounded down."""
    place, values, count = np.full(side + 1, -1, dtype=np.int64), np.zeros(side, dtype=np.int64), 0
    enough = np.zeros(side + 1, dtype=np.int64)
    for taken in range(1, side + 1):
        left = side // taken
        if place[left] < 0:
            place[left], values[count] = count, left
            count += 1
    after, at = np.full((side + 1, count), -1, dtype=np.int64), count - 1
    for number in range(1, side + 1):
        while values[at] < number:
            at -= 1
        enough[number] = at
        for i in range(count):
            after[number, i] = place[values[i] // number] if values[i] >= number else -1
    return Side(after, enough)


def _take(choices: Choices, a: int, rows: Side, cols: Side, before: Floats, out: Floats) -> None:
    """The least price of some axes and one more, by the rows and columns that they leave.

    Parameters
    ----------
    before : (rows left, columns left) float
        The same without the one.
    """
    out[:] = np.inf
    for i in range(len(before)):
        for j in range(before.shape[1]):
            if before[i, j] == np.inf:
                continue
            for way in range(choices.start[a], choices.end[a]):
                x, y = rows.after[choices.rows[way], i], cols.after[choices.cols[way], j]
                if x >= 0 and y >= 0:
                    out[x, y] = min(out[x, y], before[i, j] + choices.price[way])


def _fill_least(stands: Stands, a: int, rows: Side, cols: Side, others: Floats, least: Floats) -> None:
    """The least that all other axes cost which leave room for each class of one; `others` is changed."""
    for i in range(len(others)):
        for j in range(others.shape[1]):
            if i > 0:
                others[i, j] = min(others[i, j], others[i - 1, j])
            if j > 0:
                others[i, j] = min(others[i, j], others[i, j - 1])
    for c in range(stands.start[a], stands.start[a + 1]):
        for way in range(stands.begin[c], stands.begin[c + 1]):
            least[c] = min(least[c], others[rows.enough[stands.rows[way]], cols.enough[stands.cols[way]]])
