"""`dse report`: figures and tables again from a sweep's directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dse.cli.cards import collect_cards, meanwhile
from dse.cli.options import format_option
from dse.cli.output import compile_first, note, print_rows
from dse.errors import DseError

if TYPE_CHECKING:
    from dse.explore.plan.plan import Plan
    from dse.explore.results.result import SweepResult
    from dse.report.cards.book import Book


FORMATS = ("png", "svg", "pdf")


def _formats(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...]:
    named = () if value is None else tuple(dict.fromkeys(part.strip().lower() for part in value.split(",")))
    if wrong := [name for name in named if name not in FORMATS]:
        raise click.BadParameter(f"{wrong[0]!r} is not {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
    return named


@click.command("report")
@click.argument("directory", metavar="DIR")
@click.option("--mappings", is_flag=True, help="What the mappings of each design trade, not one row each.")
@click.option("--figures", metavar="png,svg,pdf", callback=_formats, help="Draw every figure, too, and write its data.")
@format_option
def command(directory: str, mappings: bool, figures: tuple[str, ...], form: str) -> None:
    """Draw the figures and the page of the sweep in DIR again and print its front; it need not be finished.

    Designs that the page shows in full are mapped again where DIR has no card of them yet. --figures also draws, each
    in the formats named and with its data as CSV beside it: the front, area, energy by level, by operand and by layer,
    how busy the MACs are, roofline, reuse, traffic against buffer size, and hypervolume.

    \b
    Examples:
      dse report results/eyeriss-vgg16
      dse report results/eyeriss-vgg16 --figures png,svg
    """
    from dse.explore.results.record import read_results, write_results
    from dse.report.directory import FIGURE, draw_figures, write_page
    from dse.report.figures.front import draw_front, front_data
    from dse.report.text.counts import proof_line, status_line
    from dse.report.text.sweeps import sweep_text, warnings

    result, folder = read_results(directory), Path(directory)
    for warning in warnings(result):
        note(f"warning: {warning}")
    if not result.finished:
        note("the sweep is not finished; this is what it has found so far")
    plan = _plan(folder, needed=bool(figures))
    with meanwhile(lambda: draw_front(front_data(result), folder / FIGURE)):
        book = _book(result, plan, folder)
    drawn = write_page(result, folder, book)
    if figures:
        drawn.append(f"figures/ ({len(draw_figures(result, book, plan, folder, figures))} files)")
    write_results(folder, result)
    rows = result.mapping_rows() if mappings else result.front_rows()
    written = f"written to {directory}: {', '.join(drawn)}"
    text = "\n".join(line for line in (proof_line(result), status_line(result), written) if line)
    plain: dict[str, Any] = {**result.to_dict(), "front": rows}
    print_rows(form, lambda: sweep_text(result, text, mappings), plain, rows)


def _plan(directory: Path, needed: bool) -> Plan | None:
    """What was searched; None where the sweep's files are gone, which is told."""
    from dse.explore.plan.plan import Plan
    from dse.explore.results.record import SETTINGS
    from dse.explore.sweep_file import load_plan

    try:
        plan = load_plan(directory / SETTINGS)
    except DseError as error:
        lost = " and no figure of traffic is drawn" if needed else ""
        note(f"what was searched cannot be read, so the page lacks cards of designs that have none yet{lost}: {error}")
        return None
    assert isinstance(plan, Plan), "a folder of a sweep holds no comparison"
    return plan


def _book(result: SweepResult, plan: Plan | None, directory: Path) -> Book:
    """The cards of the sweep's designs; without its files, those that are kept."""
    from dse.explore.workers.runner import Workers, usable_cpus
    from dse.report.cards.book import is_complete, read_book

    known = read_book(directory)
    if plan is None or is_complete(result, known):
        return known
    try:
        compile_first(plan.architecture)
        with Workers.local(usable_cpus()) as workers:
            return collect_cards(result, plan, directory, workers)
    except DseError as error:
        note(f"the page has no cards of some designs: {error}")
        return known
