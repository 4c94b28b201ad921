"""`dse import`: files of other tools as ours."""

from __future__ import annotations

import click

from dse.cli.output import note
from dse.errors import DseError
from dse.formats.tools.imported import Imported

TOOLS = ("timeloop", "zigzag", "maestro", "scale-sim")


@click.command("import")
@click.argument("tool", type=click.Choice(TOOLS))
@click.argument("files", nargs=-1, required=True)
@click.option("-o", "--output", metavar="DIR", required=True, help="A folder; our files are written there.")
@click.option("--technology", metavar="TABLE", help="Our table that prices what the files of Timeloop do not.")
@click.option("--drop-constraints", is_flag=True, help="Leave out constraints of Timeloop that have no words here.")
def command(tool: str, files: tuple[str, ...], output: str, technology: str | None, drop_constraints: bool) -> None:
    """A workload.yaml and an architecture.yaml of another tool's FILES, and a mapping.yaml of Timeloop's.

    \b
    timeloop   problems, one layer a file; an architecture of v0.1 to v0.4; energies (ERT), constraints, a mapping;
               or a folder with all of them, such as v04 of what dse export makes
    zigzag     a workload, hardware, and a mapping of that hardware
    maestro    networks (.m): their layers
    scale-sim  a configuration (.cfg), topologies (.csv)

    What has no words here is an error that names its line. docs/imports.md has what becomes of what.

    \b
    Examples:
      dse import timeloop conv1.yaml conv2.yaml -o mine
      dse import timeloop arch.yaml problem.yaml mapping.yaml ERT.yaml -o mine
      dse evaluate mine/architecture.yaml mine/workload.yaml --mapping mine/mapping.yaml
      dse import zigzag workload.yaml hardware.yaml mapping.yaml -o mine
      dse import scale-sim eyeriss.cfg alexnet.csv -o mine
    """
    if tool != "timeloop" and (technology or drop_constraints):
        raise DseError(f"--technology and --drop-constraints are of Timeloop's files, not of {tool}")
    imported = _read(tool, files, output, technology, drop_constraints)
    for path in imported.write(output):
        note(f"wrote {path}")
    for remark in imported.notes:
        note(f"note: {remark}")


def _read(tool: str, files: tuple[str, ...], output: str, technology: str | None, drop_constraints: bool) -> Imported:
    if tool == "zigzag":
        from dse.formats.tools.zigzag import import_zigzag

        return import_zigzag(files)
    if tool == "maestro":
        from dse.formats.tools.maestro import import_maestro

        return import_maestro(files)
    if tool == "scale-sim":
        from dse.formats.tools.scalesim_config import import_scalesim

        return import_scalesim(files)
    from pathlib import Path

    from dse.formats.tools.timeloop.read import import_timeloop

    name = Path(output).name or tool
    return import_timeloop(files, name, technology=technology, drop_constraints=drop_constraints)
