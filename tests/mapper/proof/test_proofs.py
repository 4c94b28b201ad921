"""Proofs in files: the checker accepts those of true optima, and nothing else."""

from __future__ import annotations

import ast
import copy
import json
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from mapper.walks.deep_walk import deep_problem
from thinned import thinned

import dse
from dse.mapper.deep.bounds.spaces import space_of, without_fewest_steps
from dse.mapper.deep.problem import build
from dse.mapper.proof import check, grow, parts
from dse.mapper.proof.write import prove
from dse.mapper.shared.bypass import bypass_choices
from dse.model.price import price

LAYER = dse.Layer("conv", K=12, C=6, P=7, Q=7, R=3, S=3)


@pytest.fixture(scope="module")
def proof() -> dict[str, Any]:
    return json.loads(json.dumps(prove(dse.load_architecture("simba_pe"), LAYER, "energy")))


SHIPPED = ("eyeriss", "simba_pe", "edge_npu", "nvdla_small", "gemmini", "systolic_os", "systolic_ws", "tpu_v4i")


@pytest.mark.parametrize(("name", "objective"), thinned(product(SHIPPED, ("energy", "latency", "edp")), 5))
def test_the_optimum_of_shipped_machines_is_proven(name: str, objective: str) -> None:
    architecture = dse.load_architecture(name)
    found = prove(architecture, LAYER, objective)
    sets, priced, combinations = check.check(json.loads(json.dumps(found)))
    best = dse.map_layer(architecture, LAYER, objective).certificate
    steps = 1.0 if objective == "energy" else found["cycles_per_step"]
    assert found["value"] * steps == pytest.approx(best.value, rel=1e-12)
    assert combinations > sets > 0
    assert priced < combinations / 20


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
            found = prove(problem.architecture, problem.layer, objective, factors=problem.kind)
            steps = 1.0 if objective == "energy" else found["cycles_per_step"]
            assert found["value"] * steps == pytest.approx(best.certificate.value, rel=1e-11)
            check.check(json.loads(json.dumps(found)))


def test_a_gap_makes_a_proof_shorter() -> None:
    architecture = dse.load_architecture("edge_npu")
    near, exact = (prove(architecture, LAYER, "edp", gap=gap) for gap in (0.2, 0.0))
    assert check.check(near)[0] < check.check(exact)[0]


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
    del proof["spaces"][0]


def repeated_space(proof: dict[str, Any]) -> None:
    proof["spaces"][0] = proof["spaces"][1]


def missing_part(proof: dict[str, Any]) -> None:
    del part_of(space_of_mapping(proof)["tree"], "parts")["parts"][-1]


def other_level(proof: dict[str, Any]) -> None:
    outer = part_of(space_of_mapping(proof)["tree"], "parts")
    inner = next(part for part in outer["parts"] if "list" in part)
    inner["list"] = outer["list"]


def negative_weight(proof: dict[str, Any]) -> None:
    part_of(space_of_mapping(proof)["tree"], "weights")["weights"][0][0] = -0.1


def better_mapping(proof: dict[str, Any]) -> None:
    node = part_of(space_of_mapping(proof)["tree"], "weights")
    node.clear()
    node.update({"weights": [], "priced": [proof["value"] / 2]})


def no_tree(proof: dict[str, Any]) -> None:
    space_of_mapping(proof)["tree"] = {"weights": []}


def cheaper_terms(proof: dict[str, Any]) -> None:
    for space in proof["spaces"]:
        for term in space["terms"]:
            term["coefficient"] *= 0.9 if term["block"] == check.ENERGY else 1.0


def dearer_terms(proof: dict[str, Any]) -> None:
    for space in proof["spaces"]:
        for term in space["terms"]:
            term["coefficient"] *= 1.1 if term["block"] == check.ENERGY else 1.0


def fewer_splits(proof: dict[str, Any]) -> None:
    """No loop over what the mapping unrolls: its own split is then none of those that the rules allow."""
    for level in proof["problem"]["levels"]:
        level["on_rows"] = level["on_cols"] = ""


def other_mapping(proof: dict[str, Any]) -> None:
    proof["mapping"]["factors"]["K"] = [7] * len(proof["mapping"]["factors"]["K"])


DAMAGES: list[Callable[[dict[str, Any]], None]] = [
    lower_value, higher_value, smaller_gap, missing_space, repeated_space, missing_part, other_level,
    negative_weight, better_mapping, no_tree, cheaper_terms, dearer_terms, fewer_splits, other_mapping,
]  # fmt: skip


@pytest.fixture(scope="module")
def proof_of_folds() -> dict[str, Any]:
    """Of an array whose weights are shifted in, for a product of one row: nearly all of the time are folds."""
    row = dse.Layer("row", K=96, C=80)
    return json.loads(json.dumps(prove(dse.load_architecture("systolic_ws"), row, "latency")))


