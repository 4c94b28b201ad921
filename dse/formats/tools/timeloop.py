"""Timeloop's input for one mapped layer: problem, architecture and mapping, so that its model can check a result.

Written is the v0.4 format. A spatial directive targets the level above its fan-out, and permutations run from the
innermost loop outwards, as Timeloop's documentation of mappings says. Its model counts by rules of its own
(`counting: timeloop` here): tiles are shared only when they are equal, every transfer overlaps, factors are perfect.
"""

from __future__ import annotations

from collections.abc import Mapping as Fields
from collections.abc import Sequence
from itertools import pairwise
from math import ceil, prod

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut, Level
from dse.errors import DseError
from dse.formats.text.yaml_text import flow
from dse.model.mapping import Loop, Mapping, Spatial, Temporal
from dse.problem.dims import DIMS, OPERANDS
from dse.problem.layer import Layer

TENSORS = {"weight": "Weights", "ifmap": "Inputs", "psum": "Outputs"}

FILES = ("problem.yaml", "architecture.yaml", "mapping.yaml")

_PROJECTIONS = {
    "weight": [[["G"]], [["K"]], [["C"]], [["R"]], [["S"]]],
    "ifmap": [
        [["N"]],
        [["G"]],
        [["C"]],
        [["R", "Hdilation"], ["P", "Hstride"]],
        [["S", "Wdilation"], ["Q", "Wstride"]],
    ],
    "psum": [[["N"]], [["G"]], [["K"]], [["P"]], [["Q"]]],
}


def timeloop_files(architecture: Architecture, layer: Layer, mapping: Mapping) -> dict[str, str]:
    """The three files, by name.

    Parameters
    ----------
    architecture : Architecture
    layer : Layer
    mapping : Mapping
        With perfect factors, and no dim twice in a level's loops.

    Returns
    -------
    dict
        Name of each of `FILES` to its text.

    Raises
    ------
    DseError
        What Timeloop's format cannot say.
    """
    layer = architecture.lowered(layer)
    mapping.check(architecture, layer)
    _check_perfect(layer, mapping)
    for outer, inner in pairwise(architecture.hierarchy):
        if isinstance(outer, FanOut) and isinstance(inner, FanOut):
            raise DseError(f"{inner.name} stands right below {outer.name}, and Timeloop's directives target levels",
                           hint="one fan-out of as many children has the same tiles")  # fmt: skip
    texts = (_problem(layer), _architecture(architecture, layer, mapping), _mapping(architecture, mapping))
    return dict(zip(FILES, texts, strict=True))


def _check_perfect(layer: Layer, mapping: Mapping) -> None:
    for dim, bound in zip(DIMS, layer.bounds, strict=True):
        product = 1
        for loop in mapping.loops:
            product *= loop.trips if loop.dim == dim else 1
        if product != bound:
            raise DseError(f"layer {layer.name}: the loops over {dim} cover {product}, its bound is {bound}",
                           hint="Timeloop's model wants perfect factors: map with --factors perfect")  # fmt: skip


def _problem(layer: Layer) -> str:
    coefficients = {"Hstride": layer.stride_h, "Wstride": layer.stride_w, "Hdilation": layer.dilation_h,
                    "Wdilation": layer.dilation_w}  # fmt: skip
    lines = ["problem:", "  version: 0.4", "  shape:", "    name: layer", f"    dimensions: {flow(list(DIMS))}"]
    lines += ["    coefficients:", *(f"    - {{name: {name}, default: 1}}" for name in coefficients)]
    lines.append("    data_spaces:")
    for operand, name in TENSORS.items():
        lines += [f"    - name: {name}", f"      projection: {flow(_PROJECTIONS[operand])}"]
        if operand == "psum":
            lines.append("      read_write: true")
    sizes = dict(zip(DIMS, layer.bounds, strict=True))
    return "\n".join([*lines, f"  instance: {flow({**sizes, **coefficients})}"]) + "\n"


