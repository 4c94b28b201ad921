"""The closed form of a whole loop nest: every crossing of every operand, booked at both of its ends.

Flat nests and what compiles: see `dse.model.axes`.
"""

from __future__ import annotations

from typing import Any

from dse.model.axes import combinations, crossing

Ints = Any  # a list of int, or an int64 array in compiled code


def count_nest(
    n: int, dim: Ints, trips: Ints, step: Ints, place: Ints, spatial: Ints, bounds: Ints, window: Ints, keeps: Ints,
    is_fan_out: Ints, multicast: Ints, reduces: Ints, relevance: Ints, scratch: Any, tile: Ints, factors: Ints,
    ends: Ints, booked: Ints, levels: Ints, fans: Ints,
) -> int:  # fmt: skip
    """Count every crossing of a nest and book its words at both ends.

    Parameters
    ----------
    keeps : (nodes, 3)
        1 where a level keeps an operand.
    is_fan_out, multicast, reduces : (nodes,)
    relevance : (3, 8)
    scratch : see `crossing`.
    tile : (8,)
        Scratch.
    factors : (3, nodes, 8)
        Filled per operand and node that hands it inwards: see `crossing`.
    ends : (3, nodes, 2)
        Filled with parent and child of each crossing (child = nodes is the MAC); -1 after the last.
    booked : (3, nodes, 2)
        Filled per crossing with the words read and written at its parent.
    levels : (nodes, 3, 2)
        Filled with reads and writes.
    fans : (nodes, 3, 2)
        Filled with words delivered and psum hops.

    Returns
    -------
    int
        Compute steps.
    """
    nodes = len(is_fan_out)
    for i in range(nodes):
        for o in range(3):
            ends[o, i, 0] = -1
            for side in range(2):
                levels[i, o, side] = 0
                fans[i, o, side] = 0
    for o in range(3):
        parent = 0
        found = 0
        empty = bounds[0] * bounds[1] * bounds[2] * bounds[4] * bounds[5]  # psum visits that start empty
        for child in range(1, nodes + 1):
            if child < nodes and keeps[child, o] == 0:
                continue
            mode = 2
            for i in range(parent + 1, child):
                if is_fan_out[i] == 1:
                    mode = min(mode, multicast[i])
            for d in range(8):
                tile[d] = 1
            for i in range(n):
                if place[i] >= child:
                    tile[dim[i]] *= trips[i]
            for d in range(8):
                tile[d] = min(tile[d], bounds[d])
            crossing(
                o, parent, child, child == nodes, is_fan_out, reduces, mode, n, dim, trips, step, place, spatial,
                bounds, window, relevance[o], tile, scratch, factors[o],
            )  # fmt: skip
            ends[o, found, 0] = parent
            ends[o, found, 1] = child
            read = product(factors[o, parent])
            back = read - empty if o == 2 else 0
            filled = read
            for i in range(parent + 1, child):
                if is_fan_out[i] == 1:
                    outside = filled
                    filled = product(factors[o, i])
                    fans[i, o, 0] += back if o == 2 else filled
                    fans[i, o, 1] += filled - outside if o == 2 else 0
            if o < 2:
                booked[o, found, 0] = read
                booked[o, found, 1] = 0
                levels[parent, o, 0] += read
                if child < nodes:
                    levels[child, o, 1] += filled
            else:
                booked[o, found, 0] = back
                booked[o, found, 1] = read
                levels[parent, o, 0] += back
                levels[parent, o, 1] += read
                if child < nodes:
                    levels[child, o, 0] += filled
                    levels[child, o, 1] += back
                empty = filled - back
            found += 1
            parent = child
    counted = scratch[0]
    for i in range(n):
        counted[i] = 1 - spatial[i]
    steps = 1
    for d in range(8):
        steps *= combinations(n, dim, trips, step, d, bounds[d], counted)
    return steps


def product(factors: Ints) -> int:
    """The product of one factor per dim."""
    words = 1
    for d in range(8):
        words *= factors[d]
    return words
