"""What an access, a MAC and a square millimetre cost: the technology tables, priced by size, width and node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from typing import Any

from dse.architecture.power import Flavour, clock_energy_pj, logic_leakage_mw, speed, sram_leakage_mw
from dse.architecture.scaling import (
    TABLES,
    PowerLaw,
    SizeLaw,
    fit_power_law,
    interpolate_log,
    macro_areas_um2,
    node,
    read_table,
)
from dse.errors import DseError

UM2_PER_MM2 = 1e6
REGISTER_BYTES = 64
"""A memory of up to this size is made of flip-flops, a larger one is an SRAM: Eyeriss has 48 B of registers and 448 B
of SRAM in a PE (JSSC 2017)."""
OVERDRIVE = 1.3
"""The highest supply that is priced, over the nominal one: beyond, no chip among our sources goes."""


@dataclass(frozen=True, slots=True)
class Technology:
    """A technology table at a node.

    Parameters
    ----------
    name, description : str
    node_nm : float
    read_pj_per_bit, write_pj_per_bit : SizeLaw
        Energy of one bit of a memory access, as a function of the memory's capacity in bits.
    multiplier_pj_per_bit2 : float
        A multiplier takes this times the product of its operands' widths.
    adder_pj_per_bit : float
    array_pj_per_bit : float
        One bit across the processing array.
    dram_pj_per_bit : tuple of (type, float)
    default_dram : str
    register_area_um2 : tuple of (bytes, square micrometres)
        Cells of a register file by size, ascending.
    multiplier_um2_per_bit2, adder_um2_per_bit : float
        Cells of a MAC.
    logic_density, macro_density : float
        Part of the floor plan that cells of logic and registers fill, and that SRAM macros do; the rest is wiring,
        network, control and white space. Without macros (`macro_density` is None) register files go on to all sizes.
    supply_v, nominal_v : float
        The supply at which all this holds, and the table's own at this node.
    idle : bool
        Whether leakage and clock pins have a price.
    flavour : {"lstp", "lop", "hp", "lstp-hp"}
        Of the transistors that leak; the energies of the memories are those of `lstp`.
    temperature_k : float
        Of the transistors that leak, 300 to 360.

    Notes
    -----
    `read_pj_per_bit` and `write_pj_per_bit` are least-squares lines in log-log (see `fit_power_law`), so energy grows
    strictly with capacity; it is proportional to the width of the access, as in Accelergy's width scaling, because a
    narrower access of the same memory drives fewer of its bit lines.

    `eyeriss-isca16` has one line, exactly through the two published anchors (1 MAC at 512 B, 6 MACs at 128 KiB; slope
    0.323). Carried on to a single word it comes to 0.0176 pJ a bit, near the 0.0185 pJ of a register at 65 nm.

    The lines of the `cmos-*` tables are fitted to nine CACTI points from 512 B to 1 MiB and extrapolated beyond; below
    512 B a second line runs from the first one's value there to one register for a memory of one word. Error at the
    nine points, in per cent, ascending in size (the 2 KiB point at 65 nm lies off its trend: a read costs little more
    than at 1 KiB):

    - 65 nm: reads -19, 5, 37, 2, -14, -2, -1, -12, 16; writes 10, -2, -18, 8, 1, 8, 8, -1, -9
    - 45 nm: reads -8, 16, 4, 4, -17, -4, -3, 4, 10; writes 3, -9, 2, 2, -3, 7, 7, -1, -7
    - 28 nm: reads -7, 15, 2, -1, -7, -5, -3, -3, 12; writes 2, -10, 2, 1, 8, 6, 5, -4, -8
    - 22 nm: reads -5, 16, 2, -6, -10, -7, 4, -3, 11; writes 2, -11, 2, 1, 8, 8, 2, -3, -8
    - 16 nm: reads -5, 16, 2, -6, -10, -7, 4, -3, 12; writes 3, -11, 2, 1, 8, 7, 2, -3, -8
    - 7 nm: reads -5, 16, 2, -6, -11, -7, 4, -3, 12; writes 2, -11, 2, 1, 8, 8, 2, -3, -8

    Their arithmetic differs from Horowitz's 45 nm figures at 8, 16 and 32 bits by 7, -15 and 10 % (multiplier, fitted
    quadratically) and by -11, 6 and 6 % (adder, linearly).
    """

    name: str
    description: str
    node_nm: float
    read_pj_per_bit: SizeLaw
    write_pj_per_bit: SizeLaw
    multiplier_pj_per_bit2: float
    adder_pj_per_bit: float
    array_pj_per_bit: float
    dram_pj_per_bit: tuple[tuple[str, float], ...]
    default_dram: str
    register_area_um2: tuple[tuple[float, float], ...]
    multiplier_um2_per_bit2: float
    adder_um2_per_bit: float
    logic_density: float
    macro_density: float | None
    supply_v: float
    nominal_v: float
    idle: bool
    flavour: Flavour = "lstp"
    temperature_k: float = 300.0

    def sram_read_energy_pj(self, capacity_bits: float, word_bits: int) -> float:
        """Energy of reading one word of an SRAM or register file of this capacity."""
        return word_bits * self.read_pj_per_bit(_positive(capacity_bits))

    def sram_write_energy_pj(self, capacity_bits: float, word_bits: int) -> float:
        """Energy of writing one word of an SRAM or register file of this capacity."""
        return word_bits * self.write_pj_per_bit(_positive(capacity_bits))

    def sram_area_mm2(self, capacity_bits: float) -> float:
        """Area of a memory on the floor plan: its cells over their density.

        Registers up to 64 B, SRAM macros from 2 KiB, and log-log interpolation between the sizes of both tables, which
        rises strictly; the density of the smallest and of the largest size beyond them.
        """
        return interpolate_log(self._placed_um2, _positive(capacity_bits) / 8) / UM2_PER_MM2

    @property
    def _placed_um2(self) -> tuple[tuple[float, float], ...]:
        return _placed(self.register_area_um2, self.node_nm, self.logic_density, self.macro_density)

    def sram_static_power_mw(self, capacity_bits: float) -> float:
        """Leakage of a memory at this supply: of its registers' cells, or of an SRAM by size; 0 if not `idle`."""
        if not self.idle:
            return 0.0
        if self._is_registers(capacity_bits):
            cells_mm2 = interpolate_log(self.register_area_um2, capacity_bits / 8) / UM2_PER_MM2
            return self._leakage_mw(logic_leakage_mw(cells_mm2, self.node_nm, self.flavour, self.temperature_k))
        return self._leakage_mw(sram_leakage_mw(capacity_bits / 8, self.node_nm, self.flavour, self.temperature_k))

    def sram_clock_energy_pj(self, capacity_bits: float) -> float:
        """Energy a cycle of the clock pins of a memory made of registers; 0 for an SRAM, and if not `idle`."""
        return self._clock_pj(capacity_bits) if self._is_registers(_positive(capacity_bits)) else 0.0

    def mac_static_power_mw(self, bits: int = 16) -> float:
        """Leakage of a MAC's cells at this supply; 0 if not `idle`."""
        cells_mm2 = (self.multiplier_um2_per_bit2 * bits * bits + self.adder_um2_per_bit * bits) / UM2_PER_MM2
        leakage = logic_leakage_mw(cells_mm2, self.node_nm, self.flavour, self.temperature_k)
        return self._leakage_mw(leakage) if self.idle else 0.0

    def mac_clock_energy_pj(self, bits: int = 16) -> float:
        """Energy a cycle of the clock pins of a MAC's registers; 0 if not `idle`.

        Two operands and a psum of twice the width: a 16-bit MAC has 64 flip-flops. One synthesised with a
        64-bit accumulator has 114 (RecPipe, 12 nm).
        """
        return self._clock_pj(4 * bits)

    def speed(self) -> float:
        """How fast logic switches at this supply, in an arbitrary unit; see `dse.architecture.power.speed`."""
        return speed(self.supply_v, self.node_nm, self.flavour)

    def _is_registers(self, capacity_bits: float) -> bool:
        return capacity_bits <= 8 * REGISTER_BYTES

    def _clock_pj(self, flip_flops: float) -> float:
        return clock_energy_pj(flip_flops, self.node_nm, self.supply_v) if self.idle else 0.0

    def _leakage_mw(self, at_nominal_mw: float) -> float:
        """The current is held, so power goes with the supply; that it falls with it, too, has no source here."""
        return at_nominal_mw * self.supply_v / node(self.node_nm).supply_v

    def mac_energy_pj(
        self, ifmap_bits: int = 16, weight_bits: int | None = None, psum_bits: int | None = None
    ) -> float:
        """Energy of a multiplication of two widths and an addition at the psum's (both default to the ifmap's)."""
        return self.multiplier_energy_pj(ifmap_bits, weight_bits or ifmap_bits) + self.adder_energy_pj(
            psum_bits or ifmap_bits
        )

    def multiplier_energy_pj(self, bits_a: int, bits_b: int) -> float:
        """Quadratic in the width."""
        return self.multiplier_pj_per_bit2 * bits_a * bits_b

    def adder_energy_pj(self, bits: int) -> float:
        """Linear in the width."""
        return self.adder_pj_per_bit * bits

    def mac_area_mm2(self, bits: int = 16) -> float:
        """Area of a multiplier and an adder on the floor plan, quadratic and linear in the width."""
        cells_um2 = self.multiplier_um2_per_bit2 * bits * bits + self.adder_um2_per_bit * bits
        return cells_um2 / self.logic_density / UM2_PER_MM2

    def dram_energy_pj(self, bits: int, dram: str | None = None) -> float:
        """Energy of moving this many bits to or from DRAM of a type (default: the table's).

        Raises
        ------
        DseError
            For an unknown type.
        """
        name = (dram or self.default_dram).lower()
        prices = dict(self.dram_pj_per_bit)
        if name not in prices:
            raise _unknown("DRAM type", name, prices)
        return bits * prices[name]

    def array_energy_pj(self, bits: int) -> float:
        """Energy of handing a word of this many bits to a processing element, or from one to the next."""
        return bits * self.array_pj_per_bit

    def at_node(self, node_nm: float) -> Technology:
        """The same table scaled to another node.

        Memories and arithmetic scale with switching energy at nominal supply, wires with the square of the supply,
        areas of logic with the area factor (Stillmaker and Baas), SRAM macros as `macro_areas_um2`; the supply
        stays in the same ratio to the nominal one. DRAM is off the chip and keeps its price.
        """
        if node_nm == self.node_nm:
            return self
        here, there = node(self.node_nm), node(node_nm)
        energy, area, supply = there.energy / here.energy, there.area / here.area, there.supply_v / here.supply_v
        return replace(
            self,
            node_nm=node_nm,
            supply_v=self.supply_v * supply,
            nominal_v=self.nominal_v * supply,
            read_pj_per_bit=self.read_pj_per_bit.scaled(energy),
            write_pj_per_bit=self.write_pj_per_bit.scaled(energy),
            multiplier_pj_per_bit2=self.multiplier_pj_per_bit2 * energy,
            adder_pj_per_bit=self.adder_pj_per_bit * energy,
            array_pj_per_bit=self.array_pj_per_bit * supply**2,
            register_area_um2=tuple((size, um2 * area) for size, um2 in self.register_area_um2),
            multiplier_um2_per_bit2=self.multiplier_um2_per_bit2 * area,
            adder_um2_per_bit=self.adder_um2_per_bit * area,
        )

    def at_voltage(self, supply_v: float) -> Technology:
        """The same table at another supply: what switches on the chip costs energy with the square of it.

        Raises
        ------
        DseError
            Near the threshold, or more than `OVERDRIVE` over the nominal supply.
        """
        if supply_v == self.supply_v:
            return self
        if supply_v > OVERDRIVE * self.nominal_v:
            raise DseError(
                f"a supply of {supply_v:g} V is too high for {self.node_nm:g} nm",
                hint=f"at most {OVERDRIVE * self.nominal_v:.3g} V; nominal is {self.nominal_v:.3g} V",
            )
        speed(supply_v, self.node_nm, self.flavour)
        squared = (supply_v / self.supply_v) ** 2
        return replace(
            self,
            supply_v=supply_v,
            read_pj_per_bit=self.read_pj_per_bit.scaled(squared),
            write_pj_per_bit=self.write_pj_per_bit.scaled(squared),
            multiplier_pj_per_bit2=self.multiplier_pj_per_bit2 * squared,
            adder_pj_per_bit=self.adder_pj_per_bit * squared,
            array_pj_per_bit=self.array_pj_per_bit * squared,
        )


