"""Figures of networks side by side. Each is two functions: one gives plain data, one draws it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dse.errors import DseError
from dse.report.figures.save import save_figure, tick_name
from dse.report.figures.style import COLOURS, INK, QUIET
from dse.report.units import si

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dse.explore.compare.networks import Comparison

LARGEST_BUBBLE = 1600.0
"""Area in points squared of the bubble of the network with the most parameters."""


@dataclass(frozen=True, slots=True)
class Bubbles:
    """What `draw_bubbles` draws.

    Parameters
    ----------
    title, subtitle : str
    x_label : str
    points : tuple of (name, x, top-1 accuracy in percent, bubble's value)
        Ascending in x. Areas of bubbles are proportional to their values; without values all are equal.
    bubble_label : str
        What areas stand for; empty for equal ones.
    """

    title: str
    subtitle: str
    x_label: str
    points: tuple[tuple[str, float, float, float], ...]
    bubble_label: str = ""


@dataclass(frozen=True, slots=True)
class Shares:
    """What `draw_shares` draws.

    Parameters
    ----------
    title, subtitle : str
    rows : tuple of (name, convolutional share of weights, convolutional share of operations)
        Shares lie in 0 to 1; fully connected layers have the rest.
    """

    title: str
    subtitle: str
    rows: tuple[tuple[str, float, float], ...]


def accuracy_data(comparison: Comparison) -> Bubbles:
    """Published accuracy against operations, with bubbles as large as the parameters."""
    rows = _with_accuracy(comparison)
    points = [
        (row["workload"], row["gflops"] / row["batch"], row["published_top1_percent"], float(row["parameters"]))
        for row in rows
    ]
    best = max(points, key=lambda point: point[2])
    return Bubbles(
        title=f"{best[0]} is the most accurate of {len(points)} networks, with {best[1]:.3g} GFLOPs an image",
        subtitle="published top-1 accuracy; area of a bubble: parameters",
        x_label="operations per image (GFLOPs, 2 x MACs)",
        points=tuple(sorted(points, key=lambda point: point[1])),
        bubble_label="parameters",
    )


def energy_data(comparison: Comparison) -> Bubbles:
    """Published accuracy against energy per image on the architecture."""
    rows = [row for row in _with_accuracy(comparison) if row.get("energy_pj") is not None]
    if not rows:
        raise DseError("no network with a published accuracy was mapped, so there is no energy to draw")
    points = [
        (row["workload"], row["energy_pj"] * 1e-9 / row["batch"], row["published_top1_percent"], 1.0) for row in rows
    ]
    least = min(points, key=lambda point: point[1])
    return Bubbles(
        title=f"An image takes {least[0]} {si(least[1] * 1e-3, 'J')} on {comparison.architecture}, "
        f"{max(points, key=lambda point: point[1])[0]} {max(x for _, x, *_ in points) / least[1]:.3g} times that",
        subtitle=f"published top-1 accuracy; layers mapped for {comparison.objective}, "
        f"within {comparison.gap:.0%} of the best",
        x_label=f"energy per image on {comparison.architecture} (mJ)",
        points=tuple(sorted(points, key=lambda point: point[1])),
    )


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
        title=f"Convolutions do {operations:.0%} or more of the operations with {min(weights):.0%} to "
        f"{max(weights):.0%} of the weights",
        subtitle="the rest belongs to fully connected layers and products of matrices",
        rows=tuple(rows),
    )


def draw_bubbles(data: Bubbles, path: str | Path) -> None:
    """Draw accuracy against a logarithmic x to a PNG, SVG or PDF file."""
    figure = _figure(8.5, 5.4)
    axes = figure.add_subplot()
    largest = max(value for *_, value in data.points)
    for index, (_, x, accuracy, value) in enumerate(data.points):
        area = LARGEST_BUBBLE * value / largest if data.bubble_label else 60.0
        axes.scatter([x], [accuracy], s=area, c=COLOURS[index % 6], alpha=0.55, edgecolors=INK, linewidths=0.7)
        axes.scatter([x], [accuracy], s=5, c=INK)
    _name_points(figure, axes, data)
    axes.set(xscale="log", xlabel=data.x_label, ylabel="top-1 accuracy (%)")
    axes.margins(x=0.16, y=0.16)
    _plain_ticks(axes)
    _dress(axes, data.title, data.subtitle)
    save_figure(figure, path)


def draw_shares(data: Shares, path: str | Path) -> None:
    """Draw the shares as stacked bars, weights beside operations, to a PNG, SVG or PDF file."""
    figure = _figure(9, 1.6 + 0.36 * len(data.rows))
    sides = figure.subplots(1, 2, sharey=True)
    names = [tick_name(name) for name, *_ in data.rows]
    columns = (("weights", [weights for _, weights, _ in data.rows]), ("operations", [ops for *_, ops in data.rows]))
    for axes, (what, fractions) in zip(sides, columns, strict=True):
        conv = [100 * fraction for fraction in fractions]
        axes.barh(names, conv, color=COLOURS[0], label="CONV")
        axes.barh(names, [100 - share for share in conv], left=conv, color=COLOURS[4], label="FC")
        for position, share in enumerate(conv):
            inside = share > 20
            axes.text(share - 1.5 if inside else share + 1.5, position, f"{share:.1f} %", va="center", fontsize=8,
                      ha="right" if inside else "left", color="white" if inside else INK)  # fmt: skip
        axes.set(xlabel=f"share of {what} (%)", xlim=(0, 100))
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(color=QUIET, labelcolor=INK)
    sides[0].invert_yaxis()
    figure.suptitle(data.title, x=0.01, ha="left", fontsize=11.5, weight="bold", color=INK)
    sides[0].set_title(data.subtitle, loc="left", fontsize=9, color=QUIET)
    handles, labels = sides[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower right", ncols=2, frameon=False, fontsize=9)
    save_figure(figure, path)


def draw_networks(comparison: Comparison, directory: Path) -> list[str]:
    """Write every figure that the comparison has the figures for, and name the files."""
    files: list[tuple[str, Callable[[Any, Path], None], Any]] = []
    accurate = [row for row in comparison.networks if row.get("published_top1_percent") is not None]
    if accurate:
        files.append(("accuracy_operations.png", draw_bubbles, accuracy_data(comparison)))
    if any(row.get("energy_pj") is not None for row in accurate):
        files.append(("accuracy_energy.png", draw_bubbles, energy_data(comparison)))
    files.append(("shares.png", draw_shares, shares_data(comparison)))
    for name, draw, data in files:
        draw(data, directory / name)
    return [name for name, *_ in files]


def label_places(boxes: Sequence[tuple[float, float, float, float]], taken: Sequence[tuple[float, float]]) -> list[int]:
    """For each label the first of four places about its point where it covers no other label and no point.

    Parameters
    ----------
    boxes : sequence of (x, y, width, height)
        Point and size of each label, in pixels.
    taken : sequence of (x, y)
        Points that labels should not cover.

    Returns
    -------
    list of int
        0 right above, 1 right below, 2 left above, 3 left below; 0 where every place is covered.
    """
    chosen: list[int] = []
    drawn: list[tuple[float, float, float, float]] = []
    for x, y, width, height in boxes:
        options = [_placed(x, y, width, height, place) for place in range(4)]
        free = [
            not any(_overlap(option, other) for other in drawn)
            and not any(option[0] <= px <= option[2] and option[1] <= py <= option[3] for px, py in taken)
            for option in options
        ]
        place = free.index(True) if True in free else 0
        chosen.append(place)
        drawn.append(options[place])
    return chosen


def _with_accuracy(comparison: Comparison) -> list[dict[str, Any]]:
    rows = [row for row in comparison.networks if row.get("published_top1_percent") is not None]
    if not rows:
        raise DseError("no network states an accuracy under `published`, so there is none to draw")
    return rows


def _placed(x: float, y: float, width: float, height: float, place: int) -> tuple[float, float, float, float]:
    left = x + 6 if place < 2 else x - 6 - width
    bottom = y + 4 if place % 2 == 0 else y - 4 - height
    return left, bottom, left + width, bottom + height


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _name_points(figure: Figure, axes: Axes, data: Bubbles) -> None:
    """Write each network's name beside its point, where nothing else stands."""
    from math import log10

    xs = [log10(x) for _, x, *_ in data.points]
    ys = [y for _, _, y, _ in data.points]
    # pixels, near enough to place labels: the plot takes about four fifths of the figure
    wide, high = 0.8 * 72 * figure.get_figwidth(), 0.75 * 72 * figure.get_figheight()
    x_span, y_span = (max(xs) - min(xs)) * 1.32 or 1.0, (max(ys) - min(ys)) * 1.32 or 1.0
    at = [(wide * x / x_span, high * y / y_span) for x, y in zip(xs, ys, strict=True)]
    boxes = [(*point, 5.2 * len(name), 10.0) for point, (name, *_) in zip(at, data.points, strict=True)]
    for (name, x, y, _), place in zip(data.points, label_places(boxes, at), strict=True):
        axes.annotate(
            name, (x, y), xytext=(6 if place < 2 else -6, 4 if place % 2 == 0 else -4), textcoords="offset points",
            ha="left" if place < 2 else "right", va="bottom" if place % 2 == 0 else "top", fontsize=8.5, color=INK,
        )  # fmt: skip


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=150, layout="constrained")


def _plain_ticks(axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _dress(axes: Axes, title: str, subtitle: str) -> None:
    axes.tick_params(which="both", color=QUIET, labelcolor=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(QUIET)
    axes.grid(which="major", color="#e6e6e6", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.set_title(f"{title}\n", loc="left", fontsize=11.5, weight="bold", color=INK)
    axes.text(0, 1.02, subtitle, transform=axes.transAxes, fontsize=9, color=QUIET)
