"""Which spreads still fit an array of which some PEs are taken. Compilable.

What dims have taken leaves one of few *states*, sets of rows and columns (see `spreads.take`). Thousands of partial
choices come to the same state, so what fits there is listed once for each state and PE tile of a dim, widest spread
first, and looked up from then on.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from dse.mapper.flat.array.spreads import FIRST_SIDES, FIRST_SPREAD, PASSES, STEPS, most_left, take
from dse.model.counting.kernel import Ints, Record

EMPTY = 0
"""The state of an array of which nothing is taken."""

UNKNOWN = -1
"""In place of a list's start, a state that follows, or a state in `Fitting.slots`: not worked out."""

MOST_STATES, MOST_ENTRIES = 4096, 1 << 16
"""Room for so many states, and for so many entries of all lists. When it is used up, all are forgotten. More room takes
the system longer to hand out than a short search takes."""

STATES, ENTRIES, LONGEST = range(3)
"""Places in `Fitting.used`."""

FIRST, END, LEAST_PASSES, LEAST_STEPS = range(4)
"""Columns of `Fitting.listed`."""

ROW, FOLLOWING = range(2)
"""Columns of `Fitting.entries`."""

HASH = 131
"""Factor of the hash of a state: larger than the rows and columns of most arrays."""


class Fitting(NamedTuple):
    """What fits, as far as it has been asked.

    Parameters
    ----------
    pairs, count, most : (states, most_left, 2), (states,), (states,) int64
        Of each state the pairs of rows and columns of which any may be left, most rows first; how many; the most PEs.
    listed : (states, tiles, 4) int64
        Start and end of the list of spreads that fit a state, of each PE tile of each dim; the passes and compute steps
        that the first of them leaves: narrower ones leave no fewer.
    entries : (*, 2) int64
        The lists: rows of `Options.spreads`, and the state that each of them leaves.
    slots : (*,) int64
        States by their hash.
    used : (3,) int64
        How many states and entries there are; the most entries of a list.
    sides : (2,) int64
        Rows and columns of the array.
    left, kept : (2, most_left, 2), (2,) int64
        Scratch of `take`.
    """

    pairs: Ints
    count: Ints  # type: ignore[assignment]  # in place of a tuple's method
    most: Ints
    listed: Ints
    entries: Ints
    slots: Ints
    used: Ints
    sides: Ints
    left: Ints
    kept: Ints


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
        np.empty(states, dtype=np.int64), np.empty((states, len(tiles), 4), dtype=np.int64),
        np.empty((entries, 2), dtype=np.int64), np.empty(2 * states, dtype=np.int64), used,
        np.array([rows, cols]), np.ones((2, pairs, 2), dtype=np.int64), np.ones(2, dtype=np.int64),
    )  # fmt: skip
    forget(fitting)
    return fitting


def forget(fitting: Any) -> None:
    """Keep no state but that of the array with nothing taken."""
    rows, cols = fitting.sides[0], fitting.sides[1]
    for slot in range(len(fitting.slots)):
        fitting.slots[slot] = UNKNOWN
    fitting.used[STATES] = fitting.used[ENTRIES] = 0
    fitting.left[1, 0, 0], fitting.left[1, 0, 1], fitting.kept[1] = rows, cols, 1
    _state_left(fitting, rows * cols)


def is_full(fitting: Any) -> bool:
    """Whether there may be no room for one more state and its lists of one PE tile of every dim."""
    used = fitting.used
    return bool(used[STATES] == len(fitting.count) or used[ENTRIES] + 8 * used[LONGEST] > len(fitting.entries))


def start(fitting: Any, options: Any, walk: Record) -> None:
    """Begin a walk with nothing taken."""
    if is_full(fitting):
        forget(fitting)
    walk.state[0] = EMPTY
    _list_fitting(fitting, options, EMPTY, walk.tile[0])
    begin(fitting.listed, walk, 0)


def begin(listed: Ints, walk: Record, depth: int) -> None:
    """Stand before the first spread that fits at some depth, whose state is known and listed."""
    state, tile = walk.state[depth], walk.tile[depth]
    walk.at[depth], walk.last[depth] = listed[state, tile, FIRST] - 1, listed[state, tile, END]


