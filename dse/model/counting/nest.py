"""The closed form of a whole loop nest: every crossing of every operand, booked at both of its ends.

Records and what compiles: see `dse.model.counting.records` and `dse.model.counting.axes`.
"""

from __future__ import annotations

from dse.model.counting.axes import combinations, crossing
from dse.model.counting.kernel import Ints, entry
from dse.model.counting.records import READ, WRITE, Counts, Hierarchy, IterationSpace, Nest, Scratch


@entry
def count_nest(nest: Nest, space: IterationSpace, hierarchy: Hierarchy, scratch: Scratch, counts: Counts) -> int:
    """Count every crossing of a nest and book its words at both ends; fills `counts` and returns the compute steps."""
    bounds, ends = space.bounds, counts.ends
    nodes = len(hierarchy.is_fan_out)
    for i in range(nodes):
        for o in range(3):
            ends[o, i, 0] = -1
            for side in range(2):
                counts.levels[i, o, side] = 0
                counts.fans[i, o, side] = 0
    for o in range(3):
        parent = 0
        found = 0
        empty = bounds[0] * bounds[1] * bounds[2] * bounds[4] * bounds[5]  # psum visits that start empty
        for child in range(1, nodes + 1):
            if child < nodes and hierarchy.keeps[child, o] == 0:
                continue
            crossing(o, parent, child, nest, space, hierarchy, scratch, counts.factors[o])
            ends[o, found, 0] = parent
            ends[o, found, 1] = child
            empty = book(o, found, empty, hierarchy, counts)
            found += 1
            parent = child
    for i in range(nest.size):
        scratch.counted[i] = 1 - nest.spatial[i]
    steps = 1
    for d in range(8):
        steps *= combinations(nest, d, bounds[d], scratch.counted)
    return steps


def book(o: int, found: int, empty: int, hierarchy: Hierarchy, counts: Counts) -> int:
    """Book a crossing's words at its parent, its child and the fan-outs between.

    Parameters
    ----------
    o, found : int
        Operand, and place of the crossing in `counts.ends`.
    empty : int
        Psum visits to the parent that start empty.

    Returns
    -------
    int
        Psum visits to the child that start empty.
    """
    levels, fans, factors = counts.levels, counts.fans, counts.factors
    nodes = len(hierarchy.is_fan_out)
    parent, child = counts.ends[o, found, 0], counts.ends[o, found, 1]
    read = product(factors[o, parent])
    back = read - empty if o == 2 else 0
    filled = read
    for i in range(parent + 1, child):
        if hierarchy.is_fan_out[i] == 1:
            outside = filled
            filled = product(factors[o, i])
            fans[i, o, 0] += back if o == 2 else filled
            fans[i, o, 1] += filled - outside if o == 2 else 0
    # A psum's words are written at the parent, and all but those that start their visit are read back.
    out, into = (back, read) if o == 2 else (read, 0)
    counts.booked[o, found, READ] = out
    counts.booked[o, found, WRITE] = into
    levels[parent, o, READ] += out
    levels[parent, o, WRITE] += into
    if child < nodes:
        levels[child, o, READ] += filled if o == 2 else 0
        levels[child, o, WRITE] += back if o == 2 else filled
    return filled - back


def product(factors: Ints) -> int:
    """The product of one factor per dim."""
    words = 1
    for d in range(8):
        words *= factors[d]
    return words
