"""Axes are halved before lists are laid down only for as long as that lifts the bound."""

import pytest

import dse
from dse.explore.plan.plan import make_plan
from dse.explore.plan.search import Search

SETTINGS = {"levels.array.rows": 8, "levels.array.cols": 32, "levels.CBUF.capacity": "64 KiB",
            "levels.DRAM.bandwidth": "8 GB/s"}  # fmt: skip


@pytest.mark.parametrize("objective", ["energy", "latency", "edp"])
def test_psums_that_do_not_fit_are_seen_by_their_lists(objective):
    """49 pixels of psums beside room for 32: with halves alone, 12 s and millions of prices left EDP 35 % open."""
    plan = make_plan("nvdla_small", "mobilenet_v1", Search(1))
    chip, _ = plan.hardware_of(plan.complete(SETTINGS))
    best = dse.map_layer(chip, dse.load_workload("mobilenet_v1").layer("24.0"), objective, time_limit_s=120.0)
    assert best.certificate.gap == 0
    assert best.certificate.nodes < 30_000


@pytest.mark.parametrize("objective", ["energy", "edp"])
def test_a_layer_of_a_shipped_network_that_took_ten_seconds(objective):
    chip, layer = dse.load_architecture("nvdla_small"), dse.load_workload("resnet50").layer("conv5_block2_1_conv")
    best = dse.map_layer(chip, layer, objective, time_limit_s=120.0)
    assert best.certificate.gap == 0
    assert best.certificate.nodes < 30_000
    assert best.cost.cycles == 815404.0
