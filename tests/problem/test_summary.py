"""The tables of a workload: kinds of layers, and the rows that the command line prints."""

import json

import pytest

from dse.problem.layer import Layer
from dse.problem.summary import layer_kind, layer_rows, workload_totals
from dse.problem.workload import Node, Workload


@pytest.mark.parametrize(
    ("op", "bounds", "kind"),
    [
        ("conv", {"K": 4, "C": 3, "P": 5, "R": 3, "S": 3}, "conv"),
        ("conv", {"K": 4, "C": 3, "P": 5, "R": 1, "S": 7}, "conv"),
        ("conv", {"K": 4, "C": 3, "P": 5}, "pointwise"),
        ("conv", {"K": 4, "C": 3, "H": 1, "W": 1}, "pointwise"),
        ("conv", {"G": 2, "K": 4, "C": 3, "P": 5, "R": 3}, "grouped"),
        ("depthwise", {"G": 8, "K": 1, "C": 1, "P": 5, "R": 3}, "depthwise"),
        ("fc", {"N": 197, "K": 4, "C": 3}, "fc"),
        ("matmul", {"G": 2, "N": 4, "K": 4, "C": 3}, "matmul"),
        ("layer", {"K": 4, "C": 3}, "fc"),
        ("layer", {"G": 2, "K": 4, "C": 3}, "matmul"),
        ("layer", {"K": 4, "C": 3, "H": 14, "W": 14}, "pointwise"),
        ("layer", {"G": 3, "K": 1, "C": 1, "P": 5, "R": 3}, "depthwise"),
    ],
)
def test_kinds(op, bounds, kind):
    layer = Layer("x", **bounds)
    assert layer_kind(Node("x", op, (1,), layer=layer), layer) == kind


def test_rows_name_shapes_and_reuse():
    conv = Layer("a", K=6, C=4, P=5, Q=7, R=3, S=3, stride_h=2, stride_w=1)
    workload = Workload.of("net", [conv, conv.with_(name="b", pad_top=1), Layer("c", K=10, C=20)]).with_batch(2)
    first, second, third = layer_rows(workload)
    assert [row["shape_index"] for row in (first, second, third)] == [1, 1, 2]
    assert first == {
        "layer": "a", "kind": "conv", "shape_index": 1, "G": 1, "N": 2, "K": 6, "C": 4, "P": 5, "Q": 7, "R": 3, "S": 3,
        "stride": (2, 1), "macs": 2 * 6 * 4 * 35 * 9, "weight_words": 216, "ifmap_words": 2 * 4 * 11 * 9,
        "psum_words": 2 * 6 * 35, "reuse_weight_filter": 2.0, "reuse_weight_convolutional": 35.0,
        "reuse_ifmap_image": 6.0, "reuse_ifmap_convolutional": 2 * 4 * 35 * 9 / (2 * 4 * 99),
        "reuse_psum_accumulation": 36.0,
    }  # fmt: skip
    assert (third["reuse_ifmap_convolutional"], third["reuse_weight_convolutional"]) == (1, 1)
    json.dumps([first, second, third])


def test_totals_are_split_into_conv_and_fc():
    workload = Workload.of("net", [Layer("a", K=6, C=4, P=5), Layer("c", K=10, C=20)])
    totals = workload_totals(workload)
    assert (totals["macs_conv"], totals["macs_fc"], totals["macs"]) == (120, 200, 320)
    assert (totals["weight_words_conv"], totals["weight_words_fc"], totals["weight_words"]) == (24, 200, 224)
    assert (totals["layers"], totals["distinct_shapes"], totals["batch"]) == (2, 2, 1)
    assert (totals["largest_ifmap_words"], totals["largest_psum_words"]) == (20, 30)