def technology_names() -> tuple[str, ...]:
    """The built-in tables.

    Examples
    --------
    >>> technology_names()[:3]
    ('eyeriss-isca16', 'cmos-65nm', 'cmos-45nm')
    """
    return tuple(_document()["tables"])


@cache
def load_technology(name: str, node_nm: float | None = None) -> Technology:
    """A built-in technology table, scaled to another node on demand.

    Raises
    ------
    DseError
        For an unknown name, with the nearest one, or a node that the scaling does not cover.

    Examples
    --------
    >>> load_technology("cmos-45nm").node_nm, load_technology("cmos-45nm", 40.0).node_nm
    (45.0, 40.0)
    """
    document = _document()
    if name not in document["tables"]:
        raise _unknown("technology table", name, document["tables"])
    table = document["tables"][name]
    here = float(table["node_nm"])
    multiplier, adder = _arithmetic(table["arithmetic"], here)
    read, write = _storage(table["storage"], here, 16 * (16 * multiplier + adder))
    area = document["mac_area"]
    area_factor = node(here).area / node(area["node_nm"]).area
    wires = table["array"]
    layout = document["layout"][table["area"]]
    supply_v = table.get("supply_v", node(here).supply_v)
    technology = Technology(
        name=name,
        description=" ".join(table["description"].split()),
        node_nm=here,
        read_pj_per_bit=read,
        write_pj_per_bit=write,
        multiplier_pj_per_bit2=multiplier,
        adder_pj_per_bit=adder,
        array_pj_per_bit=wires["pj_per_bit"] * (node(here).supply_v / node(wires["node_nm"]).supply_v) ** 2,
        dram_pj_per_bit=tuple((key, float(one["pj_per_bit"])) for key, one in document["dram_types"].items()),
        default_dram=table["dram"],
        register_area_um2=tuple(
            (row["size_bytes"], row["size_bytes"] * row["area_um2_per_byte"] * node(here).area)
            for row in read_table("storage_area.csv")
        ),
        multiplier_um2_per_bit2=_fit_factor(area["multiplier_um2"], 2) * area_factor,
        adder_um2_per_bit=_fit_factor(area["adder_um2"], 1) * area_factor,
        logic_density=layout["logic_density"],
        macro_density=layout.get("macro_density"),
        supply_v=supply_v,
        nominal_v=supply_v,
        idle=table["idle"],
    )
    return technology if node_nm is None else technology.at_node(node_nm)


