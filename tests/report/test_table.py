"""Tables line up, and CSV reads back."""

import csv
from io import StringIO

from hypothesis import given
from hypothesis import strategies as st

from dse.formats.text.spreadsheet import cell, to_csv
from dse.report.table import WIDTH, Table

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


WORDS = st.text("abcdefgh", min_size=1, max_size=60)


@given(st.lists(st.tuples(*[WORDS] * 9), min_size=1, max_size=3), st.booleans())
def test_any_table_fits_a_terminal(cells, spared):
    names = ("name", "size", "a", "b", "c", "d", "e", "f", "g")
    rows = [dict(zip(names, row, strict=True)) for row in cells]
    table = Table.of(rows, left=frozenset(names), title="t " * 90, note="n " * 90, spare=("b", "a") if spared else ())
    text = table.to_text()
    assert max(map(len, text.splitlines())) <= WIDTH
    if spared and table._excess() > 0:
        assert "left out, as they do not fit: " in text
    for name in names:
        assert name in text.split() or f"{name}," in text or f"{name};" in text, "no column is lost in silence"


def test_spare_columns_go_first_and_only_as_far_as_needed():
    wide = {"name": "x" * 30, "first": "1" * 30, "second": "2" * 30, "third": "3" * 10}
    text = Table.of([wide], left=frozenset({"name"}), spare=("first", "second")).to_text()
    assert text.splitlines()[0].split() == ["name", "second", "third"]
    assert "left out, as they do not fit: first; --format json has them" in text


def test_a_long_name_keeps_both_its_ends():
    text = Table.of([{"layer": "features.denseblock4." + "a" * 90 + ".conv2", "n": "1"}], left={"layer"}).to_text()
    row = text.splitlines()[1]
    assert len(row) == WIDTH
    assert row.startswith("features.denseblock4.")
    assert row.split()[0].endswith(".conv2")


def test_a_table_only_of_some_columns_has_each_row_once():
    table = Table.of([{"design": "1", "area": "2", "rows": "3"}, {"design": "1", "area": "4", "rows": "3"}])
    assert table.only(["rows", "design"]).rows == (("3", "1"),)


def test_an_empty_table_is_its_title_and_note():
    assert Table.of([], title="none", note="found").to_text() == "none\n\nfound"


@given(st.lists(st.fixed_dictionaries({"a": st.text(max_size=5), "b": st.text(',"\n x', max_size=5)}), max_size=5))
def test_csv_reads_back(rows):
    rows = [{key: value.replace("\r", "").replace("\0", "") for key, value in row.items()} for row in rows]
    assert list(csv.DictReader(StringIO(to_csv(rows, ["a", "b"]), newline=""))) == [
        {key: cell(value) for key, value in row.items()} for row in rows
    ]
