"""Technology tables: anchors met exactly, fits with their stated error, everything monotone, areas near a real chip."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.architecture.power import FLAVOURS, Flavour, clock_energy_pj, logic_leakage_mw, speed, sram_leakage_mw
from dse.architecture.scaling import node
from dse.architecture.technology import load_technology, technology_names
from dse.errors import DseError

REFERENCE = Path(__file__).parents[1] / "reference"
KIB = 8 * 1024
TABLES = st.sampled_from(technology_names())
CAPACITY = st.floats(8, 8 * 2**26)


def rows(name: str) -> list[dict[str, str]]:
    lines = [line for line in (REFERENCE / name).read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


@given(TABLES, CAPACITY, st.floats(1.001, 4), st.integers(1, 256))
def test_a_larger_memory_costs_strictly_more(table: str, bits: float, grown: float, word: int) -> None:
    technology = load_technology(table)
    assert technology.sram_read_energy_pj(bits, word) < technology.sram_read_energy_pj(bits * grown, word)
    assert technology.sram_write_energy_pj(bits, word) < technology.sram_write_energy_pj(bits * grown, word)
    assert technology.sram_area_mm2(bits) < technology.sram_area_mm2(bits * grown)


@given(TABLES, CAPACITY, st.integers(1, 256))
def test_energy_is_proportional_to_the_width(table: str, bits: float, word: int) -> None:
    technology = load_technology(table)
    assert technology.sram_read_energy_pj(bits, 2 * word) == pytest.approx(
        2 * technology.sram_read_energy_pj(bits, word)
    )
    assert technology.sram_write_energy_pj(bits, 2 * word) > technology.sram_write_energy_pj(bits, word)


def test_isca16_ratios_are_exact() -> None:
    technology = load_technology("eyeriss-isca16")
    mac = technology.mac_energy_pj(16)
    assert mac == pytest.approx(1.694, rel=1e-15)
    assert technology.sram_read_energy_pj(512 * 8, 16) == pytest.approx(mac, rel=1e-12)
    assert technology.sram_write_energy_pj(512 * 8, 16) == pytest.approx(mac, rel=1e-12)
    assert technology.sram_read_energy_pj(128 * KIB, 16) == pytest.approx(6 * mac, rel=1e-12)
    assert technology.array_energy_pj(16) == pytest.approx(2 * mac, rel=1e-12)
    assert technology.dram_energy_pj(16) == pytest.approx(200 * mac, rel=1e-12)


@pytest.mark.parametrize(
    ("capacity_bytes", "macs"), [(24, 0.372), (48, 0.465), (448, 0.958), (108 * 1024, 5.679), (512 * 1024, 9.39)]
)
def test_isca16_prices_between_and_beyond_its_anchors(capacity_bytes: int, macs: float) -> None:
    technology = load_technology("eyeriss-isca16")
    found = technology.sram_read_energy_pj(capacity_bytes * 8, 16) / technology.mac_energy_pj()
    assert found == pytest.approx(macs, abs=0.001)


# Error of the fits at each of their nine points (512 B ... 1 MiB), in per cent, as the docstring states it.
FIT_ERRORS = {
    (65, "read"): [-19, 5, 37, 2, -14, -2, -1, -12, 16],
    (65, "write"): [10, -2, -18, 8, 1, 8, 8, -1, -9],
    (45, "read"): [-8, 16, 4, 4, -17, -4, -3, 4, 10],
    (45, "write"): [3, -9, 2, 2, -3, 7, 7, -1, -7],
    (28, "read"): [-7, 15, 2, -1, -7, -5, -3, -3, 12],
    (28, "write"): [2, -10, 2, 1, 8, 6, 5, -4, -8],
    (22, "read"): [-5, 16, 2, -6, -10, -7, 4, -3, 11],
    (22, "write"): [2, -11, 2, 1, 8, 8, 2, -3, -8],
    (16, "read"): [-5, 16, 2, -6, -10, -7, 4, -3, 12],
    (16, "write"): [3, -11, 2, 1, 8, 7, 2, -3, -8],
    (7, "read"): [-5, 16, 2, -6, -11, -7, 4, -3, 12],
    (7, "write"): [2, -11, 2, 1, 8, 8, 2, -3, -8],
}


@pytest.mark.parametrize(("nm", "way"), FIT_ERRORS)
def test_fit_errors_are_those_stated(nm: int, way: str) -> None:
    technology = load_technology(f"cmos-{nm}nm")
    price = technology.sram_read_energy_pj if way == "read" else technology.sram_write_energy_pj
    points = [row for row in rows("sram_energy_points.csv") if float(row["node_nm"]) == nm]
    assert len(points) == 9
    errors = [
        100 * (price(float(point["capacity_bytes"]) * 8, 64) / float(point[f"{way}_pj_per_64b"]) - 1)
        for point in points
    ]
    assert errors == pytest.approx(FIT_ERRORS[nm, way], abs=0.56)


@pytest.mark.parametrize("nm", [65, 45, 28, 22, 16, 7])
def test_small_memories_lie_between_a_register_and_the_smallest_point(nm: int) -> None:
    technology = load_technology(f"cmos-{nm}nm")
    register = 16 * 0.009 * node(nm).energy / node(40).energy
    for price in (technology.sram_read_energy_pj, technology.sram_write_energy_pj):
        assert price(16, 16) == pytest.approx(register)
        assert price(4096 - 1e-6, 16) == pytest.approx(price(4096, 16))
        assert register < price(192, 16) < price(4096, 16)


@pytest.mark.parametrize(
    ("item", "bits", "error"),
    [
        ("int mult", 8, 6.6), ("int mult", 16, -14.7), ("int mult", 32, 10.0),
        ("int add", 8, -11.5), ("int add", 16, 6.3), ("int add", 32, 6.3),
    ],
)  # fmt: skip
def test_arithmetic_against_horowitz(item: str, bits: int, error: float) -> None:
    technology = load_technology("cmos-45nm")
    (row,) = (row for row in rows("horowitz_45nm.csv") if row["item"] == item and row["bits"] == str(bits))
    price = technology.multiplier_energy_pj(bits, bits) if item == "int mult" else technology.adder_energy_pj(bits)
    assert 100 * (price / float(row["energy_pJ"]) - 1) == pytest.approx(error, abs=0.06)


@given(TABLES, st.integers(1, 64), st.integers(1, 64), st.integers(1, 64))
def test_a_mac_is_a_multiplier_and_an_adder(table: str, a: int, b: int, psum: int) -> None:
    technology = load_technology(table)
    assert technology.multiplier_energy_pj(2 * a, 2 * b) == pytest.approx(4 * technology.multiplier_energy_pj(a, b))
    assert technology.adder_energy_pj(2 * a) == pytest.approx(2 * technology.adder_energy_pj(a))
    expected = technology.multiplier_energy_pj(a, b) + technology.adder_energy_pj(psum)
    assert technology.mac_energy_pj(a, b, psum) == expected
    assert technology.mac_energy_pj(a) == technology.mac_energy_pj(a, a, a)


@pytest.mark.parametrize("row", rows("isca16_area_model.csv"), ids=lambda row: row["size_bytes"])
def test_areas_are_the_published_ones(row: dict[str, str]) -> None:
    size, density = float(row["size_bytes"]), float(row["area_um2_per_byte"])
    technology = load_technology("eyeriss-isca16")
    cells_um2 = technology.sram_area_mm2(size * 8) * technology.logic_density * 1e6
    assert cells_um2 == pytest.approx(size * density, rel=1e-12)


@pytest.mark.parametrize("row", rows("isca16_fixed_area_allocation.csv"), ids=lambda row: row["dataflow"])
def test_equal_area_gives_the_published_buffers(row: dict[str, str]) -> None:
    """256 PEs: what a dataflow saves in register files it gets as buffer. Register files of 98 and 10 bytes lie between
    the table's sizes, where the published model interpolates the density linearly and this one in log-log."""
    area = load_technology("eyeriss-isca16").sram_area_mm2
    total = 256 * area(512 * 8) + area(128 * KIB)
    rf_bytes = float(row["rf_bytes_per_pe"])
    left = total - (256 * area(rf_bytes * 8) if rf_bytes else 0)
    buffer_kib = left / area(KIB * 1024) * 1024
    assert buffer_kib == pytest.approx(float(row["glb_KiB_256PE"]), rel=2e-4 if rf_bytes in (512, 2, 0) else 0.021)


