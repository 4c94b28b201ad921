"""What the pages in docs/ show is what dse computes: examples run, figures are of now, links lead somewhere."""

from __future__ import annotations

import doctest
import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent.parent / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
WITH_EXAMPLES = [page for page in PAGES if ">>>" in page.read_text(encoding="utf-8")]
LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.fixture(autouse=True)
def docs_importable(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    yield
    for name in [name for name in sys.modules if name.split(".")[0] in ("examples", "figures")]:
        del sys.modules[name]


def anchors(page):
    """The names that a heading can be linked by: lower case, words joined by hyphens, other marks left out."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda page: str(page.relative_to(DOCS)))
def test_every_worked_example_gives_what_the_page_shows(page):
    failed, tried = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert tried > 0
    assert failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_no_page_holds_what_a_failed_command_says(page):
    """A table that a script makes may end in the middle."""
    text = page.read_text(encoding="utf-8")
    assert "Traceback (most recent call last)" not in text
    assert not re.search(r"^  File \"", text, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_every_link_leads_to_a_file_and_a_heading(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith("http"):
            continue
        path, _, anchor = target.partition("#")
        other = (page.parent / path).resolve() if path else page
        assert other.exists(), target
        assert not anchor or anchor in anchors(other), target


def texts(svg):
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["nest", "slide", "order", "visits"])
def test_every_number_in_a_figure_is_the_one_of_now(name, tmp_path):
    import_module("figures.draw").main(tmp_path)
    shown = texts(DOCS / "figures" / f"{name}.svg")
    assert any(text.strip().isdigit() or "words" in text for text in shown)
    assert shown == texts(tmp_path / f"{name}.svg")
