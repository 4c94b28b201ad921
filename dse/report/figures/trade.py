"""What the mappings of a layer or a network trade: energy against latency."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dse.report.drawing.labels import Label, write_labels
from dse.report.drawing.style import COLOURS, INK, dress, head, logarithmic, new_figure
from dse.report.units import duration, energy, prefix_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def trade_figure(name: str, points: Sequence[tuple[float, float]]) -> Figure:
    """A staircase of points that none beats.

    Parameters
    ----------
    name : str
        Of what is mapped.
    points : sequence of (energy_pj, latency_s)
        Latency rises, energy falls.
    """
    (joules, joule_prefix), (seconds, second_prefix) = prefix_of(points[0][0] * 1e-12), prefix_of(points[0][1])
    xs, ys = [latency / seconds for _, latency in points], [pj * 1e-12 / joules for pj, _ in points]
    figure = new_figure(7.5, 4.6)
    noun = "mapping" if len(points) == 1 else "mappings"
    head(figure, f"{name}: {len(points)} {noun} that none beats", "energy against latency")
    axes = figure.add_subplot()
    axes.step(xs, ys, where="post", color=INK, linewidth=1.0)
    axes.scatter(xs, ys, s=30, color=COLOURS[0], zorder=3)
    logarithmic(axes)
    dress(axes, f"latency ({second_prefix}s)", f"energy ({joule_prefix}J)")
    axes.margins(x=0.15, y=0.15)
    best = min(range(len(points)), key=lambda i: points[i][0] * points[i][1])
    named = {0: "fastest", len(points) - 1: "least energy", best: "best energy-delay"}
    labels = [
        Label(xs[i], ys[i], f"{text}\n{duration(points[i][1])}, {energy(points[i][0])}") for i, text in named.items()
    ]
    write_labels(axes, labels, [(x, y, 3.0) for x, y in zip(xs, ys, strict=True)])
    return figure
