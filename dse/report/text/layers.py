"""Tables of mapped layers: one row a layer, and one layer in full."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import inf, prod
from typing import TYPE_CHECKING, Any

from dse.problem.dims import OPERANDS
from dse.report.table import Table
from dse.report.units import duration, energy, power, si, whole

if TYPE_CHECKING:
    from dse.mapper import Mapped, NetworkCertificate


def layers_table(plain: Mapping[str, Any]) -> Table:
    """One row for each distinct layer of a mapped workload, and the totals.

    Parameters
    ----------
    plain : mapping
        What `MappedWorkload.to_dict()` gives.
    """
    rows = []
    for layer in plain["layers"]:
        rows.append(
            {
                "layer": layer["name"],
                "x": str(layer["count"]),
                "MACs": whole(layer["macs"]),
                "energy": energy(layer["energy_pj"]),
                "pJ/MAC": f"{layer['energy_pj'] / layer['macs']:.2f}" if layer["macs"] else "-",
                **{
                    place: f"{value / layer['energy_pj']:.0%}" if layer["energy_pj"] else "-"
                    for place, value in layer["energy_by_level_pj"].items()
                },
                "cycles": whole(layer["cycles"]),
                "busy": f"{layer['utilization']:.1%}",
                "bound by": layer["bound_by"],
            }
        )
    left = frozenset({"layer", "bound by"})
    return Table.of(rows, left=left, title=f"{plain['workload']} on {plain['arch']}", note=totals_line(plain))


def totals_line(plain: Mapping[str, Any]) -> str:
    """Energy, latency and what follows from them, for the whole network."""
    joules, seconds = plain["energy_pj"] * 1e-12, plain["latency_s"]
    return (
        f"total: {whole(plain['macs'])} MACs, {energy(plain['energy_pj'])}, {duration(seconds)} "
        f"({whole(plain['cycles'])} cycles), EDP {si(plain['edp_js'], 'J·s')}, {power(joules / seconds * 1e3)}, "
        f"{plain['area_mm2']:.3g} mm2\n{widths_line(layer['bits'] for layer in plain['layers'] if layer['macs'])}"
    )


def widths_line(widths: Iterable[Mapping[str, int]]) -> str:
    """The widths that layers have, all different ones.

    Examples
    --------
    >>> widths_line([{"ifmap": 8, "weight": 8, "psum": 32, "ofmap": 8}])
    'bits: ifmap 8, weight 8, psum 32, ofmap 8'
    """
    lines = dict.fromkeys(", ".join(f"{part} {width}" for part, width in one.items()) for one in widths)
    return f"bits: {'; '.join(lines)}"


def layer_records(plain: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The same as flat rows of numbers, for CSV: energies by level and operand, words by level and operand."""
    records = []
    for layer in plain["layers"]:
        record = {
            key: layer[key] for key in ("name", "count", "macs", "energy_pj", "cycles", "utilization", "bound_by")
        }
        record |= {f"energy_{place}_pj": value for place, value in layer["energy_by_level_pj"].items()}
        for level, row in layer["accesses"].items():
            for part, moved in row.items():
                for direction in ("reads", "writes"):
                    record[f"{level}_{part}_{direction}"] = moved[direction]
        record |= {f"{part}_bits": width for part, width in layer["bits"].items()}
        record["breaks_rules"] = "; ".join(layer.get("breaks_rules", ()))
        records.append(record)
    return records


def cost_lines(mapped: Mapped) -> list[str]:
    """Energy, time and their splits in a few lines."""
    cost = mapped.cost
    places = ", ".join(_shares(cost.energy_by_level_pj, cost.energy_pj))
    operands = ", ".join(_shares(cost.energy_by_operand_pj, cost.energy_pj))
    times = ", ".join(f"{name} {whole(value)}" for name, value in cost.cycles_by.items() if value >= 0.5)
    return [
        f"energy   {energy(cost.energy_pj)}, {cost.energy_pj / cost.macs:.2f} pJ/MAC",
        f"         by level: {places}",
        f"         by operand: {operands}",
        f"latency  {duration(cost.latency_s)}, {whole(cost.cycles)} cycles, bound by {cost.bound_by}, "
        f"{cost.utilization:.1%} of all MACs busy",
        f"         cycles: {times}",
        widths_line([cost.bits]),
    ]


