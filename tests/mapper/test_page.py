"""The pages about the mapper name functions and tests that exist."""

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs" / "mapper.md", *sorted((ROOT / "docs" / "mapper").glob("*.md"))]
PAGE = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
FILES = sorted(path.relative_to(ROOT).with_suffix("") for path in (ROOT / "dse" / "mapper").rglob("*.py"))
MODULES = {file.name: [".".join(one.parts) for one in FILES if one.name == file.name] for file in FILES}
"""Dotted names of the modules that have a name: the wings may share one."""
CODE = sorted(set(re.findall(r"`([^`\n]+)`", PAGE)))


def modules_called(name):
    """Dotted names of the modules that the page means by `bounds` or `inner.bounds`."""
    return [one for one in MODULES.get(name.rpartition(".")[2], []) if f".{one}".endswith(f".{name}")]


@pytest.mark.parametrize("name", [text for text in CODE if modules_called(text.rpartition(".")[0])])
def test_a_function_is_where_the_page_says(name):
    module, _, function = name.rpartition(".")
    assert any(hasattr(import_module(one), function) for one in modules_called(module))


@pytest.mark.parametrize("name", [text for text in CODE if text.startswith("_") or text in ("boxes", "slid_over_a")])
def test_a_function_named_alone_is_in_the_mapper(name):
    modules = [one for name, several in MODULES.items() if name != "__init__" for one in several]
    assert any(hasattr(import_module(module), name) for module in modules)


@pytest.mark.parametrize("name", [text for text in CODE if text.startswith("tests/") and " " not in text])
def test_a_test_is_there(name):
    assert (ROOT / name).exists()


def test_the_page_names_every_module_that_bounds():
    outer, inner = ("outer.words", "outer.table"), ("inner.bounds", "inner.costs")
    for module in (*outer, *inner, "placing", "pricing", "orders", "curve", "space"):
        assert f"`{module}." in PAGE
