"""`dse verify`: the closed form against a simulation of the loop nests."""

from __future__ import annotations

from typing import Any

import click

from dse.cli.inputs import Inputs, network_options
from dse.cli.options import format_option, layers_option
from dse.cli.output import StatusLine, compile_first, print_rows


@click.command("verify")
@click.argument("architecture", metavar="ARCH")
@click.argument("workload", metavar="WORKLOAD")
@network_options
@layers_option
@click.option("--macs", type=click.IntRange(min=1), default=30_000, show_default=True, help="Shrink larger layers.")
@format_option
def command(inputs: Inputs, layers: tuple[str, ...], macs: int, form: str) -> int:
    """Count every word that WORKLOAD moves on ARCH twice: in closed form, and by walking the loop nest.

    Each layer runs on its best mapping for energy, latency and energy-delay. A walk visits every step, so layers with
    more than --macs MACs are shrunk first, by halving their longest loops. Exits with 1 if any count differs.

    \b
    Example:
      dse verify eyeriss alexnet
    """
    arch, network = inputs.read(layers)
    compile_first(arch)
    from dse.report.check import check_table, compare, shrink

    status = StatusLine()
    rows: list[dict[str, Any]] = []
    groups = network.distinct()
    for number, (layer, names) in enumerate(groups, start=1):
        status.show(f"layer {number}/{len(groups)}: {layer.name}")
        rows += compare(arch, shrink(layer, macs), names)
    status.clear()
    differing = sum(row["differ"] for row in rows)
    plain = {"arch": arch.name, "workload": network.name, "differ": differing, "mappings": rows}
    print_rows(form, lambda: check_table(rows).to_text(), plain, rows)
    return 1 if differing else 0
