"""Places in files: where an error points, and what it proposes."""

import pytest

from dse.errors import SpecError, SpecErrors
from dse.formats.text.located import did_you_mean, has, raise_all
from dse.formats.text.source import parse_source

TEXT = "levels:\n  GLB:\n    capacity: 1 KiB\n    stores: [ifmap, psum]\n"


def test_an_error_points_at_a_value_and_at_the_key_of_what_is_long():
    source = parse_source(TEXT, "chip.yaml")
    assert source.position(("levels", "GLB", "capacity")) == (3, 15)
    assert source.position(("levels", "GLB", "capacity"), key=True) == (3, 5)
    assert source.position(("levels", "GLB", "stores")) == (4, 5)
    assert source.position(("levels", "GLB", "stores", 1)) == (4, 21)


def test_what_is_missing_stands_where_it_would():
    source = parse_source(TEXT, "chip.yaml")
    assert source.get(("levels", "GLB", "width")) == source.get(("levels", "GLB"))
    error = source.error(("levels", "GLB", "width"), "the width is missing", "e.g. width: 16")
    assert (error.file, error.line, error.hint) == ("chip.yaml", 2, "e.g. width: 16")
    assert error.source_line == "  GLB:"


@pytest.mark.parametrize(
    ("data", "part", "found"), [({"a": 1}, "a", True), ({"a": 1}, 0, False), ([1], 0, True), ([1], 1, False),
                                ([1], -1, False), ("text", 0, False)],
)  # fmt: skip
def test_parts_of_plain_data(data, part, found):
    assert has(data, part) is found


def test_errors_are_raised_in_the_order_of_their_lines():
    raise_all([])
    late, early = SpecError("late", file="a", line=9, column=1), SpecError("early", file="a", line=2, column=5)
    with pytest.raises(SpecError, match="late"):
        raise_all([late])
    with pytest.raises(SpecErrors) as caught:
        raise_all([late, early])
    assert list(caught.value.errors) == [early, late]


@pytest.mark.parametrize(
    ("word", "choices", "hint"),
    [
        ("wieght", ("ifmap", "weight", "psum"), "did you mean 'weight'?"),
        ("WEIGHT", ("weight",), "did you mean 'weight'?"),
        ("x", ("ifmap", "psum"), "one of: ifmap, psum"),
        ("x", ("only",), "only only is possible"),
        ("x", (), None),
        ("zzz", [f"name{i}" for i in range(20)], "(20 in all)"),
    ],
)
def test_a_word_that_is_no_choice_gets_a_hint(word, choices, hint):
    found = did_you_mean(word, choices)
    assert found == hint if hint is None else hint in found
