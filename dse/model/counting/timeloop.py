"""Timeloop's way of counting, for mappings with perfect factors: reads, fills and updates per instance of a level.

It differs from the house counting (`dse.model.counting.counts`) in what a step moves: here the move of the whole tile
decides, not the loop that advanced. The two agree on most nests; `docs/model.md` lists where they part.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import ceil, prod
from typing import Any

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import FanOut, Level
from dse.errors import MappingError
from dse.model.accesses import Accesses, Crossing, Traffic
from dse.model.mapping import Mapping, Spatial, Temporal, tile_words
from dse.problem.dims import AXES, DIMS, OPERANDS, RELEVANT
from dse.problem.layer import Layer

Vector = tuple[int, ...]
"""A move of a tile in words, one component per axis of `AXES`."""


@dataclass(frozen=True, slots=True)
class TimeloopTraffic:
    """What one instance of a level moves of one operand.

    Parameters
    ----------
    instances : int
        That the mapping uses.
    tile_words : int
        Of the tile that an instance holds, the ifmap's as its bounding box.
    reads, fills, updates : int
        Words read for what is inside (a psum's read-backs, not the read that drains a finished tile); words written
        from outside; psums written from inside.
    """

    instances: int
    tile_words: int
    reads: int
    fills: int
    updates: int

    def to_dict(self) -> dict[str, int]:
        return {
            "instances": self.instances, "tile_words": self.tile_words, "reads": self.reads, "fills": self.fills,
            "updates": self.updates,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class TimeloopCounts:
    """Counts of one layer under one mapping, per instance.

    Parameters
    ----------
    steps : int
        Temporal iterations.
    macs : int
    levels : dict
        `levels[level][operand]`, for the operands that the mapping keeps there.
    fan_outs : dict
        `fan_outs[fan_out][operand]`, all instances together.
    """

    steps: int
    macs: int
    levels: dict[str, dict[str, TimeloopTraffic]]
    fan_outs: dict[str, dict[str, Crossing]]

    def accesses(self) -> Accesses:
        """All instances together, in the form of the house counting: fills and updates are writes."""
        none = Traffic(0, 0)
        return Accesses(
            steps=self.steps,
            macs=self.macs,
            levels={
                level: {
                    o: Traffic(t.instances * t.reads, t.instances * (t.fills + t.updates)) if t else none
                    for o, t in ((o, row.get(o)) for o in OPERANDS)
                }
                for level, row in self.levels.items()
            },
            fan_outs=self.fan_outs,
        )

    def cycles_by(self, architecture: Architecture, layer: Layer) -> dict[str, float]:
        """Cycles of `compute` and of every port, which all overlap; a port's are rounded up to whole cycles.

        Elements are packed into the words that a port's rate is given in, as `dse.model.price` packs them.
        """
        by = {"compute": float(self.steps)}
        for level in architecture.levels:
            for port in level.ports:
                bits = 0
                for operand, traffic in self.levels[level.name].items():
                    elements = traffic.reads * ((operand, "read") in port.serves)
                    elements += (traffic.fills + traffic.updates) * ((operand, "write") in port.serves)
                    bits += elements * layer.bits[operand]
                rate = Fraction(port.words_per_cycle).limit_denominator(10**9)  # 0.05 means one in twenty
                by[f"{level.name} {port.name}"] = float(ceil(bits / (rate * level.word_bits)))
        return by


@dataclass(frozen=True, slots=True)
class _Loop:
    node: int
    dim: str
    trips: int
    step: int
    is_spatial: bool


def count_timeloop(layer: Layer, architecture: Architecture, mapping: Mapping) -> TimeloopCounts:
    """Count as Timeloop does.

    Parameters
    ----------
    layer : Layer
    architecture : Architecture
        Its fan-outs' `multicast` and `reduces` are left aside: equal tiles are read once for all children, and psums
        add up on their way out.
    mapping : Mapping

    Raises
    ------
    MappingError
        When the mapping does not match the hierarchy, or some dim's factors multiply to more than its bound.

    Notes
    -----
    A tile is the bounding box of what the loops at and inside its level touch. A step moves the tile by a vector over
    the axes of the operand. No move, no fill; a move equal to that of the loop j (the innermost temporal one above
    the level that is relevant to the operand) hands on only the words not held yet; any other move the whole tile.
    The step in which loop i advances and all those inside it start again moves by `s_i - sum((t_l - 1) * s_l)` over
    the loops l between i and j, j included, with trips t and moves s per trip.

    Per instance: a parent reads each distinct tile among its children's once. Psums: updates U are the words that
    reach the instance; it reads U - D of them back, D being the distinct psums it ever holds; a child is filled with
    its visits less its own D, whether or not it shares a psum with its neighbours.

    Examples
    --------
    >>> import dse
    >>> chip, layer = dse.load_architecture("eyeriss"), dse.Layer("fc", K=2, C=3)
    >>> mapping = dse.Mapping.from_dict([
    ...     {"level": "DRAM", "stores": ["ifmap", "weight", "psum"], "loops": [["K", 2], ["C", 3]]},
    ...     {"level": "GLB", "stores": ["ifmap", "psum"], "loops": []},
    ...     {"fan_out": "array", "rows": [], "cols": []},
    ...     {"level": "PE", "stores": ["ifmap", "weight", "psum"], "loops": []},
    ... ])
    >>> count_timeloop(layer, chip, mapping).levels["DRAM"]["ifmap"].reads
    6
    """
    mapping.check(architecture, layer)
    _check_perfect(layer, mapping)
    loops = tuple(_loops(mapping))
    steps = prod(loop.trips for loop in loops if not loop.is_spatial)
    levels: dict[str, dict[str, TimeloopTraffic]] = {level.name: {} for level in architecture.levels}
    fan_outs = {fan_out.name: {o: Crossing(0, 0) for o in OPERANDS} for fan_out in architecture.fan_outs}
    for operand in OPERANDS:
        keepers = [i for i, x in enumerate(mapping.nodes) if isinstance(x, Temporal) and operand in x.stores]
        filled = 0
        for parent, child in zip(keepers, [*keepers[1:], len(mapping.nodes)], strict=True):
            to_mac = child == len(mapping.nodes)
            visits = steps if to_mac else _words_filled(layer, operand, mapping, loops, child)
            traffic, crossing = _book(layer, operand, mapping, loops, (parent, child), (filled, visits))
            levels[architecture.hierarchy[parent].name][operand] = traffic
            for fan_out in architecture.hierarchy[parent + 1 : child]:
                if isinstance(fan_out, FanOut):
                    fan_outs[fan_out.name][operand] = crossing
            filled = visits
    return TimeloopCounts(steps, layer.macs, levels, fan_outs)


def _book(
    layer: Layer, operand: str, mapping: Mapping, loops: tuple[_Loop, ...], ends: tuple[int, int],
    visits: tuple[int, int],
) -> tuple[TimeloopTraffic, Crossing]:  # fmt: skip
    """What an instance of a level moves of an operand, and what all instances move over a fan-out inside it.

    Parameters
    ----------
    ends : (int, int)
        The level's node, and the next one inside that keeps the operand.
    visits : (int, int)
        Words that one instance of each of the two receives in all.
    """
    (parent, child), (filled, received) = ends, visits
    instances, children = _instances(loops, 0, parent), _instances(loops, parent, child)
    distinct = _distinct_children(layer, operand, loops, parent, child)
    tile = tile_words(layer, operand, mapping.tile(layer, parent))
    arrivals = received * distinct
    if operand != "psum":
        return TimeloopTraffic(instances, tile, arrivals, filled, 0), Crossing(received * children * instances, 0)
    held = tile * _relevant_trips(loops, operand, parent)
    own = 1 if child == len(mapping.nodes) else tile_words(layer, operand, mapping.tile(layer, child))
    own *= _relevant_trips(loops, operand, child)
    hops = received * children - arrivals
    return (
        TimeloopTraffic(instances, tile, arrivals - held, max(0, filled - held), arrivals),
        Crossing((received - own) * children * instances, hops * instances),
    )


def _loops(mapping: Mapping) -> Iterator[_Loop]:
    """Loops with more than one trip, outermost first."""
    inside = dict.fromkeys(DIMS, 1)
    found: list[_Loop] = []
    for index in reversed(range(len(mapping.nodes))):
        node = mapping.nodes[index]
        for loop in reversed(node.loops):
            if loop.trips > 1:
                found.append(_Loop(index, loop.dim, loop.trips, inside[loop.dim], isinstance(node, Spatial)))
            inside[loop.dim] *= loop.trips
    return reversed(found)


def _move(layer: Layer, operand: str, dim: str, distance: int) -> Vector:
    """How far a tile of an operand moves, per axis, when a dim advances by a distance."""
    if dim not in RELEVANT[operand]:
        return (0,) * len(AXES)
    if operand == "ifmap":
        distance *= {"P": layer.stride_h, "Q": layer.stride_w, "R": layer.dilation_h, "S": layer.dilation_w}.get(dim, 1)
    # A weight has no P or Q and a psum no R or S: only the ifmap's dims meet on the joint axes.
    return tuple(distance if dim in axis else 0 for axis in AXES)


def _words_filled(layer: Layer, operand: str, mapping: Mapping, loops: tuple[_Loop, ...], child: int) -> int:
    """Words that one instance of a level receives in all, first fill included; for psums, words of all its visits."""
    tile = mapping.tile(layer, child)
    whole = tile_words(layer, operand, tile)
    above = [loop for loop in loops if loop.node < child and not loop.is_spatial]
    moves = [_move(layer, operand, loop.dim, loop.step) for loop in above]
    while moves and not any(moves[-1]):
        above.pop()
        moves.pop()
    total = whole
    if not moves:
        return total
    slide = moves[-1]
    fresh = _fresh_words(layer, operand, tile, slide)
    for i, move in enumerate(moves):
        inner = list(zip(above[i + 1 :], moves[i + 1 :], strict=True))
        wrapped = tuple(own - sum((loop.trips - 1) * s[axis] for loop, s in inner) for axis, own in enumerate(move))
        times = prod(loop.trips for loop in above[:i]) * (above[i].trips - 1)
        if any(wrapped):
            total += times * (fresh if wrapped == slide else whole)
    return total


def _fresh_words(layer: Layer, operand: str, tile: dict[str, int], slide: Vector) -> int:
    """Words of a tile that it did not hold before it moved along one axis."""
    sizes = _box(layer, operand, tile)
    return prod(min(move, size) if move else size for move, size in zip(slide, sizes, strict=True))


def _box(layer: Layer, operand: str, tile: dict[str, int]) -> Vector:
    """Words of a tile per axis."""
    if operand == "ifmap":
        height = (tile["P"] - 1) * layer.stride_h + (tile["R"] - 1) * layer.dilation_h + 1
        width = (tile["Q"] - 1) * layer.stride_w + (tile["S"] - 1) * layer.dilation_w + 1
        return tile["G"], tile["N"], 1, tile["C"], height, width
    return tuple(prod(tile[dim] for dim in axis if dim in RELEVANT[operand]) for axis in AXES)


def _distinct_children(layer: Layer, operand: str, loops: tuple[_Loop, ...], parent: int, child: int) -> int:
    """Children of one parent whose tiles differ; of several fan-outs, each shares by itself."""
    between = [loop for loop in loops if loop.is_spatial and parent < loop.node < child]
    distinct = 1
    for node, axis in product({loop.node for loop in between}, range(len(AXES))):
        offsets = {0}
        for loop in between:
            move = _move(layer, operand, loop.dim, loop.step)[axis] if loop.node == node else 0
            offsets = {offset + trip * move for offset in offsets for trip in range(loop.trips if move else 1)}
        distinct *= len(offsets)
    return distinct


def _instances(loops: tuple[_Loop, ...], parent: int, child: int) -> int:
    """Instances of a node inside one instance of an outer one that a mapping uses."""
    return prod(loop.trips for loop in loops if loop.is_spatial and parent < loop.node < child)


def _relevant_trips(loops: tuple[_Loop, ...], operand: str, node: int) -> int:
    """Distinct tiles of an operand with disjoint tiles that one instance of a node sees."""
    relevant = RELEVANT[operand]
    return prod(loop.trips for loop in loops if not loop.is_spatial and loop.node < node and loop.dim in relevant)


def _check_perfect(layer: Layer, mapping: Mapping) -> None:
    for dim, bound in zip(DIMS, layer.bounds, strict=True):
        covered = prod(loop.trips for loop in mapping.loops if loop.dim == dim)
        if covered != bound:
            raise MappingError(
                f"the loops over {dim} cover {covered} of {bound} in layer {layer.name}",
                hint="Timeloop's counting is defined for perfect factors only",
            )


def arrays(architecture: Architecture, accesses: Accesses) -> tuple[Any, Any]:
    """(nodes, 3, 2) arrays of the counts of levels and of fan-outs, as `dse.model.counting.counts.Count` has them.

    Examples
    --------
    >>> import dse
    >>> chip, layer = dse.load_architecture("eyeriss"), dse.Layer("fc", K=2, C=3)
    >>> mapping = dse.Mapping.from_dict([
    ...     {"level": "DRAM", "stores": ["ifmap", "weight", "psum"], "loops": [["K", 2], ["C", 3]]},
    ...     {"level": "GLB", "stores": ["ifmap", "psum"], "loops": []},
    ...     {"fan_out": "array", "rows": [], "cols": []},
    ...     {"level": "PE", "stores": ["ifmap", "weight", "psum"], "loops": []},
    ... ])
    >>> levels, fans = arrays(chip, count_timeloop(layer, chip, mapping).accesses())
    >>> levels[0].tolist(), fans.shape
    ([[6, 0], [6, 0], [0, 2]], (4, 3, 2))
    """
    import numpy as np

    levels, fans = (np.zeros((len(architecture.hierarchy), 3, 2), dtype=np.int64) for _ in range(2))
    for i, node in enumerate(architecture.hierarchy):
        for k, operand in enumerate(OPERANDS):
            if isinstance(node, Level):
                traffic = accesses.levels[node.name][operand]
                levels[i, k] = traffic.reads, traffic.writes
            else:
                crossing = accesses.fan_outs[node.name][operand]
                fans[i, k] = crossing.delivered, crossing.hops
    return levels, fans
