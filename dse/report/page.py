"""A sweep as one page of HTML that needs no other file."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from typing import TYPE_CHECKING

from dse.report.text.sweeps import front_table, proof_line, status_line, verdict

if TYPE_CHECKING:
    from dse.explore.result import SweepResult
    from dse.report.table import Table

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #222; max-width: 70em; margin: 2em auto; padding: 0 1em; }
img { max-width: 100%; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; }
th, td { padding: .25em .8em; text-align: right; border-bottom: 1px solid #e6e6e6; white-space: nowrap; }
th.left, td.left { text-align: left; }
p.note { color: #666; }
"""


def page(result: SweepResult, figure_png: bytes) -> str:
    """The figure, the front and what was done, as HTML with everything inside."""
    table = front_table(result, most=200)
    image = b64encode(figure_png).decode()
    title = escape(result.name)
    what = escape(f"{result.architecture} on {', '.join(result.workloads)}. {status_line(result)}.")
    said = escape(verdict(result))
    return "\n".join([
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        f"<title>{title}</title><style>{_STYLE}</style>",
        f"<h1>{title}</h1>",
        f"<p><strong>{said}</strong></p>",
        f"<p>{what}</p>",
        f"<p>{escape(proof_line(result))}</p>",
        f'<img alt="Energy against latency" src="data:image/png;base64,{image}">',
        f"<h2>{escape(table.title)}</h2>",
        _table(table),
        f'<p class="note">{escape(table.note)}</p>',
        "</html>",
        "",
    ])  # fmt: skip


def _table(table: Table) -> str:
    def cell(tag: str, column: str, text: str) -> str:
        kind = ' class="left"' if column in table.left else ""
        return f"<{tag}{kind}>{escape(text)}</{tag}>"

    head = "".join(cell("th", column, column) for column in table.columns)
    body = [
        "<tr>" + "".join(cell("td", c, text) for c, text in zip(table.columns, row, strict=True)) + "</tr>"
        for row in table.rows
    ]
    return f"<table><tr>{head}</tr>{''.join(body)}</table>"
