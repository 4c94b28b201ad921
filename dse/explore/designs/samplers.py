"""Who proposes the next designs: Optuna's samplers and plain enumeration, behind one ask-and-tell interface.

A proposer sees designs as indices of a `DesignSpace`. It asks in batches whose size depends on the sampler alone, so
that what it proposes depends on the seed and on the results told, never on how many workers there are.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from dse.errors import DseError
from dse.explore.designs.space import DesignSpace

SAMPLERS = ("auto", "grid", "nsga2", "tpe", "qmc", "random")

TPE_BATCH = 4
PLAIN_BATCH = 64
"""Of samplers that do not learn; it only bounds how much is proposed ahead."""

AHEAD = 8
"""How far to look for a design that an enumeration was told without being asked."""

WORST = 1e30
"""Told for designs that have no objectives; what they are ranked by is their violation."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A design that a proposer wants evaluated, with the proposer's own handle on it."""

    index: int
    handle: Any = field(default=None, compare=False)


class Proposer(Protocol):
    """Proposes designs and learns from their results.

    One that `replays` goes on alike when it is told a batch that it was never asked for but would have proposed. What
    one proposes that does not learn (`learns`) is the same in batches of any size.
    """

    replays: bool
    learns: bool

    @property
    def batch(self) -> int:
        """How many proposals to ask for before telling their results."""

    def ask(self, index: int | None = None) -> Proposal | None:
        """The next design; with an index, that one, as if the sampler had chosen it. None when there are no more."""

    def tell(self, proposal: Proposal, values: Sequence[float] | None, violation: float) -> None:
        """Hand over a result: its values, to be minimised, or None when it has none; and how much it violates."""

    def end_batch(self) -> None:
        """All results of a batch have been told."""


def choose_sampler(name: str, space: DesignSpace, trials: int) -> str:
    """What `auto` stands for: `grid` when the budget covers the whole space, else `nsga2`.

    Examples
    --------
    >>> space = DesignSpace.of({"levels.array.rows": (6, 12), "levels.array.cols": (7, 14)})
    >>> choose_sampler("auto", space, 4), choose_sampler("auto", space, 3)
    ('grid', 'nsga2')
    """
    if name not in SAMPLERS:
        raise DseError(f"sampler {name!r} is not one of {', '.join(SAMPLERS)}")
    if name == "auto":
        return "grid" if space.size <= trials else "nsga2"
    return name


def make_proposer(name: str, space: DesignSpace, seed: int, objectives: int) -> Proposer:
    """The proposer of a resolved sampler name, for a number of objectives.

    Examples
    --------
    >>> space = DesignSpace.of({"levels.array.rows": (6, 12)})
    >>> make_proposer("grid", space, seed=0, objectives=2).ask(2)
    Proposal(index=2, handle=None)
    """
    if name == "grid":
        return Enumerator(range(space.size))
    if name == "random":
        return Enumerator(Shuffled(space.size, seed))
    return NsgaProposer(space, seed, objectives) if name == "nsga2" else OptunaProposer(name, space, seed, objectives)


