"""The PE tiles that problems have on arrays, with the fewest passes and steps that any spread leaves on each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import Any

import numpy as np

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut
from dse.mapper.flat.array.spreads import FEWEST_PASSES, FEWEST_STEPS, Options, largest_tile
from dse.mapper.flat.instance import Instance, Roles
from dse.mapper.shared.compilation.twins import compiled
from dse.mapper.shared.mapspace.factors import (
    COLS,
    FIRST_UNROLLING,
    PASSES_LEFT,
    ROWS,
    STEPS_LEFT,
    TILE,
    ceil_div,
    dim_options,
)
from dse.mapper.shared.mapspace.rules import Rules
from dse.mapper.shared.mapspace.sizes import fastest_steps
from dse.model.counting.kernel import Floats, Ints, entry

FEW_SIDES = 4
"""So many pairs of rows and columns are looked into one by one for the steps that they take at least."""

KEPT_WALKS, KEPT_UNIONS, KEPT_BOXES = 1024, 192, 4096
"""Problems' PE tiles that are remembered, by array some kilobytes each; lists of several arrays, some hundreds of
kilobytes each; and lists of boxes of arrays."""

Numbers = tuple[int, ...]

Sides = tuple[tuple[int, int], ...]
"""Rows and columns of arrays."""


@dataclass(frozen=True, slots=True)
class Array:
    """The arrays of some designs.

    Parameters
    ----------
    sides : tuple of (int, int)
        Rows and columns that they have; empty where all within `rows` and `cols` are meant.
    rows, cols : int
        At most.
    most, fewest : int
        PEs.
    """

    sides: Sides
    rows: int
    cols: int
    most: int
    fewest: int

    @classmethod
    def of(cls, corners: Sequence[Architecture], sides: Sides) -> Array:
        """Of designs that have some sides, or, without these, any within those of the corners."""
        own = () if sides else tuple(dict.fromkeys(sides_of(corner) for corner in corners))
        known = sides or (own if len(own) == 1 else ())
        rows, cols = (max(side[axis] for side in known or own) for axis in (0, 1))
        fewest = min(r * c for r, c in known) if known else min(r for r, _ in own) * min(c for _, c in own)
        return cls(known, rows, cols, max(r * c for r, c in known) if known else rows * cols, fewest)

    @classmethod
    def lone(cls, rows: int, cols: int) -> Array:
        """One array."""
        return cls(((rows, cols),), rows, cols, rows * cols, rows * cols)


def sides_of(architecture: Architecture) -> tuple[int, int]:
    """Rows and columns of the array; 1 and 1 without one."""
    node = Roles.of(architecture).array
    array = architecture.hierarchy[node] if node >= 0 else None
    return (array.rows, array.cols) if isinstance(array, FanOut) else (1, 1)


@dataclass(frozen=True, slots=True)
class ArrayTiles:
    """PE tiles on some arrays.

    Parameters
    ----------
    options : Options
        The tiles of all arrays.
    passes, steps : (tiles, arrays) int64 and float
        The fewest that any spread leaves along the dim; 0 where an array has none.
    together : tuple of (float, float)
        By array: the fewest steps of all dims together, and the least product of steps and PEs.
    """

    options: Options
    passes: Any
    steps: Any
    together: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class TileWalk:
    """What decides the PE tiles of a problem beside its array.

    Parameters
    ----------
    bounds, largest : tuple of int
        Per dim.
    rules : tuple of tuple of int
        See `Rules`.
    perfect : bool
    """

    bounds: Numbers
    largest: Numbers
    rules: tuple[Numbers, ...]
    perfect: bool

    @classmethod
    def of(cls, architecture: Architecture, instance: Instance, parts: Sequence[Instance], perfect: bool) -> TileWalk:
        """Of an instance that stands for some others."""
        roles = Roles.of(architecture)
        node = architecture.hierarchy[roles.array] if roles.array >= 0 else None
        assert node is None or isinstance(node, FanOut)
        has_folds = any(bool(part.folds.any()) for part in parts)
        rules = Rules.of(architecture.dataflow.of(instance.bounds), node, has_pe=roles.pe >= 0, has_folds=has_folds)
        sets = tuple(tuple(part.tolist()) for part in rules)
        return cls(tuple(instance.bounds.tolist()), tuple(largest_tile(instance).tolist()), sets, perfect)


@lru_cache(maxsize=KEPT_UNIONS)
def tiles_of(walk: TileWalk, arrays: tuple[Array, ...], macs: float) -> ArrayTiles:
    """The PE tiles of some arrays, or bands of arrays, all with known sides; or of one box of arrays."""
    if len(arrays) == 1 and len(arrays[0].sides) != 1:
        return _of_box(walk, arrays[0], macs)
    known = _known(walk)
    known.learn([array.sides[0] for array in arrays if len(array.sides) == 1])
    columns = [known.column_of(array.sides) for array in arrays]
    passes = np.stack([column[0] for column in columns], axis=1)
    steps = np.stack([column[1] for column in columns], axis=1)
    together = tuple((column[2], max(macs, column[3])) for column in columns)
    return ArrayTiles(known.options, passes, steps, together)


def _of_box(walk: TileWalk, array: Array, macs: float) -> ArrayTiles:
    """The PE tiles that some array of a box may have, with passes and steps below all theirs."""
    options = _any_sides(walk.bounds, walk.largest, walk.rules, array.rows, array.cols, array.most)
    passes, steps = options.tiles[:, FEWEST_PASSES, None], options.tiles[:, FEWEST_STEPS, None]
    together = macs / array.most, macs
    if 0 < len(array.sides) <= FEW_SIDES:
        known = _known(walk)
        known.learn(array.sides)
        steps_of = [(known.columns[pair][2], pair[0] * pair[1]) for pair in array.sides]
        together = min(least for least, _ in steps_of), max(macs, min(least * pes for least, pes in steps_of))
    return ArrayTiles(options, np.ascontiguousarray(passes), np.ascontiguousarray(steps, dtype=float), (together,))


@dataclass(frozen=True, slots=True)
class _Known:
    """All PE tiles of a problem, and for each array asked of so far their passes, steps, and the fewest steps of all
    dims together; for each band of several arrays the least of each, and the least product of steps and PEs."""

    walk: TileWalk
    options: Options
    columns: dict[tuple[int, int], tuple[Any, Any, float]]
    bands: dict[Sides, tuple[Any, Any, float, float]]

    def learn(self, sides: Sequence[tuple[int, int]]) -> None:
        """Work out what is not known of some arrays."""
        new = [pair for pair in dict.fromkeys(sides) if pair not in self.columns]
        if not new:
            return
        for pair, *column, least in zip(new, *self._worked_out(new), strict=True):
            self.columns[pair] = column[0], column[1], least

    def column_of(self, sides: Sides) -> tuple[Any, Any, float, float]:
        """Passes, steps, steps of all dims together, and the least product of these and PEs, on a band of arrays."""
        if len(sides) == 1:
            passes, steps, fastest = self.columns[sides[0]]
            return passes, steps, fastest, fastest * (sides[0][0] * sides[0][1])
        if sides not in self.bands:
            passes, steps, fewest = self._worked_out(sides)
            pes = np.array([rows * cols for rows, cols in sides], dtype=float)
            self.bands[sides] = _least(passes), _least(steps), min(fewest), float((pes * fewest).min())
        return self.bands[sides]

    def _worked_out(self, sides: Sequence[tuple[int, int]]) -> tuple[Any, Any, list[float]]:
        """Passes, steps and steps of all dims together, by array."""
        walk, tiles = self.walk, self.options.tiles
        rules = Rules(*(np.array(part, dtype=np.int64) for part in walk.rules))
        passes, steps = np.zeros((len(sides), len(tiles)), dtype=np.int64), np.zeros((len(sides), len(tiles)))
        fastest = np.full(len(sides), inf)
        compiled(fewest_of_sides)(
            np.array(walk.bounds), np.array(walk.largest), rules, np.array(sides, dtype=np.int64), walk.perfect,
            self.options.tile_start, tiles, passes, steps, fastest,
        )  # fmt: skip
        return passes, steps, fastest.tolist()


def _least(each: Any) -> Any:
    """(arrays, tiles) to (tiles,): the least of each tile, where 0 means that an array has no spread of it."""
    most = each.max(axis=0)
    return np.where(each == 0, most, each).min(axis=0)


@lru_cache(maxsize=KEPT_WALKS)
def _known(walk: TileWalk) -> _Known:
    """All PE tiles of a problem on any array."""
    start, tiles = [0], []
    for d, bound in enumerate(walk.bounds):
        inside_whole, inside = walk.rules[1][d], walk.rules[0][d]
        low, high = bound if inside_whole else 1, bound if inside_whole or inside else 1
        for f in range(low, min(high, walk.largest[d]) + 1):
            number = -(-bound // f)
            if -(-bound // number) == f and not (walk.perfect and bound % f):
                tiles.append((f, number, 0, 0, 0))
        start.append(len(tiles))
    tiles.append((0, 0, 0, 0, 0))
    return _Known(walk, _without_spreads(start, np.array(tiles, dtype=np.int64)), {}, {})


@entry
def fewest_of_sides(
    bounds: Ints, largest: Ints, rules: Rules, sides: Ints, perfect: bool, tile_start: Ints, tiles: Ints, passes: Ints,
    steps: Floats, fastest: Floats,
) -> None:  # fmt: skip
    """The fewest passes and steps that any spread of each PE tile leaves on each of some arrays.

    Parameters
    ----------
    sides : (arrays, 2) int64
        Rows and columns.
    tile_start, tiles
        As in `Options`: all that some array may have.
    passes, steps : (arrays, tiles) int64 and float
        Filled; 0 where an array has none.
    fastest : (arrays,) float
        Filled: the fewest steps of all dims together; left as it is where some dim has no spread.
    """
    for a in range(len(sides)):
        rows, cols = sides[a, 0], sides[a, 1]
        start, listed, unrollings = dim_options(bounds, largest, rules, rows, cols, perfect)
        empty = False
        for d in range(8):
            empty = empty or start[d] == start[d + 1]
            at = tile_start[d]
            for row in range(start[d], start[d + 1]):
                while tiles[at, TILE] != listed[row, TILE]:  # both rise
                    at += 1
                first, last = listed[row, FIRST_UNROLLING], listed[row + 1, FIRST_UNROLLING]
                passes[a, at], steps[a, at] = unrollings[first, PASSES_LEFT], unrollings[first, STEPS_LEFT]
                for i in range(first, last):
                    passes[a, at] = min(passes[a, at], unrollings[i, PASSES_LEFT])
                    steps[a, at] = min(steps[a, at], float(unrollings[i, STEPS_LEFT]))
        if not empty:
            start, listed, unrollings = _best_of_tiles(start, listed, unrollings, rows, cols)
            fastest[a] = fastest_steps(start, listed, unrollings, rows, cols)


def _best_of_tiles(start: Ints, listed: Ints, unrollings: Ints, rows: int, cols: int) -> tuple[Ints, Ints, Ints]:
    """Unrollings as of one tile per dim: those of equal rows and columns once, with the fewest steps of any tile."""
    new_start, new_listed = np.arange(9), np.zeros((9, listed.shape[1]), dtype=np.int64)
    best = np.zeros((len(unrollings), unrollings.shape[1]), dtype=np.int64)
    found = 0
    for d in range(8):
        place = np.full((rows + 1, cols + 1), -1, dtype=np.int64)
        new_listed[d, FIRST_UNROLLING] = found
        for i in range(listed[start[d], FIRST_UNROLLING], listed[start[d + 1], FIRST_UNROLLING]):
            y, x = unrollings[i, ROWS], unrollings[i, COLS]
            if place[y, x] < 0:
                place[y, x] = found
                best[found, ROWS], best[found, COLS], best[found, STEPS_LEFT] = y, x, unrollings[i, STEPS_LEFT]
                found += 1
            else:
                at = place[y, x]
                best[at, STEPS_LEFT] = min(best[at, STEPS_LEFT], unrollings[i, STEPS_LEFT])
    new_listed[8, FIRST_UNROLLING] = found
    return new_start, new_listed, best[:found]


def _without_spreads(start: Any, tiles: Any) -> Options:
    nothing = np.zeros((1, 6), dtype=np.int64)
    return Options(np.array(start, dtype=np.int64), tiles, nothing, np.zeros((1, 2), dtype=np.int64))


@lru_cache(maxsize=KEPT_BOXES)
def _any_sides(bounds: Numbers, largest: Numbers, sets: tuple[Numbers, ...], rows: int, cols: int, pes: int) -> Options:
    """PE tiles that some array of at most so many rows, columns and PEs may have, with passes and steps below all
    theirs."""
    rules = Rules(*(np.array(part, dtype=np.int64) for part in sets))
    start, tiles = [0], []
    for d, bound in enumerate(bounds):
        spread = min(pes, (rows if rules.on_rows[d] else 1) * (cols if rules.on_cols[d] else 1))
        low = bound if rules.inside_whole[d] else 1
        high = bound if rules.inside_whole[d] or rules.inside[d] else 1
        for f in range(low, min(high, largest[d]) + 1):
            number = ceil_div(bound, f)
            if ceil_div(bound, number) == f:
                tiles.append((f, number, 0, ceil_div(number, spread), max(f, ceil_div(bound, spread))))
        start.append(len(tiles))
    tiles.append((0, 0, 0, 0, 0))
    return _without_spreads(start, np.array(tiles, dtype=np.int64))
