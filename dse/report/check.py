"""The closed form held against the simulator, on the mappings that layers really get."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dse.errors import InfeasibleError
from dse.problem.dims import DIMS, OPERANDS
from dse.report.table import Table
from dse.report.units import whole

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture
    from dse.model.accesses import Accesses
    from dse.problem.layer import Layer


def shrink(layer: Layer, macs: int) -> Layer:
    """The layer with its longest loops halved, rounded up, until it has at most `macs` MACs.

    Strides, dilations and filters stay; filters and groups are halved only when nothing else is left.
    """
    while layer.macs > macs:
        sizes = {dim: getattr(layer, dim) for dim in "NKCPQ"}
        if max(sizes.values()) == 1:
            sizes = {dim: getattr(layer, dim) for dim in "GRS"}
        longest = max(sizes, key=lambda dim: sizes[dim])
        layer = layer.with_(**{longest: (sizes[longest] + 1) // 2}, H=0, W=0)
    return layer


def compare(architecture: Architecture, layer: Layer, names: Sequence[str]) -> list[dict[str, Any]]:
    """Compare all counts of a layer's best mappings.

    Returns
    -------
    list of dict
        One row for each objective: `layer`, `bounds`, `objective`, `macs`, `counts` compared, and how many `differ`.
    """
    from dse.mapper import map_layer
    from dse.model.counts import count
    from dse.model.simulate import simulate

    layer = architecture.lowered(layer)
    rows = []
    for objective in ("energy", "latency", "edp"):
        row: dict[str, Any] = {
            "layer": names[0],
            "equal_layers": len(names),
            "bounds": " ".join(f"{dim}={size}" for dim, size in zip(DIMS, layer.bounds, strict=True) if size > 1),
            "objective": objective,
            "macs": layer.macs,
        }
        try:
            mapping = map_layer(architecture, layer, objective).mapping
        except InfeasibleError as error:
            rows.append({**row, "counts": 0, "differ": 0, "first": f"infeasible: {error}"})
            continue
        closed = _flat(count(layer, architecture, mapping))
        walked = _flat(simulate(layer, architecture, mapping))
        different = [key for key in closed if closed[key] != walked[key]]
        first = f"{different[0]}: {closed[different[0]]} for {walked[different[0]]}" if different else ""
        rows.append({**row, "counts": len(closed), "differ": len(different), "first": first})
    return rows


def check_table(rows: Sequence[dict[str, Any]]) -> Table:
    """The comparison as a table, with its verdict below."""
    cells = [
        {
            "layer": row["layer"],
            "walked as": row["bounds"],
            "objective": row["objective"],
            "MACs": whole(row["macs"]),
            "counts": str(row["counts"]),
            "differ": str(row["differ"]),
            "": row["first"],
        }
        for row in rows
    ]
    differing, counts = (sum(row[key] for row in rows) for key in ("differ", "counts"))
    verdict = (
        f"all {whole(counts)} counts are equal" if not differing else f"{differing} of {whole(counts)} counts differ"
    )
    return Table.of(cells, left=frozenset({"layer", "walked as", "objective", ""}), note=verdict)


def _flat(accesses: Accesses) -> dict[str, int]:
    """Every count under a readable name."""
    flat = {"steps": accesses.steps, "macs": accesses.macs}
    for level, row in accesses.levels.items():
        for operand in OPERANDS:
            flat[f"{level} {operand} reads"] = row[operand].reads
            flat[f"{level} {operand} writes"] = row[operand].writes
    for fan_out, crossings in accesses.fan_outs.items():
        for operand in OPERANDS:
            flat[f"{fan_out} {operand} delivered"] = crossings[operand].delivered
            flat[f"{fan_out} {operand} hops"] = crossings[operand].hops
    return flat
