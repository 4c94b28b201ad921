"""The operations of an imported model as a workload: nodes for one image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from pydantic import ValidationError

from dse.errors import DseError
from dse.formats.graph import convolution
from dse.formats.graph.graph import Convolution, Graph, GraphOp, Product, Unresolved
from dse.formats.workload.models import OPS, WorkloadSpec
from dse.formats.workload.ops import MAKERS, Entry
from dse.formats.workload.write import dump_workload
from dse.problem.layer import Layer
from dse.problem.shapes import Shape, check_sides, checked
from dse.problem.workload import Node, Workload

_FILE = WorkloadSpec(workload="graph", layers={"none": {}})
_MOST_AXES = 4
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Extracted:
    """A workload made of a model, and the nodes of the model that it leaves out."""

    workload: Workload
    unresolved: tuple[Unresolved, ...] = ()

    def to_yaml(self) -> str:
        """The text of a workload file; what is left out stands at its top."""
        lines = [f"# unresolved {_one_line(node)}" for node in self.unresolved]
        return "\n".join([*lines, dump_workload(self.workload)])


def extracted(graph: Graph, name: str, description: str, *, allow_unresolved: bool = False) -> Extracted:
    """The workload of a graph.

    Parameters
    ----------
    graph : Graph
    name, description : str
        Of the workload.
    allow_unresolved : bool
        Leave out what could not be resolved, and say so in the description.

    Raises
    ------
    DseError
        A node could not be resolved, or an operation makes no layer; with the node and its operation.
    """
    first = next((shape for shape in graph.inputs.values() if len(shape) > 1), (1,))
    nodes, unresolved, batch = _nodes(graph, first[0], allow_unresolved)
    if unresolved and not allow_unresolved:
        more = f"{len(unresolved) - 1} more such nodes; " if len(unresolved) > 1 else ""
        raise DseError(str(unresolved[0]), hint=f"{more}--allow-unresolved goes on without them")
    if unresolved:
        listed = ", ".join(f"{node.name} ({node.op})" for node in unresolved[:_SHOWN])
        listed += f" and {len(unresolved) - _SHOWN} more" if len(unresolved) > _SHOWN else ""
        description = f"{description}; unresolved and not counted: {listed}"
    if not any(node.layer for node in nodes):
        raise DseError("the model has no convolution and no product of matrices: there is nothing to map")
    return Extracted(Workload(name, tuple(nodes), batch, description), tuple(unresolved))


def _nodes(graph: Graph, batch: int, allowed: bool) -> tuple[list[Node], list[Unresolved], int]:
    """All nodes, those that could not be made, and the batch; 1 if some layer is no multiple of the batch."""
    nodes = [Node(name, "input", per_image(shape, batch)) for name, shape in graph.inputs.items()]
    made = {node.name: node for node in nodes}
    unresolved = list(graph.unresolved)
    shared = shared_tensors(graph.ops)
    for op in graph.ops:
        reads = [made[name] for name in op.reads if name in made]
        try:
            new = list(_made(op, reads, batch, shared.get(op.name)))
        except DseError as failure:
            unresolved.append(Unresolved(op.name, op.op, failure.message))
            if not allowed and batch == 1:
                break
            continue
        if batch > 1 and any(node.layer and getattr(node.layer, node.batch_dim) % batch for node in new):
            return _nodes(graph, 1, allowed)
        nodes += new
        made[op.name] = new[-1]
    return nodes, unresolved, batch


def per_image(shape: Shape, batch: int) -> Shape:
    """A tensor's shape for one image of a batch, with at most four sides: the first ones are laid together.

    The batch is the first side that is a multiple of it; a tensor without one is the same for all images.
    """
    sides = list(shape)
    at = next((index for index, size in enumerate(sides) if size % batch == 0), None)
    if at is not None:
        sides[at] //= batch
        if at == 0 and sides[0] == 1 and len(sides) > 1:
            del sides[0]
    if len(sides) > _MOST_AXES:
        sides = [prod(sides[: len(sides) - _MOST_AXES + 1]), *sides[len(sides) - _MOST_AXES + 1 :]]
    return tuple(sides) or (1,)


def shared_tensors(ops: Sequence[GraphOp]) -> Mapping[str, tuple[str, int]]:
    """The layers that read the same stored weights: the tensor of each, and its elements.

    A tensor that is cut into the weights of several layers, so that no word is read by two, is shared by none.
    """
    readers: dict[str, list[GraphOp]] = defaultdict(list)
    for op in ops:
        if op.macs is not None and op.tensors:
            readers[max(op.tensors, key=lambda name: op.tensors[name])].append(op)
    found: dict[str, tuple[str, int]] = {}
    for name, sharing in readers.items():
        size = sharing[0].tensors[name]
        words = [op.macs.weight_words for op in sharing if op.macs is not None]
        if all(op.tensors == sharing[0].tensors for op in sharing):  # joined of several, as both directions of a GRU
            size = max(size, min(sum(sharing[0].tensors.values()), max(words)))
        if len(sharing) > 1 and sum(words) > size:
            found |= {op.name: (name, size) for op in sharing}
    return found


def _made(op: GraphOp, reads: list[Node], batch: int, shared: tuple[str, int] | None) -> Iterator[Node]:
    shape, names = per_image(op.shape, batch), tuple(node.name for node in reads)
    check_sides(shape)
    if op.macs is None:
        yield _without_macs(op, reads, shape)
        return
    node = Node(
        op.name, "conv", shape, names, weights="activations" if op.computed else "parameters",
        extra_parameters=op.parameters, **_tensor(shared, op.macs.weight_words),
    )  # fmt: skip
    if isinstance(op.macs, Product):
        size = op.macs
        layer = checked(Layer(op.name, G=size.G, N=size.N, K=size.K, C=size.C, H=1, W=1).stating(op.bits))
        kind = "matmul" if op.computed else "fc" if size.G == 1 else "layer"
        yield replace(node, op=kind, layer=layer)
        return
    parts = [layer.stating(op.bits) for layer in convolution.layers(op.name, op.macs)]
    if not shared and sum(layer.weight_words for layer in parts) > op.macs.weight_words:  # rims read weights again
        node = replace(node, tensor=f"{op.name}.weight", tensor_words=op.macs.weight_words)
    elif shared:
        node = replace(node, tensor_words=shared[1])
    kind = "depthwise" if op.macs.groups > 1 and op.macs.groups == op.macs.C else "conv"
    if len(parts) == 1:
        yield replace(node, op=kind, layer=parts[0])
        return
    yield from _interleaved(op, op.macs, node, parts)


def _tensor(shared: tuple[str, int] | None, own: int) -> dict[str, Any]:
    """What a node says of shared weights; their number only if it is not that of its own."""
    return {} if shared is None else {"tensor": shared[0], "tensor_words": shared[1] if shared[1] != own else 0}


def _interleaved(op: GraphOp, convolution: Convolution, node: Node, parts: Sequence[Layer]) -> Iterator[Node]:
    """The parts of a convolution, and the node that puts their outputs side by side or adds them up."""
    for layer in parts:
        images = () if convolution.transposed else (layer.N // max(1, convolution.N),)
        shape = (layer.G * layer.K, *images, layer.P, layer.Q)
        yield replace(node, name=layer.name, op="layer", shape=shape, layer=layer, extra_parameters=0)
    how, spec = ("interleave", {}) if convolution.transposed else ("add", {"add": None})
    joined = replace(op, op=how, macs=None, spec=spec)
    yield _without_macs(joined, [replace(node, name=layer.name) for layer in parts], node.shape)


def _without_macs(op: GraphOp, reads: list[Node], shape: Shape) -> Node:
    """A node in the words of a workload file if they make the same shape, and as `other` if not."""
    names = tuple(node.name for node in reads)
    if not names:
        return Node(op.name, "input", shape)  # it reads nothing that is left
    if op.spec and not op.parameters:
        key = next(iter(op.spec))
        spec = _in_file(op, names, len(op.shape) - len(shape), shape)
        try:
            node = MAKERS[key](Entry(op.name, key, OPS[key].model_validate(spec), names), reads, _FILE)[0]
        except (DseError, ValidationError, IndexError):
            pass
        else:
            if node.shape == shape and (key in ("add", "multiply", "concat") or len(names) == 1):
                return node
    other = {"other": op.op, "shape": list(shape), "parameters": op.parameters}
    return MAKERS["other"](Entry(op.name, "other", OPS["other"].model_validate(other), names), reads, _FILE)[0]


def _in_file(op: GraphOp, names: tuple[str, ...], stripped: int, shape: Shape) -> dict[str, Any]:
    spec = dict(op.spec)
    for key in ("add", "multiply", "concat"):
        if key in spec:
            spec[key] = names
    if "axis" in spec:
        spec["axis"] -= stripped
    if "reshape" in spec:
        spec["reshape"] = list(shape)
    return spec


def _one_line(node: Unresolved) -> str:
    return "".join(char if char.isprintable() else " " for char in str(node))
