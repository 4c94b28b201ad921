"""The front of a sweep's designs as a figure: one function gives plain data, one draws it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dse.errors import DseError
from dse.report.figures.save import save_figure
from dse.report.figures.style import COLOURS, INK, QUIET
from dse.report.units import duration, energy, prefix_of, times

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dse.explore.results.result import SweepResult

LINES = ("-", "--", "-.", ":")
"""One for each area budget, the widest in ink."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
BEST = {
    "latency": ("latency_s", "fastest"), "edp": ("edp_js", "best energy-delay"),
    "energy": ("energy_pj", "least energy"), "area": ("area_mm2", "smallest"),
}  # fmt: skip
"""Column and label of the best in each objective."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class FrontData:
    """What `draw_front` draws.

    Parameters
    ----------
    title, subtitle : str
        What was found, and what was done.
    explored : dict
        Dataflow to the (latency, energy) of each design explored with it, in axis units.
    front : tuple of (latency, energy, dataflow)
        One point a design, ascending in latency.
    budgets : tuple of (text, points)
        Energy-latency front within each area budget, ascending in both; one without a name where area is no objective.
    reference : (latency, energy) or None
        The architecture's own design.
    labels : tuple of (latency, energy, text)
        Points worth reading.
    latency_unit, energy_unit : str
    """

    title: str
    subtitle: str
    explored: dict[str, tuple[Point, ...]]
    front: tuple[tuple[float, float, str], ...]
    budgets: tuple[tuple[str, tuple[Point, ...]], ...]
    reference: Point | None
    labels: tuple[tuple[float, float, str], ...]
    latency_unit: str
    energy_unit: str


def front_data(result: SweepResult) -> FrontData:
    """Energy against latency of every explored design, and the front.

    Raises
    ------
    DseError
        When no design works, so that there is nothing to show.
    """
    sound = [e for e in result.designs if e.ok]
    if not sound:
        raise DseError(f"sweep {result.name}: no design works, so there is no front to draw")
    rows = result.front_rows()
    middle = rows[len(rows) // 2]
    latency_factor, latency_prefix = prefix_of(middle["latency_s"])
    energy_factor, energy_prefix = prefix_of(middle["energy_pj"] * 1e-12)

    def at(latency_s: float, energy_pj: float) -> Point:
        return latency_s / latency_factor, energy_pj * 1e-12 / energy_factor

    explored: dict[str, list[Point]] = {}
    for e in sound:
        found = e.outcome.objectives
        explored.setdefault(_flow(e.parameters), []).append(at(found["latency_s"], found["energy_pj"]))
    order = sorted(explored, key=lambda flow: (flow not in result.space.get("dataflow", ()), flow))
    own = result.reference_row()
    budgets = result.budgets()
    return FrontData(
        title=_title(result, rows),
        subtitle=f"{len(result.explored)} designs tried, {len(sound)} work, "
        f"{len({row['number'] for row in rows})} make up the front",
        explored={flow: tuple(explored[flow]) for flow in order},
        front=tuple((*at(row["latency_s"], row["energy_pj"]), _flow(row)) for row in rows),
        budgets=tuple(
            (
                f"within {limit:.3g} mm2" if len(budgets) > 1 else "",
                tuple(at(row["latency_s"], row["energy_pj"]) for row in front),
            )
            for limit, front in budgets
        ),
        reference=None if own is None else at(own["latency_s"], own["energy_pj"]),
        labels=tuple((*at(row["latency_s"], row["energy_pj"]), text) for row, text in _labels(result, rows)),
        latency_unit=f"{latency_prefix}s",
        energy_unit=f"{energy_prefix}J",
    )


def draw_front(data: FrontData, path: str | Path) -> None:
    """Draw energy against latency, both logarithmic, to a PNG, SVG or PDF file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5.6), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    style = {flow: (COLOURS[i % 7], MARKERS[i % 7]) for i, flow in enumerate(_flows(data))}
    for flow, points in data.explored.items():
        colour, marker = style[flow]
        xs, ys = zip(*points, strict=True)
        axes.scatter(xs, ys, s=22, c=colour, marker=marker, alpha=0.35, linewidths=0)
    for at, (text, points) in enumerate(data.budgets):
        shade = INK if at == len(data.budgets) - 1 else QUIET
        xs, ys = zip(*points, strict=True)
        line = LINES[at % len(LINES)]
        axes.step(xs, ys, where="post", color=shade, linewidth=1.1, linestyle=line, label=text or None)
    for flow, (colour, marker) in style.items():
        own = [(x, y) for x, y, whose in data.front if whose == flow]
        axes.scatter(
            [x for x, _ in own], [y for _, y in own], s=42, c=colour, marker=marker, edgecolors=INK, linewidths=0.8,
            zorder=4,
        )  # fmt: skip
    _annotate(axes, data)
    _legend(figure, axes, style)
    _dress(axes, data)
    save_figure(figure, path)


