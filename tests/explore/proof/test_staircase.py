"""The least factor on a bound with which known points match everything above it."""

from math import inf, isinf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.explore.proof.bounding.bounds import DesignBound
from dse.explore.proof.staircase import Staircase

BOTH = ("energy", "latency")
POINTS = st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), min_size=1, max_size=12)


def bound(energy, latency, weighted=0.0, area=1.0):
    return DesignBound(float(energy), float(latency), float(weighted), area)


@settings(max_examples=300, deadline=None)
@given(known=POINTS, energy=st.integers(1, 30), latency=st.integers(1, 30), over=st.integers(0, 30))
def test_a_raised_bound_is_matched_and_a_lower_one_is_not(known, energy, latency, over):
    weighted = energy + latency + over
    stairs = Staircase(BOTH, 1.0)
    stairs.add([(float(e), float(t)) for e, t in known], 1.0)
    short = stairs.short_of(bound(energy, latency, weighted))

    def unmatched(factor):
        """A grid of the corners of the region above the raised bounds and just short of every known point."""
        least = [energy * factor, latency * factor, weighted * factor]
        steps = np.array(sorted({least[0], *(e * (1 - 1e-9) for e, _ in known), 1e6}))
        for e in steps[steps >= least[0]]:
            t = max(least[1], least[2] - e)
            if not any(a <= e * (1 + 1e-12) and b <= t * (1 + 1e-12) for a, b in known):
                return True
        return False

    assert not unmatched((1 + short) * (1 + 1e-6))
    assert short == 0.0 or unmatched((1 + short) * (1 - 1e-6))


def test_only_designs_of_no_more_area_count_where_area_is_an_objective():
    stairs = Staircase((*BOTH, "area"), 0.0)
    stairs.add([(1.0, 1.0)], 5.0)
    assert isinf(stairs.short_of(bound(2, 2, area=4.9)))
    assert stairs.short_of(bound(2, 2, area=5.0)) == 0.0
    stairs.add([(4.0, 4.0)], 1.0)
    assert stairs.short_of(bound(2, 2, area=4.9)) == 1.0


@pytest.mark.parametrize(
    ("objectives", "short"), [(("energy",), 1.0), (("latency",), 0.5), (("edp",), 2.0), (("energy", "edp"), 2.0)]
)
def test_other_objectives(objectives, short):
    stairs = Staircase(objectives, 0.0)
    stairs.add([(4.0, 3.0)], 1.0)
    assert stairs.short_of(bound(2, 2)) == pytest.approx(short)


def test_nothing_is_matched_by_nothing():
    assert Staircase(BOTH, 1.0).short_of(bound(1, 1)) == inf
