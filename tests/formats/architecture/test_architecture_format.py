"""Architecture files: what they resolve to, settings, and every complaint at its place."""

from __future__ import annotations

import json
import pickle
import time
from pathlib import Path
from typing import Any

import numpy as np
import pace
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.architecture.architecture import Architecture
from dse.architecture.canonical import canonical
from dse.architecture.technology import load_technology
from dse.errors import DseError, SpecError, SpecErrors
from dse.formats.architecture.load import (
    ArchitectureSpec,
    load_architecture,
    load_architecture_spec,
    read_architecture_spec,
    schema,
)
from dse.formats.text.source import find_shipped, load_source, parse_source, shipped_names

TEXT = """\
architecture: small
technology: {table: eyeriss-isca16, clock: 100 MHz}
levels:
  DRAM: {bandwidth: 1 word/cycle}
  GLB:
    capacity: 64 KiB
    stores: [ifmap, psum]
    bandwidth: {ifmap: 4 word/cycle, psum: 2 word/cycle}
  array: {rows: 4, cols: 6}
  PE:
    capacity: {ifmap: 12 word, weight: 224 word, psum: 24 word}
dataflow: row-stationary
space:
  dataflow: [weight-stationary, row-stationary]
  levels.array.rows: {from: 4, to: 12, step: 4}
  levels.GLB.capacity: [32 KiB, 64KiB]
  levels.PE.capacity.weight: {from: 16 word, to: 64 word, factor: 2}
constraints: {area: {max: 16 mm2}, power: {max: 0.3 W}}
"""


def spec(text: str = TEXT) -> ArchitectureSpec:
    return read_architecture_spec(parse_source(text, "small.yaml"))


def changed(old: str, new: str) -> str:
    assert TEXT.count(old) == 1, old
    return TEXT.replace(old, new)


def complaint(text: str) -> SpecError:
    with pytest.raises(SpecError) as error:
        spec(text)
    return error.value


def test_everything_in_a_file_is_priced() -> None:
    architecture = spec().architecture
    dram, glb, array, pe = architecture.hierarchy
    technology = load_technology("eyeriss-isca16")
    assert (architecture.name, architecture.clock_hz, architecture.dataflow.name) == ("small", 1e8, "row-stationary")
    assert dram.read_energy_pj.ifmap == pytest.approx(338.8)
    assert glb.stores == {"ifmap", "psum"}
    assert glb.capacity_bits == 64 * 8192
    assert glb.read_energy_pj.psum == technology.sram_read_energy_pj(64 * 8192, 16)
    assert glb.read_energy_pj.weight == 0
    assert array.energy_pj == pytest.approx(2 * architecture.mac.energy_pj)
    assert (array.rows, array.cols, array.multicast, array.reduces) == (4, 6, "word", True)
    assert tuple(pe.partition_bits) == (192, 3584, 384)
    for operand, bits in pe.partition_bits.items():
        assert pe.write_energy_pj[operand] == technology.sram_write_energy_pj(bits, 16)
    assert pe.area_mm2 == pytest.approx(sum(technology.sram_area_mm2(bits) for bits in pe.partition_bits))
    assert architecture.mac.energy_at_pj(16, 16, 16) == pytest.approx(1.694)


def test_ports() -> None:
    dram, glb, _, pe = spec().architecture.hierarchy
    (shared,) = dram.ports
    assert (shared.name, shared.words_per_cycle, len(shared.serves)) == ("shared", 1, 6)
    assert {(port.name, port.words_per_cycle) for port in glb.ports} == {
        ("ifmap read", 4), ("ifmap write", 4), ("psum read", 2), ("psum write", 2),
    }  # fmt: skip
    assert all(port.serves == {tuple(port.name.split())} for port in glb.ports)
    assert pe.ports == ()


