"""The closed form of a whole loop nest: every crossing of every operand, booked at both of its ends.

Records and what compiles: see `dse.model.counting.records` and `dse.model.counting.axes`.
"""

from __future__ import annotations

from dse.model.counting.axes import combinations, crossing
from dse.model.counting.kernel import Ints, entry
from dse.model.counting.records import READ, WRITE, Counts, Hierarchy, IterationSpace, Nest, Scratch
from dse.problem.dims import PSUM, C, G, K, N, P, Q, R, S


@entry
def count_nest(nest: Nest, space: IterationSpace, hierarchy: Hierarchy, scratch: Scratch, counts: Counts) -> int:
    """Count every crossing of a nest and book its words at both ends; fills `counts` and returns the compute steps.

    Examples
    --------
    A fully connected layer with K = 2 and C = 3 between two levels, K outermost: the ifmap is read twice.

    >>> import numpy as np
    >>> from dse.model.counting.counts import RELEVANCE, scratch_for
    >>> from dse.model.counting.records import new_counts
    >>> bounds, zeros = (1, 1, 2, 3, 1, 1, 1, 1), np.zeros(2, int)
    >>> space = IterationSpace(np.array(bounds), np.ones(4, int), RELEVANCE)
    >>> levels = Hierarchy(zeros, np.full(2, 2), zeros, np.ones((2, 3), int))
    >>> nest = Nest(2, np.array([2, 3]), np.array([2, 3]), np.ones(2, int), zeros, zeros)
    >>> counts = new_counts(2)
    >>> int(count_nest(nest, space, levels, scratch_for(bounds, 1, 2), counts)), counts.levels[0, :, READ].tolist()
    (6, [6, 6, 0])
    """
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
        empty = bounds[G] * bounds[N] * bounds[K] * bounds[P] * bounds[Q]  # psum visits that start empty
        for child in range(1, nodes + 1):
            if child < nodes and hierarchy.keeps[child, o] == 0:
                continue
            crossing(o, parent, child, nest, space, hierarchy, scratch, counts.factors[o])
            ends[o, found, 0] = parent
            ends[o, found, 1] = child
            empty = book(o, found, empty, hierarchy, counts)
            found += 1
            parent = child
    _finish(nest, hierarchy, bounds, counts)
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

    Examples
    --------
    Six words of the ifmap go in; six psum words come out, of which two start a visit and four are read back first.

    >>> import numpy as np
    >>> from dse.model.counting.records import new_counts
    >>> levels = Hierarchy(np.zeros(2, int), np.full(2, 2), np.zeros(2, int), np.ones((2, 3), int))
    >>> counts = new_counts(2)
    >>> counts.ends[:, 0] = 0, 1
    >>> counts.factors[:, 0, 2] = 6
    >>> _, empty = book(0, 0, 0, levels, counts), book(2, 0, 2, levels, counts)
    >>> int(empty), counts.levels[0, 0].tolist(), counts.levels[0, 2].tolist()
    (2, [6, 0], [4, 6])
    """
    levels, fans, factors = counts.levels, counts.fans, counts.factors
    nodes = len(hierarchy.is_fan_out)
    parent, child = counts.ends[o, found, 0], counts.ends[o, found, 1]
    read = product(factors[o, parent])
    back = read - empty if o == PSUM else 0
    filled = read
    for i in range(parent + 1, child):
        if hierarchy.is_fan_out[i] == 1:
            outside = filled
            filled = product(factors[o, i])
            fans[i, o, 0] += back if o == PSUM else filled
            fans[i, o, 1] += filled - outside if o == PSUM else 0
    # A psum's words are written at the parent, and all but those that start their visit are read back.
    out, into = (back, read) if o == PSUM else (read, 0)
    counts.booked[o, found, READ] = out
    counts.booked[o, found, WRITE] = into
    levels[parent, o, READ] += out
    levels[parent, o, WRITE] += into
    if child < nodes:
        levels[child, o, READ] += filled if o == PSUM else 0
        levels[child, o, WRITE] += back if o == PSUM else filled
    return filled - back


def _finish(nest: Nest, hierarchy: Hierarchy, bounds: Ints, counts: Counts) -> None:
    """Count the psums that come to each level finished, once every crossing is booked.

    The last visit of each word ends finished, but not in a level inside a fan-out that adds up psums over which sums
    are spread (a loop over C, R or S): what its instances hold are parts of sums to the last.
    """
    words = bounds[G] * bounds[N] * bounds[K] * bounds[P] * bounds[Q]
    for node in range(len(hierarchy.is_fan_out)):
        counts.finished[node] = 0
    k = 0
    while k < len(hierarchy.is_fan_out) and counts.ends[PSUM, k, 0] >= 0:
        parent = counts.ends[PSUM, k, 0]
        counts.finished[parent] = words
        for i in range(nest.size):
            if nest.spatial[i] == 1 and nest.place[i] < parent and hierarchy.reduces[nest.place[i]] == 1:
                d = nest.dim[i]
                if (d == C or d == R or d == S) and nest.trips[i] > 1:
                    counts.finished[parent] = 0
        k += 1


def only_finished(node: int, counts: Counts) -> bool:
    """Whether all psums that come to a level are finished, so that it needs no room for wider ones.

    Examples
    --------
    >>> import dse
    >>> from dse.model.counting.counts import count_mapping
    >>> chip, layer = dse.load_architecture("eyeriss"), dse.Layer("fc", K=2, C=3)
    >>> mapping = dse.Mapping.from_dict([
    ...     {"level": "DRAM", "stores": ["ifmap", "weight", "psum"], "loops": [["K", 2], ["C", 3]]},
    ...     {"level": "GLB", "stores": ["ifmap", "psum"], "loops": []},
    ...     {"fan_out": "array", "rows": [], "cols": []},
    ...     {"level": "PE", "stores": ["ifmap", "weight", "psum"], "loops": []},
    ... ])
    >>> counts = count_mapping(layer, chip, mapping).words
    >>> [only_finished(node, counts) for node in (0, 1, 3)]  # a PE receives each of three products
    [True, True, False]
    """
    k = 0
    while k < len(counts.finished) and counts.ends[PSUM, k, 0] >= 0:
        if counts.ends[PSUM, k, 0] == node:
            return bool(counts.booked[PSUM, k, 1] == counts.finished[node])
        k += 1
    return True


def product(factors: Ints) -> int:
    """The product of one factor per dim.

    Examples
    --------
    >>> import numpy as np
    >>> int(product(np.array([1, 2, 1, 3, 1, 1, 1, 5])))
    30
    """
    words = 1
    for d in range(8):
        words *= factors[d]
    return words
