"""The verbs about networks: compared, drawn, and written for other tools."""

import csv
import json
import re

import pytest

from dse.cli.main import run


def test_compare_networks_without_an_architecture(capsys):
    assert run(["compare-networks", "alexnet", "vgg16"]) == 0
    text = capsys.readouterr().out
    assert "60,965,224" in text
    assert "the published 1.27 GFLOPs are not 2 x MACs = 1.449" in text


def test_compare_networks_on_an_architecture(capsys, tmp_path):
    assert run(["compare-networks", "alexnet", "--arch", "eyeriss", "--jobs", "0", "-o", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "within 5 % of its best mapping for edp with perfect factors" in " ".join(text.split())
    with (tmp_path / "networks.csv").open() as stream:
        (row,) = csv.DictReader(stream)
    assert float(row["power_w"]) * float(row["latency_s"]) == pytest.approx(float(row["energy_pj"]) * 1e-12)
    assert (tmp_path / "accuracy_energy.png").is_file()


def test_compare_networks_as_json(capsys):
    assert run(["compare-networks", "vgg19", "--format", "json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert plain["arch"] is None
    assert plain["networks"][0]["parameters"] == 143_667_240


@pytest.mark.parametrize("arguments", [
    ["compare-networks", "alexnet", "--dataflow", "weight-stationary"],
    ["compare-networks", "alexnet", "alexnet"],
    ["compare-networks", "nothing"],
    ["sweep", "network_review", "--trials", "3"],
    ["export", "alexnet", "--to", "timeloop", "-o", "x"],
    ["export", "eyeriss", "alexnet", "conv9", "--to", "timeloop", "-o", "x"],
    ["show", "eyeriss", "--graph", "x.svg"],
    ["extract", "nothing.csv"],
])  # fmt: skip
def test_bad_input(arguments, capsys):
    assert run(arguments) == 2
    assert "error" in capsys.readouterr().err


def test_a_topology_there_and_back(tmp_path, capsys):
    assert run(["export", "vgg16", "--to", "scale-sim", "-o", str(tmp_path / "vgg.csv")]) == 0
    assert "no padding" in capsys.readouterr().err
    assert run(["extract", str(tmp_path / "vgg.csv"), "-o", str(tmp_path / "vgg.yaml")]) == 0
    assert "no padding" in capsys.readouterr().err
    assert run(["show", str(tmp_path / "vgg.yaml")]) == 0
    assert "15,470,264,320 MACs" in capsys.readouterr().out


def test_timeloop_files(tmp_path, capsys):
    assert run(["export", "eyeriss", "alexnet", "fc8", "--to", "timeloop", "--gap", "0.1", "-o", str(tmp_path)]) == 0
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob("*/*")) == [
        "flat/architecture.yaml", "flat/constraints.yaml", "flat/energies.yaml", "flat/mapping.yaml",
        "flat/problem.yaml", "v04/architecture.yaml", "v04/energies.yaml", "v04/mapping.yaml", "v04/problem.yaml",
    ]  # fmt: skip
    assert "Left out: 176 mW of static and clock power" in capsys.readouterr().err
    # Eyeriss keeps each operand in a scratchpad of its own
    levels = re.findall(r"- name: (\w+)", (tmp_path / "flat" / "architecture.yaml").read_text())
    assert levels == ["PE_psum", "PE_weight", "PE_ifmap", "GLB", "DRAM"]


def test_a_review_is_shown(capsys):
    assert run(["show", "network_review"]) == 0
    assert "compares the networks alexnet" in capsys.readouterr().out


def test_what_is_not_reached_in_time_is_told(capsys):
    line = ["compare-networks", "alexnet", "--arch", "eyeriss", "--jobs", "0", "--time-limit", "0.0001s"]
    assert run([*line, "--design-limit", "1s"]) == 0
    assert "the time is over: 7 layers were not mapped\n" in capsys.readouterr().err
    assert run(["compare-networks", "alexnet", "--design-limit", "2"]) == 2
    assert "--design-limit: 2 has no unit" in capsys.readouterr().err
