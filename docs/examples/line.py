"""The layer, the accelerator and the loop nests of the worked examples in docs/."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import dse
from dse.architecture.hierarchy import Level
from dse.model.counting.counts import count
from dse.model.mapping import Loop, Spatial, Temporal
from dse.problem.dims import OPERANDS

Loops = list[tuple[str, int]]

LAYER = dse.Layer("line", K=2, P=4, R=3)
ARCHITECTURE = dse.load_architecture(Path(__file__).with_name("line.yaml"))


def variant(**changes: dict[str, Any]) -> dse.Architecture:
    """The accelerator with some fields of some levels or of its array replaced."""
    places = (replace(place, **changes.get(place.name, {})) for place in ARCHITECTURE.hierarchy)
    return replace(ARCHITECTURE, hierarchy=tuple(places))


def nest(architecture: dse.Architecture = ARCHITECTURE, **loops: Loops) -> dse.Mapping:
    """A mapping from the loops of each level, and those of each fan-out over its rows, outermost loop first."""
    nodes: list[Temporal | Spatial] = []
    for place in architecture.hierarchy:
        own = tuple(Loop(dim, trips) for dim, trips in loops.get(place.name, []))
        is_level = isinstance(place, Level)
        nodes.append(Temporal(place.name, own, place.stores) if is_level else Spatial(place.name, own, ()))
    return dse.Mapping(tuple(nodes))


def table(mapping: dse.Mapping, layer: dse.Layer = LAYER, architecture: dse.Architecture = ARCHITECTURE) -> str:
    """The words that a mapping moves, one line for each thing that happens to them."""
    counted = count(layer, architecture, mapping)
    rows = {}
    for name, level in counted.levels.items():
        rows[f"read from {name}"] = [level[o].reads for o in OPERANDS]
        rows[f"written to {name}"] = [level[o].writes for o in OPERANDS]
    for name, fan_out in counted.fan_outs.items():
        rows[f"handed out by {name}"] = [fan_out[o].delivered for o in OPERANDS]
        rows[f"hops in {name}"] = [fan_out[o].hops for o in OPERANDS]
    lines = [("words", list(OPERANDS)), *rows.items()]
    return "\n".join(f"{name:<20}" + "".join(f"{x:>8}" for x in row) for name, row in lines)
