"""Proofs in files: the checker accepts those of true optima, and nothing else."""

from __future__ import annotations

import ast
import copy
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from mapper.walks.deep_walk import DeepProblem, clustered_problem, deep_problem
from thinned import thinned

import dse
from dse.mapper.deep.bounds.spaces import space_of, without_fewest_steps
from dse.mapper.deep.bounds.subproblem import Node
from dse.mapper.deep.lists import NO_SLIDE, listed
from dse.mapper.deep.problem import build
from dse.mapper.deep.splits.halo import Slide
from dse.mapper.deep.tree.walks import walk_to
from dse.mapper.proof import check, grow, parts
from dse.mapper.proof.rows import Rows
from dse.mapper.proof.write import order_of, prove
from dse.mapper.shared.bypass import bypass_choices
from dse.mapper.shared.incumbent import ENERGY, LATENCY
from dse.model.price import price
from dse.problem.dims import DIMS

LAYER = dse.Layer("conv", K=12, C=6, P=7, Q=7, R=3, S=3)


@pytest.fixture(scope="module")
def proof() -> dict[str, Any]:
    return json.loads(json.dumps(prove(dse.load_architecture("simba_pe"), LAYER, "energy")))


def counts_of(proof: dict[str, Any]) -> list[int]:
    """The sets, and all combinations of splits, of a proof that holds."""
    return [int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", check.check(proof).splitlines()[1])]


SHIPPED = ("eyeriss", "simba_pe", "edge_npu", "nvdla_small", "gemmini", "systolic_os", "systolic_ws", "tpu_v4i")


@pytest.mark.parametrize(("name", "objective"), thinned(product(SHIPPED, ("energy", "latency", "edp")), 5))
def test_the_optimum_of_shipped_machines_is_proven(name: str, objective: str) -> None:
    architecture = dse.load_architecture(name)
    found = prove(architecture, LAYER, objective)
    sets, combinations = counts_of(json.loads(json.dumps(found)))
    best = dse.map_layer(architecture, LAYER, objective).certificate
    steps = 1.0 if objective == "energy" else found["cycles_per_step"]
    assert found["value"] * steps == pytest.approx(best.value, rel=1e-12)
    assert combinations > sets > 0


def visits_pay(problem: DeepProblem) -> bool:
    layer = problem.architecture.lowered(problem.layer)
    prices = price(problem.architecture, layer)
    return any(part.space.problem.visits_pay
               for part in parts.parts_of_space(problem.architecture, layer, prices, problem.kind))  # fmt: skip


@pytest.mark.parametrize("chunk", thinned(range(12), 6))
def test_the_optimum_of_random_hierarchies_is_proven(chunk: int) -> None:
    """Every bypass, fan-out, dataflow, width and price that the problems of the deep search have."""
    random = Random(f"proof {chunk}")
    for _ in range(4):
        problem = deep_problem(random.randrange(10**6))
        for objective in ("energy", "edp"):
            try:
                best = dse.map_layer(problem.architecture, problem.layer, objective, factors=problem.kind)
            except dse.InfeasibleError:
                with pytest.raises(dse.DseError, match="nothing to prove"):
                    prove(problem.architecture, problem.layer, objective, factors=problem.kind)
                continue
            try:
                found = prove(problem.architecture, problem.layer, objective, factors=problem.kind)
            except dse.DseError as error:
                assert visits_pay(problem), error  # noqa: PT017
                continue
            steps = 1.0 if objective == "energy" else found["cycles_per_step"]
            assert found["value"] * steps == pytest.approx(best.certificate.value, rel=1e-11)
            check.check(json.loads(json.dumps(found)))


def test_a_gap_makes_a_proof_shorter() -> None:
    architecture = dse.load_architecture("edge_npu")
    near, exact = (prove(architecture, LAYER, "edp", gap=gap) for gap in (0.2, 0.0))
    assert counts_of(near)[0] < counts_of(exact)[0]


def space_of_mapping(proof: dict[str, Any]) -> dict[str, Any]:
    return proof["spaces"][proof["mapping"]["space"]]


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
    del proof["spaces"][proof["problem"]["spaces"][0]]


def repeated_space(proof: dict[str, Any]) -> None:
    """Two trees for one space, none for another."""
    one, other = proof["problem"]["spaces"][:2]
    del proof["spaces"][one]
    proof["spaces"][f"{other} "] = proof["spaces"][other]


def no_space(proof: dict[str, Any]) -> None:
    proof["problem"]["spaces"] = []


def coefficient_below_zero(proof: dict[str, Any]) -> None:
    """A coefficient that makes the sums of all mappings too small, but not the bounds by weights."""
    for space in proof["spaces"].values():
        for part, rows in space["blocks"]:
            rows[:] = [[-c if part == "limit" else c for c in row] for row in rows]


def missing_part(proof: dict[str, Any]) -> None:
    del part_of(space_of_mapping(proof)["tree"], "parts")["parts"][-1]


def cut_that_does_not_cover(proof: dict[str, Any]) -> None:
    node = part_of(space_of_mapping(proof)["tree"], "parts")
    node.pop("list")
    node.update({"cut": [2, 0, 0.0], "parts": [node["parts"][0]]})


def other_level(proof: dict[str, Any]) -> None:
    outer = part_of(space_of_mapping(proof)["tree"], "parts")
    inner = next(part for part in outer["parts"] if "list" in part)
    inner["list"] = outer["list"]


def level_from_the_end(proof: dict[str, Any]) -> None:
    part_of(space_of_mapping(proof)["tree"], "parts")["list"] = -1


def weights_of(proof: dict[str, Any]) -> list[list[float]]:
    return next(step for step in part_of(space_of_mapping(proof)["tree"], "weights")["weights"] if step)


def negative_weight(proof: dict[str, Any]) -> None:
    weights_of(proof)[0][0] = -0.1


def weights_of_fewer_rows(proof: dict[str, Any]) -> None:
    del weights_of(proof)[-1]


def weights_of_one_term(proof: dict[str, Any]) -> None:
    weights = weights_of(proof)
    weights[:] = [row[:1] for row in weights]
    weights[0][0] = 1.0


def no_steps(proof: dict[str, Any]) -> None:
    del part_of(space_of_mapping(proof)["tree"], "weights")["weights"]


def prices_without_end(proof: dict[str, Any]) -> None:
    """Prices in place of bounds, as earlier formats had them."""
    node = part_of(space_of_mapping(proof)["tree"], "weights")
    node.clear()
    node.update({"weights": [], "priced": [float("nan")] * 2})


def invented_prices(proof: dict[str, Any]) -> None:
    """A value that is a thousandth too high, with a price for each mapping that no bound rules out then."""
    proof["value"] *= 1.001
    for row in proof["mapping"]["factors"].values():
        assert row
    for space in proof["spaces"].values():
        waiting = [space["tree"]]
        while waiting:
            node = waiting.pop()
            waiting += node.get("parts", [])
            if node and "parts" not in node:
                node["priced"] = [proof["value"]] * 256


def weights_below_one(proof: dict[str, Any]) -> None:
    for weights in weights_of(proof):
        weights[:] = [w * 0.99 for w in weights]


def infinite_weight(proof: dict[str, Any]) -> None:
    weights_of(proof)[0][0] = float("inf")


def no_number_for_a_weight(proof: dict[str, Any]) -> None:
    weights_of(proof)[0][0] = float("nan")


def rows_of(space: dict[str, Any]) -> list[tuple[str, list[float]]]:
    """What each row is part of, and the row."""
    return [(part, row) for part, rows in space["blocks"] for row in rows]


def huge_weight_of_a_limit(proof: dict[str, Any]) -> None:
    rows = rows_of(space_of_mapping(proof))
    limit = next(i for i, (part, _) in enumerate(rows) if part == "limit")
    weights_of(proof)[limit] = [1e300 if c else 0 for c in rows[limit][1]]


def weight_of_a_row_that_takes_off(proof: dict[str, Any]) -> None:
    """All weights of energy on a copy of the row of energy that takes off what is nothing."""
    for space in proof["spaces"].values():
        at = next(i for i, (part, _) in enumerate(rows_of(space)) if part == "energy")
        rows = next(rows for part, rows in space["blocks"] if part == "energy")
        space["terms"].append([])
        for row in (row for _, some in space["blocks"] for row in some):
            row.append(0)
        rows.insert(0, [*rows[0][:-1], -1e-300])
        waiting = [space["tree"]]
        while waiting:
            node = waiting.pop()
            waiting += node.get("parts", [])
            for weights in (step for step in node.get("weights", []) if step):
                for row in weights:
                    row.append(0)
                weights.insert(at, weights[at])
                weights[at + 1] = [0] * len(weights[at])


def cut_of_no_dim(proof: dict[str, Any]) -> None:
    node = part_of(space_of_mapping(proof)["tree"], "parts")
    node.pop("list", None)
    node.update({"cut": [4, ["P", 99], 1], "parts": node["parts"][:2]})


def block_without_rows(proof: dict[str, Any]) -> None:
    space_of_mapping(proof)["blocks"].insert(1, ["energy", []])


def better_mapping(proof: dict[str, Any]) -> None:
    node = part_of(space_of_mapping(proof)["tree"], "weights")
    node.clear()
    node.update({"weights": [], "priced": [proof["value"] * 2]})


def no_tree(proof: dict[str, Any]) -> None:
    space_of_mapping(proof)["tree"] = {"weights": []}


def cheaper_terms(proof: dict[str, Any]) -> None:
    for space in proof["spaces"].values():
        for part, rows in space["blocks"]:
            rows[:] = [[c * 0.9 if part == "energy" else c for c in row] for row in rows]


def cheaper_term(proof: dict[str, Any]) -> None:
    """Only the largest coefficient of energy in the mapping's space."""
    block = next(rows for part, rows in space_of_mapping(proof)["blocks"] if part == "energy")
    largest = block[0].index(max(block[0]))
    for row in block:
        row[largest] *= 0.5


def dearer_terms(proof: dict[str, Any]) -> None:
    for space in proof["spaces"].values():
        for part, rows in space["blocks"]:
            rows[:] = [[c * 1.1 if part == "energy" else c for c in row] for row in rows]


def fewer_splits(proof: dict[str, Any]) -> None:
    """No loop over what the mapping unrolls: its own split is then none of those that the rules allow."""
    for factors in proof["problem"]["factors"].values():
        factors[:] = [[1, 1] if column % 3 else most for column, most in enumerate(factors)]


def other_mapping(proof: dict[str, Any]) -> None:
    proof["mapping"]["factors"]["K"] = [7] * len(proof["mapping"]["factors"]["K"])


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
    copied = copy.deepcopy(space_of_mapping(proof))
    proof["mapping"]["space"] = "another"
    proof["spaces"]["another"] = {**copied, "tree": {"weights": [[]]}}


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
    proof["format"] = 3


DAMAGES: list[Callable[[dict[str, Any]], None]] = [
    lower_value, higher_value, smaller_gap, missing_space, repeated_space, missing_part, cut_that_does_not_cover,
    other_level, level_from_the_end, negative_weight, weights_below_one, infinite_weight, no_number_for_a_weight,
    huge_weight_of_a_limit, better_mapping, no_tree, cheaper_terms, cheaper_term, dearer_terms, fewer_splits,
    other_mapping, mapping_that_does_not_fit, orders_of_another_mapping, no_orders, mapping_of_no_space, other_format,
    no_space, coefficient_below_zero, weights_of_fewer_rows, weights_of_one_term, no_steps, prices_without_end,
    unknown_order, space_that_the_problem_has_not, invented_prices, weight_of_a_row_that_takes_off, cut_of_no_dim,
    block_without_rows, order_that_nothing_moves,
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
    for space in broken["spaces"].values():
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
    with pytest.raises(ValueError, match="not in format 4, so `dse map --proof` has to write it anew"):
        check.check({**proof, "format": 3})


def test_the_checker_stands_alone(proof: dict[str, Any], tmp_path: Path) -> None:
    source = Path(check.__file__).read_text()
    names = [
        name for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    ]  # fmt: skip
    assert set(names) - set(sys.stdlib_module_names) - {"collections.abc"} == {"numpy"}
    (tmp_path / "check.py").write_text(source)
    (tmp_path / "good.json").write_text(json.dumps(proof))
    (tmp_path / "bad.json").write_text(json.dumps({**proof, "value": proof["value"] * 1.01}))
    command = [sys.executable, "-I", "check.py"]
    good, bad, none = (
        subprocess.run([*command, name], cwd=tmp_path, capture_output=True, text=True, check=False)
        for name in ("good.json", "bad.json", "none.json")
    )
    assert good.returncode == 0
    assert "no mapping has less energy than" in good.stdout
    assert bad.returncode == none.returncode == 1
    assert bad.stderr.startswith("bad.json: NOT PROVEN: ")
    assert none.stderr.startswith("none.json: NOT PROVEN: ")


def checker_of(
    problem: dict[str, Any], space: dict[str, Any] | None = None, objective: str = "energy"
) -> check.Checker:  # fmt: skip
    """A checker of all mappings, whatever they cost."""
    checker = check.Checker({"problem": problem, "objective": objective, "value": np.inf, "gap": 0.0})
    if space is not None:
        checker.enter(space)
    return checker


@pytest.mark.parametrize("number", thinned(range(8), 3))
def test_the_checkers_factors_are_the_searchs(number: int) -> None:
    """Words where the ifmap slides are bounds, and the checker's may be less; all others are equal."""
    problem = deep_problem(Random(f"factors {number}").randrange(10**6))
    layer = problem.architecture.lowered(problem.layer)
    prices, kept = price(problem.architecture, layer), bypass_choices(problem.architecture)[0]
    space = without_fewest_steps(space_of(build(problem.architecture, layer, kept, prices, problem.kind), 0))
    some = list(parts.parts_of_space(problem.architecture, layer, prices, problem.kind))
    stated = parts.problem_of(problem.architecture, some)
    checker = checker_of(stated)
    levels = len(stated["levels"])
    for mine, dims in zip(grow.told_apart(space, checker).axes, check.AXES, strict=True):
        for level in range(levels):
            fans = [3 * i + side for i in range(level) for side in (1, 2)]
            tile, pair = [*range(3 * level, 3 * levels)], len(dims) > 1
            for key, kind, columns in (
                (("side", level, 0), "tile", [3 * level + 1]), (("idle", level), "tile", fans),
                (("words", 0, level, -1), "tile", tile), (("words", 0, level, 0), "tile", [*fans, *tile]),
                (("changes", *(level,) * len(dims)), "combinations", range(0, 3 * level, 3)),
            ):  # fmt: skip
                together = [dims] if key[0] == "words" else dims
                theirs = sum(checker.count(names, kind, 0, tuple(columns), *[()] * len(names)) for names in together)
                sign = -1 if key[0] == "idle" else 1
                at = mine.column(key)
                assert np.allclose(sign * theirs, mine.table()[at]), key
            for joined in range(1 << min(level, 3)) if pair else ():
                shared = tuple(3 * i + side for i in range(level) if joined >> i & 1 for side in (1, 2))
                for kind, mode in (("boxes", 1), ("words", 2)):
                    at = mine.column(("boxes", level, joined, mode, ()))
                    assert np.allclose(checker.count(dims, kind, level, shared, (), ()), mine.table()[at])
                    for which, over in enumerate(dims) if level else ():  # all loops over one dim
                        at = mine.column(("boxes", level, joined, mode, (Slide(which, 0, level - 1, False),)))
                        runs = [range(0, 3 * level, 3) if d == over else () for d in dims]
                        theirs = checker.count(dims, "words", level, shared, *runs)
                        assert (theirs <= mine.table()[at] + 1e-12).all()
            for d in dims:
                for lists, spread in ((level, 0), (level, 3), (0, 5)):
                    number_of = DIMS.index(d)
                    columns = {3 * i for i in range(lists)}
                    columns |= {3 * i + side for i in range(levels) if spread >> i & 1 for side in (1, 2)}
                    theirs = checker.count(d, "combinations", 0, tuple(columns), ())
                    at = mine.column(("count", number_of, lists, spread))
                    assert np.allclose(theirs, mine.table()[at])


def price_of(tree: grow.Tree, chosen: list[Any], orders: dict[int, str], kind: int) -> float | None:
    """The model's least energy or steps of a split in orders that agree with what is laid down; None where none is
    legal."""
    space, laid = tree.space, tree._laid(orders)
    best = replace(tree.best, kind=kind, values=np.zeros((1, 2)), held=0)
    level = tuple(np.zeros(1) for _ in chosen)
    walk_to(Node(space, laid, tuple(chosen), np.zeros(0), 0.0, level, space.columns(laid)), best, np.inf, 0)
    return float(best.values[0][kind]) if best.held else None


@pytest.mark.parametrize(("number", "objective"), thinned(product(range(12), ("energy", "latency")), 6))
def test_no_mapping_costs_less_than_its_rows(number: int, objective: str) -> None:
    """Mappings priced by the model, many of them with ifmap that slides and is shared, against the checker's sums.

    Where all is laid down the rows are the price itself, but for orders in which psums may stay over fewer loops.
    """
    random, kind = Random(f"rows {number}"), {"energy": ENERGY, "latency": LATENCY}[objective]
    problem = (deep_problem, clustered_problem)[number % 2](random.randrange(10**6))
    layer = problem.architecture.lowered(problem.layer)
    prices = price(problem.architecture, layer)
    some = list(parts.parts_of_space(problem.architecture, layer, prices, problem.kind))
    stated, same, seen = parts.problem_of(problem.architecture, some), 0, 0
    for part in random.sample(some, min(3, len(some))):
        rows = Rows(part.space, objective, part.spread)
        sets = checker_of(stated, part.to_dict(rows), objective)
        tree, whole = grow.Tree(rows, sets, kind), [*sets.whole]
        for _ in range(200 if all(map(len, whole)) else 0):
            one = [np.array([random.choice(row)]) for row in whole]
            if not np.isfinite(sets.costs(sum(sets.tables(one, {})[0]))).all():
                continue
            fits = [[order for order in check.ORDERS if all(map(len, sets.agreeing(one, level, order)))]
                    for level in range(len(stated["without"]))]  # fmt: skip
            if not all(fits):
                continue
            # Some loop moves the operand where there is one; and the search does not tell P from R, nor Q from S.
            orders = {level: random.choice([
                order for order in some
                if order[1:] not in ("R", "S") and (order[1:] != "+" or order[0] not in some)
            ]) for level, some in enumerate(fits)}  # fmt: skip
            known = price_of(tree, one, orders, kind)
            if known is None:  # it does not fit, or another order is no worse
                continue
            tables, exact = sets.tables(one, orders)
            cost = float(sets.costs(sum(tables), exact)[0])
            assert cost <= np.log(known) + 1e-9
            seen, same = seen + 1, same + (cost > np.log(known) - 1e-9)
            laid = dict(orders)
            for level in (None, *random.sample(range(len(orders)), len(orders))):
                laid.pop(level, None)
                assert sets.bounds_by([], sets.tables(one, laid)[0])[0].max() <= np.log(known) + 1e-9
                several = [np.unique(np.append(random.choices(row.tolist(), k=2), mine))
                           for row, mine in zip(whole, one, strict=True)]  # fmt: skip
                least = [table.min(axis=0) for table in sets.tables(several, laid)[0]]
                assert sets.costs(sum(least)[None])[0] <= np.log(known) + 1e-9
    assert same >= 0.8 * seen or visits_pay(problem)


def test_what_is_laid_down_about_lists_is_what_the_search_lays_down() -> None:
    assert {grow.choice_of(order) for order in check.ORDERS} == set(listed())
    assert grow.choice_of(None) is None
    assert grow.choice_of("N+").slide == NO_SLIDE
    trips = np.array([2, 1, 1, 3, 1, 1, 1, 1])
    assert order_of(trips, np.array([0, 3, 1, 2, 4, 5, 6, 7])) == "C+"  # psums rest over nothing


def test_every_choice_of_weights_gives_a_bound(proof: dict[str, Any]) -> None:
    """Held against the least sum over all combinations of a few splits; good weights come close."""
    stated = space_of_mapping(proof)
    space = checker_of(proof["problem"], stated)
    energy = (space.part == "energy")[space.block]
    space.rows[~energy] = 0.0  # no limit
    random = np.random.default_rng(5)
    for _ in range(20):
        some = [random.choice(row, min(len(row), 4), replace=False) for row in space.whole]
        tables, _ = space.tables(some, {})
        sums = np.array([sum(each) for each in product(*tables)])
        costs = space.costs(sums)
        row = int(np.flatnonzero(energy)[0])
        shares = np.exp(sums[costs.argmin()]) * space.rows[row]
        drawn = random.random((2, len(shares)))
        given = [(space.rows[row] > 0) * w for w in (drawn[0], drawn[1] ** 9, shares)]
        each = [np.where(np.arange(len(space.rows))[:, None] == row, w / w.sum(), 0.0) for w in given]
        bounds = [min(bound.min() for bound in space.bounds_by(one.tolist(), tables)) for one in each]
        assert max(bounds) <= costs.min() + 1e-12
        assert max(bounds) > costs.min() - 1.0
