"""ONNX operations without MACs: how a workload file says them, and which of them hand the width of numbers on."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from dse.formats.graph.copies import expanded, permuted, reshaped
from dse.formats.graph.graph import Value
from dse.formats.onnx.values import OnnxValue
from dse.problem.shapes import Shape

ALIASES = frozenset(("Identity", "Dropout", "Cast"))
"""What leaves every element as it is."""

SAME_WIDTH = frozenset((
    "AveragePool", "Concat", "DepthToSpace", "Expand", "Flatten", "Gather", "GlobalAveragePool", "GlobalMaxPool",
    "MaxPool", "Pad", "Reshape", "Slice", "SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze",
))  # fmt: skip
"""What leaves quantised numbers quantised."""

NO_KNOWN_MACS = frozenset((
    "DeformConv", "DFT", "STFT", "Det", "Loop", "Scan", "SequenceMap", "If", "Gradient",
))  # fmt: skip
"""Operations that multiply and accumulate in ways that no layer says, or that hold other graphs."""

SAME_SHAPE: dict[tuple[str, str], int] = {
    ("com.microsoft", op): 0
    for op in (
        "BiasAdd", "BiasGelu", "BiasSoftmax", "BiasSplitGelu", "DequantizeLinear", "FastGelu", "Gelu", "GroupNorm",
        "Inverse", "NhwcFusedAdd", "QuantizeLinear", "QuickGelu", "RotaryEmbedding", "SkipGroupNorm",
        "SkipLayerNormalization", "SkipSimplifiedLayerNormalization", "Trilu",
    )
} | {("", "SimplifiedLayerNormalization"): 0}  # fmt: skip
"""Operations outside the standard, and the input whose shape they make."""

QUANTIZED: dict[str, tuple[str, slice]] = {
    "QLinearAdd": ("Add", slice(0, 4, 3)),
    "QLinearAveragePool": ("AveragePool", slice(1)),
    "QLinearConcat": ("Concat", slice(2, None, 3)),
    "QLinearGlobalAveragePool": ("GlobalAveragePool", slice(1)),
    "QLinearLeakyRelu": ("LeakyRelu", slice(1)),
    "QLinearMul": ("Mul", slice(0, 4, 3)),
    "QLinearSigmoid": ("Sigmoid", slice(1)),
    "QLinearSoftmax": ("Softmax", slice(1)),
}
"""Operations of onnxruntime on quantised tensors: the standard one that each is, and its inputs among the scales."""

_RESHAPES = frozenset(("Reshape", "Flatten", "Squeeze", "Unsqueeze"))
_MOVES = frozenset(("Transpose", "Slice", "Gather", "Pad", "Tile", "Expand", "Split", "DepthToSpace", "SpaceToDepth"))
_JOINS = {"Add": "add", "Sum": "add", "Mul": "multiply"}


def standard(node: Any) -> Any:
    """The node of the standard that a quantised one of onnxruntime is, or else the node itself."""
    from onnx import helper

    how = QUANTIZED.get(node.op_type) if node.domain == "com.microsoft" else None
    given = {item.name: helper.get_attribute_value(item) for item in node.attribute} if how else {}
    if how is None or given.pop("channels_last", 0):
        return node
    given.pop("opset", None)
    op, inputs = how
    return helper.make_node(op, list(node.input)[inputs], list(node.output), name=node.name, **given)


def counted(op: str, inputs: Sequence[OnnxValue | None]) -> list[OnnxValue]:
    """The inputs that an operation reads, without what is no parameter.

    That is the running statistics of a batch norm, which nobody trains, and by how much a map is resized.
    """
    given = inputs[: {"BatchNormalization": 3, "Resize": 1, "Upsample": 1}.get(op, len(inputs))]
    return [value for value in given if value is not None]


def spec_of(op: str, attributes: dict[str, Any], reads: Sequence[Value], shape: Shape) -> dict[str, Any]:
    """An operation in the words of a workload file; empty if they have none for it."""
    moving = [value for value in reads if not value.constant]
    source = moving[0].shape if moving else None
    if op in _JOINS and len(moving) > 1:
        return {_JOINS[op]: None}
    if op == "Concat" and len(moving) == len(reads):
        return {"concat": None, "axis": int(attributes.get("axis", 0)) % max(1, len(shape))}
    if op in _RESHAPES:
        return {"reshape": None}
    if op in ("MaxPool", "AveragePool"):
        return _pool(op, attributes)
    if op in ("GlobalAveragePool", "GlobalMaxPool") or (
        op == "ReduceMean" and source is not None and shape == (*source[:2], 1, 1) and len(source) == 4
    ):
        return {"globalpool": "max" if op == "GlobalMaxPool" else "avg"}
    if op in ("Resize", "Upsample") and source is not None and len(source) == len(shape) == 4:
        return {"upsample": (shape[2] // source[2], shape[3] // source[3])}
    return {"activation": op.lower()} if op not in _MOVES and source == shape else {}


def copies_made(op: str, attributes: dict[str, Any], reads: Sequence[OnnxValue], shape: Shape) -> Shape:
    """The copies along each axis of what an operation makes of its first input."""
    if not reads or reads[0].shape is None or not shape:
        return ()
    source = reads[0]
    if op == "Expand":
        return expanded(source, shape)
    if op in _RESHAPES:
        return reshaped(source, shape)
    if op == "Transpose":
        return permuted(source, attributes.get("perm", range(len(shape))[::-1]))
    if op in ("Mul", "Div") and len(reads) == 2:  # scaled by one number
        here, there = reads if reads[1].constant else reads[::-1]
        if here.shape == shape and there.constant and there.shape is not None and prod(there.shape) == 1:
            return here.copies
    return ()


def _pool(op: str, attributes: dict[str, Any]) -> dict[str, Any]:
    kernel = [int(size) for size in attributes.get("kernel_shape", ())]
    pads = [int(size) for size in attributes.get("pads", (0,) * 4)]
    dilated = any(int(step) != 1 for step in attributes.get("dilations", ()))
    automatic = attributes.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID")
    if len(kernel) != 2 or len(pads) != 4 or dilated or automatic:
        return {}
    spec: dict[str, Any] = {"maxpool" if op == "MaxPool" else "avgpool": tuple(kernel)}
    stride = tuple(int(size) for size in attributes.get("strides", (1, 1)))
    if stride != tuple(kernel):
        spec["stride"] = stride
    if any(pads):
        spec["pad"] = (pads[0], pads[2], pads[1], pads[3])
    if attributes.get("ceil_mode"):
        spec["ceil"] = True
    return spec
