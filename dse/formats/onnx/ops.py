"""ONNX operations that multiply and accumulate, as products of matrices and convolutions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from dse.errors import DseError
from dse.formats.graph.convolution import outputs, transposed_outputs
from dse.formats.graph.copies import shared_heads
from dse.formats.graph.graph import (
    Axis,
    Convolution,
    Graph,
    Heads,
    Product,
    Value,
    attention,
    matrix_product,
)  # fmt: skip
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
    """

    graph: Graph
    name: str
    op: str
    inputs: Sequence[OnnxValue | None]
    attributes: dict[str, Any]

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
        sides = _image(ifmap, weight)
        filters, in_group, *kernel = weight.sizes
        groups = call.int("group", 1)
        if in_group * groups != ifmap.sizes[1]:
            raise DseError(f"{groups} groups of {in_group} channels read an input of {ifmap.sizes[1]} channels")
        axes = _axes(call, sides, kernel)
        out = (ifmap.sizes[0], filters, *(outputs(axis) for axis in axes))
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


def _matmul(a: int, b: int, *more: int) -> Callable[[Call], Made]:
    """A product of matrices; `trans_a` and `trans_b` swap the last two axes of the operands."""

    def make(call: Call) -> Made:
        first, second = call.operand(a), call.operand(b)
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


def _attention(call: Call) -> Made:
    """`Attention` of the standard: query, key, value, mask, past key, past value."""
    query, key, value = (call.operand(index) for index in range(3))
    if len(query.sizes) == 4:
        batch, heads, queries, features = query.sizes
        kv_heads, keys, value_features = key.sizes[1] // shared_heads(key, value), key.sizes[2], value.sizes[3]
        flat = False
    else:
        heads, kv_heads = call.int("q_num_heads", 0), call.int("kv_num_heads", 0)
        batch, queries, keys = query.sizes[0], query.sizes[1], key.sizes[1]
        features, value_features = _split(query.sizes[2], heads), _split(value.sizes[2], kv_heads)
        flat = True
    keys += _past(call, 4)
    sizes = Heads(batch, heads, kv_heads, queries, keys, features, value_features)
    out = (batch, queries, heads * value_features) if flat else (batch, heads, queries, value_features)
    return attention(call.graph, call.name, [query, key, value, *call.others(3, 4, 5)], sizes, out), out


def _multi_head(kv_attribute: str, past: int) -> Callable[[Call], Made]:
    """Attention over flat query, key and value (batch, positions, heads * features), or over packed ones."""

    def make(call: Call) -> Made:
        heads = call.int("num_heads", 0)
        kv_heads = call.int(kv_attribute, heads)
        reads, sizes = _unpacked(call, heads, kv_heads)
        sizes = replace(sizes, keys=sizes.keys + _past(call, past))
        out = (sizes.batch, sizes.queries, heads * sizes.value_features)
        return attention(call.graph, call.name, [*reads, *call.others(past, past + 1)], sizes, out), out

    return make


def _unpacked(call: Call, heads: int, kv_heads: int) -> tuple[list[OnnxValue], Heads]:
    """Query, key and value, and their sizes without earlier positions.

    The first input may hold all three: (batch, positions, heads, 3, features), or flat with the heads of keys and
    values behind those of queries; the second may hold keys and values: (batch, positions, heads, 2, features).
    """
    query, key, value = call.operand(0), call.optional(1), call.optional(2)
    batch, queries = query.sizes[:2]
    if len(query.sizes) == 5 and query.sizes[2:4] == (heads, 3):
        return [query] * 3, Heads(batch, heads, kv_heads, queries, queries, query.sizes[4], query.sizes[4])
    if len(query.sizes) != 3:
        packed = "(batch, positions, heads, 3, features)"
        raise DseError(f"a query {spelled(query.sizes)} is neither flat nor packed as {packed}")
    if key is None:
        features = _split(query.sizes[2], heads + 2 * kv_heads)
        return [query] * 3, Heads(batch, heads, kv_heads, queries, queries, features, features)
    key, features = call.operand(1), _split(query.sizes[2], heads)
    if len(key.sizes) == 5 and key.sizes[2:4] == (kv_heads, 2):
        return [query, key, key], Heads(batch, heads, kv_heads, queries, key.sizes[1], features, key.sizes[4])
    if value is None:
        raise DseError(f"its values are missing, and keys {spelled(key.sizes)} do not hold them")
    value = call.operand(2)
    if len(key.sizes) == 4:  # (batch, heads, positions, features)
        return [query, key, value], Heads(batch, heads, kv_heads, queries, key.sizes[2], features, value.sizes[3])
    of_values = _split(value.sizes[2], kv_heads)
    return [query, key, value], Heads(batch, heads, kv_heads, queries, key.sizes[1], features, of_values)


def _projected_attention(past: int) -> Callable[[Call], Made]:
    """Attention that makes query, key and value of its input by one matrix of weights."""

    def make(call: Call) -> Made:
        ifmap, weight = call.operand(0), call.operand(1)
        batch, positions, _ = ifmap.sizes
        heads = call.int("num_heads", 0)
        widths = call.ints("qkv_hidden_sizes", [weight.sizes[1] // 3] * 3)
        product, operands = matrix_product(ifmap, weight)
        shape = (batch, positions, weight.sizes[1])
        projected = call.graph.product(f"{call.name}.qkv", operands, product, shape, call.others(2))
        made = OnnxValue(shape, projected, ifmap.bits)
        features, value_features = _split(widths[0], heads), _split(widths[2], heads)
        sizes = Heads(batch, heads, heads, positions, positions, features, value_features)
        if call.optional(past) is not None:
            raise DseError("an attention with a packed past is not supported")
        out = (batch, positions, widths[2])
        return attention(call.graph, call.name, [made, made, made], sizes, out), out

    return make


def _split(features: int, heads: int) -> int:
    if heads < 1 or features % heads:
        raise DseError(f"{heads} heads do not divide {features} features")
    return features // heads


def _past(call: Call, index: int) -> int:
    """Positions of the keys of earlier steps: (batch, heads, positions, features)."""
    value = call.optional(index)
    return value.sizes[2] if value is not None and len(value.sizes) == 4 else 0


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
    ("", "Attention"): _attention,
    ("com.microsoft", "FusedConv"): _conv(0, 1, 2, 3),
    ("com.microsoft", "QLinearConv"): _conv(0, 3, 8),
    ("com.microsoft", "ConvTransposeWithDynamicPads"): _conv_transpose,
    ("com.microsoft", "FusedGemm"): _matmul(0, 1, 2),
    ("com.microsoft", "FusedMatMul"): _matmul(0, 1),
    ("com.microsoft", "TransposeMatMul"): _matmul(0, 1),
    ("com.microsoft", "QGemm"): _matmul(0, 3, 6),
    ("com.microsoft", "MatMulIntegerToFloat"): _matmul(0, 1, 6),
    ("com.microsoft", "DynamicQuantizeMatMul"): _matmul(0, 1, 4),
    ("com.microsoft", "MatMulNBits"): _packed_matmul,
    ("com.microsoft", "Attention"): _projected_attention(4),
    ("com.microsoft", "QAttention"): _projected_attention(8),
    ("com.microsoft", "MultiHeadAttention"): _multi_head("num_heads", 6),
    ("com.microsoft", "GroupQueryAttention"): _multi_head("kv_num_heads", 3),
}  # fmt: skip
"""By domain and operation."""
