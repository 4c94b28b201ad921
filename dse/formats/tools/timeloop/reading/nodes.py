"""Timeloop's architectures of v0.4: nodes, outermost first, in which a container holds all that follows it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dse.formats.text.located import DataPath, Source
from dse.formats.tools.timeloop.reading.machine import (
    Mac,
    Machine,
    Mesh,
    Store,
    Where,
    fields_of,
    in_group,
    read_mac,
    read_store,
    technology_of,
    with_values,
)

TAGS = frozenset(f"!{name}" for name in ("Container", "Component", "Parallel", "Hierarchical", "Nothing"))
"""Of nodes; `load_source` is told to take them."""

_KEYS = {
    "Container": ("name", "attributes", "spatial", "constraints"),
    "Component": ("name", "class", "subclass", "attributes", "constraints", "spatial", "enabled", "required_actions"),
    "Parallel": ("nodes",),
    "Hierarchical": ("nodes",),
    "Nothing": ("constraints", "name"),
}


def read_nodes(source: Source, variables: Mapping[str, Any]) -> Machine:
    """The architecture of a file; the last component is the compute unit.

    Examples
    --------
    >>> from dse.formats.text.source import parse_source
    >>> machine = read_nodes(parse_source('''
    ... architecture:
    ...   version: 0.4
    ...   nodes:
    ...   - !Container {name: chip, attributes: {technology: 45nm}}
    ...   - !Component {name: DRAM, class: DRAM, attributes: {width: 64, datawidth: 8}}
    ...   - !Container {name: PE, spatial: {meshX: 4}}
    ...   - !Component {name: mac, class: intmac, attributes: {multiplier_width: 8}}
    ... ''', tags=TAGS), {})
    >>> [(part.name, getattr(part, "x", None)) for part in machine.parts], machine.mac.bits
    ([('chip', 1), ('DRAM', None), ('PE', 4)], 8)
    """
    reading = _Reading(source, dict(variables))
    reading.walk(("architecture", "nodes"), None)
    return reading.machine()


@dataclass
class _Reading:
    """What has been read so far.

    Parameters
    ----------
    inherited : dict
        Attributes of the containers around the next node.
    leaves : list
        Components in order, each ready to be made a store, or the compute unit if it is the last.
    """

    source: Source
    inherited: dict[str, Any]
    name: str = "timeloop"
    parts: list[Store | Mesh | _Leaf] = field(default_factory=list)
    constraints: list[tuple[Where, dict[str, Any]]] = field(default_factory=list)
    groups: int = 0

    def walk(self, path: DataPath, group: int | None) -> None:
        nodes = self.source.get(path)
        if not isinstance(nodes, list):
            raise self.source.error(path, "nodes is a list, outermost first", "- !Component {name: DRAM, class: DRAM}")
        for at, node in enumerate(nodes):
            here = (*path, at)
            kind = node.get("!") if isinstance(node, dict) else None
            if kind is None:
                raise self.source.error(here, "a node has a tag", f"one of {', '.join(sorted(TAGS))}")
            for key in node:
                if key != "!" and key not in _KEYS[kind]:
                    raise self.source.error((*here, key), f"{key} of a !{kind} has no words here", key=True)
            self.node(here, kind, node, group)

    def node(self, here: DataPath, kind: str, node: dict[str, Any], group: int | None) -> None:
        where = Where(self.source, here)
        if kind in ("Container", "Component") and not isinstance(node.get("name"), str):
            raise where.error(f"a !{kind} has a name")
        if kind == "Nothing":  # it says that tensors pass, and those that no neighbour keeps pass anyway
            return
        if kind == "Hierarchical":
            if group is not None:
                raise where.error("a hierarchy beside other nodes has no words here", "stores alone stand in !Parallel")
            self.walk((*here, "nodes"), None)
        elif kind == "Parallel":
            self.groups += 1
            self.walk((*here, "nodes"), self.groups)
        elif kind == "Container":
            if group is not None:
                raise where.error("a container beside other nodes has no words here", "stores alone stand in !Parallel")
            self.container(where, node)
        else:
            self.component(where, node, group)
        self.asks(where, node)

    def container(self, where: Where, node: dict[str, Any]) -> None:
        self.inherited |= with_values(fields_of(self.source, (*where.path, "attributes")), self.inherited)
        name = node["name"]
        if not any(isinstance(part, Mesh) for part in self.parts):
            self.name = name  # the one right outside the array names the chip, later ones are its parts
        self.parts.append(self.mesh(where, name, node.get("spatial") or {}))

    def mesh(self, where: Where, name: str, spatial: Any) -> Mesh:
        sides = []
        for key in spatial if isinstance(spatial, dict) else ():
            if key not in ("meshX", "meshY"):
                here = Where(where.source, (*where.path, "spatial"))
                raise here.error(f"{key} of a mesh has no words here", "one of: meshX, meshY", key, key=True)
        for key in ("meshX", "meshY"):
            size = spatial.get(key, 1) if isinstance(spatial, dict) else None
            if isinstance(size, bool) or not isinstance(size, int) or size < 1:
                raise where.error(f"{name}: {key} is a whole number of at least 1", "e.g. {meshX: 16}", "spatial", key)
            sides.append(size)
        return Mesh(name, (name, f"inter_{name}_spatial"), sides[0], sides[1], where)

    def component(self, where: Where, node: dict[str, Any], group: int | None) -> None:
        name = node["name"]
        if node.get("spatial"):
            self.parts.append(self.mesh(where, name, node["spatial"]))
        kind = f"{node.get('class', '')} {node.get('subclass', '')}"
        if re.search("wire|network|noc", kind.lower()):
            raise where.error(f"{name} is a network, and Timeloop's networks are not read")
        given = fields_of(self.source, (*where.path, "attributes"))
        at = Where(self.source, (*where.path, "attributes")) if given else where
        known = dict(self.inherited)
        own = with_values(given, {**known, **given})
        self.parts.append(_Leaf(name, at, kind, {**known, **own}, known, group))

    def asks(self, where: Where, node: dict[str, Any]) -> None:
        for key, given in fields_of(self.source, (*where.path, "constraints")).items():
            at = Where(self.source, (*where.path, "constraints", key))
            if not isinstance(given, dict):
                raise at.error(f"{key} is a mapping", "e.g. temporal: {factors: [C=1]}")
            self.constraints.append((at, {"target": node.get("name"), "type": key, **given}))

    def machine(self) -> Machine:
        leaves = [part for part in self.parts if isinstance(part, _Leaf)]
        if len(leaves) < 2 or leaves[-1].group is not None or self.parts[-1] is not leaves[-1]:
            raise self.source.error(("architecture", "nodes"), "the innermost node is the compute unit, inside a store")
        node_nm, cycle_s = next((technology_of(leaf.attributes) for leaf in leaves[::-1]), (None, None))
        parts = tuple(part.store() if isinstance(part, _Leaf) else part for part in self.parts[:-1])
        return Machine(self.name, parts, leaves[-1].mac(), node_nm, cycle_s, tuple(self.constraints), completes=True)


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A component; `where` is that of its own attributes, `attributes` has those `around` it, too."""

    name: str
    where: Where
    kind: str
    attributes: dict[str, Any]
    around: dict[str, Any]
    group: int | None

    def store(self) -> Store:
        made = read_store(self.name, self.where, self.kind, self.attributes, self.around)
        return made if self.group is None else in_group(made, self.group)

    def mac(self) -> Mac:
        return read_mac(self.name, self.where, self.kind, self.attributes, self.around)
