"""What verbs print: notes for the person, rows in three formats, and a line that says how far they are."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from dse.errors import visible

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture


def compile_first(*architectures: Architecture) -> None:
    """Compile the kernels that some architectures need if this machine has not yet, saying so, now and later."""
    from dse.mapper import compile_kernels

    compile_kernels(note, architectures)
    logger = logging.getLogger("dse")
    logger.setLevel(logging.INFO)
    if not logger.handlers:
        logger.addHandler(Notes())


class Notes(logging.Handler):
    """What the package logs while it works, as notes for the person."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print it."""
        note(record.getMessage())


def note(text: str) -> None:
    """A line for the person, apart from the output."""
    click.echo(visible(text), err=True)


def print_json(plain: Any) -> None:
    click.echo(json.dumps(plain, indent=2, allow_nan=False))


def print_rows(form: str, text: Callable[[], str], plain: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print in the form asked for: a text, plain data as JSON, or rows as CSV."""
    if form == "json":
        print_json(plain)
    elif form == "csv":
        from dse.formats.text.spreadsheet import to_csv

        click.echo(to_csv([dict(row) for row in rows]), nl=False)
    else:
        click.echo(visible(text()))


PIPE_S = 20.0
"""Seconds between two lines about progress where they cannot be written over."""


class StatusLine:
    """One line on a terminal that is written over again and again; in a pipe or a file, a line now and then."""

    def __init__(self) -> None:
        self._shown = 0
        self._told = time.monotonic()
        self._active = sys.stderr.isatty()

    def show(self, text: str) -> None:
        if self._active:
            width = _terminal_width()
            text = visible(text)[: width - 1]
            sys.stderr.write("\r" + text + " " * (self._shown - len(text)))
            sys.stderr.flush()
            self._shown = len(text)
        elif time.monotonic() - self._told >= PIPE_S:
            self._told = time.monotonic()
            note(text)

    def clear(self) -> None:
        if self._active and self._shown:
            sys.stderr.write("\r" + " " * self._shown + "\r")
            sys.stderr.flush()
            self._shown = 0


def _terminal_width() -> int:
    from shutil import get_terminal_size

    return get_terminal_size().columns
