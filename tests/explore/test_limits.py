"""A limit on time ends a sweep with what is known, and something is there to be shown at any moment."""

import json

import pytest
from explore.toy import ARCH, NET

from dse.errors import DseError
from dse.explore.limits import Limits
from dse.explore.results.record import read_results
from dse.explore.sweep import sweep

SPACE = {"levels.array.rows": [2, 3, 4], "levels.GLB.capacity": ["1 KiB", "2 KiB"]}


@pytest.fixture
def files(tmp_path):
    (tmp_path / "toy.yaml").write_text(ARCH)
    (tmp_path / "tiny.yaml").write_text(NET)
    return tmp_path / "toy.yaml", tmp_path / "tiny.yaml"


@pytest.mark.parametrize("limits", [{"prove_s": -1.0}, {"prove_s": float("nan")}, {"time_s": 0.0}])
def test_limits_are_checked(limits):
    with pytest.raises(DseError):
        Limits(**limits)


def test_a_sweep_out_of_time_has_what_it_had(files, tmp_path):
    output = tmp_path / "out"
    result = sweep(*files, trials=10, space=SPACE, jobs=0, output=output, time_limit_s=1e-9)
    assert 1 <= len(result.explored) < 10
    assert read_results(output).front_rows() == result.front_rows()
    assert not result.certificate.complete


def test_an_interrupted_sweep_leaves_its_front(files, tmp_path):
    output, seen = tmp_path / "out", []

    def stop(evaluation):
        seen.append(evaluation)
        if len(seen) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(*files, trials=40, space=SPACE, jobs=0, output=output, callback=stop)
    held = read_results(output)
    assert not held.finished
    assert held.front_rows()
    assert (output / "front.csv").read_text().count("\n") > 1
    assert json.loads((output / "summary.json").read_text())["finished"] is False
