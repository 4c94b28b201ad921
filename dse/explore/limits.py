"""How long a sweep may take."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from dse.errors import DseError, expect

BOXES_PER_TRIAL = 10
"""Boxes of designs that the proof over a space bounds at most, for every trial of the sweep, unless it has a time."""

LARGEST_SPACE = 40_000
"""Designs of a space up to which the proof is made unless it is left out: bounds and searches take some 40 s of CPU.
Larger ones are proven when the proof is given a time."""

CONTESTS_PER_TRIAL = 0.25
"""Designs that the proof holds against what is known at most, for every trial of the sweep, unless it has a time. Eight
times as many took 45 s of CPU more in the default sweep, and settled 15 designs more of 36,000."""

TRIALS_PER_DESIGN = 3
"""Trials of the sweep for every design that the proof may solve exactly, unless it has a time."""


SINGLY_S = 60.0
"""Seconds by the clock that the proof has where designs are bounded one by one, those of the deep search, unless it has
another time. Its work is limited, too: where that ends first, it finds the same on each machine."""

FIRST_PART = 6
"""Where designs are bounded one by one, one trial in so many explores. Bounds, which take a sixth to a third of a
trial's time, then say which of the others are worth one."""

FEWEST_FIRST = 12
"""Trials that explore there at least."""

TRIAL_S, LAYER_S = 5.0, 0.5
"""Seconds of CPU that the deep search has for a trial, and for each of its distinct layers besides, unless designs are
given another time, which goes by the clock. Most trials take a third of it; a few would take minutes, and say how far
they came."""


@dataclass(frozen=True, slots=True)
class Work:
    """So much a proof does at most: boxes bounded, designs held against what is known, designs solved exactly; where
    designs are bounded one by one, designs mapped, and fronts found."""

    boxes: float = inf
    contests: float = inf
    designs: float = inf
    fronts: float = inf


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on a sweep.

    Parameters
    ----------
    prove_s : float, optional
        Seconds by the clock for the proof over the space; 0 leaves it out. Without it the proof has so much work for
        every trial, whatever the machine, and so finds the same on each.
    time_s : float
        Seconds by the clock for the whole sweep: after it, what runs is finished, nothing more is begun.
    design_s : float
        Seconds by the clock for each design: its searches then end with what they have, and say how far that is
        proven.

    Raises
    ------
    DseError
        For a negative limit.

    Examples
    --------
    >>> Limits().work(trials=96), Limits(prove_s=10.0).work(trials=96)
    (Work(boxes=960, contests=24, designs=32, fronts=inf), Work(boxes=inf, contests=inf, designs=inf, fronts=inf))
    """

    prove_s: float | None = None
    time_s: float = inf
    design_s: float = inf

    def __post_init__(self) -> None:
        for name, given in (("prove_s", self.prove_s), ("time_s", self.time_s), ("design_s", self.design_s)):
            if given is not None:
                expect(given, (float, int), name, "seconds, e.g. 60.0")
        if self.prove_s is not None and not self.prove_s >= 0:
            raise DseError(f"prove_s={self.prove_s} < 0")
        for name, seconds in (("time_s", self.time_s), ("design_s", self.design_s)):
            if not seconds > 0:
                raise DseError(f"{name}={seconds} is not above 0")

    def proves(self, designs: int) -> bool:
        """Whether the proof over a space of so many designs is made.

        Examples
        --------
        >>> Limits().proves(360_000), Limits(prove_s=60.0).proves(360_000), Limits(prove_s=0).proves(12)
        (False, True, False)
        """
        return designs <= LARGEST_SPACE if self.prove_s is None else self.prove_s > 0

    @property
    def solves_long_fronts(self) -> bool:
        """Whether fronts of designs are found although each takes long: only where a time for that is given.

        Examples
        --------
        >>> [limits.solves_long_fronts for limits in (Limits(), Limits(prove_s=600.0), Limits(design_s=30.0))]
        [False, True, True]
        """
        return bool(self.prove_s) or self.design_s < inf

    @property
    def singly_s(self) -> float:
        """Seconds for the proof where designs are bounded one by one.

        Examples
        --------
        >>> Limits().singly_s, Limits(prove_s=600.0).singly_s
        (60.0, 600.0)
        """
        return SINGLY_S if self.prove_s is None else self.prove_s

    def trial_s(self, layers: int) -> float:
        """Seconds for a trial of the deep search, of networks with so many distinct layers: of CPU, unless given.

        Examples
        --------
        >>> Limits().trial_s(20), Limits(design_s=60.0).trial_s(20)
        (15.0, 60.0)
        """
        return self.design_s if self.design_s < inf else TRIAL_S + LAYER_S * layers

    def work_singly(self, trials: int, explored: int) -> Work:
        """What the proof does at most where designs are bounded one by one, after so many trials that explored.

        Examples
        --------
        >>> Limits().work_singly(trials=96, explored=16)
        Work(boxes=960, contests=0, designs=80, fronts=0)
        """
        if self.prove_s is not None:
            return Work()
        fronts = inf if self.solves_long_fronts else 0
        return Work(BOXES_PER_TRIAL * trials, 0, max(0, trials - explored), fronts)

    def first_trials(self, trials: int) -> int:
        """How many trials explore where designs are bounded one by one before the others are mapped.

        Examples
        --------
        >>> Limits().first_trials(96), Limits().first_trials(8)
        (16, 8)
        """
        return min(trials, max(FEWEST_FIRST, trials // FIRST_PART))

    def work(self, trials: int) -> Work:
        """What the proof of a sweep does at most."""
        if self.prove_s is not None:
            return Work()
        return Work(BOXES_PER_TRIAL * trials, int(CONTESTS_PER_TRIAL * trials), trials // TRIALS_PER_DESIGN)


DEFAULT = Limits()
