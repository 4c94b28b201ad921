"""What a part draws whether or not it works: leakage by flavour of transistor, clock pins, and both over the supply.

Sources and errors are in `docs/model.md`, section *Static and clock power*.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from math import exp, log
from typing import Literal, get_args

from dse.architecture.scaling import TABLES, interpolate_log
from dse.errors import DseError

Flavour = Literal["lstp", "lop", "hp", "lstp-hp"]
"""Low standby power, low operating power, high performance, and cells of the first with the periphery of the last."""

FLAVOURS: tuple[Flavour, ...] = get_args(Flavour)
KELVIN = (300.0, 360.0)
"""The two temperatures of the leakage tables; between them the logarithm of a current is linear in temperature."""

CLOCK_PIN_FJ_PER_NM_V2 = 4.67 / 65
"""Energy of one flip-flop's clock pin and cycle, over node and supply squared: 4.67 fJ at 65 nm and 1 V (CNNergy's
model of Eyeriss's clock tree, Clock_Tree_Power.m, evaluated), scaled with length times V^2 as that model does."""

LOGIC_LEAKAGE_MW_PER_MM2 = 12.3
"""Of cells at 40 nm, high performance, room temperature: a 32-bit multiplier, 77.9 uW on 6350 um2 (Aladdin, ISCA
2014)."""

THRESHOLD_OFFSET_V = 0.051
"""Added to CACTI's threshold so that `speed` meets two chips of 65 nm at both ends of their range (see `speed`)."""


def sram_leakage_mw(capacity_bytes: float, node_nm: float, flavour: Flavour, temperature_k: float) -> float:
    """Leakage of one SRAM at its node's nominal supply.

    Log-log interpolation in capacity and node between CACTI 7's points; per KiB, the figure of the nearest end holds
    beyond the smallest and the largest capacity, and outside 22 to 65 nm, where there is no source.

    Examples
    --------
    >>> round(sram_leakage_mw(131072, 65, "hp", 300), 1)
    65.3
    >>> sram_leakage_mw(131072, 65, "lstp", 300) < 0.004
    True
    """

    def at(kelvin: float) -> float:
        tables = _sram_points()[flavour, kelvin]
        by_node = [(nm, interpolate_log(points, capacity_bytes)) for nm, points in sorted(tables.items())]
        return _held(by_node, node_nm)

    return _between_kelvin(at, temperature_k)


def logic_leakage_mw(cells_mm2: float, node_nm: float, flavour: Flavour, temperature_k: float) -> float:
    """Leakage of logic and registers by the area of their cells, at the nominal supply.

    One synthesis (`LOGIC_LEAKAGE_MW_PER_MM2`), times the ratio of the transistors' off-currents. Logic of `lstp-hp` is
    of high performance, as that flavour's periphery is.

    Examples
    --------
    >>> round(logic_leakage_mw(1.0, 40, "hp", 300), 3) == LOGIC_LEAKAGE_MW_PER_MM2
    True
    >>> logic_leakage_mw(1.0, 40, "lstp", 300) < 0.01 * logic_leakage_mw(1.0, 40, "hp", 300)
    True
    """
    transistor: Flavour = "hp" if flavour == "lstp-hp" else flavour
    here = _between_kelvin(lambda kelvin: _held(_off_currents()[transistor, kelvin], node_nm), temperature_k)
    there = _held(_off_currents()["hp", KELVIN[0]], 40)
    return cells_mm2 * LOGIC_LEAKAGE_MW_PER_MM2 * here / there


def clock_energy_pj(flip_flops: float, node_nm: float, supply_v: float) -> float:
    """Energy per cycle of the clock pins of flip-flops that are not gated.

    Examples
    --------
    >>> round(168 * clock_energy_pj(608, 65, 1.0) * 0.2, 1)  # mW of Eyeriss's registers at 200 MHz: 95.3 in CNNergy
    95.4
    """
    return flip_flops * CLOCK_PIN_FJ_PER_NM_V2 * node_nm * supply_v**2 * 1e-3


