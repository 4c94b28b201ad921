"""Bars of parts on top of each other, a row each: energy of designs and of layers, area, how busy the MACs are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from dse.errors import visible
from dse.report.drawing.style import COLOURS, INK, SMALLEST, dress, head, legend, new_figure, part_colours
from dse.report.units import energy, many, prefix_of, si

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_ROWS = 24
"""Of layers; the others become one row."""

TOWERING = 5.0
"""Rows so many times longer than the middle one get a panel with a scale of its own, or they would flatten the rest."""


@dataclass(frozen=True, slots=True)
class Stacks:
    """What `stacks_figure` draws.

    Parameters
    ----------
    title, subtitle : str
    axis : str
        What bars measure.
    unit : str
        Of the parts: `J`, `mm2` or `%`.
    rows : tuple of (name, {part: length}, mark or None)
        A bar each, from the top; a mark is where the same bar of another design ends.
    mark : str
        What marks are; empty without any.
    colours : dict
        Of parts.
    """

    title: str
    subtitle: str
    axis: str
    unit: str
    rows: tuple[tuple[str, dict[str, float], float | None], ...]
    mark: str = ""
    colours: Mapping[str, str] | None = None

    def records(self) -> list[dict[str, Any]]:
        """One row a bar and part, for CSV."""
        found = []
        for name, parts, mark in self.rows:
            found += [{"row": name, "part": part, self.unit: length} for part, length in parts.items()]
            found += [] if mark is None else [{"row": name, "part": self.mark, self.unit: mark}]
        return found


def designs_data(cards: Sequence[tuple[str, Mapping[str, Any]]], key: str, by: str, what: str) -> Stacks:
    """Energy of several designs by level or by operand.

    Parameters
    ----------
    cards : sequence of (name, card)
        See `dse.report.cards.card.card_of`.
    key : {"energy_by_level_pj", "energy_by_operand_pj"}
    by : str
        `level` or `operand`.
    what : str
        The networks.
    """
    rows = []
    for name, card in cards:
        parts: dict[str, float] = {}
        for network in card["networks"]:
            for part, pj in network[key].items():
                parts[part] = parts.get(part, 0.0) + pj * 1e-12
        rows.append((name, parts, None))
    least = min(rows, key=lambda row: sum(row[1].values()))
    largest = max(least[1], key=lambda part: least[1][part])
    return Stacks(
        title=f"{what}: {least[0]} takes the least energy, {largest} the most of it "
        f"({100 * least[1][largest] / sum(least[1].values()):.0f} %)",
        subtitle=f"energy by {by}, designs on the front from the fastest to the slowest, each at its least "
        "energy-delay product",
        axis="energy", unit="J", rows=tuple(rows),
    )  # fmt: skip


def area_data(cards: Sequence[tuple[str, Mapping[str, Any]]]) -> Stacks:
    """Area of several designs by part."""
    rows = tuple((name, {k: a for k, a in card["area_mm2"].items() if a > 0}, None) for name, card in cards)
    small, large = (choose(rows, key=lambda row: sum(row[1].values())) for choose in (min, max))
    return Stacks(
        title=f"From {sum(small[1].values()):.3g} mm2 ({small[0]}) to {sum(large[1].values()):.3g} mm2 ({large[0]})",
        subtitle="area of all copies of each part, designs on the front from the fastest to the slowest",
        axis="area", unit="mm2", rows=rows,
    )  # fmt: skip


def layers_data(network: Mapping[str, Any], name: str, other: Mapping[str, Any] | None, mark: str) -> Stacks:
    """Energy of a network's layers by level, as a design runs it, beside another design."""
    rows = tuple(
        (row, {part: pj * 1e-12 for part, pj in parts.items()}, None if theirs is None else theirs * 1e-12)
        for row, parts, theirs in _folded(network, other, lambda layer: layer["energy_by_level_pj"])
    )
    top = max(_steps(network), key=lambda layer: layer["energy_pj"] * layer["count"])
    share = top["energy_pj"] * top["count"] / network["energy_pj"]
    return Stacks(
        title=f"{network['name']} on {name}: {many(top)} takes {100 * share:.0f} % of {energy(network['energy_pj'])}",
        subtitle="energy of each distinct layer, all of its copies together, by level", axis="energy", unit="J",
        rows=rows, mark=mark if other is not None else "",
    )  # fmt: skip


