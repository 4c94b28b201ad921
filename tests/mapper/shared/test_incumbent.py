"""Incumbents are what a plain list of everything priced says they are."""

from __future__ import annotations

from math import inf
from random import Random

import numpy as np
import pytest

from dse.mapper.shared.incumbent import EDP, ENERGY, FRONT, LATENCY, SLACK, dearest, enter, latest, longest, pruned

Point = tuple[float, float]


def entered(kind: int, points: list[Point], room: int) -> tuple[list[Point], list[int]]:
    """The incumbents after all points in turn, and which point each of them is."""
    values, records = np.zeros((room, 2)), np.zeros((room, 1), dtype=np.int64)
    held = 0
    for number, (energy, time) in enumerate(points):
        held, at = enter(kind, energy, time, values, held, records)
        assert held >= 0
        if at >= 0:
            records[at, 0] = number
    return [tuple(row) for row in values[:held].tolist()], records[:held, 0].tolist()


def drawn(seed: int) -> list[Point]:
    """Points with many ties."""
    rng = Random(seed)
    return [(float(rng.randint(1, 12)), float(rng.randint(1, 12))) for _ in range(rng.randint(1, 40))]


@pytest.mark.parametrize("seed", range(50))
def test_a_front_holds_what_no_point_dominates(seed: int) -> None:
    points = drawn(seed)
    front = sorted(
        {p for p in points if not any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in points)}, key=lambda p: p[1]
    )
    found, numbers = entered(FRONT, points, 40)
    assert found == front
    assert [points[number] for number in numbers] == front


@pytest.mark.parametrize("seed", range(50))
@pytest.mark.parametrize("kind", [ENERGY, LATENCY, EDP])
def test_the_best_is_kept_and_ties_go_to_the_better_other_value(seed: int, kind: int) -> None:
    points = drawn(seed)
    keys = {
        ENERGY: lambda p: (p[0], p[1]), LATENCY: lambda p: (p[1], p[0]), EDP: lambda p: (p[0] * p[1], p[0]),
    }  # fmt: skip
    ((best,), (number,)) = entered(kind, points, 1)
    assert keys[kind](best) == min(map(keys[kind], points))
    assert points[number] == best


def test_a_front_without_room_says_so() -> None:
    values, records = np.array([[5.0, 1.0]]), np.zeros((1, 1), dtype=np.int64)
    assert enter(FRONT, 4.0, 2.0, values, 1, records) == (-1, -1)
    assert enter(FRONT, 5.0, 2.0, values, 1, records) == (1, -1)  # it is dominated and needs none


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_mappings_of_one_energy_the_faster_one_is_on_the_front(first):
    """Whichever is found first, and whichever sum was rounded up."""
    points = [(216437148.92800003, 236994.0), (216437148.928, 237223.0)]
    values, records, held = np.zeros((4, 2)), np.zeros((4, 8), dtype=np.int64), 0
    for point in (points[first], points[1 - first]):
        held, _ = enter(FRONT, *point, values, held, records)
    assert held == 1
    assert tuple(values[0]) == points[0]


@pytest.mark.parametrize("seed", range(50))
@pytest.mark.parametrize("kind", [ENERGY, LATENCY, EDP, FRONT])
def test_a_bound_is_pruned_only_if_no_point_above_it_would_enter(seed: int, kind: int) -> None:
    rng = Random(seed)
    points, _ = entered(kind, drawn(seed), 40)
    values, records = np.zeros((41, 2)), np.zeros((41, 1), dtype=np.int64)
    values[: len(points)] = points
    for _ in range(20):
        energy, time = rng.uniform(0.5, 13), rng.uniform(0.5, 13)
        if pruned(kind, 0.0, energy, time, values, len(points)):
            more = energy + rng.choice((0.0, 1.0)), time + rng.choice((0.0, 1.0))
            held, at = enter(kind, *more, values.copy(), len(points), records)
            assert (held, at) == (len(points), -1)


@pytest.mark.parametrize("seed", range(50))
@pytest.mark.parametrize("kind", [ENERGY, LATENCY, EDP, FRONT])
def test_no_more_time_than_the_longest_improves(seed: int, kind: int) -> None:
    rng = Random(seed)
    points, _ = entered(kind, drawn(seed), 40)
    values, records = np.zeros((41, 2)), np.zeros((41, 1), dtype=np.int64)
    values[: len(points)] = points
    for _ in range(20):
        energy = rng.uniform(0.5, 13)
        most = longest(kind, energy, values, len(points))
        if most < inf:
            assert enter(kind, energy, most * 1.001, values.copy(), len(points), records)[1] == -1


def test_nothing_is_pruned_before_anything_is_known() -> None:
    values = np.zeros((1, 2))
    assert not pruned(EDP, 0.0, 1e300, 1e300, values, 0)
    assert longest(EDP, 1.0, values, 0) == inf


@pytest.mark.parametrize("kind", [ENERGY, LATENCY, EDP, FRONT])
@pytest.mark.parametrize("seed", range(20))
def test_limits_on_time_and_on_energy_say_what_is_pruned(kind: int, seed: int) -> None:
    for gap in (0.0, 0.05, 0.5):
        points = drawn(seed)
        values, records = np.zeros((40, 2)), np.zeros((40, 1), dtype=np.int64)
        held = 0
        for count, (energy, time) in enumerate([(0.0, 0.0), *points]):
            if count > 0:
                held, _ = enter(kind, energy, time, values, held, records)
            for bound_pj, bound_time in drawn(seed + 1000)[:8]:
                cut = pruned(kind, gap, bound_pj, bound_time, values, held)
                scale = 1.0 + gap + SLACK
                assert (bound_time * scale >= latest(kind, gap, bound_pj, values, held)) == cut
                assert (bound_pj * scale >= dearest(kind, gap, bound_time, values, held)) == cut
