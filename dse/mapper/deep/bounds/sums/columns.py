"""Which factors of the axes' tables the terms have once some lists are laid down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import log

import numpy as np

from dse.mapper.deep.bounds.sums.crossings import Crossing, Term
from dse.mapper.deep.lists import ANY_SLIDE, IRRELEVANT, NO_SLIDE, NO_TRIPS, SLIDING, ListChoice
from dse.mapper.deep.splits.axes import AXES, Axis, Key
from dse.mapper.deep.splits.halo import Slide, Slides
from dse.model.counting.kernel import Floats, Ints
from dse.problem.dims import IFMAP, PSUM, WEIGHT, P, Q
from dse.problem.layer import touched_rows

ByAxis = tuple[tuple[int, Slides], ...]
"""Axes that the ifmap may slide on, each with how it may."""

Run = tuple[int, ByAxis]
"""Lists that repeat a crossing's transfers, and how the ifmap may slide."""

ONCE: Slides = (Slide(0, 0, -1, False),)
"""How the ifmap slides where each word counts once, whatever loops there are."""

STAYING = (WEIGHT, PSUM)
"""The operand that stays over each of the two dims of an axis on which the ifmap slides."""

Columns = tuple[Floats, Ints, Ints]
"""(T,) logarithms of the terms' coefficients with all factors that are the same in every mapping; (T, 6) columns of the
words' factors; (T, 6) columns of the instances in use."""

Laid = tuple[ListChoice | None, ...]
"""What is laid down about each list above the innermost level's."""

Words = tuple[Ints, Floats]
"""(views, 6) columns of the factors of each view's words; (views,) logarithms of the factors that all splits share."""


def run_of(operand: int, child: int, levels: int, choices: Laid) -> Run:
    """How many lists repeat a crossing's transfers at least, and how the ifmap may slide on each axis."""
    return (levels, ()) if child == levels else _run(operand, choices[:child])


@lru_cache(maxsize=100_000)
def _run(operand: int, choices: Laid) -> Run:
    """The same, by what is laid down about all lists outside the crossing's child.

    A list of which nothing is known (None) may keep the operand in place, and may have nothing that moves it; so may
    one of which no more is known than that this operand stays. In one in which another stays the ifmap may slide.
    """
    if not choices:
        return 0, ()
    outer, choice = choices[:-1], choices[-1]
    if choice is None or (choice.partial and choice.kind == operand):
        anywhere = tuple(Slide(which, 0, len(outer), False) for which in (0, 1))
        return _run(operand, outer)[0], ((P, anywhere), (Q, anywhere)) if operand == IFMAP else ()
    if not _moves(operand, choice):
        return _run(operand, outer)
    axes = (P, Q) if choice.partial else (choice.slide,) if choice.slide != NO_SLIDE else ()
    slides = tuple((a, _slides(outer, choice, a)) for a in axes) if operand == IFMAP else ()
    return len(outer) + int(choice.kind != operand), slides


def _slides(outer: Laid, choice: ListChoice, a: int) -> Slides:
    """How the ifmap may slide on an axis over a loop of a list, and of those outside that may be one with it."""
    return tuple(Slide(which, _begin(outer, choice, a, which), len(outer), True) for which in SLIDING[choice.kind])


def _begin(outer: Laid, choice: ListChoice, a: int, which: int) -> int:
    """The outermost list whose loop over a dim may be one with that in the next list, which has a given choice.

    Loops over the same dim are one where nothing stands between: neither another loop of the list, which there is where
    it is said to have loops over dims of an operand that stays and lacks this dim, nor one that stands innermost in the
    next list outwards.
    """
    begin = len(outer)
    for i in range(len(outer) - 1, -1, -1):
        if choice.kind != IFMAP and choice.passing is False:
            return begin
        one = outer[i]
        if one is None:
            return 0
        if one.kind == NO_TRIPS:
            continue
        if one.kind != STAYING[which]:
            return begin
        if one.partial:
            return 0
        if one.slide != a:
            return begin
        begin, choice = i, one
    return begin


def _anywhere(slides: Slides, lists: int) -> Slides:
    """The same where what is in the last of so many outermost lists may be in any of them."""
    return tuple(Slide(one.which, 0, lists - 1, False) if one.last == lists - 1 else one for one in slides)


def _moves(operand: int, choice: ListChoice | None) -> bool:
    """Whether a list is known to move an operand, or to repeat what moves it."""
    if choice is None or choice.kind == NO_TRIPS:
        return False
    return choice.kind != operand or not (choice.partial or choice.passing)


def _may_repeat(level: int, choice: ListChoice | None) -> bool:
    """Whether a list may repeat psums, or have a loop that moves them inside loops of a list further out."""
    if choice is None or choice.kind not in (NO_TRIPS, PSUM):
        return True
    return level > 0 and choice.kind == PSUM and not choice.passing