def test_read_and_write_bandwidth_of_their_own() -> None:
    text = changed(
        "bandwidth: {ifmap: 4 word/cycle, psum: 2 word/cycle}",
        "read_bandwidth: 8 B/cycle\n    write_bandwidth: {psum: 0.4 GB/s}",
    )
    glb = spec(text).architecture.level("GLB")
    read, write = glb.ports
    assert (read.name, read.words_per_cycle) == ("read", 4)
    assert read.serves == {("ifmap", "read"), ("psum", "read")}
    assert (write.name, write.words_per_cycle, write.serves) == ("psum write", 2, {("psum", "write")})


@pytest.mark.parametrize(
    ("energy", "reads", "writes"),
    [
        ("200 mac", (200, 200, 200), (200, 200, 200)),
        ("{read: 1 mac, write: 2 mac}", (1, 1, 1), (2, 2, 2)),
        ("{ifmap: 1 mac, weight: 3 mac, psum: {read: 4 mac, write: 5 mac}}", (1, 3, 4), (1, 3, 5)),
    ],
)
def test_explicit_energies(energy: str, reads: tuple[float, ...], writes: tuple[float, ...]) -> None:
    architecture = spec(changed("DRAM: {bandwidth", f"DRAM: {{energy: {energy}, bandwidth")).architecture
    mac, dram = architecture.mac.energy_pj, architecture.level("DRAM")
    assert tuple(dram.read_energy_pj) == tuple(pytest.approx(e * mac) for e in reads)
    assert tuple(dram.write_energy_pj) == tuple(pytest.approx(e * mac) for e in writes)


def test_an_access_is_to_one_bank() -> None:
    """Energy by a bank's size, area and leakage of all banks, for each operand apart; the capacity is the same."""
    text = changed("cols: 6}", "cols: 6}\n  in: {capacity: {ifmap: 64 KiB, psum: 16 KiB}}")
    text = text.replace("eyeriss-isca16", "cmos-65nm")
    whole, banked = (spec(one).architecture.level("in") for one in (text, text.replace("in: {", "in: {banks: 4, ")))
    technology = load_technology("cmos-65nm")
    assert banked.partition_bits == whole.partition_bits
    for operand, kib in (("ifmap", 16), ("psum", 4)):
        assert banked.read_energy_pj[operand] == technology.sram_read_energy_pj(kib * 8192, 16)
        assert banked.write_energy_pj[operand] == technology.sram_write_energy_pj(kib * 8192, 16)
        assert banked.read_energy_pj[operand] < whole.read_energy_pj[operand]
    sizes = [kib * 8192 for kib in (16, 4) for _ in range(4)]
    assert banked.area_mm2 == pytest.approx(sum(map(technology.sram_area_mm2, sizes)))
    assert banked.static_power_mw == pytest.approx(sum(map(technology.sram_static_power_mw, sizes)))


def test_explicit_numbers_win_over_the_technology() -> None:
    text = changed("dataflow: row", "mac: {bits: 8, energy: 0.5 pJ, area: 100 um2}\nstatic_power: 7 mW\ndataflow: row")
    text = text.replace("64 KiB\n", "64 KiB\n    area: 2 mm2\n    static_power: 3 mW\n    word_bits: 32\n", 1)
    text = text.replace("cols: 6}", "cols: 6, energy: 0.1 pJ, area: 1 mm2, reduces: none, multicast: tile}")
    architecture = spec(text).architecture
    _, glb, array, pe = architecture.hierarchy
    assert (architecture.mac.energy_pj, architecture.mac.bits) == (0.5, 8)
    assert (glb.area_mm2, glb.static_power_mw, glb.word_bits) == (2, 3, 32)
    assert glb.read_energy_pj.ifmap == load_technology("eyeriss-isca16").sram_read_energy_pj(64 * 8192, 32)
    assert (array.energy_pj, array.reduces, array.multicast) == (0.1, False, "tile")
    assert architecture.total_static_power_mw == 10
    assert architecture.area_mm2 == pytest.approx(2 + 1 + 24 * (pe.area_mm2 + 1e-4))


