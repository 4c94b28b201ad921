"""Tables of mapped layers: one row a layer, and one layer in full."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import inf, prod
from typing import TYPE_CHECKING, Any

from dse.problem.dims import OPERANDS
from dse.report.table import Table, fold
from dse.report.units import duration, energy, percent, power, si, whole

if TYPE_CHECKING:
    from dse.mapper import Certificate, Mapped, NetworkCertificate


def layers_text(plain: Mapping[str, Any], asked: float = 0.0) -> str:
    """Both tables of a mapped workload, the totals, and what is not proven.

    Parameters
    ----------
    plain : mapping
        What `MappedWorkload.to_dict()` gives.
    asked : float
        The gap that was asked for, as a fraction.
    """
    tables = (layers_table(plain, asked), shares_table(plain))
    return "\n\n".join([*(table.to_text() for table in tables), fold(totals_line(plain), hang="  ")])


def layers_table(plain: Mapping[str, Any], asked: float = 0.0) -> Table:
    """One row for each distinct layer of a mapped workload, and one for the network: what it costs and what binds.

    Parameters
    ----------
    plain : mapping
        What `MappedWorkload.to_dict()` gives.
    asked : float
        The gap that was asked for, as a fraction; a larger one is pointed out.
    """
    rows = []
    for layer in plain["layers"]:
        rows.append(
            {
                "layer": layer["name"],
                "times": str(layer["count"]),
                "MACs": si(layer["macs"], "").rstrip(),
                "energy": energy(layer["energy_pj"]),
                "pJ/MAC": per_mac(layer),
                "cycles": whole(layer["cycles"]),
                "MACs busy": percent(layer["utilization"]),
                "bound by": layer["bound_by"],
                "gap": gap_cell(layer, asked),
            }
        )
    rows.append(
        {
            "layer": "total",
            "times": str(sum(layer["count"] for layer in plain["layers"])),
            "MACs": si(plain["macs"], "").rstrip(),
            "energy": energy(plain["energy_pj"]),
            "pJ/MAC": per_mac(plain),
            "cycles": whole(plain["cycles"]),
            "MACs busy": percent(_busy(plain)),
            "bound by": "",
            "gap": "",
        }
    )
    left = frozenset({"layer", "bound by"})
    repeated = any(layer["count"] > 1 for layer in plain["layers"])
    title = f"{plain['workload']} on {plain['arch']}{of_batch(plain)}"
    title += ": figures of one layer each, in the total as often as it occurs" if repeated else ""
    return Table.of(rows, left=left, title=title, note=gap_note(plain, asked), spare=("MACs", "pJ/MAC", "MACs busy"))


def per_mac(costs: Mapping[str, Any]) -> str:
    """Energy per MAC in pJ, of a layer or a network."""
    return f"{costs['energy_pj'] / costs['macs']:.2f}" if costs["macs"] else "-"


def _busy(plain: Mapping[str, Any]) -> float:
    """The MACs' utilization over the whole network."""
    busy = sum(layer["count"] * layer["cycles"] * layer["utilization"] for layer in plain["layers"])
    return float(busy / plain["cycles"]) if plain["cycles"] else 0.0


def shares_table(plain: Mapping[str, Any]) -> Table:
    """Where the energy of every layer, and of the network, goes: percentages that add up to 100."""
    total: dict[str, float] = {}
    for layer in plain["layers"]:
        for part, spent in layer["energy_by_level_pj"].items():
            total[part] = total.get(part, 0.0) + layer["count"] * spent
    everything = [(layer["name"], layer["energy_by_level_pj"]) for layer in plain["layers"]] + [("total", total)]
    rows = []
    for name, spent in everything:
        of = sum(spent.values())
        parts = {PARTS.get(part, part): f"{100 * spent.get(part, 0.0) / of:.1f}" if of else "-" for part in total}
        rows.append({"layer": name, **parts})
    return Table.of(rows, left=frozenset({"layer"}), title="where the energy of each layer goes, in % of it")


PARTS = {"MAC": "MACs", "static": "static+clock"}
"""Names for people of the parts that energy goes to and that are no places of the hierarchy."""


