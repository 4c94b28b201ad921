"""The closed form of one crossing: words that move from a parent level to its children, dim by dim.

Every count is a product over the dims of a layer (P with R, and Q with S, jointly for the ifmap). The functions here
work on flat loop nests (`dse.model.counting.records.Nest`) and use only what a compiler of numerical Python reads;
the mapper compiles them as they stand, so the mapper and `dse.evaluate` count with the same text.
"""

from __future__ import annotations

from dse.model.counting.kernel import Ints
from dse.model.counting.records import Axis, Hierarchy, IterationSpace, Nest, Position, Scratch

NONE, TILE, WORD = 0, 1, 2
"""Multicast modes, weakest first."""


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


def positions(nest: Nest, which: int, bound: int, summed: Ints, first: int, last: int, span: int, out: Ints) -> int:
    """Positions of a group of children along one dim, as classes that move the same words.

    Walks the index combinations of the `summed` loops over dim `which`, those of the run `first..last` (the loop j, if
    it is over this dim) innermost, and writes rows `(extent left, capped at span; distance moved since the previous
    iteration of j, 0 where j is at its first; how many such positions)` into `out`. Returns the number of rows.

    Examples
    --------
    P = 10 in tiles of 4, stepped by loop j: the first tile, one that moved by 4, and a ragged one that did too.

    >>> import numpy as np
    >>> zeros, found = np.zeros(2, int), np.zeros((11, 3), int)
    >>> nest = Nest(2, np.array([4, 4]), np.array([3, 4]), np.array([4, 1]), zeros, zeros)
    >>> positions(nest, 4, 10, np.array([1, 0]), 0, 0, 4, found)
    3
    >>> found[:3].tolist()
    [[4, 0, 1], [4, 4, 1], [2, 4, 1]]
    """
    trips, step = nest.trips, nest.step
    loops = [0] * 0
    for i in range(nest.size):
        in_run = first <= i <= last and nest.spatial[i] == 0
        if nest.dim[i] == which and summed[i] == 1 and trips[i] > 1 and not in_run:
            loops.append(i)
    outside = len(loops)
    for i in range(first, min(last + 1, nest.size)):
        if nest.dim[i] == which and summed[i] == 1 and trips[i] > 1 and nest.spatial[i] == 0:
            loops.append(i)
    depth = len(loops)
    index = [0] * depth
    rows = 0
    base = 0
    previous = -1
    while True:
        if base < bound:
            rows = tally(min(bound - base, span), 0 if previous < 0 else base - previous, rows, out)
            if depth > outside:
                previous = base
        level = depth - 1
        while level >= 0:
            index[level] += 1
            base += step[loops[level]]
            if index[level] < trips[loops[level]]:
                break
            base -= index[level] * step[loops[level]]
            index[level] = 0
            level -= 1
        if level < 0:
            return rows
        if level < outside:
            previous = -1


def tally(extent: int, move: int, rows: int, out: Ints) -> int:
    """Count a position among the classes found so far. Returns how many there are.

    Examples
    --------
    >>> import numpy as np
    >>> found = np.zeros((3, 3), int)
    >>> tally(4, 0, 1, found), tally(4, 4, tally(4, 4, 0, found), found), found[0].tolist()
    (2, 1, [4, 4, 2])
    """
    row = 0
    while row < rows and not (out[row, 0] == extent and out[row, 1] == move):
        row += 1
    if row == rows:
        out[row, 0] = extent
        out[row, 1] = move
        out[row, 2] = 0
        rows += 1
    out[row, 2] += 1
    return rows


def offsets(nest: Nest, which: int, together: Ints, out: Ints) -> int:
    """Offsets, ascending, of the children along one dim that the `together` loops spread out. Returns how many.

    Examples
    --------
    Three children over P, each with a tile of 2.

    >>> import numpy as np
    >>> out = np.zeros(4, int)
    >>> nest = Nest(1, np.array([4]), np.array([3]), np.array([2]), np.array([1]), np.array([1]))
    >>> offsets(nest, 4, np.array([1]), out), out[:3].tolist()
    (3, [0, 2, 4])
    """
    out[0] = 0
    count = 1
    for i in range(nest.size - 1, -1, -1):
        if nest.dim[i] == which and together[i] == 1:
            held = count
            for trip in range(1, nest.trips[i]):
                for k in range(held):
                    out[count] = trip * nest.step[i] + out[k]
                    count += 1
    return count


