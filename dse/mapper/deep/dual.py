"""The separable bound of the deep search: a weighted product below a sum of products. Compilable.

A sum of positive terms is at least the product of (term / weight) ** weight over weights that add up to one; a product
of factors per axis is least where each axis' own weighted product is. Limits enter with weights of their own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.mapper.deep.sift import sift
from dse.model.kernel import entry

Ints = Any
Floats = Any

FLOOR = 1e-6
"""The least share of a term in its block while weights are sought."""

MANY = 8192
"""Splits of an axis above which most improvements look at some of them only."""

SOME = 256
"""Twice so many splits per axis stand for all of them between two passes over all."""

PERIOD = 6
"""Improvements per pass over all splits."""

CAREFUL = 24
"""The first improvements of weights that are far from right, each of which passes over all splits."""


def load_of(
    first: Ints, second: Ints, logs: Floats, block: Ints, group: Ints, limits: Floats, groups: int, weights: Floats,
    load: Floats, sums: Any,
) -> float:  # fmt: skip
    """The part of the bound that no split changes; fills the weight of each column.

    Parameters
    ----------
    first, second : (T, 6)
        Columns of each term; column 0 is zero.
    logs, block, group : (T,)
    limits : (B,)
    weights : (T,)
    load : (6, columns)
    sums
        Scratch: (T,) weights at hand and heights, (B,) of each block, (groups + 1,) of each group.
    """
    terms = len(logs)
    in_block, in_groups, in_group, group_block = sums[3], sums[4], sums[7], sums[9]
    for b in range(len(limits)):
        in_block[b], in_groups[b] = 0.0, 0.0
    for g in range(groups):
        in_group[g] = 0.0
    for a in range(6):
        for k in range(load.shape[1]):
            load[a, k] = 0.0
    for t in range(terms):
        w = weights[t]
        if w == 0.0:
            continue
        in_block[block[t]] += w
        if group[t] >= 0:
            in_group[group[t]] += w
            in_groups[block[t]] += w
            group_block[group[t]] = block[t]
        for a in range(6):
            load[a, first[t, a]] += w
            load[a, second[t, a]] += w
    total = 0.0
    for t in range(terms):
        if weights[t] > 0.0:
            total += weights[t] * (logs[t] - np.log(weights[t] / in_block[block[t]]))
    for g in range(groups):
        if in_group[g] > 0.0:
            total += in_group[g] * np.log(in_group[g] / in_groups[group_block[g]])
    for b in range(len(limits)):
        total -= in_block[b] * limits[b]
    return total


def weigh(tables: Any, load: Floats, rows: Ints, start: Ints, end: Ints, reduced: Floats, least: Floats) -> float:
    """The least weighted logarithms of all axes together.

    Parameters
    ----------
    tables : 6 x (columns, n)
        Logarithms of the factors of each axis' splits.
    load : (6, columns)
    rows, start, end
        The splits that count: of axis a those in rows[start[a]..end[a]].
    reduced, least : (n,), (6,)
        Filled: the weighted logarithm of each split, beside `rows`, and the least of each axis.
    """
    total = 0.0
    for a in range(6):
        table = tables[a]
        for i in range(start[a], end[a]):
            reduced[i] = 0.0
        for k in range(1, len(table)):
            w = load[a, k]
            if w != 0.0:
                for i in range(start[a], end[a]):
                    reduced[i] += w * table[k, rows[i]]
        least[a] = np.inf
        for i in range(start[a], end[a]):
            least[a] = min(least[a], reduced[i])
        total += least[a]
    return total


@entry
def climb(
    tables: Any, factors: Any, first: Ints, second: Ints, logs: Floats, block: Ints, group: Ints, limits: Floats,
    groups: int, fixed: Floats, weights: Floats, pinned: bool, begin: float, rounds: int, enough: float, alive: Ints,
    start: Ints, end: Ints, reduced: Floats,
) -> float:  # fmt: skip
    """Improve the weights; the bound holds for any, so however far this gets it is sound.

    Parameters
    ----------
    tables, factors : 6 x (columns, n)
        Logarithms of the factors of each axis' splits, and the factors.
    fixed : (B,)
        Weight of the objective blocks, -1 for a limit.
    weights : (T,)
        Start, replaced by the best found.
    pinned : bool
        Groups without weight stay so.
    begin : float
        0 for a start from anywhere, towards 1 when the weights are nearly right.
    enough : float
        Stop when the bound gets there.
    alive, start, end
        As the rows of `weigh`; splits that cannot be part of anything below `enough` are dropped.
    reduced
        Filled for the best weights, above the least of each axis.
    """
    if not sift(factors, first, second, logs, block, group, limits, groups, fixed, enough, alive, start, end):
        return np.inf
    widest, longest = 0, 0
    for a in range(6):
        widest = max(widest, len(tables[a]))
        longest = max(longest, end[a] - start[a])
    terms, blocks = len(logs), len(limits)
    room = 12 * SOME if longest > MANY else 0
    some = (np.zeros(room, dtype=np.int64), np.zeros(6, dtype=np.int64), np.zeros(6, dtype=np.int64), np.zeros(room),
            np.zeros(65, dtype=np.int64))  # fmt: skip
    sums = (
        np.zeros(terms), np.zeros(terms), np.zeros(blocks), np.zeros(blocks), np.zeros(blocks), np.zeros(blocks),
        np.zeros(blocks), np.zeros(groups + 1), np.zeros(groups + 1), np.zeros(groups + 1, dtype=np.int64),
    )  # fmt: skip
    return _climb(
        tables, first, second, logs, block, group, limits, groups, fixed, weights, pinned, begin, rounds, enough, alive,
        start, end, reduced, longest > MANY, np.zeros((6, widest)), np.zeros((6, widest)), np.zeros(6), some, sums,
    )  # fmt: skip


def _climb(
    tables: Any, first: Ints, second: Ints, logs: Floats, block: Ints, group: Ints, limits: Floats, groups: int,
    fixed: Floats, weights: Floats, pinned: bool, begin: float, rounds: int, enough: float, alive: Ints, start: Ints,
    end: Ints, reduced: Floats, many: bool, load: Floats, mean: Floats, least: Floats, some: Any, sums: Any,
) -> float:  # fmt: skip
    """The steps of `climb`, after what only one split rules out; `many` splits are not all looked at each time."""
    few, few_start, few_end, lifted, buckets = some
    now, height, strength = sums[0], sums[1], sums[2]
    for b in range(len(limits)):
        strength[b] = 0.0
    for t in range(len(logs)):
        now[t] = weights[t]
        strength[block[t]] += now[t]
    best = -np.inf
    for turn in range(rounds):
        part = begin + (1.0 - begin) * turn / rounds
        heat = 0.08 * (0.02**part)
        value = load_of(first, second, logs, block, group, limits, groups, now, load, sums)
        if not many or turn % PERIOD == 0 or turn < CAREFUL * (1.0 - 2.0 * begin):
            value += weigh(tables, load, alive, start, end, reduced, least)
            if value > best:
                best = value
                for t in range(len(logs)):
                    weights[t] = now[t]
            if best >= enough:
                return float(best)
            if enough < np.inf and not _drop(start, alive, end, reduced, least, enough - value + 1e-9):
                return np.inf
            _soften(tables, alive, start, end, reduced, least, heat, mean)
            if many:
                _choose(start, end, alive, reduced, least, 12.0 * heat, few, few_start, few_end, buckets)
        else:
            value += weigh(tables, load, few, few_start, few_end, lifted, least)
            _soften(tables, few, few_start, few_end, lifted, least, heat, mean)
        _heighten(first, second, logs, block, group, mean, pinned, weights, sums)
        goal = min(enough, best + 0.4 * (0.01**part)) - value
        _shift(height, block, group, limits, fixed, weights, pinned, goal, part, strength, now, sums)
    best = load_of(first, second, logs, block, group, limits, groups, weights, load, sums)
    best += weigh(tables, load, alive, start, end, reduced, least)
    _drop(start, alive, end, reduced, least, enough - best + 1e-9)
    for a in range(6):
        for i in range(start[a], end[a]):
            reduced[i] -= least[a]
    return float(best)


def _choose(
    start: Ints, end: Ints, alive: Ints, reduced: Floats, least: Floats, window: float, some: Ints, some_start: Ints,
    some_end: Ints, buckets: Ints,
) -> None:  # fmt: skip
    """The splits that stand for all until the next pass over them: those that lift the bound least, and as many of
    those that lift it by less than a window."""
    at = 0
    for a in range(6):
        some_start[a] = at
        for level in range(65):
            buckets[level] = 0
        for i in range(start[a], end[a]):
            buckets[min(64, int((reduced[i] - least[a]) / window * 64.0))] += 1
        inside = end[a] - start[a] - buckets[64]
        level, count = 1, buckets[0]
        while level < 64 and count + buckets[level] <= SOME:
            count += buckets[level]
            level += 1
        stride, seen, low = 1 + inside // SOME, 0, 0
        for i in range(start[a], end[a]):
            over = reduced[i] - least[a]
            if over > window:
                continue
            seen += 1
            if low < SOME and over <= window * level / 64.0:
                low += 1
            elif seen % stride != 0 and over > 0.0:
                continue
            if at < some_start[a] + 2 * SOME:
                some[at] = alive[i]
                at += 1
        some_end[a] = at


def _soften(
    tables: Any, rows: Ints, start: Ints, end: Ints, reduced: Floats, least: Floats, heat: float, mean: Floats
) -> None:
    """The mean of the splits that are nearly least, as a softened minimum; parameters are those of `weigh`."""
    for a in range(6):
        table = tables[a]
        share = 0.0
        for k in range(1, len(table)):
            mean[a, k] = 0.0
        for i in range(start[a], end[a]):
            over = (reduced[i] - least[a]) / heat
            if over < 12.0:
                w = np.exp(-over)
                share += w
                for k in range(1, len(table)):
                    mean[a, k] += w * table[k, rows[i]]
        for k in range(1, len(table)):
            mean[a, k] /= share


def _heighten(
    first: Ints, second: Ints, logs: Floats, block: Ints, group: Ints, mean: Floats, pinned: bool, weights: Floats,
    sums: Any,
) -> None:  # fmt: skip
    """The logarithm of each term at the mean; of the groups of a block only the longest counts, others lose weight."""
    now, height, longest, together, length, held = sums[0], sums[1], sums[3], sums[4], sums[7], sums[8]
    for b in range(2):
        longest[b], together[b] = -np.inf, 1e-300
    for g in range(len(length)):
        length[g], held[g] = 0.0, 0.0
    for t in range(len(logs)):
        height[t] = logs[t]
        for a in range(6):
            height[t] += mean[a, first[t, a]] + mean[a, second[t, a]]
        if group[t] >= 0 and not (pinned and weights[t] == 0.0):
            length[group[t]] += np.exp(height[t])
            held[group[t]] += now[t]
            together[block[t]] += now[t]
    for t in range(len(logs)):
        if group[t] >= 0 and length[group[t]] > 0.0:
            longest[block[t]] = max(longest[block[t]], length[group[t]])
    for t in range(len(logs)):
        if group[t] >= 0 and length[group[t]] > 0.0:
            behind = np.log(length[group[t]] / longest[block[t]])
            height[t] += np.log(max(1e-3, held[group[t]] / together[block[t]])) + 3.0 * min(0.0, behind)
        elif group[t] >= 0:
            height[t] = -np.inf


def _shift(
    height: Floats, block: Ints, group: Ints, limits: Floats, fixed: Floats, weights: Floats, pinned: bool, goal: float,
    part: float, strength: Floats, now: Floats, scratch: Any,
) -> None:  # fmt: skip
    """Move weight towards the terms that are high, and to limits that are passed."""
    blocks = len(limits)
    top, sums, scale, excess = scratch[3], scratch[4], scratch[5], scratch[6]
    for b in range(blocks):
        top[b], sums[b], scale[b], excess[b] = -np.inf, 0.0, 0.0, 0.0
    for t in range(len(height)):
        top[block[t]] = max(top[block[t]], height[t])
    for t in range(len(height)):
        sums[block[t]] += np.exp(height[t] - top[block[t]])
    # Limits that are passed gain weight, by a step that would lift the bound to a goal if it were linear.
    steepness = 0.0
    for b in range(blocks):
        if fixed[b] < 0.0 and top[b] > -np.inf:
            excess[b] = top[b] + np.log(sums[b]) - limits[b]
            if excess[b] > 0.0 or strength[b] > 0.0:
                steepness += excess[b] * excess[b]
    for b in range(blocks):
        if fixed[b] >= 0.0:
            strength[b] = fixed[b]
        elif top[b] > -np.inf:
            strength[b] = max(0.0, strength[b] + excess[b] * min(2.0, goal / max(steepness, 1e-9)))
    eager = 0.4 * (0.1**part)
    for t in range(len(height)):
        b = block[t]
        if strength[b] <= 1e-9 or (pinned and group[t] >= 0 and weights[t] == 0.0):
            now[t] = 0.0
            continue
        # A weight of nearly nothing would take long to come back.
        floor = FLOOR * strength[b]
        target = np.exp(height[t] - top[b]) / sums[b]
        now[t] = max(now[t], floor) ** (1.0 - eager) * max(target * strength[b], floor) ** eager
        scale[b] += now[t]
    for t in range(len(height)):
        if scale[block[t]] > 0.0:
            now[t] *= strength[block[t]] / scale[block[t]]
            if part > 0.7 and now[t] < 2.0 * FLOOR * strength[block[t]]:
                now[t] = 0.0


def _drop(start: Ints, alive: Ints, end: Ints, reduced: Floats, least: Floats, most: float) -> bool:
    """Drop splits that lift the bound by more than `most`; False when an axis has none left."""
    for a in range(6):
        kept = start[a]
        for i in range(start[a], end[a]):
            if reduced[i] - least[a] <= most:
                alive[kept] = alive[i]
                reduced[kept] = reduced[i]
                kept += 1
        end[a] = kept
        if kept == start[a]:
            return False
    return True
