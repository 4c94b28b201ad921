"""Children that have to stand on rows and columns of a fan-out: what that leaves, held against all combinations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from math import prod
from random import Random

import numpy as np
import pytest
from mapper.walks.deep_walk import DeepProblem, Walk, clustered_problem, deep_problem
from thinned import parts, thinned

from dse import Layer, load_architecture
from dse.mapper.deep.bounds import layer_spaces
from dse.mapper.deep.bounds.necessary import standing
from dse.mapper.deep.bounds.necessary.standing import NO_FAN_OUTS, FanOuts, drop_unplaced, fan_outs_of
from dse.mapper.deep.bounds.sums.objective import of_all
from dse.mapper.deep.bounds.sums.records import Alive
from dse.mapper.deep.solve import solve_deep
from dse.mapper.deep.splits.axes import AXES
from dse.mapper.shared.incumbent import EDP, ENERGY, LATENCY
from dse.problem.dims import K

NO_TERMS = np.full((1, 3), -1)

FREE = ((1,) * 8,) * 2


def can_stand(children: Sequence[int], sides: Sequence[int], on_side: Sequence[Sequence[int]] = FREE) -> bool:
    """Whether children, some of each dim, can stand on rows and columns, by trying all numbers of rows."""
    each = [[rows for rows in range(1, many + 1) if many % rows == 0] for many in children]
    for some in product(*each):
        cols = [many // rows for many, rows in zip(children, some, strict=True)]
        allowed = all(
            (rows == 1 or on_side[0][dim]) and (col == 1 or on_side[1][dim])
            for dim, (rows, col) in enumerate(zip(some, cols, strict=True))
        )
        if allowed and prod(some) <= sides[0] and prod(cols) <= sides[1]:
            return True
    return False


@pytest.mark.parametrize("seeds", thinned(parts(240, 30), 4))
def test_what_is_left_is_what_some_combination_has(seeds: range) -> None:
    dropped = 0
    for seed in seeds:
        rng = Random(seed)
        sides = rng.choice(((2, 3), (3, 3), (4, 6), (5, 4), (1, 6)))
        on_side = np.array([[int(rng.random() < 0.8) for _ in range(8)] for _ in range(2)])
        sizes = [rng.choice((1, 1, 2, 3)) for _ in AXES]
        chains = tuple(
            np.array([[[1, rng.choice((1, 1, 2, 3, 4, 6)) if which < len(dims) else 1] for which in range(2)]
                      for _ in range(size)])
            for dims, size in zip(AXES, sizes, strict=True)
        )  # fmt: skip
        priced = rng.random() < 0.8
        prices = [[0.0, *(rng.choice((0.0, 0.5, 1.0, 2.0)) for _ in range(size - 1))] for size in sizes]
        most = rng.choice((0.0, 0.5, 1.5, 3.0)) if priced else 0.0
        good = [set[int]() for _ in AXES]
        for some in product(*map(range, sizes)):
            children = [1] * 8
            for table, dims, row in zip(chains, AXES, some, strict=True):
                for which, dim in enumerate(dims):
                    children[dim] = int(table[row, which, 1])
            price = sum(mine[row] for mine, row in zip(prices, some, strict=True)) if priced else 0.0
            if price <= most and can_stand(children, sides, on_side.tolist()):
                for mine, row in zip(good, some, strict=True):
                    mine.add(row)
        ends, rows = np.cumsum([0, *sizes]), np.concatenate([np.arange(size) for size in sizes])
        alive = Alive(rows, ends[:-1], ends[1:].copy(), np.concatenate(prices))
        fans = FanOuts(np.array([0]), np.array([sides]), on_side[None], NO_TERMS)
        left = drop_unplaced(chains, fans, alive, most, priced)
        each = [set(alive.rows[alive.start[a] : alive.end[a]].tolist()) for a in range(6)]
        if left:
            assert all(mine <= its for mine, its in zip(good, each, strict=True)), seed
        else:
            assert not good[0], seed
        if priced and any(table[:, :, 1].max() > 1 for table in chains):
            # Where classes of one split alone are left, they are looked at with all others.
            assert left == bool(good[0]), seed
            several = [a for a in range(6) if len({tuple(one) for one in chains[a][:, :, 1].tolist()}) > 1]
            assert not left or all(good[a] == each[a] for a in several), seed
        dropped += sum(sizes) - sum(map(len, good))
    assert dropped > 20


def test_twenty_six_by_thirteen_by_three_do_not_stand_on_thirty_two_by_thirty_two() -> None:
    chains = tuple(np.ones((2, 2, 2), dtype=np.int64) for _ in AXES)
    chains[K][:, 0, 1], chains[4][:, 0, 1], chains[4][:, 1, 1] = (26, 8), 13, 3
    alive = Alive(np.array([0, 0, 0, 1, 0, 0, 0]), np.array([0, 1, 2, 4, 5, 6]), np.array([1, 2, 4, 5, 6, 7]),
                  np.zeros(7))  # fmt: skip
    fans = FanOuts(np.array([0]), np.array([(32, 32)]), np.ones((1, 2, 8), dtype=np.int64), NO_TERMS)
    assert drop_unplaced(chains, NO_FAN_OUTS, alive, 1.0)
    assert alive.end[K] == 4
    assert drop_unplaced(chains, fans, alive, 1.0)
    assert alive.rows[alive.start[K] : alive.end[K]].tolist() == [1]  # 8 x 3 rows and 13 columns
    chains[K][1, 0, 1] = 26
    assert not drop_unplaced(chains, fans, alive, 1.0)


@pytest.mark.parametrize("draw", [deep_problem, clustered_problem])
@pytest.mark.parametrize("seeds", thinned(parts(40, 10), 2))
def test_searches_find_the_optimum_where_each_fan_out_is_looked_at(
    draw: Callable[[int], DeepProblem], seeds: range, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against walks of all mappings; on the small fan-outs of these, nothing would be asked otherwise."""
    monkeypatch.setattr(standing, "SEVERAL", 1)
    monkeypatch.setattr(standing, "MANY", 2)
    for seed in (seed + 7_000 for seed in seeds):
        problem = draw(seed)
        front = Walk(problem.architecture, problem.layer, problem.kind).front()
        if len(front) == 0:
            continue
        for kind, value in ((ENERGY, front[-1, 0]), (LATENCY, front[0, 1]), (EDP, front.prod(axis=1).min())):
            found = solve_deep(problem.architecture, problem.layer, kind, 0.0, problem.kind, 100).values[0]
            mine = {ENERGY: found[0], LATENCY: found[1], EDP: found[0] * found[1]}[kind]
            assert mine == pytest.approx(value, rel=1e-9, abs=0), (seed, kind)


def test_fan_outs_of_few_axes_or_children_are_left_out() -> None:
    machine = load_architecture("edge_npu")
    layer = machine.lowered(Layer("conv", N=2, K=16, C=8, P=6, Q=6))
    problem = layer_spaces.spaces_of(machine, layer, "all")[1][0].problem
    assert len(fan_outs_of(problem, []).level) == 0  # cores take N, K and P, but there are four; lanes take C and K
    free = problem._replace(on_side=np.ones_like(problem.on_side))
    assert fan_outs_of(free, []).sides.tolist() == [[16, 16]]


def test_limits_are_named_by_plain_numbers() -> None:
    """Names are made once, and a written proof has them: with one of numpy's numbers it was no JSON."""
    layer = Layer("conv", N=2, K=16, C=8, P=6, Q=6)
    problem = layer_spaces.spaces_of(load_architecture("eyeriss"), layer, "all")[1][0].problem
    of_all.cache_clear()
    levels = fan_outs_of(problem, []).level.tolist()
    assert levels
    assert all(type(of_all("children", level)[0][1][1]) is int for level in levels)