def reuse_summary(plain: Mapping[str, Any]) -> Table:
    """What a word fetched from the outermost level is used for, by kind of reuse, beside what each layer offers.

    Parameters
    ----------
    plain : mapping
        What `MappedWorkload.to_dict()` gives.
    """
    rows = []
    for layer in (layer for layer in plain["layers"] if layer["macs"]):
        for operand in OPERANDS:
            factors = [row for row in layer["reuse"] if row["operand"] == operand]
            got = [row for row in factors if row["how"] != "refetch"]
            cells = {
                kind: f"{prod(row['factor'] for row in got if row['kind'] == kind):,.4g}"
                if any(row["kind"] == kind for row in got) else "-"
                for kind in ("convolutional", "image", "filter", "accumulation")
            }  # fmt: skip
            achieved, offered = prod(row["factor"] for row in got), prod(row["factor"] for row in factors)
            sums = {"achieved": f"{achieved:,.4g}", "offered": f"{offered:,.4g}"}
            rows.append({"layer": layer["name"], "operand": operand, **cells, **sums})
    note = (
        "achieved: MACs per DRAM word (of the outermost level); offered: MACs per word of data, the most possible.\n"
        "A fully connected layer has no convolutional reuse, and at batch 1 each of its weights serves a single MAC."
    )
    return Table.of(rows, left=frozenset({"layer", "operand"}), title="reuse by kind", note=note)


def reuse_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """How often a word is used at each place, by kind of reuse; places that reuse nothing are left out."""
    shown = [row for row in rows if abs(row["factor"] - 1) > 1e-9]
    cells = [
        {
            "operand": row["operand"],
            "where": row["place"],
            "how": row["how"],
            "kind": row["kind"],
            "times": f"{row['factor']:,.4g}",
        }
        for row in shown
    ]
    return Table.of(cells, left=frozenset({"operand", "where", "how", "kind"}), title="reuse")


def proof_lines(mapped: Mapped) -> list[str]:
    """The certificate in words."""
    proof = mapped.certificate
    if proof is None:
        return ["proof    none: this mapping was given"]
    what = {"energy": "energy", "latency": "latency", "edp": "energy-delay product"}.get(
        proof.objective, proof.objective
    )
    factors = "perfect factors only" if getattr(proof, "factors", "all") == "perfect" else "all factors"
    claim = "no mapping has a lower" if proof.gap == 0 else f"no mapping is more than {proof.gap:.2%} better in"
    return [
        f"proof    {claim} {what}: {proof.space_size:.3g} mappings ({factors}, all orders), "
        f"{whole(proof.nodes)} nodes visited, lower bound {proof.lower_bound:.6g}, found {proof.value:.6g}",
    ]


def network_proof_line(proof: NetworkCertificate) -> str:
    """The certificate of a whole network in words."""
    what = {"edp": "energy-delay product"}.get(proof.objective, proof.objective)
    limits = [
        f"{whole(proof.max_cycles)} cycles" if proof.max_cycles < inf else "",
        energy(proof.max_energy_pj) if proof.max_energy_pj < inf else "",
    ]
    within = " and ".join(limit for limit in limits if limit)
    exact = proof.value <= proof.lower_bound * (1 + 1e-12)
    claim = "no other choice of mappings has a lower" if exact else f"no choice is more than {proof.gap:.2%} better in"
    return (
        f"proof: {claim} {what} of the network{' within ' + within if within else ''}: {proof.points:,} points on the "
        f"fronts of\n{proof.distinct} distinct layers, lower bound {proof.lower_bound:.6g}, found {proof.value:.6g}"
    )


def _shares(parts: Mapping[str, float], whole_pj: float) -> list[str]:
    return [f"{name} {value / whole_pj:.1%}" for name, value in parts.items() if value > 0]