def of_folds(proof: dict[str, Any]) -> list[dict[str, Any]]:
    """The terms of changes, which stand behind the views of a crossing."""
    spaces = [(space["crossings"], term) for space in proof["spaces"] for term in space["terms"]]
    return [term for crossings, term in spaces
            if term["crossing"] >= 0 and term["view"] >= len(crossings[term["crossing"]][3])]  # fmt: skip


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_proof_with_other_folds_is_refused(proof_of_folds: dict[str, Any], factor: float) -> None:
    check.check(proof_of_folds)
    broken = copy.deepcopy(proof_of_folds)
    assert of_folds(broken)
    for term in of_folds(broken):
        term["coefficient"] *= factor
    with pytest.raises(ValueError, match=r"no bound rules out|exceed its value"):
        check.check(broken)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_proof_is_refused(proof: dict[str, Any], damage: Callable[[dict[str, Any]], None]) -> None:
    broken = copy.deepcopy(proof)
    damage(broken)
    assert broken != proof
    with pytest.raises((ValueError, KeyError, TypeError, IndexError)):
        check.check(broken)


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


@pytest.mark.parametrize("number", thinned(range(8), 3))
def test_the_checkers_factors_are_the_searchs(number: int) -> None:
    """Words where the ifmap slides are bounds, and the search's may be a little less; all others are equal."""
    problem = deep_problem(Random(f"factors {number}").randrange(10**6))
    layer = problem.architecture.lowered(problem.layer)
    prices, kept = price(problem.architecture, layer), bypass_choices(problem.architecture)[0]
    space = without_fewest_steps(space_of(build(problem.architecture, layer, kept, prices, problem.kind), 0))
    some = list(parts.parts_of_space(problem.architecture, layer, prices, problem.kind))
    stated = parts.problem_of(problem.architecture, some)
    axes = [check.Axis(stated, dims) for dims in check.AXES]
    for mine, axis, dims in zip(grow.told_apart(space, axes).axes, axes, check.AXES, strict=True):
        levels = range(len(stated["levels"]))
        for level in levels:
            keys = [("side", level, 0), ("idle", level), ("words", 0, level, -1), ("words", 0, level, 0)]
            keys += [("count", d, level, fans) for d in range(8) for fans in (0, 3, 5) if check.DIMS[d] in dims]
            keys += [("boxes", level, joined, mode, False) for mode in range(3)
                         for joined in range(1 << min(level, 3)) if len(dims) > 1]
            keys += [(what, *(level,) * len(dims)) for what in ("changes", "steps_per_change")]
            for key in keys:
                theirs = (key[0], check.DIMS[key[1]], *key[2:]) if key[0] == "count" else key
                theirs = ("changes", key[0] != "changes", *key[1:]) if "change" in key[0] else theirs
                at = mine.column(key)
                assert np.allclose(np.exp(axis.factor(theirs)), mine.table(plain=True)[at], rtol=1e-12), key


def test_what_is_laid_down_about_lists_is_what_the_search_lays_down() -> None:
    plain = [grow.plain_of(choice) for choice in map(grow.choice_of, check.CHOICES)]
    assert [tuple(choice) for choice in plain if choice is not None] == check.CHOICES
    assert grow.plain_of(None) is None
    assert grow.choice_of(None) is None


def test_every_choice_of_weights_gives_a_bound(proof: dict[str, Any]) -> None:
    """Held against the least sum over all combinations of a few splits; good weights come close."""
    stated = space_of_mapping(proof)
    axes = [check.Axis(proof["problem"], dims) for dims in check.AXES]
    space = check.Space(proof["problem"], axes, stated, "energy", np.inf)
    rows, choices = space.root()
    random = np.random.default_rng(5)
    for _ in range(20):
        some = [random.choice(row, min(len(row), 4), replace=False) for row in rows]
        tables = space.laid_out(some, choices)
        sums = space.logs
        for table in tables:
            sums = (np.reshape(sums, (-1, 1, len(space.logs))) + table[None]).reshape(-1, len(space.logs))
        space.limits = np.full(len(space.limits), 700.0)
        least = space.costs(sums).min()
        shares = np.exp(sums[space.costs(sums).argmin()]) * (space.block == check.ENERGY)
        bounds = [space.weigh(np.where(space.block == check.ENERGY, w, 0.0), tables)[0]
                  for w in (random.random(len(space.logs)), random.random(len(space.logs)) ** 9, shares)]  # fmt: skip
        assert max(bounds) <= least + 1e-12
        assert max(bounds) > least - 1.0
