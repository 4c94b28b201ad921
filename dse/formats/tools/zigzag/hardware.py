"""ZigZag's hardware as an architecture: memories by the dimensions of the array that they serve, and the array.

A memory that serves all dimensions lies above the array, one that serves none beside each multiplier, and one that
serves some between two fan-outs. ZigZag prices an access to all bits that a port moves in a cycle, so here a word has
the width of the port. Its costs are all it charges: leakage, clock and network are nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dse.formats.text.source import DataPath, Source
from dse.formats.text.yaml_text import flow, scalar
from dse.formats.tools.imported import file_name, unquoted
from dse.formats.tools.zigzag.mapping import LINKS, Unrolling
from dse.formats.tools.zigzag.ports import Rates, rates_of
from dse.formats.tools.zigzag.workload import ZigzagWorkload, whole_numbers
from dse.problem.dims import DIMS, OPERANDS

MAX_WORD_BITS = 4096
ARRAY_KEYS = ("dimensions", "sizes", "unit_energy", "unit_area", "input_precision", "is_imc", "imc_type",
              "adc_resolution", "bit_serial_precision")  # fmt: skip
MEMORY_KEYS = ("size", "r_cost", "w_cost", "area", "latency", "mem_type", "auto_cost_extraction", "operands", "ports",
               "served_dimensions", "force_double_buffering")  # fmt: skip
FREE = {"area": "0 mm2", "static_power": "0 mW", "clock_power": "0 mW"}
HEADER = """\
# Of {file}, a hardware file of ZigZag's. Its costs are all that is charged: no leakage, clock or network.
# ZigZag counts cycles and has no clock: at 1 GHz a cycle is a nanosecond. Its areas have no unit and are left out.
"""


@dataclass(frozen=True, slots=True)
class Memory:
    """One memory, its operands by their names here, and the dimensions of the array that it serves.

    `energy` has the pJ of a bit by operand, or nothing where our tables price it.
    """

    name: str
    path: DataPath
    bits: int
    operands: tuple[str, ...]
    serves: frozenset[str]
    rates: Rates
    energy: Mapping[str, tuple[float, float]]
    is_double: bool


def read_hardware(
    source: Source, network: ZigzagWorkload | None, unrollings: Sequence[Unrolling] | None
) -> tuple[str, list[str]]:
    """The text of an architecture file, and notes on what the file did not say.

    Parameters
    ----------
    source : Source
    network : ZigzagWorkload, optional
        Whose widths are those of the multipliers.
    unrollings : sequence of Unrolling, optional
        What its mapping lays along the dimensions of the array; without, any dim may lie along any.

    Raises
    ------
    SpecError
        What has no words here, with its place.
    """
    data = source.data
    for key in data:
        if key not in ("name", "memories", "operational_array", "dataflows"):
            raise source.error((key,), f"{key} has no words here", key=True)
    if data.get("dataflows"):
        raise source.error(("dataflows",), "dataflows of the hardware are not read", "say them in a mapping file")
    sizes = _sizes(source)
    links = unrollings[0].links if unrollings else {"psum": "O", "weight": LINKS["W"], "ifmap": LINKS["I"]}
    memories = list(_memories(source, sizes, {theirs: ours for ours, theirs in links.items()}))
    steps = _nested(source, memories, sizes)
    sides = _sides(sizes, unrollings or ())
    fans = [step for step in steps if isinstance(step, tuple)]
    flows = _dataflows(fans, sides, unrollings or ())
    bits, notes = _mac_bits(source, network)
    notes = [f"a register's two ports are taken as one with the rate of both: {', '.join(summed)}"
             for summed in [[m.name for m in memories if m.rates.is_sum]] if summed] + notes  # fmt: skip
    array = data["operational_array"]
    mac = {"bits": bits, "energy": f"{array['unit_energy']} pJ", "multiplier_share": 1,
           **FREE}  # fmt: skip
    lines = [HEADER.format(file=file_name(source.file)).rstrip()]
    lines += [f"architecture: {scalar(data.get('name', 'zigzag'))}", "technology: {table: cmos-45nm, clock: 1 GHz}"]
    lines += ["", "levels:"]
    for name, node in _levels(steps, sizes, sides):
        lines.append(f"  {scalar(name)}: {flow(node)}")
    lines += [f"mac: {flow(mac)}", "", *flows]
    if any(not memory.energy for memory in memories):
        notes.append("memories with auto_cost_extraction are priced by cmos-45nm, not by ZigZag's copy of CACTI")
    return unquoted("\n".join(lines) + "\n"), notes


def _sizes(source: Source) -> dict[str, int]:
    array, path = source.data["operational_array"], ("operational_array",)
    for key in array if isinstance(array, dict) else ():
        if key not in ARRAY_KEYS:
            raise source.error((*path, key), f"{key} has no words here", key=True)
    if not isinstance(array, dict) or not isinstance(array.get("unit_energy"), int | float) or array.get("is_imc"):
        here = (*path, "is_imc") if isinstance(array, dict) and array.get("is_imc") else path
        what = "compute in memory has no words here" if len(here) > 1 else "an array of multipliers has a unit_energy"
        raise source.error(here, what, key=len(here) > 1)
    names, sizes = array.get("dimensions"), array.get("sizes")
    if not isinstance(names, list) or not whole_numbers(sizes) or len(names) != len(sizes):
        raise source.error((*path, "sizes"), "there is a whole number above 0 for each of dimensions")
    return {str(name): size for name, size in zip(names, sizes, strict=True)}


def _memories(source: Source, sizes: Mapping[str, int], operands: Mapping[str, str]) -> Iterator[Memory]:
    given = source.data.get("memories")
    if not isinstance(given, dict) or not given:
        raise source.error((), "hardware has memories, from the innermost to the outermost")
    for name, memory in given.items():
        path: DataPath = ("memories", name)
        for key in memory if isinstance(memory, dict) else ():
            if key not in MEMORY_KEYS:
                raise source.error((*path, key), f"{key} has no words here", key=True)
        if not isinstance(memory, dict) or not isinstance(memory.get("size"), int) or memory["size"] < 1:
            raise source.error((*path, "size"), f"{name} has a size in bits")
        for key, known in (("operands", operands), ("served_dimensions", sizes)):
            if not isinstance(memory.get(key), list) or any(str(item) not in known for item in memory[key]):
                raise source.error((*path, key), f"{key} is a list of {', '.join(map(str, known))}")
        held = tuple(operand for operand in OPERANDS if operand in {operands[item] for item in memory["operands"]})
        rates = rates_of(source, path, memory.get("ports"), {theirs: operands[theirs] for theirs in memory["operands"]})
        yield Memory(
            str(name), path, memory["size"], held, frozenset(memory["served_dimensions"]), rates,
            dict(_energies(source, path, memory, rates)), bool(memory.get("force_double_buffering")),
        )  # fmt: skip


def _energies(
    source: Source, path: DataPath, memory: Mapping[str, Any], rates: Rates
) -> Iterator[tuple[str, tuple[float, float]]]:
    """pJ of a bit read and written by operand: a cost is that of all bits that a port moves in a cycle."""
    if memory.get("auto_cost_extraction"):
        return
    for key in ("r_cost", "w_cost"):
        if isinstance(memory.get(key), bool) or not isinstance(memory.get(key), int | float) or memory[key] < 0:
            raise source.error((*path, key), f"{key} is the pJ of an access", "or auto_cost_extraction: true")
    for operand, (read, written) in rates.widths.items():
        yield operand, (memory["r_cost"] / read, memory["w_cost"] / written)


def _nested(source: Source, memories: Sequence[Memory], sizes: Mapping[str, int]) -> list[Any]:
    """Outermost first: groups of memories that are one level, and the dimensions of the array between them."""
    outermost = memories[-1]
    order = [outermost, *sorted(memories[-2::-1], key=lambda memory: -len(memory.serves))]
    if outermost.serves != frozenset(sizes) or set(outermost.operands) != set(OPERANDS):
        raise source.error((*outermost.path, "served_dimensions"), f"{outermost.name}: the outermost memory serves "
                           f"all of {', '.join(sizes)} and holds all operands")  # fmt: skip
    steps: list[Any] = []
    above = outermost.serves
    for memory in order:
        if not memory.serves <= above:
            alone = ", ".join(sorted(memory.serves))
            message = f"{memory.name} serves {alone}, the memory outside it {', '.join(sorted(above))}: neither lies "
            raise source.error((*memory.path, "served_dimensions"), message + "inside the other, which has no words "
                               "here", "memories nest: each serves what those inside it serve, and more")  # fmt: skip
        if memory.serves < above:
            steps.append(tuple(name for name in sizes if name in above - memory.serves))
            above = memory.serves
        if steps and isinstance(steps[-1], list) and steps[-1][0] is not outermost and _fit(steps[-1], memory):
            steps[-1].append(memory)
        else:
            steps.append([memory])
    if above:
        steps.append(tuple(name for name in sizes if name in above))
    return steps


def _fit(group: Sequence[Memory], memory: Memory) -> bool:
    """Whether a memory can be said as part of one level with others: no operand twice, ports of its own."""
    taken = {operand for other in group for operand in other.operands}
    alike = all(other.is_double == memory.is_double and bool(other.energy) == bool(memory.energy) for other in group)
    apart = all(len(other.operands) == 1 and other.rates.is_apart for other in (*group, memory))
    return not taken & set(memory.operands) and alike and apart


def _sides(sizes: Mapping[str, int], unrollings: Sequence[Unrolling]) -> dict[str, list[str]]:
    """Dims that may lie along each dimension of the array, under any of the entries."""
    sides: dict[str, list[str]] = {name: [] if unrollings else list(DIMS) for name in sizes}
    for entry in unrollings:
        for name in (*entry.fixed, *entry.free):
            if name not in sizes:
                raise entry.source.error(entry.path, f"{entry.name}: the array has no dimension {name}",
                                         f"it has {', '.join(sizes)}")  # fmt: skip
        for name, size in sizes.items():
            dims = _along(entry, name)
            dim, factor = entry.fixed.get(name, ("", size))
            if dim and factor != size:
                raise entry.source.error((*entry.path, "spatial_mapping", name), f"{factor} of the {size} of {name} "
                                         "have no words here", f"a factor of {size}")  # fmt: skip
            sides[name] += [dim for dim in dims if dim not in sides[name]]
    return sides


def _along(entry: Unrolling, name: str) -> list[str]:
    if name in entry.fixed:
        return [dim for dim in entry.fixed[name][:1] if dim]
    return list(entry.free.get(name, () if entry.fixed or entry.free else DIMS))


def _dataflows(
    fans: Sequence[tuple[str, ...]], sides: Mapping[str, list[str]], unrollings: Sequence[Unrolling]
) -> list[str]:
    """Lines of the file: of two dimensions rows and columns say what lies where, of others the fan-outs' `dims`."""
    if not unrollings:
        return ["dataflow: flexible"]
    if len(fans) != 1 or len(fans[0]) != 2:
        for entry in unrollings[1:]:
            if any(_along(entry, name) != _along(unrollings[0], name) for name in sides):
                message = f"{entry.name} unrolls other dims than {unrollings[0].name}, which has no words here"
                raise entry.source.error((*entry.path, "spatial_mapping"), message, "import it on its own", key=True)
        return ["dataflow: flexible"]
    rows, cols = fans[0]
    named = {entry.name: {"rows": _along(entry, rows), "cols": _along(entry, cols)} for entry in unrollings}
    lines = ["dataflows:", *(f"  {scalar(name)}: {flow(rules)}" for name, rules in named.items())]
    return [*lines, f"dataflow: {scalar(unrollings[0].name)}"]


