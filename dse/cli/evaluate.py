"""`dse evaluate`: a network on an architecture, every layer on its best mapping."""

from __future__ import annotations

import click

from dse.cli.common import (
    StatusLine,
    architecture_options,
    batch_option,
    compile_first,
    format_option,
    mapper_options,
    print_rows,
    read_architecture,
    read_workload,
)


@click.command("evaluate")
@click.argument("architecture", metavar="ARCH")
@click.argument("workload", metavar="WORKLOAD")
@mapper_options
@architecture_options
@batch_option
@click.option("--layer", "layers", metavar="NAME", multiple=True, help="Only this layer; may be given again.")
@format_option
def command(
    architecture: str, workload: str, objective: str, gap: float, factors: str, dataflow: str | None,
    settings: tuple[str, ...], batch: int | None, layers: tuple[str, ...], form: str,
) -> None:  # fmt: skip
    """Energy, latency, utilization and area of WORKLOAD on ARCH, every layer on its provably best mapping.

    \b
    Examples:
      dse evaluate eyeriss vgg16
      dse evaluate eyeriss alexnet --batch 4 --objective energy --dataflow weight-stationary
      dse evaluate arch_specs/eyeriss.yaml workloads/vgg16.yaml --set levels.GLB.capacity=64KiB --format json
    """
    arch = read_architecture(architecture, dataflow, settings)
    network = read_workload(workload, batch, layers)
    compile_first()
    from dse.mapper import map_workload
    from dse.report.layers import layer_records, layers_table

    status = StatusLine()

    def progress(done: int, total: int, name: str) -> None:
        status.show(f"mapping {name} ({done + 1} of {total})")

    try:
        plain = map_workload(arch, network, objective, gap=gap, factors=factors, progress=progress).to_dict()
    finally:
        status.clear()
    print_rows(form, lambda: layers_table(plain).to_text(), plain, layer_records(plain))
