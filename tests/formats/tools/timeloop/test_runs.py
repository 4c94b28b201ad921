"""What `timeloop-model` itself said of exported files, and what we say of them when they are read back."""

import csv
import json
from pathlib import Path

import pytest

import dse
from dse.cli.main import run
from dse.formats.tools.timeloop.export import timeloop_files
from dse.formats.workload.load import load_workload

RUNS = Path(__file__).parents[3] / "reference" / "timeloop_runs"


def runs():
    with (RUNS / "runs.csv").open(encoding="utf-8") as lines:
        return list(csv.DictReader(line for line in lines if not line.startswith("#")))


@pytest.mark.parametrize("row", runs(), ids=lambda row: row["architecture"])
def test_cycles_and_energy_are_those_of_timeloop_model(row, tmp_path, capsys):
    architecture = dse.load_architecture(row["architecture"])
    best = dse.map_layer(architecture, load_workload("alexnet").layer("conv3"), "edp", factors="perfect")
    for name, text in timeloop_files(architecture, best.layer, best.mapping).items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (tmp_path / "flat" / "mapping.yaml").write_text((RUNS / f"{row['architecture']}.yaml").read_text())
    back = tmp_path / "back"
    assert run(["import", "timeloop", str(tmp_path / "flat"), "-o", str(back)]) == 0
    capsys.readouterr()
    files = [str(back / f"{name}.yaml") for name in ("architecture", "workload", "mapping")]
    assert run(["evaluate", *files[:2], "--mapping", files[2], "--format", "json"]) == 0
    ours = json.loads(capsys.readouterr().out)
    assert ours["cycles"] == float(row["cycles"])
    assert ours["energy_pj"] / 1e6 == pytest.approx(float(row["energy_uj"]), abs=0.0051)  # printed to 0.01 uJ
