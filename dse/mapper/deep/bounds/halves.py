"""The factor that the bound is most undecided about, by which a subproblem is halved. Compilable."""

from __future__ import annotations

import numpy as np

from dse.model.counting.kernel import Floats, Ints, entry


@entry
def most_undecided(
    tables: tuple[Floats, ...], first: Ints, second: Ints, weights: Floats, rows: Ints, lifted: Floats, start: Ints,
    heat: float, worst: float,
) -> tuple[int, int, float]:  # fmt: skip
    """The axis and column whose factor differs most among cheap splits, in its effect on the bound, and its mean there.

    Parameters
    ----------
    tables : 6 x (columns, n) float
        Logarithms of the factors of each axis' splits.
    first, second : (T, 6) int64
        Columns of each term's factors.
    weights : (T,) float
        Of the bound.
    rows : (n,) int64
        Splits of all axes, those of axis a from start[a] to start[a + 1].
    lifted : (n,) float
        How far each lifts the bound.
    heat : float
        Splits count for exp(-lift / heat).
    worst : float
        What is less undecided does not count.

    Returns
    -------
    tuple of int, int and float
        The axis is -1 if there is none.
    """
    axis, column, middle = -1, 0, 0.0
    share = np.zeros(len(rows))
    for a in range(6):
        table, begin, end = tables[a], start[a], start[a + 1]
        if end - begin < 2:
            continue
        _set_shares(lifted, begin, end, heat, share)
        load = np.zeros(len(table))
        for t in range(len(weights)):
            load[first[t, a]] += weights[t]
            load[second[t, a]] += weights[t]
        for k in range(1, len(table)):
            if load[k] == 0.0:
                continue
            mean, square, least, most = 0.0, 0.0, np.inf, -np.inf
            for i in range(begin, end):
                mean += share[i] * table[k, rows[i]]
                least, most = min(least, table[k, rows[i]]), max(most, table[k, rows[i]])
            for i in range(begin, end):
                square += share[i] * (table[k, rows[i]] - mean) ** 2
            spread = load[k] * np.sqrt(square)
            if spread > worst and least <= mean < most:
                worst, axis, column, middle = spread, a, k, mean
    return axis, column, middle


def _set_shares(lifted: Floats, begin: int, end: int, heat: float, share: Floats) -> None:
    """What each split of an axis counts for, all of them for one."""
    least, total = np.inf, 0.0
    for i in range(begin, end):
        least = min(least, lifted[i])
    for i in range(begin, end):
        share[i] = np.exp(-(lifted[i] - least) / heat)
        total += share[i]
    for i in range(begin, end):
        share[i] /= total
