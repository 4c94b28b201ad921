"""The literal loop-nest simulator: it walks every index tuple, keeps sets of words in every buffer, and counts.

This is the definition of every access count. It shares nothing with the closed form but the types of its arguments
and of its result, and it is meant for small layers: its time grows with the MACs.

Notes
-----
The walk goes through the temporal loops in order. Before the MACs of a step work, each boundary (`Boundary`: an
operand, a level that keeps it, and the next level inside, or the MACs) may move words. An ifmap's or weight's buffer
holds the words of its tile; a psum's buffer holds those words of its tile that carry a partial sum by now, or will
by the end of the visits going on. A psum is finished when no MAC adds to it any more and it is the whole sum, not the
part of one child: `latest` holds what each psum has passed since a MAC, or another child's part, was last added to it,
and what is there at the end were passings of finished psums. The walk checks that a parent has what it hands over, that
a MAC has the operands of its own multiplication, and that each psum a child owes its parent was computed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from operator import lt

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import Level
from dse.model.accesses import Accesses, Crossing, Traffic, added_up
from dse.model.mapping import Mapping, Temporal
from dse.model.simulator.nest import (
    ORIGIN,
    Boundary,
    Indices,
    Offset,
    Position,
    Word,
    Words,
    boundaries,
    existing,
    placed_loops,
    plus,
    tile_words,
)  # fmt: skip
from dse.problem.dims import OPERANDS
from dse.problem.layer import Layer

WEAKEST_FIRST = ("none", "tile", "word")

MOST_REMEMBERED = 2_000_000
"""Words of tiles that are remembered, so that they need not be made again each time."""


class WalkStoppedError(Exception):
    """A walk was told to stop: all of its own checks held on the first `macs` MACs."""

    def __init__(self, macs: int) -> None:
        super().__init__(f"stopped after {macs} MACs")
        self.macs = macs


def simulate(
    layer: Layer, architecture: Architecture, mapping: Mapping, *, stop: Callable[[], bool] | None = None,
    _slide: bool = True,
) -> Accesses:  # fmt: skip
    """Count the accesses of a layer by walking its loop nest.

    Parameters
    ----------
    layer : Layer
    architecture : Architecture
    mapping : Mapping
    stop : callable, optional
        Asked before every step whether to stop.
    _slide : bool
        False fetches whole tiles where words would slide: a deliberate error, for tests that must notice it.

    Returns
    -------
    Accesses
        In elements of each operand, all instances of a level together.

    Raises
    ------
    MappingError
        If the mapping does not fit the hierarchy or does not cover the layer.
    WalkStoppedError
        If it was told to stop.

    Examples
    --------
    >>> import dse
    >>> from dse.model.counting.counts import count
    >>> chip, layer = dse.load_architecture("eyeriss"), dse.Layer("fc", K=2, C=3)
    >>> mapping = dse.Mapping.from_dict([
    ...     {"level": "DRAM", "stores": ["ifmap", "weight", "psum"], "loops": [["K", 2], ["C", 3]]},
    ...     {"level": "GLB", "stores": ["ifmap", "psum"], "loops": []},
    ...     {"fan_out": "array", "rows": [], "cols": []},
    ...     {"level": "PE", "stores": ["ifmap", "weight", "psum"], "loops": []},
    ... ])
    >>> simulate(layer, chip, mapping) == count(layer, chip, mapping)
    True
    """
    architecture = mapping.machine(architecture)
    mapping.check(architecture, layer)
    walk = _Walk(layer, architecture, mapping, _slide)
    temporal = [loop for loop in placed_loops(mapping) if isinstance(mapping.nodes[loop.node], Temporal)]
    for indices, offset in existing(temporal, layer.bounds):
        if stop is not None and stop():
            raise WalkStoppedError(walk.macs)
        walk.step(indices, offset)
    walk.end_visits(walk.boundaries)
    return walk.accesses()


class _Walk:
    """The state of a walk: what all buffers hold, and the counts so far."""

    def __init__(self, layer: Layer, architecture: Architecture, mapping: Mapping, slide: bool) -> None:
        self.layer, self.architecture, self.slide = layer, architecture, slide
        self.bounds = layer.bounds
        self.boundaries = boundaries(layer, architecture.hierarchy, mapping)
        self.mac = len(mapping.nodes)
        self.mac_places = self.boundaries[-1].children
        self.before: Indices | None = None
        # What every instance of every keeper holds now, by operand and node; the MACs hold what they work on.
        self.held: dict[tuple[str, int], dict[Position, set[Word]]] = {
            (b.operand, b.child): {} for b in self.boundaries
        }
        for operand in OPERANDS:
            everything = set() if operand == "psum" else set(tile_words(layer, operand, ORIGIN, self.bounds))
            self.held[operand, 0] = {(): everything}
        self.due: dict[int, set[tuple[Position, Word]]] = {}  # psums owed to a parent by the visits going on, by child
        self.tiles: dict[tuple[str, Offset, Offset], Words] = {}
        self.remembered = 0  # words in all of `tiles`
        self.steps = self.macs = 0
        self.reads: Counter[tuple[int, str]] = Counter()  # by node and operand
        self.writes: Counter[tuple[int, str]] = Counter()
        self.delivered: Counter[tuple[str, str]] = Counter()  # by fan-out and operand
        self.hops: Counter[tuple[str, str]] = Counter()
        # The places (node; read or written) that a psum has passed with the sum that it has now, by node and instance.
        self.latest: dict[tuple[int, Position], dict[Word, tuple[tuple[int, str], ...]]] = {}

    def step(self, indices: Indices, offset: Offset) -> None:
        """Move what this step moves, then compute."""
        moves = [(b, move) for b in self.boundaries if (move := b.move(self.before, indices))]
        if self.before is not None:
            self.end_visits([b for b, _ in moves])
        for b, move in moves:
            if b.operand == "psum":
                self.start_visit(b, offset)
            else:
                self.fill(b, offset, sliding=self.slide and move == "slide")
        self.compute(offset)
        self.before = indices

    def active_tiles(self, b: Boundary, offset: Offset) -> dict[Position, Words]:
        """The tile of each child that exists at this step."""
        tiles = {}
        for position, shift in b.children.items():
            at = plus(offset, shift)
            if all(map(lt, at, self.bounds)):
                key = (b.operand, at, tuple(map(min, plus(at, b.tile), self.bounds)))
                if key not in self.tiles:
                    if self.remembered > MOST_REMEMBERED:
                        self.tiles.clear()
                        self.remembered = 0
                    self.tiles[key] = tile_words(self.layer, *key)
                    self.remembered += len(self.tiles[key])
                tiles[position] = self.tiles[key]
        return tiles

    def fill(self, b: Boundary, offset: Offset, sliding: bool) -> None:
        """Rules 1 and 2 for ifmaps and weights: hand each active child the words that it lacks, or its whole tile."""
        parents, children = self.held[b.operand, b.parent], self.held[b.operand, b.child]
        tiles = self.active_tiles(b, offset)
        fills = {position: tile - children[position] if sliding else tile for position, tile in tiles.items()}
        children.clear()
        for position, tile in tiles.items():
            assert tile <= parents[position[: b.parent_depth]], "a parent hands over words that it does not hold"
            children[position] = set(tile)
        mode = min((fan_out.multicast for fan_out in b.fan_outs), key=WEAKEST_FIRST.index, default="word")
        self.reads[b.parent, b.operand] += _shared(fills, b.parent_depth, mode)
        self.writes[b.child, b.operand] += sum(len(words) for words in fills.values())
        for depth, fan_out in enumerate(b.fan_outs, start=b.parent_depth + 1):
            self.delivered[fan_out.name, b.operand] += _shared(fills, depth, mode)

    def start_visit(self, b: Boundary, offset: Offset) -> None:
        """Rule 3, downwards: a psum that the parent has by now is read and handed to one child of its group.

        Children whose fan-out does not reduce take turns on a word they share: the first may start it, and each other
        finds what the one before it left. So a word counts as held by the parent as soon as a child is to start it.
        """
        parents, children = self.held["psum", b.parent], self.held["psum", b.child]
        tiles = self.active_tiles(b, offset)
        children.clear()
        children.update({position: set() for position in tiles})
        arrivals, _ = _reduce(b, tiles)
        self.due[b.child] = set(arrivals)
        for (path, word), first in arrivals.items():
            parent = parents[path[: b.parent_depth]]
            if word not in parent:
                parent.add(word)
                continue
            children[first].add(word)
            self.reads[b.parent, "psum"] += 1
            self.writes[b.child, "psum"] += 1
            for fan_out in b.fan_outs:
                self.delivered[fan_out.name, "psum"] += 1

    def end_visits(self, moving: Iterable[Boundary]) -> None:
        """Rule 3, upwards: each child's psums leave it, innermost first, and add up on their way."""
        for b in reversed([b for b in moving if b.operand == "psum"]):
            leaving = self.held["psum", b.child]
            arrivals, hops = _reduce(b, leaving)
            assert set(arrivals) == self.due[b.child], "a child leaves psums that nobody computed, or keeps some"
            self.reads[b.child, "psum"] += sum(len(words) for words in leaving.values())
            self.writes[b.parent, "psum"] += len(arrivals)
            for (path, word), first in arrivals.items():
                passed = self.latest.get((b.child, first), {}).pop(word, ())
                passed = () if b.spreads_sums else (*passed, (b.child, "read"))
                at = self.latest.setdefault((b.parent, path[: b.parent_depth]), {})
                at[word] = (*passed, (b.parent, "written"))
            for name, count in hops.items():
                self.hops[name, "psum"] += count

    def compute(self, offset: Offset) -> None:
        """Every MAC that exists at this step multiplies the two words it holds and adds to its psum."""
        ifmaps, weights, psums = (self.held[operand, self.mac] for operand in OPERANDS)
        for position, psum in psums.items():
            g, n, k, c, p, q, r, s = plus(offset, self.mac_places[position])
            h = p * self.layer.stride_h + r * self.layer.dilation_h
            w = q * self.layer.stride_w + s * self.layer.dilation_w
            assert ifmaps[position] == {(n, g, c, h, w)}, "a MAC holds another ifmap word than its own"
            assert weights[position] == {(g, k, c, r, s)}, "a MAC holds another weight than its own"
            psum.add((n, g, k, p, q))
        self.steps += 1
        self.macs += len(psums)

    def accesses(self) -> Accesses:
        """The counts by name; the MACs' own registers are no level."""
        places = self.architecture.hierarchy
        levels = [(place.whole, node) for node, place in enumerate(places) if isinstance(place, Level)]
        finished = Counter(passing for passed in self.latest.get((0, ()), {}).values() for passing in passed)
        return Accesses(
            steps=self.steps,
            macs=self.macs,
            levels=added_up(
                (name, {x: Traffic(self.reads[node, x], self.writes[node, x]) for x in OPERANDS})
                for name, node in levels
            ),
            fan_outs={
                fan_out.name: {
                    x: Crossing(self.delivered[fan_out.name, x], self.hops[fan_out.name, x]) for x in OPERANDS
                }
                for fan_out in self.architecture.fan_outs
            },
            finished={
                name: row["psum"] for name, row in added_up(
                    (name, {"psum": Traffic(finished[node, "read"], finished[node, "written"])})
                    for name, node in levels
                ).items()
            },
        )


