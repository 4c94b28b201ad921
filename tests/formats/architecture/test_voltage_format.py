"""Voltage, clock, flavour and temperature in a spec: what they change, and what they leave alone."""

from __future__ import annotations

from typing import Any

import pytest

from dse.architecture.power import speed
from dse.errors import SpecError
from dse.formats.architecture.load import load_architecture_spec, read_architecture_spec
from dse.formats.text.source import parse_source

MAX = {"technology.clock": "max"}


def resolved(settings: dict[str, Any], name: str = "eyeriss") -> Any:
    return load_architecture_spec(name).resolve(settings)


def test_energies_on_the_chip_go_with_the_square_of_the_supply() -> None:
    own, low = resolved({}), resolved({"technology.voltage": "0.9 V", **MAX})
    assert low.mac.energy_pj == pytest.approx(own.mac.energy_pj * 0.81)
    assert low.level("GLB").read_energy_pj.ifmap == pytest.approx(own.level("GLB").read_energy_pj.ifmap * 0.81)
    assert low.fan_outs[0].energy_pj == pytest.approx(own.fan_outs[0].energy_pj * 0.81)
    assert low.level("DRAM").read_energy_pj == own.level("DRAM").read_energy_pj  # stated in MACs, yet off the chip
    assert low.area_mm2 == own.area_mm2


def test_stated_powers_follow_clock_and_supply() -> None:
    own, low = resolved({}), resolved({"technology.voltage": "0.9 V", **MAX})
    assert own.total_clock_power_mw == pytest.approx(176, rel=1e-4)
    ratio = speed(0.9, 65, "lstp") / speed(1.0, 65, "lstp")
    assert low.clock_hz == pytest.approx(200e6 * ratio)
    assert low.total_clock_power_mw == pytest.approx(own.total_clock_power_mw * ratio * 0.81)


def test_a_fitted_power_per_part_follows_the_array() -> None:
    assert resolved({"levels.array.cols": 28}).total_clock_power_mw == pytest.approx(2 * 176, rel=1e-4)


def test_what_leaks_and_clocks_by_itself_follows_machine_node_and_flavour() -> None:
    own = resolved({}, "nvdla_large")
    assert own.total_clock_power_mw > 50 > 1 > own.total_static_power_mw > 0
    assert resolved({"levels.array.rows": 32}, "nvdla_large").total_clock_power_mw == pytest.approx(
        own.total_clock_power_mw / 2
    )
    leaky = resolved({"technology.flavour": "hp"}, "nvdla_large").total_static_power_mw
    assert leaky > 1000 * own.total_static_power_mw
    hot = resolved({"technology.flavour": "hp", "technology.temperature": "360 K"}, "nvdla_large")
    assert hot.total_static_power_mw > 2 * leaky
    larger = resolved({"levels.CBUF.capacity": "1 MiB"}, "nvdla_large")
    assert larger.total_static_power_mw > 1.5 * own.total_static_power_mw
    stated = resolved({"levels.CBUF.static_power": "3 mW"}, "nvdla_large")
    assert stated.level("CBUF").static_power_mw == 3


@pytest.mark.parametrize(
    ("settings", "message", "hint"),
    [
        ({"technology.voltage": "0.9 V"}, "200 MHz is more than 0.9 V allows: 156.8 MHz", "technology.clock: max"),
        ({"technology.voltage": "0.6 V", **MAX}, "too near the threshold of 0.575 V", "at least 0.625 V"),
        ({"technology.voltage": "1.4 V", **MAX}, "a supply of 1.4 V is too high for 65 nm", "at most 1.3 V"),
        ({"technology.voltage": "1"}, "has no unit", "V"),
        ({"technology.temperature": "400 K"}, "400 K is outside 300 to 360 K", "tables"),
        ({"technology.flavour": "ulp"}, "'ulp'", ""),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(settings: dict[str, str], message: str, hint: str) -> None:
    with pytest.raises(SpecError) as error:
        resolved(settings)
    assert message in str(error.value)
    assert hint in (error.value.hint or "")


def test_a_file_cannot_say_max_of_itself() -> None:
    text = """architecture: tiny
technology: {table: cmos-65nm, clock: max}
levels: {DRAM: {}, PE: {capacity: 64 B}}
"""
    with pytest.raises(SpecError) as error:
        read_architecture_spec(parse_source(text))
    assert "max is relative to the clock that the file states" in str(error.value)
    assert error.value.line == 2
