"""The best mappings found so far: when a bound cannot improve on them, how a new one enters, and when a search that is
told to end may do so. Compilable."""

from __future__ import annotations

import numpy as np

from dse.model.counting.kernel import Floats, Ints

ENERGY, LATENCY, EDP, FRONT = 0, 1, 2, 3

AT_TIME, AT_ONCE = 1, 2
"""What a flag says: to end as soon as a mapping is known, or as soon as it is seen."""

SLACK = 1e-12
"""Relative difference below which two float sums of the same terms are equal."""


def is_told_to_end(flag: int, held: int) -> bool:
    """Whether a search ends by what its flag says, with so many incumbents.

    Examples
    --------
    >>> [bool(is_told_to_end(flag, held)) for flag, held in ((0, 1), (AT_TIME, 0), (AT_TIME, 1), (AT_ONCE, 0))]
    [False, False, True, True]
    """
    return flag == AT_ONCE or (flag != 0 and held > 0)


def pruned(kind: int, gap: float, energy: float, time: float, values: Floats, held: int) -> bool:
    """Whether nothing at or above a bound improves on the incumbents by more than the gap.

    Parameters
    ----------
    energy, time : float
        Lower bounds.
    values : (*, 2) float
        Energy and latency of the incumbents; on the front, latency rises and energy falls.
    held : int
        How many there are.

    Examples
    --------
    >>> front = np.array([[9.0, 1.0], [4.0, 2.0]])  # energy, latency
    >>> [bool(pruned(FRONT, 0.0, 5.0, time, front, held=2)) for time in (2.0, 1.5)]
    [True, False]
    """
    if held == 0:
        return False
    energy = energy * (1.0 + gap + SLACK)
    time = time * (1.0 + gap + SLACK)
    if kind == ENERGY:
        return energy >= values[0, 0]
    if kind == LATENCY:
        # Among the fastest, the one of least energy.
        if time >= values[0, 1] * (1.0 + 2.0 * SLACK):
            return True
        return time >= values[0, 1] and (gap > 0.0 or energy >= values[0, 0])
    if kind == EDP:
        return energy * time / (1.0 + gap + SLACK) >= values[0, 0] * values[0, 1]
    low = 0
    high = held
    while low < high:
        middle = (low + high) // 2
        if values[middle, 1] <= time:
            low = middle + 1
        else:
            high = middle
    return low > 0 and values[low - 1, 0] <= energy


def longest(kind: int, energy: float, values: Floats, held: int) -> float:
    """The most time with which something of at least a given energy improves on the incumbents, inf if any will do.

    Parameters
    ----------
    energy : float
        Lower bound.
    values, held
        As for `pruned`.

    Examples
    --------
    >>> longest(EDP, 2.0, np.array([[4.0, 2.0]]), held=1)
    4.0
    """
    if held == 0 or kind == ENERGY:
        return np.inf
    if kind == LATENCY:
        return float(values[0, 1])
    if kind == EDP:
        return float(values[0, 0] * values[0, 1] / energy)
    low = 0
    high = held
    while low < high:
        middle = (low + high) // 2
        if values[middle, 0] <= energy:
            high = middle
        else:
            low = middle + 1
    return np.inf if low == held else float(values[low, 1])


def latest(kind: int, gap: float, energy: float, values: Floats, held: int) -> float:
    """The least time with which a bound of some energy is `pruned`: so much, or more, times 1 + gap + `SLACK`.

    Parameters
    ----------
    kind, gap, values, held
        As for `pruned`.
    energy : float
        Lower bound.

    Examples
    --------
    >>> latest(FRONT, 0.0, 5.0, np.array([[9.0, 1.0], [4.0, 2.0]]), held=2)
    2.0
    """
    if held == 0:
        return np.inf
    energy = energy * (1.0 + gap + SLACK)
    if kind == ENERGY:
        return -np.inf if energy >= values[0, 0] else np.inf
    if kind == LATENCY:
        at_once = gap > 0.0 or energy >= values[0, 0]
        return float(values[0, 1]) if at_once else float(values[0, 1] * (1.0 + 2.0 * SLACK))
    if kind == EDP:
        return float(values[0, 0] * values[0, 1] * (1.0 + gap + SLACK) / energy)
    return longest(kind, energy, values, held)


