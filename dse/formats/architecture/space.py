"""The design space and the constraints of a spec: dotted paths, the choices of each, and limits."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dse.errors import DseError, SpecError
from dse.formats.architecture.space_model import ConstraintsModel, RangeModel
from dse.formats.text import quantity as q
from dse.formats.text.source import parse_source, validate

Value = int | float | bool | str
"""What a setting may be: a number, a word, or a quantity as text such as `64 KiB`."""

MAX_CHOICES = 10_000

BATCH = "batch"
"""A setting of the networks, not of the architecture: images at once."""

METRICS: dict[str, tuple[str, str, Callable[[Any], float]]] = {
    "area_mm2": ("area", "mm2", q.mm2),
    "power_mw": ("power", "mW", q.milliwatts),
    "latency_s": ("latency", "s", q.seconds),
    "energy_pj": ("energy", "pJ", lambda given: q.picojoules(given, 0.0)),
    "peak_power_mw": ("peak_power", "mW", q.milliwatts),
    "pes": ("pes", "", float),
    "aspect_ratio": ("aspect_ratio", "", float),
    "storage_kib": ("storage", "KiB", lambda given: q.bits(given, 1) / 8192),
}
"""What may be limited: its name in files, its unit, and how what stands there becomes a number of it."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """A limit on a result, in the unit that its name states.

    Parameters
    ----------
    metric : str
        A key of `METRICS`. Power is the average over the workload, latency and energy are the workload's; what else
        there is needs no mapping (`dse.architecture.figures`).
    maximum, minimum : float or None
    """

    metric: str
    maximum: float | None = None
    minimum: float | None = None

    def excess(self, value: float) -> float:
        """By what part of the limit a value exceeds it; 0 when it keeps it."""
        excess = 0.0
        if self.maximum is not None and value > self.maximum:
            excess = (value - self.maximum) / self.maximum if self.maximum else float("inf")
        if self.minimum is not None and value < self.minimum:
            excess = max(excess, (self.minimum - value) / self.minimum)
        return excess

    def to_dict(self) -> dict[str, Any]:
        return {"metric": self.metric, "maximum": self.maximum, "minimum": self.minimum}


def read_constraints(model: ConstraintsModel) -> tuple[Constraint, ...]:
    """The limits that a file sets, in the units that the package computes with."""
    found = []
    for metric, (field, _, convert) in METRICS.items():
        limit: Any = getattr(model, field)
        if limit is not None:
            ends = (None if end is None else convert(end) for end in (limit.max, limit.min))
            found.append(Constraint(metric, *ends))
    return tuple(found)


def parse_constraints(plain: Mapping[str, Any]) -> tuple[Constraint, ...]:
    """`read_constraints` of plain data, such as `{"area": {"max": "16 mm2"}}`.

    Raises
    ------
    DseError
        For the first thing that is wrong.

    Examples
    --------
    >>> [(limit.metric, limit.maximum) for limit in parse_constraints({"peak_power": {"max": "1.5 W"}})]
    [('peak_power_mw', 1500.0)]
    """
    try:
        return read_constraints(validate(ConstraintsModel, parse_source(json.dumps(plain, default=str), "constraints")))
    except SpecError as error:
        raise DseError(f"constraints: {error.message}", hint=error.hint) from None


def count_up(given: RangeModel, read: Callable[[Value], Value]) -> tuple[Value, ...]:
    """The choices of a range, in order.

    Parameters
    ----------
    given : RangeModel
    read : callable
        Checks a single value and puts it in its canonical form; raises `DseError`.

    Raises
    ------
    ValueError
        A range of words, in units that do not convert into each other, that runs downwards, or that is endless.
    """
    start, unit = split(read(given.start))
    stop = _in_unit(read(given.to), unit)
    step = 0.0 if given.step is None else _in_unit(_spelled(given.step), unit)
    if start > stop:
        raise ValueError(f"a range counts upwards, not from {given.start} to {given.to}")
    if given.step is not None and step <= 0:
        raise ValueError(f"a step of {given.step} leads nowhere")
    if given.factor is not None and start <= 0:
        raise ValueError("a range with a factor starts above zero")
    values: list[float] = []
    value = start
    while value <= stop + 1e-12 * abs(stop):
        values.append(value)
        if len(values) > MAX_CHOICES:
            raise ValueError(f"more than {MAX_CHOICES} choices")
        value = start + step * len(values) if given.factor is None else start * given.factor ** len(values)
    return tuple(read(join(value, unit)) for value in values)


def split(value: Value) -> tuple[float, str]:
    """Number and unit of a setting; raises `ValueError` for words.

    Examples
    --------
    >>> split("8 KiB"), split(12)
    ((8.0, 'KiB'), (12.0, ''))
    """
    if isinstance(value, bool) or value == "unlimited":
        raise ValueError(f"{value} is no number to count from")
    if isinstance(value, int | float):
        return float(value), ""
    number, _, unit = value.partition(" ")
    try:
        return float(number), unit
    except ValueError:
        raise ValueError(f"{value} is no number to count from: list the choices instead") from None


def _in_unit(value: Value, unit: str) -> float:
    """A number in the unit that the range starts with; words and MACs convert into nothing else."""
    number, own = split(value)
    if own == unit:
        return number
    for _, units in q.KINDS.values():
        if own in units and unit in units and not {own, unit} & {"word", "mac", "word/cycle"}:
            return number * units[own] / units[unit]
    raise ValueError(f"{value} does not convert into {unit or 'a number without a unit'}, in which the range starts")


def _spelled(step: Value) -> Value:
    """A step with its unit as `quantity` spells it, however it is written."""
    if isinstance(step, str):
        for kind in q.KINDS:
            try:
                return str(q.parse_quantity(step, kind))
            except q.QuantityError:
                continue
    return step


def join(value: float, unit: str) -> Value:
    """The inverse of `split`.

    Examples
    --------
    >>> join(8.0, "KiB"), join(12.0, "")
    ('8 KiB', 12)
    """
    number: int | float = int(value) if value == int(value) else value
    return f"{number} {unit}" if unit else number
