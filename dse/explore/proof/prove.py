"""The proof over a space: boxes of designs are bounded, dropped, split, or, at a single design, solved exactly.

The box that is least settled comes first: the one whose bounds lie farthest from what is known to be possible. It is
split, and a single design is solved, which makes more known where least is. So at every moment the farthest box says
how closely the whole space is settled, and more time only brings this down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from logging import getLogger
from math import inf
from time import monotonic
from typing import Any

from dse.explore.limits import Work
from dse.explore.outcomes.evaluation import Evaluation
from dse.explore.proof.bounding.bounds import BoundTask, BoxBounds, DesignBound
from dse.explore.proof.bounding.contest import Contest, ContestTask
from dse.explore.proof.boxes.box import Axes, Box, held_by
from dse.explore.proof.certificate import Certificate
from dse.explore.proof.reach import Reach
from dse.explore.proof.settled import (
    EVALUATED,
    INFEASIBLE,
    OPEN,
    ROUNDING,
    RULED_OUT,
    WITHIN,
    Entry,
    Hopes,
    Queue,
    Settled,
    joined_with,
    state_of,
)  # fmt: skip
from dse.explore.proof.staircase import Staircase
from dse.explore.workers.runner import Failure, Task, Timed, TimeOverError, Workers

BOXES, CONTESTS, DESIGNS = 16, 32, 4
"""Boxes split, designs held against what is known, and designs solved at once, at most; they do not depend on how many
workers there are, nor does what is found."""

FIRST_BOXES, BANDED_BOXES = 64, 8
"""Boxes split at once, at most, while nothing is known of them; and those whose bands are split, each into many
designs, which seldom stay in question once a few more are solved."""

UNLIMITED = Work()

LOT = 30
"""Boxes that are bounded by one call at most, unless more differ in prices alone."""

EARLY = 0.5
"""A design is solved when it is this part as far as the farthest box."""

LOOKS = 8
"""Designs looked at for each that is solved, at most."""

SURE = 0.1
"""Designs that are farther are solved without being held against what is known: bounds are a few per cent loose."""

MOST_PATIENCE = 4
"""So many rounds of designs at most are solved without being held against what is known, after one that none lost."""


def task_of(axes: Axes, box: Box, parts: Sequence[Box], weight: float) -> BoundTask:
    """What is to be bounded of a box: its parts by themselves, if it has any (see `Axes.parts_of`)."""
    apart: tuple[Any, ...] = ()
    bands: tuple[Any, ...] = ()
    if box.size > 1 and all(part.size == 1 for part in parts):
        apart = tuple(axes.settings_of(part)[0] for part in parts)
    elif parts[0] != box:
        bands = tuple(map(axes.arrays_of, parts))
    return BoundTask(axes.settings_of(box), weight, axes.sides_of(box), apart, axes.layout_of(box), bands)


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
    reach : Reach
        What an evaluation tells of all that its design can do.
    work : Work
        What is done at most.
    report : callable, optional
        Told how many designs are settled, now and then.
    note : callable, optional
        Told of every box that is settled.
    spend : callable, optional
        Told "bounds" or "contests" (searches below what is known), and the CPU time in s that one took.
    """

    axes: Axes
    bounds: BoxBounds
    contest: Contest
    workers: Workers
    known: Staircase
    solve: Callable[[Sequence[Sequence[Entry]]], Iterable[Evaluation]]
    wanted: float
    deadline: float
    reach: Reach
    work: Work = UNLIMITED
    report: Callable[[int], None] = lambda settled: None
    note: Callable[[Settled], None] = lambda settled: None
    spend: Callable[[str, float], None] = lambda part, cpu_s: None
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
    _heap: Queue = field(default_factory=Queue)  # boxes of several designs
    _lone: Queue = field(default_factory=Queue)  # single designs
    _waiting: dict[tuple[int, ...], Entry] = field(default_factory=dict)
    _repriced: set[tuple[int, ...]] = field(default_factory=set)
    _hand: list[Entry] = field(default_factory=list)  # taken from the heap, and open yet when the proof is interrupted
    _number: count[int] = field(default_factory=count)

    def run(self) -> None:
        """Settle boxes until nothing is left or the time is over."""
        self._push(self.axes.whole, DesignBound(), inf)
        try:
            while (self._heap or self._lone) and monotonic() < self.deadline and self.bounded < self.work.boxes:
                boxes, designs = self._next()
                self._split(boxes)
                if designs and (rivals := self._in_question(designs)):
                    self._solve(rivals)
                self.report(self.done)
        except TimeOverError:
            pass
        finally:  # also where someone stops the sweep, the log says what is left
            left, self._heap, self._lone, self._stuck, self._hand = self._left(), Queue(), Queue(), [], []
            for part in left:
                self._settle(part)

    def _left(self) -> list[Settled]:
        """The boxes that are not settled yet, as what they are at this moment."""
        found = []
        for entry in sorted([*self._heap, *self._lone, *self._stuck, *self._hand]):
            short = self._short(entry.bound)
            searched, short = entry.searched and entry.short < short, min(entry.short, short)
            found.append(Settled(entry.box, state_of(short, self.wanted), entry.bound, short, searched))
        return found

    def certificate(self, evaluated: Sequence[tuple[int, ...]], infeasible: Sequence[tuple[int, ...]]) -> Certificate:
        """What is proven so far, given the designs (positions of their settings) mapped or found infeasible."""
        counts = dict.fromkeys((RULED_OUT, INFEASIBLE, OPEN, WITHIN, EVALUATED), 0)
        parts = [*self.settled, *self._left()]
        for part, held in zip(parts, held_by([part.box for part in parts], [*evaluated, *infeasible]), strict=True):
            counts[part.state] += part.box.size - held
        ruled_out, impossible = counts[RULED_OUT] + counts[WITHIN], counts[INFEASIBLE] + len(infeasible)
        whole = sum(part.box.size for part in parts) == self.axes.space.size  # else stopped with some in no list
        return Certificate(
            space=self.axes.space.size, evaluated=len(evaluated), ruled_out=ruled_out, infeasible=impossible,
            open=self.axes.space.size - len(evaluated) - ruled_out - impossible,
            gap=max(part.short for part in parts) if whole else inf, wanted=self.wanted,
        )  # fmt: skip

    def _next(self) -> tuple[list[Box], list[Entry]]:
        """The farthest boxes to split, and the designs to solve: those about as far.

        A design is solved as soon as it is a good part as far as the farthest box. What it reaches brings many boxes
        nearer, which then need not be split.
        """
        boxes: list[Box] = []
        self._hand = []
        entry = self._farthest(self._heap)
        top = 0.0 if entry is None else entry.short
        most = FIRST_BOXES if top == inf else BOXES
        while entry is not None:
            beside = self._beside(entry)
            most = most if entry.box.band is None else min(most, BANDED_BOXES)
            boxes.append(entry.box.with_bands(other.box for other in beside))
            self._hand += [entry, *beside]
            entry = self._farthest(self._heap) if len(boxes) < most else None
        designs = self._farthest_designs(EARLY * top)
        self._hand += designs
        return boxes, designs

    def _beside(self, entry: Entry) -> list[Entry]:
        """The bands to split with one: others of its box that are too far. Most of the work serves all of them."""
        if entry.box.band is None:
            return []
        least = self.wanted if entry.short > self.wanted else 0.0
        chosen = [one for one in self._heap.others_of(entry.box) if min(one.short, self._short(one.bound)) > least]
        for one in chosen:
            self._heap.take(one)
        return chosen

    def _farthest_designs(self, least: float) -> list[Entry]:
        """The farthest designs, if they are at least so far.

        While most turn out to be matched, designs that would reach about the same are taken, too. What is farther than
        the gap that is wanted comes without the rest, which asks for more work each.
        """
        designs: list[Entry] = []
        others: list[Entry] = []
        hopes = Hopes(self.known)
        while len(designs) < self._width and len(others) < LOOKS * self._width:
            entry = self._farthest(self._lone)
            if entry is None:
                break
            if entry.short < least or (designs and entry.short <= self.wanted < designs[0].short):
                others.append(entry)
                break
            if self.solved >= self.work.designs and self.contested >= self.work.contests:
                self._stuck.append(entry)
            elif self._width == DESIGNS and hopes.match(entry):
                others.append(entry)
            else:
                designs.append(entry)
                hopes.add(entry)
        for entry in others:
            self._push(entry.box, entry.bound, entry.short, searched=entry.searched)
        return designs

    def _farthest(self, queue: Queue) -> Entry | None:
        """Take the farthest entry; those that are matched by now are settled on the way."""
        while len(queue):
            entry = queue.pop()
            short = min(entry.short, self._short(entry.bound))
            if short <= ROUNDING:
                self._settle(Settled(entry.box, RULED_OUT, entry.bound))
            elif short < queue.farthest:
                # what was found since brought it nearer
                self._push(entry.box, entry.bound, short, searched=entry.searched and short == entry.short)
            else:
                return replace(entry, short=short)
        return None

    def _in_question(self, designs: Sequence[Entry]) -> list[Entry]:
        """The farthest designs of some that may come below what is known; the others wait, or are settled.

        What is farther than the gap that is wanted must come below what is known by that gap; only then is it held
        against all of it.
        """
        if self._pause > 0 or self.contested >= self.work.contests or (designs and designs[-1].short > SURE):
            self._pause = max(0, self._pause - 1)
            self._hand = []
            return self._wait(designs)
        self.contested += len(designs)
        gaps = [self.wanted if entry.short > self.wanted else 0.0 for entry in designs]
        tasks = [
            Task(i, self._contest_of(entry, corners))
            for i, (entry, gap) in enumerate(zip(designs, gaps, strict=True))
            if len(corners := self.known.corners_above(entry.bound, gap))
        ]
        matched = {}
        for task, found in self.workers.run(Timed(self.contest), tasks):
            if not isinstance(found, Failure):
                matched[task.key], cpu_s = found
                self.spend("contests", cpu_s)
        self._hand, left = [], []
        for i, (entry, gap) in enumerate(zip(designs, gaps, strict=True)):
            if not matched.get(i, False):
                left.append(entry)
            elif gap > 0:
                self._push(entry.box, entry.bound, gap, searched=True)
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
        """The first designs that seem to reach what others do not, as many as may be solved; the others wait."""
        left, chosen, hopes = int(min(DESIGNS, self.work.designs - self.solved)), list[Entry](), Hopes(self.known)
        for entry in designs:
            if len(chosen) < left and not hopes.match(entry):
                chosen.append(entry)
                hopes.add(entry)
            elif left < DESIGNS:
                self._stuck.append(entry)
            else:
                self._push(entry.box, entry.bound, entry.short, searched=entry.searched)
        return chosen

    def _split(self, boxes: Sequence[Box]) -> None:
        """Split boxes and bound their parts."""
        parts = [part for box in boxes for part in self.axes.split(box)]
        each = [self.axes.parts_of(part) for part in parts]
        lots = self._lots(parts)
        self.bounded += sum(map(len, lots))
        weight = self.known.weight
        tasks = [Task(at, [task_of(self.axes, parts[i], each[i], weight) for i in lot]) for at, lot in enumerate(lots)]
        found: dict[int, Any] = {}
        for task, bounded in self.workers.run(Timed(self.bounds.all_of), tasks):
            if isinstance(bounded, Failure):
                if bounded.reason not in self._told:
                    getLogger(__name__).warning("designs have no bound, since bounding them failed: %s", bounded.reason)
                self._told.add(bounded.reason)
                continue
            self.spend("bounds", bounded[1])
            found.update(zip(lots[task.key], bounded[0], strict=True))
        self._hand = [entry for entry in self._hand if entry.box.size == 1]
        for i, part in enumerate(parts):
            bounds = found.get(i)
            if bounds is not None:
                self._enter(list(zip(each[i], bounds, strict=True)))
                continue
            for one in [part] if part.band is None else each[i]:
                self._push(one, DesignBound(), inf)

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
            if joined is not None and joined.state == RULED_OUT and self._short(joined.bound) > ROUNDING:
                joined = None
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
            failed = evaluation.outcome.status == "failed"
            short = min(self._short(entry.bound), self.reach.gap_of(evaluation))
            self._settle(Settled(entry.box, OPEN if failed else EVALUATED, entry.bound, short))

    def _family(self, entry: Entry) -> list[Entry]:
        """A design, and those still to be settled whose mappings are the same; each of these once."""
        alike = [digits for digits in self.axes.alike(entry.box.first) if digits not in self._repriced]
        others = [self._waiting[digits] for digits in alike if digits in self._waiting]
        self._repriced.update(other.box.first for other in others)
        return [entry, *others]

    def _short(self, bound: DesignBound) -> float:
        return self.known.short_of(bound)

    def _push(self, box: Box, bound: DesignBound, short: float, *, searched: bool = False) -> None:
        entry = Entry(short, next(self._number), box, bound, searched)
        if box.size == 1:
            self._waiting[box.first] = entry
        (self._lone if box.size == 1 else self._heap).push(entry)

    def _settle(self, settled: Settled) -> None:
        self._waiting.pop(settled.box.first, None)
        self.settled.append(settled)
        self.note(settled)
        if settled.state != OPEN:
            self.done += settled.box.size
