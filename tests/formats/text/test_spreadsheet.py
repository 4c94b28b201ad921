"""Names of layers stay names when a spreadsheet opens a file."""

import csv
from io import StringIO

import pytest

from dse.formats.text.spreadsheet import to_csv


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", " =1"])
def test_what_looks_like_a_formula_becomes_a_text(name):
    rows = list(csv.DictReader(StringIO(to_csv([{"name": name, name: 2}]), newline="")))
    assert rows == [{"name": f"'{name}", f"'{name}": "2"}]


def test_other_cells_are_as_they_are():
    rows = [{"layer": "conv-1", "energy": -1.5, "none": None}, {"layer": 'a,"b"', "energy": 2}]
    assert to_csv(rows) == 'layer,energy,none\nconv-1,-1.5,\n"a,""b""",2,\n'
    assert to_csv([{"layer": "a\r=1"}]) == "layer\na =1\n", "a row is one line"
    assert to_csv(rows, ["energy"]) == "energy\n-1.5\n2\n"
    assert to_csv([]) == "\n"
