"""Networks side by side: the published table, and each shape mapped once."""

import csv
from dataclasses import replace
from math import inf
from pathlib import Path

import elapsed
import pytest

import dse
from dse.cli.verbs.compare_networks import _tell_stopped
from dse.explore.compare import networks
from dse.explore.compare.layers_log import Record
from dse.explore.compare.networks import REVIEWED, Comparison, compare_networks, make_review
from dse.explore.limits import Limits
from dse.explore.sweep_file import load_plan
from dse.report.text.networks import comparison_text

REFERENCE = Path(__file__).parents[2] / "reference" / "networks.csv"
with REFERENCE.open() as stream:
    PUBLISHED = {row["workload"]: row for row in csv.DictReader(line for line in stream if line[0] != "#")}


@pytest.fixture(scope="module")
def reviewed() -> Comparison:
    return compare_networks(make_review("all", None, REVIEWED))


def test_the_published_table(reviewed):
    """Parameters equal; GFLOPs within 1.2 %, but for AlexNet's 1.27, for which nobody gives the count."""
    assert [row["workload"] for row in reviewed.networks] == list(REVIEWED)
    assert set(REVIEWED) == set(PUBLISHED)
    for row in reviewed.networks:
        stated = PUBLISHED[row["workload"]]
        assert row["macs_conv"] == int(stated["macs_conv"])
        assert row["gflops"] == pytest.approx(row["gflops_conv"] + row["gflops_fc"])
        if not stated["deck_params"]:
            continue
        assert row["parameters"] == int(stated["deck_params"])
        away = float(stated["deck_gflops"]) / row["gflops"] - 1
        if row["workload"] == "alexnet":
            assert away == pytest.approx(-0.1234, abs=1e-3)
        else:
            assert 0.003 < away < 0.0121


@pytest.fixture(scope="module")
def mapped() -> Comparison:
    layers = [dse.Layer("a", K=8, C=4, P=6, Q=6, R=3, S=3), dse.Layer("b", K=10, C=16)]
    twice = dse.Workload.of("twice", [layers[0], layers[0].with_(name="again"), layers[1]])
    once = dse.Workload.of("once", layers)
    huge = dse.Workload.of("huge", [dse.Layer("wide", K=1, C=1, S=500, R=500, P=1, Q=1)])
    review = make_review("toy", dse.load_architecture("eyeriss"), [twice, once, huge], gap=0.0)
    return compare_networks(review, jobs=0)


def test_equal_shapes_are_mapped_once_and_counted_as_often_as_they_occur(mapped):
    twice, once, _ = mapped.networks
    architecture = dse.load_architecture("eyeriss")
    costs = [dse.map_layer(architecture, layer, "edp").cost for layer in (
        dse.Layer("a", K=8, C=4, P=6, Q=6, R=3, S=3), dse.Layer("b", K=10, C=16))]  # fmt: skip
    assert mapped.mapped_shapes == 3
    assert once["energy_pj"] == pytest.approx(costs[0].energy_pj + costs[1].energy_pj)
    assert twice["energy_pj"] == pytest.approx(2 * costs[0].energy_pj + costs[1].energy_pj)
    assert twice["latency_s"] == pytest.approx(2 * costs[0].latency_s + costs[1].latency_s)
    assert once["power_w"] * once["latency_s"] == pytest.approx(once["energy_pj"] * 1e-12)
    assert once["inferences_per_j"] == pytest.approx(1e12 / once["energy_pj"])


def test_a_network_that_cannot_run_says_why(mapped):
    huge = mapped.networks[2]
    assert huge["energy_pj"] is None
    assert "wide" in huge["not_mapped"]


def test_of_the_fastest_mappings_energy_may_not_be_proven(capsys):
    layer = dse.Layer("a", K=24, C=12, P=10, Q=10, R=3, S=3)
    review = make_review("toy", dse.load_architecture("edge_npu"), [dse.Workload.of("net", [layer])], gap=0.0)
    review = replace(review, objective="latency", factors="all")
    whole = compare_networks(review, jobs=0)
    with pytest.MonkeyPatch.context() as patch:
        elapsed.in_search(patch, 0, fast=False)
        short = compare_networks(review, jobs=0)
    assert (short.gap_reached, whole.energy_gap_reached) == (0, 0)
    assert short.to_dict()["energy_gap_reached"] == short.energy_gap_reached > 0
    assert "energy_gap_reached" not in whole.to_dict()
    _tell_stopped(whole)
    assert capsys.readouterr().err == ""
    _tell_stopped(short)
    assert "their energy is not proven" in capsys.readouterr().err


def test_what_the_time_does_not_reach_is_said_and_made_when_resumed(tmp_path):
    layers = [dse.Layer("a", K=8, C=4, P=6, Q=6, R=3, S=3), dse.Layer("b", K=10, C=16)]
    review = make_review("toy", dse.load_architecture("eyeriss"), [dse.Workload.of("net", layers)], gap=0.0)
    record = Record(tmp_path / "layers.jsonl", resume=True)
    short = compare_networks(review, jobs=0, record=record, limits=Limits(time_s=1e-9))
    assert (short.mapped_shapes, short.unreached) == (1, 1)
    assert short.networks[0]["energy_pj"] is None
    assert "net is not complete: b: not mapped" in comparison_text(short).replace("\n", " ")
    assert short.to_dict()["unreached_shapes"] == 1
    asked = []
    again = compare_networks(review, jobs=0, record=record, progress=lambda *at: asked.append(at))
    assert again == compare_networks(review, jobs=0)
    assert len(asked) <= 2
    compare_networks(review, jobs=0, record=record, progress=lambda *at: pytest.fail("mapped again"))


def test_the_layers_of_a_network_have_equal_parts_of_its_time(monkeypatch):
    review = make_review("two", dse.load_architecture("eyeriss"), ["alexnet", "vgg16"])
    seen = []
    monkeypatch.setattr(networks, "map_all", lambda mapper, *_, **__: seen.append(mapper.limit_s) or {})
    for limits in (Limits(design_s=24.0), Limits(time_s=1.5, design_s=24.0), Limits()):
        compare_networks(review, jobs=0, limits=limits)
    assert seen == [2.0, 1.5, inf]  # VGG-16 has twelve shapes


def test_two_networks_of_one_name():
    with pytest.raises(dse.DseError, match="given twice"):
        compare_networks(make_review("x", None, ["alexnet", "alexnet"]))


def test_the_shipped_review_compares_the_nine():
    review = load_plan("network_review")
    assert [workload.name for workload in review.workloads] == list(REVIEWED)
    assert review.architecture.name == "eyeriss"


@pytest.mark.parametrize(("text", "message"), [
    ("compare: networks\nsearch: {trials: 3}", "search is a setting of a search"),
    ("gap: 0.1", "gap is a setting of a comparison"),
    ("compare: layers", "compare"),
])  # fmt: skip
def test_files_that_mix_a_search_and_a_comparison(tmp_path, text, message):
    file = tmp_path / "mixed.yaml"
    file.write_text(f"sweep: mixed\narch: eyeriss\nworkloads: [alexnet]\n{text}\n")
    with pytest.raises(dse.SpecError, match=message):
        load_plan(file)
