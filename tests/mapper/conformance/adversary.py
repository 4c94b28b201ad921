"""Random legal mappings, and random steps from one to the next: rivals of what the mapper certifies.

Legal means: what the hierarchy and the dataflow allow, in any order, with any bypass that is allowed, and tight or not.
Nothing comes from the mapper; prices are those of `dse.evaluate`.
"""

from __future__ import annotations

from math import ceil, prod
from random import Random

from mapper.walks.brute_force import choices
from mapper.walks.deep_walk import Slot, rule_places, slots_of

import dse
from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut
from dse.errors import MappingError
from dse.model.mapping import Loop, Mapping, Spatial, Temporal
from dse.problem.dims import DIMS, RELEVANT
from dse.problem.layer import Layer

Lists = list[dict[str, int]]
"""Trips by dim in every slot, outermost loop first."""


class Rivals:
    """Draws mappings of a layer as the architecture runs it."""

    def __init__(self, architecture: Architecture, layer: Layer, rng: Random) -> None:
        self.architecture, self.layer, self.rng = architecture, architecture.lowered(layer), rng
        self.given = layer
        self.slots: list[Slot] = slots_of(architecture)
        self.near, self.array, self.pe = rule_places(architecture)
        self.kept = choices(architecture)
        self.bounds = dict(zip(DIMS, self.layer.bounds, strict=True))

    def most(self, slot: Slot, dim: str) -> int:
        """The largest factor of a dim in a slot."""
        node, what = slot
        fan, flow = self.architecture.hierarchy[node], self.architecture.dataflow.of(self.layer.bounds)
        if isinstance(fan, FanOut):
            wanted = {"rows": flow.rows, "cols": flow.cols}[what] if node == self.array else frozenset(DIMS)
            return int(getattr(fan, what)) if dim in wanted & fan.dims else 1
        return 1 if node == self.pe and dim not in flow.inside | flow.inside_whole else self.bounds[dim]

    def obeys(self, lists: Lists) -> bool:
        """Whether sides, whole dims and the order right above the array are as they must be."""
        flow = self.architecture.dataflow
        for used, (node, what) in zip(lists, self.slots, strict=True):
            if what != "list" and prod(used.values()) > getattr(self.architecture.hierarchy[node], what):
                return False
            if node == self.array:
                side = getattr(self.architecture.hierarchy[node], what)
                for dim in flow.rows_whole if what == "rows" else flow.cols_whole:
                    bound = self.bounds[dim]
                    if ceil(bound / used.get(dim, 1)) != ceil(bound / min(bound, side)):
                        return False
            if node == self.near and what == "list":
                order = [dim for dim, trips in used.items() if trips > 1]
                if flow.innermost in order[:-1]:
                    return False
                stays = [] if flow.stationary is None else [dim in RELEVANT[flow.stationary] for dim in order]
                if stays != sorted(stays, reverse=True):
                    return False
        inside = [used for used, (node, _) in zip(lists, self.slots, strict=True) if self.pe >= 0 and node >= self.pe]
        return self.pe < 0 or all(
            prod(used.get(dim, 1) for used in inside) >= self.bounds[dim] for dim in flow.inside_whole
        )

    def mapping(self, lists: Lists, kept: list[frozenset[str]]) -> Mapping:
        nodes: list[Temporal | Spatial] = []
        parts = iter(lists)
        for index, node in enumerate(self.architecture.hierarchy):
            loops = [tuple(Loop(dim, trips) for dim, trips in next(parts).items() if trips > 1)]
            if isinstance(node, FanOut):
                loops.append(tuple(Loop(dim, trips) for dim, trips in next(parts).items() if trips > 1))
                nodes.append(Spatial(node.name, *loops))
            else:
                nodes.append(Temporal(node.name, loops[0], kept[index]))
        return Mapping(tuple(nodes))

    def lists_of(self, mapping: Mapping) -> Lists:
        found: Lists = []
        for node in mapping.nodes:
            parts = [node.loops] if isinstance(node, Temporal) else [node.rows, node.cols]
            found += [{loop.dim: loop.trips for loop in part} for part in parts]
        return found

    def priced(self, lists: Lists, kept: list[frozenset[str]]) -> tuple[float, float, bool] | None:
        """Energy (pJ), latency (cycles) and whether the mapping is tight; None if it is not legal or does not fit."""
        if not self.obeys(lists):
            return None
        mapping = self.mapping(lists, kept)
        try:
            cost = dse.evaluate(self.architecture, self.given, mapping)
        except MappingError:
            return None
        return cost.energy_pj, cost.cycles, mapping.is_tight(self.layer)

    def drawn(self) -> tuple[Lists, list[frozenset[str]]]:
        """Any factors that cover the layer: small ones inside, the rest of each bound outermost."""
        lists: Lists = [{} for _ in self.slots]
        for dim in self.rng.sample(DIMS, len(DIMS)):
            for at in self.rng.sample(range(1, len(self.slots)), len(self.slots) - 1):
                if self.rng.random() < 0.5:
                    self.set_factor(lists, at, dim, self.size(self.slots[at], dim))
            self.cover(lists, 0, dim)
        self.tighten(lists)
        for at in range(len(lists)):
            self.shuffle(lists, at)
        return lists, self.rng.choice(self.kept)

    def stepped(self, lists: Lists, kept: list[frozenset[str]]) -> tuple[Lists, list[frozenset[str]]]:
        """A neighbour: a factor moved between two slots, an order changed, or another choice of bypasses."""
        lists = [dict(used) for used in lists]
        for _ in range(self.rng.choice((1, 1, 2, 3))):
            what = self.rng.random()
            if what < 0.65:
                dim = self.rng.choice([dim for dim in DIMS if self.bounds[dim] > 1] or ["K"])
                to, since = self.rng.sample(range(len(self.slots)), 2)
                self.set_factor(lists, to, dim, self.size(self.slots[to], dim))
                self.cover(lists, since, dim)
            elif what < 0.9:
                self.shuffle(lists, self.rng.randrange(len(lists)))
            else:
                kept = self.rng.choice(self.kept)
        self.tighten(lists)
        return lists, kept

    def tighten(self, lists: Lists) -> None:
        """Three times in four, shrink every factor to the least that covers its bound beside the others."""
        if self.rng.random() < 0.25:
            return
        for dim in DIMS:
            for at in self.rng.sample(range(len(lists)), len(lists)):
                others = prod(used.get(dim, 1) for i, used in enumerate(lists) if i != at)
                least = ceil(self.bounds[dim] / others)
                if least < lists[at].get(dim, 1):
                    self.set_factor(lists, at, dim, least)

    def size(self, slot: Slot, dim: str) -> int:
        """Any factor, small ones more often; divisors of the bound as often as others."""
        most = min(self.most(slot, dim), self.bounds[dim])
        divisors = [f for f in range(1, most + 1) if self.bounds[dim] % f == 0]
        return self.rng.choice(divisors) if self.rng.random() < 0.5 else self.rng.randint(1, self.rng.randint(1, most))

    def set_factor(self, lists: Lists, at: int, dim: str, factor: int) -> None:
        """Loops stay where they are; new ones come anywhere in the list."""
        if factor == 1:
            lists[at].pop(dim, None)
        elif dim in lists[at]:
            lists[at][dim] = factor
        else:
            loops = list(lists[at].items())
            loops.insert(self.rng.randint(0, len(loops)), (dim, factor))
            lists[at] = dict(loops)

    def cover(self, lists: Lists, at: int, dim: str) -> None:
        """Give a slot the least factor that covers the bound, or, now and then, one more."""
        others = prod(used.get(dim, 1) for i, used in enumerate(lists) if i != at)
        least = ceil(self.bounds[dim] / others)
        more = least + (self.rng.random() < 0.1)
        self.set_factor(lists, at, dim, min(more, self.most(self.slots[at], dim)))

    def shuffle(self, lists: Lists, at: int) -> None:
        """Any order, or two loops exchanged."""
        loops = list(lists[at].items())
        if len(loops) > 1 and self.rng.random() < 0.5:
            a, b = self.rng.sample(range(len(loops)), 2)
            loops[a], loops[b] = loops[b], loops[a]
        else:
            self.rng.shuffle(loops)
        lists[at] = dict(loops)
