"""Plain data that remembers which file, line and column each of its values came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from dse.errors import SpecError, SpecErrors

DataPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands, lines and columns from 1; `key_line` and `key_column` are its key's, if it has one."""

    file: str
    line: int
    column: int
    key_line: int | None
    key_column: int | None


@dataclass(frozen=True)
class Source:
    """A parsed spec file.

    Parameters
    ----------
    file : str
        As it is named in errors.
    data : dict, list or scalar
        Plain data; what `extends` brought in is merged.
    places : mapping from path to Place
        One for every value in `data`, the empty path included.
    texts : mapping from file to its lines
    """

    file: str
    data: Any
    places: Mapping[DataPath, Place]
    texts: Mapping[str, list[str]]

    def place(self, path: DataPath) -> Place:
        """Of the value at a path, or of its nearest ancestor that exists."""
        while path not in self.places:
            path = path[:-1]
        return self.places[path]

    def position(self, path: DataPath, *, key: bool = False) -> tuple[int, int]:
        """Line and column, from 1, that an error about a path points at.

        Parameters
        ----------
        path : tuple of str or int
        key : bool
            Point at the key. Otherwise at the value, unless that is a mapping or a list: these are pointed at by
            their key, because they may start far from it.
        """
        place = self.place(path)
        if place.key_line is None or place.key_column is None:
            return place.line, place.column
        if key or isinstance(self.get(path), dict | list):
            return place.key_line, place.key_column
        return place.line, place.column

    def get(self, path: DataPath) -> Any:
        """The value at a path, or at its nearest ancestor that exists."""
        value = self.data
        for part in path:
            if not has(value, part):
                break
            value = value[part]
        return value

    def error(self, path: DataPath, message: str, hint: str | None = None, *, key: bool = False) -> SpecError:
        """An error about the value (or, with `key`, the key) at a path; the caller raises it."""
        line, column = self.position(path, key=key)
        file = self.place(path).file
        lines = self.texts.get(file, [])
        source_line = lines[line - 1] if line <= len(lines) else None
        return SpecError(message, file=file, line=line, column=column, hint=hint, source_line=source_line)


def has(data: Any, part: str | int) -> bool:
    """Whether plain data is a mapping with this key, or a list with this index.

    Examples
    --------
    >>> has({"a": 1}, "a"), has([1, 2], 2), has(3, "a")
    (True, False, False)
    """
    if isinstance(data, list):
        return isinstance(part, int) and 0 <= part < len(data)
    return isinstance(data, dict) and part in data


def raise_all(errors: Iterable[SpecError]) -> None:
    """Raise the errors of a file, in the order of its lines; none is fine.

    Examples
    --------
    >>> raise_all([])
    >>> raise_all([SpecError("second", line=2), SpecError("first", line=1)])
    Traceback (most recent call last):
    dse.errors.SpecErrors: 1: first
    2: second
    """
    ordered = sorted(errors, key=lambda error: (error.file or "", error.line or 0, error.column or 0))
    if len(ordered) == 1:
        raise ordered[0]
    if ordered:
        raise SpecErrors(ordered)


def did_you_mean(word: object, choices: Iterable[object], *, shown: int = 12) -> str | None:
    """A hint for a word that is none of the choices: the closest ones, or else the choices themselves.

    Parameters
    ----------
    word : object
    choices : iterable
    shown : int
        At most this many choices are listed.

    Examples
    --------
    >>> did_you_mean("vgg61", ["vgg16", "alexnet"])
    "did you mean 'vgg16'?"
    >>> did_you_mean("x", ["rows", "cols"])
    'one of: cols, rows'
    >>> did_you_mean("architecture", ["arch", "batch"])
    "did you mean 'arch'?"
    """
    names = sorted({str(choice) for choice in choices})
    lowered, given = {name.lower(): name for name in names}, str(word).lower()
    close = [lowered[match] for match in get_close_matches(given, lowered, n=2, cutoff=0.6)]
    close = close or [name for key, name in lowered.items() if len(key) > 2 and given.startswith(key)][:2]
    if close:
        return "did you mean " + " or ".join(repr(name) for name in close) + "?"
    if not names:
        return None
    listed = ", ".join(names[:shown]) + (f", ... ({len(names)} in all)" if len(names) > shown else "")
    return f"one of: {listed}" if len(names) > 1 else f"only {listed} is possible"
