"""A network's graph as a figure: one function places the nodes, one draws them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from dse.errors import DseError
from dse.problem.shapes import spelled
from dse.problem.summary import layer_kind
from dse.report.figures.save import save_figure
from dse.report.figures.style import COLOURS, INK, QUIET
from dse.report.units import si

if TYPE_CHECKING:
    from dse.problem.workload import Node, Workload

MOST_NODES = 2000
"""A figure of more is neither drawn in reasonable time nor read."""

BOX = (1.72, 0.36)
"""Inches that a node takes; between neighbours there is a gap of `GAP`."""

GAP = (0.25, 0.26)

GROUPS = {
    "convolution": COLOURS[5], "depthwise or grouped": COLOURS[2], "fully connected": COLOURS[4],
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
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import FancyBboxPatch, Patch

    step = (BOX[0] + GAP[0], BOX[1] + GAP[1])
    columns = [x for *_, x, _ in data.boxes] + [x for edge in data.edges for x, _ in edge]
    wide = max((max(columns) - min(columns)) * step[0] + BOX[0] + 0.4, 6.5)
    high = (max(row for *_, row in data.boxes) + 1) * step[1] + 1.0
    figure = Figure(figsize=(wide, high))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    middle = (max(columns) + min(columns)) / 2 * step[0]
    axes.set(xlim=(middle - wide / 2, middle + wide / 2), ylim=(-high + 0.9, 0.9))
    axes.axis("off")
    for edge in data.edges:
        points = [(x * step[0], -y * step[1]) for x, y in edge]
        (x0, y0), (x1, y1) = points[0], points[-1]
        line = [(x0, y0 - BOX[1] / 2), *points[1:-1], (x1, y1 + BOX[1] / 2)]
        axes.plot(*zip(*line, strict=True), color=QUIET, linewidth=0.8, zorder=1)
    for name, label, group, x, y in data.boxes:
        left, bottom = x * step[0] - BOX[0] / 2, -y * step[1] - BOX[1] / 2
        axes.add_patch(FancyBboxPatch(
            (left, bottom), *BOX, boxstyle="round,pad=0,rounding_size=0.06", facecolor=GROUPS[group],
            edgecolor=INK, linewidth=0.5, zorder=2,
        ))  # fmt: skip
        for text, place in ((name if len(name) <= 30 else f"…{name[-29:]}", 0.68), (label, 0.27)):
            axes.text(left + BOX[0] / 2, bottom + place * BOX[1], text, ha="center", va="center", color=INK,
                      fontsize=min(7.0, 190 / max(len(text), 1)), zorder=3)  # fmt: skip
    used = [group for group in GROUPS if any(box[2] == group for box in data.boxes)]
    handles = [Patch(facecolor=GROUPS[group], edgecolor=INK, linewidth=0.5, label=group) for group in used]
    axes.text(middle - wide / 2 + 0.1, 0.75, data.title, fontsize=10, weight="bold", color=INK, va="center")
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, 1 - 0.28 / high), ncols=len(used), fontsize=7,
                frameon=False, handlelength=1.2, columnspacing=1.0)  # fmt: skip
    save_figure(figure, path)


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
