"""Words of the ifmap along one axis, where the dims of outputs and of the window meet, as boxes that slide and overlap.

Compilable like `dse.model.counting.axes`, which counts all other dims and puts the axes together.
"""

from __future__ import annotations

from dse.model.counting.kernel import Ints
from dse.model.counting.records import NONE, TILE, Axis, Nest, Position, Scratch


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
    >>> from dse.model.counting.records import WORD
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
    >>> from dse.model.counting.records import WORD
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
    >>> from dse.model.counting.records import WORD
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
