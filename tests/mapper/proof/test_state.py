"""A file's statement is held against one that is made anew of a layer and a machine."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
from mapper.proof.conftest import LAYER

import dse
from dse.mapper.proof import check
from dse.mapper.proof.state import Statement, checked, differences, stated


@pytest.fixture(scope="module")
def statement() -> Statement:
    return stated(dse.load_architecture("simba_pe"), LAYER, "energy")


def test_the_right_problem_is_accepted_whatever_its_name(proof: dict[str, Any], statement: Statement) -> None:
    assert checked(proof, statement) == check.check(proof)
    renamed = stated(dse.load_architecture("simba_pe"), replace(LAYER, name="other"))
    assert "other on simba_pe: no mapping has less energy" in checked(proof, renamed)


def test_prices_that_are_all_higher_pass_the_checker_alone(proof: dict[str, Any], statement: Statement) -> None:
    """The sums of all mappings are higher by as much, so that the file holds as such."""
    dearer = copy.deepcopy(proof)
    dearer["value"] *= 1.1
    for space in dearer["problem"]["spaces"].values():
        for part, rows in space["blocks"]:
            rows[:] = [[1.1 * c if part == "energy" else c for c in row] for row in rows]
    check.check(dearer)
    with pytest.raises(ValueError, match=r"about another problem: problem, spaces, .* in the file and .* here; \d+"):
        checked(dearer, statement)


@pytest.mark.parametrize(("machine", "objective", "factors", "message"), [
    ("eyeriss", "energy", "all", "problem, "), ("simba_pe", "edp", "all", "objective has 1 entries in the file and 2"),
    ("simba_pe", "energy", "perfect", "problem, perfect is false in the file and true here"),
])  # fmt: skip
def test_another_machine_or_objective_is_refused(
    proof: dict[str, Any], machine: str, objective: str, factors: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        checked(proof, stated(dse.load_architecture(machine), LAYER, objective, factors))


def test_another_layer_is_refused(proof: dict[str, Any]) -> None:
    other = stated(dse.load_architecture("simba_pe"), dse.Layer("conv", K=12, C=6, P=7, Q=7, R=3, S=2))
    with pytest.raises(ValueError, match="problem, bounds, S is 3 in the file and 2 here; "):
        checked(proof, other)


def test_a_space_that_the_file_leaves_out_is_missed(proof: dict[str, Any], statement: Statement) -> None:
    """The checker alone goes by the file's own list of spaces."""
    fewer = copy.deepcopy(proof)
    name = next(name for name in fewer["problem"]["spaces"] if name != fewer["mapping"]["space"])
    del fewer["problem"]["spaces"][name]
    check.check(fewer)
    with pytest.raises(ValueError, match="is missing in the file"):
        checked(fewer, statement)


def test_a_proof_of_less_than_is_asked_for_is_refused(proof: dict[str, Any], statement: Statement) -> None:
    near = {**proof, "gap": 0.01}
    assert checked(near, statement, 0.01) == check.check(near)
    with pytest.raises(ValueError, match=r"it proves the value within 0\.01, and --gap is 0"):
        checked(near, statement)


@pytest.mark.parametrize("proof", [[1], {}, {"format": 4}, {"format": check.FORMAT}, {"format": 5, "gap": "x"}])
def test_what_is_no_proof_is_refused(proof: Any, statement: Statement) -> None:
    with pytest.raises(ValueError, match=r"no proof|not in format|another problem"):
        checked(proof, statement)


def test_a_damaged_tree_is_refused(proof: dict[str, Any], statement: Statement) -> None:
    with pytest.raises(ValueError, match="no bound rules out"):
        checked({**proof, "trees": {name: {"weights": []} for name in proof["trees"]}}, statement)


def test_differences_are_told_one_by_one() -> None:
    mine = {"a": [1, 2.0], "b": {"c": True, "d": "x"}, "e": 1.0}
    assert not [*differences(json.loads(json.dumps(mine)), mine)]
    assert not [*differences({**mine, "e": 1.0 + 1e-15}, mine)]
    told = [*differences({"a": [1, 3], "b": {"c": 1, "f": 0}, "e": float("nan")}, mine)]
    assert told == [
        "a, number 2 is 3 in the file and 2.0 here", "b, c is 1 in the file and true here",
        "b, d is missing in the file", "b has f in the file and not here", "e is NaN in the file and 1.0 here",
    ]  # fmt: skip


def test_tile_sizes_that_could_shrink_have_no_proof() -> None:
    with pytest.raises(dse.DseError, match="could shrink"):
        stated(dse.load_architecture("simba_pe"), LAYER, "energy", "any")
