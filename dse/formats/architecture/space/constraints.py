"""The constraints of a spec: limits on what a design is, takes and needs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dse.errors import DseError, SpecError
from dse.formats.architecture.space.model import ConstraintsModel
from dse.formats.text import quantity as q
from dse.formats.text.source import parse_source, validate

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
