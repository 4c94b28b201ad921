"""Splits listed in stages: stand-ins first, and what they stand for once it is asked for, of those alone that are left.

A stand-in has all loops of the outermost lists, of which nothing is known yet, in the outermost one (`gathered`). Where
it takes so many trips there, a split that it stands for takes some of them in the next lists. So a table of splits need
not be there before a search, which seldom comes to most of them. Compilable but for the outer half.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from dse.mapper.deep.problem import Deep
from dse.mapper.deep.splits.axes import AXES, Axis, Key
from dse.mapper.deep.splits.chains import NARROW, least_sides, list_beside_ones, smallest_side
from dse.mapper.deep.splits.filling import Splits, fill
from dse.mapper.deep.splits.fitting import largest_tiles
from dse.mapper.shared.compilation.twins import compiled
from dse.mapper.shared.mapspace.factors import ceil_div, keeps_tight
from dse.model.counting.kernel import Floats, Ints, entry

ROOM = 96
"""Columns that tables have room for at first."""


@dataclass(slots=True)
class StagedAxis(Axis):
    """Some splits of an axis of one dim that takes loops, with the same columns as all other tables of its stages.

    Parameters
    ----------
    asked : list of tuple
        What each column counts from the second on, empty for factors that are given. With `columns`, it is the same
        list for all stages.
    given : dict
        By column, factors that are given, and the least that they count as.
    several_slots : list of int
        Slots (bits) that some split of any stage takes more than one in, per dim.
    """

    asked: list[tuple[int, ...]] = field(default_factory=list)
    given: dict[int, tuple[Floats, float]] = field(default_factory=dict)
    several_slots: list[int] = field(default_factory=list)
    _filled: int = 1

    @property
    def width(self) -> int:
        return 1 + len(self.asked)

    @property
    def nbytes(self) -> int:
        return 16 * self.width * len(self)

    def column(self, key: Key) -> int:
        if key not in self.columns:
            self._several = self.several_slots
            self.columns[key] = 0 if self._is_one(key) else self._next(self._numbers_of(key))
        return self.columns[key]

    def put(self, key: Key, values: Floats, least: float = 0.0) -> None:
        if len(self) == 1 and max(values[0], least) == 1.0:
            self.columns[key] = 0
        else:
            self.columns[key] = self._next(())
            self.given[self.columns[key]] = values, least

    def _next(self, numbers: tuple[int, ...]) -> int:
        self.asked.append(numbers)
        return len(self.asked)

    def table(self, plain: bool = False) -> Floats:
        width = self.width
        if self._filled < width or self._tables is None:
            self._fill_up(width)
        assert self._tables is not None
        return self._tables[int(plain), :width]

    def _fill_up(self, width: int) -> None:
        """Fill the columns that were asked for since."""
        tables = self._tables
        if tables is None or tables.shape[1] < width:
            self._tables = np.empty((2, max(ROOM, 2 * width if tables is not None else width), len(self)))
            self._tables[:, 0] = [[0.0], [1.0]]
            if tables is not None:
                self._tables[:, : self._filled] = tables[:, : self._filled]
            tables = self._tables
        new = [(k, *self.asked[k - 1]) for k in range(self._filled, width) if self.asked[k - 1]]
        if new:
            bounds = np.array([*self.bounds, 1][:2])
            compiled(fill)(Splits(self.both(), self.sides, bounds, 1, 1), np.array(new), tables[0], tables[1])
        for k in range(self._filled, width):
            self._take_given(k)
        self._filled = width

    def _take_given(self, k: int) -> None:
        if k in self.given and self._tables is not None:
            np.maximum(*self.given[k], out=self._tables[1, k])
            np.log(self._tables[1, k], out=self._tables[0, k])

    def of_others(self, axis: StagedAxis, rows: Ints) -> None:
        """Take what is given of the splits that its own differ from in outer lists alone, each beside its own.

        Of as many children, the fewest steps that there are with a split are so many times its own.
        """
        steps = axis.columns[("steps",)]
        more = self.table(plain=True)[steps] / axis.table(plain=True)[steps, rows]
        for k, (values, least) in axis.given.items():
            self.given[k] = values[rows] * more, least
            self._take_given(k)


def staged_axes(problem: Deep, lists: int) -> list[Axis]:
    """The axes of a problem whose window dims have a bound of one, with stand-ins alone.

    Parameters
    ----------
    lists : int
        The outermost lists whose loops are in the outermost one.
    """
    coarse = problem._replace(in_list=problem.in_list.copy())
    coarse.in_list[1:lists] = 0
    return [_first_stage(problem, coarse, lists, dims) for dims in AXES]


def _first_stage(problem: Deep, coarse: Deep, lists: int, dims: tuple[int, ...]) -> Axis:
    d, bounds = dims[0], tuple(int(problem.bounds[d]) for d in dims)
    both = list_beside_ones(coarse, d, largest_tiles(problem, d))
    if len(both) == 0:  # an axis has a split, and limits say that it does not fit
        both = list_beside_ones(coarse, d, np.full(len(problem.nodes), 2 * int(problem.bounds[d])))[:1].copy()
    least = least_sides(problem, d, both)
    if len(dims) > 1:  # one split: all tables may share it
        return Axis(dims, bounds, (both[:, 0], both[:, 1]), 1, 1, least, beside=both)
    most = both[:, 0].max(axis=0, initial=1).tolist()
    slots = sum(1 << slot for slot, factor in enumerate(most) if factor > 1)
    slots |= sum(1 << 2 * level for level in range(lists) if bounds[0] > 1 and problem.in_list[level, d])
    return StagedAxis(
        dims, bounds, (both[:, 0],), 1, 1, least, beside=both, several_slots=[slots]
    )  # fmt: skip


def next_stage(problem: Deep, axis: Axis, rows: Ints, lists: int, fewer: int) -> tuple[Axis, Ints]:
    """A table of the splits that some stand for, themselves stand-ins for those that differ in `fewer` lists alone.

    Parameters
    ----------
    rows : (n,) int64
        Stand-ins while nothing is known of so many `lists`.

    Returns
    -------
    Axis
    (m,) int64
        Where in `rows` the stand-in of each is.
    """
    if not isinstance(axis, StagedAxis):
        return axis, rows
    d, both, places = axis.dims[0], axis.both()[rows], np.arange(len(rows))
    if axis.bounds[0] > 1:
        largest = largest_tiles(problem, d)
        for level in range(lists - 1, fewer - 1, -1):
            if problem.in_list[level, d]:
                many = compiled(tell_apart)(problem, d, level, largest, both, both[:0], places[:0])
                told, at = np.empty((many, *both.shape[1:]), dtype=NARROW), np.empty(many, dtype=np.int64)
                compiled(tell_apart)(problem, d, level, largest, both, told, at)
                both, places = told, places[at]
    found = StagedAxis(
        axis.dims, axis.bounds, (both[:, 0],), 1, 1, least_sides(problem, d, both), beside=both,
        columns=axis.columns, asked=axis.asked, several_slots=axis.several_slots,
    )  # fmt: skip
    if axis.given:
        found.of_others(axis, rows[places])
    return found, places


@entry
def tell_apart(dp: Deep, d: int, level: int, largest: Ints, chains: Ints, told: Ints, places: Ints) -> int:
    """List the chains that some stand for which have loops in a list more, and count them.

    Parameters
    ----------
    level : int
        The list: all loops of it and of the lists outside are in the outermost one.
    largest : (k,) int64
        The largest tile that each level has room for.
    chains : (n, 2, 2 * k) int32
    told : (m, 2, 2 * k) int32
        Filled, if there is room at all.
    places : (m,) int64
        Where in `chains` the stand-in of each is, filled likewise.

    Returns
    -------
    int
        How many there are.
    """
    bound, slots, count = dp.bounds[d], chains.shape[2], 0
    widest = 1
    for level_of in range(slots // 2):
        for i in range(len(chains)):
            widest = max(widest, chains[i, 0, 2 * level_of + 1])
    side = np.zeros((slots // 2, widest + 1), dtype=np.int64)
    for i in range(len(chains)):
        trips, inner, most, tile, fits = int(chains[i, 0, 0]), 1, 1, 1, 2 * bound
        for slot in range(slots - 1, 0, -1):
            factor = int(chains[i, 0, slot])
            inner, tile = inner * factor, tile * factor
            if slot % 2 == 1 and factor > 1:  # children have to be tight on each side, not together
                if side[slot // 2, factor] == 0:
                    side[slot // 2, factor] = smallest_side(dp, slot // 2, d, factor)
                factor = side[slot // 2, factor]
            most = max(most, factor)
            if slot % 2 == 0 and slot <= 2 * level:
                fits = min(fits, largest[slot // 2] // tile)
        here = 1
        while here <= fits:
            outside = ceil_div(trips, here)
            product = inner * here * outside
            if keeps_tight(bound, product, max(most, max(here, outside))) and not (dp.perfect and product != bound):
                if len(told) > 0:
                    for slot in range(slots):
                        told[count, 0, slot], told[count, 1, slot] = chains[i, 0, slot], 1
                    told[count, 0, 0], told[count, 0, 2 * level] = outside, here
                    places[count] = i
                count += 1
            if outside == 1:
                break
            here = ceil_div(trips, outside - 1)
    return count
