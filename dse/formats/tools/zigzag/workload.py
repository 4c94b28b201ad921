"""ZigZag's workloads: layers by equations, such as `O[b][k][oy][ox]+=W[k][c][fy][fx]*I[b][c][iy][ix]`.

What a dim means is read off the equation, not off its name: a dim of weights and outputs is K, one of weights and
inputs C, one of inputs and outputs N, one of all three G. Several dims of one meaning are one bound, their product. A
relation such as `iy=2*oy+1*fy` makes a window, the first one of the inputs over rows, the second over columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeGuard

from dse.errors import DseError
from dse.formats.text.source import DataPath, Source
from dse.formats.tools.imported import file_name
from dse.formats.tools.zigzag.typed import check_kinds
from dse.problem import shapes
from dse.problem.layer import Layer
from dse.problem.shapes import Window
from dse.problem.workload import Node, Workload

LISTS = ("dimension_relations", "pr_loop_dims", "pr_loop_sizes", "padding")
"""Keys of a layer that have a list."""

KEYS = (
    "id", "name", "operator_type", "equation", "dimension_relations", "loop_dims", "loop_sizes", "operand_precision",
    "operand_source", "pr_loop_dims", "pr_loop_sizes", "padding",
)  # fmt: skip

MEANINGS = {frozenset("OW"): "K", frozenset("WI"): "C", frozenset("OI"): "N", frozenset("OWI"): "G"}
"""The operands that a dim indexes, to its name here."""

WINDOWS = (("P", "R", "stride_h", "dilation_h"), ("Q", "S", "stride_w", "dilation_w"))

POOLS = {"Pooling": "maxpool", "Pool": "maxpool", "MaxPool": "maxpool", "Max": "maxpool", "AveragePool": "avgpool",
         "GlobalAveragePool": "avgpool"}  # fmt: skip

_EQUATION = re.compile(r"O((?:\[\w+\])+)\s*\+?\s*=\s*(\w+)((?:\[\w+\])+)\s*([*+])\s*(\w+)((?:\[\w*\])+)\s*")
_RELATION = re.compile(r"\s*(\w+)\s*=\s*(?:(\d+)\s*\*\s*)?(\w+)\s*\+\s*(?:(\d+)\s*\*\s*)?(\w+)\s*")


@dataclass(frozen=True, slots=True)
class ZigzagWorkload:
    """A network, with what a mapping needs to know of its MAC layers.

    Parameters
    ----------
    workload : Workload
    types : mapping from a layer's name to ZigZag's `operator_type`
    dims : mapping from a layer's name to {ZigZag's dim: its name here}
    """

    workload: Workload
    types: Mapping[str, str]
    dims: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class _Entry:
    """One item of the file, as far as it is checked."""

    source: Source
    path: DataPath
    given: Mapping[str, Any]
    sizes: Mapping[str, int]
    indices: Mapping[str, tuple[str, ...]]
    relations: Mapping[str, tuple[tuple[str, int], tuple[str, int]]]
    operation: str

    def error(self, key: str, message: str, hint: str | None = None) -> DseError:
        return self.source.error((*self.path, key), message, hint)

    def operands_of(self, dim: str) -> frozenset[str]:
        """The operands that a dim indexes, by itself or in a window."""
        return frozenset(operand for operand, indices in self.indices.items() for index in indices
                         if index == dim or dim in dict(self.relations.get(index, ())))  # fmt: skip


def read_workload(source: Source) -> ZigzagWorkload:
    """The network of a ZigZag workload file.

    Parameters
    ----------
    source : Source

    Raises
    ------
    SpecError
        What the file says and a workload here cannot, with its place.

    Examples
    --------
    >>> from dse.formats.text.source import parse_source
    >>> text = '''
    ... - id: 0
    ...   operator_type: Gemm
    ...   equation: O[m][n]+=I[m][k]*W[k][n]
    ...   loop_dims: [M, N, K]
    ...   loop_sizes: [4, 8, 16]
    ...   operand_precision: {W: 4, I: 8, O: 32, O_final: 8}
    ... '''
    >>> (layer,) = read_workload(parse_source(text)).workload.layers
    >>> layer.N, layer.K, layer.C, layer.widths
    (4, 8, 16, {'ifmap': 8, 'weight': 4, 'psum': 32, 'ofmap': 8})
    """
    nodes: dict[Any, Node] = {}
    types: dict[str, str] = {}
    dims: dict[str, Mapping[str, str]] = {}
    for at, given in enumerate(source.data):
        entry = _entry(source, (at,), given)
        number = given.get("id", at)
        if not isinstance(number, int | str):
            raise entry.error("id", f"{number} is no number of a layer")
        name = str(given["name"]) if given.get("name") is not None else f"Layer{number}"
        if number in nodes or any(node.name == name for node in nodes.values()):
            raise entry.error("id", f"there are two layers with the id {number} or the name {name}")
        nodes[number], meanings = _node(entry, name, _reads(entry, number, nodes))
        if meanings:
            types[name], dims[name] = str(given["operator_type"]), meanings
    stem = re.sub(r"\.ya?ml$", "", file_name(source.file))
    return ZigzagWorkload(Workload(stem, tuple(nodes.values())), types, dims)


def whole_numbers(given: Any) -> TypeGuard[list[int]]:
    """Whether this is a list of whole numbers above 0."""
    return isinstance(given, list) and all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in given)


def _entry(source: Source, path: DataPath, given: Mapping[str, Any]) -> _Entry:
    for key in given:
        if key not in KEYS:
            raise source.error((*path, key), f"{key} has no words here", f"one of: {', '.join(KEYS)}", key=True)
    for key in ("operator_type", "equation", "loop_dims", "loop_sizes", "operand_precision"):
        if key not in given:
            raise source.error(path, f"a layer has {key}")
    check_kinds(source, path, given, lists=LISTS, mappings=("operand_source", "operand_precision"))
    names, sizes = given["loop_dims"], given["loop_sizes"]
    if not isinstance(names, list) or not whole_numbers(sizes) or len(names) != len(sizes):
        raise source.error((*path, "loop_sizes"), "there is a whole number above 0 for each of loop_dims")
    match = _EQUATION.fullmatch(str(given["equation"]))
    if match is None or {match[2], match[5]} != {"W", "I"}:
        hint = "O[..]+=W[..]*I[..], or a sum of W and I"
        raise source.error((*path, "equation"), "the equation is none of three operands O, W and I", hint)
    found = {"O": match[1], match[2]: match[3], match[5]: match[6]}
    indices = {name: tuple(part.upper() for part in re.findall(r"\w+", text)) for name, text in found.items()}
    entry = _Entry(
        source, path, given, {str(name).upper(): size for name, size in zip(names, sizes, strict=True)}, indices,
        dict(_relations(source, path, given)), match[4],
    )  # fmt: skip
    for index in (index for operand in indices.values() for index in operand):
        for dim in dict(entry.relations.get(index, ((index, 1),))):
            if dim not in entry.sizes:
                raise entry.error("equation", f"{dim.lower()} is neither among loop_dims nor related to them")
    return entry


def _relations(
    source: Source, path: DataPath, given: Mapping[str, Any]
) -> Iterator[tuple[str, tuple[tuple[str, int], tuple[str, int]]]]:
    for at, text in enumerate(given.get("dimension_relations") or []):
        relation = _RELATION.fullmatch(str(text))
        if relation is None:
            here = (*path, "dimension_relations", at)
            raise source.error(here, f"{text} is no sum of two dims", "e.g. ix=2*ox+1*fx")
        window, first, one, second, other = relation.groups()
        yield window.upper(), ((one.upper(), int(first or 1)), (other.upper(), int(second or 1)))


def _reads(entry: _Entry, number: Any, nodes: Mapping[Any, Node]) -> dict[str, Node]:
    """Operand to the node that makes it; one that comes from outside has none."""
    reads = {}
    for operand, origin in (entry.given.get("operand_source") or {}).items():
        if operand not in ("W", "I"):
            raise entry.error("operand_source", f"{operand} is no operand", "W and I")
        if origin == number:
            continue
        if not isinstance(origin, int | str) or origin not in nodes:
            raise entry.error("operand_source", f"there is no layer {origin} before this one")
        reads[operand] = nodes[origin]
    return reads


def _node(entry: _Entry, name: str, reads: Mapping[str, Node]) -> tuple[Node, Mapping[str, str]]:
    """The node, and for a MAC layer what its dims are here."""
    kind = str(entry.given["operator_type"])
    inputs = tuple(reads[operand].name for operand in ("I", "W") if operand in reads)
    if entry.operation == "+":
        if len(inputs) < 2:
            raise entry.error("operand_source", "a sum is of two layers", "operand_source: {W: 1, I: 3}")
        try:
            return Node(name, "add", shapes.added([reads["I"].shape, reads["W"].shape]), inputs), {}
        except DseError as error:
            raise entry.error("operand_source", error.message, error.hint) from None
    fields, meanings = _bounds(entry)
    if kind in POOLS:
        return _pool(entry, name, kind, fields, reads.get("I")), {}
    layer = Layer(name).with_(**fields, **_padding(entry)).stating(_widths(entry))
    try:
        layer = shapes.checked(layer)
    except DseError as error:
        raise entry.error("loop_sizes", error.message, error.hint) from None
    weights: Literal["parameters", "activations"] = "activations" if "W" in reads else "parameters"
    return Node(name, "layer", (layer.G * layer.K, layer.P, layer.Q), inputs, layer=layer, weights=weights), meanings


def _pool(entry: _Entry, name: str, kind: str, fields: Mapping[str, int], source: Node | None) -> Node:
    """Padded as far as its windows stick out of what it reads, which the file does not say."""
    if source is None or len(source.shape) != 3:
        raise entry.error("operand_source", "a pool reads the channels, rows and columns of a layer before it")
    rows, columns = fields.get("P", 1), fields.get("Q", 1)
    taps, stride = (fields.get("R", 1), fields.get("S", 1)), (fields.get("stride_h", 1), fields.get("stride_w", 1))
    beyond = [max(0, (outputs - 1) * step + size - side) for outputs, step, size, side in
              zip((rows, columns), stride, taps, source.shape[1:], strict=True)]  # fmt: skip
    pad = (beyond[0] // 2, beyond[0] - beyond[0] // 2, beyond[1] // 2, beyond[1] - beyond[1] // 2)
    shape = shapes.pooled(source.shape, Window(taps, stride, pad=pad))
    if shape[1:] != (rows, columns):
        raise entry.error("loop_sizes", f"windows of {taps} at {stride} make {shape[1:]} outputs of {source.name}, "
                          f"not {(rows, columns)}")  # fmt: skip
    attributes = ((POOLS[kind], taps), ("stride", stride), ("pad", pad))
    return Node(name, POOLS[kind], shape, (source.name,), attributes=attributes)


def _bounds(entry: _Entry) -> tuple[dict[str, int], dict[str, str]]:
    """Bounds, strides and dilations by their names here, and each dim of the file by its name here."""
    fields: dict[str, int] = {}
    meanings: dict[str, str] = {}
    windows = [index for index in entry.indices["I"] if index in entry.relations]
    if len(windows) > len(WINDOWS):
        raise entry.error("equation", f"the inputs have {len(windows)} windows, a layer has two")
    for index, (out, tap, stride, dilation) in zip(windows, WINDOWS, strict=False):
        terms = sorted(entry.relations[index], key=lambda term: "O" not in entry.operands_of(term[0]))
        if [entry.operands_of(dim) for dim, _ in terms] != [frozenset("OI"), frozenset("WI")]:
            hint = "a window is a dim of the outputs and one of the weights"
            raise entry.error("dimension_relations", f"{index.lower()} is no window", hint)
        for (dim, factor), bound, step in zip(terms, (out, tap), (stride, dilation), strict=True):
            fields[bound], fields[step] = entry.sizes[dim], factor
            meanings[dim] = bound
    for dim, size in entry.sizes.items():
        if dim in meanings:
            continue
        meaning = MEANINGS.get(entry.operands_of(dim))
        if meaning is None:
            alone = " and ".join(sorted(entry.operands_of(dim))) or "nothing"
            raise entry.error("equation", f"{dim.lower()} indexes {alone} alone, which has no words here")
        fields[meaning] = fields.get(meaning, 1) * size
        meanings[dim] = meaning
    return fields, meanings


def _padding(entry: _Entry) -> dict[str, int]:
    """Zeros at the rim, and the ifmap that they surround, where the file says them."""
    names, sizes = entry.given.get("pr_loop_dims") or [], entry.given.get("pr_loop_sizes") or []
    pads = entry.given.get("padding") or []
    windows = [index for index in entry.indices["I"] if index in entry.relations]
    fields: dict[str, int] = {}
    for at, name in enumerate(names):
        if str(name).upper() not in windows:
            raise entry.error("pr_loop_dims", f"{name} is no window of the inputs")
        axis = windows.index(str(name).upper())
        if at < len(sizes):
            fields["HW"[axis]] = sizes[at]
        if at < len(pads):
            sides = (("pad_top", "pad_bottom"), ("pad_left", "pad_right"))[axis]
            if not isinstance(pads[at], list) or len(pads[at]) != len(sides):
                raise entry.error("padding", f"the padding of {name} is one number for each of its two sides")
            fields.update(zip(sides, pads[at], strict=True))
    if any(isinstance(value, bool) or not isinstance(value, int) or value < 0 for value in fields.values()):
        raise entry.error("padding", "sides and paddings are whole numbers")
    return fields


def _widths(entry: _Entry) -> dict[str, int]:
    """Of `O` while it is summed, of `O_final` when that is done."""
    given = entry.given["operand_precision"]
    ours = {"I": "ifmap", "W": "weight", "O": "psum", "O_final": "ofmap"}
    widths = {}
    for name, width in given.items() if isinstance(given, dict) else ():
        if name not in ours:
            raise entry.error("operand_precision", f"{name} is no operand", "I, W, O and O_final")
        if isinstance(width, bool) or not isinstance(width, int) or not 1 <= width <= 1024:
            raise entry.error("operand_precision", f"{name}: {width} is no width in bits")
        widths[ours[name]] = width
    for name, part in ours.items():
        if part not in widths:
            raise entry.error("operand_precision", f"a width is missing for {name}", "I, W, O and O_final")
    if widths["ofmap"] > widths["psum"]:
        raise entry.error("operand_precision", "O_final is wider than the O that it was")
    return widths
