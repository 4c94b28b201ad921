"""Random small networks with made-up costs, and their best run by walking all there are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import chain, combinations, product
from random import Random
from typing import Any

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import Level, Port
from dse.mapper.network.residency.choice import OUTER, Setting, others
from dse.mapper.network.residency.columns import AtHome, Bits, Columns, Point, level_of, within
from dse.mapper.network.residency.graph import graph_of
from dse.model.moves import Places, moved
from dse.problem.dims import OPERANDS, PerOperand
from dse.problem.layer import Layer
from dse.problem.workload import Node, Workload

WORD = 16
ALL = frozenset(OPERANDS)


def network(rng: Random, most: int) -> Workload:
    """Up to so many steps: layers, sums, pools, concats and activations that read tensors made before, some twice."""
    nodes = [Node("in", "input", (rng.randint(1, 4), 1, 1))]
    for n in range(rng.randint(2, most)):
        name, source = f"n{n}", rng.choice(nodes[-3:])
        kind = rng.choice(("conv", "conv", "conv", "add", "concat", "maxpool", "activation"))
        if kind == "add":
            equal = [node for node in nodes[1:] if node.shape == source.shape and node is not source]
            if not equal or source.name == "in":
                kind = "conv"
            else:
                nodes.append(Node(name, "add", source.shape, (source.name, rng.choice(equal).name)))
        if kind == "concat":
            other = rng.choice(nodes)
            if other is source:
                kind = "conv"
            else:
                shape = (source.shape[0] + other.shape[0], 1, 1)
                nodes.append(Node(name, "concat", shape, (source.name, other.name)))
        if kind == "conv":
            outputs = rng.randint(1, 4)
            narrower = {"bits": PerOperand(WORD, WORD, 24), "ofmap_bits": WORD} if rng.random() < 0.5 else {}
            layer = Layer(name, K=outputs, C=source.shape[0], **narrower)
            nodes.append(Node(name, "conv", (outputs, 1, 1), (source.name,), layer=layer))
        elif kind in ("maxpool", "activation"):
            shape = source.shape if kind == "activation" else (rng.randint(1, source.shape[0]), 1, 1)
            nodes.append(Node(name, kind, shape, (source.name,), attributes=((kind, "relu"),)))
    return Workload("small", tuple(nodes))


def machine(rng: Random, levels: int = 1) -> Architecture:
    """A machine of which one level keeps tensors, or two: the outer one of these is the larger and dearer one."""

    def level(name: str, energy: float, rate: float, **more: Any) -> Level:
        ports = (Port("shared", frozenset((o, way) for o in OPERANDS for way in ("read", "write")), rate),)  # type: ignore[misc]
        return Level(
            name, ALL, read_energy_pj=PerOperand.same(energy), write_energy_pj=PerOperand.same(energy * 1.25),
            ports=ports, **more,
        )  # fmt: skip

    outer = [level("L3", 9.0, 2.0, capacity_bits=WORD * rng.randint(5, 14), on_chip=True)] * (levels - 1)
    most = 14 if levels == 1 else 8
    made = Architecture(
        "made up",
        (
            level("DRAM", 40.0, 1.0), *outer,
            level("SRAM", 3.0, 3.0, capacity_bits=WORD * rng.randint(3, most), on_chip=True), Level("PE", ALL),
        ),
        Mac(1.0), 1e9, fuses=frozenset(kind for kind in ("activation", "pool", "add") if rng.random() < 0.4),
        static_power_mw=rng.choice((0.0, 2.0)),
    )  # fmt: skip
    return made.with_(fuses=made.fuses | {"concat"}) if len(made.fuses) == 2 else made


class Costs:
    """For every layer and homes, a staircase: the more room, the less energy, and some points with less time."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.known: dict[Any, list[Point]] = {}

    def points(self, layer: Layer, homes: AtHome) -> list[Point]:
        key = layer.shape_key(), homes
        if key not in self.known:
            self.known[key] = self._points(layer, homes)
        return self.known[key]

    def _points(self, layer: Layer, homes: AtHome) -> list[Point]:
        inner = 0.25 * len(homes[-1]) + 0.15 * sum(map(len, homes[:-1]))
        rng = Random(f"{self.seed} {layer.shape_key()} {', '.join(str(sorted(own)) for own in homes)}")
        found = []
        for bits in sorted(rng.sample(range(0, 6 * WORD, 4), rng.randint(1, 4))):
            energy = rng.uniform(50, 400) * (1 - inner)
            finished = not layer.finishes_narrower or rng.random() < 0.6
            cycles = energy * rng.uniform(0.5, 2)
            rooms = (*(rng.randrange(0, 6 * WORD, 4) for _ in homes[1:]), bits)
            found.append(Point(energy, cycles, energy, cycles, rooms, finished=finished))
        return found

    def fitting(self, layer: Layer, homes: AtHome, room: Bits, wide: bool = False) -> list[Point]:
        """Of those that fit, the ones whose sums are finished where the ofmap's home takes no others."""
        own = [point for point in self.points(layer, homes) if within(point.bits, room)]
        return own if wide or level_of(homes, "psum") < 0 else [point for point in own if point.finished]

    def search(self, weights: tuple[float, float] | None) -> Any:
        """The best for a room; its front where no weights are given."""

        def answer(layer: Layer, homes: AtHome, wide: bool, room: Bits, gap: float) -> tuple[Point, ...]:
            fits = self.fitting(layer, homes, room, wide)
            if weights is None:
                return tuple(
                    p for p in fits
                    if not any(q.energy_pj <= p.energy_pj and q.cycles <= p.cycles and q is not p for q in fits)
                )  # fmt: skip
            if not fits:
                return ()
            costs = [weights[0] * p.energy_pj + weights[1] * p.cycles for p in fits]
            where = ", ".join(str(sorted(own)) for own in homes)
            least, rng = min(costs), Random(f"{layer.shape_key()} {where} {room[0]} {gap}")
            cost, some = rng.choice([(c, p) for c, p in zip(costs, fits, strict=True) if c <= least * (1 + gap)])
            proven = 1 + rng.uniform(cost / least - 1, gap)  # some mapping within the gap, and what is proven of it
            return (replace(some, least_pj=some.energy_pj / proven, least_cycles=some.cycles / proven),)

        return answer