def words_moved(axis: Axis, mode: int, position: Position, rows: int, cols: int, scratch: Scratch) -> int:
    """Ifmap words along one axis that a group of rows x cols children needs at one position.

    A child at offsets (oa, ob) exists when both lie below the extents left; it needs the box of its tile, or, where a
    dim moved, the part of the box beyond the previous one. `mode` says what its parent reads: the union, distinct
    boxes, or every box.

    Examples
    --------
    Two children with P = 2 and R = 3 each, two rows apart, need rows 0 to 3 and 2 to 5.

    >>> import numpy as np
    >>> from dse.model.counting.counts import scratch_for
    >>> scratch = scratch_for((1, 1, 1, 1, 4, 1, 3, 1), 2, 1)
    >>> scratch.tile[4], scratch.tile[6], scratch.offsets_a[1] = 2, 3, 2
    >>> [int(words_moved(Axis(4, 6, 1, 1), mode, Position(4, 0, 3, 0), 2, 1, scratch)) for mode in (TILE, WORD)]
    [8, 6]
    """
    offsets_a, offsets_b, starts, ends = scratch.offsets_a, scratch.offsets_b, scratch.starts, scratch.ends
    stride, dilation = axis.stride, axis.dilation
    tile_a, tile_b = scratch.tile[axis.a], scratch.tile[axis.b]
    count = 0
    for i in range(rows):
        if offsets_a[i] >= position.extent_a:
            break
        size_a = min(tile_a, position.extent_a - offsets_a[i])
        for k in range(cols):
            if offsets_b[k] >= position.extent_b:
                break
            size_b = min(tile_b, position.extent_b - offsets_b[k])
            start = offsets_a[i] * stride + offsets_b[k] * dilation
            end = start + (size_a - 1) * stride + (size_b - 1) * dilation + 1
            if position.move_a > 0:
                start = max(start, end - position.move_a * stride - (size_a - tile_a) * stride)
            elif position.move_b > 0:
                start = max(start, end - position.move_b * dilation - (size_b - tile_b) * dilation)
            if end <= start:
                continue
            place = count
            while place > 0 and starts[place - 1] > start:
                starts[place] = starts[place - 1]
                ends[place] = ends[place - 1]
                place -= 1
            starts[place] = start
            ends[place] = end
            count += 1
    return words_of_boxes(count, mode, starts, ends)


def words_of_boxes(count: int, mode: int, starts: Ints, ends: Ints) -> int:
    """Words of so many boxes, ordered by their starts: of their union, of the distinct ones, or of every one.

    Examples
    --------
    >>> import numpy as np
    >>> starts, ends = np.array([0, 0, 2]), np.array([4, 4, 6])
    >>> [int(words_of_boxes(3, mode, starts, ends)) for mode in (NONE, TILE, WORD)]
    [12, 8, 6]
    """
    total = 0
    reach = -(2**62)
    for i in range(count):
        if mode == NONE:
            total += ends[i] - starts[i]
        elif mode == TILE:
            repeated = False
            k = i - 1
            while k >= 0 and starts[k] == starts[i]:
                if ends[k] == ends[i]:
                    repeated = True
                k -= 1
            if not repeated:
                total += ends[i] - starts[i]
        elif ends[i] > reach:
            total += ends[i] - max(starts[i], reach)
            reach = ends[i]
    return total


