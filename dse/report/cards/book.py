"""The cards of a sweep: which designs get one, how they are made by workers, and the file that keeps them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any

from dse.errors import DseError
from dse.formats.text.regular import check_file
from dse.formats.text.replace import write_text
from dse.report.cards.card import Card, Wanted, card_of
from dse.report.cards.steps import best_first, change_row, key_of, neighbours, take_steps
from dse.report.text.sweeps import recommended, shown_fronts

if TYPE_CHECKING:
    from dse.explore.plan.plan import Plan
    from dse.explore.results.result import SweepResult
    from dse.explore.workers.runner import Workers

FILE = "cards.json"
VERSION = 3
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
    from dse.explore.workers.runner import Failure, Task

    rows = wanted_rows(result)
    cards = {row["number"]: card for row in rows if (card := known.of(row)) is not None}
    missing = {row["number"]: row for row in rows if row["number"] not in cards}
    stepping = [number for number in wanted_steps(result) if number not in known.steps]
    count, total = 0, len(missing) + sum(len(neighbours(result, number)) for number in stepping)

    def tick() -> None:
        nonlocal count
        count += 1
        if progress is not None:
            progress(count, max(count, total))

    tasks = [Task(number, wanted_card(result, plan, row)) for number, row in missing.items()]
    spent = 0.0
    for task, found in workers.run(timed_card, tasks):
        if not isinstance(found, Failure):
            card, cpu_s = found
            cards[task.key] = {**card, "id": missing[task.key]["id"]}
            spent += cpu_s
        tick()
    settings = {e.number: e.parameters for e in result.designs}
    numbers = {key_of(parameters): number for number, parameters in settings.items()}
    steps = {}
    for number in stepping:
        steps[number], cpu_s = take_steps(plan, settings[number], workers, numbers, tick)
        spent += cpu_s
    return Book(dict(sorted(cards.items())), {**known.steps, **steps}, spent)


def timed_card(wanted: Wanted) -> tuple[Card, float]:
    """A card, and the CPU seconds that it took."""
    start = process_time()
    return card_of(wanted), process_time() - start


def wanted_card(result: SweepResult, plan: Plan, row: Mapping[str, Any]) -> Wanted:
    """What the card of a row of the front is made from."""
    settings = next(e.parameters for e in result.evaluations if e.number == row["number"])
    architecture, workloads, images = plan.inputs_of(settings)
    exact = next(e.kind for e in result.evaluations if e.id == row["id"]) == "exact"
    goals = set(result.search.objectives)
    whole_front = exact and {"energy", "latency"} <= goals and plan.together.is_plain
    resident = plan.search.resident
    whole_front = whole_front and not (resident and len(workloads) > 1)  # each network has its own best there
    return Wanted(
        architecture, workloads, plan.objective, 0.0 if exact else result.search.gap,
        (row["energy_pj"] * images, row["latency_s"] * images) if whole_front else None, resident,
    )  # fmt: skip


def changes(result: SweepResult, book: Book, number: int) -> list[dict[str, Any]]:
    """What each step from a design changes, as far as its neighbours were evaluated; the best comes first."""
    own = next((e.outcome for e in result.designs if e.number == number), None)
    if own is None or number in book.steps:
        return book.steps.get(number, [])
    known = [(step, e) for step, e in neighbours(result, number) if e is not None]
    return best_first([change_row(step, own, e.outcome, e.number, result.search.gap) for step, e in known])


def write_book(directory: Path, book: Book) -> None:
    """Write `cards.json`."""
    plain = {
        "version": VERSION,
        "cards": [{"number": number, **card} for number, card in book.cards.items()],
        "steps": [{"number": number, "rows": rows} for number, rows in book.steps.items()],
    }
    write_text(directory / FILE, json.dumps(plain, separators=(",", ":"), allow_nan=False) + "\n")


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
        steps = {entry["number"]: entry["rows"] for entry in plain["steps"]}
        return Book({card.pop("number"): card for card in plain["cards"]}, steps)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise DseError(
            "is damaged", file=str(path), hint="delete it; `dse report` makes the cards again"
        ) from None
