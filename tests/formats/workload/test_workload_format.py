"""Workload files: what they say becomes layers, and what is wrong with them is said with its line."""

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.errors import DseError, SpecError, SpecErrors
from dse.formats.text.shipped import find_shipped
from dse.formats.workload.load import dump_workload, load_workload, parse_workload, save_workload
from dse.formats.workload.models import OPS, workload_schema
from dse.problem.layer import Layer
from dse.problem.workload import Node, Workload


def network(layers, head="input: [3, 8, 8]"):
    return parse_workload(f"workload: net\n{head}\nlayers:\n" + "".join(f"  {line}\n" for line in layers), "net.yaml")


def errors(layers, head="input: [3, 8, 8]"):
    with pytest.raises(SpecError) as caught:
        network(layers, head)
    assert str(caught.value)
    found = caught.value.errors if isinstance(caught.value, SpecErrors) else (caught.value,)
    return [(error.line, error.column, error.message, error.hint or "") for error in found]


def shape(workload, name):
    return workload.node(name).shape


def test_conv_infers_from_what_stands_before():
    net = network(
        [
            "a: {conv: 4, kernel: [1, 3], stride: [2, 1], pad: [0, 1], dilation: [1, 1]}",
            "b: {conv: 6, kernel: 2, groups: 2}",
        ]
    )
    a, b = net.layers
    assert (a.K, a.C, a.P, a.Q, a.R, a.S, a.stride_h, a.stride_w) == (4, 3, 4, 8, 1, 3, 2, 1)
    assert (a.pad_top, a.pad_bottom, a.pad_left, a.pad_right, a.H, a.W) == (0, 0, 1, 1, 8, 8)
    assert (b.G, b.K, b.C, b.P, b.Q) == (2, 3, 2, 3, 7)


def test_pad_on_each_side_and_same():
    net = network(["a: {conv: 4, kernel: 3, pad: [0, 1, 2, 3]}", "b: {conv: 4, kernel: 3, stride: 2, pad: same}"])
    a, b = net.layers
    assert (a.pad_top, a.pad_bottom, a.pad_left, a.pad_right, a.P, a.Q) == (0, 1, 2, 3, 7, 11)
    assert (b.P, b.Q, b.pad_top, b.pad_bottom) == (4, 6, 1, 1)


def test_depthwise_and_separable():
    net = network([
        "a: {depthwise: 3, pad: 1, multiplier: 2}", "b: {separable: 10, kernel: 3, stride: 2, pad: 1}",
        "c: {conv: 2, kernel: 1, from: b}",
    ])  # fmt: skip
    assert [layer.name for layer in net.layers] == ["a", "b_dw", "b_pw", "c"]
    assert (net.layer("a").G, net.layer("a").K, net.layer("a").C) == (3, 2, 1)
    assert (net.layer("b_dw").G, net.layer("b_dw").P) == (6, 4)
    assert (net.layer("b_pw").K, net.layer("b_pw").C, net.layer("b_pw").P) == (10, 6, 4)
    assert net.node("c").inputs == ("b_pw",)


def test_pools():
    net = network([
        "a: {maxpool: 3, stride: 2}", "b: {maxpool: 3, stride: 2, ceil: true, from: input}",
        "c: {avgpool: [2, 4], from: input}", "d: {globalpool: avg, from: input}",
        "e: {maxpool: 3, stride: 2, pad: same, from: input}",
    ])  # fmt: skip
    assert [shape(net, name) for name in "abcde"] == [(3, 3, 3), (3, 4, 4), (3, 4, 2), (3, 1, 1), (3, 4, 4)]
    assert net.layers == ()


def test_branches_join():
    net = network([
        "a: {conv: 4, kernel: 1}", "b: {conv: 5, kernel: 1, from: input}", "c: {concat: [a, b, input]}",
        "d: {conv: 12, kernel: 1}", "e: {add: [c, d]}", "gate: {globalpool: avg}", "f: {multiply: [e, gate]}",
        "g: {activation: relu}", "h: {upsample: [2, 1]}", "i: {reshape: [12, 128], from: h}", "j: {fc: 7}",
        "k: {fc: 5, from: h}",
    ])  # fmt: skip
    assert [shape(net, name) for name in "cdefghijk"] == [
        (12, 8, 8), (12, 8, 8), (12, 8, 8), (12, 8, 8), (12, 8, 8), (12, 16, 8), (12, 128), (12, 7), (5,)
    ]  # fmt: skip
    assert (net.layer("j").N, net.layer("j").C) == (12, 128)
    assert net.node("c").inputs == ("a", "b", "input")


