"""The cards of a sweep: which designs get one, how they are made by workers, and the file that keeps them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from dse.errors import DseError
from dse.explore.outcomes.evaluation import Outcome
from dse.formats.text.regular import check_file
from dse.formats.text.replace import write_text
from dse.report.cards.card import Card, Wanted, card_of
from dse.report.cards.steps import (
    Neighbourhood,
    best_first,
    change_row,
    chosen,
    gap_of_layers,
    key_of,
    neighbours,
    outcomes_at,
    step_gap,
)
from dse.report.text.sweeps import recommended, shown_fronts

if TYPE_CHECKING:
    from dse.explore.plan.plan import Plan
    from dse.explore.results.result import SweepResult
    from dse.explore.workers.runner import Workers

Name = TypeVar("Name")

FILE = "cards.json"
VERSION = 7
"""Of the file; cards of another version are made again."""


@dataclass(frozen=True, slots=True)
class Book:
    """The cards that are known of a sweep's designs.

    Parameters
    ----------
    cards : mapping of int to dict
        By the number of the design: see `dse.report.cards.card.card_of`; with it `id`, the identity of the evaluation
        whose figures the card explains.
    steps : mapping of int to list of dict
        By the number of the design: what steps change, for designs all of whose neighbours are mapped anew.
    cpu_s : float
        CPU time that making the cards took on workers; 0 for what was read.
    """

    cards: Mapping[int, Card] = field(default_factory=dict)
    steps: Mapping[int, list[dict[str, Any]]] = field(default_factory=dict)
    cpu_s: float = 0.0

    def of(self, row: Mapping[str, Any]) -> Card | None:
        """The card that explains a row of the front; None where there is none, or only one of another evaluation."""
        card = self.cards.get(row["number"])
        return card if card is not None and card["id"] == row["id"] else None


def wanted_rows(result: SweepResult) -> list[dict[str, Any]]:
    """The rows of the front that get cards: those that the terminal shows, and the architecture's own design."""
    own = result.reference_row()
    first = (own, recommended(result))
    rows = [row for _, front in shown_fronts(result) for row in front] + [row for row in first if row is not None]
    return list({row["number"]: row for row in rows}.values())


def wanted_steps(result: SweepResult) -> list[int]:
    """The designs all of whose neighbours are evaluated: the architecture's own, and the one recommended."""
    own, best = result.reference_row(), recommended(result)
    return list(dict.fromkeys(row["number"] for row in (own, best) if row is not None))


def is_complete(result: SweepResult, book: Book) -> bool:
    """Whether nothing is missing that `make_book` would make."""
    return all(book.of(row) for row in wanted_rows(result)) and all(n in book.steps for n in wanted_steps(result))


def make_book(
    result: SweepResult, plan: Plan, workers: Workers, known: Book, progress: Callable[[int, int], None] | None = None
) -> Book:
    """Make the cards, and evaluate the neighbours, that are not known yet.

    Parameters
    ----------
    progress : callable, optional
        Told (cards and neighbours done, how many there are).
    """
    rows = wanted_rows(result)
    cards = {row["number"]: card for row in rows if (card := known.of(row)) is not None}
    missing = {row["number"]: row for row in rows if row["number"] not in cards}
    settings = {e.number: e.parameters for e in result.designs}
    found = outcomes_at(result, step_gap(plan))
    around = {
        number: Neighbourhood.of(plan, settings[number], found)
        for number in wanted_steps(result) if number not in known.steps
    }  # fmt: skip
    wanted = {number: wanted_card(result, plan, row) for number, row in missing.items()}
    made = work_out(wanted, around, workers, progress)
    cards |= {number: {**card, "id": missing[number]["id"]} for number, card in made.cards.items()}
    numbers = {key_of(parameters): number for number, parameters in settings.items()}
    steps = {number: around[number].changes(outcomes, numbers) for number, outcomes in made.outcomes.items()}
    return Book(dict(sorted(cards.items())), {**known.steps, **steps}, made.cpu_s)


@dataclass(slots=True)
class Made(Generic[Name]):
    """What workers made: cards, or why there is none, and outcomes of neighbours, by design; and the CPU seconds."""

    cards: dict[Name, Card]
    failed: dict[Name, str]
    outcomes: dict[Name, dict[int, Outcome]]
    cpu_s: float = 0.0


def work_out(
    wanted: Mapping[Name, Wanted], around: Mapping[Name, Neighbourhood], workers: Workers,
    progress: Callable[[int, int], None] | None = None,
) -> Made[Name]:  # fmt: skip
    """Make cards and map neighbours, all of them side by side.

    Parameters
    ----------
    wanted, around
        By the number or the name of the design.
    """
    from dse.explore.workers.runner import Failure, Task

    made: Made[Name] = Made({}, {}, {number: dict(one.known) for number, one in around.items()})
    jobs: list[tuple[Name, int | None, Any]] = [(number, None, (card_of, one)) for number, one in wanted.items()]
    jobs += [
        (number, at, (one.evaluate, design)) for number, one in around.items() for at, design in one.designs.items()
    ]
    tasks = [Task(key, job) for key, (_, _, job) in enumerate(jobs)]
    for done, (task, found) in enumerate(workers.run(timed, tasks), 1):
        number, at, _ = jobs[task.key]
        if isinstance(found, Failure):
            made.cpu_s += found.cpu_s
            if at is None:
                made.failed[number] = found.reason
            else:
                made.outcomes[number][at] = Outcome(found.status, found.reason)
        else:
            value, cpu_s = found
            made.cpu_s += cpu_s
            if at is None:
                made.cards[number] = value
            else:
                made.outcomes[number][at] = value
        if progress is not None:
            progress(done, len(jobs))
    return made


