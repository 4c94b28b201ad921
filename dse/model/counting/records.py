"""Arrays that the model's kernels pass around together, by name. Built by Python and by compiled code alike.

Not compiled itself: a record's class is the same whoever builds it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.model.counting.kernel import Floats, Ints

NONE, TILE, WORD = 0, 1, 2
"""Multicast modes, weakest first."""

READ, WRITE = 0, 1
"""Directions of words at a level or a port: the last index of counts and of what they cost."""


class Nest(NamedTuple):
    """A flat loop nest, outermost loop first.

    Parameters
    ----------
    size : int
        Loops in use; the arrays may be longer.
    dim : (loops,)
        Index in DIMS.
    trips : (loops,)
    step : (loops,)
        Product of the trips of all loops over the same dim inside.
    place : (loops,)
        Index of the node in the hierarchy.
    spatial : (loops,)
        0 or 1.
    """

    size: int
    dim: Ints
    trips: Ints
    step: Ints
    place: Ints
    spatial: Ints


class IterationSpace(NamedTuple):
    """What a layer iterates over.

    Parameters
    ----------
    bounds : (8,)
        By dim of DIMS.
    window : (4,)
        stride_h, dilation_h, stride_w, dilation_w.
    relevance : (3, 8)
        1 where a dim indexes an operand.
    """

    bounds: Ints
    window: Ints
    relevance: Ints


class Hierarchy(NamedTuple):
    """The nodes of an architecture, outermost first, and what a mapping keeps in them.

    Parameters
    ----------
    is_fan_out : (nodes,)
    multicast : (nodes,)
        Of a fan-out: NONE, TILE or WORD.
    reduces : (nodes,)
        1 where the children of a fan-out add their psums up on the way out.
    keeps : (nodes, 3)
        1 where a level keeps an operand.
    """

    is_fan_out: Ints
    multicast: Ints
    reduces: Ints
    keeps: Ints


class Counts(NamedTuple):
    """What `dse.model.counting.nest.count_nest` fills.

    A crossing is the way of an operand from a level that keeps it to the next one inside that does, or to the MACs.

    Parameters
    ----------
    factors : (3, nodes, 8)
        Per operand and node, the factors per dim of the words on the node's inner side: those that a level hands to
        what is inside, or that reach a fan-out's children. Ones where the operand does not pass.
    ends : (3, nodes, 2)
        Parent and child of each crossing (child = nodes for the MACs); -1 after the last.
    booked : (3, nodes, 2)
        Words read and written at the parent of each crossing.
    levels : (nodes, 3, 2)
        Words read and written.
    fans : (nodes, 3, 2)
        Words delivered, and psum hops.
    finished : (nodes,)
        Of the psums that come to a level from inside, those that are finished; they leave it finished.
    """

    factors: Ints
    ends: Ints
    booked: Ints
    levels: Ints
    fans: Ints
    finished: Ints


class Scratch(NamedTuple):
    """Working arrays of `dse.model.counting.axes` and `boxes`.

    Parameters
    ----------
    counted : (loops,)
        1 for the loops whose index combinations count.
    joined : (loops,)
        1 for the spatial loops whose children count as one.
    tile : (8,)
        Tile of the child of a crossing.
    positions_a, positions_b : (longest bound + 1, 3)
        Classes of positions along the two dims of an axis: see `dse.model.counting.boxes.positions`.
    offsets_a, offsets_b : (children + 1,)
        Offsets of the children along them.
    starts, ends : (children + 1,)
        Edges of the children's boxes, in words of the ifmap.
    """

    counted: Ints
    joined: Ints
    tile: Ints
    positions_a: Ints
    positions_b: Ints
    offsets_a: Ints
    offsets_b: Ints
    starts: Ints
    ends: Ints


class Axis(NamedTuple):
    """An axis of the ifmap and the two dims that meet on it.

    Parameters
    ----------
    a, b : int
        P and R, or Q and S.
    stride, dilation : int
        Words that one step of a, and one of b, moves.
    """

    a: int
    b: int
    stride: int
    dilation: int


class Position(NamedTuple):
    """Where a group of children stands on an axis.

    Parameters
    ----------
    extent_a, extent_b : int
        What is left of the two bounds.
    move_a, move_b : int
        Distance from the previous iteration of loop j where it slides over the dim, else 0.
    """

    extent_a: int
    move_a: int
    extent_b: int
    move_b: int


class Timing(NamedTuple):
    """How fast the parts of an architecture are, for elements of a layer.

    Parameters
    ----------
    buffering : (nodes, 3)
        STREAMING, DOUBLE or SINGLE (`dse.model.time`), per operand.
    port_node : (ports,)
        The level a port belongs to.
    port_cost : (ports, 3, 2)
        Steps that one element of an operand occupies the port, reading and writing; 0 where it is not served.
    port_saved : (ports, 2)
        By how much less a finished psum occupies it than another one, reading and writing.
    port_joins : (ports,)
        The port whose transfers take turns with those of this one, as both are one; -1 for none.
    folds : (nodes, 8)
        For a fan-out, cycles of skew that every fold pays, and cycles that shift each operand in and out; then the same
        where folds overlap (`dse.model.time.APART`, `OVERLAPPING`).
    """

    buffering: Ints
    port_node: Ints
    port_cost: Floats
    port_saved: Floats
    port_joins: Ints
    folds: Floats


class Spent(NamedTuple):
    """Where the time of a nest goes: filled by `dse.model.time.latency`, in steps.

    Parameters
    ----------
    parts : (6,)
        By COMPUTE, FIRST_FILL, LAST_DRAIN, SERIAL, SKEW and SHIFTS (`dse.model.time`).
    ports : (ports,)
        Overlapped time of each port.
    """

    parts: Floats
    ports: Floats


def new_counts(nodes: int) -> Counts:
    """Room for the counts of a hierarchy.

    Examples
    --------
    >>> new_counts(4).levels.shape
    (4, 3, 2)
    """
    return Counts(
        factors=np.ones((3, nodes, 8), dtype=np.int64),
        ends=np.full((3, nodes, 2), -1, dtype=np.int64),
        booked=np.zeros((3, nodes, 2), dtype=np.int64),
        levels=np.zeros((nodes, 3, 2), dtype=np.int64),
        fans=np.zeros((nodes, 3, 2), dtype=np.int64),
        finished=np.zeros(nodes, dtype=np.int64),
    )
