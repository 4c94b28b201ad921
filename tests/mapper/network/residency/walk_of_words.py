"""A literal walk of a whole network with named words: where each word of each tensor is, step by step.

Nothing here comes from the closed form. Layers are walked loop by loop (`dse.model.simulator`); each word that crosses
the edge of the outermost level, or of the home that takes its place, has a name: a tensor and a place in it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import product

from dse.mapper.network.residency.graph import Graph
from dse.mapper.network.residency.outcome.result import Residency
from dse.model.homes import Homes, at_home, inner_mapping
from dse.model.mapping import Temporal
from dse.model.simulator.nest import Boundary, Offset, Word, existing, placed_loops
from dse.model.simulator.walk import WEAKEST_FIRST, _reduce, _Walk
from dse.problem.layer import Layer

Name = tuple[int, int, int, int]
"""Of a word of a tensor: image, channel, row and column."""


class LostError(AssertionError):
    """A word is not where it is read, or there is no room for it."""


class NamedWalk(_Walk):
    """A walk that writes down every word that leaves the outermost place of its operand, or comes to it."""

    def begin(self) -> NamedWalk:
        self.read: Counter[tuple[str, Word]] = Counter()
        self.written: Counter[Word] = Counter()
        self.macs_of: Counter[Word] = Counter()
        return self

    def fill(self, b: Boundary, offset: Offset, sliding: bool) -> None:
        if b.parent == 0:
            children = self.held[b.operand, b.child]
            fills = [tile - children[at] if sliding else tile for at, tile in self.active_tiles(b, offset).items()]
            mode = min((fan_out.multicast for fan_out in b.fan_outs), key=WEAKEST_FIRST.index, default="word")
            if mode == "word":
                fills = [frozenset().union(*fills)] if fills else []
            elif mode == "tile":
                fills = list(set(fills))
            for words in fills:
                self.read.update((b.operand, word) for word in words)
        super().fill(b, offset, sliding)

    def start_visit(self, b: Boundary, offset: Offset) -> None:
        if b.parent == 0:
            arrivals, _ = _reduce(b, self.active_tiles(b, offset))
            there = self.held["psum", 0][()]
            self.read.update(("psum", word) for _, word in arrivals if word in there)
        super().start_visit(b, offset)

    def end_visits(self, moving) -> None:  # type: ignore[no-untyped-def]
        moving = list(moving)
        for b in moving:
            if b.operand == "psum" and b.parent == 0:
                self.written.update(word for _, word in self.due[b.child])
        super().end_visits(moving)

    def compute(self, offset: Offset) -> None:
        before = self.macs
        super().compute(offset)
        self.macs_of[()] += self.macs - before


@dataclass
class Walked:
    """What a walk of a network finds.

    Parameters
    ----------
    outer : Counter of int
        Words of each tensor across the edge of the outermost level.
    home : Counter of (str, str)
        Words read and written at home, by level and step.
    macs : int
    bits : dict of (str, str) to int
        At home in each level and step, tensors and tiles.
    """

    outer: Counter[int] = field(default_factory=Counter)
    home: Counter[tuple[str, str]] = field(default_factory=Counter)
    macs: int = 0
    bits: dict[tuple[str, str], int] = field(default_factory=dict)


def walk_network(run: Residency, *, freed_early: int = -1, forgotten: int = -1, twice: bool = False) -> Walked:
    """Walk a run; raises `LostError` where a word is read that is not there, or a level is overfull.

    Parameters
    ----------
    freed_early, forgotten : int
        Mutations: a tensor that leaves home one step early; one whose room is forgotten while nobody reads it.
    twice : bool
        Mutation: tensors of several names count once for each.
    """
    setting, graph, choice, found = run.setting, run.setting.graph, run.choice, Walked()
    stores: dict[str, dict[int, set[Name]]] = {level: {} for level in (setting.outer, *setting.levels)}
    stores[setting.outer] = {t: names_of(graph, t) for t, held in enumerate(graph.tensors) if held.made_in < 0}
    layers = {name: homes for name, _, homes in run.layers}

    def read(t: int, names: set[Name], place: str, step: str, count: int = 1) -> None:
        if not names <= stores[place].get(t, set()):
            raise LostError(f"{step} reads words of {graph.tensors[t].name} in {place} that are not there")
        tell(t, len(names) * count, place, step)

    def tell(t: int, words: int, place: str, step: str) -> None:
        times = len(graph.tensors[t].names) if twice else 1
        if place == setting.outer:
            found.outer[t] += words * times
        else:
            found.home[place, step] += words * times

    def carry(t: int, source: str, target: str, step: str) -> None:
        read(t, names_of(graph, t), source, step)
        stores[target][t] = names_of(graph, t)
        tell(t, len(stores[target][t]), target, step)

    for i, step in enumerate(graph.steps):
        for h, kept in enumerate(choice.levels):
            for t, at, source in kept.loaded:
                if at == i:
                    carry(t, setting.name(source), setting.levels[h], f"load of {graph.tensors[t].name}")
        for level, kept in zip(setting.levels, choice.levels, strict=True):
            inside = stores[level]
            for t in [t for t in inside if t not in kept.home[i]]:
                del inside[t]
            if freed_early >= 0 and graph.tensors[freed_early].read_in and i == graph.tensors[freed_early].read_in[-1]:
                inside.pop(freed_early, None)
        tiles: dict[str, int] = {}
        out = step.writes
        if step.layer is not None:
            tiles = _layer(run, graph, i, layers[step.name], stores, read, tell, found)
        elif (places := choice.places[i]) is not None:
            for t, level in zip(step.reads, places.reads, strict=True):
                read(t, names_of(graph, t), level or setting.outer, step.name)
            for level in places.writes:
                stores[level or setting.outer][out] = names_of(graph, out)
                tell(out, graph.tensors[out].tensor.words, level or setting.outer, step.name)
        else:  # nothing moves: the result is where its parts are
            copies = {to for kept in choice.levels for t, to in kept.copied if t == out}
            place = next((
                level for h, (level, kept) in enumerate(zip(setting.levels, choice.levels, strict=True))
                if out in kept.home[i] and h not in copies
            ), setting.outer)  # fmt: skip
            for t in step.reads:
                if not names_of(graph, t) <= stores[place].get(t, set()):
                    raise LostError(f"{step.name} finds {graph.tensors[t].name} not in {place}")
            stores[place][out] = names_of(graph, out)
        for level, kept in zip(setting.levels, choice.levels, strict=True):
            for t, to in kept.copied:
                if t == out:
                    carry(t, level, setting.name(to), f"copy of {graph.tensors[t].name}")
        for h, (level, kept) in enumerate(zip(setting.levels, choice.levels, strict=True)):
            for t in kept.home[i]:
                if t not in stores[level]:
                    raise LostError(f"{graph.tensors[t].name} is to be in {level} in {step.name} and is not there")
            bits = _bits_at_home(run, h, i, forgotten) + tiles.get(level, 0)
            found.bits[level, step.name] = bits
            if bits > setting.capacities[h]:
                raise LostError(f"{step.name}: {bits - setting.capacities[h]} bits too many")
        if graph.tensors[out].must_leave and stores[setting.outer].get(out, set()) != names_of(graph, out):
            raise LostError(f"{graph.tensors[out].name} does not leave the network")
    return found


def names_of(graph: Graph, t: int) -> set[Name]:
    """All words of a tensor; those of a layer's result by their places."""
    held = graph.tensors[t]
    layer = graph.steps[held.made_in].layer if held.made_in >= 0 else None
    if layer is None:
        reader = next((graph.steps[at].layer for at in held.read_in if graph.steps[at].layer is not None), None)
        if reader is None:
            return {(0, 0, 0, word) for word in range(held.tensor.words)}
        height, width = stored(reader)
        channels = held.tensor.words // (height * width * reader.N)
        return set(product(range(reader.N), range(channels), range(height), range(width)))
    return {
        (n, g * layer.K + k, p, q) for n in range(layer.N) for g in range(layer.G) for k in range(layer.K)
        for p in range(layer.P) for q in range(layer.Q)
    }  # fmt: skip


