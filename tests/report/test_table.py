"""Tables line up, and CSV reads back."""

import csv
from io import StringIO

from hypothesis import given
from hypothesis import strategies as st

from dse.formats.text.spreadsheet import cell, to_csv
from dse.report.table import Table

CELLS = st.text("ab1 ", max_size=6)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=5))
def test_columns_line_up(cells):
    rows = [dict(zip(("name", "size", ""), row, strict=True)) for row in cells]
    lines = Table.of(rows, left=frozenset({"name"}), title="t", note="n").to_text().split("\n")
    assert (lines[0], lines[-1]) == ("t", "n")
    assert len(lines) == len(rows) + 3
    name_width = max(4, *(len(row["name"]) for row in rows))
    size_width = max(4, *(len(row["size"]) for row in rows))
    for line, row in zip(lines[2:-1], rows, strict=True):
        assert line == line.rstrip()
        padded = line.ljust(200)
        assert padded[:name_width] == row["name"].ljust(name_width)
        assert padded[name_width + 2 :][:size_width] == row["size"].rjust(size_width)


def test_an_empty_table_is_its_title_and_note():
    assert Table.of([], title="none", note="found").to_text() == "none\n\nfound"


@given(st.lists(st.fixed_dictionaries({"a": st.text(max_size=5), "b": st.text(',"\n x', max_size=5)}), max_size=5))
def test_csv_reads_back(rows):
    rows = [{key: value.replace("\r", "").replace("\0", "") for key, value in row.items()} for row in rows]
    assert list(csv.DictReader(StringIO(to_csv(rows, ["a", "b"]), newline=""))) == [
        {key: cell(value) for key, value in row.items()} for row in rows
    ]
