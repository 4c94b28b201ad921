"""The loop nest as the simulator sees it: loops with their steps, who feeds whom, and which words a tile holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from operator import add
from typing import Literal

from dse.architecture.hierarchy import FanOut
from dse.model.mapping import Mapping, Temporal
from dse.problem.dims import DIMS, OPERANDS
from dse.problem.layer import Layer, is_relevant

Indices = tuple[int, ...]
"""One index per temporal loop, outermost first."""
Offset = tuple[int, ...]
"""One offset per dim, in the order of `DIMS`."""
Position = tuple[int | None, ...]
"""Which child of each fan-out above, outermost first; None where a reduction has merged the children."""
Word = tuple[int, ...]
Words = frozenset[Word]
Move = Literal["fetch", "slide"]

ORIGIN: Offset = (0,) * len(DIMS)


@dataclass(frozen=True, slots=True)
class PlacedLoop:
    """A loop where it stands: its node, its dim (an index of `DIMS`), and how far one trip goes."""

    node: int
    dim: int
    trips: int
    step: int


@dataclass(frozen=True, slots=True)
class Boundary:
    """Where one operand passes between a level that keeps it and what it feeds.

    Parameters
    ----------
    operand : str
    parent, child : int
        Nodes of the mapping, both keep the operand and none between does; one past the last node is the MAC.
    parent_depth : int
        Fan-outs above the parent, which is the length of its instances' positions.
    fan_outs : tuple of FanOut
        Those between parent and child, outermost first.
    children : dict of Position to Offset
        Every instance of the child, and how far its tile lies from that of the first instance.
    tile : tuple of int
        Nominal size of the child's tile per dim.
    outside, through : int
        In the walk's index tuples, `[:outside]` belongs to the loops outside j and `[outside:through]` to j.
    spreads_sums : bool
        Whether a fan-out between that adds up psums has a loop over C, R or S: then each child computes a part of every
        sum, also in a last pass that leaves work for one of them only.
    """

    operand: str
    parent: int
    child: int
    parent_depth: int
    fan_outs: tuple[FanOut, ...]
    children: dict[Position, Offset]
    tile: tuple[int, ...]
    outside: int
    through: int
    spreads_sums: bool

    def move(self, before: Indices | None, now: Indices) -> Move | None:
        """Rule 1: what the step from one index tuple to the next moves over this boundary."""
        if before is None or before[: self.outside] != now[: self.outside]:
            return "fetch"
        return "slide" if before[self.outside : self.through] != now[self.outside : self.through] else None


def placed_loops(mapping: Mapping) -> list[PlacedLoop]:
    """All loops, outermost first; a loop steps over everything that the loops inside it cover.

    Examples
    --------
    >>> from dse.model.mapping import Loop
    >>> stores = frozenset({"ifmap", "weight", "psum"})
    >>> mapping = Mapping((Temporal("DRAM", (Loop("K", 2),), stores), Temporal("GLB", (Loop("K", 3),), stores)))
    >>> placed_loops(mapping)
    [PlacedLoop(node=0, dim=2, trips=2, step=3), PlacedLoop(node=1, dim=2, trips=3, step=1)]
    """
    covered = dict.fromkeys(DIMS, 1)
    placed = []
    for node in reversed(range(len(mapping.nodes))):
        for loop in reversed(mapping.nodes[node].loops):
            placed.append(PlacedLoop(node, DIMS.index(loop.dim), loop.trips, covered[loop.dim]))
            covered[loop.dim] *= loop.trips
    return placed[::-1]


def existing(loops: Sequence[PlacedLoop], bounds: tuple[int, ...]) -> Iterator[tuple[Indices, Offset]]:
    """The index tuples of some loops, in order, whose offsets lie below the bounds; with these offsets.

    Examples
    --------
    K = 5 in two tiles of 3: the last tile has no third index.

    >>> outer, inner = PlacedLoop(0, 2, trips=2, step=3), PlacedLoop(1, 2, trips=3, step=1)
    >>> [indices for indices, _ in existing([outer, inner], (1, 1, 5, 1, 1, 1, 1, 1))]
    [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]
    """

    def inner(depth: int, indices: Indices, offset: Offset) -> Iterator[tuple[Indices, Offset]]:
        if depth == len(loops):
            yield indices, offset
            return
        loop = loops[depth]
        for index in range(loop.trips):
            moved = list(offset)
            moved[loop.dim] += index * loop.step
            if moved[loop.dim] < bounds[loop.dim]:
                yield from inner(depth + 1, (*indices, index), tuple(moved))

    return inner(0, (), ORIGIN)


def boundaries(layer: Layer, hierarchy: Sequence[object], mapping: Mapping) -> list[Boundary]:
    """Every boundary of every operand, those of one operand outermost first.

    Examples
    --------
    >>> from dse.model.mapping import Loop
    >>> outer = Temporal("DRAM", (Loop("K", 2),), frozenset(OPERANDS))
    >>> mapping = Mapping((outer, Temporal("GLB", (Loop("K", 3),), frozenset({"weight"}))))
    >>> [(found.operand, found.parent, found.child) for found in boundaries(Layer("fc", K=6), (), mapping)]
    [('ifmap', 0, 2), ('weight', 0, 1), ('weight', 1, 2), ('psum', 0, 2)]
    """
    loops = placed_loops(mapping)
    found = []
    for operand in OPERANDS:
        keepers = [i for i, node in enumerate(mapping.nodes) if isinstance(node, Temporal) and operand in node.stores]
        for parent, child in zip(keepers, [*keepers[1:], len(mapping.nodes)], strict=True):
            fan_outs = [(i, place) for i, place in enumerate(hierarchy[:child]) if isinstance(place, FanOut)]
            outside, through = _span_of_j(mapping, loops, operand, child)
            found.append(
                Boundary(
                    operand,
                    parent,
                    child,
                    parent_depth=sum(i < parent for i, _ in fan_outs),
                    fan_outs=tuple(fan_out for i, fan_out in fan_outs if i > parent),
                    children=_children(layer, loops, [i for i, _ in fan_outs]),
                    tile=_nominal_tile(loops, child),
                    outside=outside,
                    through=through,
                    spreads_sums=any(
                        loop.trips > 1 and DIMS[loop.dim] in "CRS" and fan_out.reduces
                        for node, fan_out in fan_outs if node > parent
                        for loop in loops if loop.node == node
                    ),
                )
            )
    return found


def tile_words(layer: Layer, operand: str, start: Offset, stop: Offset) -> Words:
    """The words of an operand in a tile; of the ifmap, its bounding box.

    Examples
    --------
    >>> layer = Layer("fc", K=2, C=3)
    >>> len(tile_words(layer, "weight", ORIGIN, layer.bounds)), len(tile_words(layer, "ifmap", ORIGIN, layer.bounds))
    (6, 3)
    """
    G, N, K, C, P, Q, R, S = map(range, start, stop)
    if operand == "weight":
        return frozenset(product(G, K, C, R, S))
    if operand == "psum":
        return frozenset(product(N, G, K, P, Q))
    H = range(P[0] * layer.stride_h + R[0] * layer.dilation_h, P[-1] * layer.stride_h + R[-1] * layer.dilation_h + 1)
    W = range(Q[0] * layer.stride_w + S[0] * layer.dilation_w, Q[-1] * layer.stride_w + S[-1] * layer.dilation_w + 1)
    return frozenset(product(N, G, C, H, W))


def plus(a: Offset, b: Offset) -> Offset:
    """The sum of two offsets.

    Examples
    --------
    >>> plus((1, 0), (2, 5))
    (3, 5)
    """
    return tuple(map(add, a, b))


def _span_of_j(mapping: Mapping, loops: Sequence[PlacedLoop], operand: str, child: int) -> tuple[int, int]:
    """Where j begins and ends among the temporal loops: the innermost loop above the child that is relevant."""
    above = [loop for loop in loops if loop.node < child and isinstance(mapping.nodes[loop.node], Temporal)]
    if child == len(mapping.nodes):
        return len(above), len(above)  # every step is a fetch for the MACs, as if all loops lay outside j
    turning = [(i, loop.dim) for i, loop in enumerate(above) if loop.trips > 1]
    while turning and not is_relevant(DIMS[turning[-1][1]], operand):
        turning.pop()
    if not turning:
        return 0, 0  # nothing but the first step moves words
    last, dim = turning[-1]
    while turning and turning[-1][1] == dim:  # neighbours over one dim are one loop
        first, _ = turning.pop()
    return first, last + 1


def _children(layer: Layer, loops: Sequence[PlacedLoop], fan_outs: Sequence[int]) -> dict[Position, Offset]:
    """All children of the given fan-outs, by position; those that lie beyond the bounds from the start left out."""
    children: dict[Position, Offset] = {(): ORIGIN}
    for node in fan_outs:
        unrolled = list(existing([loop for loop in loops if loop.node == node], layer.bounds))
        children = {
            (*position, number): plus(offset, place)
            for position, offset in children.items()
            for number, (_, place) in enumerate(unrolled)
        }
    return children


def _nominal_tile(loops: Sequence[PlacedLoop], child: int) -> tuple[int, ...]:
    size = [1] * len(DIMS)
    for loop in loops:
        if loop.node >= child:
            size[loop.dim] *= loop.trips
    return tuple(size)
