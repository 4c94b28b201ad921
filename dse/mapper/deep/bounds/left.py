"""The splits of a subproblem that may be part of something better than what is known by now."""

from __future__ import annotations

from dse.mapper.deep.bounds.mirror import CLOSED
from dse.mapper.deep.bounds.subproblem import Node
from dse.mapper.deep.bounds.sums.records import ROUNDING
from dse.mapper.deep.lists import Bools
from dse.problem.dims import P, Q


def only_left(node: Node, target: float) -> Node:
    """The same subproblem with those splits alone that may be part of a mapping below the target."""
    return node.only([lifts_left(node, a, target) for a in range(len(node.rows))])


def lifts_left(node: Node, axis: int, target: float) -> Bools:
    """Which of the splits of an axis may be part of a mapping below the target."""
    most = target - node.bound + ROUNDING
    left: Bools = node.reduced[axis] <= most
    if node.mirror == CLOSED and axis in (P, Q):
        left &= node.reduced[P + Q - axis] <= most  # no mapping is left whose image is not
    return left
