"""What is kept of an architecture belongs to that object alone, and the oldest of it is given up."""

from dataclasses import replace

import pytest

from dse.architecture.remembered import Remembered
from dse.formats.architecture.load import load_architecture
from dse.problem.layer import Layer


def test_an_equal_architecture_is_another_one():
    one = load_architecture("eyeriss")
    other = replace(one)
    assert one == other
    asked: list[str] = []
    kept: Remembered[int] = Remembered(8)
    for chip in (one, other, one):
        assert kept.of(chip, "what", lambda: asked.append("what") or len(asked)) == (1 if chip is one else 2)
    assert len(asked) == 2


def test_what_was_asked_for_longest_ago_is_given_up():
    chip, kept = load_architecture("eyeriss"), Remembered(2)
    for what in ("a", "b", "a", "c"):
        kept.of(chip, what, lambda what=what: what)
    assert kept.of(chip, "a", lambda: "anew") == "a"
    assert kept.of(chip, "b", lambda: "anew") == "anew"


def test_a_failure_is_not_kept():
    chip, kept = load_architecture("eyeriss"), Remembered(2)
    with pytest.raises(ZeroDivisionError):
        kept.of(chip, "a", lambda: 1 // 0)
    assert kept.of(chip, "a", lambda: 1) == 1


def test_equal_layers_of_which_other_widths_are_assumed_are_lowered_each_by_itself():
    chip = load_architecture("eyeriss").with_(precision=(("ifmap", 8), ("weight", 8)))
    assumed = Layer("fc", K=4, C=4)
    stated = assumed.stating({"ifmap": 16, "weight": 16})
    assert assumed == stated
    for _ in range(2):
        assert [chip.lowered(layer).bits.ifmap for layer in (assumed, stated)] == [8, 16]
    assert chip.lowered(assumed) is chip.lowered(assumed)