def test_what_is_read_may_stand_below():
    net = network(["a: {conv: 4, kernel: 1, from: b}", "b: {conv: 5, kernel: 1, from: input}"])
    assert [layer.name for layer in net.layers] == ["b", "a"]
    assert net.layer("a").C == 5


def test_matmul_stands_alone_or_is_checked():
    alone = network(["scores: {matmul: {heads: 12, m: 384, k: 64, n: 100}}"], "")
    assert alone.layers == (Layer("scores", G=12, N=384, C=64, K=100, H=1, W=1),)
    assert alone.weight_words == 0
    head = "input: [384, 768]"
    tied = network(
        ["q: {fc: 768}", "k: {fc: 768, from: input}", "s: {matmul: {heads: 12, m: 384, k: 64, n: 384}, from: [q, k]}"],
        head,
    )
    assert tied.node("s").inputs == ("q", "k")
    found = errors(["q: {fc: 768}", "s: {matmul: {heads: 12, m: 384, k: 64, n: 100}, from: [q, q]}"], head)
    assert "the second matrix has 76800 elements, q (384x768) has 294912" in found[0][2]


def test_bare_layers():
    net = network(
        ["x: {layer: {G: 2, N: 3, K: 4, C: 5, P: 6, Q: 7, R: 3, S: 1, stride: 2, pad: [1, 0], H: 13}}"], "batch: 4"
    )
    layer = net.layers[0]
    assert layer.bounds == (2, 12, 4, 5, 6, 7, 3, 1)
    assert (layer.stride_h, layer.stride_w, layer.pad_top, layer.pad_left, layer.H) == (2, 2, 1, 0, 13)


def test_bits_and_density_of_the_network_and_of_a_layer():
    net = network(
        ["a: {conv: 4, kernel: 1}", "b: {fc: 3, bits: {weight: 4 bit}, density: 0.5}"],
        "input: [3, 8, 8]\nbits: {ifmap: 8, weight: 8 bit, psum: 24}\ndensity: {ifmap: 0.25}",
    )
    assert net.layer("a").bits.to_dict() == {"ifmap": 8, "weight": 8, "psum": 24}
    assert net.layer("b").bits.to_dict() == {"ifmap": 8, "weight": 4, "psum": 24}
    assert net.layer("a").density.to_dict() == {"ifmap": 0.25, "weight": 1, "psum": 1}
    assert net.layer("b").density.to_dict() == {"ifmap": 0.5, "weight": 0.5, "psum": 0.5}


def test_parameters_count_biases_and_batch_norm():
    head = "input: [3, 8, 8]\nbias: true\nnorm: 4"
    assert network(["a: {conv: 10, kernel: 1}"], head).parameters == 30 + 50
    assert network(["a: {conv: 10, kernel: 1, bias: false}"], head).parameters == 30 + 40
    assert network(["a: {fc: 10}"], head).parameters == 1920 + 10
    assert network(["a: {separable: 10, kernel: 3}"], head).parameters == 27 + 30 + 50


def test_batch_and_expectations_are_for_one_image():
    head = "input: [3, 8, 8]\nbatch: 4\nexpect: {macs: 768, weights: 12}"
    assert network(["a: {conv: 4, kernel: 1}"], head).macs == 4 * 768