def _levels(steps: Sequence[Any], sizes: Mapping[str, int], sides: Mapping[str, list[str]]) -> Iterator[Any]:
    """Names and plain data of the levels and fan-outs, outermost first."""
    fans = [step for step in steps if isinstance(step, tuple)]
    wired = {"multicast": "word", "reduces": "psum", "energy": "0 pJ"}
    for step in steps:
        if isinstance(step, list):
            yield _level_name(step), _level(step)
        elif len(fans) == 1 and len(step) <= 2:
            shape = dict(zip(("rows", "cols"), (sizes[name] for name in step), strict=False))
            yield "array", {**shape, **wired}
        else:
            for name in step:
                dims = {} if set(sides[name]) == set(DIMS) else {"dims": sides[name]}
                yield name, {"rows": sizes[name], **wired, **dims}


def _level_name(group: Sequence[Memory]) -> str:
    if len(group) > 1:
        return "registers" if not group[0].serves else "_and_".join(memory.name for memory in group)
    return group[0].name


def _level(group: Sequence[Memory]) -> dict[str, Any]:
    widths = {width for memory in group for pair in memory.rates.widths.values() for width in pair}
    word = widths.pop() if len(widths) == 1 and max(widths) <= MAX_WORD_BITS else 8
    (first, *others) = group
    level: dict[str, Any] = {"capacity": f"{first.bits} bit", "word_bits": word}
    if others or len(first.operands) < len(OPERANDS):
        level["stores"] = [operand for operand in OPERANDS if any(operand in memory.operands for memory in group)]
    if others:
        level["capacity"] = {memory.operands[0]: f"{memory.bits} bit" for memory in group}
    if first.is_double:
        level["buffering"] = "double"
    level |= {field: rate for memory in group for field, rate in memory.rates.written(alone=not others).items()
              if not isinstance(rate, dict)}  # fmt: skip
    for memory in group:
        for field, rate in memory.rates.written(alone=not others).items():
            if isinstance(rate, dict):
                level.setdefault(field, {}).update(rate)
    energy = {operand: {way: f"{pj * word:.12g} pJ" for way, pj in zip(("read", "write"), both, strict=True)}
              for memory in group for operand, both in memory.energy.items()}  # fmt: skip
    if energy:
        alike = all(value == next(iter(energy.values())) for value in energy.values())
        level["energy"] = next(iter(energy.values())) if alike else energy
    return {**level, **FREE}


def _mac_bits(source: Source, network: ZigzagWorkload | None) -> tuple[int, list[str]]:
    """The widths at which a MAC costs `unit_energy`, which ZigZag does not say."""
    widths = {(layer.bits.ifmap, layer.bits.weight) for layer in network.workload.layers} if network else set()
    if not widths:
        stated = source.data["operational_array"].get("input_precision") or [8, 8]
        widths = {(int(stated[0]), int(stated[1]))}
    same = {pair[0] for pair in widths if len(widths) == 1 and pair[0] == pair[1]}
    bits = same.pop() if same else max(max(pair) for pair in widths)
    return bits, [f"unit_energy is taken for a MAC of {bits} x {bits} bits; narrower ones cost less"]
