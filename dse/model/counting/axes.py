"""The closed form of one crossing: words that move from a parent level to its children, dim by dim.

Every count is a product over the dims of a layer (P with R, and Q with S, jointly for the ifmap). The functions here
work on flat loop nests (`dse.model.counting.records.Nest`) and use only what a compiler of numerical Python reads;
the mapper compiles them as they stand, so the mapper and `dse.evaluate` count with the same text.
"""

from __future__ import annotations

from dse.model.counting.boxes import box_words
from dse.model.counting.kernel import Ints
from dse.model.counting.records import NONE, WORD, Axis, Hierarchy, IterationSpace, Nest, Scratch
from dse.problem.dims import IFMAP, PSUM, P, Q, R, S


def stationary_run(nest: Nest, child: int, relevant: Ints) -> tuple[int, int]:
    """The loop j of the loop rule, as the positions of its outermost and innermost part.

    Among the temporal loops above `child` with more than one trip, neighbours over one dim merged, j is the innermost
    that is relevant to the operand. Returns `(size, size)` when there is none: then all loops are inside j.

    Examples
    --------
    Loops over C, K and P above the child: the weights' loop j is the one over K, since P does not index them.

    >>> import numpy as np
    >>> from dse.model.counting.counts import RELEVANCE
    >>> dim, trips, ones, zeros = np.array([3, 2, 4]), np.array([2, 2, 3]), np.ones(3, int), np.zeros(3, int)
    >>> stationary_run(Nest(3, dim, trips, ones, zeros, zeros), 1, RELEVANCE[1])
    (1, 1)
    """
    dim, trips, place, spatial = nest.dim, nest.trips, nest.place, nest.spatial
    first = nest.size
    last = nest.size
    for i in range(nest.size - 1, -1, -1):
        if spatial[i] == 1 or place[i] >= child or trips[i] == 1:
            continue
        if last == nest.size:
            if relevant[dim[i]] == 1:
                first = i
                last = i
        elif dim[i] == dim[last]:
            first = i
        else:
            break
    return first, last


def combinations(nest: Nest, which: int, bound: int, counted: Ints) -> int:
    """How many index combinations of the counted loops over dim `which` exist, the other loops at index 0.

    A combination exists when its offset is below the bound. Loop by loop, outermost first: the iterations that have a
    whole step left hold all combinations of the loops inside; the last one, if partial, is looked into.

    Examples
    --------
    P = 10 in tiles of 4: three tiles, and ten single indices.

    >>> import numpy as np
    >>> zeros = np.zeros(2, int)
    >>> nest = Nest(2, np.array([4, 4]), np.array([3, 4]), np.array([4, 1]), zeros, zeros)
    >>> int(combinations(nest, 4, 10, np.array([1, 0]))), int(combinations(nest, 4, 10, np.array([1, 1])))
    (3, 10)
    """
    dim, trips, step = nest.dim, nest.trips, nest.step
    total = 0
    extent = bound
    for i in range(nest.size):
        if dim[i] != which or extent == 0:
            continue
        if counted[i] == 1:
            whole = 1
            for k in range(i + 1, nest.size):
                if dim[k] == which and counted[k] == 1:
                    whole *= trips[k]
            total += extent // step[i] * whole
            extent = extent % step[i]
        elif extent > step[i]:
            extent = step[i]
    return total + (1 if extent > 0 else 0)


def weakest_multicast(hierarchy: Hierarchy, parent: int, child: int) -> int:
    """The weakest multicast mode of the fan-outs between two nodes; WORD where there are none.

    Examples
    --------
    >>> import numpy as np
    >>> from dse.model.counting.records import TILE
    >>> is_fan_out, multicast = np.array([0, 1, 1, 0]), np.array([WORD, TILE, NONE, WORD])
    >>> meshes = Hierarchy(is_fan_out, multicast, np.zeros(4, int), np.ones((4, 3), int))
    >>> int(weakest_multicast(meshes, 0, 2)), int(weakest_multicast(meshes, 0, 3))
    (1, 0)
    """
    mode = WORD
    for i in range(parent + 1, child):
        if hierarchy.is_fan_out[i] == 1:
            mode = min(mode, hierarchy.multicast[i])
    return mode


