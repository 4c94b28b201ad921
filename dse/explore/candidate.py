"""A design on its way from a proposal to its evaluation."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dse.explore.designs.space import DesignSpace
from dse.explore.outcomes.evaluation import Evaluation, Outcome
from dse.explore.outcomes.front import beaten_by
from dse.explore.plan.search import Search
from dse.explore.proof.bounding.bounds import DesignBound
from dse.explore.workers.runner import Failure

PROVEN_FROM = 1_000_000
"""Number of the first design of the space when the proof maps it without a trial: numbers of trials are smaller."""


@dataclass(slots=True)
class Candidate:
    """A design by its settings; `found` is what `Ledger.identify` says of it, until it is evaluated."""

    number: int
    settings: Mapping[str, Any]
    found: tuple[str, Any, Outcome | None] | None = None


def replayed(
    replay: Mapping[int, Evaluation], space: DesignSpace, entered: Container[int], first: int, wanted: int
) -> list[tuple[int, Evaluation]]:
    """The next batch by the designs' places in the space, when it is known from its first design to its last and
    explored; else nothing.

    Parameters
    ----------
    replay : mapping
        Explored designs by number.
    entered : container of int
        Places of designs that the sweep has already.
    first : int
        Number of the batch's first design.
    wanted : int
        How many of its designs are mapped.
    """
    found: list[tuple[int, Evaluation]] = []
    left, taken = wanted, set[int]()
    while left:
        evaluation = replay.get(first + len(found))
        settings = {} if evaluation is None else evaluation.parameters
        index = space.find(settings)
        if evaluation is None or evaluation.outcome.status == "failed":
            return []
        if index is None or index in entered or index in taken:
            return []
        taken.add(index)
        found.append((index, evaluation))
        left -= evaluation.outcome.mapped
    return found


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


def contenders(candidates: Sequence[Candidate], explored: Mapping[int, Evaluation], search: Search) -> list[Candidate]:
    """Designs that no other beats even after their gaps are closed in their favour, and number 0, with which the others
    are compared."""
    sound = [candidate for candidate in candidates if explored[candidate.number].ok]
    lost = beaten([explored[candidate.number] for candidate in sound], search)
    return [one for one, is_lost in zip(sound, lost, strict=True) if one.number == 0 or not is_lost]


def better_of(best: Evaluation | None, evaluation: Evaluation, search: Search) -> Evaluation | None:
    """The one to show to whoever watches: by EDP when energy and latency are both objectives, else by the first one."""
    if not evaluation.ok:
        return best
    key = "edp_js" if {"energy", "latency"} <= set(search.objectives) else search.keys[0]
    value = evaluation.outcome.objectives[key]
    return evaluation if best is None or value < best.outcome.objectives[key] else best


def outcome_of(found: Outcome | Failure) -> Outcome:
    """What a worker handed back, as the outcome of a design."""
    if isinstance(found, Failure):
        return Outcome(found.status, found.reason, violation=1.0, cpu_s=found.cpu_s)
    return found
