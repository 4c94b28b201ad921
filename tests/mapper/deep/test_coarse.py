"""Searches with a gap that bounds on stand-ins end at once: only where nothing is better by more than the gap."""

from __future__ import annotations

from itertools import product
from math import inf
from random import Random
from typing import Any

import numpy as np
import pytest
from mapper.deep.test_deep_bounds import drawn
from thinned import parts, thinned

from dse import Architecture, Layer, load_architecture
from dse.mapper.deep import coarse, solve
from dse.mapper.deep.bounds import kept, roots, stages, stand_ins
from dse.mapper.deep.bounds.best import Best
from dse.mapper.deep.bounds.kept import splits_of, tables_of
from dse.mapper.deep.bounds.layer_spaces import spaces_of_draft
from dse.mapper.deep.bounds.roots import root_of
from dse.mapper.deep.bounds.stand_ins import lists_of_stand_ins, may_stand_in, outer_lists
from dse.mapper.deep.bounds.subproblem import Space, bounded
from dse.mapper.deep.coarse import _has_stand_ins, _of_stand_ins, is_closed_at_once
from dse.mapper.deep.drafts import drafts_of
from dse.mapper.deep.lists import NO_TRIPS, ListChoice, kinds, listed, nothing_of
from dse.mapper.deep.sketch.first import sketch_on
from dse.mapper.deep.solve import solve_deep
from dse.mapper.deep.splits.gathered import gathered, stand_ins_of
from dse.mapper.deep.tree import best_first
from dse.mapper.shared.incumbent import EDP, ENERGY, LATENCY
from dse.model.price import price

KINDS = (ENERGY, LATENCY, EDP)


