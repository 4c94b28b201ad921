"""Splits are left whose price, with what the other axes need, is within what is left to prove."""

from __future__ import annotations

import numpy as np
import pytest

from dse.mapper.deep.bounds.necessary.dropping import drop_some
from dse.mapper.deep.bounds.sums.records import Alive


@pytest.mark.parametrize("most", [0.0, 0.3, 1.0, 5.0])
def test_what_is_left_is_what_a_filter_leaves(most: float) -> None:
    rng = np.random.default_rng(5)
    rows, reduced, classes = np.arange(20), rng.random(20), rng.integers(0, 3, 20)
    others, start, end = rng.random(3), np.array([0, 4, 14, 20, 20, 20]), np.array([4, 14, 20, 20, 20, 20])
    alive = Alive(rows.copy(), start, end, reduced.copy())
    expected = [i for i in range(4, 14) if reduced[i] + others[classes[i]] <= most]
    assert drop_some(alive, 1, classes, others, most) == bool(expected)
    assert alive.rows[4 : alive.end[1]].tolist() == expected
    assert alive.reduced[4 : alive.end[1]].tolist() == reduced[expected].tolist()
    assert alive.rows[:4].tolist() == [0, 1, 2, 3]
    assert alive.rows[14:].tolist() == list(range(14, 20))
