"""The front of a sweep's designs as a figure: one function gives plain data, one draws it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dse.errors import DseError
from dse.explore.plan.search import OBJECTIVES
from dse.report.drawing.labels import Label, write_labels
from dse.report.drawing.save import save_figure
from dse.report.drawing.style import COLOURS, INK, QUIET, dress, head, legend, logarithmic, new_figure
from dse.report.text.asked import goal_name, workloads_of
from dse.report.text.counts import Counts
from dse.report.units import duration, energy, prefix_of, si, times

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dse.explore.results.result import SweepResult

SHADES = ("#dddddd", "#b3b3b3", "#808080", INK)
"""Lines of area budgets, the tightest first and widest, so that lines that coincide are all seen."""

TITLE_ROOM = 30
"""Characters of the networks' names in a title."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
BEST = {
    "latency": ("latency_s", "fastest"), "edp": ("edp_js", "best energy-delay"),
    "energy": ("energy_pj", "least energy"), "area": ("area_mm2", "smallest"),
}  # fmt: skip
"""Column and label of the best in each objective."""

AXES = {
    "latency_s": ("latency", "s", 1.0), "energy_pj": ("energy", "J", 1e-12), "area_mm2": ("area", "mm2", None),
    "edp_js": ("energy-delay product", "J·s", 1.0),
}  # fmt: skip
"""Name and unit of an axis, and the unit's share of the figure; None for a unit that takes no prefix."""

Point = tuple[float, float, float]
"""Across, up, and the area in mm2."""


@dataclass(frozen=True, slots=True)
class FrontData:
    """What `draw_front` draws.

    Parameters
    ----------
    title, subtitle : str
        What was found, and what was done.
    x_label, y_label : str
        What the axes are, with their units: latency and energy, or area and the other objective of two.
    explored : dict
        Dataflow to the (x, y, area) of each design explored with it, in axis units and mm2.
    front : tuple of (x, y, area, dataflow, number)
        One point a design, ascending in x.
    lines : tuple of (text, ((x, y), ...))
        Front within each area budget, ascending in x; one without a name where area is no third objective.
    reference : (x, y, area) or None
        The architecture's own design.
    labels : tuple of (x, y, text)
        Points worth reading.
    """

    title: str
    subtitle: str
    x_label: str
    y_label: str
    explored: dict[str, tuple[Point, ...]]
    front: tuple[tuple[float, float, float, str, int], ...]
    lines: tuple[tuple[str, tuple[tuple[float, float], ...]], ...]
    reference: Point | None
    labels: tuple[tuple[float, float, str], ...]

    def records(self) -> list[dict[str, Any]]:
        """One row a point, for CSV."""
        x, y = self.x_label, self.y_label
        budgets = [
            {"what": f"line {text}".strip(), x: at[0], y: at[1]} for text, points in self.lines for at in points
        ]
        own = [] if self.reference is None else [
            {"what": "as specified", x: self.reference[0], y: self.reference[1], "area_mm2": self.reference[2]}
        ]  # fmt: skip
        front = [
            {"what": "front", "design": number, "dataflow": flow, x: at[0], y: at[1], "area_mm2": area}
            for *at, area, flow, number in self.front
        ]
        tried = [
            {"what": "explored", "dataflow": flow, x: at[0], y: at[1], "area_mm2": area}
            for flow, points in self.explored.items() for *at, area in points
        ]  # fmt: skip
        return front + own + budgets + tried


def axes_of(objectives: tuple[str, ...]) -> tuple[str, str]:
    """What a front is drawn in: across and up.

    Energy against latency, unless the search is for area and one other: then that against area.

    Examples
    --------
    >>> axes_of(("energy", "latency", "area")), axes_of(("edp", "area"))
    (('latency_s', 'energy_pj'), ('area_mm2', 'edp_js'))
    """
    if len(objectives) == 2 and "area" in objectives:
        (other,) = (name for name in objectives if name != "area")
        return "area_mm2", OBJECTIVES[other]
    return "latency_s", "energy_pj"


