"""`dse explain`: where a design's energy and time go, and what would change them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dse.cli.inputs import Inputs, network_options, read_bits, read_density, split_setting
from dse.cli.options import format_option
from dse.cli.output import StatusLine, compile_first, note, print_rows
from dse.errors import DseError, InfeasibleError
from dse.formats.text.regular import is_file

if TYPE_CHECKING:
    from dse.explore.plan.plan import Plan
    from dse.explore.workers.runner import Workers
    from dse.report.cards.card import Card

GAP = 0.01
"""Proven gap of the mappings by which a design and its neighbours are compared where exact ones would take long."""


@click.command("explain")
@click.argument("architecture", metavar="ARCH|DIR")
@click.argument("workload", metavar="WORKLOAD|DESIGN")
@network_options
@click.option("--resident", is_flag=True, help="Let tensors stay on chip where a level may keep them.")
@click.option("--jobs", type=click.IntRange(min=0), help="Worker processes.  [default: one per processor]")
@format_option
def command(inputs: Inputs, resident: bool, jobs: int | None, form: str) -> None:
    """Say where the energy and the time of WORKLOAD on ARCH go, and what one step in each setting of ARCH's space would
    change, the best step first. Or the same of one DESIGN, by its number, of the sweep in DIR.

    Nothing is guessed: each neighbour is mapped anew, as the design itself is. Mappings are the best of each layer; on
    more levels than outermost memory, buffer, array and PE they are within 1 %, and smaller changes are not shown. Half
    and double the outermost bandwidth, and the buffer, come with them where the space has no choice of these. Where
    tensors may stay on chip, it also says which do, what that changes, and which lack how much room.

    \b
    Examples:
      dse explain eyeriss alexnet
      dse explain edge_npu mobilenet_v1 --set levels.L2.capacity=512KiB
      dse explain eyeriss squeezenet1_0 --resident
      dse explain results/eyeriss-vgg16 45
    """
    from dse.explore.workers.runner import Workers, usable_cpus
    from dse.report.text.explain import explanation

    is_sweep = is_file(Path(inputs.architecture, "sweep.yaml"))
    if not is_sweep and inputs.workload.isdecimal():
        raise DseError(f"{inputs.architecture} holds no sweep", hint=_sweeps_beside(Path(inputs.architecture)))
    with Workers.local(usable_cpus() if jobs is None else jobs) as workers:
        found = _of_sweep if is_sweep else _of_files
        name, card, steps, without = found(inputs, resident, workers)
    plain = {"design": name, **card, "steps": steps}
    print_rows(form, lambda: explanation(name, card, steps, without), plain, steps)


Steps = list[dict[str, Any]]

Explained = tuple[str, "Card", Steps, list[str]]

NO_NUMBERS: Mapping[str, int] = {}


def _sweeps_beside(directory: Path) -> str:
    """The folders of sweeps that may be meant."""
    from dse.formats.text.source import did_you_mean

    beside = [path.parent.name for path in sorted(directory.parent.glob("*/sweep.yaml"))]
    hint = did_you_mean(directory.name, beside) if beside else None
    return hint or "dse sweep ARCH WORKLOAD -o DIR makes one; a network is named, not numbered"


def _of_files(inputs: Inputs, resident: bool, workers: Workers) -> Explained:
    """The architecture as its file and the options have it."""
    from dse.explore.plan.hardware import HardwareChanges
    from dse.explore.plan.plan import make_plan
    from dse.explore.plan.search import Search
    from dse.explore.plan.workloads import WorkloadChanges
    from dse.formats.architecture.space.derived import left_behind
    from dse.formats.workload.parameters import parse_parameters
    from dse.model.homes import home_level

    settings: dict[str, Any] = dict(split_setting(text) for text in inputs.settings)
    if inputs.dataflow is not None:
        settings["dataflow"] = inputs.dataflow
    bits, density = read_bits(inputs.bits), read_density(inputs.density)
    changes = WorkloadChanges(inputs.batch, parse_parameters(inputs.param), bits, density)
    search = Search(1, objectives=("edp",), gap=GAP, resident=resident)
    plan = make_plan(inputs.architecture, inputs.workload, search, changes=changes, hardware=HardwareChanges(settings))
    for remark in left_behind(plan.spec, plan.hardware.settings):
        note(f"note: {remark}")
    if resident:
        home_level(plan.architecture)
    compile_first(plan.architecture)
    own = dict(plan.starts[0])
    return plan.spec.name, *_filled(plan, own, workers), _without(plan, own)


def _of_sweep(inputs: Inputs, resident: bool, workers: Workers) -> Explained:
    """A design of a sweep; what the sweep evaluated itself is not evaluated again."""
    from dse.explore.plan.plan import Plan
    from dse.explore.results.record import SETTINGS, read_results
    from dse.explore.sweep_file import load_plan
    from dse.report.cards.book import read_book
    from dse.report.cards.steps import key_of

    changed = [name for name, value in (
        ("--dataflow", inputs.dataflow), ("--set", inputs.settings), ("--batch", inputs.batch),
        ("--param", inputs.param), ("--bits", inputs.bits), ("--density", inputs.density), ("--resident", resident),
    ) if value not in (None, (), False)]  # fmt: skip
    if changed:
        raise DseError(f"{changed[0]} does not change a design of a sweep", hint="explain ARCH and WORKLOAD instead")
    directory = Path(inputs.architecture)
    result, book = read_results(directory), read_book(directory)
    for damage in result.damaged:  # the design may be on that line
        note(f"warning: {damage}")
    design = next((e for e in result.designs if str(e.number) == inputs.workload), None)
    if design is None:
        raise DseError(f"{directory} has no design {inputs.workload!r}", hint="the table of its page has their numbers")
    if not design.ok:
        raise DseError(f"design {design.number} of {directory} does not work: {design.outcome.reason}")
    plan = load_plan(directory / SETTINGS)
    assert isinstance(plan, Plan), "a folder of a sweep holds no comparison"
    compile_first(plan.architecture)
    row = next((row for row in result.front_rows() if row["number"] == design.number), None)
    card = None if row is None else book.of(row)
    numbers = {key_of(e.parameters): e.number for e in result.designs}
    card, steps = _filled(plan, design.parameters, workers, card, book.steps.get(design.number), numbers)
    return f"design {design.number} of {result.name}", card, steps, _without(plan, design.parameters)


def _filled(
    plan: Plan, settings: Mapping[str, Any], workers: Workers, card: Card | None = None, steps: Steps | None = None,
    numbers: Mapping[str, int] = NO_NUMBERS,
) -> tuple[Card, Steps]:  # fmt: skip
    """The card of a design and what the steps from it change: what is not known yet is worked out, all at a time.

    Raises
    ------
    InfeasibleError
        When it does not run.
    """
    from dse.report.cards.book import work_out
    from dse.report.cards.card import Wanted
    from dse.report.cards.steps import Neighbourhood, step_gap

    status, name = StatusLine(), plan.spec.name
    architecture, workloads, _ = plan.inputs_of(settings)
    wanted = Wanted(architecture, workloads, plan.objective, step_gap(plan), None, plan.search.resident)
    around = Neighbourhood.of(plan, settings)
    made = work_out(
        {} if card else {name: wanted}, {} if steps is not None else {name: around}, workers,
        lambda done, all_: status.show(f"{done}/{all_} designs mapped"),
    )  # fmt: skip
    status.clear()
    if name in made.failed:
        raise InfeasibleError(f"{name} does not run {', '.join(one.name for one in workloads)}: {made.failed[name]}")
    return card or made.cards[name], around.changes(made.outcomes[name], numbers) if steps is None else steps


def _without(plan: Plan, settings: Any) -> list[str]:
    return [path for path, choices in plan.space.items() if len(choices) > 1 and settings.get(path) not in choices]
