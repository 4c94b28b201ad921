"""Reuse read off the counts: its factors multiply to what the layer offers, exactly, on mapped layers."""

from __future__ import annotations

import csv
from fractions import Fraction
from math import prod
from pathlib import Path

import pytest

from dse.formats.architecture.load import load_architecture
from dse.formats.text.source import shipped_names
from dse.formats.workload.load import load_workload
from dse.mapper.layer import map_layer
from dse.model.reuse import achieved
from dse.problem.dims import OPERANDS
from dse.problem.layer import Layer

REFERENCE = Path(__file__).parents[1] / "reference"
SOME = [
    ("alexnet", "conv1", 1), ("alexnet", "conv2", 4), ("alexnet", "fc7", 1), ("alexnet", "fc7", 16),
    ("vgg16", "block4_conv1", 1),
]  # fmt: skip
KINDS = {"ifmap": {"image", "convolutional"}, "weight": {"filter", "convolutional"}, "psum": {"accumulation"}}


def check_exact(arch: str, layer: Layer) -> None:
    """Temporal and spatial factors give MACs per word of outermost traffic; with the refetch, MACs per word."""
    architecture = load_architecture(arch)
    mapped = map_layer(architecture, layer, "energy", gap=0.05)
    cost, layer = mapped.cost, mapped.layer
    outermost = cost.accesses.levels[architecture.levels[0].name]
    for operand in OPERANDS:
        # psums go out once for every time they come up; the others are read
        traffic = outermost[operand].writes if operand == "psum" else outermost[operand].reads
        factors = [r for r in cost.reuse if r.operand == operand]
        assert {r.kind for r in factors} == KINDS[operand]
        assert all(isinstance(r.factor, Fraction) for r in factors)
        assert achieved(cost.reuse, operand) == Fraction(layer.macs, traffic), (layer.name, operand)
        assert prod((r.factor for r in factors), start=Fraction(1)) == Fraction(layer.macs, layer.words(operand))
        maxima = layer.reuse_maxima()[operand]
        for kind, maximum in maxima.items():
            product = prod((r.factor for r in factors if r.kind == kind), start=Fraction(1))
            assert float(product) == pytest.approx(maximum, rel=1e-12), (layer.name, operand, kind)


@pytest.mark.parametrize(("network", "name", "batch"), SOME)
def test_products_are_exact(network: str, name: str, batch: int) -> None:
    check_exact("eyeriss", load_workload(network).with_batch(batch).layer(name))


@pytest.mark.slow
@pytest.mark.parametrize("network", shipped_names("workloads"))
def test_products_are_exact_on_every_shipped_network(network: str) -> None:
    for layer, _ in load_workload(network).distinct():
        # The chip's scratchpads hold filter rows of up to 12 words; ViT's patches have rows of 16.
        check_exact("eyeriss" if layer.S <= 12 else "systolic_ws", layer)


def rows() -> list[dict[str, str]]:
    lines = (REFERENCE / "theoretical_reuse_alexnet_vgg16.csv").read_text().splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row['network']} {row['layer']}")
def test_maxima_are_the_derived_ones(row: dict[str, str]) -> None:
    pads = {"G": "G", "C_per_group": "C", "M_per_group": "K"}
    bounds = {dim: int(row[column]) for column, dim in pads.items()}
    window, output, stride = int(row["R"]), int(row["E"]), int(row["U"])
    layer = Layer("l", **bounds, P=output, Q=output, R=window, S=window, stride_h=stride, stride_w=stride)
    maxima = layer.reuse_maxima()
    assert layer.macs == int(row["macs_N1"])
    assert layer.ifmap_words == int(row["ifmap_padded_words"])
    assert maxima["weight"] == {"filter": 1, "convolutional": float(row["weight_conv_reuse(E*F)"])}
    assert maxima["ifmap"]["image"] == float(row["ifmap_image_reuse(M)"])
    assert maxima["ifmap"]["convolutional"] == pytest.approx(float(row["ifmap_conv_reuse(R*S*av*ah)"]), abs=6e-4)
    assert maxima["psum"]["accumulation"] == float(row["psum_accumulations(C*R*S)"])


def test_what_fully_connected_layers_and_a_batch_of_one_lack() -> None:
    """FC has no convolutional reuse; without a batch its weights are used once, with 16 images 16 times."""
    network = load_workload("alexnet")
    conv, fc = network.layer("conv3").reuse_maxima(), network.layer("fc7").reuse_maxima()
    assert conv["weight"]["convolutional"] == 169
    assert fc["weight"] == {"filter": 1, "convolutional": 1}
    assert fc["ifmap"]["convolutional"] == 1
    assert network.with_batch(16).layer("fc7").reuse_maxima()["weight"]["filter"] == 16