def test_an_array_may_price_each_operand() -> None:
    text = changed("cols: 6}", "cols: 6, energy: {ifmap: 2 mac, weight: 0 mac, psum: 1 mac}}")
    architecture = spec(text).architecture
    array = architecture.fan_outs[0]
    assert tuple(array.word_energy_pj) == tuple(pytest.approx(e * architecture.mac.energy_pj) for e in (2, 0, 1))
    with pytest.raises(SpecError, match="array: energy leaves out weight"):
        spec(changed("cols: 6}", "cols: 6, energy: {ifmap: 2 mac, psum: 1 mac}}"))


def test_words_of_the_whole_file_and_of_a_level() -> None:
    text = changed("levels:\n", "word_bits: 8 bit\nlevels:\n").replace("  PE:\n", "  PE:\n    word_bits: 16\n")
    dram, glb, array, pe = spec(text).architecture.hierarchy
    assert [node.word_bits for node in (dram, glb, array, pe)] == [8, 8, 8, 16]
    assert pe.partition_bits.ifmap == 192
    assert spec(changed("levels:\n", "word_bits: 8\nlevels:\n")).architecture.level("PE").partition_bits.ifmap == 96


def test_defaults_of_stores_and_buffering() -> None:
    text = changed("    stores: [ifmap, psum]\n", "    may_bypass: [weight]\n    double_buffer: true\n")
    glb = spec(text).architecture.level("GLB")
    assert glb.stores == {"ifmap", "weight", "psum"}
    assert (glb.may_bypass, glb.buffering, glb.tile_share) == ({"weight"}, "double", 2)
    pe = spec(changed("{ifmap: 12 word, weight: 224 word, psum: 24 word}", "{weight: 1 word}")).architecture.level("PE")
    assert pe.stores == {"weight"}
    assert pe.partition_bits.psum is None


def test_another_node_is_cheaper_but_for_dram() -> None:
    new = spec(changed("clock: 100", "node: 28 nm, clock: 100")).architecture
    old = spec().architecture
    assert new.mac.energy_pj < 0.3 * old.mac.energy_pj
    assert new.level("GLB").read_energy_pj.psum < 0.3 * old.level("GLB").read_energy_pj.psum
    assert new.area_mm2 < 0.3 * old.area_mm2
    assert new.level("DRAM").read_energy_pj == old.level("DRAM").read_energy_pj


def test_dram_by_type() -> None:
    assert spec(changed("DRAM: {", "DRAM: {dram: hbm2, ")).architecture.level("DRAM").read_energy_pj.psum == 3.9 * 16


def test_space_reference_and_constraints() -> None:
    found = spec()
    assert found.space == {
        "dataflow": ("weight-stationary", "row-stationary"),
        "levels.array.rows": (4, 8, 12),
        "levels.GLB.capacity": ("32 KiB", "64 KiB"),
        "levels.PE.capacity.weight": ("16 word", "32 word", "64 word"),
    }
    assert found.reference == {
        "dataflow": "row-stationary",
        "levels.array.rows": 4,
        "levels.GLB.capacity": "64 KiB",
        "levels.PE.capacity.weight": "224 word",
    }
    assert [limit.to_dict() for limit in found.constraints] == [
        {"metric": "area_mm2", "maximum": 16, "minimum": None},
        {"metric": "power_mw", "maximum": 300, "minimum": None},
    ]
    assert json.loads(json.dumps(found.space)) == {path: list(choices) for path, choices in found.space.items()}
    assert found.resolve(found.reference) == found.architecture
    assert found.architecture.spec is found
    assert found.resolve({"levels.array.rows": 8}).spec is found


SPEC = spec()
CHOICES = st.fixed_dictionaries({}, optional={path: st.sampled_from(values) for path, values in SPEC.space.items()})


@given(CHOICES)
@settings(max_examples=60)
def test_a_setting_is_the_same_as_editing_the_file(chosen: dict[str, Any]) -> None:
    data = parse_source(TEXT).data
    for path, value in chosen.items():
        *place, last = path.split(".")
        inner = data
        for part in place:
            inner = inner[part]
        inner[last] = value
    assert SPEC.resolve(chosen) == spec(json.dumps(data)).architecture
    assert canonical(SPEC.resolve(chosen)) == canonical(spec(json.dumps(data)).architecture)


