"""Splits that are listed in stages: those that are listed at once, with the same factors, and the same answers."""

from __future__ import annotations

import numpy as np
import pytest

from dse import Layer, load_architecture
from dse.mapper.deep import solve
from dse.mapper.deep.bounds import stages
from dse.mapper.deep.bounds.best import Best
from dse.mapper.deep.bounds.layer_spaces import spaces_of_draft
from dse.mapper.deep.bounds.roots import root_of
from dse.mapper.deep.bounds.stages import in_stages
from dse.mapper.deep.bounds.subproblem import AT_ONCE
from dse.mapper.deep.drafts import drafts_of
from dse.mapper.deep.sketch.sketch import cost_of
from dse.mapper.deep.solve import DeepSearch, begun_at, solve_deep
from dse.mapper.deep.splits import stages as splits_in_stages
from dse.mapper.deep.splits.axes import Axis
from dse.mapper.deep.splits.chains import any_tiles
from dse.mapper.deep.splits.stages import next_stage
from dse.mapper.deep.tree import branching
from dse.mapper.deep.tree.best_first import run_to_end
from dse.mapper.deep.tree.branching import laid_down
from dse.mapper.shared.incumbent import EDP, ENERGY, LATENCY
from dse.mapper.shared.reference import Reference
from dse.problem.dims import WEIGHT, C, K, N

SPECS = "tests/benchmarks/specs"
MACHINES = ["npu3", "gpu_sm", "registers"]


def keys(axis: Axis, d: int) -> list[tuple[object, ...]]:
    """Some columns of all kinds."""
    counts = [("count", d, lists, fans) for lists in (0, 1, 2, 4) for fans in (0, 2, 4, 6)]
    return [*counts, ("words", WEIGHT, 2), ("words", WEIGHT, 1, 0), ("children", 1), ("side", 1, 0), ("steps",),
            ("fewest",)]  # fmt: skip


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("fits", [False, True])
def test_what_is_told_apart_is_what_is_listed_at_once(
    machine: str, fits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "LONG", 0)
    if not fits:
        monkeypatch.setattr(splits_in_stages, "largest_tiles", any_tiles)
    architecture = load_architecture(f"{SPECS}/{machine}.yaml")
    layer = architecture.lowered(Layer("l", N=3, K=48, C=30))
    told = 0
    for draft in drafts_of(architecture, layer, "all")[1]:
        spaces = in_stages([draft])
        assert spaces is not None
        (space,), (whole,) = spaces, spaces_of_draft(draft)[0]
        assert space.least_steps == whole.least_steps
        assert space.gathered > 1
        for d in (N, K, C):
            axis, lists, every = space.axes[d], space.gathered, whole.axes[d]
            for key in keys(axis, d):
                axis.column(key)
            while lists > 1:
                told -= len(axis)
                axis, places = next_stage(space.problem, axis, np.arange(len(axis)), lists, lists - 1)
                told += len(axis)
                assert (np.diff(places) >= 0).all()
                lists -= 1
            at = {tuple(chain): i for i, chain in enumerate(every.chains[0].tolist())}
            mine = np.array([at[tuple(chain)] for chain in axis.chains[0].tolist()])
            assert len(set(mine.tolist())) == len(mine)
            assert fits or len(mine) == len(every)
            for key in keys(axis, d):
                for plain in (False, True):
                    its = every.table(plain)[every.column(key)][mine] if every.column(key) else 1.0 * plain
                    assert np.allclose(axis.table(plain)[axis.column(key)], its, rtol=1e-12, atol=1e-14), key
    assert told > 500


