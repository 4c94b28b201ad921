"""ZigZag's workloads become networks; what has no words here is named with its place."""

import pytest

from dse.errors import SpecError
from dse.formats.text.source import parse_source
from dse.formats.tools.zigzag.workload import read_workload
from dse.formats.workload.load import parse_workload
from dse.formats.workload.write import dump_workload

CONV = """\
- id: {id}
  name: {name}
  operator_type: Conv
  equation: O[b][k][oy][ox]+=W[k][c][fy][fx]*I[b][c][iy][ix]
  dimension_relations: [ix=1*ox+2*fx, iy={stride}*oy+1*fy]
  loop_dims: [B, K, C, OY, OX, FY, FX]
  loop_sizes: [1, 8, {channels}, 6, 5, 3, 2]
  operand_precision: {{W: 4, I: 8, O: 24, O_final: 8}}
  operand_source: {{I: {source}, W: {id}}}
"""
POOL = """\
- id: 1
  operator_type: Pooling
  equation: O[b][g][oy][ox]+=W[fx][fy]*I[b][g][iy][ix]
  dimension_relations: [ix=2*ox+1*fx, iy=2*oy+1*fy]
  loop_dims: [B, G, OY, OX, FX, FY]
  loop_sizes: [1, 8, 3, 3, 2, 2]
  operand_precision: {I: 8, W: 0, O: 16, O_final: 8}
  operand_source: {I: 0, W: 1}
"""
ADD = """\
- id: 3
  operator_type: Add
  equation: O[b][g][oy][ox]=W[b][g][oy][ox]+I[b][g][oy][ox]
  loop_dims: [B, G, OY, OX]
  loop_sizes: [1, 8, 6, 5]
  operand_precision: {W: 8, I: 8, O: 16, O_final: 8}
  operand_source: {W: 0, I: 2}
"""
MATMUL = """\
- id: 0
  operator_type: Gemm
  equation: O[b][h][m][n]+=I[b][h][m][k]*W[h][k][n]
  loop_dims: [B, H, M, N, K]
  loop_sizes: [2, 4, 6, 5, 3]
  operand_precision: {W: 8, I: 8, O: 32, O_final: 8}
"""


def conv(number=0, *, name="conv", stride=2, channels=3, source=None):
    source = number if source is None else source
    return CONV.format(id=number, name=name, stride=stride, channels=channels, source=source)


def test_dims_widths_and_strides():
    (layer,) = read_workload(parse_source(conv())).workload.layers
    assert layer.bounds == (1, 1, 8, 3, 6, 5, 3, 2)
    assert (layer.stride_h, layer.dilation_h, layer.stride_w, layer.dilation_w) == (2, 1, 1, 2)
    assert layer.widths == {"ifmap": 8, "weight": 4, "psum": 24, "ofmap": 8}


def test_a_network_with_a_pool_and_a_sum():
    text = conv() + POOL + conv(2, name="more", channels=8, source=1) + ADD
    found = read_workload(parse_source(text, "net.yaml"))
    network = found.workload
    assert (network.name, [node.op for node in network.nodes]) == ("net", ["layer", "maxpool", "layer", "add"])
    assert network.nodes[1].shape == (8, 3, 3)
    assert dict(network.nodes[1].attributes)["pad"] == (0, 0, 0, 1)  # six rows, but only five columns, for six
    assert network.nodes[3].inputs == ("more", "conv")
    assert found.types == {"conv": "Conv", "more": "Conv"}
    assert found.dims["conv"] == {"B": "N", "K": "K", "C": "C", "OY": "P", "OX": "Q", "FY": "R", "FX": "S"}
    again = parse_workload(dump_workload(network))
    assert [node.shape for node in again.nodes] == [node.shape for node in network.nodes]
    assert [layer.shape_key() for layer in again.layers] == [layer.shape_key() for layer in network.layers]


def test_dims_of_one_meaning_are_one_bound():
    """Two batch dims, and heads that index all three operands."""
    (layer,) = read_workload(parse_source(MATMUL)).workload.layers
    assert (layer.G, layer.N, layer.K, layer.C, layer.macs) == (4, 12, 5, 3, 720)


def test_weights_that_a_layer_makes_are_no_parameters():
    second = MATMUL.replace("id: 0", "id: 1") + "  operand_source: {I: 0, W: 0}\n"
    network = read_workload(parse_source(MATMUL + second)).workload
    assert network.nodes[1].weights == "activations"
    assert network.weight_words == 4 * 3 * 5


def test_padding_and_stored_sides():
    text = conv(stride=1) + "  pr_loop_dims: [IX, IY]\n  pr_loop_sizes: [4, 6]\n  padding: [[1, 2], [1, 1]]\n"
    (layer,) = read_workload(parse_source(text)).workload.layers
    assert (layer.pad_left, layer.pad_right, layer.pad_top, layer.pad_bottom) == (1, 2, 1, 1)
    assert (layer.H, layer.W, layer.box_height, layer.box_width) == (6, 4, 8, 7)


@pytest.mark.parametrize(("old", "new", "line", "message"), [
    ("  name: conv", "  kernel: 3", 2, "kernel has no words here"),
    ("O[b][k][oy][ox]+=W", "O[b][k][oy][ox]+=V", 4, "none of three operands"),
    ("iy=2*oy+1*fy", "iy=oy*2", 5, "no sum of two dims"),
    ("iy=2*oy+1*fy", "iy=2*k+1*fy", 5, "iy is no window"),
    ("OX, FY, FX]", "OX, FY, F]", 4, "fx is neither among loop_dims"),
    ("[1, 8, 3, 6, 5, 3, 2]", "[1, 8, 3, 6, 5, 3]", 7, "a whole number above 0 for each"),
    ("O: 24, O_final: 8", "O: 24", 8, "a width is missing for O_final"),
    ("O: 24, O_final: 8", "O: 8, O_final: 24", 8, "wider than the O"),
    ("I: 0, W: 0", "I: 7, W: 0", 9, "no layer 7 before this one"),
    ("I: 0, W: 0", "X: 0", 9, "X is no operand"),
    ("loop_dims: [B,", "loop_dims: [B, Z,", 7, "a whole number above 0 for each"),
    ("[ix=1*ox+2*fx, iy=2*oy+1*fy]", "3", 5, "dimension_relations is a list"),
    ("{I: 0, W: 0}", "[0]", 9, "operand_source is a mapping"),
    ("I: 0, W: 0", "I: [0], W: 0", 9, "there is no layer"),
    ("id: 0", "id: [0]", 1, "no number of a layer"),
    ("  name: conv", "  pr_loop_dims: [IX]\n  padding: [1]", 3, "one number for each of its two sides"),
])  # fmt: skip
def test_what_cannot_be_said_has_a_place(old, new, line, message):
    text = conv()
    assert old in text
    with pytest.raises(SpecError, match=message) as caught:
        read_workload(parse_source(text.replace(old, new), "net.yaml"))
    assert (caught.value.file, caught.value.line) == ("net.yaml", line)
