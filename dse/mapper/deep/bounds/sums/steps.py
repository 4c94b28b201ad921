"""Bounds on compute steps: how few of them unrollings leave that fit into the fan-outs together. Compilable but for
the first two functions.

How many children of a fan-out are left is a whole number: after some are taken, it is its room divided by them, rounded
down. So few numbers occur, and a *state* is one of them for each fan-out. What axes can do at best is a table over
states (`_with`), and the table of some axes is made from that of one axis less.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.mapper.deep.problem import Deep
from dse.mapper.deep.splits.axes import Axis
from dse.mapper.shared.compilation.twins import compiled
from dse.mapper.shared.mapspace.sizes import quotients
from dse.model.counting.kernel import Floats, Ints, entry

WIDE = 20_000
"""States above which more fan-outs are taken to have room for everything."""


def fastest_of(problem: Deep) -> float:
    """A bound on compute steps: those that the unrollings of one fan-out leave, over the children of all others."""
    sides = problem.sides.prod(axis=1)
    fewest = compiled(fewest_on_sides)
    return max(
        fewest(problem.bounds, problem.on_side[level], problem.sides[level]) * float(sides[level]) / float(sides.prod())
        for level in range(len(problem.nodes))
    )


def lay_down_fewest(problem: Deep, axes: list[Axis]) -> tuple[float, tuple[int, ...]]:
    """Add to each axis a column of how many times the fewest steps are needed at least with each of its splits.

    Children are counted per fan-out, rows times columns, and never more than there are.

    Returns
    -------
    float
        The fewest steps of all.
    tuple of int
        Axes on which splits differ in that.
    """
    least = fastest_of(problem)
    fans = np.array([i for i in range(len(problem.nodes)) if problem.fans[i] >= 0 and problem.sides[i].prod() > 1])
    if len(fans) == 0 or not all(map(len, axes)):
        return least, ()
    room = problem.sides[fans].prod(axis=1)
    ends = np.cumsum([len(axis) for axis in axes])
    values = np.zeros(ends[-1])
    chains = tuple(axis.both() for axis in axes)
    at = [axis.column(("steps",)) for axis in axes]
    steps = tuple(axis.table(plain=True)[column] for axis, column in zip(axes, at, strict=True))
    compiled(fewest_with_each)(chains, steps, fans, room, float(problem.macs), values)
    each = np.split(values, ends[:-1])
    least = max(least, *(float(value.min()) for value in each))
    for axis, value in zip(axes, each, strict=True):
        axis.put(("fewest",), value / least, 1.0)
    return least, tuple(a for a, axis in enumerate(axes) if axis.column(("fewest",)) > 0)


@entry
def fewest_on_sides(bounds: Ints, on_side: Ints, sides: Ints) -> float:
    """The fewest products of passes that unrollings over the rows and columns of one fan-out leave.

    A table over the rows and columns left, dim by dim. Of the numbers of rows that leave as many, the largest is best.

    Parameters
    ----------
    bounds : (8,) int64
    on_side : (2, 8) int64
        1 where a dim may be unrolled on rows, and on columns.
    sides : (2,) int64
        Rows and columns.
    """
    rows, cols = quotients(sides[0]), quotients(sides[1])
    best, following = np.ones((sides[0] + 1, sides[1] + 1)), np.ones((sides[0] + 1, sides[1] + 1))
    for d in range(8):
        bound = bounds[d]
        if bound == 1:
            continue
        for r in rows:
            for c in cols:
                least = bound * best[r, c]
                for r_left in rows:
                    if r_left > r or (r_left < r and on_side[0, d] == 0):
                        continue
                    sy = min(bound, r // r_left)
                    for c_left in cols:
                        if c_left > c or (c_left < c and on_side[1, d] == 0):
                            continue
                        sx = min(bound, c // c_left)
                        passes = (bound + sy * sx - 1) // (sy * sx)
                        least = min(least, passes * best[r // sy, c // sx])
                following[r, c] = least
        best, following = following, best
    return float(best[sides[0], sides[1]])


class States(NamedTuple):
    """What may be left of F fan-outs.

    Parameters
    ----------
    left : (S, F) int64
        Children left in each state; in state 0 all.
    place : (F, most + 1) int64
        Which of a fan-out's numbers, in falling order, a number of children left is.
    stride : (F,) int64
        States from one of a fan-out's numbers to the next.
    numbers : (F, most) int64
        The numbers of each fan-out in falling order, then zeros.
    digit : (S, F) int64
        Which of them is left in each state.
    """

    left: Ints
    place: Ints
    stride: Ints
    numbers: Ints
    digit: Ints


class Kinds(NamedTuple):
    """Splits of an axis by the children that they take.

    Parameters
    ----------
    of_split : (n,) int64
        Kind of each split, -1 where it takes more children than there are.
    children : (*, F) int64
    steps : (*,) float
        The fewest of any split of the kind.
    best : (*,) int64
        Kinds of which no other takes no more children and no more steps.
    """

    of_split: Ints
    children: Ints
    steps: Floats
    best: Ints


@entry
def fewest_with_each(
    chains: tuple[Ints, ...], steps: tuple[Floats, ...], fans: Ints, room: Ints, most: float, fewest: Floats
) -> None:
    """The fewest steps of all axes with each split of one; `most` where it fits beside none.

    Parameters
    ----------
    chains : 6 x (n, 2, 2 * k) int32
        See `dse.mapper.deep.splits.axes.Axis.both`.
    steps : 6 x (n,) float
        Steps of each split's axis.
    fans, room : (F,) int64
        Levels with fan-outs, and their children.
    fewest : (n,) float
        Filled, axis by axis.
    """
    states = _states_of(room)
    many, used = len(states.left), states.left.shape[1]
    before, after = np.ones((7, many)), np.ones((7, many))
    code, best, begin = np.zeros(len(fewest), dtype=np.int64), np.zeros(len(fewest), dtype=np.int64), 0
    count = np.zeros(6, dtype=np.int64)
    for a in range(6):
        mine = code[begin : begin + len(steps[a])]
        _encode(chains[a], fans, room, used, mine)
        kinds = _kinds_of(mine, steps[a], room, used, best[:0])
        _with(kinds, states, before[a], before[a + 1])
        count[a] = len(kinds.best)
        best[begin : begin + count[a]] = kinds.best
        begin += len(steps[a])
    for a in range(5, -1, -1):
        begin -= len(steps[a])
        mine = code[begin : begin + len(steps[a])]
        kinds = _kinds_of(mine, steps[a], room, used, best[begin : begin + count[a]])
        _with(kinds, states, after[a + 1], after[a])
        others = _others(kinds, states, before[a], after[a + 1])
        for i in range(len(steps[a])):
            kind = kinds.of_split[i]
            least = np.inf if kind < 0 else steps[a][i] * others[kind]
            fewest[begin + i] = least if least < np.inf else most


def _states_of(room: Ints) -> States:
    """All that may be left of as many fan-outs as have few states together."""
    used, many = 0, 1
    while used < len(room) and many * len(quotients(room[used])) <= WIDE:
        many *= len(quotients(room[used]))
        used += 1
    widest = 1
    for f in range(used):
        widest = max(widest, len(quotients(room[f])))
    states = States(
        np.zeros((many, used), dtype=np.int64), np.zeros((used, room.max() + 1), dtype=np.int64),
        np.zeros(used, dtype=np.int64), np.zeros((used, widest), dtype=np.int64),
        np.zeros((many, used), dtype=np.int64),
    )  # fmt: skip
    stride = many
    for f in range(used):
        numbers = quotients(room[f])
        stride //= len(numbers)
        states.stride[f] = stride
        for i in range(len(numbers)):
            states.place[f, numbers[i]] = i
            states.numbers[f, i] = numbers[i]
        for s in range(many):
            states.digit[s, f] = s // stride % len(numbers)
            states.left[s, f] = numbers[states.digit[s, f]]
    return states


def _encode(chains: Ints, fans: Ints, room: Ints, used: int, code: Ints) -> None:
    """A number for the children that each split takes of the first fan-outs, -1 where there are fewer in any."""
    for i in range(len(code)):
        number = 0
        for f in range(len(fans)):
            children = chains[i, 0, 2 * fans[f] + 1] * chains[i, 1, 2 * fans[f] + 1]
            if children > room[f]:
                number = -1
                break
            if f < used:
                number = number * (room[f] + 1) + children
        code[i] = number


def _kinds_of(code: Ints, steps: Floats, room: Ints, used: int, best: Ints) -> Kinds:
    """The kinds of an axis' splits, given the number of what each takes; `best` are the best ones, found if empty."""
    size = 64
    while size < 2 * len(code):
        size *= 2
    seen, of_split = np.zeros(size, dtype=np.int64), np.full(len(code), -1)
    codes, least, count = np.zeros(len(code), dtype=np.int64), np.zeros(len(code)), 0
    for i in range(len(code)):
        if code[i] < 0:
            continue
        at = (code[i] * 40_503) & (size - 1)
        while seen[at] > 0 and codes[seen[at] - 1] != code[i]:
            at = (at + 1) & (size - 1)
        if seen[at] == 0:
            codes[count], least[count] = code[i], steps[i]
            count += 1
            seen[at] = count
        of_split[i] = seen[at] - 1
        least[of_split[i]] = min(least[of_split[i]], steps[i])
    children = np.ones((count, used), dtype=np.int64)
    for kind in range(count):
        number = codes[kind]
        for f in range(used - 1, -1, -1):
            children[kind, f] = number % (room[f] + 1)
            number //= room[f] + 1
    return Kinds(of_split, children, least[:count], best if len(best) > 0 else _best_of(children, least[:count]))