def utilization_data(network: Mapping[str, Any], name: str, other: Mapping[str, Any] | None, mark: str) -> Stacks:
    """How much of the MACs' time the layers of a network use, by what binds each."""
    theirs = {} if other is None else {layer["name"]: layer["utilization"] for layer in other["layers"]}
    longest = sorted(network["layers"], key=lambda layer: -layer["latency_s"] * layer["count"])[:MOST_ROWS]
    rows = tuple(
        (many(layer), {f"bound by {layer['bound_by']}": 100 * layer["utilization"]},
         100 * theirs[layer["name"]] if layer["name"] in theirs else None)
        for layer in network["layers"] if layer in longest
    )  # fmt: skip
    whole = sum(layer["utilization"] * layer["latency_s"] * layer["count"] for layer in network["layers"])
    cut = f", the {len(rows)} that take longest" if len(rows) < len(network["layers"]) else ""
    bounds = sorted({part for _, parts, _ in rows for part in parts})
    return Stacks(
        title=f"{network['name']} on {name}: MACs are busy {100 * whole / network['latency_s']:.0f} % of the time",
        subtitle=f"MACs done over the MACs that all units could do in a layer's time{cut}", axis="MACs busy", unit="%",
        rows=rows, mark=mark if theirs else "",
        colours={part: COLOURS[at % len(COLOURS)] for at, part in enumerate(bounds)},
    )  # fmt: skip


