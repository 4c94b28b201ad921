"""Bounds on compute steps lie below what any mapping takes."""

from itertools import product
from math import ceil, prod

import numpy as np
import pytest
from mapper.walks.deep_walk import Walk, deep_problem

from dse.mapper.deep.bounds.sums import steps as module
from dse.mapper.deep.bounds.sums.steps import fastest_of, fewest_on_sides, fewest_with_each, lay_down_fewest
from dse.mapper.deep.problem import build
from dse.mapper.deep.splits.listing import axes_of
from dse.mapper.shared.compilation.twins import compiled
from dse.mapper.shared.mapspace.bypass import bypass_choices
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


def drawn(rng, splits):
    """Chains of one dim over two fan-outs and three lists, at random, with the steps that they leave of its bound."""
    bound = int(rng.integers(1, 13))
    chains = np.ones((splits, 2, 6), dtype=np.int64)
    chains[:, rng.integers(2), 1] = rng.integers(1, min(bound, 5) + 1, splits)
    chains[:, rng.integers(2), 3] = rng.integers(1, 4, splits)
    return chains, np.ceil(bound / chains[:, :, 1::2].prod(axis=(1, 2)))


@pytest.mark.parametrize("seed", range(20))
def test_the_fewest_steps_with_a_split_are_those_of_all_that_fit_beside_it(seed):
    rng = np.random.default_rng(seed)
    chains, steps = zip(*(drawn(rng, int(rng.integers(1, 5))) for _ in range(6)), strict=True)
    room = np.array([int(rng.integers(2, 9)), int(rng.integers(2, 5))])
    ends = np.cumsum([len(one) for one in steps])
    found = np.zeros(ends[-1])
    compiled(fewest_with_each)(chains, steps, np.array([0, 1]), room, 1e9, found)
    truth = [np.full(len(one), 1e9) for one in steps]
    for rows in product(*(range(len(one)) for one in steps)):
        taken = np.prod([chain[row, :, 1:4:2].prod(axis=0) for chain, row in zip(chains, rows, strict=True)], axis=0)
        if (taken <= room).all():
            of_all = prod(float(one[row]) for one, row in zip(steps, rows, strict=True))
            for mine, row in zip(truth, rows, strict=True):
                mine[row] = min(mine[row], of_all)
    assert found.tolist() == np.concatenate(truth).tolist()


def test_more_fan_outs_than_have_few_states_are_taken_to_have_room(monkeypatch):
    """Steps are no more then, and those of the fan-outs that are looked at."""
    rng = np.random.default_rng(1)
    chains, steps = zip(*(drawn(rng, 4) for _ in range(6)), strict=True)
    room, fans, ends = np.array([5, 3]), np.array([0, 1]), np.cumsum([len(one) for one in steps])
    exact, found, alone = (np.zeros(ends[-1]) for _ in range(3))
    fewest_with_each(chains, steps, fans, room, 1e9, exact)
    monkeypatch.setattr(module, "WIDE", 4)
    fewest_with_each(chains, steps, fans, room, 1e9, found)
    roomy = np.array([5, 1000])
    monkeypatch.setattr(module, "WIDE", 10_000)
    fewest_with_each(chains, steps, fans, roomy, 1e9, alone)
    assert (found <= exact).all()
    assert (found < exact).any()
    assert (found[found < 1e9] == alone[found < 1e9]).all()
    monkeypatch.setattr(module, "WIDE", 0)
    fewest_with_each(chains, steps, fans, room, 1e9, alone)
    assert (alone <= found).all()


def test_kinds_that_others_beat_are_left_out():
    """Of equal steps that which takes fewer children comes first, whatever the order of the splits."""
    children, steps = np.array([[2, 2], [1, 2], [2, 1], [4, 1], [1, 2]]), np.array([3.0, 3.0, 4.0, 3.0, 5.0])
    assert sorted(module._best_of(children, steps).tolist()) == [1, 2, 3]


@pytest.mark.parametrize("seed", range(12))
def test_the_fewest_passes_on_rows_and_columns_are_those_of_all_unrollings(seed):
    rng = np.random.default_rng(seed)
    bounds = np.ones(8, dtype=np.int64)
    dims = rng.choice(8, 3, replace=False)
    bounds[dims] = rng.integers(1, 8, 3)
    on_side, sides = rng.integers(0, 2, (2, 8)), rng.integers(1, 7, 2)
    each = [[(sy, sx) for sy in range(1, 8 if on_side[0, d] else 2) for sx in range(1, 8 if on_side[1, d] else 2)]
            for d in dims]  # fmt: skip
    truth = min(
        prod(ceil(int(bounds[d]) / (sy * sx)) for d, (sy, sx) in zip(dims, some, strict=True))
        for some in product(*each)
        if prod(sy for sy, _ in some) <= sides[0] and prod(sx for _, sx in some) <= sides[1]
    )
    assert compiled(fewest_on_sides)(bounds, on_side, sides) == truth
