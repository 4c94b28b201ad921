"""Mappings near the best one."""

from __future__ import annotations

from math import inf

import numpy as np

from dse import Layer, load_architecture
from dse.mapper.deep.bounds.best import Best
from dse.mapper.deep.bounds.layer_spaces import spaces_of
from dse.mapper.deep.leaf.orders import SPLITS
from dse.mapper.deep.record import record_length
from dse.mapper.deep.solve import solve_deep
from dse.mapper.deep.tree.improve import EXCHANGED, exchange_near, improved, probed
from dse.mapper.shared.incumbent import EDP, ENERGY


def test_more_splits_are_looked_through_where_fewer_axes_have_several() -> None:
    many = [probed(tuple(np.arange(size) for size in (1,) * (6 - n) + (100,) * n)) for n in (1, 2, 3, 4, 6)]
    assert many == sorted(many, reverse=True)
    assert many[0] == many[1] > many[2] > many[3] == many[4]


def test_a_mapping_of_another_goal_is_made_better_and_never_worse() -> None:
    architecture, layer = load_architecture("edge_npu"), Layer("l", K=32, C=24, P=14, Q=14, R=3, S=3)
    layer = architecture.lowered(layer)
    begin = solve_deep(architecture, layer, ENERGY, 0.0, "all", 1)
    _, spaces = spaces_of(architecture, layer, "all")
    values, visited = begin.values / (1.0, 1.0), np.zeros(5, dtype=np.int64)
    best = Best(EDP, 0.0, inf, values.copy(), begin.records.copy(), visited, np.zeros(1, np.int64), held=1)
    assert begin.records.shape[1] == record_length(len(spaces[0].problem.nodes))
    known = best.target()
    assert improved(spaces, best, known) == known  # it is no better than what was known
    assert visited[SPLITS] == 0
    exchange_near(spaces, best, best.records[0])
    assert 0 < visited[SPLITS] <= EXCHANGED + 64 * 6
    assert improved(spaces, best, inf) <= best.target() <= known
