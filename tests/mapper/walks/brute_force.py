"""The mapspace by its definition, walked in full: the answer that the mapper must give.

Nothing here comes from the mapper: a bound is split by trying every factor, a list is ordered in every way, every
bypass is tried, and each mapping that fits is priced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import permutations, product
from math import ceil, prod
from typing import Any

import numpy as np
from mapper.walks.walk_mappings import RECORD, price_mapping, walk, workspace

from dse.architecture.architecture import Architecture
from dse.architecture.dataflow import Dataflow
from dse.architecture.hierarchy import FanOut, Level
from dse.model.counting.counts import Structure, count, scratch_for, window_of
from dse.model.mapping import Loop, Mapping, Spatial, Temporal, tile_words
from dse.model.price import capacities, linear, price
from dse.problem.dims import DIMS, OPERANDS, RELEVANT, PerOperand
from dse.problem.layer import Layer

Split = tuple[int, int, int, int, int]
"""PE tile, rows, columns, trips of the list above the array, trips of the outermost list."""

RELEVANCE = np.array([[int(d in RELEVANT[o]) for d in DIMS] for o in OPERANDS], dtype=np.int64)
MOST_POINTS = 4096
EVERY = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Walked:
    """What a full walk found.

    Parameters
    ----------
    mappings : int
        How many there are, orders and bypass choices included.
    front : (points, 2) float
        pJ and cycles, latency rising; every point is the price of one mapping, compared as floats without tolerance.
    records : (points, 57) int64
        See `mapping_of`.
    least : (product of bounds, 2) float
        Least energy and least latency of the mappings with one PE tile, by the tile's digits.
    picked, picked_values
        Mappings that were asked for by their number, and their prices.
    """

    mappings: int
    front: Any
    records: Any
    least: Any
    picked: Any
    picked_values: Any

    @property
    def energy(self) -> float:
        return float(self.front[-1, 0])

    @property
    def latency(self) -> tuple[float, float]:
        """The least latency, and the least energy at it."""
        fastest = float(self.front[0, 1])
        at_it = self.front[self.front[:, 1] <= fastest * (1 + 1e-9)]
        return fastest, float(at_it[-1, 0])

    @property
    def edp(self) -> float:
        return float(self.front.prod(axis=1).min())


@dataclass(frozen=True, slots=True)
class Places:
    """Nodes of the outermost level, of the one whose list is right above the array, of the array and the PE level."""

    outer: int
    near: int
    array: int
    pe: int

    @classmethod
    def of(cls, architecture: Architecture) -> Places:
        levels = [i for i, node in enumerate(architecture.hierarchy) if isinstance(node, Level)]
        fans = [i for i, node in enumerate(architecture.hierarchy) if isinstance(node, FanOut)]
        if fans:
            above = [i for i in levels if i < fans[0]]
            below = [i for i in levels if i > fans[0]]
        else:
            above, below = levels[:2], levels[2:]
        assert len(fans) <= 1
        assert len(above) <= 2
        assert len(below) <= 1
        return cls(0, above[-1], fans[0] if fans else -1, below[0] if below else -1)


def is_tight(bound: int, split: Split) -> bool:
    """Whether a split covers the bound and, with any one factor less by one, does not."""
    if prod(split) < bound:
        return False
    return all(
        factor == 1 or prod(split[:i]) * (factor - 1) * prod(split[i + 1 :]) < bound for i, factor in enumerate(split)
    )


@lru_cache(maxsize=100_000)
def all_splits(bound: int, rows: int, cols: int, has_pe: bool, two_lists: bool, kind: str) -> tuple[Split, ...]:
    """Every split of a bound, `kind` of them: "all" tight ones, the "perfect" ones, or whatever is "covering"."""
    found = []
    for f in range(1, bound + 1 if has_pe else 2):
        for sy in range(1, min(rows, bound) + 1):
            for sx in range(1, min(cols, bound) + 1):
                for n in range(1, bound + 1 if two_lists else 2):
                    for m in range(1, bound + 1):
                        split = (f, sy, sx, m, n)
                        size = prod(split)
                        if kind == "perfect":
                            wanted = size == bound
                        else:
                            wanted = size >= bound and (kind == "covering" or is_tight(bound, split))
                        if wanted:
                            found.append(split)
                        if size >= bound and kind != "covering":
                            break
    return tuple(found)


def obeys(split: Split, dim: str, bound: int, flow: Dataflow, places: Places, rows: int, cols: int, kind: str) -> bool:
    """Whether a dataflow allows a split of one dim."""
    f, sy, sx, _, _ = split
    if places.pe >= 0:
        if dim in flow.inside_whole:
            if f < bound:
                return False
        elif f > 1 and dim not in flow.inside:
            return False
    if places.array < 0:
        return True
    for factor, side, allowed, whole in (
        (sy, rows, flow.rows, flow.rows_whole),
        (sx, cols, flow.cols, flow.cols_whole),
    ):
        if factor > 1 and dim not in allowed:
            return False
        if dim in whole:
            folds = ceil(bound / min(bound, side))
            if kind == "perfect":
                folds = min(bound // k for k in range(1, side + 1) if bound % k == 0)
            if ceil(bound / factor) != folds:
                return False
    return True


@cache
def _permutations() -> Any:
    table = np.zeros((6, 120, 5), dtype=np.int64)
    for k in range(1, 6):
        for i, order in enumerate(permutations(range(k))):
            table[k, i, :k] = order
    return table


def choices(architecture: Architecture) -> list[list[frozenset[str]]]:
    """For every choice of bypasses, what each node keeps; fan-outs keep nothing."""
    options = []
    for node in architecture.hierarchy:
        kept = [frozenset[str]()]
        if isinstance(node, Level):
            kept = [node.stores - set(dropped) for dropped in _subsets(sorted(node.may_bypass))]
        options.append(kept)
    return [list(choice) for choice in product(*options)]


def _subsets(names: list[str]) -> list[list[str]]:
    return [
        [name for name, take in zip(names, taken, strict=True) if take] for taken in product((0, 1), repeat=len(names))
    ]


def allowed_splits(architecture: Architecture, layer: Layer, kind: str) -> list[list[Split]]:
    """Every split of every dim that the hierarchy and the dataflow allow."""
    places, flow = Places.of(architecture), architecture.dataflow.of(layer.bounds)
    rows, cols = array_sides(architecture)
    for fan in architecture.fan_outs:
        flow = replace(flow, rows=flow.rows & fan.dims, cols=flow.cols & fan.dims, image_channels=0)
    return [
        [
            split
            for split in all_splits(bound, rows, cols, places.pe >= 0, places.near > 0, kind)
            if obeys(split, dim, bound, flow, places, rows, cols, kind)
        ]
        for dim, bound in zip(DIMS, layer.bounds, strict=True)
    ]


def array_sides(architecture: Architecture) -> tuple[int, int]:
    return next(((fan.rows, fan.cols) for fan in architecture.fan_outs), (1, 1))


@dataclass(frozen=True, slots=True)
class ModelArrays:
    """What `walk_mappings` prices with."""

    rules: Any
    problem: Any
    prices: Any
    bits: Any
    capacity: Any
    place: Any
    keeps: list[Any]
    scratch: Any

    @classmethod
    def of(cls, architecture: Architecture, layer: Layer) -> ModelArrays:
        places, flow = Places.of(architecture), architecture.dataflow
        prices, structure = linear(price(architecture, layer), architecture, layer), Structure.of(architecture)
        rows, cols = array_sides(architecture)
        stationary = -1 if flow.stationary is None else OPERANDS.index(flow.stationary)
        innermost = -1 if flow.innermost is None else DIMS.index(flow.innermost)
        return cls(
            rules=np.array([rows, cols, stationary, innermost]),
            problem=(
                np.array(layer.bounds, dtype=np.int64), window_of(layer), RELEVANCE, structure.is_fan_out,
                structure.multicast, structure.reduces,
            ),
            prices=(
                prices.access_pj, prices.fan_pj, float(prices.mac_pj * layer.macs), float(prices.static_pj),
                prices.buffering, prices.port_node, prices.port_cost, structure.folds, prices.saved_pj,
                prices.port_saved, prices.port_joins,
            ),
            bits=np.array([
                [bits * (node.tiles_of(o) if isinstance(node, Level) else 1)
                 for bits, o in zip((*layer.bits, layer.finished_bits), (*OPERANDS, "psum"), strict=True)]
                for node in architecture.hierarchy
            ], dtype=np.int64),
            capacity=capacities(architecture),
            place=np.array([places.outer, places.near, places.array, places.pe]),
            keeps=[
                np.array([[int(o in operands) for o in OPERANDS] for operands in kept], dtype=np.int64)
                for kept in choices(architecture)
            ],
            scratch=scratch_for(layer.bounds, rows * cols, 48),
        )  # fmt: skip


def walk_all(
    architecture: Architecture, layer: Layer, kind: str = "all", *, count_only: bool = False, picks: Sequence[int] = (),
    splits: Sequence[Sequence[Split]] | None = None, most: int = EVERY,
) -> Walked:  # fmt: skip
    """Price every mapping of a layer.

    Parameters
    ----------
    architecture : Architecture
    layer : Layer
    kind : {"all", "perfect", "covering"}
        Which splits: see `all_splits`.
    count_only : bool
        Only count the mappings.
    picks : sequence of int
        Numbers of mappings to record.
    splits : sequence, optional
        Only these splits, per dim.
    most : int
        Counting ends where there are more.
    """
    ways = settled(architecture)
    if len(ways) > 1:
        assert not picks
        return _merged([walk_all(way, layer, kind, count_only=count_only, splits=splits, most=most) for way in ways])
    if splits is None:
        splits = allowed_splits(architecture, layer, kind)
    start = np.cumsum([0, *map(len, splits)])
    rows = np.array([split for per_dim in splits for split in per_dim], dtype=np.int64).reshape(-1, 5)
    model = ModelArrays.of(architecture, layer)
    values = np.zeros((MOST_POINTS, 2))
    records = np.zeros((MOST_POINTS, RECORD), dtype=np.int64)
    least = np.full((layer.macs, 2), np.inf)
    wanted = np.array(sorted(picks), dtype=np.int64)
    picked, picked_values = np.zeros((len(wanted), RECORD), dtype=np.int64), np.zeros((len(wanted), 2))
    held = mappings = 0
    for mask, keeps in enumerate(model.keeps):
        held, mappings = walk(
            start, rows, model.rules, model.problem, model.prices,
            model.bits, model.capacity, model.place, keeps, _permutations(), model.scratch, mask, count_only, values,
            records, held, least, wanted, picked, picked_values, mappings, most,
        )  # fmt: skip
    return Walked(mappings, values[:held].copy(), records[:held].copy(), least, picked, picked_values)


def settled(architecture: Architecture) -> list[Architecture]:
    """Every choice of what levels buffered by room take while they work; the first has most mappings."""
    places = [(i, o) for i, node in enumerate(architecture.hierarchy) if i > 0 and isinstance(node, Level)
              for o in OPERANDS if o in node.stores and node.buffered(o) == "room"]  # fmt: skip
    found = []
    for chosen in product(("single", "double"), repeat=len(places)):
        how = dict(zip(places, chosen, strict=True))
        nodes = []
        for i, node in enumerate(architecture.hierarchy):
            if isinstance(node, Level) and any(place == i for place, _ in places):
                kept = {o: how.get((i, o), node.buffered(o)) for o in OPERANDS}
                plain = {o: "single" if x == "room" else x for o, x in kept.items()}
                nodes.append(replace(node, buffering=PerOperand.of(plain)))
            else:
                nodes.append(node)
        found.append(architecture.with_(hierarchy=tuple(nodes)))
    return found


def _merged(walks: list[Walked]) -> Walked:
    """What walks of the same mappings, each in another way of overlap, found together."""
    points = [(*point, *record) for walked in walks
              for point, record in zip(walked.front.tolist(), walked.records.tolist(), strict=True)]  # fmt: skip
    best: list[tuple[float, ...]] = []
    for point in sorted(points, key=lambda point: (point[1], point[0])):
        if not best or point[0] < best[-1][0]:
            best.append(point)
    rows = np.array(best).reshape(-1, 2 + RECORD)
    least = np.minimum.reduce([walked.least for walked in walks])
    return replace(walks[0], front=rows[:, :2], records=rows[:, 2:].astype(np.int64), least=least)


def mapping_of(architecture: Architecture, record: Any) -> Mapping:
    """The mapping that a record stands for."""
    f, sy, sx, m, n, near, far = (record[8 * i : 8 * i + 8] for i in range(7))
    kept = choices(architecture)[int(record[56])]
    places = Places.of(architecture)
    plain = range(8)

    def loops(trips: Any, order: Any) -> tuple[Loop, ...]:
        return tuple(Loop(DIMS[d], int(trips[d])) for d in order if d >= 0 and trips[d] > 1)

    nodes: list[Temporal | Spatial] = []
    for i, node in enumerate(architecture.hierarchy):
        if isinstance(node, FanOut):
            nodes.append(Spatial(node.name, loops(sy, plain), loops(sx, plain)))
            continue
        body = loops(m, near) if i == places.near else (loops(n, far) if i == places.outer else loops(f, plain))
        nodes.append(Temporal(node.name, body, kept[i]))
    return Mapping(tuple(nodes))


def why_outside(architecture: Architecture, layer: Layer, mapping: Mapping, kind: str) -> str:
    """The rule of the mapspace that a mapping breaks; empty when it breaks none."""
    places, flow = Places.of(architecture), architecture.dataflow
    for dim, allowed in zip(DIMS, allowed_splits(architecture, layer, kind), strict=True):
        split = tuple(
            prod(loop.trips for loop in loops if loop.dim == dim)
            for loops in _parts(mapping, places)
        )  # fmt: skip
        if split not in allowed:
            return f"{dim} is split into {split}"
    _, rows, cols, near, _ = _parts(mapping, places)
    for loops, side in zip((rows, cols), array_sides(architecture), strict=True):
        if prod(loop.trips for loop in loops) > side:
            return f"{loops} on a side of {side}"
    order = [loop.dim for loop in near]
    if flow.stationary is not None:
        relevant = [dim in RELEVANT[flow.stationary] for dim in order]
        if relevant != sorted(relevant, reverse=True):
            return f"{flow.stationary} does not stay under {order}"
    if flow.innermost in order[:-1]:
        return f"{flow.innermost} is not innermost in {order}"
    if [node.stores if isinstance(node, Temporal) else frozenset() for node in mapping.nodes] not in choices(
        architecture
    ):
        return "a level keeps what it may not, or bypasses what it may not"
    counts = count(layer, architecture, mapping)
    for i, node in enumerate(mapping.nodes):
        if not isinstance(node, Temporal):
            continue
        back = counts.levels[node.level]["psum"].writes - counts.finished[node.level].writes
        bits = layer.bits.to_dict() | ({} if back else {"psum": layer.finished_bits})
        sizes = [bits[o] * tile_words(layer, o, mapping.tile(layer, i)) for o in OPERANDS]
        kept = [size if o in node.stores else 0 for o, size in zip(OPERANDS, sizes, strict=True)]
        if any(size > room for size, room in zip([*kept, sum(kept)], capacities(architecture)[i], strict=True)):
            return f"{node.level} has no room for {kept}"
    return ""


def _parts(mapping: Mapping, places: Places) -> tuple[tuple[Loop, ...], ...]:
    """The loops of the PE level, rows, columns, the list above the array and the outermost list."""
    pe = mapping.nodes[places.pe].loops if places.pe >= 0 else ()
    array = mapping.nodes[places.array] if places.array >= 0 else Spatial("none", (), ())
    assert isinstance(array, Spatial)
    far = mapping.nodes[places.outer].loops if places.near > 0 else ()
    return pe, array.rows, array.cols, mapping.nodes[places.near].loops, far


def price_record(architecture: Architecture, layer: Layer, record: Any) -> tuple[float, float]:
    """pJ and cycles of the mapping that a record stands for, fitting or not."""
    model = ModelArrays.of(architecture, layer)
    work = workspace(len(architecture.hierarchy), len(model.prices[5]))
    keeps = model.keeps[int(record[56])]
    energy, cycles = price_mapping(model.problem, model.prices, keeps, model.place, model.scratch, work, record)
    return float(energy), float(cycles)
