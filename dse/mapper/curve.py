"""The fewest words between the outermost level and a buffer of each size: a bound on every mapping, before any search.

What crosses there depends on the buffer's tile and on the order of the outermost list alone, whatever array and PEs are
inside. So all tiles and orders can be weighed at once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import inf
from typing import Any

import numpy as np

from dse.architecture.architecture import Architecture
from dse.architecture.hierarchy import Level
from dse.errors import DseError
from dse.mapper.shared.mapspace.orders import group_dims
from dse.mapper.shared.mapspace.words import boxes, tile_words
from dse.model.counting.counts import window_of
from dse.problem.dims import DIMS, IFMAP, OPERANDS, PSUM, WEIGHT, C, K, N, P, Q, R, S
from dse.problem.layer import Layer

Array = Any

NEVER = 2**62
"""Words of a tile and order that cannot be."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A corner of the curve: no smaller buffer allows so few words.

    Parameters
    ----------
    capacity_bits : int
        Of the tiles that the buffer holds at once.
    words : int
        Read from and written to the outermost level.
    tile : tuple of int
        Of the buffer, in the order of `DIMS`.
    stationary : str
        Operand whose irrelevant loops are the innermost of the outermost list.
    slides : str
        Dim of the loop over which the ifmap slides; it has one trip when nothing does.
    passing : tuple of str
        Operands that go past the buffer.
    """

    capacity_bits: int
    words: int
    tile: tuple[int, ...]
    stationary: str
    slides: str
    passing: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "capacity_bits": self.capacity_bits,
            "words": self.words,
            "tile": dict(zip(DIMS, self.tile, strict=True)),
            "stationary": self.stationary,
            "slides": self.slides,
            "passing": list(self.passing),
        }


@dataclass(frozen=True, slots=True)
class CapacityCurve:
    """The fewest words of a layer against the buffer's capacity: a staircase, flat from each corner to the next.

    Parameters
    ----------
    layer : Layer
        As the architecture runs it.
    points : tuple of CurvePoint
        Corners; capacity rises, words fall.
    """

    layer: Layer
    points: tuple[CurvePoint, ...]

    @property
    def least_words(self) -> int:
        """With a buffer of any size."""
        return self.points[-1].words

    def at(self, capacity_bits: float) -> CurvePoint | None:
        """The corner that a buffer of some size reaches; None where not even the smallest tiles fit."""
        place = bisect_right(self.points, capacity_bits, key=lambda point: point.capacity_bits)
        return self.points[place - 1] if place else None

    @property
    def near_least(self) -> CurvePoint:
        """The smallest buffer that moves at most `NEAR` more than the fewest words."""
        return self.points[near_least([point.words for point in self.points])]


SMALLEST_BITS = 8 * 1024
"""No chip has a smaller buffer, so figures begin here."""

NEAR = 0.1
"""Beyond the fewest words, what a buffer may move that is still called nearly enough."""


def near_least(words: Sequence[float]) -> int:
    """The first corner of a falling curve that is at most `NEAR` above its last.

    Examples
    --------
    >>> near_least([10_000, 900, 120, 109, 100])
    3
    """
    return next(i for i, moved in enumerate(words) if moved <= (1 + NEAR) * words[-1])


def buffer_of(architecture: Architecture) -> Level:
    """The level right below the outermost one.

    Raises
    ------
    DseError
        When an array or the MACs come first.

    Examples
    --------
    >>> import dse
    >>> buffer_of(dse.load_architecture("eyeriss")).name
    'GLB'
    """
    below = architecture.hierarchy[1] if len(architecture.hierarchy) > 1 else None
    if not isinstance(below, Level):
        raise DseError(
            f"{architecture.name} has no buffer between {architecture.hierarchy[0].name} and "
            f"{below.name if below is not None else 'the MACs'}",
            hint="the bound is over the capacity of such a buffer; add a level right below the outermost one",
        )
    return below


def tile_capacity_bits(architecture: Architecture) -> float:
    """Bits of the buffer that tiles may take, partitions added up; infinite when it is unbounded.

    Examples
    --------
    >>> import dse
    >>> tile_capacity_bits(dse.load_architecture("eyeriss")) / 8192  # all of its 108 KiB
    108.0
    """
    level = buffer_of(architecture)
    if level.capacity_bits is not None:
        return level.capacity_bits // level.tile_share
    if level.partition_bits is None or any(level.partition_bits[o] is None for o in level.stores):
        return inf
    return sum((level.partition_bits[o] or 0) // level.tile_share for o in level.stores)


def capacity_curve(architecture: Architecture, layer: Layer) -> CapacityCurve:
    """The fewest words that any mapping of a layer moves between the outermost level and a buffer of each size.

    Parameters
    ----------
    architecture : Architecture
        Only what the level below the outermost one stores and may bypass matters; its operands share the capacity.
    layer : Layer

    Notes
    -----
    Exact over all integer tiles of the buffer and all orders of the outermost list. By the order collapse
    (`dse.mapper.shared.mapspace.orders`) an order is an operand whose irrelevant loops are innermost, and a dim that
    the ifmap slides on. A loop that costs no words in such an order may as well have tiles of one: K under a resting
    ifmap, N under resting weights, C under resting psums, and the dim slid on. The others take the smallest tile of
    every trip count, or, where strides leave holes between windows, every tile.

    An operand that goes past the buffer takes no capacity. It counts as if the levels inside received the buffer's
    tile, and stays through the outermost list only if one of them has room for that tile in all of its instances
    together. That is a bound, exact when this level is as large as need be; an ifmap with holes then counts as the
    words that some MAC touches, once per trip over K.

    A psum takes its width in the buffer, but that of a finished output where each crosses to the outermost level once:
    then none need come to the buffer before it is finished.

    Examples
    --------
    >>> import dse
    >>> curve = capacity_curve(dse.load_architecture("eyeriss"), dse.Layer("line", K=2, P=4, R=3))
    >>> [(point.capacity_bits // 16, point.words) for point in curve.points]
    [(2, 56), (3, 44), (4, 26), (5, 20)]
    """
    layer = architecture.lowered(layer)
    level = buffer_of(architecture)
    found: list[CurvePoint] = []
    optional = sorted(level.may_bypass)
    for drops in product((False, True), repeat=len(optional)):
        kept = level.stores - {operand for operand, drop in zip(optional, drops, strict=True) if drop}
        rooms = _rooms(architecture, layer, kept)
        for stationary in range(3):
            for slide in _slides(layer, stationary):
                found += _corners(layer, kept, rooms, stationary, slide)
    return CapacityCurve(layer, tuple(_staircase(found)))


def add_curves(curves: Sequence[tuple[CapacityCurve, int]]) -> tuple[tuple[int, int], ...]:
    """Corners (bits, words) of the sum of curves, each so many times; from where all of them fit.

    Notes
    -----
    Exact for a network whose layers run one after the other and leave nothing in the buffer.

    Examples
    --------
    >>> import dse
    >>> chip, layer = dse.load_architecture("eyeriss"), dse.Layer("line", K=2, P=4, R=3)
    >>> add_curves([(capacity_curve(chip, layer), 2)])[-1]  # two such layers
    (80, 40)
    """
    first = max(curve.points[0].capacity_bits for curve, _ in curves)
    sizes = {point.capacity_bits for curve, _ in curves for point in curve.points}
    corners: list[tuple[int, int]] = []
    for size in sorted(size for size in sizes if size >= first):
        words = sum(point.words * count for curve, count in curves if (point := curve.at(size)) is not None)
        if not corners or words < corners[-1][1]:
            corners.append((size, words))
    return tuple(corners)


def _slides(layer: Layer, stationary: int) -> list[int]:
    """Dims that the ifmap can slide on: any under resting ifmaps, else those whose loops are innermost."""
    dims = {IFMAP: (P, Q, R, S), WEIGHT: (P, Q), PSUM: (R, S)}[stationary]
    return [dim for dim in dims if layer.bounds[dim] > 1] or [dims[0]]


def _rooms(architecture: Architecture, layer: Layer, kept: frozenset[str]) -> dict[int, float]:
    """For operands that go past the buffer: bits that all instances of the roomiest level inside can hold.

    An operand whose tile finds no room is brought again for every trip of the outermost list over a dim it does not
    have. Such an order is no better than one in which a kept operand rests instead, and may be left out: that holds for
    weights and psums while ifmaps are kept, and for ifmaps while both others are.
    """
    passing = [operand for operand in OPERANDS if operand not in kept]
    if "ifmap" in passing and (len(passing) > 1 or _has_holes(layer)):
        return {}
    rooms = {}
    for operand in passing:
        sizes = [0.0]
        for level in architecture.levels[2:]:
            if operand in level.stores:
                own = None if level.partition_bits is None else level.partition_bits[operand]
                bits = min(inf if limit is None else limit for limit in (own, level.capacity_bits))
                sizes.append(architecture.instances(level.name) * (bits // level.tile_share if bits < inf else inf))
        rooms[OPERANDS.index(operand)] = max(sizes)
    return rooms


def _has_holes(layer: Layer) -> bool:
    """Whether tiles of the ifmap may leave words of their box untouched."""
    return (layer.stride_h, layer.stride_w, layer.dilation_h, layer.dilation_w) != (1, 1, 1, 1)


def _corners(
    layer: Layer, kept: frozenset[str], rooms: dict[int, float], stationary: int, slide: int
) -> list[CurvePoint]:
    """The staircase of one kind of order, over all of its tiles."""
    tiles = list(_tiles(layer, stationary, slide))
    t = np.meshgrid(*tiles, indexing="ij", sparse=True)
    sizes_bits = _sizes_bits(layer, t, stationary)
    bits = np.broadcast_to(
        sum((sizes_bits[o] for o in range(3) if OPERANDS[o] in kept), start=np.zeros((1,) * 8, dtype=np.int64)),
        [len(sizes) for sizes in tiles],
    )
    words = _words(layer, t, kept, stationary, slide)
    if stationary in rooms:
        words = np.where(sizes_bits[stationary] <= rooms[stationary], words, NEVER)
    flat = bits.ravel()
    words = np.broadcast_to(words, bits.shape).ravel()
    order = np.argsort(flat, kind="stable")
    least = np.minimum.accumulate(words[order])
    better = order[np.flatnonzero(np.diff(least, prepend=NEVER) < 0)]
    passing = tuple(operand for operand in OPERANDS if operand not in kept)
    rows = np.unravel_index(better, bits.shape)
    places = zip(*(sizes[at] for sizes, at in zip(tiles, rows, strict=True)), strict=True)
    return [
        CurvePoint(
            int(flat[i]), int(words[i]), tuple(int(size) for size in place), OPERANDS[stationary], DIMS[slide], passing
        )
        for i, place in zip(better, places, strict=True)
    ]


def _staircase(points: list[CurvePoint]) -> Iterator[CurvePoint]:
    """Those that have fewer words than all smaller ones."""
    least = inf
    for point in sorted(points, key=lambda point: (point.capacity_bits, point.words)):
        if point.words < least:
            least = point.words
            yield point


def _tiles(layer: Layer, stationary: int, slide: int) -> Iterator[Array]:
    """The tile sizes of every dim that can be best in one kind of order."""
    free = (0, group_dims(stationary)[0], *((slide,) if stationary != IFMAP else ()))
    across = slide + 2 if slide < R else slide - 2
    hole = {P: layer.stride_h, Q: layer.stride_w, R: layer.dilation_h, S: layer.dilation_w}[slide] > 1
    for dim, bound in enumerate(layer.bounds):
        sizes = np.arange(1, bound + 1)
        if dim in free:
            yield sizes[:1]
        elif dim == across and hole:
            yield sizes
        else:
            yield np.unique(-(-bound // sizes))


def _sizes_bits(layer: Layer, t: Sequence[Array], stationary: int) -> list[Array]:
    """Bits of each operand's tile, the ifmap's as its box; tiles over groups are one."""
    window = window_of(layer)
    comes_once = np.asarray(stationary == PSUM) | (
        (t[C] >= layer.bounds[C]) & (t[R] >= layer.bounds[R]) & (t[S] >= layer.bounds[S])
    )
    psum = np.where(comes_once, layer.finished_bits, layer.bits.psum)
    # Down and up: two parts of a bit together never come to more than a bit too many.
    i, w = Fraction(layer.held_bits.ifmap), Fraction(layer.held_bits.weight)
    ifmap = tile_words(t, window, IFMAP) * i.numerator // i.denominator
    weight = -(-tile_words(t, window, WEIGHT) * w.numerator // w.denominator)
    return [ifmap, weight, tile_words(t, window, PSUM) * psum]


def _words(layer: Layer, t: Sequence[Array], kept: frozenset[str], stationary: int, slide: int) -> Array:
    """Words read from and written to the outermost level: an operand crosses once per trip of the loops that it does
    not have, unless they are innermost; psums come back each time but the first."""
    n = [-(-bound // sizes) for bound, sizes in zip(layer.bounds, t, strict=True)]
    if "ifmap" in kept or not _has_holes(layer):
        height = _axis_words(layer, t, n, P, R, slide, layer.stride_h, layer.dilation_h)
        width = _axis_words(layer, t, n, Q, S, slide, layer.stride_w, layer.dilation_w)
        image = layer.G * layer.N * layer.C * height * width
    else:
        image = layer.touched_words("ifmap")
    ifmap = image * (1 if stationary == IFMAP else n[K])
    weight = layer.weight_words * (1 if stationary == WEIGHT else n[N] * n[P] * n[Q])
    psum = layer.psum_words * (2 * (1 if stationary == PSUM else n[C] * n[R] * n[S]) - 1)
    return ifmap + weight + psum


def _axis_words(
    layer: Layer, t: Sequence[Array], n: Sequence[Array], a: int, b: int, slide: int, stride: int, dilation: int
) -> Array:
    """Rows (columns) of the ifmap that cross, over all tiles of P and R (Q and S).

    The sum of the boxes of all tiles depends on their numbers alone. In a run over a, every tile but the first moves
    min(p*stride, box) words: a window of w = (r - 1)*dilation + 1 words leaves a hole of stride - w at each move when
    it is shorter than the stride.
    """
    if slide == b:
        return _axis_words(layer, t, n, b, a, slide, dilation, stride)
    if slide != a:
        return boxes(n[a], n[b], layer.bounds[a], layer.bounds[b], stride, dilation)
    whole = boxes(1, n[b], layer.bounds[a], layer.bounds[b], stride, dilation)
    last = layer.bounds[b] - (n[b] - 1) * t[b]
    holes = (n[b] - 1) * np.maximum(0, stride - (t[b] - 1) * dilation - 1)
    return whole - (n[a] - 1) * (holes + np.maximum(0, stride - (last - 1) * dilation - 1))
