"""`dse bound`: the fewest words that any mapping can move, against the size of the buffer."""

from __future__ import annotations

import click

from dse.cli.inputs import read_architecture, read_workload
from dse.cli.options import batch_option, format_option, parameter_option
from dse.cli.output import note, print_rows


@click.command("bound")
@click.argument("architecture", metavar="ARCH")
@click.argument("workload", metavar="WORKLOAD")
@click.argument("layer", metavar="[LAYER]", required=False)
@click.option(
    "--set", "settings", metavar="PATH=VALUE", multiple=True, help="Change a setting, e.g. levels.GLB.capacity=64KiB."
)
@batch_option
@parameter_option
@click.option("-o", "--output", metavar="FILE", help="Draw the curves to this PNG, SVG or PDF file.")
@format_option
def command(
    architecture: str, workload: str, layer: str | None, settings: tuple[str, ...], batch: int | None,
    param: tuple[str, ...], output: str | None, form: str,
) -> None:  # fmt: skip
    """The fewest words that any mapping of WORKLOAD moves between ARCH's outermost level and a buffer of each size.

    Exact whatever the dataflow, the array and the order of loops, and found without a search, in milliseconds. For each
    shape of layer: the fewest words with the buffer of ARCH, the fewest with any buffer and the size that they need,
    and the size from which on at most 10 % more than that is moved. Operands share the buffer; one that bypasses it
    counts as if the PEs kept as much of it as they have room for.

    \b
    Examples:
      dse bound eyeriss vgg16 -o vgg16.png
      dse bound eyeriss alexnet conv3 --format csv
      dse bound eyeriss resnet50 --batch 4 --set levels.GLB.capacity=256KiB
    """
    arch = read_architecture(architecture, None, settings)
    network = read_workload(workload, batch, () if layer is None else (layer,), parameters=param)
    from dse.mapper.curve import capacity_curve
    from dse.report.figures.bound import bound_records, bound_report, bound_table, curves_data, draw_curves

    curves = [(capacity_curve(arch, one), names) for one, names in network.distinct()]
    plain = bound_report(arch, network.name, curves)
    if output is not None:
        draw_curves(curves_data(plain), output)
        note(f"{output}: the curves")
    print_rows(form, lambda: bound_table(plain).to_text(), plain, bound_records(plain))
