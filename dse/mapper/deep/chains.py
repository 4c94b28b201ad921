"""All ways to split one dim over a whole hierarchy: chains of trips, rows and columns, level by level. Compilable.

The factors of a dim multiply to Z, at least its bound X. No factor a can shrink and still cover the bound exactly when
a * (Z - X) < Z; so a chain of factors is tight when each of them keeps that rule alone, whatever its place.
"""

from __future__ import annotations

import numpy as np

from dse.mapper.deep.nest import ROWS, TRIPS
from dse.mapper.deep.problem import Deep
from dse.mapper.shared.factors import ceil_div, keeps_tight
from dse.model.counting.kernel import Ints, entry


@entry
def list_chains(dp: Deep, d: int) -> Ints:
    """Every tight chain of a dim that the rules allow.

    Returns
    -------
    (*, 3 * k) int64
        Trips, rows and columns of each level, outermost first.
    """
    bound = dp.bounds[d]
    slots = 3 * len(dp.nodes)
    rows = np.ones((64, slots), dtype=np.int64)
    count = 0
    factor = np.zeros(slots, dtype=np.int64)
    left = np.ones(slots + 1, dtype=np.int64)
    most = np.ones(slots, dtype=np.int64)
    for slot in range(slots):
        most[slot] = _most(dp, slot, d)
    for product in range(bound, bound + 1 if dp.perfect else 2 * bound):
        if not keeps_tight(bound, product, _largest_prime(product)):
            continue
        left[0] = product
        slot = 0
        factor[0] = 0
        while slot >= 0:
            found = _next_factor(dp, slot, d, factor[slot] + 1, min(most[slot], left[slot]), left[slot], product)
            if found == 0:
                slot -= 1
                continue
            factor[slot] = found
            left[slot + 1] = left[slot] // found
            if slot < slots - 1:
                slot += 1
                factor[slot] = 0
                continue
            if left[slots] > 1:
                continue
            if count == len(rows):
                rows = _twice_as_long(rows)
            for k in range(slots):
                rows[count, k] = factor[k]
            count += 1
    return rows[:count]


def _next_factor(dp: Deep, slot: int, d: int, first: int, last: int, left: int, product: int) -> int:
    """The smallest factor from `first` to `last` that a slot may take of what is left of a product, 0 for none."""
    for f in range(first, last + 1):
        if left % f == 0 and keeps_tight(dp.bounds[d], product, f) and _allowed(dp, slot, d, f, left):
            return f
    return 0


def _twice_as_long(rows: Ints) -> Ints:
    longer = np.ones((2 * len(rows), rows.shape[1]), dtype=np.int64)
    for row in range(len(rows)):
        for k in range(rows.shape[1]):
            longer[row, k] = rows[row, k]
    return longer


def _most(dp: Deep, slot: int, d: int) -> int:
    """The largest factor that a dim may have in a slot."""
    level, part = slot // 3, slot % 3
    if part == TRIPS:
        return int(dp.bounds[d]) if dp.in_list[level, d] == 1 else 1
    return int(dp.sides[level, part - ROWS]) if dp.on_side[level, part - ROWS, d] == 1 else 1


def _allowed(dp: Deep, slot: int, d: int, factor: int, left: int) -> bool:
    """Whether a factor obeys the rules on whole bounds; `left` is the product of this slot and all inside."""
    level, part = slot // 3, slot % 3
    if part == TRIPS:
        return bool(dp.whole[level, d] == 0 or left >= dp.bounds[d])
    wanted = dp.folds_wanted[level, part - ROWS, d]
    return bool(wanted == 0 or ceil_div(dp.bounds[d], factor) == wanted)


def _largest_prime(number: int) -> int:
    """The largest prime factor, 1 for 1."""
    largest = 1
    divisor = 2
    while divisor * divisor <= number:
        while number % divisor == 0:
            largest = divisor
            number //= divisor
        divisor += 1
    return max(largest, number)
