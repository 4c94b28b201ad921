"""Bands of arrays: of the arrays in a box of designs, those of about as many PEs.

What a PE takes at rest counts for as long as a network runs, most of which may hang on other things than PEs. So the
least energy in a box is that of its fewest PEs, the least time that of its most, and what the box seems to reach is far
below any of its designs, unless all have about as many PEs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

RATIO = 1.06
"""Most PEs over fewest of a band. Each band more of a box costs far less than what all of them share, and closer ones
hold but few arrays."""


@dataclass(frozen=True)
class Band:
    """Some of the arrays of a box.

    Parameters
    ----------
    axes : tuple of (int, int)
        The two settings of the space that are rows and columns.
    pairs : tuple of (int, int)
        Positions of rows and columns among their choices, by array; PEs rise.
    pes : tuple of int
        Of each.
    """

    axes: tuple[int, int]
    pairs: tuple[tuple[int, int], ...]
    pes: tuple[int, ...]

    @classmethod
    def of(cls, axes: tuple[int, int], rows: Mapping[int, int], cols: Mapping[int, int]) -> Band:
        """All arrays of some rows and columns, these by their positions."""
        found = sorted((r * c, i, j) for i, r in rows.items() for j, c in cols.items())
        return cls(axes, tuple((i, j) for _, i, j in found), tuple(pes for pes, _, _ in found))

    def with_others(self, others: Iterable[Band]) -> Band:
        """All arrays of some bands of the same two settings.

        Examples
        --------
        >>> small, large = Band.of((0, 1), {0: 2, 1: 4}, {0: 5, 1: 6}).narrower(1.25)
        >>> large.with_others([small]).pes
        (10, 12, 20, 24)
        """
        found = sorted((pes, *pair) for band in (self, *others) for pes, pair in zip(band.pes, band.pairs, strict=True))
        return Band(self.axes, tuple((i, j) for _, i, j in found), tuple(pes for pes, _, _ in found))

    @cached_property
    def held(self) -> frozenset[tuple[int, int]]:
        """The pairs."""
        return frozenset(self.pairs)

    def holds(self, digits: Sequence[int]) -> bool:
        """Whether a design, by the positions of its settings, has one of the arrays."""
        return (digits[self.axes[0]], digits[self.axes[1]]) in self.held

    def narrower(self, ratio: float = RATIO) -> list[Band]:
        """The same arrays in bands with no more than so many times as many PEs as their fewest.

        Examples
        --------
        >>> band = Band.of((0, 1), {0: 2, 1: 4}, {0: 5, 1: 6, 2: 12})
        >>> [one.pes for one in band.narrower(1.25)]
        [(10, 12), (20, 24, 24), (48,)]
        """
        found, start = [], 0
        for at in range(1, len(self.pes) + 1):
            if at == len(self.pes) or self.pes[at] > ratio * self.pes[start]:
                found.append(Band(self.axes, self.pairs[start:at], self.pes[start:at]))
                start = at
        return found
