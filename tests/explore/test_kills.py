"""Fifty kills of a sweep with all its workers: nothing is lost, nothing repeated, and the front is the same."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
from explore.toy import ARCH, NET

KILLS, MIDSWEEP, LATE_S = 50, 45, 300
SETTINGS = ("--trials", "480", "--sampler", "random", "--jobs", "2", "--no-prove")

MORE_ARRAYS = ARCH.replace("cols: {from: 2, to: 8, step: 2}", "cols: {from: 2, to: 16, step: 1}")
"""A space so large that a sweep of it is still under way at the last kill, however fast its workers are."""

FREQUENT = """
import sys
import dse.explore.underway as underway
underway.SHOWN_EVERY_S, underway.SHOWN_PART = 0.0, 1e9  # every batch replaces its files
from dse.cli.main import main
if __name__ == "__main__":
    main(sys.argv[1:])
"""


def lines(log):
    return log.read_bytes().split(b"\n")[:-1] if log.exists() else []


def ids(log):
    return [found["id"] for line in lines(log) if "id" in (found := json.loads(line))]


def killed_when(folder, begun):
    """Resume a sweep, and kill it with all its workers as soon as `begun` says so; it must not have ended by then."""
    command = [sys.executable, "frequent.py", "sweep", "toy.yaml", "tiny.yaml", "-o", "killed", *SETTINGS, "--resume"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    process = subprocess.Popen(command, cwd=folder, **quiet)
    end = time.monotonic() + LATE_S
    while not begun():
        assert process.poll() is None, "the sweep is too short"
        assert time.monotonic() < end, "nothing happened for five minutes"
        time.sleep(0.001)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.slow
def test_fifty_kills_lose_and_repeat_nothing(tmp_path):
    (tmp_path / "toy.yaml").write_text(MORE_ARRAYS)
    (tmp_path / "tiny.yaml").write_text(NET)
    (tmp_path / "frequent.py").write_text(FREQUENT)
    chance, kept = random.Random(1), set()
    output, whole = tmp_path / "killed", tmp_path / "whole"
    log = output / "evaluations.jsonl"
    for kill in range(KILLS):
        count, delay_s = len(lines(log)) + 1, 0.0 if kill >= MIDSWEEP else chance.random() * 0.05

        def begun(count=count, replacing=kill >= MIDSWEEP):
            return len(lines(log)) >= count and (not replacing or any(output.glob(".*.part")))

        killed_when(tmp_path, lambda begun=begun, delay_s=delay_s: begun() and time.sleep(delay_s) is None)
        now = set(lines(log))
        assert kept <= now, "a whole line was lost"
        kept = now
    for name in ("killed", "whole"):
        arguments = [sys.executable, "-m", "dse", "sweep", "toy.yaml", "tiny.yaml", "-o", name, *SETTINGS, "--resume"]
        subprocess.run(arguments, cwd=tmp_path, check=True, capture_output=True)
    assert len(ids(log)) == len(set(ids(log))), "an evaluation was repeated"
    assert set(ids(log)) == set(ids(whole / "evaluations.jsonl"))
    assert (output / "front.csv").read_bytes() == (whole / "front.csv").read_bytes()
    assert sorted(path.name for path in output.iterdir()) == sorted(path.name for path in whole.iterdir())
