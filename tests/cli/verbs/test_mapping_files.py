"""Mappings that verbs write, and evaluate again."""

import json

import pytest
from explore.toy import ARCH, NET

from dse.cli.main import run


@pytest.fixture
def dse(tmp_path, monkeypatch, capsys):
    """Run a command line where the toy files are; gives exit code, output and error output."""
    (tmp_path / "toy.yaml").write_text(ARCH)
    (tmp_path / "tiny.yaml").write_text(NET)
    monkeypatch.chdir(tmp_path)

    def call(line):
        code = run(line.split())
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def evaluation(dse, line):
    code, out, err = dse(f"evaluate toy.yaml tiny.yaml --format json {line}")
    assert code == 0, err
    return json.loads(out)


def test_best_mappings_cost_the_same_when_they_are_read_back(dse):
    best = evaluation(dse, "--objective energy --save best.yaml")
    again = evaluation(dse, "--mapping best.yaml")
    assert again["energy_pj"] == pytest.approx(best["energy_pj"], rel=1e-12)
    assert again["cycles"] == best["cycles"]
    assert all(layer["certificate"] is None for layer in again["layers"])
    assert [layer["mapping"] for layer in again["layers"]] == [layer["mapping"] for layer in best["layers"]]


def test_some_layers_are_given_and_the_others_mapped(dse, tmp_path):
    whole = evaluation(dse, "")
    name = whole["layers"][0]["name"]
    assert dse(f"map toy.yaml tiny.yaml {name} --save one.yaml")[0] == 0
    mixed = evaluation(dse, "--mapping one.yaml")
    assert [layer["certificate"] is None for layer in mixed["layers"]].count(True) == 1
    assert mixed["edp_js"] == pytest.approx(whole["edp_js"], rel=1e-12)
    assert dse(f"evaluate toy.yaml tiny.yaml --mapping one.yaml --layer {name}")[0] == 0


def test_a_mistake_in_a_mapping_is_bad_input(dse, tmp_path):
    (tmp_path / "bad.yaml").write_text("mapping: bad\nlayers:\n  nothing: {}\n")
    code, out, err = dse("evaluate toy.yaml tiny.yaml --mapping bad.yaml")
    assert (code, out) == (2, "")
    assert err.startswith("error: bad.yaml:3:3: there is no layer 'nothing'")
    code, _, err = dse("evaluate toy.yaml tiny.yaml --mapping nowhere.yaml")
    assert code == 2
    assert "there is no such file" in err


def test_a_file_may_ask_for_timeloops_counting(dse, tmp_path):
    best = evaluation(dse, "--factors perfect --save best.yaml")
    text = (tmp_path / "best.yaml").read_text()
    (tmp_path / "theirs.yaml").write_text(text.replace("layers:", "counting: timeloop\nlayers:"))
    theirs = evaluation(dse, "--mapping theirs.yaml")
    assert theirs["cycles"] < best["cycles"]  # everything overlaps there
    assert theirs["layers"][0]["reuse"] == []


def test_the_schema_of_mapping_files(dse):
    code, out, _ = dse("schema mapping")
    assert code == 0
    assert "layers" in json.loads(out)["properties"]
