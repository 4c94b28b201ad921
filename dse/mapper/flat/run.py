"""One search in progress: what it looks for, and what it has visited so far. Read and written by the kernels."""

from __future__ import annotations

from math import inf
from typing import Any, NamedTuple

import numpy as np

from dse.mapper.flat.instance import MOST_NODES, MOST_PORTS, record
from dse.model.counting.kernel import Record

Run = Record
"""An element of `RUN`."""

RUN = np.dtype(
    [
        ("kind", np.int64),  # objective: see `dse.mapper.shared.incumbent`
        ("gap", np.float64),  # a branch is cut when it cannot improve by more than this fraction
        ("perfect", np.int64),  # 1 when only factors count whose product is the bound
        ("mask", np.int64),  # which bypass choice is searched
        ("fastest", np.float64),  # lower bound on the compute steps of any mapping
        ("held", np.int64),  # incumbents, -1 when there was no room for all
        ("visited", np.int64, 4),  # PE tiles opened, unrollings and outer tiles tried, mappings priced
        ("least_pj", np.float64),  # lower bound on the energy of mappings with the PE tile at hand
        ("until", np.float64),  # what may be `spent` before the search ends
        ("reached", np.int64),  # place in the order of PE tiles where the search of this bypass choice ended
    ]
)

PE_TILES, UNROLLINGS, OUTER_TILES, PRICED = range(4)
"""Places in `visited`."""

COUNTED = ("pe_tiles", "unrollings", "outer_tiles", "priced")
"""Their names."""

PRICING = 20
"""Visits of unrollings and outer tiles that take about as long as pricing a mapping."""

PE_TILE, ON_ROWS, ON_COLS, BUFFER_TRIPS, OUTER_TRIPS, OUTER_ORDER, BUFFER_ORDER = range(0, 56, 8)
"""Where the eight numbers of each part of a mapping's record start: factors per dim, and orders, innermost first."""

CHOICE = 56
"""Place of the bypass choice in a mapping's record."""

RECORD = 57
"""Numbers of a mapping's record."""

LOOPS = 48
"""Room for the loops of a nest: eight dims in the lists of two levels, on the array and in a PE."""

WORK = np.dtype(
    [
        ("counted", np.int64, LOOPS), ("joined", np.int64, LOOPS), ("dim", np.int64, LOOPS), ("trips", np.int64, LOOPS),
        ("step", np.int64, LOOPS), ("place", np.int64, LOOPS), ("spatial", np.int64, LOOPS), ("inside", np.int64, 8),
        ("factors", np.int64, (3, MOST_NODES, 8)), ("ends", np.int64, (3, MOST_NODES, 2)),
        ("booked", np.int64, (3, MOST_NODES, 2)), ("levels", np.int64, (MOST_NODES, 3, 2)),
        ("fans", np.int64, (MOST_NODES, 3, 2)), ("finished", np.int64, MOST_NODES),
        ("split", np.float64, 6), ("port_cycles", np.float64, MOST_PORTS),
        # Below the buffer, see `dse.mapper.flat.inner.costs`: pJ, cycles, words.
        ("energy", np.float64, (3, 10)), ("busy", np.float64, (3, MOST_PORTS)), ("ifmap", np.float64, (5, 4)),
        # Words between the outermost level and the buffer, see `dse.mapper.flat.outer.words.outer_words`.
        ("words", np.float64, (3, 7)), ("outside", np.float64, (3, 7)),
        # The outer tile: indices per dim, trips of the buffer's and of the outermost list (where a dim is not decided,
        # one and a lower bound), 1 where they are decided, their place among those listed, 1 for an axis whose
        # outermost trips are decided, and the outermost trips with which an operand stays in the PEs.
        ("tile", np.int64, 8), ("m", np.int64, 8), ("n", np.int64, 8), ("decided", np.int64, 8),
        ("option", np.int64, 8), ("known", np.int64, 2), ("all_n", np.int64, 8),
        # Rows and columns of the unrolling, and their place among the sides of a spread.
        ("sy", np.int64, 8), ("sx", np.int64, 8), ("option_side", np.int64, 8),
    ]
)  # fmt: skip
"""Scratch of a search whose size no problem changes; see the functions that fill it."""