def test_eyeriss_fills_its_core() -> None:
    """Every layout density is fitted to this chip's core of 12.25 mm2 (JSSC 2017); one of them to this chip alone."""
    for name, cells_mm2 in (("eyeriss-isca16", 4.705), ("cmos-65nm", None)):
        technology = load_technology(name)
        pe = sum(technology.sram_area_mm2(size * 8) for size in (24, 448, 48)) + technology.mac_area_mm2(16)
        placed = 168 * pe + technology.sram_area_mm2(108 * KIB)
        assert placed == pytest.approx(12.25, rel=0.003)
        assert cells_mm2 is None or placed * technology.logic_density == pytest.approx(cells_mm2, abs=0.001)


def test_shidiannao_fills_its_layout() -> None:
    """4.86 mm2 at 65 nm (ISCA 2015, abstract): 64 + 64 + 128 + 32 KiB of SRAM, and 64 PEs with a psum register each."""
    technology = load_technology("cmos-65nm")
    memories = sum(technology.sram_area_mm2(size * KIB) for size in (64, 64, 128, 32))
    pes = 64 * (technology.sram_area_mm2(16) + technology.mac_area_mm2(16))
    assert memories + pes == pytest.approx(4.86, rel=0.003)


@pytest.mark.parametrize("row", rows("sram_macros.csv"), ids=lambda row: f"{row['node_nm']}nm-{row['capacity_bytes']}")
def test_sram_macros_have_published_areas(row: dict[str, str]) -> None:
    """Below 22 nm our macros follow bit cells; these figures of others were not used. A compiler's macro of 256 KiB
    comes out 12 % small, one of 4 KiB by half; a block in a chip is larger than our bare macro and less than half
    larger than our placed one; a whole die is a limit."""
    technology = load_technology("cmos-16nm", float(row["node_nm"]))
    placed_mm2 = technology.sram_area_mm2(float(row["capacity_bytes"]) * 8)
    macro_mm2 = placed_mm2 * (technology.macro_density or 0)
    if row["what"] == "macro":
        assert 0.5 < macro_mm2 / float(row["area_mm2"]) < 1.1
    elif row["what"] == "limit":
        assert placed_mm2 < float(row["area_mm2"])
    else:
        assert macro_mm2 < float(row["area_mm2"]) < 1.5 * placed_mm2


