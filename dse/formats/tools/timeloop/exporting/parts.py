"""An architecture and a mapping of ours as Timeloop sees them: stores with one width and energy each, and meshes."""

from __future__ import annotations

from collections.abc import Mapping as Fields
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import Direction, FanOut, Level
from dse.errors import DseError
from dse.model.fit import held_bits
from dse.model.mapping import Loop, Mapping, Spatial, Temporal, tile_words
from dse.problem.dims import OPERANDS
from dse.problem.layer import Layer

TENSORS = {"weight": "Weights", "ifmap": "Inputs", "psum": "Outputs"}


@dataclass(frozen=True, slots=True)
class Mesh:
    """A fan-out as Timeloop sees it.

    Parameters
    ----------
    name : str
    x, y : int
        Its children.
    over_x, over_y : tuple of Loop
        What is unrolled over them, innermost first.
    """

    name: str
    x: int
    y: int
    over_x: tuple[Loop, ...]
    over_y: tuple[Loop, ...]


@dataclass(frozen=True, slots=True)
class Store:
    """A level as Timeloop sees it: one word width, one energy for each action, one capacity.

    Parameters
    ----------
    name : str
    bits : int
        Of a word, which is one element of the widest operand here.
    widths : tuple of int
        Of the operands that are kept, ascending.
    words : int or None
        Capacity for a tile.
    keep : tuple of str
        Operands.
    loops : tuple of Loop
        Innermost first.
    read_pj, write_pj : float
        For one word.
    leak_pj, area_um2 : float
        Of one instance, for one cycle, and in all.
    rates : dict
        Words a cycle of `shared`, `read` and `write`, where limited.
    always, never : tuple of str
        Operands that every mapping keeps there, and that none does.
    is_partition : bool
        Whether the loops of its level stand at a store further in.
    """

    name: str
    bits: int
    widths: tuple[int, ...]
    words: int | None
    keep: tuple[str, ...]
    loops: tuple[Loop, ...]
    read_pj: float
    write_pj: float
    leak_pj: float
    area_um2: float
    rates: Fields[str, float]
    always: tuple[str, ...]
    never: tuple[str, ...]
    is_partition: bool

    @property
    def keeping(self) -> dict[str, list[str]]:
        """What every mapping keeps and leaves out, in Timeloop's words."""
        return {"keep": [TENSORS[o] for o in self.always], "bypass": [TENSORS[o] for o in self.never]}


def parts_of(architecture: Architecture, layer: Layer, mapping: Mapping) -> list[Store | Mesh]:
    """Levels and fan-outs that Timeloop has words for, outermost first; raises `DseError` for what it has none for."""
    parts: list[Store | Mesh] = []
    for at, (node, place) in enumerate(zip(mapping.nodes, architecture.hierarchy, strict=True)):
        if isinstance(place, FanOut):
            assert isinstance(node, Spatial)
            if place.children > 1:
                parts.append(_mesh(place, node))
        else:
            assert isinstance(node, Temporal)
            # of psums, those that are finished may be narrower
            bits = {**layer.bits.to_dict(), "psum": held_bits(layer, architecture, mapping, at).psum}
            tile = mapping.tile(layer, at)
            kept = {operand: _Kept(int(bits[operand]), tile_words(layer, operand, tile)) for operand in OPERANDS}
            parts += _stores(place, node, kept, architecture.clock_hz)
    return parts


def widened(parts: Sequence[Store | Mesh]) -> list[str]:
    """A sentence for each level whose words have several widths."""
    mixed = [part for part in parts if isinstance(part, Store) and len(part.widths) > 1]
    return [
        f"{part.name} keeps words of {' and '.join(map(str, part.widths))} bits; Timeloop counts all as {part.bits}."
        for part in mixed
    ]


def _mesh(place: FanOut, node: Spatial) -> Mesh:
    if not _on_both_sides(node):
        return Mesh(place.name, place.cols, place.rows, node.cols[::-1], node.rows[::-1])
    dims = dict.fromkeys(loop.dim for loop in node.loops)
    together = tuple(Loop(dim, prod(x.trips for x in node.loops if x.dim == dim)) for dim in dims)
    return Mesh(place.name, place.children, 1, together[::-1], ())


