"""PyTorch's ATen operations: those that multiply and accumulate, and how a workload file says the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from dse.errors import DseError
from dse.formats.graph.convolution import outputs
from dse.formats.graph.copies import expanded, permuted, repeated, reshaped, shared_heads
from dse.formats.graph.graph import (
    Axis,
    Convolution,
    Graph,
    Heads,
    Product,
    Value,
    attention,
    contraction,
    matrix_product,
)  # fmt: skip
from dse.formats.graph.products import Made, einsum
from dse.problem.shapes import Shape, spelled


@dataclass(frozen=True, slots=True)
class TorchCall:
    """A call of an operation.

    Parameters
    ----------
    graph : Graph
    name : str
        The name that its operation should get.
    op : str
    arguments : mapping
        By the names of the operation's schema, defaults filled in; tensors are values.
    shape : tuple of int
        Of its first output.
    """

    graph: Graph
    name: str
    op: str
    arguments: Mapping[str, Any]
    shape: Shape

    def tensor(self, name: str) -> Value:
        value = self.arguments.get(name)
        if not isinstance(value, Value):
            raise DseError(f"its argument {name} is no tensor")
        return value

    def tensors(self, *names: str) -> list[Value]:
        return [value for name in names if isinstance(value := self.arguments.get(name), Value)]


def _conv(call: TorchCall) -> Made:
    """Convolutions of any rank, padded by numbers or by `same` and `valid`, plain or transposed."""
    ifmap, weight = call.tensor("input"), call.tensor("weight")
    filters, in_group, *kernel = weight.sizes
    count = len(kernel)
    if len(ifmap.sizes) == count + 1:
        ifmap = replace(ifmap, shape=(1, *ifmap.sizes))  # one image without a batch
    stride = _numbers(call.arguments.get("stride"), count, 1)
    dilation = _numbers(call.arguments.get("dilation"), count, 1)
    groups = int(call.arguments.get("groups", 1))
    transposed = "transpose" in call.op or bool(call.arguments.get("transposed", False))
    padding = call.arguments.get("padding", 0)
    pads: list[tuple[int, int]] = []
    for axis in range(count):
        if padding in ("same", "valid"):
            total = (kernel[axis] - 1) * dilation[axis] if padding == "same" else 0
            pads.append((total // 2, total - total // 2))
        else:
            pads.append((_numbers(padding, count, 0)[axis],) * 2)
    axes = tuple(
        Axis(size, kernel[axis], stride[axis], dilation[axis], *pads[axis]) for axis, size in enumerate(ifmap.sizes[2:])
    )
    N, C = ifmap.sizes[:2]
    if transposed:
        convolution = Convolution(N, C, in_group * groups, groups, axes, True, call.shape[-count:])
    else:
        convolution = Convolution(N, C, filters, groups, axes)
        if tuple(map(outputs, axes)) != call.shape[-count:] or in_group * groups != C:
            raise DseError(f"its arguments do not make its output {spelled(call.shape)}")
    name = call.graph.convolution(call.name, (ifmap, weight), convolution, call.shape, call.tensors("bias"), call.op)
    return name, call.shape


def _numbers(given: Any, count: int, default: int) -> list[int]:
    values = [default] if given is None or given == [] else given if isinstance(given, list | tuple) else [given]
    return [int(value) for value in values] * (count if len(values) == 1 else 1)


def _matmul(first: str, second: str, *more: str, transposed: bool = False) -> Callable[[TorchCall], Made]:
    """A product of two arguments; the second is stored as its transpose if so said."""

    def make(call: TorchCall) -> Made:
        left, right = call.tensor(first), call.tensor(second)
        if transposed:
            right = replace(right, shape=right.sizes[::-1], copies=right.copies[::-1])
        product, operands = matrix_product(left, right)
        name = call.graph.product(call.name, operands, product, call.shape, call.tensors(*more), call.op)
        return name, call.shape

    return make


def _einsum(call: TorchCall) -> Made:
    return einsum(call.graph, call.name, str(call.arguments["equation"]), list(call.arguments["tensors"]))


def _tensordot(call: TorchCall) -> Made:
    left, right = call.tensor("self"), call.tensor("other")
    names = [f"a{axis}" for axis in range(len(left.sizes))], [f"b{axis}" for axis in range(len(right.sizes))]
    for number, (here, there) in enumerate(
        zip(call.arguments["dims_self"], call.arguments["dims_other"], strict=True)
    ):
        names[0][here] = names[1][there] = f"k{number}"
    kept = {index for own in names for index in own if not index.startswith("k")}
    product, operands = contraction((left, right), names, kept)
    return call.graph.product(call.name, operands, product, call.shape, op=call.op), call.shape


def _attention(call: TorchCall) -> Made:
    """softmax(Q K^T) V over the last two axes; with grouped queries, heads share keys and values."""
    query, key, value = (call.tensor(name) for name in ("query", "key", "value"))
    *outer, queries, features = query.sizes
    *shared, keys, _ = key.sizes
    heads, kv_heads = (outer or [1])[-1], (shared or [1])[-1] // shared_heads(key, value)
    sizes = Heads(prod(outer[:-1]), heads, kv_heads, queries, keys, features, value.sizes[-1])
    more = call.tensors("attn_mask")
    return attention(call.graph, call.name, [query, key, value, *more], sizes, call.shape), call.shape


MACS: dict[str, Callable[[TorchCall], Made]] = {
    "aten::addmm": _matmul("mat1", "mat2", "self"),
    "aten::baddbmm": _matmul("batch1", "batch2", "self"),
    "aten::bmm": _matmul("self", "mat2"),
    "aten::dot": _matmul("self", "tensor"),
    "aten::einsum": _einsum,
    "aten::linear": _matmul("input", "weight", "bias", transposed=True),
    "aten::matmul": _matmul("self", "other"),
    "aten::mm": _matmul("self", "mat2"),
    "aten::mv": _matmul("self", "vec"),
    "aten::scaled_dot_product_attention": _attention,
    "aten::tensordot": _tensordot,
    **{
        f"aten::{name}": _conv
        for name in (
            "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "convolution",
        )
    },
}  # fmt: skip
"""By the operation's name."""

