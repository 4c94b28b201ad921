"""Timeloop's input for one mapped layer: problem, architecture, energies and mapping, so that its model can check it.

Written are two forms: the flat one that `timeloop-model` reads itself (a list of storage levels, factors and orders as
strings), and the nodes of v0.4 that its Python front end reads. They differ in where an unrolling is said: at the level
above the fan-out in the first, at the fan-out's container in the second. Permutations run from the innermost loop
outwards in both. What each level keeps is said to its mapper, too: in the nodes, and in a file for the flat form. Its
model counts by rules of its own (`counting: timeloop` here): tiles are shared only when they are
equal, every transfer overlaps, factors are perfect.

A level with a partition for each operand is written as so many levels, one inside the other; the loops stand at the
innermost of them, so that all hold their operand for the same time.

What a level draws whether or not it works is an energy of each cycle (`leak`) in Timeloop's tables; they have none of
MACs, of a chip's clock tree or of words on their way over a mesh. `remarks` says how much that is. They have one width
for all words of a level, too: the widest of what comes there.
"""

from __future__ import annotations

from collections.abc import Mapping as Fields
from collections.abc import Sequence
from itertools import pairwise

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut
from dse.errors import DseError
from dse.formats.text.yaml_text import flow, scalar
from dse.formats.tools.timeloop.exporting.left_out import left_out
from dse.formats.tools.timeloop.exporting.parts import TENSORS, Mesh, Store, parts_of, widened
from dse.formats.tools.timeloop.exporting.tables import MAC, Priced, areas_text, energies_text, plain
from dse.model.mapping import Loop, Mapping
from dse.problem.dims import DIMS, OPERANDS
from dse.problem.layer import Layer

FORMS = {
    "flat": ("problem.yaml", "energies.yaml", "architecture.yaml", "constraints.yaml", "mapping.yaml"),
    "v04": ("problem.yaml", "energies.yaml", "architecture.yaml", "mapping.yaml"),
}
"""Folders, each with all files of one form: of `timeloop-model` and its mapper, and of its Python front end."""

