"""The closed form of one crossing: words that move from a parent level to its children, dim by dim.

Every count is a product over the dims of a layer (P with R, and Q with S, jointly for the ifmap). The functions here
work on flat loop nests as lists or integer arrays and use only what a compiler of numerical Python understands: the
mapper compiles them as they stand, so the mapper and `dse.evaluate` count with the same text.

A flat nest is five sequences over loops, outermost first: `dim` (index in DIMS), `trips`, `step` (product of the trips
of all loops over the same dim inside), `place` (index of the node in the hierarchy) and `spatial` (0 or 1).
"""

from __future__ import annotations

from typing import Any

Ints = Any  # a list of int, or an int64 array in compiled code

NONE, TILE, WORD = 0, 1, 2
"""Multicast modes, weakest first."""


def stationary_run(n: int, dim: Ints, trips: Ints, place: Ints, spatial: Ints, child: int, relevant: Ints) -> Any:
    """The loop j of the loop rule, as the positions of its outermost and innermost part.

    Among the temporal loops above `child` with more than one trip, neighbours over one dim merged, j is the innermost
    that is relevant to the operand. Returns `(n, n)` when there is none: then all loops are inside j.
    """
    first = n
    last = n
    for i in range(n - 1, -1, -1):
        if spatial[i] == 1 or place[i] >= child or trips[i] == 1:
            continue
        if last == n:
            if relevant[dim[i]] == 1:
                first = i
                last = i
        elif dim[i] == dim[last]:
            first = i
        else:
            break
    return first, last


def combinations(n: int, dim: Ints, trips: Ints, step: Ints, which: int, bound: int, counted: Ints) -> int:
    """How many index combinations of the counted loops over dim `which` exist, the other loops at index 0.

    A combination exists when its offset is below the bound. Loop by loop, outermost first: the iterations that have a
    whole step left hold all combinations of the loops inside; the last one, if partial, is looked into.
    """
    total = 0
    extent = bound
    for i in range(n):
        if dim[i] != which or extent == 0:
            continue
        if counted[i] == 1:
            whole = 1
            for k in range(i + 1, n):
                if dim[k] == which and counted[k] == 1:
                    whole *= trips[k]
            total += extent // step[i] * whole
            extent = extent % step[i]
        elif extent > step[i]:
            extent = step[i]
    return total + (1 if extent > 0 else 0)


def positions(
    n: int, dim: Ints, trips: Ints, step: Ints, spatial: Ints, which: int, bound: int, summed: Ints,
    first: int, last: int, span: int, out: Ints,
) -> int:  # fmt: skip
    """Positions of a group of children along one dim, as classes that move the same words.

    Walks the index combinations of the `summed` loops over dim `which`, those of the run `first..last` (the loop j, if
    it is over this dim) innermost, and writes rows `(extent left, capped at span; distance moved since the previous
    iteration of j, 0 where j is at its first; how many such positions)` into `out`.

    Returns
    -------
    int
        The number of rows.
    """
    loops = [0] * 0
    for i in range(n):
        in_run = first <= i <= last and spatial[i] == 0
        if dim[i] == which and summed[i] == 1 and trips[i] > 1 and not in_run:
            loops.append(i)
    outside = len(loops)
    for i in range(first, min(last + 1, n)):
        if dim[i] == which and summed[i] == 1 and trips[i] > 1 and spatial[i] == 0:
            loops.append(i)
    depth = len(loops)
    index = [0] * depth
    rows = 0
    base = 0
    previous = -1
    while True:
        if base < bound:
            extent = min(bound - base, span)
            move = 0 if previous < 0 else base - previous
            row = 0
            while row < rows and not (out[row, 0] == extent and out[row, 1] == move):
                row += 1
            if row == rows:
                out[row, 0] = extent
                out[row, 1] = move
                out[row, 2] = 0
                rows += 1
            out[row, 2] += 1
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


def offsets(n: int, dim: Ints, trips: Ints, step: Ints, which: int, together: Ints, out: Ints) -> int:
    """Offsets, ascending, of the children along one dim that the `together` loops spread out. Returns how many."""
    out[0] = 0
    count = 1
    for i in range(n - 1, -1, -1):
        if dim[i] == which and together[i] == 1:
            held = count
            for trip in range(1, trips[i]):
                for k in range(held):
                    out[count] = trip * step[i] + out[k]
                    count += 1
    return count


def words_moved(
    rows: int, cols: int, offset_a: Ints, offset_b: Ints, extent_a: int, extent_b: int, move_a: int, move_b: int,
    tile_a: int, tile_b: int, stride: int, dilation: int, mode: int, starts: Ints, ends: Ints,
) -> int:  # fmt: skip
    """Ifmap words along one axis that a group of children needs at one position.

    Dims a (P or Q, with the stride) and b (R or S, with the dilation) meet on the axis. A child at offsets (oa, ob)
    exists when both lie below the extents left; it needs the box of its tile, or, where a dim moved, the part of the
    box beyond the previous one. `mode` says what its parent reads: the union, distinct boxes, or every box.
    """
    count = 0
    for i in range(rows):
        if offset_a[i] >= extent_a:
            break
        size_a = min(tile_a, extent_a - offset_a[i])
        for k in range(cols):
            if offset_b[k] >= extent_b:
                break
            size_b = min(tile_b, extent_b - offset_b[k])
            start = offset_a[i] * stride + offset_b[k] * dilation
            end = start + (size_a - 1) * stride + (size_b - 1) * dilation + 1
            if move_a > 0:
                start = max(start, end - move_a * stride - (size_a - tile_a) * stride)
            elif move_b > 0:
                start = max(start, end - move_b * dilation - (size_b - tile_b) * dilation)
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
        else:
            if ends[i] > reach:
                total += ends[i] - max(starts[i], reach)
                reach = ends[i]
    return total


