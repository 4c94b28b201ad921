"""The layers of a network under the roofs of a design: MACs a second against MACs per word of outermost traffic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log10
from statistics import median
from typing import TYPE_CHECKING, Any

from dse.report.drawing.labels import Label, write_labels
from dse.report.drawing.style import COLOURS, INK, dress, head, legend, logarithmic, new_figure
from dse.report.units import si

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NEAR = (0.03, 0.05)
"""Parts of the plot's width and height within which points share a label: names of their own would not stand apart."""

MOST_NAMES = 6
"""In a label; the others are counted."""


@dataclass(frozen=True, slots=True)
class Roofline:
    """What `roofline_figure` draws.

    Parameters
    ----------
    title, subtitle : str
    outermost : str
        The outermost level.
    peak_macs_per_s : float
    words_per_s : float or None
        What the outermost level's busiest port hands over; None where it has no bandwidth.
    points : tuple of (name, MACs per word, MACs per second, what binds, latency in seconds)
        Of each distinct layer, the one that takes longest first.
    """

    title: str
    subtitle: str
    outermost: str
    peak_macs_per_s: float
    words_per_s: float | None
    points: tuple[tuple[str, float, float, str, float], ...]

    def records(self) -> list[dict[str, Any]]:
        """One row a layer, then the roofs, for CSV."""
        layers = [
            {"layer": name, "macs_per_word": x, "macs_per_s": y, "bound_by": bound, "latency_s": seconds}
            for name, x, y, bound, seconds in self.points
        ]
        roofs = {"layer": "all MACs busy", "macs_per_s": self.peak_macs_per_s}
        return [*layers, roofs, {"layer": f"words per second of {self.outermost}", "macs_per_s": self.words_per_s}]


def roofline_data(card: Mapping[str, Any], network: Mapping[str, Any], name: str) -> Roofline:
    """Layers of a network by intensity and speed on the design of a card."""
    points, rates = [], []
    for layer in network["layers"]:
        words = sum(layer["outermost_words"].values())
        if words <= 0:
            continue
        seconds = layer["latency_s"] * layer["count"]
        rate = layer["macs"] / layer["latency_s"]
        points.append((layer["name"], layer["macs"] / words, rate, layer["bound_by"], seconds))
        if layer["outermost_s"] > 0:
            rates.append(words / layer["outermost_s"])
    peak = card["peak_macs_per_s"]
    below = sum(seconds for _, _, rate, _, seconds in points if rate < 0.5 * peak)
    whole = sum(seconds for *_, seconds in points)
    outermost = next(iter(network["energy_by_level_pj"]))
    return Roofline(
        title=f"{network['name']} on {name}: layers below half of {si(peak, 'MAC/s')} take "
        f"{100 * below / whole if whole else 0:.0f} % of the time",
        subtitle=f"each distinct layer; lines: all MACs busy, and the bandwidth of {outermost}",
        outermost=outermost,
        peak_macs_per_s=peak,
        words_per_s=median(rates) if rates else None,
        points=tuple(sorted(points, key=lambda point: -point[4])),
    )


def roofline_figure(data: Roofline) -> Figure:
    """Both axes logarithmic, layers coloured by what binds them."""
    figure = new_figure(8.5, 5.4)
    head(figure, data.title, data.subtitle)
    axes = figure.add_subplot()
    xs = [x for _, x, *_ in data.points] or [1.0]
    peak, rate = data.peak_macs_per_s * 1e-9, (data.words_per_s or 0.0) * 1e-9
    low, high = min(xs) / 2, max(xs) * 2
    if rate:
        low, high = min(low, 0.3 * peak / rate), max(high, 3 * peak / rate)
    ridge = min(max(peak / rate, low), high) if rate else low
    axes.plot([low, ridge, high], [min(peak, low * rate) if rate else peak, peak, peak], color=INK, linewidth=1.5)
    bounds = list(dict.fromkeys(bound for *_, bound, _ in sorted(data.points, key=lambda point: point[3])))
    for at, bound in enumerate(bounds):
        own = [point for point in data.points if point[3] == bound]
        axes.scatter([x for _, x, *_ in own], [y * 1e-9 for _, _, y, *_ in own], s=46, color=COLOURS[at % len(COLOURS)],
                     edgecolors="white", linewidths=0.6, label=f"bound by {bound}", zorder=3)  # fmt: skip
    logarithmic(axes)
    dress(axes, f"MACs per word of {data.outermost} traffic", "GMAC/s")
    axes.margins(y=0.15)
    legend(axes)
    labels = [Label(x, y * 1e-9, text) for text, x, y in named_together(data.points)]
    roof = Label(high / 1.3, peak, f"all MACs busy: {si(data.peak_macs_per_s, 'MAC/s')}", 2.0)
    write_labels(axes, [roof, *labels], [(x, y * 1e-9, 4.0) for _, x, y, *_ in data.points])
    return figure


def named_together(points: Sequence[tuple[str, float, float, str, float]]) -> list[tuple[str, float, float]]:
    """Labels and where they belong: points that are near each other have one, with the names of all of them.

    Parameters
    ----------
    points : sequence of (name, MACs per word, MACs per second, what binds, latency in seconds)
        Of each layer, the one that takes longest first.

    Examples
    --------
    >>> points = [("fc1", 1, 1e8, "DRAM", 3.0), ("conv", 200, 2e10, "compute", 2.0), ("fc2", 1, 1e8, "DRAM", 1.0)]
    >>> named_together(points)
    [('fc1\\nfc2', 1, 100000000.0), ('conv', 200, 20000000000.0)]
    """
    if not points:
        return []
    across, up = [log10(x) for _, x, *_ in points], [log10(y) for _, _, y, *_ in points]
    wide, high = (max(max(logs) - min(logs), 1.0) for logs in (across, up))
    groups: list[list[int]] = []
    for i in range(len(points)):
        near = [group for group in groups if any(
            abs(across[i] - across[j]) <= NEAR[0] * wide and abs(up[i] - up[j]) <= NEAR[1] * high for j in group
        )]  # fmt: skip
        groups = [group for group in groups if group not in near] + [sorted([i, *(j for one in near for j in one)])]
    labels = []
    for group in sorted(groups):
        names = [points[i][0] for i in group]
        if len(names) > MOST_NAMES:
            names = [*names[: MOST_NAMES - 1], f"and {len(names) - MOST_NAMES + 1} more"]
        labels.append(("\n".join(names), points[group[0]][1], points[group[0]][2]))
    return labels
