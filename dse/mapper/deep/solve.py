"""The mapper on hierarchies of any depth: runs the deep search and reads its records."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from functools import cached_property, partial
from math import exp, inf
from typing import Any

import numpy as np

from dse.architecture.architecture import Architecture
from dse.architecture.parts import at_one_depth
from dse.errors import DseError
from dse.mapper.deep.bounds.best import COUNTERS, FEW, Best
from dse.mapper.deep.bounds.dominance import needed_splits
from dse.mapper.deep.bounds.finished import Returning
from dse.mapper.deep.bounds.kept import Begun, BestBefore, found_by
from dse.mapper.deep.bounds.layer_spaces import loose_levels, spaces_of, spaces_of_draft
from dse.mapper.deep.bounds.least import least_of_all
from dse.mapper.deep.bounds.roots import look_at_clock_between, root_of
from dse.mapper.deep.bounds.stages import in_stages
from dse.mapper.deep.bounds.stand_ins import has_several_lists, outer_lists, whole_of
from dse.mapper.deep.bounds.subproblem import Space
from dse.mapper.deep.coarse import is_closed_at_once, may_be_closed
from dse.mapper.deep.drafts import drafts_of
from dse.mapper.deep.fronts.slices import Stairs
from dse.mapper.deep.fronts.whole import complete, gap_of_one, points_of
from dse.mapper.deep.known import Known, deep_mapping, record_of
from dse.mapper.deep.lists import nothing_of
from dse.mapper.deep.sizes import size_of
from dse.mapper.deep.sketch.first import sketch_first
from dse.mapper.deep.splits.gathered import gathered
from dse.mapper.deep.splits.stages import next_stage, staged_axes
from dse.mapper.deep.tree.best_first import run_to_end, seek
from dse.mapper.deep.tree.branching import half_of, shares
from dse.mapper.deep.tree.earlier import begun_by, remember, remembered, taken_over
from dse.mapper.deep.tree.start import first_mappings, values_of
from dse.mapper.shared.incumbent import AT_TIME, EDP, ENERGY, FRONT, LATENCY, is_better
from dse.mapper.shared.outermost import with_room
from dse.mapper.shared.reasons import is_ruled_out
from dse.mapper.shared.reference import Reference
from dse.mapper.shared.result import Solution
from dse.mapper.shared.stopping import OutOfTimeError, TooLongError, has_limit, stopping
from dse.model.cost import evaluate
from dse.model.counting.kernel import Floats, Ints
from dse.model.price import price
from dse.problem.dims import K
from dse.problem.layer import Layer

Steps = Generator[None, None, tuple[Floats, Ints, float]]
"""A search with pauses, that returns values and records of the mappings it found, and the gap proven."""

AS_FAST = 2e-12
"""How much longer, relatively, a mapping may take that is as fast as the fastest one: rounding makes no more."""

COUNTED = ("subproblems", "splits", "combinations", "priced")
"""What a search counts, in the order of its counters."""

HINTS = {
    (OutOfTimeError, False): "no mapping is known by then; give it more time",
    (TooLongError, False): "no mapping is known; perfect factors alone (--factors perfect) may be few enough",
    (TooLongError, True): "with a limit on its time (--time-limit 10s) the search ends with the best mapping known",
}
"""What to do about a search that ends early, by whether a mapping is known."""

SHORT = 8
"""Subproblems of the search for less energy in as little time before the other points of a front are sought."""


def solve_deep(
    architecture: Architecture, layer: Layer, kind: int, gap: float, factors: str, longest: int, *,
    stop: Ints | None = None, known: Sequence[Known] = (), begun: Begun | None = None,
) -> Solution:  # fmt: skip
    """Search the whole mapspace of a layer on a hierarchy of any depth; no incumbents when nothing fits.

    Parameters
    ----------
    kind : int
        Objective: see `dse.mapper.shared.incumbent`.
    longest : int
        Room for so many points of a front.
    stop : (1,) int64 array, optional
        The search ends soon after somebody sets it to anything but zero, but not before some mapping is known; the
        answer carries the gap that is proven.
    known : sequence of Known
        Mappings that place operands together, of which the answer is no worse.
    begun : Begun, optional
        Where a search with a gap begins, see `begun_at`.
    """
    stop = np.zeros(1, dtype=np.int64) if stop is None else stop
    search = DeepSearch(architecture, layer, gap, factors, stop, begun=begun)
    for one in known:
        search.offer(one)
    if kind == FRONT:
        return search.solution(*search.front(longest, layer.name))
    return search.solution(*run_to_end(search.seek_best(kind)))


_BEGUN: OrderedDict[tuple[Any, ...], Begun | None] = OrderedDict()

MOST_BEGUN = 4_000
"""Layers of references of which it is kept where searches begin, a few kilobytes each."""


def begun_at(
    reference: Reference, layer: Layer, kind: int, gap: float, factors: str, time_limit_s: float | None
) -> Begun | None:
    """Where searches of a layer begin on designs beside a reference: what a search on the reference alone comes to.

    None where that finds nothing, or not in time. It is kept by the reference, so it takes time once.
    """
    key = (reference.digest, layer.shape_key(), kind, gap, factors)
    if key not in _BEGUN:
        _BEGUN[key] = _begun_at(reference.architecture, layer, kind, gap, factors, time_limit_s)
        if len(_BEGUN) > MOST_BEGUN:
            _BEGUN.popitem(last=False)
    return _BEGUN[key]


def _begun_at(
    architecture: Architecture, layer: Layer, kind: int, gap: float, factors: str, time_limit_s: float | None
) -> Begun | None:
    layer = architecture.lowered(layer)
    architecture = with_room(architecture, layer)
    if factors != "any" and is_ruled_out(architecture, layer, factors):
        return None  # the search might look for long where there is nothing
    with stopping(time_limit_s) as stop, suppress(OutOfTimeError):
        search = DeepSearch(architecture, layer, gap, factors, stop)
        search.least(kind, inf)
        best = search.best
        if best is not None and best.held > 0 and not stop[0]:
            return begun_by(search.spaces, best)  # made here, as the limit holds for what they take as well
    return None


def run_whole(architecture: Architecture, layer: Layer) -> None:
    """Do in a layer's first space what only long searches do: seek first mappings from the bound, exchange splits and
    compare them, halve an axis, share out the first level's children, and find and list stand-ins."""
    space = spaces_of(architecture, layer, "all")[1][0]
    if (lists := outer_lists(nothing_of(space.problem))) > 1:
        gathered(space.axes[K], lists)
        axis = staged_axes(space.problem, lists)[K]
        next_stage(space.problem, axis, np.arange(len(axis)), lists, 1)
    best = Best.knowing_nothing(ENERGY, space.problem)
    root = root_of(space, best)
    if root is not None:
        root = whole_of(root)
        next(first_mappings(root, best))
        values_of(space, best, root.columns, [0] * len(space.axes))
        needed_splits(root, best, 1)
        half_of(root, 0.0)
        shares(root, 0, best)


