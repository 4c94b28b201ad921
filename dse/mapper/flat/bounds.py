"""Lower bounds on what happens between the buffer and the MACs. Compilable like the model.

Three kinds of order of the list above the array matter, by the operand whose irrelevant loops are innermost: it
stays in the PEs while they run. All other operands are delivered once per trip of every loop (see docs/mapper.md).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.mapper.flat.instance import DILATION_H, DILATION_W, SHARED, STRIDE_H, STRIDE_W
from dse.mapper.flat.least_time import first_and_last, least_folds, least_time
from dse.mapper.flat.outer import boxes, repeats, tile_bits
from dse.mapper.flat.outer_table import BUSY, CROSSING_PJ, MOST_FIRST, MOST_SECOND, PASSES_FIRST, PASSES_SECOND, others
from dse.mapper.flat.spreads import FIRST_SPREAD, PASSES, STEPS, TILE, TILES
from dse.mapper.shared.incumbent import pruned
from dse.model.kernel import entry
from dse.problem.dims import IFMAP, C, G, N, P, Q, R, S

Ints = Any
Instance = Any


@entry
def list_tiles(inst: Instance, options: Any, floor: Any, table: Any, fastest: float) -> Any:
    """Every PE tile that fits, with lower bounds on the energy and the latency of any mapping that has it.

    Parameters
    ----------
    options
        The parts of `dse.mapper.flat.spreads.Options`.
    floor : (3, 2)
        From `dse.mapper.flat.outer.outer_floor`.
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
        tile[d] = tiles[tile_start[d], TILE]
    depth = 0
    row[0] = tile_start[0] - 1
    while depth >= 0:
        row[depth] += 1
        if row[depth] == tile_start[depth + 1]:
            tile[depth] = tiles[tile_start[depth], TILE]
            depth -= 1
            continue
        tile[depth] = tiles[row[depth], TILE]
        if not _fits_pe(inst, tile):
            # Tiles of a dim are listed in rising order, so no further one fits.
            tile[depth] = tiles[tile_start[depth], TILE]
            depth -= 1
            continue
        if depth < 7:
            depth += 1
            row[depth] = tile_start[depth] - 1
            continue
        for d in range(8):
            number[d] = tiles[row[d], TILES]
            passes[d] = fewest[row[d]]
            steps[d] = least_steps[row[d]]
        if found == room:
            room *= 2
            choice, bound = _longer(choice, bound, room)
        for d in range(8):
            choice[found, d] = row[d]
        tile_bound(inst, tile, number, passes, steps, floor, table, fastest, bound[found])
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
    return total <= inst.pe_bits[SHARED]


def per_tile_least(tiles: Ints, spreads: Ints) -> tuple[Ints, Ints]:
    """The fewest passes and the fewest compute steps that any spread leaves, per tile."""
    rows = len(tiles) - 1
    fewest = np.zeros(rows, dtype=np.int64)
    steps = np.zeros(rows, dtype=np.int64)
    for i in range(rows):
        fewest[i] = spreads[tiles[i, FIRST_SPREAD], PASSES]
        steps[i] = spreads[tiles[i, FIRST_SPREAD], STEPS]
        for k in range(tiles[i, FIRST_SPREAD], tiles[i + 1, FIRST_SPREAD]):
            fewest[i] = min(fewest[i], spreads[k, PASSES])
            steps[i] = min(steps[i], spreads[k, STEPS])
    return fewest, steps


def tile_bound(
    inst: Instance, tile: Ints, number: Ints, passes: Ints, steps: Ints, floor: Any, table: Any, fastest: float,
    out: Any,
) -> None:  # fmt: skip
    """Lower bound on energy and latency with given PE tiles and at least the given passes and steps per dim.

    Parameters
    ----------
    tile, number, passes, steps : (8,)
        A PE's tile; PE tiles per dim; least passes over them; least compute steps.
    floor : (3, 2)
    table : OuterTable
    fastest : float
        Lower bound on the compute steps.
    out : (2,)
        Filled: pJ and cycles.
    """
    cycles = 1.0
    for d in range(8):
        cycles *= steps[d]
    cycles = max(cycles, fastest)
    beside = least_folds(inst, passes) + first_and_last(inst, tile, 1.0)
    out[0] = out[1] = np.inf
    for kind in range(3):
        time = least_time(inst, kind, passes, cycles, floor) + beside
        energy = least_inside(inst, kind, number)
        energy += least_crossing(inst, table, kind, number, passes, steps, float(inst.pes))
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


def _deliveries(
    inst: Instance, kind: int, spread_out: Ints, passes: Ints, steps: Ints, left: float
) -> tuple[float, float, float, float, float, float]:
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
    a, b = inst.up_pj[first] * inst.words[first], inst.up_pj[second] * inst.words[second]
    x = repeats(passes if inst.in_pe[first] == 1 else steps, first)
    y = repeats(passes if inst.in_pe[second] == 1 else steps, second)
    product = 0.0
    if inst.in_pe[first] == 1 and inst.in_pe[second] == 1 and a > 0.0 and b > 0.0:
        product = repeats(spread_out, first) * repeats(spread_out, second) / left
    fixed = 0.0
    if inst.in_pe[kind] == 0:
        fixed = inst.up_pj[kind] * inst.words[kind] * repeats(steps, kind)
    return a, b, x, y, product, fixed


