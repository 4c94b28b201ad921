"""`docs/model.md` states what the code computes: its tables are those that `table.py` makes now."""

import pytest
from validation import table


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in table.SLOW else []) for name in table.TABLES]
)
def test_the_document_has_the_table_of_now(name):
    text = table.DOCUMENT.read_text(encoding="utf-8")
    start = f"<!-- table: {name} -->"
    assert text.count(start) == 1
    shown = text.split(start)[1].split("<!-- end -->")[0].strip()
    assert shown == table.markdown(table.TABLES[name]())


def test_check_fails_on_a_changed_number(monkeypatch, tmp_path):
    """The script compares whole texts: one digit is enough."""
    text = table.DOCUMENT.read_text(encoding="utf-8")
    copy = tmp_path / "model.md"
    monkeypatch.setattr(table, "DOCUMENT", copy)
    monkeypatch.setattr(table, "TABLES", {"isca16": table.TABLES["isca16"]})
    monkeypatch.setattr("sys.argv", ["table.py", "--check"])
    copy.write_text(text, encoding="utf-8")
    assert table.main() == 0
    start = text.index("13.639")
    copy.write_text(text[:start] + "13.638" + text[start + 6 :], encoding="utf-8")
    assert table.main() == 1
    with pytest.raises(ValueError, match="no table"):
        table.written("")