@pytest.mark.parametrize(
    ("layers", "line", "column", "message", "hint"),
    [
        (["a: {cnv: 4}"], 4, 3, "a has no operation", "did you mean 'conv'?"),
        (["a: {stride: 4}"], 4, 3, "a has no operation", "one of: conv, depthwise"),
        (["a: {K: 8, C: 4}"], 4, 3, "a has no operation", "one of: conv, depthwise"),
        (["a: {conv: 4, kernel: 1, fc: 3}"], 4, 27, "two operations, conv and fc", ""),
        (["a: 4"], 4, 6, "a is a mapping such as", ""),
        (["a: {conv: 4}"], 4, 3, "the key 'kernel' is missing in a", ""),
        (["a: {conv: 4, kernel: 1, strid: 2}"], 4, 27, "unknown key 'strid'", "did you mean 'stride'?"),
        (["a: {conv: 0, kernel: 1}"], 4, 13, "conv: should be at least 1, not 0", ""),
        (["a: {conv: 1099511627776, kernel: 1}"], 4, 13, "at most 16777216", ""),
        (["a: {conv: 4, kernel: -1}"], 4, 24, "kernel: should be a whole number from 1", ""),
        (["a: {conv: 4, kernel: [1, 2, 3]}"], 4, 16, "kernel: should be", ""),
        (["a: {conv: 4, kernel: 1.5}"], 4, 24, "kernel: should be", ""),
        (["a: {conv: 4, kernel: 3, pad: full}"], 4, 32, "pad: should be", ""),
        (["a: {conv: 4, kernel: 3, pad: -1}"], 4, 32, "pad: should be", ""),
        (["a: {conv: 4, kernel: 9}"], 4, 3, "a (conv of 3x8x8): the window spans 9 rows, the padded input has 8", ""),
        (["a: {conv: 4, kernel: 1, groups: 2}"], 4, 3, "2 groups do not divide the 3 input channels", ""),
        (["a: {maxpool: 9}"], 4, 3, "a (maxpool of 3x8x8): the window spans 9 rows", ""),
        (["a: {fc: 4}", "b: {conv: 4, kernel: 1}"], 5, 3, "b (conv of 4): the input 4 is no image", ""),
        (["a: {fc: 3}", "b: {add: [a, input]}"], 5, 3, "b (add of 3, 3x8x8): the inputs differ in shape", ""),
        (["a: {fc: 4, from: inptu}"], 4, 20, "a reads 'inptu', which does not exist", "did you mean 'input'?"),
        (["conv1: {fc: 4}", "a: {concat: [conv1, conv2]}"], 5, 23, "a reads 'conv2', which does not exist", "'conv1'"),
        (["a: {fc: 4, from: a}"], 4, 3, "in a circle: a -> a", ""),
        (["a: {fc: 4, from: c}", "b: {fc: 4}", "c: {fc: 4}"], 5, 3, "in a circle", ""),
        (["a: {add: [input]}"], 4, 7, "add reads 2 or more tensors, not 1", ""),
        (["a: {fc: 4, from: [input, input]}"], 4, 14, "fc reads 1 tensors, not 2", ""),
        (["a: {fc: 4, from: 3}"], 4, 20, "should be the name of a layer", ""),
        (["input: {fc: 4}"], 4, 3, "'input' is an input already", ""),
        (["a_dw: {fc: 4}", "a: {separable: 4, kernel: 3, from: input}"], 4, 3, "part of a separable convolution", ""),
        (["a: {fc: 4, bits: {output: 8}}"], 4, 14, "'output' is no operand", ""),
        (["a: {fc: 4, density: {ofmap: 0.5}}"], 4, 14, "'ofmap' is no operand", ""),
        (["a: {fc: 4, bits: {psum: 8, ofmap: 16}}"], 4, 3, "ofmap bits=16, psum bits=8", "no wider"),
        (["a: {fc: 4, bits: 0}"], 4, 20, "bits: should be a whole number from 1 to 1024", ""),
        (["a: {fc: 4, bits: 8 mm}"], 4, 20, "'8 mm' is a length, not a width", "16 bit"),
        (["a: {fc: 4, density: 0}"], 4, 23, "density: should be above 0", ""),
        (["a: {reshape: [5, 5]}"], 4, 3, "3x8x8 has 192 elements, 5x5 has 25", ""),
        (["a: {layer: {K: 0}}"], 4, 18, "K: should be at least 1", ""),
        (["a: {layer: {k: 3}}"], 4, 15, "unknown key 'k'", "did you mean 'K'?"),
        (["a: {layer: {K: 16777216, C: 16777216, P: 16777216}}"], 4, 3, "MACs are more than", ""),
        (["a: {layer: {R: 3, pad: 2}}"], 4, 3, "the padding leaves nothing of the 3x1 ifmap", ""),
        (["a: {upsample: 16777216}"], 4, 3, "a side of more than", ""),
        (["1: {fc: 3}"], 4, 3, "should be a", ""),
    ],
)  # fmt: skip
def test_one_error(layers, line, column, message, hint):
    found = errors(layers)
    assert len(found) == 1, found
    assert found[0][:2] == (line, column), found
    assert message in found[0][2]
    assert hint in found[0][3]


