"""What a step costs at the homes and the room that it may have: columns, made when they are asked for.

Let E(h, c) be the optimum of a layer whose operands h are at home, with c bits of the home level left for its tiles. E
falls as c rises, since mapspaces nest. One search at c finds E and the bits u that its tiles use there: E is exact for
all rooms from u to c. Below u the proven bound at c is a bound. So a few searches state, for every room, a bound that
is exact in places; a room for which it is not is searched once somebody wants it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, inf
from typing import Any

from dse.architecture.architecture import Architecture
from dse.errors import InfeasibleError
from dse.mapper.answer import Answer
from dse.mapper.layer import layer_answers
from dse.mapper.shared.result import Mapped
from dse.model.cost import evaluate
from dse.model.counting.counts import count_mapping
from dse.model.counting.nest import only_finished
from dse.model.fit import held_bits
from dse.model.homes import Homes, at_home
from dse.model.mapping import Mapping, Temporal, tile_words
from dse.problem.layer import Layer

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """One mapping: its price, the bits that its tiles use of the home level, and what proves how good it is.

    Parameters
    ----------
    energy_pj, cycles : float
    least_pj, least_cycles : float
        No mapping with this room is below, in the objective's own quantity.
    bits : int
    mapped : Answer or Mapped
        Its mapping and certificate, on the architecture that `dse.model.homes.at_home` makes.
    finished : bool
        Whether no unfinished psum comes to the outermost level, or to the home that takes its place.
    """

    energy_pj: float
    cycles: float
    least_pj: float
    least_cycles: float
    bits: int
    mapped: Answer | Mapped | None = field(default=None, repr=False, compare=False)
    finished: bool = True


@dataclass(frozen=True, slots=True)
class Way:
    """A choice of homes in a step.

    Parameters
    ----------
    homes : frozenset of str
        Operands at home; `psum` stands for the ofmap.
    wide : bool
        Whether the ofmap's home takes unfinished psums, and so holds it at their width in this step.
    room : int
        Bits that are left for tiles.
    widening : int
        Bits that the ofmap takes in this step beyond what it takes later.
    """

    homes: frozenset[str]
    wide: bool
    room: int
    widening: int = 0


@dataclass(frozen=True, slots=True)
class Column:
    """A way to run a step.

    Parameters
    ----------
    homes : frozenset of str
        Operands at home; `psum` stands for the ofmap.
    wide : bool
        Whether the ofmap's home takes unfinished psums.
    bits : int
        Room that it needs in the home level beside whole tensors: its tiles', and what the ofmap takes in this step
        beyond what it takes later.
    point : Point
    exact : bool
        Whether `point` is a mapping that fits these bits, or only what no mapping with them goes below.
    """

    homes: frozenset[str]
    wide: bool
    bits: int
    point: Point
    exact: bool


@dataclass(frozen=True, slots=True)
class Solved:
    """The answer of one search: points, none where nothing fits, for the room it was given."""

    room: int
    points: tuple[Point, ...]
    gap: float = 0.0  # that it was asked for

    def answers(self, room: int, gap: float) -> bool:
        """Whether this is an answer for another room, too: all points fit, or nothing does in a larger one."""
        return room <= self.room and self.gap <= gap and all(point.bits <= room for point in self.points)


Search = Callable[[Layer, frozenset[str], bool, int, float], tuple[Point, ...]]
"""Layer, operands at home, whether the ofmap's home is wide, room in bits, and gap, to the points of its optimum."""


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
    """

    search: Search
    progress: Callable[[int, int, str], None] | None = None
    solved: dict[Key, list[Solved]] = field(default_factory=dict)
    calls: int = 0
    gap: float = 0.0
    gap_outside: float = inf
    bounds: dict[Key, list[list[Point]]] = field(default_factory=dict)  # of what is solved, until more is

    def ask(self, layer: Layer, homes: frozenset[str], wide: bool, room: int, gap: float | None = None) -> None:
        """Make the answer for a room exact, within a gap."""
        key = layer.shape_key(), homes, wide
        known = self.solved.setdefault(key, [])
        gap = self.gap if gap is None else gap
        if not homes:
            gap = min(gap, self.gap_outside)
        if room < 0 or self._covered(known, room, gap):
            return
        if self.progress is not None:
            self.progress(self.calls, 0, layer.name)
        may_share = "psum" in homes and not wide and layer.finishes_narrower
        points = self._freely(layer, homes, room, gap) if may_share else None
        if points is None:
            self.calls += 1
            points = self.search(layer, homes, wide, room, gap)
        new = Solved(room, points, gap)
        # what is proven more closely takes the place of what was answered for this or less room
        known[:] = [one for one in known if one.room != room and not (one.gap > gap and new.answers(one.room, gap))]
        known.append(new)
        known.sort(key=lambda one: one.room)
        self.bounds.pop(key, None)

    def ask_closer(self, layer: Layer, column: Column, gap: float) -> None:
        """Search again, within a smaller gap, what answered with a column's point."""
        self.ask(layer, column.homes, column.wide, self.answer_of(layer, column)[-1], gap)

    def answer_of(self, layer: Layer, column: Column) -> Key:
        """Names the search that answered with a column's point: the layer, the homes, and at last the room."""
        key = layer.shape_key(), column.homes, column.wide
        return *key, next(one.room for one in self.solved[key] if column.point in one.points)

    def _freely(self, layer: Layer, homes: frozenset[str], room: int, gap: float) -> tuple[Point, ...] | None:
        """The answer where unfinished psums may come to the home, if none does: then it is that without them, too."""
        self.ask(layer, homes, True, room, gap)
        known = self.solved[layer.shape_key(), homes, True]
        points = next(one.points for one in known if one.answers(room, gap))
        return points if all(point.finished for point in points) else None

    def is_exact(self, layer: Layer, homes: frozenset[str], wide: bool, room: int) -> bool:
        return self._covered(self.solved.get((layer.shape_key(), homes, wide), []), room, self.gap)

    @staticmethod
    def _covered(known: list[Solved], room: int, gap: float) -> bool:
        return any(one.answers(room, gap) for one in known)

    def of(self, layer: Layer, way: Way) -> list[Column]:
        """The columns of a layer for rooms up to that of a way: exact ones, and bounds in the gaps between them.

        Below the bits of a point its own values are a bound down to the next smaller room that was searched, and so
        are those of points for more room: of both, what is larger.
        """
        homes, wide, more = way.homes, way.wide, way.widening
        key, found, below = (layer.shape_key(), homes, wide), [], -1
        known = self.solved.get(key, [])
        if key not in self.bounds:
            self.bounds[key] = _bounds(known)
        for one, least in zip(known, self.bounds[key], strict=True):
            found += [Column(homes, wide, point.bits + more, point, True)
                      for point in one.points if point.bits <= way.room]  # fmt: skip
            if below + 1 <= way.room:
                found += [Column(homes, wide, below + 1 + more, point, False)
                          for point in least if below + 1 < point.bits]  # fmt: skip
            below = one.room
        return found


