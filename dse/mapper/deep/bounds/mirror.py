"""Mappings that are each other's mirror image: what one does along the ofmap's height, the other does along its width.

Where a layer and a machine treat P and R as they treat Q and S, both cost the same, and one of them is looked for.
"""

from __future__ import annotations

import numpy as np

from dse.mapper.deep.lists import Bools, ListChoice
from dse.mapper.deep.problem import Deep
from dse.mapper.deep.splits.axes import Axis
from dse.model.counting.kernel import Floats, Ints
from dse.problem.dims import P, Q, R, S

Rows = tuple[Ints, ...]

PLAIN, WHOLE, CLOSED, HALF = range(4)
"""What is known of a subproblem's images: nothing; that it has each image of its mappings that is a mapping; that all
of its mappings have one, which it has; that all have one, which may be in no other subproblem."""

NO_TWIN = -1
"""In place of a split."""


def twins_of(problem: Deep, axes: list[Axis]) -> tuple[Ints, Ints] | None:
    """For each split of P with R the same one of Q with S, and the other way round; `NO_TWIN` where there is none.

    None where no mirror image is known to cost the same. A split has a twin where all fan-outs that it is spread over
    may unroll the other dim on the same sides.
    """
    one, other = axes[P], axes[Q]
    if problem.visits_pay or problem.innermost >= P:
        return None
    if one.is_mirrored is None:
        one.is_mirrored = _is_mirrored(problem, one, other)
    if not one.is_mirrored:
        return None
    if one.twins is None:
        one.twins = _twins(problem, one, other)
    return one.twins


def _is_mirrored(problem: Deep, one: Axis, other: Axis) -> bool:
    """Whether the axes of P and Q are alike, in all that their splits depend on."""
    if (one.bounds, one.stride, one.dilation) != (other.bounds, other.stride, other.dilation) or one.bounds[0] == 1:
        return False
    by_dim = problem.folds_wanted, problem.in_list, problem.whole
    return all(np.array_equal(mine[..., [P, R]], mine[..., [Q, S]]) for mine in by_dim)


def _twins(problem: Deep, one: Axis, other: Axis) -> tuple[Ints, Ints]:
    twins = tuple(np.full(len(axis), NO_TWIN) for axis in (one, other))
    may = [np.flatnonzero(_unrolled_alike(problem, axis)) for axis in (one, other)]
    mine, its = (axis.both()[rows].reshape(len(rows), -1) for axis, rows in zip((one, other), may, strict=True))
    if np.array_equal(mine, its):
        twins[0][may[0]] = may[1]
    else:
        place = {chain.tobytes(): row for chain, row in zip(its, may[1].tolist(), strict=True)}
        for chain, row in zip(mine, may[0].tolist(), strict=True):
            twins[0][row] = place.get(chain.tobytes(), NO_TWIN)
    some = np.flatnonzero(twins[0] != NO_TWIN)
    if (np.diff(twins[0][some]) < 0).any():  # then splits of both are not in the same order
        some = some[:0]
        twins[0][:] = NO_TWIN
    twins[1][twins[0][some]] = some
    return twins[0], twins[1]


def _unrolled_alike(problem: Deep, axis: Axis) -> Bools:
    """Splits of an axis that are spread over no fan-outs but those that may unroll the other dims on the same sides."""
    alike = np.ones(len(axis), dtype=bool)
    for chain, mine, its in zip(axis.chains, (P, R), (Q, S), strict=True):
        other = (problem.on_side[:, :, mine] != problem.on_side[:, :, its]).any(axis=1)
        alike &= (chain[:, 1::2][:, other] == 1).all(axis=1)
    return alike


def mirrored(choices: tuple[ListChoice | None, ...]) -> tuple[ListChoice | None, ...]:
    """What the mirror images of mappings lay down about lists.

    Examples
    --------
    >>> mirrored((None, ListChoice(1, P), ListChoice(2)))
    (None, ListChoice(kind=1, slide=5, passing=False), ListChoice(kind=2, slide=-1, passing=False))
    """
    return tuple(
        one._replace(slide=P + Q - one.slide) if one is not None and one.slide in (P, Q) else one for one in choices
    )


def one_of_each(some: tuple[ListChoice, ...]) -> tuple[ListChoice, ...]:
    """Choices about a list without those of which the mirror image is among the ones before."""
    return tuple(one for k, one in enumerate(some) if mirrored((one,))[0] not in some[:k])


def part_of(whole: int, even: bool) -> int:
    """What is known of a part of a subproblem, given what is known of the whole.

    Parameters
    ----------
    even : bool
        Whether the part says of P what it says of Q. If not, and the whole is closed, its image is no part of it.

    Examples
    --------
    >>> part_of(WHOLE, even=False) == PLAIN, part_of(CLOSED, even=False) == HALF
    (True, True)
    """
    return whole if even else (PLAIN, PLAIN, HALF, HALF)[whole]


def closed(twins: tuple[Ints, Ints], rows: Rows, lifted: tuple[Floats, ...]) -> tuple[int, Rows, tuple[Floats, ...]]:
    """What is known of a subproblem that has all images of its mappings, with its splits.

    If all have an image, splits are left out of which the twin is left out: what was said of it holds for both.

    Parameters
    ----------
    rows, lifted
        Splits of each axis, rising, and what belongs to each.
    """
    of_one, of_other = twins[0][rows[P]], twins[1][rows[Q]]
    if np.array_equal(of_one, rows[Q]):
        return CLOSED, rows, lifted
    without = [one == NO_TWIN for one in (of_one, of_other)]
    if any(one.any() for one in without):
        return PLAIN if any(one.all() for one in without) else WHOLE, rows, lifted
    every, each = list(rows), list(lifted)
    for a, mine, its in ((P, of_one, rows[Q]), (Q, of_other, rows[P])):
        both = np.isin(mine, its, assume_unique=True)
        every[a], each[a] = rows[a][both], lifted[a][both]
    return CLOSED, tuple(every), tuple(each)
