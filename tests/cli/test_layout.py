"""The packages are floors with no stairs down, and one of them prints."""

import ast
import re
from pathlib import Path

import pytest

import dse

FLOORS = ("problem", "architecture", "model", "mapper", "formats", "explore", "report", "cli")
ROOT = Path(dse.__file__).parent
MODULES = sorted(path for path in ROOT.rglob("*.py") if path.parent != ROOT)


def imported(tree):
    """Names of the modules of this project that a module imports, wherever in it."""
    for node in ast.walk(tree):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        yield from (name for name in names if name.startswith("dse"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_from_its_own_floor_and_those_before_it(path):
    own = FLOORS.index(path.relative_to(ROOT).parts[0])
    for name in imported(ast.parse(path.read_text())):
        if name != "dse.errors":
            assert FLOORS.index(name.split(".")[1]) <= own, name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_command_line_prints(path):
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    prints = [call for call in calls if isinstance(call, ast.Name) and call.id == "print"]
    echoes = [call for call in calls if isinstance(call, ast.Attribute) and call.attr == "echo"]
    assert not prints
    assert not echoes or "cli" in path.parts


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_written_in_one_way(path):
    """`dse.formats.text.replace`, so that no reader ever finds half a file; kernels and logs have ways of their own."""
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    writes = {call.attr for call in calls if isinstance(call, ast.Attribute)} & {"write_text", "write_bytes"}
    assert not writes or path.name == "replace.py" or "shared" in path.parts


def test_the_simulator_takes_nothing_from_the_closed_form():
    """What it imports, and what that imports in turn, never reaches the counts that it is to check."""
    seen, waiting = set(), ["dse.model.simulator.walk"]
    while waiting:
        name = waiting.pop()
        path = ROOT.joinpath(*name.split(".")[1:]).with_suffix(".py")
        if name in seen or not path.is_file():
            continue
        seen.add(name)
        waiting += imported(ast.parse(path.read_text()))
    assert not [name for name in seen if name.startswith("dse.model.counting")]
    assert not seen & {"dse.model.cost", "dse.model.time"}
    assert "dse.model.simulator.walk" in seen


SET_BY_USERS = {("explore/sweep.py", "sweep"), ("mapper/network/workload.py", "map_workload")}
"""Functions whose keywords are what users set, one by one."""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_parameter_lists_are_short(path):
    text = path.read_text()
    assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            taken = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
            count = len([one for one in taken if one.arg not in ("self", "cls")])
            assert count <= 10 or (str(path.relative_to(ROOT)), node.name) in SET_BY_USERS, (node.name, count)


def test_a_class_of_the_mapper_has_a_name_of_its_own():
    """So that a name means one thing wherever it is read."""
    trees = [ast.parse(path.read_text()) for path in (ROOT / "mapper").rglob("*.py")]
    names = [node.name for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)]
    assert len(names) > 100
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("path", sorted(ROOT.rglob("__init__.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_wing_says_in_two_sentences_what_lives_there(path):
    said = ast.get_docstring(ast.parse(path.read_text())) or ""
    assert len(re.findall(r"\.(?=\s|$)", said)) >= 2 or path.parent == ROOT


NAMED_BY_NONE = {
    "__main__.py",  # `python -m dse`, which tests run as a process of its own
    "model/room.py", "mapper/network/residency/front.py",  # the examples in their docstrings are their tests
}
"""Modules that no test imports, each for a reason."""


def test_every_module_is_imported_by_some_test():
    """So that whoever changes a module finds its tests by its name."""
    named = set()
    for path in Path(__file__).parents[1].rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                named |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
            elif isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
    modules = {str(path.relative_to(ROOT)): path for path in ROOT.rglob("*.py") if path.name != "__init__.py"}
    unnamed = {
        name for name, path in modules.items()
        if ".".join(("dse", *path.relative_to(ROOT).with_suffix("").parts)) not in named
    }  # fmt: skip
    assert unnamed <= NAMED_BY_NONE
