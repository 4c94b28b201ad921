"""Curves and roofs: their numbers first, then their drawings."""

from types import SimpleNamespace

import pytest
from report.drawing.overlaps import faults

from dse.report.figures.hypervolume import hypervolume, hypervolume_data, hypervolume_figure
from dse.report.figures.reuse import mean_reuse, reuse_data, reuse_figure
from dse.report.figures.roofline import roofline_data, roofline_figure
from dse.report.figures.trade import trade_figure


def swept(*points):
    """A sweep of energy and latency with these results."""
    values = [{"energy_pj": energy, "latency_s": latency} for energy, latency in points]
    designs = [SimpleNamespace(ok=True, outcome=SimpleNamespace(objectives=one)) for one in values]
    search = SimpleNamespace(objectives=("energy", "latency"))
    return SimpleNamespace(name="mine", designs=(SimpleNamespace(ok=False, outcome=None), *designs), search=search)


def test_the_dominated_part_rises_and_is_one_where_one_design_is_best_in_all():
    curve = hypervolume(swept((100, 1), (1, 100), (10, 10), (1, 1)))
    assert [count for count, _ in curve] == [1, 2, 3, 4]
    volumes = [volume for _, volume in curve]
    assert volumes == pytest.approx([0, 0, 0.25, 1])  # 10 of 1 to 100 is half-way on a logarithmic axis


def test_fewer_than_two_designs_have_no_curve():
    assert hypervolume_data(swept((1, 1))) is None
    data = hypervolume_data(swept((100, 1), (1, 100), (10, 10), (1, 1)))
    assert "after 4 of 4 designs" in data.title
    assert data.records()[-1] == {"designs": 4, "hypervolume": pytest.approx(1.0)}
    assert not faults(hypervolume_figure(data))


def layer(name, macs, words, latency_s, bound_by="compute", reuse=(), count=1):
    return {"name": name, "macs": macs, "count": count, "latency_s": latency_s, "bound_by": bound_by,
            "outermost_words": {"weight": words}, "outermost_s": latency_s / 2, "reuse": list(reuse)}  # fmt: skip


def test_layers_under_their_roofs():
    network = {"name": "net", "energy_by_level_pj": {"DRAM": 1.0, "GLB": 2.0},
               "layers": [layer("a", 1000, 10, 1e-6), layer("b", 100, 100, 1e-6, "DRAM", count=3)]}  # fmt: skip
    data = roofline_data({"peak_macs_per_s": 1e9}, network, "chip")
    assert data.outermost == "DRAM"
    assert [point[:3] for point in data.points] == [("b", 1.0, 1e8), ("a", 100.0, 1e9)]  # b takes longest
    assert data.points[0][4] == pytest.approx(3e-6)
    assert "75 %" in data.title  # b is below half of the peak, for 3 of 4 microseconds
    assert data.words_per_s == pytest.approx((10 / 0.5e-6 + 100 / 0.5e-6) / 2)
    assert [row["layer"] for row in data.records()][-2:] == ["all MACs busy", "words per second of DRAM"]
    assert not faults(roofline_figure(data))


def test_every_layer_has_its_name_beside_its_point_however_near_others_are():
    """As in VGG-16, where three layers are at one point, and nine are nearly at the roof's corner."""
    layers = [layer(f"fc{at}", 100 + at, 100 + at, 1e-6 + at * 1e-9, "DRAM") for at in range(3)]
    layers += [layer(f"block{at}_conv", 22000 + at * 900, 110, 1e-6, "compute", count=9 - at) for at in range(9)]
    layers.append(layer("first", 3000, 120, 0.6e-6, "DRAM"))
    network = {"name": "net", "energy_by_level_pj": {"DRAM": 1.0}, "layers": layers}
    figure = roofline_figure(roofline_data({"peak_macs_per_s": 2.9e10}, network, "chip"))
    assert faults(figure) == []
    written = [name for text in figure.axes[0].texts for name in text.get_text().split("\n")]
    assert {"fc0", "fc1", "fc2", "first"} <= set(written)
    counted = sum(int(name.split()[1]) for name in written if name.startswith("and "))
    assert counted + sum(name.startswith("block") for name in written) == 9


def row(kind, factor, how="temporal", operand="weight", place="PE"):
    return {"operand": operand, "place": place, "how": how, "kind": kind, "factor": factor}


def test_reuse_is_the_geometric_mean_over_macs():
    """A layer of three quarters of the MACs weighs three times; words fetched again are no reuse."""
    network = {"name": "net", "layers": [
        layer("a", 30, 1, 1.0, reuse=[row("filter", 16.0), row("filter", 2.0, "refetch")]),
        layer("b", 10, 1, 1.0, reuse=[row("filter", 1.0), row("image", 4.0, operand="ifmap", place="GLB")]),
    ]}  # fmt: skip
    found = mean_reuse(network)
    assert found["weight", "PE"]["filter"] == pytest.approx(16.0**0.75)
    assert found["ifmap", "GLB"]["image"] == pytest.approx(4.0**0.25)
    data = reuse_data([("chip", network)])
    assert "a word of weight that reaches PE is used 8" in data.title
    assert len(data.records()) == 2
    assert not faults(reuse_figure(data))


def test_mappings_that_none_beats_name_their_ends_and_the_best_product():
    figure = trade_figure("conv", [(4e6, 1e-3), (2e6, 1.5e-3), (1e6, 9e-3)])
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert [text.split("\n")[0] for text in texts] == ["fastest", "least energy", "best energy-delay"]
    assert "conv: 3 mappings that none beats" in [text.get_text() for text in figure.texts]
    assert not faults(figure)
    (only,) = trade_figure("conv", [(4e6, 1e-3)]).axes[0].texts
    assert only.get_text().startswith("best energy-delay")
