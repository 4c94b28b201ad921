"""How values show themselves in a notebook: a short text, a table, a picture."""

from __future__ import annotations

import sys
from html import escape
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

SHOWN_ROWS = 40
"""Of a table in a notebook; the middle of a longer one is left out."""


def short(kind: str, name: str = "", **facts: Any) -> str:
    """The text of a value: what it is, its name, and what one asks first, numbers to four digits.

    Examples
    --------
    >>> short("Cost", energy_pj=1234567.8, bound_by="compute")
    "Cost(energy_pj=1.235e+06, bound_by='compute')"
    """

    def said(value: Any) -> str:
        return f"{value:.4g}" if isinstance(value, float) else repr(value)

    parts = [repr(name)] if name else []
    return f"{kind}({', '.join([*parts, *(f'{key}={said(value)}' for key, value in facts.items())])})"


class Framed(Protocol):
    """What has a table."""

    def to_dataframe(self) -> pandas.DataFrame: ...


def html(thing: Framed) -> str:
    """A value's text above its table, with names as text.

    Examples
    --------
    >>> import pandas
    >>> class Table:
    ...     def __repr__(self):
    ...         return "Table()"
    ...     def to_dataframe(self):
    ...         return pandas.DataFrame({"a": [1]})
    >>> html(Table()).splitlines()[0]
    '<p><code>Table()</code></p>'
    """
    frame = thing.to_dataframe()
    table = frame.to_html(max_rows=SHOWN_ROWS, float_format="{:.4g}".format, border=0)
    return f"<p><code>{escape(repr(thing))}</code></p>\n{table}"


def picture(thing: Any) -> Figure:
    """The picture that `dse.plot` draws of a value.

    Drawing is the business of a floor above this one, so it is asked of the package by its public name.

    Examples
    --------
    >>> import dse
    >>> len(picture(dse.load_workload("alexnet")).axes)
    1
    """
    figure: Figure = sys.modules["dse"].plot(thing)
    return figure
