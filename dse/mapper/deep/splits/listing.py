"""Lists the splits of all axes of a problem."""

from __future__ import annotations

from math import prod

import numpy as np

from dse.mapper.deep.problem import Deep
from dse.mapper.deep.splits.axes import AXES, Axis
from dse.mapper.deep.splits.chains import least_sides, list_chains
from dse.mapper.deep.splits.fitting import LONG, chains_that_fit, pairs_that_fit
from dse.mapper.shared.compilation.twins import compiled
from dse.model.counting.kernel import Ints
from dse.problem.dims import P, Q


def axes_of(problem: Deep) -> list[Axis]:
    """The axes of a problem; the last two hold every pair of the splits of their dims.

    A long axis has none of the splits that fit nowhere (`dse.mapper.deep.splits.fitting`).
    """
    found: list[Axis] = []
    for dims in AXES:
        found.append(_axis(problem, dims, found[P] if dims[0] == Q else None))
    return found


def _axis(problem: Deep, dims: tuple[int, ...], other: Axis | None) -> Axis:
    """An axis; `other` is one that it may have all splits of."""
    bounds = tuple(int(problem.bounds[d]) for d in dims)
    chains = [compiled(list_chains)(problem, d) for d in dims]
    many = prod(map(len, chains))
    if many > LONG:
        chains = [chain[chains_that_fit(problem, d, chain)] for d, chain in zip(dims, chains, strict=True)]
    sides = [compiled(least_sides)(problem, d, chain) for d, chain in zip(dims, chains, strict=True)]
    if len(dims) == 1:
        return Axis(dims, bounds, tuple(chains), 1, 1, sides[0], len(chains[0]) < many, many > LONG)
    stride, dilation = map(int, problem.window[:2] if dims[0] == P else problem.window[2:])
    twin = other if other is not None and _same_splits(other, bounds, (stride, dilation), chains) else None
    first, second = _pairs(problem, (dims[0], dims[1]), chains, many > LONG) if twin is None else twin.singles_of()[1]
    pairs = (chains[0][first], chains[1][second]) if twin is None else twin.chains
    stand = sides[0][first] * sides[1][second]
    if twin is not None and np.array_equal(stand, twin.sides):
        stand = twin.sides
    singles = (chains[0], chains[1]), (first, second)
    return Axis(
        dims, bounds, pairs, stride, dilation, stand, len(first) < many, many > LONG, singles=singles, twin=twin
    )


def _pairs(problem: Deep, dims: tuple[int, int], chains: list[Ints], is_long: bool) -> tuple[Ints, Ints]:
    """The places of the chains of two dims in all pairs, or of a long axis in those that fit."""
    a, b = chains
    first, second = np.repeat(np.arange(len(a)), len(b)), np.tile(np.arange(len(b)), len(a))
    if is_long:
        keep = pairs_that_fit(problem, dims, (a, b), (first, second))
        first, second = first[keep], second[keep]
    return first, second


def _same_splits(axis: Axis, bounds: tuple[int, ...], moves: tuple[int, int], chains: list[Ints]) -> bool:
    """Whether an axis has all pairs of some chains that its own dims may have, and the same words of the ifmap."""
    alike = (axis.bounds, axis.stride, axis.dilation) == (bounds, *moves)
    return alike and all(map(np.array_equal, axis.singles_of()[0], chains))
