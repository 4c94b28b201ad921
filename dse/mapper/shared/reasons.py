"""Why no mapping of a layer exists, in the user's terms: which constraints no mapping can meet, and what would do.

What a dataflow *must* do makes tiles large: dims that lie whole inside a PE, and dims that lie whole on a side of the
array. All other trips may stand in the outermost list, at a tile of one, so every level has one smallest tile, and all
levels can have theirs at once. A layer is therefore infeasible only if one of these holds by itself: a smallest tile
does not fit, the dims of a side do not fit it together, the wiring cannot unroll a dim, or rules contradict each other.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from itertools import product
from math import ceil, prod
from typing import Literal

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut, Level
from dse.architecture.parts import in_parts
from dse.mapper.shared.mapspace.factors import keeps_tight, whole_factor
from dse.mapper.shared.mapspace.places import Places
from dse.mapper.shared.unpriced import unpriced
from dse.model.mapping import tile_words
from dse.model.price import SHARED, capacities
from dse.problem.dims import DIMS, OPERANDS, RELEVANT
from dse.problem.layer import Layer

Side = Literal["rows", "cols"]
SIDES: tuple[Side, Side] = ("rows", "cols")
COUNTED = {"rows": "rows", "cols": "columns"}
WINDOWS = {
    "weight": {("S",): "a filter row", ("R", "S"): "a whole filter"},
    "ifmap": {("S",): "a row of a window", ("R", "S"): "a whole window"},
}
"""Tiles that have a name of their own, by the dims that are more than one."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One constraint that no mapping can meet.

    Parameters
    ----------
    kind : {"side", "wiring", "split", "capacity"}
        Too few children on a side, a dim that the wiring cannot unroll, a dim that must lie whole in two places, or too
        little room.
    node : str
        Level or fan-out that sets it.
    needed : int
        With this many children, or bits of capacity, the obstacle is gone; with one less it is not. 0 where no size is
        to blame.
    text : str
        What is there, what is needed, and what would do.
    operand : str
        Whose partition is too small; empty for a capacity that operands share.
    side : str
    dim : str
    """

    kind: Literal["side", "wiring", "split", "capacity"]
    node: str
    needed: int
    text: str
    operand: str = ""
    side: str = ""
    dim: str = ""


def why_infeasible(architecture: Architecture, layer: Layer, factors: str) -> str:
    r"""Name every constraint that no mapping of the layer can meet, and what would make the layer possible.

    Examples
    --------
    >>> import dse
    >>> why = why_infeasible(dse.load_architecture("eyeriss"), dse.Layer("wide", S=20, Q=2), "all")
    >>> print(why.replace(", ", ",\n"))
    layer wide: the ifmap scratchpad of PE holds 12 words,
    a row of a window needs 20 under row-stationary: 20 words (320 bits) would do
    """
    layer = architecture.lowered(layer)
    found = min((obstacles(machine, layer, factors) for machine in in_parts(architecture)), key=len)
    if found:
        return f"layer {layer.name}: " + "; and ".join(obstacle.text for obstacle in found)
    flow = architecture.dataflow
    if flow.stationary is not None and flow.innermost in RELEVANT[flow.stationary]:
        return (
            f"layer {layer.name}: {flow.name} keeps {flow.stationary} in place and wants loops over {flow.innermost}, "
            f"which change it, innermost; the loops that {architecture.name} has no other list for cannot do both"
        )
    return f"layer {layer.name}: nothing fits {architecture.name} under {flow.name}, though each constraint can be met"


def is_ruled_out(architecture: Architecture, layer: Layer, factors: str) -> bool:
    """Whether a layer has `obstacles`, also where psums come finished to a level and need less room; remembered.

    Examples
    --------
    >>> import dse
    >>> [is_ruled_out(dse.load_architecture("eyeriss"), dse.Layer("wide", S=s, Q=2), "all") for s in (2, 20)]
    [False, True]
    """
    key = unpriced(architecture), layer, factors
    if key not in _RULED_OUT:
        narrow = layer.stating({"psum": layer.finished_bits})
        _RULED_OUT[key] = all(obstacles(machine, narrow, factors) for machine in in_parts(architecture))
        if len(_RULED_OUT) > KEPT_RULED_OUT:
            _RULED_OUT.popitem(last=False)
    return _RULED_OUT[key]


KEPT_RULED_OUT = 4096
_RULED_OUT: OrderedDict[Hashable, bool] = OrderedDict()


def obstacles(architecture: Architecture, layer: Layer, factors: str = "all") -> tuple[Obstacle, ...]:
    """The constraints that no mapping of a layer can meet, each by itself, outermost level last.

    Those that come later suppose that the earlier ones are met as their texts propose, so that all proposals together
    make the layer possible. None means that mappings exist, unless the dataflow's rules on loop orders exclude them.
    Psums are taken to need their own width everywhere, and not that of finished ones where no others come.

    Examples
    --------
    >>> import dse
    >>> (found,) = obstacles(dse.load_architecture("eyeriss"), dse.Layer("wide", S=20, Q=2))
    >>> found.kind, found.node, found.operand, found.needed  # 20 words of 16 bits
    ('capacity', 'PE', 'ifmap', 320)
    """
    layer = architecture.lowered(layer)
    array = Places.of(architecture).array_node
    found: list[Obstacle] = []
    on_array: dict[str, int] = {}
    if array >= 0:
        fan = architecture.hierarchy[array]
        assert isinstance(fan, FanOut)
        whole = _WholeDims(architecture, layer, fan, factors == "perfect")
        found += whole.obstacles
        on_array = whole.factors
    table = capacities(architecture)
    for index in range(len(architecture.hierarchy) - 1, -1, -1):
        level = architecture.hierarchy[index]
        if isinstance(level, Level):
            tile = _smallest_tile(architecture, layer, index, on_array)
            found += _too_small(architecture, layer, index, tile, tuple(table[index]))
    return tuple(found)


def _smallest_tile(architecture: Architecture, layer: Layer, index: int, on_array: dict[str, int]) -> dict[str, int]:
    """Per dim, the least that the tile of a level can be under the dataflow."""
    if index == 0:
        return {dim: getattr(layer, dim) for dim in DIMS}
    places = Places.of(architecture)
    array, pe = places.array_node, places.pe_node
    tile = {}
    for dim in DIMS:
        bound = getattr(layer, dim)
        size = bound if index <= pe and dim in architecture.dataflow.inside_whole else 1
        tile[dim] = min(bound, size * (on_array.get(dim, 1) if index < array else 1))
    return tile


class _WholeDims:
    """How the dims that must lie whole on the array can: least factors, and what is in their way."""

    def __init__(self, architecture: Architecture, layer: Layer, fan: FanOut, perfect: bool) -> None:
        self.flow, self.layer, self.fan, self.perfect = architecture.dataflow.of(layer.bounds), layer, fan, perfect
        self.pe = Places.of(architecture).pe_node
        self.sizes: dict[str, int] = {"rows": fan.rows, "cols": fan.cols}
        self.obstacles: list[Obstacle] = []
        self.dropped: set[tuple[str, str]] = set()
        for dim in DIMS:
            self._check_split(dim)
        for side in SIDES:
            self._check_side(side)
        for side in SIDES:
            self._check_wiring(side)
        self.factors = {dim: prod(self._least(dim)) for dim in DIMS}

    def _must(self, dim: str, side: Side) -> bool:
        whole = self.flow.rows_whole if side == "rows" else self.flow.cols_whole
        return dim in whole and (dim, side) not in self.dropped

    def _choices(self, dim: str, side: Side) -> list[int]:
        """Factors on a side with as few folds as it allows."""
        bound, size = getattr(self.layer, dim), self.sizes[side]
        if not self._must(dim, side):
            return [1]
        fits = range(1, min(bound, size) + 1)
        folds = whole_factor(bound, size, self.perfect)
        return [bound // folds] if self.perfect else [factor for factor in fits if ceil(bound / factor) == folds]

    def _splits(self, dim: str) -> list[tuple[int, int]]:
        """Factors on rows and columns that some tight (or perfect) split of the bound has, smallest tile first."""
        bound = getattr(self.layer, dim)
        inside = bound if self.pe >= 0 and dim in self.flow.inside_whole else 1
        found = []
        for rows, cols in product(self._choices(dim, "rows"), self._choices(dim, "cols")):
            placed = inside * rows * cols
            total = placed * ceil(bound / placed)
            fine = total == bound if self.perfect else total >= bound
            if fine and all(keeps_tight(bound, total, f) for f in (inside, rows, cols)):
                found.append((rows, cols))
        return sorted(found, key=prod)

    def _least(self, dim: str) -> tuple[int, int]:
        return next(iter(self._splits(dim)), (1, 1))

    def _check_split(self, dim: str) -> None:
        """A dim that must lie whole in two places: each of them alone would cover it."""
        for side in reversed(SIDES):
            if self._splits(dim) or not self._must(dim, side):
                continue
            bound, others = getattr(self.layer, dim), []
            if dim in self.flow.inside_whole and self.pe >= 0:
                others.append("inside a PE")
            others += [f"on its {COUNTED[other]}" for other in SIDES if other != side and self._must(dim, other)]
            self.obstacles.append(Obstacle(
                "split", self.fan.name, 0, f"{self.flow.name} wants {dim}={bound} as whole as can be on the "
                f"{COUNTED[side]} of {self.fan.name} and {' and '.join(others)}, which no split of {bound} does: a "
                f"dataflow without one of these rules would", side=side, dim=dim,
            ))  # fmt: skip
            self.dropped.add((dim, side))

    def _taken(self, side: Side) -> dict[str, int]:
        factors = {dim: self._least(dim)[SIDES.index(side)] for dim in DIMS if self._must(dim, side)}
        return {dim: factor for dim, factor in factors.items() if factor > 1}

    def _check_side(self, side: Side) -> None:
        """Several dims that share a side must fit it together; larger sides want fewer folds, so they are tried."""
        size, taken = self.sizes[side], self._taken(side)
        if prod(taken.values()) <= size:
            return
        while prod(self._taken(side).values()) > self.sizes[side]:
            self.sizes[side] += 1
        what = " and ".join(f"{dim}={getattr(self.layer, dim)} in parts of {factor}" for dim, factor in taken.items())
        self.obstacles.append(Obstacle(
            "side", self.fan.name, self.sizes[side], f"{self.fan.name} has {size} {COUNTED[side]}, and "
            f"{self.flow.name} lays {what} on them at once, which takes {prod(taken.values())}: "
            f"{self.sizes[side]} {COUNTED[side]} would do", side=side,
        ))  # fmt: skip

    def _check_wiring(self, side: Side) -> None:
        allowed = (self.flow.rows if side == "rows" else self.flow.cols) & self.fan.dims
        for dim in self._taken(side):
            if dim not in allowed:
                able = ", ".join(d for d in DIMS if d in allowed) or "nothing"
                self.obstacles.append(Obstacle(
                    "wiring", self.fan.name, 0, f"{self.fan.name} can unroll {able} over its {COUNTED[side]}, and "
                    f"{self.flow.name} lays {dim}={getattr(self.layer, dim)} there: dims with {dim}, or a dataflow "
                    f"without {side}_whole: [{dim}], would do", side=side, dim=dim,
                ))  # fmt: skip


def _too_small(
    architecture: Architecture, layer: Layer, index: int, tile: dict[str, int], offered: tuple[float, ...]
) -> list[Obstacle]:
    """Partitions of a level, or its shared capacity, that the smallest tiles of what it must keep do not fit."""
    level = architecture.hierarchy[index]
    assert isinstance(level, Level)
    kept = [operand for operand in OPERANDS if operand in level.stores - level.may_bypass]
    words = {operand: tile_words(layer, operand, tile) for operand in kept}
    flow = architecture.dataflow.name
    is_inside = any(isinstance(node, FanOut) for node in architecture.hierarchy[:index])
    found = []
    for operand in kept:
        width = layer.held_bits[operand]
        share = level.tile_share * level.tiles_of(operand)
        halved = ", half of it for a tile as it is double-buffered" if share > 1 else ""
        needed = ceil(words[operand] * width)
        if needed * level.tiles_of(operand) > offered[OPERANDS.index(operand)]:
            assert level.partition_bits is not None
            holds = int(level.partition_bits[operand] or 0) // width
            place = f"the {operand} {'scratchpad' if is_inside else 'buffer'} of {level.whole}"
            found.append(Obstacle(
                "capacity", level.name, needed * share,
                f"{place} holds {_words(holds)}{halved}, {_name(operand, tile, index)} needs {words[operand]} under "
                f"{flow}: {_words(words[operand] * share)} ({needed * share} bits) would do", operand=operand,
            ))  # fmt: skip
    share = level.tile_share
    halved = ", half of it for a tile as it is double-buffered" if share > 1 else ""
    total = ceil(sum(words[operand] * level.tiles_of(operand) * layer.held_bits[operand] for operand in kept))
    if total > offered[SHARED]:
        of_words = {operand: f" of {words[operand]} words" if words[operand] > 1 else "" for operand in kept}
        parts = ", ".join(_name(operand, tile, index) + of_words[operand] for operand in kept)
        found.append(Obstacle(
            "capacity", level.name, total * share,
            f"{level.name} holds {level.capacity_bits} bits{halved}, and the least it must keep takes {total} bits "
            f"under {flow} ({parts}): {total * share} bits would do",
        ))  # fmt: skip
    return found


def _words(count: int) -> str:
    return f"{count} word" if count == 1 else f"{count} words"


def _name(operand: str, tile: dict[str, int], index: int) -> str:
    """A smallest tile as an architect calls it, with the dims that make it larger than a word."""
    if index == 0:
        return f"the layer's {operand}"
    dims = [dim for dim in DIMS if dim in RELEVANT[operand] and tile[dim] > 1]
    if not dims:
        return f"one {operand} word"
    if operand in WINDOWS and tuple(dims) in WINDOWS[operand]:
        return WINDOWS[operand][tuple(dims)]
    return f"the smallest {operand} tile ({', '.join(f'{dim}={tile[dim]}' for dim in dims)})"