def follow(listed: Ints, entries: Ints, walk: Record, depth: int) -> float:
    """Set the state that the spread at hand leaves; the compute steps of the dims further down there, at least.

    Infinite where one of them has no spread that fits, and `UNKNOWN` where this is to be worked out first. What all but
    the first of these dims take is noted in `walk.others`, without what is decided.

    Parameters
    ----------
    listed, entries
        Of `Fitting`: handing on the whole takes longer than this.
    """
    state = entries[walk.at[depth], FOLLOWING]
    if state == UNKNOWN:
        return float(UNKNOWN)
    walk.state[depth + 1] = state
    further = 1.0
    for later in range(7, depth, -1):
        tile = walk.tile[later]
        if listed[state, tile, FIRST] == UNKNOWN:
            return float(UNKNOWN)
        if listed[state, tile, FIRST] == listed[state, tile, END]:
            return np.inf
        walk.others[depth + 1] = further
        further *= listed[state, tile, LEAST_STEPS]
    return further


def look_up(fitting: Any, options: Any, config: Record, walk: Record, depth: int) -> None:
    """Work out what `follow` asks."""
    if is_full(fitting):
        forget(fitting)
        _find_again(fitting, options, config, walk, depth)
    if fitting.entries[walk.at[depth], FOLLOWING] == UNKNOWN:
        _follow(fitting, options, walk, depth)
    for later in range(depth + 1, 8):
        _list_fitting(fitting, options, fitting.entries[walk.at[depth], FOLLOWING], walk.tile[later])


def _find_again(fitting: Any, options: Any, config: Record, walk: Record, depth: int) -> None:
    """Set the walk down to some depth to the spreads that `config.spread_row` says, once all has been forgotten."""
    walk.state[0] = EMPTY
    for earlier in range(depth + 1):
        _list_fitting(fitting, options, walk.state[earlier], walk.tile[earlier])
        begin(fitting.listed, walk, earlier)
        walk.at[earlier] += 1
        while fitting.entries[walk.at[earlier], ROW] != config.spread_row[walk.dim[earlier]]:
            walk.at[earlier] += 1
        if earlier < depth:
            _follow(fitting, options, walk, earlier)
            walk.state[earlier + 1] = fitting.entries[walk.at[earlier], FOLLOWING]


def _follow(fitting: Any, options: Any, walk: Record, depth: int) -> None:
    """Work out the state that the spread at hand leaves."""
    state, entry = walk.state[depth], walk.at[depth]
    fitting.kept[0] = fitting.count[state]
    for i in range(fitting.count[state]):
        fitting.left[0, i, 0], fitting.left[0, i, 1] = fitting.pairs[state, i, 0], fitting.pairs[state, i, 1]
    row = fitting.entries[entry, ROW]
    most = take(fitting.left, fitting.kept, 0, options.spreads, options.sides, row)
    fitting.entries[entry, FOLLOWING] = _state_left(fitting, most)


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
        fitting.listed[state, tile, FIRST] = UNKNOWN
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
    listed, entries = fitting.listed, fitting.entries
    if listed[state, tile, FIRST] != UNKNOWN:
        return
    first = entry = fitting.used[ENTRIES]
    for row in range(options.tiles[tile, FIRST_SPREAD], options.tiles[tile + 1, FIRST_SPREAD]):
        if _fits(fitting, options, state, row):
            entries[entry, ROW], entries[entry, FOLLOWING] = row, UNKNOWN
            entry += 1
    listed[state, tile, FIRST], listed[state, tile, END], fitting.used[ENTRIES] = first, entry, entry
    if first < entry:
        listed[state, tile, LEAST_PASSES] = options.spreads[entries[first, ROW], PASSES]
        listed[state, tile, LEAST_STEPS] = options.spreads[entries[first, ROW], STEPS]


def _fits(fitting: Any, options: Any, state: int, row: int) -> bool:
    """Whether some sides of a spread fit a state."""
    sides = options.sides
    for side in range(options.spreads[row, FIRST_SIDES], options.spreads[row + 1, FIRST_SIDES]):
        for i in range(fitting.count[state]):
            if sides[side, 0] <= fitting.pairs[state, i, 0] and sides[side, 1] <= fitting.pairs[state, i, 1]:
                return True
    return False