CONFIGURATION = np.dtype(
    [
        ("tile_row", np.int64, 8),  # row of `Options.tiles`
        ("spread_row", np.int64, 8),  # row of `Options.spreads`
        ("f", np.int64, 8),  # PE tile: indices
        ("number", np.int64, 8),  # PE tiles along the dim
        ("opened", np.int64, 8),  # 1 where the spread is open
        ("spread", np.int64, 8),  # children that the dim is spread over; 1 where open
        ("copies", np.int64, 8),  # of these, those that have work
        ("tile", np.int64, 8),  # indices that all PEs have at a time; those of one PE where open
        ("passes", np.int64, 8),  # passes over the array; the fewest of any spread where open
        ("spread_out", np.int64, 8),  # passes; PE tiles where open
        ("steps", np.int64, 8),  # compute steps along the dim; the fewest of any spread where open
        ("left", np.float64),  # PEs that the dims with open spreads may share
        ("cycles", np.float64),  # of the array, steps and folds, at least
        ("todo", np.float64),  # compute steps if no dim whose spread is open is spread
        ("beside", np.float64),  # cycles that overlap with no others, at least
        ("beside_tile", np.float64),  # the same with the outer tile at hand
        ("inside_pj", np.float64, 3),  # least energy inside the array, by operand stationary there
        ("least_pj", np.float64),  # of all mappings that may improve, at least
        ("port", np.int64),  # the outermost one, -1 where there are several
        ("dear", np.float64),  # energy from which on these do not improve, see `incumbent.dearest`
        ("latest", np.float64),  # time, times 1 + gap + `incumbent.SLACK`, from which on these do not improve
        ("holder", np.int64),  # the outer tile that held the last tile of all PEs, see `outer.held`
        ("outer", np.int64, 8),  # scratch: the least tile of the buffer with some outermost trips
    ]
)
"""An array configuration, partly decided or whole: a PE tile and the spreads of dims. All but the last rows per dim."""

WALK = np.dtype(
    [
        # By depth: the dim, the row of its PE tile in `Options.tiles`, whether it has more than one spread, and the
        # MACs along the dims further down.
        ("dim", np.int64, 8), ("tile", np.int64, 8), ("several", np.int64, 8), ("below", np.float64, 8),
        # By depth: what the array has left, the entry at hand and the end of its list (`flat.array.fitting`);
        # compute steps of the dims decided before, and of all dims but that of the depth, at least.
        ("state", np.int64, 9), ("at", np.int64, 9), ("last", np.int64, 9),
        ("done", np.float64, 9), ("others", np.float64, 9),
        # By depth: the row of `WalkRoom.alive` with the outer tiles that may still be best; energy at least; the time
        # from which on, times 1 + gap + `incumbent.SLACK`, nothing improves; and the most that is of use.
        ("source", np.int64, 9), ("least_pj", np.float64, 9), ("latest", np.float64, 9), ("longest", np.float64, 9),
    ]
)  # fmt: skip
"""Where a walk over the spreads of a PE tile is: dims by depth, those with the fewest spreads first."""


class Holders(NamedTuple):
    """Outer tiles of which one must hold what improves, see `dse.mapper.flat.outer.holders`.

    Parameters
    ----------
    trips : (*, 8) int64
        Of the outermost list.
    times : (*,) float
        Rising: what improves with no more trips takes as long at least, times 1 + gap + `incumbent.SLACK`.
    most : (*, 8) int64
        The most trips over each dim of `TOGETHER` of them at a time.
    below : float
        No others hold what takes less than this, times 1 + gap + `incumbent.SLACK`.
    """

    trips: Any
    times: Any
    most: Any
    below: float


class PeTiles(NamedTuple):
    """The PE tiles of a problem.

    Parameters
    ----------
    choice : (*, 8) int64
        Row of `Options.tiles` per dim.
    bound : (*, 2) float
        Lower bounds on energy (pJ) and latency (cycles) of any mapping with the tile.
    order : (*,) int64
        Their numbers, best bound first.
    holders : Holders
        Of a long walk; else `NO_HOLDERS`.
    """

    choice: Any
    bound: Any
    order: Any
    holders: Any


class FlatIncumbents(NamedTuple):
    """The best mappings found so far, as many as `RUN`'s `held` says; see `dse.mapper.shared.incumbent`.

    Parameters
    ----------
    values : (*, 2) float
        Energy (pJ) and latency (cycles); on the front, latency rises and energy falls.
    records : (*, RECORD) int64
        The mappings.
    """

    values: Any
    records: Any


def new_run(kind: int, gap: float, perfect: bool) -> Run:
    one = _RUN.copy()
    one["kind"], one["gap"], one["perfect"] = kind, gap, int(perfect)
    return one


def new_work() -> Any:
    return _WORK.copy()


def new_walk() -> Any:
    return _WALK.copy()


def new_configuration() -> Any:
    return _CONFIGURATION.copy()


TOGETHER = 8
"""Holders that are asked together first, whether one with the most trips of any over each dim would do."""

NO_HOLDERS = Holders(np.zeros((0, 8), dtype=np.int64), np.zeros(0), np.zeros((0, 8), dtype=np.int64), -inf)

_RUN, _WORK, _WALK, _CONFIGURATION = (record(kind, {}) for kind in (RUN, WORK, WALK, CONFIGURATION))
"""Copied: to make one anew takes ten times as long."""
