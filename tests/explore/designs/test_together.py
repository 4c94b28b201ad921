"""Several networks on one design: the combined front is that of all choices."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.errors import DseError
from dse.explore.designs.together import HOWS, Combination, Together
from dse.explore.outcomes.front import pareto

POINTS = st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60)), min_size=1, max_size=6)


def front(points):
    return tuple((float(points[i][0]), float(points[i][1])) for i in sorted(pareto(points), key=lambda i: points[i][1]))


FRONTS = st.lists(POINTS.map(front), min_size=1, max_size=3)


@given(FRONTS, st.sampled_from(HOWS), st.lists(st.sampled_from([0.5, 1.0, 3.0]), min_size=3, max_size=3))
def test_the_combined_front_is_that_of_all_choices(fronts, how, weights):
    combination = Combination(how, tuple(weights[: len(fronts)]))

    def value(choice):
        return tuple(combination.of(column) for column in zip(*choice, strict=True))

    every = [value(choice) for choice in product(*fronts)]
    best = sorted(every[i] for i in pareto(every))
    runs = combination.picks(fronts)
    found = sorted(value(choice) for choice in runs.tolist())
    for choice, row in zip(runs.tolist(), combination.of_all(runs).tolist(), strict=True):
        assert value(choice) == pytest.approx(row)
    for some, others in ((best, found), (found, best)):
        for energy, latency in some:
            assert any(e <= energy * (1 + 1e-9) and t <= latency * (1 + 1e-9) for e, t in others)


@pytest.mark.parametrize(("how", "expected"), [("sum", 3 * 2 + 8), ("worst", 8), ("geomean", (2**3 * 8) ** (1 / 4))])
def test_weights(how, expected):
    combination = Together(how, {"a": 3}).combination(["a", "b"])
    assert combination.of([2.0, 8.0]) == pytest.approx(expected)


def test_bad_weights_are_refused():
    with pytest.raises(DseError, match="combine='mean' is not one of sum, worst, geomean"):
        Together("mean")
    with pytest.raises(DseError, match="weight of a is 0"):
        Together("sum", {"a": 0})
    with pytest.raises(DseError, match="weight is given for 'c', which is not swept"):
        Together("sum", {"c": 1}).check(["a", "b"])
