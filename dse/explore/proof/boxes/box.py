"""Boxes of designs: intervals of every setting of a space, and the corners that bound what is in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import log, prod
from typing import Any

import numpy as np

from dse.errors import DseError
from dse.explore.designs.space import DesignSpace, magnitude
from dse.explore.proof.boxes.bands import Band
from dse.explore.proof.boxes.settings import is_capacity, is_inside, is_side

BOXED = ("rows", "cols", "capacity")
"""Last words of the settings that boxes span: sides of the array and capacities, in all or by operand."""

ROUNDING = 1e-12
"""Relative difference of two prices below which they count as equal."""


SIDES_AT_ONCE = 128
"""Designs that differ in the sides of the array alone are bounded one by one when they are no more than this; others in
bands of about as many PEs."""

MANY_BOXES = 512
"""Capacities, those of whole levels first, are not spanned while this makes no more boxes to begin with: bounds over
several capacities are loose, and what is worked out for one buffer serves all boxes that have it."""


@dataclass(frozen=True, slots=True)
class Box:
    """The designs of a space whose every setting lies within an interval of its choices.

    Parameters
    ----------
    first, last : tuple of int
        Positions among the choices of each setting, both included.
    band : Band, optional
        The arrays that its designs have, within these intervals; any without it.
    """

    first: tuple[int, ...]
    last: tuple[int, ...]
    band: Band | None = None

    @property
    def size(self) -> int:
        """How many designs it holds."""
        if self.first == self.last:  # most are single designs, and sizes are asked for often
            return 1
        counts = [last - first + 1 for first, last in zip(self.first, self.last, strict=True)]
        if self.band is None:
            return prod(counts)
        return len(self.band.pairs) * prod(count for i, count in enumerate(counts) if i not in self.band.axes)

    def holds(self, digits: Sequence[int]) -> bool:
        """Whether a design, by the positions of its settings, is in it."""
        inside = all(a <= digit <= b for a, digit, b in zip(self.first, digits, self.last, strict=True))
        return inside and (self.band is None or self.band.holds(digits))

    def of_band(self, band: Band) -> Box:
        """The designs with some arrays alone."""
        found = self
        for axis, places in zip(band.axes, zip(*band.pairs, strict=True), strict=True):
            found = found.part(axis, min(places), max(places))
        return replace(found, band=band)

    def with_bands(self, others: Iterable[Box]) -> Box:
        """The designs of a band with those of other bands of the same box."""
        bands = [other.band for other in others if other.band is not None]
        return self if self.band is None or not bands else self.of_band(self.band.with_others(bands))

    def part(self, axis: int, first: int, last: int) -> Box:
        """The designs with another interval of one setting."""
        return Box(
            (*self.first[:axis], first, *self.first[axis + 1 :]), (*self.last[:axis], last, *self.last[axis + 1 :])
        )


def held_by(boxes: Sequence[Box], designs: Sequence[tuple[int, ...]]) -> list[int]:
    """How many of some designs, by the positions of their settings, each box holds.

    Examples
    --------
    >>> held_by([Box((0, 0), (0, 3)), Box((1, 2), (1, 2))], [(0, 1), (0, 2), (1, 2)])
    [2, 1]
    """
    singles = Counter(map(tuple, designs))
    found = [singles[box.first] if box.first == box.last else 0 for box in boxes]
    several = [place for place, box in enumerate(boxes) if box.first != box.last]
    if not several:
        return found
    first = np.array([boxes[place].first for place in several])
    last = np.array([boxes[place].last for place in several])
    in_bands = np.array([boxes[place].band is not None for place in several])
    inside = np.zeros(len(several), dtype=np.int64)
    for design in designs:
        held: Any = ((first <= design) & (last >= design)).all(axis=1)
        for at in np.flatnonzero(held & in_bands):
            held[at] = boxes[several[at]].holds(design)
        inside += held
    for place, count in zip(several, inside.tolist(), strict=True):
        found[place] = count
    return found


@dataclass(frozen=True, slots=True)
class Axes:
    """How the boxes of a space are bounded and split.

    Parameters
    ----------
    space : DesignSpace
    sizes : tuple of (tuple of float or None)
        Per setting, the magnitudes of its choices where a box may span several of them; None where each choice has a
        box of its own.
    corners : tuple of tuple of bool
        The designs of a box that bound it, each as whether it has the largest of every setting: what they cost least
        and what they hold most is a bound on all.
    priced : tuple of bool, optional
        Per setting, whether it changes prices alone: all of its choices then allow the same mappings.

    Examples
    --------
    >>> space = DesignSpace.of({"dataflow": ["ws", "rs"], "levels.array.rows": [2, 4, 8]})
    >>> axes = Axes(space, (None, (2.0, 4.0, 8.0)), ((False, False), (True, True)))
    >>> [part.size for part in axes.split(axes.whole)]
    [3, 3]
    >>> axes.settings_of(axes.split(axes.whole)[1])
    ({'dataflow': 'rs', 'levels.array.rows': 2}, {'dataflow': 'rs', 'levels.array.rows': 8})
    """

    space: DesignSpace
    sizes: tuple[tuple[float, ...] | None, ...]
    corners: tuple[tuple[bool, ...], ...]
    priced: tuple[bool, ...] = ()

    @property
    def whole(self) -> Box:
        """The whole space."""
        return Box((0,) * len(self.space.shape), tuple(count - 1 for count in self.space.shape))

    def is_bounded(self, box: Box) -> bool:
        """Whether the corners bound the box: it spans nothing but settings that may be spanned."""
        return all(
            first == last or sizes is not None
            for first, last, sizes in zip(box.first, box.last, self.sizes, strict=True)
        )

    def parts_of(self, box: Box) -> list[Box]:
        """The parts of a box that is bounded next, each of which has a bound of its own.

        Where its designs share all but the sides of the array, these are the designs one by one, or, when they are
        many, bands of arrays; else the box itself.

        Examples
        --------
        >>> sides = range(2, 18)
        >>> space = DesignSpace.of({"levels.array.rows": sides, "levels.array.cols": sides})
        >>> axes = Axes(space, (tuple(map(float, sides)),) * 2, ((False, False), (True, True)))
        >>> band = axes.parts_of(axes.whole)[4]
        >>> axes.arrays_of(band)
        ((2, 5), (5, 2))
        >>> [one.size for one in axes.parts_of(band)]
        [1, 1]
        """
        spanned = [i for i, (first, last) in enumerate(zip(box.first, box.last, strict=True)) if first < last]
        if not spanned or not all(is_side(self.space.names[i]) and self.sizes[i] is not None for i in spanned):
            return [box]
        if box.band is not None or box.size <= SIDES_AT_ONCE:
            return self.singles(box)
        if len(spanned) == 1:
            return [box]
        rows, cols = (self.space.names.index(name) for name, _ in self.sides_of(box))
        arrays = Band.of((rows, cols), *(self._of_side(box, axis) for axis in (rows, cols)))
        return [box.of_band(band) for band in arrays.narrower()]

    def _of_side(self, box: Box, axis: int) -> dict[int, int]:
        """The choices of a side in a box by their positions."""
        return {at: int(self.space.choices[axis][at]) for at in range(box.first[axis], box.last[axis] + 1)}

    def arrays_of(self, box: Box) -> tuple[tuple[int, int], ...]:
        """Rows and columns of the arrays of a band; none for other boxes."""
        if box.band is None:
            return ()
        rows, cols = (self.space.choices[axis] for axis in box.band.axes)
        return tuple((int(rows[i]), int(cols[j])) for i, j in box.band.pairs)

    def outside_of(self, box: Box) -> tuple[int, ...]:
        """The first choices of a box for all settings that change something outside the array, but for prices alone."""
        named = zip(self.space.names, box.first, self._prices_alone, strict=True)
        return tuple(first for name, first, priced in named if not priced and not is_inside(name))

    def layout_of(self, box: Box) -> tuple[int, ...]:
        """The first and last choices of a box for all settings that change more than prices."""
        named = zip(box.first, box.last, self._prices_alone, strict=True)
        return tuple(place for first, last, priced in named if not priced for place in (first, last))

    @property
    def _prices_alone(self) -> tuple[bool, ...]:
        return self.priced or (False,) * len(self.sizes)

    def alike(self, digits: tuple[int, ...]) -> list[tuple[int, ...]]:
        """The other designs, by the positions of their settings, that have the same mappings at other prices.

        Examples
        --------
        >>> space = DesignSpace.of({"technology.voltage": ["0.9 V", "1 V"], "levels.array.rows": [2, 4]})
        >>> Axes(space, (None, None), ((False, False),), (True, False)).alike((0, 1))
        [(1, 1)]
        """
        if not any(self.priced):
            return []
        axes = zip(self.space.shape, self.priced, digits, strict=True)
        ranges = [range(count) if free else (digit,) for count, free, digit in axes]
        return [other for other in product(*ranges) if other != digits]

    def singles(self, box: Box) -> list[Box]:
        """Every design of a box by itself."""
        ranges = (range(first, last + 1) for first, last in zip(box.first, box.last, strict=True))
        each = product(*ranges)
        return [Box(digits, digits) for digits in each if box.band is None or box.band.holds(digits)]

    def settings_of(self, box: Box) -> tuple[dict[str, Any], ...]:
        """The settings of a bounded box's corners; of a single design, its own."""
        found = []
        for corner in dict.fromkeys(tuple(self._digit(box, i, most) for i, most in enumerate(c)) for c in self.corners):
            choices = zip(self.space.names, self.space.choices, corner, strict=True)
            found.append({name: values[digit] for name, values, digit in choices})
        return tuple(found)

    def _digit(self, box: Box, axis: int, most: bool) -> int:
        first, last, sizes = box.first[axis], box.last[axis], self.sizes[axis]
        rises = sizes is None or sizes[last] >= sizes[first]
        return last if most == rises else first

    def split(self, box: Box) -> list[Box]:
        """The box in parts: one per choice of a setting that may not be spanned, else two along the widest setting.

        A band is left whole: its parts are those of `parts_of`.
        """
        if box.band is not None:
            return [box]
        prices, names = self._prices_alone, self.space.names
        for axis in sorted(range(len(self.sizes)), key=lambda axis: (prices[axis], is_inside(names[axis]))):
            if self.sizes[axis] is None and box.first[axis] < box.last[axis]:
                return [box.part(axis, digit, digit) for digit in range(box.first[axis], box.last[axis] + 1)]
        axis = max(range(len(self.sizes)), key=lambda axis: self._width(box, axis))
        first, last = box.first[axis], box.last[axis]
        middle = (first + last) // 2
        return [box.part(axis, first, middle), box.part(axis, middle + 1, last)]

    def _width(self, box: Box, axis: int) -> float:
        sizes, first, last = self.sizes[axis], box.first[axis], box.last[axis]
        if sizes is None or first == last:
            return -1.0
        return abs(log(sizes[last] / sizes[first]))

    def sides_of(self, box: Box) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """The settings that are the array's rows and columns, each with its choices in the box, rising."""
        found = []
        for ending in ("rows", "cols"):
            for axis, name in enumerate(self.space.names):
                if is_side(name) and name.endswith(f".{ending}") and self.sizes[axis] is not None:
                    found.append((name, tuple(sorted(self.space.choices[axis][box.first[axis] : box.last[axis] + 1]))))
        return tuple(found)


