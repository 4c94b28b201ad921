"""Dataflows side by side: a table in CSV, and stacked bars of energy per MAC by level and by operand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dse.errors import DseError, visible
from dse.formats.text.replace import write_text
from dse.formats.text.spreadsheet import to_csv
from dse.report.drawing.save import save_figure
from dse.report.drawing.style import INK, dress, head, legend, new_figure, part_colours
from dse.report.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BY = {"by_level": "at ", "by_operand": "of "}


@dataclass(frozen=True, slots=True)
class Bars:
    """One panel.

    Parameters
    ----------
    title : str
    labels : tuple of str
        Dataflow of each bar.
    stacks : dict of str to tuple of float
        What is stacked, to its height in each bar; the MACs themselves are among them.
    """

    title: str
    labels: tuple[str, ...]
    stacks: dict[str, tuple[float, ...]]


def bars(parts: Sequence[Mapping[str, Any]], prefix: str) -> list[Bars]:
    """A panel for each part, batch and point. A design that cannot run has an empty bar."""
    panels: dict[str, list[Mapping[str, Any]]] = {}
    for row in parts:
        panels.setdefault(f"{row['part']}, batch {row['batch']}, {_point(row)}".rstrip(", "), []).append(row)
    keys = list(dict.fromkeys(key for row in parts for key in row if key.startswith(prefix)))
    if prefix == BY["by_operand"]:
        keys.append("at MAC")
    return [
        Bars(
            title,
            tuple(str(row["dataflow"]) for row in rows),
            {key[3:]: tuple(float(row.get(key, 0.0)) for row in rows) for key in keys},
        )
        for title, rows in panels.items()
    ]


def _point(row: Mapping[str, Any]) -> str:
    """A point in words: how many PEs, and what else it sets apart from sizes of memories and sides of the array."""
    pes = [f"{row['pes']} PEs"] if row.get("pes") else []
    sides = ("rows", "cols") if pes else ()
    rest = {key.rpartition(".")[2]: row[key] for key in row if "." in key}
    return ", ".join([*pes, *(f"{key} {value}" for key, value in rest.items() if key not in ("capacity", *sides))])


def write(rows: Sequence[Mapping[str, Any]], parts: Sequence[Mapping[str, Any]], folder: Path) -> list[str]:
    """Write `layers.csv`, `dataflows.csv` and both figures; returns their names."""
    names = write_tables(rows, parts, folder)
    for name, prefix in BY.items():
        draw(bars(parts, prefix), folder / f"{name}.png", name.replace("_", " "))
        names.append(f"{name}.png")
    return names


def write_tables(rows: Sequence[Mapping[str, Any]], parts: Sequence[Mapping[str, Any]], folder: Path) -> list[str]:
    """Write `layers.csv` and `dataflows.csv`; returns their names."""
    names = ["dataflows.csv", "layers.csv"]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in zip(names, (parts, rows), strict=True):
            columns = list(dict.fromkeys(key for row in table for key in row))
            text = to_csv([{key: row.get(key, "") for key in columns} for row in table])
            write_text(folder / name, text)
    except OSError as error:
        raise DseError(f"cannot write {folder}: {error.strerror}") from None
    return names


def draw(panels: Sequence[Bars], path: Path, how: str) -> None:
    """Stacked bars, to a file: see `bars_figure`."""
    save_figure(bars_figure(panels, how), path)


def bars_figure(panels: Sequence[Bars], how: str) -> Figure:
    """Stacked bars: a row of panels for each part and batch, so that no batch flattens another one's bars."""
    lines: dict[str, list[Bars]] = {}
    for panel in panels:
        lines.setdefault(", ".join(panel.title.split(", ")[:2]), []).append(panel)
    across = max(len(line) for line in lines.values())
    bars_each = max(len(panel.labels) for panel in panels)
    figure = new_figure(max(7.0, 1.2 + 3.6 * across), 1.1 + len(lines) * (0.85 + 0.24 * bars_each))
    head(figure, f"Energy per MAC, in MACs, by dataflow and {how.removeprefix('by ')}")
    grid = figure.subplots(len(lines), across, squeeze=False, sharex="row")
    colours = part_colours(dict.fromkeys(name for panel in panels for name in panel.stacks))
    shown: dict[str, Any] = {}
    for sides, line in zip(grid, lines.values(), strict=True):
        for axes in sides[len(line) :]:
            axes.set_visible(False)
        for axes, panel in zip(sides, line, strict=False):
            _panel(axes, panel, colours, shown)
    legend(grid[0][-1], {name: shown[name] for name in colours if name in shown})
    return figure


def _panel(axes: Axes, panel: Bars, colours: Mapping[str, str], shown: dict[str, Any]) -> None:
    starts = [0.0] * len(panel.labels)
    rows = range(len(panel.labels))
    for name, lengths in panel.stacks.items():
        if any(lengths):
            drawn = axes.barh(rows, lengths, left=starts, label=name, color=colours[name], height=0.74)
            shown.setdefault(name, drawn)
        starts = [start + length for start, length in zip(starts, lengths, strict=True)]
    dress(axes)
    axes.set_yticks(rows, [visible(label) for label in panel.labels])
    axes.set_ylim(len(panel.labels) - 0.4, -0.6)
    axes.set_title(visible(panel.title), fontsize=10, color=INK, loc="left")
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.locator_params(axis="x", nbins=5)


def summary(parts: Sequence[Mapping[str, Any]]) -> Table:
    """Energy per MAC, in MACs: one row a part, point and batch, one column a dataflow."""
    rows: dict[tuple[Any, ...], dict[str, str]] = {}
    for part in parts:
        at = {key.rpartition(".")[2]: str(part[key]) for key in part if "." in key}
        same = {"part": str(part["part"]), **at, "batch": str(part["batch"])}
        row = rows.setdefault(tuple(same.values()), same)
        row[str(part["dataflow"])] = f"{part['energy']:.2f}" if part["status"] == "ok" else "-"
    return Table.of(list(rows.values()), left=frozenset({"part"}), title="energy per MAC, in MACs")
