"""Products of tight factors and divisors, against looking at all numbers."""

from __future__ import annotations

import numpy as np
import pytest

from dse.mapper.deep.splits.products import divisors, tight_products


def keeps_tight(bound: int, product: int) -> bool:
    """Whether no prime factor of a product can shrink by one and still cover the bound."""
    rest, prime = product, 2
    while prime <= rest:
        if rest % prime == 0:
            rest //= prime
            if product * (prime - 1) >= bound * prime:
                return False
        else:
            prime += 1
    return True


@pytest.mark.parametrize("bounds", [range(1, 60), (96, 97, 360, 511, 512, 1000, 1155)])
def test_products_are_those_that_every_prime_keeps_tight(bounds) -> None:
    for bound in bounds:
        found = np.unique(tight_products(bound)).tolist()
        assert found == [z for z in range(bound, max(2 * bound, bound + 1)) if z == bound or keeps_tight(bound, z)]


def test_divisors_are_in_rising_order() -> None:
    for number in (*range(1, 200), 720_720, 2 * 99_991):
        assert divisors(number).tolist() == [d for d in range(1, number + 1) if number % d == 0]
