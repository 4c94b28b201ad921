"""The proof over a space: boxes of designs are bounded, dropped, split, or, at a single design, solved exactly.

The box that is least settled comes first: the one whose bounds lie farthest from what is known to be possible. Of its
parts the farthest is followed down to a single design, which makes more known where least is. So at every moment the
farthest box says how closely the whole space is settled, and more time only brings this down.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from math import inf
from time import monotonic

import numpy as np

from dse.explore.outcomes.evaluation import Evaluation
from dse.explore.proof.bounds import BoundTask, BoxBounds, DesignBound
from dse.explore.proof.box import Axes, Box
from dse.explore.proof.certificate import Certificate
from dse.explore.proof.staircase import Staircase
from dse.explore.workers.runner import Failure, Task, Workers

BOXES = 8
"""Boxes taken up at once; it does not depend on how many workers there are, and so nor does what is found."""

ROUNDING = 1e-12
"""Relative difference below which a bound is matched."""

RULED_OUT, INFEASIBLE, OPEN, WITHIN, EVALUATED = "ruled out", "infeasible", "open", "within the gap", "evaluated"


@dataclass(frozen=True, slots=True)
class Settled:
    """A box whose designs are settled, or left open, and why.

    Parameters
    ----------
    box : Box
    state : {"ruled out", "infeasible", "within the gap", "open", "evaluated"}
    bound : DesignBound
    short : float
        The least fraction by which its bounds must rise to be matched by an evaluated design.
    """

    box: Box
    state: str
    bound: DesignBound
    short: float = 0.0


@dataclass(slots=True)
class Prover:
    """A proof in progress.

    Parameters
    ----------
    axes : Axes
    bounds : BoxBounds
    workers : Workers
    known : Staircase
    solve : callable
        Designs, by their places in the space, to their exact evaluations.
    wanted : float
        The gap beyond which a design counts as open.
    deadline : float
        Of the monotonic clock, s.
    work : tuple of float
        Boxes to bound and designs to solve at most.
    report : callable, optional
        Told how many designs are settled, now and then.
    note : callable, optional
        Told of every box that is settled.
    """

    axes: Axes
    bounds: BoxBounds
    workers: Workers
    known: Staircase
    solve: Callable[[Sequence[int]], Iterable[Evaluation]]
    wanted: float
    deadline: float
    work: tuple[float, float] = (inf, inf)
    report: Callable[[int], None] = lambda settled: None
    note: Callable[[Settled], None] = lambda settled: None
    settled: list[Settled] = field(default_factory=list)
    done: int = 0
    bounded: int = 0
    solved: int = 0
    _stuck: list[tuple[float, int, Box, DesignBound]] = field(default_factory=list)
    _heap: list[tuple[float, int, Box, DesignBound]] = field(default_factory=list)
    _followed: list[tuple[float, int, Box, DesignBound]] = field(default_factory=list)
    _number: count[int] = field(default_factory=count)

    def run(self) -> None:
        """Settle boxes until nothing is left or the time is over."""
        self._push(self.axes.whole, DesignBound(), inf)
        while (self._heap or self._followed) and monotonic() < self.deadline and self.bounded < self.work[0]:
            boxes, designs = self._next()
            self._split(boxes)
            if designs:
                self._solve(designs)
            self.report(self.done)
        left, self._heap, self._followed, self._stuck = self._left(), [], [], []
        for part in left:
            self._settle(part)

    def _left(self) -> list[Settled]:
        """The boxes that are not settled yet, as what they are at this moment."""
        found = []
        for short, _, box, bound in sorted([*self._heap, *self._followed, *self._stuck]):
            short = min(-short, self._short(bound))
            state = RULED_OUT if short <= ROUNDING else WITHIN if short <= self.wanted else OPEN
            found.append(Settled(box, state, bound, short))
        return found

    def certificate(self, evaluated: Sequence[tuple[int, ...]], infeasible: Sequence[tuple[int, ...]]) -> Certificate:
        """What is proven so far, given the designs (positions of their settings) mapped or found infeasible."""
        counts = dict.fromkeys((RULED_OUT, INFEASIBLE, OPEN, WITHIN, EVALUATED), 0)
        parts = [*self.settled, *self._left()]
        known = np.array([*evaluated, *infeasible], dtype=np.int64).reshape(-1, len(self.axes.space.shape))
        for part in parts:
            inside = (known >= part.box.first) & (known <= part.box.last)
            counts[part.state] += part.box.size - int(inside.all(axis=1).sum())
        return Certificate(
            space=self.axes.space.size, evaluated=len(evaluated), ruled_out=counts[RULED_OUT] + counts[WITHIN],
            infeasible=counts[INFEASIBLE] + len(infeasible), open=counts[OPEN] + counts[EVALUATED],
            gap=max((part.short for part in parts), default=0.0), wanted=self.wanted,
        )  # fmt: skip

    def _next(self) -> tuple[list[Box], list[tuple[Box, DesignBound, float]]]:
        """Boxes to split and designs to solve: the parts that are followed, and beside them the farthest."""
        boxes: list[Box] = []
        designs: list[tuple[Box, DesignBound, float]] = []
        followed, self._followed = self._followed, []
        while len(boxes) + len(designs) < BOXES and (followed or self._heap):
            farthest = not followed
            _, _, box, bound = followed.pop() if followed else heapq.heappop(self._heap)
            short = self._short(bound)
            if short <= ROUNDING:
                self._settle(Settled(box, RULED_OUT, bound))
            elif farthest and self._heap and short < -self._heap[0][0]:
                self._push(box, bound, short)  # what was found since brought it nearer
            elif box.size > 1:
                boxes.append(box)
            elif self.solved + len(designs) >= self.work[1]:
                self._stuck.append((-short, next(self._number), box, bound))
            elif farthest or short > self.wanted:
                designs.append((box, bound, short))
            else:
                self._push(box, bound, short)
        return boxes, designs

    def _split(self, boxes: Sequence[Box]) -> None:
        """Split boxes, bound their parts, and follow the farthest part of each."""
        families = [self.axes.split(box) for box in boxes]
        parts = [part for family in families for part in family if self.axes.is_bounded(part)]
        weight = self.known.weight
        self.bounded += len(parts)
        tasks = [Task(i, BoundTask(self.axes.settings_of(part), weight)) for i, part in enumerate(parts)]
        found = {task.key: bound for task, bound in self.workers.run(self.bounds, tasks)}
        bounds = {part: found[i] for i, part in enumerate(parts)}
        for family in families:
            left = []
            for part in family:
                bound = bounds.get(part)
                if bound is None or isinstance(bound, Failure):
                    left.append((-inf, next(self._number), part, DesignBound()))
                elif bound.infeasible:
                    self._settle(Settled(part, INFEASIBLE, bound))
                else:
                    left.append((-self._short(bound), next(self._number), part, bound))
            left.sort()
            self._followed += left[:1]
            for entry in left[1:]:
                heapq.heappush(self._heap, entry)

    def _solve(self, designs: Sequence[tuple[Box, DesignBound, float]]) -> None:
        """Solve single designs exactly; those whose evaluation fails stay open."""
        self.solved += len(designs)
        places = [self.axes.space.index(box.first) for box, _, _ in designs]
        for (box, bound, short), evaluation in zip(designs, self.solve(places), strict=True):
            outcome = evaluation.outcome
            self.known.add(outcome.front, outcome.objectives.get("area_mm2", inf))
            failed = outcome.status == "failed"
            self._settle(Settled(box, OPEN if failed else EVALUATED, bound, short if failed else 0.0))

    def _short(self, bound: DesignBound) -> float:
        return self.known.short_of(bound)

    def _push(self, box: Box, bound: DesignBound, short: float) -> None:
        heapq.heappush(self._heap, (-short, next(self._number), box, bound))

    def _settle(self, settled: Settled) -> None:
        self.settled.append(settled)
        self.note(settled)
        if settled.state != OPEN:
            self.done += settled.box.size
