"""What stated energies and powers hold at, and how they go with supply and clock."""

import pytest

from dse.formats.architecture.build import build_architecture
from dse.formats.architecture.dataflow import built_in_dataflows
from dse.formats.architecture.model import ArchitectureModel
from dse.formats.architecture.rating import BuildError, Context, clock_of, rating_of, technology_of
from dse.formats.text.quantity import parse_quantity
from dse.formats.text.source import parse_source, validate

FLOW = built_in_dataflows()["weight-stationary"]
CHIP = """\
architecture: toy
technology: {{table: eyeriss-isca16, node: 65 nm{more}}}
levels:
  DRAM: {{bandwidth: 1 word/cycle, energy: 200 mac}}
  array: {{rows: 2, cols: 2}}
  PE: {{capacity: 64 B}}
"""


def model(more=", clock: 200 MHz"):
    return validate(ArchitectureModel, parse_source(CHIP.format(more=more), "chip.yaml"))


def context(**changes):
    plain = {"technology": technology_of(model().technology), "stated_mac_pj": 2.0, "clock_hz": 2e8, "word_bits": 16,
             "supply_ratio": 0.5, "clock_ratio": 3.0}  # fmt: skip
    return Context(**plain | changes)


def test_energy_on_the_chip_goes_with_the_square_of_the_supply():
    stated = parse_quantity("8 pJ", "energy")
    assert context().energy_pj(stated, 16) == pytest.approx(2.0)
    assert context().energy_pj(stated, 16, is_on_chip=False) == pytest.approx(8.0)
    assert context().energy_pj(parse_quantity("3 mac", "energy"), 16, is_on_chip=False) == pytest.approx(6.0)


def test_power_at_rest_goes_with_the_supply_and_that_of_the_clock_with_both():
    power = parse_quantity("4 mW", "power")
    assert context().static_mw(power) == pytest.approx(2.0)
    assert context().clock_mw(power) == pytest.approx(4 * 3 / 4)


def test_a_files_own_clock_is_the_most_that_its_own_supply_allows():
    own = model()
    rating = rating_of(own)
    assert (rating.clock_hz, rating.supply_share) == (2e8, 1.0)
    assert clock_of(own, technology_of(own.technology), rating) == 2e8
    assert clock_of(model(", clock: max"), technology_of(own.technology), rating) == pytest.approx(2e8)


def test_a_file_whose_clock_is_max_says_nothing():
    with pytest.raises(BuildError, match="clock: max is relative") as caught:
        rating_of(model(", clock: max"))
    assert caught.value.path == ("technology", "clock")


def test_a_table_and_a_supply_that_do_not_exist_are_located():
    unknown = model().technology.model_copy(update={"table": "no-such-table"})
    for given, key in ((unknown, "table"), (model(", clock: 200 MHz, voltage: 9 V").technology, "voltage")):
        with pytest.raises(BuildError) as caught:
            technology_of(given)
        assert caught.value.path == ("technology", key)


def test_prices_go_with_the_supply():
    full, low = (
        build_architecture(changed, FLOW, rating_of(model()))
        for changed in (model(), model(", clock: max, voltage: 0.9 V"))
    )
    share = (0.9 / technology_of(model().technology).nominal_v) ** 2
    assert low.mac.energy_pj == pytest.approx(full.mac.energy_pj * share)
    assert low.clock_hz < full.clock_hz
    assert low.levels[0].read_energy_pj == full.levels[0].read_energy_pj  # DRAM is another chip


@pytest.mark.parametrize(
    ("old", "new", "path", "said"),
    [
        ("DRAM:", "MAC:", ("levels", "MAC"), "multiply-accumulate"),
        (
            "DRAM: {{bandwidth: 1 word/cycle, energy: 200 mac}}",
            "DRAM: {{rows: 2}}",
            ("levels", "DRAM"),
            "storage level",
        ),
        (
            "capacity: 64 B",
            "capacity: 64 B, compression: {{ifmap: bitmask}}",
            ("levels", "PE", "compression"),
            "outermost",
        ),
    ],
)
def test_parts_that_contradict_each_other_are_located(old, new, path, said):
    text = CHIP.replace(old, new).format(more=", clock: 200 MHz")
    with pytest.raises(BuildError, match=said) as caught:
        build_architecture(validate(ArchitectureModel, parse_source(text, "chip.yaml")), FLOW)
    assert caught.value.path == path
