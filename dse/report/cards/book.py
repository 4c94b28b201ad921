"""The cards of a sweep: which designs get one, how they are made by workers, and the file that keeps them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dse.errors import DseError
from dse.formats.text.regular import check_file
from dse.formats.text.replace import write_text
from dse.report.cards.card import Card, Wanted, card_of
from dse.report.cards.steps import best_first, change_row, neighbours, take_steps
from dse.report.text.sweeps import best_within, shown_fronts

if TYPE_CHECKING:
    from dse.explore.plan.plan import Plan
    from dse.explore.results.result import SweepResult
    from dse.explore.workers.runner import Workers

FILE = "cards.json"
VERSION = 2
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
        By the number of the design: what steps change whose neighbours the sweep itself did not explore.
    """

    cards: Mapping[int, Card] = field(default_factory=dict)
    steps: Mapping[int, list[dict[str, Any]]] = field(default_factory=dict)

    def of(self, row: Mapping[str, Any]) -> Card | None:
        """The card that explains a row of the front; None where there is none, or only one of another evaluation."""
        card = self.cards.get(row["number"])
        return card if card is not None and card["id"] == row["id"] else None


def wanted_rows(result: SweepResult) -> list[dict[str, Any]]:
    """The rows of the front that get cards: those that the terminal shows, and the architecture's own design."""
    own = result.reference_row()
    rows = [row for _, front in shown_fronts(result) for row in front] + ([own] if own is not None else [])
    return list({row["number"]: row for row in rows}.values())


def wanted_steps(result: SweepResult) -> list[int]:
    """The designs all of whose neighbours are evaluated: the architecture's own, and the one recommended."""
    own, best = result.reference_row(), best_within(result)
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
    count, total = 0, len(missing) + sum(sum(e is None for _, e in neighbours(result, n)) for n in stepping)

    def tick() -> None:
        nonlocal count
        count += 1
        if progress is not None:
            progress(count, total)

    tasks = [Task(number, wanted_card(result, plan, row)) for number, row in missing.items()]
    for task, found in workers.run(card_of, tasks):
        if not isinstance(found, Failure):
            cards[task.key] = {**found, "id": missing[task.key]["id"]}
        tick()
    explored = {e.number: e for e in result.designs}
    everything = [e.parameters for e in result.designs]
    steps = {
        number: take_steps(
            plan, explored[number].parameters, explored[number].outcome, workers, everything, tick
        )
        for number in stepping
    }
    return Book(dict(sorted(cards.items())), {**known.steps, **steps})


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
    if own is None:
        return []
    known = [(step, e) for step, e in neighbours(result, number) if e is not None]
    return best_first([*(change_row(step, own, e.outcome, e.number) for step, e in known), *book.steps.get(number, ())])


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
