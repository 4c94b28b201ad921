"""Ifmap words along an axis whose children share them: unions of boxes, by the model's own count. Compilable."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.mapper.shared.price import new_scratch
from dse.model.counting.boxes import box_words
from dse.model.counting.kernel import Ints, entry
from dse.model.counting.records import Axis, Nest, Scratch
from dse.problem.dims import P, R


class View(NamedTuple):
    """Which words of a crossing are counted.

    Parameters
    ----------
    level : int
        Of the children that the words are for.
    joined : int
        Fan-outs (bits) whose children count as one.
    mode : int
        Multicast: NONE, TILE or WORD (`dse.model.counting.records`).
    """

    level: int
    joined: int
    mode: int


@entry
def joined_words(
    first: Ints, second: Ints, bound_a: int, bound_b: int, stride: int, dilation: int, view: View, rows: Ints, out: Ints
) -> None:
    """Words that the parents of the children at a level read when nothing slides.

    Parameters
    ----------
    first, second : (*, 2 * k) int64
        Chains of both dims.
    bound_a, bound_b : int
        Bounds of both dims.
    stride, dilation : int
        Words that one step of the first, and one of the second, moves.
    rows : (*,) int64
        Where in `out` the words of each chain go.
    """
    loops = 4 * (first.shape[1] // 2)
    bounds = np.array([1, 1, 1, 1, bound_a, 1, bound_b, 1])
    dim = np.zeros(loops, dtype=np.int64)
    nest = Nest(
        loops, dim, np.ones(loops, dtype=np.int64), np.ones(loops, dtype=np.int64),
        dim, np.zeros(loops, dtype=np.int64),  # no count asks for the node of a loop
    )  # fmt: skip
    scratch = new_scratch(loops, max(bound_a, bound_b), _most_children(first, second, view.joined))
    for i in range(len(first)):
        _lay_out(first, i, P, bound_a, view, nest, scratch)
        _lay_out(second, i, R, bound_b, view, nest, scratch)
        out[rows[i]] = box_words(Axis(P, R, stride, dilation), view.mode, nest, bounds, loops, loops, scratch)


def _most_children(first: Ints, second: Ints, joined: int) -> int:
    """The most children that any two chains join."""
    most = 1
    for i in range(len(first)):
        children = 1
        for k in range(first.shape[1] // 2):
            if joined >> k & 1 == 1:
                children *= first[i, 2 * k + 1] * second[i, 2 * k + 1]
        most = max(most, children)
    return most


def _lay_out(chains: Ints, i: int, d: int, bound: int, view: View, nest: Nest, scratch: Scratch) -> None:
    """Write the loops of one dim (P or R), and its size in the children's tile.

    Per level stand the loops in its list over P and R, then those on its fan-out.
    """
    scratch.tile[d] = 1
    inside = 1
    for k in range(chains.shape[1] // 2 - 1, -1, -1):
        listed = 4 * k + (d == R)
        spread = listed + 2
        joins = view.joined >> k & 1
        nest.dim[spread], nest.spatial[spread] = d, 1
        nest.trips[spread], nest.step[spread] = chains[i, 2 * k + 1], inside
        scratch.joined[spread] = joins
        scratch.counted[spread] = 1 if k < view.level and joins == 0 else 0
        inside *= nest.trips[spread]
        nest.dim[listed], nest.spatial[listed] = d, 0
        nest.trips[listed], nest.step[listed] = chains[i, 2 * k], inside
        scratch.joined[listed] = 0
        scratch.counted[listed] = 1 if k < view.level else 0
        inside *= nest.trips[listed]
        if k == view.level:
            scratch.tile[d] = min(inside, bound)
