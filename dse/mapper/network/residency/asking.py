"""Searches of the mapper for layers with operands at home, and what their mappings take of the levels' room."""

from __future__ import annotations

from dataclasses import replace
from math import ceil, inf
from typing import Any

from dse.architecture.architecture import Architecture
from dse.errors import InfeasibleError
from dse.mapper.answer import Answer
from dse.mapper.layer import layer_answers, lower_bound
from dse.mapper.network.residency.choice import Choice, Setting
from dse.mapper.network.residency.columns import AtHome, Bits, Bound, Column, Point, Search
from dse.mapper.network.residency.rooms import way_in
from dse.mapper.shared.stopping import Shares
from dse.model.cost import evaluate
from dse.model.counting.counts import count_mapping
from dse.model.counting.nest import only_finished
from dse.model.fit import held_bits
from dse.model.homes import Homes, at_home, inner_mapping, outer_mapping
from dse.model.mapping import Mapping, Temporal, tile_words
from dse.problem.layer import Layer


def searcher(
    architecture: Architecture, levels: tuple[str, ...], objective: str, factors: str, shares: Shares
) -> Search:
    """A search by ordinary calls of the mapper, each on an architecture altered for homes and room.

    Parameters
    ----------
    levels : tuple of str
        That keep tensors, outermost first.
    objective : {"energy", "latency", "front"}
        What is best of a product of sums, or within limits on sums, is any point of a layer's front.
    shares : Shares
        The time of each search.
    """

    def search(layer: Layer, operands: AtHome, wide: bool, room: Bits, gap: float) -> tuple[Point, ...]:
        share_s = shares.next_s
        limit_s = None if share_s == inf else share_s
        try:
            other = at_home(architecture, homes_in(levels, operands, room, wide))
            found = layer_answers(other, layer, objective, gap=gap, factors=factors, time_limit_s=limit_s)
        except InfeasibleError:
            return ()
        return tuple(_point(other, levels, one) for one in found)

    return search


def bounder(architecture: Architecture, levels: tuple[str, ...], capacities: Bits, factors: str) -> Bound:
    """Energy and cycles that no mapping of a layer with operands at home goes below, in all the room of the levels:
    without a search.

    Notes
    -----
    Unfinished psums may come to homes here. Without the rule that none do, there are more mappings, and the bound is no
    higher.
    """
    known: dict[Any, tuple[float, float]] = {}

    def bound(layer: Layer, operands: AtHome) -> tuple[float, float]:
        key = layer.shape_key(), operands
        if key not in known:
            try:
                other = at_home(architecture, homes_in(levels, operands, capacities, True))
                least = lower_bound(other, layer, factors=factors)
                known[key] = least.energy_pj, least.cycles
            except InfeasibleError:
                known[key] = inf, inf
        return known[key]

    return bound


def homes_in(levels: tuple[str, ...], operands: AtHome, room: Bits, wide: bool) -> Homes:
    """What is at home in each of the levels that keep tensors, with the room that is left there for tiles.

    Examples
    --------
    >>> homes = homes_in(("L3", "L2"), (frozenset({"psum"}), frozenset({"ifmap"})), (64, 32), True)
    >>> homes.level, homes.wide, homes.outer.level, homes.outer.wide
    ('L2', False, 'L3', True)
    """
    homes: Homes | None = None
    for level, own, bits in zip(levels, operands, room, strict=True):
        homes = Homes(level, own, bits, wide and "psum" in own, homes)
    assert homes is not None
    return homes


def _point(other: Architecture, levels: tuple[str, ...], answer: Answer) -> Point:
    within_, mapping = 1 + answer.solution.gap, answer.mapping
    energy, cycles = answer.energy_pj, answer.cycles
    bits = tuple(used_bits(other, level, answer.layer, mapping) for level in levels)
    finished = are_finished(other, answer.layer, mapping)
    return Point(energy, cycles, energy / within_, cycles / within_, bits, answer, finished)


