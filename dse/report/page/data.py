"""What the page of a sweep shows, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dse.explore.plan.search import OBJECTIVES
from dse.explore.results.reasons import counted_reasons
from dse.report.cards.book import Book, all_changes
from dse.report.drawing.style import COLOURS, FIXED, KINDS
from dse.report.figures.front import axes_of
from dse.report.figures.hypervolume import hypervolume
from dse.report.text.sweeps import mapped_for, recommended, short_names

if TYPE_CHECKING:
    from dse.explore.outcomes.evaluation import Evaluation
    from dse.explore.results.result import SweepResult

METRICS = {
    "energy_pj": ("energy", "J", 1e-12),
    "latency_s": ("latency", "s", 1.0),
    "area_mm2": ("area", "mm2", 1.0),
    "edp_js": ("energy-delay product", "J·s", 1.0),
    "power_mw": ("power", "W", 1e-3),
}
"""Of each metric its name, the unit it is shown in, and that unit's share of a recorded one."""


def page_data(result: SweepResult, book: Book) -> dict[str, Any]:
    """Everything that the page's script draws.

    Returns
    -------
    dict
        `metrics` in the order of their axes; `parameters`; `designs`, those on the front with the figures of their
        rows; `budgets`; `axes` that the front opens in; what layers are `mapped_for`; `reference` and `recommended`,
        their numbers; `colours` of all figures;
        `cards` and `steps` by number; `hypervolume`; `ruled_out`, reasons
        and how many designs each rules out.
    """
    names = short_names(tuple(path for path in result.paths if len(result.space.get(path, (0, 1))) > 1))
    best = {row["number"]: row for row in result.front_rows()}
    own = result.reference_row()
    reference = None if own is None else own["number"]
    shown = {**best, **({} if own is None else {own["number"]: own})}
    on_objectives = [OBJECTIVES[name] for name in result.search.objectives]
    order = sorted(METRICS, key=lambda key: key not in on_objectives)
    cards = {row["number"]: card for row in shown.values() if (card := book.of(row)) is not None}
    steps = all_changes(result, book, shown)
    stepping = dict.fromkeys(row["path"] for rows in steps.values() for row in rows)
    return {
        "architecture": result.architecture,
        "metrics": [{"key": key, "name": name, "unit": unit, "scale": scale}
                    for key in order for name, unit, scale in (METRICS[key],)],
        "parameters": [{"path": path, "name": name, "choices": [str(x) for x in result.space.get(path, ())]}
                       for path, name in names.items()],
        "designs": [_design(e, shown.get(e.number), names, e.number in best) for e in result.designs if e.ok],
        "budgets": [{"area_mm2": limit, "numbers": [row["number"] for row in front]}
                    for limit, front in result.budgets()],
        "reference": reference,
        "axes": axes_of(result.search.objectives),
        "mapped_for": {"EDP": "energy-delay product"}.get(name := mapped_for(result.search), name),
        "recommended": None if (chosen := recommended(result)) is None else chosen["number"],
        "colours": {"palette": COLOURS, "fixed": FIXED, "kinds": KINDS},
        "cards": cards,
        "steps": steps,
        "names": short_names((*names, *(path for path in stepping if path not in names))),
        "hypervolume": hypervolume(result),
        "ruled_out": _ruled_out(result),
    }  # fmt: skip


def _design(e: Evaluation, row: Mapping[str, Any] | None, names: Mapping[str, str], on_front: bool) -> dict[str, Any]:
    """A design with the figures of its row of the front, or else as it was explored."""
    figures = e.outcome.objectives if row is None else row
    return {
        "number": e.number,
        "front": on_front,
        "dataflow": str(e.parameters.get("dataflow", "")),
        "proven": "" if row is None else row["proven"],
        "parameters": [None if e.parameters.get(path) is None else str(e.parameters[path]) for path in names],
        **{key: figures.get(key) for key in METRICS},
    }


def _ruled_out(result: SweepResult) -> list[tuple[str, int]]:
    """Designs that were not mapped, or do not work, by what speaks against them; the most frequent first."""
    return list(counted_reasons((e.outcome.reason for e in result.designs if not e.ok), 12).items())