@dataclass(frozen=True, slots=True)
class FactorPlaces:
    """Where the terms of a space find their factors, but for what lists laid down decide.

    Parameters
    ----------
    logs : (T,) float
        Logarithms of the coefficients.
    first, second : (T, 6) int64
        Columns of the axes' tables: of tiles, steps and children; of the instances in use.
    of_crossings : (*,) int64
        Terms of the words of crossings.
    crossings, views : (*,) int64
        The crossing and the view of each of these.
    """

    logs: Floats
    first: Ints
    second: Ints
    of_crossings: Ints
    crossings: Ints
    views: Ints

    def at(self, logs: Floats) -> FactorPlaces:
        """The same with other coefficients."""
        return FactorPlaces(logs, self.first, self.second, self.of_crossings, self.crossings, self.views)


def places_of(terms: list[Term], axes: list[Axis]) -> FactorPlaces:
    in_use = {used: [axis.column(("idle", used)) if used > 0 else 0 for axis in axes]
              for used in sorted({term.used for term in terms})}  # fmt: skip
    tiles: dict[tuple[tuple[int, Key], ...], list[int]] = {(): [0] * len(axes)}
    for term in terms:
        if term.extra not in tiles:
            columns = dict.fromkeys(range(len(axes)), 0) | {a: axes[a].column(key) for a, key in term.extra}
            tiles[term.extra] = list(columns.values())
    first = np.array([tiles[term.extra] for term in terms], dtype=np.int64)
    second = np.array([in_use[term.used] for term in terms], dtype=np.int64)
    logs = np.log([term.coefficient for term in terms])
    mine = [(row, term.crossing, term.view) for row, term in enumerate(terms) if term.crossing >= 0]
    of_crossings, crossings, views = np.array(mine, dtype=np.int64).reshape(-1, 3).T.copy()
    return FactorPlaces(logs, first, second, of_crossings, crossings, views)


def words_of(crossing: Crossing, axes: list[Axis], run: Run) -> Words:
    """What the words of a crossing's views are products of, and the counts behind them."""
    lists, slides = run[0], dict(run[1])
    counts = len(crossing.views) + 2 * crossing.folds
    columns, scales = np.zeros((counts, 6), dtype=np.int64), np.zeros(counts)
    for view, fans in enumerate(crossing.views):
        for a, axis in enumerate(axes):
            for d, bound in zip(axis.dims, axis.bounds, strict=True):
                if d in IRRELEVANT[crossing.operand]:
                    columns[view, a] = axis.column(("count", d, lists, fans))
                elif len(AXES[a]) == 1 or crossing.operand != IFMAP:
                    scales[view] += log(bound)
            if len(AXES[a]) > 1 and crossing.operand == IFMAP:
                joined = crossing.views[0] & ~fans
                if slides.get(a) == ONCE:
                    scales[view] += log(touched_rows(axis.bounds[0], axis.stride, axis.bounds[1], axis.dilation))
                    continue
                columns[view, a] = axis.column(("boxes", crossing.child, joined, crossing.mode, slides.get(a, ())))
    for a, axis in enumerate(axes) if crossing.folds else ():
        # Loops that the operand has not repeat it where they stand outside one that it has, as all others do.
        each = tuple(lists if d in IRRELEVANT[crossing.operand] else crossing.child for d in axis.dims)
        columns[crossing.changes, a] = axis.column(("changes", *each))
        columns[crossing.steps_per_change, a] = axis.column(("steps_per_change", *each))
    return columns, scales


