"""A mapping as a record of numbers, and what is laid down about its lists, as kernels read both. Compilable."""

from __future__ import annotations

from dse.model.counting.kernel import Ints
from dse.problem.dims import P, R

TRIPS, ROWS, COLS, ORDER = 0, 1, 2, 3
"""Parts of a level's split."""

PER_PART = 8
"""Numbers of each part, one per dim (an order has one per loop)."""

PER_LEVEL = 4 * PER_PART
"""Numbers of a level in a mapping's record: see `parts_of`."""


def record_length(levels: int) -> int:
    """Numbers of a mapping's record: the parts of all levels, and the bypass choice."""
    return PER_LEVEL * levels + 1


def parts_of(record: Ints) -> Ints:
    """(k, 4, 8) trips, rows, columns and order (innermost loop first) of each level of a mapping's record."""
    return record[:-1].reshape(-1, 4, PER_PART)

KIND, SLIDE, PASSING = range(3)
"""Columns of what is laid down per list; the first two are also those of the kinds of orders."""

ANYTHING = -2
"""What is laid down about a list of which nothing is."""


def axis_of(dim: int) -> int:
    """The axis of a dim, known by its first dim; -1 for no dim."""
    return dim - R + P if dim >= R else dim