def test_only_splits_of_what_is_left_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "LONG", 0)
    architecture = load_architecture(f"{SPECS}/npu3.yaml")
    spaces = in_stages(drafts_of(architecture, architecture.lowered(Layer("l", K=48, C=30)), "all")[1])
    assert spaces is not None
    axis, rows = spaces[0].axes[K], np.array([3, 7])
    some, places = next_stage(spaces[0].problem, axis, rows, spaces[0].gathered, 1)
    every, of = next_stage(spaces[0].problem, axis, np.arange(len(axis)), spaces[0].gathered, 1)
    assert np.array_equal(some.chains[0], every.chains[0][np.isin(of, rows)])
    assert np.array_equal(rows[places], of[np.isin(of, rows)])


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("kind", [ENERGY, EDP, LATENCY])
def test_answers_are_the_same(machine: str, kind: int, monkeypatch: pytest.MonkeyPatch) -> None:
    architecture = load_architecture(f"{SPECS}/{machine}.yaml")
    made = []
    original = stages.in_stages
    for bounds in ({"K": 60, "C": 84}, {"N": 5, "K": 24, "C": 36}, {"G": 3, "N": 4, "K": 14, "C": 20}):
        layer = architecture.lowered(Layer("l", **bounds))
        found = []
        for long in (0, 10**9):
            monkeypatch.setattr(stages, "LONG", long)
            made.append(original(drafts_of(architecture, layer, "all")[1]) is not None)
            solution = solve_deep(architecture, layer, kind, 0.0, "all", 1)
            found.append((solution.values[0].tolist(), solution.records[0].tolist()))
        assert found[0] == found[1], bounds
    assert made == [True, False] * 3


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("kind", [ENERGY, EDP, LATENCY])
def test_with_a_gap_as_well(machine: str, kind: int, monkeypatch: pytest.MonkeyPatch) -> None:
    architecture = load_architecture(f"{SPECS}/{machine}.yaml")
    monkeypatch.setattr(stages, "LONG", 0)
    monkeypatch.setattr(solve, "may_be_closed", lambda drafts: False)  # so that each search comes to its subproblems
    gap, staged, subproblems = 0.001, 0, 0
    for bounds in ({"K": 60, "C": 84}, {"N": 5, "K": 24, "C": 36}, {"G": 3, "N": 4, "K": 14, "C": 20}):
        layer = architecture.lowered(Layer("l", **bounds))
        (best,) = solve_deep(architecture, layer, kind, 0.0, "all", 1).values
        search = DeepSearch(architecture, layer, gap, "all", np.zeros(1, dtype=np.int64))
        solution = search.solution(*run_to_end(search.seek_best(kind)))
        least, found = (cost_of(kind, values) for values in (best, solution.values[0]))
        assert least * (1 - 1e-9) <= found <= least * (1 + gap), bounds
        again = solve_deep(architecture, layer, kind, gap, "all", 1)
        assert np.array_equal(again.values, solution.values), bounds
        assert np.array_equal(again.records, solution.records), bounds
        staged += search._staged is not None
        subproblems += solution.visited[0]
    assert staged == 3
    assert subproblems > 0


def test_a_search_beside_a_reference_lists_all_splits_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "LONG", 0)
    architecture = load_architecture(f"{SPECS}/npu3.yaml")
    layer, stop = architecture.lowered(Layer("l", K=60, C=84)), np.zeros(1, dtype=np.int64)
    begun = begun_at(Reference(architecture, "npu3"), layer, EDP, 0.02, "all", None)
    assert begun is not None
    assert DeepSearch(architecture, layer, 0.02, "all", stop, begun=begun)._staged is None
    assert DeepSearch(architecture, layer, 0.02, "all", stop)._staged is not None
    assert DeepSearch(architecture, layer, 0.02, "all", stop)._of_front[0].gathered == AT_ONCE
    assert DeepSearch(architecture, layer, 0.0, "all", stop)._of_front[0].gathered > 1


@pytest.mark.parametrize(("kind", "at_once"), [(EDP, 2), (ENERGY, 2), (LATENCY, 1)])
def test_the_last_two_lists_are_laid_down_at_once(kind: int, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where axes are long, for energy: the parts are those of one list after the other."""
    monkeypatch.setattr(stages, "LONG", 0)
    architecture = load_architecture(f"{SPECS}/npu3.yaml")
    drafts = drafts_of(architecture, architecture.lowered(Layer("l", N=5, K=24, C=36)), "all")[1]
    (space, *_), best = in_stages(drafts) or (), Best.knowing_nothing(kind, drafts[0].problem)
    node = root_of(space, best)
    while node is not None and node.gathered > 2:
        node = laid_down(node, node.gathered - 1, best)[0]
    assert node is not None
    found = laid_down(node, 1, best)
    assert {sum(one is None for one in part.choices) for part in found} == {2 - at_once}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(branching, "is_large", lambda space: False)
        parts = laid_down(node, 1, best)
        parts = [part for one in parts for part in laid_down(one, 0, best)] if at_once == 2 else parts
    assert len(found) == len(parts) > 3
    for one, other in zip(found, parts, strict=True):
        assert one.choices == other.choices
        assert one.gathered == other.gathered == 0
        for axis, its, mine, beside in zip(one.space.axes, other.space.axes, one.rows, other.rows, strict=True):
            assert axis.dims == its.dims
            assert len(mine) == len(beside)
