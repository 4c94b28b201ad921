"""Mapspaces of any hierarchy by their definition, walked in full; and random small problems on such hierarchies.

Every factor of every slot is tried, every order of every list and every bypass, and each mapping that fits is priced.
Nothing comes from the mapper but the service that compiles the model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations, product
from math import ceil, factorial, prod
from random import Random
from typing import Any

import numpy as np
from mapper.walks.brute_force import choices
from mapper.walks.fronts import front_of
from mapper.walks.mapper_cases import ALL, draw_dataflow, draw_level, draw_ports, draw_prices, per_operand

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import FanOut, Level
from dse.formats.architecture.dataflow import built_in_dataflows
from dse.mapper.shared.compilation.twins import compiled
from dse.mapper.shared.mapspace.factors import keeps_tight
from dse.model import time
from dse.model.counting.counts import RELEVANCE, Structure, scratch_for, window_of
from dse.model.counting.nest import count_nest
from dse.model.counting.records import Hierarchy, IterationSpace, Nest, Spent, Timing, new_counts
from dse.model.mapping import tile_words
from dse.model.price import capacities, price
from dse.problem.dims import DIMS, OPERANDS, RELEVANT, PerOperand
from dse.problem.layer import Layer

SHAPES = (
    "LLFLF", "LLFLF", "LLFLFL", "LLFLFL", "LLLFL", "LFLFL", "LFLF", "LLLF", "LLLL", "LLLLFL",
    "LLLFLF", "LLFLL", "LLLLL",
)  # fmt: skip

CLUSTERS = ("LLFF", "LFFL", "LLFFL", "LFLFLF", "LFLFLF", "LFLFFL", "LFFF", "LFFLF")
"""Shapes with three fan-outs, or with some that follow others directly."""

Slot = tuple[int, str]
"""Node, and `list`, `rows` or `cols`."""


@dataclass(frozen=True, slots=True)
class DeepProblem:
    """A case, and how many mappings the walk would price."""

    layer: Layer
    architecture: Architecture
    kind: str
    mappings: int


def slots_of(architecture: Architecture) -> list[Slot]:
    found: list[Slot] = []
    for i, node in enumerate(architecture.hierarchy):
        found += [(i, "rows"), (i, "cols")] if isinstance(node, FanOut) else [(i, "list")]
    return found


@lru_cache(maxsize=100_000)
def chains(bound: int, most: tuple[int, ...], kind: str) -> tuple[tuple[int, ...], ...]:
    """Every tight (or perfect, or any) way to cover a bound with factors, each at most so large."""
    found = []

    def extend(chosen: tuple[int, ...], size: int) -> None:
        if len(chosen) == len(most):
            fine = size == bound if kind == "perfect" else size >= bound
            if fine and (kind == "any" or all(keeps_tight(bound, size, a) for a in chosen)):
                found.append(chosen)
            return
        for factor in range(1, min(bound, most[len(chosen)]) + 1):
            if size * factor >= 2 * bound and size * factor > 1:
                break
            extend((*chosen, factor), size * factor)

    extend((), 1)
    return tuple(found)


def rule_places(architecture: Architecture) -> tuple[int, int, int]:
    """Nodes of the list right above the outermost fan-out, of that fan-out, and of the level that counts as a PE's."""
    levels = [i for i, node in enumerate(architecture.hierarchy) if isinstance(node, Level)]
    fans = [i for i, node in enumerate(architecture.hierarchy) if isinstance(node, FanOut)]
    if fans:
        return fans[0] - 1, fans[0], levels[-1] if levels[-1] > fans[0] else -1
    return levels[-2] if len(levels) > 2 else levels[-1], -1, levels[-1] if len(levels) > 2 else -1


