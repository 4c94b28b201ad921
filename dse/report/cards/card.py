"""The card of one design: its networks as they are mapped, and every part of what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf, log
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture
    from dse.mapper import Mapped, MappedWorkload
    from dse.mapper.shared.result import Objective
    from dse.model.moves import Moved
    from dse.problem.workload import Workload

Card = dict[str, Any]
"""Plain data, see `card_of`."""

SAME = 1e-9
"""Relative difference below which two points are one."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A design whose card is wanted.

    Parameters
    ----------
    architecture : Architecture
    workloads : tuple of Workload
    objective : {"energy", "latency", "edp"}
        What layers are mapped for.
    gap : float
        How far from its optimum a mapping may be.
    point : (energy_pj, latency_s) or None
        A point of the design's whole front, whose mappings are to be shown; None for each layer's own best.
    resident : bool
        Whether tensors may stay on chip.
    nests : mapping
        Mappings of layers that the sweep has found, with their certificates, by the layers' shapes; where those of all
        layers are known, nothing is mapped again.
    limit_s : float, optional
        Seconds after which the search of a layer ends with what it has; with tensors on chip, that of the whole design.
    """

    architecture: Architecture
    workloads: tuple[Workload, ...]
    objective: Objective = "edp"
    gap: float = 0.0
    point: tuple[float, float] | None = None
    resident: bool = False
    nests: Mapping[Any, Any] = field(default_factory=dict)
    limit_s: float | None = None


def card_of(wanted: Wanted) -> Card:
    """What a design does.

    Returns
    -------
    dict
        `area_mm2`: area by part; `peak_macs_per_s`; `networks`: for each network its name, batch, totals, energy by
        level, by operand, and by both (pJ), and `layers`: for each distinct layer and mapping how often it occurs, its
        MACs, widths (bits), energy, latency, what binds it, its cycles by part, words of outermost traffic, reuse and
        loop nest; `moves`: the same, as far as there is any, of nodes without MACs that move words of their own; and
        `residency`, what `Residency.to_dict()` gives, where tensors may stay on chip.

    Examples
    --------
    >>> import dse
    >>> network = dse.Workload.of("tiny", [dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)])
    >>> card = card_of(Wanted(dse.load_architecture("eyeriss"), (network,)))
    >>> [layer["name"] for layer in card["networks"][0]["layers"]]
    ['conv']
    >>> abs(sum(card["area_mm2"].values()) / dse.load_architecture("eyeriss").area_mm2 - 1) < 1e-12
    True
    """
    architecture = wanted.architecture
    return {
        "area_mm2": area_by_part(architecture),
        "peak_macs_per_s": architecture.mac_units * architecture.clock_hz,
        "networks": [_network(run) for run in _runs(wanted)],
    }


def area_by_part(architecture: Architecture) -> dict[str, float]:
    """Area of all copies of each level and fan-out, of the MACs, and of the rest, in mm2; adds up to the whole.

    Examples
    --------
    >>> import dse
    >>> list(area_by_part(dse.load_architecture("eyeriss")))
    ['DRAM', 'GLB', 'array', 'PE', 'MAC', 'other']
    """
    parts = {node.name: architecture.instances(node.name) * node.area_mm2 for node in architecture.hierarchy}
    return {
        **parts,
        "MAC": architecture.mac_units * architecture.mac.area_mm2,
        "other": architecture.other_area_mm2,
    }


def _runs(wanted: Wanted) -> list[MappedWorkload]:
    """Each network as it runs at the point wanted."""
    from dse.explore.designs.resident import keeps_tensors
    from dse.mapper import map_workload, runs_at

    if wanted.resident and keeps_tensors(wanted.architecture):
        return [_resident_run(wanted, net) for net in wanted.workloads]
    if wanted.point is not None:
        return runs_at(wanted.architecture, wanted.workloads, wanted.point, gap=wanted.gap)
    return [
        _run_found(wanted, network)
        or map_workload(
            wanted.architecture, network, wanted.objective, gap=wanted.gap, time_limit_s=wanted.limit_s
        )
        for network in wanted.workloads
    ]  # fmt: skip


def _run_found(wanted: Wanted, network: Workload) -> MappedWorkload | None:
    """A network by the mappings that the sweep has found; None where some are missing."""
    from dse.mapper import Mapped, MappedWorkload
    from dse.model.cost import evaluate

    architecture, layers = wanted.architecture, list[tuple[Mapped, tuple[str, ...]]]()
    for layer, names in network.distinct():
        if layer.shape_key() not in wanted.nests:
            return None
        mapping, certificate = wanted.nests[layer.shape_key()]
        lowered = architecture.lowered(layer)
        layers.append((Mapped(lowered, mapping, evaluate(architecture, lowered, mapping), certificate), names))
    return MappedWorkload(architecture, network, wanted.objective, tuple(layers), wanted.gap)


def _resident_run(wanted: Wanted, network: Workload) -> MappedWorkload:
    """A network with tensors on chip: of the objectives that a sweep solves, the one whose run is at the point."""
    from dse.mapper import map_workload
    from dse.mapper.shared.stopping import part_of

    goals: tuple[Objective, ...] = ("edp", "energy", "latency") if wanted.point is not None else (wanted.objective,)
    parts = len(goals) * len(wanted.workloads)
    limit_s = None if wanted.limit_s is None else part_of(wanted.limit_s, parts)

    def run(objective: Objective) -> MappedWorkload:
        return map_workload(
            wanted.architecture, network, objective, scope="network", resident=True, gap=wanted.gap,
            time_limit_s=limit_s,
        )  # fmt: skip

    if wanted.point is None:
        return run(wanted.objective)
    energy_pj, latency_s = wanted.point
    best, least = None, inf
    for objective in goals:  # rows of a front are mostly the first
        one = run(objective)
        away = abs(log(one.energy_pj / energy_pj)) + abs(log(one.latency_s / latency_s))
        if away < least:
            best, least = one, away
        if least < SAME:
            break
    assert best is not None
    return best


def _network(run: MappedWorkload) -> dict[str, Any]:
    layers = [_layer(run.architecture, mapped, names) for mapped, names in run.layers]
    moves = [_move(run.architecture, one, names) for one, names in run.moves]
    return {
        "name": run.workload.name,
        "batch": run.workload.batch,
        "energy_pj": run.energy_pj,
        "latency_s": run.latency_s,
        "cycles": run.cycles,
        "macs": run.macs,
        "energy_by_level_pj": _total([*layers, *moves], "energy_by_level_pj"),
        "energy_by_operand_pj": _total([*layers, *moves], "energy_by_operand_pj"),
        "energy_by_level_and_operand_pj": _total_words(run),
        "layers": layers,
        "moves": moves,
        **({} if run.residency is None else {"residency": run.residency.to_dict()}),
    }


def _total(layers: list[dict[str, Any]], key: str) -> dict[str, float]:
    names = dict.fromkeys(name for layer in layers for name in layer[key])
    return {name: sum(layer["count"] * layer[key].get(name, 0.0) for layer in layers) for name in names}


def _total_words(run: MappedWorkload) -> dict[str, dict[str, float]]:
    """Energy of the words that places move, by place and operand."""
    key, total = "energy_by_level_and_operand_pj", dict[str, dict[str, float]]()
    splits = [(mapped.cost.energy_by_level_and_operand_pj, names) for mapped, names in run.layers]
    splits += [(one.to_dict(run.architecture)[key], names) for one, names in run.moves]
    for split, names in splits:
        for place, parts in split.items():
            spent = total.setdefault(place, dict.fromkeys(parts, 0.0))
            for part, pj in parts.items():
                spent[part] += len(names) * pj
    return total


def _move(architecture: Architecture, moved: Moved, names: tuple[str, ...]) -> dict[str, Any]:
    """A node without MACs that moves words of its own."""
    plain = moved.to_dict(architecture)
    keys = ("kind", "macs", "energy_pj", "latency_s", "utilization", "bound_by", "energy_by_level_pj",
            "energy_by_operand_pj")  # fmt: skip
    return {"name": names[0], "count": len(names), **{key: plain[key] for key in keys}}


def _layer(architecture: Architecture, mapped: Mapped, names: tuple[str, ...]) -> dict[str, Any]:
    from dse.report.text.nest import nest_text

    cost, proof, outermost = mapped.cost, mapped.certificate, architecture.levels[0].name
    moved = cost.accesses.to_dict()[outermost]
    ports = [cycles for part, cycles in cost.cycles_by.items() if part.startswith(f"{outermost} ")]
    return {
        "name": names[0],
        "count": len(names),
        "bits": mapped.layer.widths,
        "macs": cost.macs,
        "energy_pj": cost.energy_pj,
        "latency_s": cost.latency_s,
        "utilization": cost.utilization,
        "bound_by": cost.bound_by,
        "cycles_by": cost.cycles_by,
        "energy_by_level_pj": cost.energy_by_level_pj,
        "energy_by_operand_pj": cost.energy_by_operand_pj,
        "outermost_words": {part: words["reads"] + words["writes"] for part, words in moved.items()},
        "outermost_s": max(ports, default=0.0) / architecture.clock_hz,
        "reuse": [reuse.to_dict() for reuse in cost.reuse],
        "nest": nest_text(architecture, mapped.layer, mapped.mapping),
        "gap": None if proof is None else proof.gap,
        "may_take_less": proof is not None and (proof.energy_gap or 0.0) > proof.gap,
    }
