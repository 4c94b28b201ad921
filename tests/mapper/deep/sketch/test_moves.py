"""Moves of sketches: each makes the estimate less, and none breaks a rule."""

from __future__ import annotations

import numpy as np
import pytest
from mapper.deep.sketch.sketched import first_of
from mapper.walks.deep_walk import deep_problem

from dse.mapper.deep.drafts import drafts_of
from dse.mapper.deep.sketch.estimate import estimate, new_sketch
from dse.mapper.deep.sketch.moves import allowed, begin, best_move, best_stays, best_swap, moves_of, put_outside
from dse.mapper.deep.sketch.sums import sums_of
from dse.mapper.shared.incumbent import EDP


def fits_the_rules(sums, moves, sketch) -> bool:
    sides = all(
        sketch.factors[:, 3 * level + 1 + side].prod() <= moves.sides[level, side]
        for level in range(len(moves.sides)) for side in range(2)
    )  # fmt: skip
    return sides and all(allowed(sums, moves, sketch, d) for d in range(8))


@pytest.mark.parametrize("seed", range(8))
def test_moves_make_a_mapping_better_and_keep_the_rules(seed: int) -> None:
    problem = deep_problem(seed)
    layer = problem.architecture.lowered(problem.layer)
    draft = drafts_of(problem.architecture, layer, problem.kind)[1][0]
    dp, narrow = first_of(draft)
    sums, moves = sums_of(dp, narrow), moves_of(dp)
    sketch = new_sketch(sums)
    if not begin(dp, sums, moves, sketch):
        pytest.skip("its rules have no mapping with all factors outside")
    assert fits_the_rules(sums, moves, sketch)
    value = estimate(sums, sketch, EDP)
    for turn in range(3):
        for d in range(8):
            before, value = value, best_move(sums, moves, sketch, d, EDP, value)
            assert value <= before
            assert fits_the_rules(sums, moves, sketch)
        value = best_stays(sums, moves, sketch, EDP, value)
        before, value = value, best_swap(sums, moves, sketch, EDP, value)
        assert value <= before
        assert fits_the_rules(sums, moves, sketch)
        assert value == estimate(sums, sketch, EDP) or not np.isfinite(value), turn
    for d in range(8):
        assert put_outside(dp, sums, moves, sketch, d)
