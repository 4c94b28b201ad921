"""Which elements of a tensor are copies of each other: keys and values repeated for the query heads that share them.

Exporters write grouped-query attention as an axis of size 1 that is expanded and merged with the heads. `copies` of a
tensor says for each axis how many neighbours in a row are the same: index i holds what i // copies held before. What is
not recognised has no copies, and its elements count as distinct.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from dse.formats.graph.graph import Value
from dse.problem.shapes import Shape


def copies_of(value: Value) -> Shape:
    """For each axis; 1 where all elements are distinct or nothing is known.

    Examples
    --------
    >>> copies_of(Value((2, 3)))
    (1, 1)
    """
    return value.copies or (1,) * len(value.sizes)


def expanded(value: Value, shape: Shape) -> Shape:
    """An axis of size 1 that is spread holds copies alone.

    Examples
    --------
    >>> expanded(Value((3, 1)), (2, 3, 4))
    (2, 1, 4)
    """
    missing = len(shape) - len(value.sizes)
    before = zip((1,) * missing + value.sizes, (1,) * missing + copies_of(value), strict=True)
    return tuple(size if old == 1 else copies for size, (old, copies) in zip(shape, before, strict=True))


def permuted(value: Value, order: Sequence[int]) -> Shape:
    """Axes in another order.

    Examples
    --------
    >>> permuted(Value((2, 3), copies=(1, 3)), (1, 0))
    (3, 1)
    """
    own = copies_of(value)
    return tuple(own[axis] for axis in order)


def repeated(value: Value, axis: int, times: int) -> Shape:
    """Every index along an axis so many times in a row.

    Examples
    --------
    >>> repeated(Value((2, 3)), 0, 4)
    (4, 1)
    """
    own = list(copies_of(value))
    own[axis] *= times
    return tuple(own)


def reshaped(value: Value, shape: Shape) -> Shape:
    """The same elements in other axes: what is merged keeps the copies of its inner axes, what is split has none.

    Examples
    --------
    >>> reshaped(Value((2, 3, 4), copies=(1, 3, 1)), (2, 3, 4)), reshaped(Value((2, 3)), (6,))
    ((1, 3, 1), (1,))
    """
    old, own = value.sizes, copies_of(value)
    found: list[int] = []
    i = j = 0
    while i < len(old) or j < len(shape):
        start, first = i, j
        i, j = min(i + 1, len(old)), min(j + 1, len(shape))
        while prod(old[start:i]) != prod(shape[first:j]):
            if i < len(old) and (prod(old[start:i]) < prod(shape[first:j]) or j == len(shape)):
                i += 1
            elif j < len(shape):
                j += 1
            else:
                return ()
        sides = [side for side in range(first, j) if shape[side] > 1]
        merged = _merged(old[start:i], own[start:i]) if len(sides) == 1 else 1
        found += [merged if side in sides else 1 for side in range(first, j)]
    return tuple(found)


def shared_heads(key: Value, value: Value) -> int:
    """How many heads in a row have the same keys and values; heads are the last axis but two.

    Examples
    --------
    >>> keys = Value((1, 8, 5, 16), copies=(1, 4, 1, 1))
    >>> shared_heads(keys, keys)
    4
    """
    both = {copies_of(one)[-3] for one in (key, value) if len(one.sizes) > 2}
    return both.pop() if len(both) == 1 else 1


def _merged(sizes: Shape, copies: Shape) -> int:
    """Copies in a row of one axis that takes the place of several."""
    total = 1
    for size, own in zip(sizes[::-1], copies[::-1], strict=True):
        total *= own
        if own != size:
            break
    return total
