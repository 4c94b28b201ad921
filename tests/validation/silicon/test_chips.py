"""Specifications after chips: what makes them so, and their figures beside published ones (`chips.csv`)."""

from dataclasses import replace

import pytest
from validation.silicon import chips

import dse
from dse.mapper.rules_kept import broken_rules


def test_an_image_takes_pixels_beside_channels():
    """The first layer of ResNet-50: 64 lanes take 3 channels, 7 columns and 3 rows of a window, in 3 passes."""
    chip, first = dse.load_architecture("nvdla_large"), dse.load_workload("resnet50").layer("conv1_conv")
    cost = dse.map_layer(chip, first, "latency").cost
    assert cost.cycles_by["compute"] == 112 * 112 * 3 * 2
    without = chip.with_(dataflow=replace(chip.dataflow, image_channels=0))
    assert dse.map_layer(without, first, "latency").cost.cycles_by["compute"] == 112 * 112 * 7 * 7 * 2


def test_other_layers_have_channels_alone_on_the_rows():
    chip = dse.load_architecture("nvdla_small")
    layer = dse.Layer("later", K=8, C=8, P=4, Q=4, R=3, S=3)
    found = dse.map_layer(chip, layer, "latency")
    assert found.cost.cycles_by["compute"] == 16 * 9
    assert not broken_rules(chip, layer, found.mapping)
    depthwise = dse.Layer("depthwise", G=8, P=4, Q=4, R=3, S=3)
    assert dse.map_layer(chip, depthwise, "latency").cost.cycles_by["compute"] == 8 * 16 * 9


def test_a_layer_of_one_pixel_gives_each_pe_a_neuron():
    """64 PEs take 120 neurons in two turns, of 400 steps each; as pixels of a map they would take 120."""
    chip = chips.machine("shidiannao", "levels.DRAM.bandwidth=1000 GB/s")
    layer = dse.Layer("classifier", K=120, C=400)
    found = dse.map_layer(chip, layer, "latency")
    assert found.cost.cycles_by["compute"] == 2 * 400
    assert not broken_rules(chip, layer, found.mapping)
    alike = chip.with_(dataflow=replace(chip.dataflow, pixel_rows=None, pixel_cols=None))
    assert dse.map_layer(alike, layer, "latency").cost.cycles_by["compute"] == 120 * 400


def test_every_figure_has_a_reason_or_is_near():
    for row in chips.eyeriss.rows("chips.csv"):
        assert (row["spec"], row["quantity"]) in chips.REASONS
    assert len(chips.REASONS) == len(list(chips.eyeriss.rows("chips.csv")))


@pytest.mark.slow
def test_figures_without_a_reason_are_within_five_percent():
    for figure in chips.figures():
        if not figure.reason:
            assert figure.ours == pytest.approx(figure.published, rel=0.05)
