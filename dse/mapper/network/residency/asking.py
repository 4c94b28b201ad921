"""Searches of the mapper for layers with operands at home, and what their mappings take of the levels' room."""

from __future__ import annotations

from math import ceil, inf
from typing import Any

from dse.architecture.architecture import Architecture
from dse.errors import InfeasibleError
from dse.mapper.answer import Answer
from dse.mapper.layer import layer_answers, lower_bound
from dse.mapper.network.residency.columns import AtHome, Bits, Bound, Point, Search
from dse.mapper.shared.stopping import Shares
from dse.model.cost import evaluate
from dse.model.counting.counts import count_mapping
from dse.model.counting.nest import only_finished
from dse.model.fit import held_bits
from dse.model.homes import Homes, at_home
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
