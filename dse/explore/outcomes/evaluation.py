"""One evaluated design: what the log holds, one to a line."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil, floor, inf, log10
from typing import Any, Literal

Status = Literal["ok", "infeasible", "failed"]
Kind = Literal["explore", "exact", "repriced"]

STATUSES = ("ok", "infeasible", "failed")
KINDS = ("explore", "exact", "repriced")

LARGEST = 1e300
"""No figure is larger: what sums and products of figures make stays finite or is refused."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What evaluating a design gave, whoever asked.

    Parameters
    ----------
    status : {"ok", "infeasible", "failed"}
        `infeasible`: the design breaks a constraint or some layer cannot run on it; `failed`: its evaluation crashed.
    reason : str
        Why it is not `ok`; empty when it is.
    objectives : mapping
        `energy_pj`, `latency_s`, `edp_js`, `area_mm2`, `power_w`, as far as known.
    front : tuple of (energy_pj, latency_s)
        The design's points, ascending in latency; empty unless `ok`.
    violation : float
        By what part of their limits constraints are exceeded, summed; 0 for none. A design on which a layer cannot
        run at all has 1 over what its constraints add.
    workloads : mapping
        The objectives of each workload by its name.
    cpu_s : float
        CPU time that the evaluation took.
    mapped : bool
        Whether it was tried to map the networks, which costs a trial; not so where the design alone says enough.
    limit_s : float
        The time after which its searches were stopped, by the clock or of CPU (`Busy`, `cpu_limit_s` in the log); 0
        where they came to their end.
    gap : float
        How far from their best mappings may be where searches were stopped, or ended without a proof.
    energy_gap : float
        How far the energy of a layer may be above that of mappings as fast, where the layers were mapped for latency
        and a search was stopped; 0 where none was.
    thinned : float
        The gap within which the front's points match all that were found, where these are too many for a record.
    nests : dict
        Of a design with one point, the mappings of its layers by their shapes, where finding them takes long; not in
        the log.
    """

    status: Status
    reason: str = ""
    objectives: Mapping[str, float] = field(default_factory=dict)
    front: tuple[tuple[float, float], ...] = ()
    violation: float = 0.0
    workloads: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    cpu_s: float = 0.0
    mapped: bool = True
    limit_s: float = 0.0
    gap: float = 0.0
    thinned: float = 0.0
    energy_gap: float = 0.0
    nests: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)


KEPT_NESTS = 256
"""Designs whose mappings a sweep keeps, some tens of kilobytes each."""


@dataclass(slots=True)
class Kept:
    """The mappings of the designs that were evaluated last; those of older ones are let go.

    Examples
    --------
    >>> kept, mappings = Kept(), [{"conv": 1} for _ in range(KEPT_NESTS + 1)]
    >>> for nests in mappings:
    ...     kept.add(Outcome("ok", nests=nests))
    >>> mappings[0], mappings[1]
    ({}, {'conv': 1})
    """

    _nests: deque[dict[Any, Any]] = field(default_factory=deque)

    def add(self, outcome: Outcome) -> None:
        if outcome.nests:
            self._nests.append(outcome.nests)
            if len(self._nests) > KEPT_NESTS:
                self._nests.popleft().clear()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """An outcome with the design it belongs to: one line of the log.

    Parameters
    ----------
    id : str
        Hash of everything that affects the outcome (`dse.explore.outcomes.identity`).
    sweep : str
        Hash of what all evaluations of a sweep share; lines of other sweeps in the same file are told apart by it.
    kind : {"explore", "exact", "repriced"}
        Mapped within the sweep's gap; or exactly and with the design's whole energy-latency front; or by the mappings
        of a design that was solved exactly and differs in prices alone.
    number : int
        Position in the sweep's order of proposals, from 0; of a design that only the proof solved, a million more than
        its place in the space.
    parameters : mapping
        Settings of the design, in the form that `--set` takes.
    outcome : Outcome
    """

    id: str
    sweep: str
    kind: Kind
    number: int
    parameters: Mapping[str, Any]
    outcome: Outcome

    @property
    def ok(self) -> bool:
        return self.outcome.status == "ok"

    @property
    def standing(self) -> tuple[bool, float, int]:
        """Which of several evaluations of one identity counts: the largest."""
        return self.outcome.status != "failed", self.outcome.limit_s or inf, -self.number

    def proven(self, gap: float) -> str:
        """How far from their best its mappings may be, in a sweep that explores within a gap: `exact`, or the gap."""
        if self.outcome.gap:
            digits = 1 - floor(log10(self.outcome.gap))  # less than the gap would be more than is proven
            return f"{ceil(self.outcome.gap * 10**digits * (1 - 1e-9)) / 10**digits:.2g}"
        return "exact" if self.kind == "exact" or gap == 0 else f"{gap:.2g}"

    def never_works(self, fronts: bool) -> bool:
        """Whether no mapping of the design keeps the limits, which one that breaks them does not say.

        Parameters
        ----------
        fronts : bool
            Whether exact designs have all that a design can do: whole fronts, of tensors that all go through DRAM.
        """
        outcome = self.outcome
        every = self.kind == "exact" and fronts and not outcome.gap and not outcome.limit_s
        return outcome.status == "infeasible" and (every or "energy_pj" not in outcome.objectives)

    @property
    def ruled_out(self) -> bool:
        """Whether the design's area alone breaks a constraint, so that nothing was mapped."""
        return self.outcome.status == "infeasible" and set(self.outcome.objectives) == {"area_mm2"}

    def to_dict(self) -> dict[str, Any]:
        outcome = self.outcome
        return {
            "id": self.id,
            "sweep": self.sweep,
            "kind": self.kind,
            "number": self.number,
            "parameters": dict(self.parameters),
            "status": outcome.status,
            "reason": outcome.reason,
            "objectives": dict(outcome.objectives),
            "front": [list(point) for point in outcome.front],
            "violation": outcome.violation,
            "workloads": {name: dict(values) for name, values in outcome.workloads.items()},
            "cpu_s": round(outcome.cpu_s, 4),
            "mapped": outcome.mapped,
            **_written_limit(outcome.limit_s),
            **({"gap": outcome.gap} if outcome.gap else {}),
            **({"energy_gap": outcome.energy_gap} if outcome.energy_gap else {}),
            **({"thinned": outcome.thinned} if outcome.thinned else {}),
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Evaluation:
        """The inverse of `to_dict`.

        Raises
        ------
        ValueError, KeyError, TypeError
            When something is missing or of the wrong type.
        """
        if plain["status"] not in STATUSES or plain["kind"] not in KINDS:
            raise ValueError(f"status {plain['status']!r}, kind {plain['kind']!r}")
        if not isinstance(plain["id"], str) or not isinstance(plain["sweep"], str):
            raise TypeError("id and sweep are texts")
        number, parameters = plain["number"], dict(plain["parameters"])
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 2**53:
            raise TypeError("number is an integer from 0")
        if any(isinstance(value, dict | list) for value in parameters.values()):
            raise TypeError("a setting is a number or a text")
        outcome = Outcome(
            status=plain["status"],
            reason=str(plain["reason"]),
            objectives=_figures(plain["objectives"]),
            front=tuple((_figure(energy), _figure(latency)) for energy, latency in plain["front"]),
            violation=_figure(plain["violation"]),
            workloads={name: _figures(values) for name, values in plain["workloads"].items()},
            cpu_s=_figure(plain["cpu_s"]),
            mapped=bool(plain.get("mapped", True)),
            limit_s=_read_limit(plain),
            gap=_figure(plain.get("gap", 0.0)),
            thinned=_figure(plain.get("thinned", 0.0)),
            energy_gap=_figure(plain.get("energy_gap", 0.0)),
        )
        return cls(plain["id"], plain["sweep"], plain["kind"], number, parameters, outcome)

    def line(self) -> bytes:
        """The evaluation as one line of the log, newline included."""
        return json.dumps(self.to_dict(), separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _written_limit(limit_s: float) -> dict[str, float]:
    from dse.mapper.shared.stopping import Busy

    return {"cpu_limit_s" if isinstance(limit_s, Busy) else "limit_s": float(limit_s)} if limit_s else {}


def _read_limit(plain: Mapping[str, Any]) -> float:
    if "cpu_limit_s" not in plain:
        return _figure(plain.get("limit_s", 0.0))
    from dse.mapper.shared.stopping import Busy

    return Busy(_figure(plain["cpu_limit_s"]))


def _figures(plain: Mapping[str, Any]) -> dict[str, float]:
    return {name: _figure(value) for name, value in plain.items()}


def _figure(value: Any) -> float:
    """A figure that a log may hold; a text, a truth value, infinity and what is below zero are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is not a number")
    if not 0 <= value <= LARGEST:
        raise ValueError(f"{value} is not a figure from 0")
    return float(value)