def crossing(
    operand: int, parent: int, child: int, to_mac: bool, is_fan_out: Ints, reduces: Ints, mode: int, n: int, dim: Ints,
    trips: Ints, step: Ints, place: Ints, spatial: Ints, bounds: Ints, window: Ints, relevant: Ints, tile: Ints,
    scratch: Any, out: Ints,
) -> None:  # fmt: skip
    """Words of one operand that cross from `parent` to its children, as factors per dim.

    Parameters
    ----------
    operand : int
        Index in OPERANDS.
    parent, child : int
        Nodes of the hierarchy; `child` is the number of nodes when `to_mac`. Any number of fan-outs may lie between.
    is_fan_out, reduces : (nodes,)
        The children of a fan-out between count as one where they reduce a psum, or, for the other operands, where they
        share a multicast (`mode` above NONE).
    mode : int
        The weakest multicast mode of the fan-outs between.
    bounds : (8,)
    window : (4,)
        stride_h, dilation_h, stride_w, dilation_w.
    relevant : (8,)
        1 for the dims of the operand.
    tile : (8,)
        Tile of the child.
    scratch : tuple of int64 arrays
        Two over loops, two of (longest bound + 1, 3) positions and, one longer than there are children, two of offsets
        and two of box edges.
    out : (nodes, 8)
        Filled, at the parent and at each fan-out between, with the factors of the words on that node's inner side. The
        ifmap's factors on P and Q hold its whole height and width; those on R and S are 1.
    """
    counted, joined, rows_a, rows_b, offset_a, offset_b, starts, ends = scratch
    first, last = (0, n) if to_mac else stationary_run(n, dim, trips, place, spatial, child, relevant)
    for node in range(parent, child):
        if node > parent and is_fan_out[node] == 0:
            continue
        for i in range(n):
            inside = place[i] < child and place[i] > node and spatial[i] == 1
            joined[i] = 1 if inside and (reduces[place[i]] == 1 if operand == 2 else mode > 0) else 0
            counted[i] = 1 if place[i] < child and joined[i] == 0 else 0
        for d in range(8):
            if operand == 0 and d >= 4:
                continue
            if relevant[d] == 1:
                out[node, d] = bounds[d]
                continue
            for i in range(n):
                if dim[i] == d and spatial[i] == 0 and not to_mac and (last == n or i > last):
                    counted[i] = 0
            out[node, d] = combinations(n, dim, trips, step, d, bounds[d], counted)
        if operand == 0:
            for a in range(4, 6):
                b = a + 2
                stride, dilation = (window[0], window[1]) if a == 4 else (window[2], window[3])
                out[node, b] = 1
                out[node, a] = box_words(
                    a, b, stride, dilation, mode, n, dim, trips, step, spatial, bounds, tile, first, last, to_mac,
                    counted, joined, rows_a, rows_b, offset_a, offset_b, starts, ends,
                )  # fmt: skip


def box_words(
    a: int, b: int, stride: int, dilation: int, mode: int, n: int, dim: Ints, trips: Ints, step: Ints, spatial: Ints,
    bounds: Ints, tile: Ints, first: int, last: int, to_mac: bool, counted: Ints, joined: Ints, rows_a: Ints,
    rows_b: Ints, offset_a: Ints, offset_b: Ints, starts: Ints, ends: Ints,
) -> int:  # fmt: skip
    """Words of the ifmap along one axis, summed over all positions of the children."""
    slides = not to_mac and first < n and (dim[last] == a or dim[last] == b)
    together = False
    for i in range(n):
        if joined[i] == 1 and trips[i] > 1 and (dim[i] == a or dim[i] == b):
            together = True
    if not slides and not together:
        # Every tile is fetched on its own: the sum over tiles of (p - 1) * stride + (r - 1) * dilation + 1.
        count_a = (bounds[a] + tile[a] - 1) // tile[a]
        count_b = (bounds[b] + tile[b] - 1) // tile[b]
        return count_b * stride * (bounds[a] - count_a) + count_a * dilation * (bounds[b] - count_b) + count_a * count_b
    none = n
    children_a = offsets(n, dim, trips, step, a, joined, offset_a)
    children_b = offsets(n, dim, trips, step, b, joined, offset_b)
    first_a, last_a = (first, last) if slides and dim[last] == a else (none, none)
    first_b, last_b = (first, last) if slides and dim[last] == b else (none, none)
    span_a = offset_a[children_a - 1] + tile[a]
    span_b = offset_b[children_b - 1] + tile[b]
    classes_a = positions(n, dim, trips, step, spatial, a, bounds[a], counted, first_a, last_a, span_a, rows_a)
    classes_b = positions(n, dim, trips, step, spatial, b, bounds[b], counted, first_b, last_b, span_b, rows_b)
    total = 0
    for i in range(classes_a):
        for k in range(classes_b):
            total += rows_a[i, 2] * rows_b[k, 2] * words_moved(
                children_a, children_b, offset_a, offset_b, rows_a[i, 0], rows_b[k, 0], rows_a[i, 1], rows_b[k, 1],
                tile[a], tile[b], stride, dilation, mode, starts, ends,
            )  # fmt: skip
    return total
