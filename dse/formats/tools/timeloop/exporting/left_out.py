"""What an architecture of ours does that Timeloop's files have no words for, with its size where it has one."""

from __future__ import annotations

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut, Level


def left_out(architecture: Architecture) -> tuple[str, ...]:
    """A sentence for each thing that Timeloop counts otherwise, or not at all.

    Examples
    --------
    >>> from dse.formats.architecture.load import load_architecture
    >>> for remark in left_out(load_architecture("eyeriss"))[2:]:
    ...     print(remark)
    Left out: 176 mW of static and clock power of MACs and chip, as only levels leak.
    Left out: the energy of words on their way over array.
    Over array, a word that several tiles share is read once here, and for each tile that differs there.
    Ports of single operands of GLB are one there, with the rate of all.
    Left out: what zeros save.
    """
    meshes = [fan_out for fan_out in architecture.fan_outs if fan_out.children > 1]
    return (
        "What levels draw without work is their leak of each cycle, charged for the instances that a mapping uses.",
        "timeloop-model knows no clock: global_cycle_seconds is for whoever reads its cycles.",
        *_powers(architecture), *_sharing(meshes), *_timing(architecture, meshes),
        *(["Left out: what zeros save."] if _uses_zeros(architecture) else []),
    )  # fmt: skip


def _powers(architecture: Architecture) -> list[str]:
    mac = architecture.mac
    found = []
    rest = architecture.static_power_mw + architecture.clock_power_mw
    rest += architecture.mac_units * (mac.static_power_mw + mac.clock_power_mw)
    if rest:
        found.append(f"Left out: {rest:.3g} mW of static and clock power of MACs and chip, as only levels leak.")
    if priced := [fan_out.name for fan_out in architecture.fan_outs if any(fan_out.word_energy_pj)]:
        found.append(f"Left out: the energy of words on their way over {', '.join(priced)}.")
    named = sum(architecture.instances(level.name) * level.area_mm2 for level in architecture.levels)
    area = architecture.area_mm2 - named - architecture.mac_units * mac.area_mm2
    if area > 1e-9 * architecture.area_mm2:
        found.append(f"Left out: {area:.3g} mm2 of networks and of what is no level and no MAC.")
    return found


def _sharing(meshes: list[FanOut]) -> list[str]:
    found = []
    if words := [mesh.name for mesh in meshes if mesh.multicast == "word"]:
        found.append(f"Over {', '.join(words)}, a word that several tiles share is read once here, and for each tile "
                     "that differs there.")  # fmt: skip
    if alone := [mesh.name for mesh in meshes if mesh.multicast == "none"]:
        found.append(f"Over {', '.join(alone)}, every child is fed on its own here; equal tiles are shared there.")
    if apart := [mesh.name for mesh in meshes if not mesh.reduces]:
        found.append(f"Over {', '.join(apart)}, psums do not add up on their way here; they do there.")
    return found


def _timing(architecture: Architecture, meshes: list[FanOut]) -> list[str]:
    found = []
    if systolic := [mesh.name for mesh in meshes if mesh.is_systolic]:
        found.append(f"Left out: skew, load and drain of {', '.join(systolic)}.")
    if several := [level.name for level in architecture.levels if _adds_up_ports(level)]:
        found.append(f"Ports of single operands of {', '.join(several)} are one there, with the rate of all.")
    if single := [level.name for level in architecture.levels[1:] if _may_wait(level)]:
        found.append(f"Transfers of {', '.join(single)} stop the MACs here; all transfers overlap there.")
    return found


def _may_wait(level: Level) -> bool:
    return any(level.buffered(operand) in ("single", "room") for operand in level.stores)


def _adds_up_ports(level: Level) -> bool:
    """Whether a level that is one for all its operands has two ports that serve the same way."""
    ways = [frozenset(way for _, way in port.serves) for port in level.ports]
    return level.partition_bits is None and len(ways) > len(set(ways))


def _uses_zeros(architecture: Architecture) -> bool:
    mac = architecture.mac
    levels = any(any(level.gating) or any(level.compression) for level in architecture.levels)
    return bool(mac.gating or mac.skipping or architecture.packed or levels)
