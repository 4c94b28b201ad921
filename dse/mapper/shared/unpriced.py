"""What of an architecture is no price: designs that differ in prices alone can do the same, and have much in common."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut, Level
from dse.architecture.remembered import remembered
from dse.problem.dims import PerOperand

NOTHING = PerOperand(0.0, 0.0, 0.0)


@remembered(256)
def unpriced(architecture: Architecture) -> Hashable:
    """Equal for architectures that differ in nothing but energies, ports, areas, power and clock.

    Examples
    --------
    >>> from dse.formats.architecture.load import load_architecture_spec
    >>> spec = load_architecture_spec("eyeriss")
    >>> own, dear, wide = (unpriced(spec.resolve(settings)) for settings in (
    ...     {}, {"levels.DRAM.energy": spec.parse_setting("levels.DRAM.energy", "9 mac")}, {"levels.array.cols": 20}))
    >>> own == dear, own == wide
    (True, False)
    """
    runs = architecture.lower, architecture.precision, architecture.packed
    return tuple(map(_bare, architecture.hierarchy)), architecture.dataflow, *runs


@remembered(256)
def unsized(architecture: Architecture) -> Hashable:
    """Equal for architectures that differ in no more than `unpriced` ones may and in how large limited capacities are.

    Examples
    --------
    >>> from dse.formats.architecture.load import load_architecture_spec
    >>> spec = load_architecture_spec("eyeriss")
    >>> own, large, wide = (unsized(spec.resolve(settings)) for settings in (
    ...     {}, {"levels.GLB.capacity": spec.parse_setting("levels.GLB.capacity", "1 MiB")}, {"levels.array.cols": 20}))
    >>> own == large, own == wide
    (True, False)
    """
    runs = architecture.lower, architecture.precision, architecture.packed
    return tuple(map(_without_sizes, map(_bare, architecture.hierarchy))), architecture.dataflow, *runs


def _without_sizes(node: Level | FanOut) -> Level | FanOut:
    if isinstance(node, FanOut):
        return node
    parts = node.partition_bits
    return replace(
        node, capacity_bits=_limited(node.capacity_bits),
        partition_bits=parts and PerOperand(*(_limited(bits) for bits in parts)),
    )  # fmt: skip


def _limited(bits: int | None) -> int | None:
    """Whether there is a capacity at all, in the place of one."""
    return None if bits is None else 0


def _bare(node: Level | FanOut) -> Level | FanOut:
    if isinstance(node, FanOut):
        return replace(node, energy_pj=0.0, area_mm2=0.0)
    return replace(
        node, read_energy_pj=NOTHING, write_energy_pj=NOTHING, ports=(), area_mm2=0.0, static_power_mw=0.0,
        clock_power_mw=0.0,
    )  # fmt: skip
