"""Which spreads still fit an array of which some PEs are taken. Compilable.

What dims have taken leaves one of few *states*, sets of rows and columns (see `spreads.take`). Thousands of partial
choices come to the same state, so what fits there is listed once for each state and PE tile of a dim, widest spread
first, and looked up from then on.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from dse.mapper.flat.spreads import FIRST_SIDES, FIRST_SPREAD, PASSES, STEPS, most_left, take
from dse.model.counting.kernel import Floats, Ints, Record

EMPTY = 0
"""The state of an array of which nothing is taken."""

UNKNOWN = -1
"""In place of a list's start, a state that follows, or a state in `Fitting.slots`: not worked out."""

MOST_STATES, MOST_ENTRIES = 4096, 1 << 18
"""Room for so many states, and for so many entries of all lists. When it is used up, all are forgotten."""

STATES, ENTRIES, LONGEST = range(3)
"""Places in `Fitting.used`."""

HASH = 131
"""Factor of the hash of a state: larger than the rows and columns of most arrays."""


class Fitting(NamedTuple):
    """What fits, as far as it has been asked, and where a walk over the dims of a PE tile is.

    Parameters
    ----------
    pairs, count, most : (states, most_left, 2), (states,), (states,) int64
        Of each state the pairs of rows and columns of which any may be left, most rows first; how many; the most PEs.
    listed : (states, tiles, 2) int64
        Start and end of the list of spreads that fit a state, of each PE tile of each dim.
    row, following : (entries,) int64
        The lists: rows of `Options.spreads`, and the state that each of them leaves.
    slots : (*,) int64
        States by their hash.
    used : (3,) int64
        How many states and entries there are; the most entries of a list.
    left, kept : (2, most_left, 2), (2,) int64
        Scratch of `take`.
    state, at, last : (9,) int64
        The walk: at each depth the state, the entry at hand, and the end of its list.
    beside : (9,) float
        Fewest compute steps of all dims but that of the depth.
    """

    pairs: Ints
    count: Ints  # type: ignore[assignment]  # in place of a tuple's method
    most: Ints
    listed: Ints
    row: Ints
    following: Ints
    slots: Ints
    used: Ints
    left: Ints
    kept: Ints
    state: Ints
    at: Ints
    last: Ints
    beside: Floats


def new_fitting(rows: int, cols: int, tiles: Ints, states: int, entries: int) -> Fitting:
    """An array of which nothing is taken.

    Parameters
    ----------
    tiles : (*, 5)
        Of `Options`.
    states, entries : int
        Room for so many beside those that one walk needs at a time.
    """
    pairs, longest = most_left(rows), 0
    for tile in range(len(tiles) - 1):
        longest = max(longest, tiles[tile + 1, FIRST_SPREAD] - tiles[tile, FIRST_SPREAD])
    states, entries = states + 16, entries + 64 * longest
    used = np.zeros(3, dtype=np.int64)
    used[LONGEST] = longest
    fitting = Fitting(
        np.empty((states, pairs, 2), dtype=np.int64), np.empty(states, dtype=np.int64),
        np.empty(states, dtype=np.int64), np.empty((states, len(tiles), 2), dtype=np.int64),
        np.empty(entries, dtype=np.int64), np.empty(entries, dtype=np.int64), np.empty(2 * states, dtype=np.int64),
        used, np.ones((2, pairs, 2), dtype=np.int64), np.ones(2, dtype=np.int64), np.zeros(9, dtype=np.int64),
        np.zeros(9, dtype=np.int64), np.zeros(9, dtype=np.int64), np.zeros(9),
    )  # fmt: skip
    forget(fitting, rows, cols)
    return fitting


def forget(fitting: Any, rows: int, cols: int) -> None:
    """Keep no state but that of the array with nothing taken."""
    for slot in range(len(fitting.slots)):
        fitting.slots[slot] = UNKNOWN
    fitting.used[STATES] = fitting.used[ENTRIES] = 0
    fitting.left[1, 0, 0], fitting.left[1, 0, 1], fitting.kept[1] = rows, cols, 1
    _state_left(fitting, rows * cols)


def is_full(fitting: Any) -> bool:
    """Whether there may be no room for one more state and its lists of one PE tile of every dim."""
    used = fitting.used
    return bool(used[STATES] == len(fitting.count) or used[ENTRIES] + 8 * used[LONGEST] > len(fitting.row))


def begin(fitting: Any, options: Any, config: Record, sequence: Ints, depth: int) -> None:
    """Stand before the first spread that fits of the dim at some depth of the walk, whose state is known."""
    tile = config.tile_row[sequence[depth]]
    _list_fitting(fitting, options, fitting.state[depth], tile)
    fitting.at[depth] = fitting.listed[fitting.state[depth], tile, 0] - 1
    fitting.last[depth] = fitting.listed[fitting.state[depth], tile, 1]
    steps = 1.0
    for other in range(8):
        if other != sequence[depth]:
            steps *= config.steps[other]
    fitting.beside[depth] = steps


