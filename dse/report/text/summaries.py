"""Architectures, workloads and sweeps in a screenful."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from dse.architecture.hierarchy import FanOut, Level
from dse.formats.architecture.space import METRICS
from dse.problem.dims import OPERANDS, PerOperand
from dse.problem.summary import layer_rows, workload_totals
from dse.report.table import Table
from dse.report.units import capacity, si, whole

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture
    from dse.explore.plan.plan import Plan
    from dse.formats.architecture.derived import Derived
    from dse.formats.architecture.load import ArchitectureSpec
    from dse.problem.workload import Workload


def architecture_records(architecture: Architecture) -> list[dict[str, Any]]:
    """One flat row for every level and fan-out, outermost first."""
    return [_level(architecture, n) if isinstance(n, Level) else _fan_out(n) for n in architecture.hierarchy]


def architecture_text(spec: ArchitectureSpec) -> str:
    """Levels and fan-outs, the whole chip, and what a sweep may change."""
    arch = spec.architecture
    cells = []
    for row, node in zip(architecture_records(arch), arch.hierarchy, strict=True):
        if isinstance(node, FanOut):
            size = f"{node.rows} x {node.cols}"
            traits = f"multicast {node.multicast}" + (", reduces psums" if node.reduces else "")
            traits += f", skew of {node.skew_cycles} cycles" if node.skew else ""
            shifts = [f"{way}s {operand}" for way in ("load", "drain") for operand in sorted(getattr(node, way))]
            traits += "".join(f", {shift} by rows" for shift in shifts)
        else:
            size = row["capacity"]
            traits = ", ".join(f"{port.name} {port.words_per_cycle:.4g}/cycle" for port in node.ports) or "no limit"
        cells.append(
            {
                "level": row["name"],
                "copies": str(row["instances"]),
                "holds": row["stores"],
                "size": size,
                "pJ/word": row["energy_pj"],
                "area": f"{row['area_mm2']:.3g} mm2",
                "words moved": traits,
            }
        )
    left = frozenset({"level", "holds", "size", "words moved"})
    peak = arch.mac_units * arch.clock_hz
    idle_mw = arch.total_static_power_mw + arch.total_clock_power_mw
    lines = [
        Table.of(cells, left=left, title=f"{arch.name}, {arch.dataflow.name}").to_text(),
        f"{arch.mac_units} MACs of {arch.mac.energy_pj:.3g} pJ at {si(arch.clock_hz, 'Hz')}, at most "
        f"{si(peak, 'MAC/s')}; {arch.area_mm2:.3g} mm2; {idle_mw:.3g} mW at rest",
    ]
    if spec.space:
        lines.append(space_text(spec.space, dict(spec.reference)))
    if spec.derived:
        lines.append(derived_text(spec.derived))
    for constraint in spec.constraints:
        name, unit, _ = METRICS[constraint.metric]
        limits = (("least", constraint.minimum), ("most", constraint.maximum))
        ends = [f"at {side} {end:.4g} {unit}".rstrip() for side, end in limits if end is not None]
        lines.append(f"constraint: {name.replace('_', ' ')} {' and '.join(ends)}")
    return "\n\n".join(lines)


def workload_text(workload: Workload) -> str:
    """Layers with their shapes, sizes and reuse maxima, and the totals."""
    cells = []
    for row in layer_rows(workload):
        cells.append(
            {
                "layer": row["layer"],
                "kind": row["kind"],
                "shape": str(row["shape_index"]),
                **{dim: str(row[dim]) for dim in "GNKCPQRS"},
                "stride": "x".join(map(str, row["stride"])),
                "MACs": whole(row["macs"]),
                "weights": whole(row["weight_words"]),
                "ifmap image": f"{row['reuse_ifmap_image']:.4g}",
                "ifmap conv": f"{row['reuse_ifmap_convolutional']:.3g}",
                "weight conv": f"{row['reuse_weight_convolutional']:.6g}",
                "weight filter": f"{row['reuse_weight_filter']:.4g}",
                "psum": f"{row['reuse_psum_accumulation']:.6g}",
            }
        )
    totals = workload_totals(workload)
    note = (
        f"{totals['layers']} layers of {totals['distinct_shapes']} shapes, batch {totals['batch']}: "
        f"{whole(totals['macs'])} MACs ({whole(totals['macs_conv'])} convolutional, {whole(totals['macs_fc'])} fully "
        f"connected), {whole(totals['weight_words'])} weights, {whole(totals['parameters'])} parameters.\n"
        "The last five columns are reuse maxima: how often a word can be used at most, and why."
    )
    title = f"{workload.name}: {totals['description']}" if totals["description"] else workload.name
    return Table.of(cells, left=frozenset({"layer", "kind"}), title=title, note=note).to_text()


def sweep_text(plan: Plan) -> str:
    """What a sweep searches and how."""
    search = plan.search
    networks = ", ".join(workload.name for workload in plan.workloads)
    own = {path: plan.own(path) for path in plan.paths}
    return "\n\n".join([
        f"{plan.name}: {plan.spec.name} on {networks}",
        space_text(plan.space, own),
        *([derived_text(plan.derived)] if plan.derived else []),
        f"{search.trials} trials, sampler {search.sampler}, seed {search.seed}, minimising "
        f"{', '.join(search.objectives)}, exploring within {search.gap:.2%} of the best mappings",
    ])  # fmt: skip


def space_text(space: dict[str, tuple[Any, ...]], own: dict[str, Any]) -> str:
    """The choices of every setting, the architecture's own beside them."""
    rows = [
        {"setting": path, "own": str(own.get(path)), "choices": ", ".join(map(str, choices))}
        for path, choices in space.items()
    ]
    size = prod(len(choices) for choices in space.values())
    return Table.of(rows, left=frozenset({"setting", "own", "choices"}), title=f"space of {size:,} designs").to_text()


