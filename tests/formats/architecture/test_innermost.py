"""What is read of the innermost level and of the registers that the MACs read."""

import pytest

from dse.errors import SpecError
from dse.formats.architecture.innermost import REGISTERS
from dse.formats.architecture.load import read_architecture_spec
from dse.formats.text.source import parse_source

TEXT = """\
architecture: small
technology: {table: eyeriss-isca16, clock: 200 MHz}
levels:
  DRAM: {}
  array: {rows: 2}
  PE: {capacity: {ifmap: 4 word, weight: 4 word, psum: 2 word}}
mac: {}
"""


def read(old="", new=""):
    return read_architecture_spec(parse_source(TEXT.replace(old, new), "small.yaml")).architecture


def test_registers_stand_inside_the_innermost_level_and_cost_nothing():
    plain, chip = read(), read("mac: {}", "mac: {registers: [weight, psum]}")
    level = chip.hierarchy[-1]
    assert (level.name, level.stores, level.is_register) == (REGISTERS, {"weight", "psum"}, True)
    assert (chip.area_mm2, chip.total_static_power_mw) == (plain.area_mm2, plain.total_static_power_mw)


def test_operands_are_placed_each_by_itself():
    assert read("PE: {", "PE: {placement: own, ").levels[-1].placement == "own"
    assert read().levels[-1].placement == "together"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("PE: {", "registers: {", "a level is called registers"),
        ("PE: {", "PE: {gating: {ifmap: [weight]}, ", "the innermost level gates accesses"),
    ],
)
def test_registers_that_cannot_be_are_refused(old, new, said):
    text = TEXT.replace(old, new).replace("mac: {}", "mac: {registers: weight}")
    with pytest.raises(SpecError, match=said) as caught:
        read_architecture_spec(parse_source(text, "small.yaml"))
    assert "small.yaml:7:18" in str(caught.value)
