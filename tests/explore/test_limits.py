"""A limit on time ends a sweep with what is known, and something is there to be shown at any moment."""

import json

import elapsed
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


@pytest.mark.parametrize("limits", [{"prove_s": -1.0}, {"prove_s": float("nan")}, {"time_s": 0.0}, {"design_s": 0.0}])
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


def test_a_design_out_of_time_says_how_far_it_is_proven_and_is_made_again_with_more(files, tmp_path, monkeypatch):
    settings = {"trials": 6, "space": SPACE, "jobs": 0, "output": tmp_path / "out", "gap": 0.0, "prove_s": 0,
                "objectives": ("energy", "area")}  # fmt: skip
    with monkeypatch.context() as patch:
        elapsed.use(patch)
        short = sweep(*files, **settings, design_limit_s=1e-9)
    stopped = [e for e in short.evaluations if e.outcome.limit_s]
    assert stopped
    assert all(e.outcome.limit_s == 1e-9 and e.outcome.gap > 0 for e in stopped)
    assert all(e.outcome.gap <= float(e.proven(0.0)) * (1 + 1e-9) <= 1.1 * e.outcome.gap for e in stopped)
    read = read_results(tmp_path / "out")
    assert {e.id: e.outcome.gap for e in read.evaluations} == {e.id: e.outcome.gap for e in short.evaluations}
    assert {row["proven"] for row in short.front_rows()} != {"exact"}
    whole = sweep(*files, **settings, resume=True)
    assert not any(e.outcome.limit_s for e in whole.evaluations)
    assert {row["proven"] for row in whole.front_rows()} == {"exact"}
    best = {e.number: e.outcome.objectives["energy_pj"] for e in whole.explored}
    for e in short.explored:
        energy_pj = e.outcome.objectives["energy_pj"]
        assert best[e.number] <= energy_pj * (1 + 1e-9)
        assert energy_pj <= best[e.number] * (1 + e.outcome.gap) * (1 + 1e-9)


def test_a_stopped_design_is_kept_when_there_is_no_more_time_for_it(files, tmp_path, monkeypatch):
    elapsed.use(monkeypatch)
    settings = {"trials": 6, "space": SPACE, "jobs": 0, "output": tmp_path / "out", "gap": 0.0, "prove_s": 0}
    first = sweep(*files, **settings, design_limit_s=1e-9)
    again = sweep(*files, **settings, design_limit_s=1e-9, resume=True)
    assert [(e.id, e.outcome.front, e.outcome.gap) for e in again.evaluations] == [
        (e.id, e.outcome.front, e.outcome.gap) for e in first.evaluations
    ]
