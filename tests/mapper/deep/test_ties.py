"""Of mappings that cost the same, those that stand later than the best one known are not priced."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from benchmarks.machines import layers, machine_of
from mapper.walks.deep_walk import deep_problem

from dse.mapper.deep.bounds import kept
from dse.mapper.deep.leaf import walk as leaf_walk
from dse.mapper.deep.leaf.orders import PRICED, SPLITS, TIED, Goal, begins_later, tied_with
from dse.mapper.deep.solve import solve_deep
from dse.mapper.deep.tree import walks
from dse.mapper.layer import OBJECTIVES
from dse.mapper.shared.incumbent import EDP, ENERGY, FRONT, LATENCY

STOP = np.zeros(1, dtype=np.int64)


@pytest.mark.parametrize("objective", ["energy", "edp"])
def test_few_of_100000_mappings_that_cost_the_same_are_priced(objective: str) -> None:
    layer = next(one for one in layers("resnet50") if one.name == "conv2_block1_1_conv")
    found = solve_deep(machine_of("npu3"), layer, OBJECTIVES[objective], 0.0, "all", 1)
    assert found.gap == 0.0
    assert found.visited[PRICED] < 2_000 < 50_000 < found.visited[SPLITS]


@pytest.mark.parametrize("objective", ["energy", "edp", "latency", "front"])
def test_the_answer_is_that_of_pricing_them_all(objective: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fewer = 0
    for number in range(12):
        problem = deep_problem(number)

        def found(problem: Any = problem) -> Any:
            kept._kept.clear()
            kind = OBJECTIVES[objective]
            return solve_deep(problem.architecture, problem.layer, kind, 0.0, problem.kind, 4096)

        mine = found()
        with monkeypatch.context() as patch:
            patch.setattr(walks, "compiled", lambda function: function)
            patch.setattr(leaf_walk, "tied_with", lambda *_: -1)
            every = found()
        assert np.array_equal(mine.records, every.records), number
        assert mine.values == pytest.approx(every.values, rel=1e-12), number
        fewer += mine.visited[PRICED] < every.visited[PRICED]
    assert fewer > 0


@pytest.mark.parametrize("kind", [ENERGY, EDP, FRONT])
def test_tied_is_what_is_no_better_in_either(kind: int) -> None:
    values = np.array([[9.0, 2.0], [5.0, 3.0]])[: 1 + (kind == FRONT)]
    ties = Goal(kind, walks.TIES, np.inf, 0.0, 0, STOP)
    assert tied_with(ties, 9.0, 2.0, values, len(values)) == 0
    assert tied_with(ties, 9.0 * (1 - 0.5 * TIED), 2.5, values, len(values)) == 0
    assert tied_with(ties, 9.0, 2.0 * (1 - 2 * TIED), values, len(values)) == -1
    assert tied_with(ties, 9.0 * (1 - 2 * TIED), 2.0, values, len(values)) == -1
    assert tied_with(ties, 5.0, 3.0, values, len(values)) == (1 if kind == FRONT else -1)
    assert tied_with(ties, 9.0, 2.0, values, 0) == -1
    # Without an order among equals, whatever improves by more than the gap alone is priced.
    assert tied_with(Goal(LATENCY, 0.0, np.inf, 0.0, 0, STOP), 9.0, 2.0, values, 1) == -1


def test_later_is_what_has_more_trips_outermost_first() -> None:
    split, record = np.ones((2, 4, 8), dtype=np.int64), np.ones(65, dtype=np.int64)
    assert not begins_later(split, record)
    split[0, 0, 3], record[2] = 5, 2
    assert not begins_later(split, record)
    split[0, 0, 2] = 3
    assert begins_later(split, record)
