"""`dse sweep`: search an architecture's design space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import click

from dse.cli.cards import collect_cards, meanwhile
from dse.cli.inputs import SweepOptions, TimeOptions
from dse.cli.interrupts import INTERRUPTED, interruptible
from dse.cli.options import (
    A_GAP,
    WorkerOptions,
    architecture_options,
    batch_option,
    element_options,
    format_option,
    gather,
    layers_option,
    parameter_option,
)
from dse.cli.output import StatusLine, compile_first, note, print_rows
from dse.errors import InfeasibleError
from dse.formats.text.replace import folder_name

if TYPE_CHECKING:
    from dse.explore.compare.networks import Review
    from dse.explore.limits import Limits
    from dse.explore.plan.plan import Plan
    from dse.explore.progress import Progress
    from dse.explore.results.result import SweepResult
    from dse.explore.workers.runner import Workers

AFTERWARDS = {"cards": "cards of designs and figure", "page": "page"}
"""What follows the search, in the words of its last line."""

LEAST_PART_S = 1e-3
"""Seconds that a front has when those before it took all the time: what is known is shown."""

SAMPLERS = ("auto", "grid", "nsga2", "tpe", "qmc", "random")


@click.command("sweep")
@click.argument("files", metavar="ARCH WORKLOAD... | SWEEP.yaml", nargs=-1, required=True)
@click.option("-o", "--output", metavar="DIR", help="Where to write.  [default: results/NAME]")
@click.option("--trials", type=click.IntRange(min=1), help="Designs to map.  [default: 96]")
@click.option("--sampler", type=click.Choice(SAMPLERS), help="How designs are chosen.  [default: auto]")
@click.option("--seed", type=click.IntRange(min=0),
              help="The same seed gives the same sweep, unless a time ends it.  [default: 0]")  # fmt: skip
@click.option("--jobs", type=click.IntRange(min=0), help="Worker processes.  [default: one per processor]")
@click.option("--cluster", metavar="tcp://HOST:PORT|FILE", help="Evaluate on a Dask cluster instead.")
@click.option("--objectives", metavar="LIST", help="Of energy, latency, edp, area.  [default: energy,latency,area]")
@click.option("--gap", type=A_GAP,
              help="While exploring, map to within this fraction of the best.  [default: 0.01]")  # fmt: skip
@click.option("--resident", is_flag=True, default=None, help="Let tensors stay on chip where a level may keep them.")
@batch_option
@parameter_option
@element_options
@architecture_options
@layers_option
@gather(SweepOptions, "changes")
@gather(WorkerOptions, "workers")
@click.option("--resume", is_flag=True, help="Go on with the sweep in DIR; nothing is evaluated twice.")
@click.option("--prove-time", metavar="TIME",
              help="Time to settle designs that were not tried, e.g. 10min.  [default: by --trials]")  # fmt: skip
@click.option("--no-prove", is_flag=True, help="Settle no designs that were not tried.")
@click.option("--time-limit", metavar="TIME",
              help="Stop the search so long after the start, e.g. 2h, and draw what is known.")  # fmt: skip
@click.option("--design-limit", metavar="TIME", help="Stop each design's search after so long; its gap is then stated.")
@gather(TimeOptions, "times")
@format_option
def command(
    files: tuple[str, ...], changes: SweepOptions, output: str | None, workers: WorkerOptions, resume: bool,
    times: TimeOptions, form: str,
) -> int:  # fmt: skip
    """Search the design space of ARCH for the hardware that runs the WORKLOADs best.

    Files are paths, or names of shipped ones. Every evaluation goes to DIR/evaluations.jsonl as soon as it is done; at
    the end come front.csv, front.png, report.html, summary.json and sweep.yaml. Where nothing goes by the clock, the
    seed decides what is found, not --jobs, and not where a sweep was stopped and resumed. A SWEEP.yaml with
    `compare: networks` compares networks, as `dse compare-networks` does; one with `compare: dataflows` dataflows.

    After the trials, lower bounds on energy and latency rule out designs that were not tried, and the others are mapped
    until --prove-time is over. One line says what is proven of the whole space. On hierarchies of the deep search
    bounds choose most of the trials, for a minute unless --prove-time says otherwise, and what is found depends on the
    machine's speed as well; what is said to be proven holds on any.

    \b
    Examples:
      dse sweep eyeriss vgg16
      dse sweep arch_specs/eyeriss.yaml workloads/alexnet.yaml --trials 400 --seed 7 -o results/big
      dse sweep eyeriss bert_base --param seq=384 --bits weight=8,ifmap=8,psum=24
      dse sweep eyeriss alexnet --layer conv2 --layer conv3 --dataflow row-stationary --set levels.array.rows=12
      dse sweep results/big/sweep.yaml -o results/again
      dse sweep eyeriss vgg16 --resume --prove-time 10min
      dse sweep eyeriss vgg16 --cluster tcp://host:8786
      dse sweep eyeriss squeezenet1_0 --resident --trials 12
    """
    with interruptible():
        return _command(files, changes, output, workers, resume, times, form)


def _command(
    files: tuple[str, ...], changes: SweepOptions, output: str | None, workers: WorkerOptions, resume: bool,
    times: TimeOptions, form: str,
) -> int:  # fmt: skip
    limits, began = times.limits(), monotonic()
    if len(files) == 1:
        from dse.explore.compare.dataflows_file import load_comparison

        if (dataflows := load_comparison(files[0])) is not None:
            from dse.cli.verbs.dataflows import run as compare

            times.check_compares(files[0])
            return compare(dataflows, changes, output, workers.local("compares dataflows"), resume, form, limits)
    plan = _plan(files, changes)
    if workers.jobs != 0 and workers.cluster is None:
        from dse.explore.workers.runner import prepare_processes

        prepare_processes()  # what was read is sound; workers' imports go on while this process plans
    from dse.cli.verbs.compare_networks import show_resumably
    from dse.explore.compare.networks import Review

    chosen = Path(output) if output is not None else default_folder(plan.name)
    if isinstance(plan, Review):
        times.check_compares(files[0])
        return show_resumably(plan, chosen, workers.local("compares networks"), resume, form, limits)
    parts = plan.parts()
    if len(parts) == 1:
        return _search(plan, chosen, workers, resume, limits, Printer(form), began)
    with Printer(form, several=True) as printer:
        return _search_each(parts, chosen, workers, resume, limits, printer, began)


def _search_each(
    parts: Sequence[Plan], folder: Path, workers: WorkerOptions, resume: bool, limits: Limits, printer: Printer,
    began: float,
) -> int:  # fmt: skip
    """A sweep for each network, in a folder of its own."""
    hopeless = list[InfeasibleError]()
    for count, part in enumerate(parts):
        own = folder / folder_name(part.workloads[0].name)
        left_s = max(LEAST_PART_S, limits.time_s - (monotonic() - began)) / (len(parts) - count)
        limit = replace(limits, time_s=left_s)  # each part has as much of what is left
        try:
            code = _search(part, own, workers, resume, limit, printer, monotonic())
        except InfeasibleError as error:
            hopeless.append(error)
            note(f"{part.name}: {error.message}")  # the other networks may have designs that work
            continue
        if code != 0:
            if later := [one.workloads[0].name for one in parts[count + 1 :]]:
                note(f"{', '.join(later)} {'was' if len(later) == 1 else 'were'} not begun; the same command with "
                     "--resume goes on with every network")  # fmt: skip
            return code
    if hopeless:
        said = f"no design works for {len(hopeless)} of the {len(parts)} networks"
        raise InfeasibleError(said, hint=hopeless[0].hint)
    return 0


def default_folder(name: str) -> Path:
    """Where a sweep is written unless told otherwise."""
    return Path("results") / folder_name(name)


def _search(
    plan: Plan, directory: Path, workers: WorkerOptions, resume: bool, limits: Limits, printer: Printer, began: float
) -> int:  # fmt: skip
    """One sweep from its plan to what it prints; `began` when the command did, by the monotonic clock."""
    from dse.explore.workers.runner import Workers, usable_cpus

    if not plan.space:
        note(f"{plan.architecture.name} states no `space:`, so nothing is searched: the accelerator itself is mapped")
        note("a sweep file gives it one: `space: {levels.NAME.capacity: [32 KiB, 64 KiB]}` (see `dse schema sweep`)")
    with Workers.local(usable_cpus() if workers.jobs is None else workers.jobs) as crew:
        if not resume and workers.cluster is None:  # else there may be nothing for them to do
            crew.begin()
        at = monotonic()
        compile_first(plan.architecture)
        until = began + limits.time_s + (monotonic() - at)  # what is compiled once on a machine does not count
        start_s = monotonic() - began
        result = _found(plan, directory, crew, workers.cluster, resume, remaining(limits, until))
        try:
            return INTERRUPTED if result is None else _finish(result, plan, directory, crew, printer, (until, start_s))
        except KeyboardInterrupt:
            crew.stop(kill=True)
            note(f"interrupted while the page was made; dse report {directory} makes it and prints the front")
            return INTERRUPTED


def remaining(limits: Limits, until: float) -> Limits:
    """The same limits with what is left of the whole time until a moment of the monotonic clock, but never nothing.

    Examples
    --------
    >>> from dse.explore.limits import Limits
    >>> remaining(Limits(time_s=20.0), monotonic() + 12.0).time_s <= 12.0, remaining(Limits(), 0.0) == Limits()
    (True, True)
    """
    return limits if limits.time_s == inf else replace(limits, time_s=max(LEAST_PART_S, until - monotonic()))


def _found(
    plan: Plan, directory: Path, crew: Workers, cluster: str | None, resume: bool, limits: Limits
) -> SweepResult | None:
    """What a search finds; None when it is interrupted."""
    from dse.explore.sweep import run_plan

    status = StatusLine()
    try:
        result = run_plan(
            plan, executor=crew if cluster is None else None, cluster=cluster, resume=resume, output=directory,
            progress=Meter(status), limits=limits,
        )  # fmt: skip
    except KeyboardInterrupt:
        crew.stop(kill=True)
        status.clear()
        note(f"interrupted; what is known by now is in {directory}, every finished evaluation in evaluations.jsonl")
        note(f"go on with: dse sweep {directory / 'sweep.yaml'} -o {directory} --resume")
        note(f"dse report {directory} draws what is known by now and prints its front")
        return None
    status.clear()
    if not result.finished:
        note(f"the time is over; go on with: dse sweep {directory / 'sweep.yaml'} -o {directory} --resume")
    return result


def _plan(files: tuple[str, ...], changes: SweepOptions) -> Plan | Review:
    from dse.explore.plan.plan import make_plan
    from dse.explore.plan.search import Search
    from dse.explore.sweep import GAP, TRIALS
    from dse.explore.sweep_file import load_plan

    search, workloads, hardware = changes.search(), changes.workloads(), changes.hardware()
    if len(files) == 1:
        return load_plan(files[0], search, workloads, hardware)
    wanted = search.over(Search(TRIALS, gap=GAP))
    return make_plan(files[0], files[1:], wanted, changes=workloads, hardware=hardware)


class Printer:
    """Prints what sweeps found: each as it ends, but those of several networks in one where programs read them: JSON as
    a list, CSV as one table with a column for the network."""

    def __init__(self, form: str, several: bool = False) -> None:
        self._form = form
        self._waits = several and form != "table"
        self._found: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []

    def show(self, text: Callable[[], str], plain: dict[str, Any], rows: list[dict[str, Any]]) -> None:
        if self._waits:
            self._found.append((plain, rows))
        else:
            print_rows(self._form, text, plain, rows)

    def __enter__(self) -> Printer:
        return self

    def __exit__(self, *error: object) -> None:
        if self._waits and (self._found or error == (None, None, None)):  # also when a sweep was stopped
            rows = [{"network": plain["workloads"][0], **row} for plain, found in self._found for row in found]
            print_rows(self._form, str, [plain for plain, _ in self._found], rows)


class Meter:
    """Turns progress into a line: done, total, rate, best so far, time left."""

    def __init__(self, status: StatusLine) -> None:
        self._status = status
        self._shown = 0.0
        self._kind = ""

    def __call__(self, progress: Progress) -> None:
        now = monotonic()
        if now - self._shown < 0.1 and progress.done < progress.total and progress.kind == self._kind:
            return
        self._shown, self._kind = now, progress.kind
        self._status.show(progress_line(progress))


def progress_line(progress: Progress) -> str:
    """One line on how far a sweep is."""
    from dse.report.units import clock_time, si

    phase = {"explore": "exploring", "prove": "proving", "exact": "solving the front exactly"}[progress.kind]
    parts = [f"{progress.what or phase} {progress.done}/{progress.total}"]
    if progress.evaluated and progress.elapsed_s > 0:
        rate = progress.evaluated / progress.elapsed_s
        parts.append(f"{rate:.2g}/s" if rate < 10 else f"{rate:.0f}/s")
    if progress.best is not None:
        parts.append(f"best EDP {si(progress.best.outcome.objectives['edp_js'], 'J·s')}")
    if progress.evaluated and progress.done < progress.total:
        left = (progress.total - progress.done) * progress.elapsed_s / progress.evaluated
        parts.append(f"{clock_time(left)} left")
    return "  ".join(parts)


def _finish(
    result: SweepResult, plan: Plan, directory: Path, crew: Workers, printer: Printer, times: tuple[float, float]
) -> int:  # fmt: skip
    """Draw and print what was found; `times`: until when cards may be made, and the seconds before the search."""
    from dse.explore.results.reasons import said_reasons
    from dse.explore.results.record import write_summary
    from dse.report.directory import draw, write_page
    from dse.report.text.counts import proof_line, status_line
    from dse.report.text.sweeps import sweep_text, warnings
    from dse.report.units import clock_time

    for warning in warnings(result):
        note(f"warning: {warning}")
    if result.reused:
        note(f"{result.reused} evaluations were in the log already")
    rows = result.front_rows()
    if not rows:
        reasons = said_reasons(result.to_dict()["reasons"])
        raise InfeasibleError(f"none of the {len(result.explored)} designs works: {reasons}", hint=f"see {directory}")
    spending, (until, start_s) = result.spending, times
    if not result.finished:
        note("drawing what is known, which takes some seconds")

    def figure() -> None:
        with spending.on("figure"):
            draw(result, directory)  # something to show while cards are made

    with spending.on("cards"), meanwhile(figure):
        book = collect_cards(result, plan, directory, crew, until)
    if not crew.is_here:
        spending.add("cards", book.cpu_s)
    with spending.on("page"):
        drawn = write_page(result, directory, book)
    write_summary(directory, result)
    names = AFTERWARDS if book.cards else {**AFTERWARDS, "cards": "figure"}
    after = {what: spending.wall_s[part] for part, what in names.items()}
    parts = {"start": start_s, "search": result.wall_s, **after}
    said = ", ".join(f"{clock_time(seconds)} {what}" for what, seconds in parts.items())
    done = f"{clock_time(sum(parts.values()))}: {said}; written to {directory}: {', '.join(drawn)}"
    summary = "\n".join(line for line in (proof_line(result), status_line(result), done) if line)
    plain = {**result.to_dict(), "front": rows, "output": str(directory)}
    printer.show(lambda: sweep_text(result, summary), plain, rows)
    return INTERRUPTED if crew.interrupted else 0
