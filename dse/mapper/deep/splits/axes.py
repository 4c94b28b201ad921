"""What every split of an axis contributes to each count: the factors that all counts of a mapping are products of.

An axis is G, N, K or C alone, or P with R, or Q with S, which meet in the ifmap. A count is a product over axes, and
an axis' factor depends on its own split alone once it is known which lists are counted; so a table of factors per axis
holds all that the search needs of a split.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from math import inf
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dse.mapper.deep.splits.chains import NARROW
from dse.mapper.deep.splits.filling import (
    BOX,
    CHANGES,
    CHILDREN,
    COUNT,
    IDLE,
    NOT_SPREAD,
    SIDE,
    STEPS_PER_CHANGE,
    TILE,
    Splits,
    fill,
)
from dse.mapper.deep.splits.halo import Slides, View, Window, joined_words
from dse.mapper.shared.compilation.arguments import Held
from dse.mapper.shared.compilation.twins import compiled
from dse.mapper.shared.stopping import UNTIMED, TooLongError, flag_for, look_at_clock
from dse.model.counting.kernel import Floats, Ints
from dse.model.counting.records import NONE, WORD
from dse.model.counting.records import TILE as EACH_TILE
from dse.problem.dims import IFMAP, WEIGHT, C, G, K, N, P, Q, R, S

Key = tuple[Any, ...]

Singles = tuple[tuple[Ints, Ints], tuple[Ints, Ints]]
"""The chains of both dims of an axis, each once, and those of each split."""

COLUMNS = 80
"""Columns for each of its dims that an axis has room for at first: to make more, all are copied."""

FEW_COLUMNS = 4
"""Columns of a long table that are filled at a time."""

POSITIONS = 500
"""Positions of tiles along an axis that are counted in about as long as other factors of a split take."""

SAMPLE = 256
"""About how many factors of a column are looked at first to tell whether another one has the same."""

AXES = ((G,), (N,), (K,), (C,), (P, R), (Q, S))
"""Dims of each axis, which is known by its first; the second dim of the last two is a dim of the window."""


def _room_for(columns: int, splits: int) -> Floats:
    """(2, columns, splits) room for logarithms and factors, not filled."""
    try:
        return np.empty((2, columns, splits))
    except MemoryError:
        size_gb = 2 * 8 * columns * splits / 1e9
        raise TooLongError(f"tables of {splits:,} splits of a dim want {size_gb:,.0f} GB of memory") from None


class Together(NamedTuple):
    """The tables of several axes as kernels take them, while none has more columns than these.

    Parameters
    ----------
    axes : list of Axis
    widths : list of int
    logs, factors, chains : tuple of arrays
        What `Axis.table` and `Axis.both` have.
    held
        The same tuples, laid out once for all calls.
    """

    axes: list[Axis]
    widths: list[int]
    logs: tuple[Floats, ...]
    factors: tuple[Floats, ...]
    chains: tuple[Ints, ...]
    held: tuple[Held, ...]

    @property
    def of_walks(self) -> tuple[tuple[Floats, ...], tuple[Ints, ...]]:
        """What a walk takes."""
        return self.factors, self.chains


@dataclass(slots=True)
class Axis:
    """All splits of one axis, and the columns of factors that were asked for so far.

    A column is filled when a table is asked for, with all others that were asked for since.

    Parameters
    ----------
    dims : tuple of int
    bounds : tuple of int
    chains : tuple of (n, 2 * k) arrays
        Trips and children of each level, per dim.
    sides : (n, k, 2) int32
        The fewest rows, and the fewest columns, that the children of all dims can stand on.
    fitting, is_long : bool
        Whether some that fit nowhere were left out; and whether any would have been.
    is_mirrored, twins
        Kept here by `dse.mapper.deep.bounds.mirror`.
    singles : tuple, optional
        Of an axis of two dims, if known.
    twin : Axis, optional
        One with the same splits of dims of the same sizes, which has the columns of both.
    beside : (n, 2, 2 * k) int32, optional
        What `both` gives back, of which `chains` are views, where it was made so.
    gathered, stood_for
        Kept here by `dse.mapper.deep.splits.gathered`.
    """

    dims: tuple[int, ...]
    bounds: tuple[int, ...]
    chains: tuple[Ints, ...]
    stride: int
    dilation: int
    sides: Ints = field(default_factory=lambda: np.ones((0, 0, 2), dtype=NARROW))
    fitting: bool = False
    is_long: bool = False
    is_mirrored: bool | None = None
    twins: tuple[Ints, Ints] | None = None
    singles: Singles | None = None
    twin: Axis | None = None
    beside: Ints | None = None
    gathered: dict[int, Ints | None] = field(default_factory=dict)
    stood_for: dict[int, Ints] = field(default_factory=dict)
    columns: dict[Key, int] = field(default_factory=dict)
    _tables: Floats | None = None
    _width: int = 1
    _asked: tuple[tuple[int, ...], ...] = ()
    _most: list[list[int]] | None = None
    _several: list[int] | None = None
    _together: Together | None = None
    _loops: dict[int, NDArray[np.uint8]] = field(default_factory=dict)
    _children: dict[int, Ints] = field(default_factory=dict)
    _equal: dict[tuple[float, bytes], int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.chains[0])

    @property
    def width(self) -> int:
        """How many columns its table has."""
        return self._width if self.twin is None else self.twin.width

    @property
    def nbytes(self) -> int:
        if self.twin is not None:
            return 0
        chains = self.chains if self.beside is None else (self.beside,)
        gathered = [of for of in (*self.gathered.values(), *self.stood_for.values()) if of is not None]
        return 16 * self._width * len(self) + sum(array.nbytes for array in (*chains, self.sides, *gathered))

    def column(self, key: Key) -> int:
        """The place of a column of logarithms of factors; column 0 is that of the factor 1."""
        known = self.columns.get(key)
        if known is not None:
            return known
        look_at_clock(len(self))
        if self.twin is not None:
            if key[0] == "side" and self.sides is not self.twin.sides:
                self.put(key, self.sides[:, key[1], key[2]].astype(np.float64))
            else:
                self.columns[key] = self.twin.column(self._of_twin(key))
        elif key[0] == "boxes":
            self.put(key, np.asarray(self._boxes(*key[1:]), dtype=np.float64))
        elif self._is_one(key):
            self.columns[key] = 0
        else:
            self.columns[key] = self._width
            self._asked += ((self._width, *self._numbers_of(key)),)
            self._width += 1
        return self.columns[key]

    def _of_twin(self, key: Key) -> Key:
        """The same column of the twin."""
        assert self.twin is not None
        return (key[0], self.twin.dims[self.dims.index(key[1])], *key[2:]) if key[0] == "count" else key

    def put(self, key: Key, values: Floats, least: float = 0.0) -> None:
        """Add a column of factors, none below `least`, or take one that has the same."""
        self.columns[key] = (self if self.twin is None else self.twin)._place(np.maximum(values, least))

    def _place(self, values: Floats) -> int:
        """The place of a column of given factors, a new one if there is none yet."""
        if (values == 1.0).all():
            return 0
        tables, same = self._roomy(), (float(values.sum()), values[:: 1 + len(values) // SAMPLE].tobytes())
        at = self._equal.get(same, 0)
        if not at or not np.array_equal(tables[1, at], values):
            at = self._equal[same] = self._width
            self._width += 1
            tables = self._roomy()
            np.log(values, out=tables[0, at])
            tables[1, at] = values
        return at

    def _roomy(self) -> Floats:
        """Tables with room for all columns."""
        tables = self._tables
        if tables is None or tables.shape[1] < self._width:
            # What is never written takes no memory.
            self._tables = _room_for(max(COLUMNS * len(self.dims), 2 * self._width), len(self))
            if tables is None:
                self._tables[:, 0] = [[0.0], [1.0]]
            else:
                self._tables[:, : tables.shape[1]] = tables
        assert self._tables is not None
        return self._tables

    def _fill(self) -> None:
        """Fill the columns that were asked for."""
        tables, levels = self._roomy(), self.chains[0].shape[1] // 2
        sides = self.sides if len(self.sides) else np.ones((len(self), levels, 2), dtype=NARROW)
        bounds = np.array([*self.bounds, 1][:2])
        splits = Splits(self.both(), sides.astype(NARROW, copy=False), bounds, self.stride, self.dilation)
        # In a long table a few columns at a time, as the search may be told to end.
        step = len(self._asked) if len(self) <= UNTIMED else FEW_COLUMNS
        while self._asked:
            look_at_clock(len(self))
            compiled(fill)(splits, np.array(self._asked[:step]), tables[0], tables[1])
            self._asked = self._asked[step:]

    def table(self, plain: bool = False) -> Floats:
        """(columns, n) logarithms of all factors, or with `plain` the factors themselves."""
        if self.twin is not None:
            return self.twin.table(plain)
        if self._asked:
            self._fill()
        return self._roomy()[int(plain), : self._width]

    def matrix(self) -> Floats:
        """(n, columns) logarithms of all factors."""
        return self.table().T

    def both(self) -> Ints:
        """(n, 2, 2 * k) trips and children of each level, of the axis' dim and that of the window, 1 for none."""
        if self.twin is not None:
            return self.twin.both()
        if self.beside is None:
            self.beside = np.ones((len(self), 2, self.chains[0].shape[1]), dtype=NARROW)
            for which, chain in enumerate(self.chains):
                self.beside[:, which] = chain
        return self.beside

    def trips(self, level: int, which: int) -> Ints:
        return self.chains[which][:, 2 * level]

    def _numbers_of(self, key: Key) -> tuple[int, ...]:
        """What a column counts, see `dse.mapper.deep.splits.filling`."""
        what, *numbers = key
        levels = self.chains[0].shape[1] // 2
        if what == "count":
            dim, lists, fans = numbers
            return COUNT, self.dims.index(dim), lists, fans
        if what == "words":
            operand, level, above = (*numbers, NOT_SPREAD)[:3]
            joint = len(self.dims) > 1 and operand == IFMAP
            return BOX if joint else TILE, int(len(self.dims) > 1 and operand == WEIGHT), level, above
        kind, given = {
            "steps": (CHANGES, [levels] * len(self.dims)), "changes": (CHANGES, numbers),
            "steps_per_change": (STEPS_PER_CHANGE, numbers), "children": (CHILDREN, numbers), "side": (SIDE, numbers),
            "idle": (IDLE, numbers),
        }[what]  # fmt: skip
        return kind, *(*given, 0, 0, 0)[:3]

    def _is_one(self, key: Key) -> bool:
        """Whether a column's factors are 1 in all splits, as all is that it counts."""
        if self._several is None:
            self._several = [sum(1 << slot for slot, most in enumerate(mine) if most > 1) for mine in self._largest()]
        slots = _slots_of(key, self.dims, self.chains[0].shape[1])
        return not any(mine & several for mine, several in zip(slots, self._several, strict=True))

    def _largest(self) -> list[list[int]]:
        """The most that the trips and the children of each level are in any split, per dim."""
        if self._most is None:
            self._most = [chain.max(axis=0, initial=1).tolist() for chain in self.chains]
        return self._most

    def place_of(self, split: Sequence[Ints]) -> int:
        """The place of a split, by the trips and children of each level per dim; 0 where it is not listed."""
        rows: Ints | None = None
        for chain, most, factors in zip(self.chains, self._largest(), split, strict=True):
            for slot, factor in enumerate(factors.tolist()):
                if most[slot] == 1 and factor == 1:
                    continue
                rows = np.flatnonzero(chain[:, slot] == factor) if rows is None else rows[chain[rows, slot] == factor]
        return 0 if rows is None or len(rows) == 0 else int(rows[0])

    def loops(self, level: int) -> NDArray[np.uint8]:
        """(n,) which dims have trips in a level's list: 1 for the first, 2 for the second, above 4 times the axis."""
        if level not in self._loops:
            found = np.full(len(self), 4 * self.dims[0], dtype=np.uint8)
            for which, chain in enumerate(self.chains):
                found[chain[:, 2 * level] > 1] += 1 << which
            self._loops[level] = found
        return self._loops[level]

    def tile(self, level: int, which: int) -> Ints:
        """Tile of a level, capped at the bound."""
        return np.minimum(self.chains[which][:, 2 * level :].prod(axis=1), self.bounds[which])

    def children(self, level: int) -> Ints:
        """Children of a level's fan-out that the axis is spread over."""
        if level not in self._children:
            self._children[level] = np.prod([chain[:, 2 * level + 1] for chain in self.chains], axis=0)
        return self._children[level]

    def _boxes(self, level: int, joined: int, mode: int, slides: Slides) -> Ints:
        """At least the ifmap words along the axis that cross to all children at a level, or that their parents read.

        Parameters
        ----------
        joined : int
            Fan-outs (bits) whose children count as one.
        mode : int
            Multicast: NONE, TILE or WORD (`dse.model.counting.records`).
        slides : tuple of Slide
            How they may slide, if at all.
        """
        singles, of = self.singles_of()
        # Parts of tiles that differ may be the same, or the other way round; words are never fewer than theirs.
        view = View(level, joined if mode != NONE else 0, WORD if slides and mode == EACH_TILE else mode)
        window, words = Window(np.array(self.bounds), self.stride, self.dilation), np.empty(len(self), dtype=np.int64)
        each = np.array(slides, dtype=np.int64).reshape(-1, 4)
        stop = flag_for(len(self) * max(1, max(self.bounds) // POSITIONS))
        if not compiled(joined_words)(singles, of, window, view, each, stop, words):
            look_at_clock(inf)
        return words

    def singles_of(self) -> Singles:
        """The chains of both dims, each once, and those of each split."""
        if self.singles is None:
            (a, of_a), (b, of_b) = (np.unique(chain, axis=0, return_inverse=True) for chain in self.chains)
            self.singles = (a, b), (of_a.reshape(-1), of_b.reshape(-1))
        return self.singles


@lru_cache(maxsize=10_000)
def _slots_of(key: Key, dims: tuple[int, ...], slots: int) -> tuple[int, ...]:
    """Per dim, the trips and children (bits) that a column's factors depend on."""
    what, *numbers = key
    each = range(len(dims))
    chosen: Iterable[tuple[int, int]]
    spread: Iterable[int]
    if what == "count":
        dim, lists, fans = numbers
        spread = (slot for slot in range(1, slots, 2) if fans >> slot // 2 & 1)
        chosen = product([dims.index(dim)], (*range(0, 2 * lists, 2), *spread))
    elif what == "words":
        operand, level, above = (*numbers, NOT_SPREAD)[:3]
        mine = each if operand == IFMAP or len(dims) == 1 else [int(operand == WEIGHT)]
        spread = () if above == NOT_SPREAD else range(2 * above + 1, slots, 2)
        chosen = product(mine, (*range(2 * level, slots), *spread))
    elif what in ("children", "side"):
        chosen = product(each, [2 * numbers[0] + 1])
    elif what == "idle":
        chosen = product(each, range(1, 2 * numbers[0], 2))
    else:
        begin, end = [0] * len(dims), list(numbers) or [slots // 2] * len(dims)
        if what == "steps_per_change":
            begin, end = end, [slots // 2] * len(dims)
        chosen = ((d, 2 * level) for d in each for level in range(begin[d], end[d]))
    found = [0] * len(dims)
    for d, slot in chosen:
        found[d] |= 1 << slot
    return tuple(found)


def tables_of_axes(axes: list[Axis]) -> Together:
    """The tables of all axes; the same tuples as the last time where no column was asked for since."""
    known = axes[0]._together
    if known is None or known.axes is not axes or known.widths != [axis.width for axis in axes]:
        logs, factors = (tuple(axis.table(plain) for axis in axes) for plain in (False, True))
        chains, widths = tuple(axis.both() for axis in axes), [axis.width for axis in axes]
        held = tuple(Held(record) for record in (logs, factors, chains))
        axes[0]._together = known = Together(axes, widths, logs, factors, chains, held)
    return known