def gap_cell(layer: Mapping[str, Any], asked: float) -> str:
    """How far above the best a layer may be, as a table shows it; marked where it is more than was asked for."""
    proof = layer.get("certificate")
    if proof is None:
        return "given" if layer.get("mapping") else "-"
    mark = " !" if _unproven(proof, asked) else " *" if _may_take_less(proof, asked) else ""
    return percent(proof["gap"]) + mark


def _unproven(proof: Mapping[str, Any] | None, asked: float) -> bool:
    return proof is not None and proof["gap"] > asked + 1e-9


def _may_take_less(proof: Mapping[str, Any] | None, asked: float) -> bool:
    """Whether a mapping is one of the fastest, as asked for, and others may take less energy."""
    if proof is None or _unproven(proof, asked) or "energy_gap" not in proof:
        return False
    return proof["energy_gap"] is None or proof["energy_gap"] > asked + 1e-9


def _above_least_energy(energy_gap: float | None) -> str:
    """How far the energy may be above the least of mappings as fast; None and what says nothing are one."""
    return "by nobody knows how much" if energy_gap is None or energy_gap > TELLS else f"by up to {percent(energy_gap)}"


TELLS = 100.0
"""The most that an energy may be above the least if that is to say anything."""


def gap_note(plain: Mapping[str, Any], asked: float) -> str:
    """What the gaps of a table mean; first and in capitals, which layers were stopped before anything was proven."""
    proofs = {layer["name"]: layer.get("certificate") for layer in plain["layers"]}
    said = []
    if stopped := [name for name, proof in proofs.items() if _unproven(proof, asked)]:
        said.append(
            f"NOT PROVEN BEST: {_first_of(stopped)}. The search was stopped before its end: the best "
            "mapping may be better by up to the gap marked with !; give it a longer --time-limit."
        )
    if dearer := [name for name, proof in proofs.items() if _may_take_less(proof, asked)]:
        gaps = [inf if (gap := (proofs[name] or {})["energy_gap"]) is None else gap for name in dearer]
        said.append(
            f"ENERGY NOT PROVEN LEAST (*): {_first_of(dearer)}. Cycles are proven as the gap says, but the search was "
            "stopped before it knew which of the mappings that are as fast takes least energy: the one found may take "
            f"more {_above_least_energy(max(gaps))}."
        )
    if any(proof is not None and proof["gap"] > 0 for proof in proofs.values()):
        said.append("gap: a layer is at most so much above the best mapping there is; 0 % is proven best")
    return "\n".join(said)


NAMED = 5
"""Unproven layers that are named."""


def _first_of(names: Sequence[str]) -> str:
    """The first of some layers, and how many more there are."""
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def of_batch(plain: Mapping[str, Any]) -> str:
    """How many images the figures are of, where they are of several.

    Examples
    --------
    >>> of_batch({"batch": 4}), of_batch({"batch": 1})
    (', batch 4', '')
    """
    return f", batch {plain['batch']}" if plain.get("batch", 1) > 1 else ""


