"""One step away from a design: the same settings but for one, which takes its next smaller or next larger choice, or
any other where choices have no order.

Beyond the space, the outermost level's bandwidth and the size of the buffer below it are halved and doubled: a review
asks for these of any design.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING, Any

from dse.errors import DseError
from dse.explore.designs.space import magnitude
from dse.explore.outcomes.evaluation import Outcome
from dse.formats.architecture.space.ranges import BATCH

if TYPE_CHECKING:
    from dse.explore.outcomes.evaluation import Evaluation
    from dse.explore.plan.plan import Plan
    from dse.explore.results.result import SweepResult


NO_NUMBERS: Mapping[str, int] = {}
NOTHING: Mapping[str, Outcome] = {}

CLOCKS = ("clock", "technology.clock")

OWN = -1
"""Stands for the design itself among its neighbours."""


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

    Values that have an order lead to the next ones. Those that have none, such as dataflows, lead to all others.

    A clock that is `max` in all of the space is so in the neighbours, too: it goes with the supply.

    Examples
    --------
    >>> space = {"rows": (8, 12, 16), "dataflow": ("weight-stationary", "output-stationary", "row-stationary")}
    >>> [(step.path, step.new) for step in steps_from(space, {"rows": 16, "dataflow": "row-stationary"})]
    [('rows', 12), ('dataflow', 'weight-stationary'), ('dataflow', 'output-stationary')]
    """
    found = []
    clock = {path: "max" for path, choices in space.items() if path in CLOCKS and choices == ("max",)}
    for path, choices in space.items():
        old = settings.get(path)
        if old not in choices:
            continue
        at = choices.index(old)
        beside = (*choices[max(at - 1, 0) : at], *choices[at + 1 : at + 2])
        have_order = all(magnitude(choice) is not None for choice in choices)
        others = beside if have_order else (*choices[:at], *choices[at + 1 :])
        found += [Step(path, old, new, {**settings, **clock, path: new}) for new in others]
    return found


def halves_and_doubles(plan: Plan, settings: Mapping[str, Any]) -> list[Step]:
    """Half and double the outermost bandwidth and the buffer below, where the space has no choice of them.

    Examples
    --------
    >>> from dse.explore.plan.plan import make_plan
    >>> from dse.explore.plan.search import Search
    >>> plan = make_plan("eyeriss", "alexnet", Search(1))
    >>> [(step.path, step.new) for step in halves_and_doubles(plan, plan.starts[0])]
    [('levels.DRAM.bandwidth', '200 MB/s'), ('levels.DRAM.bandwidth', '800 MB/s')]
    """
    from dse.architecture.hierarchy import Level
    from dse.formats.text.quantity import Quantity, in_smaller_unit, parse_quantity

    outermost, *inside = [node.name for node in plan.architecture.hierarchy if isinstance(node, Level)]
    found = []
    for path, kind in ((f"levels.{outermost}.bandwidth", "bandwidth"),
                       *((f"levels.{level}.capacity", "size") for level in inside[:1])):  # fmt: skip
        beside = {other: value for other, value in settings.items() if other != BATCH}
        old = plan.spec.value(path, {**plan.hardware.settings, **beside}) if path in plan.spec.paths() else None
        if path in plan.space or not isinstance(old, str):
            continue
        quantity = parse_quantity(old, kind)
        for times in (0.5, 2):
            # half a MiB is 512 KiB, and then the whole one is 1024 KiB
            own = in_smaller_unit(quantity, kind) if quantity.value * times < 1 else quantity
            new = str(plan.spec.parse_setting(path, str(Quantity(own.value * times, own.unit))))
            found.append(Step(path, str(own), new, {**settings, path: new}))
    return found


def neighbours(
    result: SweepResult, own: Evaluation, designs: Mapping[str, Evaluation]
) -> list[tuple[Step, Evaluation]]:
    """The steps from a design that lead to one that was evaluated, too; designs by `key_of` what is `chosen`."""
    steps = steps_from(result.space, own.parameters) if own.ok else []
    beside = [(step, designs.get(key_of(chosen(result, step.settings)))) for step in steps]
    return [(step, other) for step, other in beside if other is not None]


