"""Names in files are texts, wherever they end up: folders, terminals, figures, spreadsheets, pages."""

import csv
import re
from pathlib import Path

import pytest
from called import called
from explore.toy import ARCH, NET, SWEEP
from thinned import thinned

from dse.formats.text.replace import folder_name
from dse.report.drawing.labels import Label, write_labels
from dse.report.drawing.save import save_figure
from dse.report.drawing.style import dress, head, legend, logarithmic, new_figure

FORMULA, ESCAPE, MATH, MARKUP = "=cmd|' /C calc'!A0", r"\e]0;title\a\e[2J", "$x_{ $", "<img src=x onerror=alert(1)>"
NAME = f"{FORMULA} {ESCAPE} {MATH} {MARKUP}"


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A sweep whose every name wants to be something else, run by the command."""
    folder = tmp_path_factory.mktemp("names")
    quoted = '"' + NAME.replace('"', '\\"') + '"'
    (folder / "toy.yaml").write_text(ARCH.replace("architecture: toy", f"architecture: {quoted}"))
    net = NET.replace("workload: tiny", f"workload: {quoted}").replace("  one:", f"  {quoted}:")
    (folder / "tiny.yaml").write_text(net)
    (folder / "mine.yaml").write_text(SWEEP.replace("sweep: mine", f"sweep: {quoted}"))
    return folder, called("sweep", "mine.yaml", "--jobs", "0", cwd=folder)


def no_controls(text):
    return not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)


def test_the_sweep_ends_and_the_terminal_is_left_alone(swept):
    folder, done = swept
    assert done.returncode == 0, done.stderr
    assert no_controls(done.stdout)
    assert no_controls(done.stderr)
    assert r"\x1b[2J" in done.stdout
    results = list((folder / "results").iterdir())
    assert len(results) == 1
    assert {"front.csv", "front.png", "report.html", "sweep.yaml"} <= {path.name for path in results[0].iterdir()}
    again = called("report", str(results[0]), cwd=folder)
    assert again.returncode == 0, again.stderr
    assert no_controls(again.stdout)


def test_pages_hold_no_markup_of_names(swept):
    folder, _ = swept
    page = next((folder / "results").glob("*/report.html")).read_text()
    assert MARKUP not in page
    assert "&lt;img src=x onerror" in page


@pytest.mark.parametrize("verb", [["show", "tiny.yaml"], ["evaluate", "toy.yaml", "tiny.yaml"]])
def test_tables_of_layers_command_no_terminal_and_no_spreadsheet(swept, verb):
    folder, _ = swept
    shown = called(*verb, cwd=folder)
    assert shown.returncode == 0, shown.stderr
    assert no_controls(shown.stdout)
    rows = list(csv.reader(called(*verb, "--format", "csv", cwd=folder).stdout.splitlines()))
    cells = [cell for row in rows for cell in row if "cmd|" in cell]
    assert cells
    assert all(cell.startswith("'=cmd|") for cell in cells)


def test_graphs_and_mappings_take_any_name(swept):
    folder, _ = swept
    drawn = called("show", "tiny.yaml", "--graph", "graph.svg", cwd=folder)
    assert drawn.returncode == 0, drawn.stderr
    saved = called("evaluate", "toy.yaml", "tiny.yaml", "--save", "maps.yaml", cwd=folder)
    assert saved.returncode == 0, saved.stderr
    again = called("evaluate", "toy.yaml", "tiny.yaml", "--mapping", "maps.yaml", cwd=folder)
    first, second = (["".join(line.split()) for line in done.stdout.splitlines()] for done in (saved, again))
    assert first[0] == second[0]
    for before, after in zip(first[2:], second[2:], strict=False):  # a mapping that is given has no gap
        assert after.startswith(before.removesuffix("0%")[:60])


def test_errors_command_no_terminal(swept):
    folder, _ = swept
    for arguments in (["evaluate", "toy.yaml", "tiny.yaml", "--layer", "\x1b[2Jone"], ["show", "\x1b[2J.yaml"]):
        failed = called(*arguments, cwd=folder)
        assert failed.returncode == 2
        assert no_controls(failed.stderr)
        assert "\\x1b[2J" in failed.stderr


@pytest.mark.parametrize("name", ["../../x", "/tmp/x", "a\0b", "n" * 300, "..", ".", "", "~", "Ω" * 300, "a/b\\c"])
def test_a_name_is_one_folder(name):
    folder = folder_name(name)
    assert Path(folder).name == folder
    assert folder not in ("", ".", "..")
    assert len(folder.encode()) <= 255
    assert "\0" not in folder


@pytest.mark.parametrize("name", thinned(["../../x", "/x/y", "n" * 300, "a\\0b"], 4))
def test_a_sweep_stays_in_results(name, tmp_path):
    for file, text in (("toy.yaml", ARCH), ("tiny.yaml", NET), ("mine.yaml", SWEEP)):
        (tmp_path / file).write_text(text.replace("sweep: mine", f'sweep: "{name}"').replace("trials: 5", "trials: 1"))
    done = called("sweep", "mine.yaml", "--jobs", "0", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "results").glob("*/front.csv"))) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"toy.yaml", "tiny.yaml", "mine.yaml", "results"}


def test_a_dollar_begins_no_formula(tmp_path):
    figure = new_figure(5, 4)
    head(figure, MATH, MATH)
    axes = figure.add_subplot()
    axes.barh([MATH, "two"], [1, 100], label=MATH)
    axes.set(title=MATH)
    logarithmic(axes, "x")
    dress(axes, MATH, MATH)
    legend(axes)
    assert write_labels(axes, [Label(10, 0.5, MATH)]) == []
    save_figure(figure, tmp_path / "figure.svg")
    assert (tmp_path / "figure.svg").stat().st_size > 0
    assert [label.get_text() for label in axes.get_yticklabels()] == [MATH, "two"], "nothing is escaped"
    assert axes.get_xticklabels()[0].get_text() == "1"

