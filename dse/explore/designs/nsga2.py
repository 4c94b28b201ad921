"""NSGA-II from Optuna, one generation at a time, so that a proposal costs the same however many came before.

Optuna's sampler looks for its generations among all trials of a study at every proposal. Here each generation has a
study of its own, and the parents and children so far are handed to the sampler. A generation depends on the seed, its
number, its parents and the results told since, and on nothing else: a resumed sweep asks for none that it knows, and
parents are chosen when a proposal is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

import optuna
from optuna.samplers import NSGAIISampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from dse.explore.designs.space import DesignSpace

CHILDREN = 24
"""Also the batch: a generation learns nothing before it is complete, so asking for all of it at once costs nothing."""

PARENTS = 16
"""Fewer than the children: no design is told twice, so repeats of the fittest do not weigh in as usual."""

NOBODY = create_trial(state=TrialState.RUNNING)
"""The trial that is asked for: the sampler takes one, and looks at its study alone."""


class Generation(NSGAIISampler):  # type: ignore[misc]
    """Optuna's NSGA-II for the children of given parents.

    Parameters
    ----------
    parents, population : list of FrozenTrial
        Of the generation before, and what was told of its children.
    distributions : mapping
        Every parameter's.
    seed : int
    """

    def __init__(
        self, parents: list[FrozenTrial], population: list[FrozenTrial], distributions: Mapping[str, Any], seed: int
    ) -> None:
        super().__init__(population_size=PARENTS, seed=seed)
        self._given = parents, population
        self._distributions = dict(distributions)

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
        return self._distributions

    def get_trial_generation(self, study: Any, trial: Any) -> int:
        return 1 if self._given[0] else 0

    def get_population(self, study: Any, generation: int) -> list[FrozenTrial]:
        return self._given[1]

    def get_parent_population(self, study: Any, generation: int) -> list[FrozenTrial]:
        return self._given[0]


class _Told(NamedTuple):
    """A result by its place among those that were told, and the index of its design."""

    number: int
    design: int
    values: Sequence[float] | None
    violation: float


class Generations:
    """Proposes designs by NSGA-II and learns from each generation.

    Parameters
    ----------
    space : DesignSpace
    distributions : mapping
        Optuna's, by the place of each setting.
    seed : int
    directions : int
        How many values are minimised.
    worst : float
        The values of what has none.
    """

    batch = CHILDREN

    def __init__(
        self, space: DesignSpace, distributions: Mapping[str, Any], seed: int, directions: int, worst: float
    ) -> None:
        self._space = space
        self._distributions = dict(distributions)
        self._seed = seed
        self._directions = ["minimize"] * directions
        self._worst = worst
        self._number = 0
        self._parents: list[FrozenTrial] = []
        self._children: list[_Told] = []
        self._complete: list[list[_Told]] = []
        self._told: set[int] = set()
        self._study: Any = None

    @property
    def parents(self) -> list[FrozenTrial]:
        """The fittest of all complete generations; empty before there is one."""
        for children in self._complete:
            self._select(children)
        self._complete.clear()
        return self._parents

    def ask(self) -> int:
        """The index of the next design."""
        if self._study is None:
            self._study = self._make_study(self.parents, [])
        study, sampler = self._study, self._study.sampler
        # Not by `Study.ask`, which stores and checks a trial for each proposal: that takes as long as the sampler does.
        params = sampler.sample_relative(study, NOBODY, self._distributions)
        for name, distribution in self._distributions.items():
            if name not in params:  # of the first generation, or mutated
                params[name] = sampler.sample_independent(study, NOBODY, name, distribution)
        return self._space.index([int(params.get(str(place), 0)) for place in range(len(self._space.names))])

    def tell(self, index: int, values: Sequence[float] | None, violation: float) -> None:
        """Hand over a result; designs that were told before add nothing to a generation."""
        if index in self._told:
            return
        self._told.add(index)
        # the number is that by which the sampler keeps crowding distances apart
        self._children.append(_Told(len(self._told), index, values, violation))

    def end_batch(self) -> None:
        """If this generation is complete, the fittest of parents and children will be the next one's parents."""
        if len(self._children) >= CHILDREN:
            self._complete.append(self._children)
            self._children, self._study = [], None

    def _select(self, children: Sequence[_Told]) -> None:
        study = self._make_study(self._parents, [self._trial(child) for child in children])
        self._parents = study.sampler.select_parent(study, 1)
        self._number += 1

    def _trial(self, child: _Told) -> FrozenTrial:
        digits = self._space.digits(child.design)
        now = datetime.now()
        # Not by `create_trial`, which checks every parameter: a long log is told in half of the time so.
        trial = FrozenTrial(
            number=child.number, trial_id=-1, state=TrialState.COMPLETE, value=None,
            values=list(child.values) if child.values is not None else [self._worst] * len(self._directions),
            datetime_start=now, datetime_complete=now,
            params={name: digits[int(name)] for name in self._distributions}, distributions=self._distributions,
            user_attrs={}, system_attrs={} if HAS_CONSTRAINTS else {"constraints": [child.violation]},
            intermediate_values={},
        )  # fmt: skip
        if HAS_CONSTRAINTS:
            trial.set_constraint("violation", child.violation)
        return trial

    def _make_study(self, parents: list[FrozenTrial], children: list[FrozenTrial]) -> Any:
        digest = blake2b(f"{self._seed}:{self._number}".encode(), digest_size=4).digest()
        sampler = Generation(parents, children, self._distributions, int.from_bytes(digest, "big"))
        level = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # a new study announces itself on stderr
        try:
            return optuna.create_study(directions=self._directions, sampler=sampler)
        finally:
            optuna.logging.set_verbosity(level)


HAS_CONSTRAINTS = hasattr(FrozenTrial, "set_constraint")
"""Optuna 5 takes the constraints of a trial by name, earlier versions among its system attributes."""
