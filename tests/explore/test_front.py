"""Fronts hold the points that nothing beats, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from dse.explore.front import dominates, pareto

COORDINATES = st.integers(0, 6).map(float)


def points_of(width):
    return st.lists(st.tuples(*[COORDINATES] * width), max_size=30)


@given(st.integers(1, 4).flatmap(points_of))
def test_the_front_is_the_set_of_points_that_nothing_dominates(points):
    expected = {p for p in points if not any(dominates(q, p) for q in points)}
    front = [points[i] for i in pareto(points)]
    assert set(front) == expected
    assert len(front) == len(expected), "of equal points only one stays"
    assert front == sorted(front)


@given(points_of(2), points_of(2))
def test_the_front_of_a_union_is_the_front_of_the_fronts(some, others):
    whole = [(some + others)[i] for i in pareto(some + others)]
    parts = [some[i] for i in pareto(some)] + [others[i] for i in pareto(others)]
    assert [parts[i] for i in pareto(parts)] == whole


def test_of_equal_points_the_first_stands():
    assert pareto([(2.0, 2.0), (1.0, 1.0), (1.0, 1.0)]) == [1]
    assert pareto([(2.0, 2.0, 1.0), (1.0, 1.0, 1.0), (1.0, 1.0, 1.0)]) == [1]
