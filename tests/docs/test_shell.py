"""The commands of README and docs/ run, and print what the pages show of them."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest
import shell
from shell import ROOT, Example, examples, excerpt, run

PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if examples(page)]
LONG = [page for page in PAGES if any(example.instead is not None for example in examples(page))]
HINT = "make pages writes what the commands print now"


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def check(page: Path, folder: Path, *, in_full: bool) -> list[Example]:
    ran = []
    for example, output in run(page, folder, in_full=in_full):
        if example.shown is not None:
            assert example.shown == excerpt(output, example.shown), f"{name(page)}:{example.line}: {HINT}"
        ran.append(example)
    return ran


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_runs_and_prints_what_is_shown(page, tmp_path):
    check(page, tmp_path, in_full=False)


@pytest.mark.slow
@pytest.mark.parametrize("page", LONG, ids=name)
def test_long_commands_run_and_print_what_is_shown(page, tmp_path):
    assert len(check(page, tmp_path, in_full=True)) == len(examples(page))


def test_no_command_of_a_page_is_overlooked():
    """Every fenced block of shell is one that the tests know."""
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        assert page.read_text().count("\n```sh\n") == len(examples(page)), name(page)


PAGE = """\
```yaml
# tiny.yaml
workload: tiny
layers: {one: {layer: {K: 2, C: 3}}}
```

```sh
pip install dse && dse show tiny.yaml   # a comment
```

```text
tiny
...
```

<!-- short: dse show alexnet; dse show tiny.yaml -->
```sh
dse nonsense
```

<!-- fails -->
```sh
dse show other.yaml
```

```text
error: wrong
```
"""


def test_the_example_of_an_excerpt_runs():
    assert doctest.testmod(shell) == (0, 1)


def test_what_a_pages_blocks_mean(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    (tmp_path / "in").mkdir()
    first, last = run(page, tmp_path / "in", in_full=False)
    assert first[1].startswith("tiny")
    assert excerpt(first[1], first[0].shown).splitlines() == [first[1].splitlines()[0], "..."]
    assert last[1].startswith("error: ")
    (tmp_path / "full").mkdir()
    with pytest.raises(AssertionError, match="nonsense"):
        list(run(page, tmp_path / "full", in_full=True))


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ("x\n", "a\nb\nc\n"),
        ("x\n...\n", "a\n...\n"),
        ("...\nx\ny\n", "...\nb\nc\n"),
        ("x\n...\nb\n...\nc\n", "a\n...\nb\n...\nc\n"),
        ("x\n...\nlost\n...\nc\n", "a\n...\nc\n"),
    ],
)
def test_an_excerpt_keeps_the_form_of_what_is_shown(shown, expected):
    assert excerpt("a\nb \nc\n", shown) == expected
