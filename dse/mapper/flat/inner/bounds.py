"""Lower bounds on what happens between the buffer and the MACs. Compilable like the model.

Three kinds of order of the list above the array matter, by the operand whose irrelevant loops are innermost: it
stays in the PEs while they run. All other operands are delivered once per trip of every loop (see
docs/mapper/orders.md).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.mapper.flat.array.spreads import leave_open
from dse.mapper.flat.inner.least_time import array_beside, array_time, first_and_last, least_time
from dse.mapper.flat.instance import Instance
from dse.mapper.flat.outer.table import BUSY, CROSSING_PJ, MOST_FIRST, MOST_SECOND, PASSES_FIRST, PASSES_SECOND
from dse.mapper.flat.outer.walk import others
from dse.mapper.flat.outer.words import repeats
from dse.mapper.shared.incumbent import SLACK, dearest, pruned
from dse.mapper.shared.mapspace.words import DILATION_H, DILATION_W, STRIDE_H, STRIDE_W, boxes, tile_words
from dse.model.counting.kernel import Floats, Ints, Record, entry
from dse.model.price import SHARED
from dse.problem.dims import IFMAP, C, G, N, P, Q, R, S


@entry
def list_tiles(inst: Instance, options: Any, table: Any, config: Record, fastest: float) -> Any:
    """Every PE tile that fits, with lower bounds on the energy and the latency of any mapping that has it.

    Parameters
    ----------
    options : Options
    table : OuterTable
    config : an element of `dse.mapper.flat.run.CONFIGURATION`
        Scratch.
    fastest : float
        Lower bound on the compute steps of any mapping.

    Returns
    -------
    choice : (found, 8) int64
        Row of `tiles` per dim.
    bound : (found, 2) float
        pJ and cycles.
    """
    room = 256
    choice = np.zeros((room, 8), dtype=np.int64)
    bound = np.zeros((room, 2))
    for d in range(8):
        if options.tile_start[d] == options.tile_start[d + 1]:
            return choice[:0], bound[:0]
        config.tile_row[d] = options.tile_start[d]
        leave_open(config, options, d)
    config.left = inst.pes
    config.tile_row[0] -= 1
    found = 0
    more = next_tile(inst, options, config, 0)
    while more:
        if found == room:
            room *= 2
            choice, bound = _longer(choice, bound, room)
        for d in range(8):
            choice[found, d] = config.tile_row[d]
        config.cycles = array_time(inst, config.passes, max(steps_together(config.steps), fastest))
        tile_bound(inst, config, table, bound[found])
        found += 1
        more = next_tile(inst, options, config, 7)
    return choice[:found], bound[:found]


def next_tile(inst: Instance, options: Any, config: Record, depth: int) -> bool:
    """Give the configuration the next PE tile that fits, changing the dim at some depth first; False if none does."""
    start, row = options.tile_start, config.tile_row
    while depth >= 0:
        row[depth] += 1
        ended = row[depth] == start[depth + 1]
        if not ended:
            leave_open(config, options, depth)
            # Tiles of a dim are listed in rising order: where one does not fit, no further one does.
            ended = not _fits_pe(inst, config.tile)
        if ended:
            row[depth] = start[depth]
            leave_open(config, options, depth)
            depth -= 1
        elif depth < 7:
            depth += 1
            row[depth] = start[depth] - 1
        else:
            return True
    return False


def lone_port(ports: Ints) -> int:
    """The outermost port, -1 where there are several: see `delivery_time`."""
    return int(ports[0]) if len(ports) == 1 else -1


def delivery_time(inst: Instance, port: int, operand: int) -> float:
    """Cycles of the outermost port for one delivery of an operand that does not stay at the array.

    What one outermost port delivers past the buffer adds to what crosses into the buffer; of several, nothing is known.
    """
    return float(inst.port_up[port, operand] * inst.words[operand]) if port >= 0 else 0.0


def _longer(choice: Ints, bound: Floats, room: int) -> tuple[Ints, Any]:
    more, further = np.zeros((room, 8), dtype=np.int64), np.zeros((room, 2))
    for i in range(len(choice)):
        for d in range(8):
            more[i, d] = choice[i, d]
        further[i, 0], further[i, 1] = bound[i, 0], bound[i, 1]
    return more, further


def _fits_pe(inst: Instance, tile: Ints) -> bool:
    total = 0
    for o in range(3):
        if inst.in_pe[o] == 1:
            size = inst.pe_each[o] * tile_words(tile, inst.window, o)
            if size > inst.pe_bits[o]:
                return False
            total += size
    return total <= inst.pe_bits[SHARED]


def steps_together(steps: Ints) -> float:
    """Compute steps of all dims together."""
    cycles = 1.0
    for d in range(8):
        cycles *= steps[d]
    return cycles


def tile_bound(inst: Instance, config: Record, table: Any, out: Floats) -> None:
    """Lower bound on energy and latency of all mappings of an array configuration.

    Parameters
    ----------
    config : an element of `dse.mapper.flat.run.CONFIGURATION`
        What dims with open spreads have at least.
    table : OuterTable
    out : (2,)
        Filled: pJ and cycles.
    """
    beside = first_and_last(inst, config.tile, 1.0)
    out[0] = out[1] = np.inf
    for kind in range(3):
        time = least_time(inst, kind, config.passes, config.cycles, table.floor[kind, 1]) + beside
        energy = least_inside(inst, kind, config.number) + least_crossing(inst, config, table, kind)
        out[0] = min(out[0], energy + inst.static_pj * time)
        out[1] = min(out[1], time)


def least_inside(inst: Instance, kind: int, number: Ints) -> float:
    """Least energy inside the array and of what is fixed.

    Parameters
    ----------
    kind : int
        Operand that is stationary at the array.
    number : (8,)
        PE tiles per dim.
    """
    b, w = inst.bounds, inst.window
    energy = inst.fixed_pj
    for o in range(3):
        if inst.in_pe[o] == 0:
            energy += inst.fill_pj[o] * inst.macs
            continue
        filled = inst.words[o]
        if o == IFMAP:
            tall = boxes(number[P], number[R], b[P], b[R], w[STRIDE_H], w[DILATION_H])
            wide = boxes(number[Q], number[S], b[Q], b[S], w[STRIDE_W], w[DILATION_W])
            planes = float(b[G] * b[N] * b[C])
            filled = planes * min(float(tall) * inst.touched[1], float(inst.touched[0]) * wide)
        energy += inst.fill_pj[o] * filled * (1.0 if o == kind else repeats(number, o))
    return float(energy)


def deliveries(inst: Instance, config: Record, kind: int) -> tuple[float, float, float, float, float, float]:
    """What deliveries from the buffer cost at least, with one operand stationary at the array.

    An operand that does not stay in the PEs is delivered once per pass over the dims it does not have: x times one of
    the two, y times the other. These dims are disjoint and share the PEs left, so x * y is at least what is spread out
    over those PEs.

    Returns
    -------
    a, b : float
        pJ of one delivery of the first and of the second of the other operands.
    x, y : float
        At least so many.
    product : float
        x * y is at least this; 0 where nothing is known.
    fixed : float
        pJ of the stationary operand's, if the PEs do not keep it.
    """
    first, second = others(kind)
    passes, steps, spread_out = config.passes, config.steps, config.spread_out
    a, b = inst.up_pj[first] * inst.words[first], inst.up_pj[second] * inst.words[second]
    x = repeats(passes if inst.in_pe[first] == 1 else steps, first)
    y = repeats(passes if inst.in_pe[second] == 1 else steps, second)
    product = 0.0
    if inst.in_pe[first] == 1 and inst.in_pe[second] == 1 and a > 0.0 and b > 0.0:
        product = repeats(spread_out, first) * repeats(spread_out, second) / config.left
    fixed = 0.0
    if inst.in_pe[kind] == 0:
        fixed = inst.up_pj[kind] * inst.words[kind] * repeats(steps, kind)
    return a, b, x, y, product, fixed


def delivered(a: float, b: float, x: float, y: float, product: float) -> float:
    """The least of a * x' + b * y' over x' >= x, y' >= y with x' * y' >= product."""
    if x * y < product:
        x = max(x, min(np.sqrt(product * b / a), product / y))
        y = product / x
    return float(a * x + b * y)


def goes_with(passes: Ints, kind: int, product: float, most_first: float, most_second: float) -> bool:
    """Whether an outer tile has no fewer passes than those given, see `OuterTable.points`."""
    first, second = others(kind)
    return bool(
        repeats(passes, first) <= most_first
        and repeats(passes, second) <= most_second
        and product <= most_first * most_second
    )


def least_crossing(inst: Instance, config: Record, table: Any, kind: int) -> float:
    """Least energy of what crosses into the buffer and of what is delivered from it.

    Deliveries are at least as many as the trips of the outermost list, which decide what crosses into the buffer: so
    the least over the outer tiles that may be best counts.

    Parameters
    ----------
    kind : int
        Operand that is stationary at the array.
    """
    a, b, x, y, product, fixed = deliveries(inst, config, kind)
    points, alone = table.points, a * x + b * y
    best = np.inf
    for i in range(table.count[kind]):
        crossing = points[kind, i, CROSSING_PJ]
        most_x, most_y = points[kind, i, MOST_FIRST], points[kind, i, MOST_SECOND]
        if crossing + alone >= best:
            break
        if goes_with(config.passes, kind, product, most_x, most_y):
            more = max(x, points[kind, i, PASSES_FIRST], product / most_y)
            again = max(y, points[kind, i, PASSES_SECOND], product / most_x)
            best = min(best, crossing + delivered(a, b, more, again, product))
    return float(best + fixed)


def tile_pruned(
    inst: Instance, run: Record, config: Record, points: Floats, floor: Floats, values: Floats, alive: Ints,
    source: int, target: int,
) -> bool:  # fmt: skip
    """Whether no mapping of an array configuration improves on the incumbents.

    `tile_bound`, but every outer tile that may be best is held against the incumbents by itself, with its own energy
    and its own time of the outermost port. Arrays come one by one: handing on a whole `OuterTable` takes longer than
    half of the rest.

    Parameters
    ----------
    config : an element of `dse.mapper.flat.run.CONFIGURATION`
        What dims with open spreads have at least, and the cycles of the array. Its `least_pj` is filled.
    points, floor
        Of `OuterTable`.
    alive : (10, 3, *)
        By operand, how many outer tiles there are with which there may be an improvement, and then their places in
        `points`.
    source, target : int
        Rows of `alive` that are read, and filled.
    """
    config.dear = dearest(run.kind, run.gap, config.cycles + config.beside, values, run.held)
    config.least_pj = np.inf
    total = 0
    for kind in range(3):
        alive[target, kind, 0] = 0
        if alive[source, kind, 0] > 0:
            total += _still_alive(inst, run, config, kind, floor[kind, 1], points, values, alive, source, target)
    return total == 0


def _still_alive(
    inst: Instance, run: Record, config: Record, kind: int, floor: float, points: Floats, values: Floats, alive: Ints,
    source: int, target: int,
) -> int:  # fmt: skip
    """Keep the outer tiles that may make an improvement; returns how many.

    Parameters
    ----------
    kind : int
        Operand that is stationary at the array.
    floor : float
        Least time of the outermost ports.
    """
    a, b, x, y, product, fixed = deliveries(inst, config, kind)
    inside, beside = config.inside_pj[kind] + fixed, config.beside
    alone, scale, dear = inside + a * x + b * y, 1.0 + run.gap + SLACK, config.dear
    first_pj = points[kind, alive[source, kind, 1], CROSSING_PJ]
    # Most often the time of the array alone says enough, and that of the ports is many products.
    if (first_pj + alone + inst.static_pj * (config.cycles + beside)) * scale >= dear:
        return 0
    time = least_time(inst, kind, config.passes, config.cycles, floor)
    alone += inst.static_pj * (time + beside)
    if (first_pj + alone) * scale >= dear:
        return 0
    if time > config.cycles:
        dear = dearest(run.kind, run.gap, time + beside, values, run.held)
    first, second = others(kind)
    per_x, per_y = delivery_time(inst, config.port, first), delivery_time(inst, config.port, second)
    waiting = array_beside(inst, config.port, config.cycles) if config.port >= 0 else 0.0
    kept = 0
    for i in range(1, alive[source, kind, 0] + 1):
        at = alive[source, kind, i]
        crossing = points[kind, at, CROSSING_PJ]
        if (crossing + alone) * scale >= dear:
            break  # the further ones cost more energy
        most_x, most_y = points[kind, at, MOST_FIRST], points[kind, at, MOST_SECOND]
        if not goes_with(config.passes, kind, product, most_x, most_y):
            continue
        more = max(x, points[kind, at, PASSES_FIRST], product / most_y)
        again = max(y, points[kind, at, PASSES_SECOND], product / most_x)
        # Passes of both kinds trade off against each other, so their times count from the least of each alone.
        busy = max(time, points[kind, at, BUSY] + per_x * more + per_y * again + waiting) + beside
        least = inside + crossing + delivered(a, b, more, again, product) + inst.static_pj * busy
        if least * scale >= dear or (busy > time + beside and pruned(run.kind, run.gap, least, busy, values, run.held)):
            continue
        kept += 1
        alive[target, kind, kept] = at
        config.least_pj = min(config.least_pj, least)
    alive[target, kind, 0] = kept
    return kept
