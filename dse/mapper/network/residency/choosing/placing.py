"""Offsets for the tensors at home: sums of sizes may fit a level where no layout does, because of fragments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, islice, product
from math import gcd

from dse.errors import InfeasibleError
from dse.mapper.network.residency.choice import KeptInLevel
from dse.mapper.network.residency.choosing.programme import Programme, UndecidedError
from dse.mapper.network.residency.graph import Graph
from dse.mapper.shared.stopping import Deadline

MOST_NODES = 20_000
"""Nodes of the programme for a layout before it gives up."""

NEVER = Deadline()

MOST_MERGES = 64
"""Ways for results to take the room of one of several operands that are tried."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Room that one tensor, or several that take it over from each other, has from a step to a later one.

    Parameters
    ----------
    tensors : tuple of int
    first, last : int
        Steps.
    bits : int
    """

    tensors: tuple[int, ...]
    first: int
    last: int
    bits: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Pieces and their offsets in bits."""

    pieces: tuple[Piece, ...] = ()
    offsets: tuple[int, ...] = ()

    def offset(self, tensor: int, step: int) -> int:
        """Of a tensor that is at home in a step."""
        return min(
            offset for piece, offset in zip(self.pieces, self.offsets, strict=True)
            if tensor in piece.tensors and piece.first <= step <= piece.last
        )  # fmt: skip


def laid_out(
    graph: Graph, kept: KeptInLevel, capacity: int, deadline: Deadline = NEVER
) -> tuple[Layout | None, bool]:
    """A layout of what a level keeps, and, where none is found, whether there surely is none."""
    proven = True
    for count, pieces in enumerate(pieces_of(graph, kept)):
        if count == MOST_MERGES or (count and deadline.is_over):
            return None, False
        offsets, sure = placed(pieces, capacity, deadline)
        if offsets is not None:
            return Layout(pieces, offsets), True
        proven = proven and sure
    return None, proven


def without_room(graph: Graph, kept: KeptInLevel, capacity: int, deadline: Deadline = NEVER) -> range:
    """Few steps in which what is at home surely has no layout, where it has none in all of them."""
    every = list(islice(pieces_of(graph, kept), MOST_MERGES))

    def has_none(first: int, last: int) -> bool:
        return all(placed(_within(pieces, first, last), capacity, deadline) == (None, True) for pieces in every)

    low, last = 0, len(graph.steps) - 1
    while low < last:  # the least last step
        middle = (low + last) // 2
        low, last = (low, middle) if has_none(0, middle) else (middle + 1, last)
    first, high = 0, last
    while first < high:  # the largest first one
        middle = (first + high + 1) // 2
        first, high = (middle, high) if has_none(middle, last) else (first, middle - 1)
    return range(first, last + 1)


def _within(pieces: Iterable[Piece], first: int, last: int) -> list[Piece]:
    """Those parts of pieces that lie in some steps."""
    return [
        replace(piece, first=max(piece.first, first), last=min(piece.last, last)) for piece in pieces
        if piece.first <= last and first <= piece.last
    ]  # fmt: skip


def pieces_of(graph: Graph, kept: KeptInLevel) -> Iterator[tuple[Piece, ...]]:
    """What must be placed: every stay of a tensor at home; a result that takes the room of what it reads has none.

    Where there are several operands whose room a result may take, there are as many ways; each is told. Tiles of the
    steps take what is left, in as many parts as it has.
    """
    steps = sorted(kept.merged)
    under = [
        [graph.parts(i)] if graph.parts(i) else [(t,) for t in graph.overwritten(i) if t in kept.home[i]] for i in steps
    ]
    for taken in product(*under):
        yield _pieces(graph, kept, dict(zip(steps, taken, strict=True)))


def _pieces(graph: Graph, kept: KeptInLevel, taken: dict[int, tuple[int, ...]]) -> tuple[Piece, ...]:
    stays: list[list[int]] = []  # tensor, first, last
    at: dict[int, int] = {}  # tensor to its stay going on
    arrivals = kept.arrivals
    for i, home in enumerate(kept.home):
        for t in [t for t in at if t not in home]:
            del at[t]
        for t in sorted(home):
            if t not in at or (t, i) in arrivals:
                at[t] = len(stays)
                stays.append([t, i, i])
            stays[at[t]][2] = i
    owner = {(t, first): [t, first, last, graph.tensors[t].bits] for t, first, last in stays}
    groups: dict[tuple[int, int], list[int]] = {key: [key[0]] for key in owner}
    for i, under in taken.items():
        out = owner.pop((graph.steps[i].writes, i), None)
        if out is None:
            continue
        for t in under:
            key = max(key for key in owner if key[0] == t or t in groups[key])
            owner[key][2] = max(owner[key][2], out[2])
            groups[key].append(out[0])
    return tuple(Piece(tuple(groups[key]), first, last, bits) for key, (_, first, last, bits) in owner.items())


