"""A sketched mapping made better: factors of a dim move from one place to another, and lists change what stays.

A place is the trips of a level's list, or the rows or columns of the fan-out below it. All moves keep a dim's factors
tight and within the rules, so that what comes of them is a mapping, but for the room that it takes. Compilable.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.mapper.deep.problem import Deep
from dse.mapper.deep.sketch.estimate import EVERY, NOT_OF, PLACES, Sketch, estimate, estimate_settled, note, settle
from dse.mapper.deep.sketch.sums import SketchSums
from dse.mapper.shared.mapspace.factors import ceil_div, keeps_tight
from dse.model.counting.kernel import Ints

BETTER = 1.0 - 1e-9
"""What a move multiplies the estimate with at most."""

PASSES = 12
"""Through all dims, at most."""

TIMES = (2, 3, 4, 6)
"""How many times as large a factor is made, beside one more and all that may be."""


class Moves(NamedTuple):
    """Where factors may be.

    Parameters
    ----------
    most : (8, 3 * k) int64
        The largest factor of each dim there.
    whole, wanted, sides, perfect
        Those of the problem; `wanted` are its folds.
    free : (k,) int64
        1 for lists in which any operand may stay.
    order : (8,) int64
        Dims, in the order in which they are moved.
    spare : (4, 3 * k) int64
        Scratch: factors of two dims as they are, and as they are best.
    """

    most: Ints
    whole: Ints
    wanted: Ints
    sides: Ints
    perfect: bool
    free: Ints
    order: Ints
    spare: Ints


def moves_of(dp: Deep) -> Moves:
    """Where the factors of each dim may be."""
    levels = len(dp.nodes)
    most, free = np.ones((8, PLACES * levels), dtype=np.int64), np.zeros(levels, dtype=np.int64)
    for level in range(levels):
        slot = PLACES * level
        free[level] = 1 if level < dp.last and (level != dp.near or dp.stationary < 0) else 0
        for d in range(8):
            most[d, slot] = dp.bounds[d] if dp.in_list[level, d] == 1 else 1
            for side in range(2):
                if dp.fans[level] >= 0 and dp.on_side[level, side, d] == 1:
                    most[d, slot + 1 + side] = min(dp.sides[level, side], dp.bounds[d])
    spare = np.ones((4, PLACES * levels), dtype=np.int64)
    return Moves(most, dp.whole, dp.folds_wanted, dp.sides, dp.perfect, free, np.arange(8), spare)


def begin(dp: Deep, sums: SketchSums, moves: Moves, sketch: Sketch) -> bool:
    """Put all factors as far outside as the rules let them; False where that breaks one."""
    fine = True
    for d in range(8):
        for slot in range(sketch.factors.shape[1]):
            sketch.factors[d, slot] = 1
    for d in range(8):
        fine = put_outside(dp, sums, moves, sketch, d) and fine
    return fine


def put_outside(dp: Deep, sums: SketchSums, moves: Moves, sketch: Sketch, d: int) -> bool:
    """The same for a dim."""
    factors, bound, at, levels = sketch.factors[d], dp.bounds[d], 0, len(dp.nodes)
    for slot in range(len(factors)):
        factors[slot] = 1
    for level in range(levels):
        if dp.whole[level, d] == 1:
            at = level
        for side in range(2):
            wanted = dp.folds_wanted[level, side, d]
            if wanted > 0:
                factors[PLACES * level + 1 + side] = ceil_div(bound, wanted)
    while at < levels - 1 and dp.in_list[at, d] == 0:
        at += 1
    factors[PLACES * at] = ceil_div(bound, _product(factors))
    note(sums, sketch, d)
    return allowed(sums, moves, sketch, d)


def _product(factors: Ints) -> int:
    product = 1
    for slot in range(len(factors)):
        product *= factors[slot]
    return product


def allowed(sums: SketchSums, moves: Moves, sketch: Sketch, d: int) -> bool:
    """Whether a dim's factors cover it, keep all rules, and leave room for those of other dims."""
    factors, bound = sketch.factors[d], sums.bounds[d]
    product, inside = _product(factors), 1
    if product < bound or (moves.perfect and product != bound):
        return False
    for slot in range(len(factors) - 1, -1, -1):
        level, which, factor = slot // PLACES, slot % PLACES, factors[slot]
        inside *= factor
        if which == 0 and moves.whole[level, d] == 1 and inside < bound:
            return False
        if factor > 1 and (factor > moves.most[d, slot] or not keeps_tight(bound, product, factor)):
            return False
        if which == 0:
            continue
        wanted = moves.wanted[level, which - 1, d]
        if wanted > 0 and ceil_div(bound, factor) != wanted:
            return False
        if factor > 1:
            taken = factor
            for other in range(8):
                taken *= sketch.factors[other, slot] if other != d else 1
            if taken > moves.sides[level, which - 1]:
                return False
    return True


def move(bound: int, perfect: bool, factors: Ints, source: int, target: int, size: int) -> None:
    """Make one factor so large, another one as small as it may be then, and all others no larger than needed."""
    factors[target] = size
    factors[source] = 1
    factors[source] = ceil_div(bound, _product(factors))
    if perfect:
        return
    product = _product(factors)
    for slot in range(len(factors)):
        if not keeps_tight(bound, product, factors[slot]):
            others = product // factors[slot]
            factors[slot] = ceil_div(bound, others)
            product = others * factors[slot]