@pytest.mark.parametrize(
    ("head", "layer", "line", "message"),
    [
        ("", "a: {fc: 3}", 4, "a has nothing to read"),
        ("input: [3, 0, 8]", "a: {fc: 3}", 2, "should be at least 1, not 0"),
        ("input: [3, 1099511627776, 8]", "a: {fc: 3}", 2, "at most 16777216"),
        ("input: [1, 1, 1, 1, 1]", "a: {fc: 3}", 2, "at most 4"),
        ("input: {a: [3], b: [4]}", "c: {fc: 3}", 4, "c has nothing to read"),
        ("input: [4]\nexpect: {macs: 11}", "a: {fc: 3}", 3, "the layers have 12 macs, not 11"),
        ("input: [4]\nexpect: {parameters: 11}", "a: {fc: 3}", 3, "the layers have 12 parameters, not 11"),
        ("input: [4]\nbatch: 0", "a: {fc: 3}", 3, "batch: should be at least 1"),
        ("input: [4]\ndensity: 2", "a: {fc: 3}", 3, "density: should be above 0 and at most 1"),
        ("inputs: [4]", "a: {fc: 3}", 2, "unknown key 'inputs'"),
    ],
)
def test_one_error_in_the_head(head, layer, line, message):
    found = errors([layer], head)
    assert len(found) == 1, found
    assert found[0][0] == line
    assert message in found[0][2]


def test_no_layers():
    with pytest.raises(SpecError, match="at least one entry"):
        parse_workload("workload: x\nlayers: {}")
    with pytest.raises(SpecError, match="'layers' is missing"):
        parse_workload("workload: x")


def test_all_errors_at_once_and_each_once():
    found = errors(["a: {conv: 4}", "b: {fc: 0}", "c: {what: 3}", "d: {fc: 3, from: e}", "f: {fc: 3}"])
    assert [line for line, *_ in found] == [4, 5, 6, 7]
    found = errors(["a: {conv: 4, kernel: 9}", "b: {fc: 3}", "c: {conv: 4, kernel: 10, from: input}"])
    assert [line for line, *_ in found] == [4, 6]


def test_hostile_graphs_end_quickly():
    many = range(2000)
    start = time.process_time()
    chain = [f"l{i}: {{fc: 1, from: l{i + 1}}}" for i in many]
    with pytest.raises(SpecError, match="in a circle"):
        network([*chain, "l2000: {fc: 1, from: l0}"])
    net = network([*chain, "l2000: {fc: 1, from: input}"])
    assert net.layers[0].name == "l2000"
    wide = [f"l{i}: {{fc: 1, from: input}}" for i in many]
    joined = network([*wide, f"all: {{concat: [{', '.join(f'l{i}' for i in many)}]}}"])
    assert shape(joined, "all") == (2000,)
    assert time.process_time() - start < 20


def test_extends_makes_variants(tmp_path):
    (tmp_path / "small.yaml").write_text("extends: base.yaml\ninput: [3, 4, 4]\nlayers: {b: {fc: 2}, c: null}\n")
    (tmp_path / "base.yaml").write_text(
        "workload: base\ninput: [3, 8, 8]\nlayers:\n  a: {conv: 4, kernel: 1}\n  b: {fc: 9}\n  c: {fc: 3}\n"
    )
    small = load_workload(tmp_path / "small.yaml")
    assert [(layer.name, layer.K, layer.C) for layer in small.layers] == [("a", 4, 3), ("b", 2, 64)]


def test_bare_names_and_missing_files():
    assert load_workload("vgg16").name == "vgg16"
    with pytest.raises(SpecError, match="no shipped workload named 'vgg161'"):
        load_workload("vgg161")


side = st.integers(1, 3)
kernels = st.sampled_from(["1", "2", "[1, 3]", "[3, 1]", "3"])


@st.composite
def files(draw):
    """A random network that is sound: each layer reads any node of the right rank."""
    lines, images, made = [], ["input"], 0
    for made in range(draw(st.integers(1, 8))):
        name, source = f"l{made}", draw(st.sampled_from(images))
        more = draw(
            st.sampled_from(["", ", bits: 8", ", bits: {weight: 4}", ", density: 0.5", ", bias: true", ", norm: 4"])
        )
        window = f"stride: {draw(side)}, pad: same" if draw(st.booleans()) else "pad: [1, 2, 3, 4], dilation: [1, 2]"
        op = draw(
            st.sampled_from(
                [
                    "conv",
                    "depthwise",
                    "separable",
                    "maxpool",
                    "globalpool",
                    "add",
                    "concat",
                    "fc",
                    "matmul",
                    "layer",
                    "other",
                ]
            )
        )
        body = {
            "conv": f"conv: {draw(side)}, kernel: {draw(kernels)}, {window}, from: {source}{more}",
            "depthwise": f"depthwise: {draw(kernels)}, multiplier: {draw(side)}, {window}, from: {source}{more}",
            "separable": f"separable: {draw(side)}, kernel: {draw(kernels)}, {window}, from: {source}{more}",
            "maxpool": f"maxpool: {draw(kernels)}, pad: same, stride: {draw(side)}, from: {source}",
            "globalpool": f"globalpool: max, from: {source}",
            "add": f"add: [{source}, {source}]",
            "concat": f"concat: [{source}, {source}], axis: {draw(st.integers(0, 2))}",
            "fc": f"fc: {draw(side)}, from: {source}{more}",
            "matmul": f"matmul: {{heads: {draw(side)}, m: {draw(side)}, k: {draw(side)}, n: {draw(side)}}}",
            "layer": f"layer: {{K: {draw(side)}, P: {draw(side)}, R: 3, pad: [1, 0], N: {draw(side)}}}{more}",
            "other": f"other: roll, shape: [{draw(side)}, {draw(side)}, {draw(side)}], from: {source}",
        }[op]
        lines.append(f"{name}: {{{body}}}")
        if op not in ("fc", "matmul", "layer"):
            images.append(name)
    return lines


