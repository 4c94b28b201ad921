"""A lower bound on everything that a layer can cost on a design, or on a box of designs, without a search.

For every PE tile, every operand that may be stationary at the array and every outer point, energy and time are bounded
together, as the search bounds them before it compares with incumbents (`inner.bounds.tile_pruned`,
docs/mapper/flat.md).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import Any

import numpy as np

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut, Level
from dse.mapper.flat.inner.by_array import Arrays, least_of_tiles
from dse.mapper.flat.instance import Instance, Roles
from dse.mapper.flat.outer.points import coarse_room, points_of
from dse.mapper.flat.run import new_configuration
from dse.mapper.flat.solve import instances_of, largest_tile
from dse.mapper.flat.spreads import FEWEST_PASSES, FEWEST_STEPS, TILE, TILES, Options
from dse.mapper.shared.compilation.twins import compiled
from dse.mapper.shared.factors import FIRST_UNROLLING, PASSES_LEFT, STEPS_LEFT, dim_options
from dse.mapper.shared.result import LowerBound
from dse.mapper.shared.rules import Rules
from dse.mapper.shared.space import fastest_steps
from dse.model.price import price
from dse.problem.dims import PSUM
from dse.problem.layer import Layer

LEAST = (
    "up_pj", "fill_pj", "outer_pj", "fixed_pj", "port_up", "port_over", "port_fixed", "port_cost", "folds",
)  # fmt: skip
"""Fields of an instance of which a box takes the least of its corners."""

MOST = ("buffer_bits", "pe_bits", "room", "port_saved")
"""Fields of an instance of which a box takes the most of its corners."""

FEW_SIDES = 4
"""So many pairs of rows and columns are looked into one by one for the steps that they take at least."""

KEPT_OPTIONS = 32768
"""Lists of PE tiles of layers on arrays that are remembered, a few kilobytes each."""

KEPT_UNIONS = 192
"""Lists of PE tiles on several arrays that are remembered, some hundreds of kilobytes each."""

KEY = 2**40
"""Above every PE tile."""

KEPT_BUILT = 8192
"""Layers on designs that are remembered as numbers, a few kilobytes each."""

Sides = tuple[tuple[int, int], ...]
"""Rows and columns of arrays."""


def bound_flat(
    corners: Sequence[Architecture], layer: Layer, cycle_pj: float, factors: str, sides: Sides = ()
) -> LowerBound:
    """Bound a design, or all designs with no more of anything, and no lower price, than some of several.

    Parameters
    ----------
    corners : sequence of Architecture
        They differ in capacities, in the array's sides and in prices only.
    cycle_pj : float
        pJ for each cycle in the weighted sum.
    sides : tuple of (int, int)
        Rows and columns that the designs have; without them, any within those of the corners.

    Notes
    -----
    Several are bounded as one design that has the largest of all capacities, rows and columns, and the least of each
    price. Where the sides differ, a dim that may be unrolled on both is taken to be spread over all PEs at
    once: ceil(X / s) steps and ceil(U / s) passes at least. Whatever a design of the box can do, this one can do for
    no more, because every term of the bound rises with prices, steps and passes, and larger memories only allow more.

    Static and clock power are w + n p on n PEs, so their energy in t steps is w t + p n t. In it n t is at least the
    fewest PEs times t, and at least the work: a MAC takes a PE for a step, and idle PEs are paid for, too.
    """
    (found,) = _bound_arrays(corners, layer, cycle_pj, factors, (_Array.of(corners, sides),)).tolist()
    return LowerBound(*found)


def bound_flat_by_sides(
    corners: Sequence[Architecture], layer: Layer, cycle_pj: float, factors: str, sides: Sides
) -> Any:
    """`bound_flat` for each of some arrays by itself, as (sides, 3): pJ, cycles, and pJ of the weighted sum."""
    return _bound_arrays(corners, layer, cycle_pj, factors, tuple(_Array.of(corners, (pair,)) for pair in sides))


def _bound_arrays(
    corners: Sequence[Architecture], layer: Layer, cycle_pj: float, factors: str, arrays: tuple[_Array, ...]
) -> Any:
    """(arrays, 3): the bounds of each."""
    found = np.full((len(arrays), 3), inf)
    built = [_built(corner, layer) for corner in corners]
    per_step = min(one.per_step for one in built)
    alone_pj, pe_pj = min(one.alone_pj for one in built), min(one.pe_pj for one in built)
    alike = len({one.instances[0].buffer_bits.tobytes() + one.instances[0].access_pj.tobytes() for one in built}) == 1
    config, kernel = new_configuration(), compiled(least_of_tiles)
    # Where several memories are bounded at once, psums in the buffer are taken to be as narrow as finished ones. So the
    # first instances, which forbid nothing, also cover the mappings of those in which only finished psums come there.
    for parts in zip(*(one.instances[: None if alike else one.plain] for one in built), strict=True):
        instance = _relaxed(parts)
        if not alike:
            instance.bits[PSUM] = min(instance.bits[PSUM], layer.finished_bits * layer.grain)
        points, walk = points_of(instance), _Walk.of(corners[0], instance, parts, factors == "perfect")
        options, fewest, steps_work = _of_arrays(walk, arrays, float(instance.macs))
        known = [(array.most, steps, pe_pj * array.fewest, pe_pj * work)
                 for array, (steps, work) in zip(arrays, steps_work, strict=True)]  # fmt: skip
        lots = Arrays(fewest, np.array(known, dtype=float), cycle_pj * per_step, alone_pj)
        kernel(instance, options, lots, points, config, found)
    found[:, 1] *= per_step
    return found


def flat_prices(architecture: Architecture, layer: Layer) -> Any:
    """The fields of `LEAST` for every choice of bypasses, and static energies per step, as one array."""
    built = _built(architecture, layer)
    instances = built.instances[: built.plain]
    rows = [np.ravel(instance[name]) for instance in instances for name in LEAST]
    return np.concatenate([*rows, [built.alone_pj, built.pe_pj]])


@dataclass(frozen=True, slots=True)
class _Array:
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
    def of(cls, corners: Sequence[Architecture], sides: Sides) -> _Array:
        own = tuple(dict.fromkeys(_sides(corner) for corner in corners))
        known = sides or (own if len(own) == 1 else ())
        rows, cols = (max(side[axis] for side in known or own) for axis in (0, 1))
        fewest = min(r * c for r, c in known) if known else min(r for r, _ in own) * min(c for _, c in own)
        return cls(known, rows, cols, max(r * c for r, c in known) if known else rows * cols, fewest)


def _sides(architecture: Architecture) -> tuple[int, int]:
    node = Roles.of(architecture).array
    array = architecture.hierarchy[node] if node >= 0 else None
    return (array.rows, array.cols) if isinstance(array, FanOut) else (1, 1)


@dataclass(frozen=True, slots=True)
class Built:
    """A layer on a design in numbers, for every choice of bypasses; how many of them, the first, forbid nothing; the
    cycles of one compute step; and static and clock energy per step, pJ, of one PE and of all else."""

    architecture: Architecture
    instances: tuple[Instance, ...]
    plain: int
    per_step: float
    alone_pj: float
    pe_pj: float


_BUILT: OrderedDict[tuple[int, Layer], Built] = OrderedDict()


def _built(architecture: Architecture, layer: Layer) -> Built:
    """Gather the numbers, once for an object: a corner is one of many boxes. What is kept keeps the object alive."""
    key = id(architecture), layer
    if key in _BUILT:
        _BUILT.move_to_end(key)
        return _BUILT[key]
    prices = price(architecture, layer)
    _, instances = instances_of(architecture, layer, prices)
    plain = sum(instance.only_finished == 0 for instance in instances)
    share, rows_cols = _power_of_pes(architecture), _sides(architecture)
    pe_pj = prices.static_pj * share / (rows_cols[0] * rows_cols[1])
    alone_pj = prices.static_pj * (1.0 - share)
    _BUILT[key] = Built(architecture, tuple(instances), int(plain), prices.cycles_per_step, alone_pj, pe_pj)
    if len(_BUILT) > KEPT_BUILT:
        _BUILT.popitem(last=False)
    return _BUILT[key]


def _power_of_pes(architecture: Architecture) -> float:
    """The part of static and clock power that all PEs, with what is in them, take together."""
    node = Roles.of(architecture).array
    total_mw = architecture.total_static_power_mw + architecture.total_clock_power_mw
    if node < 0 or total_mw == 0:
        return 0.0
    mac = architecture.mac
    inside_mw = architecture.mac_units * (mac.static_power_mw + mac.clock_power_mw)
    for level in architecture.hierarchy[node:]:
        if isinstance(level, Level):
            inside_mw += architecture.instances(level.name) * (level.static_power_mw + level.clock_power_mw)
    return min(1.0, inside_mw / total_mw)


def _relaxed(parts: Sequence[Instance]) -> Instance:
    """The instance that bounds all between some, but for its array."""
    instance = parts[0].copy()
    for other in parts[1:]:
        for name in LEAST:
            instance[name] = np.minimum(instance[name], other[name])
        for name in MOST:
            instance[name] = np.maximum(instance[name], other[name])
    instance.room = coarse_room(instance.room)
    return instance


Numbers = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Walk:
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
    def of(cls, architecture: Architecture, instance: Instance, parts: Sequence[Instance], perfect: bool) -> _Walk:
        roles = Roles.of(architecture)
        node = architecture.hierarchy[roles.array] if roles.array >= 0 else None
        assert node is None or isinstance(node, FanOut)
        has_folds = any(bool(part.folds.any()) for part in parts)
        rules = Rules.of(architecture.dataflow.of(instance.bounds), node, has_pe=roles.pe >= 0, has_folds=has_folds)
        sets = tuple(tuple(part.tolist()) for part in rules)
        return cls(tuple(instance.bounds.tolist()), tuple(largest_tile(instance).tolist()), sets, perfect)

    def options(self, array: _Array, macs: float) -> tuple[Options, float, float]:
        """PE tiles with the fewest passes and steps that any spread leaves, the fewest steps of all dims together, and
        the least product of steps and PEs."""
        key = self.bounds, self.largest, self.rules
        if len(array.sides) == 1:
            options, steps = _of_sides(*key, array.rows, array.cols, self.perfect)
            return options, steps, max(macs, steps * array.most)
        options = _any_sides(*key, array.rows, array.cols, array.most)
        if not 0 < len(array.sides) <= FEW_SIDES:
            return options, macs / array.most, macs
        steps_of = [(_of_sides(*key, rows, cols, self.perfect)[1], rows * cols) for rows, cols in array.sides]
        return options, min(steps for steps, _ in steps_of), max(macs, min(steps * pes for steps, pes in steps_of))


@lru_cache(maxsize=KEPT_OPTIONS)
def _of_sides(
    bounds: Numbers, largest: Numbers, sets: tuple[Numbers, ...], rows: int, cols: int, perfect: bool
) -> tuple[Options, float]:
    """PE tiles on an array with the fewest passes and steps that any spread leaves; the fewest steps of all dims."""
    rules = Rules(*(np.array(part, dtype=np.int64) for part in sets))
    listed = compiled(dim_options)(np.array(bounds), np.array(largest), rules, rows, cols, perfect)
    start, tiles, unrollings = listed
    if (start[1:] == start[:-1]).any():
        return _without_spreads(start, np.zeros((len(tiles), 5), dtype=np.int64)), inf
    rowwise = np.zeros((len(tiles), 5), dtype=np.int64)
    rowwise[:, [TILE, TILES]] = tiles[:, :FIRST_UNROLLING]
    for column, what in ((FEWEST_PASSES, PASSES_LEFT), (FEWEST_STEPS, STEPS_LEFT)):
        rowwise[:-1, column] = np.minimum.reduceat(unrollings[:, what], tiles[:-1, FIRST_UNROLLING])
    return _without_spreads(start, rowwise), float(compiled(fastest_steps)(*listed, rows, cols))


@lru_cache(maxsize=KEPT_UNIONS)
def _of_arrays(
    walk: _Walk, arrays: tuple[_Array, ...], macs: float
) -> tuple[Options, Any, tuple[tuple[float, float], ...]]:
    """The PE tiles of some arrays as one list; by array their fewest passes and steps; and the fewest steps of all dims
    together and the least product of steps and PEs of each."""
    each = [walk.options(array, macs) for array in arrays]
    options, fewest = _united([options for options, _, _ in each])
    return options, fewest, tuple((steps, work) for _, steps, work in each)


def _united(several: Sequence[Options]) -> tuple[Options, Any]:
    """The PE tiles of some arrays as one list, and by array their fewest passes and steps, 0 where it lacks one."""
    first = several[0]
    if all(np.array_equal(one.tiles[:, : TILES + 1], first.tiles[:, : TILES + 1]) for one in several[1:]):
        return first, np.stack([one.tiles[:, FEWEST_PASSES : FEWEST_STEPS + 1] for one in several])
    dims = [np.repeat(np.arange(8), np.diff(one.tile_start)) for one in several]
    keys = [d * KEY + one.tiles[:-1, TILE] for d, one in zip(dims, several, strict=True)]
    union, places = np.unique(np.concatenate(keys), return_index=True)
    tiles = np.concatenate([one.tiles[:-1] for one in several])[places]
    fewest = np.zeros((len(several), len(union) + 1, 2), dtype=np.int64)
    for row, (key, one) in enumerate(zip(keys, several, strict=True)):
        fewest[row, np.searchsorted(union, key)] = one.tiles[:-1, FEWEST_PASSES : FEWEST_STEPS + 1]
    start = np.searchsorted(union, KEY * np.arange(9))
    return _without_spreads(start, np.concatenate([tiles, np.zeros((1, 5), dtype=np.int64)])), fewest


def _without_spreads(start: Any, tiles: Any) -> Options:
    nothing = np.zeros((1, 6), dtype=np.int64)
    return Options(np.array(start), tiles, nothing, np.zeros((1, 2), dtype=np.int64))


@lru_cache(maxsize=4096)
def _any_sides(
    bounds: Numbers, largest: Numbers, sets: tuple[Numbers, ...], rows: int, cols: int, pes: int
) -> Options:
    """PE tiles that some array of at most so many rows, columns and PEs may have, with passes and steps below all
    theirs."""
    rules = Rules(*(np.array(part, dtype=np.int64) for part in sets))
    start, tiles = [0], []
    for d, bound in enumerate(bounds):
        spread = min(pes, (rows if rules.on_rows[d] else 1) * (cols if rules.on_cols[d] else 1))
        low = bound if rules.inside_whole[d] else 1
        high = bound if rules.inside_whole[d] or rules.inside[d] else 1
        for f in range(low, min(high, largest[d]) + 1):
            number = -(-bound // f)
            if -(-bound // number) == f:
                tiles.append((f, number, 0, -(-number // spread), max(f, -(-bound // spread))))
        start.append(len(tiles))
    tiles.append((0, 0, 0, 0, 0))
    return _without_spreads(start, np.array(tiles, dtype=np.int64))
