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
from dse.architecture.hierarchy import FanOut
from dse.mapper.flat.inner.bounds import least_of_tiles
from dse.mapper.flat.instance import Instance, Roles
from dse.mapper.flat.outer.table import OuterTable, empty_table, work_out
from dse.mapper.flat.outer.words import outer_floor
from dse.mapper.flat.run import new_configuration
from dse.mapper.flat.solve import instances_of, largest_tile, options_of, outer_key
from dse.mapper.flat.spreads import Options
from dse.mapper.shared.compilation import compiled
from dse.mapper.shared.result import LowerBound
from dse.mapper.shared.rules import Rules
from dse.model.price import price
from dse.problem.dims import PSUM
from dse.problem.layer import Layer

LEAST = (
    "up_pj", "fill_pj", "outer_pj", "fixed_pj", "static_pj", "port_up", "port_over", "port_fixed", "port_cost", "folds",
)  # fmt: skip
"""Fields of an instance of which a box takes the least of its corners."""

MOST = ("buffer_bits", "pe_bits", "room", "pes", "rows", "cols", "port_saved")
"""Fields of an instance of which a box takes the most of its corners."""

ROOM_GRAIN = 8
"""Powers of two to which the room in all PEs is rounded up: similar designs then share their outer points."""

KEPT_BUILT = 8192
"""Layers on designs that are remembered as numbers, a few kilobytes each."""

KEPT_POINTS = 4096
"""Outer points that are remembered, some tens of kilobytes each."""


def bound_flat(corners: Sequence[Architecture], layer: Layer, cycle_pj: float, factors: str) -> LowerBound:
    """Bound a design, or all designs with no more of anything, and no lower price, than some of several.

    Parameters
    ----------
    corners : sequence of Architecture
        They differ in capacities, in the array's sides and in prices only.
    cycle_pj : float
        pJ for each cycle in the weighted sum.

    Notes
    -----
    Several are bounded as one design that has the largest of all capacities, rows and columns, and the least of each
    price. Where the sides differ, a dim that may be unrolled on both is taken to be spread over all PEs at
    once: ceil(X / s) steps and ceil(U / s) passes at least. Whatever a design of the box can do, this one can do for
    no more, because every term of the bound rises with prices, steps and passes, and larger memories only allow more.
    """
    found = np.full(3, inf)
    built = [_built(corner, layer) for corner in corners]
    per_step = min(one.per_step for one in built)
    # Where several are bounded at once, psums in the buffer are taken to be as narrow as finished ones. So the first
    # instances, which forbid nothing, also cover the mappings of those in which only finished psums come there.
    for parts in zip(*(one.instances[: None if len(built) == 1 else one.plain] for one in built), strict=True):
        instance = _relaxed(parts)
        if len(built) > 1:
            instance.bits[PSUM] = min(instance.bits[PSUM], layer.finished_bits * layer.grain)
        options, fastest = _options(corners[0], instance, parts, factors == "perfect")
        compiled(least_of_tiles)(
            instance, options, _points(instance), new_configuration(), fastest, cycle_pj * per_step, found
        )
    energy_pj, steps, weighted_pj = found.tolist()
    return LowerBound(energy_pj, steps * per_step, weighted_pj)


def flat_prices(architecture: Architecture, layer: Layer) -> Any:
    """The fields of `LEAST` for every choice of bypasses, as one array."""
    built = _built(architecture, layer)
    instances = built.instances[: built.plain]
    return np.concatenate([np.ravel(instance[name]) for instance in instances for name in LEAST])


@dataclass(frozen=True, slots=True)
class Built:
    """A layer on a design in numbers, for every choice of bypasses; how many of them, the first, forbid nothing; and
    the cycles of one compute step."""

    architecture: Architecture
    instances: tuple[Instance, ...]
    plain: int
    per_step: float


_BUILT: OrderedDict[tuple[int, Layer], Built] = OrderedDict()


