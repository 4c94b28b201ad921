"""Whether the tiles of a mapping fit the levels that keep them."""

from __future__ import annotations

from math import inf

from dse.architecture.architecture import Architecture
from dse.errors import MappingError
from dse.model.mapping import Mapping, Temporal, tile_words
from dse.model.price import SHARED, capacities
from dse.problem.dims import OPERANDS
from dse.problem.layer import Layer


def check_fit(layer: Layer, architecture: Architecture, mapping: Mapping) -> None:
    """Raise `MappingError`, naming the level, when a tile is larger than the capacity it may take.

    Parameters
    ----------
    layer : Layer
    architecture : Architecture
    mapping : Mapping
        Must pass `mapping.check(architecture, layer)`.

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
    table = capacities(architecture)
    for index, node in enumerate(mapping.nodes):
        if not isinstance(node, Temporal):
            continue
        tile = mapping.tile(layer, index)
        total = 0
        for k, operand in enumerate(OPERANDS):
            if operand not in node.stores:
                continue
            needed = tile_words(layer, operand, tile) * layer.bits[operand]
            total += needed
            if needed > table[index, k]:
                raise MappingError(_too_large(node.level, operand, needed, table[index, k]))
        if table[index, SHARED] < inf and total > table[index, SHARED]:
            raise MappingError(_too_large(node.level, "operands together", total, table[index, SHARED]))


def _too_large(level: str, what: str, needed: int, offered: float) -> str:
    return f"{level}: the tile of {what} takes {needed} bits, {int(offered)} are there"