@given(files(), st.integers(1, 3), st.sampled_from([16, 8]))
def test_what_is_written_reads_back_as_the_same_network(lines, batch, weight):
    net = network(lines).with_batch(batch).with_bits(weight=weight)
    assert parse_workload(dump_workload(net)) == net


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@given(st.lists(names, min_size=1, max_size=6, unique=True), names)
def test_any_name_survives_writing(layer_names, title):
    net = Workload.of(title, [Layer(name, K=3, C=2, P=4, R=3, H=6) for name in layer_names])
    again = parse_workload(dump_workload(net))
    assert again.layers == net.layers
    assert again.name == title


def test_layers_that_no_operation_makes_are_written_by_their_bounds():
    odd = Layer("odd", K=3, C=2, P=4, R=3, stride_h=2, H=20)
    attention = Layer("attention", G=4, N=3, K=5, C=6, R=2)
    nodes = (
        Node("input", "input", (2, 9, 1)),
        Node("odd", "conv", (3, 4, 1), ("input",), odd, extra_parameters=7),
        Node("mask", "Softmax", (3, 4, 1), ("odd",)),
        Node("attention", "matmul", (3, 20), ("mask", "odd"), attention, weights="activations"),
    )
    net = Workload("net", nodes, published=(("top1_percent", 50.5),))
    again = parse_workload(dump_workload(net))
    assert again.layers == net.layers
    assert [node.inputs for node in again.nodes] == [node.inputs for node in net.nodes]
    assert [node.shape for node in again.nodes] == [node.shape for node in net.nodes]
    assert again.parameters == net.parameters
    assert again.published == net.published


def test_save(tmp_path):
    net = load_workload("alexnet")
    save_workload(net, tmp_path / "copy.yaml")
    assert load_workload(tmp_path / "copy.yaml") == net
    assert "  pool1: {maxpool: 3, stride: 2}\n" in (tmp_path / "copy.yaml").read_text()
    with pytest.raises(DseError, match="cannot write"):
        save_workload(net, tmp_path / "absent" / "copy.yaml")


ALEXNET = find_shipped("workloads", "alexnet").read_text()


@given(st.integers(0, len(ALEXNET) - 1), st.integers(0, 12), st.text("0123456789-{}[]:, abfromcnv.\n'\"&*", max_size=6))
def test_damaged_files_are_read_or_refused(position, cut, insert):
    with suppress(SpecError):
        parse_workload(ALEXNET[:position] + insert + ALEXNET[position + cut :])


def test_schema_knows_every_operation():
    schema = workload_schema()
    assert len(schema["properties"]["layers"]["additionalProperties"]["anyOf"]) == len(OPS)
    for entry in schema["properties"]["layers"]["additionalProperties"]["anyOf"]:
        assert entry["$ref"].removeprefix("#/$defs/") in schema["$defs"]
    assert "from" in schema["$defs"]["ConvSpec"]["properties"]


SHARED = """
workload: twins
input: [8, 4, 4]
layers:
  a: {conv: 8, kernel: 3, pad: 1, tensor: w}
  b: {conv: 8, kernel: 3, pad: 1, tensor: w%s}
"""


def test_layers_that_read_the_same_tensor_share_it():
    net = parse_workload(SHARED % "")
    assert net.macs == 2 * 16 * 576
    assert net.weight_words == net.parameters == 576
    assert parse_workload(dump_workload(net)).nodes == net.nodes


def test_a_shared_tensor_has_one_size():
    with pytest.raises(DseError, match=r"b reads 7 words of the tensor 'w', which has 576 elsewhere"):
        parse_workload(SHARED % ", tensor_words: 7")
