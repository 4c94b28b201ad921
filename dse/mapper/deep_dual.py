"""The separable bound of the general search: a weighted product below a sum of products. Compilable.

A sum of positive terms is at least the product of (term / weight) ** weight over weights that add up to one; a product
of factors per axis is least where each axis' own weighted product is. Limits enter with weights of their own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Ints = Any
Floats = Any


FLOOR = 1e-6
"""The least share of a term in its block while weights are sought."""


def value_of(
    matrix: Floats, start: Ints, width: Ints, first: Ints, second: Ints, logs: Floats, block: Ints, group: Ints,
    limits: Floats, groups: int, weights: Floats, load: Floats, alive: Ints, end: Ints, reduced: Floats, least: Floats,
) -> float:  # fmt: skip
    """The bound that some weights give.

    Parameters
    ----------
    matrix : (n, columns)
        Logarithms of factors; the splits of axis a are rows start[a]..start[a + 1], with width[a] columns.
    first, second : (T, 6)
        Columns of each term; column 0 is zero.
    logs, block, group : (T,)
    limits : (B,)
    weights : (T,)
    load : (6, columns)
        Filled: weight of each column.
    alive, end : (n,), (6,)
        The splits that count: of axis a those in rows start[a]..end[a] of `alive`.
    reduced : (n,)
        Filled, in the rows of `alive`: weighted logarithm of each split.
    least : (6,)
        Filled: the least of each axis.
    """
    terms = len(logs)
    in_block = np.zeros(len(limits))
    in_groups = np.zeros(len(limits))
    in_group = np.zeros(groups + 1)
    group_block = np.zeros(groups + 1, dtype=np.int64)
    load[:] = 0.0
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
    in_use = np.zeros(matrix.shape[1], dtype=np.int64)
    total = 0.0
    for t in range(terms):
        if weights[t] > 0.0:
            total += weights[t] * (logs[t] - np.log(weights[t] / in_block[block[t]]))
    for g in range(groups):
        if in_group[g] > 0.0:
            total += in_group[g] * np.log(in_group[g] / in_groups[group_block[g]])
    for b in range(len(limits)):
        total -= in_block[b] * limits[b]
    for a in range(6):
        least[a] = np.inf
        used = 0
        for k in range(1, width[a]):
            if load[a, k] != 0.0:
                in_use[used] = k
                used += 1
        for i in range(start[a], end[a]):
            here = 0.0
            row = alive[i]
            for k in range(used):
                here += load[a, in_use[k]] * matrix[row, in_use[k]]
            reduced[i] = here
            least[a] = min(least[a], here)
        total += least[a]
    return float(total)


def climb(
    matrix: Floats, start: Ints, width: Ints, first: Ints, second: Ints, logs: Floats, block: Ints, group: Ints,
    limits: Floats, groups: int, fixed: Floats, weights: Floats, pinned: bool, begin: float, rounds: int,
    enough: float, alive: Ints, end: Ints, reduced: Floats,
) -> float:  # fmt: skip
    """Improve the weights; the bound holds for any, so however far this gets it is sound.

    Parameters
    ----------
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
    alive, end : (n,), (6,)
        As for `value_of`; splits that cannot be part of anything below `enough` are dropped.
    reduced : (n,)
        Filled for the best weights, above the least of each axis.
    """
    terms = len(logs)
    blocks = len(limits)
    load = np.zeros((6, matrix.shape[1]))
    mean = np.zeros((6, matrix.shape[1]))
    least = np.zeros(6)
    best = -np.inf
    now = weights.copy()
    height = np.zeros(terms)
    strength = np.zeros(blocks)
    excess = np.zeros(blocks)
    for t in range(terms):
        strength[block[t]] += now[t]
    for turn in range(rounds):
        value = value_of(
            matrix, start, width, first, second, logs, block, group, limits, groups, now, load, alive, end, reduced,
            least,
        )  # fmt: skip
        if value > best:
            best = value
            weights[:] = now
            if best >= enough:
                return float(best)
        if enough < np.inf and not _drop(start, alive, end, reduced, least, enough - value + 1e-9):
            return np.inf
        part = begin + (1.0 - begin) * turn / rounds
        heat = 0.08 * (0.02**part)
        eager = 0.4 * (0.1**part)
        pace = 0.4 * (0.01**part)
        # The mean of the splits that are nearly least, as a softened minimum.
        mean[:] = 0.0
        for a in range(6):
            share = 0.0
            for i in range(start[a], end[a]):
                over = (reduced[i] - least[a]) / heat
                if over < 12.0:
                    w = np.exp(-over)
                    share += w
                    for k in range(1, width[a]):
                        mean[a, k] += w * matrix[alive[i], k]
            for k in range(1, width[a]):
                mean[a, k] /= share
        top = np.full(blocks, -np.inf)
        for t in range(terms):
            height[t] = logs[t]
            for a in range(6):
                height[t] += mean[a, first[t, a]] + mean[a, second[t, a]]
        # Of the groups of a block only the longest counts; the others lose weight.
        longest = np.full(blocks, -np.inf)
        length = np.zeros(groups + 1)
        held = np.zeros(groups + 1)
        together = np.full(blocks, 1e-300)
        for t in range(terms):
            if group[t] >= 0 and not (pinned and weights[t] == 0.0):
                length[group[t]] += np.exp(height[t])
                held[group[t]] += now[t]
                together[block[t]] += now[t]
        for t in range(terms):
            if group[t] >= 0 and length[group[t]] > 0.0:
                longest[block[t]] = max(longest[block[t]], length[group[t]])
        for t in range(terms):
            if group[t] >= 0 and length[group[t]] == 0.0:
                continue
            if group[t] >= 0:
                behind = np.log(length[group[t]] / longest[block[t]])
                height[t] += np.log(max(1e-3, held[group[t]] / together[block[t]])) + 3.0 * min(0.0, behind)
            top[block[t]] = max(top[block[t]], height[t])
        sums = np.zeros(blocks)
        for t in range(terms):
            sums[block[t]] += np.exp(height[t] - top[block[t]])
        # Limits that are passed gain weight, by a step that would lift the bound to a goal if it were linear.
        steepness = 0.0
        for b in range(blocks):
            if fixed[b] < 0.0 and top[b] > -np.inf:
                excess[b] = top[b] + np.log(sums[b]) - limits[b]
                if excess[b] > 0.0 or strength[b] > 0.0:
                    steepness += excess[b] * excess[b]
        goal = min(enough, best + pace) - value
        for b in range(blocks):
            if fixed[b] < 0.0 and top[b] > -np.inf:
                step = excess[b] * min(2.0, goal / max(steepness, 1e-9))
                strength[b] = max(0.0, strength[b] + step)
        scale = np.zeros(blocks)
        for t in range(terms):
            b = block[t]
            target = np.exp(height[t] - top[b]) / sums[b]
            if fixed[b] >= 0.0:
                strength[b] = fixed[b]
            if strength[b] <= 1e-9 or (pinned and group[t] >= 0 and weights[t] == 0.0):
                now[t] = 0.0
                continue
            # A weight of nearly nothing would take long to come back.
            floor = FLOOR * strength[b]
            now[t] = max(now[t], floor) ** (1.0 - eager) * max(target * strength[b], floor) ** eager
            scale[b] += now[t]
        for t in range(terms):
            if scale[block[t]] > 0.0:
                now[t] *= strength[block[t]] / scale[block[t]]
                if part > 0.7 and now[t] < 2.0 * FLOOR * strength[block[t]]:
                    now[t] = 0.0
    best = value_of(
        matrix, start, width, first, second, logs, block, group, limits, groups, weights, load, alive, end, reduced,
        least,
    )  # fmt: skip
    _drop(start, alive, end, reduced, least, enough - best + 1e-9)
    for a in range(6):
        for i in range(start[a], end[a]):
            reduced[i] -= least[a]
    return float(best)


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
