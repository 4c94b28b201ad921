"""Quantised operations of ONNX and onnxruntime: widths of integers, 32-bit sums, and the plain ones between them."""

import pytest

from dse.errors import DseError
from dse.formats.onnx.model import extract_onnx

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper  # noqa: E402

FLOAT, U8, I8 = TensorProto.FLOAT, TensorProto.UINT8, TensorProto.INT8
RUNTIME = "com.microsoft"
SCALE, ZERO = (FLOAT, []), (U8, [])


def extracted(path, nodes, x, stored):
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", *x)],
        [helper.make_empty_tensor_value_info(nodes[-1].output[0])],
        [helper.make_tensor(name, kind, shape, bytes(1 << 14)[: size(kind, shape)], raw=True)
         for name, (kind, shape) in stored.items()],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid(RUNTIME, 1)]
    path.write_bytes(helper.make_model(graph, opset_imports=opsets).SerializeToString())
    return extract_onnx(path).workload


def size(kind, shape):
    total = 4 if kind in (FLOAT, TensorProto.INT32) else 1
    for side in shape:
        total *= side
    return total


def widths_of(layer):
    return layer.bits.ifmap, layer.bits.weight, layer.bits.psum


@pytest.mark.parametrize(
    ("op", "domain", "x", "weights", "order", "attributes", "bounds", "widths"),
    [
        ("QLinearConv", "", (U8, [1, 3, 8, 8]), (I8, [4, 3, 3, 3]), "x s z w s z s z", {},
         (1, 1, 4, 3, 6, 6, 3, 3), (8, 8, 32)),
        ("QLinearConv", RUNTIME, (U8, [1, 8, 9, 3]), (I8, [4, 3, 3, 3]), "x s z w s z s z", {"channels_last": 1},
         (1, 1, 4, 3, 6, 7, 3, 3), (8, 8, 32)),
        ("ConvInteger", "", (U8, [1, 3, 8, 8]), (U8, [4, 3, 3, 3]), "x w z z", {},
         (1, 1, 4, 3, 6, 6, 3, 3), (8, 8, 32)),
        ("MatMulInteger", "", (U8, [5, 12]), (I8, [12, 7]), "x w", {}, (1, 5, 7, 12, 1, 1, 1, 1), (8, 8, 32)),
        ("QLinearMatMul", "", (U8, [5, 12]), (I8, [12, 7]), "x s z w s z s z", {},
         (1, 5, 7, 12, 1, 1, 1, 1), (8, 8, 32)),
        ("QGemm", RUNTIME, (U8, [5, 12]), (I8, [7, 12]), "x s z w s z", {"transB": 1},
         (1, 5, 7, 12, 1, 1, 1, 1), (8, 8, 32)),
        ("MatMulIntegerToFloat", RUNTIME, (U8, [5, 12]), (I8, [12, 7]), "x w s s", {},
         (1, 5, 7, 12, 1, 1, 1, 1), (8, 8, 32)),
        ("DynamicQuantizeMatMul", RUNTIME, (FLOAT, [5, 12]), (I8, [12, 7]), "x w s", {},
         (1, 5, 7, 12, 1, 1, 1, 1), (8, 8, 32)),
    ],
)  # fmt: skip
def test_products_of_integers(tmp_path, op, domain, x, weights, order, attributes, bounds, widths):
    node = helper.make_node(op, order.split(), ["y"], domain=domain, **attributes)
    (layer,) = extracted(tmp_path / "m.onnx", [node], x, {"w": weights, "s": SCALE, "z": ZERO}).layers
    assert layer.bounds == bounds
    assert widths_of(layer) == widths


def test_plain_operations_on_quantised_tensors_are_those_of_the_standard(tmp_path):
    """A quantised residual block: its convolutions stay 8 bits wide, whatever lies between them."""
    make = helper.make_node
    pooled = {"kernel_shape": [2, 2], "strides": [2, 2]}
    nodes = [
        make("QLinearConv", ["x", "s", "z", "w", "s", "z", "s", "z"], ["a"], pads=[1] * 4),
        make("QLinearLeakyRelu", ["a", "s", "z", "s", "z"], ["b"], domain=RUNTIME),
        make("QLinearAdd", ["x", "s", "z", "b", "s", "z", "s", "z"], ["c"], domain=RUNTIME),
        make("QLinearAveragePool", ["c", "s", "z", "s", "z"], ["d"], domain=RUNTIME, **pooled),
        make("QLinearConcat", ["s", "z", "d", "s", "z", "d", "s", "z"], ["e"], domain=RUNTIME, axis=1),
        make("QLinearConv", ["e", "s", "z", "v", "s", "z", "s", "z"], ["f"]),
        make("QLinearGlobalAveragePool", ["f", "s", "z", "s", "z"], ["y"], domain=RUNTIME),
    ]
    stored = {"w": (I8, [4, 4, 3, 3]), "v": (I8, [2, 8, 1, 1]), "s": SCALE, "z": ZERO}
    net = extracted(tmp_path / "m.onnx", nodes, (U8, [1, 4, 8, 8]), stored)
    assert [node.op for node in net.nodes] == [
        "input", "conv", "activation", "add", "avgpool", "concat", "conv", "globalpool",
    ]  # fmt: skip
    assert net.nodes[5].shape == (8, 4, 4)
    assert {widths_of(layer) for layer in net.layers} == {(8, 8, 32)}
    assert net.macs == 64 * 4 * 4 * 9 + 16 * 2 * 8


def test_a_quantised_pool_with_channels_last_is_refused(tmp_path):
    reads = ["x", "s", "z", "s", "z"]
    node = helper.make_node("QLinearGlobalAveragePool", reads, ["y"], domain=RUNTIME, channels_last=1)
    with pytest.raises(DseError, match=r"domain 'com\.microsoft' that is not known"):
        extracted(tmp_path / "m.onnx", [node], (U8, [1, 8, 8, 4]), {"s": SCALE, "z": ZERO})
