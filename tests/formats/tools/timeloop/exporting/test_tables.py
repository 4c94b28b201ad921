"""Tables of energies and areas that we write are those that our reader of Timeloop's tables finds."""

import pytest

from dse.formats.text.source import parse_source
from dse.formats.tools.timeloop.exporting.tables import MAC, Priced, areas_text, energies_text, plain
from dse.formats.tools.timeloop.reading.energies import read_areas, read_energies

PARTS = [Priced("RF", {"read": 0.25, "write": 0.5, "leak": 1e-7}, 120.5), Priced(MAC, {"compute": 3.0}, 0.0)]


def test_energies_are_read_back():
    found = read_energies(parse_source(energies_text(PARTS)))
    assert found.keys() == {"RF", MAC}
    assert found["RF"].actions == {"read": 0.25, "write": 0.5, "leak": 1e-7}
    assert found[MAC].energy_pj(("compute",)) == 3.0


def test_areas_are_read_back():
    assert read_areas(parse_source(areas_text(PARTS))) == {"RF": 120.5, MAC: 0.0}


@pytest.mark.parametrize(
    ("number", "text"), [(3.0, "3.0"), (0.25, "0.25"), (1e-7, "0.0000001"), (0.0, "0.0"), (1e-15, "0.0")]
)
def test_numbers_have_no_exponent(number, text):
    assert float(plain(number)) == float(text)
    assert "e" not in plain(number)
