"""What one array configuration costs below the buffer, by kinds of order and slides. Compilable like the model."""

from __future__ import annotations

from dse.mapper.flat.inner.halo import AGAIN_FILL, AGAIN_UP, FETCHED, FILL, OVER_A, OVER_B
from dse.mapper.flat.instance import Instance
from dse.mapper.flat.outer.words import repeats
from dse.mapper.shared.mapspace.orders import group_dims
from dse.model.counting.kernel import Floats, Ints, Record
from dse.problem.dims import IFMAP, PSUM, WEIGHT, C, G, N, P, Q, R, S

SLIDES, ANY, RESTART = 3, 5, 5
"""Columns of `WORK`'s energy: first without a slide, then a slide over dim x in column x - SLIDES, the least of all in
column ANY, and what a new start of a slide over dim x costs in column RESTART + x - SLIDES."""

MOVED, FILLED, AGAIN_MOVED, AGAIN_FILLED = range(4)
"""Columns of `WORK`'s ifmap: words at the parent and into the children, and what a new start moves more of both."""


def inner_costs(inst: Instance, work: Record, config: Record, tall: Floats, wide: Floats) -> float:
    """Bounds on what one array configuration costs below the buffer, by the kind of order of the list above it.

    Parameters
    ----------
    work : an element of `dse.mapper.flat.run.WORK`
        Of it are filled: energy (3, 10), pJ. Row o: the irrelevant loops of operand o are innermost; column 0 without a
        slide, then sliding on P, Q, R, S in a single run, then the least of all, then what a run over P, Q, R, S costs
        more when it starts anew at its last position. What depends on the outer tile is left out: the `up` words of the
        stationary operand and static energy. And busy (3, ports), cycles of every port, with the least of the
        stationary operand but nothing of the outer crossing.
    config : an element of `dse.mapper.flat.run.CONFIGURATION`
        With no spread open.
    tall, wide : (10,)
        `halo_words` of both axes.

    Returns
    -------
    float
        Compute steps.
    """
    cycles = 1.0
    for d in range(8):
        config.copies[d] = min(config.spread[d], config.number[d])
        cycles *= config.steps[d]
    planes = float(inst.bounds[G] * inst.bounds[N] * inst.bounds[C])
    _ifmap_words(planes, tall, wide, work.ifmap)
    for o in range(3):
        fixed = _weights_and_psums(inst, config, o)
        for slide in range(ANY):
            _add_ifmap(inst, work, config, o, slide, fixed)
        work.energy[o, ANY] = work.energy[o, 0]
        for slide in range(1, ANY):
            work.energy[o, ANY] = min(work.energy[o, ANY], work.energy[o, slide])
        _port_times(inst, work, config, o)
    return cycles


def _ifmap_words(planes: float, tall: Floats, wide: Floats, out: Floats) -> None:
    """Words of the ifmap, by the dim that it slides on."""
    for slide in range(ANY):
        h = OVER_A if slide == P - SLIDES else (OVER_B if slide == R - SLIDES else FETCHED)
        w = OVER_A if slide == Q - SLIDES else (OVER_B if slide == S - SLIDES else FETCHED)
        out[slide, MOVED] = planes * tall[h] * wide[w]
        out[slide, FILLED] = planes * tall[FILL + h] * wide[FILL + w]
        if h != FETCHED:
            out[slide, AGAIN_MOVED] = planes * (tall[AGAIN_UP + h] * wide[FETCHED])
            out[slide, AGAIN_FILLED] = planes * (tall[AGAIN_FILL + h] * wide[FILL + FETCHED])
        elif w != FETCHED:
            out[slide, AGAIN_MOVED] = planes * (tall[FETCHED] * wide[AGAIN_UP + w])
            out[slide, AGAIN_FILLED] = planes * (tall[FILL + FETCHED] * wide[AGAIN_FILL + w])


