"""Designs of other settings that are the same machine: mapped once, and each on record by its own name."""

import json

import pytest
from explore.toy import ARCH, NET

from dse.explore.outcomes.log import FILE_NAME, read_log
from dse.explore.results.record import read_results
from dse.explore.sweep import sweep

SPACE = {"levels.array.rows": [2, 3], "levels.PE.capacity.weight": ["8 word", "128 bit", "24 word"]}


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("equal")
    (folder / "toy.yaml").write_text(ARCH)
    (folder / "tiny.yaml").write_text(NET)
    how = {"space": SPACE, "objectives": ("energy", "latency"), "gap": 0.0, "jobs": 0, "output": folder / "out"}
    files = folder / "toy.yaml", folder / "tiny.yaml"
    return files, how, sweep(*files, trials=6, **how)


def designs_of(result):
    return {(e.kind, e.number, tuple(e.parameters.items())) for e in result.evaluations}


def test_each_has_its_line_and_both_the_same_outcome(swept):
    _, how, result = swept
    lines = [json.loads(line) for line in (how["output"] / FILE_NAME).read_text().splitlines()]
    made = [line for line in lines if "id" in line]
    alike = [line for line in made if line["parameters"]["levels.PE.capacity.weight"] != "24 word"]
    assert len({line["id"] for line in alike}) < len(alike)
    for line in alike:
        (same,) = {json.dumps([one["front"], one["objectives"]]) for one in alike if one["id"] == line["id"]}
        assert same == json.dumps([line["front"], line["objectives"]])
    explored = {e.number: e.parameters for e in result.explored}
    assert len(explored) == 6


def test_they_read_back_by_their_own_numbers(swept):
    _, how, result = swept
    again = read_results(how["output"])
    assert designs_of(again) == designs_of(result)
    assert again.front_rows() == result.front_rows()
    assert again.mapping_rows() == result.mapping_rows()
    assert again.certificate == result.certificate


def test_a_resumed_sweep_repeats_nothing_and_adds_no_line(swept):
    files, how, result = swept
    log = (how["output"] / FILE_NAME).read_bytes()
    again = sweep(*files, trials=6, resume=True, **how)
    assert (how["output"] / FILE_NAME).read_bytes() == log
    assert designs_of(again) == designs_of(result)
    assert again.reused == len(result.evaluations)
    assert again.certificate == result.certificate


def test_what_counts_for_one_counts_for_all(swept, tmp_path):
    _, how, _ = swept
    lines = [line for line in (how["output"] / FILE_NAME).read_bytes().splitlines() if line.startswith(b'{"id"')]
    first = json.loads(lines[0])
    other = {**first, "number": 77, "parameters": {**first["parameters"], "levels.array.rows": 99}}
    stopped = {**first, "limit_s": 1.0, "gap": 0.5}
    (tmp_path / "log").write_bytes(b"".join(json.dumps(one).encode() + b"\n" for one in (stopped, other, first)))
    records = read_log(tmp_path / "log")
    found = {e.number: e for e in (*records.by_id.values(), *records.alike)}
    assert sorted(found) == [0, 77]
    assert found[77].parameters == other["parameters"]
    assert {e.outcome.limit_s for e in found.values()} == {0.0}
