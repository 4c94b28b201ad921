"""Pages that are made: the reference of spec files from the models, tables from files of data."""

from __future__ import annotations

import csv
import re

import energies
import pytest
import reference
import tables
import times

PAGES = reference.pages()
MODELS = reference.models()


@pytest.mark.parametrize("name", PAGES)
def test_the_reference_is_what_the_models_say(name):
    text = (reference.FOLDER / f"{name}.md").read_text(encoding="utf-8")
    assert text == PAGES[name], "make pages writes the reference anew"


def test_there_is_no_other_page_in_the_reference():
    assert {path.stem for path in reference.FOLDER.iterdir()} == set(PAGES)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_and_every_key_is_described(name):
    model = MODELS[name]
    assert model["description"]
    assert [key for key, part in model["properties"].items() if not reference._cell(part)] == []


def test_a_value_is_said_in_words():
    assert reference._value({"anyOf": [{"type": "integer"}, {"type": "number"}, {"type": "null"}]}) == "number"
    size = {"type": "string", "examples": ["108 KiB", "12 word"]}
    assert reference._value({"type": "array", "items": size}) == "list of [size](quantities.md#size)"
    assert reference._value({"$ref": "#/$defs/FanOutModel"}) == "[Fan out](#fan-out)"


@pytest.mark.parametrize("page", tables.PAGES, ids=lambda page: page.stem)
def test_the_tables_are_those_of_the_data(page):
    text = page.read_text(encoding="utf-8")
    assert text == tables.filled(text, tables.PAGES[page]), "make pages writes the tables anew"
    assert text.count("<!-- table: ") == len(tables.PAGES[page])


def test_a_layer_that_was_given_up_is_open_in_the_table():
    head, *rows = times.machines()
    with times.MEASURED.open(newline="") as file:
        measured = [row for row in csv.DictReader(file) if row["machine"] not in times.FLAT]
    assert sum(len(re.findall(r"\d open", " ".join(row))) for row in rows) == sum(
        row["unproven"] != "0" for row in measured
    )
    assert sum(cell != "-" for row in rows for cell in row[2:-1]) == len(measured)
    assert all(len(row) == len(head) for row in rows)


def test_every_price_has_a_source():
    for table in (energies.dram, energies.arithmetic, energies.areas):
        head, *rows = table()
        assert head[-1] == "source"
        assert rows
        assert all(row[-1] for row in rows)
    assert all(said for _, said in energies.files())
