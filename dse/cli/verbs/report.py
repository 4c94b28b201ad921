"""`dse report`: figures and tables again from a sweep's directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dse.cli.cards import collect_cards
from dse.cli.options import format_option
from dse.cli.output import compile_first, note, print_rows
from dse.errors import DseError

if TYPE_CHECKING:
    from dse.explore.results.result import SweepResult
    from dse.report.cards.book import Book


@click.command("report")
@click.argument("directory", metavar="DIR")
@click.option("--mappings", is_flag=True, help="What the mappings of each design trade, not one row each.")
@format_option
def command(directory: str, mappings: bool, form: str) -> None:
    """Draw the figures and the page of the sweep in DIR again and print its front; it need not be finished.

    Designs that the page shows in full are mapped again where DIR has no card of them yet.

    \b
    Example:
      dse report results/eyeriss-vgg16
    """
    from dse.explore.results.record import read_results, write_results
    from dse.report.directory import draw
    from dse.report.text.sweeps import status_line, warnings

    result = read_results(directory)
    for warning in warnings(result):
        note(f"warning: {warning}")
    if not result.finished:
        note("the sweep is not finished; this is what it has found so far")
    drawn = draw(result, Path(directory), _book(result, Path(directory)))
    write_results(Path(directory), result)
    rows = result.mapping_rows() if mappings else result.front_rows()
    text = f"{status_line(result)}\nwritten to {directory}: {', '.join(drawn)}"
    plain = {**result.to_dict(), "front": rows}
    print_rows(form, lambda: _text(result, mappings, text), plain, rows)


def _text(result: SweepResult, mappings: bool, text: str) -> str:
    from dse.report.table import fold
    from dse.report.text.sweeps import front_text, mapping_table, verdict

    table = mapping_table(result).to_text() if mappings else front_text(result)
    return f"{table}\n\n{fold(verdict(result))}\n\n{fold(text)}"


def _book(result: SweepResult, directory: Path) -> Book:
    """The cards of the sweep's designs; without its files, those that are kept."""
    from dse.explore.plan.plan import Plan
    from dse.explore.results.record import SETTINGS
    from dse.explore.sweep_file import load_plan
    from dse.report.cards.book import is_complete, read_book

    known = read_book(directory)
    if is_complete(result, known):
        return known
    try:
        plan = load_plan(directory / SETTINGS)
        assert isinstance(plan, Plan), "a folder of a sweep holds no comparison"
        compile_first(plan.architecture)
        return collect_cards(result, plan, directory, None)
    except DseError as error:
        note(f"the page has no cards of some designs: {error}")
        return known
