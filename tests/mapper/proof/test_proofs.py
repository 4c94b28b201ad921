"""Proofs in files: the checker accepts those of true optima, and nothing else."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from mapper.proof.conftest import LAYER
from mapper.walks.deep_walk import DeepProblem, clustered_problem, deep_problem
from thinned import thinned

import dse
from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import Level
from dse.mapper.deep.bounds.spaces import space_of, without_fewest_steps
from dse.mapper.deep.bounds.subproblem import Node
from dse.mapper.deep.lists import NO_SLIDE, listed
from dse.mapper.deep.problem import build
from dse.mapper.deep.splits.halo import Slide
from dse.mapper.deep.tree.walks import walk_to
from dse.mapper.proof import check, grow, parts
from dse.mapper.proof.rows import OBJECTIVES, Rows
from dse.mapper.proof.write import order_of, prove
from dse.mapper.shared.incumbent import ENERGY, LATENCY
from dse.mapper.shared.mapspace.bypass import bypass_choices
from dse.model.price import price
from dse.problem.dims import DIMS, OPERANDS


def sets_of(proof: dict[str, Any]) -> int:
    """How many sets a proof that holds has."""
    return int(re.findall(r"([\d,]+) sets", check.check(proof))[0].replace(",", ""))


SHIPPED = ("eyeriss", "simba_pe", "edge_npu", "nvdla_small", "gemmini", "systolic_os", "systolic_ws", "tpu_v4i")


@pytest.mark.parametrize(("name", "objective"), thinned(product(SHIPPED, ("energy", "latency", "edp")), 5))
def test_the_optimum_of_shipped_machines_is_proven(name: str, objective: str) -> None:
    architecture = dse.load_architecture(name)
    found = prove(architecture, LAYER, objective)
    assert sets_of(json.loads(json.dumps(found))) > 0
    best = dse.map_layer(architecture, LAYER, objective).certificate
    steps = 1.0 if objective == "energy" else found["cycles_per_step"]
    assert found["value"] * steps == pytest.approx(best.value, rel=1e-12)


@pytest.mark.parametrize("objective", ["energy", "latency", "edp"])
def test_an_optimum_that_waits_for_one_port_or_another_is_proven(objective: str) -> None:
    """Each of its times stands in the search twice, once with each port, and in a file once."""
    architecture = dse.load_architecture("tests/benchmarks/specs/asymmetric.yaml")
    found = prove(architecture, LAYER, objective)
    assert sets_of(json.loads(json.dumps(found))) > 0
    (part,) = parts.parts_of_space(architecture, LAYER, price(architecture, LAYER), "all")
    rows = [row for row in Rows(part.space, "latency").rows if row.part == "time"]
    assert len({row.terms for row in rows}) == len(rows)
    assert part.space.groups > len([row for row in rows if row.block == 0])


@pytest.mark.parametrize("objective", ["energy", "edp"])
def test_a_mapping_that_takes_no_energy_needs_no_proof(objective: str) -> None:
    levels = (Level(name, frozenset(OPERANDS), capacity_bits=bits) for name, bits in (("DRAM", None), ("L1", 900)))
    free = Architecture("free", tuple(levels), Mac(0.0), 1e9)
    with pytest.raises(dse.DseError, match="no energy on free, so there is nothing to prove"):
        prove(free, LAYER, objective)
    assert sets_of(json.loads(json.dumps(prove(free, LAYER, "latency")))) > 0


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
    assert sets_of(near) < sets_of(exact)


def test_the_checker_stands_alone(proof: dict[str, Any], tmp_path: Path) -> None:
    source = Path(check.__file__).read_text()
    assert len(source.splitlines()) <= 200
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
    parts = OBJECTIVES[objective]
    checker = check.Checker({"problem": problem, "objective": parts, "value": np.inf, "gap": 0.0})
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
        sets = checker_of(stated, rows.to_dict(), objective)
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
    assert order_of(trips, np.array([0, 3, 1, 2, 4, 5, 6, 7])) == "C"  # psums rest over nothing


def test_every_choice_of_weights_gives_a_bound(proof: dict[str, Any]) -> None:
    """Held against the least sum over all combinations of a few splits; good weights come close."""
    stated = proof["problem"]["spaces"][proof["mapping"]["space"]]
    space = checker_of(proof["problem"], stated)
    energy = (space.part == "energy")[space.block]
    space.rows[~energy] = space.sure[~energy] = 0.0  # no limit
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
        places = [row * len(shares) + t for t in range(len(shares))]
        each = [(places, (w / w.sum()).tolist()) for w in given]
        bounds = [min(bound.min() for bound in space.bounds_by(one, tables)) for one in each]
        assert max(bounds) <= costs.min() + 1e-12
        assert max(bounds) > costs.min() - 1.0


def test_where_visits_pay_a_proof_may_need_a_gap() -> None:
    problem = deep_problem(114520)
    assert visits_pay(problem)
    with pytest.raises(dse.DseError, match=r"no bound rules out 1 mappings that cost no less: .* 0\.\d+ % too low"):
        prove(problem.architecture, problem.layer, "energy", factors=problem.kind)
    near = prove(problem.architecture, problem.layer, "energy", gap=0.01, factors=problem.kind)
    assert "no mapping has less energy than" in check.check(json.loads(json.dumps(near)))
