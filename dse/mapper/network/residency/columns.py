"""What a step costs at the homes and the room that it may have: columns, made when they are asked for.

Let E(h, c) be the optimum of a layer whose operands h are at home, with c bits of the home level left for its tiles. E
falls as c rises, since mapspaces nest. One search at c finds E and the bits u that its tiles use there: E is exact for
all rooms from u to c. Below u the proven bound at c is a bound. So a few searches state, for every room, a bound that
is exact in places; a room for which it is not is searched once somebody wants it.

Where several levels keep tensors, a room has bits in each of them, and is larger than another one if it is so in all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from math import inf
from operator import add as add_up
from typing import Any

from dse.mapper.answer import Answer
from dse.mapper.shared.result import Mapped
from dse.mapper.shared.stopping import Shares
from dse.problem.layer import Layer

Key = tuple[Any, ...]

ROUNDING = 1e-9
"""Relative difference of gaps that is none."""

LONGER = 1.5
"""So many times the time that it had, a search that was stopped is worth making again."""

Bits = tuple[int, ...]
"""Of each level that keeps tensors, outermost first."""

AtHome = tuple[frozenset[str], ...]
"""By level that keeps tensors, outermost first: operands at home in it; `psum` stands for the ofmap."""


def within(some: Bits, others: Bits) -> bool:
    """Whether some bits are no more than others in all levels.

    Examples
    --------
    >>> within((8, 16), (8, 32)), within((8, 16), (64, 8))
    (True, False)
    """
    return all(one <= other for one, other in zip(some, others, strict=True))


def level_of(homes: AtHome, operand: str) -> int:
    """The level in which an operand is at home, by its place among those that keep tensors; -1 for the outermost one.

    Examples
    --------
    >>> homes = frozenset({"psum"}), frozenset({"ifmap"})
    >>> [level_of(homes, operand) for operand in ("ifmap", "weight", "psum")]
    [1, -1, 0]
    """
    return next((h for h, own in enumerate(homes) if operand in own), -1)


@dataclass(frozen=True, slots=True)
class Point:
    """One mapping: its price, the bits that its tiles use of the levels that keep tensors, and what proves how good it
    is.

    Parameters
    ----------
    energy_pj, cycles : float
    least_pj, least_cycles : float
        No mapping with this room is below, in the objective's own quantity.
    bits : tuple of int
    mapped : Answer or Mapped
        Its mapping and certificate, on the architecture that `dse.model.homes.at_home` makes.
    finished : bool
        Whether no unfinished psum comes to the outermost level, or to the home that takes its place.
    """

    energy_pj: float
    cycles: float
    least_pj: float
    least_cycles: float
    bits: Bits
    mapped: Answer | Mapped | None = field(default=None, repr=False, compare=False)
    finished: bool = True

    @property
    def gap(self) -> float:
        """By which fraction it may be above the least."""
        return self.cycles / self.least_cycles - 1


@dataclass(frozen=True, slots=True)
class Way:
    """A choice of homes in a step.

    Parameters
    ----------
    homes : tuple of frozenset of str
    wide : bool
        Whether the ofmap's home takes unfinished psums, and so holds it at their width in this step.
    room : tuple of int
        Bits that are left for tiles.
    widening : tuple of int
        Bits that the ofmap takes in this step beyond what it takes later.
    """

    homes: AtHome
    wide: bool
    room: Bits
    widening: Bits


@dataclass(frozen=True, slots=True)
class Column:
    """A way to run a step.

    Parameters
    ----------
    homes : tuple of frozenset of str
    wide : bool
        Whether the ofmap's home takes unfinished psums.
    bits : tuple of int
        Room that it needs in the levels beside whole tensors: its tiles', and what the ofmap takes in this step
        beyond what it takes later.
    point : Point
    exact : bool
        Whether `point` is a mapping that fits these bits, or only what no mapping with them goes below.
    """

    homes: AtHome
    wide: bool
    bits: Bits
    point: Point
    exact: bool


@dataclass(frozen=True, slots=True)
class Solved:
    """The answer of one search: points, none where nothing fits, for the room it was given."""

    room: Bits
    points: tuple[Point, ...]
    gap: float = 0.0  # that it was asked for
    share_s: float = inf  # that it had

    @property
    def reached(self) -> float:
        """The gap that is proven: a search that was stopped may not come to the one that it was asked for."""
        return max((one.gap for one in self.points), default=0.0)

    @property
    def is_stopped(self) -> bool:
        return self.reached > self.gap * (1 + ROUNDING) + ROUNDING

    def answers(self, room: Bits, gap: float) -> bool:
        """Whether this is an answer for another room, too: all points fit, or nothing does in a larger one."""
        return within(room, self.room) and self.gap <= gap and all(within(point.bits, room) for point in self.points)

    def betters(self, other: Solved) -> bool:
        """Whether nothing of another answer, for no more room, is worth keeping beside this one."""
        return self.answers(other.room, self.gap) and not self.is_stopped


Search = Callable[[Layer, AtHome, bool, Bits, float], tuple[Point, ...]]
"""Layer, operands at home, whether the ofmap's home is wide, room in bits, and gap, to the points of its optimum."""


