"""The products that the factors of a dim may have, and the divisors of a product. Compilable but for `products_of`.

The factors of a dim that are tight multiply to Z, at least its bound X, and so does each prime p of Z keep it tight:
p = ceil(X / (Z / p)). So Z is m ceil(X / m) for some m. There are few: 32 of 1,000 numbers from 1,000 on, 196,092 of a
billion from a billion on. They are made from their primes, the largest first, as to look at all numbers takes minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from dse.mapper.deep.problem import Deep
from dse.mapper.shared.compilation.twins import compiled
from dse.mapper.shared.mapspace.factors import ceil_div
from dse.model.counting.kernel import Ints, entry

AT_ONCE = 1_000
"""Products whose chains are counted or listed in one call of a kernel, some tenths of a second at most: the search may
be told to end meanwhile."""


def products_of(dp: Deep, d: int) -> Iterator[Ints]:
    """The products of a dim's factors in rising order, some at a time.

    Examples
    --------
    >>> import dse
    >>> from dse.mapper.deep.drafts import drafts_of
    >>> _, drafts = drafts_of(dse.load_architecture("edge_npu"), dse.Layer("fc", K=13), "all")
    >>> [some.tolist() for some in products_of(drafts[0].problem, 2)]
    [[13, 14, 15, 16, 18]]
    """
    bound = int(dp.bounds[d])
    if dp.perfect:
        yield np.array([bound])
    elif dp.loose:
        for begin in range(bound, 2 * bound, AT_ONCE):
            yield np.arange(begin, min(begin + AT_ONCE, 2 * bound))
    else:
        every = _tight(bound)
        for begin in range(0, len(every), AT_ONCE):
            yield every[begin : begin + AT_ONCE]


@lru_cache(maxsize=4096)
def _tight(bound: int) -> Ints:
    products: Ints = compiled(tight_products)(bound)
    return np.unique(products)


@entry
def tight_products(bound: int) -> Ints:
    """All numbers from a bound to less than twice that, of which every prime factor keeps the bound tight; in no order,
    and some twice.

    Examples
    --------
    >>> sorted({int(product) for product in tight_products(7)})
    [7, 8, 9]
    """
    root = int(np.sqrt(2.0 * bound)) + 2
    primes = _primes(root)
    found, count = np.zeros(64, dtype=np.int64), 1
    found[0] = bound
    # A largest prime beyond the root multiplies less than that, so only smaller primes.
    for rest in range(1, root + 1):
        prime = ceil_div(bound, rest)
        if prime > root and _is_prime(prime, primes):
            found, count = _with_one_more(found, count, rest * prime)
    place, product = np.zeros(66, dtype=np.int64), np.zeros(66, dtype=np.int64)
    for i in range(len(primes)):
        prime = primes[i]
        low, high = ceil_div(bound, prime), (bound - 1) // (prime - 1)  # of what the largest prime multiplies
        if prime**4 > bound:
            for rest in range(low, high + 1):
                if _is_smooth(rest, prime, primes):
                    found, count = _with_one_more(found, count, rest * prime)
            continue
        depth, place[0], product[0] = 0, i, 1
        while depth >= 0:
            # Take the next smaller prime, as often as it may be taken.
            if product[depth] >= low or place[depth] < 0:
                if product[depth] >= low:
                    found, count = _with_one_more(found, count, product[depth] * prime)
                depth -= 1
                continue
            taken = place[depth]
            place[depth] -= 1
            if product[depth] * primes[taken] <= high:
                place[depth + 1], product[depth + 1] = taken, product[depth] * primes[taken]
                depth += 1
    return found[:count]


def _primes(most: int) -> Ints:
    """All primes up to a number of two at least."""
    composite = np.zeros(most + 1, dtype=np.int64)
    found, count = np.zeros(most, dtype=np.int64), 0
    for number in range(2, most + 1):
        if composite[number] == 0:
            found[count] = number
            count += 1
            for multiple in range(number * number, most + 1, number):
                composite[multiple] = 1
    return found[:count]


def _is_prime(number: int, primes: Ints) -> bool:
    """Whether a number that is less than the square of a larger prime than all of some is one."""
    for prime in primes:
        if prime * prime > number:
            break
        if number % prime == 0:
            return False
    return number > 1


def _is_smooth(number: int, most: int, primes: Ints) -> bool:
    """Whether no prime factor of a number is larger than `most`."""
    for prime in primes:
        if number <= most or prime > most:
            break
        if prime * prime > number:
            return False  # a prime is left
        while number % prime == 0:
            number //= prime
    return number <= most


def _with_one_more(found: Ints, count: int, product: int) -> tuple[Ints, int]:
    if count == len(found):
        longer = np.zeros(2 * len(found), dtype=np.int64)
        longer[:count] = found
        found = longer
    found[count] = product
    return found, count + 1


@entry
def divisors(number: int) -> Ints:
    """All divisors of a number, in rising order.

    Examples
    --------
    >>> divisors(60).tolist()
    [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60]
    """
    found = np.ones(1, dtype=np.int64)
    prime = 2
    while prime * prime <= number:
        if number % prime == 0:
            others, power = found, 1
            while number % prime == 0:
                number //= prime
                power *= prime
                found = _merged(found, others, power)
        prime += 1
    return found if number == 1 else _merged(found, found, number)


def _merged(some: Ints, others: Ints, times: int) -> Ints:
    """Numbers in rising order, and others so many times, that are all different."""
    found = np.zeros(len(some) + len(others), dtype=np.int64)
    a = b = 0
    for k in range(len(found)):
        if b == len(others) or (a < len(some) and some[a] < others[b] * times):
            found[k] = some[a]
            a += 1
        else:
            found[k] = others[b] * times
            b += 1
    return found
