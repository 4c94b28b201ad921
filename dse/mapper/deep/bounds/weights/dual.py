"""The separable bound of the deep search: a weighted product below a sum of products. Compilable.

A sum of positive terms is at least the product of (term / weight) ** weight over weights that add up to one; a product
of factors per axis is least where each axis' own weighted product is. Limits enter with weights of their own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.mapper.deep.bounds.sums.records import OF_TIME, ROUNDING, Alive, Terms, in_use
from dse.mapper.deep.bounds.sums.sift import sift
from dse.mapper.deep.bounds.weights.chosen import choose
from dse.mapper.deep.bounds.weights.newton import NEAR, ascend
from dse.mapper.deep.bounds.weights.small import Pairs, drop_dominated, gather, pair_up
from dse.mapper.deep.bounds.weights.stairs import ONE_STEP, least_step
from dse.model.counting.kernel import Bools, Floats, Ints

TURNS = 8
"""How often splits join it at most."""

CLOSE = 1e-3
"""How far, in logarithms, the bound over all splits may be below that over some to be as good, at most."""

WARM = 0.01
"""Heat, see `dse.mapper.deep.bounds.weights.newton`, for weights that were improved before."""


FEW = 500.0
"""Combinations of splits for which no better weights are sought than those of the subproblem above: looking at each
takes less time."""

AT_ONCE = 512
"""Splits that are weighed at a time, column by column: what is read and written again for each stays at hand."""


class Effort(NamedTuple):
    """How weights are sought, and when that ends.

    Parameters
    ----------
    heat : float
        See `dse.mapper.deep.bounds.weights.newton`: high for a start from anywhere, low when weights are nearly right.
    enough : float
        Stop when the bound, a logarithm, gets there.
    steps : (2, n) float
        Of a front, how far in logarithms the end of each of its steps is before the limit on time, and how far the
        energy that a mapping must stay below there is below `enough`; the first falls and the second rises. One step of
        zeros where nothing but `enough` counts. See `dse.mapper.deep.bounds.weights.stairs`.
    """

    heat: float
    enough: float
    steps: Floats = ONE_STEP


class WeightSums(NamedTuple):
    """Room for sums of weights.

    Parameters
    ----------
    by_block, by_groups : (B,) float
        Over the terms of a block, and over those of them in groups.
    by_group : (groups + 1,) float
    group_block : (groups + 1,) int64
        Block of each group.
    """

    by_block: Floats
    by_groups: Floats
    by_group: Floats
    group_block: Ints


class AxisRoom(NamedTuple):
    """Room for what is known of the columns of factors, and of each axis.

    Parameters
    ----------
    load : (6, columns) float
        Weight of each column.
    least : (6,) float
        The least weighted logarithm of each axis' splits.
    """

    load: Floats
    least: Floats


def load_of(terms: Terms, weights: Floats, load: Floats, sums: WeightSums) -> float:
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
        least[a] = np.inf
        for begin in range(start[a], end[a], AT_ONCE):
            mine = slice(begin, min(begin + AT_ONCE, end[a]))
            least[a] = min(least[a], _weigh_some(tables[a], load[a], rows[mine], reduced[mine]))
        total += least[a]
    return total


def _weigh_some(table: Floats, load: Floats, rows: Ints, reduced: Floats) -> float:
    """The weighted logarithms of some splits of an axis, and the least of them."""
    many, first, beside = len(rows), rows[0], True
    for i in range(many):
        reduced[i] = 0.0
        beside &= rows[i] == first + i
    for k in range(1, len(table)):
        w = load[k]
        if w == 0.0:
            continue
        if beside:
            column = table[k, first : first + many]
            for i in range(many):
                reduced[i] += w * column[i]
        else:
            for i in range(many):
                reduced[i] += w * table[k, rows[i]]
    least = np.inf
    for i in range(many):
        least = min(least, reduced[i])
    return least


def climb(
    tables: tuple[Floats, ...], factors: tuple[Floats, ...], terms: Terms, weights: Floats, effort: Effort, alive: Alive
) -> float:
    """Improve the weights; the bound holds for any, so however far this gets it is sound.

    Newton's method finds the best weights over some splits of each axis. A pass over all splits then says what bound
    these weights give, and splits that lie below it join the others.

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
    widest = 0
    for a in range(6):
        widest = max(widest, len(tables[a]))
    blocks, groups = len(terms.limits), terms.groups
    sums = WeightSums(np.zeros(blocks), np.zeros(blocks), np.zeros(groups + 1), np.zeros(groups + 1, dtype=np.int64))
    columns = AxisRoom(np.zeros((6, widest)), np.zeros(6))
    chosen = np.zeros(len(alive.rows), dtype=np.bool_)
    for t in range(len(weights)):
        if not in_use(terms, t):
            weights[t] = 0.0
    value = bound_of(tables, terms, weights, effort.steps, alive, columns, sums)
    if value >= effort.enough:
        return float(value)
    # Prices at the weights of the subproblem above are one pass over each table; what they leave is looked at closely.
    if effort.enough < np.inf and not _drop(alive, chosen, columns.least, effort.enough - value + ROUNDING):
        return np.inf
    if not sift(factors, terms, effort.enough, alive):
        return np.inf
    value += _least_left(alive, columns.least)
    if effort.heat <= WARM and effort.enough < np.inf and _combinations(alive) <= FEW:
        for a in range(6):
            for i in range(alive.start[a], alive.end[a]):
                alive.reduced[i] -= columns.least[a]
        return float(value)
    return _climb(tables, terms, weights, effort, alive, chosen, columns, sums, pair_up(terms), value)