def _built(architecture: Architecture, layer: Layer) -> Built:
    """Gather the numbers, once for an object: a corner is one of many boxes. What is kept keeps the object alive."""
    key = id(architecture), layer
    if key in _BUILT:
        _BUILT.move_to_end(key)
        return _BUILT[key]
    _, instances = instances_of(architecture, layer)
    plain = sum(instance.only_finished == 0 for instance in instances)
    per_step = price(architecture, layer).cycles_per_step
    _BUILT[key] = Built(architecture, tuple(instances), int(plain), per_step)
    if len(_BUILT) > KEPT_BUILT:
        _BUILT.popitem(last=False)
    return _BUILT[key]


def _relaxed(parts: Sequence[Instance]) -> Instance:
    """The instance that bounds all between some."""
    instance = parts[0].copy()
    for other in parts[1:]:
        for name in LEAST:
            instance[name] = np.minimum(instance[name], other[name])
        for name in MOST:
            instance[name] = np.maximum(instance[name], other[name])
    instance.room = np.exp2(ROOM_GRAIN * np.ceil(np.log2(np.maximum(instance.room, 1.0)) / ROOM_GRAIN))
    return instance


def _options(
    architecture: Architecture, instance: Instance, parts: Sequence[Instance], perfect: bool
) -> tuple[Options, float]:
    """PE tiles with the fewest passes and steps that any spread leaves, and the fewest steps of all dims together."""
    roles = Roles.of(architecture)
    array = architecture.hierarchy[roles.array] if roles.array >= 0 else None
    assert array is None or isinstance(array, FanOut)
    has_folds = any(bool(part.folds.any()) for part in parts)
    rules = Rules.of(architecture.dataflow.of(instance.bounds), array, has_pe=roles.pe >= 0, has_folds=has_folds)
    if all((part.rows, part.cols) == (instance.rows, instance.cols) for part in parts):
        options, _, fastest = options_of(instance, rules, perfect, roles)
        return options, fastest
    bounds, largest = tuple(instance.bounds.tolist()), tuple(largest_tile(instance).tolist())
    sets = tuple(tuple(part.tolist()) for part in rules)
    options = _any_sides(bounds, largest, sets, int(instance.rows), int(instance.cols))
    return options, float(instance.macs) / float(instance.pes)


@lru_cache(maxsize=4096)
def _any_sides(
    bounds: tuple[int, ...], largest: tuple[int, ...], sets: tuple[tuple[int, ...], ...], rows: int, cols: int
) -> Options:
    """PE tiles that some array of at most so many rows and columns may have, with passes and steps below all theirs."""
    rules = Rules(*(np.array(part, dtype=np.int64) for part in sets))
    start, tiles = [0], []
    for d, bound in enumerate(bounds):
        spread = (rows if rules.on_rows[d] else 1) * (cols if rules.on_cols[d] else 1)
        low = bound if rules.inside_whole[d] else 1
        high = bound if rules.inside_whole[d] or rules.inside[d] else 1
        for f in range(low, min(high, largest[d]) + 1):
            number = -(-bound // f)
            if -(-bound // number) == f:
                tiles.append((f, number, 0, -(-number // spread), max(f, -(-bound // spread))))
        start.append(len(tiles))
    tiles.append((0, 0, 0, 0, 0))
    nothing = np.zeros((1, 6), dtype=np.int64)
    return Options(np.array(start), np.array(tiles, dtype=np.int64), nothing, np.zeros((1, 2), dtype=np.int64))


_POINTS: OrderedDict[bytes, OuterTable] = OrderedDict()


def _points(instance: Instance) -> OuterTable:
    """The outer table of an instance, cut down to its floor and its points."""
    key = outer_key(instance)
    if key in _POINTS:
        _POINTS.move_to_end(key)
        return _POINTS[key]
    floor = compiled(outer_floor)(instance)
    table = empty_table(instance.bounds, instance.port_outer[: instance.ports], floor)
    compiled(work_out)(instance, table)
    points = np.ascontiguousarray(table.points[:, : max(1, int(table.count.max()))])
    _POINTS[key] = table._replace(least=np.zeros((6, 1, 1, 1, 1)), points=points)
    if len(_POINTS) > KEPT_POINTS:
        _POINTS.popitem(last=False)
    return _POINTS[key]