Bound = Callable[[Layer, AtHome], tuple[float, float]]
"""Layer and operands at home to energy and cycles that no mapping goes below in any room."""


@dataclass(slots=True)
class Columns:
    """All that is known of the layers of a network at different homes and rooms.

    Parameters
    ----------
    search : callable
        Finds the optimum for one room.
    solved : dict
        By layer, homes and width: answers, rooms rising.
    calls : int
        Of `search`.
    progress : callable, optional
        Told (calls so far, 0, name of the layer) before each.
    gap : float
        Of searches that are not asked for another.
    gap_outside : float
        Of searches with nothing at home at most: what runs with tensors at home are compared with.
    shares : Shares
        Of the time for all searches.
    bound : callable, optional
        For what was not searched.
    """

    search: Search
    progress: Callable[[int, int, str], None] | None = None
    solved: dict[Key, list[Solved]] = field(default_factory=dict)
    calls: int = 0
    gap: float = 0.0
    gap_outside: float = inf
    bounds: dict[Key, list[Cell]] = field(default_factory=dict)  # of what is solved, until more is
    shares: Shares = field(default_factory=Shares)
    bound: Bound | None = None

    def expect(self, asked: Iterable[tuple[Layer, AtHome, bool, Bits]]) -> None:
        """Share the time out among the searches that are asked for next."""
        if self.shares.deadline.is_set:
            keys = {((layer.shape_key(), homes, wide), room) for layer, homes, wide, room in asked}
            self.shares.expect(sum(not self._covered(self.solved.get(key, []), room, self.gap) for key, room in keys))

    def ask(
        self, layer: Layer, homes: AtHome, wide: bool, room: Bits, gap: float | None = None, *, again: bool = False
    ) -> None:
        """Make the answer for a room exact, within a gap: `again` where a search was stopped, too."""
        key = layer.shape_key(), homes, wide
        known = self.solved.setdefault(key, [])
        gap = self.gap if gap is None else gap
        if not any(homes):
            gap = min(gap, self.gap_outside)
        if min(room) < 0 or (not again and self._covered(known, room, gap)):
            return
        share_s = self.shares.next_s
        self.shares.to_come -= 1
        if self.progress is not None:
            self.progress(self.calls, 0, layer.name)
        may_share = level_of(homes, "psum") >= 0 and not wide and layer.finishes_narrower
        points = self._freely(layer, homes, room, gap, again=again) if may_share else None
        if points is None:
            self.calls += 1
            points = self.search(layer, homes, wide, room, gap)
        new = Solved(room, points, gap, share_s)
        before = next((one for one in known if one.room == room), None)
        if before is not None and new.is_stopped and before.reached < new.reached:  # it found less than is known
            new = replace(new, points=before.points)
        # what is proven more closely takes the place of what was answered for this or less room
        known[:] = [one for one in known if one.room != room and not (one.gap > gap and new.betters(one))]
        known.append(new)
        known.sort(key=lambda one: one.room)
        self.bounds.pop(key, None)

    def ask_closer(self, layer: Layer, column: Column, gap: float) -> None:
        """Search again, within a smaller gap, what answered with a column's point."""
        again, key = self.shares.deadline.is_set, (layer.shape_key(), column.homes, column.wide)
        last = next(one for one in self.solved[key] if column.point in one.points)
        self.ask(layer, column.homes, column.wide, last.room, min(gap, last.gap), again=again)

    def may_come_closer(self, layer: Layer, column: Column, gap: float) -> bool:
        """Whether such a search has more to say than the last one: a smaller gap was not asked for yet, or it was
        stopped, and there is much more time for it now."""
        key = layer.shape_key(), column.homes, column.wide
        last = next(one for one in self.solved[key] if column.point in one.points)
        return last.gap > gap or (self.shares.deadline.is_set and self.shares.next_s >= LONGER * last.share_s)

    def answer_of(self, layer: Layer, column: Column) -> Key:
        """Names the search that answered with a column's point: the layer, the homes, and at last the room."""
        key = layer.shape_key(), column.homes, column.wide
        return *key, next(one.room for one in self.solved[key] if column.point in one.points)

    def _freely(
        self, layer: Layer, homes: AtHome, room: Bits, gap: float, *, again: bool
    ) -> tuple[Point, ...] | None:
        """The answer where unfinished psums may come to the home, if none does: then it is that without them, too."""
        self.ask(layer, homes, True, room, gap, again=again)
        known = self.solved[layer.shape_key(), homes, True]
        points = next(one.points for one in known if one.answers(room, gap))
        return points if all(point.finished for point in points) else None

    def is_exact(self, layer: Layer, homes: AtHome, wide: bool, room: Bits) -> bool:
        return self._covered(self.solved.get((layer.shape_key(), homes, wide), []), room, self.gap)

    @staticmethod
    def _covered(known: list[Solved], room: Bits, gap: float) -> bool:
        return any(one.answers(room, gap) for one in known)

    def of(self, layer: Layer, way: Way) -> list[Column]:
        """The columns of a layer for rooms up to that of a way: exact ones, and bounds in the gaps between them.

        The rooms that were searched cut all rooms into boxes, and in each box the same searches had no less room. The
        largest of their bounds is one for the whole box, and a column of its least room.
        """
        homes, wide, found = way.homes, way.wide, list[Column]()
        key = layer.shape_key(), homes, wide
        known = self.solved.get(key, [])
        if key not in self.bounds:
            self.bounds[key] = _cells(known)
        points = {one.room: one.points for one in known}

        def add(bits: Bits, point: Point, *, exact: bool) -> None:
            needed = tuple(map(add_up, bits, way.widening))
            found.append(Column(homes, wide, needed, point, exact))

        for cell in self.bounds[key]:
            for point in points.get(cell.largest, ()):
                if within(point.bits, way.room):
                    add(point.bits, point, exact=True)
            if within(cell.least, way.room):
                for point in cell.points:
                    add(cell.least, point, exact=False)
        return found