def derived_text(derived: Sequence[Derived]) -> str:
    """The settings that follow from others, a line each."""
    rules = [(one.path, ", ".join(f"{key} {value}" for key, value in one.to_dict().items())) for one in derived]
    return "\n".join(f"{path} follows: {rule}" for path, rule in rules)


def _level(architecture: Architecture, level: Level) -> dict[str, Any]:
    return {
        "name": level.name,
        "kind": "level",
        "instances": architecture.instances(level.name),
        "stores": _stores(level),
        "capacity": _capacity(level),
        "energy_pj": _energies(level),
        "area_mm2": level.area_mm2,
    }


def _fan_out(fan_out: FanOut) -> dict[str, Any]:
    return {
        "name": fan_out.name,
        "kind": "fan-out",
        "instances": fan_out.children,
        "stores": "",
        "capacity": "",
        "energy_pj": _one_or_each(fan_out.word_energy_pj),
        "area_mm2": fan_out.area_mm2,
    }


def _one_or_each(values: PerOperand[float]) -> str:
    """The values by operand, or the one that all share."""
    return " / ".join(f"{value:.3g}" for value in (values if len(set(values)) > 1 else [values.ifmap]))


def _stores(level: Level) -> str:
    names = [f"{o}?" if o in level.may_bypass else o for o in OPERANDS if o in level.stores]
    return "all" if len(names) == 3 and not level.may_bypass else ", ".join(names)


def _capacity(level: Level) -> str:
    if level.partition_bits is not None:
        held = [(o, bits) for o, bits in level.partition_bits.items() if o in level.stores]
        return ", ".join(f"{o} {'unlimited' if bits is None else capacity(bits)}" for o, bits in held)
    return "unlimited" if level.capacity_bits is None else capacity(level.capacity_bits)


def _energies(level: Level) -> str:
    """Energies of reading and writing a word, as few numbers as say it; several stand in the order of the operands."""

    def of(values: PerOperand[float]) -> str:
        return "/".join(dict.fromkeys(f"{values[o]:.3g}" for o in OPERANDS if o in level.stores))

    read, write = of(level.read_energy_pj), of(level.write_energy_pj)
    return read if read == write else f"read {read}, write {write}"
