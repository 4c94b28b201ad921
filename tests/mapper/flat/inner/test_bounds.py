"""No bound cuts a mapping that is better than what is known: neither bound by bound nor in the search as a whole."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from mapper.walks.brute_force import Walked, walk_all
from mapper.walks.fronts import EQUAL, significant
from mapper.walks.mapper_cases import Problem, random_problem
from thinned import thinned

from dse.architecture.architecture import Architecture
from dse.mapper.flat import search as flat_search
from dse.mapper.flat import solve as flat_solve
from dse.mapper.flat.array.spreads import TILE
from dse.mapper.flat.inner.bounds import list_tiles
from dse.mapper.flat.outer import kept
from dse.mapper.flat.outer.table import empty_table, with_room, work_out
from dse.mapper.flat.outer.walk import new_outer_tile
from dse.mapper.flat.problems import prepare
from dse.mapper.flat.run import new_configuration
from dse.mapper.layer import OBJECTIVES, solve
from dse.mapper.shared.compilation.twins import compiled
from dse.mapper.shared.incumbent import ENERGY
from dse.problem.layer import Layer

A_LITTLE = 1 + 1e-7
FLOWS = ("flexible", "random", "weight-stationary", "output-stationary", "row-stationary")
CHUNK = 20
CASES = [
    (flow, kind, chunk) for flow in FLOWS for kind, chunks in (("all", 4), ("perfect", 2)) for chunk in range(chunks)
]


@lru_cache(maxsize=16)
def problems(flow: str, kind: str, chunk: int) -> list[tuple[str, Problem, Walked]]:
    """A chunk of problems that have mappings, and what a full walk finds of each."""
    return list(_problems(flow, kind, chunk))


def _problems(flow: str, kind: str, chunk: int) -> Iterator[tuple[str, Problem, Walked]]:
    for number in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        problem = random_problem(f"bounds {number}", flow, kind)
        walked = walk_all(problem.architecture, problem.layer, kind)
        if walked.mappings and walked.energy > 0:
            yield f"random_problem('bounds {number}', {flow!r}, {kind!r})", problem, walked


@contextmanager
def forewarned(incumbents: Any) -> Iterator[None]:
    """Within, the next search starts from these (energy, latency) incumbents, which belong to no mapping."""
    compiled, left = flat_solve.compiled, [np.atleast_2d(incumbents)]

    def search(instance: Any, run: Any, *arguments: Any) -> None:
        *_, best, _ = arguments
        if left:
            known = left.pop()
            run.held = len(known)
            best.values[: run.held] = known
            best.records[: run.held] = 0  # any record but that of no mapping
        compiled(flat_search.search)(instance, run, *arguments)

    flat_solve.compiled = lambda kernel: search if kernel is flat_search.search else compiled(kernel)  # type: ignore[assignment]
    try:
        yield
    finally:
        flat_solve.compiled = compiled  # type: ignore[assignment]


def found_past(problem: Problem, objective: str, incumbents: Any) -> Any:
    with forewarned(incumbents):
        return solve(problem.architecture, problem.layer, objective, 0.0, problem.kind).values


@pytest.mark.parametrize(("flow", "kind", "chunk"), thinned(CASES, 17))
def test_the_best_is_found_past_incumbents_that_are_hardly_worse(flow: str, kind: str, chunk: int) -> None:
    """Every bound on the way to an optimum is tried at its tightest, whatever the order of the walk."""
    for case, problem, walked in problems(flow, kind, chunk):
        fastest, energy = walked.latency
        best = walked.front[np.argmin(walked.front.prod(axis=1))]
        front = significant(walked.front)
        assert found_past(problem, "energy", (walked.energy * A_LITTLE, np.inf))[0, 0] == approx(walked.energy), case
        assert found_past(problem, "latency", (np.inf, fastest * A_LITTLE))[0] == approx((energy, fastest)), case
        assert found_past(problem, "latency", (energy * A_LITTLE, fastest))[0] == approx((energy, fastest)), case
        assert found_past(problem, "edp", (best[0] * A_LITTLE, best[1])).prod() == approx(best.prod()), case
        found = significant(found_past(problem, "front", front * A_LITTLE))
        assert found.shape == front.shape, case
        assert found == approx(front), case


@pytest.mark.parametrize(("flow", "kind", "chunk"), thinned(CASES, 17))
def test_so_it_is_where_outer_tiles_that_may_improve_are_listed_at_once(
    flow: str, kind: str, chunk: int, monkeypatch: Any
) -> None:
    monkeypatch.setattr(kept, "empty_table", lambda *given: empty_table(*given)._replace(worth=-1))
    monkeypatch.setattr(flat_solve, "LISTED", -1)
    for name in ("_TABLES", "_TIMED", "_LONG"):
        monkeypatch.setattr(kept, name, OrderedDict())
    test_the_best_is_found_past_incumbents_that_are_hardly_worse(flow, kind, chunk)


@pytest.mark.parametrize(("flow", "kind", "chunk"), thinned(CASES, 17))
def test_nothing_is_found_past_incumbents_that_are_better(flow: str, kind: str, chunk: int) -> None:
    """The counterpart: incumbents were heard, and what does not improve on them does not displace them."""
    for case, problem, walked in problems(flow, kind, chunk):
        incumbent = (walked.energy / A_LITTLE, walked.latency[0] / A_LITTLE)
        for objective in ("energy", "latency", "edp", "front"):
            assert found_past(problem, objective, incumbent).tolist() == [list(incumbent)], (case, objective)


def approx(value: Any) -> Any:
    return pytest.approx(value, rel=EQUAL, abs=0)


def prepared(architecture: Architecture, layer: Layer, kind: str) -> list[Any]:
    """The search problems: of every choice of bypasses, and of those with only finished psums in the buffer."""
    return prepare(architecture, layer, OBJECTIVES["energy"], kind)[1]


@pytest.mark.parametrize(("flow", "kind", "chunk"), thinned(CASES, 17))
def test_bounds_of_pe_tiles_are_below_all_their_mappings(flow: str, kind: str, chunk: int) -> None:
    for case, problem, walked in problems(flow, kind, chunk):
        layer = problem.layer
        bound = np.full((layer.macs, 2), np.inf)
        for searched in prepared(problem.architecture, layer, kind):
            tiles = searched.options.tiles
            for rows, values in zip(searched.tiles.choice, searched.tiles.bound, strict=True):
                digit = np.ravel_multi_index(tiles[rows, TILE] - 1, layer.bounds)
                bound[digit] = np.minimum(bound[digit], values)
        tried = np.isfinite(walked.least[:, 0])
        groups = np.array(np.unravel_index(np.arange(layer.macs), layer.bounds))[0]
        tried &= groups == 0  # tiles over groups are left out: they are never better
        assert (bound[tried] <= walked.least[tried] * (1 + EQUAL)).all(), case


@pytest.mark.parametrize("flow", FLOWS)
def test_bounds_are_worth_having(flow: str) -> None:
    """The bound of the best PE tile reaches a good part of the optimum in half of the problems."""
    shares = [
        max(float(searched.tiles.bound[:, 0].min()) for searched in prepared(problem.architecture, problem.layer, kind))
        / walked.energy
        for kind in ("all", "perfect")
        for _, problem, walked in problems(flow, kind, 0)
        if not any(level.may_bypass for level in problem.architecture.levels)
    ]
    assert np.median(shares) > 0.8


@pytest.mark.parametrize("flow", FLOWS)
def test_working_out_the_outer_table_only_raises_bounds_of_tiles(flow: str) -> None:
    """With the table, too, no bound is above the least of the mappings with its PE tile."""
    for case, problem, walked in problems(flow, "all", 0):
        instances = prepare(problem.architecture, problem.layer, ENERGY, "all")[1]
        for own in instances:
            if own.fastest == np.inf:
                continue
            table = with_room(own.table, own.instance.bounds)
            compiled(work_out)(own.instance, table, new_outer_tile())
            choice, bound = compiled(list_tiles)(own.instance, own.options, table, new_configuration(), own.fastest)
            before = {tuple(row): known for row, known in zip(own.tiles.choice, own.tiles.bound, strict=True)}
            for row, known in zip(choice, bound, strict=True):
                assert (known >= before[tuple(row)] * (1 - EQUAL)).all(), case
        if len(instances) == 1:
            assert bound[:, 0].min() <= walked.energy * (1 + EQUAL), case
