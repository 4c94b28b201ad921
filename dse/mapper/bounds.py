"""Lower bounds on what happens between the buffer and the MACs. Compilable like the model.

Three kinds of order of the list above the array matter, by the operand whose irrelevant loops are innermost: it
stays in the PEs while they run. All other operands are delivered once per trip of every loop (see docs/mapper.md).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.mapper.factors import ceil_div
from dse.mapper.incumbent import pruned
from dse.mapper.outer import boxes, tile_bits
from dse.mapper.outer_table import others
from dse.model.axes import box_words

Ints = Any
Instance = Any


def group_product(values: Any, operand: int) -> float:
    """Product over the dims that the operand does not have."""
    if operand == 0:
        return float(values[2])
    if operand == 1:
        return float(values[1]) * values[4] * values[5]
    return float(values[3]) * values[6] * values[7]


def list_tiles(inst: Instance, options: Any, floor: Any, table: Any, fastest: float) -> Any:
    """Every PE tile that fits, with lower bounds on the energy and the latency of any mapping that has it.

    Parameters
    ----------
    options
        The parts of `dse.mapper.spreads.Options`.
    floor : (3, 2)
        From `dse.mapper.outer.outer_floor`.
    table : OuterTable
    fastest : float
        Lower bound on the compute steps of any mapping.

    Returns
    -------
    choice : (found, 8) int64
        Row of `tiles` per dim.
    bound : (found, 2) float
        pJ and cycles.
    """
    tile_start, tiles, spreads, _ = options
    room = 256
    choice = np.zeros((room, 8), dtype=np.int64)
    bound = np.zeros((room, 2))
    found = 0
    row = np.zeros(8, dtype=np.int64)
    tile = np.ones(8, dtype=np.int64)
    number = np.ones(8, dtype=np.int64)
    passes = np.ones(8, dtype=np.int64)
    steps = np.ones(8, dtype=np.int64)
    fewest, least_steps = per_tile_least(tiles, spreads)
    for d in range(8):
        if tile_start[d] == tile_start[d + 1]:
            return choice[:0], bound[:0]
        tile[d] = tiles[tile_start[d], 0]
    depth = 0
    row[0] = tile_start[0] - 1
    while depth >= 0:
        row[depth] += 1
        if row[depth] == tile_start[depth + 1]:
            tile[depth] = tiles[tile_start[depth], 0]
            depth -= 1
            continue
        tile[depth] = tiles[row[depth], 0]
        if not _fits_pe(inst, tile):
            # Tiles of a dim are listed in rising order, so no further one fits.
            tile[depth] = tiles[tile_start[depth], 0]
            depth -= 1
            continue
        if depth < 7:
            depth += 1
            row[depth] = tile_start[depth] - 1
            continue
        for d in range(8):
            number[d] = tiles[row[d], 1]
            passes[d] = fewest[row[d]]
            steps[d] = least_steps[row[d]]
        if found == room:
            room *= 2
            choice, bound = _longer(choice, bound, room)
        for d in range(8):
            choice[found, d] = row[d]
        tile_bound(inst, number, number, passes, steps, floor, table, fastest, float(inst.pes), bound[found])
        found += 1
    return choice[:found], bound[:found]


def _longer(choice: Ints, bound: Any, room: int) -> tuple[Ints, Any]:
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
            size = tile_bits(inst, tile, o)
            if size > inst.pe_bits[o]:
                return False
            total += size
    return total <= inst.pe_bits[3]


def per_tile_least(tiles: Ints, spreads: Ints) -> tuple[Ints, Ints]:
    """The fewest passes and the fewest compute steps that any spread leaves, per tile."""
    rows = len(tiles) - 1
    fewest = np.zeros(rows, dtype=np.int64)
    steps = np.zeros(rows, dtype=np.int64)
    for i in range(rows):
        fewest[i] = spreads[tiles[i, 2], 1]
        steps[i] = spreads[tiles[i, 2], 2]
        for k in range(tiles[i, 2], tiles[i + 1, 2]):
            fewest[i] = min(fewest[i], spreads[k, 1])
            steps[i] = min(steps[i], spreads[k, 2])
    return fewest, steps


def tile_bound(
    inst: Instance, number: Ints, spread_out: Ints, passes: Ints, steps: Ints, floor: Any, table: Any, fastest: float,
    left: float, out: Any,
) -> None:  # fmt: skip
    """Lower bound on energy and latency with given PE tiles and at least the given passes and steps per dim.

    Parameters
    ----------
    number, spread_out, passes, steps : (8,)
        PE tiles per dim; passes over them of a dim whose spread is decided, PE tiles of any other; least passes; least
        compute steps.
    floor : (3, 2)
    table : OuterTable
    fastest : float
        Lower bound on the compute steps.
    left : float
        PEs that dims with open spreads may still share.
    out : (2,)
        Filled: pJ and cycles.
    """
    cycles = 1.0
    for d in range(8):
        cycles *= steps[d]
    cycles = max(cycles, fastest)
    folded = least_folds(inst, passes)
    out[0] = out[1] = np.inf
    for kind in range(3):
        time = least_time(inst, kind, passes, cycles, floor) + folded
        energy = least_inside(inst, kind, number) + least_crossing(inst, table, kind, spread_out, passes, steps, left)
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
        if o == 0:
            tall = boxes(number[4], number[6], b[4], b[6], w[0], w[1])
            wide = boxes(number[5], number[7], b[5], b[7], w[2], w[3])
            planes = float(b[0] * b[1] * b[3])
            filled = planes * min(float(tall) * inst.touched[1], float(inst.touched[0]) * wide)
        energy += inst.fill_pj[o] * filled * (1.0 if o == kind else group_product(number, o))
    return float(energy)


def least_time(inst: Instance, kind: int, passes: Ints, cycles: float, floor: Any) -> float:
    """Least time of compute steps and ports with at least the given passes, without folds."""
    time = max(cycles, floor[kind, 1])
    for t in range(inst.ports):
        busy = inst.port_fixed[t]
        for o in range(3):
            words = inst.words[o]
            if inst.in_buffer[o] == 1:
                busy += inst.port_over[t, o] * words
            if inst.in_pe[o] == 1 and o == kind:
                busy += inst.port_up[t, o] * words
            else:
                busy += inst.port_up[t, o] * words * group_product(passes, o)
        time = max(time, busy)
    return float(time)


def least_crossing(
    inst: Instance, table: Any, kind: int, spread_out: Ints, passes: Ints, steps: Ints, left: float
) -> float:
    """Least energy of what crosses into the buffer and of what is delivered from it.

    An operand that does not stay in the PEs is delivered once per pass over the dims it does not have: x times one of
    the two, y times the other. These dims are disjoint and share the PEs left, so x * y is at least what is spread out
    over those PEs. And x and y are at least the trips of the outermost list, which decide what crosses into the buffer:
    so for each of the outer tiles that may be best, the least of a * x + b * y counts.

    Parameters
    ----------
    kind : int
        Operand that is stationary at the array.
    """
    first, second = others(kind)
    a, b = inst.up_pj[first] * inst.words[first], inst.up_pj[second] * inst.words[second]
    x = group_product(passes if inst.in_pe[first] == 1 else steps, first)
    y = group_product(passes if inst.in_pe[second] == 1 else steps, second)
    product = 0.0
    if inst.in_pe[first] == 1 and inst.in_pe[second] == 1 and a > 0.0 and b > 0.0:
        product = group_product(spread_out, first) * group_product(spread_out, second) / left
    alone = a * x + b * y
    best = np.inf
    for i in range(table.count[kind]):
        outer = table.points[kind, i, 0]
        if outer + alone >= best:
            break
        more = max(x, table.points[kind, i, 1])
        again = max(y, table.points[kind, i, 2])
        if more * again < product:
            more = max(more, min(np.sqrt(product * b / a), product / again))
            again = product / more
        best = min(best, outer + a * more + b * again)
    if inst.in_pe[kind] == 0:
        best += inst.up_pj[kind] * inst.words[kind] * group_product(steps, kind)
    return float(best)


def tile_pruned(
    inst: Instance, run: Any, inside: Any, spread_out: Ints, passes: Ints, steps: Ints, floor: Any, table: Any,
    fastest: float, left: float, values: Any,
) -> bool:  # fmt: skip
    """Whether no mapping improves that has given PE tiles and at least the given passes and steps per dim.

    `tile_bound`, but every outer tile that may be best is held against the incumbents by itself, with its own energy
    and its own time of the outermost port.

    Parameters
    ----------
    inside : (3,)
        From `least_inside`, per operand that may be stationary at the array.
    """
    cycles = 1.0
    for d in range(8):
        cycles *= steps[d]
    cycles = max(cycles, fastest)
    folded = least_folds(inst, passes)
    for kind in range(3):
        time = least_time(inst, kind, passes, cycles, floor)
        if not _crossing_pruned(
            inst, run, kind, inside[kind], time, folded, spread_out, passes, steps, table, left, values
        ):  # fmt: skip
            return False
    return True


def _crossing_pruned(
    inst: Instance, run: Any, kind: int, inside: float, time: float, folded: float, spread_out: Ints, passes: Ints,
    steps: Ints, table: Any, left: float, values: Any,
) -> bool:  # fmt: skip
    """Whether no outer tile makes an improvement of what is inside; see `least_crossing`."""
    first, second = others(kind)
    a, b = inst.up_pj[first] * inst.words[first], inst.up_pj[second] * inst.words[second]
    x = group_product(passes if inst.in_pe[first] == 1 else steps, first)
    y = group_product(passes if inst.in_pe[second] == 1 else steps, second)
    if inst.in_pe[kind] == 0:
        inside += inst.up_pj[kind] * inst.words[kind] * group_product(steps, kind)
    product = 0.0
    if inst.in_pe[first] == 1 and inst.in_pe[second] == 1 and a > 0.0 and b > 0.0:
        product = group_product(spread_out, first) * group_product(spread_out, second) / left
    # What one outermost port delivers past the buffer adds to what crosses into the buffer.
    per_x = per_y = 0.0
    if len(table.ports) == 1:
        per_x = inst.port_up[table.ports[0], first] * inst.words[first]
        per_y = inst.port_up[table.ports[0], second] * inst.words[second]
    alone = inside + a * x + b * y + inst.static_pj * (time + folded)
    for i in range(table.count[kind]):
        point = table.points[kind, i]
        if pruned(run.kind, run.gap, point[0] + alone, time + folded, values, run.held):
            return True  # the further ones cost more energy
        more, again = max(x, point[1]), max(y, point[2])
        # Passes of both kinds trade off against each other, so their times count from the least of each alone.
        busy = max(time, point[3] + per_x * more + per_y * again) + folded
        if more * again < product:
            more = max(more, min(np.sqrt(product * b / a), product / again))
            again = product / more
        least = inside + point[0] + a * more + b * again + inst.static_pj * busy
        if not pruned(run.kind, run.gap, least, busy, values, run.held):
            return False
    return True


def least_folds(inst: Instance, passes: Ints) -> float:
    """Cycles that the folds of the array take beside their steps at least, with at least the given passes per dim.

    Loops over the dims of an operand that the PEs keep all change it, so it changes once per pass over these dims at
    least; see `dse.model.time.fold_cycles`.
    """
    if inst.place[2] < 0:
        return 0.0
    fold = inst.folds[inst.place[2]]
    most = 1.0
    shifts = 0.0
    for o in range(3):
        if inst.in_pe[o] == 1:
            visits = 1.0
            for d in range(8):
                if inst.relevance[o, d] == 1:
                    visits *= passes[d]
            most = max(most, visits)
            shifts += visits * fold[1 + o]
    return most * fold[0] + shifts


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
        tile[4], tile[6] = min(f_a, bound_a), min(f_b, bound_b)
    # Two runs over a or b, the other's passes, the run, the other's passes; unrolled; inside the PE.
    dim = np.array([4, 6, 6, 4, 6, 4, 6, 4, 6])
    spatial = np.array([0, 0, 0, 0, 0, 1, 1, 0, 0])
    trips = np.ones(9, dtype=np.int64)
    step = np.ones(9, dtype=np.int64)
    counted, joined = work.counted, work.joined
    for case in range(5):
        slide = case if case < 3 else case - 2
        broken = case > 2
        if slide > 0 and to_mac:
            out[slide], out[3 + slide], out[5 + slide], out[7 + slide] = out[0], out[3], 0.0, 0.0
            continue
        passes = passes_a if slide == 1 else passes_b
        if broken and passes == 1:
            out[5 + slide], out[7 + slide] = 0.0, 0.0
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
                joined[i] = 1 if view == 0 and spatial[i] == 1 and mode > 0 else 0
                counted[i] = 0 if joined[i] == 1 or (i >= 7 and not to_mac) else 1
            words = box_words(
                4, 6, stride, dilation, mode, 9, dim, trips, step, spatial, bounds, tile, run, run, to_mac, counted,
                joined, span[0], span[1], offset[0], offset[1], offset[2], offset[3],
            )  # fmt: skip
            if broken:
                out[5 + 2 * view + slide] = words - out[3 * view + slide]
            else:
                out[3 * view + slide] = words
