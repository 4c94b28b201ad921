"""Networks side by side, as tables: what they are, and how they run on an architecture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dse.explore.compare.layers_log import NOT_REACHED
from dse.report.table import Table
from dse.report.units import capacity, duration, energy, percent, si, whole

if TYPE_CHECKING:
    from dse.explore.compare.networks import Comparison

AGREES = 0.012
"""Published GFLOPs of the networks we ship lie within this of 2 x MACs; those that do not are pointed out."""


def comparison_text(comparison: Comparison) -> str:
    """All tables, or the first two alone without an architecture."""
    tables = [networks_table(comparison), operations_table(comparison)]
    if comparison.architecture is not None:
        tables.append(costs_table(comparison))
    elsewhere = published_table(comparison)
    return "\n\n".join(table.to_text() for table in [*tables, *([elsewhere] if elsewhere.rows else [])])


def networks_table(comparison: Comparison) -> Table:
    """Size, memory and arithmetic intensity of each network."""
    cells = []
    for row in comparison.networks:
        cells.append(
            {
                "network": row["workload"],
                "layers": str(row["layers"]),
                "shapes": str(row["distinct_shapes"]),
                "parameters": whole(row["parameters"]),
                "MACs": whole(row["macs"]),
                "memory": capacity(8 * row["footprint_bytes"]),
                "FLOP/B": f"{row['flop_per_byte']:.1f}",
            }
        )
    batches = sorted({row["batch"] for row in comparison.networks})
    note = (
        "parameters: weights, biases and batch norm; memory: the parameters and the most feature maps alive at once\n"
        "FLOP/B: operations per byte if each layer's weights, ifmap and ofmap cross the memory's boundary once"
    )
    noun = "network" if len(cells) == 1 else "networks"
    title = f"{len(cells)} {noun}, batch {', '.join(map(str, batches))}"
    return Table.of(cells, left=frozenset({"network"}), title=title, note=note, spare=("shapes", "FLOP/B"))


def operations_table(comparison: Comparison) -> Table:
    """Operations of each network, ours and published ones, and its published accuracy."""
    cells = []
    for row in comparison.networks:
        cells.append(
            {
                "network": row["workload"],
                "GFLOPs": f"{row['gflops']:.3f}",
                "CONV": f"{row['gflops_conv']:.3f}",
                "FC": f"{row['gflops_fc']:.3f}",
                "published": _published(row, "gflops", "{:.2f}"),
                "top-1, %": _published(row, "top1_percent", "{:.2f}"),
                "top-5, %": _published(row, "top5_percent", "{:.2f}"),
            }
        )
    note = ["GFLOPs: 2 x MACs, of which CONV in convolutions and FC in fully connected layers and matrix products",
            *disagreements(comparison)]  # fmt: skip
    title = "operations, beside published ones, and published accuracy"
    return Table.of(cells, left=frozenset({"network"}), title=title, note="\n".join(note))


def published_table(comparison: Comparison) -> Table:
    """Power and time that others published for the networks on hardware of theirs; without rows where nobody has."""
    cells = [
        {
            "network": row["workload"],
            "power": _published(row, "power_w", "{:.0f} W"),
            "time on a CPU": _published(row, "cpu_ms", "{:.1f} ms"),
        }
        for row in comparison.networks
        if row.get("published_power_w") is not None or row.get("published_cpu_ms") is not None
    ]
    return Table.of(cells, left=frozenset({"network"}), title="published, on other hardware")


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
            is_open = row["not_mapped"].endswith(NOT_REACHED["reason"])
            wrong.append(f"{row['workload']} {'is not complete' if is_open else 'cannot run'}: {row['not_mapped']}")
        cells.append(
            {
                "network": row["workload"],
                "energy": _cell(row, "energy_pj", energy),
                "latency": _cell(row, "latency_s", duration),
                "power": _cell(row, "power_w", lambda watts: si(watts, "W")),
                "per second": _cell(row, "inferences_per_s", lambda rate: f"{rate:.3g}"),
                "per joule": _cell(row, "inferences_per_j", lambda rate: f"{rate:.3g}"),
                "DRAM": _cell(row, "outer_bytes", lambda moved: si(moved, "B")),
                "EDP": _cell(row, "edp_js", lambda product: si(product, "J·s")),
            }
        )
    how = " with perfect factors" if comparison.factors == "perfect" else ""
    title = (
        f"on {comparison.architecture}, every layer within {percent(comparison.gap)} of its best mapping for "
        f"{comparison.objective}{how}"
    )
    note = "\n".join([
        "per second, per joule: inferences; DRAM: all traffic of the outermost level; "
        f"{comparison.mapped_shapes} distinct layers were mapped",
        *wrong,
    ])  # fmt: skip
    return Table.of(cells, left=frozenset({"network"}), title=title, note=note, spare=("EDP", "power"))


def comparison_records(comparison: Comparison) -> list[dict[str, Any]]:
    """The rows for CSV, all with the same columns; what a network has no figure of is empty."""
    columns = list(dict.fromkeys(key for row in comparison.networks for key in row))
    return [{column: row.get(column) for column in columns} for row in comparison.networks]


def _published(row: Mapping[str, Any], name: str, form: str) -> str:
    value = row.get(f"published_{name}")
    return "-" if value is None else form.format(value)


def _cell(row: Mapping[str, Any], key: str, form: Any) -> str:
    return "-" if row[key] is None else str(form(row[key]))
