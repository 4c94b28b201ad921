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
from dse.mapper.network.residency.choose import Setting
from dse.mapper.network.residency.columns import Columns, Point
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


def machine(rng: Random) -> Architecture:
    def level(name: str, energy: float, rate: float, **more: Any) -> Level:
        ports = (Port("shared", frozenset((o, way) for o in OPERANDS for way in ("read", "write")), rate),)  # type: ignore[misc]
        return Level(
            name, ALL, read_energy_pj=PerOperand.same(energy), write_energy_pj=PerOperand.same(energy * 1.25),
            ports=ports, **more,
        )  # fmt: skip

    made = Architecture(
        "made up",
        (
            level("DRAM", 40.0, 1.0), level("SRAM", 3.0, 3.0, capacity_bits=WORD * rng.randint(3, 14), on_chip=True),
            Level("PE", ALL),
        ),
        Mac(1.0), 1e9, fuses=frozenset(kind for kind in ("activation", "pool", "add") if rng.random() < 0.4),
        static_power_mw=rng.choice((0.0, 2.0)),
    )  # fmt: skip
    return made.with_(fuses=made.fuses | {"concat"}) if len(made.fuses) == 2 else made


class Costs:
    """For every layer and homes, a staircase: the more room, the less energy, and some points with less time."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._points: dict[Any, tuple[Point, ...]] = {}

    def points(self, layer: Layer, homes: frozenset[str]) -> tuple[Point, ...]:
        key = (layer.shape_key(), layer.finishes_narrower, homes)
        if key not in self._points:
            self._points[key] = tuple(self._drawn(layer, homes))
        return self._points[key]

    def _drawn(self, layer: Layer, homes: frozenset[str]) -> list[Point]:
        rng = Random(f"{self.seed} {layer.shape_key()} {sorted(homes)}")
        found = []
        for bits in sorted(rng.sample(range(0, 6 * WORD, 4), rng.randint(1, 4))):
            energy = rng.uniform(50, 400) * (1 - 0.25 * len(homes))
            finished = not layer.finishes_narrower or rng.random() < 0.6
            cycles = energy * rng.uniform(0.5, 2)
            found.append(Point(energy, cycles, energy, cycles, bits, finished=finished))
        return found

    def fitting(self, layer: Layer, homes: frozenset[str], room: int, wide: bool = False) -> list[Point]:
        """Of those that fit, the ones whose sums are finished where the ofmap's home takes no others."""
        own = [point for point in self.points(layer, homes) if point.bits <= room]
        return own if wide or "psum" not in homes else [point for point in own if point.finished]

    def search(self, weights: tuple[float, float] | None) -> Any:
        """The best for a room; its front where no weights are given."""

        def answer(layer: Layer, homes: frozenset[str], wide: bool, room: int, gap: float) -> tuple[Point, ...]:
            fits = self.fitting(layer, homes, room, wide)
            if weights is None:
                return tuple(
                    p for p in fits
                    if not any(q.energy_pj <= p.energy_pj and q.cycles <= p.cycles and q is not p for q in fits)
                )  # fmt: skip
            if not fits:
                return ()
            costs = [weights[0] * p.energy_pj + weights[1] * p.cycles for p in fits]
            least, rng = min(costs), Random(f"{layer.shape_key()} {sorted(homes)} {room} {gap}")
            cost, some = rng.choice([(c, p) for c, p in zip(costs, fits, strict=True) if c <= least * (1 + gap)])
            proven = 1 + rng.uniform(cost / least - 1, gap)  # some mapping within the gap, and what is proven of it
            return (replace(some, least_pj=some.energy_pj / proven, least_cycles=some.cycles / proven),)

        return answer


def setting_of(seed: int, most: int = 5) -> tuple[Setting, Costs]:
    """The same problem for the same seed; every layer fits with nothing at home."""
    rng = Random(f"residency {seed}")
    while True:
        architecture, workload = machine(rng), network(rng, most)
        costs = Costs(rng.randint(0, 10**9))
        level = architecture.level("SRAM")
        assert level.capacity_bits is not None
        power_pj = architecture.total_static_power_mw * 1e9 / architecture.clock_hz
        setting = Setting(graph_of(architecture, workload), architecture, "SRAM", level.capacity_bits, power_pj)
        layers = [step.layer for step in setting.graph.steps if step.layer is not None]
        if layers and all(costs.fitting(layer, frozenset(), level.capacity_bits) for layer in layers):
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


