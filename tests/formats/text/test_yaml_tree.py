"""YAML in: plain data only, bounded, with a place for every complaint."""

import json
import time
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dse.errors import SpecError
from dse.formats.text.source import parse_source
from dse.formats.text.yaml_tree import MAX_CHARACTERS, MAX_DEPTH, MAX_NODES

words = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=8
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | words
)
plain_data = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4), max_leaves=20
)


@given(plain_data)
def test_json_means_the_same_in_yaml(data):
    assert parse_source(json.dumps(data, ensure_ascii=False)).data == data


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("yes", "yes"), ("off", "off"), ("true", True), ("False", False), ("~", None), ("", None),
        ("12", 12), ("-3", -3), ("1e6", 1e6), ("0.5", 0.5), (".5", 0.5), ("0x1F", 31), ("0o17", 15), ("017", 17),
        ("1_000", "1_000"), ("12:30", "12:30"), ("2020-01-01", "2020-01-01"), ("'12'", "12"), ('"no"', "no"),
        ("108 KiB", "108 KiB"), ("1.2.3", "1.2.3"), ("<<", "<<"),
    ],
)  # fmt: skip
def test_scalars_are_yaml_1_2(text, value):
    found = parse_source(f"key: {text}").data["key"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a: [1, 2\nb: 3", 1, 4, "this [ is not closed"),
        ("a: {b: [1, 2}", 1, 8, "this [ is not closed"),
        ("a: b: c", 1, 5, "a second colon in the value"),
        ("\ta: 1", 1, 1, "a tab where YAML takes spaces only"),
        ("a: 1\n---\nb: 2", 2, 1, "a second YAML document"),
        ("a: 1\nb: 2\na: 3", 3, 1, "'a' is given twice"),
        ("a: {b: 1, b: 2}", 1, 11, "'b' is given twice"),
        ("a: !!python/object/apply:os.system [ls]", 1, 4, "the tag tag:yaml.org,2002:python/object/apply:os.system"),
        ("a: !mine 3", 1, 4, "the tag !mine"),
        ("a: *b", 1, 4, "no anchor &b"),
        ("a: &b [1, *b]", 1, 11, "*b stands inside the value that it names"),
        ("? [1, 2]\n: 3", 1, 3, "a key must be a word"),
        ("true: 3", 1, 1, "a key must be a word"),
        ("a: .nan", 1, 4, "is not a number"),
        ("a: -.inf", 1, 4, "is not a number"),
        ("a: 1e999", 1, 4, "too large a number"),
        ("a: " + "9" * 5000, 1, 4, "a number of 5000 digits"),
        ("[" * 5000, 1, MAX_DEPTH + 2, f"nested deeper than {MAX_DEPTH}"),
        ("- " * 5000, 1, 2 * MAX_DEPTH + 3, f"nested deeper than {MAX_DEPTH}"),
    ],
)
def test_bad_yaml_says_where(text, line, column, message):
    with pytest.raises(SpecError) as caught:
        parse_source(text, "spec.yaml")
    assert message in caught.value.message
    assert (caught.value.file, caught.value.line, caught.value.column) == ("spec.yaml", line, column)


def test_the_source_line_is_shown_with_a_caret():
    with pytest.raises(SpecError) as caught:
        parse_source("ok: 1\n\tname: {b: 1}\n".replace("\t", "") + "x: {b: 1, b: 2}", "spec.yaml")
    shown = str(caught.value).splitlines()
    assert shown[1] == "  3 | x: {b: 1, b: 2}"
    assert shown[2] == "    |           ^"
    assert shown[1][shown[2].index("^")] == "b"


def test_long_lines_are_cut_around_the_caret():
    with pytest.raises(SpecError) as caught:
        parse_source("x: {" + ", ".join(f"k{i}: {i}" for i in range(500)) + ", k7: 1}")
    line, caret = str(caught.value).splitlines()[1:3]
    assert len(line) < 120
    assert line[caret.index("^") :].startswith("k7: 1")


def test_aliases_are_copies_with_their_own_place():
    source = parse_source("a: &x {k: 1}\nb: *x\n")
    assert source.data == {"a": {"k": 1}, "b": {"k": 1}}
    source.data["b"]["k"] = 2
    assert source.data["a"]["k"] == 1


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
        + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
        "[" * 300_000,
        "{a: " * 100_000,
        "x" * (MAX_CHARACTERS + 1),
    ],
    ids=["aliases", "brackets", "braces", "size"],
)
def test_bombs_end_quickly(text):
    start = time.process_time()
    with pytest.raises(SpecError):
        parse_source(text)
    assert time.process_time() - start < 3


def test_alias_bound_counts_what_is_written_out():
    inner = "a: &a [" + "1," * 999 + "1]\n"
    fine, much = MAX_NODES // 1001 - 10, MAX_NODES // 1001 + 10
    assert len(parse_source(inner + "b: [" + "*a," * fine + "]").data["b"]) == fine
    with pytest.raises(SpecError, match="aliases written out"):
        parse_source(inner + "b: [" + "*a," * much + "]")


@given(st.text("abc{}[]:,- \n\t'\"&*!|>#%@`?~0123456789.e", max_size=60))
@example("%YAML 1.1\n---\na: no")
@example("a: \x00")
@example("a: \ud800")
@example("\ufeffa: 1")
def test_any_text_is_read_or_refused(text):
    with suppress(SpecError):
        parse_source(text)
