"""Whether the tiles of a mapping fit the levels that keep them."""

from __future__ import annotations

from fractions import Fraction
from math import ceil
from typing import Any

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import Level
from dse.errors import MappingError
from dse.model.counting.counts import Count, count_mapping
from dse.model.counting.nest import only_finished
from dse.model.mapping import Mapping, Temporal, tile_words
from dse.model.price import SHARED, capacities
from dse.problem.dims import OPERANDS, PerOperand
from dse.problem.layer import Layer


def check_fit(layer: Layer, architecture: Architecture, mapping: Mapping) -> None:
    """Raise `MappingError`, naming the level, when a tile is larger than the capacity it may take.

    Parameters
    ----------
    layer : Layer
    architecture : Architecture
    mapping : Mapping
        Must pass `mapping.check(architecture, layer)`.

    Notes
    -----
    A psum takes its width, but that of a finished output where no other psum comes to the level.

    Raises
    ------
    MappingError
        Its message names the level, the operand (or all together), and both numbers of bits.

    Examples
    --------
    >>> import dse
    >>> chip, layer = dse.load_architecture("eyeriss"), dse.Layer("fc", K=2, C=13)
    >>> mapping = dse.Mapping.from_dict([
    ...     {"level": "DRAM", "stores": ["ifmap", "weight", "psum"], "loops": [["K", 2]]},
    ...     {"level": "GLB", "stores": ["ifmap", "psum"], "loops": []},
    ...     {"fan_out": "array", "rows": [], "cols": []},
    ...     {"level": "PE", "stores": ["ifmap", "weight", "psum"], "loops": [["C", 13]]},
    ... ])
    >>> check_fit(layer, chip, mapping)
    Traceback (most recent call last):
        ...
    dse.errors.MappingError: PE: the tile of ifmap takes 208 bits, 192 are there
    """
    architecture = mapping.machine(architecture)
    table = capacities(architecture)
    counted: Count | None = None
    for index, (node, level) in enumerate(zip(mapping.nodes, architecture.hierarchy, strict=True)):
        if not isinstance(node, Temporal) or not isinstance(level, Level):
            continue
        problem = _too_large(layer, mapping, index, level, table[index], layer.bits.psum)
        if problem and "psum" in node.stores and layer.finished_bits < layer.bits.psum:
            counted = counted or count_mapping(layer, architecture, mapping)
            if only_finished(index, counted.words):
                problem = _too_large(layer, mapping, index, level, table[index], layer.finished_bits)
        if problem:
            raise MappingError(f"{level.whole}: {problem}")


def held_bits(layer: Layer, architecture: Architecture, mapping: Mapping, index: int) -> PerOperand[int | Fraction]:
    """Width of an element of each operand in a level: a psum's is that of finished ones if no other comes there.

    Parameters
    ----------
    index : int
        Node of the level.

    Examples
    --------
    >>> import dse
    >>> chip, widths = dse.load_architecture("eyeriss"), {"ifmap": 8, "weight": 8, "psum": 32}
    >>> layer = dse.Layer("fc", K=2, C=3).stating(widths)
    >>> mapping = dse.Mapping.from_dict([
    ...     {"level": "DRAM", "stores": ["ifmap", "weight", "psum"], "loops": [["K", 2], ["C", 3]]},
    ...     {"level": "GLB", "stores": ["ifmap", "psum"], "loops": []},
    ...     {"fan_out": "array", "rows": [], "cols": []},
    ...     {"level": "PE", "stores": ["ifmap", "weight", "psum"], "loops": []},
    ... ])
    >>> held_bits(layer, chip, mapping, 1).psum, held_bits(layer, chip, mapping, 3).psum
    (8, 32)
    """
    psum = layer.bits.psum
    if layer.finished_bits < psum and only_finished(index, count_mapping(layer, architecture, mapping).words):
        psum = layer.finished_bits
    return PerOperand(layer.held_bits.ifmap, layer.held_bits.weight, psum)


def _too_large(layer: Layer, mapping: Mapping, index: int, level: Level, offered: Any, psum_bits: int) -> str:
    """What does not fit a level, empty if all does; see `capacities` for what it offers."""
    node, tile = mapping.nodes[index], mapping.tile(layer, index)
    assert isinstance(node, Temporal)
    widths = {**layer.held_bits.to_dict(), "psum": psum_bits}
    needed = {
        operand: level.tiles_of(operand) * tile_words(layer, operand, tile) * widths[operand]
        for operand in OPERANDS if operand in node.stores
    }  # fmt: skip
    for operand, bits in needed.items():
        if ceil(bits) > offered[OPERANDS.index(operand)]:
            what = "two tiles" if level.tiles_of(operand) > 1 else "the tile"
            takes = "take" if level.tiles_of(operand) > 1 else "takes"
            there = int(offered[OPERANDS.index(operand)])
            return f"{what} of {operand} {takes} {ceil(bits)} bits, {there} are there"
    total = ceil(sum(needed.values()))  # what shares a memory is rounded once
    if total > offered[SHARED]:
        return f"the tile of operands together takes {total} bits, {int(offered[SHARED])} are there"
    return ""