def axes_of(space: DesignSpace, prices: Callable[[Mapping[str, Any]], Any] | None) -> Axes:
    """Find out which settings of a space boxes may span, and which corners then bound a box.

    Parameters
    ----------
    space : DesignSpace
    prices : callable or None
        A design's settings to the prices with which its bounds rise, as one array. None where no box is bounded.

    Notes
    -----
    A setting may be spanned when all prices rise, fall or stay along its choices, tried twice: with everything else at
    its first choice and least, and at its last choice and largest. A corner is then needed for every way in which some
    price depends on the settings; the largest of everything is one, too, for what memories hold.

    Examples
    --------
    >>> import numpy as np
    >>> space = DesignSpace.of({"levels.GLB.capacity": ["1 KiB", "2 KiB"], "dataflow": ["ws", "os"]})
    >>> axes_of(space, lambda settings: np.array([float(str(settings["levels.GLB.capacity"])[0])])).sizes[1]
    """
    wanted = [prices is not None and _is_spanned(space, axis) for axis in range(len(space.names))]
    sizes = [tuple(_sizes(space, axis)) if wanted[axis] else None for axis in range(len(space.names))]
    _leave_few(space, sizes)
    directions: dict[int, Any] = {}
    for axis, scale in enumerate(sizes):
        if scale is None or prices is None:
            continue
        found = _direction(space, sizes, axis, prices)
        if found is None:
            sizes[axis] = None
        else:
            directions[axis] = found
    largest = tuple(scale is not None for scale in sizes)
    falls = set() if not directions else set(zip(*(directions[axis].tolist() for axis in directions), strict=True))
    patterns = {largest, (False,) * len(sizes)}  # the latter comes first when they are sorted
    for signs in falls:
        at = dict(zip(directions, signs, strict=True))
        patterns.add(tuple(at.get(axis, 0) < 0 for axis in range(len(sizes))))
    return Axes(space, tuple(sizes), tuple(sorted(patterns)))


