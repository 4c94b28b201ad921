"""One machine that is no worse than any of several that differ in sizes, prices and rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut, Level
from dse.problem.dims import OPERANDS, PerOperand

FREE = PerOperand.same(0.0)


def frame_of(architecture: Architecture) -> Architecture:
    """The architecture without its sizes, prices and rates: the same for machines that `least_of` takes together.

    Examples
    --------
    >>> import dse
    >>> chip = dse.load_architecture("edge_npu")
    >>> large, wide = (chip.with_settings(one) for one in ({"levels.L2.capacity": "2 MiB"}, {"levels.cores.cols": 4}))
    >>> frame_of(large) == frame_of(chip), frame_of(wide) == frame_of(chip)
    (True, False)
    """
    mac = replace(
        architecture.mac, energy_pj=0.0, gated_energy_pj=0.0, area_mm2=0.0, static_power_mw=0.0, clock_power_mw=0.0
    )  # fmt: skip
    return replace(
        architecture, hierarchy=tuple(map(_bare, architecture.hierarchy)), mac=mac, static_power_mw=0.0,
        clock_power_mw=0.0, other_area_mm2=0.0, spec=None,
    )  # fmt: skip


def least_of(architectures: Sequence[Architecture]) -> Architecture:
    """The machine with the most room and the highest rates of several, and the least of each price.

    Every mapping of any of them is one of its mappings, for no more energy, time or area.

    Parameters
    ----------
    architectures : sequence of Architecture
        Of one `frame_of`.

    Examples
    --------
    >>> import dse
    >>> chip = dse.load_architecture("edge_npu")
    >>> small = chip.with_settings({"levels.L2.capacity": "256 KiB", "levels.DRAM.bandwidth": "25.6 GB/s"})
    >>> least, level = least_of([chip, small]), small.level("L2")
    >>> least.level("L2").capacity_bits > level.capacity_bits, least.level("L2").area_mm2 == level.area_mm2
    (True, True)
    >>> least.level("DRAM").ports == small.level("DRAM").ports
    True
    """
    first, macs = architectures[0], [one.mac for one in architectures]
    nodes = zip(*(one.hierarchy for one in architectures), strict=True)
    mac = replace(first.mac, **_least(macs, (
        "energy_pj", "gated_energy_pj", "area_mm2", "static_power_mw", "clock_power_mw")))  # fmt: skip
    return replace(
        first, hierarchy=tuple(map(_least_node, nodes)), mac=mac, spec=None,
        **_least(architectures, ("static_power_mw", "clock_power_mw", "other_area_mm2")),
    )  # fmt: skip


def _bare(node: Level | FanOut) -> Level | FanOut:
    if isinstance(node, FanOut):
        return replace(node, energy_pj=0.0, area_mm2=0.0)
    parts = node.partition_bits
    return replace(
        node,
        capacity_bits=None if node.capacity_bits is None else 1,
        partition_bits=None if parts is None else PerOperand.of({o: bits and 1 for o, bits in parts.items()}),
        read_energy_pj=FREE, write_energy_pj=FREE, area_mm2=0.0, static_power_mw=0.0, clock_power_mw=0.0,
        ports=tuple(replace(port, words_per_cycle=1.0) for port in node.ports),
    )  # fmt: skip


def _least_node(nodes: Sequence[Level | FanOut]) -> Level | FanOut:
    first = nodes[0]
    if isinstance(first, FanOut):
        energies = _least_each([node.word_energy_pj for node in cast("Sequence[FanOut]", nodes)])
        return replace(first, energy_pj=energies, **_least(nodes, ("area_mm2",)))
    levels = cast("Sequence[Level]", nodes)
    shared, parts = [level.capacity_bits for level in levels], [level.partition_bits for level in levels]
    ports = zip(*(level.ports for level in levels), strict=True)
    return replace(
        first,
        capacity_bits=_largest(shared),
        partition_bits=parts[0] and PerOperand.of({
            o: _largest([one[o] for one in parts if one is not None]) for o in OPERANDS
        }),
        read_energy_pj=_least_each([level.read_energy_pj for level in levels]),
        write_energy_pj=_least_each([level.write_energy_pj for level in levels]),
        ports=tuple(replace(same[0], words_per_cycle=max(port.words_per_cycle for port in same)) for same in ports),
        **_least(levels, ("area_mm2", "static_power_mw", "clock_power_mw")),
    )  # fmt: skip


def _least(several: Sequence[Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: min(getattr(one, name) for one in several) for name in names}


def _least_each(several: Sequence[PerOperand[float]]) -> PerOperand[float]:
    return PerOperand.of({o: min(one[o] for one in several) for o in OPERANDS})


def _largest(several: Sequence[int | None]) -> int | None:
    """The largest of some sizes, all of which are limited, or none is."""
    known = [bits for bits in several if bits is not None]
    return max(known) if known else None
