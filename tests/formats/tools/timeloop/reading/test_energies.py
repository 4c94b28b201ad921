"""Tables of energies and areas of Accelergy."""

import pytest

from dse.errors import SpecError
from dse.formats.text.source import parse_source
from dse.formats.tools.timeloop.reading.energies import COMPUTE, FILL, LEAK, READ, read_areas, read_energies


def energies(tables):
    return read_energies(parse_source(f"ERT: {{tables: {tables}}}"))


def test_components_go_by_their_own_names_and_actions_by_the_largest_energy():
    actions = "[{name: read, energy: 2}, {name: read, energy: 3.5}, {name: fill, energy: 1}]"
    found = energies(f"[{{name: 'chip.PE[0..3].RF[1..4]', actions: {actions}}}, {{name: mac, actions: []}}]")
    assert set(found) == {"RF", "mac"}
    assert found["RF"].energy_pj(READ) == 3.5
    assert found["RF"].energy_pj(FILL) == 1.0  # Accelergy's name for a write in version 0.4
    assert found["RF"].energy_pj(LEAK, 0.0) == 0.0


def test_an_action_that_is_missing_is_named():
    with pytest.raises(SpecError, match="there is no energy of compute") as caught:
        energies("[{name: mac, actions: [{name: leak, energy: 1}]}]")["mac"].energy_pj(COMPUTE)
    assert caught.value.hint == "actions: leak"


@pytest.mark.parametrize(
    "action", ["{name: read}", "{name: read, energy: -1}", "{energy: 1}", "{name: read, energy: true}", "3"]
)
def test_an_action_has_a_name_and_an_energy(action):
    with pytest.raises(SpecError, match="an action has a name and an energy in pJ"):
        energies(f"[{{name: RF, actions: [{action}]}}]")


def test_areas():
    assert read_areas(parse_source("ART: {tables: [{name: 'chip.RF[1..4]', area: 12.5}]}")) == {"RF": 12.5}
    for table in ("{name: RF}", "{name: RF, area: -1}"):
        with pytest.raises(SpecError, match="area in square micrometres"):
            read_areas(parse_source(f"ART: {{tables: [{table}]}}"))


@pytest.mark.parametrize("text", ["ERT: 3", "ERT: {}", "ERT: {tables: [3]}"])
def test_a_table_of_tables(text):
    with pytest.raises(SpecError, match="ERT has tables"):
        read_energies(parse_source(text))
