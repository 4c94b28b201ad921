"""Designs of the deep search are mapped beside the design as specified: the same in any order, on any worker."""

from __future__ import annotations

from pathlib import Path

import pytest

import dse
from dse.explore.designs import clock
from dse.explore.plan.hardware import HardwareChanges
from dse.explore.plan.plan import make_plan
from dse.explore.plan.search import Search
from dse.formats.architecture.load import load_architecture_spec

NETWORK = dse.Workload.of("tiny", [
    dse.Layer("conv", K=32, C=16, P=12, Q=12, R=3, S=3), dse.Layer("pointwise", K=64, C=32, P=14, Q=14),
])  # fmt: skip
SPACE = {
    "levels.GLB.capacity": ["16 KiB", "32 KiB", "64 KiB", "128 KiB"], "levels.DRAM.bandwidth": ["4 GB/s", "16 GB/s"],
}  # fmt: skip


def swept(output: Path, **how: object) -> bytes:
    """The front that a sweep writes."""
    clock._LAYERS.clear()
    dse.sweep("simba_pe", NETWORK, trials=8, space=SPACE, sampler="grid", prove_s=0, output=output, gap=0.05, **how)
    return (output / "front.csv").read_bytes()


def test_jobs_and_resuming_change_nothing(tmp_path: Path) -> None:
    alone = swept(tmp_path / "alone", jobs=0)
    assert swept(tmp_path / "two", jobs=2) == alone
    log = tmp_path / "two" / "evaluations.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[len(lines) // 2 :]))
    assert swept(tmp_path / "two", jobs=0, resume=True) == alone


@pytest.mark.parametrize(("machine", "alike"), [("simba_pe", False), ("eyeriss", True)])
def test_what_a_design_is_mapped_beside_is_part_of_its_identity(machine: str, alike: bool) -> None:
    """The same machine in two sweeps, one with another reference: to the flat search that is nothing."""
    found = []
    spec = load_architecture_spec(machine)
    rate, size = (
        {path: spec.parse_setting(path, value)}
        for path, value in (("levels.DRAM.bandwidth", "4 GB/s"), ("levels.GLB.capacity", "32 KiB"))
    )
    for given, chosen in ((rate, size), ({}, {**rate, **size})):
        problem = make_plan(spec, NETWORK, Search(4, gap=0.01), hardware=HardwareChanges(given)).problem()
        found.append(problem.identify(chosen, problem.resolve(chosen), "explore"))
    assert (found[0] == found[1]) == alike
