"""Boxes that are settled alike are written down as one, which holds their designs and no other."""

from itertools import product
from random import Random

import pytest

from dse.explore.proof.bounding.bounds import DesignBound
from dse.explore.proof.boxes.box import Box
from dse.explore.proof.settled import INFEASIBLE, RULED_OUT, Entry, Settled, joined_with


def designs(box):
    return set(product(*(range(first, last + 1) for first, last in zip(box.first, box.last, strict=True))))


@pytest.mark.parametrize("seed", range(40))
def test_a_joined_box_holds_the_designs_of_both(seed):
    rng, joined = Random(seed), 0
    for _ in range(60):
        low = [rng.randint(0, 2) for _ in range(3)]
        high = [a + rng.choice((0, 0, 1)) for a in low]
        next_low, next_high = list(low), list(high)
        axis = rng.randrange(3)
        next_low[axis] = high[axis] + rng.choice((0, 1, 1, 2))
        next_high[axis] = next_low[axis]
        first, second = Box(tuple(low), tuple(high)), Box(tuple(next_low), tuple(next_high))
        bounds = [DesignBound(rng.uniform(1, 9), rng.uniform(1, 9)) for _ in range(2)]
        both = joined_with(Settled(first, RULED_OUT, bounds[0]), Settled(second, RULED_OUT, bounds[1]))
        if both is not None:
            joined += 1
            assert designs(both.box) == designs(first) | designs(second)
            assert not designs(first) & designs(second)
            assert both.bound.energy_pj == min(bound.energy_pj for bound in bounds)
            assert both.bound.latency_s == min(bound.latency_s for bound in bounds)
    assert joined


def test_boxes_that_are_settled_for_other_reasons_stay_apart():
    at = [Box((0, i), (0, i)) for i in range(2)]
    small, large = DesignBound(infeasible="too small"), DesignBound(infeasible="too large")
    assert joined_with(Settled(at[0], INFEASIBLE, small), Settled(at[1], INFEASIBLE, large)) is None
    assert joined_with(Settled(at[0], RULED_OUT, DesignBound()), Settled(at[1], INFEASIBLE, small)) is None
    assert joined_with(Settled(at[0], INFEASIBLE, small), Settled(at[1], INFEASIBLE, small)) is not None


def test_the_farthest_box_comes_first():
    box, bound = Box((0,), (0,)), DesignBound()
    entries = [Entry(0.1, 0, box, bound), Entry(0.3, 1, box, bound), Entry(0.3, 2, box, bound)]
    assert [entry.number for entry in sorted(entries)] == [1, 2, 0]