@pytest.mark.parametrize("seeds", thinned(parts(240, 30), 4))
def test_tables_have_the_stand_ins_of_all_splits_and_nothing_else(
    seeds: range, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SEVERAL", "LONG", "AXES"):
        monkeypatch.setattr(stand_ins, name, 0)
    fewer = 0
    for seed in seeds:
        problem, spaces, _ = drawn(seed)
        for draft in drafts_of(problem.architecture, problem.layer, problem.kind)[1]:
            for space in spaces:
                may = space.mask == draft.mask and may_stand_in(space) and _has_stand_ins(draft.problem)
                lists = outer_lists(nothing_of(space.problem))
                if not may or lists == 0 or not all(map(len, space.axes)):
                    continue
                assert lists_of_stand_ins(space) == lists, seed  # each split has a stand-in
                for axis, other in zip(space.axes, tables_of(_of_stand_ins(draft.problem)).axes, strict=True):
                    rows = stand_ins_of(axis, np.arange(len(axis)), stand_ins.lists_on(space, axis, lists))
                    mine, its = (np.concatenate(one.chains, axis=1) for one in (axis, other))
                    assert set(map(tuple, mine[rows].tolist())) == set(map(tuple, its.tolist())), (seed, axis.dims)
                    fewer += len(axis) - len(other)
    assert fewer > 30


@pytest.mark.parametrize("direct", [coarse.DIRECT, 2])
@pytest.mark.parametrize("seeds", thinned(parts(240, 30), 4))
def test_nothing_is_better_by_more_than_the_gap(seeds: range, direct: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The best mapping is said to cost what one a little above or below the gap does; all combinations of splits are
    looked through, or few after the spaces are cut."""
    monkeypatch.setattr(stand_ins, "SEVERAL", 2)
    monkeypatch.setattr(coarse, "DIRECT", direct)
    monkeypatch.setattr(coarse, "sketch_on", lambda *_, **__: None)  # it would find a better one than is known
    closed = 0
    for seed in seeds:
        problem, _, front = drawn(seed)
        if len(front) == 0:
            continue
        architecture, layer = problem.architecture, problem.layer
        _, drafts = drafts_of(architecture, layer, problem.kind)
        for kind in KINDS:
            found = solve_deep(architecture, layer, kind, 0.0, problem.kind, 100)
            energy, steps = found.values[0] / (1.0, search_steps(architecture, layer))
            for gap in (0.02, 0.3, 2.0):
                for times in (1.0, (1 + gap) * 0.99, (1 + gap) * 1.01):
                    said = [energy, steps * times] if kind == LATENCY else [energy * times, steps]
                    best = Best(
                        kind, gap, inf, np.array([said]),
                        found.records[:1].copy(), np.zeros(5, dtype=np.int64), np.zeros(1, dtype=np.int64), held=1,
                    )  # fmt: skip
                    ends = is_closed_at_once(drafts, best)
                    assert not (ends and times > 1 + gap), (seed, kind, gap)
                    closed += ends
    assert closed > 20


@pytest.mark.parametrize("seeds", thinned(parts(240, 30), 4))
def test_an_operand_in_the_innermost_list_with_loops_counts_no_more_than_in_any_list(
    seeds: range, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each term of the stand-ins of some splits is held against that of these, with the operand in a list that has
    loops, none in those further in and nothing known of those further out, whatever is known of inner lists."""
    for name in ("SEVERAL", "LONG", "AXES"):
        monkeypatch.setattr(stand_ins, name, 0)
    compared = more = 0
    for seed in seeds:
        rng, (_, spaces, _) = Random(seed), drawn(seed)
        for space in spaces:
            if lists_of_stand_ins(space) < 2:
                continue
            lists, nothing = with_inner_lists(space, rng)
            of = [gathered(axis, stand_ins.lists_on(space, axis, lists)) for axis in space.axes]
            for choice, level in product(kinds(), [i for i, one in enumerate(nothing) if one is None]):
                laid = [choice if i == level else one if i < level else ListChoice(NO_TRIPS)
                        for i, one in enumerate(nothing)]  # fmt: skip
                if choice.kind == NO_TRIPS:
                    laid = [ListChoice(NO_TRIPS)] * len(nothing)
                laid = [*laid[:lists], *nothing[lists:]]
                agree = np.ones(sum(map(len, space.rows)), dtype=bool)
                for at, one in enumerate(laid):
                    agree &= space.agree(at, space.rows, (one,))[0] if one is not None else True
                masks = np.split(agree, np.cumsum([len(row) for row in space.rows])[:-1])
                some = [row[mask] for row, mask in zip(space.rows, masks, strict=True)]
                if not all(map(len, some)):
                    continue
                begins = np.array([space.words.begins_of_innermost(choice.kind, lists, nothing)])
                scales, first = space.words.of_terms(space.places, begins)
                still = space.columns(nothing)
                for _ in range(10):
                    rows = [int(rng.choice(list(mine))) for mine in some]
                    its = [int(each[row]) for each, row in zip(of, rows, strict=True) if each is not None]
                    mine = logs_of_terms(space, space.places.logs + scales[0], first[0], its)
                    assert (mine <= logs_of_terms(space, *space.columns(tuple(laid))[:2], rows) + 1e-9).all(), seed
                    least = logs_of_terms(space, *still[:2], its)
                    assert (least <= mine + 1e-9).all(), seed
                    more += int((least < mine - 1e-9).any())
                    compared += 1
    assert compared > 300
    assert more > 30


def with_inner_lists(space: Space, rng: Random) -> tuple[int, tuple[ListChoice | None, ...]]:
    """Something laid down about some inner lists, or none: how many are left outside, and what is known of all."""
    choices = list(nothing_of(space.problem))
    open_lists = [i for i, one in enumerate(choices) if one is None]
    for level in open_lists[rng.randint(2, len(open_lists)) :]:
        choices[level] = rng.choice(kinds() + listed())
    return stand_ins.outer_lists(tuple(choices)), tuple(choices)


def logs_of_terms(space: Space, logs: np.ndarray, first: np.ndarray, rows: list[int]) -> np.ndarray:
    """Logarithms of what the terms come to with some splits."""
    factors = [axis.table()[column, row] for axis, column, row in zip(space.axes, first.T, rows, strict=True)]
    return np.add(logs, np.sum(factors, axis=0))


def test_what_stays_in_the_innermost_list_with_loops_ends_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    npu3 = load_architecture("tests/benchmarks/specs/npu3.yaml")
    layer = npu3.lowered(Layer("conv", K=384, C=256, P=13, Q=13, R=3, S=3))
    near = solve_deep(npu3, layer, EDP, 0.05, "all", 1)
    assert near.visited[0] == 0
    exact = solve_deep(npu3, layer, EDP, 0.0, "all", 1)
    assert exact.values[0].prod() <= near.values[0].prod() <= exact.values[0].prod() * 1.05
    monkeypatch.setattr(coarse, "by_operand", lambda root, _: [root])
    assert solve_deep(npu3, layer, EDP, 0.05, "all", 1).visited[0] > 0


def test_more_is_sketched_where_what_is_soon_sketched_does_not_do(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[float, float, bool]] = []

    def watched(drafts: Any, best: Best, enough: float, *, once: bool) -> None:
        before = float(best.values[0].prod())
        sketch_on(drafts, best, enough, once=once)
        asked.append((before, enough, once))

    monkeypatch.setattr(coarse, "sketch_on", watched)
    npu3 = load_architecture("tests/benchmarks/specs/npu3.yaml")
    for layer in (Layer("conv", K=384, C=256, P=13, Q=13, R=3, S=3), Layer("fc", K=768, C=3072, N=512)):
        found = solve_deep(npu3, npu3.lowered(layer), EDP, 0.05, "all", 1)
        for before, enough, _ in asked:
            assert enough < before
            assert found.values[0].prod() <= before
    assert [once for *_, once in asked] == [True, False]


@pytest.mark.parametrize("again", [True, False])
def test_other_sketches_wait_where_bounds_are_far_below(again: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the search has taken as many subproblems as before its first dive, and no first mappings are sought."""
    weight_fifo = load_architecture("tests/benchmarks/specs/weight_fifo.yaml")
    short = Layer("conv", K=256, C=1024, P=14, Q=14)
    layer = Layer("conv", K=512, C=256, P=28, Q=28, stride_h=2, stride_w=2) if again else short
    exact = solve_deep(weight_fifo, weight_fifo.lowered(layer), EDP, 0.0, "all", 1)
    told: list[tuple[bool, int]] = []

    def watched(drafts: Any, best: Best, enough: float, *, once: bool = False) -> None:
        told.append((once, int(best.visited[0])))
        sketch_on(drafts, best, enough, once=once)

    monkeypatch.setattr(coarse, "sketch_on", watched)
    monkeypatch.setattr(best_first, "first_mappings", lambda *_: pytest.fail("the best of many sketches is known"))
    found = solve_deep(weight_fifo, weight_fifo.lowered(layer), EDP, 0.05, "all", 1)
    assert exact.values[0].prod() <= found.values[0].prod() <= exact.values[0].prod() * 1.05
    assert told == [(True, 0), (False, best_first.AT_A_GAP)][: 1 + again]


def test_whole_spaces_begin_at_the_weights_of_their_stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    weight_fifo = load_architecture("tests/benchmarks/specs/weight_fifo.yaml")
    layer = weight_fifo.lowered(Layer("conv", K=256, C=1024, P=14, Q=14))
    _, drafts = drafts_of(weight_fifo, layer, "all")
    near = solve_deep(weight_fifo, layer, EDP, 0.05, "all", 1)
    best = Best(EDP, 0.05, inf, near.values[:1].copy(), near.records[:1].copy(), np.zeros(5, np.int64),
                np.zeros(1, np.int64), held=1)  # fmt: skip
    assert not is_closed_at_once(drafts, best)
    (space,) = (space for draft in drafts for space in spaces_of_draft(draft)[0])
    assert best.start_weights is not None
    ((block, weights),) = best.start_weights.values()
    assert np.array_equal(block, space.block)
    begun: list[bool] = []

    def watched(space: Space, choices: Any, rows: Any, start: Any, *rest: Any) -> Any:
        begun.append(np.array_equal(start, weights))
        return bounded(space, choices, rows, start, *rest)

    monkeypatch.setattr(roots, "bounded", watched)
    warm = root_of(space, best)
    best.start_weights = None
    cold = root_of(space, best)
    assert begun == [True, False]
    assert warm is not None
    assert cold is not None
    assert warm.bound == pytest.approx(cold.bound, abs=0.005)


def search_steps(architecture: Architecture, layer: Layer) -> float:
    return price(architecture, layer).cycles_per_step


def test_no_table_of_all_splits_is_made_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "LONG", inf)  # that a search without a gap has such tables
    npu3 = load_architecture("tests/benchmarks/specs/npu3.yaml")
    layer = npu3.lowered(Layer("fc", K=360, C=4320))
    problem = drafts_of(npu3, layer, "all")[1][0].problem
    near = solve_deep(npu3, layer, EDP, 0.1, "all", 1)
    assert near.gap <= 0.1
    assert near.visited[0] == 0
    assert splits_of(problem) not in kept._kept
    before = near.records.tolist()
    exact = solve_deep(npu3, layer, EDP, 0.0, "all", 1)
    assert splits_of(problem) in kept._kept
    assert exact.values[0].prod() <= near.values[0].prod() <= exact.values[0].prod() * 1.1
    assert near.space_size == exact.space_size
    assert solve_deep(npu3, layer, EDP, 0.1, "all", 1).records.tolist() == before  # with these tables at hand


def test_a_search_without_a_gap_is_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> bool:
        raise AssertionError

    monkeypatch.setattr(solve, "is_closed_at_once", refuse)
    npu3 = load_architecture("tests/benchmarks/specs/npu3.yaml")
    assert solve_deep(npu3, npu3.lowered(Layer("fc", K=24, C=30)), ENERGY, 0.0, "all", 1).gap == 0.0


def test_a_few_parts_of_a_space_may_end_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """On `gpu_sm` bounds mix splits of an axis with few children and with many, until these are shared out."""
    gpu_sm = load_architecture("tests/benchmarks/specs/gpu_sm.yaml")
    layer = gpu_sm.lowered(Layer("conv", K=384, C=256, P=13, Q=13, R=3, S=3))
    _, drafts = drafts_of(gpu_sm, layer, "all")
    near = solve_deep(gpu_sm, layer, EDP, 0.05, "all", 1)
    assert near.visited[0] == 0
    assert splits_of(drafts[0].problem) not in kept._kept
    exact = solve_deep(gpu_sm, layer, EDP, 0.0, "all", 1)
    assert exact.values[0].prod() <= near.values[0].prod() <= exact.values[0].prod() * 1.05
    best = Best(EDP, 0.05, inf, near.values[:1].copy(), near.records[:1].copy(), np.zeros(5, np.int64),
                np.zeros(1, np.int64), held=1)  # fmt: skip
    assert is_closed_at_once(drafts, best)
    monkeypatch.setattr(coarse, "_has_nothing", lambda *_: False)
    assert not is_closed_at_once(drafts, best)
