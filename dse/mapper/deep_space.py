"""Size of the general mapspace. Compilable."""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.mapper.deep_options import keeps_tight
from dse.mapper.factors import ceil_div

Deep = Any


def count_chains(dp: Deep, d: int) -> float:
    """How many tight chains of factors a dim has over the lists and sides of all levels, as the rules allow."""
    bound = dp.bounds[d]
    total = 0.0
    for product in range(bound, bound + 1 if dp.perfect else 2 * bound):
        divisors = [0] * 0
        for a in range(1, product + 1):
            if product % a == 0:
                divisors.append(a)
        ways = np.zeros(len(divisors))  # by what the levels so far leave
        ways[len(divisors) - 1] = 1.0
        for level in range(len(dp.nodes)):
            for slot in range(3):
                following = np.zeros(len(divisors))
                for i in range(len(divisors)):
                    if ways[i] == 0.0 or (slot == 0 and dp.whole[level, d] == 1 and divisors[i] < bound):
                        continue
                    for k in range(i + 1):
                        factor = divisors[i] // divisors[k]
                        fits = divisors[i] % divisors[k] == 0 and keeps_tight(bound, product, factor)
                        if fits and _allowed(dp, level, slot, d, factor):
                            following[k] += ways[i]
                ways = following
        total += ways[0]
    return total


def _allowed(dp: Deep, level: int, slot: int, d: int, factor: int) -> bool:
    """Whether a dim may have a factor in the list (slot 0), on the rows or on the columns of a level."""
    if slot == 0:
        return bool(factor == 1 or dp.in_list[level, d] == 1)
    side = slot - 1
    wanted = dp.folds_wanted[level, side, d]
    if wanted > 0 and ceil_div(dp.bounds[d], factor) != wanted:
        return False
    return bool(factor == 1 or (dp.on_side[level, side, d] == 1 and factor <= dp.sides[level, side]))
