"""Searches with a gap that bounds on stand-ins end at once: only where nothing is better by more than the gap."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
import pytest
from mapper.deep.test_deep_bounds import drawn
from thinned import parts, thinned

from dse import Architecture, Layer, load_architecture
from dse.mapper.deep import coarse, kept, solve
from dse.mapper.deep.bounds import stages, stand_ins
from dse.mapper.deep.bounds.best import Best
from dse.mapper.deep.bounds.stand_ins import lists_of_stand_ins, may_stand_in, outer_lists
from dse.mapper.deep.coarse import _has_stand_ins, _of_stand_ins, is_closed_at_once
from dse.mapper.deep.drafts import drafts_of
from dse.mapper.deep.kept import splits_of, tables_of
from dse.mapper.deep.lists import nothing_of
from dse.mapper.deep.solve import solve_deep
from dse.mapper.deep.splits.gathered import stand_ins_of
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
    assert fewer > 100


@pytest.mark.parametrize("direct", [coarse.DIRECT, 2])
@pytest.mark.parametrize("seeds", thinned(parts(240, 30), 4))
def test_nothing_is_better_by_more_than_the_gap(seeds: range, direct: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The best mapping is said to cost what one a little above or below the gap does; all combinations of splits are
    looked through, or few after the spaces are cut."""
    monkeypatch.setattr(stand_ins, "SEVERAL", 2)
    monkeypatch.setattr(coarse, "DIRECT", direct)
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
