"""The examples run: the search over widths, and every cell of the notebook, shown as a notebook shows it."""

from __future__ import annotations

import ast
import json
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

import dse

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))


def module_of(path):
    spec = spec_from_file_location(path.stem, path)
    module = module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def nas():
    return module_of(EXAMPLES / "nas_widths.py")


def test_the_search_over_widths_fills_its_budget(nas):
    """On a tiny network; each step is wider and within the budget, and the last one cannot be widened."""
    sizes, choices = (6, 3), (4, 8, 16)
    model = nas.CostModel(dse.load_architecture("eyeriss"), gap=0.05)
    every = [nas.candidate(model, (a, b), sizes) for a in choices for b in choices]
    budget = sorted(found.latency_s for found in every)[6]
    path = nas.search(model, budget, sizes, choices)
    assert len(path) > 1
    assert [found.capacity for found in path] == sorted({found.capacity for found in path})
    assert all(found.latency_s <= budget for found in path)
    places = [choices.index(width) for width in path[-1].widths]
    for found in every:
        steps = [choices.index(width) - place for width, place in zip(found.widths, places, strict=True)]
        assert sorted(steps) != [0, 1] or found.latency_s > budget


def test_a_shape_is_mapped_once(nas):
    model = nas.CostModel(dse.load_architecture("eyeriss"), gap=0.05)
    net = nas.network((4, 8), (6, 3))
    first = model.network(net)
    mapped = dict(model.known)
    assert model.network(net) == first
    assert model.known == mapped
    assert len(mapped) == len(net.distinct()) == 3


def cells_of(path):
    plain = json.loads(path.read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in plain["cells"] if cell["cell_type"] == "code"]


def test_notebooks_are_kept_without_output():
    assert NOTEBOOKS
    for path in NOTEBOOKS:
        plain = json.loads(path.read_text(encoding="utf-8"))
        assert not any(cell.get("outputs") for cell in plain["cells"])


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_every_cell_shows_something(path):
    """Its cells run one after another in one namespace; the last line of each is what the notebook shows."""
    names: dict[str, object] = {}
    for source in cells_of(path):
        tree = ast.parse(source)
        last = tree.body.pop()
        assert isinstance(last, ast.Expr), f"the cell shows nothing:\n{source}"
        exec(compile(tree, path.name, "exec"), names)
        shown = eval(compile(ast.Expression(last.value), path.name, "eval"), names)
        assert shown is not None, source
        assert len(repr(shown)) < 5000, source
        forms = [form() for name in ("_repr_html_", "_repr_png_") if (form := getattr(shown, name, None))]
        assert not forms or any(forms), source


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_in_a_kernel_of_jupyter(path):
    """Where Jupyter's client and kernel are installed."""
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    nbclient.NotebookClient(nbformat.read(path, as_version=4), timeout=600, kernel_name="python3").execute()
