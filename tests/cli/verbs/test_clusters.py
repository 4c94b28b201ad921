"""Clusters of PEs, a fan-out right below another, through every verb that knows them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dse import load_architecture, load_workload
from dse.cli.main import run
from dse.errors import DseError
from dse.formats.tools.timeloop.export import timeloop_files
from dse.mapper import map_layer
from dse.model.cost import evaluate
from dse.model.counting.counts import count
from dse.model.simulator.walk import simulate

CHIP = """
architecture: clustered
technology: {table: cmos-65nm, clock: 200 MHz}
levels:
  DRAM: {bandwidth: 2 word/cycle}
  GLB: {capacity: 4 KiB, energy: 6 mac}
  clusters: {rows: 2, energy: 2 mac, area: 0.5 mm2}
  PEs: {rows: 3, cols: 2, multicast: word, reduces: psum, energy: 0.5 mac, area: 0.25 mm2}
  RF: {capacity: 64 B, energy: 1 mac, area: 0.125 mm2}
mac: {area: 0.0625 mm2}
"""

ONE_FAN_OUT = CHIP.replace("  clusters: {rows: 2, energy: 2 mac, area: 0.5 mm2}\n", "")

NET = """
workload: small
input: [4, 6, 6]
layers:
  c1: {conv: 6, kernel: 3}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "chip.yaml").write_text(CHIP)
    (tmp_path / "one.yaml").write_text(ONE_FAN_OUT)
    (tmp_path / "net.yaml").write_text(NET)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_copies_and_area_multiply_over_clusters(folder: Path) -> None:
    chip = load_architecture("chip.yaml")
    assert (chip.mac_units, chip.instances("PEs"), chip.instances("RF")) == (12, 2, 12)
    storage = chip.level("GLB").area_mm2
    assert chip.area_mm2 == pytest.approx(storage + 0.5 + 2 * 0.25 + 12 * (0.125 + 0.0625))


def test_verbs_know_clusters(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def output(line: str) -> Any:
        assert run(line.split()) == 0
        return json.loads(capsys.readouterr().out)

    shown = output("show chip.yaml --format json")
    kinds = [(row["name"], row["kind"]) for row in shown["hierarchy"][2:4]]
    assert kinds == [("clusters", "fan-out"), ("PEs", "fan-out")]
    best = output("evaluate chip.yaml net.yaml --objective edp --save best.yaml --format json")
    again = output("evaluate chip.yaml net.yaml --mapping best.yaml --format json")
    assert best["layers"][0]["energy_pj"] == pytest.approx(again["layers"][0]["energy_pj"])
    assert best["cycles"] == pytest.approx(again["cycles"])
    assert run(["map", "chip.yaml", "net.yaml", "c1", "--objective", "edp"]) == 0
    assert "PEs, 6 of 6 children" in capsys.readouterr().out
    verified = output("verify chip.yaml net.yaml --macs 2000 --format json")
    assert verified["differ"] == 0
    # Steps, MACs, reads and writes at three levels, words and hops over two fan-outs; three objectives.
    assert [row["counts"] for row in verified["mappings"]] == [2 + 3 * 2 * 3 + 3 * 2 * 2] * 3


def test_a_cluster_of_one_child_changes_nothing_but_what_its_words_cost(folder: Path) -> None:
    (layer,) = load_workload("net.yaml").layers
    free = CHIP.replace("clusters: {rows: 2, energy: 2 mac", "clusters: {rows: 1, energy: 0 mac")
    Path("free.yaml").write_text(free)
    alone, clustered = load_architecture("one.yaml"), load_architecture("free.yaml")
    for objective in ("energy", "edp"):
        one, other = (map_layer(chip, layer, objective).cost for chip in (alone, clustered))
        assert (other.energy_pj, other.cycles) == pytest.approx((one.energy_pj, one.cycles), rel=1e-12)


def test_a_best_mapping_on_clusters_is_simulated_alike(folder: Path) -> None:
    (layer,) = load_workload("net.yaml").layers
    chip = load_architecture("chip.yaml")
    mapping = map_layer(chip, layer, "edp").mapping
    assert count(layer, chip, mapping) == simulate(layer, chip, mapping)
    used = [node for node in mapping.nodes if node.loops and hasattr(node, "rows")]
    assert len(used) == 2, "both fan-outs are of use here"
    for counting in ("house", "timeloop"):
        whole = map_layer(chip, layer, "energy", factors="perfect").mapping
        assert evaluate(chip, layer, whole, counting=counting).energy_pj > 0


def test_timeloop_has_no_words_for_clusters(folder: Path) -> None:
    (layer,) = load_workload("net.yaml").layers
    chip = load_architecture("chip.yaml")
    mapping = map_layer(chip, layer, "energy", factors="perfect").mapping
    with pytest.raises(DseError, match="PEs stands right below clusters"):
        timeloop_files(chip, layer, mapping)
