"""Outer points that a process has worked out: bounds of designs need them, and so do exact searches on the designs."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from dse.mapper.flat.instance import Instance
from dse.mapper.flat.outer.alike import Between, among, cells_of, points_between
from dse.mapper.flat.outer.table import OuterTable, empty_table, with_room, work_out
from dse.mapper.flat.outer.walk import new_outer_tile
from dse.mapper.flat.outer.words import outer_floor
from dse.mapper.shared.compilation.twins import compiled

ROOM_GRAIN, ROOM_FIRST = 8, 2
"""Room in all PEs is rounded up to 2^2, 2^10, 2^18, ... bits: similar designs then share their outer points, and the
arrays of most chips lie between 2^10 and 2^18 bits for ifmaps and psums."""

KEPT_POINTS = 4096
"""Outer points that are remembered, some tens of kilobytes each."""

_POINTS: OrderedDict[OuterKey, OuterTable] = OrderedDict()

KEPT_TOGETHER = 512
"""Outer points worked out for several problems at once that are remembered."""

_TOGETHER: OrderedDict[tuple[OuterKey, ...], tuple[OuterTable, ...]] = OrderedDict()

_NEAR: OrderedDict[OuterKey, OuterTable] = OrderedDict()
"""The same by problem. They may be lower than those of `_POINTS`, so nothing that is not exact may use them."""


def coarse_room(room: Any) -> Any:
    """Room in all PEs, bits per operand, rounded up coarsely: more room only allows more."""
    powers = np.ceil((np.log2(np.maximum(room, 1.0)) - ROOM_FIRST) / ROOM_GRAIN)
    return np.exp2(ROOM_FIRST + ROOM_GRAIN * np.maximum(powers, 0.0))


class OuterKey(NamedTuple):
    """All that the outer table depends on: all but times, and what the outermost ports take, see `times_of`."""

    untimed: bytes
    times: bytes


def outer_key(instance: Instance) -> OuterKey:
    """All that the outer table depends on."""
    return OuterKey(untimed_key(instance), times_of(instance).tobytes())


def untimed_key(instance: Instance, room: Any = None) -> bytes:
    """All that the outer table depends on, but times; with other room in all PEs."""
    in_pe = instance["in_pe"]
    parts = instance["up_pj"] * in_pe, np.where(in_pe == 1, instance["room"] if room is None else room, 0.0)
    return b"".join(part.tobytes() for part in (*(instance[name] for name in OF_OUTER), *parts))


def times_of(instance: Instance) -> Any:
    """What the outermost ports take per word that crosses, and per word that the array is delivered; and besides."""
    ports = np.flatnonzero(instance["port_outer"][: instance["ports"]])
    over, up = instance["port_over"][ports], instance["port_up"][ports] * instance["in_pe"]
    return np.concatenate([over.ravel(), up.ravel(), instance["port_fixed"][ports]])


OF_OUTER = ("bounds", "window", "words", "bits", "in_buffer", "in_pe", "outer_pj", "port_outer", "buffer_bits")
"""Fields of an instance that the outer table depends on. By name, as attributes of a record are slow to look up."""


def points_of(instance: Instance) -> OuterTable:
    """The outer table of an instance, cut down to its floor and its points."""
    key = outer_key(instance)
    if key in _POINTS:
        _POINTS.move_to_end(key)
        return _POINTS[key]
    table = with_room(empty_table(instance.bounds, instance.port_outer[: instance.ports]), instance.bounds)
    compiled(work_out)(instance, table, new_outer_tile())
    _keep(_POINTS, key, _cut_down(table), KEPT_POINTS)
    return _POINTS[key]


def points_of_all(instances: Sequence[Instance]) -> tuple[OuterTable, ...]:
    """`points_of` each of some instances: of those that differ in prices alone by one walk, and hardly lower then."""
    if len(instances) == 1:
        return (points_of(instances[0]),)
    keys = tuple(map(outer_key, instances))
    if keys not in _TOGETHER:
        between = among(instances)
        tables = tuple(map(points_of, instances)) if between is None else _between(instances, between)
        _keep(_TOGETHER, keys, tables, KEPT_TOGETHER)
        for key, table in zip(keys, tables, strict=True):
            _keep(_NEAR, key, table, KEPT_POINTS)
    return _TOGETHER[keys]


def _between(instances: Sequence[Instance], between: Between) -> tuple[OuterTable, ...]:
    """The tables of some instances from what outer tiles cost at the ends of their prices."""
    low, high = instances[between.low], instances[between.high]
    floor_low, floor_high = compiled(outer_floor)(low), compiled(outer_floor)(high)
    table = with_room(empty_table(low.bounds, low.port_outer[: low.ports], floor_low), low.bounds)
    cells = np.full((6, table.points.shape[1] // 2, 3), np.inf)
    compiled(cells_of)(low, high, new_outer_tile(), table, cells)
    found = []
    for instance, part, factor in zip(instances, between.parts, between.factors, strict=True):
        least_pj = (1.0 - part) * floor_low[:, 0] + part * floor_high[:, 0]
        own = table._replace(floor=np.stack([least_pj, factor * floor_low[:, 1]], axis=1), count=table.count.copy())
        compiled(points_between)(instance, own, cells, part, factor)
        found.append(_cut_down(own))
    return tuple(found)


def _cut_down(table: OuterTable) -> OuterTable:
    """A table with room for the points that there are, and nothing else."""
    points = np.array(table.points[:, : max(1, int(table.count.max()))])
    return table._replace(least=np.zeros((6, 1, 1, 1, 1)), points=points)


def _keep(kept: OrderedDict[Any, Any], key: Any, value: Any, most: int) -> None:
    kept[key] = value
    if len(kept) > most:
        kept.popitem(last=False)


def known_points(instance: Instance) -> OuterTable | None:
    """`points_of` an instance with more room in its PEs, which are sound for it, too; None unless they are known."""
    if not (_POINTS or _NEAR):
        return None
    key = OuterKey(untimed_key(instance, coarse_room(instance["room"])), times_of(instance).tobytes())
    return _POINTS.get(key) or _NEAR.get(key)


def learn_points(instance: Instance) -> None:
    """Work out the points that `known_points` then knows."""
    coarse = _coarse(instance)
    if outer_key(coarse) not in _NEAR:
        points_of(coarse)


def _coarse(instance: Instance) -> Instance:
    coarse = instance.copy()
    coarse.room = coarse_room(instance.room)
    return coarse