class Pool:
    """What `words_of` has of the crossings of a problem, each with all that was laid down so far, one after another.

    Parameters
    ----------
    crossings : list of Crossing
    axes : list of Axis
    levels : int
        How many the problem has.
    returning : bool
        Whether some list repeats psums, as these come back from the outermost level in all mappings that count.
    """

    def __init__(self, crossings: list[Crossing], axes: list[Axis], levels: int, returning: bool = False) -> None:
        self.crossings, self.axes, self.levels, self.returning = crossings, axes, levels, returning
        self._others: Pool | None = None
        # Axes without a window: tiles have no word in common, and with a stride of one all words are in some tile.
        self._apart: dict[int, Slides] = {
            a: ONCE if axes[a].stride == 1 else () for a in (P, Q) if axes[a].bounds[1] == 1
        }  # fmt: skip
        self._begins: dict[tuple[int, Run], int] = {}
        self._laid: dict[Laid, list[int]] = {}
        self._outside: dict[tuple[int, Laid], list[int]] = {}
        self._by_child = {one.child: [k for k, each in enumerate(crossings) if each.child == one.child]
                          for one in crossings}  # fmt: skip
        self._columns, self._scales, self._size = np.zeros((64, 6), dtype=np.int64), np.zeros(64), 0

    def of(self, returning: bool) -> Pool:
        """The same, of mappings in which psums come back or of any; of both there is one."""
        if returning == self.returning:
            return self
        if self._others is None:
            self._others = Pool(self.crossings, self.axes, self.levels, returning)
            self._others._others = self
        return self._others

    def run(self, crossing: int, choices: Laid) -> Run:
        """See `run_of`; where psums come back, the outermost list repeats them at least.

        While nothing is known of the list right inside the children either, loops may stand there as well as outside.
        So the ifmap's words count once then, if no fan-out stands outside the children. Where there is no window,
        nothing slides, and larger tiles have no fewer words.
        """
        one = self.crossings[crossing]
        if one.operand == IFMAP and one.views[0] == 0 and None in choices[one.child : one.child + 1]:
            return 0, self._over_windows(((P, ONCE), (Q, ONCE)))
        lists, slides = run_of(one.operand, one.child, self.levels, choices)
        if one.operand == IFMAP:
            slides = self._over_windows(slides)
        return (max(1, lists) if self.returning and one.operand == PSUM else lists), slides

    def _over_windows(self, slides: ByAxis) -> ByAxis:
        """How the ifmap may slide on each axis, but for those without a window."""
        return tuple({**dict(slides), **self._apart}.items()) if self._apart else slides

    def is_possible(self, choices: Laid) -> bool:
        """Whether there may be mappings with some lists laid down: where psums come back, some list repeats them."""
        child = next(one.child for one in self.crossings if one.operand == PSUM)
        return not self.returning or child == self.levels or any(map(_may_repeat, range(child), choices))

    def begin(self, crossing: int, choices: Laid) -> int:
        """Where what the words of a crossing's views are products of begins, with some lists laid down."""
        return self._begin(crossing, self.run(crossing, choices))

    def _begin(self, crossing: int, run: Run) -> int:
        begin = self._begins.get((crossing, run))
        return self._add(crossing, run) if begin is None else begin

    def _add(self, crossing: int, run: Run) -> int:
        columns, scales = words_of(self.crossings[crossing], self.axes, run)
        begin, self._size = self._size, self._size + len(scales)
        if self._size > len(self._scales):
            self._columns = np.concatenate([self._columns, np.zeros((self._size, 6), dtype=np.int64)])
            self._scales = np.concatenate([self._scales, np.zeros(self._size)])
        self._columns[begin : self._size], self._scales[begin : self._size] = columns, scales
        self._begins[crossing, run] = begin
        return begin

    def words(self, crossing: int, choices: Laid) -> Words:
        """What the words of a crossing's views are products of, with some lists laid down."""
        begin, one = self.begin(crossing, choices), self.crossings[crossing]
        every = slice(begin, begin + len(one.views) + 2 * one.folds)
        return self._columns[every], self._scales[every]

    def begins(self, each: Iterable[Laid]) -> Ints:
        """(m, crossings) where each crossing's words begin, with lists laid down in each of m ways."""
        return np.array([self._laid.get(choices) or self._begins_of(choices) for choices in each])

    def begins_of_innermost(self, operand: int, lists: int, choices: Laid) -> list[int]:
        """The same where no more is known of the outermost lists than the operand that stays in the innermost of them
        that has loops, whichever that is.

        Parameters
        ----------
        operand : int
            `NO_TRIPS` where none has any.
        lists : int
            How many, up to the last of which `choices` say nothing.
        """
        empty, nothing = ListChoice(NO_TRIPS), choices[:lists]
        outer = (empty,) * lists if operand == NO_TRIPS else (*nothing[:-1], ListChoice(operand, ANY_SLIDE, None))
        laid = *outer, *choices[lists:]
        begins = []
        for k, one in enumerate(self.crossings):
            if lists <= one.child < self.levels:
                count, slides = self.run(k, laid)
                begins.append(self._begin(k, (count, tuple((a, _anywhere(each, lists)) for a, each in slides))))
            else:  # loops stand inside the child as well, or it has all of them outside
                begins.append(self.begin(k, choices))
        return begins

    def _begins_of(self, choices: Laid) -> list[int]:
        self._laid[choices] = begins = [0] * len(self.crossings)
        for child, mine in self._by_child.items():
            # What is laid down further in changes nothing: lists outside a crossing's child are all that counts, and
            # whether anything is known of the one right inside.
            outside = choices[: child + 1] if child < self.levels else ()
            known = self._outside.get((child, outside))
            if known is None:
                known = self._outside[child, outside] = [self.begin(k, choices) for k in mine]
            for k, begin in zip(mine, known, strict=True):
                begins[k] = begin
        return begins

    def same(self, places: FactorPlaces, one: Ints, other: Ints) -> bool:
        """Whether terms have the same factors by words that begin in one place or in another, see `begins`."""
        if np.array_equal(one, other):
            return True
        at, to = (begins[places.crossings] + places.views for begins in (one, other))
        alike = np.array_equal(self._columns[at], self._columns[to])
        return alike and np.array_equal(self._scales[at], self._scales[to])

    def of_terms(self, places: FactorPlaces, begins: Ints) -> tuple[Floats, Ints]:
        """(m, T) logarithms of the words' factors that are the same in every mapping; (m, T, 6) columns of the others.

        Parameters
        ----------
        begins : (m, crossings) int64
        """
        at = begins[:, places.crossings] + places.views
        scales = np.zeros((len(begins), len(places.logs)))
        first = np.repeat(places.first[None], len(begins), axis=0)
        scales[:, places.of_crossings] = self._scales[at]
        first[:, places.of_crossings] = self._columns[at]
        return scales, first
