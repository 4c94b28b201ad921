"""Attentions of ONNX with keys and values of earlier steps: scores and weighted sums over all positions."""

import pytest

from dse.errors import DseError
from dse.formats.onnx.attention import ATTENTION
from dse.formats.onnx.model import extract_onnx

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper  # noqa: E402

FLOAT, INT32 = TensorProto.FLOAT, TensorProto.INT32
RUNTIME = "com.microsoft"


def extracted(path, op, inputs, outputs=("y",), *, stored=(), domain=RUNTIME, given=None, **attributes):
    """The workload of one node; an input is a shape, a (type, shape), or None where it is left out."""
    names = [f"i{index}" if shape is not None else "" for index, shape in enumerate(inputs)]
    node = helper.make_node(op, names, list(outputs), domain=domain, **attributes)
    typed = [shape if isinstance(shape, tuple) else (FLOAT, shape) for shape in inputs]
    infos, kept = [], []
    for index, (name, (kind, shape)) in enumerate(zip(names, typed, strict=True)):
        if name and index in stored:
            width = {FLOAT: 4, INT32: 4}.get(kind, 1)
            size = width
            for side in shape:
                size *= side
            kept.append(helper.make_tensor(name, kind, shape, bytes(size), raw=True))
        elif name:
            infos.append(helper.make_tensor_value_info(name, kind, shape))
    made = [helper.make_empty_tensor_value_info(name) for name in outputs]
    graph = helper.make_graph([node], "g", infos, made, kept)
    opsets = [helper.make_opsetid("", 23), helper.make_opsetid(RUNTIME, 1)]
    path.write_bytes(helper.make_model(graph, opset_imports=opsets).SerializeToString())
    return extract_onnx(path, inputs=given).workload


def bounds(net):
    return [layer.bounds[:4] for layer in net.layers]


def widths_of(layer):
    return layer.bits.ifmap, layer.bits.weight, layer.bits.psum


@pytest.mark.parametrize("flat", [True, False])
def test_attention_of_the_standard_multiplies_cached_keys_too(tmp_path, flat):
    """1 new position after 15, 8 query heads that share 2 key heads of 16 features."""
    new = [[1, 1, 128], [1, 1, 32], [1, 1, 32]] if flat else [[1, 8, 1, 16], [1, 2, 1, 16], [1, 2, 1, 16]]
    heads = {"q_num_heads": 8, "kv_num_heads": 2} if flat else {}
    net = extracted(tmp_path / "m.onnx", "Attention", [*new, None, [1, 2, 15, 16], [1, 2, 15, 16]],
                    ("y", "key", "value"), domain="", **heads)  # fmt: skip
    assert bounds(net) == [(2, 4, 16, 16), (2, 4, 16, 16)]
    assert net.node("y.1").shape == net.node("y.2").shape == (2, 16, 16)


CACHE = [1, 2, 15, 16]


@pytest.mark.parametrize(
    ("op", "inputs", "attributes", "wanted", "cache"),
    [
        ("GroupQueryAttention", [[1, 1, 128], [1, 1, 32], [1, 1, 32], CACHE, CACHE],
         {"num_heads": 8, "kv_num_heads": 2}, (2, 4, 16, 16), (2, 16, 16)),
        ("GroupQueryAttention", [[1, 1, 192], None, None, CACHE, CACHE],
         {"num_heads": 8, "kv_num_heads": 2}, (2, 4, 16, 16), (2, 16, 16)),
        ("GroupQueryAttention", [[1, 1, 128], [1, 1, 32], [1, 1, 32], CACHE, CACHE],
         {"num_heads": 8, "kv_num_heads": 2, "local_window_size": 6}, (2, 4, 6, 16), (2, 16, 16)),
        ("MultiHeadAttention", [[1, 3, 32], [1, 3, 32], [1, 3, 32], None, None, None, CACHE, CACHE],
         {"num_heads": 2}, (2, 3, 18, 16), (2, 18, 16)),
    ],
)  # fmt: skip
def test_attention_of_onnxruntime_multiplies_cached_keys_too(tmp_path, op, inputs, attributes, wanted, cache):
    net = extracted(tmp_path / "m.onnx", op, inputs, ("y", "key", "value"), **attributes)
    G, N, keys, features = wanted
    assert bounds(net) == [wanted, (G, N, features, keys)]
    assert net.node("y.1").shape == net.node("y.2").shape == cache


