"""The parts that read ONNX files, each by itself: the wire, order, sizes, values, and words for operations."""

import numpy as np
import pytest

from dse.errors import DseError
from dse.formats.graph.graph import Graph
from dse.formats.graph.recurrent import GATES

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from dse.formats.onnx.inputs import with_sizes, with_values  # noqa: E402
from dse.formats.onnx.ops import MACS, Call  # noqa: E402
from dse.formats.onnx.order import in_order, label, subgraphs  # noqa: E402
from dse.formats.onnx.plain import copies_made, counted, spec_of  # noqa: E402
from dse.formats.onnx.read import opset, read_model  # noqa: E402
from dse.formats.onnx.recurrent import RECURRENT  # noqa: E402
from dse.formats.onnx.values import OnnxValue, fold, from_array, from_proto, from_tensor, infer, width  # noqa: E402
from dse.formats.onnx.wire import stripped_model  # noqa: E402

FLOAT = TensorProto.FLOAT


def value(*shape, **more):
    return OnnxValue(shape, "node", **more)


def weight(*shape):
    return OnnxValue(shape, None, parameters={"w": int(np.prod(shape))})


def model(nodes, inputs, stored=()):
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_empty_tensor_value_info("y")], list(stored),
    )  # fmt: skip
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    )


def test_large_tensors_are_left_out_of_the_wire_and_small_ones_stay(tmp_path):
    large, small = np.ones((64, 64), np.float32), np.array([1, -1], np.int64)
    stored = [numpy_helper.from_array(large, "large"), numpy_helper.from_array(small, "small")]
    path = tmp_path / "m.onnx"
    path.write_bytes(
        model([helper.make_node("MatMul", ["x", "large"], ["y"])], {"x": (2, 64)}, stored).SerializeToString()
    )
    stripped = stripped_model(path)
    assert len(stripped) < large.nbytes / 10
    kept = {tensor.name: tensor for tensor in onnx.ModelProto.FromString(stripped).graph.initializer}
    assert list(kept["large"].dims) == [64, 64]
    assert not kept["large"].raw_data
    assert numpy_helper.to_array(kept["small"]).tolist() == [1, -1]


def test_every_file_that_is_cut_short_is_refused_or_read_without_what_is_missing(tmp_path):
    whole = model([helper.make_node("Relu", ["x"], ["y"])], {"x": (2, 3)}).SerializeToString()
    path = tmp_path / "cut.onnx"
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        try:
            read_model(path)
        except DseError as error:
            assert error.file == str(path)  # noqa: PT017
    path.write_bytes(whole)
    assert read_model(path).graph.node[0].op_type == "Relu"


def test_the_version_of_an_operator_set():
    one = model([], {})
    assert (opset(one), opset(one, "com.microsoft"), opset(one, "elsewhere")) == (21, 1, 1)


def test_nodes_come_after_what_they_read():
    a, b, c = (helper.make_node("Relu", [x], [y], name=y) for x, y in (("x", "a"), ("a", "b"), ("b", "c")))
    assert [node.name for node in in_order([c, a, b], ["x"])] == ["a", "b", "c"]
    assert label(a) == "node 'a' (Relu)"


@pytest.mark.parametrize(
    ("edges", "said"),
    [
        ([("x", "a"), ("x", "a")], "is made by two nodes"),
        ([("nothing", "a")], "reads 'nothing', which nothing makes"),
        ([("b", "a"), ("a", "b")], "read each other in a circle"),
    ],
)
def test_a_graph_without_an_order_is_refused(edges, said):
    with pytest.raises(DseError, match=said):
        in_order([helper.make_node("Relu", [x], [y]) for x, y in edges], ["x"])


def test_a_branch_reads_what_stands_outside_it():
    branch = helper.make_graph(
        [helper.make_node("Relu", ["late"], ["z"])], "then", [], [helper.make_empty_tensor_value_info("z")]
    )
    choice = helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch)
    late = helper.make_node("Relu", ["x"], ["late"])
    assert [node.op_type for node in in_order([choice, late], ["x"])] == ["Relu", "If"]
    assert [graph.name for graph in subgraphs(choice)] == ["then", "then"]


def test_open_sides_get_their_sizes_by_name_or_by_place():
    graph = model([], {"x": ("batch", 3, None)}).graph
    inputs = with_sizes(graph, {"batch": 2, "x[2]": 5})
    assert [side.dim_value for side in inputs["x"].tensor_type.shape.dim] == [2, 3, 5]
    arrays = with_values(inputs, {"x": [1.5]})
    assert arrays["x"].shape == (2, 3, 5)
    assert (arrays["x"] == 1.5).all()


@pytest.mark.parametrize(
    ("dims", "said", "hint"),
    [
        ({}, "leave sizes open: batch", "--dim batch=1"),
        ({"batch": 0}, "a size is a whole number from 1", None),
        ({"bacth": 2}, "no side of an input has this name", "'batch'"),
    ],
)
def test_sizes_that_are_missing_or_wrong(dims, said, hint):
    with pytest.raises(DseError, match=said) as caught:
        with_sizes(model([], {"x": ("batch", 3)}).graph, dims)
    assert hint is None or hint in caught.value.hint


