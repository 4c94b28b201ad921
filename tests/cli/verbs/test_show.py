"""`dse show` of what is shipped, and of dataflows."""

import json

import pytest

from dse.cli.main import run
from dse.formats.architecture.dataflow import built_in_dataflows
from dse.formats.text.shipped import ALSO_KNOWN_AS, shipped_names
from dse.report.text.shipped import dataflow_records


def test_everything_shipped_is_listed(capsys):
    assert run(["show"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for kind in ("arch_specs", "workloads", "sweeps"):
        assert all(name in text for name in shipped_names(kind))
    assert all(f"{name}:" in text for name in built_in_dataflows())


def test_the_list_as_data(capsys):
    assert run(["show", "--format", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["workloads"] == list(shipped_names("workloads"))
    assert listed["dataflows"].keys() == built_in_dataflows().keys()


@pytest.mark.parametrize("name", built_in_dataflows())
def test_a_dataflow_shows_its_rules(name, capsys):
    assert run(["show", name, "--format", "json"]) == 0
    shown, flow = json.loads(capsys.readouterr().out), built_in_dataflows()[name]
    for key in ("rows", "cols", "inside"):
        dims = {"any": frozenset("GNKCPQRS"), "nothing": frozenset()}.get(shown[key], frozenset(shown[key].split()))
        assert dims == getattr(flow, key)
    assert shown.get("stationary") == flow.stationary
    assert ["dataflow", "description", *(row["key"] for row in dataflow_records(flow))] == list(shown)


def test_a_file_with_the_name_of_a_dataflow_wins(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flexible").write_text("workload: own\nlayers: [{name: fc, k: 2, c: 3}]\n")
    run(["show", "flexible"])
    assert "No constraint" not in capsys.readouterr().out


@pytest.mark.parametrize(("other", "name"), ALSO_KNOWN_AS.items())
def test_other_names_of_networks(other, name, capsys):
    assert run(["show", name]) == 0
    shown = capsys.readouterr().out
    assert run(["show", other]) == 0
    assert capsys.readouterr().out == shown


@pytest.mark.parametrize("options", [["--graph", "x.svg"], ["--param", "seq=2"]])
def test_options_of_workloads_want_one(options, capsys):
    assert run(["show", *options]) == 2
    assert "FILE is missing" in capsys.readouterr().err


def test_a_space_without_settings_is_shown(tmp_path, capsys):
    (tmp_path / "empty.yaml").write_text("sweep: empty\narch: eyeriss\nworkloads: [alexnet]\nspace: {}\n")
    assert run(["show", str(tmp_path / "empty.yaml")]) == 0
    assert "space of 1 designs" in capsys.readouterr().out


@pytest.mark.parametrize("name", [".", "/", ""])
def test_a_graph_becomes_no_folder(name, capsys):
    assert run(["show", "alexnet", "--graph", name]) == 2
    assert "cannot write" in capsys.readouterr().err
