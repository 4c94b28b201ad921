"""Networks that were traced: their totals against published ones, and that tracing gives the shipped file again."""

import csv
from pathlib import Path

import pytest

from dse.formats.workload.load import dump_workload, load_workload, parse_workload

REFERENCE = Path(__file__).parent.parent / "reference" / "torchvision_models.csv"
with REFERENCE.open() as stream:
    ROWS = {row["workload"]: row for row in csv.DictReader(line for line in stream if line[0] != "#")}

OWN = ("mobilenet_v1", "yolov3_tiny", "unet", "bert_base", "llama3_8b_prefill", "llama3_8b_decode")


@pytest.mark.parametrize("name", ROWS)
def test_torchvision_totals(name):
    row, workload = ROWS[name], load_workload(name)
    assert workload.parameters == int(row["parameters"])
    assert workload.macs / 1e9 == pytest.approx(float(row["gmacs"]), abs=0.00051)  # stated to three decimals
    assert dict(workload.published)["top1_percent"] == float(row["top1_pct"])
    assert dict(workload.published)["top5_percent"] == float(row["top5_pct"])


def test_mobilenet_v1():
    """4.2 million parameters and 569 million MACs in the paper; 4,231,976 with the batch norm of the usual model."""
    workload = load_workload("mobilenet_v1")
    assert workload.parameters == 4_231_976
    assert workload.weight_words == 4_209_088
    assert workload.macs == 568_740_352


def test_yolov3_tiny():
    """5.56 billion operations, as its authors state."""
    assert 2 * load_workload("yolov3_tiny").macs / 1e9 == pytest.approx(5.56, abs=0.01)


def test_unet_by_hand():
    """Every convolution of figure 1 of the paper: side of the output, channels in and out."""
    threes = [
        (570, 1, 64), (568, 64, 64), (282, 64, 128), (280, 128, 128), (138, 128, 256), (136, 256, 256),
              (66, 256, 512), (64, 512, 512), (30, 512, 1024), (28, 1024, 1024), (54, 1024, 512), (52, 512, 512),
              (102, 512, 256), (100, 256, 256), (198, 256, 128), (196, 128, 128), (390, 128, 64),
              (388, 64, 64)]  # fmt: skip
    ups = [(28, 1024, 512), (52, 512, 256), (100, 256, 128), (196, 128, 64)]
    weights = sum(9 * c * k for _, c, k in threes) + sum(4 * c * k for _, c, k in ups) + 2 * 64
    biases = sum(k for *_, k in threes + ups) + 2
    workload = load_workload("unet")
    assert workload.weight_words == weights
    assert workload.parameters == weights + biases
    macs = sum(side**2 * 9 * c * k for side, c, k in threes) + 388**2 * 2 * 64
    # an upsampling convolution makes a 2x2 patch of each element, and patches do not overlap
    assert workload.macs == macs + sum(side**2 * 4 * c * k for side, c, k in ups)


def test_bert_by_hand():
    width = 768
    for tokens in (128, 384):
        workload = load_workload("bert_base", {"seq": tokens})
        assert workload.macs == 12 * (tokens * 12 * width**2 + 2 * tokens**2 * width)
        assert workload.weight_words == 12 * 12 * width**2
    workload = load_workload("bert_base")
    assert workload == load_workload("bert_base", {"seq": 128})
    assert workload.parameters == 12 * (12 * width**2 + 9 * width + 4 * width + 4 * width - 4 * width)


@pytest.mark.parametrize(("phase", "tokens"), [("prefill", 2048), ("decode", 1)])
def test_grouped_query_attention(phase, tokens):
    """32 query heads on 8 K/V heads: MACs of all heads, but K and V are there once for a group."""
    workload = load_workload(f"llama3_8b_{phase}")
    products = [node.layer for node in workload.nodes if node.layer is not None and node.weights == "activations"]
    seen = 2048
    assert len(products) == 2
    for layer in products:
        assert layer.G == 8
        assert tokens == layer.N // 4
        assert layer.macs == 32 * tokens * seen * 128
        assert layer.weight_words == 8 * seen * 128
    assert workload.weight_words == 4096 * (2 * 4096 + 2 * 1024 + 3 * 14336)
    assert workload.parameters == 218_112_000


@pytest.mark.parametrize("name", OWN)
def test_tracing_the_module_gives_the_shipped_file(name):
    pytest.importorskip("torch")
    from workloads.models import traced

    assert parse_workload(dump_workload(traced(name))) == load_workload(name)


@pytest.mark.parametrize(
    ("name", "tokens", "shapes"),
    [
        ("bert_base", 384, [(1, 384, 768)]),
        ("llama3_8b_prefill", 100, [(1, 100, 4096)]),
        ("llama3_8b_decode", 9000, [(1, 1, 4096), (1, 8, 9000, 128), (1, 8, 9000, 128)]),
    ],
)
def test_tracing_at_another_length_gives_the_file_with_that_parameter(name, tokens, shapes):
    pytest.importorskip("torch")
    from dataclasses import replace

    from workloads.models import traced

    found = load_workload(name, {"seq": tokens})
    assert found.name == f"{name}-seq{tokens}"
    assert replace(found, name=name) == parse_workload(dump_workload(traced(name, *shapes)))
