"""`dse compare-networks`: networks side by side, alone and on an architecture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from dse.cli.interrupts import INTERRUPTED
from dse.cli.options import (
    A_GAP,
    architecture_options,
    batch_option,
    format_option,
    gather,
    parameter_option,
)
from dse.cli.output import StatusLine, compile_first, note, print_rows
from dse.errors import DseError, SpecError

if TYPE_CHECKING:
    from dse.explore.compare.networks import Comparison, Review
    from dse.explore.limits import Limits


@dataclass(frozen=True, slots=True)
class ReviewOptions:
    """What to compare the networks on, and how.

    Parameters
    ----------
    arch : str or None
        An architecture file or the name of a shipped one; None compares the networks by themselves.
    dataflow, settings
        What changes it; as those of `dse.cli.inputs.Inputs`.
    objective : {"energy", "latency", "edp"}
    gap : float or None
        How far from its optimum a mapping may be, proven, as a fraction.
    factors : {"perfect", "all"} or None
    batch, param
        What changes the networks; as those of `dse.cli.inputs.Inputs`.
    """

    arch: str | None
    dataflow: str | None
    settings: tuple[str, ...]
    objective: Literal["energy", "latency", "edp"]
    gap: float | None
    factors: Literal["perfect", "all"] | None
    batch: int | None
    param: tuple[str, ...]

    def review(self, workloads: tuple[str, ...]) -> Review:
        """What is compared, read; without workloads, the nine that surveys compare."""
        from dse.cli.inputs import read_architecture
        from dse.explore.compare.networks import FACTORS, GAP, REVIEWED, make_review
        from dse.explore.plan.workloads import WorkloadChanges
        from dse.formats.workload.parameters import parse_parameters

        if self.arch is None and (self.dataflow is not None or self.settings):
            raise DseError("--dataflow and --set change an architecture, and there is none", hint="add --arch eyeriss")
        architecture = None if self.arch is None else read_architecture(self.arch, self.dataflow, self.settings)
        try:
            return make_review(
                "networks", architecture, workloads or REVIEWED,
                changes=WorkloadChanges(self.batch, parse_parameters(self.param)), objective=self.objective,
                gap=GAP if self.gap is None else self.gap, factors=self.factors or FACTORS,
            )  # fmt: skip
        except SpecError:
            refuse_architectures(workloads)
            raise


def refuse_architectures(names: tuple[str, ...]) -> None:
    """Say where an architecture belongs that stands among the networks."""
    from dse.cli.verbs.show import find

    for name in names:
        try:
            kind, _ = find(name)
        except SpecError:
            continue
        if kind == "architecture":
            raise DseError(f"{name} is an architecture, not a workload", hint=f"--arch {name} maps the networks on it")


@click.command("compare-networks")
@click.argument("workloads", metavar="[WORKLOAD]...", nargs=-1)
@click.option("--arch", metavar="ARCH", help="Also map the networks on this architecture.")
@architecture_options
@click.option(
    "--objective", type=click.Choice(["energy", "latency", "edp"]), default="edp", show_default=True,
    help="What each layer is mapped for.",
)  # fmt: skip
@click.option(
    "--gap", type=A_GAP, help="Map to within this fraction of the best: 0.01 is 1 %.  [default: 0.05]"
)
@click.option(
    "--factors", type=click.Choice(["perfect", "all"]), help="`all` may take minutes for a layer.  [default: perfect]"
)
@batch_option
@parameter_option
@click.option("--jobs", type=click.IntRange(min=0), help="Worker processes.  [default: one per processor]")
@click.option("-o", "--output", metavar="DIR", help="Write networks.csv and the charts there.")
@click.option("--time-limit", metavar="TIME", help="Stop after so long, e.g. 10min, and show what is known.")
@click.option("--design-limit", metavar="TIME",
              help="Stop each network's searches after so long; the gap is then stated.")  # fmt: skip
@gather(ReviewOptions, "how")
@format_option
def command(
    workloads: tuple[str, ...], how: ReviewOptions, jobs: int | None, output: str | None, time_limit: str | None,
    design_limit: str | None, form: str,
) -> None:  # fmt: skip
    """Compare WORKLOADS: parameters, operations, memory, published accuracy; on ARCH also energy, latency and rates.

    Without WORKLOADS, the nine networks that surveys compare: AlexNet, VGG-16 and -19, Inception v1 to v3, ResNet-50
    and -152, Xception. Layers of equal shape are mapped once, whichever networks have them.

    \b
    Examples:
      dse compare-networks
      dse compare-networks alexnet vgg16 resnet50 --arch eyeriss -o results/networks
    """
    from dse.cli.inputs import TimeOptions

    limits = TimeOptions(None, False, time_limit, design_limit).limits()
    show(how.review(workloads), None if output is None else Path(output), jobs, form, limits)


def show(review: Review, directory: Path | None, jobs: int | None, form: str, limits: Limits) -> None:
    """Compare, write what is asked for, and print."""
    from dse.explore.compare.networks import compare_networks

    if review.architecture is not None:
        compile_first(review.architecture)
    status = StatusLine()
    comparison = compare_networks(review, jobs=jobs, progress=_progress(status), limits=limits)
    status.clear()
    _tell_stopped(comparison)
    _print(comparison, directory, form)


def show_resumably(
    review: Review, directory: Path, jobs: int | None, resume: bool, form: str, limits: Limits
) -> int:
    """As `show`, within limits, with every mapped layer kept in the directory."""
    from dse.explore.compare.layers_log import FILE_NAME, Record, check_log, read_results
    from dse.explore.compare.networks import compare_networks, comparison_of

    log = directory / FILE_NAME
    check_log(log, resume)
    if review.architecture is not None:
        compile_first(review.architecture)
    status = StatusLine()
    try:
        comparison = compare_networks(
            review, jobs=jobs, progress=_progress(status), record=Record(log, resume), limits=limits
        )
    except KeyboardInterrupt:
        status.clear()
        _write_tables(comparison_of(review, read_results(log)), directory)
        note(f"interrupted; every mapped layer is in {log}, networks.csv has what is known; go on by --resume")
        return INTERRUPTED
    status.clear()
    _tell_stopped(comparison, "; go on by --resume")
    _print(comparison, directory, form)
    return 0


def _tell_stopped(comparison: Comparison, how_to_go_on: str = "") -> None:
    """What limits of time left undone."""
    if comparison.gap_reached > comparison.gap:
        note(f"some layers were stopped; all are within {100 * comparison.gap_reached:.3g} % of their best")
    if comparison.energy_gap_reached > comparison.gap:
        note("some layers were stopped: their energy is not proven to be the least of mappings that are as fast")
    if comparison.unreached:
        note(f"the time is over: {comparison.unreached} layers were not mapped{how_to_go_on}")


def _progress(status: StatusLine) -> Callable[[int, int], None]:
    return lambda done, total: status.show(f"mapping {done}/{total} layers")


def _print(comparison: Comparison, directory: Path | None, form: str) -> None:
    from dse.report.table import fold
    from dse.report.text.networks import comparison_records, comparison_text

    written = [] if directory is None else _write(comparison, directory)
    rows = comparison_records(comparison)
    ending = "\n\n" + fold(f"written to {directory}: {', '.join(written)}") if written else ""
    print_rows(form, lambda: comparison_text(comparison) + ending, comparison.to_dict(), rows)


def _write(comparison: Comparison, directory: Path) -> list[str]:
    from dse.report.figures.networks import draw_networks

    return [*_write_tables(comparison, directory), *draw_networks(comparison, directory)]


def _write_tables(comparison: Comparison, directory: Path) -> list[str]:
    from dse.formats.text.replace import write_text
    from dse.formats.text.spreadsheet import to_csv
    from dse.report.text.networks import comparison_records

    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DseError(f"cannot write to {directory}: {error.strerror}") from None
    write_text(directory / "networks.csv", to_csv(comparison_records(comparison)))
    return ["networks.csv"]
