"""Searches read what is in their arrays, and nothing that they have not written: see `in_bounds`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

SEARCHES = (
    "tests/mapper/conformance/test_conformance.py", "tests/mapper/deep/test_deep_bounds.py",
    "tests/mapper/deep/test_fronts.py", "tests/mapper/deep/test_neighbours.py", "tests/mapper/deep/test_for_both.py",
    "tests/mapper/test_bands.py",
)  # fmt: skip
LONG = "tests/mapper/deep/test_deep_bounds.py::test_axes_halved_before_lists_are_laid_down_lose_no_mapping"
"""Small problems, which are searched as if they were large."""

RUNS = {"some of many": ("-m", "not slow", *SEARCHES), "all of the long ones": ("-m", "", LONG)}
"""Tests that compare searches with full walks, and which of their cases."""

FAULTS = """
import in_bounds

in_bounds.check()
import numpy as np
from dse.mapper.shared.compilation.twins import compiled
from dse.model.counting.kernel import entry

@entry
def read(numbers, at: int) -> float:
    return numbers[at] + numbers[-1]

@entry
def unwritten(size: int) -> tuple[float, float]:
    return np.full(size, 1.0)[0] + np.empty(size)[0], 1.0 * np.empty(size, dtype=np.int64)[0]

def said(at):
    try:
        return compiled(read)(np.ones(3), at)
    except IndexError as error:
        return str(error).rpartition("/")[2]

print(said(2), said(3), said(-1), said(-4), *compiled(unwritten)(3), np.empty(1)[0], sep=", ")
"""


def test_an_index_beyond_an_array_is_an_error_with_its_line(tmp_path: Path) -> None:
    program = tmp_path / "faults.py"
    program.write_text(FAULTS)
    path = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    done = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path}
    )
    assert done.returncode == 0, done.stderr
    line = next(i for i, text in enumerate(FAULTS.split("\n"), 1) if "numbers[at]" in text)
    beyond, below = (f"faults.py:{line}: index of axis 0 {what}" for what in ("beyond the end", "below zero"))
    assert done.stdout.strip() == f"2.0, {beyond}, {below}, {below}, nan, {-(2.0**61)}, nan"


@pytest.mark.slow
@pytest.mark.parametrize("run", RUNS)
def test_searches_stay_within_their_arrays(run: str) -> None:
    line = [sys.executable, "-m", "pytest", "--in-bounds", "-n", "2", "--tb=short", *RUNS[run]]
    done = subprocess.run(line, cwd=TESTS.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-10_000:]
