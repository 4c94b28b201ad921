"""Mappings made at once from the numbers of a problem alone, of which the model prices the best ones. Compilable."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.mapper.deep.leaves import ANYTHING, Goal, Incumbents, Scratch, price_orders, scratch_of
from dse.mapper.deep.nest import COLS, PER_LEVEL, PER_PART, ROWS, TRIPS
from dse.mapper.deep.problem import Deep
from dse.mapper.deep.sketch.estimate import PLACES, Sketch, estimate, new_sketch, note, words_of
from dse.mapper.deep.sketch.moves import BETTER, Moves, allowed, begin, best_swap, descend, moves_of, put_outside
from dse.mapper.deep.sketch.sums import Sums, sums_of
from dse.mapper.deep.splits.chains import settle_sides
from dse.model.counting.kernel import Ints, entry
from dse.model.price import SHARED
from dse.problem.dims import IFMAP, PSUM, WEIGHT, C, G, K, N, P, Q, R, S

STARTS = ((K, C, P, Q, N, R, S, G), (C, K, P, Q, N, R, S, G), (P, Q, K, C, N, R, S, G))
"""The order in which dims are moved from each beginning."""

STAYS = (IFMAP, WEIGHT, PSUM)
"""The operand that stays in all lists at each beginning."""

KICKS = ((K, C), (K, P), (C, P), (K, Q), (C, Q), (P, Q))
"""Dims that are moved anew from outside, together, once nothing else makes a mapping better; the second one first."""

ROUNDS, SWAPS = 2, 4
"""How often all of these are tried while some help, and how many exchanges of two dims' factors before."""

MOST = 3_000
"""Estimates after which no more dims are moved anew."""


class Kindred(NamedTuple):
    """What the problems of one choice of bypasses differ in, that with the fewest limits on psums first.

    Parameters
    ----------
    bits : (m, k, 3) int64
    only_finished : (m, k) int64
        As each problem has them.
    masks : (m,) int64
        Of each.
    """

    bits: Ints
    only_finished: Ints
    masks: Ints


class Kept(NamedTuple):
    """The best mapping so far: see `Sketch`."""

    factors: Ints
    stays: Ints


@entry
def sketch_mappings(dp: Deep, kindred: Kindred, goal: Goal, incumbents: Incumbents, held: int) -> int:
    """Sketch mappings from some beginnings, or from the one that is known, make the best one better, and price it.

    Parameters
    ----------
    dp
        The first of the kindred problems.
    incumbents
        `mask` is that of a kindred problem instead.
    held : int
        How many mappings are known: none or one.

    Returns
    -------
    int
        How many are known.
    """
    sums, moves = sums_of(dp, kindred.bits[len(kindred.bits) - 1, :, PSUM]), moves_of(dp)
    mine, scratch, known, value = new_sketch(sums), scratch_of(dp), held > 0, np.inf
    best = Kept(np.ones_like(mine.factors), np.zeros_like(mine.stays))
    for start in range(1 if known else len(STARTS)):
        fine = begin(dp, sums, moves, mine)
        if known:
            _take(sums, mine, incumbents.records[0])
        if not (known or fine):
            return held
        for level in range(len(mine.stays)):
            mine.stays[level] = STAYS[start] if moves.free[level] == 1 else max(0, dp.stationary)
        for at in range(8):
            moves.order[at] = STARTS[start][at]
        found = descend(sums, moves, mine, goal.kind)
        if found < value * BETTER:
            value = found
            _keep(mine, best)
        held = _priced(dp, kindred, sums, moves, mine, goal, incumbents, held, scratch)
    for _ in range(1 if known else ROUNDS):
        if value == np.inf:  # nothing is kept, as where a level has no room at all
            break
        before = value
        value = _exchanged(sums, moves, mine, best, goal.kind, value)
        if not known:
            value = _kicked(dp, sums, moves, mine, best, goal.kind, value)
        if value >= before * BETTER:
            break
        _put_back(sums, mine, best)
        held = _priced(dp, kindred, sums, moves, mine, goal, incumbents, held, scratch)
    return held


def _take(sums: Sums, mine: Sketch, record: Ints) -> None:
    """Begin at a mapping that is known."""
    for d in range(8):
        for level in range(len(mine.stays)):
            at = PER_LEVEL * level + d
            for part in range(PLACES):
                mine.factors[d, PLACES * level + part] = record[at + PER_PART * part]
        note(sums, mine, d)


