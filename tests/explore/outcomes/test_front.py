"""Fronts hold the points that nothing beats, and nothing else."""

from itertools import accumulate

from explore.domination import dominates
from hypothesis import given
from hypothesis import strategies as st

from dse.explore.outcomes.front import beaten_by, pareto, thin, thinned

COORDINATES = st.integers(0, 6).map(float)
STEPS = st.tuples(st.integers(1, 5), st.integers(1, 5))


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


@given(st.lists(STEPS, min_size=1, max_size=60), st.integers(4, 20))
def test_a_thinned_front_keeps_its_ends_and_its_best_product(steps, most):
    energies = list(accumulate(step for step, _ in steps))[::-1]
    latencies = list(accumulate(step for _, step in steps))
    front = list(zip(energies, latencies, strict=True))
    thinned = thin(front, most)
    assert len(thinned) <= most
    assert set(thinned) <= set(front)
    assert thinned[0] == front[0]
    assert thinned[-1] == front[-1]
    assert min(e * t for e, t in thinned) == min(e * t for e, t in front)
    assert list(thinned) == sorted(thinned, key=lambda point: point[1])


@given(st.lists(STEPS, min_size=1, max_size=60), st.integers(3, 20))
def test_a_front_that_is_thinned_for_a_record_matches_the_whole_within_its_gap(steps, most):
    energies = list(accumulate(step for step, _ in steps))[::-1]
    latencies = list(accumulate(step for _, step in steps))
    front = [(float(energy), float(latency)) for energy, latency in zip(energies, latencies, strict=True)]
    kept, gap = thinned(front, most)
    assert len(kept) <= max(most, 3)
    assert {front[0], front[-1], min(front, key=lambda one: one[0] * one[1])} <= set(kept) <= set(front)
    assert list(kept) == sorted(kept, key=lambda point: point[1])
    assert gap == 0 or len(front) > most
    for energy, latency in front:
        assert any(e <= energy * (1 + gap) * (1 + 1e-9) and t <= latency * (1 + gap) * (1 + 1e-9) for e, t in kept)


@given(st.lists(st.tuples(*[st.integers(1, 40)] * 3), min_size=1, max_size=90))
def test_beaten_by_is_dominance_of_the_lowered_points(points):
    share = (1.2, 1.0, 1.1)
    lowered = [[value / part for value, part in zip(point, share, strict=True)] for point in points]
    assert beaten_by(points, share) == [any(dominates(other, low) for other in points) for low in lowered]
