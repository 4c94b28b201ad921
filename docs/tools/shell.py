"""Runs the shell examples of a page, one after the other, in a folder of the page's own.

What the blocks of a page mean:

- `yaml`, first line `# NAME.yaml`: a file of that name, there for the commands that follow.
- `sh`: commands, one a line. Those of `dse` run here; those of `OTHERS` are for the reader.
- `text`, right after `sh`: what its last command prints. A line `...` stands for lines that are left out.
- `<!-- short: COMMANDS -->` right before `sh`: what the plain test suite runs instead, with `;` between commands.
  With `-m slow` the block runs as it stands.
- `<!-- fails -->` right before `sh`: its last command is refused, and the `text` is the message.
"""

from __future__ import annotations

import io
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ("arch_specs", "workloads", "sweeps", "examples", "docs")
OTHERS = ("python", "python3", "PYTHONPATH=docs", ".venv/bin/pip", ".venv/bin/pytest", ".venv/bin/ruff", ".venv/bin/mypy",
          ".venv/bin/pre-commit", ".venv/bin/mkdocs", "make", "source", "dask", "pip", "timeloop-model")  # fmt: skip
"""What the pages may start beside `dse`."""
GAP = "..."
"""A line of a shown output that stands for lines left out."""

_BLOCK = re.compile(
    r"^(?:<!-- (?P<note>short|fails)(?::(?P<instead>[^\n]*))? -->\n)?"
    r"^```(?P<kind>sh|yaml)\n(?P<body>.*?)^```\n"
    r"(?:\n*```text\n(?P<shown>.*?)^```\n)?",
    re.MULTILINE | re.DOTALL,
)
_FILE = re.compile(r"# ([\w./-]+\.yaml)$")


@dataclass(frozen=True, slots=True)
class Example:
    """One block of commands.

    Parameters
    ----------
    line : int
        Of the page, where the block starts.
    commands : tuple of str
    instead : tuple of str or None
        What the plain suite runs.
    fails : bool
    shown : str or None
        The output that the page shows.
    span : (int, int)
        Of `shown` in the page's text.
    files : tuple of (name, text)
        That stand before it in the page.
    """

    line: int
    commands: tuple[str, ...]
    instead: tuple[str, ...] | None
    fails: bool
    shown: str | None
    span: tuple[int, int]
    files: tuple[tuple[str, str], ...]


def examples(page: Path) -> list[Example]:
    """The examples of a page, in its order."""
    text = page.read_text(encoding="utf-8")
    files: list[tuple[str, str]] = []
    found = []
    for block in _BLOCK.finditer(text):
        body = block["body"]
        if block["kind"] == "yaml":
            named = _FILE.match(body.partition("\n")[0])
            files += [(named[1], body)] if named else []
            continue
        instead = block["instead"]
        found.append(
            Example(
                text.count("\n", 0, block.start("body")),
                tuple(body.splitlines()),
                None if instead is None else tuple(part.strip() for part in instead.split(";") if part.strip()),
                block["note"] == "fails",
                block["shown"],
                block.span("shown"),
                tuple(files),
            )
        )
    return found


def run(page: Path, folder: Path, *, in_full: bool) -> Iterator[tuple[Example, str]]:
    """Run a page's examples in a folder; each with what its last command printed, where that can be compared.

    Parameters
    ----------
    page, folder : Path
    in_full : bool
        Run every block as it stands, not what the plain suite runs instead.

    Raises
    ------
    AssertionError
        A command ends as it should not.
    """
    for name in SHIPPED:
        (folder / name).symlink_to(ROOT / name)
    for example in examples(page):
        for name, text in example.files:
            (folder / name).write_text(text, encoding="utf-8")
        shortened = example.instead is not None and not in_full
        lines = list(example.instead or ()) if shortened else list(example.commands)
        output = ""
        for i, line in enumerate(lines):
            fails = example.fails and i == len(lines) - 1
            for words in _commands(line):
                output = _run(words, folder, f"{page.name}:{example.line}: {line}", fails=fails)
        if not shortened:
            yield example, output


def _commands(line: str) -> Iterator[list[str]]:
    """The commands of `dse` on a line; what else the pages may start is for the reader."""
    for part in re.split(r"(?:^|\s)#", line)[0].split("&&"):
        words = shlex.split(part)
        if not words:
            continue
        name = words[0].removeprefix(".venv/bin/")
        if name == "dse":
            yield words[1:]
        else:
            assert words[0] in OTHERS, f"{words[0]} is no command that pages show"


def _run(words: list[str], folder: Path, where: str, *, fails: bool) -> str:
    from dse.cli.main import run as dse

    target = None
    if ">" in words:
        at = words.index(">")
        words, target = words[:at], folder / words[at + 1]
    printed, told = io.StringIO(), io.StringIO()
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "80"
    try:
        with chdir(folder), redirect_stdout(printed), redirect_stderr(told):
            code = dse(words)
    finally:
        os.environ.pop("COLUMNS")
        if before is not None:
            os.environ["COLUMNS"] = before
    assert (code != 0) == fails, f"{where}: exit code {code}\n{told.getvalue()}"
    if target is not None:
        target.write_text(printed.getvalue(), encoding="utf-8")
    return told.getvalue() if fails else printed.getvalue()


def excerpt(output: str, shown: str) -> str:
    """An output as a page shows it: as many lines before and after the first and the last `...` as are shown now.

    What is shown between two `...` stays as it is when the output has it, and is left out otherwise.

    Examples
    --------
    >>> excerpt("a\\nb\\nc\\nd\\n", "x\\n...\\ny\\n")
    'a\\n...\\nd\\n'
    """
    lines = [line.rstrip() for line in output.rstrip("\n").split("\n")]
    pieces: list[list[str]] = [[]]
    for line in shown.rstrip("\n").split("\n"):
        if line == GAP:
            pieces.append([])
        else:
            pieces[-1].append(line)
    if len(pieces) == 1:
        return "\n".join(lines) + "\n"
    head, *between, tail = pieces
    kept = [piece for piece in between if "\n".join(piece) in "\n".join(lines)]
    parts = [lines[: len(head)], *kept, lines[len(lines) - len(tail) :]]
    whole = [line for part in parts for line in (*part, GAP)][:-1]
    return "\n".join(whole) + "\n"


def refresh(page: Path, folder: Path, *, in_full: bool) -> bool:
    """Write what the commands print now into a page; True when that changed it."""
    text = page.read_text(encoding="utf-8")
    changes = [
        (example.span, excerpt(output, example.shown))
        for example, output in run(page, folder, in_full=in_full)
        if example.shown is not None
    ]
    new = text
    for (start, end), output in reversed(changes):
        new = new[:start] + output + new[end:]
    page.write_text(new, encoding="utf-8")
    return new != text
