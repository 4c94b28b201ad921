"""What folds add to the groups of terms that have compute steps."""

from __future__ import annotations

from dse import Layer
from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import FanOut, Level
from dse.mapper.deep.bounds.layer_spaces import spaces_of
from dse.mapper.deep.bounds.sums.crossings import Crossing, Term
from dse.mapper.deep.bounds.sums.folds import fold_terms

STEPS = Term(1.0, 1, 4)
EVERY = frozenset(("ifmap", "weight", "psum"))


def added(array: FanOut, kept: frozenset[str]) -> tuple[list[tuple[int, int, str, float]], list[Crossing]]:
    """Group, operand, count and coefficient of each term that is added to two groups, from the fourth on."""
    machine = Architecture("one", (Level("L", EVERY), array, Level("RF", kept)), Mac(0.0), 1e9)
    (space,) = spaces_of(machine, Layer("l", N=2, K=4, C=4), "all")[1]
    found = []
    for term in fold_terms(space.problem, space.crossings, STEPS, 2):
        one = space.crossings[term.crossing] if term.crossing >= 0 else None
        names = {} if one is None else {one.changes: "changes", one.steps_per_change: "steps per change"}
        found.append((term.group, one.operand if one else -1, names.get(term.view, "once"), term.coefficient))
    return found, space.crossings


def test_an_array_without_skew_or_shifts_adds_nothing() -> None:
    found, crossings = added(FanOut("F", 4, 4), EVERY)
    assert found == []
    assert not any(crossing.folds for crossing in crossings)


def test_each_change_pays_skew_and_shifts_where_folds_do_not_overlap() -> None:
    """Four rows of weights; six cycles of skew from corner to corner."""
    found, _ = added(FanOut("F", 4, 4, skew=1, load=frozenset({"weight"})), frozenset({"weight"}))
    assert found == [(4, 1, "changes", 10.0), (5, 1, "changes", 10.0)]


def test_the_skew_is_that_of_the_operand_that_changes_most() -> None:
    found, _ = added(FanOut("F", 4, 4, skew=1), frozenset({"weight", "psum"}))
    assert {(group, operand) for group, operand, what, _ in found if what == "changes"} == {(4, 1), (5, 1), (6, 2)}


def test_shifts_that_overlap_set_the_pace_in_a_group_of_their_own() -> None:
    found, _ = added(FanOut("F", 4, 4, skew=1, load=frozenset({"weight"}), overlap=True), frozenset({"weight"}))
    assert found == [
        (4, -1, "once", 10.0), (5, -1, "once", 10.0), (6, 1, "steps per change", 1.0), (6, 1, "changes", 4.0),
        (6, -1, "once", 6.0),
    ]  # fmt: skip