def stored(layer: Layer) -> tuple[int, int]:
    """Rows and columns of the tensor that a layer reads, without padding."""
    height = (layer.P - 1) * layer.stride_h + (layer.R - 1) * layer.dilation_h + 1 - layer.pad_top - layer.pad_bottom
    width = (layer.Q - 1) * layer.stride_w + (layer.S - 1) * layer.dilation_w + 1 - layer.pad_left - layer.pad_right
    return layer.H or height, layer.W or width


def ifmap_name(layer: Layer, word: Word) -> Name | None:
    """The name of a word of the box that a layer reads; None for padding."""
    n, g, c, h, w = word
    h, w = h - layer.pad_top, w - layer.pad_left
    height, width = stored(layer)
    return (n, g * layer.C + c, h, w) if 0 <= h < height and 0 <= w < width else None


def _layer(run, graph, i, homes: Homes, stores, read, tell, found: Walked) -> dict[str, int]:  # type: ignore[no-untyped-def]
    """Walk one layer; returns the bits that its tiles take at most of the levels that keep tensors."""
    step = graph.steps[i]
    mapped = next(mapped for name, mapped, _ in run.layers if name == step.name)
    layer, other = mapped.layer, at_home(run.setting.architecture, homes)
    mapping = inner_mapping(run.setting.architecture, homes, mapped.mapping)
    walk = NamedWalk(layer, other, mapping, True).begin()
    levels = [node.level if isinstance(node, Temporal) else "" for node in mapping.nodes]
    at = {one.level: levels.index(one.level) for one in homes.levels if one.level in levels}
    where = {operand: homes.by_operand().get(operand, run.setting.outer) for operand in ("ifmap", "weight", "psum")}
    most = dict.fromkeys(at, 0)
    for indices, offset in existing(
        [loop for loop in placed_loops(mapping) if isinstance(mapping.nodes[loop.node], Temporal)], layer.bounds
    ):
        walk.step(indices, offset)
        widths = {"ifmap": layer.bits.ifmap, "weight": layer.bits.weight, "psum": layer.finished_bits}
        for level, place in at.items():
            most[level] = max(most[level], sum(
                len(words) * widths[operand] for (operand, node), held in walk.held.items() if node == place
                for words in held.values()
            ))  # fmt: skip
    walk.end_visits(walk.boundaries)
    found.macs += walk.macs
    for operand, tensors in step.operands:
        place = where[operand]
        (t,) = tensors
        words = {word: count for (o, word), count in walk.read.items() if o == operand}
        named = {name: count for word, count in words.items() if (name := ifmap_name(layer, word)) is not None}
        read(t, set(named), place, step.name, 0)
        tell(t, sum(words.values()), place, step.name)  # the box is read with its padding
    out, place = step.writes, where["psum"]
    store = stores[place]
    store[out] = {(n, g * layer.K + k, p, q) for n, g, k, p, q in walk.written}
    back = {word for operand, word in walk.read if operand == "psum"}
    if not back <= set(walk.written):
        raise LostError(f"{step.name} reads back sums that nobody wrote")
    if store[out] != names_of(graph, out):
        raise LostError(f"{step.name} does not make all of its result")
    tell(out, sum(walk.written.values()) + sum(c for (o, _), c in walk.read.items() if o == "psum"), place, step.name)
    return most


def _bits_at_home(run: Residency, h: int, i: int, forgotten: int) -> int:
    """Bits of a level that lie under some tensor at home, by its offset; a bystander may be forgotten."""
    graph = run.setting.graph
    rooms = []
    for t in run.choice.levels[h].home[i]:
        if t != forgotten or t in graph.steps[i].reads or t == graph.steps[i].writes:
            low = run.layouts[h].offset(t, i)
            rooms.append((low, low + graph.tensors[t].bits, t))
    total, end = 0, 0
    for low, high, _ in sorted(rooms):
        total += max(0, high - max(low, end))
        end = max(end, high)
    return total
