"""Labels beside points, each where it covers no other label, no point and no edge of the plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import hypot
from typing import TYPE_CHECKING, Any, cast

from dse.report.drawing.save import take_literally
from dse.report.drawing.style import INK, QUIET, SMALLEST

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Box = tuple[float, float, float, float]
"""Left, bottom, right, top, in pixels."""

DISTANCES = (4.0, 12.0, 24.0, 40.0, 60.0, 90.0)
"""Points between the edge of a mark and its label; those of more than `LEADERLESS` get a line."""

LEADERLESS = 6.0

DIRECTIONS = ((1, 1), (1, -1), (-1, 1), (-1, -1), (1, 0), (-1, 0), (0, 1), (0, -1))


@dataclass(frozen=True, slots=True)
class Label:
    """A text for a point.

    Parameters
    ----------
    x, y : float
        In the units of the axes.
    text : str
    radius : float
        Of the point's mark, in points.
    weight : {"normal", "bold"}
    """

    x: float
    y: float
    text: str
    radius: float = 4.0
    weight: str = "normal"


def place(sizes: Sequence[tuple[float, float, float, float, float]], marks: Sequence[tuple[float, float, float]],
          inside: Box, unit: float = 1.0) -> list[tuple[float, float] | None]:  # fmt: skip
    """Where labels go.

    Parameters
    ----------
    sizes : sequence of (x, y, radius, width, height)
        Of each label: its point, the radius of the mark there, and how large the text is; in pixels.
    marks : sequence of (x, y, radius)
        What labels should not cover, in pixels.
    inside : (left, bottom, right, top)
        Where labels may be, in pixels.
    unit : float
        Pixels of a point.

    Returns
    -------
    list of (left, bottom) or None
        Lower left corner of each text in pixels; None for one that would cover another label wherever it stands.

    Examples
    --------
    >>> place([(50, 50, 2, 40, 10), (52, 50, 2, 40, 10)], [], (0, 0, 200, 100))
    [(56.0, 45.0), (6.0, 45.0)]
    """
    drawn: list[Box] = []
    corners: list[tuple[float, float] | None] = []
    for x, y, radius, width, height in sizes:
        best, least = None, float("inf")
        for distance, (right, up) in product(DISTANCES, DIRECTIONS):
            gap = radius + distance * unit
            left = x + right * gap - (width if right < 0 else width / 2 if right == 0 else 0)
            low = y + up * gap - (height if up < 0 else height / 2 if up == 0 else 0)
            box = (left, low, left + width, low + height)
            if not _within(box, inside) or any(_meet(box, other, 2 * unit) for other in drawn):
                continue
            covered = sum(_covers(box, mark) for mark in marks)
            cost = 100 * covered + distance + 2 * hypot(right, up)
            if cost < least:
                best, least = box, cost
        corners.append(None if best is None else best[:2])
        if best is not None:
            drawn.append(best)
    return corners


def write_labels(axes: Axes, labels: Sequence[Label], marks: Sequence[tuple[float, float, float]] = ()) -> list[str]:
    """Write labels into a plot whose data, scales and surroundings are drawn.

    Parameters
    ----------
    labels : sequence of Label
        The most important first; one that finds no room is left out.
    marks : sequence of (x, y, radius)
        Points not to cover, in the units of the axes, and their radii in points; those of the labels are among them
        anyway.

    Returns
    -------
    list of str
        The texts that were left out.
    """
    from matplotlib.text import Text

    figure = cast(Any, axes.figure)
    figure.draw_without_rendering()  # lays everything out
    unit = figure.dpi / 72
    to_pixels = axes.transData.transform
    renderer = figure.canvas.get_renderer()
    texts, sizes = [], []
    for label in labels:
        text = axes.annotate(
            label.text, (label.x, label.y), xytext=(0, 0), textcoords="offset points", fontsize=SMALLEST, color=INK,
            weight=label.weight, zorder=8, ha="left", va="bottom", linespacing=1.15,
            arrowprops={"arrowstyle": "-", "color": QUIET, "linewidth": 0.6, "shrinkA": 0, "shrinkB": label.radius},
            bbox={"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.5},
        )  # fmt: skip
        text.set_in_layout(False)
        take_literally(text)
        box = Text.get_window_extent(text, renderer)  # without the line, which an annotation counts in
        x, y = to_pixels((label.x, label.y))
        sizes.append((x, y, label.radius * unit, box.width, box.height))
        texts.append(text)
    own = [(x, y, radius) for x, y, radius, _, _ in sizes]
    others = [(*to_pixels((x, y)), radius * unit) for x, y, radius in marks]
    box = axes.get_window_extent(renderer)
    inside = (box.x0 + 2 * unit, box.y0 + 2 * unit, box.x1 - 2 * unit, box.y1 - 2 * unit)
    left_out = []
    for label, text, (x, y, radius, width, height), corner in zip(
        labels, texts, sizes, place(sizes, own + others, inside, unit), strict=True
    ):
        if corner is None:
            text.remove()
            left_out.append(label.text)
            continue
        text.set_position(((corner[0] - x) / unit, (corner[1] - y) / unit))
        away = _distance((x, y), (*corner, corner[0] + width, corner[1] + height)) - radius
        if away <= 1.5 * LEADERLESS * unit and text.arrow_patch is not None:
            text.arrow_patch.set_visible(False)
    return left_out


def _distance(point: tuple[float, float], box: Box) -> float:
    return hypot(max(box[0] - point[0], 0, point[0] - box[2]), max(box[1] - point[1], 0, point[1] - box[3]))


def _covers(box: Box, mark: tuple[float, float, float]) -> bool:
    return _distance(mark[:2], box) < mark[2]


def _meet(a: Box, b: Box, apart: float) -> bool:
    return a[0] < b[2] + apart and b[0] < a[2] + apart and a[1] < b[3] + apart and b[1] < a[3] + apart


def _within(box: Box, outer: Box) -> bool:
    return outer[0] <= box[0] and outer[1] <= box[1] and box[2] <= outer[2] and box[3] <= outer[3]
