"""Unrollings by how far they spread a dim: what rows times columns come to is all that a cost depends on.

The sides matter only for whether the unrollings of all dims fit the array together and are tight. A search therefore
walks spreads, keeping for each partial choice what the array may have left, and settles the sides at the end.
Compilable but for `by_spread` and `largest_tile`.
"""

from __future__ import annotations

from math import inf
from typing import Any, NamedTuple

import numpy as np

from dse.mapper.flat.instance import Instance
from dse.mapper.shared.mapspace.factors import COLS, FIRST_UNROLLING, OF_TILE, PASSES_LEFT, ROWS, STEPS_LEFT, tight
from dse.model.counting.kernel import Ints, Record
from dse.model.price import SHARED
from dse.problem.dims import IFMAP, P, R

TILE, TILES, FIRST_SPREAD, FEWEST_PASSES, FEWEST_STEPS = range(5)
"""Columns of `Options.tiles`."""

CHILDREN, PASSES, STEPS, FIRST_SIDES, LEAST_ROWS, LEAST_COLS = range(6)
"""Columns of `Options.spreads`."""


class Options(NamedTuple):
    """Tiles, spreads and sides of every dim.

    Parameters
    ----------
    tile_start : (9,)
        The tiles of dim d are rows tile_start[d]..tile_start[d + 1] of `tiles`.
    tiles : (*, 5)
        Tile f, number of such tiles U = ceil(X / f), first spread, the fewest passes and the fewest compute steps that
        any of its spreads leaves; one row more for the end of the last spreads.
    spreads : (*, 6)
        Children s, passes T = ceil(U / s), compute steps along the dim, first row of `sides`, and those
        sides (rows, columns) whose larger one is smallest; one row more for the end of the last sides.
    sides : (*, 2)
        Rows and columns that come to the spread, or, where one pass is enough, to more than there is work for.
    """

    tile_start: Ints
    tiles: Ints
    spreads: Ints
    sides: Ints


