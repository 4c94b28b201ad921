"""Mirror images cost the same, and a search that looks for one of two finds what it finds without that."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
from mapper.deep.test_deep_bounds import some_mapping
from mapper.walks.deep_walk import DeepProblem, Walk, deep_problem
from mapper.walks.fronts import EQUAL
from mapper.walks.whole import price_whole
from thinned import thinned

from dse import Layer, load_architecture
from dse.mapper.deep.bounds import mirror, spaces
from dse.mapper.deep.bounds.best import Best
from dse.mapper.deep.bounds.kept import _kept
from dse.mapper.deep.bounds.layer_spaces import spaces_of
from dse.mapper.deep.bounds.left import lifts_left, only_left
from dse.mapper.deep.bounds.roots import root_of
from dse.mapper.deep.leaf.nest import workspace
from dse.mapper.deep.leaf.orders import SUBPROBLEMS
from dse.mapper.deep.record import ORDER, record_length
from dse.mapper.deep.solve import solve_deep
from dse.mapper.deep.splits.chains import settle_sides
from dse.mapper.deep.tree import best_first
from dse.mapper.deep.tree.branching import Half, half_of, halves, laid_down, shares
from dse.mapper.shared.incumbent import EDP, ENERGY, FRONT, LATENCY
from dse.problem.dims import C, P, Q

SQUARE = Layer("square", K=12, C=6, P=6, Q=6, R=3, S=3)
ON_BOTH, ON_ONE = "nvdla_small", "edge_npu"
"""Machines that treat height and width alike, and that spread rows of the ofmap over cores but no columns."""


def square(seed: int) -> DeepProblem:
    """A small problem whose layer is as wide as it is high."""
    problem = deep_problem(20_000 + seed)
    layer, rng = problem.layer, Random(seed)
    side, window = rng.choice((2, 3, 4)), rng.choice((1, 2))
    layer = layer.with_(
        K=min(layer.K, 3), C=min(layer.C, 2), N=1, P=side, Q=side, R=window, S=window, stride_w=layer.stride_h,
        dilation_w=layer.dilation_h,
    )  # fmt: skip
    return DeepProblem(layer, problem.architecture, problem.kind, 0)


def answer(problem: DeepProblem, kind: int) -> Any:
    _kept.clear()
    return solve_deep(problem.architecture, problem.layer, kind, 0.0, problem.kind, 4096)


def known(machine: str, layer: Layer = SQUARE) -> DeepProblem:
    return DeepProblem(layer, load_architecture(machine), "all", 0)


def assert_same(problem: DeepProblem, kind: int, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """How many subproblems it takes with mirror images left out, and without that."""
    found = answer(problem, kind)
    with monkeypatch.context() as patch:
        patch.setattr(spaces, "twins_of", lambda *_: None)
        plain = answer(problem, kind)
    assert found.values == pytest.approx(plain.values, rel=EQUAL, abs=0)
    assert np.array_equal(found.records[:, :-1], plain.records[:, :-1])
    return found.visited[SUBPROBLEMS], plain.visited[SUBPROBLEMS]


@pytest.mark.parametrize("kind", [ENERGY, LATENCY, EDP, FRONT])
@pytest.mark.parametrize("machine", [ON_BOTH, ON_ONE, "simba_pe"])
def test_answers_and_records_are_the_same_on_machines(
    machine: str, kind: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for layer in (SQUARE, SQUARE.with_(stride_h=2, stride_w=2, C=3), SQUARE.with_(R=1, S=1, P=10, Q=10)):
        assert_same(known(machine, layer), kind, monkeypatch)


@pytest.mark.parametrize("kind", [ENERGY, LATENCY, EDP, FRONT])
def test_answers_and_records_are_the_same_when_all_is_laid_down(kind: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(best_first, "DIRECT", 1)
    monkeypatch.setattr(best_first, "OPEN", 1)
    some = every = 0
    for seed in range(20):
        with_images, without = assert_same(square(seed), kind, monkeypatch)
        some, every = some + with_images, every + without
    assert some < every


@pytest.mark.parametrize("seed", thinned(range(40), 8))
def test_fronts_are_those_of_full_walks(seed: int) -> None:
    problem = square(seed)
    found = answer(problem, FRONT).values
    front = Walk(problem.architecture, problem.layer, problem.kind).front()
    assert len(found) == len(front)
    if len(front):
        assert found == pytest.approx(front, rel=EQUAL)


def priced(space: Any, split: Any) -> list[float]:
    point = np.zeros(3)
    return point.tolist() if price_whole(space.problem, split, workspace(space.problem), point) else []


@pytest.mark.parametrize("machine", [ON_BOTH, ON_ONE, "simba_pe", "gemmini"])
def test_images_cost_the_same(machine: str) -> None:
    problem, rng, pairs = known(machine), Random(machine), 0
    for space in (part for whole in spaces_of(problem.architecture, problem.layer, "all")[1]
                  for part in (whole.parts or (whole,))):  # fmt: skip
        assert space.twins is not None
        to_q, to_p = space.twins
        for _ in range(200):
            found = some_mapping(space, rng)
            if found is None:
                continue
            rows, split, _ = found
            one, other = to_q[rows[P]], to_p[rows[Q]]
            if mirror.NO_TWIN in (one, other):
                continue
            image = split[:, :, mirror_of()].copy()
            image[:, ORDER] = mirror_of()[split[:, ORDER]]
            for axis, row in ((space.axes[Q], one), (space.axes[P], other)):
                for d, chain in zip(axis.dims, axis.chains, strict=True):
                    assert np.array_equal(image[:, :2, d].ravel(), chain[row])
            assert settle_sides(space.problem, split.copy()) == settle_sides(space.problem, image.copy())
            assert priced(space, image) == pytest.approx(priced(space, split), rel=1e-13)
            pairs += bool(priced(space, split))
    assert pairs > 20


def mirror_of() -> Any:
    """The dim that takes the place of each."""
    return np.array([0, 1, 2, 3, 5, 4, 7, 6])


@pytest.mark.parametrize("change", [{"Q": 5}, {"S": 1}, {"stride_h": 2}, {"P": 1, "Q": 1, "R": 1, "S": 1}])
def test_no_twins_where_height_and_width_differ(change: dict[str, int]) -> None:
    problem = known(ON_BOTH, SQUARE.with_(**change))
    assert all(space.twins is None for space in spaces_of(problem.architecture, problem.layer, "all")[1])


def test_splits_over_fan_outs_that_take_one_dim_alone_have_no_twin() -> None:
    problem = known(ON_ONE)
    space = spaces_of(problem.architecture, problem.layer, "all")[1][0]
    assert space.twins is not None
    cores = next(i for i in range(len(space.problem.nodes)) if space.axes[P].children(i).max() > 1)
    assert ((space.twins[0] == mirror.NO_TWIN) == (space.axes[P].children(cores) > 1)).all()
    assert (space.twins[1] != mirror.NO_TWIN).all()


def test_parts_of_a_closed_subproblem_or_their_images_have_all_of_it() -> None:
    problem = known(ON_BOTH)
    space = next(one for one in spaces_of(problem.architecture, problem.layer, "all")[1] if not one.parts)
    levels = len(space.problem.nodes)
    record, (counters, stop) = np.zeros((1, record_length(levels)), np.int64), np.zeros((2, 5), np.int64)
    best = Best(EDP, 0.0, np.inf, np.zeros((1, 2)), record, counters, stop[:1])
    root = root_of(space, best)
    assert root is not None
    assert root.mirror == mirror.CLOSED
    rows = only_left(root, np.inf).rows
    pieces = halves(Half(root, P, np.arange(len(rows[P])) < 3), best)
    assert [one.mirror for one in pieces] == [mirror.CLOSED, mirror.HALF, mirror.CLOSED]
    found = {pair for one in pieces for p in one.rows[P] for q in one.rows[Q] for pair in ((p, q), (q, p))}
    assert found == {(p, q) for p in rows[P] for q in rows[Q]}
    parts = shares(root, space.problem.last - 1, best) or []
    assert all(one.mirror == mirror.CLOSED for one in parts) or any(one.mirror == mirror.HALF for one in parts)
    assert half_of(root, 0.0) is not None
    assert lifts_left(root, C, np.inf).all()
    node = root
    while None in node.choices:
        level = max(i for i, one in enumerate(node.choices) if one is None)
        node = next(one for one in laid_down(node, level, best) if one.choices[level].kind >= 0)  # type: ignore[union-attr]
    slides = laid_down(node, len(node.choices) - 1, best)
    assert {one.choices[-1].slide for one in slides} <= {-1, P}  # type: ignore[union-attr]
    assert all(one.mirror == (mirror.HALF if one.choices[-1].slide == P else mirror.CLOSED) for one in slides)  # type: ignore[union-attr]
