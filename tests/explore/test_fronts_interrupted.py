"""Of sweeps with a front for each network, none is begun after an interruption, whenever it comes; what programs read
is one document."""

import csv
import json

import pytest
from called import called
from explore.toy import ARCH, NET

FILE = """\
sweep: each
arch: toy.yaml
workloads: [tiny.yaml, other.yaml]
fronts: each
space: {levels.array.rows: [2, 3]}
search: {trials: 2}
"""


def written(folder, said=FILE):
    for name, text in (("toy", ARCH), ("tiny", NET), ("other", NET.replace("workload: tiny", "workload: other"))):
        (folder / f"{name}.yaml").write_text(text)
    (folder / "each.yaml").write_text(said)


@pytest.mark.parametrize("at", ["dse.report.cards.book.make_book", "dse.report.directory.write_page"])
def test_interrupted_while_its_page_is_made_the_next_network_is_not_begun(tmp_path, monkeypatch, at):
    def interrupted(*given):
        raise KeyboardInterrupt

    written(tmp_path)
    monkeypatch.setattr(at, interrupted)
    done = called("sweep", "each.yaml", "-o", "out", "--jobs", 0, "--no-prove", cwd=tmp_path)
    assert done.returncode == 130
    assert "interrupted" in done.stderr
    assert "dse report" in done.stderr
    assert "other was not begun; the same command with --resume goes on with every network" in done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["tiny"]


def test_what_programs_read_of_several_fronts_is_one_document(tmp_path):
    written(tmp_path)
    how = "sweep", "each.yaml", "-o", "out", "--jobs", 0, "--no-prove"
    plain = json.loads(called(*how, "--format", "json", cwd=tmp_path).stdout)
    assert [one["workloads"] for one in plain] == [["tiny"], ["other"]]
    done = called(*how, "--resume", "--format", "csv", cwd=tmp_path)
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert [row["network"] for row in rows] == ["tiny"] * len(plain[0]["front"]) + ["other"] * len(plain[1]["front"])
    assert [float(row["energy_pj"]) for row in rows] == [row["energy_pj"] for one in plain for row in one["front"]]


@pytest.mark.parametrize(("limit", "found"), [("30 us", ["each-other"]), ("1 ns", [])])
def test_networks_without_a_design_are_left_out_of_it(tmp_path, limit, found):
    written(tmp_path, f"{FILE}constraints: {{latency: {{max: {limit}}}}}\n")
    (tmp_path / "other.yaml").write_text(NET.replace("tiny", "other").replace("conv: 6", "conv: 3"))
    done = called("sweep", "each.yaml", "-o", "out", "--jobs", 0, "--no-prove", "--format", "json", cwd=tmp_path)
    assert done.returncode == 1
    assert [one["sweep"] for one in json.loads(done.stdout or "[]")] == found


@pytest.mark.parametrize("verb", [("report",), ("export", "--optuna", "study.db")])
def test_a_folder_of_several_sweeps_says_where_they_are(tmp_path, verb):
    for name in ("one", "two"):
        (tmp_path / "out" / name).mkdir(parents=True)
        (tmp_path / "out" / name / "sweep.yaml").touch()
    done = called(verb[0], "out", *verb[1:], cwd=tmp_path)
    assert done.returncode == 2
    assert "there are sweeps in out/one, out/two" in done.stderr
