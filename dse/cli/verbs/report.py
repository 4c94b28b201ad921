"""`dse report`: figures and tables again from a sweep's directory."""

from __future__ import annotations

import click

from dse.cli.options import format_option
from dse.cli.output import note, print_rows


@click.command("report")
@click.argument("directory", metavar="DIR")
@click.option("--mappings", is_flag=True, help="What the mappings of each design trade, not one row each.")
@format_option
def command(directory: str, mappings: bool, form: str) -> None:
    """Draw the figures of the sweep in DIR again and print its front; it need not be finished.

    \b
    Example:
      dse report results/eyeriss-vgg16
    """
    from pathlib import Path

    from dse.explore.record import read_results, write_results
    from dse.report.directory import draw
    from dse.report.text.sweeps import front_table, mapping_table, status_line, verdict

    result = read_results(directory)
    for damage in result.damaged:
        note(f"warning: {damage}")
    if not result.finished:
        note("the sweep is not finished; this is what it has found so far")
    drawn = draw(result, Path(directory))
    write_results(Path(directory), result)
    rows = result.mapping_rows() if mappings else result.front_rows()
    table = mapping_table(result) if mappings else front_table(result)
    text = f"{status_line(result)}\nwritten to {directory}: {', '.join(drawn)}"
    plain = {**result.to_dict(), "front": rows}
    print_rows(form, lambda: f"{table.to_text()}\n\n{verdict(result)}\n\n{text}", plain, rows)
