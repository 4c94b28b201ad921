"""A workload of an ONNX model: each node as an operation of the graph, its shapes worked out on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import Any

from dse.errors import DseError
from dse.formats.graph.graph import Graph, TooManyOpsError, Unresolved, Value, check_shape
from dse.formats.graph.recurrent import GATES
from dse.formats.graph.workload import Extracted, extracted
from dse.formats.onnx import branches, ops
from dse.formats.onnx.attention import ATTENTION
from dse.formats.onnx.inputs import with_sizes, with_values
from dse.formats.onnx.ops import Call
from dse.formats.onnx.order import in_order, label, subgraphs
from dse.formats.onnx.plain import (
    ALIASES,
    NO_KNOWN_MACS,
    SAME_SHAPE,
    SAME_WIDTH,
    copies_made,
    counted,
    spec_of,
    standard,
)
from dse.formats.onnx.read import opset, read_model
from dse.formats.onnx.recurrent import RECURRENT
from dse.formats.onnx.values import (
    OnnxValue,
    fold,
    from_array,
    from_proto,
    from_tensor,
    infer,
    infer_quantized,
    width,
)
from dse.problem.shapes import Shape

MACS = ops.MACS | ATTENTION | RECURRENT
_STANDARD = ("", "ai.onnx")
_NOWHERE = ""
_MAX_DEPTH = 16
_MAX_TRIALS = 3
"""Of branches inside branches that are read on trial."""


def extract_onnx(
    path: str | Path,
    *,
    name: str | None = None,
    dims: Mapping[str, int] | None = None,
    inputs: Mapping[str, Sequence[float]] | None = None,
    allow_unresolved: bool = False,
) -> Extracted:
    """The workload of an ONNX file. Weights are passed over, wherever they are.

    Parameters
    ----------
    path : str or Path
    name : str, optional
        Of the workload; by default the file's.
    dims : mapping of str to int, optional
        Sizes of sides that the file leaves open, by their name, or as `input[axis]`.
    inputs : mapping of str to numbers, optional
        Values of inputs that decide what runs, such as the condition of an `If`: one number, or one per element.
    allow_unresolved : bool
        Leave out nodes that cannot be resolved, and record them.

    Returns
    -------
    Extracted

    Raises
    ------
    DseError
        The file is no ONNX model or a damaged one, a size is open or absurd, or a node cannot be resolved: with its
        name and operation.

    Notes
    -----
    Layers are 16 bits wide unless the model quantises them: then the widths of its integers are carried over, and
    products of two quantised operands accumulate in 32 bits. A transposed convolution is the convolutions that
    its outputs split into, see `dse.formats.graph.convolution.layers`.
    """
    try:
        model = read_model(path)
        types = with_sizes(model.graph, dims or {})
        walk = _Walk(model, types, with_values(types, inputs or {}))
        walk.run()
        producer = f" by {model.producer_name}" if model.producer_name else ""
        described = f"extracted from {Path(path).name}{producer}"
        return extracted(walk.graph, name or Path(path).stem, described, allow_unresolved=allow_unresolved)
    except DseError as error:
        if error.file is not None:
            raise
        raise DseError(error.message, file=str(path), hint=error.hint) from None


@dataclass(slots=True)
class _Walk:
    """Visits the nodes in order; `values` is what is known of each tensor so far."""

    model: Any
    inputs: Mapping[str, Any]
    given: Mapping[str, Any]
    graph: Graph = field(default_factory=Graph)
    values: dict[str, OnnxValue] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    trials: int = 0

    def run(self) -> None:
        graph = self.model.graph
        self.told = {item.name: item.type for item in (*graph.value_info, *graph.output)}
        for name, proto in self.inputs.items():
            if name in self.given:
                self.values[name] = from_array(self.given[name])
                continue
            value = from_proto(proto, node=_NOWHERE)
            if value.shape is not None:
                check_shape(value.shape, f"the input {name!r}")
                value = replace(value, node=self.graph.add_input(name, value.shape or (1,)))
            self.values[name] = value
        self._visit(graph, 0)

    def _visit(self, graph: Any, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise DseError(f"graphs are nested more than {_MAX_DEPTH} deep")
        for tensor in graph.initializer:
            if tensor.name not in self.values:
                self.values[tensor.name] = from_tensor(tensor)
        for sparse in graph.sparse_initializer:
            value = from_tensor(sparse.values)
            self.values[sparse.values.name] = replace(value, shape=tuple(sparse.dims), data=None)
        nodes = in_order(graph.node, self.values)
        self.used.update(item.name for item in graph.output)
        for node in nodes:
            self.used.update(name for name in node.input)
        for node in nodes:
            self._node(node, depth)

    def _node(self, node: Any, depth: int) -> None:
        written, node = node, standard(node)
        inputs = [self.values[name] if name else None for name in node.input]
        branch = branches.taken(node, inputs)
        if branch is not None:
            self._enter(node, branch, depth)
            return
        domain = "" if node.domain in _STANDARD else node.domain
        named = {name: value for name, value in zip(node.input, inputs, strict=True) if value is not None}
        types = self._types(node, domain, named, infer if node is written else infer_quantized)
        if node.op_type == "If" and not domain and (_inner_macs(node) or self._has_no_shape(node, types)):
            branch = branches.alike(node, lambda inner: self._tried(inner, depth + 1))
            if branch is not None:
                self._enter(node, branch, depth)
                return
        try:
            # what is made of constants alone is worked out once, before anything runs
            if (domain, node.op_type) in MACS and not (named and all(value.constant for value in named.values())):
                self._macs(node, domain, inputs, types)
            elif not self._constant(node, domain, named, types) and not self._alias(node, domain, inputs, types):
                self._plain(node, domain, inputs, types)
        except TooManyOpsError:
            raise
        except (DseError, ValueError, IndexError, TypeError, OverflowError) as failure:
            # hostile attributes surface as any of these; the node is reported, never passed over
            reason = failure.message if isinstance(failure, DseError) else f"its attributes do not fit ({failure})"
            self._unresolved(node, inputs, reason, types)

    def _enter(self, node: Any, branch: Any, depth: int) -> None:
        """Put the nodes of a branch in the place of an `If`."""
        self._visit(branch, depth + 1)
        for name, item in zip(node.output, branch.output, strict=False):
            if item.name not in self.values:
                raise DseError(f"{label(node)}: its branch gives {item.name!r}, which nothing makes")
            self.values[name] = self.values[item.name]

    def _tried(self, branch: Any, depth: int) -> branches.Visited | None:
        """What a branch would do here."""
        if self.trials == _MAX_TRIALS:
            return None
        tried = self.graph.on_trial()
        walk = replace(self, graph=tried, values=dict(self.values), used=set(self.used), trials=self.trials + 1)
        walk._visit(branch, depth)
        if tried.unresolved:
            return None
        outputs = [walk.values.get(item.name) for item in branch.output]
        return tried.ops[len(self.graph.ops) :], [None if value is None else value.shape for value in outputs]

    def _has_no_shape(self, node: Any, types: dict[str, Any]) -> bool:
        return any(name and from_proto(types.get(name)).shape is None for name in node.output)

    def _types(
        self, node: Any, domain: str, named: dict[str, OnnxValue], rule: Callable[..., dict[str, Any]]
    ) -> dict[str, Any]:
        """The types of a node's outputs: inferred by a rule, or else as the file tells them."""
        types = rule(node, opset(self.model, domain), named) if domain == "" else {}
        same = SAME_SHAPE.get((domain, node.op_type))
        if same is not None and node.input[same : same + 1]:
            types[node.output[0]] = named[node.input[same]].proto
        for name in node.output:
            if from_proto(types.get(name)).shape is None and name in self.told:
                types[name] = self.told[name]
        return types

    def _macs(self, node: Any, domain: str, inputs: list[OnnxValue | None], types: dict[str, Any]) -> None:
        from onnx import TensorProto, helper

        call = Call(self.graph, _wanted(node, inputs), node.op_type, inputs, _attributes(node))
        name, shape = MACS[domain, node.op_type](call)
        dtype = from_proto(types.get(node.output[0])).dtype or TensorProto.FLOAT
        proto = helper.make_tensor_type_proto(dtype, check_shape(shape, "its output"))
        self.values[node.output[0]] = OnnxValue(shape, name, width(dtype), proto=proto, dtype=dtype)
        self._more_outputs(node, inputs, types, call.more)

    def _constant(self, node: Any, domain: str, named: dict[str, OnnxValue], types: dict[str, Any]) -> bool:
        """Whether a node only computes constants; their shapes, and small ones themselves, are kept."""
        is_shape = node.op_type in ("Shape", "Size")
        if domain or not (is_shape or all(value.constant for value in named.values())):
            return False
        if node.op_type in NO_KNOWN_MACS:
            return False
        arrays = fold(node, opset(self.model), named, types)
        parameters = {key: size for value in named.values() for key, size in value.parameters.items()}
        for name in node.output:
            if name in arrays:
                self.values[name] = from_array(arrays[name])
            else:
                self.values[name] = from_proto(types.get(name))
            value = self.values[name]
            value.parameters = {} if is_shape else parameters
            if node.op_type == "DequantizeLinear":
                value.bits = width(next(iter(named.values())).dtype)
            elif node.op_type in SAME_WIDTH | ALIASES and named:
                value.bits = next(iter(named.values())).bits
            value.parameters = value.parameters or _stored_by(node, name, value)
        return True

    def _alias(self, node: Any, domain: str, inputs: list[OnnxValue | None], types: dict[str, Any]) -> bool:
        source = inputs[0] if inputs else None
        if domain or node.op_type not in ALIASES or source is None:
            return False
        inferred = from_proto(types.get(node.output[0]))
        self.values[node.output[0]] = replace(source, dtype=inferred.dtype or source.dtype,
                                              proto=types.get(node.output[0], source.proto))  # fmt: skip
        self._more_outputs(node, inputs, types, {})
        return True

    def _plain(self, node: Any, domain: str, inputs: list[OnnxValue | None], types: dict[str, Any]) -> None:
        if not _is_known(node, domain, opset(self.model, domain)):
            raise DseError(_why_unknown(node, domain))
        reads = counted(node.op_type, inputs)
        attributes = _attributes(node)
        for index, name in enumerate(node.output):
            if not name or (index and name not in self.used):
                continue
            value = from_proto(types.get(name))
            if value.shape is None:
                raise DseError(_why_shapeless(inputs))
            shape = check_shape(value.shape, f"its output {name!r}") or (1,)
            spec = spec_of(node.op_type, attributes, reads, shape) if len(node.output) == 1 or not index else {}
            made = self.graph.plain(_wanted(node, [], index), node.op_type.lower(), reads, shape, spec)
            copies = copies_made(node.op_type, attributes, reads, shape)
            self.values[name] = replace(value, node=made, bits=_bits(node, inputs, value), copies=copies)

    def _more_outputs(
        self, node: Any, inputs: list[OnnxValue | None], types: dict[str, Any], shapes: Mapping[int, Shape]
    ) -> None:
        """Outputs beside the first, such as the keys and values that an attention keeps, if anything reads them."""
        from onnx import helper

        for index, name in enumerate(node.output):
            if not index or not name or name not in self.used:
                continue
            value = from_proto(types.get(name), node=_NOWHERE)
            reads: Sequence[Value] = counted(node.op_type, inputs)
            if index in shapes:
                dtype = self.values[node.output[0]].dtype
                value.shape, value.proto = shapes[index], helper.make_tensor_type_proto(dtype, shapes[index])
            if node.op_type in GATES:  # the last state is of what the operation makes
                reads = [self.values[node.output[0]]]
            if value.shape is not None:
                check_shape(value.shape, f"its output {name!r}")
                made = self.graph.plain(_wanted(node, [], index), f"{node.op_type.lower()} output", reads, value.shape)
                value = replace(value, node=made)
            self.values[name] = value

    def _unresolved(self, node: Any, inputs: list[OnnxValue | None], reason: str, types: dict[str, Any]) -> None:
        self.graph.unresolved.append(Unresolved(_plain_name(node), node.op_type, reason))
        reads = [value for value in inputs if value is not None]
        for index, name in enumerate(node.output):
            value = from_proto(types.get(name), node=_NOWHERE)
            if value.shape and min(value.shape) > 0 and name in self.used:
                wanted = _wanted(node, [], index)
                value = replace(value, node=self.graph.plain(wanted, f"unresolved {node.op_type}", reads, value.shape))
            self.values[name] = value