def chosen(result: SweepResult, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without those that follow from others."""
    return {path: value for path, value in settings.items() if path not in result.derived}


def outcomes_at(result: SweepResult, gap: float) -> dict[str, Outcome]:
    """What a sweep's trials found, by `key_of` their settings, where they are mapped to within this very gap."""
    trials = [one for one in result.explored if one.ok and not one.outcome.limit_s]
    return {key_of(one.parameters): one.outcome for one in trials} if gap == result.search.gap > 0 else {}


def step_gap(plan: Plan) -> float:
    """How far from its best a mapping may be where designs are compared: 0 where exact mappings take milliseconds."""
    from dse.mapper import has_flat_shape

    return 0.0 if has_flat_shape(plan.architecture) and not plan.search.resident else plan.search.gap


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """A design and all of its neighbours, which are mapped anew, to within a gap.

    Parameters
    ----------
    steps : tuple of Step
    designs : mapping of int to Any
        What is to be evaluated, by the place of its step; by `OWN` the design itself.
    evaluate : callable
        A design to its `Outcome`; picklable.
    impossible : mapping of int to Outcome
        Steps to settings that make no design.
    gap : float
    known : mapping of int to Outcome
        What the sweep has found, by the same keys as `designs`.
    """

    steps: tuple[Step, ...]
    designs: Mapping[int, Any]
    evaluate: Callable[[Any], Outcome]
    impossible: Mapping[int, Outcome]
    gap: float
    known: Mapping[int, Outcome] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Plan, settings: Mapping[str, Any], found: Mapping[str, Outcome] = NOTHING) -> Neighbourhood:
        """Of the design with some settings; `found` is of designs that are known, by `key_of` their settings.

        Where the design is one of the space, so are its neighbours: what follows from a setting follows its step.
        """
        gap = step_gap(plan)
        problem = replace(plan, search=replace(plan.search, gap=gap)).problem()
        steps = [*steps_from(plan.space, settings), *halves_and_doubles(plan, settings)]
        follows = {one.path for one in plan.derived} if problem.place(settings) is not None else set()
        designs, impossible, known = {}, {}, {}
        for at, its_settings in enumerate((settings, *(step.settings for step in steps)), start=OWN):
            drop = set() if at == OWN else follows - {steps[at].path}
            try:
                whole = plan.complete({path: value for path, value in its_settings.items() if path not in drop})
                if at != OWN:
                    steps[at] = replace(steps[at], settings=whole)
                if (outcome := found.get(key_of(whole))) is not None:
                    known[at] = outcome
                else:
                    designs[at] = problem.resolve(whole)
            except DseError as error:  # what follows from the settings cannot be
                impossible[at] = Outcome("infeasible", error.message)
        return cls(tuple(steps), designs, problem.evaluate["explore"], impossible, gap, known)

    def changes(self, outcomes: Mapping[int, Outcome], numbers: Mapping[str, int] = NO_NUMBERS) -> list[dict[str, Any]]:
        """What the steps change, the best first.

        Parameters
        ----------
        outcomes : mapping of int to Outcome
            Of `designs`, by the same keys, and those that are known.
        numbers : mapping
            Of the designs of a sweep, by `key_of` their settings.

        Returns
        -------
        list of dict
            See `change_row`; nothing where the design itself does not work.
        """
        found = {**self.impossible, **outcomes}
        own = found[OWN]
        if own.status != "ok":
            return []
        return best_first([
            change_row(
                step, own, found[at], numbers.get(key_of(step.settings)),
                max(self.gap, gap_of_layers(own), gap_of_layers(found[at])),
            )
            for at, step in enumerate(self.steps)
        ])  # fmt: skip


def gap_of_layers(outcome: Outcome, *, explored: bool = True) -> float:
    """How far from what was asked of them the mappings of layers may be.

    Those of a design that was explored to its end are as good as asked for. Its own gap says more: how far the product
    of its network's energy and latency may be from the least, when each layer has the least product of its own.
    """
    return 0.0 if explored and not outcome.limit_s else outcome.gap


def change_row(step: Step, own: Outcome, other: Outcome, number: int | None, gap: float) -> dict[str, Any]:
    """What a step changes.

    Returns
    -------
    dict
        `path`, `old`, `new`, `number` of the neighbour in its sweep, None where it has none; the neighbour's
        `energy_pj`, `latency_s` and `area_mm2`; `energy`, `latency` and `area`: the same over the design's, and `gap`:
        how far from its best each layer's mapping may be; or `reason` where the neighbour does not work.
    """
    row = {"path": step.path, "old": step.old, "new": step.new, "number": number}
    if other.status != "ok":
        return {**row, "reason": other.reason}
    names = (("energy", "energy_pj"), ("latency", "latency_s"), ("area", "area_mm2"))
    its_own = {key: other.objectives[key] for _, key in names}
    ratios = {name: other.objectives[key] / own.objectives[key] for name, key in names}
    return {**row, **its_own, **ratios, "gap": gap}


def best_first(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Steps by the product of energy and latency that they lead to; those that do not work come last."""
    return sorted(rows, key=lambda row: row["energy"] * row["latency"] if "energy" in row else inf)


def key_of(settings: Mapping[str, Any]) -> str:
    """Equal for designs of equal settings."""
    return repr(sorted((path, str(value)) for path, value in settings.items()))
