"""Annealed sketches: what is kept is the best one met, keeps all rules, and undercuts what descents alone come to."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.machines import machine_of
from mapper.deep.sketch.sketched import first_of
from mapper.walks.deep_walk import deep_problem

import dse
from dse.mapper.deep.drafts import drafts_of
from dse.mapper.deep.problem import Deep
from dse.mapper.deep.sketch import anneal as annealing
from dse.mapper.deep.sketch.anneal import HOT, anneal, places_of
from dse.mapper.deep.sketch.estimate import Sketch, estimate, new_sketch, note
from dse.mapper.deep.sketch.moves import allowed, begin, descend, moves_of
from dse.mapper.deep.sketch.sums import sums_of
from dse.mapper.shared.compilation.twins import compiled
from dse.mapper.shared.incumbent import ENERGY, LATENCY
from dse.model.counting.kernel import Ints, entry


@entry
def annealed(dp: Deep, narrow: Ints, kind: int, times: int) -> tuple[float, float]:
    """The estimate that a descent comes to, and the least that some annealed mappings do."""
    sums, moves = sums_of(dp, narrow), moves_of(dp)
    mine, best, places = new_sketch(sums), new_sketch(sums), places_of(sums, moves)
    begin(dp, sums, moves, mine)
    alone, least = descend(sums, moves, mine, kind), np.inf
    for seed in range(times):
        begin(dp, sums, moves, mine)
        least = min(least, anneal(sums, moves, mine, best, kind, places, HOT, seed + 1))
    return alone, least


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", [ENERGY, LATENCY])
def test_the_best_one_is_kept_and_keeps_the_rules(seed: int, kind: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annealing, "DRAWS", 60)
    problem = deep_problem(seed)
    draft = drafts_of(problem.architecture, problem.architecture.lowered(problem.layer), problem.kind)[1][0]
    dp, narrow = first_of(draft)
    sums, moves = sums_of(dp, narrow), moves_of(dp)
    mine, best = new_sketch(sums), new_sketch(sums)
    if not begin(dp, sums, moves, mine):
        pytest.skip("its rules have no mapping with all factors outside")
    found = anneal(sums, moves, mine, best, kind, places_of(sums, moves), HOT, 1)
    if not np.isfinite(found):
        pytest.skip("nothing that was drawn may be a mapping")
    copy: Sketch = new_sketch(sums)
    copy.factors[:], copy.stays[:] = best.factors, best.stays
    for sketch in (mine, copy):
        for d in range(8):
            note(sums, sketch, d)
            assert allowed(sums, moves, sketch, d)
    assert estimate(sums, copy, kind) == pytest.approx(found, rel=1e-12)
    assert estimate(sums, mine, kind) >= found * (1 - 1e-12)


def test_it_undercuts_a_descent_on_three_levels() -> None:
    npu3 = machine_of("npu3")
    layer = npu3.lowered(dse.Layer("conv", K=256, C=256, P=14, Q=14, R=3, S=3))
    dp, narrow = first_of(drafts_of(npu3, layer, "all")[1][0])
    alone, least = compiled(annealed)(dp, narrow, ENERGY, 3)
    assert least < 0.97 * alone
