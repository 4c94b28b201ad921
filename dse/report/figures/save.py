"""Figures become files, whole or not at all."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from dse.errors import DseError, visible
from dse.formats.text.replace import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_figure(figure: Figure, path: str | Path, dpi: float | None = None) -> None:
    """Write a figure in the format that the name ends in; `.png` is added to a name without an ending.

    Texts are names and sentences, so a `$` in them begins no formula.

    Raises
    ------
    DseError
        The file cannot be written, or there is no such format.
    """
    path = Path(path)
    if not path.suffix:
        path = path.with_name(f"{path.name}.png")
    drawn = BytesIO()
    take_literally(figure)
    try:
        figure.savefig(drawn, format=path.suffix[1:].lower(), dpi="figure" if dpi is None else dpi)
    except ValueError as error:
        raise DseError(f"cannot write {path}: {error}", hint="end the name in .svg, .png or .pdf") from None
    write_bytes(path, drawn.getvalue())


def take_literally(figure: Figure) -> None:
    """Make a `$` in a figure's texts begin no formula; needed before texts are measured, which parses them."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        if not text.get_text().startswith(r"$\mathdefault{"):  # as the ticks of a logarithmic axis write powers
            text.set_parse_math(False)
            text.set_text(visible(text.get_text()))  # fonts have no signs for control characters


def tick_name(name: str) -> str:
    """A name for the ticks of an axis, which are made while drawing: a `$` in it begins no formula.

    Examples
    --------
    >>> print(tick_name("a$b$"))
    a\\$b\\$
    """
    return name.replace("$", r"\$")
