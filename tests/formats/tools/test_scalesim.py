"""SCALE-Sim's topology files, read and written."""

import pytest

from dse.errors import DseError, SpecError
from dse.formats.tools.scalesim import dump_topology, load_topology, parse_topology
from dse.formats.workload.load import load_workload
from dse.problem.layer import Layer
from dse.problem.workload import Workload

HEADER = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"


def test_a_row_is_a_convolution_without_padding():
    workload = parse_topology(HEADER + "Conv1, 227, 227, 11, 11, 3, 96, 4,\n\nRect, 9, 12, 1, 7, 2, 5, 1, 2,\n", "net")
    conv1, rect = workload.layers
    assert conv1.bounds == (1, 1, 96, 3, 55, 55, 11, 11)
    assert (conv1.stride_h, conv1.stride_w) == (4, 4)
    assert rect.bounds == (1, 1, 5, 2, 9, 4, 1, 7)  # the last window sticks out
    assert (rect.stride_h, rect.stride_w) == (1, 2)


def test_the_variant_of_matrix_products():
    (layer,) = parse_topology("Layer, M, N, K,\nqk, 128, 64, 32,\n", "net").layers
    assert (layer.N, layer.K, layer.C) == (128, 64, 32)


@pytest.mark.parametrize(("row", "message"), [
    ("a, 8, 8, 3, 3, 2,", "5 numbers"),
    ("a, 8, 8, 3, 3, 2, 4, 0,", "'0' is no whole number above 0"),
    ("a, 8, 8, 3, 3, x, 4, 1,", "'x' is no whole number"),
    ("a, 2, 8, 3, 3, 2, 4, 1,", "the window spans 3 rows"),
    (f"a, 8, 8, 3, 3, 2, {2**40}, 1,", "is more than"),
])  # fmt: skip
def test_errors_have_a_line(row, message):
    with pytest.raises(SpecError, match=message) as caught:
        parse_topology(HEADER + row, "net", "net.csv")
    assert caught.value.line is not None


def test_a_row_named_dp_is_depthwise():
    """SCALE-Sim's loader makes so many layers of one channel of a row whose name contains DP."""
    rows = "DP1, 114, 114, 3, 3, 32, 1, 1,\npw, 112, 112, 1, 1, 32, 64, 1,\n"
    dp, pointwise = parse_topology(HEADER + rows, "n").layers
    assert (dp.G, dp.K, dp.C, dp.P, dp.Q) == (32, 1, 1, 112, 112)
    assert dp.psum_words == 401_408
    assert dp.macs == 401_408 * 9
    assert (pointwise.G, pointwise.psum_words) == (1, 112 * 112 * 64)