def test_a_mebibyte_at_16_nm_is_as_large_as_real_ones() -> None:
    """Between 12 nm macros of a memory compiler (0.73 mm2) and a whole 16 nm test chip (2.66 mm2 a MiB, ISSCC 2014)."""
    assert 0.73 < load_technology("cmos-16nm").sram_area_mm2(1024 * KIB) < 2.66


@given(st.sampled_from(FLAVOURS), st.floats(64, 2**26), st.floats(7, 130), st.floats(300, 360))
def test_leakage_grows_with_size_and_temperature(flavour: Flavour, size: float, nm: float, kelvin: float) -> None:
    leak = sram_leakage_mw(size, nm, flavour, kelvin)
    assert 0 < leak < sram_leakage_mw(2 * size, nm, flavour, kelvin) * (1 + 1e-9)
    assert leak <= sram_leakage_mw(size, nm, flavour, 360) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("size", "nm", "flavour", "kelvin", "uw_per_kib"),
    [(131072, 65, "hp", 300, 510.4), (1048576, 28, "lstp", 300, 0.01959), (131072, 22, "lop", 360, 381.6),
     (1048576, 28, "lstp-hp", 360, 46.57), (1048576, 16, "hp", 300, 77.36)],
)  # fmt: skip
def test_leakage_is_cactis_at_its_points(
    size: int, nm: float, flavour: Flavour, kelvin: float, uw_per_kib: float
) -> None:
    """The last one has no source: below 22 nm a KiB leaks what it does there."""
    assert sram_leakage_mw(size, nm, flavour, kelvin) == pytest.approx(uw_per_kib * size / 1024 * 1e-3, rel=1e-9)


def test_leakage_of_whole_chips_is_of_the_right_order() -> None:
    """181.5 KiB of Eyeriss in LSTP: 0.005 mW, nothing beside its 278 mW. 28 MiB of TPU v1 in HP at 360 K: 12.2 W.
    Both are CACTI's figures for these chips, not measurements."""
    assert sram_leakage_mw(181.5 * 1024, 65, "lstp", 300) == pytest.approx(0.005, rel=0.1)
    assert sram_leakage_mw(28 * 2**20, 28, "hp", 360) == pytest.approx(12.2e3, rel=0.02)


@pytest.mark.parametrize(
    ("item", "found", "published"),
    [
        # logic and registers of a PE with a 16-bit MAC: 3.61 mW/mm2 of cells (RecPipe, GF 12LP, 0.70 V, 25 C)
        ("12 nm", logic_leakage_mw(1.0, 12, "hp", 300), 3.61),
        # NAND2 of the Nangate library, 17.39 nW on 0.798 um2 at 45 nm, 25 C
        ("45 nm", logic_leakage_mw(1.0, 45, "hp", 300), 21.8),
        # clock network and registers of 116,736 flip-flops, 14.33 + 85.42 mW at 12 nm, 0.7 V and, assumed, 1 GHz
        ("flip-flops", clock_energy_pj(116736, 12, 0.7), 99.75),
    ],
)  # fmt: skip
def test_idle_logic_beside_other_chips(item: str, found: float, published: float) -> None:
    """Other sources than those of the constants: right within a factor of 2.1."""
    assert 1 / 2.1 < found / published < 2.1, item


