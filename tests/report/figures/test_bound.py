"""What `dse bound` shows: numbers first, the table and the figure from them."""

import pytest
from report.drawing.overlaps import faults

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import Level
from dse.errors import DseError
from dse.mapper.curve import capacity_curve
from dse.problem.dims import OPERANDS
from dse.problem.layer import Layer
from dse.report.figures.bound import bound_records, bound_report, bound_table, curves_data, curves_figure, draw_curves

ALL = frozenset(OPERANDS)


def report(capacity_bits, *layers):
    levels = (Level("DRAM", ALL), Level("GLB", ALL, capacity_bits=capacity_bits))
    architecture = Architecture("plain", levels, Mac(1.0), 1e9)
    return bound_report(architecture, "net", [(capacity_curve(architecture, layer), names) for layer, names in layers])


CONV = Layer("conv", K=6, C=4, P=5, Q=5, R=3, S=3)
FC = Layer("fc", K=12, C=30)
BOTH = (CONV, ("conv", "again")), (FC, ("fc",))


def test_the_report_adds_up():
    plain = report(2048, *BOTH)
    conv, fc = plain["layers"]
    assert (conv["count"], conv["macs"], conv["names"]) == (2, CONV.macs, ["conv", "again"])
    assert conv["least_words"] == CONV.ifmap_words + CONV.weight_words + CONV.psum_words
    assert plain["network"]["here_words"] == 2 * conv["here"]["words"] + fc["here"]["words"]
    assert plain["network"]["least_words"] == 2 * conv["least_words"] + fc["least_words"]
    assert conv["here"]["capacity_bits"] <= 2048 < conv["points"][-1]["capacity_bits"]
    assert conv["here"] in conv["points"]
    assert conv["near_least"] in conv["points"]


def test_the_table_has_a_row_a_layer_and_the_network():
    text = bound_table(report(2048, *BOTH)).to_text()
    starts = [line.split()[0] for line in text.splitlines()]
    assert starts[:4] == ["net:", "layer", "conv", "fc"]
    assert "network:" in starts
    assert "256 B for tiles" in text


def test_a_buffer_that_is_too_small_says_so():
    plain = report(40, *BOTH)
    assert plain["layers"][0]["here"] is None
    assert plain["network"]["here_words"] is None
    assert "too small" in bound_table(plain).to_text()
    assert curves_data(plain).title.startswith("net: any buffer")


def test_a_buffer_without_limit_moves_the_least():
    plain = report(None, *BOTH)
    assert plain["capacity_bits"] is None
    assert plain["network"]["here_words"] == plain["network"]["least_words"]


def test_records_hold_every_corner():
    plain = report(2048, *BOTH)
    records = bound_records(plain)
    assert len(records) == sum(len(layer["points"]) for layer in plain["layers"])
    assert records[0]["tile_K"] == 1
    assert list(records[0])[:4] == ["layer", "count", "capacity_bits", "words"]


def test_the_figure_shows_the_network_first_and_many_layers_quietly():
    plain = report(2048, *((Layer(f"fc{k}", K=k, C=30), (f"fc{k}",)) for k in range(2, 12)))
    data = curves_data(plain)
    assert [name for name, _, _ in data.lines] == ["net, all layers", *(f"fc{k}" for k in range(11, 5, -1))]
    assert len(data.quiet) == 4
    assert data.capacity_bits == 2048
    assert [name for name, _, _ in curves_data(report(2048, (FC, ("fc",)))).lines] == ["fc"]


@pytest.mark.parametrize("suffix", [".png", ".svg"])
@pytest.mark.parametrize("size", [None, 40, 2048])
def test_the_figure_is_drawn(tmp_path, suffix, size):
    path = tmp_path / f"curves{suffix}"
    draw_curves(curves_data(report(size, *BOTH)), path)
    assert path.stat().st_size > 5000
    assert faults(curves_figure(curves_data(report(size, *BOTH)))) == []


def test_no_column_is_left_out_of_the_table():
    """Of layers with names and words as long as those of networks."""
    conv, fc = Layer("conv", K=64, C=64, P=224, Q=224, R=3, S=3), Layer("fc", K=4096, C=25088)
    plain = report(1 << 20, (conv, ("block3_conv2", "again")), (fc, ("fc",)))
    text = bound_table(plain).to_text()
    assert "left out" not in text
    assert {"here/least", "least", "+10"} <= set(text.splitlines()[2].split() + text.splitlines()[1].split())
    assert max(map(len, text.splitlines())) <= 80
    for layer in plain["layers"]:
        assert layer["near_least"]["words"] <= 1.1 * layer["least_words"]
    assert faults(curves_figure(curves_data(plain))) == []


def test_a_figure_that_cannot_be_written_is_an_error(tmp_path):
    data = curves_data(report(2048, *BOTH))
    with pytest.raises(DseError, match=r"ends in \.png"):
        draw_curves(data, tmp_path / "curves.xyz")
    with pytest.raises(DseError, match="cannot write"):
        draw_curves(data, tmp_path / "nowhere" / "curves.png")
