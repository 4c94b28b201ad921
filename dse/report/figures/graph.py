"""A network's graph as a figure: one function places the nodes, one draws them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from dse.errors import DseError
from dse.problem.shapes import spelled
from dse.problem.summary import layer_kind
from dse.report.drawing.save import save_figure
from dse.report.drawing.style import COLOURS, INK, QUIET, SMALLEST, new_figure
from dse.report.units import si

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dse.problem.workload import Node, Workload

MOST_NODES = 2000
"""A figure of more is neither drawn in reasonable time nor read."""

BOX = (2.0, 0.44)
"""Inches that a node takes; between neighbours there is a gap of `GAP`."""

GAP = (0.25, 0.26)

GROUPS = {
    "convolution": "#8ec3e6", "depthwise or grouped": COLOURS[2], "fully connected": COLOURS[4],
    "matrix product": COLOURS[1], "join": COLOURS[3], "no MACs": "#dddddd",
}  # fmt: skip

_KINDS = {
    "conv": "convolution", "pointwise": "convolution", "depthwise": "depthwise or grouped",
    "grouped": "depthwise or grouped", "fc": "fully connected", "matmul": "matrix product",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class GraphData:
    """What `draw_graph` draws.

    Parameters
    ----------
    title : str
    boxes : tuple of (name, label, group, column, row)
        Columns count from the middle and may be fractions; rows count from the input, downwards.
    edges : tuple of (tuple of (column, row))
        Each the points of a line from the bottom of a node to the top of one that reads it.
    """

    title: str
    boxes: tuple[tuple[str, str, str, float, int], ...]
    edges: tuple[tuple[tuple[float, float], ...], ...]


def graph_data(workload: Workload) -> GraphData:
    """Place every node below all that it reads, and as near to them as its neighbours allow.

    Raises
    ------
    DseError
        More than `MOST_NODES` nodes.

    Notes
    -----
    Rows are the longest path from an input. An edge that spans several rows takes a place of its own in each, so that
    it runs past the boxes. Within rows, places are ordered by the mean of what they read, then of what reads them.
    """
    if len(workload.nodes) > MOST_NODES:
        raise DseError(f"{workload.name} has {len(workload.nodes)} nodes, more than {MOST_NODES}: too many to draw")
    row: dict[str, int] = {}
    for node in workload.nodes:
        row[node.name] = max((row[name] + 1 for name in node.inputs), default=0)
    rows, paths = _places(workload, row)
    column = _columns(rows, paths)
    boxes = tuple(
        (node.name, _label(node), _group(node), column[node.name, row[node.name]], row[node.name])
        for node in workload.nodes
    )
    edges = tuple(tuple((column[place], place[1]) for place in path) for path in paths)
    title = (
        f"{workload.name}: {len(workload.layers)} layers, {si(workload.macs, 'MAC')}s, {si(workload.parameters, '')}"
    )
    return GraphData(f"{title} parameters", boxes, edges)


Place = tuple[str, int]


def _places(workload: Workload, row: dict[str, int]) -> tuple[list[list[Place]], list[list[Place]]]:
    """Places in each row, of nodes and of edges that pass; and the places along each edge."""
    rows: list[list[Place]] = [[] for _ in range(max(row.values(), default=0) + 1)]
    for node in workload.nodes:
        rows[row[node.name]].append((node.name, row[node.name]))
    paths = []
    for node in workload.nodes:
        for source in dict.fromkeys(node.inputs):
            # edges of one tensor share their places, like a bundle
            passed = [(source, at) for at in range(row[source] + 1, row[node.name])]
            for place in passed:
                if place not in rows[place[1]]:
                    rows[place[1]].append(place)
            paths.append([(source, row[source]), *passed, (node.name, row[node.name])])
    return rows, paths


def _columns(rows: list[list[Place]], paths: list[list[Place]]) -> dict[Place, float]:
    above: dict[Place, list[Place]] = {}
    below: dict[Place, list[Place]] = {}
    for path in paths:
        for upper, lower in pairwise(path):
            above.setdefault(lower, []).append(upper)
            below.setdefault(upper, []).append(lower)
    column = {place: at - (len(places) - 1) / 2 for places in rows for at, place in enumerate(places)}
    for sweep in range(4):
        near, order = (above, rows) if sweep % 2 == 0 else (below, rows[::-1])
        for places in order:
            wanted = {
                place: sum(column[other] for other in near[place]) / len(near[place])
                if place in near
                else column[place]
                for place in places
            }
            ordered = sorted(places, key=lambda place: wanted[place])
            for at, place in enumerate(ordered):
                column[place] = at - (len(ordered) - 1) / 2
    return column


def draw_graph(data: GraphData, path: str | Path) -> None:
    """Draw the graph from top to bottom to an SVG, PNG or PDF file."""
    save_figure(graph_figure(data), path)


def graph_figure(data: GraphData) -> Figure:
    """The graph from top to bottom; a strip much higher than wide goes on in columns beside each other."""
    bands = _bands(data)
    step = (BOX[0] + GAP[0], BOX[1] + GAP[1])
    widths = [(band.right - band.left) * step[0] + BOX[0] for band in bands]
    lefts = [sum(widths[:at]) + at * BAND_GAP for at in range(len(bands))]
    wide = max(lefts[-1] + widths[-1] + 0.4, 6.5)
    high = max(band.last - band.first + 1 for band in bands) * step[1] + 0.7
    figure = new_figure(wide, high + 0.7)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, high / (high + 0.7)))
    axes.set(xlim=(-0.2, wide - 0.2), ylim=(-high, 0))
    axes.axis("off")

    def place(column: float, row: int) -> tuple[float, float]:
        at = next(i for i, band in enumerate(bands) if row <= band.last)
        band = bands[at]
        x = lefts[at] + (column - band.left) * step[0] + BOX[0] / 2
        return x, -(row - band.first + 0.75) * step[1]

    for edge in data.edges:
        gutters = [next(left for left, band in zip(lefts, bands, strict=True) if y <= band.last) for _, y in edge]
        line = [(*place(x, int(y)), left - BAND_GAP / 2) for (x, y), left in zip(edge, gutters, strict=True)]
        axes.plot(*zip(*edge_line(line, high), strict=True), color=QUIET, linewidth=0.8, zorder=1)
    for name, label, group, x, y in data.boxes:
        _draw_box(axes, place(x, y), name, label, group)
    _draw_head(figure, data)
    return figure


BAND_GAP = 0.9
"""Inches between columns, in which edges run from the foot of one to the head of the next."""

TALLEST = 1.25
"""Height over width that a figure of several columns keeps within, if it can."""


@dataclass(frozen=True, slots=True)
class Band:
    """Rows of a graph that stand in one column of the figure; `left` and `right` are their outermost places."""

    first: int
    last: int
    left: float
    right: float


def _bands(data: GraphData) -> list[Band]:
    """As few columns as keep the figure from being much higher than wide, cut where fewest edges pass."""
    rows = max(row for *_, row in data.boxes) + 1
    for count in range(1, rows + 1):
        cuts = [0, *(_cut(data, round(rows * at / count), rows, count) for at in range(1, count)), rows]
        bands = [_band(data, first, last - 1) for first, last in pairwise(cuts) if last > first]
        wide = sum((band.right - band.left) * (BOX[0] + GAP[0]) + BOX[0] + BAND_GAP for band in bands)
        high = max(band.last - band.first + 1 for band in bands) * (BOX[1] + GAP[1])
        if high <= max(TALLEST * wide, 6.0):
            break
    return bands


def _cut(data: GraphData, wanted: int, rows: int, count: int) -> int:
    """The row near the wanted one that begins a column with the fewest edges into it."""
    near = range(max(1, wanted - rows // (6 * count)), min(rows - 1, wanted + rows // (6 * count)) + 1)

    def crossing(row: int) -> int:
        return len({(x, y) for edge in data.edges for (x, y), (_, z) in pairwise(edge) if y < row <= z})

    return min(near or [wanted], key=lambda row: (crossing(row), abs(row - wanted)))


def _band(data: GraphData, first: int, last: int) -> Band:
    places = [x for *_, x, row in data.boxes if first <= row <= last]
    places += [x for edge in data.edges for x, row in edge if first <= row <= last]
    return Band(first, last, min(places), max(places))


def edge_line(points: list[tuple[float, float, float]], high: float) -> list[tuple[float, float]]:
    """From the bottom of a box to the top of another; from one column to the next around the foot of the first.

    Parameters
    ----------
    points : list of (x, y, x of the gutter on the left of the point's column)
    high : float
        Of the figure.
    """
    (x0, y0, gutter), (x1, y1, last_gutter) = points[0], points[-1]
    line = [(x0, y0 - BOX[1] / 2, gutter), *points[1:-1], (x1, y1 + BOX[1] / 2, last_gutter)]
    found = [line[0][:2]]
    for (x, y, _), (to_x, to_y, beside) in pairwise(line):
        if to_y > y:  # up: into the next column, in the gutter before it, where no box is
            found += [(x, -high + 0.08), (beside, -high + 0.08), (beside, -0.06), (to_x, -0.06)]
        found.append((to_x, to_y))
    return found


def _draw_box(axes: Axes, middle: tuple[float, float], name: str, label: str, group: str) -> None:
    from matplotlib.patches import FancyBboxPatch

    left, bottom = middle[0] - BOX[0] / 2, middle[1] - BOX[1] / 2
    axes.add_patch(FancyBboxPatch(
        (left, bottom), *BOX, boxstyle="round,pad=0,rounding_size=0.06", facecolor=GROUPS[group],
        edgecolor=INK, linewidth=0.5, zorder=2,
    ))  # fmt: skip
    for text, place in ((name if len(name) <= 30 else f"…{name[-29:]}", 0.7), (label, 0.27)):
        axes.text(middle[0], bottom + place * BOX[1], text, ha="center", va="center", color=INK,
                  fontsize=min(SMALLEST, 104 * BOX[0] / max(len(text), 1)), zorder=3)  # fmt: skip


def _draw_head(figure: Figure, data: GraphData) -> None:
    from matplotlib.patches import Patch

    used = [group for group in GROUPS if any(box[2] == group for box in data.boxes)]
    handles = [Patch(facecolor=GROUPS[group], edgecolor=INK, linewidth=0.5, label=group) for group in used]
    high = figure.get_figheight()
    left, top = 0.1 / figure.get_figwidth(), 1 - 0.06 / high
    figure.text(left, top, data.title, fontsize=11, weight="bold", color=INK, va="top")
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, 1 - 0.3 / high), ncols=len(used),
                  fontsize=SMALLEST, frameon=False, handlelength=1.2, columnspacing=1.0)  # fmt: skip


def _label(node: Node) -> str:
    """What a node does, and the shape that it makes."""
    layer = node.layer
    if layer is None or node.op in ("fc", "matmul") or layer.R == layer.S == layer.P == layer.Q == 1:
        return f"{node.op} {spelled(node.shape)}"
    stride = "" if layer.stride_h == layer.stride_w == 1 else f" /{layer.stride_h}"
    return f"{layer.R}x{layer.S}{stride} {spelled(node.shape)}"


def _group(node: Node) -> str:
    if node.layer is not None:
        return _KINDS[layer_kind(node, node.layer)]
    return "join" if node.op in ("add", "concat", "multiply") else "no MACs"
