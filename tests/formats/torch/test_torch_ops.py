"""ATen operations in the words of a workload file, and their products."""

import pytest

from dse.errors import DseError
from dse.formats.graph.graph import Graph, Value
from dse.formats.torch.ops import MACS, TorchCall, copies_made, is_known, spec_of


def value(*shape):
    return Value(shape, "node")


def weight(*shape):
    size = 1
    for side in shape:
        size *= side
    return Value(shape, None, parameters={"w": size})


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("aten::relu", True),
        ("aten::fft_rfft", False),
        ("aten::linalg_inv", False),
        ("getitem", True),
        ("mine::op", False), ("aten::bilinear", False),
    ],
)
def test_only_operations_of_known_libraries_are_sure_to_have_no_macs(name, known):
    assert is_known(name) is known


@pytest.mark.parametrize(
    ("op", "arguments", "reads", "shape", "spec"),
    [
        ("add_", {}, [value(2, 3), value(2, 3)], (2, 3), {"add": None}),
        ("mul", {}, [value(2, 3), value(2, 3)], (2, 3), {"multiply": None}),
        ("cat", {"dim": -1}, [value(2, 3), value(2, 4)], (2, 7), {"concat": None, "axis": 1}),
        ("relu", {}, [value(2, 3)], (2, 3), {"activation": "relu"}),
        ("transpose", {}, [value(3, 3)], (3, 3), {}),
        ("mean", {}, [value(1, 8, 4, 4)], (1, 8, 1, 1), {"globalpool": "avg"}),
        ("upsample_nearest2d", {}, [value(1, 8, 4, 4)], (1, 8, 8, 8), {"upsample": (2, 2)}),
        ("max_pool2d", {"kernel_size": [3], "stride": [2, 2], "padding": [1, 1]}, [value(1, 8, 8, 8)], (1, 8, 4, 4),
         {"maxpool": (3, 3), "stride": (2, 2), "pad": (1, 1, 1, 1)}),
        ("max_pool2d", {"kernel_size": [3, 3], "dilation": 2}, [value(1, 8, 8, 8)], (1, 8, 2, 2), {}),
    ],
)  # fmt: skip
def test_operations_in_the_words_of_a_workload_file(op, arguments, reads, shape, spec):
    assert spec_of(op, arguments, reads, shape) == spec


def test_copies_follow_a_value_that_is_expanded_and_turned():
    assert copies_made("expand", {}, [value(1, 4)], (3, 4)) == (3, 1)
    held = Value((3, 4), "node", copies=(3, 1))
    assert copies_made("transpose", {"dim0": 0, "dim1": 1}, [held], (4, 3)) == (1, 3)
    assert copies_made("relu", {}, [held], (3, 4)) == ()


def test_a_linear_operation_multiplies_by_the_transpose_of_its_weights():
    graph = Graph()
    call = TorchCall(graph, "fc", "linear", {"input": value(5, 7), "weight": weight(3, 7), "bias": weight(3)}, (5, 3))
    assert MACS["aten::linear"](call)[1] == (5, 3)
    product = graph.ops[0].macs
    assert (product.N, product.K, product.C) == (5, 3, 7)


def test_an_argument_that_is_no_tensor_is_named():
    with pytest.raises(DseError, match="its argument weight is no tensor"):
        TorchCall(Graph(), "n", "conv2d", {"weight": 3}, ()).tensor("weight")