def weakest_multicast(hierarchy: Hierarchy, parent: int, child: int) -> int:
    """The weakest multicast mode of the fan-outs between two nodes; WORD where there are none.

    Examples
    --------
    >>> import numpy as np
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
            if operand == 0 and d >= 4:
                continue
            if relevant[d] == 1:
                out[node, d] = bounds[d]
                continue
            for i in range(nest.size):
                if nest.dim[i] == d and nest.spatial[i] == 0 and not to_mac and (last == nest.size or i > last):
                    counted[i] = 0
            out[node, d] = combinations(nest, d, bounds[d], counted)
        if operand == 0:
            out[node, 4] = box_words(Axis(4, 6, window[0], window[1]), mode, nest, bounds, first, last, scratch)
            out[node, 5] = box_words(Axis(5, 7, window[2], window[3]), mode, nest, bounds, first, last, scratch)
            out[node, 6] = 1
            out[node, 7] = 1


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
        joins = hierarchy.reduces[place[i]] == 1 if operand == 2 else mode > NONE
        scratch.joined[i] = 1 if inside and joins else 0
        scratch.counted[i] = 1 if place[i] < child and scratch.joined[i] == 0 else 0


def box_words(axis: Axis, mode: int, nest: Nest, bounds: Ints, first: int, last: int, scratch: Scratch) -> int:
    """Words of the ifmap along one axis, summed over all positions of the children.

    Parameters
    ----------
    mode : int
        Multicast.
    bounds : (8,)
    first, last : int
        Loop j, as `stationary_run` gives it; the nest's size for both when nothing stays in place.
    scratch : Scratch
        Read: the loops that are counted and joined, and the tile of a child.

    Examples
    --------
    P = 6 in three tiles of 2 with R = 3: each tile fetched whole takes 4 rows, and 4 + 2 + 2 = 8 where they slide.

    >>> import numpy as np
    >>> from dse.model.counting.counts import scratch_for
    >>> bounds = np.array([1, 1, 1, 1, 6, 1, 3, 1])
    >>> nest = Nest(1, np.array([4]), np.array([3]), np.array([2]), np.array([0]), np.array([0]))
    >>> scratch = scratch_for(tuple(bounds), 1, 1)
    >>> scratch.tile[4], scratch.tile[6], scratch.counted[0] = 2, 3, 1
    >>> [int(box_words(Axis(4, 6, 1, 1), WORD, nest, bounds, j, j, scratch)) for j in (nest.size, 0)]
    [12, 8]
    """
    a, b, stride, dilation = axis.a, axis.b, axis.stride, axis.dilation
    dim, joined, counted, tile = nest.dim, scratch.joined, scratch.counted, scratch.tile
    slides = first < nest.size and (dim[last] == a or dim[last] == b)
    together = False
    for i in range(nest.size):
        if joined[i] == 1 and nest.trips[i] > 1 and (dim[i] == a or dim[i] == b):
            together = True
    if not slides and not together:
        # Every tile is fetched on its own: the sum over tiles of (p - 1) * stride + (r - 1) * dilation + 1.
        count_a = (bounds[a] + tile[a] - 1) // tile[a]
        count_b = (bounds[b] + tile[b] - 1) // tile[b]
        return count_b * stride * (bounds[a] - count_a) + count_a * dilation * (bounds[b] - count_b) + count_a * count_b
    rows = offsets(nest, a, joined, scratch.offsets_a)
    cols = offsets(nest, b, joined, scratch.offsets_b)
    none = nest.size
    first_a, last_a = (first, last) if slides and dim[last] == a else (none, none)
    first_b, last_b = (first, last) if slides and dim[last] == b else (none, none)
    span_a = scratch.offsets_a[rows - 1] + tile[a]
    span_b = scratch.offsets_b[cols - 1] + tile[b]
    at_a, at_b = scratch.positions_a, scratch.positions_b
    classes_a = positions(nest, a, bounds[a], counted, first_a, last_a, span_a, at_a)
    classes_b = positions(nest, b, bounds[b], counted, first_b, last_b, span_b, at_b)
    total = 0
    for i in range(classes_a):
        for k in range(classes_b):
            position = Position(at_a[i, 0], at_a[i, 1], at_b[k, 0], at_b[k, 1])
            total += at_a[i, 2] * at_b[k, 2] * words_moved(axis, mode, position, rows, cols, scratch)
    return total
