"""Architectures, workloads and sweeps in a screenful."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from math import prod
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from dse.architecture.hierarchy import FanOut, Level
from dse.formats.architecture.space.constraints import METRICS
from dse.formats.architecture.space.derived import Derived, EqualArea
from dse.problem.dims import OPERANDS, PerOperand
from dse.problem.layer import Layer
from dse.problem.summary import layer_rows, workload_totals
from dse.report.table import GAP, WIDTH, Table, fold
from dse.report.text.asked import planned_lines
from dse.report.units import capacity, percent, power, si, whole

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture
    from dse.explore.compare.dataflows import DataflowComparison
    from dse.explore.compare.networks import Review
    from dse.explore.plan.plan import Plan
    from dse.formats.architecture.load import ArchitectureSpec
    from dse.problem.workload import Workload


def architecture_records(architecture: Architecture) -> list[dict[str, Any]]:
    """One flat row for every level and fan-out, outermost first; areas are of one instance and of all of them."""
    rows = [_level(architecture, n) if isinstance(n, Level) else _fan_out(n) for n in architecture.hierarchy]
    return [
        {**row, "all_area_mm2": architecture.instances(node.name) * node.area_mm2}
        for row, node in zip(rows, architecture.hierarchy, strict=True)
    ]


def architecture_text(spec: ArchitectureSpec) -> str:
    """Parts with their areas, words with their widths, energies and rates, and what a sweep may change."""
    arch = spec.architecture
    peak = arch.mac_units * arch.clock_hz
    idle_mw = arch.total_static_power_mw + arch.total_clock_power_mw
    lines = [
        parts_table(arch).to_text(),
        words_table(arch).to_text(),
        fold(
            f"{arch.mac_units} MACs of {arch.mac.energy_pj:.3g} pJ at {arch.mac.bits} bits and "
            f"{si(arch.clock_hz, 'Hz')}, at most {si(peak, 'MAC/s')}; "
            f"{arch.area_mm2:.3g} mm2; {power(idle_mw)} static and clock power\n"
            + widths_text(arch)
        ),
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


def parts_table(arch: Architecture) -> Table:
    """What the chip is made of, outermost first, and what each part's instances take together; the areas add up."""
    parts = [
        (node.name, arch.instances(node.name), _stores(node), _size(node), node.area_mm2) if isinstance(node, Level)
        else (node.name, arch.instances(node.name), "", f"{node.rows} x {node.cols}", node.area_mm2)
        for node in arch.hierarchy
    ]  # fmt: skip
    parts.append(("MACs", arch.mac_units, "", "", arch.mac.area_mm2))
    if arch.other_area_mm2:
        parts.append(("other", 1, "", "", arch.other_area_mm2))
    whole_mm2 = sum(copies * each for _, copies, _, _, each in parts)
    rows = [
        {
            "part": name,
            "copies": str(copies),
            "keeps": keeps,
            "size": size,
            "area of one": f"{each:.3g} mm2",
            "of all": f"{copies * each:.4g} mm2",
            "share": percent(copies * each / whole_mm2) if whole_mm2 else "-",
        }
        for name, copies, keeps, size, each in parts
    ]
    total = {"part": "chip", "of all": f"{whole_mm2:.4g} mm2", "share": percent(1.0) if whole_mm2 else "-"}
    rows.append({**dict.fromkeys(rows[0], ""), **total})
    note = "operand?: a mapping may let it pass by" if any("?" in row["keeps"] for row in rows) else ""
    return Table.of(rows, left=frozenset({"part", "keeps", "size"}), title=f"{arch.name}, {arch.dataflow.name}",
                    note=note, spare=("area of one",))  # fmt: skip


def words_table(arch: Architecture) -> Table:
    """Energies and rates of the words that every level and fan-out moves; operands that are alike share a row."""
    rows = []
    for node in arch.hierarchy:
        alike: dict[tuple[str, ...], list[str]] = {}
        for operand in (o for o in OPERANDS if isinstance(node, FanOut) or o in node.stores):
            alike.setdefault(_word(node, operand), []).append(operand)
        for cells, operands in alike.items():
            whom = "all" if len(operands) == len(OPERANDS) else ", ".join(operands)
            names = ("room", "pJ read", "pJ written", "words/cycle")
            row = {"at": node.name, "operands": whom, "word": f"{node.word_bits} bit"}
            rows.append(row | dict(zip(names, cells, strict=True)))
    meshes = [f"{fan_out.name}: {_wiring(fan_out)}" for fan_out in arch.fan_outs]
    if meshes:
        meshes.append("pJ of a mesh: for each word that a child gets, and each psum that it passes on")
    return Table.of(rows, left=frozenset({"at", "operands", "room", "words/cycle"}), title="what a word costs",
                    note="\n".join(meshes), spare=("room",))  # fmt: skip


