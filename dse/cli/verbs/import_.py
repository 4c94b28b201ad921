"""`dse import`: files of other tools as ours."""

from __future__ import annotations

from pathlib import Path

import click

from dse.cli.output import note
from dse.errors import DseError


@click.command("import")
@click.argument("tool", type=click.Choice(["timeloop"]))
@click.argument("files", nargs=-1, required=True)
@click.option("-o", "--output", metavar="DIR", required=True, help="A folder, for the files that are made.")
@click.option("--technology", metavar="TABLE", help="Our table that prices what the files do not.")
@click.option("--drop-constraints", is_flag=True, help="Leave out constraints that have no words here.")
def command(tool: str, files: tuple[str, ...], output: str, technology: str | None, drop_constraints: bool) -> None:
    """Timeloop's FILES as ours: problems, an architecture, constraints, energies, a mapping; several may share a file.

    Written are workload.yaml, one layer a problem; architecture.yaml (of v0.1 to v0.4, with the energies of an ERT, or
    priced by our tables); and mapping.yaml, counted by Timeloop's rules. What has no words here is an error that names
    it; of constraints, --drop-constraints leaves it out, so that more mappings are searched than Timeloop would.

    \b
    Examples:
      dse import timeloop problem.yaml -o mine
      dse import timeloop conv1.yaml conv2.yaml -o mine
      dse import timeloop arch.yaml problem.yaml mapping.yaml ERT.yaml -o mine
      dse evaluate mine/architecture.yaml mine/workload.yaml --mapping mine/mapping.yaml
    """
    from dse.formats.text.replace import write_text
    from dse.formats.tools.timeloop.read import import_timeloop

    folder = Path(output)
    made = import_timeloop(files, folder.name or tool, technology=technology, drop_constraints=drop_constraints)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DseError(f"cannot write {folder}: {error.strerror}") from None
    for text in made.notes:
        note(text)
    for name, text in made.texts.items():
        write_text(folder / name, text)
        note(f"wrote {folder / name}")
