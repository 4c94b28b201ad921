"""Networks side by side, as tables: what they are, and how they run on an architecture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dse.report.table import Table
from dse.report.units import capacity, duration, energy, si, whole

if TYPE_CHECKING:
    from dse.explore.compare.networks import Comparison

AGREES = 0.012
"""Published GFLOPs of the networks we ship lie within this of 2 x MACs; those that do not are pointed out."""


def comparison_text(comparison: Comparison) -> str:
    """Both tables, or the first alone without an architecture."""
    tables = [networks_table(comparison)]
    if comparison.architecture is not None:
        tables.append(costs_table(comparison))
    return "\n\n".join(table.to_text() for table in tables)


def networks_table(comparison: Comparison) -> Table:
    """Size, operations, memory and published accuracy of each network."""
    cells = []
    for row in comparison.networks:
        cells.append(
            {
                "network": row["workload"],
                "layers": str(row["layers"]),
                "shapes": str(row["distinct_shapes"]),
                "weights": whole(row["weights"]),
                "parameters": whole(row["parameters"]),
                "MACs": whole(row["macs"]),
                "GFLOPs": f"{row['gflops']:.2f}",
                "CONV": f"{row['gflops_conv']:.2f}",
                "FC": f"{row['gflops_fc']:.3f}",
                "published": _published(row, "gflops", "{:.2f}"),
                "memory": capacity(8 * row["footprint_bytes"]),
                "FLOP/B": f"{row['flop_per_byte']:.1f}",
                "top-1": _published(row, "top1_percent", "{:.2f} %"),
                "top-5": _published(row, "top5_percent", "{:.2f} %"),
            }
        )
    batches = sorted({row["batch"] for row in comparison.networks})
    note = [
        "Parameters count biases and batch norm. GFLOPs are 2 x MACs; published ones beside them. Memory is "
        "the parameters and the most feature maps alive at once.",
        "FLOP/B is the arithmetic intensity if each layer's weights, ifmap and ofmap cross the memory's boundary once.",
        *disagreements(comparison),
    ]
    title = f"{len(cells)} networks, batch {', '.join(map(str, batches))}"
    return Table.of(cells, left=frozenset({"network"}), title=title, note="\n".join(note))


def disagreements(comparison: Comparison) -> list[str]:
    """A line for each network whose published GFLOPs or parameters are not ours."""
    lines = []
    for row in comparison.networks:
        stated = row.get("published_gflops")
        own = row["gflops"] / row["batch"]
        if stated is not None and abs(own / stated - 1) > AGREES:
            lines.append(
                f"{row['workload']}: the published {stated:g} GFLOPs are not 2 x MACs = {own:.3f} "
                f"({stated / own - 1:+.1%}); we know of no count that gives them."
            )
        stated = row.get("published_parameters")
        if stated is not None and stated != row["parameters"]:
            lines.append(f"{row['workload']}: published are {whole(stated)} parameters.")
    return lines


def costs_table(comparison: Comparison) -> Table:
    """Energy, latency and rates of each network on the architecture."""
    cells, wrong = [], []
    for row in comparison.networks:
        if row["not_mapped"]:
            wrong.append(f"{row['workload']} cannot run: {row['not_mapped']}")
        cells.append(
            {
                "network": row["workload"],
                "energy": _cell(row, "energy_pj", energy),
                "latency": _cell(row, "latency_s", duration),
                "power": _cell(row, "power_w", lambda watts: si(watts, "W")),
                "inferences/s": _cell(row, "inferences_per_s", lambda rate: f"{rate:.3g}"),
                "inferences/J": _cell(row, "inferences_per_j", lambda rate: f"{rate:.3g}"),
                "EDP": _cell(row, "edp_js", lambda product: si(product, "J·s")),
                "DRAM": _cell(row, "outer_bytes", lambda moved: si(moved, "B")),
                "published power": _published(row, "power_w", "{:.0f} W"),
                "published CPU time": _published(row, "cpu_ms", "{:.1f} ms"),
            }
        )
    title = f"on {comparison.architecture}"
    how = "mapping with perfect factors" if comparison.factors == "perfect" else "mapping"
    note = "\n".join([
        f"Each of {comparison.mapped_shapes} distinct layers was mapped once for its {comparison.objective}, within "
        f"{comparison.gap:.0%} of the best {how}, proven. DRAM is all traffic of the outermost level.",
        "Published power and CPU time are of other hardware, as stated.",
        *wrong,
    ])  # fmt: skip
    return Table.of(cells, left=frozenset({"network"}), title=title, note=note)


def comparison_records(comparison: Comparison) -> list[dict[str, Any]]:
    """The rows for CSV, all with the same columns; what a network has no figure of is empty."""
    columns = list(dict.fromkeys(key for row in comparison.networks for key in row))
    return [{column: row.get(column) for column in columns} for row in comparison.networks]


def _published(row: Mapping[str, Any], name: str, form: str) -> str:
    value = row.get(f"published_{name}")
    return "-" if value is None else form.format(value)


def _cell(row: Mapping[str, Any], key: str, form: Any) -> str:
    return "-" if row[key] is None else str(form(row[key]))