def _word(node: Level | FanOut, operand: str) -> tuple[str, str, str, str]:
    """Room, energies of reading and writing in pJ, and rates, of one operand at a place."""
    if isinstance(node, FanOut):
        return "", f"{node.word_energy_pj[operand]:.3g}", "", ""
    room = _capacity(node) if node.partition_bits is None else _bits(node.partition_bits[operand])
    rates = [
        f"{port.name.removeprefix(operand).strip()} {port.words_per_cycle:.4g}".strip()
        for port in node.ports if any(served == operand for served, _ in port.serves)
    ]  # fmt: skip
    return room, f"{node.read_energy_pj[operand]:.3g}", f"{node.write_energy_pj[operand]:.3g}", (
        ", ".join(rates) or "no limit"
    )


def _wiring(fan_out: FanOut) -> str:
    """How words reach the children of a mesh, in words."""
    shared = {
        "word": "a word that several children need is read once",
        "tile": "tiles are read once for children that need the same one",
        "none": "each child is fed on its own",
    }
    said = [shared[fan_out.multicast], "psums add up between children" if fan_out.reduces else ""]
    said.append(f"skew of {fan_out.skew_cycles} cycles" if fan_out.skew else "")
    said += [f"{way}s {operand} by rows" for way in ("load", "drain") for operand in sorted(getattr(fan_out, way))]
    return "; ".join(part for part in said if part)


def widths_text(arch: Architecture) -> str:
    """The widths of the elements that an architecture computes with."""
    widths = ", ".join(f"{part} {bits}" for part, bits in arch.lowered(Layer("any")).widths.items())
    whose = "where a workload states none" if arch.precision else "the workload's own, or these"
    return f"widths in bits: {widths} ({whose})"


def workload_text(workload: Workload) -> str:
    """Layers with their shapes, each shape's size and reuse maxima, and the totals."""
    rows = layer_rows(workload)
    cells = [
        {
            "layer": row["layer"],
            "kind": row["kind"],
            "shape": str(row["shape_index"]),
            **{dim: str(row[dim]) for dim in "GNKCPQRS"},
            "stride": "x".join(map(str, row["stride"])),
            "MACs": whole(row["macs"]),
        }
        for row in rows
    ]
    totals = workload_totals(workload)
    note = (
        f"{totals['layers']} layers of {totals['distinct_shapes']} shapes, batch {totals['batch']}: "
        f"{whole(totals['macs'])} MACs ({whole(totals['macs_conv'])} convolutional, {whole(totals['macs_fc'])} fully "
        f"connected), {whole(totals['weight_words'])} weights, {whole(totals['parameters'])} parameters."
    )
    title = f"{workload.name}: {totals['description']}" if totals["description"] else workload.name
    layers = Table.of(cells, left=frozenset({"layer", "kind"}), title=title, note=note, spare=("kind", "stride"))
    return f"{layers.to_text()}\n\n{_maxima(rows).to_text()}"


def _maxima(rows: Sequence[dict[str, Any]]) -> Table:
    """How often the words of each shape of layer can be used at most."""
    shapes = {row["shape_index"]: row for row in reversed(rows)}
    cells = [
        {
            "shape": str(number),
            "weights": whole(row["weight_words"]),
            "ifmap image": f"{row['reuse_ifmap_image']:.4g}",
            "ifmap conv": f"{row['reuse_ifmap_convolutional']:.3g}",
            "weight conv": f"{row['reuse_weight_convolutional']:.6g}",
            "weight filter": f"{row['reuse_weight_filter']:.4g}",
            "psum": f"{row['reuse_psum_accumulation']:.6g}",
        }
        for number, row in sorted(shapes.items())
    ]
    note = "conv: convolutional; image: by other filters; filter: by other images of the batch; psum: accumulations"
    return Table.of(cells, title="how often a word can be used at most, and why", note=note)


