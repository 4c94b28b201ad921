"""Names in an architecture file that stand for something elsewhere: its technology table and its dataflow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dse.architecture.technology import load_technology
from dse.errors import DseError, SpecError
from dse.formats.architecture.dataflow import find_dataflow
from dse.formats.text.source import Source


def unknown_names(source: Source) -> list[SpecError]:
    """Errors of the names that a file gives its technology table and its dataflow, whatever else is wrong with it."""
    errors = []
    section = source.get(("technology",))
    path = ("technology", "table") if isinstance(section, Mapping) else ("technology",)
    table, dataflow = source.get(path), source.get(("dataflow",))
    own = source.data.get("dataflows") if isinstance(source.data, Mapping) else None
    try:
        if isinstance(table, str):
            load_technology(table)
    except DseError as error:
        errors.append(source.error(path, error.message, error.hint))
    try:
        if isinstance(dataflow, str) and dataflow not in (own or {}):
            find_dataflow(dataflow, Path(source.file).parent)
    except SpecError as error:
        errors.append(error if error.file else source.error(("dataflow",), error.message, error.hint))
    return errors
