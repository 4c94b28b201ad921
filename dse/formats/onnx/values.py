"""Shapes of an ONNX graph, node by node, and the small constants that shapes are computed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from dse.formats.graph.graph import Value

FOLDED = frozenset((
    "Abs", "Add", "And", "Cast", "Ceil", "Clip", "Concat", "Constant", "ConstantOfShape", "Div", "Equal", "Expand",
    "Flatten", "Floor", "Gather", "GatherElements", "GatherND", "Greater", "GreaterOrEqual", "Identity", "Less",
    "LessOrEqual", "Max", "Min", "Mod", "Mul", "Neg", "Not", "Or", "Pow", "Range", "ReduceMax", "ReduceMin",
    "ReduceProd", "ReduceSum", "Reshape", "Round", "ScatterND", "Sign", "Slice", "Split", "Sqrt", "Squeeze", "Sub",
    "Tile", "Transpose", "Unsqueeze", "Where",
))  # fmt: skip
"""Operations on small constants that are computed, because shapes come of them."""

_SMALL = 1024


@dataclass(slots=True)
class OnnxValue(Value):
    """A tensor of an ONNX graph.

    Parameters
    ----------
    proto : TypeProto
        Its type and what is known of its shape.
    data : numpy array, optional
        Its elements, if it is a small constant.
    dtype : int
        `TensorProto.DataType`.
    """

    proto: Any = None
    data: Any = None
    dtype: int = 0


def width(dtype: int) -> int | None:
    """Bits of a type that numbers are quantised to; None for floating point of 16 bits or more."""
    from onnx import TensorProto

    name = TensorProto.DataType.Name(dtype) if dtype in TensorProto.DataType.values() else ""
    digits = "".join(char for char in name.split("E")[0] if char.isdigit())
    return int(digits) if digits and (name.startswith(("INT", "UINT")) or int(digits) < 16) else None


def from_proto(proto: Any, **more: Any) -> OnnxValue:
    """A value of an inferred type; its shape is None unless every side is known."""
    tensor = proto.tensor_type if proto is not None and proto.HasField("tensor_type") else None
    shape = None
    if tensor is not None and tensor.HasField("shape"):
        # some exporters write -1 for a side that they leave open
        sides = [int(side.dim_value) if side.HasField("dim_value") else -1 for side in tensor.shape.dim]
        shape = None if -1 in sides else tuple(sides)
    return OnnxValue(shape, proto=proto, dtype=tensor.elem_type if tensor is not None else 0, **more)


def from_array(array: Any, **more: Any) -> OnnxValue:
    from onnx import helper

    dtype = helper.np_dtype_to_tensor_dtype(array.dtype)
    return from_proto(helper.make_tensor_type_proto(dtype, array.shape), data=array, **more)


def from_tensor(tensor: Any) -> OnnxValue:
    """A stored tensor; its elements are kept if there are few and they are in the file."""
    from onnx import TensorProto, helper, numpy_helper

    dims = [int(side) for side in tensor.dims]
    value = from_proto(helper.make_tensor_type_proto(tensor.data_type, dims))
    small = 0 <= prod(dims) <= _SMALL and min(dims, default=0) >= 0
    if small and tensor.data_location != TensorProto.EXTERNAL:
        try:
            value.data = numpy_helper.to_array(tensor)
        except Exception:  # data that was too large to keep, or does not fit its shape: only the shape is known
            value.data = None
    is_float = width(tensor.data_type) is None or width(tensor.data_type) in (4, 8)
    if is_float and prod(dims) > 1:
        value.parameters = {tensor.name: prod(dims)}
    return value


def infer(node: Any, version: int, inputs: Mapping[str, OnnxValue]) -> dict[str, Any]:
    """The types of a node's outputs by the rules of its operation; empty if they say nothing."""
    import onnx
    from onnx import helper, numpy_helper, shape_inference

    types = {name: value.proto for name, value in inputs.items() if value.proto is not None}
    data = {
        name: numpy_helper.from_array(value.data, name) for name, value in inputs.items() if value.data is not None
    }
    try:
        schema = onnx.defs.get_schema(node.op_type, version, node.domain)
        opsets = [helper.make_opsetid(node.domain, version)]
        return dict(shape_inference.infer_node_outputs(schema, node, types, data, opset_imports=opsets))
    except Exception:  # raised by compiled code as whatever it likes; the caller says which node has no shape
        return {}


def infer_quantized(node: Any, version: int, inputs: Mapping[str, OnnxValue]) -> dict[str, Any]:
    """As `infer`, for an operation that reads and makes integers where the standard has floating point."""
    from onnx import TensorProto, helper

    floats = {
        name: replace(value, proto=helper.make_tensor_type_proto(TensorProto.FLOAT, value.shape))
        for name, value in inputs.items()
    }
    types = infer(node, version, floats)
    dtype = next((value.dtype for value in inputs.values()), TensorProto.FLOAT)
    return {name: helper.make_tensor_type_proto(dtype, from_proto(proto).shape) for name, proto in types.items()}


def fold(node: Any, version: int, inputs: Mapping[str, OnnxValue], types: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs of a node as arrays, if it computes few elements from small constants; empty if not."""
    import numpy as np

    if node.op_type == "Shape" and (value := next(iter(inputs.values()), None)) and value.shape is not None:
        start, end = (int(_attribute(node, key, default)) for key, default in (("start", 0), ("end", len(value.shape))))
        return {node.output[0]: np.array(value.shape[start:end], dtype=np.int64)}
    if node.op_type == "Size" and (value := next(iter(inputs.values()), None)) and value.shape is not None:
        return {node.output[0]: np.array(prod(value.shape), dtype=np.int64)}
    if node.op_type not in FOLDED or any(value.data is None for value in inputs.values()):
        return {}
    if node.op_type == "Range":
        numbers = [float(value.data) for value in inputs.values()]
        if len(numbers) != 3 or not numbers[2] or not 0 <= (numbers[1] - numbers[0]) / numbers[2] <= _SMALL:
            return {}
    elif any(name and not _is_small(types.get(name)) for name in node.output):
        return {}
    return _evaluate(node, version, inputs)


def _evaluate(node: Any, version: int, inputs: Mapping[str, OnnxValue]) -> dict[str, Any]:
    import numpy as np
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    names = [name for name in node.output if name]
    graph = helper.make_graph(
        [node], "one", [helper.make_value_info(name, value.proto) for name, value in inputs.items()],
        [helper.make_empty_tensor_value_info(name) for name in names],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)], ir_version=8)
    try:
        with np.errstate(all="ignore"):
            results = ReferenceEvaluator(model).run(None, {name: value.data for name, value in inputs.items()})
    except Exception:  # an operation on constants that cannot be computed leaves its value unknown
        return {}
    return {
        name: array for name, result in zip(names, results, strict=True) if (array := np.asarray(result)).size <= _SMALL
    }


def _is_small(proto: Any) -> bool:
    shape = from_proto(proto).shape if proto is not None else None
    return shape is not None and 0 <= prod(shape) <= _SMALL


def _attribute(node: Any, name: str, default: int) -> int:
    return next((item.i for item in node.attribute if item.name == name), default)
