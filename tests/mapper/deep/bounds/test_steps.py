"""Bounds on compute steps lie below what any mapping takes."""

from math import ceil, prod

import numpy as np
import pytest
from mapper.walks.deep_walk import Walk, deep_problem

from dse.mapper.deep.axes import axes_of
from dse.mapper.deep.bounds.steps import fastest_of, lay_down_fewest
from dse.mapper.deep.problem import build
from dse.mapper.shared.bypass import bypass_choices
from dse.model.price import price


@pytest.mark.parametrize("seed", range(12))
def test_no_mapping_takes_fewer_steps(seed):
    problem = deep_problem(f"steps {seed}")
    front = Walk(problem.architecture, problem.layer, problem.kind).front()
    if not len(front):
        pytest.skip("nothing fits")
    prices = price(problem.architecture, problem.layer)
    fastest = front[:, 1].min() / prices.cycles_per_step
    macs = problem.layer.macs
    for kept in bypass_choices(problem.architecture):
        built = build(problem.architecture, problem.layer, kept, prices, problem.kind)
        bound = fastest_of(built)
        assert ceil(macs / prod(int(side) for side in built.sides.ravel())) <= ceil(bound) <= fastest * (1 + 1e-9)
        axes = axes_of(built)
        least, differ = lay_down_fewest(built, axes)
        assert bound <= least <= fastest * (1 + 1e-9) or not all(map(len, axes))
        for a in differ:
            factors = axes[a].table(plain=True)[axes[a].column(("fewest",))]
            assert (factors >= 1).all()
            assert np.ptp(factors) > 0