def test_widths_of_types():
    types = (FLOAT, TensorProto.INT8, TensorProto.UINT4, TensorProto.FLOAT8E4M3FN, TensorProto.FLOAT16)
    assert [width(dtype) for dtype in types] == [None, 8, 4, 8, None]


def test_a_value_knows_its_shape_only_when_every_side_is_known():
    assert from_proto(helper.make_tensor_type_proto(FLOAT, (2, 3))).shape == (2, 3)
    assert from_proto(helper.make_tensor_type_proto(FLOAT, ("n", 3))).shape is None
    assert from_array(np.zeros((2, 0), np.int64)).shape == (2, 0)
    stored = from_tensor(numpy_helper.from_array(np.ones((3, 4), np.float32), "w"))
    assert stored.parameters == {"w": 12}
    assert stored.data.tolist() == np.ones((3, 4)).tolist()


def test_small_constants_are_computed_and_shapes_inferred():
    node = helper.make_node("Concat", ["a", "b"], ["y"], axis=0)
    inputs = {"a": from_array(np.array([1, 2])), "b": from_array(np.array([3]))}
    types = infer(node, 21, inputs)
    assert from_proto(types["y"]).shape == (3,)
    assert fold(node, 21, inputs, types)["y"].tolist() == [1, 2, 3]
    shape = helper.make_node("Shape", ["x"], ["y"], start=1)
    assert fold(shape, 21, {"x": value(4, 5, 6)}, {})["y"].tolist() == [5, 6]


@pytest.mark.parametrize(
    ("op", "attributes", "reads", "shape", "spec"),
    [
        ("Add", {}, [value(2, 3), value(2, 3)], (2, 3), {"add": None}),
        ("Add", {}, [value(2, 3), weight(3)], (2, 3), {"activation": "add"}),
        ("Relu", {}, [value(2, 3)], (2, 3), {"activation": "relu"}),
        ("Reshape", {}, [value(2, 3)], (6,), {"reshape": None}),
        ("Transpose", {}, [value(3, 3)], (3, 3), {}),
        ("GlobalAveragePool", {}, [value(1, 8, 4, 4)], (1, 8, 1, 1), {"globalpool": "avg"}),
        ("Resize", {}, [value(1, 8, 4, 4)], (1, 8, 8, 12), {"upsample": (2, 3)}),
        ("MaxPool", {"kernel_shape": (3, 3), "strides": (2, 2), "pads": (1,) * 4}, [value(1, 8, 8, 8)], (1, 8, 4, 4),
         {"maxpool": (3, 3), "stride": (2, 2), "pad": (1, 1, 1, 1)}),
        ("MaxPool", {"kernel_shape": (3, 3), "dilations": (2, 2)}, [value(1, 8, 8, 8)], (1, 8, 4, 4), {}),
    ],
)  # fmt: skip
def test_operations_in_the_words_of_a_workload_file(op, attributes, reads, shape, spec):
    assert spec_of(op, attributes, reads, shape) == spec


def test_statistics_of_a_batch_norm_are_no_parameters():
    five = [value(1, 8, 4, 4), weight(8), weight(8), weight(8), weight(8)]
    assert len(counted("BatchNormalization", five)) == 3
    assert len(counted("Add", [value(2), None])) == 1


def test_copies_follow_a_value_that_is_expanded():
    assert copies_made("Expand", {}, [value(1, 4)], (3, 4)) == (3, 1)
    assert copies_made("Relu", {}, [value(1, 4)], (1, 4)) == ()


def call(op, *inputs, **attributes):
    return Call(Graph(), "n", op, inputs, attributes)


def test_products_of_operations():
    conv = call("Conv", value(1, 6, 8, 8), weight(4, 3, 3, 3), group=2, pads=(1, 1, 1, 1))
    name, shape = MACS["", "Conv"](conv)
    assert (name, shape) == ("n", (1, 4, 8, 8))
    assert (conv.graph.ops[0].macs.groups, conv.graph.ops[0].parameters) == (2, 0)
    gemm = call("Gemm", value(5, 7), weight(3, 7), weight(3), transB=1)
    assert MACS["", "Gemm"](gemm)[1] == (5, 3)
    assert (gemm.graph.ops[0].macs.N, gemm.graph.ops[0].macs.K, gemm.graph.ops[0].macs.C) == (5, 3, 7)
    with pytest.raises(DseError, match="its input 1 is missing"):
        MACS["", "MatMul"](call("MatMul", value(2, 3)))


@pytest.mark.parametrize("op", ["LSTM", "GRU", "RNN"])
def test_a_recurrent_operation_multiplies_all_inputs_once_and_the_state_at_each_step(op):
    gates = GATES[op] * 6
    one = call(op, value(4, 2, 5), weight(1, gates, 5), weight(1, gates, 6), hidden_size=6)
    _, shape = RECURRENT["", op](one)
    macs = [made.macs for made in one.graph.ops if made.macs is not None]
    assert shape == (4, 1, 2, 6)
    assert [(m.G, m.N, m.K, m.C) for m in macs] == [(1, 8, gates, 5)] + [(1, 2, gates, 6)] * 4
