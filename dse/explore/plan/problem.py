"""What a sweep searches: how settings become designs, identities and outcomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from dse.errors import DseError
from dse.explore.designs.samplers import choose_sampler
from dse.explore.designs.space import DesignSpace
from dse.explore.limits import Limits
from dse.explore.outcomes.evaluation import Kind, Outcome
from dse.explore.plan.search import Search
from dse.explore.proof.stage import Provable


@dataclass(frozen=True, slots=True)
class SweepProblem:
    """What is searched.

    Parameters
    ----------
    space : DesignSpace
    starts : tuple of mappings
        Settings of the designs to evaluate first: number 0 is the specification's own. They may lie outside the space.
    resolve : callable
        Settings to a design; raises `DseError` for settings that make no design.
    identify : callable
        Settings, the design (None where there is none) and the kind of evaluation to the identity of its result.
    evaluate : mapping of kind to callable
        A design to its outcome. Picklable; it may run in another process.
    complete : callable
        Settings of the space to those of the design, with what follows from them; raises `DseError` where nothing can.
    within : callable
        What evaluates a design, and seconds, to the same that takes no more of them for each.
    rule_out : callable
        The outcome of a design that need not be mapped to know that it breaks a constraint; None for any other.
    plain : callable
        A setting's value in the form that is recorded.
    sweep_id : str
        Marks the records of this problem.
    provable : Provable, optional
        How designs are bounded; without it nothing is proven over the space.
    singly : bool
        Whether designs are those of the deep search: bounded one by one, and with fronts that take long.
    fronts : bool
        Whether exact evaluations have all that a design can do, see `Evaluation.never_works`.
    trial_s : float
        Seconds after which the searches of a trial end with what they have.
    """

    space: DesignSpace
    starts: tuple[Mapping[str, Any], ...]
    resolve: Callable[[Mapping[str, Any]], Any]
    identify: Callable[[Mapping[str, Any], Any, Kind], str]
    evaluate: Mapping[Kind, Callable[[Any], Outcome]]
    sweep_id: str
    complete: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda settings: settings
    within: Callable[[Callable[[Any], Outcome], float], Callable[[Any], Outcome]] = lambda evaluate, limit_s: evaluate
    rule_out: Callable[[Any], Outcome | None] = lambda design: None
    plain: Callable[[Any], Any] = lambda value: value
    provable: Provable | None = None
    singly: bool = False
    fronts: bool = False
    trial_s: float = inf

    def place(self, settings: Mapping[str, Any]) -> int | None:
        """The index of a design of the space; None where one of its settings is no choice, or follows as another."""
        index = self.space.find(settings)
        if index is None or set(settings) <= set(self.space.names):
            return index
        try:
            return index if self.complete(self.space.settings(index)) == settings else None
        except DseError:  # nothing follows from these settings
            return None

    @property
    def beside(self) -> tuple[int, ...]:
        """Numbers of the designs to evaluate first that the space does not have."""
        return tuple(number for number, settings in enumerate(self.starts) if self.place(settings) is None)

    def proves(self, limits: Limits) -> bool:
        """Whether the proof over the space is made."""
        return self.provable is not None and limits.proves(self.space.size)

    def first_trials(self, search: Search, limits: Limits) -> int:
        """How many trials explore; where designs are bounded singly, bounds choose the rest."""
        waits = self.singly and search.sampler == "auto" and self.proves(limits)
        return limits.first_trials(search.trials) if waits else search.trials

    def sampler(self, search: Search, limits: Limits) -> str:
        """The sampler that explores: the one that `auto` stands for."""
        return choose_sampler(search.sampler, self.space, self.first_trials(search, limits))

    def parameters(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Settings of a design in the form that is recorded."""
        return {name: self.plain(value) for name, value in settings.items()}