def timed(job: tuple[Callable[[Any], Any], Any]) -> tuple[Any, float]:
    """What a function makes of its argument, and the CPU seconds that it took."""
    start = process_time()
    function, argument = job
    return function(argument), process_time() - start


def wanted_card(result: SweepResult, plan: Plan, row: Mapping[str, Any]) -> Wanted:
    """What the card of a row of the front is made from."""
    settings = next(e.parameters for e in result.evaluations if e.number == row["number"])
    architecture, workloads, images = plan.inputs_of(settings)
    evaluation = next(e for e in result.evaluations if e.id == row["id"])
    exact, outcome = evaluation.kind == "exact", evaluation.outcome
    # a long front that was stopped would not be found again, or only after long
    found_again = exact and not (outcome.limit_s and step_gap(plan))
    whole_front = found_again and plan.whole_fronts and plan.together.is_plain
    resident = plan.search.resident
    gap = 0.0 if exact and not (outcome.gap and step_gap(plan)) else result.search.gap
    whole_front = whole_front and not (resident and len(workloads) > 1)  # each network has its own best there
    return Wanted(
        architecture, workloads, plan.objective, gap,
        (row["energy_pj"] * images, row["latency_s"] * images) if whole_front else None, resident,
        {} if exact else outcome.nests, _limit_s(plan, outcome),
    )  # fmt: skip


def _limit_s(plan: Plan, outcome: Outcome) -> float | None:
    """Seconds for each layer, where the deep search maps it: what a trial has, or had. With tensors on chip, what a
    design that was stopped had."""
    from dse.explore.limits import DEFAULT
    from dse.mapper import has_flat_shape
    from dse.mapper.shared.stopping import Busy, part_of

    if plan.search.resident and any(level.on_chip for level in plan.architecture.levels):
        return outcome.limit_s or None
    if has_flat_shape(plan.architecture):
        return None
    layers = sum(len(network.layers) for network in plan.networks)
    return part_of(outcome.limit_s or Busy(DEFAULT.trial_s(layers)), layers)


def all_changes(result: SweepResult, book: Book, numbers: Iterable[int]) -> dict[int, list[dict[str, Any]]]:
    """What each step from some designs changes, as far as their neighbours were evaluated, the best first.

    Designs of which nothing is known are left out.
    """
    designs = {e.number: e for e in result.designs}
    beside_it = set(result.outside) if result.derived else set()  # what follows in others is their own in these
    by_settings = {key_of(chosen(result, e.parameters)): e for e in designs.values() if e.number not in beside_it}
    found = {}
    for number in numbers:
        own = designs.get(number)
        if own is None or number in book.steps:
            found[number] = book.steps.get(number, [])
            continue
        beside = [] if number in beside_it else neighbours(result, own, by_settings)
        gap = max(result.search.gap, gap_of_layers(own.outcome, explored=own.kind == "explore"))
        found[number] = best_first([
            change_row(
                step, own.outcome, e.outcome, e.number,
                max(gap, gap_of_layers(e.outcome, explored=e.kind == "explore")),
            )
            for step, e in beside
        ])  # fmt: skip
    return {number: rows for number, rows in found.items() if rows}


def write_book(directory: Path, book: Book) -> None:
    """Write `cards.json`."""
    content = {
        "cards": [{"number": number, **card} for number, card in book.cards.items()],
        "steps": [{"number": number, "rows": rows} for number, rows in book.steps.items()],
    }
    plain = {"version": VERSION, "digest": _digest(content), **content}
    write_text(directory / FILE, _text(plain) + "\n")


def _text(plain: Any) -> str:
    return json.dumps(plain, separators=(",", ":"), allow_nan=False)


def _digest(content: Any) -> str:
    """What shows that somebody changed the file, as figures in it are not checked one by one."""
    return sha256(_text(content).encode()).hexdigest()


def read_book(directory: Path) -> Book:
    """The cards of a directory; none where there are none, or only of another version.

    Raises
    ------
    DseError
        When the file is damaged.
    """
    path = directory / FILE
    if not check_file(path):
        return Book()
    try:
        plain = json.loads(path.read_text())
        if plain["version"] != VERSION:
            return Book()
        cards, steps = plain["cards"], plain["steps"]
        if plain["digest"] == _digest({"cards": cards, "steps": steps}):
            return Book({card.pop("number"): card for card in cards}, {each["number"]: each["rows"] for each in steps})
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise DseError("is damaged", file=str(path), hint="delete it; `dse report` makes the cards again")
