"""Which texts of a figure cover each other, or are cut off at its edge, as matplotlib draws them."""

from itertools import combinations

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Annotation, Text

from dse.report.drawing.style import SMALLEST

TOUCH = 1.0
"""Pixels by which boxes may meet: glyphs leave as much free around them."""


def texts_of(figure):
    """Every text that is drawn, without the names of ticks outside of the plot."""
    found = [*figure.texts]
    for legend in figure.legends:
        found += legend.get_texts()
    for axes in figure.axes:
        if not axes.get_visible():
            continue
        found += [*axes.texts, axes.title, axes._left_title, axes._right_title]
        if axes.get_legend() is not None:
            found += axes.get_legend().get_texts()
        if not axes.axison:
            continue
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = zip(axis.get_major_ticks(), axis.get_majorticklocs(), strict=False)
            inside = [tick for tick, at in ticks if low <= at <= high]
            found += [axis.label, axis.offsetText, *(tick.label1 for tick in inside if tick.label1.get_visible())]
    return [text for text in found if text.get_visible() and text.get_text().strip()]


def boxes_of(figure):
    """Text, its size in points, and its box (left, bottom, right, top) in pixels."""
    FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    found = []
    for text in texts_of(figure):
        box = Text.get_window_extent(text, renderer)  # an annotation's own would hold its line, too
        found.append((text.get_text(), text.get_fontsize(), (box.x0, box.y0, box.x1, box.y1)))
    return found


def covered(figure):
    """Labels of points that cover a point's middle, in figures whose points are drawn by `scatter`."""
    FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    renderer, wrong = figure.canvas.get_renderer(), []
    for axes in figure.axes:
        middles = [axes.transData.transform(at) for drawn in axes.collections for at in drawn.get_offsets()]
        for text in (text for text in axes.texts if isinstance(text, Annotation)):
            box = Text.get_window_extent(text, renderer)
            wrong += [f"{text.get_text()!r} covers a point" for x, y in middles
                      if box.x0 < x < box.x1 and box.y0 < y < box.y1]  # fmt: skip
    return wrong


def faults(figure, smallest=SMALLEST):
    """What is wrong with the texts of a figure: over each other or over points, cut off at the edge, or too small."""
    boxes = boxes_of(figure)
    wrong = covered(figure)
    for (a, _, p), (b, _, q) in combinations(boxes, 2):
        across = min(p[2], q[2]) - max(p[0], q[0])
        up = min(p[3], q[3]) - max(p[1], q[1])
        if across > TOUCH and up > TOUCH:
            wrong.append(f"{a!r} and {b!r} cover each other by {across:.0f} x {up:.0f} pixels")
    width, height = figure.bbox.width, figure.bbox.height
    for text, size, (left, low, right, high) in boxes:
        if left < -TOUCH or low < -TOUCH or right > width + TOUCH or high > height + TOUCH:
            wrong.append(f"{text!r} is cut off")
        if size < smallest:
            wrong.append(f"{text!r} has {size:.1f} points")
    return wrong
