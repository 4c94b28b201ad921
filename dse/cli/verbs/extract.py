"""`dse extract`: a workload file of a trained model's graph."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from dse.cli.output import note
from dse.errors import DseError

if TYPE_CHECKING:
    from dse.formats.graph.workload import Extracted

TORCHVISION = "torchvision:"


@click.command("extract")
@click.argument("model", metavar="MODEL")
@click.option("-o", "--output", metavar="FILE", help="Where to write it; printed if left out.")
@click.option("--name", metavar="NAME", help="Name of the workload; by default the model's.")
@click.option("--dim", "dims", metavar="NAME=SIZE", multiple=True,
              help="Size of a side that an ONNX file leaves open, e.g. batch=1 or input[0]=1.")  # fmt: skip
@click.option("--input", "inputs", metavar="NAME=VALUE", multiple=True,
              help="Value of an ONNX input that decides what runs, e.g. sr=16000.")  # fmt: skip
@click.option("--shape", metavar="1x3x224x224", help="Shape of a torchvision model's input.")
@click.option("--allow-unresolved", is_flag=True, help="Leave out nodes that cannot be resolved, and record them.")
def command(
    model: str, output: str | None, name: str | None, dims: Sequence[str], inputs: Sequence[str], shape: str | None,
    allow_unresolved: bool,
) -> None:  # fmt: skip
    """The workload of MODEL: an ONNX file, torchvision:NAME, or SCALE-Sim's topology (.csv).

    No weights are read or downloaded.

    \b
    Examples:
      dse extract model.onnx -o model.yaml --dim batch=1
      dse extract torchvision:resnet50 -o resnet50.yaml
    """
    from dse.formats.text.shipped import shipped_names

    if model.lower().endswith((".yaml", ".yml")) or model in shipped_names("workloads"):
        raise DseError(f"{model} is a spec file, not a trained model", hint=f"dse show {model} says what is in it")
    if model.lower().endswith(".csv"):
        _topology(model, output, name, dims or inputs or shape or allow_unresolved)
        return
    if model.startswith(TORCHVISION):
        if dims or inputs:
            hint = "--shape 1x3x224x224 sizes a torchvision model's input"
            raise DseError("--dim and --input are for ONNX files", hint=hint)
        from dse.formats.torch.torchvision import extract_torchvision

        found = extract_torchvision(
            model.removeprefix(TORCHVISION), name=name, shape=_sizes(shape), allow_unresolved=allow_unresolved
        )
    elif shape is not None:
        raise DseError("--shape is for torchvision models", hint="--dim NAME=SIZE sizes the open sides of ONNX inputs")
    else:
        from dse.formats.onnx.model import extract_onnx

        found = extract_onnx(
            model, name=name, dims=_dims(dims), inputs=_values(inputs), allow_unresolved=allow_unresolved
        )
    _write(found, output)


def _topology(model: str, output: str | None, name: str | None, unused: object) -> None:
    from dse.formats.tools.scalesim import NO_PADDING, load_topology
    from dse.formats.workload.write import dump_workload, save_workload

    if unused:
        hint = "leave out --dim, --input, --shape and --allow-unresolved"
        raise DseError("a topology file leaves nothing open", hint=hint)
    workload = load_topology(model, name)
    note(f"warning: {NO_PADDING}")
    if output is None:
        click.echo(dump_workload(workload), nl=False)
    else:
        save_workload(workload, output)


def _write(found: Extracted, output: str | None) -> None:
    for unresolved in found.unresolved:
        note(f"unresolved {unresolved}")
    text = found.to_yaml()
    if output is None:
        click.echo(text, nl=False)
        return
    from dse.formats.text.replace import write_text

    write_text(output, text)
    workload = found.workload
    note(f"{output}: {len(workload.layers)} layers, {workload.macs:,} MACs, {workload.weight_words:,} weights")


def _dims(given: Sequence[str]) -> dict[str, int]:
    dims = {}
    for text in given:
        name, equals, size = text.rpartition("=")
        if not equals or not name or not re.fullmatch(r"[0-9]{1,18}", size):
            raise DseError(f"--dim {text}: not NAME=SIZE", hint="e.g. --dim batch=1")
        dims[name] = int(size)
    return dims


def _values(given: Sequence[str]) -> dict[str, list[float]]:
    values = {}
    for text in given:
        name, equals, numbers = text.rpartition("=")
        try:
            values[name] = [float(number) for number in numbers.split(",")]
        except ValueError:
            equals = ""
        if not equals or not name:
            raise DseError(f"--input {text}: not NAME=VALUE", hint="e.g. --input sr=16000, or mask=1,0,1")
    return values


def _sizes(given: str | None) -> tuple[int, ...] | None:
    if given is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}(x[0-9]{1,9})*", given):
        raise DseError(f"--shape {given}: not sizes with x between them", hint="e.g. --shape 1x3x224x224")
    return tuple(int(size) for size in given.split("x"))
