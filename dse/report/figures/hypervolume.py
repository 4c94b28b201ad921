"""How much of the space of figures is dominated after so many designs of a sweep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dse.explore.plan.search import OBJECTIVES
from dse.report.drawing.style import COLOURS, dress, head, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dse.explore.results.result import SweepResult

STEPS = 60
"""Points of the curve at most."""


@dataclass(frozen=True, slots=True)
class HypervolumeData:
    """What `hypervolume_figure` draws.

    Parameters
    ----------
    title, subtitle : str
    points : tuple of (designs, part of the box)
    """

    title: str
    subtitle: str
    points: tuple[tuple[int, float], ...]

    def records(self) -> list[dict[str, Any]]:
        """One row a point, for CSV."""
        return [{"designs": count, "hypervolume": volume} for count, volume in self.points]


def hypervolume(result: SweepResult) -> list[tuple[int, float]]:
    """How much of the space between the worst and the best figures is dominated after so many designs.

    Returns
    -------
    list of (int, float)
        Designs evaluated, and the part of the box between the least and the largest of each objective, from 0 to 1.
    """
    import numpy as np
    from moocore import hypervolume as volume

    sound = [e for e in result.designs if e.ok]
    keys = [OBJECTIVES[name] for name in result.search.objectives]
    if len(sound) < 2:
        return []
    points = np.log(np.array([[e.outcome.objectives[key] for key in keys] for e in sound]))
    low, high = points.min(axis=0), points.max(axis=0)
    scaled = (points - low) / np.where(high > low, high - low, 1.0)
    at = sorted({round(len(sound) * (i + 1) / STEPS) for i in range(STEPS)} - {0})
    return [(count, float(volume(scaled[:count], ref=np.full(len(keys), 1.0)))) for count in at]


def hypervolume_data(result: SweepResult) -> HypervolumeData | None:
    """The curve of a sweep and what it says; None for fewer than two designs that work."""
    points = tuple(hypervolume(result))
    if not points:
        return None
    last = points[-1][1]
    near = next(count for count, volume in points if volume >= 0.99 * last)
    return HypervolumeData(
        title=f"{result.name}: 99 % of what was found was there after {near} of {points[-1][0]} designs",
        subtitle=f"part of all {', '.join(result.search.objectives)} between the best and the worst found "
        "(logarithmic) that some design tried by then beats",
        points=points,
    )


def hypervolume_figure(data: HypervolumeData) -> Figure:
    """A rising staircase."""
    from matplotlib.ticker import MaxNLocator

    figure = new_figure(7.5, 4)
    head(figure, data.title, data.subtitle)
    axes = figure.add_subplot()
    counts, volumes = zip(*data.points, strict=True)
    axes.step(counts, [100 * volume for volume in volumes], where="post", color=COLOURS[0], linewidth=1.8)
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    dress(axes, "designs that work, as they were tried", "beaten (%)")
    return figure
