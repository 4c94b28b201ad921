"""Energies beside published ones: what was taken over is met, and how far other sources are is stated and bounded."""

import pytest
from validation.energies import energies, memory_fits

COMPARED = {f"{x.what} ({x.source})": x for x in energies()}

# What took no part in our tables. The published figures differ among themselves: Aladdin's multiplier, synthesised for
# 1 GHz, takes 4 times Horowitz's; his SRAM figures are of caches, and CACTI's plain array of 8 KiB takes 6.1 pJ.
OTHERS = {
    "8 KiB SRAM, read of 64 bits, pJ (Horowitz, ISSCC 2014, 45 nm)": -0.364,
    "switching energy, 65 over 45 nm (CNNergy: capacitance x V^2)": -0.074,
    "integer mult, 32 bits, pJ (Aladdin in Accelergy, 40 nm)": -0.784,
    "integer add, 32 bits, pJ (Aladdin in Accelergy, 40 nm)": -0.593,
    "SRAM read, exponent of the capacity (Accelergy's scaling)": -0.237,
}


def test_what_was_taken_over_is_met():
    given = {name: x for name, x in COMPARED.items() if x.kind == "given"}
    assert len(given) == 8
    for name, x in given.items():
        assert x.ours == pytest.approx(x.theirs, rel=5e-4), name


def test_fits_are_within_15_percent_of_their_source():
    fits = [x for x in COMPARED.values() if x.kind == "fit"]
    assert len(fits) == 6
    assert max(abs(x.error) for x in fits) < 0.15


def test_how_far_other_sources_are():
    assert {name: x.error for name, x in COMPARED.items() if x.kind == "other"} == pytest.approx(OTHERS, abs=6e-4)


def test_memory_fits():
    """A power law over three decades of capacity: 37 % at one point (2 KiB at 65 nm), 19 % at all others."""
    errors = memory_fits()
    assert len(errors) == 54
    worst = max(errors, key=lambda point: max(map(abs, errors[point])))
    assert worst == (2048, 65)
    assert errors.pop(worst)[0] == pytest.approx(0.367, abs=1e-3)
    assert max(abs(error) for pair in errors.values() for error in pair) < 0.19
