"""Ifmap words along an axis whose children share them: unions of boxes, by the model's own count. Compilable."""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.model.axes import box_words
from dse.model.kernel import entry
from dse.model.records import Axis, Nest, Scratch

Ints = Any


@entry
def joined_words(
    first: Ints, second: Ints, bound_a: int, bound_b: int, stride: int, dilation: int, level: int, joined: int,
    mode: int, rows: Ints, out: Ints,
) -> None:  # fmt: skip
    """Words that the parents of the children at a level read when nothing slides.

    Parameters
    ----------
    first, second : (*, 3 * k)
        Chains of both dims.
    joined : int
        Fan-outs (bits) whose children count as one.
    rows : (*,)
        Where in `out` the words of each chain go.
    """
    levels = first.shape[1] // 3
    loops = 4 * levels
    bounds = np.array([1, 1, 1, 1, bound_a, 1, bound_b, 1])
    dim = np.zeros(loops, dtype=np.int64)
    spatial = np.zeros(loops, dtype=np.int64)
    trips = np.ones(loops, dtype=np.int64)
    step = np.ones(loops, dtype=np.int64)
    counted = np.zeros(loops, dtype=np.int64)
    together = np.zeros(loops, dtype=np.int64)
    tile = np.ones(8, dtype=np.int64)
    longest = max(bound_a, bound_b) + 1
    rows_a = np.zeros((longest, 3), dtype=np.int64)
    rows_b = np.zeros((longest, 3), dtype=np.int64)
    most = 1
    for i in range(len(first)):
        children = 1
        for k in range(levels):
            if joined >> k & 1 == 1:
                children *= first[i, 3 * k + 1] * first[i, 3 * k + 2] * second[i, 3 * k + 1] * second[i, 3 * k + 2]
        most = max(most, children)
    offset_a = np.zeros(most + 1, dtype=np.int64)
    offset_b = np.zeros(most + 1, dtype=np.int64)
    starts = np.zeros(most + 1, dtype=np.int64)
    ends = np.zeros(most + 1, dtype=np.int64)
    nest = Nest(loops, dim, trips, step, dim, spatial)  # no count asks for the node of a loop
    scratch = Scratch(counted, together, tile, rows_a, rows_b, offset_a, offset_b, starts, ends)
    for i in range(len(first)):
        inside_a = 1
        inside_b = 1
        for k in range(levels - 1, -1, -1):
            for which in range(2):
                chain = first if which == 0 else second
                d = 4 if which == 0 else 6
                at = 4 * k + 2 + which
                dim[at], spatial[at] = d, 1
                trips[at] = chain[i, 3 * k + 1] * chain[i, 3 * k + 2]
                together[at] = 1 if joined >> k & 1 == 1 else 0
                counted[at] = 1 if k < level and together[at] == 0 else 0
                dim[at - 2], spatial[at - 2], trips[at - 2], together[at - 2] = d, 0, chain[i, 3 * k], 0
                counted[at - 2] = 1 if k < level else 0
                if which == 0:
                    step[at] = inside_a
                    inside_a *= trips[at]
                    step[at - 2] = inside_a
                    inside_a *= trips[at - 2]
                else:
                    step[at] = inside_b
                    inside_b *= trips[at]
                    step[at - 2] = inside_b
                    inside_b *= trips[at - 2]
            if k == level:
                tile[4], tile[6] = min(inside_a, bound_a), min(inside_b, bound_b)
        if level == levels:
            tile[4], tile[6] = 1, 1
        out[rows[i]] = box_words(Axis(4, 6, stride, dilation), mode, nest, bounds, loops, loops, scratch)
