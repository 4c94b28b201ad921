"""Broken inputs get one clear message: the place, what is wrong, what would be right; exit code 2, and no traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from explore.toy import ARCH, NET, SWEEP
from ruamel.yaml import YAML

import dse
from dse.cli.main import run

CASES = YAML(typ="safe").load((Path(__file__).parent / "broken_inputs.yaml").read_text(encoding="utf-8"))

MAPPING = """\
mapping: tiny on toy
layers:
  one:
    DRAM: {}
    GLB: {loops: {C: 4, K: 3, P: 2, Q: 8}}
    array: {rows: {R: 3}, cols: {P: 4}}
    PE: {loops: {K: 2, S: 3}}
"""

GOOD = {"arch": ARCH, "net": NET, "sweep": SWEEP, "map": MAPPING}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The good files, which is where commands run."""
    for name, text in (("toy", ARCH), ("tiny", NET), ("mine", SWEEP)):
        (tmp_path / f"{name}.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_are_sixty():
    assert len({case["case"] for case in CASES}) == len(CASES) >= 60


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"].replace(" ", "-"))
def test_a_broken_input_is_told(case, folder, capsys):
    if "change" in case:
        kind, old, new = case["change"]
        assert old in GOOD[kind]
        (folder / "bad.yaml").write_text(GOOD[kind].replace(old, new, 1))
    line = case["run"]
    code = run(line if isinstance(line, list) else line.split())
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert "Traceback" not in err
    lines = [line.strip() for line in err.removeprefix("error: ").splitlines()]
    told = [line for line in lines if not line.split(" ", 1)[0].isdecimal() and not line.startswith("|")]
    assert len(told) == len(case["says"]), err
    for line, said in zip(told, case["says"], strict=True):
        assert line == said or (said.startswith("hint: ") and line.startswith(said))
    if "bad.yaml:" in err:
        assert "^" in err or "neither" in err


@pytest.mark.parametrize(
    ("remark", "change"),
    [
        ("note: toy breaks its own constraint: area 0.4637 mm2, at most 0.1 mm2", ("max: 1.9 mm2", "max: 0.1 mm2")),
        (
            "note: toy has no fan-out among its levels, so it has a single MAC;\n"
            "  array: {rows: 12, cols: 14} above the PE's level would make 168",
            (ARCH, ARCH[: ARCH.index("space:")].replace(ARCH[ARCH.index("  array") : ARCH.index("  PE")], "")),
        ),
        (
            "note: toy does not say for what width its MAC is, so 16 bits, and its operands have ifmap 8 and "
            "weight 8;\n"
            "  mac: {bits: 8} would make it one of that width",
            ("levels:", "precision: {ifmap: 8 bit, weight: 8 bit}\nlevels:"),
        ),
    ],
)  # fmt: skip
def test_what_an_owner_may_not_have_meant_is_noted(remark, change, folder, capsys):
    (folder / "odd.yaml").write_text(ARCH.replace(*change))
    for line in ("show odd.yaml", "map odd.yaml tiny.yaml last"):
        assert run(line.split()) == 0
        assert capsys.readouterr().err.startswith(f"{remark}\n")


LAYER = dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
NETWORK = dse.Workload.of("one", [LAYER])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda chip: dse.Layer("conv", K="64"), "layer conv: K='64' is not a whole number"),
        (lambda chip: dse.Layer("conv", K=6.5), "layer conv: K=6.5 is not a whole number"),
        (lambda chip: dse.Layer("conv", pad_top=True), "layer conv: pad_top=True is not a whole number"),
        (lambda chip: dse.Layer("conv", bits=8), "layer conv: bits=8 does not say whose, of ifmap, weight, psum"),
        (lambda chip: dse.Layer("conv", density=0.5), "layer conv: density=0.5 does not say whose"),
        (lambda chip: NETWORK.with_bits(weight="8"), "layer conv: weight bits='8' is not a whole number"),
        (lambda chip: NETWORK.with_density(weight="x"), "a density should be above 0 and at most 1, or N:M"),
        (lambda chip: NETWORK.with_batch("4"), "batch: '4' is a str, not an int"),
        (lambda chip: NETWORK.layer(3), "workload one has no layer 3"),
        (lambda chip: dse.Workload.of("one", LAYER), "layers: this is a Layer, not an Iterable"),
        (lambda chip: dse.Workload.of("one", ["conv"]), "layer: 'conv' is a str, not a Layer"),
        (lambda chip: dse.map_layer(LAYER, chip), "an architecture is an Architecture, a path or a name, not Layer"),
        (lambda chip: dse.map_layer(chip, "conv1"), "a layer is a dse.Layer, not 'conv1'"),
        (lambda chip: dse.map_layer(chip, LAYER, gap="1"), "gap: '1' is a str, not a float"),
        (lambda chip: dse.map_layer(chip, LAYER, gap=1e308), "gap=1e+308 is not a fraction from 0 to 1e+06"),
        (lambda chip: dse.map_layer(chip, LAYER, time_limit_s=float("nan")), "time_limit_s=nan is not above 0"),
        (lambda chip: dse.map_workload(NETWORK, chip), "an architecture is an Architecture, a path or a name"),
        (lambda chip: dse.map_workload(chip, LAYER), "a workload is a Workload, a path or a name, not Layer"),
        (lambda chip: dse.evaluate(chip, LAYER, None), "mapping: None is a NoneType, not a Mapping"),
        (lambda chip: dse.load_architecture(3), "architecture: 3 is an int, not a str"),
        (lambda chip: dse.sweep(LAYER, NETWORK), "architecture: this is a Layer, not an Architecture"),
        (lambda chip: dse.sweep("eyeriss", 3), "workloads: 3 is an int, not an Iterable"),
        (lambda chip: dse.sweep("eyeriss", NETWORK, trials="4"), "trials: '4' is a str, not an int"),
        (lambda chip: dse.sweep("eyeriss", NETWORK, objectives="energy"), "objectives: 'energy' is one word"),
    ],
)  # fmt: skip
def test_python_gets_the_same_kind_of_message(call, said):
    with pytest.raises(dse.DseError) as error:
        call(dse.load_architecture("eyeriss"))
    assert str(error.value).startswith(said)


@pytest.mark.parametrize(
    "line",
    ["no_such_chip alexnet", "eyeriss no_such_network", "eyeriss alexnet --set levels.GLB.capacity=a", "none.yaml"],
)
def test_bad_input_starts_no_workers(line, capsys, monkeypatch):
    """What starts for nothing is left for a moment after the message."""
    begun: list[str] = []
    monkeypatch.setattr("dse.explore.workers.runner.prepare_processes", lambda: begun.append("server"))
    monkeypatch.setattr("dse.explore.workers.runner.process_pool", lambda jobs: begun.append("pool"))
    assert run(["sweep", "--jobs", "2", *line.split()]) == 2
    assert capsys.readouterr().err.startswith("error")
    assert begun == []
