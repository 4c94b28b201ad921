"""About what a mapping costs, in a fraction of a microsecond, for sketches of mappings. Compilable.

Counts are the model's where all factors of a dim multiply to its bound; elsewhere, and where children share parts of
the ifmap, they come near. What is sketched with them is priced by the model in the end.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.mapper.deep.record import COLS, ROWS
from dse.mapper.deep.sketch.sums import SketchSums
from dse.mapper.shared.incumbent import ENERGY, LATENCY
from dse.mapper.shared.mapspace.factors import ceil_div
from dse.model.counting.kernel import Floats, Ints
from dse.model.price import SHARED
from dse.problem.dims import IFMAP, PSUM, WEIGHT, C, G, K, N, P, Q, R, S

PLACES = 3
"""Factors of a dim at each level: trips, rows and columns."""


class Sketch(NamedTuple):
    """A mapping at hand, and what follows from the factors of each dim alone.

    Parameters
    ----------
    factors : (8, 3 * k) int64
        Trips, rows and columns of each level, outermost first.
    stays : (k,) int64
        The operand that stays in each list.
    loops : (k,) int64
        Dims (bits) with trips in each list.
    trips : (8, k + 2) float
        Trips of the first lists, so many; last the steps that all take, without those in which nothing is left to do.
    tile : (8, k + 1) float
        Tile of each level, at most the bound; of the MACs, one.
    children : (8, V) float
        Children that each view counts one by one.
    used : (8, ports) float
        Children over which fan-outs outside each port spread a dim, at most the bound.
    filled : (8, f) float
        Tile of each first fill.
    number : (8, k + 1) float
        How many tiles of each level there are.
    held : (k, 3) float
        Words of each operand's tile in each level that has room for so many, see `settle`.
    lanes : (ports,) float
        Children over which fan-outs outside each port spread the layer.
    lists : (c,) int64
        How many lists repeat each crossing at most: up to the innermost one that moves the operand.
    moved : (c,) float
        Words of the ifmap that cross, but for what repeats them.
    fits : (1,) float
        See `too_much`.
    words : (V,) float
    totals : (1 + ports,) or (1 + 2 * ports,) float
        Scratch.
    """

    factors: Ints
    stays: Ints
    loops: Ints
    trips: Floats
    tile: Floats
    children: Floats
    used: Floats
    filled: Floats
    number: Floats
    held: Floats
    lanes: Floats
    lists: Ints
    moved: Floats
    fits: Floats
    words: Floats
    totals: Floats


NOT_OF = ((1 << K), (1 << N) | (1 << P) | (1 << Q), (1 << C) | (1 << R) | (1 << S))
"""Dims (bits) that each operand does not have."""

JUMP = 1.1
"""What a mapping that does not fit costs more at least: only those that fit can be priced."""

STRICT = 1e6
"""The same, where only mappings that fit are wanted."""

FAR = 2.0
"""A mapping that holds more than so many times too much is not looked at."""

EVERY = (1 << 8) - 1


def new_sketch(sums: SketchSums) -> Sketch:
    """Room for a mapping, all factors one."""
    levels, views = len(sums.bits), sums.views[-1]
    return Sketch(
        np.ones((8, PLACES * levels), dtype=np.int64), np.zeros(levels, dtype=np.int64),
        np.zeros(levels, dtype=np.int64), np.ones((8, levels + 2)), np.ones((8, levels + 1)), np.ones((8, views)),
        np.ones((8, len(sums.ports))), np.ones((8, len(sums.fills))),
        np.ones((8, levels + 1)), np.zeros((levels, 3)), np.zeros(len(sums.ports)),
        np.zeros(len(sums.operand), dtype=np.int64), np.zeros(len(sums.operand)), np.ones(1), np.zeros(views),
        np.zeros(len(sums.constant)),
    )  # fmt: skip


def note(sums: SketchSums, sketch: Sketch, d: int) -> None:
    """Work out what follows from a dim's factors."""
    factors, bound, loops, levels = sketch.factors[d], float(sums.bounds[d]), sketch.loops, len(sums.bits)
    trips, tile, children, used, filled = (
        sketch.trips[d], sketch.tile[d], sketch.children[d], sketch.used[d], sketch.filled[d],
    )  # fmt: skip
    for level in range(levels):
        slot = PLACES * level
        trips[level + 1] = trips[level] * factors[slot]
        loops[level] = loops[level] | 1 << d if factors[slot] > 1 else loops[level] & EVERY - (1 << d)
    trips[levels + 1] = _steps(factors, sums.bounds[d], trips[levels])
    inside = 1.0
    sketch.number[d, levels] = bound
    for level in range(levels - 1, -1, -1):
        slot = PLACES * level
        inside *= factors[slot] * factors[slot + ROWS] * factors[slot + COLS]
        tile[level] = min(inside, bound)
        sketch.number[d, level] = ceil_div(sums.bounds[d], int(tile[level]))
    for v in range(len(children)):
        children[v] = 1.0
    for t in range(len(used)):
        used[t] = 1.0
    for f in range(len(filled)):
        filled[f] = tile[sums.fills[f, 2]]
    for level in range(levels):
        spread = factors[PLACES * level + ROWS] * factors[PLACES * level + COLS]
        if spread == 1:
            continue
        for v in range(len(children)):
            if sums.counted[v, level] == 1:
                children[v] *= spread
        for t in range(len(used)):
            if level < sums.ports[t]:
                used[t] = min(used[t] * spread, bound)
        for f in range(len(filled)):
            if sums.fills[f, 3] <= level < sums.fills[f, 2]:
                filled[f] = min(filled[f] * spread, bound)


