"""`dse evaluate`: a network on an architecture, every layer on its best mapping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from dse.cli.inputs import Inputs, network_options, read_limits, read_mappings, read_stays
from dse.cli.options import (
    MapperSettings,
    NetworkGoal,
    format_option,
    gather,
    layers_option,
    mapper_options,
    save_option,
    scope_options,
)
from dse.cli.output import StatusLine, compile_first, print_rows
from dse.errors import DseError

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture
    from dse.mapper import MappedWorkload
    from dse.model.mapping import Mapping
    from dse.problem.workload import Workload


@dataclass(frozen=True, slots=True)
class GivenMappings:
    """The file whose mappings some layers run with, and whether these may break rules of the dataflow."""

    mapping: str | None
    any_mapping: bool


@dataclass(frozen=True, slots=True)
class OnChip:
    """What is asked about tensors that stay on chip.

    Parameters
    ----------
    resident : bool
        Let them stay.
    orders : int
        Other orders of branches to try at most.
    timeline : str or None
        Picture to draw of what is kept.
    """

    resident: bool
    orders: int
    timeline: str | None

    def check(self, goal: NetworkGoal, layers: tuple[str, ...]) -> None:
        """Refuse options that do not go together."""
        if self.resident and goal.scope != "network":
            raise DseError("--resident chooses for the whole network", hint="add --scope network")
        if self.resident and layers:
            what = "--resident needs the whole network: tensors stay from layer to layer"
            raise DseError(what, hint="leave --layer out")
        if self.orders and not self.resident:
            raise DseError("--orders tries orders of branches for tensors on chip", hint="add --resident")


@click.command("evaluate")
@click.argument("architecture", metavar="ARCH")
@click.argument("workload", metavar="WORKLOAD")
@mapper_options
@scope_options
@network_options
@layers_option
@click.option("--mapping", metavar="FILE", help="Map the layers that this file names as it says.")
@click.option("--any-mapping", is_flag=True, help="Accept mappings that break the dataflow's rules, and mark them.")
@click.option(
    "--resident", is_flag=True, help="Let tensors stay on chip where a level may keep them; needs --scope network.",
)  # fmt: skip
@click.option("--orders", type=click.IntRange(min=0), default=0, metavar="N",
              help="With --resident, try up to N other orders of branches.  [default: 0]")  # fmt: skip
@click.option("--timeline", metavar="FILE", help="Draw what --resident keeps on chip, to a PNG, SVG or PDF file.")
@click.option("--reuse", is_flag=True, help="Also show how often each layer's words are used, by kind of reuse.")
@save_option
@format_option
@gather(GivenMappings, "file")
@gather(OnChip, "chip")
def command(
    inputs: Inputs, how: MapperSettings, goal: NetworkGoal, layers: tuple[str, ...], file: GivenMappings, chip: OnChip,
    reuse: bool, save: str | None, form: str,
) -> None:  # fmt: skip
    """Energy, latency, utilization and area of WORKLOAD on ARCH, every layer on its provably best mapping.

    `--scope network` minimises the objective of the whole network: for EDP, total energy times total latency. Layers
    that `--mapping FILE` names run as the file says, and are not searched. A mapping that breaks a rule of the dataflow
    may cost less than the best one that keeps them all, so it is refused without `--any-mapping`.

    \b
    Examples:
      dse evaluate eyeriss vgg16
      dse evaluate eyeriss alexnet --batch 4 --objective energy --dataflow weight-stationary
      dse evaluate eyeriss alexnet --scope network
      dse evaluate eyeriss alexnet --scope network --objective energy --max-latency 320ms
      dse evaluate arch_specs/eyeriss.yaml workloads/vgg16.yaml --set levels.GLB.capacity=64KiB --format json
      dse evaluate eyeriss alexnet --bits weight=8,ifmap=8,psum=24 --density ifmap=0.42 --set mac.gating=ifmap
      dse evaluate eyeriss bert_base --param seq=384 --gap 0.05
      dse evaluate eyeriss alexnet --save best.yaml
      dse evaluate eyeriss alexnet --layer conv3 --mapping best.yaml
      dse evaluate edge_npu mobilenet_v1 --scope network --objective energy --resident --gap 0.02
    """
    chip.check(goal, layers)
    arch, network = inputs.read()
    max_latency_s, max_energy_pj = read_limits(goal)
    given, counting = read_mappings(file.mapping, arch, network, file.any_mapping)
    stays = read_stays(file.mapping)
    if stays is not None and (layers or chip.resident):
        raise DseError(f"{file.mapping} says which tensors stay on chip", hint="leave --layer and --resident out")
    if layers:
        from dse.explore.plan.workloads import only

        network = only(network, layers)
    if any(layer.name not in given for layer in network.layers):
        compile_first(arch)
    from dse.mapper import map_workload
    from dse.report.text.layers import layer_records

    status = StatusLine()
    try:
        mapped = map_workload(
            arch, network, how.objective, scope=goal.scope, max_latency_s=max_latency_s, max_energy_pj=max_energy_pj,
            gap=how.gap, factors=how.factors, given=given, counting=counting, any_mapping=file.any_mapping,
            time_limit_s=how.time_limit, resident=chip.resident, orders=chip.orders, stays=stays,
            progress=lambda done, total, name: status.show(
                f"mapping {name} ({done + 1} of {total})" if total else f"mapping {name} (search {done + 1})"
            ),
        )  # fmt: skip
    finally:
        status.clear()
    if save is not None:
        from dse.formats.mapping import save_mappings

        nests = {name: one.mapping for one, names in mapped.layers for name in names}
        kept = None if mapped.residency is None else mapped.residency.in_names
        save_mappings(save, f"{network.name} on {arch.name}", arch, nests, stays=kept)
    if chip.timeline is not None and mapped.residency is None:
        raise DseError("--timeline draws what stays on chip, and nothing may", hint="add --resident")
    if chip.timeline is not None:
        from dse.report.figures.timeline import draw_timeline

        draw_timeline(mapped.to_dict(), chip.timeline)
    plain, broken = mapped.to_dict(), _broken(arch, network, given)
    for layer in plain["layers"]:
        layer["breaks_rules"] = broken.get(layer["name"], [])
    print_rows(form, lambda: _text(mapped, plain, reuse, arch.dataflow.name), plain, layer_records(plain))


def _broken(arch: Architecture, network: Workload, given: dict[str, Mapping]) -> dict[str, list[str]]:
    """The rules of the dataflow that given mappings break, by layer."""
    if not given:
        return {}
    from dse.mapper.rules_kept import broken_rules

    layers = [layer for layer in network.layers if layer.name in given]
    return {layer.name: list(broken_rules(arch, arch.lowered(layer), given[layer.name])) for layer in layers}


def _text(mapped: MappedWorkload, plain: dict[str, Any], reuse: bool, dataflow: str) -> str:
    from dse.mapper import NetworkCertificate
    from dse.report.table import fold
    from dse.report.text.layers import layers_text, network_proof_line, reuse_summary

    tables = [layers_text(plain, mapped.gap), *([reuse_summary(plain).to_text()] if reuse else [])]
    if mapped.residency is not None:
        from dse.report.text.residency import residency_text

        return "\n\n".join([*tables, residency_text(plain, mapped.residency)])
    proof = [network_proof_line(mapped.certificate)] if isinstance(mapped.certificate, NetworkCertificate) else []
    marked = [
        f"NOT A MAPPING OF {dataflow}: {layer['name']}: {'; '.join(layer['breaks_rules'])}"
        for layer in plain["layers"] if layer["breaks_rules"]
    ]  # fmt: skip
    return "\n\n".join([*tables, *map(fold, [*marked, *proof])])