def setting_of(seed: int, most: int = 5, levels: int = 1) -> tuple[Setting, Costs]:
    """The same problem for the same seed; every layer fits with nothing at home."""
    rng = Random(f"residency {seed}")
    while True:
        architecture, workload = machine(rng, levels), network(rng, most)
        costs = Costs(rng.randint(0, 10**9))
        homes = [level for level in architecture.levels if level.on_chip]
        power_pj = architecture.total_static_power_mw * 1e9 / architecture.clock_hz
        capacities = tuple(level.capacity_bits or 0 for level in homes)
        names = tuple(level.name for level in homes)
        setting = Setting(graph_of(architecture, workload), architecture, names, capacities, power_pj)
        layers = [step.layer for step in setting.graph.steps if step.layer is not None]
        nothing = (frozenset[str](),) * levels
        if layers and all(costs.fitting(layer, nothing, capacities) for layer in layers):
            return setting, costs


def columns_of(costs: Costs, weights: tuple[float, float] | None) -> Columns:
    return Columns(costs.search(weights))


def subsets(things: Any) -> Iterator[frozenset[Any]]:
    things = sorted(things)
    return map(frozenset, chain.from_iterable(combinations(things, n) for n in range(len(things) + 1)))


Front = tuple[tuple[float, float], ...]


def front_of(points: list[tuple[float, float]]) -> Front:
    """Those that no other is as good as in both."""
    kept: list[tuple[float, float]] = []
    for point in sorted(points):
        if not kept or point[1] < kept[-1][1]:
            kept.append(point)
    return tuple(kept)


At = frozenset[tuple[int, int]]
"""Tensors, or steps that merge, each with a level."""


def walked(setting: Setting, costs: Costs, *, remembers: bool = True) -> Front:
    """The front of (pJ, cycles) of all ways to run the network, step after step, by what is where.

    A state is what is at home, what is outside, and which results share the room of what they were made of. A dynamic
    programme remembers what follows from each; else every way is walked to its end.
    """
    walk = _Walk(setting, costs)
    if remembers:
        walk.best = cache(walk.best)  # type: ignore[method-assign]
    start = frozenset(t for t, held in enumerate(setting.graph.tensors) if held.made_in < 0)
    return walk.best(0, frozenset(), start, frozenset())


def price(*some: Any) -> tuple[float, float]:
    return sum(one.energy_pj for one in some), sum(one.cycles for one in some)


