"""Figures become files, whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dse.errors import DseError, visible
from dse.formats.text.replace import write_bytes, write_text
from dse.formats.text.spreadsheet import to_csv

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")

UNDATED = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
"""The same data make the same file at any time."""


def save_figure(figure: Figure, path: str | Path, dpi: float | None = None) -> None:
    """Write a figure in the format that the name ends in; `.png` is added to a name without an ending.

    Raises
    ------
    DseError
        The file cannot be written, or there is no such format.
    """
    from matplotlib import rc_context

    path = Path(path)
    if not path.name:
        raise DseError(f"cannot write {path}: this is a folder", hint="end the name in .svg, .png or .pdf")
    if not path.suffix:
        path = path.with_name(f"{path.name}.png")
    drawn = BytesIO()
    form = path.suffix[1:].lower()
    try:
        with rc_context({"svg.hashsalt": "dse"}):
            figure.savefig(drawn, format=form, dpi="figure" if dpi is None else dpi, metadata=UNDATED.get(form))
    except ValueError as error:
        raise DseError(f"cannot write {path}: {error}", hint="end the name in .svg, .png or .pdf") from None
    write_bytes(path, drawn.getvalue())


def save_with_data(
    figure: Figure, rows: Sequence[Mapping[str, Any]], path: Path, formats: Sequence[str]
) -> list[str]:
    """Write a figure in some formats and its data as CSV beside it; returns the files' names.

    Parameters
    ----------
    path : Path
        Without an ending.
    formats : sequence of {"png", "svg", "pdf"}
    """
    columns = list(dict.fromkeys(key for row in rows for key in row))
    names = [f"{path.name}.csv"]
    write_text(path.with_name(names[0]), to_csv([{column: row.get(column) for column in columns} for row in rows]))
    for form in formats:
        names.append(f"{path.name}.{form}")
        save_figure(figure, path.with_name(names[-1]))
    return names


def take_literally(artist: Artist) -> None:
    """Make texts names and sentences: a `$` begins no formula, and control characters are spelt out."""
    from matplotlib.text import Text

    for text in artist.findobj(Text):
        assert isinstance(text, Text)
        text.set_parse_math(False)
        text.set_text(visible(text.get_text()))  # fonts have no signs for control characters
