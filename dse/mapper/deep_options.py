"""How one level may split the tile of the level above: trips, rows, columns and the tile left. Compilable.

The factors of a dim multiply to Z, at least its bound X. No factor a can shrink and still cover the bound exactly when
a * (Z - X) < Z; so a chain of factors is tight when each of them keeps that rule alone, whatever its place.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.mapper.factors import ceil_div

Ints = Any
Deep = Any


def keeps_tight(bound: int, product: int, factor: int) -> bool:
    """Whether a factor of a product that covers the bound cannot shrink."""
    return factor == 1 or product // factor * (factor - 1) < bound


def list_options(dp: Deep, level: int, tile: Ints, product: Ints) -> Any:
    """Every way to split the tile of a level, per dim.

    Parameters
    ----------
    tile, product : (8,)
        Tile of the level (uncapped) and product of all factors; unknown at level 0.

    Returns
    -------
    start : (9,)
    options : (*, 5)
        Trips, rows, columns, tile of the next level (1 below the last) and product; dim d has rows
        start[d]..start[d + 1].
    """
    start = np.zeros(9, dtype=np.int64)
    found = [0] * 0
    count = 0
    last = len(dp.nodes) - 1
    for d in range(8):
        bound = dp.bounds[d]
        most = 1 if level == last else max(1, 2 * bound - 1)
        if dp.perfect:
            most = min(most, bound)
        if level > 0:
            most = min(most, tile[d])
        for inner in range(1, most + 1):
            if level > 0 and tile[d] % inner != 0:
                continue
            if level < last and not _useful(dp, level + 1, d, inner):
                continue
            rest = ceil_div(bound, inner) if level == 0 else tile[d] // inner
            widest = min(dp.sides[level, 0], rest) if dp.on_side[level, 0, d] == 1 else 1
            for sy in range(1, widest + 1):
                if (level > 0 or dp.perfect) and rest % sy != 0:
                    continue
                if not _folds_as_wanted(dp, level, 0, d, sy):
                    continue
                left = ceil_div(rest, sy)
                wide = min(dp.sides[level, 1], left) if dp.on_side[level, 1, d] == 1 else 1
                for sx in range(1, wide + 1):
                    if (level > 0 or dp.perfect) and left % sx != 0:
                        continue
                    if not _folds_as_wanted(dp, level, 1, d, sx):
                        continue
                    trips = ceil_div(left, sx)
                    if trips > 1 and dp.in_list[level, d] == 0:
                        continue
                    if dp.whole[level, d] == 1 and trips * sy * sx * inner < bound:
                        continue
                    total = trips * sy * sx * inner if level == 0 else product[d]
                    if dp.perfect and total != bound:
                        continue
                    if not (
                        keeps_tight(bound, total, trips)
                        and keeps_tight(bound, total, sy)
                        and keeps_tight(bound, total, sx)
                        and keeps_tight(bound, total, _largest_prime(inner))
                    ):
                        continue
                    found.append(trips)
                    found.append(sy)
                    found.append(sx)
                    found.append(inner)
                    found.append(total)
                    count += 1
        start[d + 1] = count
    if count == 0:
        return start, np.zeros((0, 5), dtype=np.int64)
    return start, np.array(found).reshape(-1, 5)


def _folds_as_wanted(dp: Deep, level: int, side: int, d: int, factor: int) -> bool:
    wanted = dp.folds_wanted[level, side, d]
    return bool(wanted == 0 or ceil_div(dp.bounds[d], factor) == wanted)


def _useful(dp: Deep, level: int, d: int, tile: int) -> bool:
    """Whether the levels from one on can split a tile (uncapped) at all, as far as that is seen at once."""
    if dp.whole[level, d] == 1 and tile < dp.bounds[d]:
        return False
    most = 1
    for i in range(level, len(dp.nodes)):
        if dp.in_list[i, d] == 1:
            return True
        for side in range(2):
            if dp.on_side[i, side, d] == 1:
                most *= dp.sides[i, side]
    return bool(tile <= most)


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
