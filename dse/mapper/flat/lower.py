"""A lower bound on everything that a layer can cost on a design, or on a box of designs, without a search.

For every PE tile, every operand that may be stationary at the array and every outer point, energy and time are bounded
together, as the search bounds them before it compares with incumbents (`inner.bounds.tile_pruned`,
docs/mapper/flat.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import Level
from dse.architecture.remembered import Remembered
from dse.errors import DseError
from dse.mapper.flat.array.tiles import Array, Sides, TileWalk, sides_of, tiles_of
from dse.mapper.flat.gather import instances_of
from dse.mapper.flat.inner.by_array import Arrays, Outside, least_of_tiles
from dse.mapper.flat.instance import INSTANCE, Instance, Roles, record_type
from dse.mapper.flat.outer.points import coarse_room, points_of_all
from dse.mapper.flat.reprice import COSTS
from dse.mapper.flat.run import new_configuration
from dse.mapper.shared.compilation.twins import compiled
from dse.mapper.shared.result import LowerBound
from dse.model.price import price
from dse.problem.dims import PSUM
from dse.problem.layer import Layer

LEAST = (
    "up_pj", "fill_pj", "outer_pj", "fixed_pj", "port_up", "port_over", "port_fixed", "port_cost", "folds",
)  # fmt: skip
"""Fields of an instance of which a box takes the least of its corners."""

MOST = ("buffer_bits", "pe_bits", "room", "port_saved")
"""Fields of an instance of which a box takes the most of its corners. A new field that a bound reads belongs here or
to `LEAST`; `static_pj` is looked after apart."""

LAYOUT = tuple(name for name in INSTANCE.names or () if name not in COSTS)
"""Fields of an instance that decide which mappings there are."""

KEPT_BUILT = 8192
"""Layers on designs that are remembered as numbers, a few kilobytes each."""


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
    ((found,),) = _bound_arrays([corners], layer, [cycle_pj], factors, (Array.of(corners, sides),)).tolist()
    return LowerBound(*found)


def bound_flat_in_bands(
    corners: Sequence[Architecture], layer: Layer, cycle_pj: float, factors: str, bands: Sequence[Sides]
) -> Any:
    """`bound_flat` for each of some bands of arrays, as (bands, 3): pJ, cycles, and pJ of the weighted sum.

    Notes
    -----
    A PE tile's passes and steps are the fewest that any array of the band has, dim by dim, and so are the steps of all
    dims together. The PEs whose power counts are the fewest of the band, as in `bound_flat`.
    """
    arrays = tuple(Array.of(corners, band) for band in bands)
    return _bound_arrays([corners], layer, [cycle_pj], factors, arrays)[0]


def bound_flat_alike(
    architectures: Sequence[Architecture], layer: Layer, cycle_pj: Sequence[float], factors: str, sides: Sides
) -> Any:
    """`bound_flat_in_bands` of designs that differ in prices alone, as (designs, sides, 3).

    Notes
    -----
    They have the same PE tiles, passes and steps, which are gone through once. Outer points of all come from one walk
    over outer tiles, see `dse.mapper.flat.outer.alike`: bounds of designs between the cheapest and the dearest are a
    little lower than each alone would have.
    """
    own = [(one.dataflow, [array.dims for array in one.fan_outs], _layout(_built(one, layer))) for one in architectures]
    if any(other != own[0] for other in own[1:]):
        raise DseError("designs that are bounded together differ in more than prices")
    arrays = tuple(Array.lone(rows, cols) for rows, cols in sides)
    return _bound_arrays([[one] for one in architectures], layer, cycle_pj, factors, arrays)


def _bound_arrays(
    boxes: Sequence[Sequence[Architecture]], layer: Layer, cycle_pj: Sequence[float], factors: str,
    arrays: tuple[Array, ...],
) -> Any:  # fmt: skip
    """(boxes, arrays, 3): the bounds of boxes, each given by its corners. Several differ in prices alone, and have one
    corner each."""
    found = np.full((len(boxes), len(arrays), 3), inf)
    each = [[_built(corner, layer) for corner in corners] for corners in boxes]
    rest = np.array([
        [min(one.per_step for one in built), min(one.alone_pj for one in built), min(one.pe_pj for one in built)]
        for built in each
    ])  # fmt: skip
    per_step, alone_pj, pe_pj = np.ascontiguousarray(rest.T)
    alike = all(_memories_alike(built) for built in each)
    # Where several memories are bounded at once, psums in the buffer are taken to be as narrow as finished ones. So the
    # first instances, which forbid nothing, also cover the mappings of those in which only finished psums come there.
    count = len(each[0][0].instances) if alike else min(one.plain for one in each[0])
    for i in range(count):
        instances = [_relaxed([one.instances[i] for one in built]) for built in each]
        if not alike:
            instances[0].bits[PSUM] = min(instances[0].bits[PSUM], layer.finished_bits * layer.grain)
        parts = [one.instances[i] for one in each[0]]
        walk = TileWalk.of(boxes[0][0], instances[0], parts, factors == "perfect")
        tiles = tiles_of(walk, arrays, float(instances[0].macs))
        known = [
            [(array.most, steps, pe * array.fewest, pe * work)
             for array, (steps, work) in zip(arrays, tiles.together, strict=True)]
            for pe in pe_pj.tolist()
        ]  # fmt: skip
        weights = np.asarray(cycle_pj, dtype=float) * per_step
        lots = Arrays(tiles.passes, tiles.steps, np.array(known, dtype=float), weights, alone_pj)
        outside, rows = Outside.of(points_of_all(instances)), _rows(instances)
        compiled(least_of_tiles)(rows, tiles.options, lots, outside, new_configuration(), found)
    found[:, :, 1] *= per_step[:, None]
    return found


def _layout(built: Built) -> list[bytes]:
    """What of a layer on a design is no price."""
    return [np.asarray(instance[name]).tobytes() for instance in built.instances for name in LAYOUT]


def _rows(instances: Sequence[Instance]) -> Any:
    """Instances one after the other."""
    rows = np.zeros(len(instances), dtype=record_type(INSTANCE)).view(np.recarray)
    for at, instance in enumerate(instances):
        rows[at] = instance
    return rows


def _memories_alike(built: Sequence[Built]) -> bool:
    """Whether the corners of a box have the same buffer at the same prices."""
    return len({one.instances[0].buffer_bits.tobytes() + one.instances[0].access_pj.tobytes() for one in built}) == 1


def flat_prices(architecture: Architecture, layer: Layer) -> Any:
    """The fields of `LEAST` for every choice of bypasses, and static energies per step, as one array."""
    built = _built(architecture, layer)
    instances = built.instances[: built.plain]
    rows = [np.ravel(instance[name]) for instance in instances for name in LEAST]
    return np.concatenate([*rows, [built.alone_pj, built.pe_pj]])


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


def _built(architecture: Architecture, layer: Layer) -> Built:
    """Gather the numbers, once for an object: a corner is one of many boxes."""
    return _BUILT.of(architecture, layer, lambda: _build(architecture, layer))


_BUILT: Remembered[Built] = Remembered(KEPT_BUILT)


def _build(architecture: Architecture, layer: Layer) -> Built:
    prices = price(architecture, layer)
    _, instances = instances_of(architecture, layer, prices)
    plain = sum(instance.only_finished == 0 for instance in instances)
    share, rows_cols = _power_of_pes(architecture), sides_of(architecture)
    pe_pj = prices.static_pj * share / (rows_cols[0] * rows_cols[1])
    alone_pj = prices.static_pj * (1.0 - share)
    return Built(architecture, tuple(instances), int(plain), prices.cycles_per_step, alone_pj, pe_pj)


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
