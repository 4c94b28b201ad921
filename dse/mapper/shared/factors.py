"""Tight factorizations of one loop bound: the tile and unrolling choices of every dim. Compilable like the model.

A bound X is split, innermost first, into a tile inside the PE (f), unrollings over rows and columns (sy, sx), trips of
the buffer's list (m) and trips of the outermost list (n). A split is *tight* when no factor can shrink and still cover
X with the others unchanged; perfect splits (f*sy*sx*m*n = X) are tight.
"""

from __future__ import annotations

import numpy as np

from dse.model.kernel import Ints, entry


def ceil_div(a: int, b: int) -> int:
    return (a + b - 1) // b


def tight(bound: int, f: int, sy: int, sx: int, m: int, n: int) -> bool:
    """Whether no factor can shrink by one and still cover the bound."""
    product = f * sy * sx * m * n
    return (
        product >= bound
        and (f == 1 or product // f * (f - 1) < bound)
        and (sy == 1 or product // sy * (sy - 1) < bound)
        and (sx == 1 or product // sx * (sx - 1) < bound)
        and (m == 1 or product // m * (m - 1) < bound)
        and (n == 1 or product // n * (n - 1) < bound)
    )


def whole_factor(bound: int, side: int, perfect: bool) -> int:
    """The fewest folds that a side of the array allows: passes of a bound when it alone is unrolled there."""
    if not perfect:
        return ceil_div(bound, min(bound, side))
    for factor in range(min(bound, side), 0, -1):
        if bound % factor == 0:
            return bound // factor
    return bound


@entry
def dim_options(
    bounds: Ints, largest_tile: Ints, inside: Ints, inside_whole: Ints, on_rows: Ints, on_cols: Ints,
    rows_whole: Ints, cols_whole: Ints, rows: int, cols: int, perfect: bool,
) -> tuple[Ints, Ints, Ints]:  # fmt: skip
    """List, per dim, the PE tiles and under each the unrollings that some tight split has.

    Parameters
    ----------
    bounds, largest_tile : (8,)
        A PE tile beyond `largest_tile` cannot fit.
    inside, inside_whole, on_rows, on_cols, rows_whole, cols_whole : (8,)
        The dataflow's sets, as 0 or 1.
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
    """
    tile_start = np.zeros(9, dtype=np.int64)
    tiles = [0] * 0
    unrollings = [0] * 0
    count_tiles = 0
    count = 0
    for d in range(8):
        bound = bounds[d]
        row_folds = whole_factor(bound, rows, perfect)
        col_folds = whole_factor(bound, cols, perfect)
        low = bound if inside_whole[d] == 1 else 1
        high = bound if inside_whole[d] == 1 or inside[d] == 1 else 1
        high = min(high, largest_tile[d])
        for f in range(low, high + 1):
            number = ceil_div(bound, f)
            if ceil_div(bound, number) != f or (perfect and bound % f != 0):
                continue
            first = count
            widest_row = min(rows, number) if on_rows[d] == 1 else 1
            for sy in range(widest_row, 0, -1):
                if rows_whole[d] == 1 and ceil_div(bound, sy) != row_folds:
                    continue
                widest_col = min(cols, ceil_div(number, sy)) if on_cols[d] == 1 else 1
                for sx in range(widest_col, 0, -1):
                    if cols_whole[d] == 1 and ceil_div(bound, sx) != col_folds:
                        continue
                    if perfect and number % (sy * sx) != 0:
                        continue
                    passes = ceil_div(number, sy * sx)
                    if not tight(bound, f, sy, sx, 1, passes):
                        continue
                    last = bound - (passes - 1) * f * sy * sx
                    unrollings.append(sy)
                    unrollings.append(sx)
                    unrollings.append(passes)
                    unrollings.append((passes - 1) * f + min(f, last))
                    unrollings.append(count_tiles)
                    count += 1
            if count > first:
                tiles.append(f)
                tiles.append(number)
                tiles.append(first)
                count_tiles += 1
        tile_start[d + 1] = count_tiles
    tiles.append(0)
    tiles.append(0)
    tiles.append(count)
    return tile_start, np.array(tiles).reshape(-1, 3), np.array(unrollings).reshape(-1, 5)


def next_trips(bound: int, f: int, sy: int, sx: int, passes: int, n: int, perfect: bool) -> tuple[int, int]:
    """The smallest outermost trip count from n on that a tight split has, with the buffer's trips; (0, 0) if none."""
    while n <= passes:
        m = ceil_div(passes, n)
        exact = ceil_div(passes, m)
        if exact == n and tight(bound, f, sy, sx, m, n) and (not perfect or m * n == passes):
            return n, m
        n = max(n + 1, exact if exact > n else n + 1)
    return 0, 0


def trip_values(bound: int) -> Ints:
    """The distinct values of ceil(bound / b), ascending: trip counts that some tile size has."""
    values = [0] * 0
    n = 1
    while n <= bound:
        tile = ceil_div(bound, n)
        values.append(ceil_div(bound, tile))
        if tile == 1:
            break
        n = ceil_div(bound, tile - 1)
    return np.array(values)
