"""`dse import`: files of other tools as ours."""

from __future__ import annotations

from pathlib import Path

import click

from dse.cli.output import note
from dse.errors import DseError


@click.command("import")
@click.argument("tool", type=click.Choice(["timeloop"]))
@click.argument("files", nargs=-1, required=True)
@click.option("-o", "--output", metavar="DIR", required=True, help="A folder; workload.yaml is written there.")
def command(tool: str, files: tuple[str, ...], output: str) -> None:
    """A workload of Timeloop's problem FILES, one layer a file.

    Architectures, mappings and constraints of Timeloop are not read.

    \b
    Examples:
      dse import timeloop problem.yaml -o mine
      dse import timeloop conv1.yaml conv2.yaml -o mine
    """
    from dse.formats.tools.timeloop_problem import load_problems
    from dse.formats.workload.write import save_workload

    folder = Path(output)
    workload = load_problems(files, folder.name or tool)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DseError(f"cannot write {folder}: {error.strerror}") from None
    save_workload(workload, folder / "workload.yaml")
    note(f"wrote {folder / 'workload.yaml'}")
