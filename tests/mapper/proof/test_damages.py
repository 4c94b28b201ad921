"""Damaged proofs: the checker refuses each, whatever was changed."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import dse
from dse.mapper.proof import check
from dse.mapper.proof.write import prove


def spaces_of(proof: dict[str, Any]) -> dict[str, Any]:
    return proof["problem"]["spaces"]


def space_of_mapping(proof: dict[str, Any]) -> dict[str, Any]:
    return spaces_of(proof)[proof["mapping"]["space"]]


def tree_of_mapping(proof: dict[str, Any]) -> dict[str, Any]:
    return proof["trees"][proof["mapping"]["space"]]


def part_of(tree: dict[str, Any], what: str) -> dict[str, Any]:
    """The first set of a tree that has something."""
    waiting = [tree]
    while waiting:
        node = waiting.pop(0)
        if node.get(what):
            return node
        waiting += node.get("parts", [])
    raise AssertionError(what)


def lower_value(proof: dict[str, Any]) -> None:
    proof["value"] *= 0.999


def higher_value(proof: dict[str, Any]) -> None:
    proof["value"] *= 1.01


def smaller_gap(proof: dict[str, Any]) -> None:
    proof["gap"] = -0.01


def missing_space(proof: dict[str, Any]) -> None:
    del proof["trees"][next(iter(spaces_of(proof)))]


def repeated_space(proof: dict[str, Any]) -> None:
    """Two trees for one space, none for another."""
    one, other = [*spaces_of(proof)][:2]
    del proof["trees"][one]
    proof["trees"][f"{other} "] = proof["trees"][other]


def no_space(proof: dict[str, Any]) -> None:
    proof["problem"]["spaces"] = {}


def coefficient_below_zero(proof: dict[str, Any]) -> None:
    """A coefficient that makes the sums of all mappings too small, but not the bounds by weights."""
    for space in spaces_of(proof).values():
        for part, rows in space["blocks"]:
            rows[:] = [[-c if part == "limit" else c for c in row] for row in rows]


def missing_part(proof: dict[str, Any]) -> None:
    del part_of(tree_of_mapping(proof), "parts")["parts"][-1]


def cut_that_does_not_cover(proof: dict[str, Any]) -> None:
    node = part_of(tree_of_mapping(proof), "parts")
    node.pop("list")
    node.update({"cut": [2, 0, 0.0], "parts": [node["parts"][0]]})


def other_level(proof: dict[str, Any]) -> None:
    outer = part_of(tree_of_mapping(proof), "parts")
    inner = next(part for part in outer["parts"] if "list" in part)
    inner["list"] = outer["list"]


def level_from_the_end(proof: dict[str, Any]) -> None:
    part_of(tree_of_mapping(proof), "parts")["list"] = -1


def weights_of(proof: dict[str, Any]) -> list[Any]:
    """Places, in the rows of all blocks one after the other, and weights."""
    return next(step for step in part_of(tree_of_mapping(proof), "weights")["weights"] if step)


def negative_weight(proof: dict[str, Any]) -> None:
    weights_of(proof)[1][0] = -0.1


def weights_of_fewer_rows(proof: dict[str, Any]) -> None:
    del weights_of(proof)[1][-1]


def weights_of_one_term(proof: dict[str, Any]) -> None:
    """Of a term that the rows do not have: its place is beyond them."""
    space = space_of_mapping(proof)
    weights_of(proof)[:] = [[len(rows_of(space)) * len(space["terms"])], [1.0]]


def weight_far_beyond_all_rows(proof: dict[str, Any]) -> None:
    """A table with a place for each would take all memory."""
    weights_of(proof)[0][0] = 2**50


def weight_before_all_rows(proof: dict[str, Any]) -> None:
    weights_of(proof)[0][0] -= len(rows_of(space_of_mapping(proof))) * len(space_of_mapping(proof)["terms"])


def weight_of_what_a_row_has_not(proof: dict[str, Any]) -> None:
    """All weight of energy on a term that the row does not have, whose logarithm would be without bound."""
    at, row = next((at, row) for at, (part, row) in enumerate(rows_of(space_of_mapping(proof))) if part == "energy")
    weights_of(proof)[:] = [[at * len(row) + row.index(0)], [1.0]]


def no_steps(proof: dict[str, Any]) -> None:
    del part_of(tree_of_mapping(proof), "weights")["weights"]


def prices_without_end(proof: dict[str, Any]) -> None:
    """Prices in place of bounds, as earlier formats had them."""
    node = part_of(tree_of_mapping(proof), "weights")
    node.clear()
    node.update({"weights": [], "priced": [float("nan")] * 2})


def invented_prices(proof: dict[str, Any]) -> None:
    """A value that is a thousandth too high, with a price for each mapping that no bound rules out then."""
    proof["value"] *= 1.001
    for tree in proof["trees"].values():
        waiting = [tree]
        while waiting:
            node = waiting.pop()
            waiting += node.get("parts", [])
            if node and "parts" not in node:
                node["priced"] = [proof["value"]] * 256


def weights_below_one(proof: dict[str, Any]) -> None:
    weights = weights_of(proof)
    weights[1] = [w * 0.99 for w in weights[1]]


def infinite_weight(proof: dict[str, Any]) -> None:
    weights_of(proof)[1][0] = float("inf")


def no_number_for_a_weight(proof: dict[str, Any]) -> None:
    weights_of(proof)[1][0] = float("nan")


def rows_of(space: dict[str, Any]) -> list[tuple[str, list[float]]]:
    """What each row is part of, and the row."""
    return [(part, row) for part, rows in space["blocks"] for row in rows]


def huge_weight_of_a_limit(proof: dict[str, Any]) -> None:
    rows = rows_of(space_of_mapping(proof))
    limit = next(i for i, (part, _) in enumerate(rows) if part == "limit")
    terms = [t for t, c in enumerate(rows[limit][1]) if c]
    places, weights = weights_of(proof)
    places += [limit * len(rows[limit][1]) + t for t in terms]
    weights += [1e300 for _ in terms]


def steps_of(tree: dict[str, Any]) -> Iterator[list[Any]]:
    """All steps of a tree that have weights."""
    yield from (step for step in tree.get("weights", []) if step)
    for part in tree.get("parts", []):
        yield from steps_of(part)


def weight_of_a_row_that_takes_off(proof: dict[str, Any]) -> None:
    """All weights of energy on a copy of the row of energy that takes off what is nothing."""
    for name, space in spaces_of(proof).items():
        at = next(i for i, (part, _) in enumerate(rows_of(space)) if part == "energy")
        terms = len(space["terms"]) + 1
        space["terms"].append([])
        for _, row in rows_of(space):
            row.append(0)
        rows = next(rows for part, rows in space["blocks"] if part == "energy")
        rows.insert(0, [*rows[0][:-1], -1e-300])
        for step in steps_of(proof["trees"][name]):
            for i, place in enumerate(step[0]):
                row, term = divmod(place, terms - 1)
                step[0][i] = (row + (row > at)) * terms + term


def cut_of_no_dim(proof: dict[str, Any]) -> None:
    node = part_of(tree_of_mapping(proof), "parts")
    node.pop("list", None)
    node.update({"cut": [4, ["P", 99], 1], "parts": node["parts"][:2]})


def block_without_rows(proof: dict[str, Any]) -> None:
    space_of_mapping(proof)["blocks"].insert(1, ["energy", []])


def better_mapping(proof: dict[str, Any]) -> None:
    node = part_of(tree_of_mapping(proof), "weights")
    node.clear()
    node.update({"weights": [], "priced": [proof["value"] * 2]})


def no_tree(proof: dict[str, Any]) -> None:
    proof["trees"][proof["mapping"]["space"]] = {"weights": []}


def cheaper_terms(proof: dict[str, Any]) -> None:
    for space in spaces_of(proof).values():
        for part, rows in space["blocks"]:
            rows[:] = [[c * 0.9 if part == "energy" else c for c in row] for row in rows]


def cheaper_term(proof: dict[str, Any]) -> None:
    """Only the largest coefficient of energy in the mapping's space."""
    block = next(rows for part, rows in space_of_mapping(proof)["blocks"] if part == "energy")
    largest = block[0].index(max(block[0]))
    for row in block:
        row[largest] *= 0.5


