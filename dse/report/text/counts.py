"""How many designs a sweep tried, mapped, ruled out and shows, and what is proven of the others, in words."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dse.explore.results.result import SweepResult


@dataclass(frozen=True, slots=True)
class Counts:
    """How many designs there are of each kind.

    Parameters
    ----------
    tried : int
        Designs that the search proposed, the architecture as specified among them: `mapped` + `unmapped`.
    mapped, unmapped : int
        Of these, those whose networks were mapped, which are the trials, and those that break a limit whatever is
        mapped.
    failed, not_working : int
        Of the mapped ones, those whose evaluation crashed, and those that break a limit or cannot run a layer.
    by_proof : int
        Designs that the proof alone mapped.
    working : int
        All that work: of `mapped`, and of `by_proof`.
    front : int
    beside : int
        Of the tried, those that the space does not have: the architecture as specified, with each dataflow.
    """

    tried: int
    mapped: int
    unmapped: int
    failed: int
    not_working: int
    by_proof: int
    working: int
    front: int
    beside: int

    @classmethod
    def of(cls, result: SweepResult) -> Counts:
        mapped = [e for e in result.explored if e.outcome.mapped and not e.ruled_out]
        statuses = [e.outcome.status for e in mapped]
        return cls(
            tried=len(result.explored), mapped=len(mapped), unmapped=len(result.explored) - len(mapped),
            failed=statuses.count("failed"), not_working=statuses.count("infeasible"),
            by_proof=len(result.designs) - len(result.explored), working=sum(e.ok for e in result.designs),
            front=len(result.front_rows()), beside=len(result.outside),
        )  # fmt: skip

    def of_the_tried(self) -> str:
        """What became of the designs that were tried: the numbers add up."""
        states = [f"{number} {what}" for number, what in ((self.not_working, "do not work"), (self.failed, "failed"))
                  if number]  # fmt: skip
        states = [f"{self.mapped - self.failed - self.not_working} work", *states] if states else ["all work"]
        more = f" + {self.unmapped:,} ruled out without mapping" if self.unmapped else ""
        return f"{self.tried:,} designs tried = {self.mapped:,} mapped ({', '.join(states)}){more}"

    def of_the_front(self) -> str:
        """Which designs the front is chosen from."""
        more = f" ({self.working - self.by_proof:,} tried, {self.by_proof:,} mapped by the proof)"
        make = "makes" if self.front == 1 else "make"
        return f"{self.front:,} of the {self.working:,} that work{more if self.by_proof else ''} {make} up the front"


def status_line(result: SweepResult) -> str:
    """One line on what the sweep did."""
    counts, summary = Counts.of(result), result.to_dict()
    said = [counts.of_the_tried()]
    if counts.beside:
        which = "1 of them is" if counts.beside == 1 else f"{counts.beside} of them are"
        each = ", with each dataflow" if counts.beside > 1 else ""
        said.append(f"{which} {result.architecture} as specified{each}, which the space does not have")
    flows = [f"{name} {entry['designs']}" for name, entry in summary["dataflows"].items() if name]
    if len(flows) > 1:
        said.append(f"tried by dataflow: {', '.join(flows)}")
    said.append(counts.of_the_front())
    said += [f"{summary['solved_exactly']} solved exactly", f"sampler {result.sampler}, seed {result.search.seed}"]
    return "; ".join(said)


def proof_line(result: SweepResult) -> str:
    """What is proven of the designs that were not tried."""
    if result.certificate is None:
        untried = prod(len(choices) for choices in result.space.values()) - len(result.explored)
        if untried <= 0:
            return ""
        return f"nothing is proven of the {untried:,} designs that were not tried; --prove-time 10min rules out some"
    found = result.certificate
    said = found.sentence(result.search.objectives)
    parts = [(found.evaluated, "mapped"), (found.ruled_out, "ruled out by bounds"),
             (found.infeasible, "that do not work"), (found.open, "open")]  # fmt: skip
    total = " + ".join(f"{number:,} {what}" for number, what in parts)
    more = "; --resume --prove-time 10min proves more" if found.gap > found.wanted or not found.complete else ""
    return f"{said} ({found.space:,} designs of the space = {total}){more}"
