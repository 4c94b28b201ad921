"""The separable bound of the deep search: a weighted product below a sum of products. Compilable.

A sum of positive terms is at least the product of (term / weight) ** weight over weights that add up to one; a product
of factors per axis is least where each axis' own weighted product is. Limits enter with weights of their own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.mapper.deep.bounds.sift import FIRST_LIMIT, Alive, Terms, sift
from dse.model.counting.kernel import Floats, Ints, entry

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

BUCKETS = 64
"""Ranges of lift that splits are counted in; one more holds those beyond the window."""


class Effort(NamedTuple):
    """How weights are sought, and when that ends.

    Parameters
    ----------
    pinned : bool
        Groups without weight stay so.
    begin : float
        0 for a start from anywhere, towards 1 when the weights are nearly right.
    rounds : int
        Improvements that are tried.
    enough : float
        Stop when the bound, a logarithm, gets there.
    """

    pinned: bool
    begin: float
    rounds: int
    enough: float


class Sums(NamedTuple):
    """Room for what is known of terms, blocks and groups while weights are sought.

    Parameters
    ----------
    now, height : (T,) float
        Weights at hand, and the logarithm of each term where splits are nearly least.
    strength : (B,) float
        Weight of each block.
    by_block, by_groups, scale, excess : (B,) float
        Sums over the terms of a block, over those of them in groups, and by how much limits are passed.
    by_group, held : (groups + 1,) float
        Sums over the terms of a group.
    group_block : (groups + 1,) int64
        Block of each group.
    """

    now: Floats
    height: Floats
    strength: Floats
    by_block: Floats
    by_groups: Floats
    scale: Floats
    excess: Floats
    by_group: Floats
    held: Floats
    group_block: Ints


class Columns(NamedTuple):
    """Room for what is known of the columns of factors, and of each axis.

    Parameters
    ----------
    load, mean : (6, columns) float
        Weight of each column, and its mean logarithm over the splits that are nearly least.
    least : (6,) float
        The least weighted logarithm of each axis' splits.
    """

    load: Floats
    mean: Floats
    least: Floats


def load_of(terms: Terms, weights: Floats, load: Floats, sums: Sums) -> float:
    """The part of the bound that no split changes; fills the weight of each column.

    Parameters
    ----------
    weights : (T,) float
    load : (6, columns) float
        Filled.
    """
    first, second, logs, block, group = terms.first, terms.second, terms.logs, terms.block, terms.group
    limits, groups, size = terms.limits, terms.groups, len(terms.logs)
    in_block, in_groups, in_group, group_block = sums.by_block, sums.by_groups, sums.by_group, sums.group_block
    for b in range(len(limits)):
        in_block[b], in_groups[b] = 0.0, 0.0
    for g in range(groups):
        in_group[g] = 0.0
    for a in range(6):
        for k in range(load.shape[1]):
            load[a, k] = 0.0
    for t in range(size):
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
    for t in range(size):
        if weights[t] > 0.0:
            total += weights[t] * (logs[t] - np.log(weights[t] / in_block[block[t]]))
    for g in range(groups):
        if in_group[g] > 0.0:
            total += in_group[g] * np.log(in_group[g] / in_groups[group_block[g]])
    for b in range(len(limits)):
        total -= in_block[b] * limits[b]
    return total


def weigh(tables: tuple[Floats, ...], load: Floats, splits: Alive, least: Floats) -> float:
    """The least weighted logarithms of all axes together.

    Parameters
    ----------
    tables : 6 x (columns, n) float
        Logarithms of the factors of each axis' splits.
    load : (6, columns) float
    splits
        Those that count; `reduced` is filled.
    least : (6,) float
        Filled with the least of each axis.
    """
    rows, start, end, reduced = splits.rows, splits.start, splits.end, splits.reduced
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
    tables: tuple[Floats, ...], factors: tuple[Floats, ...], terms: Terms, weights: Floats, effort: Effort, alive: Alive
) -> float:
    """Improve the weights; the bound holds for any, so however far this gets it is sound.

    Parameters
    ----------
    tables, factors : 6 x (columns, n) float
        Logarithms of the factors of each axis' splits, and the factors.
    weights : (T,) float
        Start, replaced by the best found.
    alive
        Splits that cannot be part of anything below `effort.enough` are dropped; `reduced` is filled for the best
        weights, above the least of each axis.

    Returns
    -------
    float
        Logarithm of the bound, infinite when no split of some axis is left.
    """
    if not sift(factors, terms, effort.enough, alive):
        return np.inf
    widest, longest = 0, 0
    for a in range(6):
        widest = max(widest, len(tables[a]))
        longest = max(longest, alive.end[a] - alive.start[a])
    size, blocks, groups = len(terms.logs), len(terms.limits), terms.groups
    room = 12 * SOME if longest > MANY else 0
    few = Alive(
        np.zeros(room, dtype=np.int64), np.zeros(6, dtype=np.int64), np.zeros(6, dtype=np.int64), np.zeros(room)
    )
    sums = Sums(
        np.zeros(size), np.zeros(size), np.zeros(blocks), np.zeros(blocks), np.zeros(blocks), np.zeros(blocks),
        np.zeros(blocks), np.zeros(groups + 1), np.zeros(groups + 1), np.zeros(groups + 1, dtype=np.int64),
    )  # fmt: skip
    columns = Columns(np.zeros((6, widest)), np.zeros((6, widest)), np.zeros(6))
    buckets = np.zeros(BUCKETS + 1, dtype=np.int64)
    return _climb(tables, terms, weights, effort, alive, few, columns, sums, buckets)


def _climb(
    tables: tuple[Floats, ...], terms: Terms, weights: Floats, effort: Effort, alive: Alive, few: Alive,
    columns: Columns, sums: Sums, buckets: Ints,
) -> float:  # fmt: skip
    """The steps of `climb`, in records that it made; `few` has room when not all splits are looked at each time."""
    logs, block, now, strength = terms.logs, terms.block, sums.now, sums.strength
    load, mean, least, many = columns.load, columns.mean, columns.least, len(few.rows) > 0
    begin, rounds, enough = effort.begin, effort.rounds, effort.enough
    for b in range(len(terms.limits)):
        strength[b] = 0.0
    for t in range(len(logs)):
        now[t] = weights[t]
        strength[block[t]] += now[t]
    best = -np.inf
    for turn in range(rounds):
        part = begin + (1.0 - begin) * turn / rounds
        heat = 0.08 * (0.02**part)
        value = load_of(terms, now, load, sums)
        if not many or turn % PERIOD == 0 or turn < CAREFUL * (1.0 - 2.0 * begin):
            value += weigh(tables, load, alive, least)
            if value > best:
                best = value
                for t in range(len(logs)):
                    weights[t] = now[t]
            if best >= enough:
                return float(best)
            if enough < np.inf and not _drop(alive, least, enough - value + 1e-9):
                return np.inf
            _soften(tables, alive, least, heat, mean)
            if many:
                _choose(alive, least, 12.0 * heat, few, buckets)
        else:
            value += weigh(tables, load, few, least)
            _soften(tables, few, least, heat, mean)
        _heighten(terms, mean, effort.pinned, weights, sums)
        goal = min(enough, best + 0.4 * (0.01**part)) - value
        _shift(terms, weights, effort.pinned, goal, part, sums)
    best = load_of(terms, weights, load, sums)
    best += weigh(tables, load, alive, least)
    _drop(alive, least, enough - best + 1e-9)
    for a in range(6):
        for i in range(alive.start[a], alive.end[a]):
            alive.reduced[i] -= least[a]
    return float(best)


def _choose(alive: Alive, least: Floats, window: float, few: Alive, buckets: Ints) -> None:
    """The splits that stand for all until the next pass over them: those that lift the bound least, and as many of
    those that lift it by less than a window."""
    start, end, reduced, some, some_start, some_end = (
        alive.start, alive.end, alive.reduced, few.rows, few.start, few.end
    )  # fmt: skip
    at = 0
    for a in range(6):
        some_start[a] = at
        for level in range(BUCKETS + 1):
            buckets[level] = 0
        for i in range(start[a], end[a]):
            buckets[min(BUCKETS, int((reduced[i] - least[a]) / window * BUCKETS))] += 1
        inside = end[a] - start[a] - buckets[BUCKETS]
        level, count = 1, buckets[0]
        while level < BUCKETS and count + buckets[level] <= SOME:
            count += buckets[level]
            level += 1
        stride, seen, low = 1 + inside // SOME, 0, 0
        for i in range(start[a], end[a]):
            over = reduced[i] - least[a]
            if over > window:
                continue
            seen += 1
            if low < SOME and over <= window * level / BUCKETS:
                low += 1
            elif seen % stride != 0 and over > 0.0:
                continue
            if at < some_start[a] + 2 * SOME:
                some[at] = alive.rows[i]
                at += 1
        some_end[a] = at


def _soften(tables: tuple[Floats, ...], splits: Alive, least: Floats, heat: float, mean: Floats) -> None:
    """The mean of the splits that are nearly least, as a softened minimum; parameters are those of `weigh`."""
    rows, start, end, reduced = splits.rows, splits.start, splits.end, splits.reduced
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


def _heighten(terms: Terms, mean: Floats, pinned: bool, weights: Floats, sums: Sums) -> None:
    """The logarithm of each term at the mean; of the groups of a block only the longest counts, others lose weight."""
    first, second, logs, block, group = terms.first, terms.second, terms.logs, terms.block, terms.group
    now, height, longest, together = sums.now, sums.height, sums.by_block, sums.by_groups
    length, held = sums.by_group, sums.held
    for b in range(FIRST_LIMIT):
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


def _shift(terms: Terms, weights: Floats, pinned: bool, goal: float, part: float, room: Sums) -> None:
    """Move weight towards the terms that are high, and to limits that are passed."""
    block, group, limits, fixed, blocks = terms.block, terms.group, terms.limits, terms.fixed, len(terms.limits)
    now, height, strength = room.now, room.height, room.strength
    top, sums, scale, excess = room.by_block, room.by_groups, room.scale, room.excess
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


def _drop(alive: Alive, least: Floats, most: float) -> bool:
    """Drop splits that lift the bound by more than `most`; False when an axis has none left."""
    rows, start, end, reduced = alive.rows, alive.start, alive.end, alive.reduced
    for a in range(6):
        kept = start[a]
        for i in range(start[a], end[a]):
            if reduced[i] - least[a] <= most:
                rows[kept] = rows[i]
                reduced[kept] = reduced[i]
                kept += 1
        end[a] = kept
        if kept == start[a]:
            return False
    return True
