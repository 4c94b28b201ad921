"""MACs by number format: sourced figures, scaled as the technology's own arithmetic is, or a clear message."""

from __future__ import annotations

from pathlib import Path

import pytest

from dse.architecture.formats import format_cost
from dse.architecture.technology import load_technology
from dse.cli.inputs import read_bits
from dse.errors import DseError
from dse.formats.architecture.load import load_architecture
from dse.formats.text.quantity import width_of
from dse.formats.workload.load import load_workload
from dse.problem.dims import FORMATS

SPEC = """architecture: small
technology: {{table: cmos-45nm, clock: 100 MHz}}
precision: {{ifmap: fp16, weight: fp16, psum: fp32}}
levels:
  DRAM: {{}}
  PE: {{capacity: 1 KiB}}
mac: {mac}
"""


def spec(folder: Path, mac: str) -> Path:
    path = folder / "small.yaml"
    path.write_text(SPEC.format(mac=mac))
    return path


@pytest.mark.parametrize(("name", "multiplier", "adder"), [("fp8", 0.4, 0.2), ("fp16", 1.1, 0.4), ("fp32", 3.7, 0.9)])
def test_published_energies_stand_as_they_are_at_their_node(name: str, multiplier: float, adder: float) -> None:
    cost = format_cost(load_technology("cmos-45nm"), name)
    assert (cost.multiplier_pj, cost.adder_pj) == (multiplier, adder)


@pytest.mark.parametrize("node", [28, 16, 7])
def test_energies_scale_as_integer_arithmetic_does(node: int) -> None:
    there, here = load_technology("cmos-45nm"), load_technology("cmos-45nm", node)
    ratio = here.multiplier_energy_pj(16, 16) / there.multiplier_energy_pj(16, 16)
    one, other = format_cost(there, "fp16"), format_cost(here, "fp16")
    assert one.multiplier_pj is not None
    assert other.multiplier_pj == pytest.approx(one.multiplier_pj * ratio)


def test_a_lower_supply_takes_less() -> None:
    technology = load_technology("cmos-45nm")
    low = technology.at_voltage(0.8 * technology.nominal_v)
    full, saved = format_cost(technology, "fp32"), format_cost(low, "fp32")
    assert full.adder_pj is not None
    assert saved.adder_pj == pytest.approx(full.adder_pj * 0.64)


@pytest.mark.parametrize("name", ["int4", "int8", "int16"])
def test_integers_cost_what_their_width_does(name: str) -> None:
    technology, bits = load_technology("cmos-16nm"), FORMATS[name]
    cost = format_cost(technology, name)
    assert cost.multiplier_pj == technology.multiplier_energy_pj(bits, bits)
    assert cost.area_mm2 == technology.mac_area_mm2(bits)


def test_areas_of_cells_are_spread_and_those_of_dies_are_not() -> None:
    technology = load_technology("cmos-7nm")
    assert format_cost(technology, "bf16").area_mm2 == pytest.approx(854e-6)
    forty_five = load_technology("cmos-45nm")
    assert format_cost(forty_five, "fp32").area_mm2 > (8970 + 4360) * 1e-6 / forty_five.logic_density


def test_a_spec_names_a_format(tmp_path: Path) -> None:
    chip = load_architecture(spec(tmp_path, "{format: fp32}"))
    assert (chip.mac.bits, chip.mac.energy_pj) == (32, pytest.approx(4.6))
    assert dict(chip.precision) == {"ifmap": 16, "weight": 16, "psum": 32}
    half = load_architecture(spec(tmp_path, "{format: fp16}"))
    assert half.mac.energy_pj == pytest.approx(1.5)
    stated = load_architecture(spec(tmp_path, "{format: bf16, energy: 0.6 pJ}"))
    assert (stated.mac.bits, stated.mac.energy_pj) == (16, 0.6)


def test_bf16_is_cheaper_than_fp16_by_what_one_paper_says_of_both() -> None:
    """At 7 nm 0.21 pJ of 0.34 for a multiplication, 0.11 of 0.16 for an addition."""
    technology = load_technology("cmos-45nm")
    half, brain = format_cost(technology, "fp16"), format_cost(technology, "bf16")
    assert brain.multiplier_pj == pytest.approx(half.multiplier_pj * 0.21 / 0.34, rel=1e-3)
    assert brain.adder_pj == pytest.approx(half.adder_pj * 0.11 / 0.16, rel=1e-3)


@pytest.mark.parametrize(
    ("mac", "message"),
    [
        ("{format: fp8}", "the area of a MAC of fp8 has no source here"),
        ("{format: fp32, bits: 16}", "bits: fp32 has 32, not 16"),
        ("{format: fp64}", "format"),
    ],
)
def test_what_has_no_source_is_asked_for(tmp_path: Path, mac: str, message: str) -> None:
    with pytest.raises(DseError, match=message):
        load_architecture(spec(tmp_path, mac))


def test_formats_stand_for_widths(tmp_path: Path) -> None:
    assert read_bits("ifmap=int8,psum=fp32") == {"ifmap": 8, "psum": 32}
    assert width_of("bf16") == width_of("16 bit") == 16
    path = tmp_path / "net.yaml"
    path.write_text("workload: net\ninput: [4]\nbits: {ifmap: fp8, weight: int4, psum: fp16}\nlayers:\n  a: {fc: 3}\n")
    assert load_workload(path).layer("a").widths == {"ifmap": 8, "weight": 4, "psum": 16, "ofmap": 8}
    with pytest.raises(DseError, match="one of int4, int8"):
        read_bits("fp7")


def test_a_level_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    chip = load_architecture(spec(tmp_path, "{format: int8}"))
    assert chip.level("DRAM").name == "DRAM"
    with pytest.raises(DseError, match=r"no level 'dram'; its levels are DRAM"):
        chip.level("dram")
