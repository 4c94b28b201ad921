"""The capacity-against-traffic curves of a network as plain data, a table and a figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, log2
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dse.errors import DseError
from dse.report.drawing.labels import Label, write_labels
from dse.report.drawing.save import save_figure
from dse.report.drawing.style import COLOURS, INK, QUIET, dress, head, legend, logarithmic, new_figure
from dse.report.table import Table
from dse.report.units import capacity, si, times, whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dse.architecture.architecture import Architecture
    from dse.mapper.curve import CapacityCurve

HIGHLIGHTED = 6
"""Layers with a colour and a name of their own in the figure: those that move most."""

FORMATS = (".png", ".svg", ".pdf")


def bound_report(
    architecture: Architecture, workload: str, curves: Sequence[tuple[CapacityCurve, tuple[str, ...]]]
) -> dict[str, Any]:
    """What `dse bound` prints: for each distinct layer its curve, and what the architecture's buffer allows.

    Parameters
    ----------
    curves : sequence of (CapacityCurve, names of the layers that have it)

    Returns
    -------
    dict
        `capacity_bits` is None where the buffer has no limit; `here` where not even the smallest tiles fit.
    """
    from dse.mapper.curve import add_curves, buffer_of, near_least, tile_capacity_bits

    level, size = buffer_of(architecture), tile_capacity_bits(architecture)
    total = add_curves([(curve, len(names)) for curve, names in curves])
    reached = [words for bits, words in total if bits <= size]
    near = total[near_least([words for _, words in total])]
    return {
        "arch": architecture.name,
        "workload": workload,
        "outermost": architecture.hierarchy[0].name,
        "buffer": level.name,
        "capacity_bits": None if size == inf else int(size),
        "stores": sorted(level.stores),
        "may_bypass": sorted(level.may_bypass),
        "network": {
            "least_words": total[-1][1],
            "least_words_from_bits": total[-1][0],
            "near_least": {"capacity_bits": near[0], "words": near[1]},
            "here_words": reached[-1] if reached else None,
            "points": [{"capacity_bits": bits, "words": words} for bits, words in total],
        },
        "layers": [_layer(curve, names, size) for curve, names in curves],
    }


def _layer(curve: CapacityCurve, names: tuple[str, ...], size: float) -> dict[str, Any]:
    here = curve.at(size)
    return {
        "name": names[0],
        "names": list(names),
        "count": len(names),
        "macs": curve.layer.macs,
        "least_words": curve.least_words,
        "least_words_from_bits": curve.points[-1].capacity_bits,
        "near_least": curve.near_least.to_dict(),
        "here": None if here is None else here.to_dict(),
        "points": [point.to_dict() for point in curve.points],
    }


def bound_table(plain: dict[str, Any]) -> Table:
    """One row a distinct layer, and the network."""
    rows = []
    for layer in plain["layers"]:
        here = layer["here"]
        rows.append(
            {
                "layer": f"{layer['name']} x{layer['count']}" if layer["count"] > 1 else layer["name"],
                "here": "too small" if here is None else si(here["words"], ""),
                "MACs/word": "-" if here is None else f"{layer['macs'] / here['words']:.3g}",
                "least": si(layer["least_words"], ""),
                "here/least": "-" if here is None else times(here["words"] / layer["least_words"]),
                "least from": capacity(layer["least_words_from_bits"]),
                "+10 % from": capacity(layer["near_least"]["capacity_bits"]),
            }
        )
    title = (
        f"{plain['workload']}: the fewest words between {plain['outermost']} and {plain['buffer']} of "
        f"{plain['arch']}, {_size(plain)}"
    )
    note = (
        f"words of one such layer; here: with the {plain['buffer']} of {plain['arch']}; least: with any buffer; least "
        f"from, +10 % from: the smallest {plain['buffer']} that moves the least, and at most 10 % more than that\n"
        + _network_line(plain)
    )
    return Table.of(rows, left=frozenset({"layer"}), title=title, note=note, spare=("MACs/word",))


def _network_line(plain: dict[str, Any]) -> str:
    network = plain["network"]
    here = network["here_words"]
    what = "some layers do not fit" if here is None else f"{whole(here)} words here"
    if here is not None and network["least_words"]:
        what += f", {times(here / network['least_words'])} the {whole(network['least_words'])} that any buffer moves"
    lines = [
        f"network: {what}; at most 10 % more from {capacity(network['near_least']['capacity_bits'])} on, "
        f"the least from {capacity(network['least_words_from_bits'])} on"
    ]
    passing = sorted({"ifmap", "weight", "psum"} - set(plain["stores"]) | set(plain["may_bypass"]))
    if passing:
        what = " and ".join(passing)
        lines.append(f"{what} past {plain['buffer']}: as if the PEs held any tile that they have room for")
    return "\n".join(lines)


def _size(plain: dict[str, Any]) -> str:
    bits = plain["capacity_bits"]
    return "without limit" if bits is None else f"{capacity(bits)} for tiles"


def bound_records(plain: dict[str, Any]) -> list[dict[str, Any]]:
    """The corners of all curves as flat rows of numbers, for CSV."""
    return [
        {
            "layer": layer["name"],
            "count": layer["count"],
            "capacity_bits": point["capacity_bits"],
            "words": point["words"],
            **{f"tile_{dim}": size for dim, size in point["tile"].items()},
            "stationary": point["stationary"],
            "slides": point["slides"],
            "passing": " ".join(point["passing"]),
        }
        for layer in plain["layers"]
        for point in layer["points"]
    ]


@dataclass(frozen=True, slots=True)
class CurvesData:
    """What `draw_curves` draws.

    Parameters
    ----------
    title, subtitle : str
    lines : tuple of (name, ((bits, words), ...), (bits, words) nearly the least)
        Curves to name, the one that moves most first.
    quiet : tuple of ((bits, words), ...)
        Curves to show without a name.
    capacity_bits : int or None
        Where the architecture is.
    mark : str
        What to write there.
    measured : tuple of (bits, words, name)
        What mapped designs move with the buffers that they have.
    """

    title: str
    subtitle: str
    lines: tuple[tuple[str, tuple[tuple[int, int], ...], tuple[int, int]], ...]
    quiet: tuple[tuple[tuple[int, int], ...], ...]
    capacity_bits: int | None
    mark: str
    measured: tuple[tuple[float, float, str], ...] = ()

    def records(self) -> list[dict[str, Any]]:
        """One row a corner of a named curve, then what designs move, for CSV."""
        corners = [
            {"curve": name, "capacity_bits": bits, "words": words, "near_least": (bits, words) == near}
            for name, points, near in self.lines for bits, words in points
        ]  # fmt: skip
        return corners + [{"curve": name, "capacity_bits": bits, "words": words} for bits, words, name in self.measured]


def curves_data(plain: dict[str, Any]) -> CurvesData:
    """Words against capacity of every distinct layer, and of the network where it has several."""

    def corners(points: list[dict[str, Any]]) -> tuple[tuple[int, int], ...]:
        return tuple((point["capacity_bits"], point["words"]) for point in points)

    def moved(layer: dict[str, Any]) -> int:
        return int((layer["here"] or layer["points"][0])["words"])

    layers = sorted(plain["layers"], key=moved, reverse=True)
    named = [(layer["name"], corners(layer["points"]), _corner(layer["near_least"])) for layer in layers[:HIGHLIGHTED]]
    network = plain["network"]
    if len(layers) > 1 or layers[0]["count"] > 1:
        name, near = f"{plain['workload']}, all layers", _corner(network["near_least"])
        named.insert(0, (name, corners(network["points"]), near))
    here, least = network["here_words"], network["least_words"]
    if plain["capacity_bits"] is None or here is None:
        title = f"{plain['workload']}: any buffer moves {si(least, '')} words"
    else:
        size = capacity(plain["capacity_bits"])
        how = f"{times(here / least)} the fewest" if here > 1.005 * least else "as few as with any buffer"
        title = f"{plain['workload']}: {size} moves {si(here, '')} words at least, {how}"
    return CurvesData(
        title=title,
        subtitle=f"fewest words that any mapping moves between {plain['outermost']} and {plain['buffer']}, by size; "
        "diamonds: 10 % above the least",
        lines=tuple(named),
        quiet=tuple(corners(layer["points"]) for layer in layers[HIGHLIGHTED:]),
        capacity_bits=plain["capacity_bits"],
        mark=plain["arch"],
    )


def draw_curves(data: CurvesData, path: str | Path) -> None:
    """Draw words against capacity, both logarithmic, to a PNG, SVG or PDF file."""
    if Path(path).suffix.lower() not in FORMATS:
        raise DseError(f"{path}: a figure's name ends in {', '.join(FORMATS)}")
    save_figure(curves_figure(data), path)


def curves_figure(data: CurvesData) -> Figure:
    """Words against capacity, both logarithmic, from the smallest buffer that a chip has."""
    from dse.mapper.curve import SMALLEST_BITS

    figure = new_figure(9, 5.6)
    head(figure, data.title, data.subtitle)
    axes = figure.add_subplot()
    every = [*(points for _, points, _ in data.lines), *data.quiet]
    right = 2.0 * max(data.capacity_bits or 0, *(points[-1][0] for points in every))
    left = min(max(SMALLEST_BITS, min(points[0][0] for points in every)), (data.capacity_bits or right) / 4, right / 16)
    left = max(left, 1)
    for points in data.quiet:
        _step(axes, points, (left, right), color=QUIET, linewidth=0.7, alpha=0.5)
    palette = iter(COLOURS)
    for i, (name, points, corner) in enumerate(data.lines):
        colour = INK if i == 0 and len(data.lines) > 1 else next(palette)
        _step(axes, points, (left, right), color=colour, linewidth=2.0 if i == 0 else 1.3, label=name)
        if corner[0] >= left:
            axes.scatter(*([corner[0]], [corner[1]]), s=34, c=colour, marker="D", zorder=4)
    _dress(axes, left, right)
    if data.measured:
        axes.scatter([bits for bits, *_ in data.measured], [words for _, words, _ in data.measured], marker="x", s=44,
                     c=INK, linewidths=1.4, zorder=5, label="designs, as mapped")  # fmt: skip
    legend(axes)
    if data.capacity_bits:
        axes.axvline(data.capacity_bits, ymax=0.9, color=INK, linewidth=1.0, linestyle=(0, (4, 3)))
        low, high = axes.get_ylim()
        top = high * (high / low) ** 0.12  # room for the name above the curves
        axes.set_ylim(low, top)
        mark = Label(data.capacity_bits, top, f"{data.mark}\n{capacity(data.capacity_bits)}", 1.0)
        write_labels(axes, [mark], [(bits, words, 4.0) for bits, words, _ in data.measured])
    return figure


def _corner(point: dict[str, Any]) -> tuple[int, int]:
    return point["capacity_bits"], point["words"]


def _step(axes: Axes, points: tuple[tuple[int, int], ...], ends: tuple[float, float], **style: Any) -> None:
    """A staircase between two capacities, with the words that the first of them reaches on its left."""
    left, right = ends
    held = [words for bits, words in points if bits <= left]
    inside = [(bits, words) for bits, words in points if left < bits]
    start = [(left, held[-1])] if held else []
    xs, ys = zip(*[*start, *inside, (right, points[-1][1])], strict=True)
    axes.step(xs, ys, where="post", **style)


def _dress(axes: Axes, left: float, right: float) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    logarithmic(axes)
    axes.set_xlim(left, right)
    exponents = range(int(log2(left)) - 3, int(log2(right)) + 1)
    step = max(1, len(exponents) // 8)
    ticks = [2.0 ** (3 + e) for e in range(0, exponents.stop, step) if left <= 2.0 ** (3 + e) <= right]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: capacity(value)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: si(value, "", 2)))
    dress(axes, "buffer that tiles may take", "words")
