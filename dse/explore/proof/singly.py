"""The proof over a space whose designs are bounded one by one: those of the deep search, within a time.

Every design is bounded by the roots of its searches, those first that are mapped already. A design that is not mapped
and whose bounds lie below what is known is mapped, the farthest first. Where there is time for it, fronts of the
farthest designs follow. Whenever the time is over, everything that was found stays, and what was not reached is open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from logging import getLogger
from math import inf
from time import monotonic
from typing import Any

from dse.explore.designs.space import DesignSpace
from dse.explore.limits import Work
from dse.explore.outcomes.evaluation import Evaluation
from dse.explore.proof.bounding.bounds import BoundTask, BoxBounds, DesignBound
from dse.explore.proof.boxes.box import Box
from dse.explore.proof.certificate import Certificate
from dse.explore.proof.reach import Reach
from dse.explore.proof.settled import EVALUATED, INFEASIBLE, OPEN, RULED_OUT, WITHIN, Entry, Hopes, Settled, state_of
from dse.explore.proof.staircase import Staircase
from dse.explore.workers.runner import Failure, Task, Timed, TimeOverError, Workers

Places = tuple[int, ...]
"""A design by the positions of its settings."""

MAPPED_AT_ONCE = 4
"""Designs mapped between two looks at what is known; it does not depend on how many workers there are."""

BOUNDING, MAPPING, SOLVING = "bounding designs", "mapping designs in question", "solving fronts of designs"
SHARPENING = "bounding mapped designs closely"
"""What the proof does, for whoever watches it."""


@dataclass(slots=True)
class Singly:
    """A proof in progress.

    Parameters
    ----------
    space : DesignSpace
    bounds : BoxBounds
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
    """

    space: DesignSpace
    bounds: BoxBounds
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
    bound_of: dict[Places, DesignBound] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)
    _solved: set[Places] = field(default_factory=set)
    _late: set[Places] = field(default_factory=set)  # not reached in time; they are not tried again
    _broken: set[Places] = field(default_factory=set)  # mapped past a limit that another mapping may keep

    def run(self) -> None:
        """Bound, map and solve until nothing is in question, or the time is over."""
        until = self.workers.until
        self.workers.until = min(until, self.deadline)
        try:
            self._bound_all()
            self._map()
            if self.work.fronts:
                self._solve()
            else:
                self._sharpen()
        finally:  # also where someone stops the sweep, the log says what is bounded
            self.workers.until = until
            for places in self.bound_of:
                if places not in self.impossible:
                    self.note(self._settled(places))

    @property
    def _is_over(self) -> bool:
        return monotonic() >= self.deadline

    @property
    def _done(self) -> set[Places]:
        """Designs that need not be mapped, or that there was no time for."""
        return {*self.evaluated, *self.impossible, *self._late, *self._broken}

    def _bound_all(self) -> None:
        """Bound designs, those first that are mapped."""
        size, most = self.space.size, int(min(self.space.size, self.work.boxes))
        order = dict.fromkeys(map(self.space.index, self.evaluated))
        order.update(dict.fromkeys(index for index in range(size) if len(order) < most or index in order))
        chosen = [self.space.digits(index) for index in list(order)[:most]]
        weight = self.known.weight
        tasks = [
            Task(i, BoundTask((self.space.settings(self.space.index(places)),), weight))
            for i, places in enumerate(chosen)
        ]
        self.report(BOUNDING, 0, most)
        try:
            for task, found in self.workers.run(Timed(self.bounds), tasks):
                if isinstance(found, Failure):
                    self._tell(found.reason)
                    continue
                bounds, cpu_s = found
                self.spend("bounds", cpu_s)
                if bounds:
                    self.bound_of[chosen[task.key]] = bounds[0]
                self.report(BOUNDING, len(self.bound_of), most)
        except TimeOverError:
            pass

    def _tell(self, reason: str) -> None:
        """Say once that designs are not bounded, or not as closely as searches do, since that fails."""
        if reason not in self._told:
            getLogger(__name__).warning("designs have no closer bound, as bounding them failed: %s", reason)
        self._told.add(reason)

    def _map(self) -> None:
        """Map designs that come below what is known by more than is wanted if they reach their bounds."""
        mapped = 0
        while not self._is_over and mapped < self.work.designs:
            entries = self._in_question()
            if not entries:
                return
            self.report(MAPPING, mapped, mapped + len(entries))
            chosen = _apart(entries, int(min(MAPPED_AT_ONCE, self.work.designs - mapped)), self.known)
            mapped += len(chosen)
            self._take("map", chosen)

    def _sharpen(self) -> None:
        """Bound designs that are mapped, and farther than is wanted, once more: as closely as searches prove."""
        if self.sharper is None:
            return
        chosen = [places for places in self._farthest() if places in self.evaluated]
        tasks = [Task(i, self.space.settings(self.space.index(places))) for i, places in enumerate(chosen)]
        with suppress(TimeOverError):
            for done, (task, found) in enumerate(self.workers.run(Timed(self.sharper), tasks)):
                if isinstance(found, Failure):
                    self._tell(found.reason)
                    continue
                bound, cpu_s = found
                self.spend("bounds", cpu_s)
                if bound is not None and not bound.infeasible:
                    known = self.bound_of[chosen[task.key]]
                    self.bound_of[chosen[task.key]] = known.most(bound)
                self.report(SHARPENING, done + 1, len(tasks))

    def _in_question(self) -> list[Entry]:
        """Designs that are bounded, not mapped, and farther than is wanted; the farthest first."""
        done = self._done
        found = [
            Entry(self.known.short_of(bound), number, Box(places, places), bound)
            for number, (places, bound) in enumerate(self.bound_of.items())
            if not bound.infeasible and places not in done
        ]
        return sorted(entry for entry in found if entry.short > self.wanted)

    def _solve(self) -> None:
        """Find fronts of the designs that are farthest, mapped or not."""
        solved = 0
        while not self._is_over and solved < self.work.fronts:
            left = [places for places in self._farthest() if places not in self._solved | self.impossible | self._late]
            if not left:
                return
            self.report(SOLVING, solved, solved + len(left))
            chosen = left[: self.workers.width]  # all of them begin at once, so each has all of the time that is left
            solved += len(chosen)
            self._solved.update(chosen)
            self._take("solve", chosen)

    def _farthest(self) -> list[Places]:
        """Designs that are farther than is wanted, the farthest first."""
        shorts = {places: self._short(places) for places, bound in self.bound_of.items() if not bound.infeasible}
        return sorted((one for one, short in shorts.items() if short > self.wanted), key=lambda one: -shorts[one])

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


def _apart(entries: Sequence[Entry], most: int, known: Staircase) -> list[Places]:
    """The first entries that others before them leave in question even if they reach their bounds, at most so many."""
    hopes, chosen = Hopes(known), list[Places]()
    for entry in entries:
        if len(chosen) < most and not hopes.match(entry):
            hopes.add(entry)
            chosen.append(entry.box.first)
    return chosen
