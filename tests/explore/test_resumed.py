"""A sweep that is resumed shows no less than was known, and its record says the same to whoever reads it."""

import json
from math import inf

import pytest
from explore.toy import ARCH, NET

import dse
from dse.explore.outcomes.evaluation import Evaluation, Outcome
from dse.explore.outcomes.log import FILE_NAME, LogWriter
from dse.explore.outcomes.numbers import with_held
from dse.explore.proof.certificate import Certificate, closer
from dse.explore.results.record import FRONT, SETTINGS, SUMMARY, read_results

DATAFLOWS = ["row-stationary", "weight-stationary"]
SMALL = {"levels.array.rows": [2, 3], "levels.array.cols": [2, 4, 6], "dataflow": DATAFLOWS}


@pytest.fixture
def files(tmp_path):
    (tmp_path / "toy.yaml").write_text(ARCH)
    (tmp_path / "tiny.yaml").write_text(NET)
    return tmp_path / "toy.yaml", tmp_path / "tiny.yaml"


def shown(folder):
    """What a folder shows: its front, and its summary without times and without whether the sweep ended."""
    summary = json.loads((folder / SUMMARY).read_text())
    left_out = ("finished", "wall_s", "cpu_split_s", "reused", "cpu_s")
    return (folder / FRONT).read_text(), {key: value for key, value in summary.items() if key not in left_out}


def interrupts(progress):
    raise KeyboardInterrupt


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit, ValueError])
def test_interrupted_again_it_shows_what_the_run_before_had_found_and_proven(files, tmp_path, ending):
    output = tmp_path / "out"
    dse.sweep(*files, trials=6, jobs=0, output=output)
    before = shown(output)
    assert before[1]["certificate"]["gap"] is not None

    def ends(progress):
        raise ending

    with pytest.raises(ending):
        dse.sweep(*files, trials=6, jobs=0, output=output, resume=True, progress=ends)
    assert shown(output) == before
    assert not read_results(output).finished


def test_killed_at_its_start_it_shows_what_the_run_before_had_shown(files, tmp_path, monkeypatch):
    output = tmp_path / "out"
    dse.sweep(*files, trials=6, jobs=0, output=output, space=SMALL)
    before = shown(output)
    monkeypatch.setattr("dse.explore.underway.Underway.show", lambda self, always=False: None)
    with pytest.raises(KeyboardInterrupt):
        dse.sweep(*files, trials=6, jobs=0, output=output, space=SMALL, resume=True, progress=interrupts)
    assert shown(output) == before
    assert not read_results(output).finished


def test_what_a_callback_breaks_off_is_shown(files, tmp_path):
    def raises(evaluation):
        if evaluation.number == 2:
            raise ValueError("enough")

    with pytest.raises(ValueError, match="enough"):
        dse.sweep(*files, trials=6, jobs=0, output=tmp_path / "out", callback=raises)
    assert json.loads((tmp_path / "out" / SUMMARY).read_text())["designs"] > 0
    assert (tmp_path / "out" / FRONT).exists()


@pytest.mark.parametrize("prove_s", [0, None])
def test_more_trials_that_cover_the_space_name_each_design_alike(files, tmp_path, prove_s):
    output = tmp_path / "out"
    first = dse.sweep(*files, trials=4, jobs=0, output=output, space=SMALL, prove_s=prove_s)
    assert first.sampler == "nsga2"
    more = dse.sweep(*files, trials=12, jobs=0, output=output, space=SMALL, prove_s=prove_s, resume=True)
    read = read_results(output)
    assert read.front_rows() == more.front_rows()
    numbers = {}
    for evaluation in read.evaluations:
        numbers.setdefault(evaluation.number, set()).add(str(sorted(evaluation.parameters.items())))
    assert all(len(designs) == 1 for designs in numbers.values()), "two designs have one number"
    assert len(set().union(*numbers.values())) == len(numbers), "a design has two numbers"
    wholly = dse.sweep(*files, trials=12, jobs=0, space=SMALL, prove_s=prove_s)
    assert {str(one.parameters) for one in wholly.designs} == {str(one.parameters) for one in more.designs}


def test_fewer_trials_show_what_more_of_them_had_found(files, tmp_path):
    output = tmp_path / "out"
    dse.sweep(*files, trials=10, jobs=0, output=output)
    before = shown(output)
    dse.sweep(*files, trials=3, jobs=0, output=output, resume=True)
    after = shown(output)
    assert after[0] == before[0]
    assert after[1]["certificate"] == before[1]["certificate"]


def test_a_log_that_lost_lines_keeps_no_certificate(files, tmp_path):
    output = tmp_path / "out"
    dse.sweep(*files, trials=6, jobs=0, output=output)
    log = output / FILE_NAME
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:2]))
    with pytest.raises(KeyboardInterrupt):
        dse.sweep(*files, trials=6, jobs=0, output=output, resume=True, progress=interrupts)
    assert json.loads((output / SUMMARY).read_text())["certificate"] is None


def evaluation(kind, number, rows, **outcome):
    return Evaluation(f"{kind}{rows}", "s", kind, number, {"rows": rows}, Outcome("ok", **outcome))


