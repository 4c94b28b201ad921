"""Compiling ahead: which searches architectures need, and that it is said once."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

import dse
from dse.formats.architecture.load import load_architecture_spec
from dse.mapper import turns, warm
from dse.mapper.shared.compilation.twins import COMPILING
from dse.mapper.shared.incumbent import LATENCY
from dse.mapper.warm import compile_kernels, searches


def test_which_searches_are_needed():
    eyeriss, simba = dse.load_architecture("eyeriss"), dse.load_architecture("simba_pe")
    assert searches([]) == searches([eyeriss]) == ["flat"]
    assert searches([simba]) == ["deep"]
    assert searches([simba, eyeriss, simba]) == ["deep", "flat"]


def test_what_is_compiled_once_is_not_announced_again(monkeypatch, tmp_path):
    said, warmed = [], []
    monkeypatch.setattr(warm, "marker", lambda search: tmp_path / f"{search}.done")
    monkeypatch.setattr(warm, "warm_up", warmed.append)
    compile_kernels(said.append)
    assert len(said) == 1
    assert (tmp_path / "flat.done").exists()
    compile_kernels(said.append)
    assert len(said) == 1
    assert warmed == ["flat", "flat"]


def test_a_search_that_another_one_hands_over_to_is_announced_once(monkeypatch, tmp_path, caplog):
    spec = load_architecture_spec("eyeriss_isca16")
    flexible = spec.resolve({"dataflow": spec.parse_setting("dataflow", "flexible")})
    matmul = dse.load_workload("mobilenet_v1").layer("20.0")
    monkeypatch.setattr(turns, "marker", lambda search: tmp_path / f"{search}.done")
    monkeypatch.setattr(turns, "ALONE", {LATENCY: 0})
    monkeypatch.setattr(turns, "SET_UP", -1)
    for _ in range(2):
        with caplog.at_level(logging.INFO, "dse.mapper"):
            dse.map_layer(flexible, matmul, "latency")
        assert [record.getMessage() for record in caplog.records] == [COMPILING]


SEARCHES = """
import sys
import dse
from dse.mapper.layer import solve

for name, layer, objective, gap in {asked}:
    solve(dse.load_architecture(name), dse.load_workload("alexnet").layer(layer), objective, gap, "all", 20.0).size()
print("numba" in sys.modules)
"""

REGISTERS = str(Path(__file__).parents[1] / "benchmarks/specs/registers.yaml")


@pytest.mark.gate
@pytest.mark.parametrize("asked", [
    [("eyeriss", "conv3", objective, gap) for objective in ("energy", "latency", "front") for gap in (0.0, 0.05)],
    [("edge_npu", "conv3", objective, gap) for objective in ("energy", "latency", "edp") for gap in (0.0, 0.05)],
    [("simba_pe", "conv2", "front", 0.0), ("nvdla_small", "conv2", "latency", 0.0), (REGISTERS, "conv3", "edp", 0.0)],
], ids=["flat", "two levels", "fronts and three levels"])  # fmt: skip
def test_searches_use_kernels_that_come_with_the_package(asked, tmp_path):
    """Else a first answer takes twice as long; `make kernels` puts in what is missing."""
    run = subprocess.run(
        [sys.executable, "-c", SEARCHES.format(asked=asked)], capture_output=True, text=True, timeout=300,
        env={**os.environ, "DSE_CACHE_DIR": str(tmp_path / "kernels")},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "False"
