"""Ifmap words between the array and its parent, of one axis, by the model's own counts. Compilable like the model."""

from __future__ import annotations

from dse.mapper.flat.instance import ARRAY, Instance
from dse.mapper.shared.mapspace.words import STRIDE_H, STRIDE_W
from dse.model.counting.boxes import box_words
from dse.model.counting.kernel import Floats, Ints, Record
from dse.model.counting.records import NONE, WORD, Axis, Nest, Scratch
from dse.problem.dims import IFMAP, P

FETCHED, OVER_A, OVER_B = range(3)
"""Ways of an ifmap along an axis, as columns of `halo_words`: each tile fetched whole, a run over dim a (P or Q), a run
over dim b (R or S)."""

FILL, AGAIN_UP, AGAIN_FILL = 3, 5, 7
"""Where the further parts of the words begin: into the children; what a new start moves more, at the parent and into
the children, which has no column for tiles fetched whole."""

LOOPS = 9
"""Of the nest that is counted: see `_list_loops`."""

FIRST_UNROLLED, FIRST_INSIDE = 5, 7
"""Where its unrolled loops and its loops inside a PE begin."""


def halo_words(
    inst: Instance, work: Record, config: Record, a: int, span: Ints, offset: Ints, out: Floats
) -> None:
    """Ifmap words on one axis between an array's parent and its children, for one tile and unrolling of both dims.

    Parameters
    ----------
    config : an element of `dse.mapper.flat.run.CONFIGURATION`
        Of it, the PE tiles, spreads and passes of dims a and a + 2 are read.
    a : int
        P or Q; the axis' other dim, b, is R or S.
    span, offset
        Scratch of the model.
    out : (10,)
        Filled: words at the parent without a slide, in one run over a, in one run over b; then words into the children
        alike; then what a run over a, and one over b, moves more when it starts anew at its last position, at the
        parent and into the children.
    """
    b = a + 2
    to_mac = inst.in_pe[IFMAP] == 0
    for x in (a, b):
        work.inside[x] = 1 if to_mac else min(config.f[x], inst.bounds[x])
    for slide in range(3):
        if slide != FETCHED and to_mac:  # every step is a fetch
            out[slide], out[FILL + slide] = out[FETCHED], out[FILL + FETCHED]
            out[AGAIN_UP + slide], out[AGAIN_FILL + slide] = 0.0, 0.0
            continue
        _list_loops(work, config, a, slide, False)
        out[slide] = _moved(inst, work, a, slide, True, span, offset)
        out[FILL + slide] = _moved(inst, work, a, slide, False, span, offset)
        if slide == FETCHED:
            continue
        if config.passes[a if slide == OVER_A else b] == 1:
            out[AGAIN_UP + slide], out[AGAIN_FILL + slide] = 0.0, 0.0
            continue
        _list_loops(work, config, a, slide, True)
        out[AGAIN_UP + slide] = _moved(inst, work, a, slide, True, span, offset) - out[slide]
        out[AGAIN_FILL + slide] = _moved(inst, work, a, slide, False, span, offset) - out[FILL + slide]


def _list_loops(work: Record, config: Record, a: int, slide: int, broken: bool) -> None:
    """The nest of an axis: two runs over a or b where the run is broken, the other dim's passes, the run, the other
    dim's passes; unrolled; inside the PE."""
    b = a + 2
    dim, trips, step, spatial = work.dim, work.trips, work.step, work.spatial
    passes_a, passes_b = config.passes[a], config.passes[b]
    dim[0] = dim[3] = dim[5] = dim[7] = a
    dim[1] = dim[2] = dim[4] = dim[6] = dim[8] = b
    trips[0] = 2 if broken and slide == OVER_A else 1
    trips[1] = 2 if broken and slide == OVER_B else 1
    trips[2] = 1 if slide == OVER_B else passes_b
    trips[3] = passes_a - 1 if broken and slide == OVER_A else passes_a
    trips[4] = (passes_b - 1 if broken else passes_b) if slide == OVER_B else 1
    trips[5], trips[6], trips[7], trips[8] = config.spread[a], config.spread[b], config.f[a], config.f[b]
    for i in range(LOOPS - 1, -1, -1):
        spatial[i] = 1 if FIRST_UNROLLED <= i < FIRST_INSIDE else 0
        step[i] = 1
        for k in range(i + 1, LOOPS):
            if dim[k] == dim[i]:
                step[i] *= trips[k]


def _moved(inst: Instance, work: Record, a: int, slide: int, at_parent: bool, span: Ints, offset: Ints) -> int:
    """Words of the nest listed, as its parent reads them or as they arrive at the children."""
    mode = WORD
    if inst.place[ARRAY] >= 0:
        mode = inst.multicast[inst.place[ARRAY]]
    to_mac = inst.in_pe[IFMAP] == 0
    counted, joined = work.counted, work.joined
    for i in range(LOOPS):
        joined[i] = 1 if at_parent and work.spatial[i] == 1 and mode != NONE else 0
        counted[i] = 0 if joined[i] == 1 or (i >= FIRST_INSIDE and not to_mac) else 1
    run = LOOPS if slide == FETCHED else (3 if slide == OVER_A else 4)
    w = STRIDE_H if a == P else STRIDE_W
    axis = Axis(a, a + 2, inst.window[w], inst.window[w + 1])
    nest = Nest(LOOPS, work.dim, work.trips, work.step, work.place, work.spatial)  # no count asks for their nodes
    scratch = Scratch(counted, joined, work.inside, span[0], span[1], offset[0], offset[1], offset[2], offset[3])
    return box_words(axis, mode, nest, inst.bounds, run, run, scratch)
