"""What one array configuration costs below the buffer, by kinds of order and slides. Compilable like the model."""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.mapper.flat.halo import AGAIN_FILL, AGAIN_UP, FILL
from dse.mapper.flat.outer import repeats
from dse.mapper.flat.spreads import CHILDREN, PASSES, STEPS, TILES
from dse.mapper.shared.orders import group_dims
from dse.problem.dims import IFMAP, PSUM, WEIGHT, C, G, N

Ints = Any
Instance = Any

ANY, RESTART, SLIDES = 5, 5, 3
"""Columns of `inner_costs`' energy: the least of all; before those of the restarts; a slide over dim x is in column
x - SLIDES."""


def inner_costs(
    inst: Instance, tiles: Ints, spreads: Ints, row: Ints, chosen: Ints, tall: Any, wide: Any, sums: Any, energy: Any,
    busy: Any,
) -> float:  # fmt: skip
    """Bounds on what one array configuration costs below the buffer, by the kind of order of the list above it.

    Parameters
    ----------
    tall, wide : (10,)
        `halo_words` of both axes.
    sums : (4, 8) float
        Scratch.
    energy : (3, 10) float
        Filled, pJ. Row o: the irrelevant loops of operand o are innermost; column 0 without a slide, then sliding on P,
        Q, R, S in a single run, then the least of all, then what a run over P, Q, R, S costs more when it starts anew
        at its last position. What depends on the outer tile is left out: the `up` words of the stationary operand and
        static energy.
    busy : (3, ports) float
        Filled, cycles of every port, with the least of the stationary operand but nothing of the outer crossing.

    Returns
    -------
    float
        Compute steps.
    """
    number, passes, steps, copies = sums[0], sums[1], sums[2], sums[3]
    cycles = 1.0
    for d in range(8):
        number[d] = tiles[row[d], TILES]
        passes[d] = spreads[chosen[d], PASSES]
        steps[d] = spreads[chosen[d], STEPS]
        copies[d] = min(spreads[chosen[d], CHILDREN], number[d])
        cycles *= steps[d]
    planes = float(inst.bounds[G] * inst.bounds[N] * inst.bounds[C])
    for o in range(3):
        fixed = inst.fixed_pj
        for x in range(WEIGHT, PSUM + 1):
            if inst.in_pe[x] == 0:
                fixed += inst.up_pj[x] * inst.words[x] * repeats(steps, x) + inst.fill_pj[x] * inst.macs
            elif x == o:
                fixed += inst.fill_pj[x] * inst.words[x] * repeats(copies, x)
            else:
                fixed += inst.up_pj[x] * inst.words[x] * repeats(passes, x)
                fixed += inst.fill_pj[x] * inst.words[x] * repeats(number, x)
        least_up = np.inf
        for slide in range(ANY):
            h = 1 if slide == 1 else (2 if slide == 3 else 0)
            w = 1 if slide == 2 else (2 if slide == 4 else 0)
            up = planes * tall[h] * wide[w]
            fill = planes * tall[FILL + h] * wide[FILL + w]
            least_up = min(least_up, up)
            again_up = planes * (tall[AGAIN_UP + h] * wide[0] if h > 0 else tall[0] * wide[AGAIN_UP + w])
            again_fill = planes * (tall[AGAIN_FILL + h] * wide[FILL] if h > 0 else tall[FILL] * wide[AGAIN_FILL + w])
            if inst.in_pe[IFMAP] == 0:
                each_up = 0.0
                each_fill = 0.0
                energy[o, slide] = inst.up_pj[IFMAP] * up * repeats(steps, IFMAP) + inst.fill_pj[IFMAP] * inst.macs
            else:
                each_up = 0.0 if o == IFMAP else inst.up_pj[IFMAP] * repeats(passes, IFMAP)
                each_fill = inst.fill_pj[IFMAP] * repeats(copies if o == IFMAP else number, IFMAP)
                energy[o, slide] = each_up * up + each_fill * fill
            energy[o, slide] += fixed
            if slide > 0:
                energy[o, RESTART + slide] = each_up * again_up + each_fill * again_fill
        energy[o, ANY] = energy[o, 0]
        for slide in range(1, ANY):
            energy[o, ANY] = min(energy[o, ANY], energy[o, slide])
        for t in range(inst.ports):
            busy[o, t] = inst.port_fixed[t]
            for x in range(3):
                words = least_up if x == IFMAP else inst.words[x]
                if x == IFMAP and o == IFMAP and inst.in_pe[IFMAP] == 1:
                    words = inst.words[IFMAP]
                times = 1.0
                if inst.in_pe[x] == 0:
                    times = repeats(steps, x)
                elif x != o:
                    times = repeats(passes, x)
                busy[o, t] += inst.port_up[t, x] * words * times
    return cycles


