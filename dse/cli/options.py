"""The options that several verbs share, and the records in which a verb takes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from math import inf, isfinite
from re import fullmatch
from typing import Any, Literal, TypeVar

import click

from dse.errors import DseError
from dse.mapper.shared.gaps import LARGEST_GAP

Command = TypeVar("Command", bound=Callable[..., Any])

FORMATS = ("table", "json", "csv")


class Gap(click.FloatRange):
    """A number from 0 to `LARGEST_GAP`; neither infinite nor `nan`, which every comparison takes for no number."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        found = super().convert(value, parameter, context)
        if not isfinite(found):
            self.fail(f"{value} is not a finite number.", parameter, context)
        if found > LARGEST_GAP:
            self.fail(f"{value} is above {LARGEST_GAP:g}.", parameter, context)
        return found


A_GAP = Gap(min=0)


@dataclass(frozen=True, slots=True)
class MapperSettings:
    """How layers are mapped.

    Parameters
    ----------
    objective : {"energy", "latency", "edp"}
    gap : float
        How far from its optimum a mapping may be, proven, as a fraction.
    factors : {"all", "perfect", "any"}
    time_limit : float or None
        Seconds after which a layer's search stops.
    """

    objective: Literal["energy", "latency", "edp"]
    gap: float
    factors: Literal["all", "perfect", "any"]
    time_limit: float | None


@dataclass(frozen=True, slots=True)
class NetworkGoal:
    """Whose objective counts, and the limits of a whole network as the command line has them.

    Parameters
    ----------
    scope : {"layer", "network"}
    max_latency, max_energy : str or None
        With their units, such as `20 ms` and `5 mJ`.
    """

    scope: Literal["layer", "network"]
    max_latency: str | None
    max_energy: str | None


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """Who evaluates.

    Parameters
    ----------
    jobs : int or None
        Processes on this machine.
    cluster : str or None
        A Dask scheduler, or a file for a queue.
    """

    jobs: int | None
    cluster: str | None

    def local(self, what: str) -> int | None:
        """The jobs, for a verb's file that stays on this machine."""
        if self.cluster is not None:
            raise DseError(f"this file {what}, which runs on this machine alone", hint="leave --cluster out")
        return self.jobs


def gather(record: type[Any], name: str) -> Callable[[Command], Command]:
    """Hand a command one `record` as its argument `name`, instead of the options that are the record's fields."""
    taken = tuple(field.name for field in fields(record))

    def decorate(function: Command) -> Command:
        @wraps(function)
        def gathered(**given: Any) -> Any:
            given[name] = record(*(given.pop(option) for option in taken))
            return function(**given)

        return gathered  # type: ignore[return-value]

    return decorate


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
        help="Change a setting of the architecture, e.g. levels.GLB.capacity=64KiB.",
    )(function)
    return click.option("--dataflow", metavar="NAME", help="Use another dataflow than the architecture's.")(function)


def mapper_options(function: Command) -> Command:
    """`--objective`, `--gap`, `--factors` and `--time-limit`; the command takes them as `how`, a `MapperSettings`."""
    function = time_limit_option(gather(MapperSettings, "how")(function))
    function = click.option(
        "--factors", type=click.Choice(["all", "perfect", "any"]), default="all", show_default=True,
        help="Tile sizes: all, or only those that divide a loop bound; any takes those that could shrink, too (slow).",
    )(function)  # fmt: skip
    function = click.option(
        "--gap", type=A_GAP, default=0.0, show_default=True,
        help="Stop a search when its answer is proven within this fraction of the best: 0.01 is 1 %.",
    )(function)  # fmt: skip
    return click.option(
        "--objective", type=click.Choice(["energy", "latency", "edp"]), default="edp", show_default=True,
        help="What to minimise.",
    )(function)  # fmt: skip


def scope_options(function: Command) -> Command:
    """`--scope`, and the limits of a whole network; the command takes them as `goal`, a `NetworkGoal`."""
    function = click.option(
        "--max-energy", metavar="ENERGY", help="Limit on the network's energy, e.g. 5 mJ; needs --scope network.",
    )(gather(NetworkGoal, "goal")(function))  # fmt: skip
    function = click.option(
        "--max-latency", metavar="TIME", help="Limit on the network's latency, e.g. 20 ms; needs --scope network.",
    )(function)  # fmt: skip
    return click.option(
        "--scope", type=click.Choice(["layer", "network"]), default="layer", show_default=True,
        help="Find the best for each layer alone, or for the network as a whole.",
    )(function)  # fmt: skip


def time_limit_option(function: Command) -> Command:
    """`--time-limit`, in seconds."""
    return click.option(
        "--time-limit", metavar="TIME", callback=lambda context, option, text: given_seconds("--time-limit", text),
        help="Stop a layer's search after so long, e.g. 2 s; the gap says how far from the best it may be. "
        "(`dse evaluate --resident`: the whole network's.)",
    )(function)  # fmt: skip


def given_seconds(option: str, text: str | None) -> float | None:
    """The seconds of an option's text; raises `DseError` for anything but a time that is longer than none."""
    return None if text is None else read_time(option, text)


SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}


def read_time(option: str, text: str) -> float:
    """Seconds of a time such as `30s`, `1.5 min` or `2h`.

    Raises
    ------
    DseError

    Examples
    --------
    >>> read_time("--time-limit", "1.5min"), read_time("--time-limit", "2 s")
    (90.0, 2.0)
    """
    found = fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(us|ms|s|min|h)?\s*", text)
    if found and found[2] is None:
        number = text.strip()
        example = number if float(number) else "30"
        raise DseError(f"{option}: {number} has no unit", hint=f"e.g. {example}s; units: {', '.join(SECONDS)}")
    seconds = float(found[1]) * SECONDS[found[2]] if found else 0.0
    if not 0 < seconds < inf:
        raise DseError(f"{option} {text}: not a time above 0", hint="e.g. 30s, 10min or 2h")
    return seconds


def save_option(function: Command) -> Command:
    """`--save`, for verbs that map."""
    return click.option(
        "--save", type=click.Path(dir_okay=False), metavar="FILE",
        help="Write the mappings to a YAML file; `dse evaluate --mapping FILE` reads it.",
    )(function)  # fmt: skip


def batch_option(function: Command) -> Command:
    """`--batch`, in images."""
    return click.option("--batch", type=click.IntRange(min=1), help="Images processed together.")(function)


def element_options(function: Command) -> Command:
    """`--bits` and `--density`, which change the elements of a network's operands."""
    function = click.option(
        "--density", metavar="OPERAND=X,...",
        help="Fraction of the elements that is not zero, e.g. ifmap=0.42,weight=2:4.",
    )(function)  # fmt: skip
    return click.option(
        "--bits", metavar="OPERAND=N,...",
        help="Bits of an element, e.g. weight=8,ifmap=8,psum=24, or 8 for all; ofmap stands for finished outputs.",
    )(function)  # fmt: skip


def parameter_option(function: Command) -> Command:
    """`--param`, for parameters that a workload file declares."""
    return click.option(
        "--param", metavar="NAME=N", multiple=True,
        help="Set a parameter of the workload, e.g. seq=384; repeat it for others.",
    )(function)  # fmt: skip


def layers_option(function: Command) -> Command:
    """`--layer`, for verbs that take some of a network's layers."""
    return click.option(
        "--layer", "layers", metavar="NAME", multiple=True, help="Only this layer; repeat it for more.",
    )(function)  # fmt: skip
