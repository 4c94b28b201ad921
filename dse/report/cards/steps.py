"""One step away from a design: the same settings but for one, which takes its next smaller or next larger choice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

from dse.errors import DseError
from dse.explore.outcomes.evaluation import Outcome

if TYPE_CHECKING:
    from dse.explore.outcomes.evaluation import Evaluation
    from dse.explore.plan.plan import Plan
    from dse.explore.results.result import SweepResult
    from dse.explore.workers.runner import Workers


@dataclass(frozen=True, slots=True)
class Step:
    """A neighbour of a design.

    Parameters
    ----------
    path : str
        The setting that differs.
    old, new : Any
        Its value in the design and in the neighbour.
    settings : dict
        All of the neighbour's.
    """

    path: str
    old: Any
    new: Any
    settings: dict[str, Any]


def steps_from(space: Mapping[str, tuple[Any, ...]], settings: Mapping[str, Any]) -> list[Step]:
    """The neighbours of a design in a space; a setting whose value is none of its choices has no neighbours.

    Examples
    --------
    >>> space = {"rows": (8, 12, 16), "dataflow": ("weight-stationary", "row-stationary")}
    >>> [(step.path, step.new) for step in steps_from(space, {"rows": 12, "dataflow": "row-stationary"})]
    [('rows', 8), ('rows', 16), ('dataflow', 'weight-stationary')]
    """
    found = []
    for path, choices in space.items():
        old = settings.get(path)
        if old not in choices:
            continue
        at = choices.index(old)
        for beside in (at - 1, at + 1):
            if 0 <= beside < len(choices):
                new = choices[beside]
                found.append(Step(path, old, new, {**settings, path: new}))
    return found


def neighbours(result: SweepResult, number: int) -> list[tuple[Step, Evaluation | None]]:
    """The steps from an explored design, each with the neighbour where it was explored too."""
    explored = {e.number: e for e in result.designs}
    if number not in explored or not explored[number].ok:
        return []
    by_settings = {_key(e.parameters): e for e in result.designs}
    steps = steps_from(result.space, explored[number].parameters)
    return [(step, by_settings.get(_key(step.settings))) for step in steps]


def take_steps(
    plan: Plan, settings: Mapping[str, Any], own: Outcome, workers: Workers, known: Iterable[Mapping[str, Any]] = (),
    progress: Callable[[], None] = lambda: None,
) -> list[dict[str, Any]]:  # fmt: skip
    """What the steps from a design change whose neighbours are not known, each evaluated as a sweep explores.

    Parameters
    ----------
    settings : mapping
        Of the design.
    own : Outcome
        Of the design, as a sweep explores.
    known : iterable of mappings
        Settings of designs that need not be evaluated.
    progress : callable, optional
        Called after each neighbour.

    Returns
    -------
    list of dict
        See `change_row`; the best comes first.
    """
    from dse.explore.workers.runner import Failure, Task

    problem, seen = plan.problem(), {_key(other) for other in known}
    steps: list[Step] = []
    tasks: list[Task] = []
    for step in steps_from(plan.space, settings):
        if _key(step.settings) in seen:
            continue
        try:
            design = problem.resolve(plan.complete(step.settings))
        except DseError:
            continue  # no such design: what follows from the settings cannot be
        tasks.append(Task(len(steps), design))
        steps.append(step)
    rows = []
    for task, found in workers.run(problem.evaluate["explore"], tasks):
        other = Outcome(found.status, found.reason) if isinstance(found, Failure) else found
        rows.append(change_row(steps[task.key], own, other, None))
        progress()
    return best_first(rows)


def change_row(step: Step, own: Outcome, other: Outcome, number: int | None) -> dict[str, Any]:
    """What a step changes.

    Returns
    -------
    dict
        `path`, `old`, `new`, `number` of the neighbour, None where it was evaluated for its card alone; `energy`,
        `latency` and `area`: the neighbour's over the design's, as both were mapped while exploring, or `reason`
        where the neighbour does not work.
    """
    row = {"path": step.path, "old": step.old, "new": step.new, "number": number}
    if other.status != "ok":
        return {**row, "reason": other.reason}
    names = (("energy", "energy_pj"), ("latency", "latency_s"), ("area", "area_mm2"))
    return {**row, **{name: other.objectives[key] / own.objectives[key] for name, key in names}}


def best_first(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Steps by the product of energy and latency that they lead to; those that do not work come last."""
    return sorted(rows, key=lambda row: row["energy"] * row["latency"] if "energy" in row else inf)


def _key(settings: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((path, str(value)) for path, value in settings.items()))
