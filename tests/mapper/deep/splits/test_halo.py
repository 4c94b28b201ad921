"""Ifmap words that children share are those that a literal walk over all tiles and children finds."""

from __future__ import annotations

from itertools import product
from random import Random

import numpy as np
import pytest

from dse.mapper.deep.splits.halo import View, joined_words
from dse.model.counting.records import NONE, TILE, WORD

Bounds = tuple[int, int]


def indices(chain: list[tuple[int, int]], level: int, joined: int) -> tuple[list[int], list[int]]:
    """Where tiles of a level start: by the loops that are counted one by one, and by those whose children join.

    Parameters
    ----------
    chain
        Trips of each level, and children of its fan-out, outermost first.
    """
    step = 1
    apart, together = [0], [0]
    for k in range(len(chain) - 1, -1, -1):
        trips, children = chain[k]
        for count, spatial in ((children, True), (trips, False)):
            offsets = [i * step for i in range(count)]
            if spatial and joined >> k & 1:
                together = [x + y for x, y in product(offsets, together)]
            elif k < level:
                apart = [x + y for x, y in product(offsets, apart)]
            step *= count
    return apart, together


def literal(
    chains: tuple[list[tuple[int, int]], list[tuple[int, int]]], bounds: Bounds, window: Bounds, view: View
) -> int:
    """Words of the unions (or the distinct ones, or all) of the boxes of joined children, over all other steps."""
    starts = [indices(chain, view.level, view.joined) for chain in chains]
    tiles = [int(np.prod([x * y for x, y in [(1, 1), *chain[view.level :]]])) for chain in chains]
    # What the fan-out of the children's own level spreads lies inside their tile.
    total = 0
    for base in product(starts[0][0], starts[1][0]):
        sets: list[frozenset[int]] = []
        for offset in product(starts[0][1], starts[1][1]):
            first = [x + y for x, y in zip(base, offset, strict=True)]
            if any(x >= bound for x, bound in zip(first, bounds, strict=True)):
                continue
            last = [min(x + size, bound) - 1 for x, size, bound in zip(first, tiles, bounds, strict=True)]
            low, high = (sum(x * w for x, w in zip(at, window, strict=True)) for at in (first, last))
            sets.append(frozenset(range(low, high + 1)))
        if view.mode == WORD:
            total += len(frozenset().union(*sets))
        else:
            total += sum(map(len, set(sets) if view.mode == TILE else sets))
    return total


@pytest.mark.parametrize("mode", [NONE, TILE, WORD])
@pytest.mark.parametrize("seed", range(25))
def test_joined_words_are_a_literal_count(seed: int, mode: int) -> None:
    rng = Random(f"halo {seed}")
    bounds, window = (rng.randint(1, 9), rng.randint(1, 5)), (rng.randint(1, 3), rng.randint(1, 3))
    joined = rng.choice((0b01, 0b10, 0b11))
    level = rng.choice((2, 3))  # the innermost of three levels, or the MACs
    chains = []
    for bound in bounds:
        chain, left = [], bound
        for fan in (True, True, False):
            trips = rng.randint(1, left)
            left = -(-left // trips)
            children = rng.randint(1, min(left, 3)) if fan else 1
            left = -(-left // children)
            chain.append((trips, children))
        chain[-1] = chain[-1][0] * left, 1  # it covers the bound
        chains.append(chain)
    rows = [np.array([[x for trips, children in chain for x in (trips, children)]]) for chain in chains]
    view, out = View(level, joined, mode), np.zeros(1, dtype=np.int64)
    joined_words(rows[0], rows[1], *bounds, *window, view, np.zeros(1, dtype=np.int64), out)
    assert out[0] == literal((chains[0], chains[1]), bounds, window, view), (chains, bounds, window, view)
