"""What a design is known by before anything is mapped on it: area, peak power, and its shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf
from typing import TYPE_CHECKING

from dse.architecture.hierarchy import Level
from dse.problem.dims import OPERANDS

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture


def design_figures(architecture: Architecture, names: Iterable[str] = ()) -> dict[str, float]:
    """Figures that need no mapping.

    Parameters
    ----------
    names : iterable of str, optional
        Those wanted; without them, all.

    Returns
    -------
    dict
        `area_mm2`; `peak_power_mw`; `pes`, the MAC units; `aspect_ratio`, columns over rows of the outermost fan-out (1
        without one); `storage_kib`, the capacity of all levels on the chip.

    Examples
    --------
    >>> import dse
    >>> found = design_figures(dse.load_architecture("eyeriss"))
    >>> found["pes"], round(found["aspect_ratio"], 3), found["storage_kib"]
    (168, 1.167, 193.3125)
    """
    wanted = set(names) or set(_FIGURES)
    return {name: figure(architecture) for name, figure in _FIGURES.items() if name in wanted}


def _aspect_ratio(architecture: Architecture) -> float:
    outermost = architecture.fan_outs[0] if architecture.fan_outs else None
    return outermost.cols / outermost.rows if outermost else 1.0


def _storage_kib(architecture: Architecture) -> float:
    return sum(_bits(level) * architecture.instances(level.name) for level in architecture.levels) / 8192


def peak_power_mw(architecture: Architecture) -> float:
    """Power of the chip in mW when every MAC works in every cycle and every port moves what it can.

    A MAC takes at most one word of each operand a cycle, so no level moves more than one word for each MAC, operand and
    direction; ports may allow less, and share what they allow among the dearest accesses first. Each word is handed
    over every fan-out. Words and MACs have the widths of the machine. The outermost level is not on the chip.

    Examples
    --------
    >>> import dse
    >>> 300 < peak_power_mw(dse.load_architecture("eyeriss")) < 3000
    True
    """
    units = architecture.mac_units
    energy_pj = units * architecture.mac.energy_pj
    energy_pj += sum(units * sum(fan_out.word_energy_pj) for fan_out in architecture.fan_outs)
    energy_pj += sum(_level_pj(architecture, level) for level in architecture.levels[1:])
    idle_mw = architecture.total_static_power_mw + architecture.total_clock_power_mw
    return idle_mw + energy_pj * architecture.clock_hz * 1e-9


def _level_pj(architecture: Architecture, level: Level) -> float:
    """The most energy in pJ that all copies of a level spend in a cycle."""
    copies, units = architecture.instances(level.name), architecture.mac_units
    energies = {"read": level.read_energy_pj, "write": level.write_energy_pj}
    rates = [port.words_per_cycle * copies for port in level.ports]
    total = 0.0
    accesses = [(energies[way][operand], operand, way) for operand in OPERANDS for way in ("read", "write")]
    for energy, operand, way in sorted(accesses, key=lambda access: -access[0]):
        if operand not in level.stores:
            continue
        serving = [place for place, port in enumerate(level.ports) if (operand, way) in port.serves]
        words = min(float(units), min((rates[place] for place in serving), default=inf))
        for place in serving:
            rates[place] -= words
        total += words * energy
    return total


def _bits(level: Level) -> int:
    """Capacity of one copy; an unlimited level is not on the chip."""
    sizes = [level.capacity_bits] if level.partition_bits is None else list(level.partition_bits)
    return sum(size for size in sizes if size is not None)


_FIGURES: dict[str, Callable[[Architecture], float]] = {
    "area_mm2": lambda architecture: architecture.area_mm2,
    "peak_power_mw": peak_power_mw,
    "pes": lambda architecture: architecture.mac_units,
    "aspect_ratio": _aspect_ratio,
    "storage_kib": _storage_kib,
}
