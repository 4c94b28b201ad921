"""Every verb is a module with a command of its name, and small things that each does by itself."""

import json
import runpy
import sys
from importlib import import_module

import pytest
from click.testing import CliRunner
from explore.toy import ARCH, NET

from dse.cli.main import MODULES as NAMED
from dse.cli.main import VERBS, run
from dse.cli.verbs import bound, compare_networks, evaluate, export, extract, report, schema, show, sweep, verify
from dse.cli.verbs import map as map_verb
from dse.errors import DseError
from dse.formats.workload.load import load_workload

MODULES = (sweep, evaluate, map_verb, bound, show, extract, export, verify, compare_networks, report, schema)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "toy.yaml").write_text(ARCH)
    (tmp_path / "tiny.yaml").write_text(NET)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_each_verb_is_its_modules_command():
    assert {module.command.name for module in MODULES} <= set(VERBS)
    modules = [f"dse.cli.verbs.{NAMED.get(verb, verb.replace('-', '_'))}" for verb in VERBS]
    assert [import_module(module).command.name for module in modules] == list(VERBS)


def test_the_package_is_the_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["dse", "--version"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("dse", run_name="__main__")
    assert ended.value.code == 0
    assert "version" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("kind", "key"), [("arch", "levels"), ("workload", "layers"), ("sweep", "search"), ("mapping", "layers")]
)
def test_schemas_describe_what_files_hold(kind, key):
    result = CliRunner().invoke(schema.command, [kind])
    assert result.exit_code == 0
    assert key in json.dumps(json.loads(result.stdout)["properties"])


def test_what_a_name_means(folder):
    assert show.find("toy.yaml")[0] == "architecture"
    assert show.find("tiny.yaml")[0] == "workload"
    assert [show.find(name)[0] for name in ("eyeriss", "alexnet")] == ["architecture", "workload"]
    with pytest.raises(DseError):
        show.find("nothing")


@pytest.mark.parametrize(
    "line", ["show toy.yaml --graph a.svg", "show toy.yaml --param seq=3", "extract nothing.onnx --dim batch",
             "extract nothing.onnx --input x=a", "extract nothing --shape 1x", "export scale-sim tiny.yaml"],
)  # fmt: skip
def test_what_a_verb_cannot_do_is_said(folder, capsys, line):
    assert run(line.split()) == 2
    assert capsys.readouterr().err


def test_a_topology_for_another_tool(folder, capsys):
    assert run(["export", "tiny.yaml", "--to", "scale-sim", "-o", "tiny.csv"]) == 0
    lines = (folder / "tiny.csv").read_text().splitlines()
    names = [layer.name for layer in load_workload("tiny.yaml").layers]
    assert [line.split(",")[0].strip() for line in lines[1:]] == names


def test_a_layers_nest_as_data(folder, capsys):
    assert run(["map", "toy.yaml", "tiny.yaml", "one", "--objective", "energy", "--format", "json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert plain["certificate"]["objective"] == "energy"
    assert plain["certificate"]["gap"] == 0.0


def test_a_folder_without_a_sweep_has_no_report(folder, capsys):
    assert run(["report", "."]) == 2
    assert "holds no sweep" in capsys.readouterr().err


def test_a_walk_agrees_with_the_closed_form(folder, capsys):
    line = "verify toy.yaml tiny.yaml --layer last --sample 1 --macs 200 --format json"
    assert run(line.split()) == 0
    plain = json.loads(capsys.readouterr().out)
    assert plain["differ"] == 0
    assert plain["summary"]["compared"] == 1
