"""How often a word is used where it is kept, by operand, place and kind of reuse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import TYPE_CHECKING, Any

from dse.errors import visible
from dse.report.drawing.style import INK, KINDS, SMALLEST, dress, head, logarithmic, new_figure
from dse.report.units import times

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class ReuseData:
    """What `reuse_figure` draws.

    Parameters
    ----------
    title, subtitle : str
    panels : tuple of (design, {(operand, place): {kind: times}})
        Of each design: how often a word that arrives at a place is used, by kind.
    """

    title: str
    subtitle: str
    panels: tuple[tuple[str, dict[tuple[str, str], dict[str, float]]], ...]

    def records(self) -> list[dict[str, Any]]:
        """One row a design, operand, place and kind, for CSV."""
        return [
            {"design": design, "operand": operand, "place": place, "kind": kind, "times": factor}
            for design, places in self.panels
            for (operand, place), kinds in places.items()
            for kind, factor in kinds.items()
        ]


def mean_reuse(network: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, float]]:
    """Reuse factors of a network as a card has it: the geometric mean over the MACs of its layers.

    Notes
    -----
    The product over places and kinds is then the geometric mean of MACs per word of outermost traffic, too.

    Examples
    --------
    >>> rows = [{"operand": "weight", "place": "PE", "how": "temporal", "kind": "filter", "factor": f} for f in (2, 8)]
    >>> layers = [{"macs": 5, "count": 1, "reuse": [row]} for row in rows]
    >>> {place: round(kinds["filter"], 9) for place, kinds in mean_reuse({"layers": layers}).items()}
    {('weight', 'PE'): 4.0}
    """
    sums: dict[tuple[str, str], dict[str, float]] = {}
    macs = sum(layer["macs"] * layer["count"] for layer in network["layers"])
    for layer in network["layers"]:
        for row in layer["reuse"]:
            if row["how"] != "refetch":
                kinds = sums.setdefault((row["operand"], row["place"]), {})
                share = layer["macs"] * layer["count"] / macs
                kinds[row["kind"]] = kinds.get(row["kind"], 0.0) + share * log(row["factor"])
    return {place: {kind: exp(value) for kind, value in kinds.items()} for place, kinds in sums.items()}


def reuse_data(networks: Sequence[tuple[str, Mapping[str, Any]]]) -> ReuseData:
    """The reuse of a network on one or two designs.

    Parameters
    ----------
    networks : sequence of (design, network of its card)
    """
    panels = tuple((design, mean_reuse(network)) for design, network in networks)
    first = panels[0][1]
    best = max(first, key=lambda place: _product(first[place].values()))
    name = networks[0][1]["name"]
    return ReuseData(
        title=f"{name} on {panels[0][0]}: a word of {best[0]} that reaches {best[1]} is used "
        f"{times(_product(first[best].values()))} there",
        subtitle="uses of a word for each time that it arrives, by kind; geometric mean over the MACs of all layers",
        panels=panels,
    )


def reuse_figure(data: ReuseData) -> Figure:
    """A panel a design; a bar's length is the product of its parts, on a logarithmic axis."""
    places = list(dict.fromkeys(place for _, kinds in data.panels for place in kinds))
    figure = new_figure(9, 2.0 + 0.3 * len(places))
    head(figure, data.title, data.subtitle)
    sides = figure.subplots(1, len(data.panels), sharey=True, sharex=True, squeeze=False)[0]
    shown: dict[str, Any] = {}
    for axes, (design, found) in zip(sides, data.panels, strict=True):
        _panel(axes, places, found, shown)
        axes.set_title(visible(design), fontsize=10, color=INK, loc="left")
    sides[0].set_yticks(range(len(places)), [visible(f"{operand} at {place}") for operand, place in places])
    sides[0].set_ylim(len(places) - 0.4, -0.6)
    figure.legend(shown.values(), shown.keys(), loc="outside lower center", ncols=4, frameon=False, fontsize=SMALLEST,
                  labelcolor=INK)  # fmt: skip
    return figure


def _panel(
    axes: Axes, places: Sequence[tuple[str, str]], found: Mapping[tuple[str, str], Mapping[str, float]],
    shown: dict[str, Any],
) -> None:  # fmt: skip
    longest = 1.0
    for at, place in enumerate(places):
        start = 1.0
        for kind, factor in found.get(place, {}).items():
            if abs(log(factor)) > 1e-9:
                length = start * (factor - 1)
                shown.setdefault(kind, axes.barh([at], [length], left=[start], color=KINDS[kind], height=0.7))
            start *= factor
        longest = max(longest, start)
        axes.text(max(start, 1.0) * 1.12, at, times(start), va="center", ha="left", fontsize=SMALLEST, color=INK)
    logarithmic(axes, "x")
    dress(axes, "times used")
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.axvline(1.0, color=INK, linewidth=0.8)
    right = max(axes.get_xlim()[1], longest * max(4.0, longest**0.35))
    axes.set_xlim(min(axes.get_xlim()[0], 0.8), right)


def _product(factors: Any) -> float:
    result = 1.0
    for factor in factors:
        result *= factor
    return result