def _best_of(children: Ints, steps: Floats) -> Ints:
    """Kinds of which no other takes no more children and no more steps.

    They are gone through by their steps, of equal ones by all of their children: none is beaten by one after it.
    """
    taken = np.ones(len(children), dtype=np.int64)
    for kind in range(len(children)):
        for f in range(children.shape[1]):
            taken[kind] *= children[kind, f]
    order = np.argsort(taken, kind="mergesort")
    order = order[np.argsort(steps[order], kind="mergesort")]
    best, count = np.zeros(len(children), dtype=np.int64), 0
    for kind in order:
        at = 0
        while at < count and not _takes_no_more(children, best[at], kind):
            at += 1
        if at == count:
            best[count] = kind
            count += 1
    return best[:count]


def _takes_no_more(children: Ints, kind: int, other: int) -> bool:
    """Whether a kind takes no more children of any fan-out than another one."""
    f = 0
    while f < children.shape[1] and children[kind, f] <= children[other, f]:
        f += 1
    return f == children.shape[1]


NOWHERE = -(2**40)
"""In place of a state where there are fewer children than are taken: no sum with it is a state."""


def _set_hops(states: States, children: Ints, hops: Ints) -> None:
    """Fill in what taking children adds to the state it leads to, per fan-out and number left.

    Parameters
    ----------
    children : (F,) int64
    hops : (F, most) int64
    """
    for f in range(len(children)):
        for i in range(hops.shape[1]):
            left = states.numbers[f, i]
            enough = children[f] <= left
            hops[f, i] = states.place[f, left // children[f]] * states.stride[f] if enough else NOWHERE


def _rest(states: States, s: int, hops: Ints) -> int:
    """The state that taking children leads to, below zero where there are fewer."""
    rest = 0
    for f in range(len(hops)):
        rest += hops[f, states.digit[s, f]]
    return rest


def _with(kinds: Kinds, states: States, fewest: Floats, out: Floats) -> None:
    """The fewest steps in each state of some axes and one more."""
    hops = np.zeros(states.numbers.shape, dtype=np.int64)
    last = len(hops) - 1
    for s in range(len(out)):
        out[s] = np.inf
    for kind in kinds.best:
        _set_hops(states, kinds.children[kind], hops)
        steps, s = kinds.steps[kind], 0
        if last < 0:  # all fan-outs are taken to have room for everything
            out[0] = min(out[0], steps * fewest[0])
            continue
        while s < len(out):
            # States that differ in the last fan-out alone, where ever fewer children are left, stand side by side.
            rest, end = 0, min(len(out), s + (states.stride[last - 1] if last > 0 else len(out)))
            for f in range(last):
                rest += hops[f, states.digit[s, f]]
            for at in range(s, end if rest >= 0 else s):
                hop = hops[last, at - s]
                if hop < 0:
                    break
                out[at] = min(out[at], steps * fewest[rest + hop])
            s = end


def _others(kinds: Kinds, states: States, before: Floats, after: Floats) -> Floats:
    """The fewest steps of all other axes with each kind of splits: those before take some of the children left, and
    those after the rest."""
    many = len(kinds.steps)
    of_kind, rest, hops = np.full(many, np.inf), np.zeros(many, dtype=np.int64), np.zeros_like(states.numbers)
    first = np.full(len(before), -1)
    for kind in range(many):
        _set_hops(states, kinds.children[kind], hops)
        rest[kind] = _rest(states, 0, hops)
        if first[rest[kind]] < 0:
            first[rest[kind]] = kind
    for at in _corners(states, before):
        _set_hops(states, states.left[at], hops)
        for kind in range(many):
            if first[rest[kind]] == kind:
                end = _rest(states, rest[kind], hops)
                if end >= 0:
                    of_kind[kind] = min(of_kind[kind], before[at] * after[end])
    for kind in range(many):
        of_kind[kind] = of_kind[first[rest[kind]]]
    return of_kind


def _corners(states: States, fewest: Floats) -> Ints:
    """States in which fewer children of any fan-out would take more steps."""
    found, count = np.zeros(len(fewest), dtype=np.int64), 0
    for s in range(len(fewest)):
        corner = fewest[s] < np.inf
        for f in range(states.left.shape[1]):
            if states.left[s, f] > 1:
                corner = corner and fewest[s + states.stride[f]] > fewest[s]
        if corner:
            found[count] = s
            count += 1
    return found[:count]