def dearer_terms(proof: dict[str, Any]) -> None:
    for space in spaces_of(proof).values():
        for part, rows in space["blocks"]:
            rows[:] = [[c * 1.1 if part == "energy" else c for c in row] for row in rows]


def fewer_splits(proof: dict[str, Any]) -> None:
    """No loop over what the mapping unrolls: its own split is then none of those that the rules allow."""
    for factors in proof["problem"]["factors"].values():
        factors[:] = [[1, 1] if column % 3 else most for column, most in enumerate(factors)]


def other_mapping(proof: dict[str, Any]) -> None:
    proof["mapping"]["factors"]["K"] = [7] * len(proof["mapping"]["factors"]["K"])


def several_mappings(proof: dict[str, Any]) -> None:
    """All splits of K in place of one, that of the mapping among them."""
    proof["mapping"]["factors"]["K"] = check.Checker(proof).splits["K"].tolist()


def mapping_that_does_not_fit(proof: dict[str, Any]) -> None:
    """All loops in the innermost list: the whole layer in the registers."""
    for dim, factors in proof["mapping"]["factors"].items():
        factors[:] = [1] * len(factors)
        factors[3 * len(proof["mapping"]["orders"])] = proof["problem"]["bounds"][dim]
    proof["mapping"]["orders"] = ["" for _ in proof["mapping"]["orders"]]


