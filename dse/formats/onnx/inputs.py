"""The inputs of an ONNX graph, with sizes for the sides that it leaves open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from dse.errors import DseError
from dse.formats.text.located import did_you_mean
from dse.problem.shapes import MAX_BOUND

_SHOWN = 6
_OPEN = -1
"""What some exporters write for a side that is left open."""


def with_sizes(graph: Any, dims: Mapping[str, int]) -> dict[str, Any]:
    """The types of the inputs that are no initializers, each side a number.

    Parameters
    ----------
    graph : GraphProto
        Changed: sizes are put in wherever a side has one of the names.
    dims : mapping of str to int
        By the name of a side, or as `input[axis]`.

    Raises
    ------
    DseError
        A side is left open, or a name is none of the open sides'.
    """
    for name, given in dims.items():
        if not 1 <= given <= MAX_BOUND:
            raise DseError(f"--dim {name}={given}: a size is a whole number from 1 to {MAX_BOUND}")
    stored = {tensor.name for tensor in graph.initializer} | {item.values.name for item in graph.sparse_initializer}
    inputs = {item.name: item.type for item in graph.input if item.name not in stored}
    names: dict[str, None] = {}
    missing: dict[str, str] = {}
    for name, proto in inputs.items():
        for axis, side in enumerate(proto.tensor_type.shape.dim):
            if _is_known(side):
                continue
            own = f"{name}[{axis}]"
            names.update(dict.fromkeys([own, *([side.dim_param] if side.dim_param else [])]))
            size = next((dims[key] for key in (own, side.dim_param) if key in dims), None)
            if size is None:
                missing.setdefault(side.dim_param or own, own)
            else:
                side.dim_value = size
    for item in (*graph.value_info, *graph.output):
        for side in item.type.tensor_type.shape.dim:
            if side.dim_param in dims and not _is_known(side):
                names[side.dim_param] = None
                side.dim_value = dims[side.dim_param]
    for name in dims:
        if name not in names:
            hint = did_you_mean(name, names) if names else "every side has a size already"
            raise DseError(f"--dim {name}: no side of an input has this name", hint=hint)
    if missing:
        shown = list(missing)[:_SHOWN]
        say = " ".join(f"--dim {name}={1 if 'batch' in name.lower() or at.endswith('[0]') else 'SIZE'}"
                       for name, at in list(missing.items())[:_SHOWN])  # fmt: skip
        raise DseError(f"the inputs leave sizes open: {', '.join(shown)}", hint=f"give them: {say}")
    return inputs


def with_values(inputs: Mapping[str, Any], given: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Arrays for inputs whose values are given, such as those that decide an `If`.

    Parameters
    ----------
    inputs : mapping of str to TypeProto
        As `with_sizes` returns them.
    given : mapping of str to numbers
        One for every element, or one for all of them.

    Raises
    ------
    DseError
        No such input, or another number of elements.
    """
    import numpy as np
    from onnx import helper

    arrays = {}
    for name, numbers in given.items():
        if name not in inputs:
            raise DseError(f"--input {name}: the model has no input of this name", hint=did_you_mean(name, inputs))
        tensor = inputs[name].tensor_type
        shape = tuple(side.dim_value for side in tensor.shape.dim)
        array = np.array(numbers, dtype=helper.tensor_dtype_to_np_dtype(tensor.elem_type))
        if array.size not in (1, prod(shape)):
            message = f"--input {name}: {array.size} numbers for {prod(shape)} elements"
            raise DseError(message, hint="one, or all of them")
        arrays[name] = np.resize(array, shape)
    return arrays


def _is_known(side: Any) -> bool:
    return bool(side.HasField("dim_value")) and side.dim_value != _OPEN
