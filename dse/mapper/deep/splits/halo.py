"""Ifmap words along an axis that slide or are shared: unions of boxes, by the model's own count. Compilable.

Of a dim's chain, words depend on few numbers: the tile, where children that share stand, and the positions that tiles
take. Many chains have the same, and each pair of these is counted once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.mapper.shared.price import new_scratch
from dse.model.counting.boxes import offsets, positions, words_moved
from dse.model.counting.kernel import Ints, entry
from dse.model.counting.records import Axis, Nest, Position, Scratch
from dse.problem.dims import P, R


class Window(NamedTuple):
    """How two dims meet in the ifmap.

    Parameters
    ----------
    bounds : (2,) int64
    stride, dilation : int
        Words that one step of the first, and one of the second, moves.
    """

    bounds: Ints
    stride: int
    dilation: int


class View(NamedTuple):
    """Which words of a crossing are counted.

    Parameters
    ----------
    level : int
        Of the children that the words are for.
    joined : int
        Fan-outs (bits) whose children count as one.
    mode : int
        Multicast: NONE, TILE or WORD (`dse.model.counting.records`).
    """

    level: int
    joined: int
    mode: int


class Slide(NamedTuple):
    """Loops over which the ifmap may slide as one, a loop of each list.

    Parameters
    ----------
    which : int
        Over the first dim of the axis, or over the second.
    first, last : int
        The lists in which they are, the outermost and the innermost.
    known : bool
        Whether the last list certainly has one of them. Otherwise it may be without trips.
    """

    which: int
    first: int
    last: int
    known: bool


Slides = tuple[Slide, ...]


class Patterns(NamedTuple):
    """What words depend on of each chain of a dim, alike ones once.

    Parameters
    ----------
    of : (n,) int64
        The pattern of each chain.
    deepest : (n,) int64
        The innermost list outside the children in which each chain has trips, -1 for none.
    begin : (n + 1,) int64
        Where each pattern stands in `numbers`.
    numbers : (*,) int64
        The tile; how many children share and where they stand; how many classes of positions there are and these.
    many : int
        How many patterns there are.
    """

    of: Ints
    deepest: Ints
    begin: Ints
    numbers: Ints
    many: int


@entry
def joined_words(
    singles: tuple[Ints, Ints], chosen: tuple[Ints, Ints], window: Window, view: View, slides: Ints, stop: Ints,
    out: Ints,
) -> bool:
    """At least the words that the parents of the children at a level read: the fewest in some ways to slide, or none.

    Where nothing slides, and where one way to slide is known, this is what they read.

    Parameters
    ----------
    singles : two (*, 2 * k) int64
        Chains of both dims, each once.
    chosen : two (n,) int64
        Those of each split.
    slides : (m, 4) int64
        See `Slide`. A split does not slide so where it has no trips of that dim, or some of the other dim further in.
    stop : (1,) int64
        Raised from outside to leave the rest undone.
    out : (n,) int64
        Filled.

    Returns
    -------
    bool
        Whether all are.
    """
    first, second = singles
    loops, bounds = 2 * first.shape[1], window.bounds
    nest = Nest(
        loops, np.zeros(loops, dtype=np.int64), np.ones(loops, dtype=np.int64), np.ones(loops, dtype=np.int64),
        np.zeros(loops, dtype=np.int64), np.zeros(loops, dtype=np.int64),  # no count asks for the node of a loop
    )  # fmt: skip
    scratch = new_scratch(loops, max(bounds[0], bounds[1]), _most_children(first, second, view.joined))
    none = np.array([0, loops, loops, 0])
    whole_a = _patterns(first, P, bounds[0], view, none, nest, scratch, stop)
    whole_b = _patterns(second, R, bounds[1], view, none, nest, scratch, stop)
    for i in range(len(out)):
        out[i] = 2**62
    _lower(whole_a, whole_b, chosen, none, window, view.mode, scratch, stop, out)
    for k in range(len(slides)):
        if slides[k, 0] == 0:
            slid = _patterns(first, P, bounds[0], view, slides[k], nest, scratch, stop)
            _lower(slid, whole_b, chosen, slides[k], window, view.mode, scratch, stop, out)
        else:
            slid = _patterns(second, R, bounds[1], view, slides[k], nest, scratch, stop)
            _lower(whole_a, slid, chosen, slides[k], window, view.mode, scratch, stop, out)
    return bool(stop[0] == 0)


def _lower(
    a: Patterns, b: Patterns, chosen: tuple[Ints, Ints], slide: Ints, window: Window, mode: int, scratch: Scratch,
    stop: Ints, out: Ints,
) -> None:  # fmt: skip
    """Lower the words of each split that may slide so to those of its patterns."""
    known, which, last = np.full((a.many, b.many), -1), slide[0], slide[2]
    slides = last < len(scratch.joined)
    for i in range(len(out)):
        if stop[0] != 0:
            break
        one, other = chosen[0][i], chosen[1][i]
        mine, its = (a.deepest[one], b.deepest[other]) if which == 0 else (b.deepest[other], a.deepest[one])
        if slides and (mine < max(0, its) or (slide[3] == 1 and mine != last)):
            continue
        x, y = a.of[one], b.of[other]
        if known[x, y] < 0:
            known[x, y] = _words(a.numbers, a.begin[x], b.numbers, b.begin[y], window, mode, scratch)
        out[i] = min(out[i], known[x, y])


def _words(
    numbers_a: Ints, begin_a: int, numbers_b: Ints, begin_b: int, window: Window, mode: int, scratch: Scratch
) -> int:
    """Words of two patterns, as `dse.model.counting.boxes.box_words` adds them up."""
    axis = Axis(P, R, window.stride, window.dilation)
    scratch.tile[P], scratch.tile[R] = numbers_a[begin_a], numbers_b[begin_b]
    rows, cols = numbers_a[begin_a + 1], numbers_b[begin_b + 1]
    for i in range(rows):
        scratch.offsets_a[i] = numbers_a[begin_a + 2 + i]
    for i in range(cols):
        scratch.offsets_b[i] = numbers_b[begin_b + 2 + i]
    at_a, at_b = begin_a + 2 + rows, begin_b + 2 + cols
    total = 0
    for i in range(numbers_a[at_a]):
        x = at_a + 1 + 3 * i
        for k in range(numbers_b[at_b]):
            y = at_b + 1 + 3 * k
            position = Position(numbers_a[x], numbers_a[x + 1], numbers_b[y], numbers_b[y + 1])
            times = numbers_a[x + 2] * numbers_b[y + 2]
            total += times * words_moved(axis, mode, position, rows, cols, scratch)
    return int(total)


def _patterns(
    chains: Ints, d: int, bound: int, view: View, slide: Ints, nest: Nest, scratch: Scratch, stop: Ints
) -> Patterns:
    """The patterns of a dim's chains, sliding over some of its loops; of those up to where the search is stopped."""
    which = 0 if d == P else 1
    first, last, loops = slide[1], slide[2], nest.size
    if last < loops:
        first, last = 4 * first + which, 4 * last + which
    stands, at = (scratch.offsets_a, scratch.positions_a) if d == P else (scratch.offsets_b, scratch.positions_b)
    of, begin, many = np.zeros(len(chains), dtype=np.int64), np.zeros(len(chains) + 1, dtype=np.int64), 0
    deepest = np.full(len(chains), -1)
    places = np.full(_room_of(len(chains)), -1)  # of patterns, from where their numbers lead to onwards
    numbers = np.zeros(1024, dtype=np.int64)
    for k in range(loops):
        nest.trips[k] = 1  # of the other dim
    for i in range(len(chains)):
        if stop[0] != 0:
            break
        for k in range(view.level):
            if chains[i, 2 * k] > 1:
                deepest[i] = k
        _lay_out(chains, i, d, bound, view, nest, scratch)
        children = offsets(nest, d, scratch.joined, stands)
        span = stands[children - 1] + scratch.tile[d]
        classes = positions(nest, d, bound, scratch.counted, first, last, span, at)
        start = begin[many]
        size = 3 + children + 3 * classes
        while start + size > len(numbers):
            numbers = np.concatenate((numbers, np.zeros(len(numbers), dtype=np.int64)))
        numbers[start], numbers[start + 1] = scratch.tile[d], children
        for k in range(children):
            numbers[start + 2 + k] = stands[k]
        numbers[start + 2 + children] = classes
        for k in range(classes):
            for x in range(3):
                numbers[start + 3 + children + 3 * k + x] = at[k, x]
        place = _first_place(numbers, start, size, len(places))
        while places[place] >= 0 and not _is_at(places[place], numbers, begin, start, size):
            place = (place + 1) % len(places)
        if places[place] < 0:
            places[place] = many
            many += 1
            begin[many] = start + size
        of[i] = places[place]
    return Patterns(of, deepest, begin, numbers, many)