def orders_of_another_mapping(proof: dict[str, Any]) -> None:
    proof["mapping"]["orders"] = ["" for _ in proof["mapping"]["orders"]]


def unknown_order(proof: dict[str, Any]) -> None:
    """Of the last list, over which nothing stays: it would repeat all transfers."""
    proof["mapping"]["orders"][0] = "G"


def space_that_the_problem_has_not(proof: dict[str, Any]) -> None:
    """A cheaper copy of the mapping's space, which is no part of the problem and has no tree."""
    proof["trees"]["another"] = copy.deepcopy(tree_of_mapping(proof))
    proof["spaces"] = {"another": copy.deepcopy(space_of_mapping(proof))}
    proof["mapping"]["space"] = "another"


def order_that_nothing_moves(proof: dict[str, Any]) -> None:
    """What stays over a list's only loops is said to be moved by others."""
    orders = proof["mapping"]["orders"]
    assert any(len(order) == 1 for order in orders)
    orders[:] = [order + "+" if len(order) == 1 else order for order in orders]


def no_orders(proof: dict[str, Any]) -> None:
    proof["mapping"]["orders"] = []


def mapping_of_no_space(proof: dict[str, Any]) -> None:
    proof["mapping"]["space"] = "another"


def other_format(proof: dict[str, Any]) -> None:
    proof["format"] = 4


def empty_objective(proof: dict[str, Any]) -> None:
    """A product of nothing, which is one in all mappings."""
    proof["objective"] = []


def other_objective(proof: dict[str, Any]) -> None:
    proof["objective"] = ["time"]


def limit_as_objective(proof: dict[str, Any]) -> None:
    """The rows of limits added up, which no mapping that fits exceeds."""
    proof["objective"] = ["limit"]


def blocks_that_are_one(proof: dict[str, Any]) -> None:
    """All rows of a kind in one block, of which the largest counts: nothing adds up."""
    space = space_of_mapping(proof)
    halves = [[[c / 2 for c in row] for row in rows] for part, rows in space["blocks"] if part == "energy"]
    space["blocks"] = [["energy", [row for rows in halves for row in rows]],
                       *(block for block in space["blocks"] if block[0] != "energy")]  # fmt: skip


def list_laid_down_twice(proof: dict[str, Any]) -> None:
    """A list in place of a cut of splits, laid down already: its parts are not those of the set."""
    waiting = [(tree_of_mapping(proof), [])]
    while waiting:
        node, laid = waiting.pop(0)
        below = [*laid, node["list"]] if "list" in node else laid
        if "cut" in node and laid:
            del node["cut"]
            node["list"] = laid[0]
            return
        waiting += [(part, below) for part in node.get("parts", [])]
    proof["value"] = -1.0  # no such set


