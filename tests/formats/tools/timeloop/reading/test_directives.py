"""One directive of Timeloop in our words: factors, orders, tensors, and what is refused."""

import pytest

from dse.errors import SpecError
from dse.formats.text.source import parse_source
from dse.formats.tools.timeloop.reading.directives import KINDS, listed, read_directive
from dse.formats.tools.timeloop.reading.machine import Where
from dse.formats.tools.timeloop.reading.problem import default_names

DIMS = ("N", "K", "C", "P", "Q", "R", "S")


def read(text):
    source = parse_source(f"one: {{target: Buffer, {text}}}")
    return read_directive(Where(source, ("one",)), source.data["one"], default_names())


@pytest.mark.parametrize(
    "factors", ["R3 P16 C<=4", "R=3 P=16 C<=4", "R=3,P=16,C<=4", "[R=3, P=16, C<=4]", "R=3 P=16 C<=4 # why"]
)
def test_factors_have_many_spellings(factors):
    said = read(f"type: temporal, factors: {factors if factors[0] == '[' else repr(factors)}")
    assert (said.exact, said.most, said.least) == ({"R": 3, "P": 16}, {"C": 4}, {})


def test_dims_that_are_not_named_are_free_unless_only_these_are_said():
    assert read("type: temporal, factors: R=1 C=4").ones(DIMS) == {"R"}
    assert read("type: temporal, factors_only: [C=4]").ones(DIMS) == set(DIMS) - {"C"}


def test_orders_come_from_the_innermost_loop():
    assert read("type: temporal, permutation: RSC").order == ("R", "S", "C")
    assert read("type: temporal, permutation: [R, S, C]").order == ("R", "S", "C")
    assert read("type: temporal").order is None


def test_tensors_are_kept_or_bypassed():
    said = read("type: datatype, keep: [Weights], bypass: [Inputs]")
    assert (said.kind, said.keep, said.bypass) == ("dataspace", ("weight",), ("ifmap",))
    only = read("type: dataspace, keep_only: [Outputs]")
    assert only.keep == ("psum",)
    assert set(only.bypass) == {"ifmap", "weight"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("type: tmporal", "tmporal is no type of a directive"),
        ("type: temporal, factors: C4x", "'x' is no factor"),
        ("type: temporal, factors: 'C=4,3'", "a last tile of 3 has no words"),
        ("type: temporal, factors: Z=4", "Z is no dim of the problem"),
        ("type: temporal, permutation: CC", "names a dim twice"),
        ("type: spatial, split: -1", "split: -1 is no whole number"),
        ("type: dataspace, keep: [Weight]", "Weight is no tensor of the problem"),
    ],
)
def test_what_cannot_be_read_is_located(text, message):
    with pytest.raises(SpecError, match=message) as caught:
        read(text)
    assert caught.value.line == 1


def test_keys_without_words_are_noted():
    assert read("type: temporal, factors: C=4, mystery: 3").unsaid == ("mystery",)
    assert set(KINDS.values()) >= {"temporal", "spatial", "dataspace"}


def test_lists_of_directives_of_every_form():
    text = """
plain: [{target: A, type: temporal}, {target: B, type: spatial}]
targets: {targets: [{target: A, type: temporal}]}
named: {constraints: mine, constraints_mine: [{name: A, type: temporal}]}
inside: [{name: A, constraints: [{type: temporal, attributes: {factors: C=4}}, {type: spatial}]}]
"""
    source = parse_source(text)
    found = {key: [(item["target"], item["type"]) for _, item in listed(source, (key,))] for key in source.data}
    assert found["plain"] == [("A", "temporal"), ("B", "spatial")]
    assert found["targets"] == found["named"] == [("A", "temporal")]
    assert found["inside"] == [("A", "temporal"), ("A", "spatial")]
    with pytest.raises(SpecError, match="a mapping with a target and a type"):
        list(listed(parse_source("plain: [3]"), ("plain",)))
