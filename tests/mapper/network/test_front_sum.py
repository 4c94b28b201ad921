"""Sums of fronts and the best choices from them, against every choice there is."""

from itertools import product
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.explore.outcomes.front import pareto
from dse.mapper.network import front_sum
from dse.mapper.network.front_choice import best_choice, least_energy, least_product, totals
from dse.mapper.network.front_sum import sum_fronts

VALUES = {
    "energy": lambda energy, latency: (energy, latency),
    "latency": lambda energy, latency: (latency, energy),
    "edp": lambda energy, latency: energy * latency,
}


@st.composite
def fronts(draw, most=30):
    """Some small fronts; equal ones among them now and then, as equal layers have."""
    coordinate = st.integers(1, most)
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        points = draw(st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=6))
        front = sorted(((float(e), float(t)) for e, t in (points[i] for i in pareto(points))), key=lambda p: p[1])
        parts += [front] * draw(st.integers(1, 2))
    return parts[:5]


def every_choice(parts):
    return [(totals(parts, picks), picks) for picks in product(*(range(len(front)) for front in parts))]


@given(fronts())
def test_the_sum_is_the_front_of_every_choice(parts):
    sums = [point for point, _ in every_choice(parts)]
    total = sum_fronts(parts)
    points = [tuple(point) for point in total.points.tolist()]
    assert sorted(points) == sorted(sums[i] for i in pareto(sums))
    assert [latency for _, latency in points] == sorted(latency for _, latency in points)
    assert [totals(parts, total.picks(i)) for i in range(len(points))] == points
    assert [tuple(picks) for picks in total.all_picks().tolist()] == [total.picks(i) for i in range(len(points))]


def test_the_sum_of_no_fronts_is_nothing():
    assert sum_fronts([]).points.tolist() == [[0.0, 0.0]]
    assert sum_fronts([]).picks(0) == ()


@given(fronts())
@settings(max_examples=50)
def test_adding_in_small_blocks_changes_nothing(parts):
    whole = sum_fronts(parts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(front_sum, "BLOCK", 1)
        apart = sum_fronts(parts)
    assert apart.points.tolist() == whole.points.tolist()
    assert [list(totals(parts, apart.picks(i))) for i in range(len(apart.points))] == apart.points.tolist()


@given(fronts())
@settings(max_examples=300)
def test_the_least_product_is_that_of_every_choice(parts):
    energy, latency = totals(parts, least_product(parts))
    assert energy * latency == min(e * t for (e, t), _ in every_choice(parts))


@given(fronts(most=100))
def test_the_least_product_lies_on_the_hull(parts):
    """No mixture of two other sums is at least as good in both."""
    sums = {point for point, _ in every_choice(parts)}
    best = totals(parts, least_product(parts))
    for (e1, t1), (e2, t2) in product(sums, sums):
        if t1 < best[1] < t2:
            share = (best[1] - t1) / (t2 - t1)
            assert e1 + share * (e2 - e1) > best[0] * (1 - 1e-12)


@given(fronts(), st.sampled_from(["energy", "latency", "edp"]), st.integers(1, 130), st.integers(1, 130))
@settings(max_examples=300)
def test_the_best_within_limits_is_that_of_every_choice(parts, objective, max_energy, max_latency):
    value = VALUES[objective]
    for limits in ((inf, inf), (max_energy, inf), (inf, max_latency), (max_energy, max_latency)):
        allowed = [p for p, _ in every_choice(parts) if p[0] <= limits[0] and p[1] <= limits[1]]
        picks = best_choice(parts, objective, *limits)
        if not allowed:
            assert picks is None
        else:
            assert value(*totals(parts, picks)) == min(value(*p) for p in allowed)


def test_within_a_limit_the_best_need_not_be_on_the_hull():
    front = [(10.0, 1.0), (9.0, 2.0), (1.0, 3.0)]
    assert least_energy([front], 2.5) == (1,)
    assert best_choice([front], "edp", max_latency=2.5) == (0,)
    assert best_choice([front, front], "energy", max_latency=3.5) in ((0, 1), (1, 0))


def test_many_layers_take_little_time_and_few_sums(monkeypatch):
    """152 layers: the sums of all choices are some 10^170; what is kept on the way stays small."""
    kept = []
    add = front_sum._add

    def watched(points, front):
        found = add(points, front)
        kept.append(len(found[0]))
        return found

    monkeypatch.setattr(front_sum, "_add", watched)
    parts = [
        [(1e6 * (1 + seed) / (k + 1) + seed * 7.3, 1e3 * (seed + 3) + 17.0 * k * k + seed) for k in range(13)]
        for seed in range(19)
        for _ in range(8)
    ]
    fastest, slowest = (sum(front[end][1] for front in parts) for end in (0, -1))
    for share in (0.02, 0.5, 0.9):
        limit = fastest + share * (slowest - fastest)
        picks = least_energy(parts, limit)
        energy, latency = totals(parts, picks)
        assert latency <= limit
        # The bound by the hull: between its corners around the limit lies the least there could be.
        assert energy <= min(totals(parts, picks)[0] for picks in _corners_within(parts, limit))
    assert max(kept) < 20_000


def _corners_within(parts, limit):
    """Hull corners of the sum within the limit: each front least in energy + x latency, for many x."""
    for exponent in range(-40, 60):
        x = 10 ** (exponent / 10)
        picks = tuple(min(range(len(f)), key=lambda i, f=f: f[i][0] + x * f[i][1]) for f in parts)
        if totals(parts, picks)[1] <= limit:
            yield picks