def weight_of_another_part(proof: dict[str, Any]) -> None:
    """A huge weight of time where energy is proven: no sum of the file has it, but the bounds would."""
    proof["value"] *= 1.5
    for name, space in spaces_of(proof).items():
        place = len(rows_of(space)) * len(space["terms"])
        space["blocks"].append(["time", [[1.0e9 for _ in space["terms"]]]])
        for step in steps_of(proof["trees"][name]):
            step[0].append(place)
            step[1].append(1.0)


def squared_objective(proof: dict[str, Any]) -> None:
    proof["objective"] *= 2
    proof["value"] **= 2


def no_sides(proof: dict[str, Any]) -> None:
    """Of all dims less than one of a fan-out's children: no split is left, and no mapping."""
    for factors in proof["problem"]["factors"].values():
        factors[:] = [[0, 0] for _ in factors]


DAMAGES: list[Callable[[dict[str, Any]], None]] = [
    lower_value, higher_value, smaller_gap, missing_space, repeated_space, missing_part, cut_that_does_not_cover,
    other_level, level_from_the_end, negative_weight, weights_below_one, infinite_weight, no_number_for_a_weight,
    huge_weight_of_a_limit, better_mapping, no_tree, cheaper_terms, cheaper_term, dearer_terms, fewer_splits,
    other_mapping, several_mappings, mapping_that_does_not_fit, orders_of_another_mapping, no_orders,
    mapping_of_no_space, other_format, no_space,
    coefficient_below_zero, weights_of_fewer_rows, weights_of_one_term, no_steps, prices_without_end,
    unknown_order, space_that_the_problem_has_not, invented_prices, weight_of_a_row_that_takes_off, cut_of_no_dim,
    block_without_rows, order_that_nothing_moves, weight_before_all_rows, weight_of_what_a_row_has_not, empty_objective,
    other_objective, limit_as_objective, blocks_that_are_one, list_laid_down_twice, weight_of_another_part,
    squared_objective, no_sides, weight_far_beyond_all_rows,
]  # fmt: skip


@pytest.fixture(scope="module")
def proof_of_folds() -> dict[str, Any]:
    """Of an array whose weights are shifted in, for a product of one row: nearly all of the time are folds."""
    row = dse.Layer("row", K=96, C=80)
    return json.loads(json.dumps(prove(dse.load_architecture("systolic_ws"), row, "latency")))


def of_folds(space: dict[str, Any]) -> list[int]:
    """The terms of changes: they count index combinations that lists repeat of dims that an operand has, too."""
    whole = 3 * (1 + max(child for term in space["terms"] for *_, child, _ in term))
    return [t for t, term in enumerate(space["terms"]) if any(child > 0 for *_, child, _ in term) and all(
        kind == "combinations" and len(columns) < whole // 2 for *_, kind, _, child, columns in term if child > 0)]


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_proof_with_other_folds_is_refused(proof_of_folds: dict[str, Any], factor: float) -> None:
    check.check(proof_of_folds)
    broken = copy.deepcopy(proof_of_folds)
    for space in spaces_of(broken).values():
        changed = [(row, t) for part, row in rows_of(space) if part == "time" for t in of_folds(space) if row[t]]
        assert changed
        for row, t in changed:
            row[t] *= factor
    with pytest.raises(ValueError, match=r"no bound rules out|exceed its value"):
        check.check(broken)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_proof_is_refused(proof: dict[str, Any], damage: Callable[[dict[str, Any]], None]) -> None:
    broken = copy.deepcopy(proof)
    damage(broken)
    assert broken != proof
    with pytest.raises((ValueError, KeyError, TypeError, IndexError)):
        check.check(broken)


def test_a_file_of_an_earlier_format_is_refused_by_its_number(proof: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not in format 5, so `dse map --proof` has to write it anew"):
        check.check({**proof, "format": 4})
