"""A sketched mapping changed by chance, at first also for the worse, then ever less so: annealing. Compilable."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.mapper.deep.sketch.estimate import PLACES, Sketch, estimate, estimate_settled, note, settle
from dse.mapper.deep.sketch.moves import Moves, allowed, move
from dse.mapper.deep.sketch.sums import SketchSums
from dse.model.counting.kernel import Floats, Ints

DRAWS = 3_000
"""Changes that are drawn for each dim that has factors; those that are none, or break a rule, are drawn for nothing."""

HOT, WARM, COLD = 0.3, 0.1, 0.003
"""How much worse by parts a change may make a mapping in the mean: in the beginning, where the mapping is a good one,
and in the end."""

WAYS = 1_000
"""How much worse one may, in units of that, has so many values, all as likely."""

ALONE = 30
"""Of a hundred changes, how many move factors of one dim alone; the others move those of another dim the other way."""

FACTOR, MODULUS = 48_271, 2_147_483_647
"""Each number of chance is the one before times the first, modulo the second."""


class SketchPlaces(NamedTuple):
    """Where there may be factors.

    Parameters
    ----------
    dims : (n,) int64
        Dims that have some.
    many : (8,) int64
        How many places of each dim.
    slots : (8, 3 * k) int64
        Which ones, the first so many of a row.
    worse : (WAYS,) float
        Numbers whose mean is one, of which one says how much worse a change may make a mapping.
    """

    dims: Ints
    many: Ints
    slots: Ints
    worse: Floats


def places_of(sums: SketchSums, moves: Moves) -> SketchPlaces:
    """Where there may be factors."""
    size, count = moves.most.shape[1], 0
    dims, many, slots = np.zeros(8, dtype=np.int64), np.zeros(8, dtype=np.int64), np.zeros((8, size), dtype=np.int64)
    for d in range(8):
        if sums.bounds[d] > 1:
            dims[count] = d
            count += 1
            for slot in range(size):
                if moves.most[d, slot] > 1:
                    slots[d, many[d]] = slot
                    many[d] += 1
    return SketchPlaces(dims[:count], many, slots, -np.log((np.arange(WAYS) + 0.5) / WAYS))


def anneal(
    sums: SketchSums, moves: Moves, mine: Sketch, best: Sketch, kind: int, places: SketchPlaces, hot: float, seed: int
) -> float:  # fmt: skip
    """Change a mapping many times. The best one on the way is kept; returns what is estimated of it.

    Most changes that do not make a mapping worse move factors of two dims at once: what one takes of a level's room or
    of a fan-out's lanes, another one has to leave. Where there is a list, that operand stays with which the change is
    best.

    Parameters
    ----------
    best : Sketch
        Its factors and operands that stay are those of the best one then.
    hot : float
        What the heat is at first.
    seed : int
        Where numbers of chance begin.
    """
    slots, found, value = mine.factors.shape[1], np.inf, estimate(sums, mine, kind)
    draws, heat = DRAWS * len(places.dims), hot
    for _ in range(draws):
        heat *= (COLD / hot) ** (1.0 / draws)
        seed = seed * FACTOR % MODULUS
        d, how, e = places.dims[seed % len(places.dims)], seed // 64 % 8, -1
        if seed // 1_024 % 100 >= ALONE:
            e = places.dims[seed // 131_072 % len(places.dims)]
        seed = seed * FACTOR % MODULUS
        source, target = places.slots[d, seed % places.many[d]], places.slots[d, seed // 64 % places.many[d]]
        limit, level, stays = value * (1.0 + heat * places.worse[seed // 4_096 % WAYS]), target // PLACES, -1
        was, is_list = mine.stays[level], target % PLACES == 0 and moves.free[level] == 1
        count, e = (0, d) if source == target else (1, d) if e < 0 else (2, e)
        if count == 0 and (not is_list or mine.loops[level] == 0):
            continue
        if count > 0 and not _moved(sums, moves, mine, (d, e), (source, target), how):
            continue
        fine = True
        for which in range(count):  # loops, as compiled code has a copy for each call
            fine = fine and allowed(sums, moves, mine, e if which == 1 else d)
        for which in range(count if fine else 0):
            note(sums, mine, e if which == 1 else d)
        if fine and settle(sums, mine):
            for turn in range(1 if count == 0 else 0, 3 if is_list else 1):
                mine.stays[level] = (was + turn) % 3 if is_list else was
                other = estimate_settled(sums, mine, kind, limit)
                if other < limit:
                    limit, stays = other, mine.stays[level]
        mine.stays[level] = stays if stays >= 0 else was
        if stays < 0:
            for which in range(count):
                x = e if which == 1 else d
                for slot in range(slots):
                    mine.factors[x, slot] = moves.spare[which, slot]
                if fine:
                    note(sums, mine, x)
            continue
        value = limit
        if value < found:
            found = value
            for x in range(8):
                for slot in range(slots):
                    best.factors[x, slot] = mine.factors[x, slot]
            for x in range(len(mine.stays)):
                best.stays[x] = mine.stays[x]
    return found


def _moved(
    sums: SketchSums, moves: Moves, mine: Sketch, dims: tuple[int, int], between: tuple[int, int], how: int
) -> bool:  # fmt: skip
    """Move factors of a dim from one place to another, and those of another dim, if it is one, back.

    What both were is in `spare` then; False where there is nothing to move.
    """
    d, e, source, target = dims[0], dims[1], between[0], between[1]
    factors, its, kept, its_kept = mine.factors[d], mine.factors[e], moves.spare[0], moves.spare[1]
    most = min(moves.most[d, target], factors[target] * factors[source])
    if most <= factors[target] or (d != e and (its[target] == 1 or moves.most[e, source] <= its[source])):
        return False
    for slot in range(len(factors)):
        kept[slot], its_kept[slot] = factors[slot], its[slot]
    size = factors[target] * (2 if how < 4 else 3) if how < 5 else factors[target] + 1 if how < 6 else most
    move(sums.bounds[d], moves.perfect, factors, source, target, min(most, size))
    if d != e:
        size = its[source] * (2 if how % 2 == 0 else its[target])
        move(sums.bounds[e], moves.perfect, its, target, source, min(moves.most[e, source], size))
    return True
