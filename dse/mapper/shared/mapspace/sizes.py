"""Sizes and extremes of a mapspace. Compilable like the model."""

from __future__ import annotations

import numpy as np

from dse.mapper.shared.mapspace.factors import COLS, FIRST_UNROLLING, PASSES_LEFT, ROWS, STEPS_LEFT, TILE, next_trips
from dse.model.counting.kernel import Floats, Ints, entry


@entry
def fastest_steps(tile_start: Ints, tiles: Ints, unrollings: Ints, rows: int, cols: int) -> float:
    """The fewest compute steps that unrollings within the array leave, whatever the capacities.

    A table over the rows and columns left, dim by dim; infinite when some dim cannot be unrolled as the dataflow asks.

    Examples
    --------
    K = 4 on an array of two rows takes two steps at least.

    >>> from dse.mapper.shared.mapspace.factors import dim_options
    >>> from dse.mapper.shared.mapspace.rules import Rules
    >>> mask = dict.fromkeys(Rules._fields, np.zeros(8, int)) | {"on_rows": np.array([0, 0, 1, 0, 0, 0, 0, 0])}
    >>> options = dim_options(np.array([1, 1, 4, 1, 1, 1, 1, 1]), np.ones(8, int), Rules(**mask), 2, 1, False)
    >>> fastest_steps(*options, 2, 1)
    2.0
    """
    best = np.ones((rows + 1, cols + 1))
    row_values = quotients(rows)
    col_values = quotients(cols)
    for d in range(8):
        first, last = tiles[tile_start[d], FIRST_UNROLLING], tiles[tile_start[d + 1], FIRST_UNROLLING]
        following = np.full((rows + 1, cols + 1), np.inf)
        for r in row_values:
            for c in col_values:
                for i in range(first, last):
                    sy, sx = unrollings[i, ROWS], unrollings[i, COLS]
                    if sy <= r and sx <= c:
                        following[r, c] = min(following[r, c], unrollings[i, STEPS_LEFT] * best[r // sy, c // sx])
        best = following
    return float(best[rows, cols])


def quotients(side: int) -> Ints:
    """The numbers that a side divided by some number leaves, falling.

    Examples
    --------
    >>> quotients(7).tolist()
    [7, 3, 2, 1]
    """
    values = [side]
    for divisor in range(2, side + 1):
        if side // divisor != values[-1]:
            values.append(side // divisor)
    return np.array(values)


@entry
def splits(
    bounds: Ints, tile_start: Ints, tiles: Ints, unrollings: Ints, perfect: bool, has_buffer: bool, out: Floats
) -> None:
    """Count the tight splits of every dim into PE tile, rows, columns, buffer trips and outermost trips.

    Parameters
    ----------
    out : (8,) float
        Filled.

    Examples
    --------
    K = 4 on two rows. Both rows leave two trips, 1 x 2 or 2 x 1; one row leaves four: 1 x 4, 2 x 2 or 4 x 1.

    >>> from dse.mapper.shared.mapspace.factors import dim_options
    >>> from dse.mapper.shared.mapspace.rules import Rules
    >>> mask = dict.fromkeys(Rules._fields, np.zeros(8, int)) | {"on_rows": np.array([0, 0, 1, 0, 0, 0, 0, 0])}
    >>> bounds, out = np.array([1, 1, 4, 1, 1, 1, 1, 1]), np.zeros(8)
    >>> splits(bounds, *dim_options(bounds, np.ones(8, int), Rules(**mask), 2, 1, False), False, True, out)
    >>> out.tolist()
    [1.0, 1.0, 5.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    for d in range(8):
        total = 0.0
        for row in range(tile_start[d], tile_start[d + 1]):
            for i in range(tiles[row, FIRST_UNROLLING], tiles[row + 1, FIRST_UNROLLING]):
                if not has_buffer:
                    total += 1.0
                    continue
                f, sy, sx = tiles[row, TILE], unrollings[i, ROWS], unrollings[i, COLS]
                n = 1
                while True:
                    n, _ = next_trips(bounds[d], f, sy, sx, unrollings[i, PASSES_LEFT], n, perfect)
                    if n == 0:
                        break
                    total += 1.0
                    n += 1
        out[d] = total
