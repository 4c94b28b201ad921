"""While nothing is known of outer lists, one split stands for all that differ in these: no bound counts more for it."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import prod
from random import Random

import numpy as np
import pytest
from mapper.deep.bounds.test_returning import nothing_known
from mapper.deep.test_deep_bounds import EQUAL, drawn, sums
from thinned import parts, thinned

from dse import Layer, load_architecture
from dse.mapper.deep.bounds import stand_ins
from dse.mapper.deep.bounds.layer_spaces import spaces_of
from dse.mapper.deep.bounds.roots import root_of
from dse.mapper.deep.bounds.stand_ins import combinations_of, is_large, lists_of_stand_ins, whole_of, without_list
from dse.mapper.deep.bounds.subproblem import Space
from dse.mapper.deep.lists import ListChoice, choices_of, kinds, listed, nothing_of
from dse.mapper.deep.solve import solve_deep
from dse.mapper.deep.splits.gathered import gathered
from dse.mapper.deep.tree.branching import laid_down
from dse.mapper.deep.tree.exchange import rows_of
from dse.mapper.deep.tree.walks import surviving
from dse.mapper.shared.incumbent import EDP, ENERGY, LATENCY

KINDS = (ENERGY, LATENCY, EDP)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Splits stand for others with tables of any size."""
    for name in ("SEVERAL", "LONG", "AXES"):
        monkeypatch.setattr(stand_ins, name, 0)


def stands_for(space: Space, lists: int) -> list[np.ndarray]:
    each = [gathered(axis, stand_ins.lists_on(space, axis, lists)) for axis in space.axes]
    return [of for of in each if of is not None]


@pytest.mark.parametrize("seeds", thinned(parts(480, 30), 4))
def test_no_factor_is_larger_than_that_of_a_split_it_stands_for(seeds: range) -> None:
    """Whatever is laid down about inner lists, each factor of each term is compared."""
    compared = 0
    for seed in seeds:
        rng, (_, spaces, _) = Random(seed), drawn(seed)
        for space in spaces:
            if lists_of_stand_ins(space) < 2:
                continue
            for inner in range(nothing_of(space.problem).count(None) - 1):
                choices = list(nothing_of(space.problem))
                open_lists = [i for i, choice in enumerate(choices) if choice is None]
                for level in open_lists[len(open_lists) - inner :]:
                    choices[level] = rng.choice(kinds() + listed())
                of = stands_for(space, stand_ins.outer_lists(tuple(choices)))
                _, first, second = space.columns(tuple(choices))
                for axis, its, one, other in zip(space.axes, of, first.T, second.T, strict=True):
                    table = axis.table(plain=True)
                    factors = table[one] * table[other]
                    assert (factors[:, its] <= factors * (1 + 1e-12)).all(), (seed, choices)
                    compared += len(one) * (len(np.unique(its)) < len(its))
    assert compared > 300


@pytest.mark.parametrize("seeds", thinned(parts(120, 30), 4))
def test_sums_with_outer_lists_open_are_no_more_than_a_mapping_costs(seeds: range) -> None:
    """The sums of the stand-ins of the best mappings' splits, with outer lists open, are no more than these cost."""
    compared = 0
    for seed in seeds:
        problem, spaces, front = drawn(seed)
        if len(front) == 0:
            continue
        found = solve_deep(problem.architecture, problem.layer, ENERGY, 0.0, problem.kind, 100)
        record = found.records[0]
        for space in (part for one in spaces for part in (one.parts or (one,)) if part.mask == record[-1]):
            rows, choices = rows_of(space, record), choices_of(space.problem, record)
            lists = lists_of_stand_ins(space)
            if lists < 2 or not space.holds(rows):
                continue
            for level in range(2, lists + 1):
                laid = [None if i < level and nothing_of(space.problem)[i] is None else choice
                        for i, choice in enumerate(choices)]  # fmt: skip
                its = [int(of[row]) for of, row in zip(stands_for(space, level), rows, strict=True)]
                energy, steps, _ = sums(space, its, laid)
                assert energy <= found.values[0, 0] * (1 + EQUAL), (seed, level)
                assert steps <= found.values[0, 1] * (1 + EQUAL), (seed, level)
                compared += 1
    assert compared > 10