@cache
def _placed(
    registers_um2: tuple[tuple[float, float], ...], node_nm: float, logic_density: float, macro_density: float | None
) -> tuple[tuple[float, float], ...]:
    """Points (bytes, square micrometres on the floor plan), ascending."""
    largest = float("inf") if macro_density is None else REGISTER_BYTES
    points = [(size, um2 / logic_density) for size, um2 in registers_um2 if size <= largest]
    if macro_density is not None:
        points += [(size, um2 / macro_density) for size, um2 in macro_areas_um2(node_nm)]
    return tuple(points)


def _arithmetic(table: Mapping[str, Any], node_nm: float) -> tuple[float, float]:
    """pJ per bit squared of a multiplier and per bit of an adder, at the node."""
    factor = node(node_nm).energy / node(table["node_nm"]).energy
    return _fit_factor(table["multiplier_pj"], 2) * factor, _fit_factor(table["adder_pj"], 1) * factor


def _fit_factor(by_width: Mapping[int, float], exponent: int) -> float:
    if len(by_width) == 1:  # one point needs no logarithm, and keeps its digits
        ((width, value),) = by_width.items()
        return float(value / width**exponent)
    return fit_power_law(by_width.items(), exponent).factor


def _storage(table: Any, node_nm: float, mac_pj: float) -> tuple[SizeLaw, SizeLaw]:
    """pJ per bit of a read and of a write, by capacity in bits."""
    if isinstance(table, str):
        points = [row for row in read_table(table) if row["node_nm"] == node_nm]
        rows = [(p["capacity_bytes"] * 8, p["read_pj_per_64b"] / 64, p["write_pj_per_64b"] / 64) for p in points]
    else:
        rows = [
            (p["capacity_bytes"] * 8, *(p[key] * mac_pj / p["word_bits"] for key in ("read_mac", "write_mac")))
            for p in table
        ]
    laws = []
    for column in (1, 2):
        large = fit_power_law((row[0], row[column]) for row in rows)
        joint = min(row[0] for row in rows)
        laws.append(
            SizeLaw(_down_to_a_register(large, joint, node_nm) if isinstance(table, str) else large, large, joint)
        )
    return laws[0], laws[1]


def _down_to_a_register(large: PowerLaw, joint_bits: float, node_nm: float) -> PowerLaw:
    """The line from a law's value at its smallest memory to one register for a memory of one word."""
    register = _document()["register"]
    energy = register["pj_per_bit"] * node(node_nm).energy / node(register["node_nm"]).energy
    return fit_power_law([(register["word_bits"], energy), (joint_bits, large(joint_bits))])


@cache
def _document() -> dict[str, Any]:
    from ruamel.yaml import YAML

    document: dict[str, Any] = YAML(typ="safe").load((TABLES / "technologies.yaml").read_text(encoding="utf-8"))
    return document


def _positive(capacity_bits: float) -> float:
    if capacity_bits <= 0:
        raise DseError(f"a memory of {capacity_bits:g} bits has no price")
    return capacity_bits


def _unknown(what: str, name: str, known: Mapping[str, Any]) -> DseError:
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
    return DseError(f"unknown {what} {name!r}", hint=hint)
