"""`dse explain`: the same numbers as evaluating a design and its neighbours, of files and of sweeps."""

from __future__ import annotations

import json

import pytest
from explore.toy import ARCH, NET

import dse as library
from dse.cli.main import run


@pytest.fixture
def dse(capsys):
    """Run a command line in this process; gives exit code, output and error output."""

    def call(line):
        code = run(line.split())
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def files(tmp_path, monkeypatch):
    (tmp_path / "toy.yaml").write_text(ARCH)
    (tmp_path / "tiny.yaml").write_text(NET)
    monkeypatch.chdir(tmp_path)


def test_it_says_where_energy_goes_and_what_a_step_changes(dse, files):
    code, out, err = dse("explain toy.yaml tiny.yaml --jobs 0 --format json")
    assert code == 0, err
    plain = json.loads(out)
    (network,) = plain["networks"]
    chip, net = library.load_architecture("toy.yaml"), library.load_workload("tiny.yaml")
    own = library.map_workload(chip, net)
    assert network["energy_pj"] == pytest.approx(own.energy_pj, rel=1e-9)
    assert plain["steps"]
    for row in plain["steps"]:
        setting = f"{row['path']}={str(row['new']).replace(' ', '')}"
        if "energy" not in row:
            continue
        code, out, err = dse(f"evaluate toy.yaml tiny.yaml --set {setting} --format json")
        assert code == 0, err
        assert row["gap"] == 0
        there = json.loads(out)
        assert row["energy"] == pytest.approx(there["energy_pj"] / own.energy_pj, rel=1e-9)
        assert row["latency"] == pytest.approx(there["latency_s"] / own.latency_s, rel=1e-9)
        assert row["area"] == pytest.approx(there["area_mm2"] / own.area_mm2, rel=1e-9)


def test_it_fits_a_terminal_and_speaks_in_words(dse, files):
    code, out, err = dse("explain toy.yaml tiny.yaml --jobs 0")
    assert code == 0, err
    assert "% of the energy" in out
    assert "time bound by" in out
    assert "one step away" in out


def test_a_design_of_a_sweep(dse, files):
    code, _, err = dse("sweep toy.yaml tiny.yaml --trials 3 --jobs 0 -o out")
    assert code == 0, err
    code, out, err = dse("explain out 0 --jobs 0")
    assert code == 0, err
    assert "design 0 of" in out
    code, _, err = dse("explain out 999")
    assert code == 2
    assert "has no design '999'" in err
    code, _, err = dse("explain out 0 --batch 2")
    assert code == 2
    assert "--batch does not change a design of a sweep" in err
