"""Kinds of values in ZigZag's files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dse.formats.text.located import DataPath, Source


def check_kinds(
    source: Source, path: DataPath, given: Mapping[Any, Any], *, lists: Iterable[str] = (), mappings: Iterable[str] = ()
) -> None:
    """Whether these keys of a mapping, where they are given, have a list or a mapping.

    Raises
    ------
    SpecError
        One has not; at its place.

    Examples
    --------
    >>> from dse.formats.text.source import parse_source
    >>> from dse.errors import SpecError
    >>> source = parse_source("padding: 1")
    >>> try:
    ...     check_kinds(source, (), source.data, lists=["padding"])
    ... except SpecError as error:
    ...     print(error.message)
    padding is a list
    """
    for keys, kind, what in ((lists, list, "a list"), (mappings, dict, "a mapping")):
        for key in keys:
            if given.get(key) is not None and not isinstance(given[key], kind):
                raise source.error((*path, key), f"{key} is {what}")