def _steps(network: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Its layers, and nodes without MACs that move words of their own."""
    return [*network["layers"], *network.get("moves", [])]


def _folded(network: Mapping[str, Any], other: Mapping[str, Any] | None, parts_of: Any) -> list[tuple[Any, ...]]:
    """A row for each of the costliest layers in the network's order, and one for all others."""
    theirs: dict[str, float] = {}
    for layer in [] if other is None else _steps(other):
        theirs[layer["name"]] = theirs.get(layer["name"], 0.0) + layer["energy_pj"] * layer["count"]
    layers = _steps(network)
    costliest = sorted(range(len(layers)), key=lambda i: -layers[i]["energy_pj"] * layers[i]["count"])
    kept = set(costliest[: MOST_ROWS - 1] if len(layers) > MOST_ROWS else costliest)
    rows: list[tuple[Any, ...]] = []
    rest: dict[str, float] = {}
    rest_mark = 0.0
    for i, layer in enumerate(layers):
        parts = {part: pj * layer["count"] for part, pj in parts_of(layer).items()}
        mark = theirs.get(layer["name"])
        if i in kept:
            rows.append((many(layer), parts, mark))
            continue
        rest_mark += mark or 0.0
        for part, pj in parts.items():
            rest[part] = rest.get(part, 0.0) + pj
    if rest:
        rows.append((f"{len(layers) - len(kept)} other layers", rest, rest_mark if theirs else None))
    return rows


def panels_of(lengths: Sequence[float]) -> list[list[int]]:
    """Rows that share a scale: those that tower over the rest, if any, and the rest.

    Examples
    --------
    >>> panels_of([1, 2, 40, 3, 2]), panels_of([1, 2, 3])
    ([[2], [0, 1, 3, 4]], [[0, 1, 2]])
    """
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    middle = median(lengths) if lengths else 0.0
    tall = [i for i in order[: len(order) // 2] if lengths[i] > TOWERING * middle]
    # cut where the step down is largest, so that neighbours in length stay together
    steps = [(lengths[order[i]] / max(lengths[order[i + 1]], 1e-300), i) for i in range(len(tall))]
    if not steps or max(steps)[0] < 1.8:
        return [list(range(len(lengths)))]
    cut = set(order[: max(steps)[1] + 1])
    return [sorted(cut), [i for i in range(len(lengths)) if i not in cut]]


def stacks_figure(data: Stacks) -> Figure:
    """One horizontal bar a row; rows that tower over the rest stand in a panel with a scale of their own."""
    lengths = [max(sum(parts.values()), mark or 0.0) for _, parts, mark in data.rows]
    panels = [list(range(len(lengths)))] if data.unit == "%" else panels_of(lengths)
    figure = new_figure(8.5, 1.5 + 0.27 * len(data.rows) + 0.55 * len(panels))
    head(figure, data.title, data.subtitle)
    sides = figure.subplots(len(panels), 1, squeeze=False, height_ratios=[len(rows) + 0.6 for rows in panels])[:, 0]
    names = list(dict.fromkeys(part for _, parts, _ in data.rows for part in parts))
    colours = data.colours or part_colours(names)
    for axes, chosen in zip(sides, panels, strict=True):
        _panel(axes, data, chosen, colours)
        scale = ", on a scale of its own" if len(panels) > 1 and axes is sides[0] else ""
        dress(axes, f"{data.axis} ({_factor(data, chosen)[1]}){scale}")
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
    handles = {text: h for axes in sides for h, text in zip(*axes.get_legend_handles_labels(), strict=True)}
    order = [*names, data.mark]
    legend(sides[0], {text: handles[text] for text in sorted(handles, key=order.index)})
    return figure


def _factor(data: Stacks, chosen: Sequence[int]) -> tuple[float, str]:
    if data.unit != "J":
        return 1.0, data.unit
    longest = max(sum(data.rows[i][1].values()) for i in chosen)
    factor, prefix = prefix_of(longest)
    return factor, f"{prefix}J"


def _panel(axes: Axes, data: Stacks, chosen: Sequence[int], colours: Mapping[str, str]) -> None:
    factor, _ = _factor(data, chosen)
    rows = [data.rows[i] for i in chosen]
    names = list(dict.fromkeys(part for _, parts, _ in data.rows for part in parts))
    starts = [0.0] * len(rows)
    for part in names:
        lengths = [parts.get(part, 0.0) / factor for _, parts, _ in rows]
        if any(lengths):
            axes.barh(range(len(rows)), lengths, left=starts, color=colours[part], label=part, height=0.72)
        starts = [start + length for start, length in zip(starts, lengths, strict=True)]
    marks = [(at, mark / factor) for at, (_, _, mark) in enumerate(rows) if mark is not None]
    if marks:
        axes.scatter([mark for _, mark in marks], [at for at, _ in marks], marker="|", s=150, color=INK, linewidths=1.6,
                     label=data.mark, zorder=4)  # fmt: skip
    longest = max([*starts, *(mark for _, mark in marks)], default=1.0) or 1.0
    for at, total in enumerate(starts):
        # beside the bar, or behind a mark that stands where the text would be
        end = max([total, *(mark for row, mark in marks if row == at and mark < total + 0.16 * longest)])
        said = f"{total:.3g} %" if data.unit == "%" else si(total * factor, "J") if data.unit == "J" else f"{total:.3g}"
        axes.text(end + 0.012 * longest, at, said, va="center", ha="left", fontsize=SMALLEST, color=INK)
    axes.set_yticks(range(len(rows)), [visible(_short(name)) for name, *_ in rows])
    axes.set(xlim=(0, 1.16 * longest), ylim=(len(rows) - 0.4, -0.6))
    if data.unit == "%":
        axes.set_xticks(range(0, 101, 20))
        axes.set_xlim(0, 115)


def _short(name: str) -> str:
    """A name that leaves room for bars; the data beside the figure have it whole."""
    return name if len(name) <= 32 else f"…{name[-31:]}"
