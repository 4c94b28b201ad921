"""What the log leaves out of long fronts, and how much the certificate leaves open for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dse.explore.proof.bounding.bounds import DesignBound
from dse.explore.proof.staircase import Staircase

if TYPE_CHECKING:
    from dse.explore.results.result import SweepResult


def unlisted_gap(result: SweepResult) -> float:
    """The gap within which the front matches all points of designs of the space that are not on it, also those that
    their records leave out.

    Notes
    -----
    A point that is left out is matched by one of the record within the record's gap, so it lies above that point with
    energy and latency divided by 1 + gap. A design on the front stands for all of its points.
    """
    goals = set(result.search.objectives) - {"area"}
    left = [e for e in result.evaluations if e.kind == "exact" and e.ok and e.outcome.thinned]
    if len(goals) < 2 or not left:  # records keep the least of each objective
        return 0.0
    space = result.space.items()
    left = [e for e in left if all(e.parameters.get(path) in choices for path, choices in space)]
    listed = {row["number"] for row in result.front_rows()}
    known = Staircase(result.search.objectives, 0.0)
    for e in result.evaluations:
        if e.number in listed:
            known.add(e.outcome.front, e.outcome.objectives["area_mm2"])
    worst = 0.0
    for e in left:
        if e.number not in listed:
            area, less = e.outcome.objectives["area_mm2"], 1 / (1 + e.outcome.thinned)
            bounds = (DesignBound(energy * less, latency * less, 0.0, area) for energy, latency in e.outcome.front)
            worst = max(worst, *map(known.short_of, bounds))
    return worst
