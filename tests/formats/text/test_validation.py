"""Every complaint of a model becomes an error at its place in the file."""

from typing import Annotated, Literal

import pytest
from pydantic import Field

from dse.errors import SpecError, SpecErrors
from dse.formats.text.quantity import Size
from dse.formats.text.source import parse_source
from dse.formats.text.validation import SpecModel, WholeNumber, validate


class Level(SpecModel):
    capacity: Size | None = None
    width: Annotated[WholeNumber, Field(gt=0)] = 16
    buffering: Literal["single", "double"] = "single"


class Fan(SpecModel):
    rows: WholeNumber


class Chip(SpecModel):
    levels: dict[str, Level] = Field(default_factory=dict)
    either: Level | Fan | None = None
    number: int | Level = 0
    many: list[Level] = Field(default_factory=list)
    source: str | None = Field(default=None, alias="from")
    needed: int = 0


def errors(text, model=Chip):
    with pytest.raises(SpecError) as caught:
        validate(model, parse_source(text, "chip.yaml"))
    found = caught.value.errors if isinstance(caught.value, SpecErrors) else (caught.value,)
    return [(error.line, error.column, error.message, error.hint) for error in found]


def test_valid_data_becomes_an_instance():
    chip = validate(Chip, parse_source("levels: {GLB: {capacity: 108 KiB}}\nfrom: x"))
    assert str(chip.levels["GLB"].capacity) == "108 KiB"
    assert chip.source == "x"
    level = validate(Level, parse_source("a: {width: 1e2}"), ("a",))
    assert level.width == 100


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "hint"),
    [
        ("levls: {}", 1, 1, "unknown key 'levls'", "did you mean 'levels'?"),
        ("\nlevels: {GLB: {capcity: 1 B}}", 2, 16, "unknown key 'capcity'", "did you mean 'capacity'?"),
        ("many:\n- width: 8\n- widht: 8", 3, 3, "unknown key 'widht'", "did you mean 'width'?"),
        ("form: x", 1, 1, "unknown key 'form'", "did you mean 'from'?"),
        ("levels: {GLB: {buffering: dubble}}", 1, 27, "'dubble' is none of its choices", "did you mean 'double'?"),
        ("levels: {GLB: {width: -1}}", 1, 23, "width: should be above 0, not -1", None),
        ("levels: {GLB: {width: true}}", 1, 23, "should be a whole number, not True", None),
        ("levels: {GLB: {width: '8'}}", 1, 23, "should be a whole number, not '8'", None),
        ("levels: {GLB: {width: 1.5}}", 1, 23, "should be a whole number, not 1.5", None),
        ("levels: {GLB: {capacity: 12 MHz}}", 1, 26, "'12 MHz' is a frequency, not a size", "e.g. 108 KiB"),
        ("levels: {GLB: 3}", 1, 15, "not 3", None),
        ("levels: [1]", 1, 1, "mapping, not a list", None),
        ("needed: some", 1, 9, "a whole number, not 'some'", None),
    ],
)
def test_one_error(text, line, column, message, hint):
    ((found_line, found_column, found, found_hint),) = errors(text)
    assert (found_line, found_column) == (line, column)
    assert message in found
    assert hint is None or hint in found_hint


def test_missing_keys_point_at_their_owner():
    assert errors("\n  rose: 3", Fan)[0][:3] == (2, 3, "the key 'rows' is missing")


def test_a_union_complains_where_it_got_furthest():
    found = errors("levels: {}\neither: {width: 0}")
    assert (2, 17, "width: should be above 0, not 0", None) in found
    assert errors("number: {width: 0}") == [(1, 17, "width: should be above 0, not 0", None)]


def test_all_errors_of_a_file_at_once():
    found = errors("levels:\n  A: {width: 0}\n  B: {buffering: x, capacity: 3}\nmore: 1")
    assert [line for line, *_ in found] == [2, 3, 3, 4]


def test_a_spec_is_a_mapping():
    ((line, _, message, hint),) = errors("- 1\n- 2")
    assert line == 1
    assert "a spec is a mapping, not a list" in message
    assert "levels" in hint
    assert "a spec is a mapping, not empty" in errors("")[0][2]


def test_keys_that_one_mapping_misses_are_told_at_once():
    class Pair(SpecModel):
        first: int
        second: int

    assert errors("third: 3", Pair)[0][:3] == (1, 1, "the keys 'first', 'second' are missing")