def test_settings_that_were_asked_for_before_change_nothing() -> None:
    used, settings = spec(), {"levels.array.rows": 1, "levels.array.cols": 2, "levels.GLB.capacity": "32 KiB"}
    for path, value in (("levels.array.rows", 8), ("levels.array.cols", 1), ("levels.GLB.word_bits", 32)):
        used.resolve({**settings, path: value})
    for asked in (settings, dict(reversed(settings.items()))):
        assert used.resolve(asked) == spec().resolve(asked) == pickle.loads(pickle.dumps(used)).resolve(asked)
    with pytest.raises(SpecError, match=r"levels\.array\.rows: True"):  # equal to 1, and no number
        used.resolve({"levels.array.rows": True})


@given(st.integers(1, 4096), st.integers(1, 4096))
def test_a_larger_memory_costs_more(one: int, other: int) -> None:
    small, large = (
        SPEC.resolve({"levels.GLB.capacity": f"{n} KiB", "levels.PE.capacity.weight": f"{n} word"})
        for n in sorted((one, other))
    )
    for level, operand in (("GLB", "ifmap"), ("PE", "weight")):
        cheap, dear = small.level(level), large.level(level)
        assert (cheap.read_energy_pj[operand] < dear.read_energy_pj[operand]) == (one != other)
        assert (cheap.area_mm2 < dear.area_mm2) == (one != other)
    assert small.level("PE").read_energy_pj.psum == large.level("PE").read_energy_pj.psum


@pytest.mark.parametrize(
    ("path", "typed", "value"),
    [
        ("levels.GLB.capacity", "64KiB", "64 KiB"),
        ("levels.GLB.capacity", "unlimited", "unlimited"),
        ("levels.array.rows", "8", 8),
        ("levels.PE.capacity.psum", "8 words", "8 word"),
        ("levels.GLB.bandwidth.psum", "12.8GB/s", "12.8 GB/s"),
        ("levels.GLB.double_buffer", "true", True),
        ("levels.GLB.stores", ["psum"], ["psum"]),
        ("levels.DRAM.word_bits", "32 bit", 32),
        ("technology.table", "cmos-28nm", "cmos-28nm"),
        ("technology.clock", "0.2 GHz", "0.2 GHz"),
        ("mac.bits", "8", 8),
        ("mac.multiplier_share", "0.5", 0.5),
        ("word_bits", "8", 8),
        ("fuses", "pool, add", ["pool", "add"]),
        ("fuses", "none", []),
        ("static_power", "1W", "1 W"),
        ("dataflow", "OSA", "OSA"),
    ],
)
def test_parse_setting(path: str, typed: object, value: object) -> None:
    assert SPEC.parse_setting(path, typed) == value
    assert path in SPEC.paths()


def test_settings_of_every_part_take_effect() -> None:
    resolved = SPEC.resolve(
        {
            "technology.table": "cmos-16nm", "technology.clock": "1 GHz", "mac.bits": 8, "static_power": "5 mW",
            "levels.GLB.bandwidth.psum": "9 word/cycle", "levels.PE.capacity": "1 KiB", "dataflow": "flexible",
            "levels.array.cols": 3, "levels.GLB.buffering": "single",
        }
    )  # fmt: skip
    assert resolved.clock_hz == 1e9
    assert resolved.mac.energy_pj == load_technology("cmos-16nm").mac_energy_pj(8)
    assert resolved.static_power_mw == 5
    assert {port.words_per_cycle for port in resolved.level("GLB").ports} == {4, 9}
    assert (resolved.level("PE").capacity_bits, resolved.level("PE").partition_bits) == (8192, None)
    assert (resolved.dataflow.name, resolved.mac_units, resolved.level("GLB").buffering) == ("flexible", 12, "single")
    assert SPEC.architecture == spec().architecture  # and the file's own is as it was


