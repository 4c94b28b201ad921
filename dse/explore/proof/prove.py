"""The proof over a space: boxes of designs are bounded, dropped, split, or, at a single design, solved exactly.

The box that is least settled comes first: the one whose bounds lie farthest from what is known to be possible. It is
split, and a single design is solved, which makes more known where least is. So at every moment the farthest box says
how closely the whole space is settled, and more time only brings this down.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from logging import getLogger
from math import inf
from time import monotonic
from typing import Any

from dse.explore.limits import Work
from dse.explore.outcomes.evaluation import Evaluation
from dse.explore.proof.bounds import BoundTask, BoxBounds, DesignBound
from dse.explore.proof.box import Axes, Box, held_by
from dse.explore.proof.certificate import Certificate
from dse.explore.proof.contest import Contest, ContestTask
from dse.explore.proof.staircase import Staircase
from dse.explore.workers.runner import Failure, Task, Timed, TimeOverError, Workers

BOXES, CONTESTS, DESIGNS = 16, 32, 4
"""Boxes split, designs held against what is known, and designs solved at once, at most; they do not depend on how many
workers there are, nor does what is found."""

FIRST_BOXES = 64
"""Boxes split at once, at most, while nothing is known of them."""

UNLIMITED = Work()

LOT = 30
"""Boxes that are bounded by one call at most, unless more differ in prices alone."""

MOST_PATIENCE = 4
"""So many rounds of designs at most are solved without being held against what is known, after one that none lost."""

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
    searched : bool
        A design whose mappings were searched for one that evaluated designs do not match, not only its bounds.
    """

    box: Box
    state: str
    bound: DesignBound
    short: float = 0.0
    searched: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A box that is not settled; the farther from what is known, the earlier in order."""

    short: float
    number: int
    box: Box
    bound: DesignBound

    def __lt__(self, other: Entry) -> bool:
        return (-self.short, self.number) < (-other.short, other.number)


def joined_with(last: Settled, new: Settled) -> Settled | None:
    """Two neighbours along the last setting that differs as one box with the least of their bounds, if settled alike.

    Examples
    --------
    >>> first, second = (Settled(Box((0, i), (0, i)), RULED_OUT, DesignBound(5.0, 2.0)) for i in (3, 4))
    >>> joined_with(first, second).box
    Box(first=(0, 3), last=(0, 4))
    """
    differ = [i for i, (a, b) in enumerate(zip(last.box.last, new.box.first, strict=True)) if a != b]
    follows = len(differ) == 1 and new.box.first[differ[0]] == last.box.last[differ[0]] + 1
    spanned = [i for i, (a, b) in enumerate(zip(last.box.first, last.box.last, strict=True)) if a != b]
    too_large = all(one.bound.infeasible.startswith("area of ") for one in (last, new))
    alike = last.state == new.state and (last.state == RULED_OUT or last.bound == new.bound or too_large)
    if not follows or not alike or spanned not in ([], differ):
        return None
    box = last.box.part(differ[0], last.box.first[differ[0]], new.box.first[differ[0]])
    return Settled(box, last.state, last.bound.least(new.bound))


@dataclass(slots=True)
class Prover:
    """A proof in progress.

    Parameters
    ----------
    axes : Axes
    bounds : BoxBounds
    contest : Contest
    workers : Workers
    known : Staircase
    solve : callable
        Families of designs, the first of each to be solved, to the exact evaluations of these; behind them those of
        others that the same mappings allow (`dse.explore.designs.alike`).
    wanted : float
        The gap beyond which a design counts as open.
    deadline : float
        Of the monotonic clock, s.
    work : Work
        What is done at most.
    report : callable, optional
        Told how many designs are settled, now and then.
    note : callable, optional
        Told of every box that is settled.
    spend : callable, optional
        Told the CPU time in s of bounds and of searches below what is known.
    """

    axes: Axes
    bounds: BoxBounds
    contest: Contest
    workers: Workers
    known: Staircase
    solve: Callable[[Sequence[Sequence[Entry]]], Iterable[Evaluation]]
    wanted: float
    deadline: float
    work: Work = UNLIMITED
    report: Callable[[int], None] = lambda settled: None
    note: Callable[[Settled], None] = lambda settled: None
    spend: Callable[[float], None] = lambda cpu_s: None
    settled: list[Settled] = field(default_factory=list)
    done: int = 0
    bounded: int = 0
    contested: int = 0
    solved: int = 0
    _width: int = DESIGNS
    _patience: int = 1
    _pause: int = 0
    _stuck: list[Entry] = field(default_factory=list)
    _told: set[str] = field(default_factory=set)
    _heap: list[Entry] = field(default_factory=list)
    _waiting: dict[tuple[int, ...], Entry] = field(default_factory=dict)
    _repriced: set[tuple[int, ...]] = field(default_factory=set)
    _hand: list[Entry] = field(default_factory=list)  # taken from the heap, and open yet when the proof is interrupted
    _number: count[int] = field(default_factory=count)

    def run(self) -> None:
        """Settle boxes until nothing is left or the time is over."""
        self._push(self.axes.whole, DesignBound(), inf)
        while self._heap and monotonic() < self.deadline and self.bounded < self.work.boxes:
            boxes, designs = self._next()
            try:
                self._split(boxes)
                if designs and (rivals := self._in_question(designs)):
                    self._solve(rivals)
            except TimeOverError:
                break
            self.report(self.done)
        left, self._heap, self._stuck, self._hand = self._left(), [], [], []
        for part in left:
            self._settle(part)

    def _left(self) -> list[Settled]:
        """The boxes that are not settled yet, as what they are at this moment."""
        found = []
        for entry in sorted([*self._heap, *self._stuck, *self._hand]):
            short = min(entry.short, self._short(entry.bound))
            state = RULED_OUT if short <= ROUNDING else WITHIN if short <= self.wanted else OPEN
            found.append(Settled(entry.box, state, entry.bound, short))
        return found

    def certificate(self, evaluated: Sequence[tuple[int, ...]], infeasible: Sequence[tuple[int, ...]]) -> Certificate:
        """What is proven so far, given the designs (positions of their settings) mapped or found infeasible."""
        counts = dict.fromkeys((RULED_OUT, INFEASIBLE, OPEN, WITHIN, EVALUATED), 0)
        parts = [*self.settled, *self._left()]
        for part, held in zip(parts, held_by([part.box for part in parts], [*evaluated, *infeasible]), strict=True):
            counts[part.state] += part.box.size - held
        ruled_out, impossible = counts[RULED_OUT] + counts[WITHIN], counts[INFEASIBLE] + len(infeasible)
        return Certificate(
            space=self.axes.space.size, evaluated=len(evaluated), ruled_out=ruled_out, infeasible=impossible,
            open=self.axes.space.size - len(evaluated) - ruled_out - impossible,
            gap=max((part.short for part in parts), default=0.0), wanted=self.wanted,
        )  # fmt: skip

    def _next(self) -> tuple[list[Box], list[Entry]]:
        """The farthest boxes to split, and the farthest designs to solve."""
        boxes: list[Box] = []
        designs: list[Entry] = []
        self._hand = []
        most = FIRST_BOXES if self._heap[0].short == inf else BOXES
        while self._heap and len(boxes) < most and len(designs) < self._width:
            entry = heapq.heappop(self._heap)
            short = min(entry.short, self._short(entry.bound))
            if short <= ROUNDING:
                self._settle(Settled(entry.box, RULED_OUT, entry.bound))
            elif self._heap and short < self._heap[0].short:
                self._push(entry.box, entry.bound, short)  # what was found since brought it nearer
            elif entry.box.size > 1:
                boxes.append(entry.box)
                self._hand.append(entry)
            elif self.solved >= self.work.designs and self.contested >= self.work.contests:
                self._stuck.append(entry)
            else:
                designs.append(entry)
                self._hand.append(entry)
        return boxes, designs

    def _in_question(self, designs: Sequence[Entry]) -> list[Entry]:
        """The farthest designs of some that may come below what is known; the others wait, or are settled.

        What is farther than the gap that is wanted must come below what is known by that gap; only then is it held
        against all of it.
        """
        if self._pause > 0 or self.contested >= self.work.contests:
            self._pause = max(0, self._pause - 1)
            self._hand = []
            return self._wait(designs)
        self.contested += len(designs)
        gaps = [self.wanted if entry.short > self.wanted else 0.0 for entry in designs]
        tasks = [
            Task(i, self._contest_of(entry, corners / (1 + gap)))
            for i, (entry, gap) in enumerate(zip(designs, gaps, strict=True))
            if len(corners := self.known.corners_above(entry.bound))
        ]
        matched = {}
        for task, found in self.workers.run(Timed(self.contest), tasks):
            if not isinstance(found, Failure):
                matched[task.key], cpu_s = found
                self.spend(cpu_s)
        self._hand, left = [], []
        for i, (entry, gap) in enumerate(zip(designs, gaps, strict=True)):
            if not matched.get(i, False):
                left.append(entry)
            elif gap > 0:
                self._push(entry.box, entry.bound, gap)
            else:
                self._settle(Settled(entry.box, RULED_OUT, entry.bound, searched=True))
        lost = len(left) == len(designs)
        self._patience = min(2 * self._patience, MOST_PATIENCE) if lost else 1
        self._pause = self._patience if lost else 0
        self._width = max(DESIGNS, self._width // 2) if 2 * len(left) > len(designs) else min(CONTESTS, 2 * self._width)
        return self._wait(left)

    def _contest_of(self, entry: Entry, corners: Any) -> ContestTask:
        return ContestTask(self.axes.settings_of(entry.box)[0], corners, self.known.weight, entry.bound.layers)

    def _wait(self, designs: Sequence[Entry]) -> list[Entry]:
        """The first of some designs, as many as may still be solved; the others wait."""
        left = int(min(DESIGNS, self.work.designs - self.solved))
        for entry in designs[left:]:
            if left < DESIGNS:
                self._stuck.append(entry)
            else:
                self._push(entry.box, entry.bound, entry.short)
        return list(designs[:left])

    def _split(self, boxes: Sequence[Box]) -> None:
        """Split boxes and bound their parts."""
        parts = [part for box in boxes for part in self.axes.split(box)]
        lots = self._lots(parts)
        self.bounded += sum(map(len, lots))
        tasks = [Task(at, [self._task(parts[i]) for i in lot]) for at, lot in enumerate(lots)]
        found: dict[int, Any] = {}
        for task, bounded in self.workers.run(Timed(self.bounds.all_of), tasks):
            if isinstance(bounded, Failure):
                if bounded.reason not in self._told:
                    getLogger(__name__).warning("designs have no bound, since bounding them failed: %s", bounded.reason)
                self._told.add(bounded.reason)
                continue
            self.spend(bounded[1])
            found.update(zip(lots[task.key], bounded[0], strict=True))
        self._hand = [entry for entry in self._hand if entry.box.size == 1]
        for i, part in enumerate(parts):
            bounds = found.get(i)
            if bounds is None:
                self._push(part, DesignBound(), inf)
            elif self.axes.is_apart(part):
                self._enter(list(zip(self.axes.singles(part), bounds, strict=True)))
            else:
                self._enter([(part, bounds[0])])

    def _lots(self, parts: Sequence[Box]) -> list[list[int]]:
        """The parts that can be bounded, by their places, together where they may have outer points in common."""
        alike: dict[tuple[int, ...], dict[tuple[int, ...], list[int]]] = {}
        for i, part in enumerate(parts):
            if self.axes.is_bounded(part):
                families = alike.setdefault(self.axes.outside_of(part), {})
                families.setdefault(self.axes.layout_of(part), []).append(i)
        lots: list[list[int]] = []
        for families in alike.values():
            lots.append([])
            for family in families.values():
                if lots[-1] and len(lots[-1]) + len(family) > LOT:
                    lots.append([])
                lots[-1] += family
        return lots

    def _task(self, part: Box) -> BoundTask:
        axes = self.axes
        apart = axes.singles(part) if axes.is_apart(part) else []
        settings = tuple(axes.settings_of(one)[0] for one in apart)
        layout = axes.layout_of(part)
        return BoundTask(axes.settings_of(part), self.known.weight, axes.sides_of(part), settings, layout)

    def _enter(self, parts: Sequence[tuple[Box, DesignBound]]) -> None:
        """Settle what is settled by its bound, and keep the rest. Neighbours that are settled alike are one box."""
        last: Settled | None = None
        for box, bound in parts:
            short = 0.0 if bound.infeasible else self._short(bound)
            if not bound.infeasible and short > ROUNDING:
                self._push(box, bound, short)
                continue
            new = Settled(box, INFEASIBLE if bound.infeasible else RULED_OUT, bound)
            joined = None if last is None else joined_with(last, new)
            if last is not None and joined is None:
                self._settle(last)
            last = joined or new
        if last is not None:
            self._settle(last)

    def _solve(self, designs: Sequence[Entry]) -> None:
        """Solve single designs exactly; those whose evaluation fails stay open."""
        self.solved += len(designs)
        for entry in designs:
            self._waiting.pop(entry.box.first, None)
        self._hand = list(designs)
        found = list(self.solve([self._family(entry) for entry in designs]))
        self._hand = []
        for evaluation in found:
            self.known.add(evaluation.outcome.front, evaluation.outcome.objectives.get("area_mm2", inf))
        for entry, evaluation in zip(designs, found, strict=False):
            outcome = evaluation.outcome
            failed = outcome.status == "failed"
            short = self._short(entry.bound) if failed else min(self._short(entry.bound), outcome.gap)
            self._settle(Settled(entry.box, OPEN if failed else EVALUATED, entry.bound, short))

    def _family(self, entry: Entry) -> list[Entry]:
        """A design, and those still to be settled whose mappings are the same; each of these once."""
        alike = [digits for digits in self.axes.alike(entry.box.first) if digits not in self._repriced]
        others = [self._waiting[digits] for digits in alike if digits in self._waiting]
        self._repriced.update(other.box.first for other in others)
        return [entry, *others]

    def _short(self, bound: DesignBound) -> float:
        return self.known.short_of(bound)

    def _push(self, box: Box, bound: DesignBound, short: float) -> None:
        entry = Entry(short, next(self._number), box, bound)
        if box.size == 1:
            self._waiting[box.first] = entry
        heapq.heappush(self._heap, entry)

    def _settle(self, settled: Settled) -> None:
        self._waiting.pop(settled.box.first, None)
        self.settled.append(settled)
        self.note(settled)
        if settled.state != OPEN:
            self.done += settled.box.size