def kind_energy(
    inst: Instance, energy: Any, o: int, slide: int, joins: bool, stays: bool, f: Ints, spread: Ints, passes: Ints,
    m: Ints, n: Ints, decided: Ints,
) -> float:  # fmt: skip
    """Lower bound on the energy below the buffer with given outer trips.

    Parameters
    ----------
    energy : (3, 10)
        From `inner_costs`.
    o : int
        Operand whose irrelevant loops are innermost above the array.
    slide : int
        Column of `energy`; `ANY` stands for any.
    joins : bool
        Whether the run of the slide may go on in the outermost list's innermost loop.
    stays : bool
        Whether the irrelevant loops of the operand are innermost in the outermost list as well.
    f, spread, passes, m, n : (8,)
        PE tile, unrolling, passes over the array, trips of the buffer's and of the outermost list.
    decided : (8,)
        1 where m and n are decided; elsewhere m is 1 and n a lower bound.
    """
    least = energy[o, slide]
    if 0 < slide < ANY and not joins:
        least += _restarts(energy, o, slide + SLIDES, passes, m, n)
    if inst.in_pe[o] == 0:
        return least
    if stays and passes_through(inst, o, m):
        return least + inst.up_pj[o] * inst.words[o]
    visits = 1.0
    copies = 1.0
    held = 1.0
    for d in group_dims(o):
        if d >= 0:
            most = min(spread[d], (inst.bounds[d] + f[d] - 1) // f[d])
            last = most if n[d] == 1 else 1
            if decided[d] == 1:
                rest = inst.bounds[d] - (n[d] - 1) * f[d] * spread[d] * m[d]
                last = min(most, (rest + f[d] - 1) // f[d])
            visits *= n[d]
            held *= most
            copies *= (n[d] - 1) * most + last
    return least + inst.words[o] * (inst.up_pj[o] * visits + inst.fill_pj[o] * (copies - held))


def again(inst: Instance, o: int, n: Ints) -> float:
    """How often more than once an operand that is stationary at the array is delivered there."""
    return repeats(n, o) - 1.0 if inst.in_pe[o] == 1 else 0.0


def passes_through(inst: Instance, o: int, m: Ints) -> bool:
    """Whether one array tile is all that the buffer holds of an operand, so that it can stay through the outer list."""
    more = 0
    for d in range(8):
        more += inst.relevance[o, d] * (m[d] - 1)
    return bool(more == 0)


def _restarts(energy: Any, o: int, x: int, passes: Ints, m: Ints, n: Ints) -> float:
    """Energy of the slides over dim x that start anew in every outer tile but the first.

    Fetching at all passes but the first instead of sliding costs energy[o, 0] - energy[o, x - SLIDES]; a restart at
    the last pass, which may be ragged, costs energy[o, RESTART + x - SLIDES], and all others cost the same.
    """
    if n[x] == 1 or m[x] == 1:
        return 0.0
    last = 1 if (n[x] - 1) * m[x] == passes[x] - 1 else 0
    each = 0.0
    if passes[x] > 2:
        each = (energy[o, 0] - energy[o, x - SLIDES] - energy[o, RESTART + x - SLIDES]) / (passes[x] - 2)
    return each * (n[x] - 1 - last) + energy[o, RESTART + x - SLIDES] * last