def test_what_this_run_found_counts_before_what_the_record_held():
    mine, former = evaluation("explore", 3, 12, cpu_s=2.0), evaluation("explore", 3, 12, cpu_s=1.0)
    exact, other = evaluation("exact", 1_000_004, 12), evaluation("explore", 3, 14)
    assert with_held([mine], ()) == [mine]
    numbers = [(one.kind, one.number, one.outcome.cpu_s) for one in with_held([mine], (former, exact, other))]
    assert numbers == [("explore", 3, 2.0), ("exact", 3, 0.0), ("explore", 4, 0.0)]


def test_of_two_certificates_the_closer_one_counts():
    none, some = Certificate(9, 2, 0, 0, 7, inf, 0.01), Certificate(9, 4, 1, 0, 4, 0.09, 0.01)
    more, near = Certificate(9, 4, 3, 0, 2, 0.09, 0.01), Certificate(9, 4, 0, 0, 5, 0.05, 0.01)
    for worse, better in ((None, none), (none, some), (some, more), (more, near)):
        assert closer(worse, better) is closer(better, worse) is better
    assert closer(None, None) is None


def test_a_search_that_was_stopped_gives_way_to_one_that_had_more_time(tmp_path):
    from dse.explore.outcomes.log import read_log

    short, long, whole = (evaluation("explore", 1, 12, limit_s=limit_s) for limit_s in (1.0, 10.0, 0.0))
    for order in ((short, long), (long, short), (whole, long), (short, whole)):
        path = tmp_path / "evaluations.jsonl"
        path.unlink(missing_ok=True)
        with LogWriter(path) as log:
            for one in order:
                log.append(one)
        (kept,) = read_log(path).by_id.values()
        assert kept == max(order, key=lambda one: one.outcome.limit_s or inf)


def test_what_a_sweep_cost_adds_up_over_its_runs(files, tmp_path):
    """`cpu_s` is of all evaluations, each once, and `cpu_split_s` of all runs: its `mapping` is the same figure."""
    output = tmp_path / "out"
    dse.sweep(*files, trials=3, jobs=0, output=output, space=SMALL, prove_s=0)
    first = json.loads((output / SUMMARY).read_text())
    dse.sweep(*files, trials=8, jobs=0, output=output, space=SMALL, prove_s=0, resume=True)
    second = json.loads((output / SUMMARY).read_text())
    assert second["designs"] > first["designs"]
    for summary in (first, second, read_results(output).to_dict()):
        assert summary["cpu_s"] == summary["cpu_split_s"]["mapping"] > 0
    assert all(second["cpu_split_s"][part] >= spent for part, spent in first["cpu_split_s"].items())
    made = {e.id: e.outcome.cpu_s for e in read_results(output).evaluations}
    assert second["cpu_s"] == pytest.approx(sum(made.values()), abs=1e-3)


def test_limits_are_written_as_people_write_them_and_resume_in_whatever_unit(files, tmp_path):
    limits, output = {"energy": {"max": "40 uJ"}, "latency": {"max": "1 ms"}, "pes": {"max": 64}}, tmp_path / "out"
    how = {"trials": 2, "jobs": 0, "output": output, "space": SMALL, "constraints": limits}
    dse.sweep(*files, **how)
    written = (output / SETTINGS).read_text(encoding="utf-8")
    assert all(f"{name}: {{max: {most}}}" in written for name, most in
               (("energy", "40 µJ"), ("latency", "1 ms"), ("pes", "64")))  # fmt: skip
    older = written.replace("40 µJ", "40000000.0 pJ").replace("1 ms", "0.001 s").replace("max: 64", "max: 64.0")
    (output / SETTINGS).write_text(older, encoding="utf-8")
    assert dse.sweep(*files, resume=True, **how).reused > 0
    (output / SETTINGS).write_text(written.replace("40 µJ", "41 µJ"), encoding="utf-8")
    with pytest.raises(dse.DseError, match="constraints"):
        dse.sweep(*files, resume=True, **how)


def test_an_architecture_whose_space_has_no_room_for_what_would_follow_is_resumed(files, tmp_path):
    """Three rows leave nothing of 0.4 mm2, so nothing follows from them; the architecture as specified has three."""
    space = {"levels.array.rows": [2, 3], "levels.GLB.capacity": {"equal_area": "0.4 mm2"}}
    how = {"trials": 4, "jobs": 0, "output": tmp_path / "out", "space": space}
    first = dse.sweep(*files, **how)
    assert any("without levels.GLB.capacity" in e.outcome.reason for e in first.explored)
    before = shown(tmp_path / "out")
    dse.sweep(*files, resume=True, **how)
    assert shown(tmp_path / "out") == before


def test_the_best_of_each_dataflow_is_of_all_mappings_that_are_known(files, tmp_path):
    result = dse.sweep(*files, trials=6, jobs=0, output=tmp_path / "out", space=SMALL)
    summary = json.loads((tmp_path / "out" / SUMMARY).read_text())
    for flow, entry in summary["dataflows"].items():
        assert entry["best_edp_js"] == min(row["edp_js"] for row in result.points() if row["dataflow"] == flow)
    assert min(entry["best_edp_js"] for entry in summary["dataflows"].values()) == summary["best"]["edp"]["edp_js"]
