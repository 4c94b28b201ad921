"""ONNX operations that multiply and accumulate, as products of matrices and convolutions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

from dse.errors import DseError
from dse.formats.graph.convolution import outputs, transposed_outputs
from dse.formats.graph.graph import Axis, Convolution, Graph, Product, Value, matrix_product
from dse.formats.graph.products import Made, einsum
from dse.formats.onnx.values import OnnxValue, width
from dse.problem.shapes import Shape, spelled


@dataclass(frozen=True, slots=True)
class Call:
    """A node with what is known of its inputs.

    Parameters
    ----------
    graph : Graph
    name : str
        The name that its operation should get.
    op : str
    inputs : sequence of OnnxValue or None
        None where an optional input is left out.
    attributes : dict
    more : dict of int to shape
        Outputs beside the first whose shapes the operation knows: it adds them here.
    """

    graph: Graph
    name: str
    op: str
    inputs: Sequence[OnnxValue | None]
    attributes: dict[str, Any]
    more: dict[int, Shape] = field(default_factory=dict)

    def input(self, index: int) -> OnnxValue:
        """A required input."""
        value = self.optional(index)
        if value is None:
            raise DseError(f"its input {index} is missing")
        return value

    def optional(self, index: int) -> OnnxValue | None:
        return self.inputs[index] if index < len(self.inputs) else None

    def operand(self, index: int) -> OnnxValue:
        """An input with the width of its integers, if it has integers."""
        value = self.input(index)
        return value if value.bits is not None else replace(value, bits=width(value.dtype))

    def others(self, *indices: int) -> list[OnnxValue]:
        return [value for index in indices if (value := self.optional(index)) is not None]

    def ints(self, name: str, default: Sequence[int]) -> list[int]:
        return [int(number) for number in self.attributes.get(name, default)]

    def int(self, name: str, default: int) -> int:
        return int(self.attributes.get(name, default))

    def text(self, name: str, default: str) -> str:
        value = self.attributes.get(name, default)
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _conv(x: int, w: int, *more: int) -> Callable[[Call], Made]:
    """A convolution whose ifmap, weights and biases are these inputs."""

    def make(call: Call) -> Made:
        ifmap, weight = call.operand(x), call.operand(w)
        last = bool(call.int("channels_last", 0))
        if last:
            ifmap = replace(ifmap, shape=(ifmap.sizes[0], ifmap.sizes[-1], *ifmap.sizes[1:-1]))
        sides = _image(ifmap, weight)
        filters, in_group, *kernel = weight.sizes
        groups = call.int("group", 1)
        if in_group * groups != ifmap.sizes[1]:
            raise DseError(f"{groups} groups of {in_group} channels read an input of {ifmap.sizes[1]} channels")
        axes = _axes(call, sides, kernel)
        out = (ifmap.sizes[0], filters, *(outputs(axis) for axis in axes))
        if last:
            out = (out[0], *out[2:], out[1])
        convolution = Convolution(ifmap.sizes[0], ifmap.sizes[1], filters, groups, axes)
        return call.graph.convolution(call.name, (ifmap, weight), convolution, out, call.others(*more), call.op), out

    return make


def _conv_transpose(call: Call) -> Made:
    ifmap, weight = call.operand(0), call.operand(1)
    sides = _image(ifmap, weight)
    groups = call.int("group", 1)
    channels, in_group, *kernel = weight.sizes
    if channels != ifmap.sizes[1]:
        raise DseError(f"weights for {channels} channels read an input of {ifmap.sizes[1]} channels")
    count = len(sides)
    extra = _per_axis(call.ints("output_padding", [0] * count), count)
    wanted = call.ints("output_shape", [])[-count:]
    axes, out = [], []
    plain = _axes(call, sides, kernel, auto_pad="NOTSET" if wanted else None)
    same = call.text("auto_pad", "NOTSET")
    for index, axis in enumerate(plain):
        if wanted or same.startswith("SAME"):
            size = wanted[index] if wanted else axis.size * axis.stride
            total = (axis.size - 1) * axis.stride + extra[index] + axis.reach - size
            less, rest = total // 2, total - total // 2
            pads = (less, rest) if same == "SAME_UPPER" else (rest, less)
            axis = replace(axis, before=max(0, pads[0]), after=max(0, pads[1]))
            out.append(size)
        else:
            out.append(transposed_outputs(axis, extra[index]))
        axes.append(axis)
    filters = in_group * groups
    convolution = Convolution(
        ifmap.sizes[0], channels, filters, groups, tuple(axes), transposed=True, outputs=tuple(out)
    )
    shape = (ifmap.sizes[0], filters, *out)
    return call.graph.convolution(call.name, (ifmap, weight), convolution, shape, call.others(2), call.op), shape


def _image(ifmap: Value, weight: Value) -> Shape:
    if len(ifmap.sizes) < 3 or len(ifmap.sizes) != len(weight.sizes):
        raise DseError(f"filters {spelled(weight.sizes)} do not fit the input {spelled(ifmap.sizes)}")
    return ifmap.sizes[2:]


def _axes(call: Call, sides: Shape, kernel: Sequence[int], auto_pad: str | None = None) -> tuple[Axis, ...]:
    count = len(sides)
    strides = _per_axis(call.ints("strides", [1] * count), count)
    dilations = _per_axis(call.ints("dilations", [1] * count), count)
    pads = _per_axis(call.ints("pads", [0] * 2 * count), 2 * count)
    auto = auto_pad or call.text("auto_pad", "NOTSET")
    axes = []
    for index, size in enumerate(sides):
        axis = Axis(size, kernel[index], strides[index], dilations[index], pads[index], pads[index + count])
        if auto.startswith("SAME") and axis.stride > 0:
            total = max(0, (-(-size // axis.stride) - 1) * axis.stride + axis.reach - size)
            less, more = total // 2, total - total // 2
            before, after = (less, more) if auto == "SAME_UPPER" else (more, less)
            axis = replace(axis, before=before, after=after)
        elif auto == "VALID":
            axis = replace(axis, before=0, after=0)
        axes.append(axis)
    return tuple(axes)


def _per_axis(values: list[int], count: int) -> list[int]:
    if len(values) != count:
        raise DseError(f"{len(values)} numbers where its axes need {count}")
    return values


def _matmul(a: int, b: int, *more: int, dynamic: bool = False) -> Callable[[Call], Made]:
    """A product of matrices; `transA` and `transB` swap the last two axes of the operands.

    A `dynamic` one quantises its first operand as wide as the second is.
    """

    def make(call: Call) -> Made:
        first, second = call.operand(a), call.operand(b)
        if dynamic:
            first = replace(first, bits=second.bits)
        if call.int("transA", 0):
            first = _swapped(first)
        if call.int("transB", 0):
            second = _swapped(second)
        if call.int("transBatchA", 0) or call.int("transBatchB", 0):
            raise DseError("it transposes the batch, which is not supported")
        product, operands = matrix_product(first, second)
        out = _product_shape(first.sizes, second.sizes)
        return call.graph.product(call.name, operands, product, out, call.others(*more), call.op), out

    return make


def _swapped(value: OnnxValue) -> OnnxValue:
    copies = (*value.copies[:-2], *value.copies[:-3:-1])
    return replace(value, shape=(*value.sizes[:-2], *value.sizes[:-3:-1]), copies=copies)


def _product_shape(left: Shape, right: Shape) -> Shape:
    """The shape of `left @ right`, which fit together."""
    rows, columns = left[-2:-1], right[-1:] if len(right) > 1 else ()
    outer, inner = left[:-2], right[:-2]
    count = max(len(outer), len(inner))
    spread = zip((1,) * (count - len(outer)) + outer, (1,) * (count - len(inner)) + inner, strict=True)
    return (*(max(sizes) for sizes in spread), *rows, *columns)


def _packed_matmul(call: Call) -> Made:
    """Weights of a few bits each, packed."""
    ifmap, weight = call.operand(0), replace(call.input(1), bits=call.int("bits", 4))
    inner, columns = call.int("K", 0), call.int("N", 0)
    if inner < 1 or columns < 1 or ifmap.sizes[-1] != inner:
        raise DseError(f"K={inner} and N={columns} do not fit the input {spelled(ifmap.sizes)}")
    out = (*ifmap.sizes[:-1], columns)
    product = Product(1, prod(ifmap.sizes[:-1]), columns, inner)
    return call.graph.product(call.name, (ifmap, weight), product, out, call.others(5)), out


def _einsum(call: Call) -> Made:
    return einsum(call.graph, call.name, call.text("equation", ""), [call.operand(i) for i in range(len(call.inputs))])


MACS: dict[tuple[str, str], Callable[[Call], Made]] = {
    ("", "Conv"): _conv(0, 1, 2),
    ("", "ConvInteger"): _conv(0, 1),
    ("", "QLinearConv"): _conv(0, 3, 8),
    ("", "ConvTranspose"): _conv_transpose,
    ("", "Gemm"): _matmul(0, 1, 2),
    ("", "MatMul"): _matmul(0, 1),
    ("", "MatMulInteger"): _matmul(0, 1),
    ("", "QLinearMatMul"): _matmul(0, 3),
    ("", "Einsum"): _einsum,
    ("com.microsoft", "FusedConv"): _conv(0, 1, 2, 3),
    ("com.microsoft", "QLinearConv"): _conv(0, 3, 8),
    ("com.microsoft", "ConvTransposeWithDynamicPads"): _conv_transpose,
    ("com.microsoft", "FusedGemm"): _matmul(0, 1, 2),
    ("com.microsoft", "FusedMatMul"): _matmul(0, 1),
    ("com.microsoft", "TransposeMatMul"): _matmul(0, 1),
    ("com.microsoft", "QGemm"): _matmul(0, 3, 6),
    ("com.microsoft", "MatMulIntegerToFloat"): _matmul(0, 1, 6),
    ("com.microsoft", "DynamicQuantizeMatMul"): _matmul(0, 1, 4, dynamic=True),
    ("com.microsoft", "MatMulNBits"): _packed_matmul,
}  # fmt: skip
"""By domain and operation."""
