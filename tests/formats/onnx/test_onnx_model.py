"""ONNX files as workloads: shipped and built models, and files that mean harm."""

import time
from pathlib import Path

import numpy as np
import pytest

from dse.errors import DseError
from dse.formats.onnx.model import extract_onnx
from dse.formats.workload.load import load_workload, parse_workload

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, load, numpy_helper, save  # noqa: E402

LIGHT = Path(onnx.__file__).parent / "backend/test/data/light"
FLOAT = TensorProto.FLOAT


def weights(name, *shape, dtype=FLOAT):
    """A stored tensor whose data lies in a file that is not there."""
    tensor = TensorProto(name=name, data_type=dtype, dims=shape, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="/../../elsewhere/secret")
    return tensor


def write(path, nodes, inputs, stored=(), *, value_info=(), domains=(), functions=()):
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_empty_tensor_value_info(nodes[-1].output[0])], list(stored), value_info=list(value_info),
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 21), *(helper.make_opsetid(domain, 1) for domain in domains)]
    model = helper.make_model(graph, opset_imports=opsets, functions=list(functions))
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture
def model(tmp_path):
    return lambda *args, **more: write(tmp_path / "m.onnx", *args, **more)


def the_layer(path, **more):
    (layer,) = extract_onnx(path, **more).workload.layers
    return layer


def read_again(found):
    """The workload that the written file says; equal layers between the same nodes."""
    again = parse_workload(found.to_yaml())
    assert again.layers == found.workload.layers
    assert [(node.name, node.inputs, node.shape) for node in again.nodes] == [
        (node.name, node.inputs, node.shape) for node in found.workload.nodes
    ]
    return again


@pytest.mark.parametrize(("light", "ours"), [("vgg19", "vgg19"), ("resnet50", "resnet50_v1p5")])
def test_layers_of_a_shipped_model_are_those_of_our_own_workload(light, ours):
    found = extract_onnx(LIGHT / f"light_{light}.onnx").workload
    own = load_workload(ours)
    assert sorted(layer.shape_key() for layer in found.layers) == sorted(layer.shape_key() for layer in own.layers)
    assert found.parameters == own.parameters


@pytest.mark.parametrize("path", sorted(LIGHT.glob("*.onnx")), ids=lambda path: path.stem)
def test_every_convolution_and_product_of_a_shipped_model_is_a_layer(path):
    found = extract_onnx(path)
    operations = [node.op_type for node in onnx.load(path).graph.node]
    assert len(found.workload.layers) == sum(operation in ("Conv", "Gemm") for operation in operations)
    assert read_again(found).parameters == found.workload.parameters


def test_residual_adds_and_concats_keep_their_edges():
    resnet = extract_onnx(LIGHT / "light_resnet50.onnx").workload
    joins = [node for node in resnet.nodes if node.op == "add"]
    assert len(joins) == 16
    assert all(len(node.inputs) == 2 for node in joins)


def test_depthwise_dilated_rectangular_convolution(model):
    node = helper.make_node("Conv", ["x", "w"], ["y"], group=8, dilations=[1, 2], strides=[2, 1], pads=[1, 0, 0, 3])
    layer = the_layer(model([node], {"x": [1, 8, 9, 10]}, [weights("w", 16, 1, 3, 5)]))
    assert layer.bounds == (8, 1, 2, 1, 4, 5, 3, 5)
    assert (layer.stride_h, layer.stride_w, layer.dilation_h, layer.dilation_w) == (2, 1, 1, 2)
    assert (layer.pad_top, layer.pad_bottom, layer.pad_left, layer.pad_right) == (1, 0, 0, 3)


@pytest.mark.parametrize(
    ("kernel", "stride", "pad", "dilation"),
    [(2, 2, 0, 1), (4, 2, 1, 1), (3, 2, 1, 1), (3, 1, 1, 1), (3, 3, 0, 2), (5, 4, 2, 1)],
)
def test_a_transposed_convolution_computes_each_product_once(model, kernel, stride, pad, dilation):
    """Against a literal walk over inputs and taps, without padding of the output."""
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[stride, 1], pads=[pad, 0, pad, 0],
                            dilations=[dilation, 1])  # fmt: skip
    path = model([node], {"x": [1, 6, 7, 1]}, [weights("w", 6, 4, kernel, 1)])
    found = extract_onnx(path)
    size = 6 * stride + (kernel - 1) * dilation + 1 - 2 * pad
    spots = [(h * stride + r * dilation - pad) for h in range(7) for r in range(kernel)]
    assert found.workload.macs == sum(0 <= spot < size for spot in spots) * 24
    assert read_again(found).weight_words == found.workload.weight_words == kernel * 24