@pytest.mark.parametrize(
    ("path", "value", "message", "hint"),
    [
        ("levels.GBL.capacity", "1 KiB", "there is no setting 'levels.GBL.capacity'", "levels.GLB.capacity"),
        ("levels.GLB.capcity", "1 KiB", "there is no setting 'levels.GLB.capcity'", "levels.GLB.capacity"),
        ("levels.GLB.capacity.weight", "1 KiB", "there is no setting", "levels.PE.capacity.weight"),
        ("levels.GLB", "1 KiB", "there is no setting", None),
        ("levels.GLB.capacity.x.y", "1 KiB", "there is no setting", None),
        ("architecture", "x", "there is no setting 'architecture'", None),
        ("space", "x", "there is no setting 'space'", None),
        ("levels.GLB.capacity", "64 KB", "levels.GLB.capacity: the unit KB of '64 KB' is ambiguous", "KiB (1024"),
        ("levels.GLB.capacity", "64", "levels.GLB.capacity: 64 has no unit", "108 KiB"),
        ("levels.GLB.capacity", "3 pJ", "energy, not a size", "units"),
        ("levels.GLB.capacity", "0 KiB", "0 KiB is not above zero", None),
        ("levels.array.rows", "0", "levels.array.rows: 0: should be at least 1", None),
        ("levels.array.rows", "2.5", "levels.array.rows", None),
        ("levels.array.multicast", "words", "should be 'word', 'tile' or 'none'", None),
        ("levels.GLB.stores", "psum, partial", "should be 'ifmap', 'weight' or 'psum'", None),
        ("dataflow", "row-stationry", "dataflow: unknown dataflow 'row-stationry'", "row-stationary"),
    ],
)
def test_bad_settings(path: str, value: object, message: str, hint: str | None) -> None:
    with pytest.raises(SpecError) as error:
        SPEC.parse_setting(path, value)
    assert message in error.value.message
    assert (hint or "") in (error.value.hint or "")


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"levels.GLB.capacity": "unlimited"}, "with levels.GLB.capacity=unlimited: GLB: an unlimited level"),
        ({"technology.table": "cmos-1nm"}, "with technology.table=cmos-1nm: unknown technology table 'cmos-1nm'"),
        ({"levels.GLB.stores": ["psum"]}, "GLB does not store ifmap, so it has no port for it"),
        ({"levels.PE.capacity.psum": "0.2 bit"}, "a capacity of 0.2 bit holds nothing"),
    ],
)
def test_settings_that_contradict_the_rest(chosen: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as error:
        SPEC.resolve(chosen)
    assert message in error.value.message
    assert error.value.file == "small.yaml"


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "message", "hint"),
    [
        ("capacity: 64 KiB", "capcity: 64 KiB", 6, 5, "unknown key 'capcity'", "did you mean 'capacity'"),
        ("capacity: 64 KiB", "capacity: 64 MHz", 6, 15, "is a frequency, not a size", "KiB"),
        ("capacity: 64 KiB", "capacity: 64", 6, 15, "64 has no unit", "108 KiB"),
        ("capacity: 64 KiB", "capacity: 0 KiB", 6, 15, "0 KiB is not above zero", None),
        ("    capacity: 64 KiB\n", "", 5, 3, "GLB has no capacity", "capacity: 108 KiB"),
        ("capacity: 64 KiB", "capacity: unlimited", 5, 3, "an unlimited level has no size to price", "energy: 0 pJ"),
        ("weight: 224 word, ", "wieght: 224 word, ", 11, 32, "'wieght' is none of its choices", "mean 'weight'"),
        ("weight: 224 word, ", "weight: 224 mm, ", 11, 40, "is a length, not a size", None),
        ("bandwidth: 1 word/cycle", "bandwidth: 1 word", 4, 21, "not a bandwidth", None),
        ("psum: 2 word/cycle", "weight: 2 word/cycle", 8, 5, "GLB does not store weight", None),
        ("rows: 4, cols: 6", "rows: 0, cols: 6", 9, 17, "at least 1", None),
        ("rows: 4, cols: 6", "rows: 4, colls: 6", 9, 20, "unknown key 'colls'", "did you mean 'cols'"),
        ("table: eyeriss-isca16", "table: eyeris-isca16", 2, 21, "unknown technology table", "'eyeriss-isca16'"),
        ("clock: 100 MHz", "clock: 100 MHz, node: 5 nm", 2, 59, "no scaling to 5 nm", "7 nm"),
        (", clock: 100 MHz", "", 1, 1, "the clock is given once", None),
        ("dataflow: row-stationary", "dataflow: row-stationery", 12, 11, "unknown dataflow", "'row-stationary'"),
        ("dataflow: row-stationary", "dataflow: {rows: [K, X]}", 12, 22, "'X' is none of its choices", None),
        ("dataflow: row-stationary", "dataflow: {rows: [K], rows_whole: [C]}", 12, 23, "C is not among rows", "add it"),
        ("stores: [ifmap, psum]", "stores: [ifmap, psums]", 7, 21, "'psums' is none of its choices", "mean 'psum'"),
        ("  array:", "  GLB:", 9, 3, "the key 'GLB' is given twice", "line 5"),
        ("  DRAM: {bandwidth: 1 word/cycle}\n", "", 4, 3, "the outermost level stores all operands", None),
        ("DRAM: {", "DRAM: {dram: ddr9, ", 4, 16, "unknown DRAM type 'ddr9'", "did you mean 'ddr3'"),
        ("levels.array.rows:", "levels.aray.rows:", 15, 3, "there is no setting", "levels.array.rows"),
        ("levels.array.rows: {from: 4", "levels.array.rows: {from: 16", 15, 3, "a range counts upwards", None),
        ("[32 KiB, 64KiB]", "[32 KiB, 64 KW]", 16, 33, "unknown unit", None),
        ("[32 KiB, 64KiB]", "[32 KiB, 32KiB]", 16, 33, "32 KiB is given twice", None),
        ("[32 KiB, 64KiB]", "[32 KiB, unlimited]", 16, 33, "an unlimited level has no size", None),
        ("[32 KiB, 64KiB]", "[]", 16, 3, "at least one entry", None),
        ("[weight-stationary, row", "[weight-stationry, row", 14, 14, "unknown dataflow", "weight-stationary"),
        ("step: 4", "steps: 4", 15, 40, "unknown key 'steps'", "did you mean 'step'"),
        ("area: {max: 16 mm2}", "area: {max: 16 mm}", 18, 27, "is a length, not a", None),
        ("area: {max: 16 mm2}", "area: {}", 18, 15, "a constraint has a max or a min", None),
        ("area: {max: 16 mm2}", "aria: {max: 16 mm2}", 18, 15, "unknown key 'aria'", "did you mean 'area'"),
    ],
)  # fmt: skip
def test_errors_at_their_place(old: str, new: str, line: int, column: int, message: str, hint: str | None) -> None:
    error = complaint(changed(old, new))
    first = error.errors[0] if isinstance(error, SpecErrors) else error
    assert message in first.message
    assert (first.file, first.line, first.column) == ("small.yaml", line, column)
    assert (hint or "") in (first.hint or "")


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ("array: {rows: 4}\n  lanes: {cols: 2}", "lanes: a fan-out inside another has no price in the technology"),
        ("array: {rows: 4}\n  in: {capacity: 1 KiB}\n  lanes: {cols: 2}", "no price in the technology"),
        ("array: {rows: 4}\n  in: {capacity: 1 KiB, energy: {psum: 1 pJ}}", "energy leaves out ifmap"),
        ("array: {rows: 4}\n  in: {capacity: 1 KiB, may_bypass: [psum], stores: [ifmap]}", "does not store"),
        ("array: {rows: 4}\n  in: {capacity: {psum: 1 KiB}, stores: [ifmap]}", "names exactly the operands"),
        ("array: {rows: 4}\n  in: {capacity: {psum: 1 KiB}, may_bypass: [ifmap]}", "does not store"),
        ("array: {rows: 4}\n  in: {capacity: 1 B, bandwidth: 1 B/s, read_bandwidth: 1 B/s}", "both directions"),
        ("array: {rows: 4}\n  in: {capacity: 1 B, double_buffer: true, buffering: single}", "the same thing"),
        ("array: {rows: 4}\n  1in: {capacity: 1 B}", "is no name here"),
        ("array: {rows: 4}\n  in:", "in: "),
        ("array: {rows: 4}\n  in: {capacity: 1 B, stores: []}", "at least one entry"),
        ("array: {rows: 4}\n  in: {capacity: 1 B, dram: hbm2}", "prices the outermost level"),
        ("array: {rows: 4}\n  MAC: {capacity: 1 B}", "choose another name"),
        ("array: {rows: 4}\n  in: {capacity: 1 B, banks: 16}", "a capacity of 1 B is not divided among 16 banks"),
    ],
)
def test_parts_that_contradict_each_other(new: str, message: str) -> None:
    assert message in str(complaint(changed("array: {rows: 4, cols: 6}", new)))