_MOST_WORDS = 2**32 - 1
"""That `timeloop-model` reads as a capacity."""

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
    """The files of both forms, by folder and name.

    Parameters
    ----------
    architecture : Architecture
    layer : Layer
    mapping : Mapping
        With perfect factors, and no dim twice in a level's loops.

    Returns
    -------
    dict
        `flat/problem.yaml` and so on, for each of `FORMS`, to its text.

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
    parts = parts_of(architecture, layer, mapping)
    head = "".join(f"# {remark}\n" for remark in (*left_out(architecture), *widened(parts)))
    shared = (_problem(layer), head + _tables(architecture, layer, parts))
    flat = (head + _flat_architecture(architecture, layer, parts), _constraints(parts), _mapping(parts, is_flat=True))
    nodes = (head + _nodes_architecture(architecture, layer, parts), _mapping(parts, is_flat=False))
    texts = {"flat": (*shared, *flat), "v04": (*shared, *nodes)}
    return {
        f"{form}/{name}": text for form, names in FORMS.items() for name, text in zip(names, texts[form], strict=True)
    }


def remarks(architecture: Architecture, layer: Layer, mapping: Mapping) -> tuple[str, ...]:
    """What Timeloop counts otherwise, or not at all: the sentences at the heads of the files."""
    parts = parts_of(architecture, architecture.lowered(layer), mapping)
    return (*left_out(architecture), *widened(parts))


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


def _tables(architecture: Architecture, layer: Layer, parts: Sequence[Store | Mesh]) -> str:
    """Energies and areas of every component."""
    mac = architecture.mac
    mac_pj = mac.energy_at_pj(layer.bits.ifmap, layer.bits.weight, layer.bits.psum)
    stores = [
        Priced(part.name, {"read": part.read_pj, "write": part.write_pj, "update": part.write_pj, "leak": part.leak_pj},
               part.area_um2)
        for part in parts if isinstance(part, Store)
    ]  # fmt: skip
    priced = [*stores, Priced(MAC, {"compute": mac_pj}, mac.area_mm2 * 1e6)]
    return energies_text(priced) + areas_text(priced)


def _words(store: Store, layer: Layer) -> int:
    """Capacity; of a level without limit, or one of more words than can be said, room for all that the layer has."""
    everything = sum(layer.words(operand) for operand in OPERANDS)
    return everything if store.words is None or store.words > _MOST_WORDS else store.words


def _flat_architecture(architecture: Architecture, layer: Layer, parts: Sequence[Store | Mesh]) -> str:
    """Storage levels, innermost first, each with the instances that all fan-outs above it make."""
    x = y = 1
    storage: list[list[str]] = []
    for part in parts:
        if isinstance(part, Mesh):
            x, y = x * part.x, y * part.y
            continue
        lines = [f"  - name: {part.name}", f"    technology: {'SRAM' if storage else 'DRAM'}",
                 f"    instances: {x * y}", f"    meshX: {x}", f"    word_bits: {part.bits}",
                 "    block_size: 1"]  # fmt: skip
        if storage or part.words is not None:  # the outermost alone may be without limit
            lines.append(f"    entries: {_words(part, layer)}")
        storage.append([*lines, *(f"    {name}_bandwidth: {plain(rate)}" for name, rate in part.rates.items())])
    # its energy and area stand in the tables: the parser stops at a fraction that stands here
    lines = ["architecture:", f"  global_cycle_seconds: {1 / architecture.clock_hz!r}", "  arithmetic:",
             f"    name: {MAC}", f"    instances: {x * y}", f"    meshX: {x}", f"    word_bits: {max(layer.bits)}",
             "  storage:"]  # fmt: skip
    return "\n".join([*lines, *(line for part in reversed(storage) for line in part)]) + "\n"


def _nodes_architecture(architecture: Architecture, layer: Layer, parts: Sequence[Store | Mesh]) -> str:
    """Nodes of v0.4, outermost first; a container makes the instances of all that follows it."""
    taken = {part.name for part in parts} | {MAC}
    chip = next(name for name in (scalar(architecture.name), "chip", "machine", "system") if name not in taken)
    lines = ["architecture:", "  version: 0.4", "  nodes:", "  - !Container", f"    name: {chip}",
             f"    attributes: {{global_cycle_seconds: {1 / architecture.clock_hz!r}}}"]  # fmt: skip
    for at, part in enumerate(parts):
        if isinstance(part, Mesh):
            lines += ["  - !Container", f"    name: {_container(part)}",
                      f"    spatial: {flow({'meshX': part.x, 'meshY': part.y})}"]  # fmt: skip
            continue
        attributes: dict[str, float] = {"width": part.bits, "datawidth": part.bits, "block_size": 1,
                                        "depth": _words(part, layer)}  # fmt: skip
        attributes |= {f"{name}_bandwidth": rate for name, rate in part.rates.items()}
        asked: dict[str, dict[str, list[str]]] = {"dataspace": part.keeping}
        if part.is_partition:
            asked["temporal"] = {"factors": [f"{dim}=1" for dim in DIMS]}
        lines += ["  - !Component", f"    name: {part.name}", f"    class: {'storage' if at else 'DRAM'}",
                  f"    attributes: {flow(attributes)}", f"    constraints: {flow(asked)}"]  # fmt: skip
    width = max(layer.bits)
    lines += ["  - !Component", f"    name: {MAC}", "    class: intmac",
              f"    attributes: {{width: {width}, datawidth: {width}}}"]  # fmt: skip
    return "\n".join(lines) + "\n"


def _constraints(parts: Sequence[Store | Mesh]) -> str:
    """What levels keep, and that partitions have no loops, for the flat form's mapper."""
    lines = ["mapspace_constraints:"]
    for part in parts:
        if isinstance(part, Store):
            lines += _directive(part.name, "bypass", part.keeping)
            if part.is_partition:
                lines += _directive(part.name, "temporal", {"factors": " ".join(f"{dim}=1" for dim in DIMS)})
    return "\n".join(lines) + "\n"


def _container(mesh: Mesh) -> str:
    return f"below_{mesh.name}"


def _mapping(parts: Sequence[Store | Mesh], is_flat: bool) -> str:
    lines = ["mapping:"]
    above = ""
    for part in parts:
        if isinstance(part, Store):
            above = part.name
            keep = [TENSORS[operand] for operand in OPERANDS if operand in part.keep]
            bypass = [TENSORS[operand] for operand in OPERANDS if operand not in part.keep]
            lines += _directive(above, "bypass" if is_flat else "dataspace", {"keep": keep, "bypass": bypass})
            lines += _directive(above, "temporal", _loops(part.loops, part.name, is_flat))
        else:
            split = len([loop for loop in part.over_x if loop.trips > 1])
            sides = _loops((*part.over_x, *part.over_y), part.name, is_flat)
            lines += _directive(above if is_flat else _container(part), "spatial", {**sides, "split": split})
    return "\n".join(lines) + "\n"


def _loops(loops: Sequence[Loop], where: str, is_flat: bool) -> dict[str, object]:
    """Factors of every dim, and their order: those with trips first, then those without; strings in the flat form."""
    used = [loop for loop in loops if loop.trips > 1]
    dims = [loop.dim for loop in used]
    twice = [dim for dim in dims if dims.count(dim) > 1]
    if twice:
        raise DseError(f"{where} has two loops over {twice[0]}, and Timeloop's directives have one for each dim")
    trips = {loop.dim: loop.trips for loop in used}
    factors = [f"{dim}={trips.get(dim, 1)}" for dim in DIMS]
    order = [*dims, *(dim for dim in DIMS if dim not in trips)]
    return {"factors": " ".join(factors), "permutation": "".join(order)} if is_flat else {
        "factors": factors, "permutation": order
    }  # fmt: skip


def _directive(target: str, kind: str, fields: Fields[str, object]) -> list[str]:
    return [f"- target: {target}", f"  type: {kind}", *(f"  {key}: {flow(value)}" for key, value in fields.items())]
