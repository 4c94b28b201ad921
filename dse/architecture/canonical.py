"""What of an architecture affects a result, as plain data: the part of an identity that stands for the machine."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

from dse.architecture.architecture import Architecture
from dse.architecture.dataflow import Dataflow
from dse.architecture.hierarchy import FanOut

OF_HOMES = frozenset(("on_chip", "joins", "only_finished"))
"""Fields of levels and ports that change nothing of a layer whose tensors are all in the outermost level."""

ORDINARY = (("placement", "together"), ("part_of", ""), ("is_register", False))
"""Fields of levels that stand for nothing with these values."""


def canonical(architecture: Architecture) -> dict[str, Any]:
    """Everything in an architecture that can affect a result, as plain data for hashing.

    Names of the architecture and of its dataflow are left out: they change no number.

    Examples
    --------
    >>> import dse
    >>> plain = canonical(dse.load_architecture("eyeriss"))
    >>> plain["clock_hz"], plain["hierarchy"][1]["name"], "name" in plain
    (200000000.0, 'GLB', False)
    """
    nodes = []
    for node in architecture.hierarchy:
        kind = "fan-out" if isinstance(node, FanOut) else "level"
        nodes.append({"kind": kind, **_hashable(node)})
    dataflow = {item.name: _hashable(getattr(architecture.dataflow, item.name)) for item in fields(Dataflow)}
    del dataflow["name"], dataflow["description"]
    return {
        "hierarchy": nodes,
        "mac": {item.name: _hashable(value) for item in fields(architecture.mac)
                if (value := getattr(architecture.mac, item.name)) is not None},
        "clock_hz": architecture.clock_hz,
        "dataflow": dataflow,
        "lower": architecture.lower,
        "static_power_mw": architecture.static_power_mw,
        "clock_power_mw": architecture.clock_power_mw,
        "other_area_mm2": architecture.other_area_mm2,
        **{name: sorted(kept) for name in ("packed", "fuses") if (kept := getattr(architecture, name))},
        **({"precision": dict(architecture.precision)} if architecture.precision else {}),
    }


def _hashable(value: Any) -> Any:
    """Plain data with a fixed order."""
    kind: Any = type(value)  # mypy does not take classes for hashable
    if kind in _PLAIN:
        return value
    if isinstance(value, frozenset | tuple):
        items = [_hashable(item) for item in value]
        return sorted(items) if isinstance(value, frozenset) else items
    if (names := _fields_of(kind)) is not None:
        given = {name: getattr(value, name) for name in names}
        return {name: _hashable(x) for name, x in given.items() if (name, x) not in ORDINARY}
    return value


_PLAIN = frozenset((bool, float, int, str, type(None)))


@cache
def _fields_of(kind: Any) -> tuple[str, ...] | None:
    """The fields that may change a result, of a class that has any."""
    return tuple(x.name for x in fields(kind) if x.name not in OF_HOMES) if is_dataclass(kind) else None
