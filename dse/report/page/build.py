"""The page of a sweep, with everything inside."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from dse.report.page.data import page_data
from dse.report.text.asked import asked_lines, workloads_of
from dse.report.text.counts import proof_line, status_line
from dse.report.text.sweeps import budgets_line, front_table, gap_line, verdict

if TYPE_CHECKING:
    from dse.explore.results.result import SweepResult
    from dse.report.cards.book import Book
    from dse.report.table import Table

HERE = Path(__file__).parent

SECTIONS = """
<section aria-label="Front">
  <h2>Which design?</h2>
  <div id="axes" class="controls"></div>
  <div id="front" class="figure tall"></div>
  <p class="note">Click a design, in the figure or in the table, to see what it does. Hold Shift, or choose below,
  to put a second one beside it.</p>
  <div id="table" class="scroll"></div>
  NOTES
</section>
<section aria-label="Design">
  <h2>What does it do?</h2>
  <div id="choice" class="controls"></div>
  <div id="cards" class="beside"></div>
</section>
<section aria-label="Search">
  <h2>What was searched?</h2>
  <h4>Every design that works; drag along an axis to choose</h4>
  <div id="parallel" class="figure"></div>
  <div class="beside">
    <div><h4>How soon was it found?</h4>
    <p class="note">Take all figures between the best and the worst that were found, one for each objective, on
    logarithmic scales: the curve is the part of them that some design tried by then beats (the front's hypervolume).
    Once it is flat, further designs brought little.</p>
    <div id="hypervolume" class="figure low"></div></div>
    <div id="ruled"></div>
  </div>
</section>
"""


def page(result: SweepResult, book: Book) -> str:
    """The front, a card for each design on it, and what was searched, as HTML with everything inside."""
    from plotly.offline import get_plotlyjs

    table = front_table(result, most=200)
    title = escape(result.name)
    notes = "\n  ".join(f'<p class="note">{_told(line)}.</p>' for line in page_notes(result, table))
    what = ". ".join([f"{result.architecture} on {workloads_of(result)}",
                      *map(_capital, asked_lines(result)), f"{status_line(result)}."])  # fmt: skip
    return "\n".join([
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<link rel="icon" href="data:,">',
        f"<title>{title}</title><style>{(HERE / 'page.css').read_text()}</style></head><body>",
        f"<h1>{title}</h1>",
        f"<p class='verdict'>{_told(verdict(result))}</p>",
        f"<p>{_told(_sentence(proof_line(result)))}</p>",
        f"<p>{_told(what)}</p>",
        SECTIONS.replace("NOTES", notes),
        f'<noscript><h2>{escape(table.title)}</h2>{_table(table)}</noscript>',
        f'<script type="application/json" id="data">{_embedded(page_data(result, book))}</script>',
        f"<script>{get_plotlyjs()}</script>",
        *(f"<script>{(HERE / name).read_text()}</script>" for name in ("resident.js", "page.js")),
        "</body></html>",
        "",
    ])  # fmt: skip


def page_notes(result: SweepResult, table: Table) -> list[str]:
    """What the table and the lines of the front mean."""
    lines = [budgets_line(result).replace("rows", "lines", 1)] if len(result.budgets()) > 1 else []
    return [*([table.note] if table.note else []), *map(_capital, [*lines, gap_line(result)])]


def _sentence(line: str) -> str:
    """A line of the terminal as a sentence by itself."""
    return f"{_capital(line)}." if line else ""


def _capital(line: str) -> str:
    return f"{line[:1].upper()}{line[1:]}"


def _told(text: str) -> str:
    """Text as HTML, in which a number stays on the line of its percent sign."""
    return escape(text).replace(" %", "&nbsp;%")


def _embedded(plain: object) -> str:
    """JSON that cannot end the element it stands in, whatever names hold."""
    text = json.dumps(plain, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


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
