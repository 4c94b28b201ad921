"""Tensors on chip from the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dse.cli.main import run

NET = """workload: net
input: [8, 8, 8]
layers:
  a: {conv: 16, kernel: 1}
  b: {conv: 8, kernel: 1}
  c: {conv: 16, kernel: 1}
  sum: {add: [a, c]}
  pool: {maxpool: 2}
  d: {conv: 4, kernel: 1}
"""


@pytest.fixture
def dse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(NET, encoding="utf-8")

    def call(line: str) -> tuple[int, str, str]:
        code = run(line.split())
        out, err = capsys.readouterr()
        return code, out, err

    return call


RUN = "evaluate eyeriss net.yaml --scope network --objective energy --resident"


def test_the_terminal_says_what_stays_what_it_saves_and_why_others_do_not(dse) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = dse(RUN)
    assert code == 0
    assert "GLB keeps " in out
    assert "words before" in out
    assert "none has a lower energy" in " ".join(out.split())
    assert "a to sum" in out


TWO = Path(__file__).parents[2] / "mapper/network/residency/two_levels.yaml"


def test_two_levels_keep_tensors_are_saved_and_read_again(dse) -> None:  # type: ignore[no-untyped-def]
    settings = "--set levels.L3.capacity=3KiB --set levels.L2.capacity=1200B"
    line = f"evaluate {TWO} {settings} net.yaml --scope network --objective energy --resident --gap 0.05"
    first = json.loads(dse(f"{line} --save run.yaml --timeline kept.svg --format json")[1])
    run = first["residency"]
    assert [one["level"] for one in run["levels"]] == ["L3", "L2"]
    assert {level for tensor in run["tensors"] for level in tensor["levels"]} == {"L3", "L2"}
    assert first["certificate"]["levels"] == ["L3", "L2"]
    assert first["certificate"]["gap"] <= 0.05
    assert "inner:" in Path("run.yaml").read_text(encoding="utf-8")
    code, out, err = dse(f"evaluate {TWO} {settings} net.yaml --mapping run.yaml --format json")
    assert code == 0, err
    again = json.loads(out)
    assert again["energy_pj"] == pytest.approx(first["energy_pj"], rel=1e-12)
    assert [m["tensors"] for m in again["residency"]["timeline"]] == [m["tensors"] for m in run["timeline"]]
    text = dse(line)[1]
    assert "L3 and L2 keep " in " ".join(text.split())


def test_a_node_that_writes_nowhere_is_refused(dse) -> None:  # type: ignore[no-untyped-def]
    dse(f"{RUN} --save run.yaml")
    text = Path("run.yaml").read_text(encoding="utf-8")
    nowhere = text.replace("  operands:\n", "  nodes: {pool: {reads: [], writes: []}}\n  operands:\n")
    assert nowhere != text
    Path("run.yaml").write_text(nowhere, encoding="utf-8")
    code, _, err = dse("evaluate eyeriss net.yaml --mapping run.yaml")
    assert code == 2
    assert "writes its result nowhere" in err


def test_a_run_is_saved_and_evaluated_again(dse) -> None:  # type: ignore[no-untyped-def]
    first = json.loads(dse(f"{RUN} --save run.yaml --timeline kept.svg --format json")[1])
    assert "a" in first["residency"]["timeline"][1]["tensors"][0]["name"]
    assert Path("kept.svg").read_text(encoding="utf-8").count("<path") > 10
    code, out, err = dse("evaluate eyeriss net.yaml --mapping run.yaml --format json")
    assert code == 0, err
    again = json.loads(out)
    assert again["energy_pj"] == pytest.approx(first["energy_pj"], rel=1e-12)
    assert again["cycles"] == pytest.approx(first["cycles"], rel=1e-12)
    kept = [[tensor["steps"] for tensor in one["residency"]["tensors"]] for one in (first, again)]
    assert kept[0] == kept[1]
    assert {row["name"]: row.get("homes") for row in first["layers"]} == {
        row["name"]: row.get("homes") for row in again["layers"]
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("a: [a, b, c, sum]", "a: [a, b, sum]"), "a cannot be kept in GLB"),
        (("  level: GLB", "  level: L2"), "tensors stay in GLB, not in L2"),
        (("b: [b, c]", "nobody: [b, c]"), "no tensor 'nobody'"),
    ],
)
def test_a_file_that_cannot_be_run_as_it_says_is_refused(dse, change: tuple[str, str], message: str) -> None:  # type: ignore[no-untyped-def]
    assert dse(f"{RUN} --save run.yaml")[0] == 0
    text = Path("run.yaml").read_text(encoding="utf-8")
    assert change[0] in text
    Path("run.yaml").write_text(text.replace(*change), encoding="utf-8")
    code, _, err = dse("evaluate eyeriss net.yaml --mapping run.yaml")
    assert code == 2
    assert message in err


@pytest.mark.slow
def test_every_process_finds_the_same_run(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(NET, encoding="utf-8")
    line = f"{RUN} --set levels.GLB.capacity=3KiB --orders 2 --format json"
    command = [sys.executable, "-m", "dse", *line.split()]
    seeds = [{**os.environ, "PYTHONHASHSEED": seed} for seed in ("1", "2")]
    found = [subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, check=True) for env in seeds]
    assert found[0].stdout == found[1].stdout
    assert json.loads(found[0].stdout)["residency"]["tensors"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("evaluate eyeriss net.yaml --resident", "--scope network"),
        ("evaluate eyeriss net.yaml --orders 3", "add --resident"),
        ("evaluate eyeriss net.yaml --scope network --resident --layer a", "needs the whole network"),
        ("evaluate simba_pe net.yaml --scope network --resident", "on_chip=auto"),
        ("evaluate eyeriss net.yaml --set levels.DRAM.on_chip=auto", "the outermost level is where"),
        ("evaluate eyeriss net.yaml --timeline x.png --layer d", "add --resident"),
    ],
)
def test_what_resident_needs(dse, line: str, message: str) -> None:  # type: ignore[no-untyped-def]
    code, _, err = dse(line)
    assert code == 2
    assert message in err