def priced_of(space: DesignSpace, layout: Callable[[Mapping[str, Any]], Any]) -> tuple[bool, ...]:
    """Which settings change prices alone, tried with all others at their first choices.

    Parameters
    ----------
    layout : callable
        Settings to what decides which mappings there are.

    Examples
    --------
    >>> space = DesignSpace.of({"technology.voltage": ["0.9 V", "1 V"], "levels.array.rows": [2, 4]})
    >>> priced_of(space, lambda settings: settings["levels.array.rows"])
    (True, False)
    """
    return tuple(count > 1 and _is_priced(space, axis, count, layout) for axis, count in enumerate(space.shape))


def _is_priced(space: DesignSpace, axis: int, count: int, layout: Callable[[Mapping[str, Any]], Any]) -> bool:
    if is_side(space.names[axis]) or space.names[axis] == "dataflow":
        return False
    first = [0] * len(space.shape)
    try:
        found = [layout(space.settings(space.index([*first[:axis], i, *first[axis + 1 :]]))) for i in range(count)]
    except DseError:
        return False
    return found[0] is not None and all(one == found[0] for one in found[1:])


def _is_spanned(space: DesignSpace, axis: int) -> bool:
    parts = space.names[axis].split(".")
    ends = parts[2:3] if parts[0] == "levels" else []
    named = ends != [] and ends[0] in BOXED and len(space.choices[axis]) > 1
    return named and space.is_ordered(axis) and min(_sizes(space, axis)) > 0


