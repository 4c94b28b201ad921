"""`dse map`: the best loop nest of one layer."""

from __future__ import annotations

import json
from typing import Any

import click

from dse.cli.inputs import Inputs, network_options
from dse.cli.options import MapperSettings, format_option, mapper_options, save_option
from dse.cli.output import compile_first, print_rows


@click.command("map")
@click.argument("architecture", metavar="ARCH")
@click.argument("workload", metavar="WORKLOAD")
@click.argument("layer", metavar="LAYER")
@mapper_options
@network_options
@save_option
@click.option(
    "--proof", type=click.Path(dir_okay=False), metavar="FILE",
    help="Write why no mapping is better; `python -m dse.mapper.proof.check FILE` checks it on its own.",
)  # fmt: skip
@click.option(
    "--check-proof", "given", type=click.Path(exists=True, dir_okay=False), metavar="FILE",
    help="Search nothing: check that FILE, of --proof, proves what is best for LAYER on ARCH with these options.",
)  # fmt: skip
@format_option
def command(
    inputs: Inputs, layer: str, how: MapperSettings, save: str | None, proof: str | None, given: str | None, form: str
) -> int:  # fmt: skip
    """The best loop nest of a LAYER of WORKLOAD on ARCH, level by level, with its reuse and the proof.

    \b
    Examples:
      dse map eyeriss alexnet conv3
      dse map eyeriss vgg16 block1_conv1 --objective latency --factors perfect
      dse map eyeriss alexnet fc6 --batch 16 --format json
      dse map edge_npu vgg16 fc1 --time-limit 5s
      dse map eyeriss alexnet conv3 --save conv3.yaml
      dse map eyeriss alexnet conv3 --objective energy --proof conv3.json
      dse map eyeriss alexnet conv3 --objective energy --check-proof conv3.json
    """
    if given is not None and (proof is not None or save is not None or how.time_limit is not None):
        raise click.UsageError("--check-proof searches nothing: leave --proof, --save and --time-limit out")
    if proof is not None and how.time_limit is not None:
        raise click.UsageError("a search with --time-limit may end before there is a proof; leave one of them out")
    arch, network = inputs.read((layer,))
    compile_first(arch)
    if given is not None:
        return _check(arch, network.layer(layer), how, given, form)
    from dse.mapper import map_layer

    mapped = map_layer(
        arch, network.layer(layer), how.objective, gap=how.gap, factors=how.factors, time_limit_s=how.time_limit
    )
    if save is not None:
        from dse.formats.mapping import save_mappings

        save_mappings(save, f"{layer} on {arch.name}", arch, {layer: mapped.mapping})
    if proof is not None:
        from dse.formats.text.replace import write_text
        from dse.mapper.proof.write import prove

        found = prove(arch, network.layer(layer), how.objective, gap=how.gap, factors=how.factors)
        write_text(proof, json.dumps(found, separators=(",", ":")) + "\n")
    plain = {"arch": arch.name, "dataflow": arch.dataflow.name, "workload": inputs.workload, **mapped.to_dict()}
    print_rows(form, lambda: _text(arch, mapped.layer, mapped, how.gap), plain, plain["reuse"])
    return 0


def _check(arch: Any, layer: Any, how: MapperSettings, path: str, form: str) -> int:
    """Check a proof against what the command line asks for, and say what comes of it."""
    from dse.cli.main import FAILED
    from dse.mapper.proof.state import checked, stated

    proof, statement = _read(path), stated(arch, layer, how.objective, how.factors)
    try:
        said, holds = checked(proof, statement, how.gap), True
    except Exception as error:  # whatever is wrong with a file, it proves nothing
        said, holds = f"{path}: NOT PROVEN: {_in_words(error)}", False
    plain = {"arch": arch.name, "layer": layer.name, "file": path, "holds": holds, "verdict": said}
    print_rows(form, lambda: said, plain, [plain])
    return 0 if holds else FAILED


def _in_words(error: Exception) -> str:
    """Why a file proves nothing."""
    if isinstance(error, KeyError):
        return f"it has no {error.args[0]!r}"
    if type(error) is ValueError:
        return str(error)
    return f"it is not laid out as a proof ({type(error).__name__}: {error})"


def _read(path: str) -> Any:
    """The plain data of a JSON file."""
    from dse.errors import DseError
    from dse.formats.text.regular import check_file

    check_file(path)  # nobody may write to a pipe, and a device has no end
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except json.JSONDecodeError as error:
        message = f"no JSON, or not all of it: {error.msg[:1].lower()}{error.msg[1:]}"
        raise DseError(message, file=path, line=error.lineno, column=error.colno) from None
    except (UnicodeDecodeError, RecursionError, OSError) as error:
        raise DseError(f"no JSON that can be read: {error}", file=path) from None


def _text(arch: Any, layer: Any, mapped: Any, asked: float) -> str:
    from dse.problem.dims import DIMS
    from dse.report.table import fold
    from dse.report.text.layers import cost_lines, energy_table, proof_lines, reuse_table
    from dse.report.text.nest import nest_text
    from dse.report.units import whole

    bounds = " ".join(f"{dim}={size}" for dim, size in zip(DIMS, layer.bounds, strict=True) if size > 1)
    strides = f" stride {layer.stride_h}x{layer.stride_w}" if (layer.stride_h, layer.stride_w) != (1, 1) else ""
    title = f"{layer.name} on {arch.name}, {arch.dataflow.name}: {bounds}{strides}, {whole(layer.macs)} MACs"
    rows = [reuse.to_dict() for reuse in mapped.cost.reuse]
    parts = [
        fold(title),
        nest_text(arch, layer, mapped.mapping),
        "\n".join(fold(line, hang=" " * 9) for line in [*proof_lines(mapped, asked), *cost_lines(mapped)]),
        energy_table(
            mapped.cost.energy_by_level_and_operand_pj, {"MAC": mapped.cost.mac_pj, "static": mapped.cost.static_pj}
        ).to_text(),
        reuse_table(rows).to_text(),
    ]
    return "\n\n".join(parts)