def _weights_and_psums(inst: Instance, config: Record, o: int) -> float:
    """Energy of weights, psums and what is fixed, with operand o stationary at the array."""
    energy = inst.fixed_pj
    if inst.reduces_psums == 1 and config.spread[C] * config.spread[R] * config.spread[S] > 1:
        energy += inst.parts_pj
    for x in range(WEIGHT, PSUM + 1):
        if inst.in_pe[x] == 0:
            energy += inst.up_pj[x] * inst.words[x] * repeats(config.steps, x) + inst.fill_pj[x] * inst.macs
        elif x == o:
            energy += inst.fill_pj[x] * inst.words[x] * repeats(config.copies, x)
        else:
            energy += inst.up_pj[x] * inst.words[x] * repeats(config.passes, x)
            energy += inst.fill_pj[x] * inst.words[x] * repeats(config.number, x)
    return float(energy)


def _add_ifmap(inst: Instance, work: Record, config: Record, o: int, slide: int, energy: float) -> None:
    """Enter the energy of everything, with operand o stationary at the array and the ifmap on one slide."""
    words = work.ifmap[slide]
    if inst.in_pe[IFMAP] == 0:
        each_up = 0.0
        each_fill = 0.0
        ifmap = inst.up_pj[IFMAP] * words[MOVED] * repeats(config.steps, IFMAP) + inst.fill_pj[IFMAP] * inst.macs
    else:
        each_up = 0.0 if o == IFMAP else inst.up_pj[IFMAP] * repeats(config.passes, IFMAP)
        each_fill = inst.fill_pj[IFMAP] * repeats(config.copies if o == IFMAP else config.number, IFMAP)
        ifmap = each_up * words[MOVED] + each_fill * words[FILLED]
    work.energy[o, slide] = ifmap + energy
    if slide > 0:
        work.energy[o, RESTART + slide] = each_up * words[AGAIN_MOVED] + each_fill * words[AGAIN_FILLED]


def _port_times(inst: Instance, work: Record, config: Record, o: int) -> None:
    """Fill the cycles of every port, with operand o stationary at the array."""
    least_moved = work.ifmap[0, MOVED]
    for slide in range(1, ANY):
        least_moved = min(least_moved, work.ifmap[slide, MOVED])
    for t in range(inst.ports):
        work.busy[o, t] = inst.port_fixed[t]
        for x in range(3):
            words = least_moved if x == IFMAP else inst.words[x]
            if x == IFMAP and o == IFMAP and inst.in_pe[IFMAP] == 1:
                words = inst.words[IFMAP]
            times = 1.0
            if inst.in_pe[x] == 0:
                times = repeats(config.steps, x)
            elif x != o:
                times = repeats(config.passes, x)
            work.busy[o, t] += inst.port_up[t, x] * words * times


def kind_energy(
    inst: Instance, work: Record, config: Record, o: int, slide: int, joins: bool, stays: bool
) -> float:
    """Lower bound on the energy below the buffer with given outer trips.

    Parameters
    ----------
    work : an element of `dse.mapper.flat.run.WORK`
        Its energy is from `inner_costs`; its m and n are the trips of the buffer's and of the outermost list, where
        they are decided; elsewhere m is 1 and n a lower bound.
    o : int
        Operand whose irrelevant loops are innermost above the array.
    slide : int
        Column of the energy; `ANY` stands for any.
    joins : bool
        Whether the run of the slide may go on in the outermost list's innermost loop.
    stays : bool
        Whether the irrelevant loops of the operand are innermost in the outermost list as well.
    """
    f, spread, m, n = config.f, config.spread, work.m, work.n
    least = work.energy[o, slide]
    if 0 < slide < ANY and not joins:
        least += _restarts(work, config, o, slide + SLIDES)
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
            if work.decided[d] == 1:
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


def _restarts(work: Record, config: Record, o: int, x: int) -> float:
    """Energy of the slides over dim x that start anew in every outer tile but the first.

    Fetching at all passes but the first instead of sliding costs energy[o, 0] - energy[o, x - SLIDES]; a restart at
    the last pass, which may be ragged, costs energy[o, RESTART + x - SLIDES], and all others cost the same.
    """
    energy, passes, m, n = work.energy, config.passes, work.m, work.n
    if n[x] == 1 or m[x] == 1:
        return 0.0
    last = 1 if (n[x] - 1) * m[x] == passes[x] - 1 else 0
    each = 0.0
    if passes[x] > 2:
        each = (energy[o, 0] - energy[o, x - SLIDES] - energy[o, RESTART + x - SLIDES]) / (passes[x] - 2)
    return each * (n[x] - 1 - last) + energy[o, RESTART + x - SLIDES] * last
