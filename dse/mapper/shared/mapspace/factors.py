"""Tight factorizations of one loop bound: the tile and unrolling choices of every dim. Compilable like the model.

A bound X is split, innermost first, into a tile inside the PE (f), unrollings over rows and columns (sy, sx), trips of
the buffer's list (m) and trips of the outermost list (n). A split is *tight* when no factor can shrink and still cover
X with the others unchanged; perfect splits (f*sy*sx*m*n = X) are tight.
"""

from __future__ import annotations

import numpy as np

from dse.mapper.shared.mapspace.rules import Rules
from dse.model.counting.kernel import Ints, entry

TILE, TILES, FIRST_UNROLLING = range(3)
"""Columns of the tiles that `dim_options` lists."""

ROWS, COLS, PASSES_LEFT, STEPS_LEFT, OF_TILE = range(5)
"""Columns of the unrollings that `dim_options` lists."""


def ceil_div(a: int, b: int) -> int:
    """The quotient, rounded up.

    Examples
    --------
    >>> ceil_div(7, 2), ceil_div(8, 2)
    (4, 4)
    """
    return (a + b - 1) // b


def keeps_tight(bound: int, product: int, factor: int) -> bool:
    """Whether one factor of a product that covers a bound cannot shrink by one and still cover it with the others.

    Examples
    --------
    >>> keeps_tight(7, product=8, factor=4), keeps_tight(7, product=9, factor=9)
    (True, False)
    """
    return product * (factor - 1) < bound * factor  # a division would take several times as long


def tight(bound: int, f: int, sy: int, sx: int, m: int, n: int) -> bool:
    """Whether no factor can shrink by one and still cover the bound.

    Examples
    --------
    Tiles of 4 in two trips cover 6, but so do tiles of 3.

    >>> tight(6, 3, 1, 1, 2, 1), tight(6, 4, 1, 1, 2, 1)
    (True, False)
    """
    product = f * sy * sx * m * n
    return (
        product >= bound
        and keeps_tight(bound, product, f)
        and keeps_tight(bound, product, sy)
        and keeps_tight(bound, product, sx)
        and keeps_tight(bound, product, m)
        and keeps_tight(bound, product, n)
    )


def whole_factor(bound: int, side: int, perfect: bool) -> int:
    """The fewest folds that a side of the array allows: passes of a bound when it alone is unrolled there.

    Examples
    --------
    >>> whole_factor(13, 5, perfect=False), whole_factor(12, 5, perfect=True)
    (3, 3)
    """
    if not perfect:
        return ceil_div(bound, min(bound, side))
    for factor in range(min(bound, side), 0, -1):
        if bound % factor == 0:
            return bound // factor
    return bound


