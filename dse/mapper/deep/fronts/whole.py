"""All points of a front together: subproblems in slices of time, those that may gain most first."""

from __future__ import annotations

import heapq
from collections.abc import Generator
from dataclasses import replace
from itertools import count
from math import exp, inf

import numpy as np

from dse.mapper.deep.bounds.best import Best
from dse.mapper.deep.bounds.roots import root_of
from dse.mapper.deep.bounds.stand_ins import is_large
from dse.mapper.deep.bounds.subproblem import Node, Space, bounded
from dse.mapper.deep.fronts.slices import FASTER, Slice, Stairs
from dse.mapper.deep.leaf.orders import SUBPROBLEMS
from dse.mapper.deep.tree.best_first import children_of, dive, walked_at_once
from dse.mapper.deep.tree.branching import Learned
from dse.mapper.deep.tree.improve import exchange_near
from dse.model.counting.kernel import Floats, Ints

WORTH = 0.15
"""A slice is cut where less than this part of the most that is left to prove in it is, in logarithms."""


def complete(spaces: list[Space], best: Best, stairs: Stairs, fewest: float) -> Generator[None, None, float]:
    """Find all that is missing of a front whose ends are known, with a pause after every subproblem.

    Returns the gap that is proven: every mapping that is faster than the last of the points is within it of some point,
    in both energy and time.

    Parameters
    ----------
    best
        A search of these spaces, of which gap, counters and `stop` are taken.
    fewest : float
        Steps that every mapping takes.
    """
    slowest = float(stairs.values[stairs.held - 1, 1]) / (1 + best.gap)
    whole = Slice(stairs, best, fewest, slowest * (1 - FASTER))
    if whole.until <= fewest:
        return best.gap
    number = count()
    heap: list[tuple[float, int, Slice, Node]] = []
    for space in spaces:
        root = root_of(space, whole)
        if root is not None:
            heapq.heappush(heap, (root.bound - whole.target_in(root), next(number), whole, root))
    known: set[bytes] = set()
    before, dive_at = int(best.visited[SUBPROBLEMS]), 1
    learned = Learned(halved=False) if is_large(spaces[0]) else None
    while heap and not best.stop[0] and stairs.held >= 0:
        _, _, part, node = heapq.heappop(heap)
        pieces = _left(part, node)
        if any(some is not part for some, _ in pieces) and not walked_at_once(node, part, learned):
            for some, mine in pieces:
                again = bounded(
                    mine.space, mine.choices, mine.rows, mine.weights, some, mine.columns, mirror=mine.mirror,
                    gathered=mine.gathered,
                )  # fmt: skip
                if again is not None:
                    again = replace(again, compared=mine.compared)
                    heapq.heappush(heap, (again.bound - some.target_in(again), next(number), some, again))
        elif pieces:
            best.visited[SUBPROBLEMS] += 1
            if best.visited[SUBPROBLEMS] - before == dive_at:
                dive_at *= 2
                dive(node, part)
            if learned is not None:
                learned.goes_on(int(best.visited[SUBPROBLEMS]) - before, node)
            for child in children_of(node, part, learned):
                heapq.heappush(heap, (child.bound - part.target_in(child), next(number), part, child))
            if best.gap > 0:
                _improve(spaces, whole, known)
        yield
        if best.stop[0]:  # what is at hand may not have been walked to its end
            heapq.heappush(heap, (0.0, next(number), part, node))
    left = max((part.target_in(node) - node.bound for _, _, part, node in heap), default=0.0)
    return (1 + best.gap) * exp(max(0.0, left)) - 1 if left > 0.0 else best.gap


def gap_of_one(stairs: Stairs, cheapest: float, fewest: float) -> float:
    """The gap that one point alone proves, given energy and steps that every mapping takes."""
    points = stairs.values[: stairs.held]
    least = max(cheapest, 1e-300)  # of no energy, a point that takes none is as near as can be
    return float(np.maximum(points[:, 0] / least, points[:, 1] / fewest).min()) - 1


def _left(part: Slice, node: Node) -> list[tuple[Slice, Node]]:
    """What is left of a subproblem in a slice: in less time, or in two slices, each with the bound it has there."""
    bounds, targets, times, ends = part.steps_of(node)
    missing = np.flatnonzero(bounds < targets)
    if len(missing) == 0:
        return []
    left = []
    for begin, end in _cut(targets - bounds, int(missing[0]), int(missing[-1]) + 1):
        mine = missing[(missing >= begin) & (missing < end)]
        first, last = int(mine[0]), int(mine[-1])
        whole = first == 0 and last == len(times) - 1
        some = part if whole else part.part(float(times[first]), float(ends[last]))
        left.append((some, node if whole else replace(node, bound=float(bounds[last]))))
    return left


def _cut(missing: Floats, begin: int, end: int) -> list[tuple[int, int]]:
    """The steps from one up to another, in two parts where a bound is so much nearer to the goal between than beside
    that weights of their own may do better on both sides."""
    between = missing[begin + 1 : end - 1]
    if len(between) == 0 or not np.isfinite(missing[begin:end]).all():
        return [(begin, end)]
    at = begin + 1 + int(np.argmin(between))
    if missing[at] >= min(missing[begin], missing[end - 1], WORTH * missing[begin:end].max()):
        return [(begin, end)]
    at += int(at - begin < end - at)
    return [(begin, at), (at, end)]


def _improve(spaces: list[Space], whole: Slice, known: set[bytes]) -> None:
    """Exchange splits of points that are new, to find others, so that a few points are soon enough."""
    stairs = whole.stairs
    while not whole.stop[0]:
        new = [i for i in range(stairs.held) if stairs.records[i].tobytes() not in known]
        if not new:
            return
        for at in new:
            known.add(stairs.records[at].tobytes())
        for record, low, until in [(stairs.records[i].copy(), *_beside(stairs, i)) for i in new]:
            exchange_near(spaces, whole.part(low, until), record)


def _beside(stairs: Stairs, at: int) -> tuple[float, float]:
    """The times of the points beside one."""
    times = stairs.values[: stairs.held, 1]
    until = float(times[min(at + 1, len(times) - 1)]) * (1 - FASTER)
    return float(times[max(0, at - 1)]), until


def points_of(stairs: Stairs) -> tuple[Floats, Ints]:
    """The points of a front, without those that are faster than others by next to nothing."""
    kept: list[int] = []
    until = inf
    for i in range(stairs.held - 1, -1, -1):
        if stairs.values[i, 1] < until:
            kept.append(i)
            until = float(stairs.values[i, 1]) * (1 - FASTER)
    return stairs.values[kept[::-1]], stairs.records[kept[::-1]]
