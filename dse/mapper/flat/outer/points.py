"""Outer points that a process has worked out: bounds of designs need them, and so do exact searches on the designs."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np

from dse.mapper.flat.instance import Instance
from dse.mapper.flat.outer.table import OuterTable, empty_table, work_out
from dse.mapper.flat.outer.words import outer_floor
from dse.mapper.shared.compilation.twins import compiled

ROOM_GRAIN, ROOM_FIRST = 8, 2
"""Room in all PEs is rounded up to 2^2, 2^10, 2^18, ... bits: similar designs then share their outer points, and the
arrays of most chips lie between 2^10 and 2^18 bits for ifmaps and psums."""

KEPT_POINTS = 4096
"""Outer points that are remembered, some tens of kilobytes each."""

_POINTS: OrderedDict[bytes, OuterTable] = OrderedDict()


def coarse_room(room: Any) -> Any:
    """Room in all PEs, bits per operand, rounded up coarsely: more room only allows more."""
    powers = np.ceil((np.log2(np.maximum(room, 1.0)) - ROOM_FIRST) / ROOM_GRAIN)
    return np.exp2(ROOM_FIRST + ROOM_GRAIN * np.maximum(powers, 0.0))


def outer_key(instance: Instance) -> bytes:
    """All that the outer table depends on."""
    parts = (
        instance.bounds, instance.window, instance.words, instance.bits, instance.in_buffer, instance.in_pe,
        instance.up_pj * instance.in_pe, instance.outer_pj, instance.port_outer, instance.port_over,
        instance.port_fixed, instance.buffer_bits, np.where(instance.in_pe == 1, instance.room, 0.0),
        instance.port_up * instance.in_pe * instance.port_outer[:, None],
    )  # fmt: skip
    return b"".join(part.tobytes() for part in parts)


def points_of(instance: Instance) -> OuterTable:
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


def known_points(instance: Instance) -> OuterTable | None:
    """`points_of` an instance with more room in its PEs, which are sound for it, too; None unless they are known."""
    return _POINTS.get(outer_key(_coarse(instance)))


def learn_points(instance: Instance) -> None:
    """Work out the points that `known_points` then knows."""
    points_of(_coarse(instance))


def _coarse(instance: Instance) -> Instance:
    coarse = instance.copy()
    coarse.room = coarse_room(instance.room)
    return coarse
