"""Figures of networks side by side. Each is two functions: one gives plain data, one draws it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import pi, sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dse.errors import DseError, visible
from dse.report.drawing.labels import Label, write_labels
from dse.report.drawing.save import save_figure
from dse.report.drawing.style import COLOURS, INK, QUIET, SMALLEST, dress, head, logarithmic, new_figure
from dse.report.units import si

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dse.explore.compare.networks import Comparison

LARGEST_BUBBLE = 1300.0
"""Area in points squared of the bubble of the network with the most parameters."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Panel:
    """One plot of accuracy against something.

    Parameters
    ----------
    name : str
        Whose figures these are; empty where there is one plot.
    x_label : str
    points : tuple of (network, x, top-1 accuracy in percent, parameters)
        Ascending in x. Areas of bubbles are proportional to the parameters.
    """

    name: str
    x_label: str
    points: tuple[tuple[str, float, float, float], ...]


@dataclass(frozen=True, slots=True)
class Bubbles:
    """What `bubbles_figure` draws.

    Parameters
    ----------
    title, subtitle : str
    panels : tuple of Panel
    colours : dict
        Of networks: the same in every figure of a comparison.
    """

    title: str
    subtitle: str
    panels: tuple[Panel, ...]
    colours: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Shares:
    """What `shares_figure` draws.

    Parameters
    ----------
    title, subtitle : str
    rows : tuple of (name, convolutional share of weights, convolutional share of operations)
        Shares lie in 0 to 1; fully connected layers have the rest.
    """

    title: str
    subtitle: str
    rows: tuple[tuple[str, float, float], ...]


def network_colours(comparison: Comparison) -> dict[str, str]:
    """The colour of each network, by its place in the comparison."""
    names = [str(row["workload"]) for row in comparison.networks]
    return {name: COLOURS[at % len(COLOURS)] for at, name in enumerate(names)}


def accuracy_data(comparison: Comparison) -> Bubbles:
    """Published accuracy against operations, with bubbles as large as the parameters."""
    panel = _panel(comparison, "operations per image (GFLOPs, 2 x MACs)", lambda row: row["gflops"] / row["batch"])
    best = max(panel.points, key=lambda point: point[2])
    return _bubbles(
        comparison,
        f"{best[0]} is the most accurate of {len(panel.points)} networks, with {best[1]:.3g} GFLOPs an image",
        "published top-1 accuracy", [panel],
    )  # fmt: skip


def energy_data(comparison: Comparison) -> Bubbles:
    """Published accuracy against energy per image on the architecture."""
    where = comparison.architecture
    panel = _panel(comparison, f"energy per image on {where} (mJ)", lambda row: _per_image(row, "energy_pj", 1e-9))
    if not panel.points:
        raise DseError("no network with a published accuracy was mapped, so there is no energy to draw")
    least, most = panel.points[0], panel.points[-1]
    ratio = f"{most[1] / least[1]:.3g}"
    return _bubbles(
        comparison, f"An image takes {least[0]} {si(least[1] * 1e-3, 'J')} on {where}, {most[0]} {ratio} times that",
        f"published top-1 accuracy; layers mapped for {comparison.objective}, within "
        f"{100 * comparison.gap:.0f} % of the best",
        [panel],
    )  # fmt: skip


def time_data(comparison: Comparison) -> Bubbles | None:
    """Accuracy against inference time: as published, of one CPU, and on the architecture; None without either."""
    return _beside(
        comparison, "inference time",
        ("inference time on a CPU (s)", lambda row: _scaled(row.get("published_cpu_ms"), 1e-3)),
        ("inference time (s)", lambda row: _per_image(row, "latency_s", 1.0)),
    )  # fmt: skip


def power_data(comparison: Comparison) -> Bubbles | None:
    """Accuracy against power: as published, of other hardware, and on the architecture; None without either."""
    return _beside(
        comparison, "power",
        ("power of other hardware (W)", lambda row: row.get("published_power_w")),
        ("power (W)", lambda row: row.get("power_w")),
    )  # fmt: skip


Value = Callable[[Row], float | None]


def _missing(panels: Sequence[Panel]) -> str:
    """Networks that one plot has and another lacks."""
    names: list[set[str]] = [{name for name, *_ in panel.points} for panel in panels]
    lost = sorted(name for name in set().union(*names) if not all(name in group for group in names))
    return f"; {', '.join(lost)} in one plot only" if lost else ""


def _beside(
    comparison: Comparison, what: str, published: tuple[str, Value], own: tuple[str, Value]
) -> Bubbles | None:
    """What was published beside what we find, of the networks that have it."""
    panels = [_panel(comparison, *published, "published")]
    if comparison.architecture is not None:
        name, _, unit = own[0].rpartition(" (")
        label = f"{name} on {comparison.architecture} ({unit}"
        panels.append(_panel(comparison, label, own[1], comparison.architecture))
    panels = [panel for panel in panels if panel.points]
    if not panels:
        return None
    said = []
    for panel in panels:
        least, most = panel.points[0], panel.points[-1]
        unit = panel.x_label.rpartition("(")[2].rstrip(")")
        where = "published" if panel.name == "published" else f"on {panel.name}"
        ends = dict.fromkeys(f"{si(x, unit)} ({name})" for name, x, *_ in (least, most))  # one network is said once
        said.append(f"{' to '.join(ends)} {where}")
    return _bubbles(
        comparison, f"{what[0].upper()}{what[1:]}: {', '.join(said)}",
        f"published top-1 accuracy{_missing(panels)}", panels,
    )  # fmt: skip


