"""What compiled code depends on: the files of its modules, and of all that these import."""

from __future__ import annotations

import ast
import hashlib
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[3]

IMPORTS = re.compile(r"^\s*(?:from|import)\s+(dse(?:\.\w+)*)", re.MULTILINE)
MARKED = re.compile(r"^from dse\.model\.counting\.kernel import .*\bentry\b", re.MULTILINE)


@cache
def digest() -> str:
    """Of the text of all modules that code is made from.

    Examples
    --------
    >>> len(digest())
    64
    """
    found = hashlib.sha256()
    for path in sources(_kernel_modules()):
        found.update(path.read_bytes())
    return found.hexdigest()


def sources(modules: list[Path]) -> list[Path]:
    """The files of some modules and of all that they import of this package, directly or not.

    Compiled code has the constants and records of imported modules frozen into it, so it depends on all of them.

    Examples
    --------
    >>> [path.name for path in sources([PACKAGE / "mapper" / "shared" / "mapspace" / "words.py"])]
    ['words.py', 'dims.py']
    """
    seen: set[Path] = set()
    waiting = list(modules)
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting += [file for name in IMPORTS.findall(path.read_text()) for file in _files(name)]
    return sorted(seen)


@cache
def digest_of(module: str) -> str:
    """Of what a kernel's module and all that it imports say to the compiler, and of how code is made.

    Parameters
    ----------
    module : str
        Its name.

    Examples
    --------
    >>> digest_of("dse.mapper.shared.mapspace.sizes") == digest_of("dse.mapper.shared.mapspace.factors")
    False
    """
    found = hashlib.sha256()
    for path in sources([*_makers(), *_files(module)]):
        found.update(_essence_of(path).encode())
    return found.hexdigest()


@cache
def _essence_of(path: Path) -> str:
    return essence(path.read_text(encoding="utf-8"))


def essence(source: str) -> str:
    """A module without comments, empty lines and strings that stand alone: what is left is what code is made from.

    Examples
    --------
    >>> essence("'What it is.'\\n\\nx = 1  # one\\n")
    'x = 1'
    """
    lines = source.splitlines()
    for first, last in _strings_alone(source):
        lines[first - 1 : last] = [""] * (last - first + 1)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    return "\n".join(stripped for line in lines if (stripped := line.rstrip()))


def _strings_alone(source: str) -> Iterator[tuple[int, int]]:
    """First and last line of each."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.end_lineno or node.lineno


def _kernel_modules() -> list[Path]:
    """The modules that define entries, and those that compile."""
    floors = (PACKAGE / "model", PACKAGE / "mapper")
    marked = [path for floor in floors for path in floor.rglob("*.py") if MARKED.search(path.read_text())]
    return [*_makers(), *marked]


def _makers() -> list[Path]:
    """The modules of this folder, which compile."""
    return sorted(Path(__file__).resolve().parent.glob("*.py"))


def _files(name: str) -> list[Path]:
    """The file of a module; of a package, its modules, since any of them may be what is imported from it."""
    path = PACKAGE.joinpath(*name.split(".")[1:])
    if path.is_dir():
        return [] if path == PACKAGE else sorted(path.glob("*.py"))
    return [path.with_suffix(".py")]