def _leave_few(space: DesignSpace, sizes: list[tuple[float, ...] | None]) -> None:
    """Take capacities off what is spanned, as many as leave few boxes to begin with."""
    boxes = prod(len(choices) for choices, scale in zip(space.choices, sizes, strict=True) if scale is None)
    capacities = [axis for axis, scale in enumerate(sizes) if scale is not None and is_capacity(space.names[axis])]
    for axis in sorted(capacities, key=lambda axis: (space.names[axis].count("."), len(space.choices[axis]))):
        boxes *= len(space.choices[axis])
        if boxes > MANY_BOXES:
            return
        sizes[axis] = None


def _sizes(space: DesignSpace, axis: int) -> Iterable[float]:
    for value in space.choices[axis]:
        found = magnitude(value)
        assert found is not None
        yield found[1]


def _direction(
    space: DesignSpace, sizes: list[tuple[float, ...] | None], axis: int, prices: Callable[[Mapping[str, Any]], Any]
) -> Any:
    """1, -1 or 0 for every price that rises, falls or stays with a setting; None where one does neither."""
    scale = sizes[axis]
    assert scale is not None
    order = sorted(range(len(scale)), key=lambda digit: scale[digit])
    signs: Any = None
    for most in (False, True):
        digits = [_extreme(other, len(space.choices[i]), most) for i, other in enumerate(sizes)]
        try:
            rows = np.array([
                prices(space.settings(space.index([*digits[:axis], digit, *digits[axis + 1 :]]))) for digit in order
            ])  # fmt: skip
        except DseError:
            return None
        moves = np.diff(rows, axis=0)
        moves[np.abs(moves) <= ROUNDING * np.abs(rows[1:])] = 0.0
        rise, fall = (moves > 0).any(axis=0), (moves < 0).any(axis=0)
        found = rise.astype(int) - fall.astype(int)
        if (rise & fall).any() or (signs is not None and (found * signs < 0).any()):
            return None
        signs = found if signs is None else np.where(signs == 0, found, signs)
    return signs


def _extreme(scale: tuple[float, ...] | None, count: int, most: bool) -> int:
    """The position of the least or of the largest choice; the first or the last where choices have no order."""
    if scale is None:
        return count - 1 if most else 0
    return max(range(count), key=lambda digit: scale[digit] if most else -scale[digit])
