"""Everything that is drawn for a sweep, in its directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dse.formats.text.replace import write_text
from dse.report.cards.book import FILE, Book
from dse.report.figures.front import draw_front, front_data
from dse.report.page.build import page

if TYPE_CHECKING:
    from dse.explore.results.result import SweepResult

FIGURE, PAGE = "front.png", "report.html"

NO_CARDS = Book()


def draw(result: SweepResult, directory: Path, book: Book = NO_CARDS) -> list[str]:
    """Write `front.png` and `report.html`, and name what the directory then holds.

    Parameters
    ----------
    book : Book
        The cards of the designs that the page shows in full.

    Raises
    ------
    DseError
        When no design works, or a file cannot be written.
    """
    draw_front(front_data(result), directory / FIGURE)
    return write_page(result, directory, book)


def write_page(result: SweepResult, directory: Path, book: Book) -> list[str]:
    """Write `report.html` alone, beside a figure that is drawn, and name what the directory then holds."""
    write_text(directory / PAGE, page(result, book))
    kept = [FILE] if book.cards else []
    return ["front.csv", FIGURE, PAGE, *kept, "summary.json", "sweep.yaml", "evaluations.jsonl"]
