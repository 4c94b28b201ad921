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
    assert rect.bounds == (1, 1, 5, 2, 9, 3, 1, 7)
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
    ("a, 8, 8, 3, 3, 2, 4, 1,\na, 8, 8, 3, 3, 2, 4, 1,", "used in line 2"),
])  # fmt: skip
def test_errors_have_a_line(row, message):
    with pytest.raises(SpecError, match=message) as caught:
        parse_topology(HEADER + row, "net", "net.csv")
    assert caught.value.line is not None


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
