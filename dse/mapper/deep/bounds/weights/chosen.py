"""Which splits join the small problem that weights are sought on. Compilable."""

from __future__ import annotations

import numpy as np

from dse.mapper.deep.bounds.sums.records import Alive
from dse.model.counting.kernel import Bools, Floats

SOME = 96
"""Splits of an axis that join the small problem at a time, the least lifted first."""

NARROW = 1e-5
"""Lift, in logarithms, of splits that count as least; each wider range is four times as far."""

RANGES = 12
"""Ranges of lift that splits are counted in."""


def choose(alive: Alive, least: Floats, chosen: Bools) -> int:
    """Choose the splits of each axis that lift the bound least, and some of those that lift it a little more.

    Returns how many were not chosen before.
    """
    reduced, new = alive.reduced, 0
    for a in range(6):
        begin, end = alive.start[a], alive.end[a]
        window, inside = _window(reduced, begin, end, least[a])
        left, stride = SOME, 1 + inside // SOME
        for nearest in range(2):
            seen, most = 0, window if nearest == 1 and end - begin > SOME else window / 4.0
            for i in range(begin, end):
                over = reduced[i] - least[a]
                if over > most or chosen[i]:
                    continue
                if left == 0:
                    break
                seen += 1
                if nearest == 0 or seen % stride == 0 or over <= 0.0:
                    chosen[i] = True
                    new += 1
                    left -= 1
        if end - begin <= SOME:
            for i in range(begin, end):
                new += not chosen[i]
                chosen[i] = True
    return new


def _window(reduced: Floats, begin: int, end: int, least: float) -> tuple[float, int]:
    """A lift that enough splits of an axis do not pass, and how many do not."""
    inside = np.zeros(RANGES, dtype=np.int64)
    # Once enough splits are in the narrower ranges, none beyond counts: most are looked at once.
    last, widest, near = RANGES - 1, NARROW * 4.0 ** (RANGES - 1), 0
    for i in range(begin, end):
        over = reduced[i] - least
        if over > widest:
            continue
        at, window = last, widest / 4.0
        while at > 0 and over <= window:
            window /= 4.0
            at -= 1
        inside[at] += 1
        near += 1
        while last > 0 and near - inside[last] > SOME // 2:
            near -= inside[last]
            last -= 1
            widest /= 4.0
    count, window = 0, NARROW
    for at in range(RANGES):
        count += inside[at]
        if count > SOME // 2:
            break
        window *= 4.0
    return window, count
