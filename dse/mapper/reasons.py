"""Why no mapping of a layer exists, in the user's terms."""

from __future__ import annotations

from math import ceil

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut, Level
from dse.model.mapping import tile_words
from dse.model.price import capacities
from dse.problem.dims import DIMS, OPERANDS
from dse.problem.layer import Layer


def why_infeasible(architecture: Architecture, layer: Layer, factors: str) -> str:
    """Name the constraint that no mapping of the layer can meet.

    The smallest tile that the dataflow allows at each level is compared with what the level offers; if all fit one by
    one, the constraints contradict each other only together, and that is said.
    """
    table = capacities(architecture)
    tile = dict.fromkeys(DIMS, 1)
    flow = architecture.dataflow
    for index in range(len(architecture.hierarchy) - 1, -1, -1):
        node = architecture.hierarchy[index]
        if isinstance(node, FanOut):
            for dims, side, what in ((flow.rows_whole, node.rows, "rows"), (flow.cols_whole, node.cols, "columns")):
                for dim in dims:
                    bound = getattr(layer, dim)
                    tile[dim] = min(bound, ceil(bound / ceil(bound / min(bound, side))))
                    if factors == "perfect" and all(bound % k for k in range(2, min(bound, side) + 1)) and bound > side:
                        return (
                            f"layer {layer.name}: {dim}={bound} has no perfect factor above 1 on the {side} {what} of "
                            f"{node.name}, and {flow.name} unrolls it there; imperfect factors (factors=all) can"
                        )
            continue
        if index == len(architecture.hierarchy) - 1:
            for dim in flow.inside_whole:
                tile[dim] = getattr(layer, dim)
        reason = _too_small(node, table[index], layer, tile, flow.name)
        if reason:
            return reason
    return (
        f"layer {layer.name}: every constraint of {architecture.name} under {flow.name} can be met alone, "
        "but not all at once; larger buffers or a freer dataflow (flexible) would make room"
    )


def _too_small(level: Level, offered: tuple[float, ...], layer: Layer, tile: dict[str, int], flow: str) -> str:
    total = 0
    needed = []
    for k, operand in enumerate(OPERANDS):
        if operand not in level.stores - level.may_bypass:
            continue
        bits = tile_words(layer, operand, tile) * layer.bits[operand]
        total += bits
        needed.append(f"{bits // layer.bits[operand]} {operand} words")
        if bits > offered[k]:
            return (
                f"layer {layer.name}: {level.name} holds {int(offered[k] // layer.bits[operand])} {operand} words, "
                f"the smallest tile under {flow} needs {bits // layer.bits[operand]}"
            )
    if total > offered[3]:
        return (
            f"layer {layer.name}: {level.name} holds {int(offered[3])} bits, the smallest tile under {flow} needs "
            f"{total} ({', '.join(needed)})"
        )
    return ""
