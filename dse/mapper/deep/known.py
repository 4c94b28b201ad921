"""Mappings and their records, and mappings that are known before a search: those that place the operands of a level
together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import Level
from dse.architecture.parts import in_order_kept, in_parts
from dse.mapper.deep.record import COLS, ORDER, ROWS, TRIPS, parts_of, record_length
from dse.mapper.shared.mapspace.places import Places
from dse.mapper.shared.result import ANY_ORDER, loops_of
from dse.model.counting.kernel import Ints
from dse.model.mapping import Loop, Mapping, Spatial, Temporal
from dse.problem.dims import DIMS


class Known(NamedTuple):
    """A mapping whose cost is known.

    Parameters
    ----------
    energy_pj, cycles : float
    mapping : Mapping
        Of the architecture with all operands of a level together.
    """

    energy_pj: float
    cycles: float
    mapping: Mapping


def record_of(architecture: Architecture, mapping: Mapping, choices: list[dict[int, frozenset[str]]]) -> Ints:
    """The record of a mapping that places operands together, on the architecture in parts.

    All loops of a level stand in the list of its last part, so that all parts are at one depth.

    Parameters
    ----------
    choices : list of dict
        What levels keep, as `dse.mapper.shared.mapspace.bypass.bypass_choices` lists it.
    """
    given = {node.level if isinstance(node, Temporal) else node.fan_out: node for node in mapping.nodes}
    machine = in_parts(architecture)[0]
    places = Places.of(machine)
    record = np.ones(record_length(len(places.levels)), dtype=np.int64)
    parts = record[:-1].reshape(-1, 4, 8)
    kept: dict[int, frozenset[str]] = {}
    for index, place in enumerate(machine.hierarchy):
        node = given[place.whole]
        if isinstance(node, Spatial):
            at = places.fans.index(index)
            parts[at, ROWS], parts[at, COLS] = _factors(node.rows), _factors(node.cols)
            continue
        kept[index] = node.stores & getattr(place, "stores", frozenset())
        last = index == len(machine.hierarchy) - 1 or machine.hierarchy[index + 1].whole != place.whole
        parts[places.levels.index(index), TRIPS] = _factors(node.loops if last else ())
        parts[places.levels.index(index), ORDER] = _order(node.loops if last else ())
    for at in set(range(len(places.levels))) - {places.levels.index(index) for index in kept}:
        parts[at, ORDER] = _order(())
    record[-1] = choices.index(kept)
    return record


def deep_mapping(architecture: Architecture, record: Ints, kept: dict[int, frozenset[str]]) -> Mapping:
    """The mapping that a record of the deep search stands for."""
    architecture = in_order_kept(architecture, kept)
    places = Places.of(architecture)
    parts = parts_of(record)
    nodes: list[Temporal | Spatial] = []
    for index, node in enumerate(architecture.hierarchy):
        if isinstance(node, Level):
            trips, _, _, order = parts[places.levels.index(index)]
            nodes.append(Temporal(node.name, loops_of(trips, order), kept[index]))
        else:
            _, rows, cols, _ = parts[places.fans.index(index)]
            nodes.append(Spatial(node.name, loops_of(rows, ANY_ORDER), loops_of(cols, ANY_ORDER)))
    return Mapping(tuple(nodes))


def _factors(loops: tuple[Loop, ...]) -> Ints:
    factors = np.ones(8, dtype=np.int64)
    for loop in loops:
        factors[DIMS.index(loop.dim)] *= loop.trips
    return factors


def _order(loops: tuple[Loop, ...]) -> list[int]:
    """Dims from the innermost loop outwards, then all others."""
    order = [DIMS.index(loop.dim) for loop in reversed(loops)]
    return order + [d for d in range(8) if d not in order]