@pytest.mark.parametrize(("side", "filters", "stride", "outputs"), [
    (4, 3, 2, 2), (5, 3, 2, 2), (6, 3, 2, 3), (227, 11, 4, 55), (7, 3, 3, 3), (3, 3, 2, 1),
])  # fmt: skip
def test_windows_that_stick_out_count_as_in_its_loader(side, filters, stride, outputs):
    """Its rule is ceil((ifmap - filter + stride) / stride)."""
    (layer,) = parse_topology(HEADER + f"a, {side}, {side}, {filters}, {filters}, 1, 1, {stride},\n", "n").layers
    assert (layer.P, layer.Q) == (outputs, outputs) == (-(-(side - filters + stride) // stride),) * 2
    assert layer.macs == outputs**2 * filters**2
    assert layer.H == layer.W == side


def test_columns_for_batch_and_sparsity_are_told_by_their_headings():
    heading = "Layer, H, W, R, S, C, K, st, Batch Size, Sparsity,\n"
    (layer,) = parse_topology(heading + "a, 8, 8, 3, 3, 4, 4, 1, 2, 2:4,\n", "n").layers
    assert (layer.N, layer.stride_h, layer.stride_w) == (2, 1, 1)
    assert layer.density.weight == 0.5
    (layer,) = parse_topology("Layer, H, W, R, S, C, K, st, Sparsity,\na, 8, 8, 3, 3, 4, 4, 1, 1:4,\n", "n").layers
    assert layer.density.weight == 0.25
    (product,) = parse_topology("Layer, M, N, K, Batch,\nqk, 128, 64, 32, 3,\n", "n").layers
    assert (product.N, product.K, product.C) == (384, 64, 32)
    for ratio, message in (("2-4", "no sparsity"), ("5:4", "more weights than there are"), ("0:4", "'0' is no whole")):
        with pytest.raises(SpecError, match=message):
            parse_topology("Layer, H, W, R, S, C, K, st, Sparsity,\na, 8, 8, 3, 3, 4, 4, 1, " + ratio, "n")


def test_equal_names_and_comments_load():
    rows = "a, 8, 8, 3, 3, 2, 4, 1, # the first\na, 8, 8, 3, 3, 2, 4, 1,\nb, 8, 8, 1, 1, 2, 4, 1, // last\n"
    assert [layer.name for layer in parse_topology(HEADER + rows, "n").layers] == ["a", "a_2", "b"]


@pytest.mark.parametrize("content", [b"", b"only a heading\n", b"\xff\xfe\x00"])
def test_files_that_are_none(tmp_path, content):
    file = tmp_path / "x.csv"
    file.write_bytes(content)
    with pytest.raises(SpecError):
        load_topology(file)


@pytest.mark.parametrize("name", ["alexnet", "resnet50", "inception_v3"])
def test_what_is_written_reads_back_with_the_same_loops(name):
    """But for groups, which become rows of their own: the MACs are the same."""
    workload = load_workload(name)
    text, warnings = dump_topology(workload)
    read = parse_topology(text, name)
    assert read.macs == workload.macs
    assert any("padding" in warning for warning in warnings)
    expected = [layer.bounds[1:] for layer in workload.layers for _ in range(layer.G)]
    assert [layer.bounds[1:] for layer in read.layers] == expected
    assert any("group" in warning for warning in warnings) == (name == "alexnet")


def test_products_of_matrices_keep_their_macs():
    workload = load_workload("bert_base")
    assert parse_topology(dump_topology(workload)[0], "bert").macs == workload.macs


def test_dilation_cannot_be_said():
    with pytest.raises(DseError, match="dilated"):
        dump_topology(Workload.of("net", [Layer("a", P=4, R=3, dilation_h=2)]))


def test_equal_strides_are_one_column():
    """SCALE-Sim takes the column after the stride for the sparsity ratio."""
    text, warnings = dump_topology(Workload.of("net", [Layer("a", P=4, Q=4, R=3, S=3, stride_h=2, stride_w=2)]))
    assert text.splitlines()[1] == "a, 9, 9, 3, 3, 1, 1, 2,"
    assert warnings == ()
    text, warnings = dump_topology(Workload.of("net", [Layer("b", P=4, Q=4, stride_h=2, stride_w=1)]))
    assert text.splitlines()[1] == "b, 7, 4, 1, 1, 1, 1, 2, 1,"
    assert "sparsity" in warnings[0]


@pytest.mark.parametrize("name", ["alexnet", "resnet50", "mobilenet_v1"])
def test_its_own_loader_reads_the_layers_that_were_written(tmp_path, name):
    """The package scalesim (3.0.0), of the optional extra `scalesim`."""
    pytest.importorskip("scalesim.topology_utils", reason="the package scalesim is not installed")
    from scalesim.topology_utils import topologies

    workload = load_workload(name)
    file = tmp_path / f"{name}.csv"
    file.write_text(dump_topology(workload)[0])
    theirs = topologies()
    theirs.load_arrays(str(file))
    theirs.topo_calc_hyperparams()
    ours = load_topology(file).layers
    assert len(theirs.topo_arrays) == len(ours)
    assert [(h[0], h[1], h[2]) for h in theirs.layers_calculated_hyperparams] == [
        (layer.P, layer.Q, layer.macs) if layer.N == 1 else (layer.N, 1, layer.macs) for layer in ours
    ]
    assert sum(h[2] for h in theirs.layers_calculated_hyperparams) == workload.macs


def test_a_name_with_dp_is_not_taken_for_depthwise():
    text, _ = dump_topology(Workload.of("net", [Layer("DPfirst", K=4, C=8, P=4, Q=4)]))
    (layer,) = parse_topology(text, "net").layers
    assert (layer.G, layer.macs) == (1, 4 * 8 * 16)
