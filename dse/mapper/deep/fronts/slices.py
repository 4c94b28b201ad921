"""The front that is known, and slices of time below it in which something may be missing."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log
from typing import NamedTuple

import numpy as np

from dse.mapper.deep.bounds.best import MARGIN, Best
from dse.mapper.deep.bounds.subproblem import Node
from dse.mapper.deep.bounds.sums.records import OF_TIME
from dse.mapper.deep.bounds.weights.stairs import ONE_STEP
from dse.mapper.deep.leaf.orders import PRICED
from dse.mapper.shared.incumbent import ENERGY, FRONT, enter
from dse.model.counting.kernel import Floats, Ints

FASTER = 4e-11
"""What a point of a front is faster than the last, relatively: more than bounds give way for rounding, or all mappings
that are as fast as the last would be priced."""

LATER = 2e-13
"""What ends of steps are later by in bounds, in logarithms: where a step is short and deep, time has a weight of
thousands, and what logarithms of time are rounded by counts as often."""


@dataclass(slots=True)
class Stairs:
    """All mappings known that no known one is better than in both energy and time.

    Parameters
    ----------
    values : (room, 2) float
        Energy (pJ) and time (steps); time rises and energy falls.
    records : (room, r) int64
    held : int
        How many there are, -1 when there was no room for all.
    fruitless : int
        How many looks for a better mapping have found none in a row.
    """

    values: Floats
    records: Ints
    held: int = 0
    fruitless: int = 0

    def add(self, values: Floats, record: Ints) -> None:
        """Take in a mapping if none is better than it."""
        self.held, at = enter(FRONT, float(values[0]), float(values[1]), self.values, self.held, self.records)
        if at >= 0:
            self.records[at] = record

    def energies_at(self, times: Floats) -> Floats:
        """The least energy of all that are known to take no longer, infinite if there are none."""
        at = np.searchsorted(self.values[: self.held, 1], times * (1 + FASTER), side="right")
        return np.where(at > 0, self.values[at - 1, 0], inf)

    def times_within(self, low: float, high: float, gap: float) -> Floats:
        """The times from one up to another at which a point comes within the gap, with the first of them always."""
        times = self.values[: self.held, 1] / (1 + gap)
        inner = times[(times > low * (1 + FASTER)) & (times < high)]
        return np.concatenate([[low], inner])


class Below(NamedTuple):
    """The steps below the stairs in a slice.

    Parameters
    ----------
    priced : tuple of int
        How many mappings had been priced, and how many points were known.
    times, ends : (n,) float
        When they begin and end.
    earlier : (n,) float
        How far before the slice's own end they end, in logarithms, rounding taken off.
    targets : (n,) float
        The logarithm of energy that bounds must stay below in each.
    """

    priced: tuple[int, int]
    times: Floats
    ends: Floats
    earlier: Floats
    targets: Floats


class Slice(Best):
    """A search for all that is missing of a front at times from `low` on and before `until`.

    It looks for less energy than that of the point at `low`, for which this takes as long as any other in the slice.
    All slices share their points.
    """

    __slots__ = ("_known", "low", "stairs")

    def __init__(self, stairs: Stairs, best: Best, low: float, until: float) -> None:
        self.stairs, self.low = stairs, low
        self._known: Below | None = None
        super().__init__(
            ENERGY, best.gap, until, stairs.values, stairs.records, best.visited, best.stop,
            stairs.held,
        )  # fmt: skip

    @property
    def held(self) -> int:
        """How many points are known; in all slices."""
        return self.stairs.held

    @held.setter
    def held(self, held: int) -> None:
        self.stairs.held = held

    @property
    def walks_for(self) -> int:
        return FRONT

    @property
    def fruitless(self) -> int:
        """How many looks have found nothing; in all slices."""
        return self.stairs.fruitless

    @fruitless.setter
    def fruitless(self, fruitless: int) -> None:
        self.stairs.fruitless = fruitless

    def target(self) -> float:
        """The logarithm of energy that bounds must stay below."""
        return float(self._below().targets[0])

    def targets_at(self, lows: Floats) -> Floats:
        """The same of slices that begin elsewhere."""
        targets: Floats = np.log(self.stairs.energies_at(lows * (1 + self.gap))) - log(1 + self.gap + 1e-12) + MARGIN
        return targets

    def target_in(self, node: Node) -> float:
        bounds, targets, _, _ = self.steps_of(node)
        return node.bound + float((targets - bounds).max())

    def steps(self) -> Floats:
        below = self._below()
        targets = below.targets
        return np.stack([below.earlier, targets[0] - targets]) if np.isfinite(targets).all() else ONE_STEP

    def steps_of(self, node: Node) -> tuple[Floats, Floats, Floats, Floats]:
        """What a subproblem's bound is in each step of the stairs and must stay below, and when they begin and end.

        Under a limit on time that is lower by some factor, the bound is higher by the factor to the power of time's
        weight.
        """
        below = self._below()
        weight = float(node.weights[node.space.block == OF_TIME].sum())
        return node.bound + weight * below.earlier, below.targets, below.times, below.ends

    def _below(self) -> Below:
        """Its steps; the same as the last time while no mapping has been priced."""
        priced = int(self.visited[PRICED]), self.held
        if self._known is None or self._known.priced != priced:
            times = self.stairs.times_within(self.low, self.until, self.gap)
            ends = np.append(times[1:] * (1 - FASTER), self.until)
            earlier = log(self.until) - np.log(ends) - LATER
            self._known = Below(priced, times, ends, earlier, self.targets_at(times))
        return self._known

    def part(self, low: float, until: float) -> Slice:
        """A slice of less time."""
        return Slice(self.stairs, self, low, until)