def _steps(factors: Ints, left: int, trips: float) -> float:
    """Steps of a dim: of the last tile of a list, and of the last children, no more than there is left to do.

    Parameters
    ----------
    factors : (3 * k,) int64
    left : int
        The bound.
    trips : float
        Of all lists.
    """
    size, total = 1, 0.0
    for slot in range(len(factors)):
        size *= factors[slot]
    if size == left:
        return trips
    for slot in range(len(factors)):
        if factors[slot] == 1:
            continue
        size //= factors[slot]
        if slot % PLACES > 0:  # the first child has most
            left = min(left, size)
            continue
        trips /= factors[slot]
        total += left // size * trips
        left %= size
        if left == 0:
            return total
    return total + 1.0


def _mover(loops: Ints, o: int, child: int) -> int:
    """The innermost list outside a level that moves an operand, -1 for none."""
    level = child - 1
    while level >= 0 and loops[level] & (EVERY - NOT_OF[o]) == 0:
        level -= 1
    return level


def _touched(sums: SketchSums, tile: Floats, number: Floats, which: int, child: int, level: int) -> float:
    """Words of the ifmap along an axis that come into tiles; where a list moves it (else -1) it slides on the axis."""
    a, b, stride, dilation = P + which, R + which, float(sums.window[2 * which]), float(sums.window[2 * which + 1])
    n_a, n_b, tile_a, tile_b = number[a, child], number[b, child], tile[a, child], tile[b, child]
    bound_a, bound_b = float(sums.bounds[a]), float(sums.bounds[b])
    words = n_b * stride * (bound_a - n_a) + n_a * dilation * (bound_b - n_b) + n_a * n_b
    if level >= 0:
        run = tile[a, level]
        if run > tile_a:
            words = min(words, n_b * number[a, level] * ((run - 1) * stride + (tile_b - 1) * dilation + 1))
        run = tile[b, level]
        if run > tile_b:
            words = min(words, n_a * number[b, level] * ((tile_a - 1) * stride + (run - 1) * dilation + 1))
    return float(words)


