"""Dataflows side by side: a table in CSV, and stacked bars of energy per MAC by level and by operand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dse.errors import DseError
from dse.formats.text.replace import write_text
from dse.formats.text.spreadsheet import to_csv
from dse.report.figures.save import save_figure, tick_name
from dse.report.figures.style import COLOURS
from dse.report.table import Table

BY = {"by_level": "at ", "by_operand": "of "}


@dataclass(frozen=True, slots=True)
class Bars:
    """One panel.

    Parameters
    ----------
    title : str
    labels : tuple of str
        Dataflow and batch of each bar.
    stacks : dict of str to tuple of float
        What is stacked, to its height in each bar; the MACs themselves are among them.
    """

    title: str
    labels: tuple[str, ...]
    stacks: dict[str, tuple[float, ...]]


def bars(parts: Sequence[Mapping[str, Any]], prefix: str) -> list[Bars]:
    """A panel for each part and point. A design that cannot run has an empty bar."""
    points = [key for key in parts[0] if "." in key]
    panels: dict[str, list[Mapping[str, Any]]] = {}
    for row in parts:
        at = ", ".join(f"{key.rpartition('.')[2]} {row[key]}" for key in points if "capacity" not in key)
        panels.setdefault(f"{row['part']}, {at}" if at else str(row["part"]), []).append(row)
    keys = list(dict.fromkeys(key for row in parts for key in row if key.startswith(prefix)))
    if prefix == BY["by_operand"]:
        keys.append("at MAC")
    return [
        Bars(
            title,
            tuple(f"{row['dataflow']} {row['batch']}" for row in rows),
            {key[3:]: tuple(float(row.get(key, 0.0)) for row in rows) for key in keys},
        )
        for title, rows in panels.items()
    ]


def write(rows: Sequence[Mapping[str, Any]], parts: Sequence[Mapping[str, Any]], folder: Path) -> list[str]:
    """Write `layers.csv`, `dataflows.csv` and both figures; returns their names."""
    names = ["dataflows.csv", "layers.csv"]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in zip(names, (parts, rows), strict=True):
            columns = list(dict.fromkeys(key for row in table for key in row))
            text = to_csv([{key: row.get(key, "") for key in columns} for row in table])
            write_text(folder / name, text)
    except OSError as error:
        raise DseError(f"cannot write {folder}: {error.strerror}") from None
    for name, prefix in BY.items():
        draw(bars(parts, prefix), folder / f"{name}.png", name.replace("_", " "))
        names.append(f"{name}.png")
    return names


def draw(panels: Sequence[Bars], path: Path, how: str) -> None:
    """Stacked bars, one panel below the other in columns of equal points."""
    from matplotlib.figure import Figure

    titles = list(dict.fromkeys(panel.title.partition(",")[0] for panel in panels))
    across = -(-len(panels) // len(titles))
    figure = Figure(figsize=(5.2 * across, 3.4 * len(titles)), layout="constrained")
    axes = figure.subplots(len(titles), across, squeeze=False)
    seen = dict.fromkeys(titles, 0)
    for panel in panels:
        part = panel.title.partition(",")[0]
        axis = axes[titles.index(part)][seen[part]]
        seen[part] += 1
        bottom, labels = [0.0] * len(panel.labels), [tick_name(label) for label in panel.labels]
        for i, (name, heights) in enumerate(panel.stacks.items()):
            if any(heights):
                axis.bar(labels, heights, bottom=bottom, label=name, color=COLOURS[i % len(COLOURS)])
            bottom = [low + height for low, height in zip(bottom, heights, strict=True)]
        axis.set_title(panel.title, fontsize=10)
        axis.set_ylabel("energy per MAC, in MACs")
        axis.tick_params(axis="x", labelrotation=90, labelsize=7)
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(fontsize=7, frameon=False)
    figure.suptitle(f"energy {how}, dataflow and batch", fontsize=11)
    save_figure(figure, path, dpi=130)


def summary(parts: Sequence[Mapping[str, Any]]) -> Table:
    """Energy per MAC, in MACs: one row a part, point and batch, one column a dataflow."""
    rows: dict[tuple[Any, ...], dict[str, str]] = {}
    for part in parts:
        at = {key.rpartition(".")[2]: str(part[key]) for key in part if "." in key}
        same = {"part": str(part["part"]), **at, "batch": str(part["batch"])}
        row = rows.setdefault(tuple(same.values()), same)
        row[str(part["dataflow"])] = f"{part['energy']:.2f}" if part["status"] == "ok" else "-"
    return Table.of(list(rows.values()), left=frozenset({"part"}), title="energy per MAC, in MACs")