@pytest.mark.parametrize(("kernel", "dilation", "rows"), [(4, 1, 1), (4, 1, 2), (3, 1, 7), (3, 3, 2), (5, 2, 4)])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("extra", [0, 1])
def test_products_outside_the_map_are_no_work(model, kernel, dilation, rows, stride, extra):
    """Without cropping, each input meets each tap once, and the stored filters count once."""
    if extra >= max(stride, dilation):
        pytest.skip("not allowed")
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[stride, 1], dilations=[dilation, 1],
                            output_padding=[extra, 0])  # fmt: skip
    found = extract_onnx(model([node], {"x": [1, 6, rows, 1]}, [weights("w", 6, 4, kernel, 1)])).workload
    assert found.macs == rows * kernel * 24
    assert found.weight_words == kernel * 24


def test_the_first_layer_of_a_generator_is_a_product(model):
    """1x1 to 4x4: 100 inputs times 64 filters of 16 taps."""
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"])
    found = extract_onnx(model([node], {"x": [1, 100, 1, 1]}, [weights("w", 100, 64, 4, 4)]))
    assert found.workload.layers[0].bounds == (1, 1, 1024, 100, 1, 1, 1, 1)
    assert found.workload.macs == found.workload.parameters == 102_400
    read_again(found)


def test_the_rim_of_a_cropped_transposed_convolution_is_no_work(model):
    """8x8 to 16x16: per axis 8 inputs meet 4 taps, and two of these 32 products are cropped; in 21 channels."""
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], group=21, strides=[2, 2], pads=[1] * 4)
    found = extract_onnx(model([node], {"x": [1, 21, 8, 8]}, [weights("w", 21, 1, 4, 4)]))
    assert found.workload.macs == 21 * 30 * 30 == 18_900
    assert found.workload.weight_words == found.workload.parameters == 21 * 16
    assert read_again(found).macs == 18_900


def test_a_volume_is_convolved_tap_by_tap_of_its_depth(model):
    node = helper.make_node("Conv", ["x", "w"], ["y"], pads=[1] * 6)
    after = helper.make_node("Relu", ["y"], ["z"])
    found = extract_onnx(model([node, after], {"x": [2, 3, 8, 6, 6]}, [weights("w", 4, 3, 3, 3, 3)]))
    net = found.workload
    assert net.macs == 2 * 4 * 3 * 27 * 8 * 6 * 6
    assert net.weight_words == net.parameters == 4 * 3 * 27
    assert [layer.N for layer in net.layers] == [16] * 3
    assert [(node.op, node.shape) for node in net.nodes[-2:]] == [("add", (4, 8, 6, 6)), ("activation", (4, 8, 6, 6))]
    assert read_again(found).macs == net.macs


def test_an_unrolled_recurrence_has_its_weights_once(model):
    steps = [helper.make_node("MatMul", [f"t{step}" if step else "x", "w"], [f"t{step + 1}"]) for step in range(10)]
    found = extract_onnx(model(steps, {"x": [1, 64]}, [weights("w", 64, 64)]))
    assert found.workload.macs == 40_960
    assert found.workload.weight_words == found.workload.parameters == 4096
    assert {node.tensor for node in found.workload.nodes if node.layer} == {"w"}
    assert read_again(found).parameters == 4096


def test_a_tied_embedding_counts_once(model):
    """5,000 words of 64 features: looked up, and multiplied with at the end."""
    nodes = [
        helper.make_node("Cast", ["x"], ["ids"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "ids"], ["e"]),
        helper.make_node("Transpose", ["table"], ["t"], perm=[1, 0]),
        helper.make_node("MatMul", ["e", "t"], ["y"]),
    ]
    found = extract_onnx(model(nodes, {"x": [1, 7]}, [weights("table", 5000, 64)]))
    assert found.workload.parameters == found.workload.weight_words == 320_000
    assert read_again(found).parameters == 320_000