def follow(fitting: Any, options: Any, config: Record, sequence: Ints, depth: int) -> bool:
    """Set the state that the spread at hand leaves, and what each open dim has at least there; False if one has none.

    An open dim has passes and compute steps of its widest spread that fits, at least: narrower ones have no fewer.
    """
    _leave(fitting, options, depth)
    state = fitting.state[depth + 1]
    for later in range(depth + 1, 8):
        d = sequence[later]
        tile = config.tile_row[d]
        _list_fitting(fitting, options, state, tile)
        start = fitting.listed[state, tile, 0]
        if start == fitting.listed[state, tile, 1]:
            return False
        config.passes[d] = options.spreads[fitting.row[start], PASSES]
        config.steps[d] = options.spreads[fitting.row[start], STEPS]
    return True


def find_again(fitting: Any, options: Any, config: Record, sequence: Ints, depth: int) -> None:
    """Set the walk down to some depth to the spreads that `config.spread_row` says, once all has been forgotten."""
    fitting.state[0] = EMPTY
    for earlier in range(depth + 1):
        d = sequence[earlier]
        state, tile = fitting.state[earlier], config.tile_row[d]
        _list_fitting(fitting, options, state, tile)
        at = fitting.listed[state, tile, 0]
        while fitting.row[at] != config.spread_row[d]:
            at += 1
        fitting.at[earlier], fitting.last[earlier] = at, fitting.listed[state, tile, 1]
        if earlier < depth:
            _leave(fitting, options, earlier)


def _leave(fitting: Any, options: Any, depth: int) -> None:
    """Set the state that the spread at hand leaves."""
    entry = fitting.at[depth]
    if fitting.following[entry] == UNKNOWN:
        state = fitting.state[depth]
        fitting.kept[0] = fitting.count[state]
        for i in range(fitting.count[state]):
            fitting.left[0, i, 0], fitting.left[0, i, 1] = fitting.pairs[state, i, 0], fitting.pairs[state, i, 1]
        most = take(fitting.left, fitting.kept, 0, options.spreads, options.sides, fitting.row[entry])
        fitting.following[entry] = _state_left(fitting, most)
    fitting.state[depth + 1] = fitting.following[entry]


def _state_left(fitting: Any, most: int) -> int:
    """The state with the pairs in `Fitting.left`, a new one where there is none."""
    left, count, slots = fitting.left, fitting.kept[1], fitting.slots
    slot = count
    for i in range(count):
        k = i
        r, c = left[1, i, 0], left[1, i, 1]
        while k > 0 and left[1, k - 1, 0] < r:
            left[1, k, 0], left[1, k, 1] = left[1, k - 1, 0], left[1, k - 1, 1]
            k -= 1
        left[1, k, 0], left[1, k, 1] = r, c
    for i in range(count):
        slot = ((slot * HASH + left[1, i, 0]) * HASH + left[1, i, 1]) % len(slots)
    while slots[slot] != UNKNOWN:
        if _is_left(fitting, slots[slot]):
            return int(slots[slot])
        slot = (slot + 1) % len(slots)
    state = fitting.used[STATES]
    slots[slot] = state
    fitting.count[state], fitting.most[state] = count, most
    for i in range(count):
        fitting.pairs[state, i, 0], fitting.pairs[state, i, 1] = left[1, i, 0], left[1, i, 1]
    for tile in range(fitting.listed.shape[1]):
        fitting.listed[state, tile, 0] = UNKNOWN
    fitting.used[STATES] += 1
    return int(state)


def _is_left(fitting: Any, state: int) -> bool:
    """Whether a state has the pairs in `Fitting.left`."""
    if fitting.count[state] != fitting.kept[1]:
        return False
    for i in range(fitting.kept[1]):
        if fitting.pairs[state, i, 0] != fitting.left[1, i, 0] or fitting.pairs[state, i, 1] != fitting.left[1, i, 1]:
            return False
    return True


def _list_fitting(fitting: Any, options: Any, state: int, tile: int) -> None:
    """List the spreads of a PE tile of one dim that fit a state, unless they are."""
    if fitting.listed[state, tile, 0] != UNKNOWN:
        return
    entry = fitting.used[ENTRIES]
    fitting.listed[state, tile, 0] = entry
    for row in range(options.tiles[tile, FIRST_SPREAD], options.tiles[tile + 1, FIRST_SPREAD]):
        if _fits(fitting, options, state, row):
            fitting.row[entry], fitting.following[entry] = row, UNKNOWN
            entry += 1
    fitting.listed[state, tile, 1] = fitting.used[ENTRIES] = entry


def _fits(fitting: Any, options: Any, state: int, row: int) -> bool:
    """Whether some sides of a spread fit a state."""
    sides = options.sides
    for side in range(options.spreads[row, FIRST_SIDES], options.spreads[row + 1, FIRST_SIDES]):
        for i in range(fitting.count[state]):
            if sides[side, 0] <= fitting.pairs[state, i, 0] and sides[side, 1] <= fitting.pairs[state, i, 1]:
                return True
    return False