class DeepSearch:
    """Searches of one layer, one after another over the same spaces; see `solve_deep`.

    `alone` says that no other search puts mappings in. Then it may begin at what was best on a neighbour, as how
    long it takes decides nothing. With a gap it begins at what is the same in any order of work: see `begun_at`.
    """

    def __init__(
        self, architecture: Architecture, layer: Layer, gap: float, factors: str, stop: Ints, *, alone: bool = True,
        begun: Begun | None = None,
    ) -> None:  # fmt: skip
        self.architecture, self.gap, self.stop, self.alone, self.beside = architecture, gap, stop, alone, begun
        self.layer, self.factors = layer, factors
        self.choices, self.drafts = drafts_of(architecture, layer, factors)
        self.per_step = price(architecture, layer).cycles_per_step
        self.offered: list[tuple[Floats, Ints]] = []
        self.visited = np.zeros(COUNTERS, dtype=np.int64)
        self.best: Best | None = None  # of the search at hand
        self.energy_gap: float | None = None  # of the least latency, see `Certificate`
        # Whether one has begun at what an earlier search found, and whether none may any more.
        self.took_up = self.anew = False

    @property
    def spaces(self) -> list[Space]:
        """All of them, made when a search needs them: a first mapping is known before."""
        made, later = self._made
        while later:
            look_at_clock_between(len(self.drafts), self.best)
            made[:0] = later.pop().spaces()
        return made

    @cached_property
    def _made(self) -> tuple[list[Space], list[Returning]]:
        """The spaces that are made so far, and those that are not."""
        each = []
        for draft in self.drafts:
            look_at_clock_between(len(self.drafts), self.best)
            each.append(spaces_of_draft(draft))
        spaces = [space for some, _ in each for space in some]
        return spaces, [returning for _, returning in each if returning is not None]

    @cached_property
    def _staged(self) -> list[Space] | None:
        """The spaces with splits that are listed in stages, None where all are listed at once: as they are to begin at
        what another search found, which may be any of them."""
        return in_stages(self.drafts) if self.alone and self.beside is None and not self._is_loose else None

    @property
    def _of_front(self) -> list[Space]:
        """The spaces of a front's points; with a gap, splits are exchanged around each, and may be any."""
        return self.spaces if self.gap > 0 or self._staged is None else self._staged

    @cached_property
    def _is_loose(self) -> bool:
        return any(loose_levels(draft.architecture) for draft in self.drafts)

    def offer(self, known: Known) -> None:
        """Look only for what is better than a mapping that places operands together."""
        record = record_of(self.architecture, known.mapping, self.choices)
        draft = next(draft for draft in self.drafts if draft.mask == record[-1])
        try:
            made = {part.mask for space in self.spaces for part in space.parts or (space,)}
        except OutOfTimeError:  # nothing will be searched
            made = {draft.mask}
        # Where no psum can come back from the outermost level, nothing is searched under the first of its masks.
        record[-1] = next(mask for mask in (draft.mask, *draft.masks) if mask in made)
        energy_pj, cycles = known.energy_pj, known.cycles
        if at_one_depth(self.architecture) is not self.architecture:  # first tiles pass one part after another
            mapping = deep_mapping(self.architecture, record, self.choices[int(record[-1])])
            cost = evaluate(self.architecture, self.layer, mapping)
            energy_pj, cycles = cost.energy_pj, cost.cycles
        values = np.array([energy_pj, cycles / self.per_step])
        self.offered.append((values, record))
        best = self.best
        if best is None or values[1] >= best.until:
            return
        if best.held == 0 or is_better(best.kind, tuple(values), tuple(best.values[0])):
            best.values[0], best.records[0], best.held = *self.offered[-1], 1

    def _first_spaces(self) -> tuple[list[Space], list[Returning]]:
        """The spaces that a search begins with, and those in which psums come back, if they can wait.

        They can with a gap, as they are seldom made then, and where no mapping of theirs is given.
        """
        given = () if self.beside is None else (self.beside.found.mask,)
        may_wait = self.gap > 0 and self.alone and not self.offered
        return self._made if may_wait and {draft.mask for draft in self.drafts}.isdisjoint(given) else (self.spaces, [])

    def solution(self, values: Floats, records: Ints, proven: float) -> Solution:
        visited = tuple(int(x) for x in self.visited[:4])
        size = partial(size_of, self.architecture, self.layer, self.factors)
        return Solution(
            values * (1.0, self.per_step), records, tuple(self.choices), visited, size, proven, COUNTED, self.energy_gap
        )

    def least(self, kind: int, until: float) -> tuple[Floats, Ints, float]:
        """The best by energy, latency or their product among mappings faster than `until`, and the gap proven."""
        return run_to_end(self._seek(kind, until))

    def seek_best(self, kind: int) -> Steps:
        """The best mapping, with a pause after every subproblem; of the fastest ones, one of the least energy."""
        return self._whatever_was_before(partial(self._seek_best, kind))

    def _whatever_was_before(self, search: Callable[[], Steps]) -> Steps:
        """A search, from nothing once more where mappings take no energy: the first of those that cost nothing is the
        answer, as no bound tells them apart, and which one that is depends on where the search begins."""
        values, records, proven = yield from search()
        if self.took_up and (values[:, 0] == 0.0).any() and not self.stop[0]:
            self.anew = True
            values, records, proven = yield from search()
        return values, records, proven

    def _seek_best(self, kind: int) -> Steps:
        values, records, proven = yield from self._seek(kind, inf)
        if kind == LATENCY and len(values):
            if self.stop[0]:  # of energy nothing was looked at
                self.energy_gap = max(self.gap, _above(float(values[0, 0]), least_of_all(self.drafts, ENERGY)))
                return values, records, proven
            known = [(values[0], records[0])]
            as_fast = float(values[0, 1]) * (1 + AS_FAST)
            values, records, self.energy_gap = yield from self._seek(ENERGY, as_fast, known=known)
        return values, records, proven

    def _seek(self, kind: int, until: float, known: Sequence[tuple[Floats, Ints]] = ()) -> Steps:
        """`least` with a pause after every subproblem.

        Parameters
        ----------
        known : sequence of pairs of arrays
            Values and records of mappings, which only better ones replace.
        """
        problem = self.drafts[0].problem
        best = Best.knowing_nothing(kind, problem, gap=self.gap, until=until, visited=self.visited, stop=self.stop)
        at_hand = [point for point in [*self.offered, *known] if point[0][1] < until]
        if at_hand:
            values, record = min(at_hand, key=lambda point: _value(kind, point[0]))
            best.values[0], best.records[0], best.held = values, record, 1
        self.best = best
        # What a search with a gap ends with depends on where it begins, so that must not be what was searched before.
        may_begin = self.alone and until == inf and not self.offered and not self._is_loose
        alike = may_begin and self.gap == 0 and not (len(self.drafts) > FEW and has_limit())  # they take long to make
        found: list[BestBefore] = []
        if alike and not self.anew and any(found_by(draft.problem) for draft in self.drafts):
            with suppress(OutOfTimeError):
                found = remembered(self.spaces, kind)
            self.took_up |= bool(found)
        if may_begin and self.gap > 0 and self.beside is not None:
            with suppress(OutOfTimeError):
                found, best.start_weights = taken_over(self._first_spaces()[0], self.beside), self.beside.weights
        if best.held == 0 and until == inf and not found:
            coarse = best.gap > 0 and may_be_closed(self.drafts)
            sketch_first(self.drafts, best, soon=coarse)
            # For the least latency what is to find is less than a thousandth faster.
            many = (self.gap == 0 or coarse) and kind != LATENCY and has_several_lists(problem)
            best.sketched = many and best.held > 0
            with suppress(OutOfTimeError):
                if coarse and is_closed_at_once(self.drafts, best):
                    return best.values[: best.held], best.records[: best.held], self.gap
        try:
            if best.held > 0 and not found and self._staged is not None:
                left = yield from seek(self._staged, [], best)
            else:
                left = yield from seek(*self._first_spaces(), best, found)
                if alike and best.held > 0 and not self.stop[0]:
                    remember(self.spaces, best)
        except OutOfTimeError as over:
            self._end_early(over, best.held > 0)
            left = max(best.open, least_of_all(self.drafts, kind))
        proven = self.gap
        if best.held > 0 and self.stop[0]:
            proven = max(self.gap, _above(_value(kind, best.values[0]), left))
        return best.values[: best.held], best.records[: best.held], proven

    def _end_early(self, over: OutOfTimeError, knows: bool) -> None:
        """End the search before its tables are made, where that is what was asked for and a mapping is known."""
        if not knows or (isinstance(over, TooLongError) and not has_limit()):
            raise type(over)(f"layer {self.layer.name}: {over.message}", hint=HINTS[type(over), knows])
        self.stop[0] = max(self.stop[0], AT_TIME)

    def front(self, longest: int, name: str) -> tuple[Floats, Ints, float]:
        """Least energies under ever shorter times."""
        return run_to_end(self.seek_front(longest, name))

    def seek_front(self, longest: int, name: str) -> Steps:
        """`front` with a pause after every subproblem: its ends first, and then all between them together."""
        return self._whatever_was_before(partial(self._seek_front, longest, name))

    def _seek_front(self, longest: int, name: str) -> Steps:
        values, records, worst = yield from self._seek(ENERGY, inf)
        if len(values) == 0:
            return values, records, worst
        stairs = Stairs(np.zeros((longest, 2)), np.zeros((longest, records.shape[1]), dtype=np.int64))
        cheapest, slowest = float(values[0, 0]) / (1 + worst), (values[0], records[0])
        # What takes less energy and as much time, or little more, is sought with the others.
        values, records, proven = yield from self._seek(LATENCY, inf, known=[slowest] if self.gap > 0 else [])
        fewest = float(values[0, 1]) / (1 + proven)
        fastest = values[0], records[0]
        with suppress(OutOfTimeError):
            if self.gap == 0 and not self.stop[0] and sum(len(rows) > 1 for rows in self._of_front[0].rows) <= 2:
                fastest = self._less_energy(*fastest)
        for value, record in (slowest, fastest, *self.offered):
            stairs.add(value, record)
        best = Best(ENERGY, self.gap, inf, values, records, self.visited, self.stop)
        try:
            between = yield from complete(self._of_front, best, stairs, fewest)
        except OutOfTimeError as over:
            self._end_early(over, True)
            between = inf
        if stairs.held < 0:
            raise DseError(f"layer {name}: the front has more than {longest} points")
        if between > self.gap:
            between = min(between, gap_of_one(stairs, cheapest, fewest))
        return *points_of(stairs), max(worst, between)

    def _less_energy(self, values: Floats, records: Ints) -> tuple[Floats, Ints]:
        """A mapping as fast as the fastest one, after a short search for less energy: its own does not look at any."""
        steps = self._seek(ENERGY, float(values[1]) * (1 + AS_FAST), known=[(values, records)])
        for _ in zip(range(len(self._of_front) + SHORT), steps, strict=False):
            pass
        best = self.best
        assert best is not None
        return best.values[0].copy(), best.records[0].copy()


def _above(value: float, least: float) -> float:
    """How far a value is above the least one, whose logarithm is given, as a fraction of that."""
    return value / exp(least) - 1


def _value(kind: int, point: Floats) -> float:
    energy, time = (float(x) for x in point)
    return {ENERGY: energy, LATENCY: time, EDP: energy * time}[kind]
