"""What every split of an axis contributes to each count: the factors that all counts of a mapping are products of.

An axis is G, N, K or C alone, or P with R, or Q with S, which meet in the ifmap. A count is a product over axes, and
an axis' factor depends on its own split alone once it is known which lists are counted; so a table of factors per axis
holds all that the search needs of a split.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dse.mapper.deep.chains import least_sides, list_chains
from dse.mapper.deep.halo import View, joined_words
from dse.mapper.deep.problem import Deep
from dse.mapper.shared.compilation.twins import compiled
from dse.mapper.shared.words import box, boxes
from dse.model.counting.kernel import Floats, Ints
from dse.model.counting.records import NONE, TILE
from dse.problem.dims import IFMAP, WEIGHT, C, G, K, N, P, Q, R, S

Key = tuple[Any, ...]

AXES = ((G,), (N,), (K,), (C,), (P, R), (Q, S))
"""Dims of each axis, which is known by its first; the second dim of the last two is a dim of the window."""


@dataclass(slots=True)
class Axis:
    """All splits of one axis, and the columns of factors that were asked for so far.

    Parameters
    ----------
    dims : tuple of int
    bounds : tuple of int
    chains : tuple of (n, 2 * k) arrays
        Trips and children of each level, per dim.
    least_sides : tuple of (n, k, 2) arrays
        The fewest rows, and the fewest columns, that each dim's children can stand on.
    ways : int
        Splits when sides are told apart.
    """

    dims: tuple[int, ...]
    bounds: tuple[int, ...]
    chains: tuple[Ints, ...]
    stride: int
    dilation: int
    least_sides: tuple[Ints, ...] = ()
    ways: int = 0
    columns: dict[Key, int] = field(default_factory=dict)
    _tables: Floats | None = None
    _width: int = 1
    _both: Ints | None = None

    def __len__(self) -> int:
        return len(self.chains[0])

    @property
    def nbytes(self) -> int:
        arrays = (*self.chains, *self.least_sides, self._tables, self._both)
        return sum(array.nbytes for array in arrays if array is not None)

    def column(self, key: Key) -> int:
        """The place of a column of logarithms of factors; column 0 is that of the factor 1."""
        if key not in self.columns:
            self.put(key, np.asarray(self._values(*key), dtype=np.float64))
        return self.columns[key]

    def put(self, key: Key, values: Floats) -> None:
        """Add a column of factors."""
        if (values == 1.0).all():
            self.columns[key] = 0
            return
        self.columns[key] = self._width
        tables = self._begun()
        if self._width == tables.shape[1]:
            self._tables = tables = np.concatenate([tables, np.zeros_like(tables)], axis=1)
        tables[:, self._width] = np.log(values), values
        self._width += 1

    def _begun(self) -> Floats:
        if self._tables is None:
            self._tables = np.zeros((2, 16, len(self)))
            self._tables[1, 0] = 1.0
        return self._tables

    def table(self, plain: bool = False) -> Floats:
        """(columns, n) logarithms of all factors, or with `plain` the factors themselves."""
        return self._begun()[int(plain), : self._width]

    def matrix(self) -> Floats:
        """(n, columns) logarithms of all factors."""
        return self.table().T

    def both(self) -> Ints:
        """(n, 2, 2 * k) trips and children of each level, of the axis' dim and that of the window, 1 for none."""
        if self._both is None:
            self._both = np.ones((len(self), 2, self.chains[0].shape[1]), dtype=np.int64)
            for which, chain in enumerate(self.chains):
                self._both[:, which] = chain
        return self._both

    def trips(self, level: int, which: int) -> Ints:
        return self.chains[which][:, 2 * level]

    def _values(self, what: str, *key: Any) -> Ints | Floats:
        return getattr(self, f"_{what}")(*key)

    def _count(self, dim: int, lists: int, fans: int) -> Ints:
        """Index combinations of a dim over the outermost lists and a set of fan-outs."""
        which = self.dims.index(dim)
        return combinations(self.chains[which], self.bounds[which], lists, fans)

    def _steps(self) -> Ints:
        levels = self.chains[0].shape[1] // 2
        return np.prod([self._count(dim, levels, 0) for dim in self.dims], axis=0)

    def _changes(self, *lists: int) -> Ints:
        """Index combinations over the outermost lists, so many of each dim."""
        return np.prod([self._count(dim, some, 0) for dim, some in zip(self.dims, lists, strict=True)], axis=0)

    def _steps_per_change(self, *lists: int) -> Floats:
        return self._steps() / self._changes(*lists)

    def tile(self, level: int, which: int, above: int = -1) -> Ints:
        """Tile of a level, capped at the bound; given `above`, with what the fan-outs from that level on spread out."""
        chain = self.chains[which]
        size = chain[:, 2 * level :].prod(axis=1)
        if above >= 0:
            for i in range(above, level):
                size = size * chain[:, 2 * i + 1]
        return np.minimum(size, self.bounds[which])

    def _words(self, operand: int, level: int, above: int = -1) -> Ints:
        """Words of an operand's tile along the axis."""
        tiles = [self.tile(level, which, above) for which in range(len(self.dims))]
        if len(self.dims) == 1:
            return tiles[0]
        if operand == IFMAP:
            return np.asarray(box(tiles[0], tiles[1], self.stride, self.dilation))
        return tiles[operand == WEIGHT]

    def children(self, level: int) -> Ints:
        """Children of a level's fan-out that the axis is spread over."""
        return np.prod([chain[:, 2 * level + 1] for chain in self.chains], axis=0)

    def _children(self, level: int) -> Ints:
        return self.children(level)

    def _side(self, level: int, side: int) -> Ints:
        """The fewest rows (or columns) of a level's fan-out that the axis' children can stand on."""
        return np.prod([least[:, level, side] for least in self.least_sides], axis=0)

    def _idle(self, level: int) -> Floats:
        """One over the instances of a level that are in use."""
        used = np.ones(len(self))
        for chain, bound in zip(self.chains, self.bounds, strict=True):
            spread = np.ones(len(self), dtype=np.int64)
            for i in range(level):
                spread *= chain[:, 2 * i + 1]
            used *= np.minimum(spread, bound)
        return 1.0 / used

    def _boxes(self, level: int, joined: int, mode: int, slides: bool) -> Ints:
        """At least the ifmap words along the axis that cross to all children at a level, or that their parents read.

        Parameters
        ----------
        joined : int
            Fan-outs (bits) whose children count as one.
        mode : int
            Multicast: NONE, TILE or WORD (`dse.model.counting.records`).
        slides : bool
            Whether one of the two dims may slide.
        """
        levels = self.chains[0].shape[1] // 2
        a, b = self.bounds
        if level == levels:
            tile_a, tile_b = np.ones(len(self), dtype=np.int64), np.ones(len(self), dtype=np.int64)
        else:
            tile_a, tile_b = self.tile(level, 0), self.tile(level, 1)
        spread = np.ones((2, len(self)), dtype=np.int64)
        for which in range(2):
            for i in range(levels):
                if joined >> i & 1:
                    spread[which] *= self.chains[which][:, 2 * i + 1]
        number_a, number_b = -(-a // tile_a), -(-b // tile_b)
        words: Ints = np.asarray(boxes(number_a, number_b, a, b, self.stride, self.dilation))
        together = (spread > 1).any(axis=0) if mode != NONE else np.zeros(len(self), dtype=bool)
        if mode == TILE:
            together &= (spread > 1).all(axis=0)
        if slides:
            words = np.minimum(words, self._slid(tile_a, tile_b))
            least = np.minimum(words, self.touched)
            return np.where(together, least, words)
        if together.any():
            words = words.copy()
            rows = np.flatnonzero(together)
            compiled(joined_words)(
                self.chains[0][rows], self.chains[1][rows], a, b, self.stride, self.dilation,
                View(level, joined, mode), rows, words,
            )  # fmt: skip
        return words

    @property
    def touched(self) -> int:
        """Words along the axis that some MAC touches."""
        a, b = self.bounds
        return len({p * self.stride + r * self.dilation for p in range(a) for r in range(b)})

    def _slid(self, tile_a: Ints, tile_b: Ints) -> Ints:
        """The fewer of the words of runs over the whole of one dim, in each tile of the other."""
        found = []
        for (x, tile_x, u), (y, tile_y, v) in (
            ((self.bounds[0], tile_a, self.stride), (self.bounds[1], tile_b, self.dilation)),
            ((self.bounds[1], tile_b, self.dilation), (self.bounds[0], tile_a, self.stride)),
        ):
            number_x, number_y = -(-x // tile_x), -(-y // tile_y)
            last = y - (number_y - 1) * tile_y
            total = np.zeros(len(self), dtype=np.int64)
            for length, times in ((tile_y, number_y - 1), (last, 1)):
                whole, parts = box(x, length, u, v), boxes(number_x, 1, x, length, u, v)
                total = total + times * np.minimum(whole, parts)
            found.append(total)
        return np.minimum(*found)


def combinations(chain: Ints, bound: int, lists: int, fans: int) -> Ints:
    """As `dse.model.counting.axes.combinations`, of chains: the first lists and a set of fan-outs (bits) counted."""
    trips = list(chain.T)
    counted = []
    for i in range(chain.shape[1] // 2):
        counted += [i < lists, bool(fans >> i & 1)]
    inside = np.ones(len(chain), dtype=np.int64)
    counted_inside = np.ones(len(chain), dtype=np.int64)
    parts = []
    for number, count in zip(reversed(trips), reversed(counted), strict=True):
        parts.append((inside, counted_inside, count))
        inside = inside * number
        if count:
            counted_inside = counted_inside * number
    total = np.zeros(len(chain), dtype=np.int64)
    extent = np.full(len(chain), bound, dtype=np.int64)
    for step, several, count in reversed(parts):
        if count:
            total += extent // step * several
            extent = extent % step
        else:
            extent = np.minimum(extent, step)
    return total + (extent > 0)


def axes_of(problem: Deep) -> list[Axis]:
    """The axes of a problem; the last two hold every pair of the splits of their dims."""
    found = []
    for dims in AXES:
        bounds = tuple(int(problem.bounds[d]) for d in dims)
        listed = [compiled(list_chains)(problem, d) for d in dims]
        chains = [every[:, :-1].copy() for every in listed]
        sides = [compiled(least_sides)(problem, d, chain) for d, chain in zip(dims, chains, strict=True)]
        ways = int(np.prod([int(every[:, -1].sum()) for every in listed]))
        if len(dims) == 1:
            found.append(Axis(dims, bounds, tuple(chains), 1, 1, tuple(sides), ways))
            continue
        (a, b), (sides_a, sides_b) = chains, sides
        first, second = np.repeat(np.arange(len(a)), len(b)), np.tile(np.arange(len(b)), len(a))
        window = 0 if dims[0] == P else 2
        found.append(Axis(
            dims, bounds, (a[first], b[second]), int(problem.window[window]), int(problem.window[window + 1]),
            (sides_a[first], sides_b[second]), ways,
        ))  # fmt: skip
    return found