def test_weights_cut_into_parts_are_not_shared(model):
    nodes = [
        helper.make_node("Split", ["w"], ["a", "b"], axis=1, num_outputs=2),
        helper.make_node("MatMul", ["x", "a"], ["p"]),
        helper.make_node("MatMul", ["x", "b"], ["q"]),
        helper.make_node("Add", ["p", "q"], ["y"]),
    ]
    found = extract_onnx(model(nodes, {"x": [1, 16]}, [weights("w", 16, 64)])).workload
    assert [layer.K for layer in found.layers] == [32, 32]
    assert found.parameters == 1024


def test_scales_of_a_resize_are_no_parameters(model):
    nodes = [
        helper.make_node("Resize", ["x", "", "scales"], ["r"]),
        helper.make_node("Conv", ["r", "w"], ["y"]),
    ]
    scales = numpy_helper.from_array(np.array([1, 1, 2, 2], dtype=np.float32), "scales")
    found = extract_onnx(model(nodes, {"x": [1, 3, 4, 4]}, [scales, weights("w", 5, 3, 1, 1)])).workload
    assert found.parameters == 15


def test_unet_upsampling_is_one_pointwise_layer(model):
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2])
    layer = the_layer(model([node], {"x": [1, 64, 28, 28]}, [weights("w", 64, 32, 2, 2)]))
    assert layer.bounds == (1, 1, 128, 64, 28, 28, 1, 1)


@pytest.mark.parametrize(("left", "right", "stored", "bounds"), [
    ([1, 197, 768], [768, 3072], True, (1, 197, 3072, 768)),
    ([1, 12, 197, 64], [1, 12, 64, 197], False, (12, 197, 197, 64)),
    ([1, 8, 4, 10, 64], [1, 8, 1, 64, 33], False, (8, 40, 33, 64)),  # four queries share a key
])  # fmt: skip
def test_products_of_matrices(model, left, right, stored, bounds):
    inputs = {"a": left} if stored else {"a": left, "b": right}
    path = model([helper.make_node("MatMul", ["a", "b"], ["y"])], inputs, [weights("b", *right)] if stored else [])
    found = extract_onnx(path)
    assert found.workload.layers[0].bounds[:4] == bounds
    assert found.workload.nodes[-1].weights == ("parameters" if stored else "activations")


def test_einsum_is_the_product_that_it_contracts(model):
    node = helper.make_node("Einsum", ["a", "b"], ["y"], equation="bqhd,bkhd->bhqk")
    layer = the_layer(model([node], {"a": [1, 7, 2, 16], "b": [1, 9, 2, 16]}))
    assert layer.bounds[:4] == (2, 7, 9, 16)


def test_grouped_query_attention_shares_keys_and_values(model):
    node = helper.make_node("Attention", ["q", "k", "v"], ["y"], q_num_heads=8, kv_num_heads=2)
    found = extract_onnx(model([node], {"q": [1, 5, 128], "k": [1, 9, 32], "v": [1, 9, 32]}))
    assert [layer.bounds[:4] for layer in found.workload.layers] == [(2, 20, 9, 16), (2, 20, 16, 9)]


def repeated_heads(k, out, times, heads, positions, features, *, kv_heads):
    """The nodes that repeat each K/V head for the queries that share it, as exporters of language models write them."""
    return [
        helper.make_node("Unsqueeze", [k, "two"], [f"{out}_u"]),
        helper.make_node("Expand", [f"{out}_u", "spread"], [f"{out}_e"]),
        helper.make_node("Reshape", [f"{out}_e", "merged"], [out]),
    ], [
        numpy_helper.from_array(np.array([2]), "two"),
        numpy_helper.from_array(np.array([1, kv_heads, times, positions, features]), "spread"),
        numpy_helper.from_array(np.array([1, heads, positions, features]), "merged"),
        numpy_helper.from_array(np.float32(0.5), "half"),
    ]  # fmt: skip


