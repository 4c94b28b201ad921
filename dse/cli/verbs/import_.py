"""`dse import`: files of other tools as ours."""

from __future__ import annotations

import click

from dse.cli.output import note
from dse.formats.tools.imported import Imported

TOOLS = ("timeloop", "zigzag", "maestro", "scale-sim")


@click.command("import")
@click.argument("tool", type=click.Choice(TOOLS))
@click.argument("files", nargs=-1, required=True)
@click.option("-o", "--output", metavar="DIR", required=True, help="A folder; our files are written there.")
def command(tool: str, files: tuple[str, ...], output: str) -> None:
    """A workload.yaml and an architecture.yaml of another tool's FILES.

    \b
    timeloop   problems, one layer a file
    zigzag     a workload, hardware, and a mapping of that hardware
    maestro    networks (.m): their layers
    scale-sim  a configuration (.cfg), topologies (.csv)

    What has no words here is an error that names its line. docs/imports.md has what becomes of what.

    \b
    Examples:
      dse import timeloop conv1.yaml conv2.yaml -o mine
      dse import zigzag workload.yaml hardware.yaml mapping.yaml -o mine
      dse import scale-sim eyeriss.cfg alexnet.csv -o mine
    """
    imported = _read(tool, files, output)
    for path in imported.write(output):
        note(f"wrote {path}")
    for remark in imported.notes:
        note(f"note: {remark}")


def _read(tool: str, files: tuple[str, ...], output: str) -> Imported:
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

    from dse.formats.tools.timeloop_problem import load_problems
    from dse.formats.workload.write import dump_workload

    return Imported({"workload.yaml": dump_workload(load_problems(files, Path(output).name or tool))})