def allowed(architecture: Architecture, layer: Layer, kind: str) -> list[list[tuple[int, ...]]]:
    """Per dim, the chains that hierarchy and dataflow allow."""
    slots, flow = slots_of(architecture), architecture.dataflow.of(layer.bounds)
    _, array, pe = rule_places(architecture)
    result = []
    for dim, bound in zip(DIMS, layer.bounds, strict=True):
        most = []
        for node, what in slots:
            size = bound
            fan = architecture.hierarchy[node]
            if isinstance(fan, FanOut):
                permitted = {"rows": flow.rows, "cols": flow.cols}[what] if node == array else frozenset(DIMS)
                size = getattr(fan, what) if dim in permitted & fan.dims else 1
            elif node == pe and dim not in flow.inside | flow.inside_whole:
                size = 1
            most.append(size)
        result.append([
            chain for chain in chains(bound, tuple(most), kind)
            if _obeys(chain, dim, bound, architecture, slots, kind)
            and (kind != "any" or all(keeps_tight(bound, prod(chain), a) for a in _outermost(chain, slots)))
        ])  # fmt: skip
    return result


def _outermost(chain: tuple[int, ...], slots: list[Slot]) -> list[int]:
    """The factors of the outermost node that has any: what they are too large adds only what never happens."""
    first = next((node for factor, (node, _) in zip(chain, slots, strict=True) if factor > 1), -1)
    return [factor for factor, (node, _) in zip(chain, slots, strict=True) if node == first]


