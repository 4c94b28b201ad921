"""Kindred spaces share their mappings out: each goes to the last space in whose levels all its psums are finished."""

from __future__ import annotations

from math import inf
from random import Random
from typing import Any

import numpy as np
import pytest
from mapper.deep.test_deep_bounds import EQUAL, drawn, some_mapping, sums
from mapper.walks.deep_walk import Walk
from mapper.walks.whole import price_whole
from thinned import parts, thinned

from dse import Layer, load_architecture
from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import FanOut, Level
from dse.mapper.deep.bounds.best import Best
from dse.mapper.deep.bounds.finished import apart_by_sums, told_apart
from dse.mapper.deep.bounds.layer_spaces import spaces_of
from dse.mapper.deep.bounds.roots import root_of
from dse.mapper.deep.bounds.spaces import allowing_returns, space_of
from dse.mapper.deep.bounds.stand_ins import whole_of
from dse.mapper.deep.bounds.subproblem import Space
from dse.mapper.deep.drafts import drafts_of
from dse.mapper.deep.leaf.nest import workspace
from dse.mapper.deep.lists import ListChoice
from dse.mapper.deep.problem import spreads_that_add_up
from dse.mapper.layer import solve
from dse.problem.dims import OPERANDS, C, PerOperand


def left_to(space: Space, choices: tuple[ListChoice | None, ...], rows: tuple[Any, ...]) -> list[int]:
    """Which parts have a split left on every axis."""
    told = told_apart(space.parts, choices, rows)
    left = [one for one, mine, _ in told if all(map(len, mine))]
    return [next(i for i, part in enumerate(space.parts) if part is one) for one in left]


def shared_out(spaces: list[Space], rng: Random, times: int) -> int:
    """Check mappings of kindred spaces; returns how many."""
    checked = 0
    for space in spaces:
        for _ in range(times if space.parts else 0):
            found = some_mapping(space, rng)
            if found is None:
                continue
            rows, split, choices = found
            point = np.zeros(3)
            takes = [price_whole(part.problem, split, workspace(part.problem), point) for part in space.parts]
            whole = tuple(np.array([row]) for row in rows)
            exact = not any(part.problem.visits_pay for part in space.parts)
            told = left_to(space, tuple(choices), whole)
            mine = [i for i, taken in enumerate(takes) if taken]
            assert told == mine[-1:] if exact else set(mine) <= set(told)
            early = left_to(space, (None,) * len(choices), whole)
            assert set(mine) <= set(early)
            checked += 1
    return checked


@pytest.mark.parametrize("spec", thinned(["simba_pe", "edge_npu"], 2))
def test_mappings_of_a_layer_are_shared_out(spec: str) -> None:
    architecture = load_architecture(spec)
    layer = architecture.lowered(Layer("l", K=8, C=12, P=6, Q=6, R=3, S=3)).stating({"psum": 32, "ofmap": 8})
    _, spaces = spaces_of(architecture, layer, "all")
    assert shared_out(spaces, Random(spec), 60) > 50


@pytest.mark.parametrize("seeds", thinned(parts(40, 10), 4))
def test_mappings_of_drawn_problems_are_shared_out(seeds: range) -> None:
    assert sum(shared_out(drawn(seed)[1], Random(seed), 20) for seed in seeds) > 20


@pytest.mark.parametrize("seeds", thinned(parts(120, 30), 4))
def test_bounds_that_allow_returns_hold_where_psums_come_back(seeds: range) -> None:
    """Each bound is held against what a mapping of the other space costs, a hair more at most."""
    checked = 0
    for seed in seeds:
        rng, (_, spaces, _) = Random(seed), drawn(seed)
        for space in (one for one in spaces if one.problem.returns):
            alike = (one for one in spaces if not one.problem.returns and _same_but_for_returns(space, one))
            wide = allowing_returns(next(alike))
            for _ in range(5):
                found, point = some_mapping(space, rng), np.zeros(3)
                if found is None or not space.holds(found[0]) or (sums(space, *found[::2])[2] > 1 + EQUAL).any():
                    continue  # it does not fit, and bounds may say anything
                if not price_whole(space.problem, found[1], workspace(space.problem), point):
                    continue
                for kind in range(3):
                    best = Best(
                        kind, 0.0, inf, point[None, :2] * (1 + 1e-9), np.zeros((1, 1), np.int64),
                        np.zeros(5, np.int64), np.zeros(1, np.int64), held=1,
                    )  # fmt: skip
                    root = root_of(wide, best)
                    assert root is not None
                    root = whole_of(root)
                    assert root.mirror or all(row in mine for row, mine in zip(found[0], root.rows, strict=True))
                    checked += 1
    assert checked > 10