def best_move(sums: SketchSums, moves: Moves, sketch: Sketch, d: int, kind: int, value: float) -> float:
    """Make the move of a dim that is best, if it is better; returns the estimate."""
    factors, kept, best, stays = sketch.factors[d], moves.spare[0], moves.spare[1], sketch.stays
    slots, found, list_of, stays_there = len(factors), value * BETTER, -1, 0
    for slot in range(slots):
        kept[slot], best[slot] = factors[slot], factors[slot]
    for target in range(slots):
        level = target // PLACES
        before = stays[level]
        for source in range(slots):
            most = min(moves.most[d, target], kept[target] * kept[source])
            if source == target or most <= kept[target]:
                continue
            for choice in range(len(TIMES) + 2):
                size = most
                if choice < len(TIMES):
                    size = kept[target] * TIMES[choice]
                elif choice == len(TIMES):
                    size = kept[target] + 1
                if (choice <= len(TIMES) and size >= most) or (choice == len(TIMES) and kept[target] == 1):
                    continue
                move(sums.bounds[d], moves.perfect, factors, source, target, size)
                if allowed(sums, moves, sketch, d):
                    note(sums, sketch, d)
                    turns = 3 if target % PLACES == 0 and moves.free[level] == 1 else 1
                    for turn in range(turns if settle(sums, sketch) else 0):
                        stays[level] = (before + turn) % 3
                        other = estimate_settled(sums, sketch, kind, found)
                        if other < found:
                            found, list_of, stays_there = other, level, stays[level]
                            for slot in range(slots):
                                best[slot] = factors[slot]
                    stays[level] = before
                for slot in range(slots):
                    factors[slot] = kept[slot]
    for slot in range(slots):
        factors[slot] = best[slot]
    note(sums, sketch, d)
    if list_of < 0:
        return value
    stays[list_of] = stays_there
    return found


def best_stays(sums: SketchSums, moves: Moves, sketch: Sketch, kind: int, value: float) -> float:
    """In each list let that operand stay with which the mapping is best; returns the estimate."""
    if not settle(sums, sketch):
        return value
    for level in range(len(moves.free)):
        if moves.free[level] == 0 or sketch.loops[level] == 0:
            continue
        best = sketch.stays[level]
        for o in range(3):
            sketch.stays[level] = o
            other = estimate_settled(sums, sketch, kind, np.inf)
            # What no loop moves stays in any case; said so, it still does beside loops that are exchanged later.
            if other < value * BETTER or (other <= value and sketch.loops[level] & (EVERY - NOT_OF[o]) == 0):
                value, best = other, o
        sketch.stays[level] = best
    return value


def best_swap(sums: SketchSums, moves: Moves, sketch: Sketch, kind: int, value: float) -> float:
    """Make the exchange of two dims' factors between two places that is best, if it is better; returns the estimate."""
    found, first, second, best, its_best = value * BETTER, -1, -1, moves.spare[2], moves.spare[3]
    for d in range(8):
        for e in range(8):
            if d == e or sums.bounds[d] == 1 or sums.bounds[e] == 1:
                continue
            better = _best_swap_of(sums, moves, sketch, (d, e), kind, found)
            if better < found:
                found, first, second = better, d, e
    if first < 0:
        return value
    for slot in range(sketch.factors.shape[1]):
        sketch.factors[first, slot], sketch.factors[second, slot] = best[slot], its_best[slot]
    for d in (first, second):
        note(sums, sketch, d)
    return found


def _best_swap_of(
    sums: SketchSums, moves: Moves, sketch: Sketch, dims: tuple[int, int], kind: int, found: float
) -> float:  # fmt: skip
    """The best exchange of two dims, kept in `spare` where it is better than what was found."""
    d, e = dims
    mine, its, kept, its_kept = sketch.factors[d], sketch.factors[e], moves.spare[0], moves.spare[1]
    best, its_best, slots = moves.spare[2], moves.spare[3], len(mine)
    for slot in range(slots):
        kept[slot], its_kept[slot] = mine[slot], its[slot]
    for s in range(slots):
        for t in range(slots):
            fixed = moves.most[d, t] <= kept[t] or moves.most[e, s] <= its_kept[s]
            if s == t or kept[s] == 1 or its_kept[t] == 1 or fixed:
                continue
            for choice in range(4):
                give, take = (2, kept[s])[choice % 2], (2, its_kept[t])[choice // 2]
                if (choice % 2 == 1 and give == 2) or (choice >= 2 and take == 2):
                    continue
                move(sums.bounds[d], moves.perfect, mine, s, t, min(moves.most[d, t], kept[t] * give))
                move(sums.bounds[e], moves.perfect, its, t, s, min(moves.most[e, s], its_kept[s] * take))
                fine = True
                for which in range(2):  # a loop, as compiled code has a copy for each call
                    fine = fine and allowed(sums, moves, sketch, dims[which])
                if fine:
                    for which in range(2):
                        note(sums, sketch, dims[which])
                    other = estimate_settled(sums, sketch, kind, found) if settle(sums, sketch) else np.inf
                    if other < found:
                        found = other
                        for slot in range(slots):
                            best[slot], its_best[slot] = mine[slot], its[slot]
                for slot in range(slots):
                    mine[slot], its[slot] = kept[slot], its_kept[slot]
    for which in range(2):
        note(sums, sketch, dims[which])
    return found


def descend(sums: SketchSums, moves: Moves, sketch: Sketch, kind: int) -> float:
    """Move factors, dim by dim, for as long as the estimate falls; returns it."""
    value = estimate(sums, sketch, kind)
    for _ in range(PASSES):
        before = value
        for at in range(8):
            d = moves.order[at]
            if sums.bounds[d] > 1:
                value = best_move(sums, moves, sketch, d, kind, value)
        value = best_stays(sums, moves, sketch, kind, value)
        if value >= before * BETTER:
            break
    return value
