"""A sweep under way: what it has to show at any moment, and how it ends."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

from dse.errors import DseError
from dse.explore.explorer import Explorer
from dse.explore.outcomes.log import Damage
from dse.explore.outcomes.numbers import with_held
from dse.explore.plan.plan import Plan
from dse.explore.proof.certificate import Certificate, closer
from dse.explore.results.record import write_results
from dse.explore.results.result import SweepResult, in_order
from dse.explore.results.unlisted import unlisted_gap
from dse.explore.workers.runner import TimeOverError, nothing

SHOWN_EVERY_S, SHOWN_PART = 1.0, 0.05
"""Seconds between two writings of what is known, at least, and the part of the time that they may take."""

SOLVED_AT_ONCE = 8
"""Designs of the front that are solved exactly between two looks at the clock."""


@dataclass(slots=True)
class Underway:
    """A sweep that is under way, and what it has to show; `former` is what a run before had proven."""

    plan: Plan
    explorer: Explorer
    directory: Path | None
    damaged: tuple[Damage, ...]
    start: float
    former: Certificate | None = None
    shown: float = 0.0
    pause_s: float = SHOWN_EVERY_S
    shown_batches: int = 0

    def to_its_end(self) -> SweepResult:
        """Explore, prove, and solve what is shown exactly; when interrupted, write what is known."""
        explorer = self.explorer
        explorer.workers.meanwhile, explorer.ledger.show = self._meanwhile, self.show
        try:
            with suppress(TimeOverError):
                proves = explorer.run()
                finished = not explorer.is_over
                while proves and explorer.may_solve and (wanted := self._to_solve()):
                    explorer.solve(wanted[:SOLVED_AT_ONCE])
                return self.result(finished=finished)
        except BaseException:  # also what a callback raises, or a full disk
            with suppress(DseError):
                self.show(always=True)
            raise
        finally:
            explorer.workers.meanwhile, explorer.ledger.show = nothing, nothing
        return self.result(finished=False)

    def _meanwhile(self) -> None:
        """Do what there is to do here while workers are busy: show what is new, and prepare the proof."""
        ledger, problem = self.explorer.ledger, self.explorer.problem
        batches = ledger.batches
        if ledger.log is not None:
            ledger.log.flush()
        if batches > self.shown_batches:
            self.shown_batches = batches
            self.show()
        if problem.provable is not None and self.explorer.limits.proves(problem.space.size):
            problem.provable.axes(problem.space)

    def show(self, *, always: bool = False) -> None:
        """Write the front of what is known, unless that was done a moment ago."""
        began = monotonic()
        if self.directory is None or (began - self.shown < self.pause_s and not always):
            return
        write_results(self.directory, self.result(finished=False))
        self.shown = monotonic()
        self.pause_s = max(SHOWN_EVERY_S, (self.shown - began) / SHOWN_PART)

    def _to_solve(self) -> list[int]:
        return self.result(finished=True, whole=False).to_solve()

    def result(self, *, finished: bool, whole: bool = True) -> SweepResult:
        """What is known so far; not `whole`: of this run alone, without the certificate, which takes a while."""
        plan, explorer = self.plan, self.explorer
        ledger = explorer.ledger
        made = (*(one for part in ledger.parts for one in part.values()), *ledger.fresh)
        result = SweepResult(
            name=plan.name,
            architecture=plan.spec.name,
            workloads=tuple(workload.name for workload in plan.workloads),
            space=plan.space,
            search=plan.search,
            sampler=explorer.sampler,
            evaluations=in_order(with_held(made, ledger.held if whole else ())),
            finished=finished,
            reused=ledger.reused,
            wall_s=monotonic() - self.start,
            damaged=self.damaged,
            derived=tuple(one.path for one in plan.derived),
            combine=plan.together.how,
            weights=plan.together.weights,
            constraints=tuple(plan.spec.constraints),
            batches=plan.batches,
            beside=explorer.problem.beside,
            spending=ledger.spending,
        )
        if not whole:
            return result
        certificate = closer(explorer.certificate, self.former)
        if certificate is not None:  # also of a run before: what the front lists may have changed since
            certificate = replace(certificate, gap=max(certificate.gap, unlisted_gap(result)))
        return replace(result, certificate=certificate)
