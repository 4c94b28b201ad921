"""`dse verify`: access counts by brute force, beside those of the closed form."""

from __future__ import annotations

from math import inf
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from dse.cli.inputs import Inputs, network_options
from dse.cli.options import format_option, given_seconds, layers_option
from dse.cli.output import StatusLine, compile_first, note, print_rows

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture
    from dse.report.check import Task

LONG_S = 60
"""Expected seconds above which the ways to spend less are named."""


@click.command("verify")
@click.argument("architecture", metavar="ARCH")
@click.argument("workload", metavar="WORKLOAD")
@network_options
@layers_option
@click.option("--macs", type=click.IntRange(min=1), default=30_000, show_default=True,
              help="Shrink layers with more MACs.")  # fmt: skip
@click.option("--sample", type=click.IntRange(min=1), metavar="N", help="Check only N mappings, drawn at random.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of that draw.")
@click.option(
    "--time-limit", metavar="TIME", callback=lambda context, option, text: given_seconds("--time-limit", text),
    help="Stop after about so long, e.g. 30 s, and say what was checked by then.",
)  # fmt: skip
@format_option
def command(
    inputs: Inputs, layers: tuple[str, ...], macs: int, sample: int | None, seed: int, time_limit: float | None,
    form: str,
) -> int:  # fmt: skip
    """Check our access counts by brute force: walk every loop nest step by step, and compare all words moved.

    Each layer of WORKLOAD runs on its best mappings for energy, latency and energy-delay on ARCH. Layers with more than
    --macs MACs are shrunk first, by halving their longest loops, as a walk takes every step. The first line says about
    how long that takes; --sample and --time-limit make it shorter. The last line says what was compared, also after
    an interrupt. Exits with 1 if any count differs or none was compared.

    \b
    Examples:
      dse verify eyeriss alexnet
      dse verify edge_npu resnet50 --sample 10 --time-limit 60s
    """
    arch, network = inputs.read(layers)
    compile_first(arch)
    from dse.cli.interrupts import INTERRUPTED
    from dse.cli.main import FAILED
    from dse.report.check import check_table, summary_of, tasks_of, verdict

    deadline = perf_counter() + (time_limit if time_limit is not None else inf)
    possible, tasks = len(tasks_of(network, macs)), tasks_of(network, macs, sample, seed)
    rows, interrupted = _run(arch, tasks, deadline, time_limit)
    summary = summary_of(rows, len(tasks), possible)
    said = ("interrupted: " if interrupted else "") + verdict(summary)
    plain = {
        "arch": arch.name, "workload": network.name, "differ": summary["differ"], "summary": summary,
        "verdict": said, "mappings": rows,
    }  # fmt: skip
    print_rows(form, lambda: check_table(rows, said).to_text(), plain, rows)
    if form == "csv":
        note(said)
    if interrupted:
        return INTERRUPTED
    return FAILED if summary["differ"] or not summary["compared"] else 0


def _run(
    arch: Architecture, tasks: list[Task], deadline: float, time_limit: float | None
) -> tuple[list[dict[str, Any]], bool]:
    """Rows of the mappings that were begun, and whether somebody interrupted."""
    from dse.report.check import check, expected_seconds
    from dse.report.units import clock_time, whole

    status = StatusLine()
    rows: list[dict[str, Any]] = []
    try:
        seconds = expected_seconds(arch, tasks, inf if time_limit is None else time_limit)
        total, done = sum(task.layer.macs for task in tasks), 0
        less = "; --sample, --macs and --time-limit make it less" if seconds > LONG_S and time_limit is None else ""
        note(
            f"walking {len(tasks)} mappings, {whole(total)} MACs in all: about {clock_time(max(1.0, seconds))}{less}"
        )
        for number, task in enumerate(tasks, start=1):
            left = clock_time(seconds * (1 - done / total))
            status.show(f"mapping {number}/{len(tasks)}: {task.names[0]} for {task.objective}, about {left} left")
            row = check(arch, task, deadline)
            if row["state"] == "not begun":
                break
            rows.append(row)
            done += task.layer.macs
    except (KeyboardInterrupt, SystemError) as error:
        # An interrupt that reaches compiled code as it returns arrives as a SystemError that it caused.
        if not isinstance(error, KeyboardInterrupt) and not isinstance(error.__cause__, KeyboardInterrupt):
            raise
        return rows, True
    finally:
        status.clear()
    return rows, False
