"""Energies of memories, arithmetic and DRAM beside published ones. Some of these disagree with each other by much."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dse.architecture.scaling import node
from dse.architecture.technology import load_technology
from dse.formats.architecture.load import load_architecture

REFERENCE = Path(__file__).parents[1] / "reference"


def rows(name: str) -> list[dict[str, str]]:
    lines = (REFERENCE / name).read_text().splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


class Compared(NamedTuple):
    """One figure: ours and a published one.

    Parameters
    ----------
    kind : {"given", "fit", "other"}
        `given`: what our tables are made from. `fit`: the fit against its own source. `other`: a source that took no
        part.
    """

    kind: str
    what: str
    source: str
    ours: float
    theirs: float

    @property
    def error(self) -> float:
        return self.ours / self.theirs - 1


def memory_fits() -> dict[tuple[int, int], tuple[float, float]]:
    """Errors of reads and writes by capacity in bytes and node in nm, at the points that the fit was made from."""
    errors = {}
    for point in rows("sram_energy_points.csv"):
        size, nm = int(point["capacity_bytes"]), int(point["node_nm"])
        technology = load_technology(f"cmos-{nm}nm")
        read = technology.sram_read_energy_pj(size * 8, 64) / float(point["read_pj_per_64b"]) - 1
        write = technology.sram_write_energy_pj(size * 8, 64) / float(point["write_pj_per_64b"]) - 1
        errors[size, nm] = read, write
    return errors


def energies() -> Iterator[Compared]:
    yield from _horowitz()
    yield from _others()


def _horowitz() -> Iterator[Compared]:
    technology, source = load_technology("cmos-45nm"), "Horowitz, ISSCC 2014, 45 nm"
    prices = {
        "int mult": lambda bits: technology.multiplier_energy_pj(bits, bits),
        "int add": technology.adder_energy_pj,
    }
    for row in rows("horowitz_45nm.csv"):
        bits = int(row["bits"])
        if row["item"] in prices:
            what = f"{row['item'].replace('int', 'integer')}, {bits} bits, pJ"
            yield Compared("fit", what, source, prices[row["item"]](bits), float(row["energy_pJ"]))
        elif row["item"] == "SRAM read 8KB":
            ours = technology.sram_read_energy_pj(8 * 1024 * 8, bits)
            yield Compared("other", "8 KiB SRAM, read of 64 bits, pJ", source, ours, float(row["energy_pJ"]))


def _others() -> Iterator[Compared]:
    table = {row["item"]: row["value"] for row in rows("energy_tables_other.csv")}
    eyeriss, isca, cmos = load_architecture("eyeriss"), load_technology("eyeriss-isca16"), load_technology("cmos-65nm")
    mac = isca.mac_energy_pj()
    ratios = [float(x) for x in table["DRAM : buffer(>100kB) : array(1-2mm) : RF(0.5kB) : MAC"].split(":")]
    ours = [
        isca.dram_energy_pj(16), isca.sram_read_energy_pj(128 * 1024 * 8, 16), isca.array_energy_pj(16),
        isca.sram_read_energy_pj(512 * 8, 16),
    ]  # fmt: skip
    for name, energy, ratio in zip(("DRAM", "128 KiB buffer", "array", "0.5 KiB RF"), ours, ratios, strict=False):
        yield Compared("given", f"word of 16 bits, {name}, MACs", "ISCA 2016, Table IV", energy / mac, ratio)
    yield Compared("given", "MAC of 16 bits, pJ", "CNNergy, 65 nm", mac, float(table["16b MAC"].split("=")[1]))
    eight = (0.05 / 2 + 0.9 / 4) * 1.783  # the formula of the row "8b MAC"
    assert table["8b MAC"] == "0.05/2+0.9/4 (x1.783)"
    yield Compared("given", "MAC of 8 bits, pJ", "CNNergy, 65 nm", eyeriss.mac.energy_at_pj(8, 8, 8), eight)
    scaled = node(65).energy / node(45).energy
    yield Compared("other", "switching energy, 65 over 45 nm", "CNNergy: capacitance x V^2", scaled, 1.783)
    at_40 = load_technology("cmos-45nm").at_node(40)
    for what, energy, item in (
        ("integer mult, 32 bits, pJ", at_40.multiplier_energy_pj(32, 32), "32b multiplier 40nm 1GHz"),
        ("integer add, 32 bits, pJ", at_40.adder_energy_pj(32), "32b adder 40nm 1GHz"),
    ):
        yield Compared("other", what, "Aladdin in Accelergy, 40 nm", energy, float(table[item].split()[0]))
    bit = at_40.sram_read_energy_pj(16, 16) / 16
    yield Compared("given", "register, 1 bit, pJ", "Aladdin in Accelergy, 40 nm", bit, float(table["1b register 40nm"]))
    exponent = cmos.read_pj_per_bit.large.exponent
    theirs = float(table["SRAM/RF energy vs depth"].rsplit("^", 1)[1])
    yield Compared("other", "SRAM read, exponent of the capacity", "Accelergy's scaling", exponent, theirs)
    yield Compared("given", "LPDDR4, pJ per bit", "Accelergy", cmos.dram_energy_pj(1, "lpddr4"), float(table["LPDDR4"]))
