"""How long a sweep may take."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from dse.errors import DseError

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


@dataclass(frozen=True, slots=True)
class Work:
    """So much a proof does at most: boxes bounded, designs held against what is known, designs solved exactly."""

    boxes: float = inf
    contests: float = inf
    designs: float = inf


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
    (Work(boxes=960, contests=24, designs=32), Work(boxes=inf, contests=inf, designs=inf))
    """

    prove_s: float | None = None
    time_s: float = inf
    design_s: float = inf

    def __post_init__(self) -> None:
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
        """Whether designs are solved exactly although each takes minutes: only where a time for that is given.

        Examples
        --------
        >>> [limits.solves_long_fronts for limits in (Limits(), Limits(prove_s=600.0), Limits(design_s=30.0))]
        [False, True, True]
        """
        return bool(self.prove_s) or self.design_s < inf

    def work(self, trials: int) -> Work:
        """What the proof of a sweep does at most."""
        if self.prove_s is not None:
            return Work()
        return Work(BOXES_PER_TRIAL * trials, int(CONTESTS_PER_TRIAL * trials), trials // TRIALS_PER_DESIGN)


DEFAULT = Limits()