def test_a_cache_may_be_a_buffer_of_which_a_part_is_filled(tmp_path):
    room = [1, 2, 100, 16]
    query = [[1, 1, 128], [1, 1, 32], [1, 1, 32], room, room, (INT32, [1]), (INT32, [1])]
    path, heads = tmp_path / "m.onnx", {"num_heads": 8, "kv_num_heads": 2}
    net = extracted(path, "GroupQueryAttention", query, ("y", "key"), given={"i6": [16]}, **heads)
    assert bounds(net) == [(2, 4, 16, 16), (2, 4, 16, 16)]
    assert net.node("y.1").shape == (2, 100, 16)
    with pytest.raises(DseError, match="0 positions in all are fewer than the 1 new ones"):
        extracted(path, "GroupQueryAttention", query, given={"i6": [0]}, **heads)
    decoder = [[1, 1, 32], [1, 1, 32], [1, 1, 32], None, None, room, room, (INT32, [1])]
    shared = {"num_heads": 2, "past_present_share_buffer": 1}
    with pytest.raises(DseError, match="how much of its cache is filled is not known"):
        extracted(path, "DecoderMaskedMultiHeadAttention", decoder, **shared)
    net = extracted(path, "DecoderMaskedMultiHeadAttention", decoder, given={"i7": [15]}, **shared)
    assert bounds(net) == [(2, 1, 16, 16), (2, 1, 16, 16)]


def test_a_cache_of_other_sides_is_refused(tmp_path):
    with pytest.raises(DseError, match="where 4 sides are expected"):
        extracted(tmp_path / "m.onnx", "GroupQueryAttention", [[1, 1, 128], [1, 1, 32], [1, 1, 32], [1, 15, 32]],
                  num_heads=8, kv_num_heads=2)  # fmt: skip


@pytest.mark.parametrize(("op", "past", "stored"), [("Attention", 4, (1, 2)), ("QAttention", 8, (1, 2))])
def test_attention_with_its_own_projection_and_a_packed_cache(tmp_path, op, past, stored):
    kind, scales = (FLOAT, []) if op == "Attention" else (TensorProto.UINT8, [(FLOAT, [1])] * 2)
    inputs = [(kind, [1, 3, 32]), (kind, [32, 96]), (FLOAT, [96]), *scales]
    inputs += [None] * (past - len(inputs)) + [[2, 1, 4, 9, 8]]
    net = extracted(tmp_path / "m.onnx", op, inputs, ("y", "kept"), stored=stored, num_heads=4)
    assert bounds(net) == [(1, 3, 96, 32), (4, 3, 12, 8), (4, 3, 8, 12)]
    widths = (16, 16, 16) if op == "Attention" else (8, 8, 32)
    assert widths_of(net.layers[0]) == widths
    assert widths_of(net.layers[1]) == (16, 16, 16)
    assert net.parameters == 32 * 96 + 96
    assert net.node("y.1").shape == (2, 4, 12, 8)


FLAT = [[1, 3, 32]] * 3
PACKED = [[1, 3, 32], [32, 96], [96]]
WITHOUT_CACHE = {
    ("", "Attention"): (FLAT, {"q_num_heads": 4, "kv_num_heads": 4}),
    (RUNTIME, "Attention"): (PACKED, {"num_heads": 4}),
    (RUNTIME, "QAttention"): (
        [(TensorProto.UINT8, [1, 3, 32]), (TensorProto.UINT8, [32, 96]), [96], [1], [1]], {"num_heads": 4}
    ),
    (RUNTIME, "MultiHeadAttention"): (FLAT, {"num_heads": 4}),
    (RUNTIME, "DecoderMaskedMultiHeadAttention"): (FLAT, {"num_heads": 4}),
    (RUNTIME, "GroupQueryAttention"): (FLAT, {"num_heads": 4, "kv_num_heads": 4}),
}


@pytest.mark.parametrize(("domain", "op"), ATTENTION)
def test_every_attention_has_the_same_scores_and_sums(tmp_path, domain, op):
    """Three positions, four heads of eight features, nothing of earlier steps."""
    inputs, attributes = WITHOUT_CACHE[domain, op]
    net = extracted(tmp_path / "m.onnx", op, inputs, stored=(1, 2) if "QAtt" in op or inputs is PACKED else (),
                    domain=domain, **attributes)  # fmt: skip
    assert bounds(net)[-2:] == [(4, 3, 3, 8), (4, 3, 8, 3)]
