"""What the verbs share: options, reading their arguments, and printing in three formats."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from dse.errors import DseError

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture
    from dse.formats.architecture.load import ArchitectureSpec
    from dse.model.mapping import Mapping as LoopNest
    from dse.problem.workload import Workload

Command = TypeVar("Command", bound=Callable[..., Any])

FORMATS = ("table", "json", "csv")


def format_option(function: Command) -> Command:
    """`--format table|json|csv`."""
    return click.option(
        "--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="How to print."
    )(function)


def architecture_options(function: Command) -> Command:
    """`--dataflow` and `--set`, which change an architecture."""
    function = click.option(
        "--set",
        "settings",
        metavar="PATH=VALUE",
        multiple=True,
        help="Change a setting, e.g. levels.GLB.capacity=64KiB.",
    )(function)
    return click.option("--dataflow", metavar="NAME", help="Use another dataflow.")(function)


def mapper_options(function: Command) -> Command:
    """`--objective`, `--gap` and `--factors`."""
    function = click.option(
        "--factors", type=click.Choice(["all", "perfect"]), default="all", show_default=True,
        help="`perfect` only splits a bound into factors that divide it.",
    )(function)  # fmt: skip
    function = click.option(
        "--gap", type=click.FloatRange(min=0), default=0.0, show_default=True,
        help="Stop when proven to be within this fraction of the best.",
    )(function)  # fmt: skip
    return click.option(
        "--objective", type=click.Choice(["energy", "latency", "edp"]), default="edp", show_default=True,
        help="What to minimise.",
    )(function)  # fmt: skip


def scope_options(function: Command) -> Command:
    """`--scope`, and the limits that a whole network may be given."""
    function = click.option(
        "--max-energy", metavar="ENERGY", help="The network's energy at most, e.g. 5 mJ; needs --scope network.",
    )(function)  # fmt: skip
    function = click.option(
        "--max-latency", metavar="TIME", help="The network's latency at most, e.g. 20 ms; needs --scope network.",
    )(function)  # fmt: skip
    return click.option(
        "--scope", type=click.Choice(["layer", "network"]), default="layer", show_default=True,
        help="Minimise the objective of each layer by itself, or that of the whole network.",
    )(function)  # fmt: skip


def read_limits(scope: str, max_latency: str | None, max_energy: str | None) -> dict[str, float]:
    """The values of `--max-latency` and `--max-energy`, as `map_workload` takes them."""
    from dse.formats.text.quantity import parse_quantity, picojoules, seconds

    limits: dict[str, float] = {}
    for option, text, kind in (("--max-latency", max_latency, "time"), ("--max-energy", max_energy, "energy")):
        if text is None:
            continue
        if scope != "network":
            raise DseError(f"{option} is a limit on the whole network", hint="add --scope network")
        try:
            quantity = parse_quantity(text, kind)
        except DseError as error:
            raise DseError(f"{option}: {error.message}", hint=error.hint) from None
        if quantity.unit == "mac" or "/" in quantity.unit:
            raise DseError(f"{option} {text}: not an energy", hint="e.g. 5 mJ")
        name = "max_latency_s" if kind == "time" else "max_energy_pj"
        limits[name] = seconds(quantity) if kind == "time" else picojoules(quantity, 1.0)
    return limits


def time_limit_option(function: Command) -> Command:
    return click.option(
        "--time-limit", metavar="TIME", callback=lambda context, option, text: _seconds("--time-limit", text),
        help="Stop a layer's search after so long, e.g. 2 s; the answer says how far it is proven.",
    )(function)  # fmt: skip


def _seconds(option: str, text: str | None) -> float | None:
    from dse.formats.text.quantity import parse_quantity, seconds

    if text is None:
        return None
    try:
        limit = seconds(parse_quantity(text, "time"))
    except DseError as error:
        raise DseError(f"{option}: {error.message}", hint=error.hint) from None
    if limit <= 0:
        raise DseError(f"{option} {text}: no time at all", hint="e.g. 2 s")
    return limit


def save_option(function: Command) -> Command:
    """`--save`, for verbs that map."""
    return click.option(
        "--save", type=click.Path(dir_okay=False), metavar="FILE",
        help="Write the mappings to a YAML file, which `dse evaluate --mapping` reads.",
    )(function)  # fmt: skip


def batch_option(function: Command) -> Command:
    return click.option("--batch", type=click.IntRange(min=1), help="Images at once.")(function)


def read_architecture(name: str, dataflow: str | None, settings: Sequence[str]) -> Architecture:
    """An architecture file with some settings changed."""
    from dse.formats.architecture.load import load_architecture_spec

    spec = load_architecture_spec(name)
    changes = parse_settings(spec, settings)
    if dataflow is not None:
        changes["dataflow"] = spec.parse_setting("dataflow", dataflow)
    return spec.resolve(changes) if changes else spec.architecture


def parse_settings(spec: ArchitectureSpec, settings: Sequence[str]) -> dict[str, Any]:
    """`path=value` texts as settings that `spec.resolve` takes."""
    changes: dict[str, Any] = {}
    for text in settings:
        path, equals, value = text.partition("=")
        if not equals or not path or not value:
            raise DseError(f"--set {text}: not PATH=VALUE", hint="e.g. --set levels.GLB.capacity=64KiB")
        changes[path] = spec.parse_setting(path, value)
    return changes


def element_options(function: Command) -> Command:
    """`--bits` and `--density`, which change the elements of a network's operands."""
    function = click.option(
        "--density", metavar="OPERAND=X,...", help="Nonzero part of the elements, e.g. ifmap=0.42,weight=0.3.",
    )(function)  # fmt: skip
    return click.option(
        "--bits", metavar="OPERAND=N,...", help="Width of the elements, e.g. weight=8,ifmap=8,psum=24, or 8 for all.",
    )(function)  # fmt: skip