def crossing(
    operand: int, parent: int, child: int, nest: Nest, space: IterationSpace, hierarchy: Hierarchy, scratch: Scratch,
    out: Ints,
) -> None:  # fmt: skip
    """Words of one operand that cross from `parent` to its children, as factors per dim.

    Parameters
    ----------
    operand : int
        Index in OPERANDS.
    parent, child : int
        Nodes of the hierarchy; `child` is the number of nodes for the MACs. Any number of fan-outs may lie between.
    out : (nodes, 8)
        Filled, at the parent and at each fan-out between, with the factors of the words on that node's inner side. The
        ifmap's factors on P and Q hold its whole height and width; those on R and S are 1.

    Examples
    --------
    Weights with K = 2 and C = 2 under loops C, K, P: each is fetched once, since the loop over P is inside all others.

    >>> import numpy as np
    >>> from dse.model.counting.counts import RELEVANCE, scratch_for
    >>> bounds, ones, zeros = (1, 1, 2, 2, 3, 1, 1, 1), np.ones(3, int), np.zeros(3, int)
    >>> space = IterationSpace(np.array(bounds), np.ones(4, int), RELEVANCE)
    >>> levels = Hierarchy(np.zeros(2, int), np.full(2, WORD), np.zeros(2, int), np.ones((2, 3), int))
    >>> nest, out = Nest(3, np.array([3, 2, 4]), np.array([2, 2, 3]), ones, zeros, zeros), np.ones((2, 8), int)
    >>> crossing(1, 0, 1, nest, space, levels, scratch_for(bounds, 1, 3), out)
    >>> out[0].tolist()
    [1, 1, 2, 2, 1, 1, 1, 1]
    """
    bounds, window, relevant, counted = space.bounds, space.window, space.relevance[operand], scratch.counted
    to_mac = child == len(hierarchy.is_fan_out)
    mode = weakest_multicast(hierarchy, parent, child)
    first, last = (nest.size, nest.size) if to_mac else stationary_run(nest, child, relevant)
    measure_tile(nest, bounds, child, scratch.tile)
    for node in range(parent, child):
        if node > parent and hierarchy.is_fan_out[node] == 0:
            continue
        mark_loops(operand, node, child, mode, nest, hierarchy, scratch)
        for d in range(8):
            if operand == IFMAP and d >= P:
                continue
            if relevant[d] == 1:
                out[node, d] = bounds[d]
                continue
            for i in range(nest.size):
                if nest.dim[i] == d and nest.spatial[i] == 0 and not to_mac and (last == nest.size or i > last):
                    counted[i] = 0
            out[node, d] = combinations(nest, d, bounds[d], counted)
        if operand == IFMAP:
            out[node, P] = box_words(Axis(P, R, window[0], window[1]), mode, nest, bounds, first, last, scratch)
            out[node, Q] = box_words(Axis(Q, S, window[2], window[3]), mode, nest, bounds, first, last, scratch)
            out[node, R] = 1
            out[node, S] = 1


def measure_tile(nest: Nest, bounds: Ints, node: int, tile: Ints) -> None:
    """Write the factors per dim of what one instance of a node holds.

    Examples
    --------
    P = 10 in three tiles of 4 outside the node.

    >>> import numpy as np
    >>> nest = Nest(2, np.array([4, 4]), np.array([3, 4]), np.array([4, 1]), np.array([0, 1]), np.zeros(2, int))
    >>> tile = np.ones(8, int)
    >>> measure_tile(nest, np.array([1, 1, 1, 1, 10, 1, 1, 1]), 1, tile)
    >>> tile.tolist()
    [1, 1, 1, 1, 4, 1, 1, 1]
    """
    for d in range(8):
        tile[d] = 1
    for i in range(nest.size):
        if nest.place[i] >= node:
            tile[nest.dim[i]] *= nest.trips[i]
    for d in range(8):
        tile[d] = min(tile[d], bounds[d])


def mark_loops(
    operand: int, node: int, child: int, mode: int, nest: Nest, hierarchy: Hierarchy, scratch: Scratch
) -> None:
    """Mark the loops inside `node` whose children count as one, and the loops above `child` that count.

    The children of a fan-out count as one where they reduce a psum, or, for the other operands, where they share a
    multicast (`mode` above NONE).

    Examples
    --------
    Children over K share the words of an ifmap that their mesh multicasts, so the loop over them does not count.

    >>> import numpy as np
    >>> from dse.model.counting.counts import scratch_for
    >>> mesh = Hierarchy(np.array([0, 1, 0]), np.array([WORD, WORD, WORD]), np.zeros(3, int), np.ones((3, 3), int))
    >>> nest = Nest(2, np.array([4, 2]), np.array([3, 2]), np.ones(2, int), np.array([0, 1]), np.array([0, 1]))
    >>> scratch = scratch_for((1, 1, 2, 1, 3, 1, 1, 1), 2, 2)
    >>> mark_loops(0, 0, 2, WORD, nest, mesh, scratch)
    >>> scratch.joined.tolist(), scratch.counted.tolist()
    ([0, 1], [1, 0])
    """
    place = nest.place
    for i in range(nest.size):
        inside = place[i] < child and place[i] > node and nest.spatial[i] == 1
        joins = hierarchy.reduces[place[i]] == 1 if operand == PSUM else mode > NONE
        scratch.joined[i] = 1 if inside and joins else 0
        scratch.counted[i] = 1 if place[i] < child and scratch.joined[i] == 0 else 0
