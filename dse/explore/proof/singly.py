"""The proof over a space whose designs are bounded by the roots of their searches, in a time.

Designs that differ in sizes, prices and rates are bounded together at first, so that each has some bound soon. Then
what is farthest from what is known comes first, always. Such designs are taken apart and bounded anew; one that is not
mapped is mapped; one that is mapped is bounded more closely, or its front is found where there is time for that.
Whenever the time is over, everything that was found stays, and what was not reached is open.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from logging import getLogger
from math import inf
from time import monotonic
from typing import Any, TypeVar

from dse.explore.designs.space import DesignSpace
from dse.explore.limits import Work
from dse.explore.outcomes.evaluation import Evaluation
from dse.explore.proof.bounding.bounds import BoundTask, DesignBound
from dse.explore.proof.boxes.box import Box
from dse.explore.proof.certificate import Certificate
from dse.explore.proof.lots import Lot, Places, Splitter, lots_of
from dse.explore.proof.reach import Reach
from dse.explore.proof.settled import EVALUATED, INFEASIBLE, OPEN, RULED_OUT, WITHIN, Entry, Hopes, Settled, state_of
from dse.explore.proof.staircase import Staircase
from dse.explore.workers.runner import Failure, Task, Timed, TimeOverError, Workers

About = TypeVar("About")
Found = TypeVar("Found")

AT_ONCE = 4
"""Designs mapped or bounded closely, or lots taken apart, between two looks at what is known; it does not depend on how
many workers there are."""

FAMILIES = 2000
"""Designs that are looked at, at most, for which can be bounded together; with a rough bound that takes 2 ms each."""

BEHIND = 0.5
"""A design that is mapped counts as so much of its distance when it is compared with those that are not. Lots that are
nearer than that, beside the farthest, wait."""

SURE = 0.1
"""A design that is farther is mapped before it is bounded by itself: bounds of several are some per cent loose."""

BOUNDING, MAPPING, SOLVING = "bounding designs", "mapping designs in question", "solving fronts of designs"
SHARPENING = "bounding mapped designs closely"
"""What the proof does, for whoever watches it."""


@dataclass(slots=True)
class Singly:
    """A proof in progress.

    Parameters
    ----------
    space : DesignSpace
    bounds : callable
        Bounds one design, or several of a family (`dse.explore.proof.bounding.together.Together`).
    workers : Workers
    known : Staircase
    evaluated : dict
        Designs that are mapped, by place, and how far they may be from their best by what is proven of their mappings;
        infinite where that says nothing of all others, see `Reach`.
    impossible : set
        Places of designs that are known not to work.
    reach : Reach
        What an evaluation tells of all that its design can do.
    evaluate : callable
        Places of designs to the evaluations that were made in time: for `map` at the sweep's objective, for `solve`
        whole fronts.
    wanted : float
        The gap beyond which a design counts as open.
    deadline : float
        Of the monotonic clock, s.
    work : Work
        Designs bounded (`boxes`), mapped (`designs`) and solved (`fronts`) at most.
    report : callable, optional
        Told what is done, how much of it, and of how much, now and then.
    note : callable, optional
        Told of every design that is bounded, in the end.
    spend : callable, optional
        See `dse.explore.proof.prove.Prover`.
    sharper : callable, optional
        Settings to a closer bound, or to None.
    family : callable, optional
        Settings to what is the same for designs that can be bounded together; None for one that can be with no other.
    rough : callable, optional
        Settings, and the weight of time in pJ/s, to a bound that is far below what a design can do, and known at once.
    """

    space: DesignSpace
    bounds: Callable[[BoundTask], Sequence[DesignBound] | None]
    workers: Workers
    known: Staircase
    evaluated: dict[Places, float]
    impossible: set[Places]
    reach: Reach
    evaluate: Callable[[str, Sequence[Places]], Sequence[Evaluation]]
    wanted: float
    deadline: float
    work: Work
    report: Callable[[str, int, int], None] = lambda what, done, total: None
    note: Callable[[Settled], None] = lambda settled: None
    spend: Callable[[str, float], None] = lambda part, cpu_s: None
    sharper: Callable[[Mapping[str, Any]], DesignBound | None] | None = None
    family: Callable[[Mapping[str, Any]], Hashable] = lambda settings: None
    rough: Callable[[Mapping[str, Any], float], DesignBound] | None = None
    bound_of: dict[Places, DesignBound] = field(default_factory=dict)
    _lots: list[Lot] = field(default_factory=list)  # of several designs, to be taken apart
    _splitter: Splitter = field(default_factory=Splitter)
    _close: set[Places] = field(default_factory=set)  # bounded by the roots of searches, not roughly alone
    _bounded: int = 0
    _mapped: int = 0
    _sharpened: set[Places] = field(default_factory=set)
    _told: set[str] = field(default_factory=set)
    _solved: set[Places] = field(default_factory=set)
    _late: set[Places] = field(default_factory=set)  # not reached in time; they are not tried again
    _broken: set[Places] = field(default_factory=set)  # mapped past a limit that another mapping may keep

    def run(self) -> None:
        """Bound, map and solve until nothing is in question, or the time is over."""
        until = self.workers.until
        self.workers.until = min(until, self.deadline)
        try:
            with suppress(TimeOverError):
                self._begin()
                while not self._is_over and (chosen := self._next()):
                    self._do(*chosen)
        finally:  # also where someone stops the sweep, the log says what is bounded
            self.workers.until = until
            for places in self.bound_of:
                if places not in self.impossible:
                    self.note(self._settled(places))

    @property
    def _is_over(self) -> bool:
        return monotonic() >= self.deadline

    def _begin(self) -> None:
        """Bound all designs: roughly, and then those of a family together, the largest families first."""
        size = self.space.size
        order = dict.fromkeys(map(self.space.index, self.evaluated))
        most = int(min(size, max(self.work.boxes, FAMILIES)))
        order.update(dict.fromkeys(index for index in range(size) if len(order) < most or index in order))
        known = [
            (self.space.digits(index), self.family(self.space.settings(index)) if at < FAMILIES else None)
            for at, index in enumerate(order)
        ]
        if self.rough is not None:
            for places, _ in known[:FAMILIES]:
                self.bound_of[places] = self.rough(self.space.settings(self.space.index(places)), self.known.weight)
        never = {places for places, bound in self.bound_of.items() if bound.infeasible}
        self._bound(lots_of(one for one in known if one[0] not in never))

    def _bound(self, lots: Sequence[Lot]) -> None:
        """Bound lots, as many as may be; those of several designs are taken apart later."""
        chosen = lots[: max(0, int(min(len(lots), self.work.boxes - self._bounded)))]
        self._bounded += len(chosen)
        weight, total = self.known.weight, len(self._close) or sum(map(len, chosen))
        self._lots += [lot for lot in chosen if len(lot) > 1]
        tasks = [
            Task(i, BoundTask(tuple(self.space.settings(self.space.index(one)) for one in lot), weight))
            for i, lot in enumerate(chosen)
        ]
        self.report(BOUNDING, len(self._close), total)
        for lot, bounds in self._answers(self.bounds, tasks, chosen):
            for places, bound in zip(lot, bounds or (), strict=False):
                before = self.bound_of.get(places, bound)
                self.bound_of[places] = bound if bound.infeasible else before.most(bound)
                self._close.add(places)
            self.report(BOUNDING, len(self._close), total)

    def _answers(
        self, function: Callable[[Any], Found | None], tasks: Sequence[Task], about: Sequence[About]
    ) -> Iterator[tuple[About, Found | None]]:
        """What workers find, as soon as they do, each with what its task is about; what fails is left out."""
        for task, found in self.workers.run(Timed(function), tasks):
            if isinstance(found, Failure):
                self._tell(found.reason)
                continue
            answer, cpu_s = found
            self.spend("bounds", cpu_s)
            yield about[task.key], answer

    def _tell(self, reason: str) -> None:
        """Say once that designs are not bounded, or not as closely as searches do, since that fails."""
        if reason not in self._told:
            getLogger(__name__).warning("designs have no closer bound, as bounding them failed: %s", reason)
        self._told.add(reason)

    def _next(self) -> tuple[str, list[Lot]] | None:
        """What is to be done next, and about which lots, the farthest first; None where nothing is left.

        A lot of several designs is taken apart, unless the farthest of them is so far that it is mapped at once. One
        design that is not mapped is mapped. One that is mapped is bounded more closely, or solved, which may take
        long; so it comes as if it were half as far.
        """
        together = {places for lot in self._lots for places in lot}
        shorts = {one: self._short(one) for one in sorted(self._close | together)}
        far = {one: short for one, short in shorts.items() if short > self.wanted and one not in self.impossible}
        found: list[tuple[float, str, Lot]] = []
        for lot in (tuple(one for one in lot if one in far) for lot in self._lots):
            first = max(lot, key=lambda one: far[one], default=None)
            if first is None:
                continue
            if first in self._close and far[first] > SURE and self._about(first) == MAPPING:
                found.append((far[first], MAPPING, (first,)))
            elif self._bounded < self.work.boxes:
                found.append((far[first], BOUNDING, lot))
        for places, short in far.items():
            if places not in together and (what := self._about(places)):
                found.append((short if what == MAPPING else BEHIND * short, what, (places,)))
        if not found:
            return None
        found.sort(key=lambda one: -one[0])
        least, what = BEHIND * found[0][0], found[0][1]
        return what, [lot for short, other, lot in found if other == what and (short >= least or what != BOUNDING)]

    def _about(self, places: Places) -> str:
        """What may be done about a design that is bounded by itself; empty where nothing may."""
        tried = places in self.evaluated or places in self._broken or places in self._late
        if not tried and self._mapped < self.work.designs:
            return MAPPING
        if self.work.fronts:
            solves = len(self._solved) < self.work.fronts and places not in self._solved | self._late
            return SOLVING if solves else ""
        sharpens = self.sharper is not None and places in self.evaluated and places not in self._sharpened
        return SHARPENING if sharpens else ""

    def _do(self, what: str, lots: Sequence[Lot]) -> None:
        """Take the next step about the farthest of some lots."""
        if what == BOUNDING:
            self._split(lots[:AT_ONCE])
            return
        designs = [places for (places,) in lots]
        if what == MAPPING:
            self.report(MAPPING, self._mapped, self._mapped + len(lots))
            chosen = self._apart(designs, int(min(AT_ONCE, self.work.designs - self._mapped)))
            self._mapped += len(chosen)
            self._take("map", chosen)
        elif what == SOLVING:
            done = len(self._solved)
            self.report(SOLVING, done, done + len(lots))
            # all of them begin at once, so each has all of the time that is left
            chosen = designs[: int(min(self.workers.width, self.work.fronts - done))]
            self._solved.update(chosen)
            self._take("solve", chosen)
        else:
            self._sharpen(designs[:AT_ONCE])

    def _split(self, lots: Sequence[Lot]) -> None:
        """Take lots apart along a setting; what is near enough of them stays as it is."""
        self._lots = [lot for lot in self._lots if not any(one in lot for some in lots for one in some)]
        apart = [self._splitter.parts(lot) if len(lot) > 1 else (-1, [lot]) for lot in lots]
        wholes = [self.bound_of.get(lot[0]) for lot in lots]
        self._bound([part for _, parts in apart for part in parts])
        for (axis, parts), whole in zip(apart, wholes, strict=True):
            each = [bound for part in parts if (bound := self.bound_of.get(part[0])) is not None]
            if whole is not None and len(each) == len(parts) > 1:
                self._splitter.learn(axis, whole, each)

    def _sharpen(self, chosen: Sequence[Places]) -> None:
        """Bound designs that are mapped once more: as closely as searches prove."""
        assert self.sharper is not None
        self._sharpened.update(chosen)
        tasks = [Task(i, self.space.settings(self.space.index(places))) for i, places in enumerate(chosen)]
        self.report(SHARPENING, len(self._sharpened) - len(tasks), len(self._sharpened))
        for places, bound in self._answers(self.sharper, tasks, chosen):
            if bound is not None and not bound.infeasible:
                self.bound_of[places] = self.bound_of[places].most(bound)
        self.report(SHARPENING, len(self._sharpened), len(self._sharpened))

    def _take(self, how: str, chosen: Sequence[Places]) -> None:
        """Evaluate designs, and count what that finds among what is known."""
        found = {self.space.find(one.parameters): one for one in self.evaluate(how, chosen)}
        for places in chosen:
            evaluation = found.get(self.space.index(places))
            if evaluation is None or not evaluation.ok:
                gone = evaluation is not None and evaluation.never_works(self.reach.of_all)
                (self._late if evaluation is None else self.impossible if gone else self._broken).add(places)
                continue
            outcome = evaluation.outcome
            self.known.add(outcome.front, outcome.objectives["area_mm2"])
            self.evaluated[places] = min(self.reach.gap_of(evaluation), self.evaluated.get(places, inf))

    def _apart(self, designs: Sequence[Places], most: int) -> list[Places]:
        """The first few designs that others before them leave in question even if they reach their bounds."""
        hopes, chosen = Hopes(self.known), list[Places]()
        for number, places in enumerate(designs):
            bound = self.bound_of[places]
            entry = Entry(self._short(places), number, Box(places, places), bound)
            if len(chosen) < most and not hopes.match(entry):
                hopes.add(entry)
                chosen.append(places)
        return chosen

    def _short(self, places: Places) -> float:
        """How far a design is: by its bound, or by what is proven of its own mappings."""
        own, bound = self.evaluated.get(places, inf), self.bound_of.get(places)
        if bound is None:
            return own
        return 0.0 if bound.infeasible else min(own, self.known.short_of(bound))

    def _settled(self, places: Places) -> Settled:
        bound, short = self.bound_of[places], self._short(places)
        state = EVALUATED if places in self.evaluated else state_of(short, self.wanted)
        state = INFEASIBLE if bound.infeasible else state
        return Settled(Box(places, places), state, bound, short)

    def certificate(self, evaluated: Sequence[Places], infeasible: Sequence[Places]) -> Certificate:
        """What is proven so far, given the designs (positions of their settings) mapped or found infeasible."""
        apart = {*evaluated, *infeasible}
        counts = dict.fromkeys((RULED_OUT, INFEASIBLE, OPEN, WITHIN, EVALUATED), 0)
        for places in self.bound_of:
            if places not in apart:
                counts[self._settled(places).state] += 1
        ruled_out, impossible = counts[RULED_OUT] + counts[WITHIN], counts[INFEASIBLE] + len(infeasible)
        gone, total = set(infeasible), self.space.size
        reached = {*self.bound_of, *self.evaluated}
        shorts: Mapping[Places, float] = {places: self._short(places) for places in reached - gone}
        missing = total > len(reached | gone)
        return Certificate(
            space=total, evaluated=len(evaluated), ruled_out=ruled_out, infeasible=impossible,
            open=total - len(evaluated) - ruled_out - impossible,
            gap=inf if missing else max(shorts.values(), default=0.0), wanted=self.wanted,
        )  # fmt: skip
