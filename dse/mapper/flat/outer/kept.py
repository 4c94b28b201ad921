"""Outer tables that a process keeps: none changes with the array, the dataflow or a PE's inside but its size."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple, TypeVar

import numpy as np

from dse.mapper.flat.instance import Instance
from dse.mapper.flat.outer.points import OuterKey, known_points, outer_key, times_of
from dse.mapper.flat.outer.table import BUSY, OuterTable, empty_table, entries_of, with_room, work_out
from dse.mapper.flat.outer.walk import new_outer_tile
from dse.mapper.flat.outer.words import outer_floor
from dse.mapper.shared.compilation.twins import compiled

AIDED = 6
"""How much longer a search may be before it works out a table, when it has the table's points already."""

SMALL = 8192
"""Entries of an outer table up to which it is worked out before the search: that takes little longer than the floor
alone, and half of such searches would soon ask for it."""

KEPT_TABLES, KEPT_LONG = 128, 4096
"""Problems whose outer table is kept, up to a few megabytes each; and those of which it is known that a search has
worked out a table."""

ROUNDING = 1e-12
"""Larger than the relative rounding of a sum of times."""

OF_LONG = ("bounds", "window", "bits", "in_buffer", "in_pe", "stationary")
"""Fields of an instance that decide, more than others, how long a search takes."""


class Timed(NamedTuple):
    """A table that is worked out, and what the outermost ports take per word in its problem, see `times_of`."""

    times: Any
    table: OuterTable


KEPT_FLOORS = 4096
"""Floors that are kept, half a kilobyte each."""

_FLOORS: OrderedDict[OuterKey, Any] = OrderedDict()
_TABLES: OrderedDict[OuterKey, OuterTable] = OrderedDict()
"""Those that are worked out."""

_TIMED: OrderedDict[bytes, Timed] = OrderedDict()
"""By all but times, the last of each."""

_LONG: OrderedDict[bytes, bool] = OrderedDict()


def outer_table(instance: Instance, *, exact: bool = False) -> OuterTable:
    """The outer table of a problem as far as it is known, with its floor at least.

    Parameters
    ----------
    instance : Instance
    exact : bool
        What is known of other problems may help, as the answer that is sought does not change with what is known. Else
        what is given depends on the problem alone: its own table where that is small, or its floor.

    Notes
    -----
    If `exact`, the table of a problem that differs in the rate of its outermost ports alone serves with other times.
    Where a like problem's search took long, the table is worked out at once. And points that bounds of designs needed
    are put in.
    """
    key = outer_key(instance)
    if exact:
        if (table := _TABLES.get(key)) is not None:
            _TABLES.move_to_end(key)
            return table
        if (timed := _timed_anew(instance, key)) is not None:
            return timed  # not kept: its times are rounded, and other searches ask for what is kept
    if entries_of(instance["bounds"]) <= SMALL:
        return _worked_out(instance, key)
    if exact:
        if (long := long_key(instance)) in _LONG:
            _LONG.move_to_end(long)
            return _worked_out(instance, key)
        if (known := known_points(instance)) is not None:
            return known._replace(worth=AIDED * known.worth)
    floor = _FLOORS.get(key)
    if floor is None:
        floor = _keep(_FLOORS, key, compiled(outer_floor)(instance), KEPT_FLOORS)
    return empty_table(instance["bounds"], instance["port_outer"][: instance["ports"]], floor)


def whole_table(instance: Instance) -> OuterTable:
    """The outer table with all its entries, from now on known as that of a long search."""
    _keep(_LONG, long_key(instance), True, KEPT_LONG)
    return _worked_out(instance, outer_key(instance))


def _worked_out(instance: Instance, key: OuterKey) -> OuterTable:
    table = _TABLES.get(key)
    if table is None:
        bounds = instance["bounds"]
        table = with_room(empty_table(bounds, instance["port_outer"][: instance["ports"]]), bounds)
        compiled(work_out)(instance, table, new_outer_tile())
        points = table.points[:, : max(1, int(table.count.max()))].copy()  # of the room for them, a tenth is used
        table = table._replace(points=points)
        _keep(_TIMED, key.untimed, Timed(times_of(instance), table), KEPT_TABLES)
    return _keep(_TABLES, key, table, KEPT_TABLES)


def long_key(instance: Instance) -> bytes:
    """Equal for problems of which all have long searches, or none, as a rule."""
    return b"".join(instance[name].tobytes() for name in OF_LONG)


def _timed_anew(instance: Instance, key: OuterKey) -> OuterTable | None:
    """The table of a problem that differs in the times of the outermost ports by one factor; None without such."""
    known = _TIMED.get(key.untimed)
    factor = None if known is None else factor_between(known.times, times_of(instance))
    if known is None or factor is None:
        return None
    table, less = known.table, factor * (1.0 - ROUNDING)
    least, floor = table.least.copy(), table.floor.copy()
    points = table.points[:, : max(1, int(table.count.max()))].copy()
    least[:, 1:] *= less
    points[:, :, BUSY] *= less
    floor[:, 1] *= less
    return table._replace(least=least, points=points, floor=floor)


def factor_between(before: Any, after: Any) -> float | None:
    """How many times as much all of some numbers have become; None where there is no such factor.

    Examples
    --------
    >>> factor_between(np.array([2.0, 0.0, -4.0]), np.array([1.0, 0.0, -2.0]))
    0.5
    >>> factor_between(np.array([2.0, 1.0]), np.array([1.0, 1.0])) is None
    True
    """
    if not before.any():
        return None if after.any() else 1.0
    widest = int(np.argmax(np.abs(before)))
    factor = float(after[widest] / before[widest])
    return factor if factor > 0.0 and np.allclose(after, factor * before, rtol=ROUNDING, atol=0.0) else None


Key = TypeVar("Key")
Value = TypeVar("Value")


def _keep(kept: OrderedDict[Key, Value], key: Key, value: Value, most: int) -> Value:
    """Keep a value by a key, as the last one; what was kept longest ago is given up."""
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > most:
        kept.popitem(last=False)
    return value
