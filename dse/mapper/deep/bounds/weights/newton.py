"""The best weights of a small problem, by Newton's method. Compilable.

The bound is concave in the weights, with kinks where the least split of an axis changes. Each least is softened, to
``-heat * log(sum(exp(-x / heat)))``, and the heat falls from step to step; a barrier, in proportion to the heat, keeps
the weights of limits and groups above zero. The weights of each block of the objective add up to one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.mapper.deep.bounds.sums.records import OF_TIME, Terms
from dse.mapper.deep.bounds.weights.small import Moments, Small, room_for_moments, take_moments
from dse.mapper.deep.bounds.weights.stairs import ONE_STEP, least_step, soft_step
from dse.model.counting.kernel import Floats, Ints

COLD, COLDEST = 1e-3, 1e-5
"""The heat, in logarithms, at which a softened minimum is as good as the least, where the goal is far and where it is
near."""

NEAR = 0.05
"""The heat over what is missing to the goal that takes no more than a small part of it, barrier and all."""

HOT = 0.1
"""The heat for weights that are far from right."""

MUCH = 1.0
"""What a step would gain, in logarithms, where they are."""

COOLING = 0.3
"""What the heat is multiplied by when a step gains little."""

STILL_WARM = 1.25
"""Times the last heat from which on it falls no more: that follows the bound, which may rise by less and less."""

BARRIER = 0.2
"""Share of the heat that the logarithms of the weights of limits and groups count with."""

LEAST_WEIGHT = 1e-5
"""What a weight starts with at least: from nothing it would not come back."""

STEPS = 40
"""Newton steps at most."""

BACK = 0.35
"""What a step that gains nothing is shortened to."""

SHORTENED = 8
"""How often it is."""

FAR = 16.0
"""Heats above the least at which a split counts for nothing."""


class AscentRoom(NamedTuple):
    """Scratch of an ascent over m merged terms and n splits.

    Parameters
    ----------
    tried, best, slope, step : (m,) float
        Weights on trial and the best; the gradient and what the weights change by.
    load : (6, columns) float
        Weight of each column.
    portion : (n,) float
        How much each split counts among those of its axis: 1 for the least.
    whole : (6,) float
        Their sum.
    moments
        Means and covariances of the columns over the splits that are nearly least.
    by_block, by_groups : (B,) float
        Weight of each block, and of its terms in groups.
    by_group : (groups + 1,) float
    block_of : (groups + 1,) int64
        Block of each group.
    bend : (m, m) float
        The negative of the second derivatives, then its Cholesky factor.
    solved : (m, 3) float
        Solutions for the gradient and for the sums of the two blocks of the objective.
    steps : (2, n) float
        Those of a front.
    of_steps : (2,) float
        Slope and bend of what they add to the bound, see `dse.mapper.deep.bounds.weights.stairs.soft_step`.
    """

    tried: Floats
    best: Floats
    slope: Floats
    step: Floats
    load: Floats
    portion: Floats
    whole: Floats
    moments: Moments
    by_block: Floats
    by_groups: Floats
    by_group: Floats
    block_of: Ints
    bend: Floats
    solved: Floats
    steps: Floats
    of_steps: Floats


def ascend(
    small: Small, terms: Terms, weights: Floats, heat: float, enough: float, steps: Floats = ONE_STEP
) -> float:
    """Improve the weights for as long as the bound over the splits chosen rises.

    Parameters
    ----------
    weights : (T,) float
        Of all terms; replaced by the best found.
    heat : float
        To begin with: high for weights that may be far from right.
    enough : float
        Stop when the bound, a logarithm, gets there.
    steps : (2, n) float
        As of `dse.mapper.deep.bounds.weights.dual.Effort`.

    Returns
    -------
    float
        The bound over the splits chosen.
    """
    m, columns = len(small.log), len(small.values)
    blocks, groups = len(terms.limits), terms.groups
    room = AscentRoom(
        np.zeros(m), np.zeros(m), np.zeros(m), np.zeros(m), np.zeros((6, columns)), np.zeros(small.start[6]),
        np.zeros(6), room_for_moments(columns, small.start[6]), np.zeros(blocks), np.zeros(blocks),
        np.zeros(groups + 1), np.zeros(groups + 1, dtype=np.int64), np.zeros((m, m)), np.zeros((m, 3)), steps,
        np.zeros(2),
    )  # fmt: skip
    w = np.zeros(m)
    for t in range(len(weights)):
        if small.merged[t] >= 0:
            w[small.merged[t]] += weights[t]
    reached = _ascend(small, terms, w, heat, enough, room)
    for t in range(len(weights)):
        weights[t] = room.best[small.merged[t]] * small.share[t] if small.merged[t] >= 0 else 0.0
    return reached


def _ascend(small: Small, terms: Terms, w: Floats, heat: float, enough: float, room: AscentRoom) -> float:
    """The steps of `ascend`; the best weights are left in `room.best`."""
    for q in range(len(w)):
        w[q] = max(w[q], LEAST_WEIGHT)
    _add_up_to_one(small, terms, w, room.by_block)
    best, was_hot = -np.inf, heat >= HOT
    exact, soft = _bound(small, terms, w, heat, room)
    for _ in range(STEPS):
        if exact > best:
            best = exact
            room.best[:] = w
            if best >= enough:
                break
        gain = _newton_step(small, terms, w, heat, room)
        if gain > MUCH and not was_hot:
            # Curvature at a low heat holds for a small step only.
            heat, was_hot = HOT, True
            exact, soft = _bound(small, terms, w, heat, room)
            gain = _newton_step(small, terms, w, heat, room)
        length, shortened = 1.0, 0
        while True:
            _move(w, length, room)
            _add_up_to_one(small, terms, room.tried, room.by_block)
            exact, now = _bound(small, terms, room.tried, heat, room)
            if now >= soft - 1e-12 or shortened == SHORTENED:
                break
            length *= BACK
            shortened += 1
        if now >= soft - 1e-12:
            w[:] = room.tried
            soft = now
        else:
            exact, soft = _bound(small, terms, w, heat, room)
        if gain < 2.0 * heat or shortened == SHORTENED:
            cold = min(COLD, max(COLDEST, NEAR * (enough - best)))
            if heat > STILL_WARM * cold:
                heat = max(cold, heat * COOLING)
                exact, soft = _bound(small, terms, w, heat, room)
            elif gain < 0.1 * heat or shortened == SHORTENED:
                break
    if exact > best:
        best = exact
        room.best[:] = w
    return best


def _add_up_to_one(small: Small, terms: Terms, w: Floats, total: Floats) -> None:
    """Scale the weights of each block of the objective to what they have to add up to."""
    for b in range(len(total)):
        total[b] = 0.0
    for q in range(len(w)):
        total[small.block[q]] += w[q]
    for q in range(len(w)):
        b = small.block[q]
        if terms.fixed[b] > 0.0:
            w[q] *= terms.fixed[b] / total[b]


def _bound(small: Small, terms: Terms, w: Floats, heat: float, room: AscentRoom) -> tuple[float, float]:
    """The bound at some weights, and what it is softened to, with the barrier; fills sums, loads and portions."""
    total, barrier = _constant(small, terms, w, room)
    values, load, portion = small.values, room.load, room.portion
    nearer, room.of_steps[0], room.of_steps[1] = soft_step(room.steps, room.by_block[OF_TIME], heat)
    exact, soft = total + least_step(room.steps, room.by_block[OF_TIME]), total + nearer + BARRIER * heat * barrier
    for a in range(6):
        begin, end = small.start[a], small.start[a + 1]
        for i in range(begin, end):
            portion[i] = 0.0
        for k in range(small.width[a]):
            x = load[a, k]
            if x != 0.0:
                for i in range(begin, end):
                    portion[i] += x * values[k, i]
        least = np.inf
        for i in range(begin, end):
            least = min(least, portion[i])
        whole = 0.0
        for i in range(begin, end):
            over = (portion[i] - least) / heat
            portion[i] = np.exp(-over) if over < FAR else 0.0
            whole += portion[i]
        room.whole[a] = whole
        exact += least
        soft += least - heat * np.log(whole)
    return exact, soft


def _constant(small: Small, terms: Terms, w: Floats, room: AscentRoom) -> tuple[float, float]:
    """The part of the bound that no split changes, and the barrier; fills the sums of weights and the loads."""
    block, group, column, load = small.block, small.group, small.column, room.load
    by_block, by_groups, by_group, block_of = room.by_block, room.by_groups, room.by_group, room.block_of
    for b in range(len(by_block)):
        by_block[b], by_groups[b] = 0.0, 0.0
    for g in range(len(by_group)):
        by_group[g] = 0.0
    for a in range(6):
        for k in range(small.width[a]):
            load[a, k] = 0.0
    for q in range(len(w)):
        b, g = block[q], group[q]
        by_block[b] += w[q]
        if g >= 0:
            by_groups[b] += w[q]
            by_group[g] += w[q]
            block_of[g] = b
        for a in range(6):
            if column[q, a] >= 0:
                load[a, column[q, a]] += w[q]
    total, barrier = 0.0, 0.0
    for q in range(len(w)):
        total += w[q] * (small.log[q] - np.log(w[q] / by_block[block[q]]))
    for g in range(len(by_group)):
        if by_group[g] > 0.0:
            total += by_group[g] * np.log(by_group[g] / by_groups[block_of[g]])
            barrier += np.log(by_group[g])
    for b in range(len(by_block)):
        if by_block[b] > 0.0 and terms.fixed[b] < 0.0:
            total -= by_block[b] * terms.limits[b]
            barrier += np.log(by_block[b])
    return total, barrier


def _newton_step(small: Small, terms: Terms, w: Floats, heat: float, room: AscentRoom) -> float:
    """Set `room.step` to Newton's step from some weights, which `_bound` has just seen. Returns what it would gain."""
    take_moments(small, room.load, room.portion, room.whole, room.moments)
    _derivatives(small, terms, w, heat, room)
    bend, solved, slope, step, block = room.bend, room.solved, room.slope, room.step, small.block
    m = len(w)
    for q in range(m):
        solved[q, 0] = slope[q]
        for b in range(2):
            solved[q, 1 + b] = 1.0 if block[q] == b and terms.fixed[b] > 0.0 else 0.0
    _solve(bend, solved, step)
    # The sums of the objective's blocks stay: take off what would change them.
    s11, s12, s22, f1, f2 = 0.0, 0.0, 0.0, 0.0, 0.0
    for q in range(m):
        if block[q] == 0 and terms.fixed[0] > 0.0:
            s11 += solved[q, 1]
            s12 += solved[q, 2]
            f1 += solved[q, 0]
        elif block[q] == 1 and terms.fixed[1] > 0.0:
            s22 += solved[q, 2]
            f2 += solved[q, 0]
    y1, y2 = 0.0, 0.0
    if s11 > 0.0 and s22 > 0.0:
        determinant = s11 * s22 - s12 * s12
        y1, y2 = (f1 * s22 - f2 * s12) / determinant, (f2 * s11 - f1 * s12) / determinant
    elif s11 > 0.0:
        y1 = f1 / s11
    elif s22 > 0.0:
        y2 = f2 / s22
    gain = 0.0
    for q in range(m):
        step[q] = solved[q, 0] - y1 * solved[q, 1] - y2 * solved[q, 2]
        gain += step[q] * slope[q]
    return gain


