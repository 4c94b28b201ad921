"""Timeloop's tables of energies and areas, as Accelergy writes them, by component and action."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dse.formats.text.located import Source
from dse.formats.tools.timeloop.reading.machine import Where, items_of

_NAME = re.compile(r"(?:.*\.)?([A-Za-z_][\w-]*?)(?:\[.*\])?")

READ, FILL, UPDATE, LEAK = ("read",), ("write", "fill"), ("update",), ("leak",)
COMPUTE = ("compute", "mac_random", "mac", "multiply")
"""Names of an action, the first one that a table has."""


@dataclass(frozen=True, slots=True)
class Table:
    """Energies of one component: action to pJ; `where` is the table's place."""

    where: Where
    actions: Mapping[str, float]

    def energy_pj(self, names: tuple[str, ...], default: float | None = None) -> float:
        """Of the first of these actions that the table has.

        Raises
        ------
        SpecError
            It has none of them, and there is no default.
        """
        for name in names:
            if name in self.actions:
                return self.actions[name]
        if default is None:
            raise self.where.error(f"there is no energy of {names[0]}", f"actions: {', '.join(self.actions)}")
        return default


def read_energies(source: Source) -> dict[str, Table]:
    """The tables of `ERT`, by the component's own name; of several energies of an action, the largest.

    Examples
    --------
    >>> from dse.formats.text.source import parse_source
    >>> text = "ERT: {tables: [{name: 'chip.RF[1..4]', actions: [{name: read, energy: 0.5}]}]}"
    >>> read_energies(parse_source(text))["RF"].energy_pj(READ)
    0.5
    """
    found: dict[str, Table] = {}
    for at, table in enumerate(_tables(source, "ERT")):
        where = Where(source, ("ERT", "tables", at))
        actions: dict[str, float] = {}
        for index, action in enumerate(items_of(source, (*where.path, "actions"))):
            energy = action.get("energy") if isinstance(action, dict) else None
            if isinstance(energy, bool) or not isinstance(energy, int | float) or energy < 0:
                raise where.error("an action has a name and an energy in pJ", None, "actions", index)
            if not isinstance(action.get("name"), str):
                raise where.error("an action has a name and an energy in pJ", None, "actions", index)
            actions[action["name"]] = max(float(energy), actions.get(action["name"], 0.0))
        found[_component(where, table)] = Table(where, actions)
    return found


def read_areas(source: Source) -> dict[str, float]:
    """The areas of `ART` in square micrometres, of one instance."""
    found: dict[str, float] = {}
    for at, table in enumerate(_tables(source, "ART")):
        where = Where(source, ("ART", "tables", at))
        area = table.get("area")
        if isinstance(area, bool) or not isinstance(area, int | float) or area < 0:
            raise where.error("a table of areas has an area in square micrometres")
        found[_component(where, table)] = float(area)
    return found


def _tables(source: Source, key: str) -> list[dict[str, Any]]:
    tables = source.data[key].get("tables") if isinstance(source.data[key], dict) else None
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise source.error((key,), f"{key} has tables, a list of components", "version 0.3 or 0.4", key=True)
    return tables


def _component(where: Where, table: Mapping[str, Any]) -> str:
    match = _NAME.fullmatch(str(table.get("name", "")))
    if match is None:
        raise where.error(f"{table.get('name')} is no component")
    return match[1]
