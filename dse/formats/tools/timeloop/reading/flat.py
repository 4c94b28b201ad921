"""Timeloop's flat architectures, of v0.1 and of CoSA: a list of storage levels, innermost first."""

from __future__ import annotations

from typing import Any

from dse.formats.text.located import Source
from dse.formats.tools.timeloop.reading.machine import (
    Machine,
    Mesh,
    Store,
    Where,
    instances_of,
    mesh_between,
    plain_keys,
    read_mac,
    read_store,
    technology_of,
)


def read_flat(source: Source, key: str) -> Machine:
    """The architecture under a key of a file.

    Examples
    --------
    >>> from dse.formats.text.source import parse_source
    >>> storage = "[{name: Buffer, entries: 64}, {name: DRAM, technology: DRAM}]"
    >>> machine = read_flat(parse_source(f"arch: {{arithmetic: {{instances: 4}}, storage: {storage}}}"), "arch")
    >>> [part.name for part in machine.parts], machine.parts[-1].x
    (['DRAM', 'Buffer', 'below_Buffer'], 4)
    """
    given = plain_keys(source.data[key])
    here = Where(source, (key,))
    for name in given:
        if name not in ("arithmetic", "storage", "version", "name", "global_cycle_seconds"):
            hint = "a flat architecture has arithmetic and storage"
            raise here.error(f"{name} has no words here", hint, name, key=True)
    storage = given.get("storage")
    if not isinstance(storage, list) or not storage or not isinstance(given.get("arithmetic"), dict):
        raise here.error("a flat architecture has arithmetic, a mapping, and storage, a list of levels", None, key=True)
    parts: list[Store | Mesh] = []
    outer, above = (1, 1), ""
    for at in reversed(range(len(storage))):
        where = Where(source, (key, "storage", at))
        level, name = _level(where, storage[at])
        mesh = _instances(where, name, level, outer, above)
        outer = mesh[1]
        parts += [*([mesh[0]] if mesh[0] else []), read_store(name, where, str(level.get("class", "")), level)]
        above = name
    where = Where(source, (key, "arithmetic"))
    unit = given["arithmetic"]
    mesh = _instances(where, "arithmetic", unit, outer, above)
    mac = read_mac(str(unit.get("name", "MAC")), where, str(unit.get("class", "")), unit)
    return Machine("flat", (*parts, *([mesh[0]] if mesh[0] else [])), mac, cycle_s=technology_of(given)[1])


def _level(where: Where, given: Any) -> tuple[dict[Any, Any], str]:
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        raise where.error("a storage level is a mapping with a name")
    return given, given["name"]


def _instances(
    where: Where, name: str, given: dict[Any, Any], outer: tuple[int, int], above: str
) -> tuple[Mesh | None, tuple[int, int]]:
    """The mesh above a level, if any, and the level's columns and rows."""
    inner = instances_of(where, name, given, 1)
    return (mesh_between(f"below_{above}", above, where, outer, inner) if above else None), inner