@dataclass(frozen=True, slots=True)
class Shuffled:
    """The integers below `size` in a random order that the seed alone decides, without a list of them.

    A four-round Feistel network permutes the next power of four; values that fall outside are walked on until they
    fall inside.
    """

    size: int
    seed: int

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, position: int) -> int:
        if not 0 <= position < self.size:
            raise IndexError(position)
        half = max(1, ((self.size - 1).bit_length() + 1) // 2)
        value = position
        while True:
            value = self._permute(value, half)
            if value < self.size:
                return value

    def _permute(self, value: int, half: int) -> int:
        from hashlib import blake2b

        left, right = value >> half, value & ((1 << half) - 1)
        for turn in range(4):
            key = f"{self.seed}:{turn}:{right}".encode()
            mixed = int.from_bytes(blake2b(key, digest_size=16).digest(), "big")
            left, right = right, left ^ (mixed & ((1 << half) - 1))
        return left << half | right


class Order(Protocol):
    """Design indices in some order."""

    def __len__(self) -> int: ...

    def __getitem__(self, position: int, /) -> int: ...


class Enumerator:
    """Proposes designs in a given order, each once, and learns nothing."""

    batch = PLAIN_BATCH
    replays = True
    learns = False

    def __init__(self, order: Order) -> None:
        self._order = order
        self._next = 0
        self._asked: set[int] = set()

    def ask(self, index: int | None = None) -> Proposal | None:
        if index is None:
            if self._next >= len(self._order):
                return None
            self._next += 1
            index = self._order[self._next - 1]
        self._asked.add(index)
        return Proposal(index)

    def tell(self, proposal: Proposal, values: Sequence[float] | None, violation: float) -> None:
        """Go past a design that was not asked for: it comes next, but for a few that were known already."""
        if proposal.index in self._asked:
            return
        for place in range(self._next, min(self._next + AHEAD, len(self._order))):
            if self._order[place] == proposal.index:
                self._next = place + 1
                return

    def end_batch(self) -> None:
        return


class NsgaProposer:
    """NSGA-II by generations; see `dse.explore.designs.nsga2`, which is loaded with Optuna when it is used."""

    replays = True
    learns = True

    def __init__(self, space: DesignSpace, seed: int, objectives: int) -> None:
        from dse.explore.designs.nsga2 import Generations

        self._generations = Generations(space, _distributions(space), seed, objectives, WORST)
        self.batch = self._generations.batch

    def ask(self, index: int | None = None) -> Proposal:
        return Proposal(self._generations.ask() if index is None else index)

    def tell(self, proposal: Proposal, values: Sequence[float] | None, violation: float) -> None:
        self._generations.tell(proposal.index, values, violation)

    def end_batch(self) -> None:
        self._generations.end_batch()


class OptunaProposer:
    """TPE or quasi-Monte-Carlo from Optuna, with the study in memory.

    Ordered settings are integer parameters over the positions of their choices, others categorical ones. Constraints
    go through Optuna's constraint interface.
    """

    replays = False
    learns = True

    def __init__(self, name: str, space: DesignSpace, seed: int, objectives: int) -> None:
        import optuna

        self._space = space
        self._objectives = objectives
        self._trial_class = optuna.trial.Trial
        self.batch = TPE_BATCH if name == "tpe" else PLAIN_BATCH
        self._distributions = _distributions(space)
        level = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # a new study announces itself on stderr
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of options that are experimental in one version or another
                sampler = _sampler(name, seed, self._has_constraint_api)
                self._study = optuna.create_study(directions=["minimize"] * objectives, sampler=sampler)
        finally:
            optuna.logging.set_verbosity(level)
        if name == "qmc" and self._distributions:
            self._make_space_known()

    def _make_space_known(self) -> None:
        """Optuna's QMC draws at random until one trial is complete, because only then does it know the parameters. It
        learns nothing from values, so a trial without meaning is as good as any."""
        from optuna.trial import create_trial

        params = dict.fromkeys(self._distributions, 0)
        values = [WORST] * self._objectives
        self._study.add_trial(create_trial(params=params, distributions=self._distributions, values=values))

    @property
    def _has_constraint_api(self) -> bool:
        """Optuna 5 takes constraints from the trial, earlier versions from a function given to the sampler."""
        return hasattr(self._trial_class, "set_constraint")

    def ask(self, index: int | None = None) -> Proposal | None:
        if index is not None:
            digits = self._space.digits(index)
            self._study.enqueue_trial({name: digits[int(name)] for name in self._distributions})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trial = self._study.ask(self._distributions)
        digits = tuple(int(trial.params.get(str(place), 0)) for place in range(len(self._space.names)))
        return Proposal(self._space.index(digits), trial)

    def tell(self, proposal: Proposal, values: Sequence[float] | None, violation: float) -> None:
        trial = proposal.handle
        if self._has_constraint_api:
            trial.set_constraint("violation", violation)
        else:
            trial.set_user_attr("violation", violation)
        self._study.tell(trial, list(values) if values is not None else [WORST] * self._objectives)

    def end_batch(self) -> None:
        return


def _distributions(space: DesignSpace) -> dict[str, Any]:
    """Optuna's distribution of each setting with a choice, by its place in the space."""
    from optuna.distributions import CategoricalDistribution, IntDistribution

    distributions: dict[str, Any] = {}
    for place, choices in enumerate(space.choices):
        if len(choices) == 1:
            continue
        if space.is_ordered(place):
            distributions[str(place)] = IntDistribution(0, len(choices) - 1)
        else:
            distributions[str(place)] = CategoricalDistribution(tuple(range(len(choices))))
    return distributions


def _sampler(name: str, seed: int, has_constraint_api: bool) -> Any:
    from optuna import samplers

    seed %= 1 << 32  # as far as numpy's own go
    constrained = {} if has_constraint_api else {"constraints_func": lambda trial: (trial.user_attrs["violation"],)}
    if name == "tpe":
        return samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True, **constrained)
    if name == "qmc":
        return samplers.QMCSampler(seed=seed, scramble=True)
    raise DseError(f"sampler {name!r} is not one of {', '.join(SAMPLERS)}")