def _obeys(
    chain: tuple[int, ...], dim: str, bound: int, architecture: Architecture, slots: list[Slot], kind: str
) -> bool:
    flow = architecture.dataflow
    _, array, pe = rule_places(architecture)
    if pe >= 0 and dim in flow.inside_whole:
        inside = [factor for factor, (node, _) in zip(chain, slots, strict=True) if node >= pe]
        if prod(inside) < bound:
            return False
    for factor, (node, what) in zip(chain, slots, strict=True):
        whole = flow.rows_whole if what == "rows" else flow.cols_whole
        if node == array and dim in whole:
            side = getattr(architecture.hierarchy[array], what)
            folds = ceil(bound / min(bound, side))
            if kind == "perfect":
                folds = min(bound // k for k in range(1, side + 1) if bound % k == 0)
            if ceil(bound / factor) != folds:
                return False
    return True


class Walk:
    """Prices every mapping of one problem."""

    def __init__(self, architecture: Architecture, layer: Layer, kind: str) -> None:
        self.architecture, self.layer = architecture, layer
        self.slots = slots_of(architecture)
        self.chains = allowed(architecture, layer, kind)
        self.turning = [dim for dim, bound in zip(DIMS, layer.bounds, strict=True) if bound > 1]
        self.near = rule_places(architecture)[0]
        self.capacity = capacities(architecture).tolist()
        self._tiles: dict[tuple[str, tuple[int, ...]], tuple[int, ...]] = {}
        self._sizes: dict[tuple[str, tuple[int, ...]], int] = {}

    @property
    def size(self) -> float:
        """An upper bound on the mappings, before capacities."""
        orders = factorial(sum(bound > 1 for bound in self.layer.bounds))
        return prod(map(len, self.chains)) * orders ** (len(self.architecture.levels) - 1)

    def fitting(self, kept: list[frozenset[str]]) -> Iterator[list[dict[str, int]]]:
        """Factors of each slot, by dim, that fit, if need be (see `wide_enough`) because no unfinished psum comes."""
        names, columns = self.turning, [self.chains[DIMS.index(dim)] for dim in self.turning]
        if any(not chains for chains in self.chains):
            return
        for picked in product(*columns):
            factors = [dict(zip(names, column, strict=True)) for column in zip(*picked, strict=True)]
            if not factors:
                factors = [{} for _ in self.slots]
            if self._sides_hold(factors) and not self._crowded(factors, kept, self.layer.finished_bits):
                yield factors

    def _sides_hold(self, factors: list[dict[str, int]]) -> bool:
        return all(
            what == "list" or prod(used.values()) <= getattr(self.architecture.hierarchy[node], what)
            for used, (node, what) in zip(factors, self.slots, strict=True)
        )

    def crowded(self, factors: list[dict[str, int]], kept: list[frozenset[str]]) -> list[int]:
        """Nodes that have no room for tiles with psums in the width of unfinished ones."""
        return self._crowded(factors, kept, self.layer.bits.psum)

    def _crowded(self, factors: list[dict[str, int]], kept: list[frozenset[str]], psum_bits: int) -> list[int]:
        bits, found = (self.layer.bits.ifmap, self.layer.bits.weight, psum_bits), []
        inside = [self._inside(dim, tuple(used.get(dim, 1) for used in factors)) for dim in self.turning]
        for node, operands in enumerate(kept):
            if not operands:
                continue
            tile, level = tuple(sizes[node] for sizes in inside), self.architecture.hierarchy[node]
            tiles = [level.tiles_of(o) if isinstance(level, Level) else 1 for o in OPERANDS]
            sizes = [
                count * width * self._words(o, tile) * (o in operands)
                for o, width, count in zip(OPERANDS, bits, tiles, strict=True)
            ]  # fmt: skip
            if any(size > room for size, room in zip([*sizes, sum(sizes)], self.capacity[node], strict=True)):
                found.append(node)
        return found

    def _inside(self, dim: str, column: tuple[int, ...]) -> tuple[int, ...]:
        """The size of a tile along a dim at every node, from the factors of all slots."""
        key = (dim, column)
        if key not in self._tiles:
            bound = self.layer.bounds[DIMS.index(dim)]
            self._tiles[key] = tuple(
                min(bound, prod(factor for factor, slot in zip(column, self.slots, strict=True) if slot[0] >= node))
                for node in range(len(self.architecture.hierarchy))
            )
        return self._tiles[key]

    def _words(self, operand: str, tile: tuple[int, ...]) -> int:
        """Of a tile with these sizes along the dims of more than one trip."""
        key = (operand, tile)
        if key not in self._sizes:
            sizes = dict.fromkeys(DIMS, 1) | dict(zip(self.turning, tile, strict=True))
            self._sizes[key] = tile_words(self.layer, operand, sizes)
        return self._sizes[key]

    def orders(self, factors: list[dict[str, int]]) -> Iterator[tuple[tuple[str, ...], ...]]:
        """Orders of all lists, outermost loop first."""
        flow = self.architecture.dataflow
        lists = []
        for used, (node, what) in zip(factors, self.slots, strict=True):
            if what != "list":
                continue
            found = list(permutations(dim for dim, trips in used.items() if trips > 1))
            if node == self.near and flow.stationary is not None:
                found = [order for order in found if _stays([dim in RELEVANT[flow.stationary] for dim in order])]
            if node == self.near and flow.innermost is not None:
                found = [order for order in found if flow.innermost not in order[:-1]]
            # Nothing is kept inside the innermost list: every step brings the MACs all they need, in any order.
            lists.append(found[:1] if node == self._last else found)
        return product(*lists)

    def has_room_for_finished(self, factors: list[dict[str, int]], kept: list[frozenset[str]]) -> bool:
        """Whether in some order only finished psums come to the levels that have no room for others."""
        pricer, crowded = Pricer(self.architecture, self.layer), self.crowded(factors, kept)
        keeps = np.array([[int(o in operands) for o in OPERANDS] for operands in kept], dtype=np.int64)
        for orders in self.orders(factors):
            pricer.price(self.slots, factors, orders, keeps)
            if all(map(pricer.only_finished, crowded)):
                return True
        return False

    @property
    def _last(self) -> int:
        return max(i for i, node in enumerate(self.architecture.hierarchy) if isinstance(node, Level))

    def front(self) -> Any:
        """The exact front of (pJ, cycles); empty when nothing fits."""
        pricer = Pricer(self.architecture, self.layer)
        points = []
        for kept in choices(self.architecture):
            keeps = np.array([[int(o in operands) for o in OPERANDS] for operands in kept], dtype=np.int64)
            for factors in self.fitting(kept):
                crowded = self.crowded(factors, kept)
                if self.architecture.levels[0].only_finished and self.layer.finishes_narrower:
                    crowded.append(0)
                for orders in self.orders(factors):
                    point = pricer.price(self.slots, factors, orders, keeps)
                    if all(map(pricer.only_finished, crowded)):
                        points.append(point)
        return front_of(points)


def _stays(relevant: list[bool]) -> bool:
    return relevant == sorted(relevant, reverse=True)


class Pricer:
    """The model's kernels on one problem."""

    def __init__(self, architecture: Architecture, layer: Layer) -> None:
        self.layer, self.structure, self.prices = layer, Structure.of(architecture), price(architecture, layer)
        self.nodes = len(architecture.hierarchy)
        self.count_nest = compiled(count_nest)
        self.latency = compiled(time.latency)
        self.space = IterationSpace(np.array(layer.bounds, dtype=np.int64), window_of(layer), RELEVANCE)
        self.scratch = scratch_for(layer.bounds, architecture.mac_units, 160)
        self.counts = new_counts(self.nodes)

    def price(self, slots: list[Slot], factors: list[dict[str, int]], orders: Any, keeps: Any) -> tuple[float, float]:
        """pJ and cycles."""
        loops, lists = [], iter(orders)
        for used, (node, what) in zip(factors, slots, strict=True):
            order = next(lists) if what == "list" else tuple(used)
            loops += [(DIMS.index(dim), used[dim], node, int(what != "list")) for dim in order if used[dim] > 1]
        n = len(loops)
        step, inside = np.ones(n, dtype=np.int64), [1] * 8
        for i in range(n - 1, -1, -1):
            step[i] = inside[loops[i][0]]
            inside[loops[i][0]] *= loops[i][1]
        columns = np.array(loops, dtype=np.int64).reshape(n, 4).T
        dim, trips, place, spatial = (np.ascontiguousarray(column) for column in columns)
        s, p = self.structure, self.prices
        nest = Nest(n, dim, trips, step, place, spatial)
        hierarchy = Hierarchy(s.is_fan_out, s.multicast, s.reduces, keeps)
        steps = self.count_nest(nest, self.space, hierarchy, self.scratch, self.counts)
        spent = Spent(np.zeros(6), np.zeros(len(p.port_node)))
        timing = Timing(p.buffering, p.port_node, p.port_cost, p.port_saved, p.port_joins, s.folds)
        busiest = self.latency(nest, self.space, self.counts, steps, timing, spent, self.scratch.counted)
        array = spent.parts[time.COMPUTE] + spent.parts[time.SKEW] + spent.parts[time.SHIFTS]
        rest = spent.parts[time.FIRST_FILL] + spent.parts[time.LAST_DRAIN] + spent.parts[time.SERIAL]
        cycles = float((array if busiest < 0 else spent.ports[busiest]) + rest)
        energy = p.mac_pj * self.layer.macs + p.static_pj * cycles
        energy += float((self.counts.levels * p.access_pj).sum() + (self.counts.fans * p.fan_pj).sum())
        energy -= float((self.counts.finished * p.saved_pj.sum(axis=1)).sum())
        ends, booked = self.counts.ends[2], self.counts.booked[2]
        accumulations = sum(int(booked[k, 0]) for k in range(self.nodes) if ends[k, 0] == self.nodes - 1)
        return energy - p.spared_pj * accumulations, cycles * p.cycles_per_step

    def only_finished(self, node: int) -> bool:
        """Whether each psum comes to a level once, finished, under the mapping priced last."""
        counts = self.counts
        at = [k for k in range(self.nodes) if counts.ends[2, k, 0] == node]
        return bool(at) and all(counts.booked[2, k, 1] == counts.finished[node] for k in at)


@lru_cache(maxsize=1024)
def deep_problem(seed: int, most: int = 6000) -> DeepProblem:
    """The same problem for the same seed: a hierarchy that the small one cannot stand for, and few mappings."""
    return draw_problem(Random(f"general {seed}"), SHAPES, most)


@lru_cache(maxsize=1024)
def clustered_problem(seed: int, most: int = 6000) -> DeepProblem:
    """A problem with three fan-outs, or with clusters of PEs."""
    return draw_problem(Random(f"clusters {seed}"), CLUSTERS, most)


def draw_problem(rng: Random, shapes: tuple[str, ...], most: int) -> DeepProblem:
    while True:
        shape = rng.choice(shapes)
        layer = _layer(rng)
        flow = draw_dataflow(rng) if rng.random() < 0.4 else rng.choice(list(built_in_dataflows().values()))
        architecture = _architecture(rng, layer, flow, shape)
        kind = rng.choice(("all", "all", "perfect"))
        walk = Walk(architecture, layer, kind)
        if prod(map(len, walk.chains)) > 20_000 or walk.size * len(choices(architecture)) > 40 * most:
            continue
        mappings = _mappings(walk, most)
        if mappings > most or (mappings < 20 and rng.random() < 0.9):
            continue
        return DeepProblem(layer, architecture, kind, mappings)


def _mappings(walk: Walk, most: int) -> int:
    """How many there are; counting ends where there are more than so many."""
    found = 0
    for kept in choices(walk.architecture):
        for factors in walk.fitting(kept):
            lists = (used for used, slot in zip(factors, walk.slots, strict=True)
                     if slot[1] == "list" and slot[0] != walk._last)  # fmt: skip
            found += prod(factorial(sum(t > 1 for t in used.values())) for used in lists)
            if found > most:
                return found
    return found


def _layer(rng: Random) -> Layer:
    wide = rng.choice((1, 2, 2, 2, 3, 3))
    dims = rng.sample("NKCPQRS" if rng.random() < 0.8 else DIMS, wide)
    if rng.random() < 0.4:
        dims = list(rng.choice(("PR", "QS", "PKR", "QSC")))
    largest = (9, 7, 5, 4)[len(dims)]
    bits = PerOperand(*rng.choice(((16, 16, 16), (8, 8, 32), (16, 8, 20))))
    stride, dilation = rng.choice(((1, 1), (2, 2), (1, 2))), rng.choice(((1, 1), (1, 1), (2, 1)))
    return Layer(
        "small", **{dim: rng.randint(2, largest) for dim in dims}, stride_h=stride[0], stride_w=stride[1],
        dilation_h=dilation[0], dilation_w=dilation[1], bits=bits,
    )  # fmt: skip


def _architecture(rng: Random, layer: Layer, flow: Any, shape: str) -> Architecture:
    energies = draw_prices(rng)
    nodes: list[Level | FanOut] = []
    for i, letter in enumerate(shape):
        if letter == "F":
            dims = frozenset(DIMS) if rng.random() < 0.6 else frozenset(d for d in DIMS if rng.random() < 0.6)
            nodes.append(FanOut(
                f"fan{i}", *rng.choice(((1, 1), (2, 2), (1, 3), (3, 2), (4, 1))), dims=dims,
                multicast=rng.choice(("word", "word", "tile", "none")), reduces=rng.random() < 0.7,
                energy_pj=rng.choice((0.0, energies[2], 2.0)), skew=rng.choice((0, 0, 0, 1)),
                load=frozenset(o for o in OPERANDS if rng.random() < 0.1),
            ))  # fmt: skip
        elif i == 0:
            nodes.append(Level(
                "DRAM", ALL, read_energy_pj=per_operand(rng, energies[0]),
                write_energy_pj=per_operand(rng, energies[0]), ports=draw_ports(rng),
            ))  # fmt: skip
        else:
            nodes.append(draw_level(rng, layer, f"level{i}", energies[3 if "F" in shape[:i] else 1], "F" in shape[:i]))
    return Architecture("small", tuple(nodes), Mac(1.0), 1e9, flow, static_power_mw=rng.choice((0.0, 0.0, 30.0)))