def totals_line(plain: Mapping[str, Any]) -> str:
    """Energy, latency and what follows from them, for the whole network."""
    joules, seconds, batch = plain["energy_pj"] * 1e-12, plain["latency_s"], plain.get("batch", 1)
    each = f"an image: {energy(plain['energy_pj'] / batch)}, {duration(seconds / batch)}\n" if batch > 1 else ""
    return (
        f"total: {whole(plain['macs'])} MACs, {energy(plain['energy_pj'])}, {duration(seconds)} "
        f"({whole(plain['cycles'])} cycles), EDP {si(plain['edp_js'], 'J·s')}, {power(joules / seconds * 1e3)}, "
        f"{plain['area_mm2']:.3g} mm2\n{each}{widths_line(layer['bits'] for layer in plain['layers'] if layer['macs'])}"
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
    """Energy and time, and what the time is made of, in a few lines."""
    cost = mapped.cost
    times = ", ".join(f"{name} {whole(value)}" for name, value in cost.cycles_by.items() if value >= 0.5)
    waits = ", ".join(f"{' and '.join(operands)} of {level}" for level, operands in cost.waits.items())
    return [
        f"energy   {energy(cost.energy_pj)}, {cost.energy_pj / cost.macs:.2f} pJ/MAC",
        f"latency  {duration(cost.latency_s)}, {whole(cost.cycles)} cycles, bound by {cost.bound_by}, "
        f"{percent(cost.utilization)} of all MACs busy",
        f"         cycles: {times}",
        *([f"         waits for: {waits}"] if waits else []),
        widths_line([cost.bits]),
    ]


def energy_table(split: Mapping[str, Mapping[str, float]], rest: Mapping[str, float]) -> Table:
    """Where the energy of a layer or a network goes: a row for each place, a column for each operand.

    Parameters
    ----------
    split : mapping
        Energy of the words that places move, by place and operand, in pJ.
    rest : mapping
        Energy of all else by its name, in pJ: of MACs, and of static and clock power.

    Examples
    --------
    >>> words = {"ifmap": 1.0, "weight": 2.0, "psum": 0.0, "ofmap": 1.0}
    >>> print(energy_table({"DRAM": words, "GLB": dict.fromkeys(words, 0.0)}, {"MAC": 4.0}).to_text())
    where the energy goes, in % of it
    place  ifmap  weight  ofmap    all
    DRAM    12.5    25.0   12.5   50.0
    MACs                          50.0
    all     12.5    25.0   12.5  100.0
    """
    everything = sum(sum(parts.values()) for parts in split.values()) + sum(rest.values())

    def cell(spent: float) -> str:
        return f"{100 * spent / everything:.1f}" if everything else "-"

    used = [place for place, parts in split.items() if any(parts.values())]
    operands = [o for o in dict.fromkeys(o for place in used for o in split[place]) if any(split[p][o] for p in used)]
    rows = [
        {"place": place, **{o: cell(split[place][o]) for o in operands}, "all": cell(sum(split[place].values()))}
        for place in used
    ]
    rows += [{"place": PARTS.get(name, name), **dict.fromkeys(operands, ""), "all": cell(spent)}
             for name, spent in rest.items() if spent]  # fmt: skip
    rows.append({"place": "all", **{o: cell(sum(split[place][o] for place in used)) for o in operands},
                 "all": cell(everything)})  # fmt: skip
    return Table.of(rows, left=frozenset({"place"}), title="where the energy goes, in % of it")


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
    return Table.of(rows, left=frozenset({"layer", "operand"}), title="uses of a word, by kind of reuse", note=note)


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
    return Table.of(cells, left=frozenset({"operand", "where", "how", "kind"}), title="uses of a word at each place")


def proof_lines(mapped: Mapped, asked: float = 0.0) -> list[str]:
    """The certificate in words: how far above the best the mapping may be, and what that was proven over.

    Parameters
    ----------
    asked : float
        The gap that was asked for, as a fraction.
    """
    proof = mapped.certificate
    if proof is None:
        return ["gap      not known: this mapping was given"]
    what = {"edp": "energy-delay product"}.get(proof.objective, proof.objective)
    factors = {"perfect": "perfect factors only", "any": "all splits, tight or not"}.get(proof.factors, "all factors")
    claim = f"no mapping has a lower {what}" if proof.gap == 0 else f"the {what} is at most so much above the best"
    if proof.gap > asked + 1e-9:
        claim = f"NOT PROVEN BEST, the search was stopped before its end: {claim}"
    dearer = proof.energy_gap is not None and proof.energy_gap > asked + 1e-9
    ties = "its energy, NOT PROVEN LEAST, may be above that of others as fast"
    return [
        f"gap      {percent(proof.gap)}: {claim}"
        + (f"; {ties} {_above_least_energy(proof.energy_gap)}" if dearer else ""),
        f"proof    over {proof.space_size:.3g} mappings ({factors}, all orders): {whole(proof.nodes)} nodes visited, "
        + _bound_and_found(proof),
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
    near = f"no choice is more than {percent(proof.gap)} better in"
    claim = "no other choice of mappings has a lower" if exact else near
    return (
        f"proof: {claim} {what} of the network{' within ' + within if within else ''}: {proof.points:,} points on the "
        f"fronts of {proof.distinct} distinct layers, {_bound_and_found(proof)}"
    )


UNITS = {"energy": "pJ", "latency": "cycles", "edp": "pJ·cycles"}
"""What values of certificates are counted in, by objective."""


def _bound_and_found(proof: Certificate | NetworkCertificate) -> str:
    return f"lower bound {proof.lower_bound:.6g}, found {proof.value:.6g} {UNITS[proof.objective]}"
