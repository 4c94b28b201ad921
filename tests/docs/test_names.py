"""What the pages about the mapper, and those for developers, name in code is there: files, modules, functions."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import dse

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "CONTRIBUTING.md", *(ROOT / "docs" / name for name in ("architecture.md", "mapper.md"))]
PAGES += sorted((ROOT / "docs" / "mapper").glob("*.md"))
MODULES = {path.relative_to(ROOT).with_suffix("").parts: path for path in (ROOT / "dse").rglob("*.py")}
FILES = [path for name in ("dse", "tests", "docs") for path in (ROOT / name).rglob("*.*")]


def defined(path):
    """Names at the top of a module, and those of its classes as `Class.name`."""
    names, tree = set(), ast.parse(path.read_text(encoding="utf-8"))
    if path.name == "__init__.py":
        names |= {one.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for one in node.names}
    for node in tree.body:
        names |= {node.name} if isinstance(node, ast.FunctionDef | ast.ClassDef) else set()
        names |= {one.id for one in ast.walk(node) if isinstance(node, ast.Assign) and isinstance(one, ast.Name)}
        names |= {node.target.id} if isinstance(node, ast.AnnAssign) else set()
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{one}" for one in members(node)}
    return names


def members(node):
    for one in node.body:
        if isinstance(one, ast.FunctionDef):
            yield one.name
        elif isinstance(one, ast.AnnAssign):
            yield one.target.id


DEFINED = {parts: defined(path) for parts, path in MODULES.items()}


def is_there(name):
    """Whether a dotted name, from some package on, is a module, or what one defines."""
    parts = tuple(name.split("."))
    if parts[0] == "dse" and len(parts) == 2 and parts[1] in dir(dse):
        return True
    for module, names in DEFINED.items():
        whole = module[:-1] if module[-1] == "__init__" else module
        for cut in range(len(parts) + 1):
            if whole[len(whole) - cut :] == parts[:cut] and (cut == len(parts) or ".".join(parts[cut:]) in names):
                return True
    return False


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_everything_that_is_named_is_there(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for said in re.findall(r"`([^`\n]+)`", text):
        name = said.split("(")[0].rstrip("/")
        if re.fullmatch(r"[\w./]+\.(py|csv|yaml)", name) and "NAME" not in name:
            assert any(str(path).endswith("/" + name) for path in FILES), said
        elif re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", name) and not re.search(r"\.(md|json|toml|zip|svg)$", name):
            assert is_there(name), said


def test_what_is_not_there_is_found_out():
    assert is_there("deep.bounds.kept.tables_of")
    assert is_there("dse.mapper.deep.bounds.kept.Tables.nbytes")
    assert is_there("DeepSearch.least")
    assert not is_there("deep.bounds.kept.tables_off")
    assert not is_there("deep.bounds.kept.Tables.bytes")
    assert not is_there("model.nest.count_nest")


def test_a_function_named_alone_is_there():
    """Those that begin with an underscore, which are of no other package."""
    pages = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    alone = set(re.findall(r"`(_[a-z_]+)`", pages))
    assert alone
    assert alone <= set().union(*DEFINED.values())


def test_the_pages_name_every_module_that_bounds():
    pages = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    for module in ("outer.words", "outer.table", "inner.bounds", "inner.costs", "placing", "pricing", "curve", "sizes"):
        assert f"`{module}." in pages
