"""Settings for the whole test suite."""

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
        help="cases that Timeloop has counted, one JSON object a line, for tests/validation/test_timeloop.py",
    )
