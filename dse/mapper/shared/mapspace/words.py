"""Words of tiles and boxes, from their sizes alone. Compilable; in Python sizes may be arrays, element by element.

The simulator and the model state the same in their own words: the one is the definition, the other is held against it.
"""

from __future__ import annotations

from typing import Any

from dse.problem.dims import IFMAP, WEIGHT, C, G, K, N, P, Q, R, S

STRIDE_H, DILATION_H, STRIDE_W, DILATION_W = range(4)
"""Places in a window."""


def box(size_a: Any, size_b: Any, stride: int, dilation: int) -> int:
    """Rows (columns) of the ifmap from the first to the last that some indices of P and R (Q and S) touch.

    Parameters
    ----------
    size_a, size_b : int
        Consecutive indices of P (Q), and of R (S).
    stride, dilation : int
        What one step of either moves.

    Examples
    --------
    >>> box(3, 2, stride=2, dilation=1)
    6
    """
    return (size_a - 1) * stride + (size_b - 1) * dilation + 1


def boxes(n_a: Any, n_b: Any, bound_a: Any, bound_b: Any, stride: int, dilation: int) -> int:
    """Sum of the boxes of n_a x n_b tiles on an axis, each fetched whole: exact for any tile sizes.

    Parameters
    ----------
    n_a, n_b : int
        Tiles that the bounds are cut into.
    bound_a, bound_b : int
        Of P and R, or of Q and S.

    Examples
    --------
    >>> boxes(2, 1, 5, 3, stride=1, dilation=1) == box(3, 3, 1, 1) + box(2, 3, 1, 1)
    True
    """
    return n_b * stride * (bound_a - n_a) + n_a * dilation * (bound_b - n_b) + n_a * n_b


def tile_words(tile: Any, window: Any, operand: int) -> int:
    """Words of an operand's tile, the ifmap's as its bounding box.

    Parameters
    ----------
    tile : (8,) int
        Indices per dim.
    window : (4,) int
        stride_h, dilation_h, stride_w, dilation_w.

    Examples
    --------
    >>> [tile_words((1, 1, 2, 3, 4, 4, 3, 3), (1, 1, 1, 1), operand) for operand in range(3)]  # ifmap, weight, psum
    [108, 54, 32]
    """
    if operand == IFMAP:
        height = box(tile[P], tile[R], window[STRIDE_H], window[DILATION_H])
        width = box(tile[Q], tile[S], window[STRIDE_W], window[DILATION_W])
        return tile[G] * tile[N] * tile[C] * height * width
    if operand == WEIGHT:
        return tile[G] * tile[K] * tile[C] * tile[R] * tile[S]
    return tile[G] * tile[N] * tile[K] * tile[P] * tile[Q]
