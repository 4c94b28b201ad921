"""Every table that a verb prints fits a terminal of 80 columns, and names its columns."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from explore.toy import ARCH, NET, SWEEP

from dse.cli.main import run
from dse.report.table import WIDTH

ROOT = Path(__file__).parents[2]
SHIPPED = [path for folder in ("arch_specs", "workloads", "sweeps") for path in sorted((ROOT / folder).glob("*.yaml"))]

LONG = "a_layer_whose_name_is_as_long_as_tools_make_it_from_paths_of_modules"
"""Fits a line of text, but no table."""

COMPARED = """\
sweep: dataflows
compare: dataflows
workload: tiny.yaml
parts: {all: [one, last]}
batches: [1]
points: [{levels.array.rows: 2}, {levels.array.rows: 3}]
designs: {first: {arch: toy.yaml}, a_second_design_with_a_name: {arch: toy.yaml}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Small files, one network with names too long for a table, and a finished sweep."""
    folder = tmp_path_factory.mktemp("tables")
    long = NET.replace("one:", f"{LONG}:").replace("tiny", "tiny_with_long_names")
    texts = {"toy": ARCH, "tiny": NET, "mine": SWEEP, "long": long, "compared": COMPARED}
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text)
    sweep = ["sweep", f"{folder}/toy.yaml", f"{folder}/tiny.yaml", "--trials", "3", "--jobs", "0", "--no-prove"]
    assert run([*sweep, "-o", str(folder / "out")]) == 0
    return folder


@pytest.fixture
def printed(folder, monkeypatch, capsys):
    """Run a command line where the files are; gives the lines that it prints."""
    monkeypatch.chdir(folder)

    def call(line, code=0):
        assert run(line.split()) == code, capsys.readouterr().err
        return capsys.readouterr().out.splitlines()

    return call


@pytest.mark.parametrize(
    "line",
    [
        "evaluate toy.yaml tiny.yaml --reuse", "evaluate toy.yaml long.yaml --scope network --reuse",
        "evaluate toy.yaml long.yaml --time-limit 1ms", "map toy.yaml tiny.yaml two", "bound toy.yaml tiny.yaml",
        f"map toy.yaml long.yaml {LONG} --gap 0.5", "bound toy.yaml long.yaml", "verify toy.yaml long.yaml --macs 100",
        "explain toy.yaml long.yaml --jobs 0", "compare-networks", "explain out 0 --jobs 0", "report out",
        "compare-networks tiny.yaml long.yaml --arch toy.yaml --jobs 0", "report out --mappings",
        "sweep mine.yaml --jobs 0 --trials 2 --no-prove -o again", "sweep compared.yaml --jobs 0 -o compared",
        "show toy.yaml", "show long.yaml", "show mine.yaml", "show compared.yaml",
    ],
)  # fmt: skip
def test_no_line_is_wider_than_a_terminal(printed, line):
    lines = printed(line)
    assert lines
    assert [line for line in lines if len(line) > WIDTH] == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_file_is_shown_in_a_terminals_width(printed, path):
    lines = printed(f"show {path}")
    assert [line for line in lines if len(line) > WIDTH] == []
    assert path.stem.replace("_", "") in lines[0].lower().replace("_", "").replace("-", "")


def test_percentages_of_the_energy_add_up(printed):
    lines = printed("evaluate toy.yaml tiny.yaml")
    start = lines.index("where the energy of each layer goes, in % of it")
    rows = [line.split() for line in lines[start + 2 : start + 6]]
    assert [row[0] for row in rows] == ["one", "two", "last", "total"]
    for row in rows:
        assert sum(map(float, row[1:])) == pytest.approx(100, abs=0.05 * len(row))


def test_an_answer_that_was_cut_off_is_marked_beside_its_number(printed, monkeypatch):
    lines = printed("evaluate toy.yaml tiny.yaml")
    assert all(re.search(r" 0 %$", line) for line in lines[2:5])
    assert not any("NOT PROVEN" in line for line in lines)
    from dse.mapper.network.mapped import MappedWorkload

    honest = MappedWorkload.to_dict

    def cut_off(mapped):
        plain = honest(mapped)
        plain["layers"][0]["certificate"]["gap"] = 6.66
        return plain

    monkeypatch.setattr(MappedWorkload, "to_dict", cut_off)
    lines = printed("evaluate toy.yaml tiny.yaml --gap 0.5")
    assert lines[2].endswith(" 666 % !")
    assert "NOT PROVEN BEST: one. The search was stopped before its end" in "\n".join(lines)
    assert not lines[3].endswith("!")