def _architecture(architecture: Architecture, layer: Layer, mapping: Mapping) -> str:
    lines = ["architecture:", "  version: 0.4", "  nodes:"]
    for node, used in zip(architecture.hierarchy, mapping.nodes, strict=True):
        if isinstance(node, FanOut):
            flat = isinstance(used, Spatial) and _on_both_sides(used)
            mesh = {"meshX": node.children, "meshY": 1} if flat else {"meshX": node.cols, "meshY": node.rows}
            lines += ["  - !Container", f"    name: below_{node.name}", f"    spatial: {flow(mesh)}"]
            continue
        kind = "DRAM" if node is architecture.hierarchy[0] else "storage"
        lines += ["  - !Component", f"    name: {node.name}", f"    class: {kind}"]
        lines.append(f"    attributes: {flow(_attributes(node, layer))}")
    bits = max(layer.bits)
    lines += ["  - !Component", "    name: MAC", "    class: intmac", f"    attributes: {{datawidth: {bits}}}"]
    return "\n".join(lines) + "\n"


def _attributes(level: Level, layer: Layer) -> dict[str, float]:
    """Capacity in words of the widest operand; Timeloop's levels share theirs, so separate ones are added."""
    bits = max(layer.bits)
    attributes: dict[str, float] = {"width": bits, "datawidth": bits}
    capacity = level.capacity_bits
    if level.partition_bits is not None:
        parts = [level.partition_bits[operand] for operand in OPERANDS if operand in level.stores]
        known = [part for part in parts if part is not None]
        capacity = sum(known) if len(known) == len(parts) else None
    if capacity is not None:
        attributes["depth"] = ceil(capacity / level.tile_share / bits)
    rates: dict[str, float] = {}
    for port in level.ports:
        ways = {way for _, way in port.serves}
        name = "shared" if len(ways) > 1 else ways.pop()
        rates[name] = rates.get(name, 0.0) + port.words_per_cycle
    return attributes | {f"{name}_bandwidth": rates[name] for name in ("shared", "read", "write") if name in rates}


def _mapping(architecture: Architecture, mapping: Mapping) -> str:
    lines = ["mapping:"]
    above = ""
    for node, place in zip(mapping.nodes, architecture.hierarchy, strict=True):
        if isinstance(node, Temporal):
            above = place.name
            keep = [TENSORS[operand] for operand in OPERANDS if operand in node.stores]
            bypass = [TENSORS[operand] for operand in OPERANDS if operand not in node.stores]
            lines += _directive(above, "dataspace", {"keep": keep, "bypass": bypass})
            # innermost first
            lines += _directive(above, "temporal", _loops(node.loops[::-1], place.name))
        else:
            assert isinstance(node, Spatial)
            cols, rows = node.cols, node.rows
            if _on_both_sides(node):
                dims = dict.fromkeys(loop.dim for loop in node.loops)
                cols, rows = tuple(Loop(dim, prod(x.trips for x in node.loops if x.dim == dim)) for dim in dims), ()
            sides = (*cols[::-1], *rows[::-1])
            split = len([loop for loop in cols if loop.trips > 1])
            lines += _directive(above, "spatial", {**_loops(sides, place.name), "split": split})
    return "\n".join(lines) + "\n"


def _on_both_sides(node: Spatial) -> bool:
    """Whether a dim has children on rows and on columns, for which Timeloop has no words.

    The mesh is then written as one row of as many children, which has the same tiles and the same counts.
    """
    sides = [{loop.dim for loop in side if loop.trips > 1} for side in (node.rows, node.cols)]
    return bool(sides[0] & sides[1])


def _loops(loops: Sequence[Loop], where: str) -> dict[str, list[str]]:
    """Factors of every dim, and their order: those with trips first, then those without."""
    used = [loop for loop in loops if loop.trips > 1]
    dims = [loop.dim for loop in used]
    twice = [dim for dim in dims if dims.count(dim) > 1]
    if twice:
        raise DseError(f"{where} has two loops over {twice[0]}, and Timeloop's directives have one for each dim")
    trips = {loop.dim: loop.trips for loop in used}
    rest = [dim for dim in DIMS if dim not in trips]
    return {"factors": [f"{dim}={trips.get(dim, 1)}" for dim in DIMS], "permutation": [*dims, *rest]}


def _directive(target: str, kind: str, fields: Fields[str, object]) -> list[str]:
    return [f"- target: {target}", f"  type: {kind}", *(f"  {key}: {flow(value)}" for key, value in fields.items())]