def front_data(result: SweepResult) -> FrontData:
    """Every explored design, and the front, in latency and energy or in area and the other objective.

    Raises
    ------
    DseError
        When no design works, so that there is nothing to show.
    """
    sound = [e for e in result.designs if e.ok]
    if not sound:
        raise DseError(f"sweep {result.name}: no design works, so there is no front to draw")
    keys = axes_of(result.search.objectives)
    rows = sorted(result.front_rows(), key=lambda row: (row[keys[0]], row[keys[1]]))
    scales = [_scale(key, rows[len(rows) // 2][key]) for key in keys]

    def at(figures: Mapping[str, Any]) -> tuple[float, float]:
        x, y = (figures[key] * share / factor for key, (share, factor, _) in zip(keys, scales, strict=True))
        return x, y

    explored: dict[str, list[Point]] = {}
    for e in sound:
        found = e.outcome.objectives
        explored.setdefault(_flow(e.parameters), []).append((*at(found), found["area_mm2"]))
    order = sorted(explored, key=lambda flow: (flow not in result.space.get("dataflow", ()), flow))
    own = result.reference_row()
    fronts = result.budgets() if keys[0] == "latency_s" else [(0.0, rows)]
    return FrontData(
        title=_title(result, rows),
        subtitle=_subtitle(result)
        + ("; the larger a mark, the larger the chip" if keys[0] == "latency_s" else ""),
        x_label=f"{AXES[keys[0]][0]} ({scales[0][2]})",
        y_label=f"{AXES[keys[1]][0]} ({scales[1][2]})",
        explored={flow: tuple(explored[flow]) for flow in order},
        front=tuple((*at(row), row["area_mm2"], _flow(row), row["number"]) for row in rows),
        lines=tuple(
            (f"within {limit:.3g} mm2" if len(fronts) > 1 else "", tuple(at(row) for row in front))
            for limit, front in fronts
        ),
        reference=None if own is None else (*at(own), own["area_mm2"]),
        labels=tuple((*at(row), text) for row, text in _labels(result, rows, keys)),
    )


def _scale(key: str, middle: float) -> tuple[float, float, str]:
    """What a figure is multiplied and divided by for its axis, and the unit there."""
    _, unit, share = AXES[key]
    if share is None:
        return 1.0, 1.0, unit
    factor, prefix = prefix_of(middle * share)
    return share, factor, f"{prefix}{unit}"


def draw_front(data: FrontData, path: str | Path) -> None:
    """Draw the front, both axes logarithmic, to a PNG, SVG or PDF file."""
    save_figure(front_figure(data), path)


def front_figure(data: FrontData) -> Figure:
    """The front, both axes logarithmic."""
    figure = new_figure(9, 5.8)
    head(figure, data.title, data.subtitle)
    axes = figure.add_subplot()
    flows = list(dict.fromkeys([*data.explored, *(flow for *_, flow, _ in data.front)]))
    style = {flow: (COLOURS[i % 6], MARKERS[i % len(MARKERS)]) for i, flow in enumerate(flows)}
    areas = [area for points in data.explored.values() for *_, area in points] + [row[2] for row in data.front]
    largest = max(areas, default=0.0) or 1.0
    marks: list[tuple[float, float, float]] = []
    for flow, points in data.explored.items():
        colour, marker = style[flow]
        xs, ys, sizes = zip(*((x, y, _size(area, largest) / 2) for x, y, area in points), strict=True)
        axes.scatter(xs, ys, s=sizes, c=colour, marker=marker, alpha=0.3, linewidths=0)
        marks += [(x, y, 3.0) for x, y, _ in points]
    _lines(axes, data)
    for x, y, area, flow, _ in data.front:
        colour, marker = style[flow]
        size = _size(area, largest)
        axes.scatter([x], [y], s=size, c=colour, marker=marker, edgecolors=INK, linewidths=0.8, zorder=4)
        marks.append((x, y, _radius(area, largest)))
    if data.reference is not None:
        x, y, _ = data.reference
        ring = _size(largest, largest) * 2.2
        axes.scatter([x], [y], s=ring, c="none", marker="o", edgecolors=INK, linewidths=1.5, zorder=5)
    logarithmic(axes)
    dress(axes, data.x_label, data.y_label)
    axes.margins(x=0.12, y=0.12)
    _legend(axes, style, (min(areas), largest) if data.x_label.startswith("latency") and areas else None)
    _write(axes, data, marks, largest)
    return figure


def _size(area: float, largest: float) -> float:
    """Of a mark, in points squared."""
    return 26 + 74 * area / largest


def _radius(area: float, largest: float) -> float:
    return float((_size(area, largest) / 3.14) ** 0.5 + 1)


def _lines(axes: Axes, data: FrontData) -> None:
    shades = SHADES[-len(data.lines) :] if len(data.lines) <= len(SHADES) else SHADES
    for at, (text, points) in enumerate(data.lines):
        xs, ys = zip(*points, strict=True)
        wide = 1.2 + 1.7 * max(0, len(data.lines) - 1 - at)
        axes.step(xs, ys, where="post", color=shades[min(at, len(shades) - 1)], linewidth=wide, label=text or None,
                  zorder=2 + at / 10)  # fmt: skip


def _write(axes: Axes, data: FrontData, marks: list[tuple[float, float, float]], largest: float) -> None:
    ring = float((_size(largest, largest) * 2.2 / 3.14) ** 0.5)
    labels = [Label(x, y, text, _radius(largest, largest)) for x, y, text in data.labels]
    if data.reference is not None:
        x, y, _ = data.reference
        labels.insert(0, Label(x, y, "as specified", ring, "bold"))
    write_labels(axes, labels, marks)


def _title(result: SweepResult, rows: list[dict[str, Any]]) -> str:
    """The finding in one sentence, about what was asked for."""
    networks = _short_mix(result)
    key, what = result.search.goal, goal_name(result.search).replace("EDP", "energy-delay")
    best = min(rows, key=lambda row: row[key])
    own = result.reference_row()
    if own is None:
        cost = f"{duration(best['latency_s'])} and {energy(best['energy_pj'])}"
        cost = f"{best[key]:.3g} mm2" if key == "area_mm2" else cost
        return f"{networks}: the best of {len(result.designs)} designs takes {cost}"
    gain = own[key] / best[key]
    if gain < 1.005:
        return f"{networks}: {result.architecture} as specified is already the best design found"
    return f"{networks}: {times(gain)} lower {what} than {result.architecture} as specified"


def _subtitle(result: SweepResult) -> str:
    """How many designs the figure is about, in the terms of the terminal."""
    counts = Counts.of(result)
    by_proof = f", {counts.by_proof:,} more mapped by the proof" if counts.by_proof else ""
    of = f"{workloads_of(result)}: " if workloads_of(result) != _short_mix(result) else ""
    return f"{of}{counts.tried:,} designs tried{by_proof}; {counts.working:,} work, {counts.front:,} make up the front"


def _short_mix(result: SweepResult) -> str:
    """The networks as the title names them, which has room for one line; long mixes stand in the subtitle."""
    said = workloads_of(result)
    return said if len(said) <= TITLE_ROOM else f"{len(result.workloads)} networks"


def _labels(
    result: SweepResult, rows: list[dict[str, Any]], keys: tuple[str, str]
) -> list[tuple[dict[str, Any], str]]:
    """The best in each objective asked for, each design named once."""
    both = {"energy", "latency"} <= set(result.search.objectives)
    names: dict[int, list[str]] = {}
    for objective, (key, name) in BEST.items():
        if objective in result.search.objectives or (objective == "edp" and both):
            best = min(range(len(rows)), key=lambda i: (rows[i][key], i))
            names.setdefault(best, []).append(name)
    return [
        (rows[i], f"{', '.join(parts)} ({rows[i]['number']})\n{', '.join(_said(key, rows[i][key]) for key in keys)}")
        for i, parts in names.items()
    ]


def _said(key: str, value: float) -> str:
    _, unit, share = AXES[key]
    return f"{value:.3g} {unit}" if share is None else si(value * share, unit)


def _flow(parameters: Any) -> str:
    return str(parameters.get("dataflow") or "design")


def _legend(axes: Axes, style: dict[str, tuple[str, str]], areas: tuple[float, float] | None) -> None:
    """The dataflows in their colours and two sizes of chips, beside the plot where no point can be."""
    for flow, (colour, marker) in style.items():
        axes.scatter([], [], s=42, c=colour, marker=marker, label=flow)
    if areas is not None and areas[1] > areas[0] > 0:
        for area in areas:
            size, text = _size(area, areas[1]), f"{area:.3g} mm2"
            axes.scatter([], [], s=size, c="none", marker="o", edgecolors=QUIET, label=text)
    legend(axes, handletextpad=0.4)
