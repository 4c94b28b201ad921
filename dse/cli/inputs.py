"""What verbs read: an architecture and a network, changed as the options say, mappings and limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from math import inf
from typing import TYPE_CHECKING, Any, Literal

from dse.cli.options import (
    Command,
    NetworkGoal,
    architecture_options,
    batch_option,
    element_options,
    gather,
    parameter_option,
    read_time,
)
from dse.cli.output import note
from dse.errors import DseError
from dse.problem.dims import FORMATS, OPERANDS, WIDTHS

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture
    from dse.explore.limits import Limits
    from dse.explore.plan.hardware import HardwareChanges
    from dse.explore.plan.search import SearchChanges
    from dse.explore.plan.workloads import WorkloadChanges
    from dse.formats.architecture.load import ArchitectureSpec
    from dse.formats.text.quantity import Quantity
    from dse.mapper.network.residency.outcome.stays import Stays
    from dse.model.mapping import Mapping
    from dse.problem.density import Density
    from dse.problem.workload import Workload


@dataclass(frozen=True, slots=True)
class Inputs:
    """A network on an architecture, as a command line names them and changes them.

    Parameters
    ----------
    architecture, workload : str
        Files, or bare names of shipped ones.
    dataflow : str or None
        Instead of the architecture's own.
    settings : tuple of str
        `PATH=VALUE` each.
    batch : int or None
        Images at once, instead of the workload's own.
    param : tuple of str
        `NAME=N` each.
    bits, density : str or None
        `OPERAND=X,...`, or one value for all operands.
    """

    architecture: str
    workload: str
    dataflow: str | None
    settings: tuple[str, ...]
    batch: int | None
    param: tuple[str, ...]
    bits: str | None
    density: str | None

    def read(self, layers: Sequence[str] = ()) -> tuple[Architecture, Workload]:
        """The architecture and the network, or some `layers` of it.

        Raises
        ------
        DseError
            What is wrong with a file or an option.
        """
        architecture = read_architecture(self.architecture, self.dataflow, self.settings)
        workload = read_workload(self.workload, self.batch, layers, self.bits, self.density, self.param)
        if self.density is not None:
            warn_of_unused_densities(architecture)
        return architecture, workload


def network_options(function: Command) -> Command:
    """`--dataflow`, `--set`, `--batch`, `--param`, `--bits`, `--density`; the command takes them, and its arguments
    ARCH and WORKLOAD, as `inputs`."""
    function = element_options(gather(Inputs, "inputs")(function))
    return architecture_options(batch_option(parameter_option(function)))


@dataclass(frozen=True, slots=True)
class SweepOptions:
    """What a command line changes about a sweep; None, and no `param`, where it says nothing.

    Parameters
    ----------
    trials, seed : int or None
    sampler : str or None
    objectives : str or None
        Names with commas between them.
    gap : float or None
        How far from its optimum a mapping may be while exploring, proven, as a fraction.
    batch, param, bits, density, dataflow, settings
        As those of `Inputs`.
    layers : tuple of str
        Only these.
    resident : bool or None
        Whether tensors may stay on chip.
    """

    trials: int | None
    sampler: str | None
    seed: int | None
    objectives: str | None
    gap: float | None
    batch: int | None
    param: tuple[str, ...]
    bits: str | None
    density: str | None
    dataflow: str | None
    settings: tuple[str, ...]
    layers: tuple[str, ...]
    resident: bool | None = None

    def given(self) -> tuple[str, ...]:
        """The names of the options that the command line has."""
        given = (field.name for field in fields(self) if getattr(self, field.name) not in (None, ()))
        return tuple({"settings": "set", "layers": "layer"}.get(name, name) for name in given)

    def search(self) -> SearchChanges:
        """Those about the search."""
        from dse.explore.plan.search import SearchChanges

        named = None if self.objectives is None else tuple(part.strip() for part in self.objectives.split(","))
        return SearchChanges(self.trials, self.sampler, self.seed, named, self.gap, self.resident)

    def workloads(self) -> WorkloadChanges:
        """Those about the networks."""
        from dse.explore.plan.workloads import WorkloadChanges
        from dse.formats.workload.parameters import parse_parameters

        bits, density = read_bits(self.bits), read_density(self.density)
        return WorkloadChanges(self.batch, parse_parameters(self.param), bits, density, self.layers)

    def hardware(self) -> HardwareChanges:
        """Those about the architecture."""
        from dse.explore.plan.hardware import HardwareChanges

        return HardwareChanges(given_settings(self.dataflow, self.settings))


@dataclass(frozen=True, slots=True)
class TimeOptions:
    """How long a sweep may take, as a command line says it.

    Parameters
    ----------
    prove_time, time_limit, design_limit : str or None
        For the proof over the space, for all of it and for each design, such as `30s` or `10min`.
    no_prove : bool
    """

    prove_time: str | None
    no_prove: bool
    time_limit: str | None
    design_limit: str | None = None

    def check_compares(self, file: str) -> None:
        """Refuse what a comparison makes nothing of."""
        given = "--prove-time" if self.prove_time is not None else "--no-prove" if self.no_prove else None
        if given is not None:
            raise DseError(f"{file} compares and proves nothing over a space, so {given} means nothing")

    def limits(self) -> Limits:
        """The same in seconds.

        Raises
        ------
        DseError
            For what is no time, or when the proof is both left out and given time.
        """
        from dse.explore.limits import Limits

        if self.no_prove and self.prove_time is not None:
            raise DseError("--no-prove leaves out what --prove-time is for", hint="give one of them")
        prove_s = None if self.prove_time is None else read_time("--prove-time", self.prove_time)
        whole = inf if self.time_limit is None else read_time("--time-limit", self.time_limit)
        each = inf if self.design_limit is None else read_time("--design-limit", self.design_limit)
        return Limits(0.0 if self.no_prove else prove_s, whole, each)


def read_architecture(name: str, dataflow: str | None, settings: Sequence[str]) -> Architecture:
    """An architecture file with some settings changed."""
    from dse.formats.architecture.load import load_architecture_spec
    from dse.formats.architecture.space.derived import left_behind

    spec = load_architecture_spec(name)
    changes = {path: spec.parse_setting(path, value) for path, value in given_settings(dataflow, settings).items()}
    architecture = spec.resolve(changes) if changes else spec.architecture
    for remark in (*left_behind(spec, changes), *remarks(spec, architecture)):
        note(f"note: {remark}")
    return architecture


def remarks(spec: ArchitectureSpec, architecture: Architecture) -> list[str]:
    """What an architecture says of itself that its owner may not have meant: it breaks its own limits, or has one MAC.

    Limits that depend on what runs on it are left to sweeps.
    """
    from dse.architecture.figures import design_figures
    from dse.formats.architecture.space.constraints import METRICS

    found = []
    figures = design_figures(architecture)
    for limit in spec.constraints:
        name, unit, _ = METRICS[limit.metric]
        if limit.metric in figures and limit.excess(figures[limit.metric]) > 0:
            ends = [f"at {side} {end:.4g} {unit}" for side, end in (("least", limit.minimum), ("most", limit.maximum))
                    if end is not None]  # fmt: skip
            value = f"{figures[limit.metric]:.4g} {unit}".strip()
            what = f"{name.replace('_', ' ')} {value}, {' and '.join(ends)}"
            found.append(f"{spec.name} breaks its own constraint: {what}")
    widths = {part: bits for part, bits in architecture.precision if part in ("ifmap", "weight")}
    mac = spec.model.mac
    if any(bits != mac.bits for bits in widths.values()) and not {"bits", "format"} & mac.model_fields_set:
        said = " and ".join(f"{part} {bits}" for part, bits in widths.items())
        found.append(
            f"{spec.name} does not say for what width its MAC is, so {mac.bits} bits, and its operands have {said};\n"
            f"  mac: {{bits: {max(widths.values())}}} would make it one of that width"
        )
    if not architecture.fan_outs:
        found.append(
            f"{spec.name} has no fan-out among its levels, so it has a single MAC;\n"
            "  array: {rows: 12, cols: 14} above the PE's level would make 168"
        )
    return found


def given_settings(dataflow: str | None, settings: Sequence[str]) -> dict[str, str]:
    """What `--dataflow` and `path=value` texts say, by path; of two values for one path none is meant more."""
    found: dict[str, str] = {}
    for path, value in map(split_setting, settings):
        if path in found:
            raise DseError(f"--set {path}={value}: {path} is given twice")
        found[path] = value
    if dataflow is not None and "dataflow" in found:
        raise DseError("--dataflow and --set dataflow say the same thing", hint="give one of them")
    return found if dataflow is None else {**found, "dataflow": dataflow}


def split_setting(text: str) -> tuple[str, str]:
    """Path and value of a `path=value`."""
    path, equals, value = text.partition("=")
    if not equals or not path or not value:
        raise DseError(f"--set {text}: not PATH=VALUE", hint="e.g. --set levels.GLB.capacity=64KiB")
    return path, value


def read_workload(
    name: str, batch: int | None, layers: Sequence[str] = (), bits: str | None = None, density: str | None = None,
    parameters: Sequence[str] = (),
) -> Workload:  # fmt: skip
    """A workload file, or some of its layers, at a batch size, and with elements of other widths and densities."""
    from dse.explore.plan.workloads import only
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
    what = f"a whole number from 1 to 1024, or one of {', '.join(FORMATS)}"
    return per_operand("--bits", text, lambda value: FORMATS.get(value) or int(value), 1, 1024, what, WIDTHS)


def read_density(text: str | None) -> dict[str, Density]:
    """The value of `--density` by operand: a part of the elements, or `N:M`."""
    from dse.problem.density import read_density as read_one
    from dse.problem.density import written

    def convert(value: str) -> Density:
        try:
            return written(*read_one(value))
        except DseError as error:
            raise ValueError(error.message) from None

    what = "above 0 and at most 1, nor N:M such as 2:4"
    return {} if text is None else per_operand("--density", text, convert, 1e-9, 1, what)


def per_operand(
    option: str, text: str, convert: Callable[[str], Any], least: float, most: float, what: str,
    names: tuple[str, ...] = OPERANDS,
) -> dict[str, Any]:  # fmt: skip
    """`ifmap=8,psum=24` as a mapping from some of `names`; one value alone is every operand's."""
    from dse.formats.text.source import did_you_mean

    found: dict[str, Any] = {}
    for part in text.split(","):
        operand, equals, value = part.strip().rpartition("=")
        if operand and operand not in names:
            hint = did_you_mean(operand, names) or f"operands are {', '.join(names)}"
            raise DseError(f"{option} {text}: {operand!r} is no operand", hint=hint)
        if (equals and not operand) or (not equals and "," in text):
            raise DseError(f"{option} {text}: {part!r} is not OPERAND=VALUE", hint="e.g. ifmap=8,weight=8,psum=24")
        try:
            number = convert(value)
        except ValueError:
            number = None
        if number is None or (not isinstance(number, str) and not least <= number <= most):
            raise DseError(f"{option} {text}: {value!r} is not {what}")
        for name in [operand] if operand else OPERANDS:
            if name in found:
                raise DseError(f"{option} {text}: {name} is given twice")
            found[name] = number
    return found