def walked(setting: Setting, costs: Costs, *, remembers: bool = True) -> Front:
    """The front of (pJ, cycles) of all ways to run the network, step after step, by what is where.

    A state is what is at home, what is outside, and which results share the room of what they were made of. A dynamic
    programme remembers what follows from each; else every way is walked to its end.
    """
    graph, machine_ = setting.graph, setting.architecture

    def price(*some: Any) -> tuple[float, float]:
        return sum(one.energy_pj for one in some), sum(one.cycles for one in some)

    def room(home: frozenset[int], merged: frozenset[int]) -> int:
        taken = sum(graph.tensors[t].bits for t in home)
        for at in merged:
            taken -= sum(graph.tensors[t].bits for t in graph.parts(at) if t in home and graph.steps[at].writes in home)
        return setting.capacity - taken

    def best(i: int, home: frozenset[int], outside: frozenset[int], merged: frozenset[int]) -> Front:
        """From step i on, `home` being what is there when it begins."""
        if i == len(graph.steps):
            return ((0.0, 0.0),)
        found: list[tuple[float, float]] = []
        step = graph.steps[i]
        for loaded in subsets(t for t in step.reads if t in outside and t not in home):
            before = price(*(setting.load(t) for t in loaded))
            for now, out_home, out_outside, joins in ways(i, home | loaded, outside, merged):
                now_home = home | loaded | ({step.writes} if out_home else set())
                now_outside = outside | ({step.writes} if out_outside else set())
                if graph.tensors[step.writes].must_leave and not out_outside:
                    continue
                now_merged = merged | ({i} if joins else set())
                live = frozenset(t for t in now_home if graph.tensors[t].steps[-1] > i)
                for dropped in subsets(live):
                    if breaks(i, dropped, now_merged):
                        continue
                    after = best(i + 1, live - dropped, now_outside, now_merged)
                    found += [(before[0] + now[0] + e, before[1] + now[1] + t) for e, t in after]
        return front_of(found)

    def breaks(i: int, dropped: frozenset[int], merged: frozenset[int]) -> bool:
        """Whether something leaves that shares its room with something else that is still to stay."""
        for at in merged:
            out = graph.steps[at].writes
            if graph.tensors[out].steps[-1] > i and dropped & {out, *graph.parts(at)}:
                return True
        return False

    def ways(i: int, home: frozenset[int], outside: frozenset[int], merged: frozenset[int]) -> Iterator[Any]:
        """Cost, result at home, result outside, shared; of every way to run a step."""
        step = graph.steps[i]
        size, out = graph.tensors[step.writes].bits, step.writes
        for copied in (False, True):
            extra = [setting.copy(out)] if copied else []
            if step.layer is not None:
                names = [operand for operand, _ in step.operands] + ["psum"]
                for homes in subsets(names):
                    reads = all(t in (home if o in homes else outside) for o, ts in step.operands for t in ts)
                    at_home = "psum" in homes
                    left = room(home | ({out} if at_home else set()), merged)
                    if not reads or (copied and not at_home) or left < 0:
                        continue
                    for wide in (False, True) if at_home else (False,):
                        for point in costs.fitting(step.layer, homes, left - wide * graph.widening(i), wide):
                            yield price(point, *extra), at_home, copied or not at_home, False
                continue
            assert step.move is not None
            over = graph.overwritten(i)
            for joins in (False, True):
                saved = size if joins and any(t in home for t in over) else 0
                parts = graph.parts(i) if joins else ()
                if joins and not saved and not (parts and set(parts) <= home):
                    continue
                saved += sum(graph.tensors[t].bits for t in parts)
                with_out = room(home | {out}, merged) + saved
                if (step.taken or parts) and set(step.reads) <= home and with_out >= 0:
                    yield price(*extra), True, copied, bool(parts)
                if parts:
                    continue
                if step.taken and set(step.reads) <= outside and not copied and not joins and room(home, merged) >= 0:
                    yield (0.0, 0.0), False, True, False
                for reads in product((False, True), repeat=len(step.reads)):
                    if not all(t in (home if inside else outside) for t, inside in zip(step.reads, reads, strict=True)):
                        continue
                    for to_home, to_outside in ((True, False), (False, True), (True, True)):
                        left = with_out if to_home else room(home, merged)
                        if left < 0 or (copied and not to_home) or (joins and not to_home):
                            continue
                        places = Places(setting.level, reads, to_outside, to_home)
                        yield price(moved(machine_, step.move, places), *extra), to_home, to_outside or copied, False

    best = cache(best) if remembers else best
    start = frozenset(t for t, held in enumerate(graph.tensors) if held.made_in < 0)
    return best(0, frozenset(), start, frozenset())