def parameter_option(function: Command) -> Command:
    """`--param`, for parameters that a workload file declares."""
    return click.option(
        "--param", metavar="NAME=N", multiple=True,
        help="Set a parameter of the workload, e.g. seq=384; may be given again.",
    )(function)  # fmt: skip


def read_workload(
    name: str, batch: int | None, layers: Sequence[str] = (), bits: str | None = None, density: str | None = None,
    parameters: Sequence[str] = (),
) -> Workload:  # fmt: skip
    """A workload file, or some of its layers, at a batch size, and with elements of other widths and densities."""
    from dse.formats.workload.load import load_workload
    from dse.formats.workload.parameters import parse_parameters

    workload = load_workload(name, parse_parameters(parameters))
    if batch is not None:
        workload = workload.with_batch(batch)
    workload = workload.with_bits(**read_bits(bits)).with_density(**read_density(density))
    return only(workload, layers) if layers else workload


def read_bits(text: str | None) -> dict[str, int]:
    """The value of `--bits` by operand."""
    if text is None:
        return {}
    return per_operand("--bits", text, int, 1, 1024, "a whole number from 1 to 1024")


def read_density(text: str | None) -> dict[str, float]:
    """The value of `--density` by operand."""
    return {} if text is None else per_operand("--density", text, float, 1e-9, 1, "above 0 and at most 1")


def per_operand(
    option: str, text: str, convert: Callable[[str], Any], least: float, most: float, what: str
) -> dict[str, Any]:
    """`ifmap=8,psum=24` as a mapping; one value alone is every operand's."""
    from dse.formats.text.source import did_you_mean
    from dse.problem.dims import OPERANDS

    found: dict[str, Any] = {}
    for part in text.split(","):
        operand, equals, value = part.strip().rpartition("=")
        if operand and operand not in OPERANDS:
            hint = did_you_mean(operand, OPERANDS) or f"operands are {', '.join(OPERANDS)}"
            raise DseError(f"{option} {text}: {operand!r} is no operand", hint=hint)
        if (equals and not operand) or (not equals and "," in text):
            raise DseError(f"{option} {text}: {part!r} is not OPERAND=VALUE", hint="e.g. ifmap=8,weight=8,psum=24")
        try:
            number = convert(value)
        except ValueError:
            number = None
        if number is None or not least <= number <= most:
            raise DseError(f"{option} {text}: {value!r} is not {what}")
        for name in [operand] if operand else OPERANDS:
            if name in found:
                raise DseError(f"{option} {text}: {name} is given twice")
            found[name] = number
    return found


def warn_of_unused_densities(arch: Architecture, density: str | None) -> None:
    """Say so when densities were asked for and the architecture makes nothing of zeros."""
    from dse.model.sparsity import uses_zeros

    if density is not None and not uses_zeros(arch):
        note(
            f"note: {arch.name} makes no use of zeros, so --density changes nothing; switch something on, e.g.\n"
            "  --set mac.gating=ifmap, --set mac.skipping=ifmap or --set levels.DRAM.compression=run-length"
        )


def only(workload: Workload, layers: Sequence[str]) -> Workload:
    """Some layers of a workload, in the order asked for."""
    from dse.problem.workload import Workload

    return Workload.of(workload.name, [workload.layer(layer) for layer in dict.fromkeys(layers)])


def read_mappings(
    file: str | None, architecture: Architecture, workload: Workload
) -> tuple[dict[str, LoopNest], Literal["house", "timeloop"]]:
    """The mappings that a file gives layers of a workload, and how they are counted; none without a file."""
    if file is None:
        return {}, "house"
    from dse.formats.mapping import load_mappings

    given = load_mappings(file)
    return given.mappings(architecture, workload.layers), given.counting


def compile_first(*architectures: Architecture) -> None:
    """Compile the kernels that some architectures need if this machine has not yet, saying so."""
    from dse.mapper import compile_kernels

    compile_kernels(note, architectures)


def note(text: str) -> None:
    """A line for the person, apart from the output."""
    click.echo(text, err=True)


def print_json(plain: Any) -> None:
    click.echo(json.dumps(plain, indent=2, allow_nan=False))


def print_rows(form: str, text: Callable[[], str], plain: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print in the form asked for: a text, plain data as JSON, or rows as CSV."""
    if form == "json":
        print_json(plain)
    elif form == "csv":
        from dse.report.table import to_csv

        click.echo(to_csv([dict(row) for row in rows]), nl=False)
    else:
        click.echo(text())


class StatusLine:
    """One line on a terminal that is written over again and again; silent in a pipe."""

    def __init__(self) -> None:
        self._shown = 0
        self._active = sys.stderr.isatty()

    def show(self, text: str) -> None:
        if self._active:
            width = _terminal_width()
            text = text[: width - 1]
            sys.stderr.write("\r" + text + " " * (self._shown - len(text)))
            sys.stderr.flush()
            self._shown = len(text)

    def clear(self) -> None:
        if self._active and self._shown:
            sys.stderr.write("\r" + " " * self._shown + "\r")
            sys.stderr.flush()
            self._shown = 0


def _terminal_width() -> int:
    from shutil import get_terminal_size

    return get_terminal_size().columns