@dataclass(frozen=True, slots=True)
class Cell:
    """A box of rooms in which the same is known.

    Parameters
    ----------
    least, largest : tuple of int
        Its corners.
    points : tuple of Point
        No mapping with such a room is better than all of them; without those that a mapping is as good as, which fits.
    """

    least: Bits
    largest: Bits
    points: tuple[Point, ...]


def _cells(known: list[Solved]) -> list[Cell]:
    """The boxes into which rooms that were searched cut all others, rooms rising.

    An answer for more room says something of a smaller one. With a gap it may say more than that one's own: a search
    that was close to its optimum, and one that was not. If it were left out, the programme could go on choosing a bound
    that no search would raise, at a room that is answered already.
    """
    if not known:
        return []
    edges = [sorted({one.room[h] for one in known}) for h in range(len(known[0].room))]
    lows = [dict(zip(edge, (0, *(bits + 1 for bits in edge)), strict=False)) for edge in edges]
    found = []
    for largest in product(*edges):
        points: list[Point] | None = None
        for one in reversed(known):
            if within(largest, one.room):
                points = list(one.points) if points is None else _above_both(one.points, points)
        if points is not None:
            least = tuple(low[bits] for low, bits in zip(lows, largest, strict=True))
            found.append(Cell(least, largest, tuple(p for p in points if not _is_reached(p, least, known))))
    return found


def _is_reached(point: Point, room: Bits, known: list[Solved]) -> bool:
    """Whether a mapping that fits a room is bounded by no more than a point."""
    return any(
        other.least_pj <= point.least_pj and other.least_cycles <= point.least_cycles and within(other.bits, room)
        for one in known for other in one.points
    )  # fmt: skip


def _above_both(points: Sequence[Point], others: Sequence[Point]) -> list[Point]:
    """What is bounded by some of these points and by some of the others; each keeps its bits."""
    pairs = sorted(
        ((max(one.least_pj, other.least_pj), max(one.least_cycles, other.least_cycles), one)
         for one in points for other in others), key=lambda pair: pair[:2],
    )  # fmt: skip
    kept: list[Point] = []
    for energy, cycles, one in pairs:
        if not kept or cycles < kept[-1].least_cycles:
            same = (energy, cycles) == (one.least_pj, one.least_cycles)
            kept.append(one if same else replace(one, least_pj=energy, least_cycles=cycles))
    return kept
