"""A sweep that is resumed knows the designs that were priced by the mappings of others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import dse
from dse.explore.designs import alike
from dse.explore.sweep import sweep

NETWORK = dse.Workload.of("tiny", [dse.Layer("conv", K=16, C=8, P=8, Q=8, R=3, S=3), dse.Layer("fc", K=40, C=64)])
SPACE = {
    "technology.voltage": ["0.82 V", "0.9 V", "1 V", "1.17 V"], "technology.clock": ["max"],
    "levels.GLB.capacity": ["1 KiB", "4 KiB", "16 KiB"], "levels.array.cols": [2, 4, 8, 14],
}  # fmt: skip


def swept(output: Path, *, resume: bool = False) -> Any:
    return sweep("eyeriss", NETWORK, trials=6, space=SPACE, constraints={}, jobs=0, prove_s=600.0, output=output,
                 objectives=("energy", "latency", "area"), gap=0.001, resume=resume)  # fmt: skip


def shown(result: Any) -> Any:
    front = [{key: row[key] for key in row if key != "proven"} for row in result.front_rows()]
    return front, result.certificate


@pytest.fixture(scope="module")
def whole(tmp_path_factory: Any) -> tuple[list[str], Any]:
    """The log of a sweep, and its result."""
    output = tmp_path_factory.mktemp("whole") / "out"
    result = swept(output)
    assert any(evaluation.kind == "repriced" for evaluation in result.evaluations)
    return (output / "evaluations.jsonl").read_text().splitlines(keepends=True), result


def resumed(lines: list[str], output: Path, monkeypatch: Any) -> tuple[Any, int]:
    """The result of a sweep that finds some lines in its log, and how many families were solved for it."""
    solved, call = [], alike.Family.__call__
    monkeypatch.setattr(alike.Family, "__call__", lambda self, designs: solved.append(1) or call(self, designs))
    swept_before = output / "evaluations.jsonl"
    output.mkdir()
    swept_before.write_text("".join(lines))
    return swept(output, resume=True), len(solved)


def test_nothing_is_solved_or_priced_again(whole: Any, tmp_path: Path, monkeypatch: Any) -> None:
    lines, result = whole
    again, solved = resumed(lines, tmp_path / "again", monkeypatch)
    assert solved == 0
    assert shown(again) == shown(result)
    assert {e.id for e in again.evaluations} == {e.id for e in result.evaluations}
    assert (tmp_path / "again" / "evaluations.jsonl").read_text() == "".join(lines)


@pytest.mark.parametrize("what", ["without its prices", "cut off"])
def test_what_is_lost_is_found_again(what: str, whole: Any, tmp_path: Path, monkeypatch: Any) -> None:
    lines, result = whole
    kinds = [json.loads(line).get("kind") for line in lines]
    if what == "cut off":
        left = lines[: kinds.index("repriced") + 1]
    else:
        left = [line for line, kind in zip(lines, kinds, strict=True) if kind != "repriced"]
    again, _ = resumed(left, tmp_path / "again", monkeypatch)
    assert shown(again)[0] == shown(result)[0]
    certificate = again.certificate
    total = certificate.evaluated + certificate.ruled_out + certificate.infeasible + certificate.open
    assert total == certificate.space == 48
    assert certificate.complete == result.certificate.complete
