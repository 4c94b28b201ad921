"""The steps of a front in the bound on everything below any of them. Compilable.

Below a front's step are mappings of less energy E than that of a known point and less time than the next one. So one
weighted product of energy and time is held against all steps at once (docs/mapper/deep.md, "Fronts and limits on
time").
"""

from __future__ import annotations

import numpy as np

from dse.model.counting.kernel import Floats

ONE_STEP = np.zeros((2, 1))
"""No more than the goal and the limit on time."""

FAR = 16.0
"""Heats above the least at which a step counts for nothing."""


def hull_of(steps: Floats) -> Floats:
    """Those of some steps in which a bound may be nearest to the goal, whatever the weight of time.

    Parameters
    ----------
    steps : (2, n) float
        As of `dse.mapper.deep.bounds.weights.dual.Effort`.

    Examples
    --------
    >>> hull_of(np.array([[3.0, 2.0, 1.0, 0.0], [0.0, 2.0, 1.0, 3.0]])).tolist()
    [[3.0, 1.0, 0.0], [0.0, 1.0, 3.0]]
    """
    kept, count = np.zeros((2, steps.shape[1])), 0
    for s in range(steps.shape[1]):
        x, y = steps[0, s], steps[1, s]
        while count > 1:
            x1, y1, x2, y2 = kept[0, count - 2], kept[1, count - 2], kept[0, count - 1], kept[1, count - 1]
            if (y2 - y1) * (x1 - x) < (y - y1) * (x1 - x2):
                break
            count -= 1
        kept[0, count], kept[1, count] = x, y
        count += 1
    return kept[:, :count].copy()


def least_step(steps: Floats, weight: float) -> float:
    """How much nearer the goal is, in the step where a bound is nearest to it, than without steps; never below zero.

    Parameters
    ----------
    steps : (2, n) float
        As of `dse.mapper.deep.bounds.weights.dual.Effort`.
    weight : float
        That of the limit on time.

    Examples
    --------
    >>> least_step(np.array([[3.0, 1.0, 0.0], [0.0, 1.0, 3.0]]), 0.75)
    1.75
    """
    least = np.inf
    for s in range(steps.shape[1]):
        least = min(least, weight * steps[0, s] + steps[1, s])
    return float(least)


def soft_step(steps: Floats, weight: float, heat: float) -> tuple[float, float, float]:
    """`least_step` softened, and what it rises and bends by with the weight.

    Parameters
    ----------
    heat : float
        See `dse.mapper.deep.bounds.weights.newton`.

    Returns
    -------
    soft, mean, spread : float
        The value, its slope, and minus `heat` times its second derivative.
    """
    least = least_step(steps, weight)
    whole, mean, square = 0.0, 0.0, 0.0
    for s in range(steps.shape[1]):
        over = (weight * steps[0, s] + steps[1, s] - least) / heat
        if over < FAR:
            part = np.exp(-over)
            whole += part
            mean += part * steps[0, s]
    mean /= whole
    for s in range(steps.shape[1]):
        over = (weight * steps[0, s] + steps[1, s] - least) / heat
        if over < FAR:
            square += np.exp(-over) * (steps[0, s] - mean) ** 2
    return least - heat * np.log(whole), mean, square / whole
