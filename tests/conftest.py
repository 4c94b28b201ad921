"""Settings for the whole test suite."""

import fcntl
from pathlib import Path

from hypothesis import settings

settings.register_profile("dse", deadline=None)  # other work on the machine must not fail a test
settings.load_profile("dse")

REFERENCE = Path(__file__).parent / "reference"


def pytest_addoption(parser):
    parser.addoption(
        "--timeloop-cases",
        metavar="FILE",
        type=Path,
        default=REFERENCE / "timeloop_counts.jsonl",
        help="cases that Timeloop has counted, one JSON object a line, for tests/validation/models/test_timeloop.py",
    )


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