class _Walk:
    def __init__(self, setting: Setting, costs: Costs) -> None:
        self.setting, self.costs, self.graph = setting, costs, setting.graph
        self.levels = range(len(setting.levels))
        self.carried = cache(setting.carried)
        self.moved = cache(lambda i, reads, made: price(moved(setting.architecture, self.graph.steps[i].move, Places(
            tuple(map(setting.place, reads)), tuple(map(setting.place, sorted(made)))
        ))))  # fmt: skip

    def room(self, home: At, merged: At) -> list[int]:
        """Bits that are left in each level."""
        graph = self.graph
        left = list(self.setting.capacities)
        for t, h in home:
            left[h] -= graph.tensors[t].bits
        for at, h in merged:
            parts = [t for t in graph.parts(at) if (t, h) in home and (graph.steps[at].writes, h) in home]
            left[h] += sum(graph.tensors[t].bits for t in parts)
        return left

    def best(self, i: int, before: At, outside: frozenset[int], merged: At) -> Front:
        """From step i on, `before` being what was at home in the step before it and may stay."""
        if i == len(self.graph.steps):
            return ((0.0, 0.0),)
        found: list[tuple[float, float]] = []
        step = self.graph.steps[i]
        for dropped in subsets(before):
            if self.breaks(i - 1, dropped, merged):
                continue
            stay = before - dropped
            for loads in self.loads(step.reads, stay, before, outside):
                first = price(*(self.carried(t, "load", source, h) for t, source, h in loads))
                here = stay | {(t, h) for t, _, h in loads}
                for now, made, joins in self.ways(i, here, outside, merged):
                    home = here | {(step.writes, h) for h in made if h != OUTER}
                    now_outside = outside | ({step.writes} if OUTER in made else set())
                    if self.graph.tensors[step.writes].must_leave and OUTER not in made:
                        continue
                    live = frozenset((t, h) for t, h in home if self.graph.tensors[t].steps[-1] > i)
                    after = self.best(i + 1, live, frozenset(now_outside), merged | joins)
                    found += [(first[0] + now[0] + e, first[1] + now[1] + t) for e, t in after]
        return front_of(found)

    def loads(
        self, reads: tuple[int, ...], stay: At, before: At, outside: frozenset[int]
    ) -> Iterator[frozenset[tuple[int, int, int]]]:
        """Ways to bring tensors home that a step reads, each from where it was."""
        every = [
            (t, source, h) for t in reads for h in self.levels for source in others(len(self.levels), h)
            if (t, h) not in stay and (t in outside if source == OUTER else (t, source) in before)
        ]  # fmt: skip
        for some in subsets(every):
            if len({(t, h) for t, _, h in some}) == len(some):
                yield some

    def breaks(self, i: int, dropped: At, merged: At) -> bool:
        """Whether something leaves that shares its room with something else that is still to stay."""
        for at, h in merged:
            out = self.graph.steps[at].writes
            if self.graph.tensors[out].steps[-1] > i and dropped & {(t, h) for t in (out, *self.graph.parts(at))}:
                return True
        return False

    def ways(self, i: int, home: At, outside: frozenset[int], merged: At) -> Iterator[Any]:
        """Cost, levels in which the result is, new sharing of room; of every way to run a step."""
        step, out = self.graph.steps[i], self.graph.steps[i].writes
        size = self.graph.tensors[out].bits
        for now, made, joins, wide in self.makings(i, home, outside):
            targets = [(h, to) for h in made if h != OUTER for to in others(len(self.levels), h) if to not in made]
            if step.layer is None and now != (0.0, 0.0):
                targets = []  # what moves a tensor writes it to where a copy would bring it, for less
            for copies in subsets(targets):
                if len({to for _, to in copies}) < len(copies):
                    continue
                every = made | {to for _, to in copies}
                shares = frozenset((i, h) for h in joins) if self.graph.parts(i) else frozenset[tuple[int, int]]()
                left = self.room(home | {(out, h) for h in every if h != OUTER}, merged | shares)
                if not shares:
                    left = [bits + size * (h in joins) for h, bits in enumerate(left)]
                extra = price(*(self.carried(out, "copy", h, to) for h, to in copies))
                if step.layer is not None:
                    homes = now
                    more = [wide * self.graph.widening(i) * (h in made) for h in self.levels]
                    tiles = tuple(bits - own for bits, own in zip(left, more, strict=True))
                    if min(left) >= 0:
                        for point in self.costs.fitting(step.layer, homes, tiles, wide):
                            yield (point.energy_pj + extra[0], point.cycles + extra[1]), every, shares
                elif min(left) >= 0:
                    yield (now[0] + extra[0], now[1] + extra[1]), every, shares

    def makings(self, i: int, home: At, outside: frozenset[int]) -> Iterator[tuple[Any, frozenset[int], Any, bool]]:
        """Homes of a layer's operands or the cost of a node, where the result is made, in whose room, and whether it is
        wide there."""
        step, graph = self.graph.steps[i], self.graph
        places = (*self.levels, OUTER)

        def there(tensors: Any, h: int) -> bool:
            return all(t in outside if h == OUTER else (t, h) in home for t in tensors)

        if step.layer is not None:
            for where in product(places, repeat=len(step.operands) + 1):
                own = dict(zip([*(operand for operand, _ in step.operands), "psum"], where, strict=True))
                if all(there(tensors, own[operand]) for operand, tensors in step.operands):
                    homes = tuple(frozenset(o for o, at in own.items() if at == h) for h in self.levels)
                    for wide in (False, True) if own["psum"] != OUTER else (False,):
                        yield homes, frozenset((own["psum"],)), (), wide
            return
        assert step.move is not None
        over = {} if graph.parts(i) else {h: any((t, h) in home for t in graph.overwritten(i)) for h in self.levels}
        for h in self.levels:
            if there(step.reads, h):
                if step.taken:
                    yield (0.0, 0.0), frozenset((h,)), (), False
                if (step.taken and over.get(h)) or graph.parts(i):
                    yield (0.0, 0.0), frozenset((h,)), (h,), False
        if step.taken and there(step.reads, OUTER):
            yield (0.0, 0.0), frozenset((OUTER,)), (), False
        for reads in product(places, repeat=len(step.reads)):
            if not all(there((t,), h) for t, h in zip(step.reads, reads, strict=True)):
                continue
            for made in subsets(places):
                if made:
                    cost = self.moved(i, reads, made)
                    for joins in subsets(h for h in made if over.get(h)):
                        yield cost, made, joins, False
