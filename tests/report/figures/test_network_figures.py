"""The charts of networks: their data, and that they are drawn."""

import pytest

from dse.errors import DseError
from dse.explore.compare.networks import Comparison
from dse.report.figures.networks import accuracy_data, draw_networks, energy_data, label_places, shares_data
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
    (row("one", published_top1_percent=60.0, published_gflops=5.0), row("two")), "chip", "edp", 0.05, 7
)  # fmt: skip


def test_data_is_per_image_and_skips_networks_without_accuracy():
    assert accuracy_data(BOTH).points == (("one", 4.0, 60.0, 1010.0),)
    assert energy_data(BOTH).points == (("one", pytest.approx(3.0), 60.0, 1.0),)
    assert shares_data(BOTH).rows == (("one", 0.25, 0.75), ("two", 0.25, 0.75))


def test_no_accuracy_at_all_is_an_error():
    with pytest.raises(DseError, match="no network states an accuracy"):
        accuracy_data(Comparison((row("two"),), None, "edp", 0.05, 0))


def test_files(tmp_path):
    names = draw_networks(BOTH, tmp_path)
    assert names == ["accuracy_operations.png", "accuracy_energy.png", "shares.png"]
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in names)
    unmapped = Comparison((row("two", energy_pj=None),), None, "edp", 0.05, 0)
    assert draw_networks(unmapped, tmp_path) == ["shares.png"]


def test_labels_avoid_each_other_and_points():
    assert label_places([(0, 0, 40, 10), (300, 300, 40, 10)], []) == [0, 0]
    assert label_places([(0, 0, 40, 10), (5, 0, 40, 10)], []) == [0, 1]
    assert label_places([(0, 0, 40, 10)], [(20, 8)]) == [1]


def test_text_points_out_what_disagrees_and_what_cannot_run():
    text = comparison_text(BOTH)
    assert "one: the published 5 GFLOPs are not 2 x MACs = 4.000 (+25.0%)" in text
    assert "within 5% of the best" in text
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
