"""Everything that is drawn for a sweep, in its directory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from dse.errors import DseError
from dse.formats.text.replace import folder_name, write_text
from dse.report.cards.book import FILE, Book, wanted_rows
from dse.report.drawing.save import save_with_data
from dse.report.figures.bound import bound_report, curves_data, curves_figure
from dse.report.figures.front import draw_front, front_data, front_figure
from dse.report.figures.hypervolume import hypervolume_data, hypervolume_figure
from dse.report.figures.reuse import reuse_data, reuse_figure
from dse.report.figures.roofline import roofline_data, roofline_figure
from dse.report.figures.stacks import area_data, designs_data, layers_data, stacks_figure, utilization_data
from dse.report.page.build import page
from dse.report.text.sweeps import best_within

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dse.explore.plan.plan import Plan
    from dse.explore.results.result import SweepResult
    from dse.report.cards.card import Card

FIGURE, PAGE, FIGURES = "front.png", "report.html", "figures"

NO_CARDS = Book()

NAMES = (
    "front", "area", "energy_by_level", "energy_by_operand", "energy_by_layer", "utilization", "roofline", "reuse",
    "traffic", "hypervolume",
)  # fmt: skip
"""Figures of a sweep; with several networks, those of layers have the network's name behind theirs."""


class Data(Protocol):
    """What a figure draws, and its rows for CSV."""

    def records(self) -> list[dict[str, Any]]: ...


Drawn = tuple[str, "Figure", Data]


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


def draw_figures(
    result: SweepResult, book: Book, plan: Plan | None, directory: Path, formats: Sequence[str]
) -> list[str]:
    """Write every figure of a sweep, each with its data as CSV beside it, to the folder `figures` of its directory.

    Parameters
    ----------
    book : Book
        Figures of energy, area and layers show the designs that have a card.
    plan : Plan or None
        What was searched; without it there is no figure of traffic.
    formats : sequence of {"png", "svg", "pdf"}

    Returns
    -------
    list of str
        The files, from the directory.
    """
    folder = directory / FIGURES
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DseError(f"cannot write to {folder}: {error.strerror}") from None
    return [
        f"{FIGURES}/{file}"
        for name, figure, data in figures_of(result, book, plan)
        for file in save_with_data(figure, data.records(), folder / name, formats)
    ]


def figures_of(result: SweepResult, book: Book, plan: Plan | None = None) -> Iterator[Drawn]:
    """Each figure of a sweep with its name and its data; see `draw_figures`."""
    front = front_data(result)
    yield "front", front_figure(front), front
    rows = sorted((row for row in wanted_rows(result) if book.of(row)), key=lambda row: row["latency_s"])
    cards = [(_name(row), card) for row in rows if (card := book.of(row)) is not None]
    if cards:
        yield from _of_designs(cards, ", ".join(result.workloads))
        yield from _of_layers(result, rows, book)
    if plan is not None:
        yield from _of_traffic(plan, rows, book)
    if (volume := hypervolume_data(result)) is not None:
        yield "hypervolume", hypervolume_figure(volume), volume


def _name(row: Mapping[str, Any]) -> str:
    return "as specified" if row["number"] == 0 else f"design {row['number']}"


def _of_designs(cards: Sequence[tuple[str, Card]], what: str) -> Iterator[Drawn]:
    area = area_data(cards)
    yield "area", stacks_figure(area), area
    for by in ("level", "operand"):
        data = designs_data(cards, f"energy_by_{by}_pj", by, what)
        yield f"energy_by_{by}", stacks_figure(data), data


def _of_layers(result: SweepResult, rows: Sequence[Mapping[str, Any]], book: Book) -> Iterator[Drawn]:
    """Of the design that is recommended, beside the architecture as specified."""
    best = best_within(result)
    chosen = best if best is not None and book.of(best) else min(rows, key=lambda row: row["edp_js"])
    card, name = book.of(chosen), _name(chosen)
    own = next((book.of(row) for row in rows if row["number"] == 0 and row is not chosen), None)
    assert card is not None
    for at, network in enumerate(card["networks"]):
        behind = f"-{folder_name(network['name'])}" if len(card["networks"]) > 1 else ""
        other = own["networks"][at] if own is not None and chosen["number"] != 0 else None
        mark = f"{result.architecture} as specified"
        for what, stacks in (
            ("energy_by_layer", layers_data(network, name, other, mark)),
            ("utilization", utilization_data(network, name, other, mark)),
        ):
            yield f"{what}{behind}", stacks_figure(stacks), stacks
        roofline = roofline_data(card, network, name)
        yield f"roofline{behind}", roofline_figure(roofline), roofline
        reuse = reuse_data([(name, network), *([] if other is None else [("as specified", other)])])
        yield f"reuse{behind}", reuse_figure(reuse), reuse


def _of_traffic(plan: Plan, rows: Sequence[Mapping[str, Any]], book: Book) -> Iterator[Drawn]:
    """The fewest words that any mapping moves, and what the designs move."""
    from dataclasses import replace

    from dse.mapper.curve import capacity_curve, tile_capacity_bits

    for at, workload in enumerate(plan.workloads):
        try:
            curves = [(capacity_curve(plan.architecture, layer), names) for layer, names in workload.distinct()]
            data = curves_data(bound_report(plan.architecture, workload.name, curves))
        except DseError:
            return  # no buffer below the outermost level, whose size the traffic would depend on
        measured = []
        for row in rows:
            architecture, networks, _ = plan.inputs_of({path: row[path] for path in plan.space})
            card = book.of(row)
            if card is not None and networks[at].batch == workload.batch:
                words = sum(sum(x["outermost_words"].values()) * x["count"] for x in card["networks"][at]["layers"])
                measured.append((tile_capacity_bits(architecture), words, _name(row)))
        data = replace(data, measured=tuple(point for point in measured if point[0] < 2**60))
        behind = f"-{folder_name(workload.name)}" if len(plan.workloads) > 1 else ""
        yield f"traffic{behind}", curves_figure(data), data
