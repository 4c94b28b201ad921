"""The charts of networks: their data, and that they are drawn."""

from dataclasses import replace

import pytest
from report.drawing.overlaps import faults, texts_of

from dse.errors import DseError
from dse.explore.compare.networks import REVIEWED, Comparison
from dse.formats.workload.load import load_workload
from dse.report.figures.networks import (
    accuracy_data,
    bubbles_figure,
    draw_networks,
    energy_data,
    power_data,
    shares_data,
    shares_figure,
    time_data,
)
from dse.report.text.networks import comparison_records, comparison_text


def row(name, **more):
    return {
        "workload": name, "batch": 2, "layers": 3, "distinct_shapes": 2, "weights": 1000, "weights_conv": 250,
        "weights_fc": 750, "parameters": 1010, "macs": 4000, "macs_conv": 3000, "macs_fc": 1000, "gflops": 8.0,
        "gflops_conv": 6.0, "gflops_fc": 2.0, "footprint_bytes": 2048, "flop_per_byte": 3.0, "energy_pj": 6e9,
        "latency_s": 0.5, "power_w": 0.012, "inferences_per_s": 4.0, "inferences_per_j": 333.0, "edp_js": 0.003,
        "outer_bytes": 5e6, "not_mapped": "", **more,
    }  # fmt: skip


BOTH = Comparison(
    (row("one", published_top1_percent=60.0, published_gflops=5.0, published_cpu_ms=90.0), row("two")),
    "chip", "edp", 0.05, 7,
)  # fmt: skip


def test_data_is_per_image_and_skips_networks_without_accuracy():
    assert accuracy_data(BOTH).panels[0].points == (("one", 4.0, 60.0, 1010.0),)
    assert energy_data(BOTH).panels[0].points == (("one", pytest.approx(3.0), 60.0, 1010.0),)
    assert shares_data(BOTH).rows == (("one", 0.25, 0.75), ("two", 0.25, 0.75))


def test_no_accuracy_at_all_is_an_error():
    with pytest.raises(DseError, match="no network states an accuracy"):
        accuracy_data(Comparison((row("two"),), None, "edp", 0.05, 0))


def test_files(tmp_path):
    names = draw_networks(BOTH, tmp_path)
    assert names == [
        "accuracy_operations.png", "accuracy_time.png", "accuracy_power.png", "accuracy_energy.png", "shares.png"
    ]  # fmt: skip
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in names)
    unmapped = Comparison((row("two", energy_pj=None),), None, "edp", 0.05, 0)
    assert draw_networks(unmapped, tmp_path) == ["shares.png"]


def test_published_figures_stand_beside_ours():
    """Per image and in the units of the axes; a network without a published figure is in our plot only."""
    three = replace(BOTH, networks=(
        row("one", published_top1_percent=60.0, published_cpu_ms=90.0, published_power_w=150.0),
        row("two", published_top1_percent=70.0, published_cpu_ms=300.0, latency_s=1.5), row("three"),
    ))  # fmt: skip
    published, ours = time_data(three).panels
    assert published.points == (("one", 0.09, 60.0, 1010.0), ("two", 0.3, 70.0, 1010.0))
    assert ours.points == (("one", 0.25, 60.0, 1010.0), ("two", 0.75, 70.0, 1010.0))
    assert [[name for name, *_ in panel.points] for panel in power_data(three).panels] == [["one"], ["one", "two"]]
    assert "two in one plot only" in power_data(three).subtitle
    assert time_data(replace(three, architecture=None)).panels == (published,)
    assert power_data(replace(three, architecture=None, networks=BOTH.networks)) is None


def shipped(name, at):
    published = {f"published_{key}": value for key, value in load_workload(name).published}
    ours = {"latency_s": 0.1 + 0.01 * at, "energy_pj": (1 + 0.02 * at) * 1e9, "power_w": 0.3, "gflops": 4 + at / 3}
    return row(name, **published) | ours


def test_each_network_has_one_colour_in_all_figures_and_labels_stand_apart():
    """With the figures published of the networks that are compared by default, and ours as near as they may get."""
    nine = replace(BOTH, networks=tuple(shipped(name, at) for at, name in enumerate(REVIEWED)))
    drawn = [accuracy_data(nine), energy_data(nine), time_data(nine), power_data(nine)]
    assert len({tuple(data.colours.items()) for data in drawn}) == 1
    assert len(set(drawn[0].colours.values())) == 9
    for data in drawn:
        figure = bubbles_figure(data)
        assert faults(figure) == []
        shown = {text.get_text() for text in texts_of(figure)}
        assert {name for panel in data.panels for name, *_ in panel.points} <= shown
    assert faults(shares_figure(shares_data(nine))) == []


def test_text_points_out_what_disagrees_and_what_cannot_run():
    text = comparison_text(BOTH)
    assert "one: the published 5 GFLOPs are not 2 x MACs = 4.000 (+25.0%)" in text
    assert "every layer within 5 % of its best mapping for edp" in text
    missing = dict.fromkeys(
        ("energy_pj", "latency_s", "power_w", "inferences_per_s", "inferences_per_j", "edp_js", "outer_bytes")
    )
    assert "two cannot run: no room" in comparison_text(
        Comparison((row("two", **missing, not_mapped="no room"),), "chip", "edp", 0.05, 1)
    )


def test_records_have_one_set_of_columns():
    records = comparison_records(BOTH)
    assert list(records[0]) == list(records[1])
    assert records[1]["published_gflops"] is None
