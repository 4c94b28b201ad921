"""What a sweep prints of what it was asked: how many images its figures are of."""

import json

import pytest
from explore.toy import ARCH, NET

import dse
from dse.explore.results.record import SUMMARY, read_results
from dse.report.text.asked import asked_lines
from dse.report.text.sweeps import front_text

ROWS = {"levels.array.rows": [2, 3]}
OWN = NET.replace("input:", "batch: 3\ninput:")
CASES = [
    (NET, ROWS, None, {"tiny": 1}, ""),
    (NET, ROWS, 2, {"tiny": 2}, "batch: 2 images at once, and figures are of all 2"),
    (OWN, ROWS, None, {"tiny": 3}, "batch: 3 images at once, and figures are of all 3"),
    (NET, {"batch": [1, 2]}, None, {}, "batch: each design has its own, and figures are per image"),
]


@pytest.mark.parametrize(("network", "space", "batch", "batches", "line"), CASES)
def test_a_sweep_says_how_many_images_its_figures_are_of_and_so_does_its_folder(
    tmp_path, network, space, batch, batches, line
):
    for name, text in (("toy.yaml", ARCH), ("tiny.yaml", network)):
        (tmp_path / name).write_text(text)
    output = tmp_path / "out"
    result = dse.sweep(
        tmp_path / "toy.yaml", tmp_path / "tiny.yaml", trials=2, jobs=0, space=space, batch=batch, output=output
    )
    again = read_results(output)
    assert result.batches == again.batches == batches
    assert json.loads((output / SUMMARY).read_text())["batch"] == (batches or None)
    for one in (result, again):
        assert [said for said in asked_lines(one) if said.startswith("batch")] == ([line] if line else [])
        assert not line or line in " ".join(front_text(one).split())
