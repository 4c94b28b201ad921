"""Bounds on compute steps: how few of them unrollings leave that fit into the fan-outs together."""

from __future__ import annotations

import numpy as np

from dse.mapper.deep.axes import Axis
from dse.mapper.deep.problem import Deep
from dse.mapper.shared.compilation.twins import compiled
from dse.mapper.shared.space import fastest_steps
from dse.model.counting.kernel import Floats, Ints

Frontier = tuple[Ints, Floats]
"""(n, F) children taken of each fan-out and (n,) the fewest steps with so many."""

WIDE = 3_000_000
"""Pairs of unrollings above which the axes on one side of the pairing are taken to need no children."""


def fastest_of(problem: Deep) -> float:
    """A bound on compute steps: those that the unrollings of one fan-out leave, over the children of all others."""
    sides = problem.sides.prod(axis=1)
    return max(
        _steps_on(problem, level) * float(sides[level]) / float(sides.prod()) for level in range(len(problem.nodes))
    )


def _steps_on(problem: Deep, level: int) -> float:
    """The fewest products of passes that unrollings over one fan-out leave."""
    rows, cols = (int(x) for x in problem.sides[level])
    start, found = [0], []
    for d in range(8):
        bound = int(problem.bounds[d])
        sides = [range(1, min(side, bound) + 1) if problem.on_side[level, k, d] else (1,)
                 for k, side in enumerate((rows, cols))]  # fmt: skip
        best: dict[tuple[int, int], int] = {}
        for sy in sides[0]:
            for sx in sides[1]:
                if sy == 1 or sx == 1 or sy * sx < 2 * bound:
                    best[sy, sx] = -(-bound // (sy * sx))
        found += [(sy, sx, passes, passes) for (sy, sx), passes in best.items()]
        start.append(len(found))
    tiles = np.array([[0, 0, x] for x in start], dtype=np.int64)
    table = np.array([[*row, 0] for row in found], dtype=np.int64)
    return float(compiled(fastest_steps)(np.arange(9), tiles, table, rows, cols))


def lay_down_fewest(problem: Deep, axes: list[Axis]) -> tuple[float, tuple[int, ...]]:
    """Give axes a column ("fewest",): the fewest steps of a mapping with each split, over the fewest of all.

    Children are counted per fan-out, rows times columns, and never more than there are.

    Returns
    -------
    float
        The fewest steps of all.
    tuple of int
        Axes on which splits differ in that.
    """
    least = fastest_of(problem)
    fans = [i for i in range(len(problem.nodes)) if problem.fans[i] >= 0 and problem.sides[i].prod() > 1]
    if not fans or not all(map(len, axes)):
        return least, ()
    room = problem.sides[fans].prod(axis=1)
    alone = [_alone(axis, fans) for axis in axes]
    frontiers = [_thinned(children[which], steps[which], room) for children, steps, which, _ in alone]
    nothing: Frontier = (np.ones((1, len(fans)), dtype=np.int64), np.ones(1))
    before, after = [nothing], [nothing]
    for frontier in frontiers[:-1]:
        before.append(_paired(before[-1], frontier, room))
    for frontier in frontiers[:0:-1]:
        after.append(_paired(after[-1], frontier, room))
    values = []
    for (children, steps, which, back), one, other in zip(alone, before, reversed(after), strict=True):
        others = _paired(one, other, room)
        values.append(_together(children[which], steps[which], others, room, float(problem.macs))[back])
    least = max(least, *(float(value.min()) for value in values))
    for axis, value in zip(axes, values, strict=True):
        axis.put(("fewest",), np.maximum(value / least, 1.0))
    return least, tuple(a for a, axis in enumerate(axes) if axis.column(("fewest",)) > 0)


def _alone(axis: Axis, fans: list[int]) -> tuple[Ints, Floats, Ints, Ints]:
    """Per split the children it takes of each fan-out and its steps; one split of each kind, and the kind of each."""
    children = np.stack([axis.children(i) for i in fans], axis=1)
    at = axis.column(("steps",))
    steps = axis.table(plain=True)[at]
    code = steps.astype(np.int64)
    for column in children.T:
        code = code * (column.max() + 1) + column
    _, which, back = np.unique(code, return_index=True, return_inverse=True)
    return children, steps, which, back


def _thinned(children: Ints, steps: Floats, room: Ints) -> Frontier:
    """Those that fit, without any that has no fewer steps than one with fewer children of the first fan-out."""
    fits = (children <= room).all(axis=1)
    children, steps = children[fits], steps[fits]
    order = np.lexsort((steps, *children.T))
    children, steps = children[order], steps[order]
    kept = np.ones(len(steps), dtype=bool)
    new = np.ones(len(steps), dtype=bool)
    new[1:] = (children[1:, 1:] != children[:-1, 1:]).any(axis=1)
    starts = np.flatnonzero(new)
    for start, end in zip(starts, [*starts[1:], len(steps)], strict=False):
        fewest = np.minimum.accumulate(steps[start:end])
        kept[start + 1 : end] = fewest[1:] < fewest[:-1]
    return children[kept], steps[kept]


def _paired(one: Frontier, other: Frontier, room: Ints) -> Frontier:
    """The unrollings of two sets of axes together."""
    if len(one[1]) == 1 and one[1][0] == 1.0 and (one[0] == 1).all():
        return other
    if len(one[1]) * len(other[1]) > WIDE:
        other = np.ones_like(other[0][:1]), other[1].min(keepdims=True)
    children = (one[0][:, None] * other[0]).reshape(-1, len(room))
    return _thinned(children, (one[1][:, None] * other[1]).ravel(), room)


def _together(children: Ints, steps: Floats, others: Frontier, room: Ints, most: float) -> Floats:
    """The fewest steps of all axes with each split of one; `most` when it fits beside none."""
    fewest = np.full(len(steps), most)
    order = np.argsort(others[1], kind="stable")
    open_ = np.arange(len(steps))
    for at in order:
        fits = (children[open_] * others[0][at] <= room).all(axis=1)
        fewest[open_[fits]] = steps[open_[fits]] * others[1][at]
        open_ = open_[~fits]
        if len(open_) == 0:
            break
    return fewest
