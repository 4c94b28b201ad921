"""A design in words: where its energy and time go, and what one step in each setting changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dse.report.cards.card import Card
from dse.report.table import Table, fold
from dse.report.text.layers import PARTS, energy_table, of_batch
from dse.report.text.residency import on_chip
from dse.report.text.sweeps import short_names
from dse.report.units import duration, energy, many, percent, percent_up

MOST = 3
"""Costs that are told, and layers of each."""

COSTLIEST = 5
"""Layers of which it is said what limits them."""

SAID = {"static": "static and clock power", "MAC": "MACs"}
"""Parts of the energy that are no places of the hierarchy, in words."""


def explanation(
    name: str, card: Card, steps: Sequence[Mapping[str, Any]], without: Sequence[str] = ()
) -> str:
    """What a design spends energy and time on, network by network, and what each step from it changes.

    Parameters
    ----------
    name : str
        Of the design.
    card : dict
        From `dse.report.cards.card.card_of`.
    steps : sequence of dict
        From `dse.report.cards.steps`, the best first.
    without : sequence of str
        Settings whose value is none of the space's choices, so that nothing is one step away.
    """
    parts = []
    for network in card["networks"]:
        parts += [costs(name, network), *([on_chip(network)] if "residency" in network else [])]
        rest = {part: network["energy_by_level_pj"].get(part, 0.0) for part in ("MAC", "static")}
        parts.append(energy_table(network["energy_by_level_and_operand_pj"], rest).to_text())
        parts.append(limits(network).to_text())
    names = short_names(tuple(dict.fromkeys(row["path"] for row in steps)))
    parts.append(steps_table(steps, names).to_text() if steps else "No setting of the space can take a step from here.")
    if without:
        parts.append(fold(f"no step, as the value is none of the space's choices: {', '.join(without)}"))
    return "\n\n".join(parts)


def costs(name: str, network: Mapping[str, Any]) -> str:
    """The largest costs of a network in words, the largest first, and what its latency is bound by.

    Examples
    --------
    >>> layer = {"name": "conv", "count": 2, "latency_s": 0.5, "bound_by": "compute"}
    >>> network = {"name": "net", "energy_pj": 6e9, "latency_s": 1.0, "energy_by_level_pj": {"DRAM": 6e9},
    ...            "layers": [{**layer, "energy_by_level_pj": {"DRAM": 3e9}}]}
    >>> print(costs("chip", network))
    net on chip: 6.00 mJ, 1.00 s
      1. DRAM: 100 % of the energy, 6.00 mJ, mostly in conv x2 (100 %)
      time bound by: compute (100 %)
    """
    whole, steps = network["energy_pj"], [*network["layers"], *network.get("moves", [])]
    largest = sorted(network["energy_by_level_pj"].items(), key=lambda item: -item[1])
    lines = [f"{network['name']} on {name}{of_batch(network)}: {energy(whole)}, {duration(network['latency_s'])}"]
    for at, (part, spent) in enumerate(largest[:MOST], 1):
        if spent <= 0:
            continue
        where = _largest({many(layer): layer["count"] * layer["energy_by_level_pj"].get(part, 0.0)
                          for layer in steps}, spent)  # fmt: skip
        share = f"{100 * spent / whole:.0f} % of the energy, {energy(spent)}"
        lines.append(f"  {at}. {SAID.get(part, part)}: {share}, mostly in {where}")
    bound: dict[str, float] = {}
    for layer in steps:
        bound[layer["bound_by"]] = bound.get(layer["bound_by"], 0.0) + layer["count"] * layer["latency_s"]
    lines.append(f"  time bound by: {_largest(bound, network['latency_s'])}")
    return "\n".join(fold(line, hang="     ") for line in lines)


def _largest(parts: Mapping[str, float], whole: float) -> str:
    """The largest parts with their shares."""
    chosen = sorted(((part, value) for part, value in parts.items() if value > 0), key=lambda item: -item[1])[:MOST]
    return ", ".join(f"{part} ({100 * value / whole:.0f} %)" for part, value in chosen)


def limits(network: Mapping[str, Any]) -> Table:
    """What limits the layers with the largest product of shares in energy and time."""
    def weight(layer: Mapping[str, Any]) -> float:
        return float(layer["count"] ** 2 * layer["energy_pj"] * layer["latency_s"])

    rows = []
    for layer in sorted(network["layers"], key=weight, reverse=True)[:COSTLIEST]:
        part, spent = max(layer["energy_by_level_pj"].items(), key=lambda item: item[1])
        rows.append({
            "layer": many(layer),
            "energy": percent(layer["count"] * layer["energy_pj"] / network["energy_pj"]),
            "most of it": f"{PARTS.get(part, part)} {percent(spent / layer['energy_pj'])}",
            "time": percent(layer["count"] * layer["latency_s"] / network["latency_s"]),
            "bound by": layer["bound_by"],
            "MACs busy": percent(layer["utilization"]),
        })  # fmt: skip
    return Table.of(rows, left=frozenset({"layer", "most of it", "bound by"}), title="the costliest layers",
                    spare=("MACs busy",))  # fmt: skip


def steps_table(steps: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> Table:
    """One step in each setting, and what it changes; below, why some steps lead to designs that do not work.

    Parameters
    ----------
    names : mapping
        Of the settings, by their paths.
    """
    rows, notes = [], []
    gap = max((row.get("gap", 0.0) for row in steps), default=0.0)
    for row in steps:
        name = names.get(row["path"], row["path"])
        cells = {"step": f"{name}: {row['old']} -> {row['new']}"}
        changes = dict.fromkeys(("energy", "latency", "area", "EDP"), "-")
        if "energy" in row:
            within = row.get("gap", 0.0)
            changes = {name: _change(row[name], within) for name in ("energy", "latency")}
            changes |= {"area": _change(row["area"], 0.0), "EDP": _change(row["energy"] * row["latency"], within)}
        else:
            notes.append(f"{name} {row['new']} does not work: {row['reason']}")
        rows.append({**cells, **changes})
    if gap:
        within = f"each mapping is proven to within {percent_up(gap)} of its least energy-delay product"
        notes.insert(0, f"~: less than that is not known, as {within}")
    title = "one step away, the least energy-delay product first: changes in %"
    return Table.of(rows, left=frozenset({"step"}), title=title, note="\n".join(notes))


def _change(ratio: float, gap: float) -> str:
    """A change in percent; one that mappings within a gap may make by themselves is none.

    Examples
    --------
    >>> _change(1.034, 0.01), _change(0.996, 0.01), _change(0.996, 0.0), _change(1.0, 0.0)
    ('+3.4', '~', '-0.4', '0.0')
    """
    if gap and abs(ratio - 1) <= gap:
        return "~"
    return f"{100 * (ratio - 1):+.1f}" if abs(ratio - 1) >= 5e-4 else "0.0"