@pytest.mark.parametrize("kv_heads", [1, 2, 4, 8])
def test_repeated_heads_of_keys_and_values_are_shared(model, kv_heads):
    """Expand, reshape, scale, transpose, MatMul: the same layers as an `Attention` with so many K/V heads."""
    keys, stored = repeated_heads("k", "K", 8 // kv_heads, 8, 9, 16, kv_heads=kv_heads)
    values, _ = repeated_heads("v", "V", 8 // kv_heads, 8, 9, 16, kv_heads=kv_heads)
    nodes = [
        *keys, *values,
        helper.make_node("Transpose", ["K"], ["KT"], perm=[0, 1, 3, 2]),
        helper.make_node("Mul", ["half", "KT"], ["KS"]),
        helper.make_node("MatMul", ["q", "KS"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["weights"]),
        helper.make_node("MatMul", ["weights", "V"], ["y"]),
    ]  # fmt: skip
    inputs = {"q": [1, 8, 5, 16], "k": [1, kv_heads, 9, 16], "v": [1, kv_heads, 9, 16]}
    written = extract_onnx(model(nodes, inputs, stored))
    fused = helper.make_node("Attention", ["q", "k", "v"], ["y"])
    whole = extract_onnx(model([fused], inputs))
    found = [layer.bounds for layer in written.workload.layers]
    assert found == [layer.bounds for layer in whole.workload.layers]
    assert found[0][:4] == (kv_heads, 5 * 8 // kv_heads, 9, 16)
    read_again(written)


@pytest.mark.parametrize("how", ["tile", "shuffled", "added"])
def test_heads_that_are_not_copies_in_a_row_are_not_shared(model, how):
    nodes, stored = repeated_heads("k", "K", 4, 8, 9, 16, kv_heads=2)
    if how == "tile":  # the whole K after itself: copies, but not neighbours
        nodes = [helper.make_node("Tile", ["k", "times"], ["K"])]
        stored = [numpy_helper.from_array(np.array([1, 4, 1, 1]), "times")]
    elif how == "shuffled":  # positions and features mixed, heads split over other axes
        nodes.append(helper.make_node("Reshape", ["K", "other"], ["K2"]))
        nodes.append(helper.make_node("Reshape", ["K2", "merged"], ["K3"]))
        stored.append(numpy_helper.from_array(np.array([16, 72, 1]), "other"))
    else:
        nodes += [helper.make_node("Add", ["K", "bias"], ["K3"])]
    last = nodes[-1].output[0]
    nodes += [
        helper.make_node("Transpose", [last], ["KT"], perm=[0, 1, 3, 2]), helper.make_node("MatMul", ["q", "KT"], ["y"])
    ]  # fmt: skip
    inputs = {"q": [1, 8, 5, 16], "k": [1, 2, 9, 16], "bias": [1, 8, 9, 16]}
    assert the_layer(model(nodes, inputs, stored)).bounds[:4] == (8, 5, 9, 16)


def test_batch_counts_images_and_heads(model):
    nodes = [helper.make_node("MatMul", ["a", "w"], ["h"]), helper.make_node("MatMul", ["h", "b"], ["y"])]
    found = extract_onnx(model(nodes, {"a": [4, 7, 16], "b": [4, 8, 3]}, [weights("w", 16, 8)]))
    assert found.workload.batch == 4
    assert [layer.bounds[:4] for layer in found.workload.layers] == [(1, 28, 8, 16), (4, 7, 3, 8)]
    assert [layer.bounds[:4] for layer in found.workload.with_batch(1).layers] == [(1, 7, 8, 16), (1, 7, 3, 8)]


def test_widths_of_quantised_operands_are_carried_over(model):
    scale, zero = numpy_helper.from_array(np.float32(1), "s"), numpy_helper.from_array(np.uint8(0), "z")
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
        helper.make_node("DequantizeLinear", ["w", "s"], ["v"]),
        helper.make_node("Conv", ["d", "v"], ["y"]),
    ]
    path = model(nodes, {"x": [1, 4, 5, 5]}, [scale, zero, weights("w", 8, 4, 3, 3, dtype=TensorProto.INT4)])
    assert tuple(the_layer(path).bits) == (8, 4, 32)
    qlinear = helper.make_node("QLinearConv", ["q", "s", "z", "w", "s", "z", "s", "z"], ["y"])
    path = model([nodes[0], qlinear], {"x": [1, 4, 5, 5]},
                 [scale, zero, weights("w", 8, 4, 3, 3, dtype=TensorProto.INT8)])  # fmt: skip
    assert tuple(the_layer(path).bits) == (8, 8, 32)


def test_open_sizes_are_asked_for_and_set(model):
    node = helper.make_node("Conv", ["x", "w"], ["y"])
    path = model([node], {"x": ["batch", 3, "rows", 8]}, [weights("w", 4, 3, 1, 1)])
    with pytest.raises(DseError, match="leave sizes open: batch, rows"):
        extract_onnx(path)
    with pytest.raises(DseError, match="no side of an input has this name") as caught:
        extract_onnx(path, dims={"bach": 1})
    assert "batch" in caught.value.hint
    assert the_layer(path, dims={"batch": 1, "x[2]": 6}).P == 6


def test_shapes_computed_by_the_graph_are_followed(model):
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["n"]),
        helper.make_node("Concat", ["n", "rest"], ["target"], axis=0),
        helper.make_node("Reshape", ["x", "target"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["y"]),
    ]
    stored = [numpy_helper.from_array(np.array([0]), "zero"), numpy_helper.from_array(np.array([-1]), "rest")]
    layer = the_layer(model(nodes, {"x": [2, 3, 4]}, [*stored, weights("w", 12, 5)]))
    assert layer.bounds[:4] == (1, 2, 5, 12)


def custom(model):
    nodes = [helper.make_node("Secret", ["x"], ["h"], "odd one", domain="mine"),
             helper.make_node("MatMul", ["h", "w"], ["y"])]  # fmt: skip
    info = [helper.make_tensor_value_info("h", FLOAT, [1, 16])]
    return model(nodes, {"x": [1, 16]}, [weights("w", 16, 4)], value_info=info, domains=["mine"])


def test_an_unknown_operation_is_an_error_that_names_it_or_is_recorded(model):
    path = custom(model)
    with pytest.raises(DseError, match=r"node 'odd one' \(Secret\)"):
        extract_onnx(path)
    found = extract_onnx(path, allow_unresolved=True)
    assert len(found.workload.layers) == 1
    assert found.to_yaml().startswith("# unresolved node 'odd one' (Secret)")
    assert "odd one (Secret)" in read_again(found).description


@pytest.mark.parametrize("shape", [[1, 1 << 40, 8, 8], [1, -3, 8, 8], [1, 0, 8, 8]])
def test_absurd_sizes(model, shape):
    with pytest.raises(DseError, match="has a side of"):
        extract_onnx(model([helper.make_node("Relu", ["x"], ["y"])], {"x": shape}))


def test_a_circle_of_nodes(model):
    nodes = [helper.make_node("Relu", ["b"], ["a"]), helper.make_node("Relu", ["a"], ["b"])]
    with pytest.raises(DseError, match="in a circle"):
        extract_onnx(model(nodes, {"x": [1]}))


def test_a_tensor_that_nothing_makes(model):
    with pytest.raises(DseError, match=r"\(Relu\): it reads 'ghost', which nothing makes"):
        extract_onnx(model([helper.make_node("Relu", ["ghost"], ["y"])], {"x": [1]}))


def test_damaged_files_are_errors_within_a_second(tmp_path):
    whole = (LIGHT / "light_squeezenet.onnx").read_bytes()
    rng = np.random.default_rng(7)
    start = time.process_time()
    for case in range(60):
        data = bytearray(whole[: int(rng.integers(len(whole)))] if case % 2 else whole)
        for at in rng.integers(max(1, len(data)), size=0 if case % 2 else 8):
            data[at] = rng.integers(256)
        path = tmp_path / "damaged.onnx"
        path.write_bytes(data)
        refused = None
        try:
            extract_onnx(path)
        except DseError as error:  # any other exception fails the test
            refused = error
        assert refused is None or refused.file == str(path)
    assert time.process_time() - start < 20
    for text in (b"", b"not a model at all"):
        path.write_bytes(text)
        with pytest.raises(DseError, match=r"empty|readable|nodes"):
            extract_onnx(path)


def test_a_bomb_of_functions_and_one_that_calls_itself(model):
    def function(name, called):
        return helper.make_function("f", name, ["x"], ["y"], [
            helper.make_node(called, ["x"], ["h"], domain="f"), helper.make_node(called, ["h"], ["y"], domain="f"),
        ], [helper.make_opsetid("", 21), helper.make_opsetid("f", 1)])  # fmt: skip

    call = [helper.make_node("f0", ["x"], ["y"], domain="f")]
    bomb = [function(f"f{level}", f"f{level + 1}") for level in range(40)]
    with pytest.raises(DseError, match="more than 50000 nodes"):
        extract_onnx(model(call, {"x": [1]}, functions=bomb, domains=["f"]))
    with pytest.raises(DseError, match="calls itself"):
        extract_onnx(model(call, {"x": [1]}, functions=[function("f0", "f0")], domains=["f"]))


def test_weights_cost_no_memory(model, tmp_path):
    import tracemalloc

    stored = TensorProto(name="w", data_type=FLOAT, dims=(4096, 4096), raw_data=bytes(4 * 4096 * 4096))
    path = model([helper.make_node("MatMul", ["x", "w"], ["y"])], {"x": [1, 4096]}, [stored])
    del stored
    extract_onnx(path)
    tracemalloc.start()
    assert the_layer(path).weight_words == 4096 * 4096
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.stat().st_size > 64_000_000
    assert peak < 4_000_000


@pytest.mark.parametrize(
    ("equation", "shapes", "products"),
    [
        # (i j)(j k) first: 4 * 8 * 2 and then 4 * 2 * 16; the other way it is 8 * 2 * 16 and 4 * 8 * 16
        ("ij,jk,kl->il", {"a": [4, 8], "b": [8, 2], "c": [2, 16]}, [(1, 4, 2, 8), (1, 4, 16, 2)]),
        # the last two first: 2 * 64 * 2, then 64 * 2 * 2; the other way it is 64 * 2 * 64 and 64 * 64 * 2
        ("ij,jk,kl->il", {"a": [64, 2], "b": [2, 64], "c": [64, 2]}, [(1, 2, 2, 64), (1, 64, 2, 2)]),
        # a batch index that all three share
        ("bij,bjk,bkl->bil", {"a": [3, 4, 8], "b": [3, 8, 2], "c": [3, 2, 16]}, [(3, 4, 2, 8), (3, 4, 16, 2)]),
    ],
)
def test_einsum_of_three_is_its_cheapest_pairing(model, equation, shapes, products):
    node = helper.make_node("Einsum", list(shapes), ["y"], equation=equation)
    found = extract_onnx(model([node], shapes)).workload
    assert [layer.bounds[:4] for layer in found.layers] == products
    path = np.einsum_path(equation, *(np.empty(shape) for shape in shapes.values()), optimize="optimal")[0]
    first = tuple(sorted(path[1]))
    assert first == ((0, 1) if products[0][3] == 8 else (1, 2))


def test_einsum_of_too_many_is_refused(model):
    names = [f"t{i}" for i in range(9)]
    node = helper.make_node("Einsum", names, ["y"], equation=",".join(["ij"] * 9) + "->ij")
    with pytest.raises(DseError, match="multiplies 9 tensors; at most 8"):
        extract_onnx(model([node], {name: [2, 3] for name in names}))


@pytest.mark.parametrize("side", [-1, "batch", None])
def test_a_side_that_is_left_open_is_given_a_size(model, side):
    """Some exporters write -1 for it."""
    path = model([helper.make_node("Conv", ["x", "w"], ["y"])], {"x": [side, 3, 8, 8]}, [weights("w", 4, 3, 3, 3)])
    with pytest.raises(DseError, match="leave sizes open"):
        extract_onnx(path)
    assert extract_onnx(path, dims={"x[0]": 1}).workload.macs == 6 * 6 * 27 * 4 == 3888


def nested(path, last="Neg"):
    """x -> If(c1) {conv; If(c2) {relu of the conv} else {neg of it}} else {conv; last}."""

    def graph(name, nodes, out):
        return helper.make_graph(nodes, name, [], [helper.make_empty_tensor_value_info(out)])

    def conv(out):
        return helper.make_node("Conv", ["x", "w"], [out])

    inner = [graph("it", [helper.make_node("Relu", ["mid"], ["ir"])], "ir"),
             graph("ie", [helper.make_node("Neg", ["mid"], ["ie_"])], "ie_")]  # fmt: skip
    deep = helper.make_node("If", ["c2"], ["res"], then_branch=inner[0], else_branch=inner[1])
    outer = [graph("ot", [conv("mid"), deep], "res"),
             graph("oe", [conv("mid2"), helper.make_node(last, ["mid2"], ["res2"])], "res2")]  # fmt: skip
    node = helper.make_node("If", ["c1"], ["y"], then_branch=outer[0], else_branch=outer[1])
    given = [helper.make_tensor_value_info("x", FLOAT, [1, 3, 8, 8])]
    given += [helper.make_tensor_value_info(name, TensorProto.BOOL, []) for name in ("c1", "c2")]
    made, stored = [helper.make_empty_tensor_value_info("y")], [weights("w", 4, 3, 3, 3)]
    whole = helper.make_graph([node], "g", given, made, stored)
    path.write_bytes(helper.make_model(whole, opset_imports=[helper.make_opsetid("", 21)]).SerializeToString())
    return path


@pytest.mark.parametrize("decided", [{"c1": [1], "c2": [1]}, {"c1": [1], "c2": [0]}, {"c1": [0]}])
def test_graphs_in_graphs_see_what_is_made_around_them(tmp_path, decided):
    found = extract_onnx(nested(tmp_path / "m.onnx"), inputs=decided)
    assert found.workload.macs == 3888


@pytest.mark.parametrize("decided", [{}, {"c1": [1]}, {"c2": [0]}])
def test_branches_of_equal_work_need_no_decision(tmp_path, decided):
    """Each way there is one convolution of 3,888 MACs and an activation of its output; onnxruntime runs the file."""
    found = extract_onnx(nested(tmp_path / "m.onnx"), inputs=decided).workload
    assert (found.macs, found.weight_words) == (3888, 108)
    assert [node.op for node in found.nodes if node.layer is None and node.op != "input"] == ["activation"]


def test_a_branch_that_gives_what_nothing_makes_is_told(tmp_path):
    path = nested(tmp_path / "m.onnx")
    model = load(path, load_external_data=False)
    branch = next(item.g for item in model.graph.node[0].attribute if item.name == "then_branch")
    branch.output[0].name = "lost"
    save(model, path)
    with pytest.raises(DseError, match="its branch gives 'lost', which nothing makes"):
        extract_onnx(path, inputs={"c1": [1]})
    assert extract_onnx(path, inputs={"c1": [0]}).workload.macs == 3888
    with pytest.raises(DseError, match="whether or how often that runs depends on data"):
        extract_onnx(path)


def test_an_if_that_nothing_decides_says_how_to_decide_it(tmp_path):
    path = nested(tmp_path / "m.onnx", "GlobalAveragePool")
    with pytest.raises(DseError, match=r"it holds Conv, and whether .* --input c1=1 or 0"):
        extract_onnx(path)
    with pytest.raises(DseError, match="no input of this name"):
        extract_onnx(path, inputs={"c3": [1]})
    with pytest.raises(DseError, match="2 numbers for 192 elements"):
        extract_onnx(path, inputs={"x": [1, 2]})


def test_what_is_made_of_constants_alone_is_no_work(model):
    """onnxruntime folds the product of a and b: 4 x 8 times 8 x 8 is left."""
    nodes = [helper.make_node("MatMul", ["a", "b"], ["c"]), helper.make_node("MatMul", ["x", "c"], ["y"])]
    path = model(nodes, {"x": [4, 8]}, [weights("a", 8, 100), weights("b", 100, 8)])
    found = extract_onnx(path).workload
    assert found.macs == 256
    assert found.weight_words == 64


@pytest.mark.parametrize(
    ("shapes", "attributes", "op", "bounds"),
    [
        ({"q": [1, 10, 4, 3, 8]}, {"num_heads": 4}, "MultiHeadAttention", [(4, 10, 10, 8), (4, 10, 8, 10)]),
        ({"q": [1, 6, 32], "k": [1, 9, 4, 2, 8]}, {"num_heads": 4}, "MultiHeadAttention", [(4, 6, 9, 8), (4, 6, 8, 9)]),
        (
            {"q": [1, 10, 96]}, {"num_heads": 8, "kv_num_heads": 2}, "GroupQueryAttention",
            [(2, 40, 10, 8), (2, 40, 8, 10)],
        ),
    ],
)
def test_packed_queries_keys_and_values(model, shapes, attributes, op, bounds):
    node = helper.make_node(op, list(shapes), ["y"], domain="com.microsoft", **attributes)
    found = extract_onnx(model([node], shapes, domains=["com.microsoft"])).workload
    assert [layer.bounds[:4] for layer in found.layers] == bounds


def test_a_pack_that_does_not_fit_is_named(model):
    node = helper.make_node("MultiHeadAttention", ["q"], ["y"], domain="com.microsoft", num_heads=4)
    with pytest.raises(DseError, match="neither flat nor packed"):
        extract_onnx(model([node], {"q": [1, 10, 4, 2, 8]}, domains=["com.microsoft"]))