def _derivatives(small: Small, terms: Terms, w: Floats, heat: float, room: AscentRoom) -> None:
    """Fill `room.slope` with the gradient of the softened bound and `room.bend` with minus its second derivatives."""
    block, group, column = small.block, small.group, small.column
    by_block, by_groups, by_group = room.by_block, room.by_groups, room.by_group
    slope, bend, wall = room.slope, room.bend, BARRIER * heat
    for q in range(len(w)):
        b, g = block[q], group[q]
        here = small.log[q] - np.log(w[q] / by_block[b])
        if g >= 0:
            here += np.log(by_group[g] / by_groups[b]) + wall / by_group[g]
        if terms.fixed[b] < 0.0:
            here += wall / by_block[b] - terms.limits[b]
        if b == OF_TIME:
            here += room.of_steps[0]
        for a in range(6):
            if column[q, a] >= 0:
                here += room.moments.mean[a, column[q, a]]
        slope[q] = here
        for r in range(q + 1):
            curve = 0.0
            for a in range(6):
                if column[q, a] >= 0 and column[r, a] >= 0:
                    curve += room.moments.spread[a, column[q, a], column[r, a]]
            if b == OF_TIME and block[r] == OF_TIME:
                curve += room.of_steps[1]
            curve /= heat
            if block[r] == b:
                curve -= 1.0 / by_block[b]
                if terms.fixed[b] < 0.0:
                    curve += wall / (by_block[b] * by_block[b])
                if g >= 0 and group[r] >= 0:
                    curve += 1.0 / by_groups[b]
                    if group[r] == g:
                        curve += wall / (by_group[g] * by_group[g]) - 1.0 / by_group[g]
            bend[q, r] = curve
        bend[q, q] += 1.0 / w[q]