def _same_but_for_returns(space: Space, other: Space) -> bool:
    mine, its = space.problem, other.problem
    alike = np.array_equal(mine.kept, its.kept) and np.array_equal(mine.never_finished, its.never_finished)
    return alike and all(np.isin(*rows).all() for rows in zip(space.rows, other.rows, strict=True))


def with_two_that_add_up(seed: int) -> tuple[Architecture, Layer]:
    """Two fan-outs that add up psums, one right inside the other or a level between, around a level that keeps them."""
    rng, every = Random(f"two add up {seed}"), frozenset(OPERANDS)

    def level(name: str, energy_pj: float, capacity_bytes: int | None) -> Level:
        cost = PerOperand.same(energy_pj)
        bits = capacity_bytes and 8 * capacity_bytes
        return Level(name, every, capacity_bits=bits, read_energy_pj=cost, write_energy_pj=cost)

    between = [level("buffer", 2.0, 60)] if rng.random() < 0.5 else []
    nodes: tuple[Level | FanOut, ...] = (
        level("DRAM", 64.0, None), FanOut("outer", 1, rng.choice((2, 3)), energy_pj=1.0), *between,
        FanOut("inner", 2, 1, energy_pj=0.5), level("PE", rng.choice((1.0, 4.0)), rng.choice((12, 20))),
    )  # fmt: skip
    layer = Layer("l", K=rng.choice((2, 3)), C=rng.choice((4, 6, 8)), P=rng.choice((1, 2)), bits=PerOperand(8, 8, 32))
    return Architecture("two", nodes, Mac(1.0), 1e9), layer


@pytest.mark.parametrize("seed", thinned(range(20), 5))
def test_each_split_over_fan_outs_that_add_up_is_in_one_space(seed: int) -> None:
    _, spaces = spaces_of(*with_two_that_add_up(seed), "all")
    rooms: dict[Any, list[int]] = {}
    for space in spaces:
        for part in space.parts or (space,):
            assert all(np.array_equal(*rows) for rows in zip(part.rows, space.rows, strict=True))
            key = part.problem.returns, part.problem.only_finished.tobytes()
            rooms.setdefault(key, []).extend(part.rows[C].tolist())
    every = sorted(rooms[False, spaces[-1].problem.only_finished.tobytes()])
    assert every == list(range(len(spaces[0].axes[C])))
    assert all(len(set(rows)) == len(rows) for rows in rooms.values())


@pytest.mark.parametrize("objective", ["energy", "edp", "latency"])
@pytest.mark.parametrize("seeds", thinned(parts(40, 10), 4))
def test_best_over_fan_outs_that_add_up_equals_full_walk(seeds: range, objective: str) -> None:
    """Their splits of C over the outer one alone were in no space, and least EDP was up to 0.5 times too high."""
    for seed in seeds:
        architecture, layer = with_two_that_add_up(seed)
        front = Walk(architecture, layer, "all").front()
        found = solve(architecture, layer, objective, 0.0, "all").values[0]
        if objective == "latency":
            assert found[1] == pytest.approx(front[0, 1], rel=EQUAL, abs=0), seed
        elif objective == "energy":
            assert found[0] == pytest.approx(front[-1, 0], rel=EQUAL, abs=0), seed
        else:
            assert found.prod() == pytest.approx(front.prod(axis=1).min(), rel=EQUAL, abs=0), seed


@pytest.mark.parametrize("seed", range(8))
def test_splits_are_told_apart_by_where_c_is_spread(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As each split by itself says; sorted are ways to be spread alone, of which there are few beside the splits."""
    architecture, layer = with_two_that_add_up(seed)
    layer, sizes = Layer("l", K=3, C=720, bits=layer.bits), list[int]()
    sort = np.unique

    def unique(rows: Any, **options: Any) -> Any:
        sizes.append(len(rows))
        return sort(rows, **options)

    for draft in drafts_of(architecture, layer, "all")[1]:
        space = space_of(draft.problem, draft.mask)
        with monkeypatch.context() as patch:
            patch.setattr(np, "unique", unique)
            found = apart_by_sums(space)
        kinds: dict[tuple[int, ...], list[int]] = {}
        for row in space.rows[C]:
            never = space.problem.never_finished.copy()
            for level, inside in spreads_that_add_up(space.problem):
                never |= inside * int(space.axes[C].children(level)[row] > 1)
            kinds.setdefault(tuple(never.tolist()), []).append(int(row))
        only = space.problem.only_finished
        allowed = {kind: rows for kind, rows in kinds.items() if not (np.array(kind) & only).any()}
        mine = [(tuple(one.problem.never_finished.tolist()), one.rows[C].tolist()) for one in found]
        assert mine == sorted(allowed.items(), reverse=True)
        for one in found:
            assert all(np.array_equal(*rows) for a, rows in enumerate(zip(one.rows, space.rows, strict=True)) if a != C)
    assert sizes
    assert max(sizes) <= 4 < min(len(space.rows[C]), 1_000)