def _settle_words(sums: SketchSums, sketch: Sketch) -> None:
    """Fill what the words of crossings depend on beside the operands that stay."""
    levels, bounds = len(sums.bits), sums.bounds
    for c in range(len(sums.operand)):
        o, child = sums.operand[c], sums.child[c]
        level = _mover(sketch.loops, o, child) if child < levels else -1
        sketch.lists[c] = levels if child == levels else level + 1
        if o == IFMAP:
            height = _touched(sums, sketch.tile, sketch.number, 0, child, -1)
            width = _touched(sums, sketch.tile, sketch.number, 1, child, -1)
            touched = height * width
            if level >= 0:  # it slides on one axis
                touched = min(touched, height * _touched(sums, sketch.tile, sketch.number, 1, child, level))
                touched = min(touched, width * _touched(sums, sketch.tile, sketch.number, 0, child, level))
            sketch.moved[c] = float(bounds[G] * bounds[N] * bounds[C]) * touched


def _count_words(sums: SketchSums, sketch: Sketch) -> None:
    """Fill the words of all views."""
    levels, words, trips, children = len(sums.bits), sketch.words, sketch.trips, sketch.children
    bounds, totals = sums.bounds, sums.totals
    for c in range(len(sums.operand)):
        o, lists = sums.operand[c], sketch.lists[c]
        if sums.child[c] < levels and lists > 0 and sketch.stays[lists - 1] == o:
            lists -= 1
        if o == IFMAP:
            for v in range(sums.views[c], sums.views[c + 1]):
                words[v] = sketch.moved[c] * min(trips[K, lists] * children[K, v], float(bounds[K]))
            continue
        x, y, z = (N, P, Q) if o == WEIGHT else (C, R, S)
        for v in range(sums.views[c], sums.views[c + 1]):
            some = min(trips[x, lists] * children[x, v], float(bounds[x]))
            some *= min(trips[y, lists] * children[y, v], float(bounds[y]))
            words[v] = totals[o] * some * min(trips[z, lists] * children[z, v], float(bounds[z]))


def words_of(o: int, size: Floats, at: int, window: Ints) -> float:
    """Words of a tile, sizes of dims in a column."""
    if o == WEIGHT:
        return float(size[G, at] * size[K, at] * size[C, at] * size[R, at] * size[S, at])
    if o == PSUM:
        return float(size[G, at] * size[N, at] * size[K, at] * size[P, at] * size[Q, at])
    height = (size[P, at] - 1) * window[0] + (size[R, at] - 1) * window[1] + 1
    width = (size[Q, at] - 1) * window[2] + (size[S, at] - 1) * window[3] + 1
    return float(size[G, at] * size[N, at] * size[C, at] * height * width)


def too_much(sums: SketchSums, sketch: Sketch, finished: bool) -> float:
    """How many times too much levels hold, all of them multiplied; 1 if the mapping fits.

    Parameters
    ----------
    finished : bool
        Whether all psums are taken to be, so that words need not be known.
    """
    over, bits, capacity, words = 1.0, sums.bits, sums.capacity, sketch.words
    for level in range(1, len(bits)):
        total = 0.0
        for o in range(3):
            if bits[level, o] > 0:
                width = bits[level, o]
                if o == PSUM and (finished or words[sums.from_inside[level]] <= sums.totals[PSUM]):
                    width = sums.finished[level]
                mine = width * sketch.held[level, o]
                total += mine
                if mine > capacity[level, o]:
                    over *= mine / max(1e-9, capacity[level, o])
        if total > capacity[level, SHARED]:
            over *= total / max(1e-9, capacity[level, SHARED])
    return over


def all_finished(sums: SketchSums, sketch: Sketch) -> bool:
    """Whether no unfinished psums come to a level that would have less room for them."""
    finished = True
    for level in range(1, len(sums.bits)):
        if sums.finished[level] < sums.bits[level, PSUM]:
            finished = finished and sketch.words[sums.from_inside[level]] <= sums.totals[PSUM]
    return finished


def too_often(sums: SketchSums, sketch: Sketch) -> float:
    """How many times too often psums come to the outermost level, where only finished ones may come."""
    return sketch.words[sums.from_inside[0]] / sums.totals[PSUM] if sums.state[1] == 1 else 1.0


