"""The loop of a sweep: propose, evaluate, record, tell; then solve what may be on the front exactly.

Everything here is decided by the seed and by results. Workers finish in any order, and a resumed sweep finds some
results in its log, but neither changes what is proposed next: a whole batch is told in the order of proposals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from math import inf, log10
from time import monotonic
from typing import Any, Literal

from dse.explore.candidate import PROVEN_FROM, Candidate, contenders, replayed
from dse.explore.designs.samplers import Proposal, Proposer, Shuffled, make_proposer
from dse.explore.ledger import Ledger
from dse.explore.limits import DEFAULT, Limits
from dse.explore.outcomes.evaluation import Evaluation
from dse.explore.plan.problem import SweepProblem
from dse.explore.plan.search import Search
from dse.explore.proof.certificate import Certificate
from dse.explore.proof.prove import Prover
from dse.explore.proof.settled import Entry
from dse.explore.proof.singly import Singly
from dse.explore.proof.stage import Stage
from dse.explore.workers.runner import TimeOverError, Workers

LOOKS = 50
"""At most so many proposals for every design that is still to be found in a batch: nearly all may be ruled out."""

PATIENCE = 8
"""After so many proposals in a row that repeat known designs, a design that was never seen is evaluated instead."""


@dataclass(slots=True)
class Explorer:
    """One sweep, from its first design to its exact front.

    Parameters
    ----------
    ledger : Ledger
        What is known of designs, and how more becomes known.
    replay : mapping
        Explored designs by number, of this very sweep: batches that are complete here are not proposed again.
    limits : Limits
    boxes : frozenset of bytes
        Lines about boxes of designs that the log holds already.
    kept_sampler : str
        The sampler that the log was made with, if any: by another one numbers would name other designs.
    """

    ledger: Ledger
    replay: Mapping[int, Evaluation] = field(default_factory=dict)
    limits: Limits = DEFAULT
    boxes: frozenset[bytes] = frozenset()
    kept_sampler: str = ""
    _candidates: list[Candidate] = field(default_factory=list)
    _by_index: dict[int, Candidate] = field(default_factory=dict)
    _mapped: int = 0
    _settled: int = 0
    _order: Iterator[int] | None = None
    _prover: Prover | Singly | None = None
    _until: float = inf
    _began: float = field(default_factory=monotonic)

    def __post_init__(self) -> None:
        self.ledger.until = self._began + self.limits.time_s

    @property
    def problem(self) -> SweepProblem:
        return self.ledger.problem

    @property
    def search(self) -> Search:
        return self.ledger.search

    @property
    def workers(self) -> Workers:
        return self.ledger.workers

    @property
    def sampler(self) -> str:
        return self.kept_sampler or self.problem.sampler(self.search, self.limits)

    @property
    def trials(self) -> int:
        """How many trials explore; with bounds that come singly, these choose the rest."""
        return self.problem.first_trials(self.search, self.limits)

    def run(self) -> bool:
        """Explore, then prove, or solve what may be on the front exactly, while there is time; whether it proved."""
        with suppress(TimeOverError):
            self._explore()
        proves = self._prove()
        if not proves and self.may_solve:
            chosen = contenders(self._candidates, self.ledger.explored, self.search)
            with suppress(TimeOverError):
                self.ledger.evaluate("exact", chosen, len(chosen))
        return proves

    def _explore(self) -> None:
        """Evaluate designs until there are as many as are asked for."""
        search, space = self.search, self.problem.space
        proposer = make_proposer(self.sampler, space, search.seed, len(search.objectives))
        self._evaluate_batch(proposer, self._starting_designs(proposer))
        while not self.is_over and self._mapped < self.trials and len(self._candidates) < LOOKS * self.trials:
            known = len(self._candidates)
            batch = proposer.batch if proposer.learns else max(proposer.batch, self.workers.width)
            wanted = min(batch, self.trials - self._mapped)
            proposals = (proposer.replays and self._replayed(wanted)) or self._propose(proposer, wanted)
            if len(self._candidates) == known:  # the whole space is evaluated
                break
            self._evaluate_batch(proposer, proposals)

    @property
    def is_over(self) -> bool:
        """Whether the time for the whole sweep is."""
        return monotonic() - self._began >= self.limits.time_s

    @property
    def may_solve(self) -> bool:
        """Whether there is time for whole fronts of designs."""
        solves = not self.problem.singly or self.limits.solves_long_fronts
        return solves and not self.is_over and monotonic() < self._until

    @property
    def certificate(self) -> Certificate | None:
        """What is proven over the space so far; None without a proof."""
        if self._prover is None:
            return None
        space, found = self.problem.space, self.ledger.by_place(self._by_index)
        never = [space.digits(index) for index, one in found.items() if one.never_works(self.problem.fronts)]
        return self._prover.certificate([space.digits(index) for index, one in found.items() if one.ok], never)

    def solve(self, numbers: Sequence[int]) -> None:
        """Solve some designs exactly."""
        by_number = {candidate.number: candidate for candidate in (*self._candidates, *self._by_index.values())}
        chosen = numbers[: self.workers.width] if self._until < inf else numbers  # each has all the time that is left
        self.ledger.evaluate("exact", [by_number[number] for number in chosen], len(self.ledger.exact) + len(numbers))

    def _prove(self) -> bool:
        """Settle the designs of the space that were not evaluated; False where that is not asked for."""
        problem, search, limits = self.problem, self.search, self.limits
        if problem.provable is None or not problem.proves(limits):
            return False
        began = monotonic()
        stage = Stage(
            problem.space, search.objectives, search.gap, self.workers, self._solve_families, self._write_box,
            partial(self._report_proof, began), problem.sweep_id, self.ledger.spending.add,
        )  # fmt: skip
        known = (*self.ledger.explored.values(), *self.ledger.exact.values())
        if problem.singly:
            self._until = self.ledger.until = min(began + limits.singly_s, self._began + limits.time_s)
            work = limits.work_singly(search.trials, self._mapped)
            places = {one.number: problem.space.digits(index) for index, one in self._by_index.items()}
            at = [(places.get(one.number), one) for one in known]
            self._prover = stage.singly(
                problem.provable, at, self._until, work, self._evaluate_places,
                lambda what, done, total: self.ledger.report("prove", done, total, done, monotonic() - began, what),
            )  # fmt: skip
        else:
            deadline = min(began + (inf if limits.prove_s is None else limits.prove_s), self._began + limits.time_s)
            self._prover = stage.prover(problem.provable, known, deadline, limits.work(search.trials))
            self.ledger.gap_of = self._prover.known.gap_of
        self._prover.run()
        return True

    def _report_proof(self, began: float, settled: int) -> None:
        self.ledger.report("prove", settled, self.problem.space.size, settled, monotonic() - began)

    def _evaluate_places(self, how: str, places: Sequence[Sequence[int]]) -> list[Evaluation]:
        """What is found in time of designs that are to be mapped, or solved."""
        kind: Literal["explore", "exact"] = "explore" if how == "map" else "exact"
        chosen = [self._at(digits) for digits in places]
        results = self.ledger.explored if how == "map" else self.ledger.exact
        with suppress(TimeOverError):
            self.ledger.evaluate(kind, chosen, len(results) + len(chosen))
        return [results[one.number] for one in chosen if one.number in results]

    def _solve_families(self, families: Sequence[Sequence[Entry]]) -> list[Evaluation]:
        """The exact evaluations of the first of each family, then what its mappings come to on the others."""
        entered = [[(self._at(entry.box.first), entry.bound) for entry in family] for family in families]
        chosen = [family[0][0] for family in entered]
        beside = {family[0][0].number: family[1:] for family in entered if len(family) > 1}
        self.ledger.evaluate("exact", chosen, len(self.ledger.exact) + len(chosen), beside)
        alike = [self.ledger.repriced.get(other.number) for family in entered for other, _ in family[1:]]
        return [*(self.ledger.exact[one.number] for one in chosen), *(one for one in alike if one is not None)]

    def _at(self, digits: Sequence[int]) -> Candidate:
        """The design at a place of the space."""
        index = self.problem.space.index(digits)
        if index not in self._by_index:
            self._by_index[index] = Candidate(PROVEN_FROM + index, self.problem.space.settings(index))
        return self._by_index[index]

    def _write_box(self, line: bytes) -> None:
        if self.ledger.log is not None and line not in self.boxes:
            self.ledger.log.keep(line)

    def _starting_designs(self, proposer: Proposer) -> list[Proposal]:
        """Enter the starting designs, as many as the budget allows; those in the space are told to the sampler."""
        proposals = []
        for settings in self.problem.starts[: self.trials]:
            index = self.problem.place(settings)
            if index is None:
                self._add(settings)
            elif index not in self._by_index:
                proposals.append(self._enter(proposer.ask(index)))
        return proposals

    def _propose(self, proposer: Proposer, wanted: int) -> list[Proposal]:
        """Ask until `wanted` designs are new and to be mapped; others stay in the batch, so that they are told, too."""
        proposals: list[Proposal] = []
        target = self._mapped + wanted
        repeats = 0
        while self._mapped < target and len(proposals) < LOOKS * wanted:
            index = self._unseen_index() if repeats >= PATIENCE else None
            if repeats >= PATIENCE and index is None:
                break
            with self.ledger.spending.on("sampler"):
                proposal = proposer.ask(index)
            if proposal is None:
                break
            repeats = repeats + 1 if proposal.index in self._by_index else 0
            proposals.append(self._enter(proposal))
        return proposals

    def _replayed(self, wanted: int) -> list[Proposal]:
        """The next batch when it is known from its first design to its last, entered and explored; else nothing."""
        found = replayed(self.replay, self.problem.space, self._by_index, len(self._candidates), wanted)
        for index, evaluation in found:
            candidate = Candidate(len(self._candidates), evaluation.parameters)
            self._candidates.append(candidate)
            self._by_index[index] = candidate
            self.ledger.explored[candidate.number] = evaluation
        self._mapped += wanted if found else 0
        self.ledger.reused += len(found)
        return [Proposal(index) for index, _ in found]

    def _enter(self, proposal: Proposal | None) -> Proposal:
        assert proposal is not None
        if proposal.index not in self._by_index:
            self._by_index[proposal.index] = self._add(self.problem.space.settings(proposal.index))
        return proposal

    def _add(self, settings: Mapping[str, Any]) -> Candidate:
        """Enter a design; it counts as a trial unless it need not be mapped."""
        candidate = Candidate(len(self._candidates), settings)
        candidate.found = self.ledger.identify(candidate, "explore")
        self._candidates.append(candidate)
        if candidate.found[2] is None:
            self._mapped += 1
        return candidate

    def _unseen_index(self) -> int | None:
        self._order = self._order or iter(Shuffled(self.problem.space.size, self.search.seed))
        return next((index for index in self._order if index not in self._by_index), None)

    def _evaluate_batch(self, proposer: Proposer, proposals: Sequence[Proposal]) -> None:
        fresh = [one for one in self._candidates[self._settled :] if one.number not in self.ledger.explored]
        self._settled = len(self._candidates)
        self.ledger.evaluate("explore", fresh, max(len(self._candidates), min(self.trials, self.problem.space.size)))
        with self.ledger.spending.on("sampler"):  # once a batch: asking for the CPU time is a system call
            for proposal in proposals:
                evaluation = self.ledger.explored[self._by_index[proposal.index].number]
                values = [evaluation.outcome.objectives[key] for key in self.search.keys] if evaluation.ok else None
                # decades matter, not differences; the order of designs stays the same
                scaled = [log10(value) if value > 0 else -300.0 for value in values] if values else None
                proposer.tell(proposal, scaled, evaluation.outcome.violation)
            proposer.end_batch()
