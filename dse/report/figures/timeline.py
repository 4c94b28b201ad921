"""Levels that keep tensors on chip over the steps of a network: who lies where, tiles, and free room."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dse.errors import visible
from dse.report.drawing.save import save_figure
from dse.report.drawing.style import COLOURS, INK, QUIET, SMALLEST, dress, head, legend, new_figure
from dse.report.units import capacity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_NAMES = 60
"""Steps that are all named below the axis; of more, every second, third and so on is."""

LETTER = 5.8
"""Points that a letter of a name takes, about."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """What `timeline_figure` draws of one level.

    Parameters
    ----------
    title, subtitle, level : str
    steps : tuple of str
    capacity : int
        In bits.
    tensors : tuple of (str, int, int, int, int)
        Name, first and last step, offset and size in bits.
    tiles : tuple of ((int, int), ...)
        By step, rooms from and to which tiles take, in bits.
    """

    title: str
    subtitle: str
    level: str
    steps: tuple[str, ...]
    capacity: int
    tensors: tuple[tuple[str, int, int, int, int], ...]
    tiles: tuple[tuple[tuple[int, int], ...], ...]

    def records(self) -> list[dict[str, Any]]:
        """One row a tensor's stay, then one a room of tiles, for CSV."""

        def row(what: str, first: int, last: int, at: int, bits: int) -> dict[str, Any]:
            return {
                "level": self.level, "what": what, "from_step": self.steps[first], "to_step": self.steps[last],
                "offset_bits": at, "bits": bits,
            }  # fmt: skip

        rows = [row(name, first, last, at, bits) for name, first, last, at, bits in self.tensors]
        for i, rooms in enumerate(self.tiles):
            rows += [row("tiles", i, i, low, high - low) for low, high in rooms]
        return rows


def timeline_data(plain: dict[str, Any]) -> tuple[Timeline, ...]:
    """The stays of tensors on chip, by level that keeps them.

    Parameters
    ----------
    plain : dict
        What `MappedWorkload.to_dict()` gives for a run with tensors on chip.
    """
    return tuple(_of_level(plain, one["level"], one["capacity_bits"]) for one in plain["residency"]["levels"])


def _of_level(plain: dict[str, Any], level: str, capacity_bits: int) -> Timeline:
    run = plain["residency"]
    timeline = [moment for moment in run["timeline"] if moment["level"] == level]
    steps = tuple(moment["step"] for moment in timeline)
    stays: list[list[Any]] = []
    going_on: dict[tuple[str, int], list[Any]] = {}
    for i, moment in enumerate(timeline):
        now = {(one["name"], one["offset_bits"]): one for one in moment["tensors"]}
        going_on = {key: stay for key, stay in going_on.items() if key in now}
        for key, one in now.items():
            if key not in going_on:
                going_on[key] = [one["name"], i, i, one["offset_bits"], one["bits"]]
                stays.append(going_on[key])
            going_on[key][2] = i
    kept = sum(bool(tensor["steps"]) for tensor in run["tensors"])
    return Timeline(
        f"{plain['workload']} on {plain['arch']}: {run['level']} keeps {kept} of {len(run['tensors'])} tensors",
        "each block a tensor, as long as it is on chip; grey: tiles of the layer that runs; white: free",
        level, steps, capacity_bits, tuple(tuple(stay) for stay in stays),
        tuple(_tiles(moment, capacity_bits) for moment in timeline),
    )  # fmt: skip


def _tiles(moment: dict[str, Any], capacity_bits: int) -> tuple[tuple[int, int], ...]:
    """Rooms that tiles take, from the top down, around what lies there."""
    found, left, top = [], moment["tiles_bits"], capacity_bits
    lying = sorted({(one["offset_bits"], one["offset_bits"] + one["bits"]) for one in moment["tensors"]}, reverse=True)
    for low, high in [*lying, (0, 0)]:
        if left > 0 and high < top:
            taken = min(left, top - high)
            found.append((top - taken, top))
            left -= taken
        top = min(top, low)
    return tuple(found)


def timeline_figure(levels: tuple[Timeline, ...]) -> Figure:
    """Steps from left to right, room of each level upwards."""
    from matplotlib.patches import Patch

    first = levels[0]
    figure = new_figure(max(7.0, min(16.0, 0.2 * len(first.steps) + 3.0)), 5.0 * len(levels))
    head(figure, first.title, first.subtitle)
    for number, data in enumerate(levels, 1):
        axes = figure.add_subplot(len(levels), 1, number)
        _draw_level(figure, axes, data, named=len(levels) > 1)
        if number == 1:
            legend(axes, {"tensor": Patch(facecolor=COLOURS[0]), "tiles": Patch(facecolor="#c9ced4"),
                          "free": Patch(facecolor="white", edgecolor=QUIET)})  # fmt: skip
    return figure


def _draw_level(figure: Figure, axes: Axes, data: Timeline, *, named: bool) -> None:
    from matplotlib.patches import Rectangle

    level = f" {data.level}" if named else ""
    dress(axes, "", f"offset, KiB of {capacity(data.capacity)}{level}")
    for i, rooms in enumerate(data.tiles):
        for low, high in rooms:
            axes.add_patch(Rectangle((i, low / 8192), 1, (high - low) / 8192, facecolor="#c9ced4", edgecolor="none"))
    step = (figure.get_figwidth() - 2.5) * 72 / len(data.steps)  # points
    for number, (name, first, last, at, bits) in enumerate(data.tensors):
        width, tall = last - first + 1, bits / 8192
        colour = COLOURS[number % 6]
        axes.add_patch(Rectangle((first, at / 8192), width, tall, facecolor=colour, edgecolor="white", linewidth=0.8))
        if tall > 0.045 * data.capacity / 8192 and len(name) * LETTER < width * step:
            axes.text(first + width / 2, at / 8192 + tall / 2, name, ha="center", va="center",
                      fontsize=SMALLEST, color="white")  # fmt: skip
    axes.axhline(data.capacity / 8192, color=INK, linewidth=1.0)
    axes.set_xlim(0, len(data.steps))
    axes.set_ylim(0, data.capacity / 8192 * 1.02)
    every = -(-len(data.steps) // MOST_NAMES)
    axes.set_xticks([i + 0.5 for i in range(0, len(data.steps), every)])
    axes.set_xticklabels([visible(name) for name in data.steps[::every]], rotation=90)
    axes.grid(visible=False, axis="x")


def draw_timeline(plain: dict[str, Any], path: str | Path) -> None:
    """Draw the stays of tensors on chip to a PNG, SVG or PDF file."""
    save_figure(timeline_figure(timeline_data(plain)), path)
