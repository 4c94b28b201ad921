"""The tables of `docs/energies.md`, from the technology files: what is priced at what, and where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from dse.architecture.scaling import TABLES as FOLDER
from dse.architecture.technology import load_technology, technology_names

PAGE = Path(__file__).resolve().parents[1] / "energies.md"
Rows = Iterator[tuple[str, ...]]


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe").load((FOLDER / name).read_text(encoding="utf-8"))
    return found


def tables() -> Rows:
    """What each technology table asks for one of each, in pJ."""
    yield "table", "MAC, 16 bits", "MAC, 8 bits", "register", "0.5 KiB", "8 KiB", "128 KiB", "1 MiB", "array", "DRAM"
    for name in technology_names():
        technology = load_technology(name)
        reads = [technology.sram_read_energy_pj(size * 8, 16) for size in (2, 512, 8192, 131072, 1048576)]
        yield (
            f"`{name}`",
            *(f"{pj:.3g}" for pj in (technology.mac_energy_pj(16), technology.mac_energy_pj(8), *reads)),
            f"{technology.array_energy_pj(16):.3g}",
            f"{technology.dram_energy_pj(16):.3g} ({technology.default_dram})",
        )


def origins() -> Rows:
    """What the description of each table says of its sources."""
    yield "table", "where it comes from"
    seen: dict[str, list[str]] = {}
    for name in technology_names():
        seen.setdefault(load_technology(name).description, []).append(f"`{name}`")
    for description, names in seen.items():
        yield ", ".join(names), description


def dram() -> Rows:
    """Every type of DRAM."""
    yield "`dram:`", "pJ per bit", "source"
    for name, one in _read("technologies.yaml")["dram_types"].items():
        yield f"`{name}`", f"{one['pj_per_bit']:g}", one["source"]


def arithmetic() -> Rows:
    """The figures that multipliers and adders are fitted to, and those of floating point."""
    yield "what", "node", "multiplier", "adder", "source"
    table = _read("technologies.yaml")["tables"]["cmos-45nm"]["arithmetic"]
    for width, pj in table["multiplier_pj"].items():
        yield (
            f"integer, {width} bits, pJ", f"{table['node_nm']} nm", f"{pj:g}", f"{table['adder_pj'][width]:g}",
            "Horowitz, ISSCC 2014",
        )  # fmt: skip
    for name, one in _read("formats.yaml").items():
        energy = one.get("energy")
        if energy:
            yield (
                f"{name}, pJ", f"{energy['node_nm']} nm", f"{energy['multiplier_pj']:g}", f"{energy['adder_pj']:g}",
                one["source"],
            )  # fmt: skip


def areas() -> Rows:
    """Areas and densities that are stated once for all tables."""
    document = _read("technologies.yaml")
    yield "what", "figure", "source"
    area = document["mac_area"]
    for part in ("multiplier", "adder"):
        for width, um2 in area[f"{part}_um2"].items():
            yield f"{part}, {width} bits, at {area['node_nm']} nm", f"{um2} um2", area["source"]
    for name, one in document["layout"].items():
        shares = ", ".join(f"{key.removesuffix('_density')} {one[key]:g}" for key in one if key.endswith("_density"))
        yield f"part of the floor plan that cells fill, layout `{name}`", shares, one["source"]
    register = document["register"]
    yield f"a bit of a register, at {register['node_nm']} nm", f"{register['pj_per_bit']:g} pJ", register["source"]


def files() -> Rows:
    """The tables of points, with what their own heads say."""
    yield "file", "what it holds, and from where"
    for path in sorted(FOLDER.glob("*.csv")):
        head = [line.lstrip("# ").strip() for line in path.read_text(encoding="utf-8").splitlines() if line[:1] == "#"]
        yield f"`{path.name}`", " ".join(head)


TABLES: dict[str, Callable[[], Rows]] = {
    "tables": tables, "origins": origins, "dram": dram, "arithmetic": arithmetic, "areas": areas, "files": files,
}  # fmt: skip