def _keep(mine: Sketch, best: Kept) -> None:
    for d in range(8):
        for slot in range(mine.factors.shape[1]):
            best.factors[d, slot] = mine.factors[d, slot]
    for level in range(len(mine.stays)):
        best.stays[level] = mine.stays[level]


def _put_back(sums: Sums, mine: Sketch, best: Kept) -> None:
    for d in range(8):
        for slot in range(mine.factors.shape[1]):
            mine.factors[d, slot] = best.factors[d, slot]
        note(sums, mine, d)
    for level in range(len(mine.stays)):
        mine.stays[level] = best.stays[level]


def _exchanged(sums: Sums, moves: Moves, mine: Sketch, best: Kept, kind: int, value: float) -> float:
    """Exchange factors of two dims while that makes the best mapping better; returns its estimate."""
    for _ in range(SWAPS):
        _put_back(sums, mine, best)
        found = best_swap(sums, moves, mine, kind, value)
        if found >= value * BETTER:
            break
        value = descend(sums, moves, mine, kind)
        _keep(mine, best)
    return value


def _kicked(dp: Deep, sums: Sums, moves: Moves, mine: Sketch, best: Kept, kind: int, value: float) -> float:
    """Move two dims of the best mapping anew, from outside, each two in turn; returns its estimate."""
    for pair in range(len(KICKS)):
        first, second = KICKS[pair]
        if sums.estimates[0] > MOST or dp.bounds[first] == 1 or dp.bounds[second] == 1:
            continue
        _put_back(sums, mine, best)
        if not (put_outside(dp, sums, moves, mine, first) and put_outside(dp, sums, moves, mine, second)):
            continue
        moves.order[0], moves.order[1], at = second, first, 2
        for turn in range(8):
            d = STARTS[0][turn]
            if d != first and d != second:
                moves.order[at] = d
                at += 1
        found = descend(sums, moves, mine, kind)
        if found < value * BETTER:
            value = found
            _keep(mine, best)
    return value


def _priced(
    dp: Deep, kindred: Kindred, sums: Sums, moves: Moves, mine: Sketch, goal: Goal, incumbents: Incumbents, held: int,
    scratch: Scratch,
) -> int:  # fmt: skip
    """Price a mapping with all of its orders, in the last problem that it is one of; nothing that breaks a rule."""
    for d in range(8):
        if not allowed(sums, moves, mine, d):
            return held
    estimate(sums, mine, goal.kind)  # the words are those of what was tried last
    at = len(kindred.masks) - 1
    while at >= 0 and not _is_of(kindred, sums, mine, at):
        at -= 1
    if at < 0:
        return held
    for level in range(len(dp.nodes)):
        for d in range(8):
            slot = PLACES * level
            scratch.split[level, TRIPS, d], scratch.split[level, COLS, d] = mine.factors[d, slot + TRIPS], 1
            scratch.split[level, ROWS, d] = mine.factors[d, slot + ROWS] * mine.factors[d, slot + COLS]
    if not settle_sides(dp, scratch.split):  # as the search does: of equal mappings the first one is kept
        return held
    choices = np.full((len(dp.nodes), 3), ANYTHING, dtype=np.int64)
    found = Incumbents(incumbents.values, incumbents.records, incumbents.visited, kindred.masks[at])
    room = Scratch(scratch.split, scratch.orders, scratch.work, kindred.only_finished[at])
    return price_orders(dp, choices, goal, found, held, room)


def _is_of(kindred: Kindred, sums: Sums, mine: Sketch, at: int) -> bool:
    """Whether a mapping fits in a kindred problem, and its psums come to levels as that has it."""
    for level in range(len(sums.bits)):
        total, inside = 0.0, sums.from_inside[level]
        if kindred.only_finished[at, level] == 1 and inside >= 0 and mine.words[inside] > sums.totals[PSUM]:
            return False
        for o in range(3):
            if sums.bits[level, o] > 0:
                bits = kindred.bits[at, level, o] * words_of(o, mine.tile, level, sums.window)
                total += bits
                if bits > sums.capacity[level, o]:
                    return False
        if total > sums.capacity[level, SHARED]:
            return False
    return True
