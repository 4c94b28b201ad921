"""What the commands print, as tables of plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dse.report.table import Table
from dse.report.units import duration, energy, power, si, times

if TYPE_CHECKING:
    from dse.explore.result import SweepResult

SHOWN_POINTS = 20


def short_names(paths: tuple[str, ...]) -> dict[str, str]:
    """The shortest endings of dotted paths that tell them apart.

    Examples
    --------
    >>> short_names(("dataflow", "levels.GLB.capacity", "levels.PE.capacity"))
    {'dataflow': 'dataflow', 'levels.GLB.capacity': 'GLB.capacity', 'levels.PE.capacity': 'PE.capacity'}
    """
    names = {}
    for path in paths:
        parts = path.split(".")
        for length in range(1, len(parts) + 1):
            name = ".".join(parts[-length:])
            if all(not f".{other}".endswith(f".{name}") for other in paths if other != path):
                break
        names[path] = name
    return names


def front_table(result: SweepResult, most: int = SHOWN_POINTS) -> Table:
    """The front, ascending in latency, each point beside the architecture's own design.

    Parameters
    ----------
    result : SweepResult
    most : int
        Longer fronts are shown by `most` points spread over them.
    """
    front = result.front_rows()
    shown = spread(front, most)
    names = short_names(tuple(result.space))
    reference = result.reference
    rows = []
    for row in shown:
        cells = {
            "design": str(row["number"]),
            "energy": energy(row["energy_pj"]),
            "latency": duration(row["latency_s"]),
            "EDP": si(row["edp_js"], "J·s"),
            "area": f"{row['area_mm2']:.3g} mm2",
            "power": power(row["power_mw"]),
            **{name: str(row[path]) for path, name in names.items()},
        }
        if reference is not None and reference.ok:
            cells["EDP gain"] = times(reference.outcome.objectives["edp_js"] / row["edp_js"])
        rows.append(cells)
    cut = f", {len(shown)} of them shown" if len(shown) < len(front) else ""
    title = f"Front of {result.name}: {len(front)} points of {len({row['number'] for row in front})} designs{cut}"
    return Table.of(rows, left=frozenset(names.values()), title=title, note=_reference_note(result))


def spread(rows: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """At most `most` rows: both ends, the least EDP, the rest evenly spread."""
    from dse.explore.front import thin

    if len(rows) <= max(most, 3):
        return rows
    kept = set(thin([(row["energy_pj"], row["latency_s"]) for row in rows], max(most, 3)))
    return [row for row in rows if (row["energy_pj"], row["latency_s"]) in kept]


def status_line(result: SweepResult) -> str:
    """One line on what the sweep did."""
    summary = result.to_dict()
    states = ", ".join(f"{count} {status}" for status, count in summary["statuses"].items())
    flows = ", ".join(f"{name} {entry['designs']}" for name, entry in summary["dataflows"].items() if name)
    return (
        f"{summary['designs']} of {summary['space_size']:,} designs ({states})"
        + (f"; by dataflow: {flows}" if flows else "")
        + f"; {summary['solved_exactly']} solved exactly; sampler {result.sampler}, seed {result.search.seed}"
    )


def _reference_note(result: SweepResult) -> str:
    reference = result.reference
    if reference is None:
        return ""
    if not reference.ok:
        return f"The architecture's own design is {reference.outcome.status}: {reference.outcome.reason}"
    own = reference.outcome.objectives
    return (
        f"{result.architecture} as specified: {energy(own['energy_pj'])}, {duration(own['latency_s'])}, "
        f"EDP {si(own['edp_js'], 'J·s')}, {own['area_mm2']:.3g} mm2"
    )
