"""Lists the splits of all axes of a problem."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from dse.errors import DseError
from dse.mapper.deep.problem import Deep
from dse.mapper.deep.splits.axes import AXES, Axis
from dse.mapper.deep.splits.chains import MOST as MOST_SPLITS
from dse.mapper.deep.splits.chains import NARROW, any_tiles, count_chains, least_sides, list_beside_ones, list_chains
from dse.mapper.deep.splits.fitting import LONG, largest_tiles, pairs_that_fit
from dse.mapper.shared.stopping import UNTIMED, TooLongError, look_at_clock
from dse.model.counting.kernel import Ints
from dse.problem.dims import DIMS, P, Q

MOST = int(np.iinfo(NARROW).max) // 2
"""The largest loop bound: numbers of a chain may be nearly twice as much."""

Listing = Callable[[Deep, int, Ints, int | None], Ints]
"""Lists the chains of a dim with tiles that levels have room for, so many if that is known."""


def axes_of(problem: Deep) -> list[Axis]:
    """The axes of a problem; the last two hold every pair of the splits of their dims.

    A long axis has none of the splits that fit nowhere (`dse.mapper.deep.splits.fitting`).

    Raises
    ------
    DseError
        A loop bound is too large for the numbers of chains; no file may have one, but a `Layer` that is made may.
    """
    if (bound := int(problem.bounds.max())) > MOST:
        raise DseError(f"a loop bound of {bound:,} is too large for the mapper: {MOST:,} at most")
    found: list[Axis] = []
    for dims in AXES:
        found.append(_axis(problem, dims, found[P] if dims[0] == Q else None))
    return found


def _axis(problem: Deep, dims: tuple[int, ...], other: Axis | None) -> Axis:
    """An axis; `other` is one that it may have all splits of."""
    bounds = tuple(int(problem.bounds[d]) for d in dims)
    each = [int(count_chains(problem, d, any_tiles(problem, d), most=MOST_SPLITS)) for d in dims]
    many = prod(each)
    if len(dims) == 1:
        both = _listed(problem, dims[0], list_beside_ones, many, many > LONG)
        stand = least_sides(problem, dims[0], both)
        return Axis(dims, bounds, (both[:, 0],), 1, 1, stand, len(both) < many, many > LONG, beside=both)
    chains = [_listed(problem, d, list_chains, some, many > LONG) for d, some in zip(dims, each, strict=True)]
    sides = [least_sides(problem, d, chain) for d, chain in zip(dims, chains, strict=True)]
    stride, dilation = map(int, problem.window[:2] if dims[0] == P else problem.window[2:])
    twin = other if other is not None and _same_splits(other, bounds, (stride, dilation), chains) else None
    first, second = _pairs(problem, (dims[0], dims[1]), chains, many > LONG) if twin is None else twin.singles_of()[1]
    both = np.stack([chains[0][first], chains[1][second]], axis=1) if twin is None else twin.both()
    stand = sides[0][first] * sides[1][second]
    if twin is not None and np.array_equal(stand, twin.sides):
        stand = twin.sides
    singles = (chains[0], chains[1]), (first, second)
    return Axis(
        dims, bounds, (both[:, 0], both[:, 1]), stride, dilation, stand, len(first) < many, many > LONG,
        singles=singles, twin=twin, beside=both,
    )  # fmt: skip


def _listed(problem: Deep, d: int, listing: Listing, many: int, is_long: bool) -> Ints:
    """The chains of a dim, so many, or of a long axis those with tiles that fit.

    If none fits, the first alone: an axis has a split, and limits say that it does not fit.
    """
    if is_long and len(chains := listing(problem, d, largest_tiles(problem, d), None)) > 0:
        return chains
    chains = listing(problem, d, any_tiles(problem, d), many)
    return chains[:1].copy() if is_long else chains


def _pairs(problem: Deep, dims: tuple[int, int], chains: list[Ints], is_long: bool) -> tuple[Ints, Ints]:
    """The places of the chains of two dims in all pairs, or of a long axis in those that fit; the first alone if none
    does, as an axis has a split, and limits say that it does not fit."""
    a, b = chains
    if not is_long:
        return np.repeat(np.arange(len(a)), len(b)), np.tile(np.arange(len(b)), len(a))
    step, found, many = max(1, UNTIMED // len(b)), [], 0
    for begin in range(0, len(a), step):
        look_at_clock(begin * len(b))
        some = np.arange(begin, min(begin + step, len(a)))
        first, second = np.repeat(some, len(b)), np.tile(np.arange(len(b)), len(some))
        keep = pairs_that_fit(problem, dims, (a, b), (first, second))
        found.append((first[keep], second[keep]))
        if (many := many + len(found[-1][0])) > MOST_SPLITS:
            bounds = " and ".join(f"{DIMS[d]} = {problem.bounds[d]:,}" for d in dims)
            raise TooLongError(f"{bounds} can be split in more than {MOST_SPLITS:,} ways together, too many to list")
    first, second = (np.concatenate([pair[which] for pair in found]) for which in range(2))
    return (first, second) if many > 0 else (np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64))


def _same_splits(axis: Axis, bounds: tuple[int, ...], moves: tuple[int, int], chains: list[Ints]) -> bool:
    """Whether an axis has all pairs of some chains that its own dims may have, and the same words of the ifmap."""
    alike = (axis.bounds, axis.stride, axis.dilation) == (bounds, *moves)
    return alike and all(map(np.array_equal, axis.singles_of()[0], chains))
