"""Recurrent operations of ONNX: MACs and weights by the operators' definition."""

import pytest

from dse.errors import DseError
from dse.formats.graph.workload import per_image
from dse.formats.onnx.model import extract_onnx
from dse.formats.workload.load import parse_workload

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper  # noqa: E402

FLOAT = TensorProto.FLOAT
STEPS, BATCH, FEATURES, HIDDEN = 5, 2, 4, 8


def extracted(path, op, gates, directions=1, *, layout=0, outputs=("y",), domain="", transposed=False):
    kind, width = (TensorProto.INT8, 1) if domain else (FLOAT, 4)
    more = {"direction": "bidirectional"} if directions == 2 else {}
    node = helper.make_node(op, ["x", "W", "R", "B"], list(outputs), domain=domain, hidden_size=HIDDEN, **more,
                            **({"layout": 1} if layout else {}))  # fmt: skip
    shapes = {"W": FEATURES, "R": HIDDEN}
    stored = [
        helper.make_tensor(name, kind, dims, bytes(width * directions * gates * HIDDEN * columns), raw=True)
        for name, columns in shapes.items()
        for dims in [(directions, columns, gates * HIDDEN) if transposed else (directions, gates * HIDDEN, columns)]
    ]  # fmt: skip
    biases = directions * 2 * gates * HIDDEN
    stored.append(helper.make_tensor("B", FLOAT, (directions, 2 * gates * HIDDEN), bytes(4 * biases), raw=True))
    shape = (BATCH, STEPS, FEATURES) if layout else (STEPS, BATCH, FEATURES)
    graph = helper.make_graph(
        [node], "g", [helper.make_tensor_value_info("x", FLOAT, shape)],
        [helper.make_empty_tensor_value_info(name) for name in outputs if name], stored,
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    path.write_bytes(helper.make_model(graph, opset_imports=opsets).SerializeToString())
    return extract_onnx(path)


@pytest.mark.parametrize(("op", "gates"), [("LSTM", 4), ("GRU", 3), ("RNN", 1)])
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("layout", [0, 1])
def test_one_product_over_all_steps_and_one_for_each(tmp_path, op, gates, directions, layout):
    found = extracted(tmp_path / "m.onnx", op, gates, directions, layout=layout)
    net = found.workload
    once = directions * gates * HIDDEN
    assert len(net.layers) == 1 + STEPS
    assert net.macs == STEPS * BATCH * once * (FEATURES + HIDDEN)
    assert net.weight_words == once * (FEATURES + HIDDEN)
    assert net.parameters == once * (FEATURES + HIDDEN + 2)
    assert all(layer.bounds[:4] == (directions, BATCH, gates * HIDDEN, HIDDEN) for layer in net.layers[1:])
    again = parse_workload(found.to_yaml())
    assert (again.layers, again.parameters) == (net.layers, net.parameters)
    last = (BATCH, STEPS, directions, HIDDEN) if layout else (STEPS, directions, BATCH, HIDDEN)
    assert net.nodes[-1].shape == per_image(last, net.batch)


@pytest.mark.parametrize("layout", [0, 1])
def test_the_last_state_may_be_all_that_is_read(tmp_path, layout):
    net = extracted(tmp_path / "m.onnx", "GRU", 3, layout=layout, outputs=("", "h")).workload
    assert net.nodes[-1].shape == per_image((BATCH, 1, HIDDEN) if layout else (1, BATCH, HIDDEN), net.batch)
    assert net.nodes[-1].inputs == (net.nodes[-2].name,)


def test_the_quantized_form_has_narrow_operands_and_the_same_work(tmp_path):
    net = extracted(tmp_path / "m.onnx", "DynamicQuantizeLSTM", 4, domain="com.microsoft", transposed=True).workload
    assert net.macs == STEPS * BATCH * 4 * HIDDEN * (FEATURES + HIDDEN)
    assert {layer.bits for layer in net.layers} == {net.layers[0].bits}
    assert (net.layers[0].bits.ifmap, net.layers[0].bits.weight, net.layers[0].bits.psum) == (8, 8, 32)


def test_weights_of_another_size_are_named(tmp_path):
    with pytest.raises(DseError, match="weights 1x32x4 where 1x24x4 fit its input and hidden_size"):
        extracted(tmp_path / "m.onnx", "GRU", 4)


def test_weights_joined_of_several_tensors_count_in_full(tmp_path):
    """Exporters join the weights of both directions in the graph; all steps read them."""
    parts = ["Wf", "Wb", "Rf", "Rb"]
    columns = {"W": FEATURES, "R": HIDDEN}
    stored = [
        helper.make_tensor(name, FLOAT, (1, 3 * HIDDEN, size), bytes(12 * HIDDEN * size), raw=True)
        for name in parts for size in [columns[name[0]]]
    ]  # fmt: skip
    nodes = [helper.make_node("Concat", [f"{name}f", f"{name}b"], [name], axis=0) for name in columns]
    nodes.append(helper.make_node("GRU", ["x", "W", "R"], ["y"], hidden_size=HIDDEN, direction="bidirectional"))
    given = helper.make_tensor_value_info("x", FLOAT, (STEPS, BATCH, FEATURES))
    graph = helper.make_graph(nodes, "g", [given], [helper.make_empty_tensor_value_info("y")], stored)
    path = tmp_path / "m.onnx"
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]).SerializeToString())
    net = extract_onnx(path).workload
    assert net.weight_words == net.parameters == 2 * 3 * HIDDEN * (FEATURES + HIDDEN)
