"""Ifmap words that children share are those that a literal walk over all tiles and children finds."""

from __future__ import annotations

from itertools import product
from random import Random

import numpy as np
import pytest

from dse.mapper.deep.splits.halo import Slide, View, Window, joined_words
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


Chain = list[tuple[int, int]]


def drawn(rng: Random) -> tuple[list[Chain], Bounds, Bounds]:
    """Chains of both dims on three levels with two fan-outs, and their bounds and window."""
    bounds, window = (rng.randint(1, 9), rng.randint(1, 5)), (rng.randint(1, 3), rng.randint(1, 3))
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
    return chains, bounds, window


def counted(chains: list[Chain], bounds: Bounds, window: Bounds, view: View, *slides: Slide) -> int:
    """The words that the kernel counts."""
    rows = [np.array([[x for trips, children in chain for x in (trips, children)]]) for chain in chains]
    out, of = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64)
    each = np.array(slides, dtype=np.int64).reshape(-1, 4)
    stop = np.zeros(1, dtype=np.int64)
    assert joined_words((rows[0], rows[1]), (of, of), Window(np.array(bounds), *window), view, each, stop, out)
    return int(out[0])


@pytest.mark.parametrize("mode", [NONE, TILE, WORD])
@pytest.mark.parametrize("seed", range(25))
def test_joined_words_are_a_literal_count(seed: int, mode: int) -> None:
    rng = Random(f"halo {seed}")
    chains, bounds, window = drawn(rng)
    # Children of the innermost of three levels, or the MACs.
    view = View(rng.choice((2, 3)), rng.choice((0b01, 0b10, 0b11)), mode)
    assert counted(chains, bounds, window, view) == literal((chains[0], chains[1]), bounds, window, view)


def slid(chains: list[Chain], bounds: Bounds, window: Bounds, view: View, slide: Slide) -> int:
    """Words of the same where each child keeps those that it has while the loops of a slide advance."""
    which, begin, last, _ = slide
    other, total = 1 - which, 0
    tiles = [int(np.prod([x * y for x, y in [(1, 1), *chain[view.level :]]])) for chain in chains]
    steps = [[int(np.prod([x * y for x, y in [(1, 1), *chain[k + 1 :]]])) for k in range(3)] for chain in chains]
    run = [(chains[which][k][0], steps[which][k] * chains[which][k][1]) for k in range(begin, last + 1)]
    still = [(1 if begin <= k <= last else trips, children) for k, (trips, children) in enumerate(chains[which])]
    bases = {which: set(), other: set(indices(chains[other], view.level, view.joined)[0])}
    for index in product(*(range(trips) for trips, _ in still), *(range(children) for _, children in still)):
        apart = [k < view.level and not view.joined >> k & 1 for k in range(3)]
        places = list(zip(index[:3], index[3:], chains[which], steps[which], strict=True))
        if all((i == 0 or k < view.level) and (c == 0 or apart[k]) for k, (i, c, _, _) in enumerate(places)):
            bases[which].add(sum((i * children + c) * step for i, c, (_, children), step in places))
    together = [indices(chain, view.level, view.joined)[1] for chain in chains]
    for base, across in product(sorted(bases[which]), bases[other]):
        before: dict[tuple[int, ...], frozenset[int]] = {}
        for index in product(*(range(trips) for trips, _ in run)):
            at = base + sum(i * step for i, (_, step) in zip(index, run, strict=True))
            now, new = {}, []
            for offset in product(*together):
                first = [0, 0]
                first[which], first[other] = at + offset[which], across + offset[other]
                if any(x >= bound for x, bound in zip(first, bounds, strict=True)):
                    continue
                ends = [min(x + size, bound) - 1 for x, size, bound in zip(first, tiles, bounds, strict=True)]
                low, high = (sum(x * w for x, w in zip(place, window, strict=True)) for place in (first, ends))
                now[offset] = frozenset(range(low, high + 1))
                new.append(now[offset] - before.get(offset, frozenset()))
            before = now or before
            total += len(frozenset().union(*new)) if view.mode == WORD else sum(map(len, new))
    return total


@pytest.mark.parametrize("mode", [NONE, WORD])
@pytest.mark.parametrize("seed", range(40))
def test_words_that_slide_are_a_literal_count(seed: int, mode: int) -> None:
    rng = Random(f"slides {seed}")
    chains, bounds, window = drawn(rng)
    last = rng.choice((0, 1))
    slide = Slide(rng.choice((0, 1)), rng.randint(0, last), last, rng.random() < 0.5)
    view = View(2, rng.choice((0, 1, 2, 3)), mode)
    words, whole = counted(chains, bounds, window, view, slide), counted(chains, bounds, window, view)
    mine, other = ([k for k in (0, 1) if chains[which][k][0] > 1] for which in (slide.which, 1 - slide.which))
    may = bool(mine) and mine[-1:] >= other[-1:] and (mine[-1] == last or not slide.known)
    assert words == (slid(chains, bounds, window, view, slide) if may else whole) <= whole
    longer = slide._replace(first=0)
    assert counted(chains, bounds, window, view, longer) <= words, "more loops that slide never move more words"
    over_other = slide._replace(which=1 - slide.which)
    each = [counted(chains, bounds, window, view, one) for one in (slide, over_other)]
    assert counted(chains, bounds, window, view, slide, over_other) == min(each)