def test_all_errors_of_a_file_at_once() -> None:
    text = changed("capacity: 64 KiB", "capcity: 64 KiB").replace("rows: 4, cols", "rows: -4, cols")
    error = complaint(text)
    assert isinstance(error, SpecErrors)
    assert [one.line for one in error.errors] == [6, 9]
    text = changed("levels.array.rows", "levels.aray.rows").replace("64KiB]", "64]").replace(": row-stat", ": row-stt")
    error = complaint(text)
    assert isinstance(error, SpecErrors)
    assert [one.line for one in error.errors] == [12, 15, 16]


def test_a_mac_priced_in_macs_is_refused() -> None:
    error = complaint(changed("dataflow: row", "mac: {energy: 1 mac}\ndataflow: row"))
    assert "cannot be given in MACs" in error.message


def test_two_fan_outs() -> None:
    text = changed("dataflow: row", "  lanes: {cols: 4, energy: 0.1 mac}\ndataflow: row")
    architecture = spec(text).architecture
    assert architecture.mac_units == 96
    assert architecture.fan_outs[1].energy_pj == pytest.approx(0.1694)


def test_a_variant_extends_a_file(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(TEXT)
    (tmp_path / "big.yaml").write_text("extends: small.yaml\narchitecture: big\nlevels: {array: {rows: 9}}\n")
    architecture = load_architecture(tmp_path / "big.yaml")
    assert (architecture.name, architecture.mac_units) == ("big", 54)


def test_dataflows_of_the_users(tmp_path: Path) -> None:
    (tmp_path / "flows.yaml").write_text("mine: {rows: [C], cols: [K], stationary: weight}\nother: {rows: [P]}\n")
    text = changed("dataflow: row-stationary", "dataflow: flows.yaml#mine").replace(
        "[weight-stationary, row-stationary]", "[flows.yaml#mine, flows.yaml#other, OSA]"
    )
    (tmp_path / "arch.yaml").write_text(text)
    found = load_architecture_spec(tmp_path / "arch.yaml")
    assert found.architecture.dataflow.rows == {"C"}
    assert found.resolve({"dataflow": "flows.yaml#other"}).dataflow.rows == {"P"}
    inline = spec(changed("dataflow: row-stationary", "dataflow: {name: mine, rows: [C], stationary: psum}"))
    assert (inline.architecture.dataflow.name, inline.architecture.dataflow.stationary) == ("mine", "psum")
    assert inline.reference["dataflow"] == "mine"
    assert inline.resolve(inline.reference) == inline.architecture


def test_canonical_is_json_and_knows_what_matters() -> None:
    text = json.dumps(canonical(SPEC.architecture), sort_keys=True)
    assert text == json.dumps(canonical(spec().architecture), sort_keys=True)
    assert text == json.dumps(
        canonical(spec(changed("architecture: small", "architecture: other")).architecture), sort_keys=True
    )
    for path, value in {
        "levels.GLB.capacity": "65 KiB", "levels.GLB.may_bypass": ["psum"], "levels.GLB.buffering": "double",
        "levels.DRAM.bandwidth": "2 word/cycle", "levels.array.rows": 5, "levels.array.multicast": "tile",
        "levels.array.reduces": "none", "levels.array.energy": "1 pJ", "levels.PE.static_power": "1 mW",
        "mac.bits": 8, "technology.clock": "101 MHz", "static_power": "1 mW", "area": "1 mm2", "dataflow": "OSB",
        "fuses": ["pool"], "packed": ["weight"],
    }.items():  # fmt: skip
        assert json.dumps(canonical(SPEC.resolve({path: value})), sort_keys=True) != text, path


def test_canonical_is_the_same_in_every_process() -> None:
    import subprocess
    import sys

    code = (
        "import json; from dse.architecture.canonical import canonical;"
        "from dse.formats.architecture.load import load_architecture;"
        "print(json.dumps(canonical(load_architecture('eyeriss')), sort_keys=True))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1


def test_a_spec_travels_to_worker_processes() -> None:
    copy = pickle.loads(pickle.dumps(SPEC.architecture))
    assert copy == SPEC.architecture
    assert copy.spec.resolve({"levels.array.rows": 8}) == SPEC.resolve({"levels.array.rows": 8})


def test_resolving_is_fast_enough_for_a_sweep() -> None:
    found = load_architecture_spec("eyeriss")
    chosen = {path: choices[0] for path, choices in found.space.items()}
    found.resolve(chosen)
    times = [time.process_time()]
    for _ in range(50):
        found.resolve(chosen)
        times.append(time.process_time())
    assert min(np.diff(times)) < pace.loop_s()  # the least, as a collection of garbage may fall into some


def test_schema_accepts_what_the_reader_accepts() -> None:
    found = schema("arch")
    assert {"architecture", "technology", "levels", "space", "extends"} <= set(found["properties"])
    assert json.loads(json.dumps(found)) == found
    with pytest.raises(DseError):
        schema("workload")
    validator = pytest.importorskip("jsonschema").Draft202012Validator(found)
    for name in shipped_names("arch_specs"):
        assert list(validator.iter_errors(load_source(find_shipped("arch_specs", name)).data)) == []
    bad = parse_source(changed("capacity: 64 KiB", "capcity: 64 KiB")).data
    assert [list(error.absolute_path) for error in validator.iter_errors(bad)] == [["levels", "GLB"]]


@pytest.mark.parametrize("name", ["eyeriss", "eyeriss_isca16", "systolic_ws", "systolic_os", "systolic_is"])
def test_shipped_specs_load_by_name(name: str) -> None:
    found = load_architecture_spec(name)
    assert found.name == name
    assert isinstance(found.architecture, Architecture)
    limit = {limit.metric: limit.maximum for limit in found.constraints}["area_mm2"]
    assert found.architecture.area_mm2 <= limit
    for path, choices in found.space.items():  # what a file leaves to the technology has no value of its own there
        assert found.reference[path] in (*choices, None) or choices == ("max",)


def test_eyeriss_is_the_chip() -> None:
    architecture = load_architecture("eyeriss")
    _, glb, _, pe = architecture.hierarchy
    assert architecture.mac_units == 168
    assert glb.capacity_bits + 168 * pe.partition_bits.weight == pytest.approx(181.5 * 8192)  # its on-chip SRAM
    assert tuple(pe.partition_bits) == (12 * 16, 224 * 16, 24 * 16)
    assert {port.words_per_cycle for port in glb.ports} == {4}
    assert architecture.clock_hz == 2e8
    assert architecture.area_mm2 == pytest.approx(12.25, rel=0.003)


def test_eyeriss_isca16_has_the_published_ratios() -> None:
    architecture = load_architecture("eyeriss_isca16")
    dram, glb, array, rf = architecture.hierarchy
    mac = architecture.mac.energy_pj
    ratios = [dram.read_energy_pj.psum, glb.write_energy_pj.ifmap, array.energy_pj, rf.read_energy_pj.weight]
    assert [ratio / mac for ratio in ratios] == pytest.approx([200, 6, 2, 1], rel=1e-14)
    assert architecture.mac_units == 256


def test_unknown_file_suggests_a_shipped_one() -> None:
    with pytest.raises(SpecError) as error:
        load_architecture("eyeris")
    assert "eyeriss" in str(error.value.hint)
