"""Everything that is drawn for a sweep, in its directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dse.formats.text.replace import write_text
from dse.report.figures.front import draw_front, front_data
from dse.report.page import page

if TYPE_CHECKING:
    from dse.explore.result import SweepResult

FIGURE, PAGE = "front.png", "report.html"


def draw(result: SweepResult, directory: Path) -> list[str]:
    """Write `front.png` and `report.html`, and name what the directory then holds.

    Raises
    ------
    DseError
        When no design works, or a file cannot be written.
    """
    draw_front(front_data(result), directory / FIGURE)
    write_text(directory / PAGE, page(result, (directory / FIGURE).read_bytes()))
    return ["front.csv", FIGURE, PAGE, "summary.json", "sweep.yaml", "evaluations.jsonl"]
