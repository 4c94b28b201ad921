"""What a MAC costs by number format: integers as the technology prices their width, floating point as published."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from dse.architecture.scaling import TABLES, node
from dse.architecture.technology import UM2_PER_MM2, Technology
from dse.problem.dims import FORMATS


@dataclass(frozen=True, slots=True)
class FormatCost:
    """One multiply-accumulate unit of a number format.

    Parameters
    ----------
    multiplier_pj, adder_pj : float or None
        Of a multiplication and of an addition; None where no source has them.
    area_mm2 : float or None
        On the floor plan.
    """

    multiplier_pj: float | None
    adder_pj: float | None
    area_mm2: float | None


def format_cost(technology: Technology, name: str) -> FormatCost:
    """What a MAC of a format costs in a technology.

    Parameters
    ----------
    technology : Technology
    name : str
        One of `dse.problem.dims.FORMATS`.

    Notes
    -----
    Published energies scale to the technology's node as its own arithmetic does, and with the square of its supply over
    the nominal one. Areas of cells are spread to the technology's density of logic; those measured on a die are placed.

    Examples
    --------
    >>> from dse.architecture.technology import load_technology
    >>> cost = format_cost(load_technology("cmos-45nm"), "fp8")
    >>> cost.multiplier_pj, cost.adder_pj, cost.area_mm2
    (0.4, 0.2, None)
    """
    if name.startswith("int"):
        bits = FORMATS[name]
        return FormatCost(
            technology.multiplier_energy_pj(bits, bits), technology.adder_energy_pj(bits), technology.mac_area_mm2(bits)
        )
    figures: dict[str, Any] = _figures()[name]
    here, energy, area = node(technology.node_nm), figures.get("energy"), figures.get("area")
    multiplier = adder = mm2 = None
    if energy is not None:
        scale = here.energy / node(energy["node_nm"]).energy * (technology.supply_v / technology.nominal_v) ** 2
        multiplier, adder = energy["multiplier_pj"] * scale, energy["adder_pj"] * scale
    if area is not None:
        cells_um2 = sum(area.get(part, 0.0) for part in ("multiplier_um2", "adder_um2")) / technology.logic_density
        mm2 = (cells_um2 + area.get("placed_um2", 0.0)) * here.area / node(area["node_nm"]).area / UM2_PER_MM2
    return FormatCost(multiplier, adder, mm2)


@cache
def _figures() -> dict[str, Any]:
    from ruamel.yaml import YAML

    with (TABLES / "formats.yaml").open(encoding="utf-8") as stream:
        found: dict[str, Any] = YAML(typ="safe").load(stream)
    return found
