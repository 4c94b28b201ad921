"""What `dse import` makes of the files of another tool."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dse.errors import DseError, SpecError
from dse.formats.text.replace import write_text


def unquoted(text: str) -> str:
    """YAML of ours without the quotes around quantities, as people write them.

    Examples
    --------
    >>> unquoted('DRAM: {bandwidth: "64 bit/cycle"}')
    'DRAM: {bandwidth: 64 bit/cycle}'
    """
    return re.sub(r'"([0-9][0-9.e+-]* [A-Za-z0-9]+(?:/[a-z]+)?)"', r"\1", text)


def file_name(path: str) -> str:
    """The last part of a path, of either kind."""
    return re.split(r"[/\\]", path)[-1]


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a file that is no YAML, and where it stands; line and column count from 1.

    Examples
    --------
    >>> print(Word("K9", 1, 7).error("K9 is no size", "net.m", ["K: 4, K9"], "a whole number"))
    net.m:1:7: K9 is no size
      1 | K: 4, K9
        |       ^
      hint: a whole number
    """

    text: str
    line: int
    column: int

    def error(self, message: str, file: str, lines: Sequence[str], hint: str | None = None) -> SpecError:
        """What is wrong with the word, with the line of the file that it stands in."""
        return SpecError(
            message, file=file, line=self.line, column=self.column, hint=hint, source_line=lines[self.line - 1]
        )


@dataclass(frozen=True, slots=True)
class Imported:
    """Files of ours, and what their reader should know.

    Parameters
    ----------
    files : mapping from file name to text
    notes : tuple of str
        One for each place where a number is ours because the other tool has none, or is taken in a way that has to be
        said.
    """

    files: Mapping[str, str]
    notes: tuple[str, ...] = field(default=())

    def write(self, folder: str | Path) -> list[Path]:
        """Write the files into a folder, which is made if there is none; the paths in the order of writing.

        Raises
        ------
        DseError
            The folder cannot be made, or a file cannot be written.
        """
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DseError(f"cannot write {folder}: {error.strerror}") from None
        paths = [Path(folder) / name for name in self.files]
        for path, text in zip(paths, self.files.values(), strict=True):
            write_text(path, text)
        return paths