def placed(
    pieces: Sequence[Piece], capacity: int, deadline: Deadline = NEVER
) -> tuple[tuple[int, ...] | None, bool]:
    """Offsets in bits of some pieces so that those alive together do not overlap; None where none are found.

    Parameters
    ----------
    pieces : sequence of Piece
    capacity : int
        Bits.
    deadline : Deadline
        After it only simple rules are tried.

    Returns
    -------
    offsets : tuple of int, or None
    proven : bool
        Whether there is surely no layout, where none was found.

    Examples
    --------
    >>> placed([Piece((0,), 0, 1, 4), Piece((1,), 1, 2, 6)], 10)
    ((6, 0), True)
    >>> placed([Piece((0,), 0, 1, 5), Piece((1,), 1, 2, 6)], 10)
    (None, True)
    """
    keys = (lambda p: (-p.bits, p.first), lambda p: (p.first, -p.bits), lambda p: (p.first - p.last, -p.bits))
    for key in keys:
        order = sorted(range(len(pieces)), key=lambda n, key=key: (*key(pieces[n]), n))  # type: ignore[misc]
        offsets = _first_fit(pieces, order, capacity)
        if offsets is not None:
            return offsets, True
    steps = {piece.first for piece in pieces}
    if any(sum(one.bits for one in pieces if one.first <= i <= one.last) > capacity for i in steps):
        return None, True
    return (None, False) if deadline.is_over else _by_programme(pieces, capacity, deadline.left_s)


def _first_fit(pieces: Sequence[Piece], order: Iterable[int], capacity: int) -> tuple[int, ...] | None:
    offsets: dict[int, int] = {}
    for n in order:
        offset = next(iter(_places(pieces, offsets, n, capacity)), None)
        if offset is None:
            return None
        offsets[n] = offset
    return tuple(offsets[n] for n in range(len(pieces)))


def _places(pieces: Sequence[Piece], offsets: dict[int, int], n: int, capacity: int) -> list[int]:
    """Offsets at which a piece lies on the bottom or right above another one, and overlaps none."""
    mine = pieces[n]
    others = [(offset, offset + pieces[m].bits) for m, offset in offsets.items() if _meet(pieces[m], mine)]
    ends = sorted({0, *(end for _, end in others)})
    return [
        at for at in ends
        if at + mine.bits <= capacity and all(at + mine.bits <= start or end <= at for start, end in others)
    ]  # fmt: skip


def _meet(one: Piece, other: Piece) -> bool:
    return one.first <= other.last and other.first <= one.last


def _by_programme(pieces: Sequence[Piece], capacity: int, limit_s: float) -> tuple[tuple[int, ...] | None, bool]:
    """Offsets by an integer programme: of two pieces alive together, one lies above the other.

    A layout pushed down has offsets that are sums of sizes, so all are multiples of what divides all sizes. What the
    programme says is read as an order from the bottom up, and laid out by whole numbers.
    """
    unit = gcd(*(piece.bits for piece in pieces))
    size, whole = [piece.bits // unit for piece in pieces], capacity // unit
    model = Programme()
    at = [model.variable(most=float(whole - bits), whole=False) for bits in size]
    for n, m in combinations(range(len(pieces)), 2):
        if _meet(pieces[n], pieces[m]):
            above = model.variable()
            model.row([(at[n], 1.0), (at[m], -1.0), (above, float(whole))], high=float(whole - size[n]))
            model.row([(at[m], 1.0), (at[n], -1.0), (above, -float(whole))], high=-float(size[m]))
    try:
        values, _, _ = model.solve(MOST_NODES, limit_s)
    except InfeasibleError:
        return None, True
    except UndecidedError:
        return None, False
    offsets: dict[int, int] = {}
    for n in sorted(range(len(pieces)), key=lambda n: (values[at[n]], n)):
        ends = [offset + pieces[m].bits for m, offset in offsets.items() if _meet(pieces[m], pieces[n])]
        offsets[n] = max(ends, default=0)
        if offsets[n] + pieces[n].bits > capacity:
            return None, False
    return tuple(offsets[n] for n in range(len(pieces))), True
