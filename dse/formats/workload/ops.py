"""Each operation of a workload file as nodes: its MAC layer, or the shape that it makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from dse.errors import DseError
from dse.formats.text.validation import SpecModel
from dse.formats.workload.models import WorkloadSpec
from dse.problem import shapes
from dse.problem.layer import Layer
from dse.problem.shapes import Shape, Window
from dse.problem.workload import Node


@dataclass(slots=True)
class Entry:
    """One entry under `layers:`, and the names of the nodes that it reads."""

    name: str
    op: str
    spec: SpecModel
    reads: tuple[str, ...] = ()


def _mac(layer: Layer, entry: Entry, file: WorkloadSpec, shape: Shape, op: str = "", **more: Any) -> Node:
    """The node of a MAC layer, with bits, density, bias and norm of its own or of the file."""
    spec: Any = entry.spec
    layer = layer.leaving({**file.density, **(spec.density or {})}).stating({**file.bits, **(spec.bits or {})})
    shared = {"tensor": spec.tensor, "tensor_words": spec.tensor_words}
    return Node(layer.name, op or entry.op, shape, entry.reads, layer, **{**shared, **more})


def _extra(spec: Any, file: WorkloadSpec, channels: int, *, normed: bool) -> int:
    """Parameters for biases and batch norm; the file's `norm` is for convolutions."""
    bias = file.bias if spec.bias is None else spec.bias
    norm = spec.norm if spec.norm is not None else file.norm if normed else 0
    return channels * (int(bias) + norm)


def _conv(entry: Entry, inputs: list[Node], file: WorkloadSpec) -> list[Node]:
    spec: Any = entry.spec
    layer = shapes.convolution(entry.name, inputs[0].shape, spec.conv, spec.window(), spec.groups)
    extra = _extra(spec, file, spec.conv, normed=True)
    return [_mac(layer, entry, file, (spec.conv, layer.P, layer.Q), extra_parameters=extra)]


def _depthwise(entry: Entry, inputs: list[Node], file: WorkloadSpec) -> list[Node]:
    spec: Any = entry.spec
    channels = shapes.image(inputs[0].shape)[0]
    layer = shapes.convolution(entry.name, inputs[0].shape, channels * spec.multiplier, spec.window(), channels)
    extra = _extra(spec, file, channels * spec.multiplier, normed=True)
    return [_mac(layer, entry, file, (channels * spec.multiplier, layer.P, layer.Q), extra_parameters=extra)]


def _separable(entry: Entry, inputs: list[Node], file: WorkloadSpec) -> list[Node]:
    spec: Any = entry.spec
    if spec.tensor:
        raise DseError("its two layers read two tensors", hint="write a depthwise and a conv to share one's weights")
    channels = shapes.image(inputs[0].shape)[0]
    first = shapes.convolution(f"{entry.name}_dw", inputs[0].shape, channels, spec.window(), channels)
    depthwise = _mac(first, entry, file, (channels, first.P, first.Q), "depthwise")
    second = shapes.convolution(f"{entry.name}_pw", depthwise.shape, spec.separable, Window((1, 1)))
    extra = _extra(spec, file, spec.separable, normed=True)
    pointwise = _mac(second, entry, file, (spec.separable, second.P, second.Q), "conv", extra_parameters=extra)
    return [depthwise, replace(pointwise, inputs=(depthwise.name,))]


def _fc(entry: Entry, inputs: list[Node], file: WorkloadSpec) -> list[Node]:
    spec: Any = entry.spec
    shape = inputs[0].shape
    layer = shapes.fully_connected(entry.name, shape, spec.fc)
    out = (shape[0], spec.fc) if len(shape) == 2 else (spec.fc,)
    return [_mac(layer, entry, file, out, extra_parameters=_extra(spec, file, spec.fc, normed=False))]


def _matmul(entry: Entry, inputs: list[Node], file: WorkloadSpec) -> list[Node]:
    spec: Any = entry.spec
    size = spec.matmul
    matrices = (("first", size.heads * size.m * size.k), ("second", size.heads * size.k * size.n))
    for node, (which, words) in zip(inputs, matrices, strict=False):
        if node.words != words:
            have = f"{node.name} ({shapes.spelled(node.shape)}) has {node.words}"
            raise DseError(f"the {which} matrix has {words} elements, {have}")
    layer = shapes.matrix_product(entry.name, size.m, size.k, size.n, size.heads)
    return [_mac(layer, entry, file, (size.m, size.heads * size.n), weights="activations")]


