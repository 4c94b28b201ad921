"""MAESTRO's network files become layers; what has no words here is named with its place."""

import pytest

from dse.cli.main import run
from dse.errors import SpecError
from dse.formats.tools.maestro import parse_network
from dse.formats.workload.load import load_workload

NET = """\
// a network of ours
Constant Filters 32;
Network ours {
  Layer first-1 { // with a stride
    Type: CONV
    Stride { X: 2, Y: 2 }
    Dimensions { N: 2, K: Filters, C: 3, R: 5, S: 3, Y: 32, X: 20 }
    Dataflow {
      SpatialMap(1,1) K;
      TemporalMap(Sz(R),1) Y;
      Cluster(8, P);
      TemporalMap(1,1) C;
    }
  }
  Layer dw { Type: DSCONV Dimensions { K 1,C 32,R 3,S 3,Y 14,X 9 } }
  Layer grouped { Type: NGCONV Dimensions { G: 4, K: 6, C: 8, R: 1, S: 1, Y: 7, X: 7 } }
  Layer product { Type: GEMM Dimensions { M: 12, N: 5, K: 9 } }
  Layer dw { Type: CONV Stride { Y: 3, X: 1 } Dimensions { K: 2, C: 4, R: 2, S: 1, Y': 5, X': 6 } }
}
"""


def test_layers_by_their_dimensions():
    """Windows inside the input alone count: ceil((Y - R + 1) / stride) is what MAESTRO iterates over, too."""
    workload, dataflows = parse_network(NET)
    assert (workload.name, dataflows) == ("ours", 1)
    first, dw, grouped, product, last = workload.layers
    assert first.bounds == (1, 2, 32, 3, 14, 9, 5, 3)
    assert (first.name, first.stride_h, first.stride_w, first.H, first.W) == ("first-1", 2, 2, 32, 20)
    assert dw.bounds == (32, 1, 1, 1, 12, 7, 3, 3)
    assert grouped.bounds == (4, 1, 6, 8, 7, 7, 1, 1)
    assert (product.N, product.C, product.K, product.macs) == (12, 9, 5, 540)
    assert (last.name, last.bounds, last.stride_h) == ("dw_2", (1, 1, 2, 4, 5, 6, 2, 1), 3)


def test_vgg16_as_it_is_written_there():
    """Its data/model/vgg16_model.m has thirteen layers without padding; by hand, 222 x 222 outputs of the first."""
    sizes = [(64, 3, 224), (64, 64, 224), (128, 64, 112), (128, 128, 112), (256, 128, 56), (256, 256, 56),
             (256, 256, 56), (512, 256, 28), (512, 512, 28), (512, 512, 28), *[(512, 512, 14)] * 3]  # fmt: skip
    rows = "\n".join(f"Layer CONV{at} {{ Type: CONV Dimensions {{ K {k},C {c},R 3,S 3,Y {side},X {side} }} }}"
                     for at, (k, c, side) in enumerate(sizes, start=1))  # fmt: skip
    workload, _ = parse_network(f"Network vgg16 {{\n{rows}\n}}")
    assert workload.macs == sum(k * c * 9 * (side - 2) ** 2 for k, c, side in sizes) == 13_884_537_600
    assert workload.weight_words == 14_710_464


@pytest.mark.parametrize(("body", "column", "message"), [
    ("Type: TRCONV Dimensions { K: 1 }", 7, "TRCONV is not read"),
    ("Type: POOL Dimensions { K: 1 }", 7, "POOL is not read"),
    ("Dimensions { K: 1 }", 1, "the Type stands before"),
    ("Type: CONV Dimensions { K: 1, C: 1, R: 3, S: 1, Y: 2, X: 2 }", None, "sticks out"),
    ("Type: CONV Dimensions { K: 1, C: 1, R: 1, Y: 2, X: 2 }", None, "has no S"),
    ("Type: CONV Dimensions { K: 1, C: 1, R: 1, S: 1, X: 2 }", None, "neither Y nor Y'"),
    ("Type: CONV Dimensions { K: 1, K: 2 }", 31, "K is given twice"),
    ("Type: CONV Dimensions { G: 2 }", 25, "G is no dimension"),
    ("Type: CONV Dimensions { K: Filter }", 28, "Filter is no whole number"),
    ("Type: CONV Padding { X: 1 }", 12, "Padding has no words here"),
    ("Type: DSCONV Dimensions { K: 2, C: 1, R: 1, S: 1, Y: 2, X: 2 }", None, "one filter a channel"),
    ("Type: CONV", None, "no Type or no Dimensions"),
])  # fmt: skip
def test_what_cannot_be_said_has_a_place(body, column, message):
    with pytest.raises(SpecError, match=message) as caught:
        parse_network(f"Constant Filters 4;\nNetwork n {{\nLayer a {{\n{body}\n}} }}", "net.m")
    place = (3, 7) if column is None else (4, column)
    assert (caught.value.file, caught.value.line, caught.value.column) == ("net.m", *place)


@pytest.mark.parametrize("text", ["", "Network n {", "Network n { }", "num_pes: 256", "Network n { Layer a { Type"])
def test_files_that_are_none(text):
    with pytest.raises(SpecError):
        parse_network(text, "net.m")


def test_the_command(tmp_path, capsys):
    (tmp_path / "net.m").write_text(NET)
    assert run(["import", "maestro", str(tmp_path / "net.m"), "-o", str(tmp_path / "mine")]) == 0
    assert "dataflows of 1 layers are not read" in capsys.readouterr().err
    workload = load_workload(tmp_path / "mine" / "workload.yaml")
    assert [layer.bounds for layer in workload.layers] == [layer.bounds for layer in parse_network(NET)[0].layers]
    assert run(["import", "maestro", str(tmp_path / "none.m"), "-o", str(tmp_path)]) == 2