def _solve(matrix: Floats, solved: Floats, ridge: Floats) -> None:
    """Solve for three right-hand sides at once, in place, by Cholesky; the matrix is positive but for rounding.

    Parameters
    ----------
    matrix : (m, m) float
        Its lower half is given. The factor is left in the upper one, row by row: sums along a row need not wait for one
        another.
    solved : (m, 3) float
    ridge : (m,) float
        Room.
    """
    m = len(matrix)
    for q in range(m):
        ridge[q] = matrix[q, q] * 1e-10 + 1e-12
        for r in range(q):
            matrix[r, q] = matrix[q, r]
    for q in range(m):
        top = np.sqrt(max(matrix[q, q] + ridge[q], ridge[q]))
        matrix[q, q] = top
        for k in range(q + 1, m):
            matrix[q, k] /= top
        for r in range(q + 1, m):
            share, row, mine = matrix[q, r], matrix[q, r:], matrix[r, r:]
            for k in range(m - r):
                mine[k] -= share * row[k]
        first, second, third = solved[q, 0] / top, solved[q, 1] / top, solved[q, 2] / top
        solved[q, 0], solved[q, 1], solved[q, 2] = first, second, third
        for k in range(q + 1, m):
            share = matrix[q, k]
            solved[k, 0] -= share * first
            solved[k, 1] -= share * second
            solved[k, 2] -= share * third
    for q in range(m - 1, -1, -1):
        first, second, third = solved[q, 0], solved[q, 1], solved[q, 2]
        for k in range(q + 1, m):
            share = matrix[q, k]
            first -= share * solved[k, 0]
            second -= share * solved[k, 1]
            third -= share * solved[k, 2]
        top = matrix[q, q]
        solved[q, 0], solved[q, 1], solved[q, 2] = first / top, second / top, third / top


def _move(w: Floats, length: float, room: AscentRoom) -> None:
    """Weights some way along the step: none falls to zero or rises out of reach at once."""
    for q in range(len(w)):
        ratio = length * room.step[q] / w[q]
        if ratio > 0.0:
            factor = min(20.0, 1.0 + ratio)
        elif ratio > -0.5:
            factor = 1.0 + ratio
        else:
            factor = max(0.05, np.exp(max(-3.0, ratio)))
        room.tried[q] = max(w[q] * factor, 1e-14)