@pytest.mark.parametrize(
    ("low_v", "high_v", "ratio", "within"),
    [(0.82, 1.17, 2.5, 0.12), (0.7, 1.2, 4.4, 0.08)],
    ids=["Eyeriss", "1 Mb SRAM"],
)
def test_speed_over_supply_is_that_of_chips(low_v: float, high_v: float, ratio: float, within: float) -> None:
    """Eyeriss: 100 to 250 MHz over 0.82 to 1.17 V (JSSC 2017, Table IV). SRAM: 250 MHz at 0.7 V to 1.1 GHz at 1.2 V
    (Wang et al., 65 nm ULP SRAM). The offset of the threshold is fitted to both; the delay polynomials of Stillmaker
    and Baas give 1.69 and 2.24."""
    assert speed(high_v, 65, "lstp") / speed(low_v, 65, "lstp") == pytest.approx(ratio, rel=within)


def test_the_law_is_near_a_chip_that_it_was_not_fitted_to() -> None:
    """YodaNN (its abstract, 65 nm): 1,510 GOp/s at 1.2 V, 895 uW x 61.2 TOp/s/W at 0.6 V, near the threshold."""
    threshold_v = 0.625 - 0.05  # by the hint of the next test
    at_low = (0.6 - threshold_v) ** 1.3 / 0.6 * speed(1.2, 65, "lstp") / ((1.2 - threshold_v) ** 1.3 / 1.2)
    assert speed(1.2, 65, "lstp") / at_low == pytest.approx(1510 / (0.895 * 61.2), rel=0.2)
    assert speed(1.2, 65, "lstp") == pytest.approx((1.2 - threshold_v) ** 1.3 / 1.2, rel=1e-3)


def test_speed_ends_near_the_threshold() -> None:
    with pytest.raises(DseError, match="too near the threshold") as error:
        speed(0.6, 65, "lstp")
    assert error.value.hint == "at least 0.625 V"
    assert speed(0.6, 65, "lop") > 0


@given(TABLES, st.floats(0.8, 1.25))
def test_a_supply_scales_energies_with_its_square(table: str, share: float) -> None:
    technology = load_technology(table)
    other = technology.at_voltage(technology.nominal_v * share)
    assert other.mac_energy_pj() == pytest.approx(technology.mac_energy_pj() * share**2)
    assert other.sram_read_energy_pj(KIB, 16) == pytest.approx(technology.sram_read_energy_pj(KIB, 16) * share**2)
    assert other.mac_clock_energy_pj() == pytest.approx(technology.mac_clock_energy_pj() * share**2)
    assert other.sram_static_power_mw(KIB) == pytest.approx(technology.sram_static_power_mw(KIB) * share)
    assert other.dram_energy_pj(16) == technology.dram_energy_pj(16)
    assert (other.speed() > technology.speed()) == (share > 1) or share == 1
    with pytest.raises(DseError, match="too high"):
        technology.at_voltage(1.31 * technology.nominal_v)


def test_dram_by_type() -> None:
    technology = load_technology("cmos-65nm")
    assert technology.dram_energy_pj(64) == 512
    assert technology.dram_energy_pj(64, "HBM2") == pytest.approx(249.6)
    assert 1300 < technology.dram_energy_pj(64, "horowitz") < 2600
    with pytest.raises(DseError, match="unknown DRAM type 'lpddr5'") as error:
        technology.dram_energy_pj(64, "LPDDR5")
    assert error.value.hint == "did you mean 'lpddr'?"


@pytest.mark.parametrize("name", technology_names())
def test_another_node(name: str) -> None:
    technology = load_technology(name)
    assert technology.at_node(technology.node_nm) is technology
    small = load_technology(name, 7.0)
    for bits in (192, 128 * KIB):
        assert small.sram_read_energy_pj(bits, 16) <= technology.sram_read_energy_pj(bits, 16)
        assert small.sram_area_mm2(bits) <= technology.sram_area_mm2(bits)
    assert small.dram_energy_pj(16) == technology.dram_energy_pj(16)
    back = small.at_node(technology.node_nm)
    assert back.mac_energy_pj() == pytest.approx(technology.mac_energy_pj())
    assert back.array_energy_pj(16) == pytest.approx(technology.array_energy_pj(16))
    assert back.mac_area_mm2() == pytest.approx(technology.mac_area_mm2())


def test_unknown_table_names_the_nearest() -> None:
    with pytest.raises(DseError, match="unknown technology table 'cmos-65'") as error:
        load_technology("cmos-65")
    assert error.value.hint == "did you mean 'cmos-65nm'?"
    with pytest.raises(DseError) as error:
        load_technology("xyz")
    assert "eyeriss-isca16" in str(error.value.hint)


def test_a_memory_of_nothing_has_no_price() -> None:
    with pytest.raises(DseError, match="0 bits"):
        load_technology("cmos-65nm").sram_read_energy_pj(0, 16)
