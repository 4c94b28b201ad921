"""Figures become files, whole or not at all."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from dse.errors import DseError
from dse.formats.text.replace import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_figure(figure: Figure, path: str | Path, dpi: float | None = None) -> None:
    """Write a figure in the format that the name ends in; `.png` is added to a name without an ending.

    Raises
    ------
    DseError
        The file cannot be written, or there is no such format.
    """
    path = Path(path)
    if not path.suffix:
        path = path.with_name(f"{path.name}.png")
    drawn = BytesIO()
    try:
        figure.savefig(drawn, format=path.suffix[1:].lower(), dpi="figure" if dpi is None else dpi)
    except ValueError as error:
        raise DseError(f"cannot write {path}: {error}", hint="end the name in .svg, .png or .pdf") from None
    write_bytes(path, drawn.getvalue())