def speed(supply_v: float, node_nm: float, flavour: Flavour) -> float:
    """How fast logic switches at a supply, in an arbitrary unit: the alpha-power law, (V - Vt)^1.3 / V.

    Sakurai and Newton (JSSC 1990), with CACTI's threshold plus `THRESHOLD_OFFSET_V`. With LSTP at 65 nm, Eyeriss comes
    out 2.22 times faster at 1.17 V than at 0.82 V (chip: 2.5), a 1 Mb SRAM 4.7 times faster at 1.2 V than at 0.7 V
    (chip: 4.4).

    Raises
    ------
    DseError
        Below 0.05 V over the threshold, where the law ends.

    Examples
    --------
    >>> round(speed(1.17, 65, "lstp") / speed(0.82, 65, "lstp"), 2)
    2.22
    """
    transistor: Flavour = "hp" if flavour == "lstp-hp" else flavour
    threshold = _held(_thresholds()[transistor], node_nm) + THRESHOLD_OFFSET_V
    if supply_v < threshold + 0.05:
        raise DseError(
            f"a supply of {supply_v:g} V is too near the threshold of {threshold:.3g} V ({flavour}, {node_nm:g} nm)",
            hint=f"at least {threshold + 0.05:.3g} V",
        )
    return float((supply_v - threshold) ** 1.3 / supply_v)


def _held(points: Sequence[tuple[float, float]], node_nm: float) -> float:
    """Log-log interpolation between nodes; the ends hold beyond them."""
    return interpolate_log(points, min(max(node_nm, points[0][0]), points[-1][0]))


def _between_kelvin(at: Callable[[float], float], temperature_k: float) -> float:
    cold, hot = KELVIN
    low, high = at(cold), at(hot)
    return float(low * exp(log(high / low) * (temperature_k - cold) / (hot - cold)))


@cache
def _sram_points() -> Mapping[tuple[Flavour, float], Mapping[float, Sequence[tuple[float, float]]]]:
    """(flavour, kelvin) to node to points (bytes, mW), both ascending."""
    found: dict[tuple[Flavour, float], dict[float, list[tuple[float, float]]]] = {}
    for row in _rows("sram_leakage.csv"):
        size, key = float(row["capacity_bytes"]), (_flavour(row), float(row["temperature_k"]))
        milliwatts = float(row["uw_per_kib"]) * size / 1024 * 1e-3
        found.setdefault(key, {}).setdefault(float(row["node_nm"]), []).append((size, milliwatts))
    return {key: {nm: sorted(points) for nm, points in nodes.items()} for key, nodes in found.items()}


@cache
def _off_currents() -> Mapping[tuple[Flavour, float], Sequence[tuple[float, float]]]:
    """(flavour, kelvin) to points (node, A per um)."""
    found: dict[tuple[Flavour, float], list[tuple[float, float]]] = {}
    for row in _rows("transistors.csv"):
        for kelvin in KELVIN:
            point = (float(row["node_nm"]), float(row[f"off_{kelvin:.0f}k_a_per_um"]))
            found.setdefault((_flavour(row), kelvin), []).append(point)
    return {key: sorted(points) for key, points in found.items()}


@cache
def _thresholds() -> Mapping[Flavour, Sequence[tuple[float, float]]]:
    """Flavour to points (node, V)."""
    found: dict[Flavour, list[tuple[float, float]]] = {}
    for row in _rows("transistors.csv"):
        found.setdefault(_flavour(row), []).append((float(row["node_nm"]), float(row["threshold_v"])))
    return {key: sorted(points) for key, points in found.items()}


def _flavour(row: Mapping[str, str]) -> Flavour:
    return next(flavour for flavour in FLAVOURS if flavour == row["flavour"])


def _rows(name: str) -> list[dict[str, str]]:
    with (TABLES / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(line for line in stream if not line.startswith("#")))
