"""CSV that a spreadsheet reads as it is written: a name that looks like a formula stays a text."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

FORMULA_STARTS = ("=", "+", "-", "@")
"""A spreadsheet calculates what begins so, and a formula can call programs."""


def to_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> str:
    """Plain rows as CSV with a header; the columns are the first row's keys unless given.

    Examples
    --------
    >>> to_csv([{"layer": "=cmd()", "cycles": -1}])
    "layer,cycles\\n'=cmd(),-1\\n"
    """
    text = StringIO()
    names = list(columns) if columns is not None else list(rows[0]) if rows else []
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(cell, names))
    writer.writerows([cell(row.get(name)) for name in names] for row in rows)
    return text.getvalue()


def cell(value: Any) -> Any:
    """A value as a cell; a text that a spreadsheet would calculate gets an apostrophe, as one types it by hand.

    Examples
    --------
    >>> cell("=1+1"), cell("conv1"), cell(-2.5)
    ("'=1+1", 'conv1', -2.5)
    """
    if not isinstance(value, str):
        return value
    text = value.replace("\r", " ")  # which would end the row
    return f"'{text}" if text.lstrip().startswith(FORMULA_STARTS) else text