def _title(result: SweepResult, rows: list[dict[str, Any]]) -> str:
    """The finding in one sentence."""
    networks = ", ".join(result.workloads)
    best = min(rows, key=lambda row: row["edp_js"])
    own = result.reference_row()
    if own is None:
        cost = f"{duration(best['latency_s'])} and {energy(best['energy_pj'])}"
        return f"{networks}: the best of {len(result.explored)} designs takes {cost}"
    gain = own["edp_js"] / best["edp_js"]
    if gain < 1.005:
        return f"{networks}: {result.architecture} as specified is already the best design found"
    return f"{networks}: {times(gain)} lower energy-delay than {result.architecture} as specified"


def _labels(result: SweepResult, rows: list[dict[str, Any]]) -> list[tuple[dict[str, Any], str]]:
    """The best in each objective asked for, each design named once."""
    both = {"energy", "latency"} <= set(result.search.objectives)
    names: dict[int, list[str]] = {}
    for objective, (key, name) in BEST.items():
        if objective in result.search.objectives or (objective == "edp" and both):
            best = min(range(len(rows)), key=lambda i: (rows[i][key], i))
            names.setdefault(best, []).append(name)
    return [
        (rows[i], f"{', '.join(parts)}\n{duration(rows[i]['latency_s'])}, {energy(rows[i]['energy_pj'])}")
        for i, parts in names.items()
    ]


def _flow(parameters: Any) -> str:
    return str(parameters.get("dataflow") or "design")


def _flows(data: FrontData) -> list[str]:
    return list(dict.fromkeys([*data.explored, *(flow for _, _, flow in data.front)]))


def _annotate(axes: Axes, data: FrontData) -> None:
    for x, y, text in data.labels:
        first = x == data.front[0][0]  # the axis is to the left of the fastest point
        axes.annotate(
            text, (x, y), xytext=(10, 8) if first else (-8, -10), textcoords="offset points", fontsize=8, color=INK,
            ha="left" if first else "right", va="bottom" if first else "top", zorder=6,
            arrowprops={"arrowstyle": "-", "color": QUIET, "linewidth": 0.6, "shrinkB": 4},
            bbox={"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 0.8},
        )  # fmt: skip
    if data.reference is not None:
        axes.scatter(
            [data.reference[0]],
            [data.reference[1]],
            s=170,
            c="none",
            marker="o",
            edgecolors=INK,
            linewidths=1.4,
            zorder=5,
        )
        axes.annotate(
            "as specified", data.reference, xytext=(12, 10), textcoords="offset points", fontsize=8.5, color=INK,
            weight="bold", zorder=6,
        )  # fmt: skip


def _legend(figure: Figure, axes: Axes, style: dict[str, tuple[str, str]]) -> None:
    """The dataflows in their colours, beside the plot where no point can be."""
    for flow, (colour, marker) in style.items():
        axes.scatter([], [], s=42, c=colour, marker=marker, label=flow)
    figure.legend(loc="outside right upper", frameon=False, labelcolor="markerfacecolor", fontsize=9, handletextpad=0.2)


def _dress(axes: Axes, data: FrontData) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set(xscale="log", yscale="log")
    axes.set_xlabel(f"latency ({data.latency_unit})", color=INK)
    axes.set_ylabel(f"energy ({data.energy_unit})", color=INK)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.tick_params(which="both", color=QUIET, labelcolor=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(QUIET)
    axes.grid(which="major", color="#e6e6e6", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.margins(x=0.12, y=0.08)
    axes.set_title(f"{data.title}\n", loc="left", fontsize=11.5, weight="bold", color=INK)
    axes.text(0, 1.02, data.subtitle, transform=axes.transAxes, fontsize=9, color=QUIET)
