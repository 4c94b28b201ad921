"""Every example in a docstring runs, and says what it shows."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import dse
from dse.mapper import Certificate, NetworkCertificate, NetworkFront

ROOT = Path(dse.__file__).parent
NAMES = sorted(
    ".".join(("dse", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
    for path in ROOT.rglob("*.py")
    if ">>>" in path.read_text(encoding="utf-8")
)


def test_examples_are_found():
    assert {"dse", "dse.report.units", "dse.formats.workload.load"} <= set(NAMES)


def test_every_public_name_and_what_it_returns_has_an_example():
    """Apart from what the torch extra is needed for, the example runs."""
    returned = [NetworkFront, Certificate, NetworkCertificate]
    for thing in [*(getattr(dse, name) for name in dse.__all__), *returned]:
        (found,) = doctest.DocTestFinder(recurse=False).find(thing, thing.__name__)
        skipped = [doctest.SKIP in example.options for example in found.examples]
        assert found.examples, thing
        assert thing is dse.from_torch or not any(skipped), thing


@pytest.mark.parametrize("name", NAMES)
def test_examples(name):
    module = import_module(name)
    assert [test for test in doctest.DocTestFinder().find(module, name) if test.examples]
    assert doctest.testmod(module).failed == 0