def settle(sums: SketchSums, sketch: Sketch) -> bool:
    """Work out what an estimate needs beside the operands that stay; whether it is worth one."""
    bits, held, tile, window = sums.bits, sketch.held, sketch.tile, sums.window
    for level in range(1, len(bits)):
        # As `words_of`, written out: a call takes longer than the words.
        g, n, k, c = tile[G, level], tile[N, level], tile[K, level], tile[C, level]
        p, q, r, s = tile[P, level], tile[Q, level], tile[R, level], tile[S, level]
        height = (p - 1) * window[0] + (r - 1) * window[1] + 1
        held[level, IFMAP] = g * n * c * height * ((q - 1) * window[2] + (s - 1) * window[3] + 1)
        held[level, WEIGHT] = g * k * c * r * s
        held[level, PSUM] = g * n * k * p * q
    sketch.fits[0] = too_much(sums, sketch, True)
    if sketch.fits[0] > FAR:
        return False
    _settle_words(sums, sketch)
    return True


def estimate(sums: SketchSums, sketch: Sketch, kind: int) -> float:
    """About the objective of a mapping; more where it does not fit.

    Parameters
    ----------
    kind : int
        ENERGY, LATENCY or EDP (`dse.mapper.shared.incumbent`).
    """
    return estimate_settled(sums, sketch, kind, np.inf) if settle(sums, sketch) else np.inf


def estimate_settled(sums: SketchSums, sketch: Sketch, kind: int, limit: float) -> float:
    """The same after `settle`, since when only operands that stay have changed.

    Parameters
    ----------
    limit : float
        What is not below that is not looked at further, and is no less either way.
    """
    _count_words(sums, sketch)
    form, totals, ports, lanes = sums.form, sketch.totals, len(sums.ports), sketch.lanes
    for row in range(len(totals)):
        totals[row] = sums.constant[row]
    for v in range(len(form)):
        words = sketch.words[v]
        for row in range(len(totals)):
            totals[row] += form[v, row] * words
    time, serial = 1.0, 0.0
    for d in range(8):
        time *= sketch.trips[d, len(sums.bits) + 1]
    for t in range(ports):
        used = 1.0
        for d in range(8):
            used *= sketch.used[d, t]
        lanes[t] = used
        time = max(time, totals[1 + t] / used)
        if len(totals) > 1 + ports:
            serial += totals[1 + ports + t] / used
    time += serial
    sums.state[0] += 1
    value = _objective(sums.static_pj, kind, totals[0], time)
    if value >= limit:
        return value
    return _with_fills(sums, sketch, kind, time)


def _with_fills(sums: SketchSums, sketch: Sketch, kind: int, time: float) -> float:
    """The objective with first fills and last drains, and what it is raised by where rules are broken."""
    over = sketch.fits[0]
    for f in range(len(sums.fills)):
        words = words_of(sums.fills[f, 1], sketch.filled, f, sums.window)
        time += sums.fill_cost[f] * words / sketch.lanes[sums.fills[f, 0]]
    if not all_finished(sums, sketch):
        over = too_much(sums, sketch, False)
    value = _objective(sums.static_pj, kind, sketch.totals[0], time) * too_often(sums, sketch)
    jump = JUMP if sums.state[2] == 0 else STRICT
    return jump * value * over * over * over * over if over > 1.0 else value


def fits(sums: SketchSums, sketch: Sketch) -> bool:
    """Whether no level holds more than it has room for."""
    if not settle(sums, sketch):
        return False
    _count_words(sums, sketch)
    return sketch.fits[0] <= 1.0 and (all_finished(sums, sketch) or too_much(sums, sketch, False) <= 1.0)


def _objective(static_pj: float, kind: int, energy: float, time: float) -> float:
    """The objective, of energy without what leaks."""
    if kind == LATENCY:
        return time
    energy += static_pj * time
    return energy if kind == ENERGY else energy * time
