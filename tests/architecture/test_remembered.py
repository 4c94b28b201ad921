"""What is kept of an architecture belongs to that object alone, and the oldest of it is given up."""

from dataclasses import replace

import pytest

from dse.architecture.remembered import Remembered
from dse.formats.architecture.load import load_architecture


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
