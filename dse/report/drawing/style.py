"""What all figures share: colours, sizes, and how axes and titles look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from io import BytesIO
from textwrap import fill
from typing import TYPE_CHECKING, Any, cast
from warnings import catch_warnings, filterwarnings

from dse.report.drawing.save import take_literally

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import Locator

COLOURS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#6A3D9A", "#222222", "#8C6D31", "#9AA5B1",
)  # fmt: skip
"""Blue to orange are Okabe and Ito's, which colour-blind readers can tell apart. Their sky blue is left out: pale
bubbles of it look like pale blue ones. Shapes and names differ too."""

INK, QUIET, GRID = "#222222", "#767676", "#e6e6e6"
"""Of what is to be read, of what stands back, and of lines to read along."""

FIXED = {
    "ifmap": "#E6B450", "weight": "#56B4E9", "psum": "#B4467A", "ofmap": "#8C6D31", "MAC": "#333333",
    "static": "#BBBBBB",
}  # fmt: skip
"""Operands, MACs and static power have these in every figure; levels have others, see `part_colours`."""

KINDS = {"convolutional": "#0072B2", "image": "#E69F00", "filter": "#009E73", "accumulation": "#CC79A7"}
"""Of reuse."""

SMALLEST = 9.0
"""Points of the smallest text: 9 pixels high when a figure of 150 dots per inch is shown at half its size."""

DOTS = 150
"""Per inch."""


def part_colours(names: Iterable[str]) -> dict[str, str]:
    """The colour of each part of a stack: fixed ones by name, the others, which are levels, in their order.

    Examples
    --------
    >>> part_colours(["DRAM", "GLB", "MAC"]) == {"DRAM": COLOURS[0], "GLB": COLOURS[1], "MAC": FIXED["MAC"]}
    True
    """
    names = list(names)
    levels = [name for name in names if name not in FIXED]
    return {name: FIXED.get(name) or COLOURS[levels.index(name) % len(COLOURS)] for name in names}


@cache
def _shown() -> type[Figure]:
    """Figures that take texts literally, and that a notebook shows whatever else is loaded there."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    class Shown(Figure):
        def draw(self, renderer: Any) -> None:
            # ticks are made while drawing, and before texts are measured they must not be parsed
            with rc_context({"text.parse_math": False}), catch_warnings():
                filterwarnings("ignore", "Glyph .* missing")  # a name in letters that no font here has
                take_literally(self)
                super().draw(renderer)

        def _repr_png_(self) -> bytes:
            drawn = BytesIO()
            self.savefig(drawn, format="png", dpi=100)
            return drawn.getvalue()

    return Shown


def new_figure(width: float, height: float) -> Figure:
    """A figure of some inches, whose texts can be measured."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = _shown()(figsize=(width, height), dpi=DOTS, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def head(figure: Figure, title: str, subtitle: str = "", width: float | None = None) -> None:
    """A bold title on the left above everything, and a quiet line below it; both are broken where the figure ends."""
    inches = figure.get_figwidth() if width is None else width
    lines = fill(title, int(inches * 10.4))
    quiet = fill(subtitle, int(inches * 12.5)) if subtitle else ""
    count, more = lines.count("\n") + 1, quiet.count("\n") + 1 if quiet else 0
    high = (count * 17 + more * 13 + 10) / 72 / figure.get_figheight()
    cast(Any, figure.get_layout_engine()).set(rect=(0, 0, 1, 1 - high))
    left, top = 0.08 / figure.get_figwidth(), 1 - 4 / 72 / figure.get_figheight()
    figure.text(left, top, lines, ha="left", va="top", fontsize=12, weight="bold", color=INK)
    if quiet:
        below = top - count * 17 / 72 / figure.get_figheight()
        figure.text(left, below, quiet, ha="left", va="top", fontsize=SMALLEST, color=QUIET)


def dress(axes: Axes, across: str = "", up: str = "") -> None:
    """Names of the axes, quiet lines, and a grid behind the data."""
    axes.set_xlabel(across, color=INK, fontsize=10)
    axes.set_ylabel(up, color=INK, fontsize=10)
    axes.tick_params(which="both", color=QUIET, labelcolor=INK, labelsize=SMALLEST)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(QUIET)
    axes.grid(which="major", color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)


def legend(axes: Axes, handles: Mapping[str, Any] | None = None, **style: Any) -> None:
    """A legend to the right of a plot, below the title, where no point can be.

    Parameters
    ----------
    handles : mapping, optional
        Text to what stands for it; by default all that the plot has labels for.
    """
    if handles is None:
        drawn, texts = axes.get_legend_handles_labels()
        handles = dict(zip(texts, drawn, strict=True))
    axes.legend(
        handles.values(), handles.keys(), loc="upper left", bbox_to_anchor=(1.02, 1.0), borderaxespad=0, frameon=False,
        **{"fontsize": SMALLEST, "labelcolor": INK} | style,
    )  # fmt: skip


def logarithmic(axes: Axes, which: str = "xy") -> None:
    """Logarithmic axes whose ticks are plain numbers, few enough to stand apart."""
    from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

    axes.set(**{f"{name}scale": "log" for name in which})
    for name in which:
        axis = axes.xaxis if name == "x" else axes.yaxis
        axis.set_major_locator(_few())
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.6g}"))
        axis.set_minor_formatter(NullFormatter())


STEPS = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0))


def log_ticks(low: float, high: float, most: int = 8) -> list[float]:
    """At most so many round numbers within a range that is shown on a logarithmic axis, as many as there may be.

    Examples
    --------
    >>> log_ticks(1, 1000), log_ticks(1.5, 60), log_ticks(300, 620)
    ([1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0], [2.0, 5.0, 10.0, 20.0, 50.0], [300.0, 400.0, 500.0, 600.0])
    """
    from math import ceil, floor, log10

    from matplotlib.ticker import MaxNLocator

    if not 0 < low < high:
        return [low]
    if high < 4 * low:
        ticks = MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
        return [float(tick) for tick in ticks if low <= tick <= high]
    decades = range(floor(log10(low)), ceil(log10(high)) + 1)
    found = [high]
    for steps in STEPS:
        ticks = [step * 10.0**decade for decade in decades for step in steps]
        within = [tick for tick in ticks if low <= tick <= high]
        if len(within) > most:
            break
        found = within or found
    if len(found) <= 1 and len(decades) > most:
        every = -(-len(decades) // most)
        found = [10.0**decade for decade in decades[::every] if low <= 10.0**decade <= high]
    return found


def _few() -> Locator:
    from matplotlib.ticker import Locator

    class Few(Locator):
        def __call__(self) -> list[float]:
            low, high = sorted(cast(Any, self.axis).get_view_interval())
            return log_ticks(float(low), float(high))

        def tick_values(self, vmin: float, vmax: float) -> list[float]:
            return log_ticks(vmin, vmax)

    return Few()
