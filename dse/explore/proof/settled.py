"""Boxes on the way to being settled, and settled ones."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf

from dse.explore.proof.bounding.bounds import DesignBound
from dse.explore.proof.boxes.box import Box
from dse.explore.proof.staircase import Staircase

RULED_OUT, INFEASIBLE, OPEN, WITHIN, EVALUATED = "ruled out", "infeasible", "open", "within the gap", "evaluated"

ROUNDING = 1e-12
"""Relative difference below which a bound is matched."""


def state_of(short: float, wanted: float) -> str:
    """What is said of designs whose bounds are matched within `short`, where a gap is wanted.

    Examples
    --------
    >>> [state_of(short, 0.01) for short in (0.0, 0.005, 0.02)]
    ['ruled out', 'within the gap', 'open']
    """
    return RULED_OUT if short <= ROUNDING else WITHIN if short <= wanted else OPEN


@dataclass(frozen=True, slots=True)
class Settled:
    """A box whose designs are settled, or left open, and why.

    Parameters
    ----------
    box : Box
    state : {"ruled out", "infeasible", "within the gap", "open", "evaluated"}
    bound : DesignBound
    short : float
        The least fraction by which its bounds must rise to be matched by an evaluated design.
    searched : bool
        A design whose mappings were searched for one that evaluated designs do not match, not only its bounds.
    """

    box: Box
    state: str
    bound: DesignBound
    short: float = 0.0
    searched: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A box that is not settled; the farther from what is known, the earlier in order.

    `searched` tells of a design that is nearer than its bound says: its mappings were searched, see `Settled`.
    """

    short: float
    number: int
    box: Box
    bound: DesignBound
    searched: bool = False

    def __lt__(self, other: Entry) -> bool:
        return (-self.short, self.number) < (-other.short, other.number)


ALIKE = 0.5
"""A design is not solved together with another one which, if it reaches its bounds, leaves less than this part of how
far it is."""


class Hopes:
    """What some designs reach if they reach their bounds.

    Examples
    --------
    >>> first, alike, other = (Entry(0.1, i, Box((i,), (i,)), DesignBound(*b)) for i, b in enumerate(
    ...     [(2.0, 2.0, 4.0), (2.0, 1.99, 3.99), (1.0, 3.0, 4.0)]))
    >>> hopes = Hopes(Staircase(("energy", "latency"), 1.0))
    >>> hopes.add(first)
    >>> hopes.match(alike), hopes.match(other)
    (True, False)
    """

    def __init__(self, known: Staircase) -> None:
        self._reached = Staircase(known.objectives, known.weight)

    def match(self, entry: Entry) -> bool:
        """Whether they leave little of how far another one is."""
        return self._reached.short_of(entry.bound) < ALIKE * entry.short

    def add(self, entry: Entry) -> None:
        """Count a design among them."""
        if entry.short < inf:
            self._reached.add([(entry.bound.energy_pj, entry.bound.latency_s)], entry.bound.area_mm2)


@dataclass(slots=True)
class Queue:
    """Boxes that are not settled, the farthest first. Bands of the same arrays' box are known as such.

    Examples
    --------
    >>> queue = Queue()
    >>> for number, short in enumerate((0.1, 0.3, 0.2)):
    ...     queue.push(Entry(short, number, Box((number,), (number,)), DesignBound()))
    >>> queue.farthest, queue.pop().number, len(queue)
    (0.3, 1, 2)
    """

    _heap: list[Entry] = field(default_factory=list)
    _bands: dict[tuple[int, ...], dict[int, Entry]] = field(default_factory=dict)
    _gone: set[int] = field(default_factory=set)  # of the heap's entries, those that were taken beside another

    def __len__(self) -> int:
        return len(self._heap) - len(self._gone)

    def __iter__(self) -> Iterator[Entry]:
        return (entry for entry in self._heap if entry.number not in self._gone)

    @property
    def farthest(self) -> float:
        """How far the farthest is, as far as is known; below 0 when there is none."""
        self._forget_gone()
        return self._heap[0].short if self._heap else -1.0

    def push(self, entry: Entry) -> None:
        """Enter a box."""
        heapq.heappush(self._heap, entry)
        if entry.box.band is not None:
            self._bands.setdefault(beside_arrays(entry.box), {})[entry.number] = entry

    def pop(self) -> Entry:
        """Take the farthest."""
        self._forget_gone()
        entry = heapq.heappop(self._heap)
        if entry.box.band is not None:
            del self._bands[beside_arrays(entry.box)][entry.number]
        return entry

    def others_of(self, box: Box) -> list[Entry]:
        """The other bands of the box that a band is of."""
        return list(self._bands.get(beside_arrays(box), {}).values())

    def take(self, entry: Entry) -> None:
        """Take a band that need not be the farthest."""
        del self._bands[beside_arrays(entry.box)][entry.number]
        self._gone.add(entry.number)

    def _forget_gone(self) -> None:
        while self._heap and self._heap[0].number in self._gone:
            self._gone.remove(heapq.heappop(self._heap).number)


def beside_arrays(box: Box) -> tuple[int, ...]:
    """The intervals of a band, but for those of the array's sides."""
    assert box.band is not None
    return tuple(
        place for axis, both in enumerate(zip(box.first, box.last, strict=True)) if axis not in box.band.axes
        for place in both
    )  # fmt: skip


def joined_with(last: Settled, new: Settled) -> Settled | None:
    """Two neighbours along the last setting that differs as one box with the least of their bounds, if settled alike.

    What rules out each of both need not rule out the box: that is to be seen by its bound.

    Examples
    --------
    >>> first, second = (Settled(Box((0, i), (0, i)), RULED_OUT, DesignBound(5.0, 2.0)) for i in (3, 4))
    >>> joined_with(first, second).box
    Box(first=(0, 3), last=(0, 4), band=None)
    """
    differ = [i for i, (a, b) in enumerate(zip(last.box.last, new.box.first, strict=True)) if a != b]
    follows = len(differ) == 1 and new.box.first[differ[0]] == last.box.last[differ[0]] + 1
    spanned = [i for i, (a, b) in enumerate(zip(last.box.first, last.box.last, strict=True)) if a != b]
    too_large = all(one.bound.infeasible.startswith("area of ") for one in (last, new))
    alike = last.state == new.state and (last.state == RULED_OUT or last.bound == new.bound or too_large)
    if not follows or not alike or spanned not in ([], differ) or last.box.band or new.box.band:
        return None
    box = last.box.part(differ[0], last.box.first[differ[0]], new.box.first[differ[0]])
    return Settled(box, last.state, last.bound.least(new.bound))
