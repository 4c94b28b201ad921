"""`dse export`: files for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dse.cli.inputs import read_architecture, read_workload
from dse.cli.options import A_GAP
from dse.cli.output import compile_first, note
from dse.errors import DseError

if TYPE_CHECKING:
    from dse.mapper.shared.result import Objective

FORMS = {"scale-sim": "WORKLOAD", "timeloop": "ARCH WORKLOAD LAYER"}
"""Each format to what it is made of."""


@click.command("export")
@click.argument("names", metavar="[ARCH] WORKLOAD [LAYER] | DIR", nargs=-1, required=True)
@click.option("--to", "form", type=click.Choice(list(FORMS)), help="Whose files.")
@click.option("-o", "--output", metavar="PATH", help="A file for scale-sim, a folder for timeloop.")
@click.option("--optuna", metavar="FILE", help="Write the sweep in DIR as a study for optuna-dashboard.")
@click.option("--parquet", metavar="FILE", help="Write the evaluations of the sweep in DIR as a Parquet file.")
@click.option("--objective", type=click.Choice(["energy", "latency", "edp"]), default="edp", show_default=True,
              help="What the layer is mapped for.")  # fmt: skip
@click.option("--gap", type=A_GAP, default=0.0, show_default=True,
              help="Map to within this fraction of the best.")  # fmt: skip
def command(
    names: tuple[str, ...], form: str | None, output: str | None, optuna: str | None, parquet: str | None,
    objective: Objective, gap: float,
) -> None:  # fmt: skip
    """Write a WORKLOAD as SCALE-Sim's topology file, a mapped LAYER as Timeloop's files, or the sweep in DIR as
    an Optuna study or a Parquet file.

    For Timeloop: a folder flat for timeloop-model (and constraints.yaml for its mapper), and a folder v04 for its
    Python front end, each with problem, energies, architecture and mapping. Both read back by dse import timeloop.
    The layer is mapped with perfect factors, which is what Timeloop's model takes.

    \b
    Examples:
      dse export resnet50 --to scale-sim -o resnet50.csv
      dse export eyeriss alexnet conv3 --to timeloop -o results/conv3
      dse export results/eyeriss-vgg16 --optuna study.db
      dse export results/eyeriss-vgg16 --parquet evaluations.parquet
    """
    if optuna is not None or parquet is not None:
        if form is not None or output is not None or len(names) != 1:
            raise DseError("--optuna and --parquet take one sweep's directory", hint="dse export DIR --optuna FILE")
        _sweep(names[0], optuna, parquet)
        return
    if form is None or output is None:
        hint = "dse export eyeriss alexnet conv3 --to timeloop -o DIR, or --optuna or --parquet for a sweep"
        raise DseError("say whose files by --to and where by -o", hint=hint)
    wanted = FORMS[form]
    if len(names) != len(wanted.split()):
        raise DseError(f"{form} is written from {wanted}, not from {len(names)} names")
    if form == "scale-sim":
        _scale_sim(names[0], Path(output))
    else:
        _timeloop(names, Path(output), objective, gap)


def _sweep(directory: str, optuna: str | None, parquet: str | None) -> None:
    from dse.explore.results.record import read_results
    from dse.explore.results.share import write_parquet, write_study
    from dse.report.text.sweeps import warnings

    result = read_results(directory)
    for warning in warnings(result):
        note(f"warning: {warning}")
    for file, write in ((optuna, write_study), (parquet, write_parquet)):
        if file is not None:
            write(result, file)
            note(f"wrote {file}")


def _scale_sim(workload: str, file: Path) -> None:
    from dse.formats.tools.scalesim import dump_topology

    text, warnings = dump_topology(read_workload(workload, None))
    for warning in warnings:
        note(f"warning: {warning}")
    _write({file: text})


def _timeloop(names: tuple[str, ...], folder: Path, objective: Objective, gap: float) -> None:
    from dse.formats.tools.timeloop.export import remarks, timeloop_files

    arch, workload, name = names
    architecture = read_architecture(arch, None, ())
    layer = read_workload(workload, None).layer(name)
    compile_first(architecture)
    from dse.mapper import map_layer

    mapped = map_layer(architecture, layer, objective, gap=gap, factors="perfect")
    _write({folder / file: text for file, text in timeloop_files(architecture, layer, mapped.mapping).items()})
    for remark in remarks(architecture, layer, mapped.mapping):
        note(f"note: {remark}")


def _write(texts: dict[Path, str]) -> None:
    from dse.formats.text.replace import write_text

    for path, text in texts.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DseError(f"cannot write {path}: {error.strerror}") from None
        write_text(path, text)
        note(f"wrote {path}")
