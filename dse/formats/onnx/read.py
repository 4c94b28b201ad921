"""An ONNX file as a graph without weights: parsed, local functions put in place, sizes bounded."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dse.errors import DseError
from dse.formats.graph.graph import MAX_OPS
from dse.formats.onnx.wire import stripped_model


def read_model(path: str | Path) -> Any:
    """The `onnx.ModelProto` of a file, its large tensors empty.

    Raises
    ------
    DseError
        `onnx` is not installed, or the file is damaged, too large, or defines functions in a circle.
    """
    try:
        import onnx
    except ImportError:
        raise DseError("reading ONNX files needs the package onnx", hint="pip install onnx") from None
    file = str(path)
    stripped = stripped_model(path)
    try:
        model = onnx.ModelProto.FromString(stripped)
    except Exception as error:  # protobuf's own class, or whatever its compiled code raises
        raise DseError(f"no readable ONNX model: {_first_line(error)}", file=file) from None
    _check_names(model, file)
    if not model.graph.node:
        raise DseError("the model has no nodes", file=file, hint="is this an ONNX model?")
    if model.functions:
        _check_functions(model, file)
        try:
            from onnx import inliner

            model = inliner.inline_local_functions(model)
        except Exception as error:  # raised by compiled code as whatever it likes
            raise DseError(f"the model's functions cannot be put in place: {_first_line(error)}", file=file) from None
    if (count := sum(1 for _ in _nodes(model.graph.node))) > MAX_OPS:
        raise DseError(f"the model has {count} nodes, more than {MAX_OPS}", file=file)
    return model


def _check_names(model: Any, file: str) -> None:
    """Raise if a name is no text: protobuf gives what is no UTF-8 as bytes."""
    names = [item.name for item in (*model.graph.initializer, *model.graph.input, *model.graph.value_info)]
    names += [model.producer_name, *(item.domain for item in model.opset_import)]
    names += [side.dim_param for item in model.graph.input for side in item.type.tensor_type.shape.dim]
    for body in model.functions:
        names += [body.name, body.domain]
    for node in _nodes([*model.graph.node, *(node for body in model.functions for node in body.node)]):
        names += [node.name, node.op_type, node.domain, *node.input, *node.output]
        names += [attribute.name for attribute in node.attribute]
    if any(isinstance(name, bytes) for name in names):
        raise DseError("no readable ONNX model: a name is no UTF-8", file=file)


def opset(model: Any, domain: str = "") -> int:
    """The version of an operator set that a model uses."""
    found = [item.version for item in model.opset_import if (item.domain or "") == domain]
    found += [item.version for item in model.opset_import if domain == "" and item.domain == "ai.onnx"]
    return max(found, default=1)


def _check_functions(model: Any, file: str) -> None:
    """Raise if functions call each other in a circle, or make too many nodes when each call is put in place."""
    bodies = {(body.domain, body.name, body.overload): body for body in model.functions}
    sizes: dict[tuple[str, str, str], int] = {}

    def key(node: Any) -> tuple[str, str, str]:
        return (node.domain, node.op_type, node.overload)

    def size(nodes: Iterable[Any]) -> int:
        return sum(sizes.get(key(node), 1) for node in _nodes(nodes))

    waiting, open_ = list(bodies), set()
    while waiting:
        name = waiting[-1]
        inner = {key(node) for node in _nodes(bodies[name].node)} & set(bodies)
        missing = [called for called in inner if called not in sizes]
        if name in sizes or not missing:
            waiting.pop()
            open_.discard(name)
            sizes.setdefault(name, size(bodies[name].node))
            if sizes[name] > MAX_OPS:
                raise DseError(f"the function {name[1]!r} makes more than {MAX_OPS} nodes", file=file)
            continue
        open_.add(name)
        if circle := open_ & set(missing):
            raise DseError(f"the function {sorted(circle)[0][1]!r} calls itself, directly or through others", file=file)
        waiting += missing
    if size(model.graph.node) > MAX_OPS:
        raise DseError(f"the model has more than {MAX_OPS} nodes, those of its functions included", file=file)


def _nodes(nodes: Iterable[Any]) -> Iterable[Any]:
    """Nodes and those of the graphs in their attributes."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield node
        for attribute in node.attribute:
            for graph in [attribute.g, *attribute.graphs] if attribute.g.node or attribute.graphs else ():
                waiting += graph.node


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
