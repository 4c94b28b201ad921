"""Children that have to fill a fan-out once steps have a price: no mapping that reaches the goal loses a split."""

from __future__ import annotations

from math import log
from random import Random

import numpy as np
import pytest
from mapper.deep.test_deep_bounds import EQUAL, drawn, operand_alone, some_mapping, sums, value
from mapper.walks.whole import price_whole
from thinned import parts, thinned

from dse import Layer, load_architecture
from dse.mapper.deep.bounds.layer_spaces import spaces_of
from dse.mapper.deep.bounds.necessary import filled, standing
from dse.mapper.deep.bounds.necessary.filled import drop_unfilled
from dse.mapper.deep.bounds.necessary.standing import CHILDREN, fan_outs_of
from dse.mapper.deep.bounds.sums.records import Alive, Terms
from dse.mapper.deep.bounds.weights.stairs import ONE_STEP
from dse.mapper.deep.leaf.nest import workspace
from dse.mapper.deep.leaf.orders import SUBPROBLEMS
from dse.mapper.layer import solve
from dse.mapper.shared.incumbent import EDP, ENERGY, LATENCY


@pytest.mark.parametrize("seeds", thinned(parts(80, 10), 4))
def test_splits_of_a_mapping_that_reaches_the_goal_are_left(seeds: range, monkeypatch: pytest.MonkeyPatch) -> None:
    """With any weights and lists, on each fan-out however small; what is proven is no more than the mapping costs."""
    for name, number in (("SEVERAL", 1), ("MANY", 2)):
        monkeypatch.setattr(standing, name, number)
    monkeypatch.setattr(filled, "WORTH", 0.0)
    tried = dropped = 0
    for seed in seeds:
        rng, (_, spaces, _) = Random(seed), drawn(seed)
        for space in spaces:
            fans = fan_outs_of(space.problem, space.terms)
            if len(fans.level) == 0:
                continue
            for rows, split, choices in filter(None, (some_mapping(space, rng) for _ in range(8))):
                point = np.zeros(3)
                if (sums(space, rows, choices)[2] > 1 + EQUAL).any():
                    continue
                if not price_whole(space.problem, split, workspace(space.problem), point):
                    continue  # a mapping of another space
                kind = rng.choice((ENERGY, LATENCY, EDP))
                fixed = np.full(len(space.limits), -1.0)
                fixed[:2] = ((1.0, 0.0), (0.0, 1.0), (1.0, 1.0))[kind]
                laid_down = [rng.choice((choice, None, operand_alone(choice))) for choice in choices]
                logs, first, second = space.columns(tuple(laid_down))
                terms = Terms(
                    first, second, logs, space.block, space.group, space.limits, fixed, space.groups, space.cuts
                )  # fmt: skip
                weights = np.array([rng.random() ** 4 for _ in space.terms]) * np.isfinite(space.limits[space.block])
                for block in range(len(fixed)):
                    mine = space.block == block
                    if fixed[block] >= 0.0:
                        weights[mine] *= fixed[block] / weights[mine].sum() if mine.any() else 0.0
                end = np.cumsum([len(axis) for axis in space.axes])
                every = np.concatenate([np.arange(len(axis)) for axis in space.axes])
                alive = Alive(every, np.concatenate([[0], end[:-1]]), end.copy(), np.zeros(len(every)))
                goal = log(value(point, kind)) + 1e-9
                tables, chains = tuple(axis.table() for axis in space.axes), tuple(axis.both() for axis in space.axes)
                bound, proven = drop_unfilled(
                    tables, chains, terms, space.floors, fans, weights, goal, ONE_STEP, alive
                )  # fmt: skip
                tried += 1
                assert bound <= goal
                assert proven <= goal
                for a, row in enumerate(rows):
                    assert row in alive.rows[alive.start[a] : alive.end[a]], (seed, kind)
                dropped += len(every) - int((alive.end - alive.start).sum())
    assert tried > 10
    assert dropped > 0


def test_limits_of_fan_outs_are_known() -> None:
    architecture = load_architecture("tests/benchmarks/specs/npu3.yaml")
    layer = architecture.lowered(Layer("l", K=24, C=16, P=6, Q=6, R=3, S=3))
    space = spaces_of(architecture, layer, "all")[1][0]
    (terms,) = space.fans.terms
    assert [round(float(np.exp(space.limits[space.block[t]]))) for t in terms] == [32, 32, 1024]
    assert all(key[0] == "children" for _, key in space.terms[terms[CHILDREN]].extra)


def test_searches_are_short_where_energy_and_lanes_at_work_are_at_odds() -> None:
    """With the fewest steps alone they take 129 + 174 + 375 subproblems."""
    architecture = load_architecture("tests/benchmarks/specs/npu3.yaml")
    bounded = 0
    for K, C, P in ((256, 192, 13), (128, 256, 28), (256, 256, 14)):
        layer = Layer("l", K=K, C=C, P=P, Q=P, R=3, S=3)
        bounded += solve(architecture, layer, "energy", 0.0, "all").visited[SUBPROBLEMS]
    assert bounded < 600