def sweep_text(plan: Plan) -> str:
    """What a sweep searches and how."""
    search = plan.search
    networks = ", ".join(workload.name for workload in plan.workloads)
    own = {path: plan.own(path) for path in plan.paths}
    return "\n\n".join([
        fold(f"{plan.name}: {plan.spec.name} on {networks}"),
        space_text(plan.space, own),
        *([derived_text(plan.derived)] if plan.derived else []),
        *(["\n".join(fold(line, hang="  ") for line in lines)] if (lines := planned_lines(plan)) else []),
        fold(
            f"{search.trials} trials, sampler {search.sampler}, seed {search.seed}, minimising "
            f"{', '.join(search.objectives)}, exploring within {percent(search.gap)} of the best mappings"
            f"{_unless(plan)}"
        ),
    ])  # fmt: skip


def _unless(plan: Plan) -> str:
    """Where the searches of trials may end before they are as near as that."""
    from dse.mapper import has_flat_shape

    return "" if has_flat_shape(plan.architecture) else (
        ", or as near as a trial's time allows, which its gap in the front then says"
    )


def review_text(plan: Review) -> str:
    """What a file with `compare: networks` compares."""
    names = ", ".join(workload.name for workload in plan.workloads)
    where = "" if plan.architecture is None else (
        f" on {plan.architecture.name}, every layer within {percent(plan.gap)} of its best mapping for {plan.objective}"
    )
    return fold(f"{plan.name} compares the networks {names}{where}.")


def dataflows_text(plan: DataflowComparison) -> str:
    """What a file with `compare: dataflows` compares."""
    parts = "; ".join(f"{name}: {', '.join(layers)}" for name, layers in plan.parts.items())
    names = ", ".join(design.name for design in plan.designs)
    points = "; ".join(", ".join(f"{path} {value}" for path, value in point.items()) for point in plan.points)
    return "\n".join(fold(line, hang="  ") for line in [
        f"{plan.name} compares the dataflows {names} on {plan.workload.name}.",
        f"parts: {parts}",
        f"batches: {', '.join(map(str, plan.batches))}",
        f"settings of all designs: {points}",
        f"every layer within {percent(plan.gap)} of its best mapping for {plan.objective}",
    ])  # fmt: skip


def space_text(space: Mapping[str, tuple[Any, ...]], own: Mapping[str, Any]) -> str:
    """The choices of every setting, the architecture's own beside them; long lists take several rows."""
    rows = []
    names = {path: "the table's own" if own.get(path) is None else str(own[path]) for path in space}
    taken = sum(max([len(head), *map(len, column)]) + len(GAP) for head, column in
                (("setting", list(space)), ("as specified", list(names.values()))))  # fmt: skip
    for path, choices in space.items():
        kept = ", ".join(str(choice).replace(" ", "\0") for choice in choices)  # `512 KiB` is not broken
        lines = wrap(kept, max(20, WIDTH - taken), break_long_words=False, break_on_hyphens=False)
        for setting, name, line in zip_longest([path], [names[path]], lines, fillvalue=""):
            rows.append({"setting": setting, "as specified": name, "choices": line.replace("\0", " ")})
    size = prod(len(choices) for choices in space.values())
    left = frozenset({"setting", "as specified", "choices"})
    return Table.of(rows, left=left, title=f"space of {size:,} designs").to_text()


def derived_text(derived: Sequence[Derived]) -> str:
    """The settings that follow from others, a line each."""
    return "\n".join(fold(f"{one.path} {_rule(one)}", hang="  ") for one in derived)


def _rule(derived: Derived) -> str:
    """How a setting follows."""
    if isinstance(derived, EqualArea):
        return f"is what makes the area {derived.area_mm2:.4g} mm2"
    return f"is {derived.of} times {derived.ratio:.5g} {derived.unit}".rstrip()


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


def _size(level: Level) -> str:
    """What a level holds in all."""
    if level.partition_bits is None:
        return _capacity(level)
    rooms = [bits for operand, bits in level.partition_bits.items() if operand in level.stores]
    return _bits(None if None in rooms else sum(bits for bits in rooms if bits is not None))


def _bits(bits: int | None) -> str:
    return "unlimited" if bits is None else capacity(bits)


def _capacity(level: Level) -> str:
    if level.partition_bits is not None:
        held = [(o, bits) for o, bits in level.partition_bits.items() if o in level.stores]
        return ", ".join(f"{o} {_bits(bits)}" for o, bits in held)
    return _bits(level.capacity_bits)


def _energies(level: Level) -> str:
    """Energies of reading and writing a word, as few numbers as say it; several stand in the order of the operands."""

    def of(values: PerOperand[float]) -> str:
        return "/".join(dict.fromkeys(f"{values[o]:.3g}" for o in OPERANDS if o in level.stores))

    read, write = of(level.read_energy_pj), of(level.write_energy_pj)
    return read if read == write else f"read {read}, write {write}"
