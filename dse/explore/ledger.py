"""What is known of the designs of a sweep, and how more becomes known.

A design is found in the log, or decided without a mapping, or handed to workers; whatever it comes to is written down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from time import monotonic
from typing import Any, Literal

from dse.errors import DseError
from dse.explore.candidate import ALONE, PROVEN_FROM, Beside, Candidate, better_of, outcome_of
from dse.explore.designs.alike import Family
from dse.explore.outcomes.evaluation import Evaluation, Kept, Kind, Outcome
from dse.explore.outcomes.log import LogWriter
from dse.explore.outcomes.numbers import key_of
from dse.explore.plan.problem import SweepProblem
from dse.explore.plan.search import Search
from dse.explore.progress import Phase, Progress
from dse.explore.proof.bounding.bounds import DesignBound
from dse.explore.spending import Spending
from dse.explore.workers.runner import Task, Workers, nothing


@dataclass(slots=True)
class Ledger:
    """The evaluations of a sweep.

    Parameters
    ----------
    problem : SweepProblem
    search : Search
    workers : Workers
    known : dict
        Evaluations by identity that need not be made again; new ones are added.
    held : sequence of Evaluation
        All that the log had of this very sweep, also of designs that this run does not come to.
    log : LogWriter, optional
    progress : callable, optional
    spending : Spending
        What CPU time goes to.
    watch : callable
        Told every evaluation that is made.
    until : float
        By the clock of `time.monotonic`; evaluations are made so that they end by then.
    gap_of : callable, optional
        How far a front is from a design's bound at most, once the space is being proven.
    explored, exact, repriced : dict
        By number: designs as they were explored, solved exactly, and with the mappings of others that suit them.
    fresh : list of Evaluation
        Of a batch that is under way, where each design takes long: what is there of it by now.
    show : callable
        Called when there is more of that.
    reused : int
        How many evaluations came from the log.
    batches : int
        How many batches of designs were evaluated.
    """

    problem: SweepProblem
    search: Search
    workers: Workers
    known: dict[str, Evaluation]
    log: LogWriter | None = None
    progress: Callable[[Progress], None] | None = None
    spending: Spending = field(default_factory=Spending)
    watch: Callable[[Evaluation], None] = lambda evaluation: None
    until: float = inf
    held: Sequence[Evaluation] = ()
    gap_of: Callable[[Sequence[tuple[float, float]], DesignBound], float] | None = None
    explored: dict[int, Evaluation] = field(default_factory=dict)
    exact: dict[int, Evaluation] = field(default_factory=dict)
    repriced: dict[int, Evaluation] = field(default_factory=dict)
    fresh: list[Evaluation] = field(default_factory=list)
    show: Callable[[], None] = nothing
    reused: int = 0
    batches: int = 0
    _from_log: frozenset[str] = frozenset()
    _stopped: dict[str, Evaluation] = field(default_factory=dict)
    _best: Evaluation | None = None
    _kept: Kept = field(default_factory=Kept)
    _listed: set[tuple[Any, ...]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._from_log = frozenset(self.known)
        self._stopped = {one.id: one for one in self.held if one.outcome.limit_s}
        for evaluation in self.known.values():
            self._consider(evaluation)

    @property
    def parts(self) -> tuple[dict[int, Evaluation], ...]:
        """Explored designs by number; others that their mappings suit; and those solved exactly."""
        return self.explored, self.repriced, self.exact

    def found(self, number: int) -> Evaluation | None:
        """What says most of a design: that it works, if something does; what was stopped may have missed that."""
        every = [part[number] for part in (self.exact, self.explored, self.repriced) if number in part]
        return next((one for one in every if one.ok), every[0] if every else None)

    def by_place(self, entered: Mapping[int, Candidate]) -> dict[int, Evaluation]:
        """What says most of each design of the space, by its index: of this run where it came to the design, by the
        candidate `entered`, else of runs before."""
        mine = ((index, self.found(candidate.number)) for index, candidate in entered.items())
        found = {index: one for index, one in mine if one is not None}
        for one in reversed(self.held):  # what solved a design exactly came last
            if (index := self.problem.place(one.parameters)) is not None:
                found.setdefault(index, one)
        return found

    def evaluate(
        self, kind: Literal["explore", "exact"], candidates: Sequence[Candidate], total: int,
        beside: Mapping[int, Sequence[Beside]] = ALONE,
    ) -> None:  # fmt: skip
        """Find or make the evaluation of each candidate, and of those beside it, which its mappings suit."""
        results = self.explored if kind == "explore" else self.exact
        start = monotonic()
        identities, tasks = self._to_make(kind, candidates, beside)
        by_number = {candidate.number: candidate for candidate in candidates}
        offset = len(results) + len(candidates) - len(tasks)
        self.report(kind, offset, total, 0, 0.0)
        evaluate: Any = self.problem.evaluate[kind]
        if self.until < inf:  # so that what is begun first ends in time, too
            evaluate = self.problem.within(evaluate, self.until - start)
        try:
            finished = self.workers.run(Family(evaluate) if beside else evaluate, tasks.values())
            for evaluated, (task, found_by) in enumerate(finished, start=1):
                outcome, *others = found_by if isinstance(found_by, tuple) else (found_by,)
                self._record(identities[task.key], kind, by_number[task.key], outcome_of(outcome))
                self._keep_repriced(beside.get(task.key, ()), others)
                self.report(kind, offset + evaluated, total, evaluated, monotonic() - start)
                if self.problem.singly:
                    self.fresh.append(self.known[identities[task.key]])
                    self.show()
        finally:  # what is known of a batch counts even if it is stopped
            self.fresh.clear()
            self._keep(kind, candidates, identities)
        self.batches += 1

    def _to_make(
        self, kind: Literal["explore", "exact"], candidates: Sequence[Candidate], beside: Mapping[int, Sequence[Beside]]
    ) -> tuple[dict[int, str], dict[str, Task]]:
        """Identities by number, and what is left for workers by identity; designs that do not work are recorded."""
        identities: dict[int, str] = {}
        tasks: dict[str, Task] = {}
        for candidate in candidates:
            found = candidate.found if kind == "explore" else None
            identity, design, impossible = found or self.identify(candidate, kind)
            candidate.found = None
            identities[candidate.number] = identity
            if identity in self._from_log:
                self.reused += 1
            if identity in self.known:
                self._recall_repriced(beside.get(candidate.number, ()))
            elif impossible is not None:
                self._record(identity, kind, candidate, replace(impossible, mapped=False))
            else:
                others = [self.problem.resolve(other.settings) for other, _ in beside.get(candidate.number, ())]
                tasks.setdefault(identity, Task(candidate.number, (design, *others) if beside else design))
        return identities, tasks

    def identify(self, candidate: Candidate, kind: Kind) -> tuple[str, Any, Outcome | None]:
        """Identity and design of a candidate; an outcome instead of the design when its settings make none."""
        with self.spending.on("designs"):
            try:
                candidate.settings = self.problem.complete(candidate.settings)
                design = self.problem.resolve(candidate.settings)
            except DseError as error:
                impossible = Outcome("infeasible", error.message, violation=1.0)
                return self.problem.identify(candidate.settings, None, kind), None, impossible
            identity = self.problem.identify(candidate.settings, design, kind)
        with self.spending.on("bounds"):
            return identity, design, self.problem.rule_out(design)

    def report(self, kind: Phase, done: int, total: int, evaluated: int, elapsed_s: float, what: str = "") -> None:
        """Tell whoever watches how far a phase is."""
        if self.progress is not None:
            self.progress(Progress(kind, done, total, evaluated, elapsed_s, self._best, what))

    def _recall_repriced(self, beside: Sequence[Beside]) -> None:
        """Find what the mappings of a design that was solved came to on others, now or before."""
        for candidate, _ in beside:
            identity = self.identify(candidate, "repriced")[0]
            if identity in self.known and candidate.number not in self.explored:
                self._keep("repriced", [candidate], {candidate.number: identity})

    def _keep_repriced(self, beside: Sequence[Beside], outcomes: Sequence[Outcome | None]) -> None:
        """Record what the mappings of a design come to on others, and how near that is to their bounds."""
        for (candidate, bound), outcome in zip(beside, outcomes, strict=False):
            if self.gap_of and outcome and outcome.status == "ok" and candidate.number not in self.explored:
                identity = self.identify(candidate, "repriced")[0]
                self._record(identity, "repriced", candidate, replace(outcome, gap=self.gap_of(outcome.front, bound)))
        self._recall_repriced(beside)

    def _keep(self, kind: Kind, candidates: Sequence[Candidate], identities: Mapping[int, str]) -> None:
        results = {"explore": self.explored, "exact": self.exact, "repriced": self.repriced}[kind]
        for candidate in candidates:
            known = self.known.get(identities.get(candidate.number, ""))
            if known is None:
                continue
            parameters = self.problem.parameters(candidate.settings)
            is_own = (known.kind, known.number, known.parameters) == (kind, candidate.number, parameters)
            found = known if is_own else replace(known, kind=kind, number=candidate.number, parameters=parameters)
            results[candidate.number] = found
            if parameters != known.parameters:
                self._list(found)
            if self.log is not None and known.number >= PROVEN_FROM > found.number and parameters == known.parameters:
                self.known[known.id] = found
                self.log.keep(found.line())  # what the proof of an earlier run mapped is a trial of this one

    def _list(self, evaluation: Evaluation) -> None:
        """Write down that other settings make a machine which the log knows: a line for each design."""
        self._listed = self._listed or {_line_of(one) for one in self.held}
        if self.log is not None and _line_of(evaluation) not in self._listed:
            self._listed.add(_line_of(evaluation))
            self.log.keep(evaluation.line())

    def _record(self, identity: str, kind: Kind, candidate: Candidate, outcome: Outcome) -> None:
        parameters = self.problem.parameters(candidate.settings)
        evaluation = Evaluation(identity, self.problem.sweep_id, kind, candidate.number, parameters, outcome)
        before = self._stopped.get(identity, evaluation)
        if before.standing > evaluation.standing:  # it had more time in a run before
            evaluation = before
        elif self.log is not None:
            with self.spending.on("log"):
                self.log.append(evaluation)
        self.spending.add("mapping", outcome.cpu_s)
        self.known[identity] = evaluation
        self._kept.add(outcome)
        self._consider(evaluation)
        self.watch(evaluation)

    def _consider(self, evaluation: Evaluation) -> None:
        """Keep the best evaluation of this sweep, for whoever watches it."""
        if evaluation.sweep == self.problem.sweep_id:
            self._best = better_of(self._best, evaluation, self.search)


def _line_of(evaluation: Evaluation) -> tuple[Any, ...]:
    """What a line of the log says that is not said yet of a design whose machine has other settings, too."""
    return evaluation.id, evaluation.number, evaluation.outcome.limit_s, key_of(evaluation)