def _bounds(known: list[Solved]) -> list[list[Point]]:
    """By answer, rooms rising: points such that no mapping with its room is better than all of them.

    Those of an answer for more room say the same of this room. With a gap they may say more: a search that was close
    to its optimum, and one that was not. If it were left out, the programme could go on choosing a bound that no search
    would raise, at a room that is answered already.
    """
    found: list[list[Point]] = []
    for one in reversed(known):
        found.append(_above_both(one.points, found[-1]) if found else list(one.points))
    return found[::-1]


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


def searcher(
    architecture: Architecture, level: str, objective: str, factors: str, time_limit_s: float | None
) -> Search:
    """A search by ordinary calls of the mapper, each on an architecture altered for homes and room.

    Parameters
    ----------
    objective : {"energy", "latency", "front"}
        What is best of a product of sums, or within limits on sums, is any point of a layer's front.
    """

    def search(layer: Layer, operands: frozenset[str], wide: bool, room: int, gap: float) -> tuple[Point, ...]:
        homes = Homes(level, operands, room, wide)
        try:
            other = at_home(architecture, homes)
            found = layer_answers(other, layer, objective, gap=gap, factors=factors, time_limit_s=time_limit_s)
        except InfeasibleError:
            return ()
        return tuple(_point(other, level, one) for one in found)

    return search


def _point(other: Architecture, level: str, answer: Answer) -> Point:
    within, mapping = 1 + answer.solution.gap, answer.mapping
    energy, cycles = answer.energy_pj, answer.cycles
    bits = used_bits(other, level, answer.layer, mapping)
    finished = are_finished(other, answer.layer, mapping)
    return Point(energy, cycles, energy / within, cycles / within, bits, answer, finished)


def are_finished(architecture: Architecture, layer: Layer, mapping: Mapping) -> bool:
    """Whether only finished psums come to the outermost level, or psums are no wider before that.

    Examples
    --------
    >>> import dse
    >>> chip = dse.load_architecture("eyeriss")
    >>> mapped = dse.map_layer(chip, dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3))
    >>> are_finished(chip, mapped.layer, mapped.mapping)  # its psums are no wider than its ofmap
    True
    """
    if not layer.finishes_narrower:
        return True
    return bool(only_finished(0, count_mapping(layer, architecture, mapping).words))


def used_bits(architecture: Architecture, level: str, layer: Layer, mapping: Mapping) -> int:
    """Bits of a level's capacity that the tiles of a mapping take, twice where they overlap with the next.

    Examples
    --------
    >>> import dse
    >>> chip = dse.load_architecture("eyeriss")
    >>> mapped = dse.map_layer(chip, dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3))
    >>> 0 < used_bits(chip, "GLB", mapped.layer, mapped.mapping) <= chip.level("GLB").capacity_bits
    True
    """
    for index, node in enumerate(mapping.nodes):
        if isinstance(node, Temporal) and node.level == level:
            if not node.stores:
                return 0
            tile = mapping.tile(layer, index)
            widths, place = held_bits(layer, architecture, mapping, index), architecture.level(level)
            by_room = [operand for operand in node.stores if place.buffered(operand) == "room"]
            waits = evaluate(architecture, layer, mapping).waits.get(level, ()) if by_room else ()
            tiles = {o: 2 if o in by_room and o not in waits else place.tiles_of(o) for o in node.stores}
            words = {o: tiles[o] * tile_words(layer, o, tile) for o in node.stores}
            return ceil(sum(count * widths[o] for o, count in words.items())) * place.tile_share
    return 0
