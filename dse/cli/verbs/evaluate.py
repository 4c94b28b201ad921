"""`dse evaluate`: a network on an architecture, every layer on its best mapping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dse.cli.inputs import Inputs, network_options, read_limits, read_mappings
from dse.cli.options import (
    MapperSettings,
    NetworkGoal,
    format_option,
    layers_option,
    mapper_options,
    save_option,
    scope_options,
)
from dse.cli.output import StatusLine, compile_first, print_rows

if TYPE_CHECKING:
    from dse.mapper import MappedWorkload


@click.command("evaluate")
@click.argument("architecture", metavar="ARCH")
@click.argument("workload", metavar="WORKLOAD")
@mapper_options
@scope_options
@network_options
@layers_option
@click.option("--mapping", metavar="FILE", help="Evaluate the layers that this file maps as it says.")
@click.option("--reuse", is_flag=True, help="Show the reuse of every layer by kind, too.")
@save_option
@format_option
def command(
    inputs: Inputs, how: MapperSettings, goal: NetworkGoal, layers: tuple[str, ...], mapping: str | None, reuse: bool,
    save: str | None, form: str,
) -> None:  # fmt: skip
    """Energy, latency, utilization and area of WORKLOAD on ARCH, every layer on its provably best mapping.

    `--scope network` minimises the objective of the whole network: for EDP, total energy times total latency. Layers
    that `--mapping FILE` names run as the file says, and are not searched.

    \b
    Examples:
      dse evaluate eyeriss vgg16
      dse evaluate eyeriss alexnet --batch 4 --objective energy --dataflow weight-stationary
      dse evaluate eyeriss alexnet --scope network
      dse evaluate eyeriss alexnet --scope network --objective energy --max-latency 45ms
      dse evaluate arch_specs/eyeriss.yaml workloads/vgg16.yaml --set levels.GLB.capacity=64KiB --format json
      dse evaluate eyeriss alexnet --bits weight=8,ifmap=8,psum=24 --density ifmap=0.42 --set mac.gating=ifmap
      dse evaluate eyeriss bert_base --param seq=384 --gap 0.05
      dse evaluate eyeriss alexnet --save best.yaml
      dse evaluate eyeriss alexnet --layer conv3 --mapping best.yaml
    """
    arch, network = inputs.read()
    max_latency_s, max_energy_pj = read_limits(goal)
    given, counting = read_mappings(mapping, arch, network)
    if layers:
        from dse.explore.workloads import only

        network = only(network, layers)
    if any(layer.name not in given for layer in network.layers):
        compile_first(arch)
    from dse.mapper import map_workload
    from dse.report.text.layers import layer_records

    status = StatusLine()
    try:
        mapped = map_workload(
            arch, network, how.objective, scope=goal.scope, max_latency_s=max_latency_s, max_energy_pj=max_energy_pj,
            gap=how.gap, factors=how.factors, given=given, counting=counting, time_limit_s=how.time_limit,
            progress=lambda done, total, name: status.show(f"mapping {name} ({done + 1} of {total})"),
        )  # fmt: skip
    finally:
        status.clear()
    if save is not None:
        from dse.formats.mapping import save_mappings

        nests = {name: one.mapping for one, names in mapped.layers for name in names}
        save_mappings(save, f"{network.name} on {arch.name}", arch, nests)
    plain = mapped.to_dict()
    print_rows(form, lambda: _text(mapped, plain, reuse), plain, layer_records(plain))


def _text(mapped: MappedWorkload, plain: dict[str, Any], reuse: bool) -> str:
    from dse.report.text.layers import layers_table, network_proof_line, reuse_summary

    tables = [layers_table(plain), *([reuse_summary(plain)] if reuse else [])]
    proof = [] if mapped.certificate is None else [network_proof_line(mapped.certificate)]
    return "\n\n".join([*(table.to_text() for table in tables), *proof])