def _room_of(many: int) -> int:
    """A power of two, about twice as much as so many."""
    room = 16
    while room < 2 * many:
        room *= 2
    return room


def _first_place(numbers: Ints, start: int, size: int, room: int) -> int:
    """Where a pattern is looked for first."""
    found = 0
    for k in range(start, start + size):
        found = (found * 1_000_003 + numbers[k]) % 2_147_483_647
    return int(found * 40_503 // 8 % room)


def _is_at(p: int, numbers: Ints, begin: Ints, start: int, size: int) -> bool:
    """Whether a pattern is the same as one that is known."""
    k = 0
    while k < size and numbers[begin[p] + k] == numbers[start + k]:
        k += 1
    return bool(k == size and begin[p + 1] - begin[p] == size)


def _most_children(first: Ints, second: Ints, joined: int) -> int:
    """The most children that any two chains join, or more."""
    most = np.ones(2, dtype=np.int64)
    for which in range(2):
        chains = first if which == 0 else second
        for i in range(len(chains)):
            children = 1
            for k in range(chains.shape[1] // 2):
                if joined >> k & 1 == 1:
                    children *= chains[i, 2 * k + 1]
            most[which] = max(most[which], children)
    return int(most[0] * most[1])


def _lay_out(chains: Ints, i: int, d: int, bound: int, view: View, nest: Nest, scratch: Scratch) -> None:
    """Write the loops of one dim (P or R), and its size in the children's tile.

    Per level stand the loops in its list over P and R, then those on its fan-out.
    """
    scratch.tile[d] = 1
    inside = 1
    for k in range(chains.shape[1] // 2 - 1, -1, -1):
        listed = 4 * k + (d == R)
        spread = listed + 2
        joins = view.joined >> k & 1
        nest.dim[spread], nest.spatial[spread] = d, 1
        nest.trips[spread], nest.step[spread] = chains[i, 2 * k + 1], inside
        scratch.joined[spread] = joins
        scratch.counted[spread] = 1 if k < view.level and joins == 0 else 0
        inside *= nest.trips[spread]
        nest.dim[listed], nest.spatial[listed] = d, 0
        nest.trips[listed], nest.step[listed] = chains[i, 2 * k], inside
        scratch.joined[listed] = 0
        scratch.counted[listed] = 1 if k < view.level else 0
        inside *= nest.trips[listed]
        if k == view.level:
            scratch.tile[d] = min(inside, bound)