def _panel(comparison: Comparison, label: str, value: Value, name: str = "") -> Panel:
    rows = [row for row in comparison.networks if row.get("published_top1_percent") is not None]
    if not rows:
        raise DseError("no network states an accuracy under `published`, so there is none to draw")
    points = [
        (str(row["workload"]), float(x), float(row["published_top1_percent"]), float(row["parameters"]))
        for row in rows if (x := value(row)) is not None
    ]  # fmt: skip
    return Panel(name, label, tuple(sorted(points, key=lambda point: point[1])))


def _bubbles(comparison: Comparison, title: str, subtitle: str, panels: Sequence[Panel]) -> Bubbles:
    without = [str(row["workload"]) for row in comparison.networks if row.get("published_top1_percent") is None]
    lacking = f"; no accuracy is known of {', '.join(without)}" if without else ""
    said = f"{subtitle}; area of a bubble: parameters{lacking}"
    return Bubbles(title, said, tuple(panels), network_colours(comparison))


def _per_image(row: Row, key: str, share: float) -> float | None:
    return None if row.get(key) is None else row[key] * share / row["batch"]


def _scaled(value: float | None, share: float) -> float | None:
    return None if value is None else value * share


def shares_data(comparison: Comparison) -> Shares:
    """What part of the weights and of the operations convolutions have."""
    rows = [
        (row["workload"], row["weights_conv"] / row["weights"] if row["weights"] else 0.0,
         row["macs_conv"] / row["macs"])
        for row in comparison.networks
        if row["macs"]
    ]  # fmt: skip
    if not rows:
        raise DseError("no network has a layer, so there are no shares to draw")
    operations = min(conv for _, _, conv in rows)
    weights = [conv for _, conv, _ in rows]
    return Shares(
        title=f"Convolutions do {100 * operations:.0f} % or more of the operations with {100 * min(weights):.0f} % to "
        f"{100 * max(weights):.0f} % of the weights",
        subtitle="the rest belongs to fully connected layers and products of matrices",
        rows=tuple(rows),
    )


def bubbles_figure(data: Bubbles) -> Figure:
    """A plot a panel, with the same accuracies on their axes."""
    figure = new_figure(8.5 if len(data.panels) == 1 else 11, 5.4)
    head(figure, data.title, data.subtitle)
    sides = figure.subplots(1, len(data.panels), sharey=True, squeeze=False)[0]
    largest = max(value for panel in data.panels for *_, value in panel.points) or 1.0
    for axes, panel in zip(sides, data.panels, strict=True):
        for name, x, accuracy, value in sorted(panel.points, key=lambda point: -point[3]):
            area = LARGEST_BUBBLE * value / largest
            axes.scatter([x], [accuracy], s=area, c=data.colours[name], alpha=0.55, edgecolors=INK, linewidths=0.7)
            axes.scatter([x], [accuracy], s=5, c=INK)
        logarithmic(axes, "x")
        dress(axes, panel.x_label, "top-1 accuracy (%)" if axes is sides[0] else "")
        axes.margins(x=0.2, y=0.16)
        if panel.name:
            axes.set_title(visible(panel.name), fontsize=10, color=INK, loc="left")
    for axes, panel in zip(sides, data.panels, strict=True):
        bubbles = [(x, y, sqrt(LARGEST_BUBBLE * value / largest / pi)) for _, x, y, value in panel.points]
        labels = [Label(x, y, point[0], radius) for point, (x, y, radius) in zip(panel.points, bubbles, strict=True)]
        write_labels(axes, labels, bubbles)
    return figure


def shares_figure(data: Shares) -> Figure:
    """Stacked bars, weights beside operations."""
    figure = new_figure(9, 1.9 + 0.34 * len(data.rows))
    head(figure, data.title, data.subtitle)
    sides = figure.subplots(1, 2, sharey=True, gridspec_kw={"wspace": 0.1})
    names = [visible(name) for name, *_ in data.rows]
    columns = (("weights", [weights for _, weights, _ in data.rows]), ("operations", [ops for *_, ops in data.rows]))
    for axes, (what, fractions) in zip(sides, columns, strict=True):
        conv = [100 * fraction for fraction in fractions]
        axes.barh(names, conv, color=COLOURS[0], label="CONV")
        axes.barh(names, [100 - share for share in conv], left=conv, color=COLOURS[4], label="FC")
        for position, share in enumerate(conv):
            x, side, colour = (share - 1.5, "right", "white") if share > 20 else (share + 1.5, "left", INK)
            axes.text(x, position, f"{share:.1f} %", va="center", ha=side, fontsize=SMALLEST, color=colour)
        axes.set(xlim=(0, 100), xticks=range(0, 101, 25))
        axes.set_xlabel(f"share of {what} (%)", fontsize=10, color=INK)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(color=QUIET, labelcolor=INK, labelsize=SMALLEST)
    sides[0].invert_yaxis()
    handles, labels = sides[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower right", ncols=2, frameon=False, fontsize=SMALLEST)
    return figure


def draw_networks(comparison: Comparison, directory: Path) -> list[str]:
    """Write every figure that the comparison has the figures for, and name the files."""
    drawn: dict[str, Figure] = {}
    accurate = [row for row in comparison.networks if row.get("published_top1_percent") is not None]
    if accurate:
        drawn["accuracy_operations.png"] = bubbles_figure(accuracy_data(comparison))
        for what, data in (("time", time_data(comparison)), ("power", power_data(comparison))):
            if data is not None:
                drawn[f"accuracy_{what}.png"] = bubbles_figure(data)
    if any(row.get("energy_pj") is not None for row in accurate):
        drawn["accuracy_energy.png"] = bubbles_figure(energy_data(comparison))
    drawn["shares.png"] = shares_figure(shares_data(comparison))
    for name, figure in drawn.items():
        save_figure(figure, directory / name)
    return list(drawn)
