"""MACs of an ONNX file as onnxruntime runs it: from the shapes of the tensors that it makes, with no code of `dse`.

Branches are replaced by those that onnxruntime takes for these inputs, and what is made of constants is folded by it.
The operations left are then run once, and counted by the shapes of what they read and make.
"""

from __future__ import annotations

from math import prod
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

GATES = {"LSTM": 4, "DynamicQuantizeLSTM": 4, "GRU": 3, "RNN": 1}
OTHER_MACS = {
    "Attention", "DeformConv", "DFT", "Einsum", "GroupQueryAttention", "If", "Loop", "MultiHeadAttention",
    "QLinearConv", "QLinearMatMul", "Scan", "STFT",
}  # fmt: skip
"""What this count does not know; none is left in the models of the table."""


def counted_by_onnxruntime(path: Path, dims: dict[str, int], given: dict[str, float], scratch: Path) -> int:
    """MACs of one inference with inputs of these sizes, and with these values where they decide what runs."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    model, feeds = _fixed(onnx.load(path), dims, given)
    cpu = ["CPUExecutionProvider"]
    while any(node.op_type == "If" for node in model.graph.node):
        _take_branch(model, feeds, cpu)
    onnx.save(model, scratch / "fixed.onnx")
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(scratch / "folded.onnx")
    onnxruntime.InferenceSession(scratch / "fixed.onnx", options, providers=cpu)

    folded = onnx.load(scratch / "folded.onnx")
    stored = {tensor.name: tuple(tensor.dims) for tensor in folded.graph.initializer}
    known = {item.name for item in (*folded.graph.input, *folded.graph.output)} | set(stored)
    nodes = [node for node in folded.graph.node if node.op_type in COUNTS]
    assert not {node.op_type for node in folded.graph.node} & OTHER_MACS
    shown = {name for node in nodes for name in (*node.input, node.output[0]) if name} - known
    folded.graph.output.extend(onnx.ValueInfoProto(name=name) for name in sorted(shown))
    onnx.save(folded, scratch / "shown.onnx")
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(scratch / "shown.onnx", options, providers=cpu)
    names = [output.name for output in session.get_outputs()]
    feeds = {item.name: feeds[item.name] for item in session.get_inputs()}
    shapes = stored | {name: array.shape for name, array in feeds.items()}
    shapes |= {name: np.shape(array) for name, array in zip(names, session.run(names, feeds), strict=True)}
    return sum(COUNTS[node.op_type](node, shapes) for node in nodes)


def _fixed(model, dims, given):
    """The model with its inputs' sizes set and the given ones as constants, and arrays for all others."""
    graph, feeds = model.graph, {}
    stored = {tensor.name for tensor in graph.initializer}
    for item in [item for item in graph.input if item.name not in stored]:
        tensor = item.type.tensor_type
        for axis, side in enumerate(tensor.shape.dim):
            size = dims.get(f"{item.name}[{axis}]", dims.get(side.dim_param) if side.dim_param else side.dim_value)
            side.Clear()
            side.dim_value = size
        shape = [side.dim_value for side in tensor.shape.dim]
        kind = helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        feeds[item.name] = np.full(shape, given.get(item.name, 0 if tensor.elem_type == TensorProto.FLOAT else 1), kind)
        if item.name in given:
            graph.initializer.append(numpy_helper.from_array(feeds.pop(item.name), item.name))
            graph.input.remove(item)
    del graph.value_info[:]
    return model, feeds


def _take_branch(model, feeds, providers):
    """The first `If` gives way to the nodes of the branch that is taken."""
    import onnxruntime

    graph = model.graph
    at, node = next((at, node) for at, node in enumerate(graph.node) if node.op_type == "If")
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    del probe.graph.output[:]
    probe.graph.output.append(helper.make_tensor_value_info(node.input[0], TensorProto.BOOL, None))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(probe.SerializeToString(), options, providers=providers)
    (decided,) = session.run(None, {item.name: feeds[item.name] for item in session.get_inputs()})
    branch = _attribute(node, "then_branch" if np.all(decided) else "else_branch", None)
    nodes = list(branch.node)
    nodes += [
        helper.make_node("Identity", [made.name], [name])
        for made, name in zip(branch.output, node.output, strict=True)
        if name
    ]
    graph.initializer.extend(branch.initializer)
    rest = list(graph.node)
    del graph.node[:]
    graph.node.extend([*rest[:at], *nodes, *rest[at + 1 :]])


def _attribute(node, name, default):
    return next((helper.get_attribute_value(item) for item in node.attribute if item.name == name), default)


def _conv(node, shapes):
    return prod(shapes[node.output[0]]) * prod(shapes[node.input[1]][1:])


def _conv_transpose(node, shapes):
    """Every input meets every tap whose output is kept."""
    (images, channels, *sides), (_, filters, *kernel) = shapes[node.input[0]], shapes[node.input[1]]
    out, count = shapes[node.output[0]][2:], len(sides)
    strides, dilations = (_attribute(node, name, [1] * count) for name in ("strides", "dilations"))
    pads = _attribute(node, "pads", [0] * count)
    assert _attribute(node, "auto_pad", b"NOTSET") in (b"NOTSET", b"VALID")
    meets = [0] * count
    for a in range(count):
        spots = (at * strides[a] + tap * dilations[a] - pads[a] for at in range(sides[a]) for tap in range(kernel[a]))
        meets[a] = sum(0 <= spot < out[a] for spot in spots)
    return images * channels * filters * prod(meets)


def _matmul(node, shapes):
    return prod(shapes[node.output[0]]) * shapes[node.input[0]][-2 if _attribute(node, "transA", 0) else -1]


def _recurrent(node, shapes):
    steps, batch, features = shapes[node.input[0]]
    directions, *state = shapes[node.input[2]]
    hidden = min(state)  # the other side is that of all gates
    return steps * batch * directions * GATES[node.op_type] * hidden * (features + hidden)


COUNTS = {
    "Conv": _conv, "FusedConv": _conv, "ConvTranspose": _conv_transpose, "MatMul": _matmul, "FusedMatMul": _matmul,
    "Gemm": _matmul, "ConvInteger": _conv, "MatMulInteger": _matmul, **dict.fromkeys(GATES, _recurrent),
}  # fmt: skip