def dearest(kind: int, gap: float, time: float, values: Floats, held: int) -> float:
    """The least energy with which a bound of some time is `pruned`: so much, or more, times 1 + gap + `SLACK`.

    Parameters
    ----------
    kind, gap, values, held
        As for `pruned`.
    time : float
        Lower bound.

    Examples
    --------
    >>> dearest(FRONT, 0.0, 1.5, np.array([[9.0, 1.0], [4.0, 2.0]]), held=2)
    9.0
    """
    if held == 0:
        return np.inf
    time = time * (1.0 + gap + SLACK)
    if kind == ENERGY:
        return float(values[0, 0])
    if kind == LATENCY:
        if time >= values[0, 1] * (1.0 + 2.0 * SLACK) or (time >= values[0, 1] and gap > 0.0):
            return -np.inf
        return float(values[0, 0]) if time >= values[0, 1] else np.inf
    if kind == EDP:
        return float(values[0, 0] * values[0, 1] * (1.0 + gap + SLACK) / time)
    low = 0
    high = held
    while low < high:
        middle = (low + high) // 2
        if values[middle, 1] <= time:
            low = middle + 1
        else:
            high = middle
    return np.inf if low == 0 else float(values[low - 1, 0])


def enter(kind: int, energy: float, time: float, values: Floats, held: int, records: Ints) -> tuple[int, int]:
    """Make room for a priced mapping if it improves, and note its price.

    Returns
    -------
    held : int
        How many incumbents there are, -1 when there is no room.
    at : int
        The row of `records` that the caller fills, -1 for none.

    Examples
    --------
    A mapping of energy 4 replaces one of 5; one of 6 does not enter.

    >>> values, records = np.array([[5.0, 2.0]]), np.zeros((1, 8), int)
    >>> enter(ENERGY, 4.0, 3.0, values, 1, records), enter(ENERGY, 6.0, 1.0, values, 1, records), values.tolist()
    ((1, 0), (1, -1), [[4.0, 3.0]])
    """
    at = 0
    if kind == FRONT:
        if pruned(FRONT, 0.0, energy, time, values, held):
            return held, -1
        while at < held and values[at, 1] < time:
            at += 1
        stop = at
        # One of as much energy, but for the rounding of sums, is no better than a faster one.
        while stop < held and values[stop, 0] >= energy * (1.0 - SLACK):
            stop += 1
        # Replace rows at..stop by the one new row.
        if stop == at:
            if held == len(values):
                return -1, -1
            for i in range(held, at, -1):
                _move(i - 1, i, values, records)
        else:
            for i in range(stop, held):
                _move(i, at + 1 + i - stop, values, records)
        held += 1 - (stop - at)
    else:
        if held > 0 and not is_better(kind, (energy, time), (values[0, 0], values[0, 1])):
            return held, -1
        held = 1
    values[at, 0] = energy
    values[at, 1] = time
    return held, at


def is_better(kind: int, new: tuple[float, float], old: tuple[float, float]) -> bool:
    """Whether one mapping takes the place of another, given energy and latency of both; no question of a front.

    Examples
    --------
    Of two mappings that are equally fast, the one of less energy is the better one.

    >>> is_better(LATENCY, (4.0, 2.0), (5.0, 2.0)), is_better(LATENCY, (4.0, 3.0), (5.0, 2.0))
    (True, False)
    """
    energy, time = new
    value = energy if kind == ENERGY else (time if kind == LATENCY else energy * time)
    before = old[0] if kind == ENERGY else (old[1] if kind == LATENCY else old[0] * old[1])
    if abs(value - before) > SLACK * before:
        return bool(value < before)
    second, second_before = (time, old[1]) if kind == ENERGY else (energy, old[0])
    return bool(second < second_before * (1.0 - SLACK))


def _move(source: int, target: int, values: Floats, records: Ints) -> None:
    """Copy a row. Assigning rows whole would take the compiler a second."""
    for i in range(2):
        values[target, i] = values[source, i]
    for i in range(records.shape[1]):
        records[target, i] = records[source, i]


def beaten_beside(corners: Floats) -> Floats:
    """The incumbents of a front that beat all but what lies below at least one of some corners.

    Parameters
    ----------
    corners : (*, 2) float
        Energy and latency, inf where nothing is asked of one.

    Returns
    -------
    (*, 2) float
        Latency rises and energy falls.

    Examples
    --------
    >>> beaten_beside(np.array([[9.0, 1.0], [4.0, 2.0], [3.0, 1.5], [np.inf, 0.5]])).tolist()
    [[9.0, 0.5], [4.0, 1.0], [0.0, 2.0]]
    """
    order = np.lexsort((-corners[:, 0], corners[:, 1]))[::-1]  # latency falls
    energies = corners[order, 0]
    highest = np.maximum.accumulate(np.concatenate(([-np.inf], energies[:-1])))
    stairs = corners[order[energies > highest]][::-1]
    beaten = np.stack([np.append(stairs[:, 0], 0.0), np.append(0.0, stairs[:, 1])], axis=1)
    kept: Floats = beaten[np.isfinite(beaten).all(axis=1)]
    return kept
