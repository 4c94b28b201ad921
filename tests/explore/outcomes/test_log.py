"""The log keeps every whole line, whatever happens to the file."""

import json
import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.errors import DseError
from dse.explore.outcomes.evaluation import Evaluation, Outcome
from dse.explore.outcomes.log import LogWriter, read_log

NUMBERS = st.floats(0, 1e30, allow_nan=False)
OUTCOMES = st.builds(
    Outcome,
    status=st.sampled_from(["ok", "infeasible", "failed"]),
    reason=st.text(max_size=20),
    objectives=st.dictionaries(st.sampled_from(["energy_pj", "latency_s"]), NUMBERS),
    front=st.lists(st.tuples(NUMBERS, NUMBERS), max_size=3).map(tuple),
    violation=NUMBERS,
    cpu_s=NUMBERS.map(lambda x: round(x, 4)),
)


def evaluation(number, status="ok", **changes):
    outcome = Outcome(status, objectives={"energy_pj": 1.5 * number, "latency_s": 0.25}, front=((1.5 * number, 0.25),))
    fields = {"id": f"id{number}", "sweep": "s", "kind": "explore", "number": number, "parameters": {"rows": number}}
    return Evaluation(**{**fields, "outcome": outcome, **changes})


def write(path, evaluations):
    with LogWriter(path) as log:
        for each in evaluations:
            log.append(each)


@given(OUTCOMES, st.text(max_size=10), st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5)))
def test_a_line_reads_back_as_the_evaluation_it_was(outcome, name, parameters):
    before = Evaluation(name, "s", "exact", 3, parameters, outcome)
    line = before.line()
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert Evaluation.from_dict(json.loads(line)) == before


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, 10_000))
def test_a_log_cut_anywhere_keeps_its_whole_lines_and_goes_on(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("log") / "evaluations.jsonl"
    write(path, [evaluation(n) for n in range(4)])
    content = path.read_bytes()[:cut]
    path.write_bytes(content)
    whole = content.count(b"\n")
    assert list(read_log(path).by_id) == [f"id{n}" for n in range(whole)]
    assert path.read_bytes() == content, "reading changes nothing"
    write(path, [evaluation(9)])
    records = read_log(path)
    assert list(records.by_id) == [*(f"id{n}" for n in range(whole)), "id9"]
    assert not records.damaged


def test_a_damaged_line_is_reported_with_its_number_and_skipped(tmp_path):
    path = tmp_path / "evaluations.jsonl"
    write(path, [evaluation(n) for n in range(5)])
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = b'{"id": "half\n'
    lines[2] = b"\xff\xfe\n"
    lines[3] = lines[3].replace(b'"status":"ok"', b'"status":"maybe"')
    path.write_bytes(b"".join(lines) + b"[1, 2]\n" + b'{"kind": "exact"}\n')
    records = read_log(path)
    assert list(records.by_id) == ["id0", "id4"]
    assert [damage.line for damage in records.damaged] == [2, 3, 4, 6, 7]
    assert f"{path}:2: not JSON; skipped" in str(records.damaged[0])
    assert "maybe" in str(records.damaged[2])


def test_logs_can_be_concatenated_even_after_a_torn_line(tmp_path):
    first, second = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    write(first, [evaluation(n) for n in range(3)])
    write(second, [evaluation(n) for n in range(2, 5)])
    first.write_bytes(first.read_bytes()[:-10] + second.read_bytes())
    records = read_log(first)
    assert sorted(records.by_id) == [f"id{n}" for n in range(5)]
    assert [damage.line for damage in records.damaged] == [3]


def test_a_failure_gives_way_to_a_result_of_the_same_design(tmp_path):
    path = tmp_path / "evaluations.jsonl"
    write(path, [evaluation(1, "failed"), evaluation(1), evaluation(1, "failed")])
    assert read_log(path).by_id["id1"].ok


def test_one_writer_at_a_time(tmp_path):
    path = tmp_path / "evaluations.jsonl"
    with LogWriter(path), pytest.raises(DseError, match="another sweep is writing"):
        LogWriter(path)
    LogWriter(path).close()


def test_a_log_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DseError, match="cannot write"):
        LogWriter(tmp_path / "file" / "evaluations.jsonl")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_an_error(tmp_path):
    link = tmp_path / "evaluations.jsonl"
    link.symlink_to("/dev/full")
    with LogWriter(link) as log, pytest.raises(DseError, match="No space left"):
        log.append(evaluation(1))


def test_a_killed_writer_loses_nothing_it_wrote(tmp_path):
    path = tmp_path / "evaluations.jsonl"
    program = f"""
import os, signal
from dse.explore.outcomes.evaluation import Evaluation, Outcome
from dse.explore.outcomes.log import LogWriter
log = LogWriter(__import__("pathlib").Path({str(path)!r}))
for n in range(20):
    log.append(Evaluation(f"id{{n}}", "s", "explore", n, {{}}, Outcome("ok")))
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", program], check=False)
    assert len(read_log(path).by_id) == 20


def test_lines_that_may_be_lost_stand_before_the_next_that_may_not(tmp_path):
    path = tmp_path / "evaluations.jsonl"
    with LogWriter(path) as log:
        log.keep(b"a\n")
        log.keep(b"b\n")
        assert path.read_bytes() == b""
        log.write(b"c\n")
        assert path.read_bytes() == b"a\nb\nc\n"
        log.keep(b"d\n")
    assert path.read_bytes() == b"a\nb\nc\nd\n"


@pytest.mark.parametrize(("first", "second", "kept"), [(4, 0, 0), (4, 9, 9), (9, 4, 9), (0, 4, 0)])
def test_what_was_stopped_gives_way_to_what_had_more_time(tmp_path, first, second, kept):
    stopped = [evaluation(1, outcome=Outcome("ok", limit_s=float(limit))) for limit in (first, second)]
    write(tmp_path / "log", stopped)
    assert read_log(tmp_path / "log").by_id["id1"].outcome.limit_s == kept