def _combinations(alive: Alive) -> float:
    """How many combinations of splits there are, one of each axis."""
    many = 1.0
    for a in range(6):
        many *= alive.end[a] - alive.start[a]
    return many


def _climb(
    tables: tuple[Floats, ...], terms: Terms, weights: Floats, effort: Effort, alive: Alive, chosen: Bools,
    columns: AxisRoom, sums: WeightSums, pairs: Pairs, value: float,
) -> float:  # fmt: skip
    """The turns of `climb`, in records that it made; `value` is the bound to begin with."""
    kept, heat, enough = weights.copy(), effort.heat, effort.enough
    best, reached = -np.inf, np.inf
    for turn in range(TURNS + 1):
        if turn > 0:
            value = bound_of(tables, terms, weights, effort.steps, alive, columns, sums)
        if value > best:
            best = value
            kept[:] = weights
        if best >= enough:
            return float(best)
        if enough < np.inf and not _drop(alive, chosen, columns.least, enough - value + ROUNDING):
            return np.inf
        if turn == TURNS or reached - best < min(CLOSE, NEAR * (enough - best)):
            break
        if choose(alive, columns.least, chosen) == 0 and turn > 0:
            break
        small = gather(tables, terms, pairs, alive, chosen, effort.steps[0].max())
        drop_dominated(small)
        reached = ascend(small, terms, weights, heat, enough, effort.steps)
        heat = min(heat, WARM)
    if value < best:
        weights[:] = kept
        best = bound_of(tables, terms, weights, effort.steps, alive, columns, sums)
    if not _drop(alive, chosen, columns.least, enough - best + ROUNDING):
        return np.inf
    for a in range(6):
        for i in range(alive.start[a], alive.end[a]):
            alive.reduced[i] -= columns.least[a]
    return float(best)


def bound_of(
    tables: tuple[Floats, ...], terms: Terms, weights: Floats, steps: Floats, alive: Alive, columns: AxisRoom,
    sums: WeightSums,
) -> float:  # fmt: skip
    """The bound over all splits that some weights give, in whichever step of a front it is nearest to the goal."""
    value = load_of(terms, weights, columns.load, sums) + weigh(tables, columns.load, alive, columns.least)
    return value + least_step(steps, sums.by_block[OF_TIME])


def _least_left(alive: Alive, least: Floats) -> float:
    """Fill in the least of each axis where some splits were dropped; how much higher all of them are together."""
    higher = 0.0
    for a in range(6):
        before, least[a] = least[a], np.inf
        for i in range(alive.start[a], alive.end[a]):
            least[a] = min(least[a], alive.reduced[i])
        higher += least[a] - before
    return higher


def _drop(alive: Alive, chosen: Bools, least: Floats, most: float) -> bool:
    """Drop splits that lift the bound by more than `most`; False when an axis has none left."""
    rows, start, end, reduced = alive.rows, alive.start, alive.end, alive.reduced
    for a in range(6):
        kept = start[a]
        for i in range(start[a], end[a]):
            if reduced[i] - least[a] <= most:
                rows[kept], reduced[kept], chosen[kept] = rows[i], reduced[i], chosen[i]
                kept += 1
        end[a] = kept
        if kept == start[a]:
            return False
    return True
