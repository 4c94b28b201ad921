"""Settings for the whole test suite."""

import fcntl
import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("dse", deadline=None)  # other work on the machine must not fail a test
settings.load_profile("dse")

REFERENCE = Path(__file__).parent / "reference"

# Whatever the environment says: else each process compiles all modules anew, and each worker rewrites all tests.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A shell has its jobs in the background ignore interrupts, and so would all commands that tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption(
        "--timeloop-cases",
        metavar="FILE",
        type=Path,
        default=REFERENCE / "timeloop_counts.jsonl",
        help="cases that Timeloop has counted, one JSON object a line, for tests/validation/models/test_timeloop.py",
    )
    parser.addoption("--in-bounds", action="store_true", help="let kernels check each index: see tests/in_bounds.py")


def pytest_configure(config):
    if config.getoption("--in-bounds"):
        from in_bounds import check

        check()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Of two processes (`-n 2`) each takes half of the tests in order, then some that the other one has left.

    So tests of one file share what it works out. In the settings, `--dist worksteal` would end all benchmarks.
    """
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log) if config.getoption("dist") == "load" else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """What one of two parameters leaves to the slow tests is none of the gate's, whatever the other one says."""
    for item in items:
        if item.get_closest_marker("slow") is not None:
            item.own_markers = [mark for mark in item.own_markers if mark.name != "gate"]


def pytest_sessionstart(session):
    """Worker processes (`-n`) share out what has to be compiled: each waits for what another one compiles."""
    worker = getattr(session.config, "workerinput", None)
    if worker is not None:
        from dse.formats.architecture.load import load_architecture
        from dse.mapper.shared.compilation.twins import cache_folder
        from dse.mapper.warm import compile_kernels

        names = ["eyeriss", "simba_pe"] if int(worker["workerid"].removeprefix("gw")) % 2 else ["simba_pe", "eyeriss"]
        for name in names:
            with (cache_folder() / f"tests-{name}.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                compile_kernels(None, [load_architecture(name)])