def warn_of_unused_densities(arch: Architecture) -> None:
    """Say so when an architecture makes nothing of zeros, so that densities change nothing."""
    from dse.model.sparsity import uses_zeros

    if not uses_zeros(arch):
        note(
            f"note: {arch.name} makes no use of zeros, so --density changes nothing; switch something on, e.g.\n"
            "  --set mac.gating=ifmap, --set mac.skipping=ifmap, --set packed=weight or\n"
            "  --set levels.DRAM.compression=run-length"
        )


def read_limits(goal: NetworkGoal) -> tuple[float, float]:
    """The network's latency at most in s and its energy at most in pJ; infinite where there is no limit."""
    from dse.formats.text.quantity import picojoules, seconds

    latency = _limit(goal, "--max-latency", goal.max_latency, "time")
    energy = _limit(goal, "--max-energy", goal.max_energy, "energy")
    if energy is not None and (energy.unit == "mac" or "/" in energy.unit):
        raise DseError(f"--max-energy {goal.max_energy}: not an energy", hint="e.g. 5 mJ")
    return inf if latency is None else seconds(latency), inf if energy is None else picojoules(energy, 1.0)


def _limit(goal: NetworkGoal, option: str, text: str | None, kind: Literal["time", "energy"]) -> Quantity | None:
    from dse.formats.text.quantity import parse_quantity

    if text is None:
        return None
    if goal.scope != "network":
        raise DseError(f"{option} is a limit on the whole network", hint="add --scope network")
    try:
        return parse_quantity(text, kind)
    except DseError as error:
        raise DseError(f"{option}: {error.message}", hint=error.hint) from None


def read_mappings(
    file: str | None, architecture: Architecture, workload: Workload, any_mapping: bool = False
) -> tuple[dict[str, Mapping], Literal["house", "timeloop"]]:
    """The mappings that a file gives layers of a workload, and how they are counted; none without a file.

    Those that break rules of the dataflow are refused unless `any_mapping` says otherwise.
    """
    if file is None:
        return {}, "house"
    from dse.formats.mapping import load_mappings

    given = load_mappings(file)
    return given.mappings(architecture, workload.layers, any_mapping=any_mapping), given.counting


def read_stays(file: str | None) -> Stays | None:
    """Which tensors stay on chip, if a mapping file says so."""
    if file is None:
        return None
    from dse.formats.mapping import load_mappings

    return load_mappings(file).stays
