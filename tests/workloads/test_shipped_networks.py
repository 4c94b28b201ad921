"""Every shipped network against the layers of the original model, and against the published totals."""

import csv
from pathlib import Path

import networkx
import pytest

from dse.formats.text.shipped import find_shipped, shipped_names
from dse.formats.workload.load import dump_workload, load_workload, parse_workload
from dse.problem.summary import layer_kind, workload_totals

REFERENCE = Path(__file__).parent.parent / "reference"
KINDS = {"conv": "conv", "gconv": "grouped", "pwconv": "pointwise", "dwconv": "depthwise", "fc": "fc"}


def read(path):
    with path.open() as stream:
        return list(csv.DictReader(line for line in stream if not line.startswith("#")))


NETWORKS = sorted(path.stem for path in (REFERENCE / "layers").glob("*.csv"))
TOTALS = {row["workload"]: row for row in read(REFERENCE / "networks.csv")}


def as_reference_row(layer):
    return {
        "N": layer.N, "K": layer.K * layer.G, "C": layer.C, "groups": layer.G, "P": layer.P, "Q": layer.Q,
        "R": layer.R, "S": layer.S, "stride_h": layer.stride_h, "stride_w": layer.stride_w,
        "pad_t": layer.pad_top, "pad_b": layer.pad_bottom, "pad_l": layer.pad_left, "pad_r": layer.pad_right,
        "dilation_h": layer.dilation_h, "dilation_w": layer.dilation_w, "H": layer.H, "W": layer.W,
        "MACs": layer.macs, "weights": layer.weight_words,
        "ifmap_elems": layer.ifmap_footprint_words, "ofmap_elems": layer.psum_words,
    }  # fmt: skip


def test_ten_networks_have_a_reference():
    assert len(NETWORKS) == 10
    assert set(NETWORKS) <= set(shipped_names("workloads"))


@pytest.mark.parametrize("name", NETWORKS)
def test_layer_by_layer(name):
    workload = load_workload(find_shipped("workloads", name))
    rows = read(REFERENCE / "layers" / f"{name}.csv")
    assert len(workload.layers) == len(rows)
    for layer, row in zip(workload.layers, rows, strict=True):
        found = as_reference_row(layer)
        assert found == {key: int(row[key]) for key in found}, f"{layer.name} against {row['name']}"
        assert layer_kind(workload.node(layer.name), layer) == KINDS[row["type"]]


@pytest.mark.parametrize("name", sorted(set(NETWORKS) - {"inception_v2"}))
def test_layers_are_named_as_in_the_original_model(name):
    """Inception v2's reference only numbers its nodes; Xception's numbers its four shortcuts."""
    names = [layer.name for layer in load_workload(name).layers]
    rows = read(REFERENCE / "layers" / f"{name}.csv")
    differ = [row["name"] for row, layer in zip(rows, names, strict=True) if row["name"] != layer]
    assert differ == (["conv2d_94", "conv2d_95", "conv2d_96", "conv2d_97"] if name == "xception" else [])


@pytest.mark.parametrize("name", sorted(TOTALS))
def test_totals(name):
    row = TOTALS[name]
    workload = load_workload(name)
    totals = workload_totals(workload)
    assert totals["macs_conv"] == int(row["macs_conv"])
    assert totals["macs_fc"] == int(row["macs_fc"])
    assert workload.weight_words == totals["weight_words"] == int(row["weights_no_bias"])
    if row["deck_params"]:
        assert workload.parameters == int(row["deck_params"])
        published = dict(workload.published)
        assert published["parameters"] == int(row["deck_params"])
        assert published["gflops"] == float(row["deck_gflops"])
        assert published["top1_percent"] == float(row["deck_top1_pct"])
        assert published["top5_percent"] == float(row["deck_top5_pct"])


@pytest.mark.parametrize(("depth", "keras"), [(50, 25_636_712), (101, 44_707_176), (152, None)])
def test_a_variant_is_in_the_name(depth, keras):
    """v1 has stride 2 on the first 1x1 of a stage and no suffix, `_v1p5` has it on the 3x3; Keras has v1."""
    for name, kernel in ((f"resnet{depth}", 1), (f"resnet{depth}_v1p5", 3)):
        workload = load_workload(name)
        strided = [layer for layer in workload.layers if layer.stride_h == 2]
        assert [layer.R for layer in strided if layer.K < 2 * layer.C] == [kernel] * 3  # not the first, nor shortcuts
        assert ("resnet" + str(depth) + ("_v1p5" if kernel == 1 else "")) in workload.description
        assert len(workload.layers) == depth + 4
    one, other = load_workload(f"resnet{depth}"), load_workload(f"resnet{depth}_v1p5")
    assert one.weight_words == other.weight_words
    # the 1x1 works on a quarter of the positions if it has the stride: 3 stages of 128 * 256 * 56^2 * 3 / 4 and alike
    assert other.macs - one.macs == 3 * 128 * 256 * (56**2 - 28**2)
    assert keras in (None, one.parameters)


def test_vgg16_macs():
    assert load_workload("vgg16").macs == 15_470_264_320


@pytest.mark.parametrize("name", NETWORKS)
def test_graph_runs_from_the_input_to_one_end(name):
    graph = load_workload(name).graph
    assert networkx.is_directed_acyclic_graph(graph)
    assert [node for node in graph if graph.in_degree(node) == 0] == ["input"]
    assert len([node for node in graph if graph.out_degree(node) == 0]) == 1
    assert all(data["words"] > 0 for *_, data in graph.edges(data=True))


def test_branches_and_shortcuts_are_in_the_graph():
    resnet = load_workload("resnet50").graph
    adds = [name for name, data in resnet.nodes(data=True) if data["node"].op == "add"]
    assert len(adds) == 16
    assert all(resnet.in_degree(name) == 2 for name in adds)
    inception = load_workload("inception_v3").graph
    joins = [name for name, data in inception.nodes(data=True) if data["node"].op == "concat"]
    assert len(joins) == 11
    assert inception.edges["mixed10", "avg_pool"]["shape"] == (2048, 8, 8)


def test_rectangular_kernels_keep_their_orientation():
    inception = load_workload("inception_v3")
    assert (inception.layer("conv2d_32").R, inception.layer("conv2d_32").S) == (1, 7)
    assert (inception.layer("conv2d_33").R, inception.layer("conv2d_33").S) == (7, 1)


@pytest.mark.parametrize("name", shipped_names("workloads"))
def test_written_files_read_back_as_the_same_network(name):
    workload = load_workload(name)
    assert parse_workload(dump_workload(workload)) == workload