def _shared(fills: dict[Position, Words], depth: int, mode: str) -> int:
    """Rule 2: words sent so that all children get their fills, summed over what feeds them at some depth."""
    groups: dict[Position, list[Words]] = {}
    for position, words in fills.items():
        groups.setdefault(position[:depth], []).append(words)
    if mode == "word":
        return sum(len(frozenset().union(*group)) for group in groups.values())
    return sum(len(words) for group in groups.values() for words in (set(group) if mode == "tile" else group))


def _reduce(
    b: Boundary, leaving: dict[Position, set[Word]] | dict[Position, Words]
) -> tuple[dict[tuple[Position, Word], Position], dict[str, int]]:
    """Add up the psums of one visit on their way out: over a fan-out that reduces, a psum forgets its child.

    Returns
    -------
    arrivals : dict
        Each psum that reaches a parent, by the path it took and its word, with the first child that contributed.
    hops : dict
        By fan-out, how many psums were added to another child's.
    """
    moving = {(position, word): position for position, words in leaving.items() for word in words}
    hops = {}
    for depth, fan_out in reversed(list(enumerate(b.fan_outs, start=b.parent_depth))):
        merged: dict[tuple[Position, Word], Position] = {}
        for (path, word), first in moving.items():
            place = None if fan_out.reduces else path[depth]
            merged.setdefault(((*path[:depth], place, *path[depth + 1 :]), word), first)
        hops[fan_out.name] = len(moving) - len(merged)
        moving = merged
    return moving, hops
