"""Lists in which weights or psums stay have a loop to stay over: what that leaves, held against all combinations."""

from __future__ import annotations

from itertools import product
from math import inf
from random import Random

import numpy as np
import pytest
from mapper.deep.test_deep_bounds import drawn
from thinned import parts, thinned

from dse import Layer, load_architecture
from dse.mapper.deep.bounds import layer_spaces
from dse.mapper.deep.bounds.best import Best
from dse.mapper.deep.bounds.necessary.standing import NO_FAN_OUTS
from dse.mapper.deep.bounds.necessary.staying import drop_unstaying
from dse.mapper.deep.bounds.subproblem import even_weights
from dse.mapper.deep.bounds.sums.records import Alive
from dse.mapper.deep.bounds.weights.dual import Effort
from dse.mapper.deep.bounds.weights.family import Family, Flock, climb_all
from dse.mapper.deep.bounds.weights.newton import HOT
from dse.mapper.deep.lists import ListChoice, choices_of, kinds, nothing_of, stays_of
from dse.mapper.deep.solve import solve_deep
from dse.mapper.deep.splits.axes import AXES, tables_of_axes
from dse.mapper.deep.tree.exchange import rows_of
from dse.mapper.shared.compilation.twins import compiled
from dse.mapper.shared.incumbent import ENERGY
from dse.problem.dims import PSUM, WEIGHT, C, N, P, Q, R, S

LACKS = {WEIGHT: (N, P, Q), PSUM: (C, R, S)}


@pytest.mark.parametrize("seeds", thinned(parts(400, 50), 4))
def test_what_is_left_is_what_some_combination_has(seeds: range) -> None:
    dropped = 0
    for seed in seeds:
        rng = Random(seed)
        levels, sizes = rng.randint(1, 4), [rng.randint(1, 4) for _ in AXES]
        chains = tuple(
            np.array([[[rng.choice((1, 1, 2)) for _ in range(2 * levels)] for _ in range(2)] for _ in range(size)])
            for size in sizes
        )
        stays = np.array([rng.choice((-1, WEIGHT, PSUM)) for _ in range(levels)])
        prices = [[0.0, *(rng.choice((0.0, 0.5, 1.0, 2.0)) for _ in range(size - 1))] for size in sizes]
        most = rng.choice((0.0, 0.5, 1.5, 3.0))
        good = [set[int]() for _ in AXES]
        for some in product(*map(range, sizes)):
            price = sum(mine[row] for mine, row in zip(prices, some, strict=True))
            if price <= most and all(_has_loop(chains, some, int(stays[level]), level) for level in range(levels)):
                for mine, row in zip(good, some, strict=True):
                    mine.add(row)
        ends = np.cumsum([0, *sizes])
        rows = np.concatenate([np.arange(size) for size in sizes])
        alive = Alive(rows, ends[:-1], ends[1:].copy(), np.concatenate(prices))
        left = drop_unstaying(chains, stays, alive, most)
        assert left == bool(good[0]), seed
        if left:
            each = [set(alive.rows[alive.start[a] : alive.end[a]].tolist()) for a in range(6)]
            assert all(mine <= its for mine, its in zip(good, each, strict=True)), seed
            # Prices of all that is left are within reach, beside the least of others, whichever list has no loops.
            wanted = any(stay >= 0 for stay in stays)
            assert each == good or not wanted, seed
        dropped += sum(sizes) - sum(map(len, good))
    assert dropped > 50


def _has_loop(chains: tuple[np.ndarray, ...], rows: tuple[int, ...], operand: int, level: int) -> bool:
    return operand < 0 or any(
        chains[a][rows[a], which, 2 * level] > 1
        for a, dims in enumerate(AXES) for which, dim in enumerate(dims) if dim in LACKS[operand]
    )  # fmt: skip


@pytest.mark.parametrize("seeds", thinned(parts(120, 30), 4))
def test_the_best_mapping_has_such_loops(seeds: range) -> None:
    """What its orders lay down, said of the operand that stays alone, asks for no loop that it has not."""
    asked = 0
    for seed in seeds:
        problem, spaces, front = drawn(seed)
        if len(front) == 0:
            continue
        record = solve_deep(problem.architecture, problem.layer, ENERGY, 0.0, problem.kind, 100).records[0]
        for space in spaces:
            if space.mask != record[-1]:
                continue
            rows = rows_of(space, record)
            choices = tuple(
                next(one for one in kinds() if one.kind == choice.kind) if choice is not None else None
                for choice in choices_of(space.problem, record)
            )
            stays = stays_of(space.problem, choices)
            for level, operand in enumerate(stays):
                chains = tuple(axis.both().reshape(len(axis), 2, -1) for axis in space.axes)
                assert _has_loop(chains, tuple(rows), operand, level), (seed, level)
                asked += operand >= 0
    assert asked > 5


def test_where_more_is_laid_down_or_psums_may_come_more_often_nothing_is_asked() -> None:
    problem = drawn(0)[1][0].problem._replace(visits_pay=False)
    some = (None, ListChoice(-1), ListChoice(WEIGHT, P), *kinds()[1:])
    assert stays_of(problem, some) == (-1, -1, -1, -1, WEIGHT, PSUM)
    assert stays_of(problem._replace(visits_pay=True), some) == (-1,) * 6


def test_a_subproblem_without_such_loops_is_left_out_of_its_family() -> None:
    """Three subproblems of the same splits: one that asks for nothing, one for what there is, one for what is not."""
    edge_npu = load_architecture("edge_npu")
    space = layer_spaces.spaces_of(edge_npu, edge_npu.lowered(Layer("fc", K=16, C=8)), "all")[1][0]
    best = Best(ENERGY, 0.0, inf, np.array([[1e9, 1.0]]), np.zeros((1, 1), np.int64), np.zeros(5, np.int64),
                np.zeros(1, np.int64), held=1)  # fmt: skip
    (logs, first, _), sizes = space.columns(nothing_of(space.problem)), [len(rows) for rows in space.rows]
    ends, size, laid = np.cumsum([0, *sizes]), sum(sizes), tables_of_axes(space.axes)
    stays = np.array([[-1], [PSUM], [WEIGHT]])  # there are loops over C, and none over N, P or Q
    family = Family(np.array([logs] * 3), np.array([first] * 3), np.ones((3, size), dtype=bool), space.steps,
                    space.floors, stays, NO_FAN_OUTS)  # fmt: skip
    flock = Flock(
        np.zeros((3, size), np.int64), ends[:-1], np.zeros((3, 6), np.int64), np.zeros((3, size)),
        np.array([even_weights(space, best)] * 3), np.zeros(3), np.zeros(3),
    )  # fmt: skip
    splits, effort = np.concatenate(space.rows), Effort(HOT, best.target())
    compiled(climb_all)(laid.logs, *laid.of_walks, space.terms_for(best), family, splits, effort, flock)
    assert flock.bound[0] == flock.bound[1] < best.target()
    assert flock.bound[2] == inf