def _layer(entry: Entry, inputs: list[Node], file: WorkloadSpec) -> list[Node]:
    spec: Any = entry.spec
    size = spec.layer
    bounds = {dim: getattr(size, dim) for dim in ("G", "N", "K", "C", "P", "Q", "R", "S", "H", "W")}
    height = (size.P - 1) * size.stride[0] + (size.R - 1) * size.dilation[0] + 1
    width = (size.Q - 1) * size.stride[1] + (size.S - 1) * size.dilation[1] + 1
    if size.pad == "same":
        raise DseError("a bare layer gives its padding in rows and columns, not as same")
    top, bottom, left, right = size.pad
    if (not size.H and top + bottom >= height) or (not size.W and left + right >= width):
        raise DseError(f"the padding leaves nothing of the {height}x{width} ifmap")
    layer = shapes.checked(Layer(
        entry.name, **bounds, stride_h=size.stride[0], stride_w=size.stride[1], dilation_h=size.dilation[0],
        dilation_w=size.dilation[1], pad_top=top, pad_bottom=bottom, pad_left=left, pad_right=right,
    ))  # fmt: skip
    shape = tuple(spec.shape) if spec.shape else (size.G * size.K, size.P, size.Q)
    extra = spec.extra_parameters + _extra(spec, file, size.G * size.K, normed=False)
    return [_mac(layer, entry, file, shape, extra_parameters=extra, weights=spec.weights)]


def _plain(entry: Entry, inputs: list[Node], shape: Shape) -> list[Node]:
    """A node without MACs; its attributes are what the file says, less where it reads."""
    said = entry.spec.model_dump(exclude_unset=True, exclude={"from_", "add", "multiply", "concat", "parameters"})
    in_order = sorted(said.items(), key=lambda item: item[0] != entry.op)
    attributes = tuple((key, tuple(value) if isinstance(value, list) else value) for key, value in in_order)
    extra = getattr(entry.spec, "parameters", 0)
    return [Node(entry.name, entry.op, shape, entry.reads, extra_parameters=extra, attributes=attributes)]


def _pool(entry: Entry, inputs: list[Node], file: WorkloadSpec) -> list[Node]:
    spec: Any = entry.spec
    size = getattr(spec, entry.op)
    window = Window(size, spec.stride or size, pad=spec.pad)
    return _plain(entry, inputs, shapes.pooled(inputs[0].shape, window, ceil=spec.ceil))


def _globalpool(entry: Entry, inputs: list[Node], file: WorkloadSpec) -> list[Node]:
    return _plain(entry, inputs, (shapes.image(inputs[0].shape)[0], 1, 1))


def _add(entry: Entry, inputs: list[Node], file: WorkloadSpec) -> list[Node]:
    return _plain(entry, inputs, shapes.added([node.shape for node in inputs]))


def _multiply(entry: Entry, inputs: list[Node], file: WorkloadSpec) -> list[Node]:
    return _plain(entry, inputs, shapes.multiplied([node.shape for node in inputs]))


def _concat(entry: Entry, inputs: list[Node], file: WorkloadSpec) -> list[Node]:
    axis = entry.spec.axis  # type: ignore[attr-defined]
    return _plain(entry, inputs, shapes.concatenated([node.shape for node in inputs], axis))


def _activation(entry: Entry, inputs: list[Node], file: WorkloadSpec) -> list[Node]:
    return _plain(entry, inputs, inputs[0].shape)


def _reshape(entry: Entry, inputs: list[Node], file: WorkloadSpec) -> list[Node]:
    target = tuple(entry.spec.reshape)  # type: ignore[attr-defined]
    return _plain(entry, inputs, shapes.reshaped(inputs[0].shape, target))


def _upsample(entry: Entry, inputs: list[Node], file: WorkloadSpec) -> list[Node]:
    channels, height, width = shapes.image(inputs[0].shape)
    rows, columns = entry.spec.upsample  # type: ignore[attr-defined]
    return _plain(entry, inputs, (channels, height * rows, width * columns))


def _other(entry: Entry, inputs: list[Node], file: WorkloadSpec) -> list[Node]:
    return _plain(entry, inputs, tuple(entry.spec.shape))  # type: ignore[attr-defined]


MAKERS: dict[str, Callable[[Entry, list[Node], WorkloadSpec], list[Node]]] = {
    "conv": _conv, "depthwise": _depthwise, "separable": _separable, "fc": _fc, "matmul": _matmul, "layer": _layer,
    "maxpool": _pool, "avgpool": _pool, "globalpool": _globalpool, "add": _add, "multiply": _multiply,
    "concat": _concat, "activation": _activation, "reshape": _reshape, "upsample": _upsample,
    "other": _other,
}  # fmt: skip