def _stored_by(node: Any, name: str, value: OnnxValue) -> dict[str, int]:
    """The parameters that a node holds itself; models with made-up weights write them as `ConstantOfShape`."""
    held = node.op_type in ("Constant", "ConstantOfShape") and width(value.dtype) is None
    return {name: prod(value.shape)} if held and value.shape and prod(value.shape) > 1 else {}


def _is_known(node: Any, domain: str, version: int) -> bool:
    """Whether a node is sure to have no MACs."""
    import onnx

    if (domain, node.op_type) in SAME_SHAPE:
        return True
    if domain or (node.op_type in NO_KNOWN_MACS and (node.op_type != "If" or _inner_macs(node))):
        return False
    return bool(onnx.defs.has(node.op_type, domain) and version)


def _inner_macs(node: Any) -> str | None:
    """An operation inside the graphs of a node that may have MACs."""
    waiting = list(subgraphs(node))
    while waiting:
        for inner in waiting.pop().node:
            domain = "" if inner.domain in _STANDARD else inner.domain
            if (domain, inner.op_type) in MACS or domain or inner.op_type in NO_KNOWN_MACS - {"If"}:
                return str(inner.op_type)
            waiting += subgraphs(inner)
    return None


def _why_unknown(node: Any, domain: str) -> str:
    inner = _inner_macs(node)
    if inner:
        decides = f"; it does not with --input {node.input[0]}=1 or 0" if node.op_type == "If" else ""
        return f"it holds {inner}, and whether or how often that runs depends on data{decides}"
    if node.op_type in NO_KNOWN_MACS and not domain:
        return "its MACs cannot be written as a layer"
    return f"an operation of the domain {domain!r} that is not known" if domain else "not an operation of ONNX"