def are_finished(architecture: Architecture, layer: Layer, mapping: Mapping) -> bool:
    """Whether only finished psums come to the outermost level, or psums are no wider before that.

    Examples
    --------
    >>> import dse
    >>> chip = dse.load_architecture("eyeriss")
    >>> mapped = dse.map_layer(chip, dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3))
    >>> are_finished(chip, mapped.layer, mapped.mapping)  # its psums are no wider than its ofmap
    True
    """
    if not layer.finishes_narrower:
        return True
    return bool(only_finished(0, count_mapping(layer, architecture, mapping).words))


def used_bits(architecture: Architecture, level: str, layer: Layer, mapping: Mapping) -> int:
    """Bits of a level's capacity that the tiles of a mapping take, twice where they overlap with the next.

    Examples
    --------
    >>> import dse
    >>> chip = dse.load_architecture("eyeriss")
    >>> mapped = dse.map_layer(chip, dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3))
    >>> 0 < used_bits(chip, "GLB", mapped.layer, mapped.mapping) <= chip.level("GLB").capacity_bits
    True
    """
    for index, node in enumerate(mapping.nodes):
        if isinstance(node, Temporal) and node.level == level:
            if not node.stores:
                return 0
            tile = mapping.tile(layer, index)
            widths, place = held_bits(layer, architecture, mapping, index), architecture.level(level)
            by_room = [operand for operand in node.stores if place.buffered(operand) == "room"]
            waits = evaluate(architecture, layer, mapping).waits.get(level, ()) if by_room else ()
            tiles = {o: 2 if o in by_room and o not in waits else place.tiles_of(o) for o in node.stores}
            words = {o: tiles[o] * tile_words(layer, o, tile) for o in node.stores}
            return ceil(sum(count * widths[o] for o, count in words.items())) * place.tile_share
    return 0


def buffers_by_room(architecture: Architecture) -> bool:
    """Whether next tiles come ahead where there is room for them, so that what a mapping takes depends on the room.

    Examples
    --------
    >>> import dse
    >>> buffers_by_room(dse.load_architecture("eyeriss"))
    False
    """
    return any(level.buffered(operand) == "room" for level in architecture.levels for operand in level.stores)


def in_its_room(setting: Setting, choice: Choice) -> Choice:
    """A choice with each mapping as it runs in the room that is left for it.

    Notes
    -----
    Where next tiles come ahead if there is room for them, a mapping may be known from a search with less room, or, from
    one with a gap, in another way than its fastest. It is then faster than the search says, or the same.

    Examples
    --------
    >>> import dse
    >>> from dse.problem.workload import Node
    >>> layer = dse.Layer("only", C=8, K=8, P=6, Q=6)
    >>> nodes = Node("x", "input", (8, 6, 6)), Node("only", "conv", (8, 6, 6), ("x",), layer=layer)
    >>> run = dse.map_workload("eyeriss", dse.Workload("one", nodes), "energy", scope="network", resident=True)
    >>> in_its_room(run.residency.setting, run.residency.choice) is run.residency.choice  # eyeriss has no such level
    True
    """
    if not buffers_by_room(setting.architecture):
        return choice
    columns = [
        None if column is None else _in_room(setting, i, column, choice.rooms(setting, i))
        for i, column in enumerate(choice.columns)
    ]
    return replace(choice, columns=tuple(columns))


def _in_room(setting: Setting, i: int, column: Column, room: Bits) -> Column:
    layer, way, point = setting.graph.steps[i].layer, way_in(setting, i, column, room), column.point
    assert layer is not None
    assert point.mapped is not None
    homes = homes_in(setting.levels, column.homes, way.room, column.wide)
    other = at_home(setting.architecture, homes)
    outer = outer_mapping(setting.architecture, homes, point.mapped.mapping)
    mapping = inner_mapping(setting.architecture, homes, outer)
    cost = evaluate(other, layer, mapping)
    own = tuple(used_bits(other, level, layer, mapping) for level in setting.levels)
    bits = tuple(tiles + more for tiles, more in zip(own, way.widening, strict=True))
    return replace(column, bits=bits, point=replace(point, energy_pj=cost.energy_pj, cycles=cost.cycles, bits=own))
