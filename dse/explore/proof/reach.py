"""What an evaluation of a design tells of all that the design can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Literal

from dse.explore.designs.design import NEED_NO_MAPPING
from dse.explore.outcomes.evaluation import Evaluation

if TYPE_CHECKING:
    from dse.formats.architecture.space.constraints import Constraint

Limits = Literal["none", "most", "other"]
"""Of what is mapped: none; the most energy and latency, which all that is better keeps, too; others, as power is less
where the same energy takes longer."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a design may be from its best, by what is proven of its own mappings.

    Parameters
    ----------
    objectives : tuple of str
        Of the sweep.
    explored : float
        The gap within which designs are mapped while exploring.
    limits : {"none", "most", "other"}
        On what mappings cost.
    networks : int
        That are mapped.
    resident : bool
        Whether tensors may stay on chip: then an exact evaluation has a run for each goal, and no whole front.

    Notes
    -----
    A whole front within a gap has a point within it for each mapping of the network, in energy and in latency, as both
    add up; of their product it is within the square. Limits may leave out that point, though, and keep the mapping, so
    with limits only a front without a gap tells of all. A single mapping of each layer tells of the least energy, or of
    the least latency, but not of both, nor of a product of sums.

    Examples
    --------
    >>> from dse.explore.outcomes.evaluation import Outcome
    >>> front = Evaluation("", "", "exact", 0, {}, Outcome("ok", gap=0.1))
    >>> goals = ("energy", "latency"), ("energy",), ("edp",)
    >>> [round(Reach(names, 0.01).gap_of(front), 2) for names in goals]
    [0.1, 0.1, 0.21]
    >>> Reach(("energy", "latency"), 0.01, "most").gap_of(front)
    inf
    """

    objectives: tuple[str, ...]
    explored: float
    limits: Limits = "none"
    networks: int = 1
    resident: bool = False

    @property
    def whole_fronts(self) -> bool:
        """Whether exact evaluations look for whole fronts: for two objectives, for a product of sums, and because the
        best that keeps limits may be anywhere."""
        goals = set(self.objectives)
        return {"energy", "latency"} <= goals or "edp" in goals or self.limits != "none"

    @property
    def of_all(self) -> bool:
        """Whether an exact evaluation without a gap has all that limits keep, or nothing is kept."""
        return self.whole_fronts and not self.resident and self.limits != "other"

    def gap_of(self, evaluation: Evaluation) -> float:
        """The gap within which a design's own points match all that it can do; infinite where that is not said."""
        outcome, exact = evaluation.outcome, evaluation.kind == "exact"
        goals = set(self.objectives) - {"area"}
        if not evaluation.ok:
            return 0.0 if evaluation.never_works(self.of_all) else inf
        if not goals:
            return 0.0
        if self.limits != "none":
            return 0.0 if self.of_all and exact and not outcome.gap and not outcome.limit_s else inf
        if evaluation.kind == "repriced" or (self.resident and (len(goals) > 1 or self.networks > 1)):
            return inf
        gap = outcome.gap if exact else max(outcome.gap, self.explored)
        if goals in ({"energy"}, {"latency"}):
            return gap
        if not exact:
            return inf
        return gap if {"energy", "latency"} <= goals else (1 + gap) ** 2 - 1


def limits_of(constraints: Sequence[Constraint]) -> Limits:
    """What limits there are on what mappings cost.

    Examples
    --------
    >>> from dse.formats.architecture.space.constraints import Constraint
    >>> area, energy, power = (Constraint(metric, 1.0) for metric in ("area_mm2", "energy_pj", "power_mw"))
    >>> [limits_of(of) for of in ([area], [area, energy], [energy, power], [Constraint("latency_s", 1.0, 0.5)])]
    ['none', 'most', 'other', 'other']
    """
    mapped = [one for one in constraints if one.metric not in NEED_NO_MAPPING]
    if not mapped:
        return "none"
    closed = all(one.minimum is None and one.metric in ("energy_pj", "latency_s") for one in mapped)
    return "most" if closed else "other"