def _why_shapeless(inputs: list[OnnxValue | None]) -> str:
    if any(value is not None and value.shape is None for value in inputs):
        return "the shape of what it reads is not known"
    return "the shape of its output depends on data, or its inputs do not fit together"


def _bits(node: Any, inputs: list[OnnxValue | None], value: OnnxValue) -> int | None:
    source = inputs[0] if inputs else None
    if source is not None and node.op_type == "DequantizeLinear":
        return width(source.dtype)
    if source is not None and node.op_type in SAME_WIDTH:
        return source.bits
    return None


def _attributes(node: Any) -> dict[str, Any]:
    from onnx import AttributeProto, helper

    plain = (AttributeProto.GRAPH, AttributeProto.GRAPHS, AttributeProto.TENSOR, AttributeProto.TENSORS)
    return {item.name: helper.get_attribute_value(item) for item in node.attribute if item.type not in plain}


def _wanted(node: Any, inputs: list[OnnxValue | None], index: int = 0) -> str:
    """The name that a node's operation should get: of the module whose weights it reads, or its own."""
    for value in inputs:
        if value is not None and value.constant and len(value.parameters) == 1:
            module, dot, last = next(iter(value.parameters)).rpartition(".")
            if dot and last == "weight" and module:
                return module
            break
    name = _plain_name(node)
    return f"{name}.{index}" if index else name


def _plain_name(node: Any) -> str:
    return str(node.name or next(iter(node.output), "") or node.op_type.lower())

