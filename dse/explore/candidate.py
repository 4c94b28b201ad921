"""A design on its way from a proposal to its evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dse.explore.outcomes.evaluation import Evaluation, Outcome
from dse.explore.outcomes.front import beaten_by
from dse.explore.plan.search import Search
from dse.explore.proof.bounds import DesignBound
from dse.explore.workers.runner import Failure

PROVEN_FROM = 1_000_000
"""Number of the first design of the space when the proof maps it without a trial: numbers of trials are smaller."""


@dataclass(slots=True)
class Candidate:
    """A design by its settings; `found` is what `Explorer._identify` says of it, until it is evaluated."""

    number: int
    settings: Mapping[str, Any]
    found: tuple[str, Any, Outcome | None] | None = None


Beside = tuple[Candidate, DesignBound]
"""A design that differs from another in prices alone, and its bound."""

ALONE: Mapping[int, Sequence[Beside]] = {}
"""No designs beside any."""


def beaten(sound: Sequence[Evaluation], search: Search) -> list[bool]:
    """Whether designs are beaten even after their gaps are closed in their favour."""
    if not sound:
        return []
    # area is known exactly whatever the gap
    gaps = [max(search.gap, evaluation.outcome.gap) for evaluation in sound]
    shares = [[1.0 if name == "area" else 1 + gap for name in search.objectives] for gap in gaps]
    keys = search.keys
    return list(beaten_by([[one.outcome.objectives[key] for key in keys] for one in sound], shares))


def outcome_of(found: Outcome | Failure) -> Outcome:
    """What a worker handed back, as the outcome of a design."""
    if isinstance(found, Failure):
        return Outcome(found.status, found.reason, violation=1.0, cpu_s=found.cpu_s)
    return found