def test_the_bound_of_a_whole_space_is_as_good(monkeypatch: pytest.MonkeyPatch) -> None:
    for space, kind in product(spaces_of_npu3(), KINDS):
        few = root_of(space, nothing_known(space, kind))
        assert few is not None
        assert few.gathered == lists_of_stand_ins(space) > 2
        with monkeypatch.context() as patch:
            patch.setattr(stand_ins, "SEVERAL", 99)
            many = root_of(space, nothing_known(space, kind))
        assert many is not None
        assert many.gathered == 0
        assert sum(map(len, few.rows)) < sum(map(len, many.rows)) / 5
        assert few.bound == pytest.approx(many.bound, abs=0.02)


def test_parts_have_all_splits_that_agree_once_all_lists_are_laid_down() -> None:
    for space in spaces_of_npu3():
        best = nothing_known(space, ENERGY)
        node = root_of(space, best)
        assert node is not None
        whole = whole_of(node)
        assert whole.gathered == 0
        for mine, left, of in zip(whole.rows, node.rows, stands_for(space, node.gathered), strict=True):
            assert np.array_equal(mine, np.flatnonzero(np.isin(of, left)))
        for level in reversed([i for i, choice in enumerate(node.choices) if choice is None]):
            children = laid_down(node, level, best)
            assert {child.gathered for child in children} == {level if level > 1 else 0}
            _, rows, lists = without_list(node, level)
            assert lists == children[0].gathered
            agree = space.agree(level, rows, kinds())
            ends = np.cumsum([0, *map(len, rows)])
            for child in children:
                mine = agree[kinds().index(child.choices[level] or ListChoice(-1))]
                for a, its in enumerate(child.rows):  # others fit nowhere
                    assert set(its.tolist()) <= set(rows[a][mine[ends[a] : ends[a + 1]]].tolist())
                assert combinations_of(child) == prod(map(len, whole_of(child).rows))
            node = children[-1]


@pytest.mark.parametrize("seeds", thinned(parts(60, 15), 4))
def test_combinations_that_may_improve_keep_their_splits(seeds: range) -> None:
    """All combinations of a small space are added up with nothing known of lists; splits of none below are gone."""
    looked = left_out = 0
    for seed, kind in product(seeds, KINDS):
        _, spaces, front = drawn(seed)
        for space in spaces if len(front) else ():
            some = front[Random(seed).randrange(len(front))] * (1 + 1e-9)
            best = nothing_known(space, kind)
            best.values[0], best.held = some, 1
            node = root_of(space, best)
            if node is None or node.mirror or np.prod([float(len(rows)) for rows in node.rows]) > 3000:
                continue
            target, kept = value(kind, *some), surviving(node, best)
            good = [set[int]() for _ in node.rows]
            for rows in product(*(mine.tolist() for mine in node.rows)):
                energy, steps, shares = sums(space, list(rows), list(node.choices), whole=True)
                if (shares <= 1 - 1e-9).all() and value(kind, energy, steps) < target * (1 - 1e-9):
                    for mine, row in zip(good, rows, strict=True):
                        mine.add(row)
            assert kept is not None or not good[0]
            if kept is not None:
                assert all(mine <= set(its.tolist()) for mine, its in zip(good, kept.rows, strict=True)), (seed, kind)
            left_out += sum(map(len, node.rows)) - (sum(map(len, kept.rows)) if kept is not None else 0)
            looked += 1
    assert looked > 20
    assert left_out > 20


def test_with_short_tables_no_split_stands_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stand_ins, "SEVERAL", 3)
    monkeypatch.setattr(stand_ins, "LONG", 8_000)
    monkeypatch.setattr(stand_ins, "AXES", 3)
    for machine, large in (("nvdla_small", False), ("tests/benchmarks/specs/npu3.yaml", True)):
        architecture = load_architecture(machine)
        layer = architecture.lowered(Layer("l", K=256, C=256, P=13, Q=13, R=3, S=3))
        assert {is_large(space) for space in spaces_of(architecture, layer, "all")[1]} == {large}


def spaces_of_npu3() -> list[Space]:
    architecture = load_architecture("tests/benchmarks/specs/npu3.yaml")
    layer = architecture.lowered(Layer("l", K=24, C=16, P=6, Q=6, R=3, S=3))
    return [replace(space, twins=None) for space in spaces_of(architecture, layer, "all")[1]]


def value(kind: int, energy: float, steps: float) -> float:
    return {ENERGY: energy, LATENCY: steps, EDP: energy * steps}[kind]
