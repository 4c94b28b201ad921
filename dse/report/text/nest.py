"""A mapping as the loop nest that it is, level by level, with what every level holds."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, prod
from typing import TYPE_CHECKING

from dse.model.fit import held_bits
from dse.model.mapping import Loop, Mapping, Spatial, Temporal, tile_words
from dse.problem.dims import DIMS, OPERANDS, PerOperand
from dse.report.table import fold
from dse.report.units import capacity, whole

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture
    from dse.architecture.hierarchy import FanOut, Level
    from dse.problem.layer import Layer

INDENT = "  "


def nest_text(architecture: Architecture, layer: Layer, mapping: Mapping) -> str:
    """The loop nest of a layer, outermost first.

    A level's line says what it holds of each operand, in words and as a part of its capacity; `for` steps in time,
    `parallel-for` spreads over the children of a fan-out. After a loop stands the size of its tiles.

    Examples
    --------
    A level, a loop over it and an unrolling look like this::

        GLB holds ifmap 2,112 + psum 43,264 words: 88.6 KiB of 108 KiB (82 %)
          for k in 4                 64 at a time
            array, 39 of 168 children
              parallel-for r in 3    on 3 of 12 rows
    """
    architecture = mapping.machine(architecture)
    lines: list[tuple[str, str]] = []
    depth = 0
    for index, (node, place) in enumerate(zip(mapping.nodes, architecture.hierarchy, strict=True)):
        if isinstance(node, Temporal):
            bits = held_bits(layer, architecture, mapping, index)
            lines.append((INDENT * depth + _held(place, layer, mapping, index, bits), ""))  # type: ignore[arg-type]
            depth += 1
            for position, loop in enumerate(node.loops):
                size = _step(mapping, index, node.loops[position + 1 :], loop.dim)
                lines.append((f"{INDENT * depth}for {_head(loop)}", _tiles(loop, size, layer)))
                depth += 1
        else:
            lines += [(INDENT * depth + text, remark) for text, remark in _unrolled(node, place)]  # type: ignore[arg-type]
            depth += 1
    lines.append((INDENT * depth + "multiply and add", ""))
    width = max((len(text) for text, remark in lines if remark), default=0)
    return "\n".join(
        f"{text:<{width}}   {remark}" if remark else fold(text) for text, remark in lines
    )  # fmt: skip


def _head(loop: Loop) -> str:
    return f"{loop.dim.lower()} in {loop.trips}"


def _step(mapping: Mapping, index: int, rest: tuple[Loop, ...], dim: str) -> int:
    """How far one iteration of a loop moves: the factors over its dim inside it."""
    inside = [*rest, *(loop for node in mapping.nodes[index + 1 :] for loop in node.loops)]
    return prod(loop.trips for loop in inside if loop.dim == dim)


def _tiles(loop: Loop, size: int, layer: Layer) -> str:
    """The size of a loop's tiles, and of the last one when it is smaller."""
    bound = layer.bounds[DIMS.index(loop.dim)]
    last = bound - size * (loop.trips - 1)
    if loop.trips * size > bound and 0 < last < size:
        return f"{size} at a time, the last {last}"
    return f"{size} at a time" if size > 1 else ""


def _held(level: Level, layer: Layer, mapping: Mapping, index: int, widths: PerOperand[int | Fraction]) -> str:
    node = mapping.nodes[index]
    assert isinstance(node, Temporal)
    tile = mapping.tile(layer, index)
    words = {o: tile_words(layer, o, tile) for o in OPERANDS if o in node.stores}
    if not words:
        return f"{level.name} holds nothing"
    bits = {operand: count * widths[operand] for operand, count in words.items()}
    if level.partition_bits is not None:
        parts = []
        for operand, count in words.items():
            room = level.partition_bits[operand]
            of = "" if room is None else f" of {whole(room // widths[operand])}"
            parts.append(f"{operand} {whole(count)}{of}")
        return f"{level.name} holds {', '.join(parts)} words"
    held = " + ".join(f"{operand} {whole(count)}" for operand, count in words.items())
    total = ceil(sum(bits.values()))
    if level.capacity_bits is None:
        return f"{level.name} holds {held} words: {capacity(total)}"
    share = f"{100 * total / level.capacity_bits:.0f} %"
    return f"{level.name} holds {held} words: {capacity(total)} of {capacity(level.capacity_bits)} ({share})"


def _unrolled(node: Spatial, fan_out: FanOut) -> list[tuple[str, str]]:
    used = prod(loop.trips for loop in node.loops)
    lines = [(f"{fan_out.name}, {used} of {fan_out.children} children", "")]
    for loops, size, side in ((node.rows, fan_out.rows, "rows"), (node.cols, fan_out.cols, "columns")):
        taken = prod(loop.trips for loop in loops)
        heads = ", ".join(_head(loop) for loop in loops if loop.trips > 1)
        if heads:
            lines.append((f"{INDENT}parallel-for {heads}", f"on {taken} of {size} {side}"))
    return lines