@entry
def dim_options(
    bounds: Ints, largest_tile: Ints, rules: Rules, rows: int, cols: int, perfect: bool
) -> tuple[Ints, Ints, Ints]:
    """List, per dim, the PE tiles and under each the unrollings that some tight split has.

    Parameters
    ----------
    bounds, largest_tile : (8,)
        A PE tile beyond `largest_tile` cannot fit.
    rules : Rules
    rows, cols : int
    perfect : bool
        Only factors whose product is the bound.

    Returns
    -------
    tuple of int64 arrays
        `tile_start (9,)`: the tiles of dim d are rows tile_start[d]..tile_start[d+1] of `tiles (*, 3)`: tile f,
        number of such tiles U = ceil(X / f), first unrolling; `unrollings (*, 5)`: sy, sx, passes
        T = ceil(U / (sy*sx)), compute steps along the dim, tile it belongs to. `tiles` has one row more, the end of the
        last unrollings.

    Examples
    --------
    K = 4 on an array of two rows, nothing tiled inside a PE: K lies on one row or on both.

    >>> mask = dict.fromkeys(Rules._fields, np.zeros(8, int)) | {"on_rows": np.array([0, 0, 1, 0, 0, 0, 0, 0])}
    >>> bounds = np.array([1, 1, 4, 1, 1, 1, 1, 1])
    >>> start, tiles, unrollings = dim_options(bounds, np.ones(8, int), Rules(**mask), 2, 1, False)
    >>> mine = slice(tiles[start[2], FIRST_UNROLLING], tiles[start[3], FIRST_UNROLLING])
    >>> unrollings[mine, ROWS].tolist(), unrollings[mine, PASSES_LEFT].tolist()
    ([2, 1], [2, 4])
    """
    tile_start = np.zeros(9, dtype=np.int64)
    tiles = [0] * 0
    unrollings = [0] * 0
    for d in range(8):
        bound = bounds[d]
        on_rows = _sides(bound, rows, rules.on_rows[d] == 1, rules.rows_whole[d] == 1, perfect)
        on_cols = _sides(bound, cols, rules.on_cols[d] == 1, rules.cols_whole[d] == 1, perfect)
        low = bound if rules.inside_whole[d] == 1 else 1
        high = bound if rules.inside_whole[d] == 1 or rules.inside[d] == 1 else 1
        for f in range(low, min(high, largest_tile[d]) + 1):
            number = ceil_div(bound, f)
            if ceil_div(bound, number) != f or (perfect and bound % f != 0):
                continue
            first = len(unrollings) // 5
            for value in _unrollings(bound, f, on_rows, on_cols, perfect, len(tiles) // 3):
                unrollings.append(value)
            if len(unrollings) // 5 > first:
                tiles.append(f)
                tiles.append(number)
                tiles.append(first)
        tile_start[d + 1] = len(tiles) // 3
    tiles.append(0)
    tiles.append(0)
    tiles.append(len(unrollings) // 5)
    return tile_start, np.array(tiles).reshape(-1, 3), np.array(unrollings).reshape(-1, 5)


def _sides(bound: int, side: int, allowed: bool, whole: bool, perfect: bool) -> Ints:
    """The factors, falling, that a dim may have on one side of the array."""
    folds = whole_factor(bound, side, perfect)
    factors = [0] * 0
    for factor in range(min(side, bound) if allowed else 1, 0, -1):
        if not whole or ceil_div(bound, factor) == folds:
            factors.append(factor)
    return np.array(factors)


def _unrollings(bound: int, f: int, on_rows: Ints, on_cols: Ints, perfect: bool, tile: int) -> Ints:
    """The unrollings of one tile, one after the other, as rows of `dim_options`' last result.

    Parameters
    ----------
    on_rows, on_cols
        From `_sides`.
    tile : int
        Number of the tile.
    """
    number = ceil_div(bound, f)
    found = [0] * 0
    for sy in on_rows:
        if sy > number:
            continue
        for sx in on_cols:
            if sx > ceil_div(number, sy) or (perfect and number % (sy * sx) != 0):
                continue
            passes = ceil_div(number, sy * sx)
            if not tight(bound, f, sy, sx, 1, passes):
                continue
            last = bound - (passes - 1) * f * sy * sx
            for value in (sy, sx, passes, (passes - 1) * f + min(f, last), tile):
                found.append(value)
    return np.array(found)


def next_trips(bound: int, f: int, sy: int, sx: int, passes: int, n: int, perfect: bool) -> tuple[int, int]:
    """The smallest outermost trip count from n on that a tight split has, with the buffer's trips; (0, 0) if none.

    Examples
    --------
    >>> next_trips(7, 1, 1, 1, passes=7, n=3, perfect=False), next_trips(7, 1, 1, 1, passes=7, n=2, perfect=True)
    ((3, 3), (7, 1))
    """
    while n <= passes:
        m = ceil_div(passes, n)
        exact = ceil_div(passes, m) == n
        if exact and tight(bound, f, sy, sx, m, n) and (not perfect or m * n == passes):
            return n, m
        if m == 1:
            break
        n = ceil_div(passes, m - 1)  # those up to there leave as many for the buffer, and cover no more
    return 0, 0


def trip_values(bound: int) -> Ints:
    """The distinct values of ceil(bound / b), ascending: trip counts that some tile size has.

    Examples
    --------
    >>> trip_values(7).tolist()
    [1, 2, 3, 4, 7]
    """
    values = [0] * 0
    n = 1
    while n <= bound:
        tile = ceil_div(bound, n)
        values.append(ceil_div(bound, tile))
        if tile == 1:
            break
        n = ceil_div(bound, tile - 1)
    return np.array(values)
