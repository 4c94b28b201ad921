"""Mappings made at once from the numbers of a problem alone, of which the model prices the best ones. Compilable."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.mapper.deep.leaf.orders import Goal, Incumbents, Scratch, price_orders, scratch_of
from dse.mapper.deep.problem import Deep
from dse.mapper.deep.record import ANYTHING, COLS, PER_LEVEL, PER_PART, ROWS, TRIPS
from dse.mapper.deep.sketch.anneal import HOT, WARM, anneal, places_of
from dse.mapper.deep.sketch.estimate import PLACES, Sketch, estimate, fits, new_sketch, note, words_of
from dse.mapper.deep.sketch.moves import BETTER, Moves, allowed, begin, best_swap, descend, move, moves_of, put_outside
from dse.mapper.deep.sketch.spreads import spread_out, steps_of
from dse.mapper.deep.sketch.sums import SketchSums, sums_of
from dse.mapper.deep.splits.chains import settle_sides
from dse.mapper.shared.incumbent import ENERGY, LATENCY
from dse.model.counting.kernel import Floats, Ints, entry
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

SEVERAL = 3
"""Lists in which any operand may stay, from which on mappings are annealed instead of moving dims anew."""

RUNS = (2, 3, 1)
"""How often a mapping is annealed where several lists are free: for energy; where time counts, as fan-outs may be
filled in many ways; and once one of another choice of bypasses is known."""

FAST = 1.001
"""For time alone, a mapping that takes no more than so many times the fewest steps is left as it is."""


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


EVERYTHING, SOON, ANEW, AGAIN = 0, 1, 2, 3
"""What is tried: all there is; without what is for `SEVERAL` lists alone; that, although a mapping is known, and
annealed once; or, after that, annealed as often as is left."""

NEARLY = 1.02
"""A mapping whose estimate is no more than so many times what is enough is priced at once."""


class SketchEffort(NamedTuple):
    """What is tried.

    Parameters
    ----------
    part : int
        EVERYTHING, SOON or ANEW.
    enough : float
        Of `ANEW` and `AGAIN`: once a mapping costs no more, no other is tried.
    """

    part: int
    enough: float


class BestSketch(NamedTuple):
    """The best mapping so far: see `Sketch`."""

    factors: Ints
    stays: Ints


class Tries(NamedTuple):
    """What is tried, and how often.

    Parameters
    ----------
    known : bool
        Whether it begins at the mapping that is known.
    several : bool
        Whether mappings are annealed.
    starts, begun : int
        Beginnings that are priced at once; and all, with those that spread dims over fan-outs in each way.
    rounds : int
        As `ROUNDS`.
    runs, left : int
        As `RUNS`, and how many of these are left out.
    spreads : (n, 8, places) int64
        See `spread_out`.
    enough : float
        A mapping that costs no more is not annealed.
    """

    known: bool
    several: bool
    starts: int
    begun: int
    rounds: int
    runs: int
    left: int
    spreads: Ints
    enough: float


@entry
def sketch_mappings(
    dp: Deep, kindred: Kindred, goal: Goal, incumbents: Incumbents, held: int, effort: SketchEffort
) -> int:  # fmt: skip
    """Sketch mappings from some beginnings, or from the one that is known, make the best one better, and price it.

    Parameters
    ----------
    dp
        The first of the kindred problems.
    incumbents
        `mask` is that of a kindred problem instead.
    held : int
        How many mappings are known: none or one.
    effort : SketchEffort

    Returns
    -------
    int
        How many are known.
    """
    sums, moves = sums_of(dp, kindred.bits[len(kindred.bits) - 1, :, PSUM]), moves_of(dp)
    mine, other, scratch = new_sketch(sums), new_sketch(sums), scratch_of(dp)
    best, value = BestSketch(np.ones_like(mine.factors), np.zeros_like(mine.stays)), np.inf
    places, tries = places_of(sums, moves), tries_of(dp, moves, goal.kind, held, effort.part)
    known, spreads, to_be_enough = tries.known, tries.spreads, effort.part == ANEW or effort.part == AGAIN
    start, swaps, kicks, before = 0, 0, 0, np.inf
    rounds, runs = tries.rounds, tries.runs if len(places.dims) > 0 else 0
    # Where psums may come back at first, other beginnings end worse.
    sums.state[1] = kindred.only_finished[0 if known else len(kindred.only_finished) - 1, 0]
    # One loop for all that is tried: compiled code has a copy of all for each place that calls `descend` or `_priced`.
    while True:
        ready, due = True, start < tries.starts
        if due:
            if not _begun(dp, sums, moves, mine, start, incumbents.records, known):
                return held
            start += 1
        elif start < tries.begun:
            ready = _begun(dp, sums, moves, mine, start % len(STARTS), incumbents.records, False)
            _spread(dp, sums, moves, mine, spreads[start - tries.starts])
            start += 1
        elif rounds == 0 or value == np.inf:  # nothing is kept, as where a level has no room at all
            return held
        elif swaps < SWAPS:
            if swaps == 0:
                before = np.inf if rounds == ROUNDS and len(spreads) > 0 else value  # those are not priced yet
                sums.state[1] = kindred.only_finished[0, 0]
            _put_back(sums, mine, best)
            ready = best_swap(sums, moves, mine, goal.kind, value) < value * BETTER
            swaps = swaps + 1 if ready else SWAPS
        elif kicks < len(KICKS) and not known and not tries.several:
            ready = _kicked(dp, sums, moves, mine, best, kicks)
            kicks += 1
        elif runs > tries.left and value > tries.enough:
            near, due = runs % 2 == 1 and len(spreads) > 0, True
            if near:
                _put_back(sums, mine, best)
            else:
                _begun(dp, sums, moves, mine, runs % len(STARTS), incumbents.records, known and effort.part != AGAIN)
                if len(spreads) > 0:
                    _spread(dp, sums, moves, mine, spreads[runs % len(spreads)])
            ready = anneal(sums, moves, mine, other, goal.kind, places, WARM if near else HOT, runs) < np.inf
            if ready:
                _put_back(sums, mine, BestSketch(other.factors, other.stays))
            runs -= 1
        elif value >= before * BETTER:
            return held
        else:
            _put_back(sums, mine, best)
            ready, due, swaps, kicks, rounds = False, True, 0, 0, rounds - 1
        if ready:
            found = _descended(sums, moves, mine, goal.kind, value if due else -np.inf)
            if found < value * BETTER:
                value, due = found, due or (to_be_enough and found <= NEARLY * effort.enough)
                _keep(mine, best)
        if due:
            held = _priced(dp, kindred, sums, moves, mine, goal, incumbents, held, scratch)
            if to_be_enough and held > 0 and cost_of(goal.kind, incumbents.values[0]) <= effort.enough:
                return held


def tries_of(dp: Deep, moves: Moves, kind: int, held: int, part: int) -> Tries:
    """What `sketch_mappings` tries of some part, with so many mappings known."""
    known, again = held > 0 and part != ANEW, part == AGAIN
    several = moves.free.sum() >= SEVERAL and part != SOON
    starts, rounds = (1, 1) if known else (len(STARTS), ROUNDS)
    spreads, enough = np.ones((0, 8, PLACES * len(dp.nodes)), dtype=np.int64), 0.0
    if several and (not known or again) and kind != ENERGY and dp.folds_wanted.max() == 0:
        spreads = spread_out(dp, moves.most)
        enough = FAST * steps_of(dp, spreads[0]) if kind == LATENCY else 0.0
    runs = RUNS[2 if known and not again else 0 if kind == ENERGY else 1] - (1 if again else 0)
    left, begun = runs - 1 if part == ANEW else 0, starts + (0 if again else len(spreads))
    return Tries(known, several, starts, begun, rounds, runs if several else 0, left, spreads, enough)


def _descended(sums: SketchSums, moves: Moves, mine: Sketch, kind: int, before: float) -> float:
    """Make a mapping better, and if it costs less than another one did, made to fit, as it cannot be priced else."""
    found = np.inf
    for strict in range(2):  # one call, as compiled code has a copy of `descend` for each
        if strict == 0 or (found < before * BETTER and not fits(sums, mine)):
            sums.state[2] = strict
            found = descend(sums, moves, mine, kind)
    sums.state[2] = 0
    return found


def cost_of(kind: int, values: Floats) -> float:
    """The objective of a mapping that is priced.

    Examples
    --------
    >>> float(cost_of(ENERGY, np.array([3.0, 2.0])))
    3.0
    """
    return values[0] if kind == ENERGY else values[1] if kind == LATENCY else values[0] * values[1]


def _begun(dp: Deep, sums: SketchSums, moves: Moves, mine: Sketch, start: int, records: Ints, known: bool) -> bool:
    """Put a mapping at one of the beginnings, or at the one that is known; False where there is none."""
    fine = begin(dp, sums, moves, mine)
    if known:
        _take(sums, mine, records[0])
    for level in range(len(mine.stays)):
        mine.stays[level] = STAYS[start] if moves.free[level] == 1 else max(0, dp.stationary)
    for at in range(8):
        moves.order[at] = STARTS[start][at]
    return known or fine


def _spread(dp: Deep, sums: SketchSums, moves: Moves, mine: Sketch, way: Ints) -> None:
    """Take dims whose trips are all outside apart over fan-outs in a given way."""
    for d in range(8):
        factors, at = mine.factors[d], 0
        for slot in range(len(factors)):
            at = slot if factors[slot] > 1 else at
        for slot in range(len(factors)):
            if way[d, slot] > 1:
                move(sums.bounds[d], moves.perfect, factors, at, slot, way[d, slot])
        if allowed(sums, moves, mine, d):
            note(sums, mine, d)
        else:
            put_outside(dp, sums, moves, mine, d)


def _take(sums: SketchSums, mine: Sketch, record: Ints) -> None:
    """Begin at a mapping that is known."""
    for d in range(8):
        for level in range(len(mine.stays)):
            at = PER_LEVEL * level + d
            for part in range(PLACES):
                mine.factors[d, PLACES * level + part] = record[at + PER_PART * part]
        note(sums, mine, d)


def _keep(mine: Sketch, best: BestSketch) -> None:
    for d in range(8):
        for slot in range(mine.factors.shape[1]):
            best.factors[d, slot] = mine.factors[d, slot]
    for level in range(len(mine.stays)):
        best.stays[level] = mine.stays[level]


def _put_back(sums: SketchSums, mine: Sketch, best: BestSketch) -> None:
    for d in range(8):
        for slot in range(mine.factors.shape[1]):
            mine.factors[d, slot] = best.factors[d, slot]
        note(sums, mine, d)
    for level in range(len(mine.stays)):
        mine.stays[level] = best.stays[level]


def _kicked(dp: Deep, sums: SketchSums, moves: Moves, mine: Sketch, best: BestSketch, pair: int) -> bool:
    """Put two dims of the best mapping outside, to be moved anew first; False where that is not done."""
    first, second = KICKS[pair]
    if sums.state[0] > MOST or dp.bounds[first] == 1 or dp.bounds[second] == 1:
        return False
    _put_back(sums, mine, best)
    for which in range(2):
        if not put_outside(dp, sums, moves, mine, KICKS[pair][which]):
            return False
    moves.order[0], moves.order[1], at = second, first, 2
    for turn in range(8):
        d = STARTS[0][turn]
        if d != first and d != second:
            moves.order[at] = d
            at += 1
    return True


def _priced(
    dp: Deep, kindred: Kindred, sums: SketchSums, moves: Moves, mine: Sketch, goal: Goal, incumbents: Incumbents,
    held: int, scratch: Scratch,
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
    room = Scratch(scratch.split, scratch.orders, scratch.work, kindred.only_finished[at], scratch.marks)
    return price_orders(dp, choices, goal, found, held, room)


def _is_of(kindred: Kindred, sums: SketchSums, mine: Sketch, at: int) -> bool:
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
