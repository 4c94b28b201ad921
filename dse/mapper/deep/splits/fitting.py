"""Splits that fit: those whose own tiles no level is too small for, and whose children no fan-out.

Most splits of a long axis fit nowhere: a convolution with 55 x 55 outputs and 11 x 11 taps has 246,848 splits of P with
R on a machine of five levels, of which a quarter fit. Leaving out the others before their factors are worked out makes
tables shorter; they are in no mapping.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import partial
from math import prod

import numpy as np

from dse.mapper.deep.problem import Deep
from dse.mapper.shared.mapspace.words import box
from dse.model.counting.kernel import Bools, Floats, Ints
from dse.model.price import SHARED
from dse.problem.dims import IFMAP, PSUM, WEIGHT, P, Q, R, S

LONG = 30_000
"""Splits of an axis from which on those are left out that fit nowhere. Tables of fewer are the same for all capacities,
so that searches with other ones find them made."""

ROUNDING = 1e-9
"""Part of a capacity that rounding may make."""

WINDOW = (P, R, Q, S)
"""Dims of the window, in the order of what one step of each moves."""


def room_for(problem: Deep) -> Floats:
    """(k, 3) the most elements of each operand that each level has room for, infinite where it may keep none.

    They are counted with the least bits that an element takes in any of a layer's spaces, which have their splits in
    common.

    Examples
    --------
    >>> import dse
    >>> from dse.mapper.deep.bounds.layer_spaces import spaces_of
    >>> layer = dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    >>> room_for(spaces_of(dse.load_architecture("simba_pe"), layer, "all")[1][0].problem).shape[1]
    3
    """
    levels = len(problem.nodes)
    capacity = np.minimum(problem.capacity[:levels, :SHARED], problem.capacity[:levels, SHARED:])
    kept = problem.narrowest > 0
    return np.where(kept, capacity * (1 + ROUNDING) / np.where(kept, problem.narrowest, 1), np.inf)


def largest_tiles(problem: Deep, d: int) -> Ints:
    """(k,) the largest tile of a dim that fits into each level where all other dims have tiles of one.

    Twice the bound stands for any, as chains that are not perfect have tiles that large; the outermost level has room
    for all.

    Examples
    --------
    >>> import dse
    >>> from dse.mapper.deep.bounds.layer_spaces import spaces_of
    >>> layer = dse.Layer("fc", K=8, C=70_000)
    >>> problem = spaces_of(dse.load_architecture("simba_pe"), layer, "all")[1][0].problem
    >>> [bool(tile < 70_000) for tile in largest_tiles(problem, 3)]
    [False, True, True]
    """
    room, bound = room_for(problem), int(problem.bounds[d])
    largest = np.full(len(problem.nodes), 2 * bound)
    for level in range(1, len(problem.nodes)):
        for operand in (IFMAP, WEIGHT, PSUM):
            if problem.relevance[operand, d] and room[level, operand] < np.inf:
                step = int(problem.window[WINDOW.index(d)]) if operand == IFMAP and d in WINDOW else 1
                sizes = range(1, bound + 1)
                most = bisect_right(sizes, room[level, operand], key=partial(box, size_b=1, stride=step, dilation=1))
                if most < bound:
                    largest[level] = min(largest[level], most)
    return largest


def pairs_that_fit(
    problem: Deep, dims: tuple[int, int], chains: tuple[Ints, Ints], pairs: tuple[Ints, Ints]
) -> Bools:  # fmt: skip
    """Which pairs of chains of two dims that meet in the ifmap have tiles of it, and children, that fit.

    Parameters
    ----------
    pairs : two (n,) int64
        Places in `chains`.
    """
    (first, second), (x, y), room = chains, pairs, room_for(problem)
    stride, dilation = (int(problem.window[WINDOW.index(d)]) for d in dims)
    keep = np.ones(len(x), dtype=bool)
    each = (_tiles(chain, int(problem.bounds[d])) for d, chain in zip(dims, chains, strict=True))
    for (level, one), (_, other) in zip(*each, strict=True):
        if room[level, IFMAP] < np.inf:
            keep &= box(one[x], other[y], stride, dilation) <= room[level, IFMAP]
    for level, (fan, sides) in enumerate(zip(problem.fans, problem.sides.tolist(), strict=True)):
        if fan >= 0:
            keep &= first[x, 2 * level + 1] * second[y, 2 * level + 1] <= prod(sides)
    return keep


def _tiles(chains: Ints, bound: int) -> list[tuple[int, Ints]]:
    """Each level but the outermost, the innermost first, with the tile of each chain there, capped at the bound."""
    inside, found = np.ones(len(chains), dtype=np.int64), []
    for level in range(chains.shape[1] // 2 - 1, 0, -1):
        inside = inside * chains[:, 2 * level] * chains[:, 2 * level + 1]
        found.append((level, np.minimum(inside, bound)))
    return found
