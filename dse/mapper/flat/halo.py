"""Ifmap words between the array and its parent, of one axis, by the model's own counts. Compilable like the model."""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.mapper.shared.factors import ceil_div
from dse.model.axes import NONE, box_words
from dse.model.records import Axis, Nest, Scratch
from dse.problem.dims import P, R

Ints = Any

FILL, AGAIN_UP, AGAIN_FILL = 3, 5, 7
"""Where the parts of the words begin: into the children; what a new start moves more, at the parent and into the
children, for which no slide takes no place."""


def halo_words(
    bound_a: int, bound_b: int, stride: int, dilation: int, f_a: int, s_a: int, f_b: int, s_b: int, to_mac: bool,
    mode: int, work: Any, span: Ints, offset: Ints, out: Any,
) -> None:  # fmt: skip
    """Ifmap words on one axis between an array's parent and its children, for one tile and unrolling of both dims.

    Parameters
    ----------
    f_a, s_a, f_b, s_b : int
        PE tile and unrolling of a (P or Q) and b (R or S).
    to_mac : bool
        The children are MACs: every step is a fetch.
    mode : int
        Multicast.
    work, span, offset
        Scratch.
    out : (10,)
        Filled: words at the parent without a slide, in one run over a, in one run over b; then words into the children
        alike; then what a run over a, and one over b, moves more when it starts anew at its last position, at the
        parent and into the children.
    """
    bounds = np.array([1, 1, 1, 1, bound_a, 1, bound_b, 1])
    passes_a, passes_b = ceil_div(bound_a, f_a * s_a), ceil_div(bound_b, f_b * s_b)
    tile = np.ones(8, dtype=np.int64)
    if not to_mac:
        tile[P], tile[R] = min(f_a, bound_a), min(f_b, bound_b)
    # Two runs over a or b, the other's passes, the run, the other's passes; unrolled; inside the PE.
    dim = np.array([P, R, R, P, R, P, R, P, R])
    spatial = np.array([0, 0, 0, 0, 0, 1, 1, 0, 0])
    trips = np.ones(9, dtype=np.int64)
    step = np.ones(9, dtype=np.int64)
    counted, joined = work.counted, work.joined
    nest = Nest(9, dim, trips, step, dim, spatial)  # no count asks for the node of a loop
    scratch = Scratch(counted, joined, tile, span[0], span[1], offset[0], offset[1], offset[2], offset[3])
    for case in range(5):
        slide = case if case < 3 else case - 2
        broken = case > 2
        if slide > 0 and to_mac:
            out[slide], out[FILL + slide] = out[0], out[FILL]
            out[AGAIN_UP + slide], out[AGAIN_FILL + slide] = 0.0, 0.0
            continue
        passes = passes_a if slide == 1 else passes_b
        if broken and passes == 1:
            out[AGAIN_UP + slide], out[AGAIN_FILL + slide] = 0.0, 0.0
            continue
        trips[0] = 2 if broken and slide == 1 else 1
        trips[1] = 2 if broken and slide == 2 else 1
        trips[2] = 1 if slide == 2 else passes_b
        trips[3] = passes_a - 1 if broken and slide == 1 else passes_a
        trips[4] = (passes_b - 1 if broken else passes_b) if slide == 2 else 1
        trips[5], trips[6], trips[7], trips[8] = s_a, s_b, f_a, f_b
        for i in range(8, -1, -1):
            step[i] = 1
            for k in range(i + 1, 9):
                if dim[k] == dim[i]:
                    step[i] *= trips[k]
        run = 9 if slide == 0 else (3 if slide == 1 else 4)
        for view in range(2):
            for i in range(9):
                joined[i] = 1 if view == 0 and spatial[i] == 1 and mode != NONE else 0
                counted[i] = 0 if joined[i] == 1 or (i >= 7 and not to_mac) else 1
            words = box_words(Axis(P, R, stride, dilation), mode, nest, bounds, run, run, scratch)
            if broken:
                out[(AGAIN_UP if view == 0 else AGAIN_FILL) + slide] = words - out[FILL * view + slide]
            else:
                out[FILL * view + slide] = words
