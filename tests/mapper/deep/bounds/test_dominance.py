"""Splits that are never needed: what is found without them is what is found with them, records included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mapper.walks.deep_walk import DeepProblem, Walk, deep_problem
from mapper.walks.fronts import EQUAL
from thinned import thinned

from dse.mapper.deep.bounds import dominance
from dse.mapper.deep.bounds.dominance import leave_out, needed_splits
from dse.mapper.deep.bounds.kept import _kept
from dse.mapper.deep.bounds.layer_spaces import spaces_of
from dse.mapper.deep.bounds.subproblem import Node
from dse.mapper.deep.bounds.sums.objective import first_tile
from dse.mapper.deep.lists import nothing_of
from dse.mapper.deep.solve import run_whole, solve_deep
from dse.mapper.deep.tree import best_first
from dse.mapper.shared.incumbent import EDP, ENERGY, FRONT, LATENCY
from dse.model.price import price

SEEDS = range(30)


def answer(problem: DeepProblem, kind: int, gap: float = 0.0) -> Any:
    _kept.clear()
    return solve_deep(problem.architecture, problem.layer, kind, gap, problem.kind, 4096)


def laid_down_to_the_end(monkeypatch: pytest.MonkeyPatch, worthwhile: float) -> list[int]:
    """Lay down all lists before any split is walked; counts the splits that are left out."""
    left_out = [0]

    def counted(node: Node, best: Any, _: int) -> Node:
        found = needed_splits(node, best, worthwhile)  # type: ignore[arg-type]
        every = needed_splits(node, best, np.iinfo(np.int64).max)
        left_out[0] += sum(map(len, every.rows)) - sum(map(len, found.rows))
        return found

    monkeypatch.setattr(best_first, "needed_splits", counted)
    monkeypatch.setattr(best_first, "DIRECT", 1)
    monkeypatch.setattr(best_first, "OPEN", 1)
    return left_out


@pytest.mark.parametrize("kind", [ENERGY, LATENCY, EDP, FRONT])
def test_answers_and_records_are_the_same_without_them(kind: int, monkeypatch: pytest.MonkeyPatch) -> None:
    total = 0
    for seed in SEEDS:
        problem = deep_problem(f"dominance {seed}")  # type: ignore[arg-type]
        plain = answer(problem, kind)
        with monkeypatch.context() as patch:
            left_out = laid_down_to_the_end(patch, 2)
            found = answer(problem, kind)
        assert len(found.values) == len(plain.values), seed
        assert found.values == pytest.approx(plain.values, rel=EQUAL, abs=0), seed
        for one, other in zip(found.records, plain.records, strict=True):
            assert (one[:-1] == other[:-1]).all(), seed
        total += left_out[0]
    assert total > 0


@pytest.mark.parametrize("seed", thinned(range(60), 20))
def test_fronts_without_them_are_those_of_full_walks(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = deep_problem(f"without {seed}")  # type: ignore[arg-type]
    laid_down_to_the_end(monkeypatch, 2)
    found = answer(problem, FRONT)
    front = Walk(problem.architecture, problem.layer, problem.kind).front()
    front = front / (1.0, price(problem.architecture, problem.layer).cycles_per_step) if len(front) else front
    values = found.values / (1.0, price(problem.architecture, problem.layer).cycles_per_step)
    assert len(values) == len(front)
    assert np.sort(values, axis=0) == pytest.approx(np.sort(front, axis=0), rel=1e-9, abs=0)


def left(values: Any, chains: Any, energy: Any, margin: float, turning: tuple[bool, bool] = (False, False)) -> Any:
    """Which of some splits are left of an axis."""
    keep = np.ones(len(chains), dtype=bool)
    splits = chains, np.arange(len(chains)), np.array(turning), -1
    dominance._compare(np.array(values), np.array(energy), splits, margin, keep)
    return keep.tolist()


def test_a_split_that_comes_later_or_costs_more_is_left_out() -> None:
    """The loop of the second split stands further out; it is no less in anything, and its record comes later."""
    values, energy = [[1.0, 1.0], [1.0, 1.0], [0.5, 3.0], [2.0, 2.0]], [5.0, 5.0, 5.0, 6.0]
    chains = np.ones((4, 2, 4), dtype=np.int64)
    chains[:, 0, 0] = [2, 4, 1, 1]
    assert left(values, chains, energy, 0.5) == [True, False, True, False]
    # The last one comes first, and may cost the same.
    assert left(values, chains, energy, 2.0) == [True, False, True, True]
    chains[1:, 0, 1] = 2
    assert left(values, chains, energy, 0.5) == [True, True, True, False]  # other children


def test_what_stands_for_a_split_may_turn_its_children_as_freely() -> None:
    """Of 3 children and more than 9 in all, fewer ways to stand on rows and columns are tight."""
    values, energy = [[1.0], [2.0]], [5.0, 9.0]
    chains = np.ones((2, 2, 4), dtype=np.int64)
    chains[:, 0, 1], chains[:, 0, 2] = 3, [4, 3]
    assert left(values, chains, energy, 0.5) == [True, False]
    assert left(values, chains, energy, 0.5, (True, False)) == [True, True]
    chains[:, 0, 2] = [3, 4]
    assert left(values, chains, energy, 0.5, (True, False)) == [True, False]


@pytest.mark.parametrize("most", [1, 3, 400])
def test_what_is_left_stands_for_all_that_is_left_out(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With as many children, and no less in anything; with all compared, nothing is left that another stands for."""
    monkeypatch.setattr(dominance, "MOST", most)
    random = np.random.default_rng(7)
    for _ in range(20):
        values, energy = random.integers(1, 5, (40, 3)).astype(float), random.integers(1, 9, 40).astype(float)
        chains = np.ones((40, 2, 6), dtype=np.int64)
        chains[:, 0, 0], chains[:, 0, 1] = random.permutation(40) + 1, random.integers(1, 4, 40)
        kept = np.array(left(values, chains, energy, 1.0))
        below = (values[:, None] <= values[None]).all(axis=2) & (chains[:, None, 0, 1] == chains[None, :, 0, 1])
        preferred = (energy[None] - energy[:, None] > 1.0) | (chains[:, None, 0, 0] < chains[None, :, 0, 0])
        replaces = below & preferred
        assert replaces[kept][:, ~kept].any(axis=0).all()
        if most == 400:
            assert not replaces[np.ix_(kept, kept)].any()


def test_splits_are_compared_in_the_tiles_of_every_port() -> None:
    """Terms have the first tiles of one port of each level; another port may be the slower one in some mappings."""
    for seed in SEEDS:
        problem = deep_problem(f"dominance {seed}")  # type: ignore[arg-type]
        space = spaces_of(problem.architecture, problem.layer, problem.kind)[1][0]
        what = dominance.compared(space, nothing_of(space.problem))
        if what is None:
            continue
        found = {(int(a), int(column)) for a, column in what.columns}
        for t, node in enumerate(space.problem.port_node.tolist()):
            k = space.problem.nodes.tolist().index(node)
            for operand in range(3):
                if space.problem.port_cost[t, operand].any():
                    tile = first_tile(space.problem, space.crossings, k, operand)
                    assert {(a, space.axes[a].column(key)) for a, key in tile} <= found


def test_the_kernel_is_compiled_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    monkeypatch.setattr(dominance, "compiled", lambda kernel: called.append(kernel) or kernel)
    problem = deep_problem("dominance 1")  # type: ignore[arg-type]
    run_whole(problem.architecture, problem.layer)
    assert called == [leave_out]
