"""Offsets for the tensors at home: sums of sizes may fit a level where no layout does, because of fragments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dse.mapper.network.residency.choose import Choice
from dse.mapper.network.residency.graph import Graph

MOST_NODES = 20_000
"""Placements of one piece that are tried before the search for a layout gives up."""


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


def pieces_of(graph: Graph, choice: Choice) -> tuple[Piece, ...]:
    """What must be placed: every stay of a tensor at home; a result that takes the room of what it reads has none.

    Tiles of the steps take what is left, in as many parts as it has.
    """
    stays: list[list[int]] = []  # tensor, first, last
    at: dict[int, int] = {}  # tensor to its stay going on
    for i, home in enumerate(choice.home):
        for t in [t for t in at if t not in home]:
            del at[t]
        for t in sorted(home):
            if t not in at or (t, i) in choice.loaded:
                at[t] = len(stays)
                stays.append([t, i, i])
            stays[at[t]][2] = i
    owner = {(t, first): [t, first, last, graph.tensors[t].bits] for t, first, last in stays}
    groups: dict[tuple[int, int], list[int]] = {key: [key[0]] for key in owner}
    for i in sorted(choice.merged):
        out = owner.pop((graph.steps[i].writes, i), None)
        if out is None:
            continue
        for t in graph.parts(i) or [t for t in graph.overwritten(i) if t in choice.home[i]][:1]:
            key = max(key for key in owner if key[0] == t or t in groups[key])
            owner[key][2] = max(owner[key][2], out[2])
            groups[key].append(out[0])
    return tuple(Piece(tuple(groups[key]), first, last, bits) for key, (_, first, last, bits) in owner.items())


def placed(pieces: Sequence[Piece], capacity: int) -> tuple[tuple[int, ...] | None, bool]:
    """Offsets in bits of some pieces so that those alive together do not overlap; None where none are found.

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
    return _search(pieces, capacity)


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
    others = [
        (offset, offset + pieces[m].bits) for m, offset in offsets.items()
        if pieces[m].first <= mine.last and mine.first <= pieces[m].last
    ]  # fmt: skip
    ends = sorted({0, *(end for _, end in others)})
    return [
        at for at in ends
        if at + mine.bits <= capacity and all(at + mine.bits <= start or end <= at for start, end in others)
    ]  # fmt: skip


def _search(pieces: Sequence[Piece], capacity: int) -> tuple[tuple[int, ...] | None, bool]:
    """All layouts in which every piece lies on the bottom or on another one: whichever fits can be pushed down to one.

    A layout pushed down can be filled from the bottom up, so pieces are tried in the order of their offsets.
    """
    nodes = 0

    def deeper(offsets: dict[int, int], least: int) -> dict[int, int] | None:
        nonlocal nodes
        if len(offsets) == len(pieces):
            return offsets
        for n in range(len(pieces)):
            if n in offsets:
                continue
            for at in _places(pieces, offsets, n, capacity):
                nodes += 1
                if nodes > MOST_NODES:
                    return None
                if at >= least and (found := deeper({**offsets, n: at}, at)) is not None:
                    return found
        return None

    found = deeper({}, 0)
    if found is None:
        return None, nodes <= MOST_NODES
    return tuple(found[n] for n in range(len(pieces))), True
