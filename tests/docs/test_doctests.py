"""Every example in a docstring runs, and says what it shows."""

import ast
import doctest
import inspect
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


PUBLIC = [*(getattr(dse, name) for name in dse.__all__), NetworkFront, Certificate, NetworkCertificate]
"""What CONTRIBUTING.md calls public: the names of `dse`, and what its functions give back."""

INNER = {"machine"}
"""Methods of public names that only our own modules call."""


def test_every_public_name_and_what_it_returns_has_an_example():
    """Apart from what the torch extra is needed for, the example runs."""
    for thing in PUBLIC:
        (found,) = doctest.DocTestFinder(recurse=False).find(thing, thing.__name__)
        skipped = [doctest.SKIP in example.options for example in found.examples]
        assert found.examples, thing
        assert thing is dse.from_torch or not any(skipped), thing


@pytest.mark.parametrize("thing", [*filter(inspect.isclass, PUBLIC)], ids=lambda thing: thing.__name__)
def test_every_method_of_a_public_name_is_shown(thing):
    """In an example of its own, or in that of its class."""
    for name, member in vars(thing).items():
        function = getattr(member, "__func__", getattr(member, "func", member))  # class methods, cached properties
        if not name.startswith("_") and name not in INNER and inspect.isfunction(function):
            assert f".{name}" in thing.__doc__.partition(">>>")[2] or ">>>" in (function.__doc__ or ""), name


EXPLAINED = sorted(
    path
    for part in ("problem", "architecture", "model", "mapper/shared", "formats/text", "explore/outcomes")
    for path in (ROOT / part).rglob("*.py")
) + sorted((ROOT / "mapper" / "network").glob("front_*.py"))
"""Modules that many others build on: each of their functions shows by an example what it does."""


@pytest.mark.parametrize("path", EXPLAINED, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_public_function_that_many_build_on_has_an_example(path):
    functions = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
    public = [node for node in functions if not node.name.startswith("_")]
    assert not [node.name for node in public if ">>>" not in (ast.get_docstring(node) or "")]


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_example_is_found_by_the_runner(path):
    """An example that stands where no docstring is, as in a comment or a text that is composed, would never run."""
    tree = ast.parse(path.read_text())
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    texts = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, documented)]
    assert sum(text.count(">>>") for text in texts) == path.read_text().count(">>>")


@pytest.mark.parametrize("name", NAMES)
def test_examples(name):
    module = import_module(name)
    assert [test for test in doctest.DocTestFinder().find(module, name) if test.examples]
    assert doctest.testmod(module).failed == 0
