"""Timeloop's architectures of v0.2 and v0.3, and what its front end makes of v0.4: trees of local components."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from dse.formats.text.located import DataPath, Source
from dse.formats.tools.timeloop.reading.machine import (
    Machine,
    Mesh,
    Store,
    Where,
    fields_of,
    instances_of,
    items_of,
    mesh_between,
    read_mac,
    read_store,
    technology_of,
    with_values,
)

_RANGE = re.compile(r"(.+?)\[\s*(\d+)\s*\.\.\s*(\d+)\s*\]")


def read_subtree(source: Source, variables: Mapping[str, Any]) -> Machine:
    """The architecture of a file; the last component is the compute unit.

    Examples
    --------
    >>> from dse.formats.text.source import parse_source
    >>> machine = read_subtree(parse_source('''
    ... architecture:
    ...   version: 0.3
    ...   subtree:
    ...   - name: chip
    ...     attributes: {technology: 45nm}
    ...     local: [{name: DRAM, class: DRAM}]
    ...     subtree:
    ...     - name: PE[0..3]
    ...       local: [{name: RF, class: regfile, attributes: {depth: 8, width: 16}}, {name: mac, class: intmac}]
    ... '''), {})
    >>> machine.name, machine.node_nm, [part.name for part in machine.parts]
    ('chip', 45.0, ['DRAM', 'below_DRAM', 'RF'])
    """
    tree = source.data["architecture"]
    found = list(_components(source, ("architecture",), tree, {**variables}, 1))
    if len(found) < 2:
        raise source.error(("architecture",), "an architecture has storage and a compute unit, as local components")
    parts: list[Store | Mesh] = []
    outer, above = (1, 1), ""
    node: float | None = None
    cycle: float | None = None
    for at, (where, name, kind, attributes, around, copies) in enumerate(found):
        inner = instances_of(where, name, attributes, copies)
        mesh = mesh_between(f"below_{above}", above, where, outer, inner) if above else None
        parts += [mesh] if mesh else []
        outer, above = inner, name
        stated = technology_of(attributes)
        node, cycle = node or stated[0], cycle or stated[1]
        if at < len(found) - 1:
            store = read_store(name, where, kind, attributes, around)
            parts.append(replace(store, words=0) if kind == "dummy_storage" else store)  # v0.4's front end makes these
    where, name, kind, attributes, around, _ = found[-1]
    return Machine(_name(tree), tuple(parts), read_mac(name, where, kind, attributes, around), node, cycle)


def _name(tree: Mapping[str, Any]) -> str:
    first: Mapping[str, Any] = next(iter(tree.get("subtree") or []), {})
    return _RANGE.sub(r"\1", str(first.get("name", "timeloop"))).removesuffix("_top_level")


def _components(
    source: Source, path: DataPath, tree: Any, inherited: dict[str, Any], copies: int
) -> Iterator[tuple[Where, str, str, dict[str, Any], dict[str, Any], int]]:
    """Every local component, outermost first: place, name, class, attributes, those around it, and instances."""
    if not isinstance(tree, dict):
        raise source.error(path, "a subtree is a mapping with local and subtree")
    for key in tree:
        if key not in ("version", "name", "attributes", "local", "subtree", "nodes"):
            raise source.error((*path, key), f"{key} has no words here", "name, attributes, local, subtree", key=True)
    own = {**inherited, **fields_of(source, (*path, "attributes"))}
    for key in ("local", "subtree"):
        for at, item in enumerate(items_of(source, (*path, key))):
            here = (*path, key, at)
            name, count = _copies(source, here, item)
            if key == "subtree":
                yield from _components(source, here, item, own, copies * count)
                continue
            kind = str(item.get("class", ""))
            if re.search("wire|network|noc", kind.lower()):
                message = f"{name} is a network, and Timeloop's networks are not read"
                raise source.error(here, message, "leave it out: a transfer is then priced by our tables")
            given = with_values({**own, **fields_of(source, (*here, "attributes"))}, inherited)
            where = Where(source, (*here, "attributes") if item.get("attributes") else here)
            yield where, name, kind, given, own, copies * count


def _copies(source: Source, path: DataPath, item: Any) -> tuple[str, int]:
    """Name and number of `PE[0..15]`."""
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise source.error(path, "a component is a mapping with a name")
    if "." in item["name"].partition("[")[0]:
        hint = "Accelergy flattens architectures; give the file that it read"
        raise source.error((*path, "name"), f"{item['name']} is a path, not a name", hint)
    match = _RANGE.fullmatch(item["name"])
    return (match[1], int(match[3]) - int(match[2]) + 1) if match else (item["name"], 1)