NO_KNOWN_MACS = frozenset((
    "addbmm", "addmv", "addr", "bilinear", "cdist", "chain_matmul", "conv_tbc", "einsum_path", "inner", "kron",
    "quantized_lstm", "stft", "istft", "vdot", "_convolution", "_trilinear", "_native_multi_head_attention",
    "_transformer_encoder_layer_fwd", "_scaled_dot_product_flash_attention", "_scaled_dot_product_efficient_attention",
    "_scaled_dot_product_flash_attention_for_cpu", "_scaled_dot_product_cudnn_attention", "_int_mm", "_scaled_mm",
    "_weight_int4pack_mm", "_weight_int8pack_mm", "slow_conv3d", "thnn_conv2d", "mkldnn_convolution",
))  # fmt: skip
"""ATen operations with MACs that no layer says, or not yet; `fft_*` and `linalg_*` are of them, too."""

ALIASES = frozenset((
    "alias", "clone", "contiguous", "detach", "detach_", "dropout", "dropout_", "feature_dropout", "alpha_dropout",
    "lift_fresh_copy", "to", "type_as", "_to_copy", "float", "half", "positive",
))  # fmt: skip
"""What leaves every element as it is, in a model that is not being trained."""

_RESHAPES = frozenset((
    "reshape", "view", "_unsafe_view", "flatten", "unflatten", "squeeze", "squeeze_", "unsqueeze", "unsqueeze_",
))  # fmt: skip
SAME_WIDTH = _RESHAPES | frozenset((
    "transpose", "permute", "slice", "select", "cat", "max_pool2d", "avg_pool2d", "expand", "pad", "chunk", "split",
    "t", "getitem", "adaptive_avg_pool2d",
))  # fmt: skip
"""What leaves quantised numbers quantised."""

_MOVES = frozenset(("transpose", "permute", "slice", "select", "roll", "t", "flip", "pixel_shuffle", "index"))


def is_known(name: str) -> bool:
    """Whether an operation is sure to have no MACs."""
    space, _, op = name.partition("::")
    if space == "aten":
        return op not in NO_KNOWN_MACS and not op.startswith(("fft_", "linalg_"))
    return name == "getitem" or space in ("quantized_decomposed", "_operator")


def spec_of(op: str, arguments: Mapping[str, Any], reads: Sequence[Value], shape: Shape) -> dict[str, Any]:
    """An operation in the words of a workload file; empty if they have none for it."""
    op = op.rstrip("_")
    moving = [value for value in reads if not value.constant]
    source = moving[0].shape if moving else None
    if op in ("add", "mul") and len(moving) > 1:
        return {"add" if op == "add" else "multiply": None}
    if op == "cat" and len(moving) == len(reads):
        return {"concat": None, "axis": int(arguments.get("dim", 0)) % len(shape)}
    if op in _RESHAPES:
        return {"reshape": None}
    if op in ("max_pool2d", "avg_pool2d"):
        return _pool(op, arguments)
    if source is not None and len(source) == len(shape) == 4:
        if shape == (*source[:2], 1, 1) and op in ("adaptive_avg_pool2d", "adaptive_max_pool2d", "mean"):
            return {"globalpool": "max" if "max" in op else "avg"}
        if op.startswith("upsample"):
            return {"upsample": (shape[2] // source[2], shape[3] // source[3])}
    return {"activation": op} if op not in _MOVES and source == shape else {}


def copies_made(op: str, arguments: Mapping[str, Any], reads: Sequence[Value], shape: Shape) -> Shape:
    """The copies along each axis of what an operation makes of its first tensor."""
    source = reads[0]
    if op == "expand":
        return expanded(source, shape)
    if op in _RESHAPES:
        return reshaped(source, shape)
    axes = list(range(len(shape)))
    if op == "permute":
        return permuted(source, [int(axis) % len(shape) for axis in arguments["dims"]])
    if op in ("transpose", "t"):
        here, there = (int(arguments.get(key, number)) for number, key in enumerate(("dim0", "dim1")))
        axes[here], axes[there] = axes[there], axes[here]
        return permuted(source, axes)
    if op == "repeat_interleave" and isinstance(arguments.get("repeats"), int) and arguments.get("dim") is not None:
        return repeated(source, int(arguments["dim"]), int(arguments["repeats"]))
    return source.copies if op in ("mul", "div") and len(reads) == 1 and source.shape == shape else ()


def _pool(op: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    kernel = tuple(_numbers(arguments["kernel_size"], 2, 1))
    stride = tuple(_numbers(arguments.get("stride") or kernel, 2, 1))
    rows, columns = _numbers(arguments.get("padding"), 2, 0)
    if any(step != 1 for step in _numbers(arguments.get("dilation"), 2, 1)):
        return {}
    spec: dict[str, Any] = {"maxpool" if op == "max_pool2d" else "avgpool": kernel}
    if stride != kernel:
        spec["stride"] = stride
    if rows or columns:
        spec["pad"] = (rows, rows, columns, columns)
    if arguments.get("ceil_mode"):
        spec["ceil"] = True
    return spec


__all__ = ["ALIASES", "MACS", "NO_KNOWN_MACS", "SAME_WIDTH", "Product", "TorchCall", "is_known", "spec_of"]
