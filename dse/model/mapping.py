"""A mapping: how one layer runs on one architecture, as an explicit loop nest."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut, Level
from dse.architecture.parts import in_order
from dse.errors import MappingError
from dse.problem.dims import DIMS, OPERANDS
from dse.problem.layer import Layer


@dataclass(frozen=True, slots=True)
class Loop:
    """`trips` iterations (or children) over a dim; its step is the product of all factors inside it.

    Parameters
    ----------
    dim : str
        One of `DIMS`.
    trips : int

    Raises
    ------
    MappingError
        When there is no such dim, or fewer than one trip.

    Examples
    --------
    >>> Loop("K", 2)
    Loop(dim='K', trips=2)
    """

    dim: str
    trips: int

    def __post_init__(self) -> None:
        if self.dim not in DIMS or self.trips < 1:
            raise MappingError(f"loop {self.dim} x {self.trips} is not a dim among {list(DIMS)} with trips >= 1")


@dataclass(frozen=True, slots=True)
class Temporal:
    """The loops that step through a level's tile, outermost first, and the operands the level holds.

    Parameters
    ----------
    level : str
    loops : tuple of Loop
    stores : frozenset of str
        Operands.

    Examples
    --------
    >>> Temporal("GLB", (Loop("K", 2),), frozenset({"ifmap"})).loops
    (Loop(dim='K', trips=2),)
    """

    level: str
    loops: tuple[Loop, ...]
    stores: frozenset[str]


@dataclass(frozen=True, slots=True)
class Spatial:
    """Unrolling over a fan-out. Within a side the order of the loops places children; it changes no count.

    Parameters
    ----------
    fan_out : str
    rows, cols : tuple of Loop

    Examples
    --------
    >>> Spatial("array", (Loop("R", 3),), (Loop("P", 4),)).loops
    (Loop(dim='R', trips=3), Loop(dim='P', trips=4))
    """

    fan_out: str
    rows: tuple[Loop, ...]
    cols: tuple[Loop, ...]

    @property
    def loops(self) -> tuple[Loop, ...]:
        return self.rows + self.cols


@dataclass(frozen=True, slots=True)
class Mapping:
    """One loop list per level and one unrolling per fan-out, outermost first, in the order of the hierarchy.

    A level's list runs above that level's fan-out and above everything inside. The step of a loop is the product of
    the trips of all loops over the same dim inside it, spatial ones included; an iteration exists when its offset lies
    below the layer's bound, so only the last tile along a bound is smaller.

    Parameters
    ----------
    nodes : tuple of Temporal or Spatial

    Examples
    --------
    >>> import dse
    >>> mapping = dse.Mapping.from_dict([
    ...     {"level": "DRAM", "stores": ["ifmap", "weight", "psum"], "loops": [["K", 2], ["C", 3]]},
    ...     {"level": "GLB", "stores": ["ifmap", "psum"], "loops": []},
    ...     {"fan_out": "array", "rows": [], "cols": []},
    ...     {"level": "PE", "stores": ["ifmap", "weight", "psum"], "loops": []},
    ... ])
    >>> layer = dse.Layer("fc", K=2, C=3)
    >>> mapping.check(dse.load_architecture("eyeriss"), layer)
    >>> mapping.is_tight(layer), mapping.tile(layer, 0)["K"], mapping.tile(layer, 1)["K"]
    (True, 2, 1)
    >>> mapping.to_dict()[0]["loops"], mapping == dse.Mapping.from_dict(mapping.to_dict())
    ([['K', 2], ['C', 3]], True)
    >>> mapping
    Mapping(DRAM K2 C3 | GLB | array - x - | PE)
    """

    nodes: tuple[Temporal | Spatial, ...]

    def __repr__(self) -> str:
        return f"Mapping({' | '.join(_said(node) for node in self.nodes)})"

    @property
    def loops(self) -> tuple[Loop, ...]:
        """All loops, outermost first."""
        return tuple(loop for node in self.nodes for loop in node.loops)

    def tile(self, layer: Layer, index: int) -> dict[str, int]:
        """Tile size per dim of the node at `index`: the factors at and inside it, capped at the bound.

        Parameters
        ----------
        layer : Layer
        index : int
            Of the node, from 0 at the outermost.

        Returns
        -------
        dict
            Size by dim.

        Examples
        --------
        >>> from dse.problem.dims import OPERANDS
        >>> every = frozenset(OPERANDS)
        >>> nodes = (Temporal("DRAM", (Loop("P", 3),), every), Temporal("PE", (Loop("P", 2),), every))
        >>> layer = Layer("five", P=5)
        >>> [Mapping(nodes).tile(layer, index)["P"] for index in range(2)]
        [5, 2]
        """
        return {
            dim: min(bound, prod(loop.trips for node in self.nodes[index:] for loop in node.loops if loop.dim == dim))
            for dim, bound in zip(DIMS, layer.bounds, strict=True)
        }

    def machine(self, architecture: Architecture) -> Architecture:
        """The architecture with one node for each of the mapping's, itself where all levels place operands together.

        A level that gives each operand a depth of its own stands in a mapping as one node for each, such as
        `PE.weight`; these are in the order of the mapping (`dse.architecture.parts`).
        """
        return in_order(architecture, (n.level if isinstance(n, Temporal) else n.fan_out for n in self.nodes))

    def check(self, architecture: Architecture, layer: Layer) -> None:
        """Raise `MappingError` unless the mapping fits the hierarchy and computes every MAC exactly once.

        Capacities and the dataflow are left alone: see `dse.model.fit`.
        """
        hierarchy = self.machine(architecture).hierarchy
        if len(self.nodes) != len(hierarchy):
            raise MappingError(f"the mapping has {len(self.nodes)} nodes, {architecture.name} has {len(hierarchy)}")
        for node, place in zip(self.nodes, hierarchy, strict=True):
            check_node(node, place)
        for dim, bound in zip(DIMS, layer.bounds, strict=True):
            factors = [loop.trips for loop in self.loops if loop.dim == dim]
            if prod(factors) < bound:
                raise MappingError(f"the loops over {dim} cover {prod(factors)} of {bound} in layer {layer.name}")

    def is_tight(self, layer: Layer) -> bool:
        """Whether no factor can shrink and still cover its bound with the others unchanged."""
        for dim, bound in zip(DIMS, layer.bounds, strict=True):
            factors = [loop.trips for loop in self.loops if loop.dim == dim]
            product = prod(factors)
            if any(f > 1 and product // f * (f - 1) >= bound for f in factors):
                return False
        return True

    def to_dict(self) -> list[dict[str, Any]]:
        """Plain data, outermost first: what the JSON and YAML forms hold."""
        plain: list[dict[str, Any]] = []
        for node in self.nodes:
            if isinstance(node, Temporal):
                stores = [operand for operand in OPERANDS if operand in node.stores]
                plain.append({"level": node.level, "stores": stores, "loops": [[x.dim, x.trips] for x in node.loops]})
            else:
                rows, cols = ([[x.dim, x.trips] for x in side] for side in (node.rows, node.cols))
                plain.append({"fan_out": node.fan_out, "rows": rows, "cols": cols})
        return plain

    @classmethod
    def from_dict(cls, plain: list[dict[str, Any]]) -> Mapping:
        nodes: list[Temporal | Spatial] = []
        for entry in plain:
            if "level" in entry:
                loops = tuple(Loop(dim, trips) for dim, trips in entry["loops"])
                nodes.append(Temporal(entry["level"], loops, frozenset(entry["stores"])))
            else:
                rows, cols = (tuple(Loop(dim, trips) for dim, trips in entry[side]) for side in ("rows", "cols"))
                nodes.append(Spatial(entry["fan_out"], rows, cols))
        return cls(tuple(nodes))


def _said(node: Temporal | Spatial) -> str:
    """A node on one line, its loops from the outermost."""
    if isinstance(node, Temporal):
        return " ".join([node.level, *(f"{loop.dim}{loop.trips}" for loop in node.loops)])
    rows, cols = (" ".join(f"{loop.dim}{loop.trips}" for loop in side) for side in (node.rows, node.cols))
    return f"{node.fan_out} {rows or '-'} x {cols or '-'}"


def tile_words(layer: Layer, operand: str, tile: dict[str, int]) -> int:
    """Words of an operand's tile; the ifmap's is its bounding box, padding included.

    Parameters
    ----------
    layer : Layer
        For its strides and dilations.
    operand : {"ifmap", "weight", "psum"}
    tile : dict
        Size by dim, as `Mapping.tile` gives it.

    Returns
    -------
    int

    Examples
    --------
    >>> from dse.problem.dims import DIMS
    >>> tile = dict.fromkeys(DIMS, 1) | {"P": 2, "R": 3}
    >>> layer = Layer("line", K=2, P=4, R=3)
    >>> [tile_words(layer, operand, tile) for operand in OPERANDS]
    [4, 3, 2]
    """
    if operand == "weight":
        return tile["G"] * tile["K"] * tile["C"] * tile["R"] * tile["S"]
    if operand == "psum":
        return tile["G"] * tile["N"] * tile["K"] * tile["P"] * tile["Q"]
    height = (tile["P"] - 1) * layer.stride_h + (tile["R"] - 1) * layer.dilation_h + 1
    width = (tile["Q"] - 1) * layer.stride_w + (tile["S"] - 1) * layer.dilation_w + 1
    return tile["N"] * tile["G"] * tile["C"] * height * width


def check_node(node: Temporal | Spatial, place: Level | FanOut) -> None:
    """Raise `MappingError` unless one node of a mapping suits its place in the hierarchy.

    Examples
    --------
    >>> check_node(Temporal("GLB", (), frozenset({"ifmap"})), Level("DRAM", stores=frozenset({"ifmap"})))
    Traceback (most recent call last):
    dse.errors.MappingError: the loops of GLB stand where the hierarchy has DRAM
    """
    if isinstance(node, Temporal) and isinstance(place, Level):
        _check_level(node, place)
    elif isinstance(node, Spatial) and isinstance(place, FanOut):
        _check_fan_out(node, place)
    else:
        raise MappingError(f"{node} stands where the hierarchy has {place.name}")


def _check_level(node: Temporal, level: Level) -> None:
    if node.level != level.name:
        raise MappingError(f"the loops of {node.level} stand where the hierarchy has {level.name}")
    if level.is_register and node.loops:
        raise MappingError(f"{level.name} hold one element of each operand, so they have no loops")
    if not node.stores <= level.stores:
        raise MappingError(f"{level.name} cannot store {sorted(node.stores - level.stores)}")
    if not level.stores - level.may_bypass <= node.stores:
        raise MappingError(f"{level.name} must store {sorted(level.stores - level.may_bypass - node.stores)}")


def _check_fan_out(node: Spatial, fan_out: FanOut) -> None:
    if node.fan_out != fan_out.name:
        raise MappingError(f"the unrolling of {node.fan_out} stands where the hierarchy has {fan_out.name}")
    for side, loops, size in (("rows", node.rows, fan_out.rows), ("columns", node.cols, fan_out.cols)):
        used = prod(loop.trips for loop in loops)
        if used > size:
            raise MappingError(f"{fan_out.name} has {size} {side}, the mapping unrolls over {used}")
