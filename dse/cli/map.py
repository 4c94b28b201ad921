"""`dse map`: the best loop nest of one layer."""

from __future__ import annotations

from typing import Any

import click

from dse.cli.common import (
    architecture_options,
    batch_option,
    compile_first,
    element_options,
    format_option,
    mapper_options,
    parameter_option,
    print_rows,
    read_architecture,
    read_workload,
    save_option,
    time_limit_option,
    warn_of_unused_densities,
)


@click.command("map")
@click.argument("architecture", metavar="ARCH")
@click.argument("workload", metavar="WORKLOAD")
@click.argument("layer", metavar="LAYER")
@mapper_options
@time_limit_option
@architecture_options
@batch_option
@parameter_option
@element_options
@save_option
@format_option
def command(
    architecture: str, workload: str, layer: str, objective: str, gap: float, factors: str, time_limit: float | None,
    dataflow: str | None, settings: tuple[str, ...], batch: int | None, bits: str | None, density: str | None,
    param: tuple[str, ...], save: str | None, form: str,
) -> None:  # fmt: skip
    """The best loop nest of a LAYER of WORKLOAD on ARCH, level by level, with its reuse and the proof.

    \b
    Examples:
      dse map eyeriss alexnet conv3
      dse map eyeriss vgg16 conv1_1 --objective latency --factors perfect
      dse map eyeriss alexnet fc6 --batch 16 --format json
      dse map edge_npu vgg16 fc1 --time-limit 5s
      dse map eyeriss alexnet conv3 --save conv3.yaml
    """
    arch = read_architecture(architecture, dataflow, settings)
    wanted = read_workload(workload, batch, bits=bits, density=density, parameters=param).layer(layer)
    warn_of_unused_densities(arch, density)
    compile_first(arch)
    from dse.mapper import map_layer

    mapped = map_layer(arch, wanted, objective, gap=gap, factors=factors, time_limit_s=time_limit)
    if save is not None:
        from dse.formats.mapping import save_mappings

        save_mappings(save, f"{layer} on {arch.name}", arch, {layer: mapped.mapping})
    plain = {"arch": arch.name, "dataflow": arch.dataflow.name, "workload": workload, **mapped.to_dict()}
    print_rows(form, lambda: _text(arch, mapped.layer, mapped), plain, plain["reuse"])


def _text(arch: Any, layer: Any, mapped: Any) -> str:
    from dse.problem.dims import DIMS
    from dse.report.layers import cost_lines, proof_lines, reuse_table
    from dse.report.nest import nest_text
    from dse.report.units import whole

    bounds = " ".join(f"{dim}={size}" for dim, size in zip(DIMS, layer.bounds, strict=True) if size > 1)
    strides = f" stride {layer.stride_h}x{layer.stride_w}" if (layer.stride_h, layer.stride_w) != (1, 1) else ""
    title = f"{layer.name} on {arch.name}, {arch.dataflow.name}: {bounds}{strides}, {whole(layer.macs)} MACs"
    rows = [reuse.to_dict() for reuse in mapped.cost.reuse]
    parts = [
        title,
        nest_text(arch, layer, mapped.mapping),
        "\n".join([*cost_lines(mapped), *proof_lines(mapped)]),
        reuse_table(rows).to_text(),
    ]
    return "\n\n".join(parts)
