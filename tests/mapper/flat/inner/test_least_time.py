"""The least sum under a product, held against sums of many numbers."""

from __future__ import annotations

from random import Random

import pytest

from dse.mapper.flat.inner.least_time import least_sum


def test_no_three_numbers_have_a_smaller_sum() -> None:
    rng = Random("least sum")
    for _ in range(300):
        x, y, z = (rng.choice((0.0, rng.uniform(0, 10))) for _ in range(3))
        a, b, c = (least + rng.choice((0.0, rng.uniform(0, 10))) for least in (x, y, z))
        assert least_sum(x, y, z, a * b * c) <= (a + b + c) * (1 + 1e-12)


@pytest.mark.parametrize(
    ("x", "y", "z", "product", "least"),
    [
        (1.0, 2.0, 3.0, 6.0, 6.0),  # the three themselves
        (1.0, 2.0, 3.0, 12.0, 3.0 + 2.0 + 2.0),  # the smallest grows to the middle one
        (1.0, 2.0, 3.0, 12.0 * 1.5625, 3.0 + 2.5 + 2.5),  # both grow alike
        (1.0, 2.0, 3.0, 64.0, 12.0),  # all three grow alike
    ],
)
def test_the_least_sum_is_reached(x: float, y: float, z: float, product: float, least: float) -> None:
    for given in ((x, y, z), (z, x, y), (y, z, x)):
        assert least_sum(*given, product) == pytest.approx(least)