def _delivered(a: float, b: float, x: float, y: float, product: float) -> float:
    """The least of a * x' + b * y' over x' >= x, y' >= y with x' * y' >= product."""
    if x * y < product:
        x = max(x, min(np.sqrt(product * b / a), product / y))
        y = product / x
    return float(a * x + b * y)


def _goes_with(point: Any, passes: Ints, kind: int, product: float) -> bool:
    """Whether an outer tile has no fewer passes than those given, see `OuterTable.points`."""
    first, second = others(kind)
    return bool(
        repeats(passes, first) <= point[MOST_FIRST]
        and repeats(passes, second) <= point[MOST_SECOND]
        and product <= point[MOST_FIRST] * point[MOST_SECOND]
    )


def least_crossing(
    inst: Instance, table: Any, kind: int, spread_out: Ints, passes: Ints, steps: Ints, left: float
) -> float:
    """Least energy of what crosses into the buffer and of what is delivered from it.

    Deliveries are at least as many as the trips of the outermost list, which decide what crosses into the buffer: so
    the least over the outer tiles that may be best counts.

    Parameters
    ----------
    kind : int
        Operand that is stationary at the array.
    """
    a, b, x, y, product, fixed = _deliveries(inst, kind, spread_out, passes, steps, left)
    alone = a * x + b * y
    best = np.inf
    for i in range(table.count[kind]):
        point = table.points[kind, i]
        if point[CROSSING_PJ] + alone >= best:
            break
        if _goes_with(point, passes, kind, product):
            more = max(x, point[PASSES_FIRST], product / point[MOST_SECOND])
            again = max(y, point[PASSES_SECOND], product / point[MOST_FIRST])
            best = min(best, point[CROSSING_PJ] + _delivered(a, b, more, again, product))
    return float(best + fixed)


def tile_pruned(
    inst: Instance, run: Any, inside: Any, spread_out: Ints, passes: Ints, steps: Ints, floor: Any, table: Any,
    fastest: float, beside: float, left: float, values: Any, alive: Ints, many: Ints, depth: int,
) -> bool:  # fmt: skip
    """Whether no mapping improves that has given PE tiles and at least the given passes and steps per dim.

    `tile_bound`, but every outer tile that may be best is held against the incumbents by itself, with its own energy
    and its own time of the outermost port.

    Parameters
    ----------
    inside : (3,)
        From `least_inside`, per operand that may be stationary at the array.
    spread_out : (8,)
        Passes over a dim whose spread is decided, PE tiles of any other.
    beside : float
        Cycles that no others overlap with.
    left : float
        PEs that dims with open spreads may still share.
    alive : (10, 3, *)
        Places in `table.points` of the outer tiles with which there may be an improvement, by depth and operand; those
        at `depth` are read, those at depth + 1 filled.
    many : (10, 3)
        How many there are.
    """
    cycles = 1.0
    for d in range(8):
        cycles *= steps[d]
    cycles = max(cycles, fastest)
    total = 0
    for kind in range(3):
        many[depth + 1, kind] = 0
        if many[depth, kind] > 0:
            time = least_time(inst, kind, passes, cycles, floor)
            total += _still_alive(
                inst, run, kind, inside[kind], time, beside, spread_out, passes, steps, table, left, values, alive,
                many, depth,
            )  # fmt: skip
    return total == 0


def _still_alive(
    inst: Instance, run: Any, kind: int, inside: float, time: float, beside: float, spread_out: Ints, passes: Ints,
    steps: Ints, table: Any, left: float, values: Any, alive: Ints, many: Ints, depth: int,
) -> int:  # fmt: skip
    """Keep the outer tiles that may make an improvement of what is inside; returns how many.

    Parameters
    ----------
    time : float
        Cycles that may overlap with those of the outermost ports.
    """
    a, b, x, y, product, fixed = _deliveries(inst, kind, spread_out, passes, steps, left)
    inside += fixed
    # What one outermost port delivers past the buffer adds to what crosses into the buffer.
    per_x = per_y = 0.0
    if len(table.ports) == 1:
        first, second = others(kind)
        per_x = inst.port_up[table.ports[0], first] * inst.words[first]
        per_y = inst.port_up[table.ports[0], second] * inst.words[second]
    alone = inside + a * x + b * y + inst.static_pj * (time + beside)
    kept = 0
    for i in range(many[depth, kind]):
        place = alive[depth, kind, i]
        point = table.points[kind, place]
        if pruned(run.kind, run.gap, point[CROSSING_PJ] + alone, time + beside, values, run.held):
            break  # the further ones cost more energy
        if not _goes_with(point, passes, kind, product):
            continue
        more = max(x, point[PASSES_FIRST], product / point[MOST_SECOND])
        again = max(y, point[PASSES_SECOND], product / point[MOST_FIRST])
        # Passes of both kinds trade off against each other, so their times count from the least of each alone.
        busy = max(time, point[BUSY] + per_x * more + per_y * again) + beside
        least = inside + point[CROSSING_PJ] + _delivered(a, b, more, again, product) + inst.static_pj * busy
        if not pruned(run.kind, run.gap, least, busy, values, run.held):
            alive[depth + 1, kind, kept] = place
            kept += 1
    many[depth + 1, kind] = kept
    return kept