class _Kept(NamedTuple):
    """An operand at a level: the width of an element, and how many elements a tile has."""

    bits: int
    words: int


def _stores(level: Level, node: Temporal, kept: Fields[str, _Kept], clock_hz: float) -> list[Store]:
    """One store, or one for each operand of a level with partitions."""
    if level.memories:
        names = " and ".join(level.memories)
        raise DseError(f"{names} lie side by side, and Timeloop has one outermost level", hint="give one for all")
    operands = [operand for operand in OPERANDS if operand in level.stores]
    partitions = [[operand] for operand in operands] if level.partition_bits is not None else [operands]
    return [
        _store(level, node, {o: kept[o] for o in part}, clock_hz, share, is_last=part is partitions[-1])
        for part, share in zip(partitions, _shares(level, partitions), strict=True)
    ]


def _shares(level: Level, partitions: Sequence[Sequence[str]]) -> list[float]:
    """The part of the level's area and power that each partition has: that of its capacity, or an equal one."""
    sizes = [level.partition_bits[kept[0]] if level.partition_bits else 1 for kept in partitions]
    known = [size for size in sizes if size]
    if len(known) < len(sizes):
        return [1 / len(sizes)] * len(sizes)
    return [size / sum(known) for size in known]


def _store(
    level: Level, node: Temporal, kept: Fields[str, _Kept], clock_hz: float, part: float, *, is_last: bool
) -> Store:
    operands = list(kept)
    for energies in (level.read_energy_pj, level.write_energy_pj):
        if len({energies[operand] for operand in operands}) > 1:
            raise DseError(f"{level.name} has an energy for each operand, and a level of Timeloop has one for all",
                           hint="capacity: {ifmap: ..., weight: ..., psum: ...} makes levels of its parts")  # fmt: skip
    is_whole = set(operands) == level.stores
    here = {operand: kept[operand] for operand in operands if operand in node.stores}
    bits = max(each.bits for each in (here or kept).values())
    capacity = level.capacity_bits if level.partition_bits is None else level.partition_bits[operands[0]]
    rates: dict[str, float] = {}
    for port in level.ports:
        ways: set[Direction] = {way for operand, way in port.serves if operand in operands}
        if ways:
            rate = "shared" if len(ways) > 1 else ways.pop()
            rates[rate] = rates.get(rate, 0.0) + port.words_per_cycle * level.word_bits / bits
    share = bits / level.word_bits
    name = level.name if is_whole else f"{level.name}_{operands[0]}"
    words = None if capacity is None else capacity // level.tile_share // bits
    if words is not None and sum(each.words for each in here.values()) > words:
        raise DseError(f"{name} keeps words of several widths, and its tile does not fit {words} words of {bits} bits, "
                       "which is the one width that Timeloop has for a level",
                       hint="capacity: {ifmap: ..., weight: ..., psum: ...} makes levels of its parts")  # fmt: skip
    return Store(
        name, bits, tuple(sorted({each.bits for each in here.values()})), words, tuple(here),
        node.loops[::-1] if is_last else (),
        level.read_energy_pj[operands[0]] * share, level.write_energy_pj[operands[0]] * share,
        (level.static_power_mw + level.clock_power_mw) * part / clock_hz * 1e9, level.area_mm2 * part * 1e6, rates,
        tuple(o for o in operands if o not in level.may_bypass), tuple(o for o in OPERANDS if o not in operands),
        not is_last,
    )  # fmt: skip


def _on_both_sides(node: Spatial) -> bool:
    """Whether a dim has children on rows and on columns, for which Timeloop has no words.

    The mesh is then written as one row of as many children, which has the same tiles and the same counts.
    """
    sides = [{loop.dim for loop in side if loop.trips > 1} for side in (node.rows, node.cols)]
    return bool(sides[0] & sides[1])