def by_spread(tile_start: Ints, tiles: Ints, unrollings: Ints, *, apart: bool = False) -> Options:
    """Group the unrollings that `dse.mapper.shared.mapspace.factors.dim_options` lists, widest spread first.

    Parameters
    ----------
    tile_start, tiles, unrollings
    apart : bool
        Keep spreads apart that have children without work: ports inside the array count them.
    """
    of_tile = unrollings[:, OF_TILE]
    spread = unrollings[:, ROWS] * unrollings[:, COLS]
    if not apart:
        spread = np.minimum(spread, tiles[of_tile, TILES])
    sides = unrollings[:, [ROWS, COLS]]
    order = np.lexsort((sides.max(axis=1), -spread, of_tile))
    of_tile, spread, sides, unrollings = of_tile[order], spread[order], sides[order], unrollings[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (of_tile[1:] != of_tile[:-1]) | (spread[1:] != spread[:-1])
    first = np.flatnonzero(new)
    spreads = np.zeros((len(first) + 1, 6), dtype=np.int64)
    spreads[:-1, CHILDREN] = spread[first]
    spreads[:-1, [PASSES, STEPS]] = unrollings[first][:, [PASSES_LEFT, STEPS_LEFT]]
    spreads[:-1, FIRST_SIDES] = first
    spreads[:-1, [LEAST_ROWS, LEAST_COLS]] = sides[first]
    spreads[-1, FIRST_SIDES] = len(order)
    grouped = np.zeros((len(tiles), 5), dtype=np.int64)
    grouped[:, [TILE, TILES]] = tiles[:, :FIRST_UNROLLING]
    grouped[:-1, FIRST_SPREAD] = np.searchsorted(of_tile[first], np.arange(len(tiles) - 1))
    grouped[-1, FIRST_SPREAD] = len(first)
    for fewest, column in ((FEWEST_PASSES, PASSES), (FEWEST_STEPS, STEPS)):
        grouped[:-1, fewest] = np.minimum.reduceat(spreads[:-1, column], grouped[:-1, FIRST_SPREAD])
    return Options(tile_start, grouped, spreads, np.ascontiguousarray(sides))


def largest_tile(instance: Instance) -> Any:
    """Per dim, the largest PE tile that fits when every other dim has a tile of one.

    Examples
    --------
    >>> import dse
    >>> from dse.mapper.flat.gather import instances_of
    >>> layer = dse.Layer("conv", K=64, C=32, P=56, Q=56, R=3, S=3)
    >>> _, problems = instances_of(dse.load_architecture("eyeriss"), layer)
    >>> dict(zip("GNKCPQRS", largest_tile(problems[0]).tolist()))
    {'G': 1, 'N': 1, 'K': 24, 'C': 12, 'P': 12, 'Q': 12, 'R': 3, 'S': 3}
    """
    largest = instance["bounds"].copy()
    relevance, window = instance["relevance"].tolist(), instance["window"].tolist()
    bits, each = instance["pe_bits"].tolist(), instance["pe_each"].tolist()
    for operand in np.flatnonzero(instance["in_pe"]).tolist():
        room = min(bits[operand], bits[SHARED]) / each[operand]
        for d in range(8) if room < inf else ():
            if relevance[operand][d] and not (operand == IFMAP and d >= P):
                largest[d] = min(largest[d], int(room))
            elif relevance[operand][d]:
                largest[d] = min(largest[d], (int(room) - 1) // int(window[2 * (d % 2) + (d >= R)]) + 1)
    return largest


def most_left(rows: int) -> int:
    """How many pairs of rows and columns, none larger in both than another, an array may have left at most."""
    return 2 * int(np.sqrt(rows)) + 2


def take(left: Ints, count: Ints, depth: int, spreads: Ints, sides: Ints, row: int) -> int:
    """What the array has left once a dim is spread, on any sides.

    Parameters
    ----------
    left : (9, most_left, 2)
        Rows and columns left, by depth; those at `depth` are read, those at depth + 1 filled.
    count : (9,)
        How many pairs there are.
    row : int
        Of `spreads`.

    Returns
    -------
    int
        The most children left, 0 when the spread does not fit.
    """
    found = 0
    most = 0
    for i in range(count[depth]):
        for k in range(spreads[row, FIRST_SIDES], spreads[row + 1, FIRST_SIDES]):
            if sides[k, 0] > left[depth, i, 0] or sides[k, 1] > left[depth, i, 1]:
                continue
            r = left[depth, i, 0] // sides[k, 0]
            c = left[depth, i, 1] // sides[k, 1]
            kept = 0
            beaten = False
            for j in range(found):
                a, b = left[depth + 1, j, 0], left[depth + 1, j, 1]
                if a >= r and b >= c:
                    beaten = True
                    break
                if a > r or b > c:
                    left[depth + 1, kept, 0], left[depth + 1, kept, 1] = a, b
                    kept += 1
            if beaten:
                continue
            left[depth + 1, kept, 0], left[depth + 1, kept, 1] = r, c
            found = kept + 1
            most = max(most, r * c)
    count[depth + 1] = found
    return most


def leave_open(config: Record, options: Options, d: int) -> None:
    """Give a dim the PE tile that `config.tile_row` says, its spread open.

    Parameters
    ----------
    config : an element of `dse.mapper.flat.run.CONFIGURATION`
    """
    tiles, row = options.tiles, config.tile_row[d]  # a view of the row would be counted as a reference
    config.f[d], config.number[d] = tiles[row, TILE], tiles[row, TILES]
    config.opened[d], config.spread[d] = 1, 1
    config.tile[d] = tiles[row, TILE]
    config.passes[d] = tiles[row, FEWEST_PASSES]
    config.spread_out[d] = tiles[row, TILES]
    config.steps[d] = tiles[row, FEWEST_STEPS]


def decide(inst: Any, config: Record, options: Options, d: int) -> None:
    """Give a dim the spread that `config.spread_row` says."""
    spreads, row = options.spreads, config.spread_row[d]
    config.opened[d], config.spread[d] = 0, spreads[row, CHILDREN]
    config.tile[d] = min(inst.bounds[d], config.f[d] * spreads[row, CHILDREN])
    config.passes[d] = spreads[row, PASSES]
    config.spread_out[d] = spreads[row, PASSES]
    config.steps[d] = spreads[row, STEPS]


def settle(inst: Any, work: Record, config: Record, options: Options) -> bool:
    """Find sides for the chosen spreads that fit the array together and leave every dim's split tight.

    Parameters
    ----------
    inst, work, config : elements of `INSTANCE`, `WORK` and `CONFIGURATION`
        Of the work, m and n are read, and sy and sx filled with the sides.
    """
    spreads, sides, chosen = options.spreads, options.sides, config.spread_row
    sy, sx, at = work.sy, work.sx, work.option_side
    depth = 0
    at[0] = spreads[chosen[0], FIRST_SIDES] - 1
    while depth >= 0:
        d = depth
        at[d] += 1
        if at[d] == spreads[chosen[d] + 1, FIRST_SIDES]:
            depth -= 1
            continue
        y, x = sides[at[d], 0], sides[at[d], 1]
        tall, wide = y, x
        for earlier in range(d):
            tall *= sy[earlier]
            wide *= sx[earlier]
        if tall > inst.rows or wide > inst.cols or not tight(inst.bounds[d], config.f[d], y, x, work.m[d], work.n[d]):
            continue
        sy[d], sx[d] = y, x
        if depth == 7:
            return True
        depth += 1
        at[depth] = spreads[chosen[depth], FIRST_SIDES] - 1
    return False
