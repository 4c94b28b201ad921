"""Every example in a docstring runs, and says what it shows."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import dse

ROOT = Path(dse.__file__).parent
NAMES = sorted(
    ".".join(("dse", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
    for path in ROOT.rglob("*.py")
    if ">>>" in path.read_text(encoding="utf-8")
)


def test_examples_are_found():
    assert {"dse", "dse.report.units", "dse.formats.workload.load"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_examples(name):
    module = import_module(name)
    assert [test for test in doctest.DocTestFinder().find(module, name) if test.examples]
    assert doctest.testmod(module).failed == 0
