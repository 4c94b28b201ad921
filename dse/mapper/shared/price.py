"""The exact price of a mapping, by the model itself, for both searches. Compilable."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.model.counting.kernel import Floats
from dse.model.counting.nest import count_nest
from dse.model.counting.records import Counts, Hierarchy, IterationSpace, Nest, Scratch, Spent, Timing
from dse.model.time import latency, total_cycles
from dse.problem.dims import PSUM


class Rates(NamedTuple):
    """What everything costs, in pJ.

    Parameters
    ----------
    access_pj : (nodes, 3, 2) float
        One element of an operand read from a level, and written to it, psums as unfinished.
    saved_pj : (nodes, 2) float
        By how much less a finished psum costs.
    fan_pj : (nodes, 3, 2) float
        One element delivered over a fan-out, and one psum's hop.
    mac_pj : float
        All MACs.
    static_pj : float
        Per step.
    spared_pj : float
        Saved by every accumulation into a psum of the innermost level that does not start a visit, on average.
    """

    access_pj: Floats
    saved_pj: Floats
    fan_pj: Floats
    mac_pj: float
    static_pj: float
    spared_pj: float


class PriceRoom(NamedTuple):
    """Room that the model's kernels fill."""

    scratch: Scratch
    counts: Counts
    spent: Spent


def new_scratch(loops: int, longest: int, children: int) -> Scratch:
    """Room for the model's counts.

    Parameters
    ----------
    loops : int
        Of a nest, at most.
    longest : int
        Largest bound of P, Q, R and S.
    children : int
        Of all fan-outs that an operand's words cross together, at most.

    Examples
    --------
    >>> new_scratch(loops=4, longest=7, children=12).starts.shape
    (13,)
    """
    return Scratch(
        np.zeros(loops, dtype=np.int64), np.zeros(loops, dtype=np.int64), np.ones(8, dtype=np.int64),
        np.zeros((longest + 1, 3), dtype=np.int64), np.zeros((longest + 1, 3), dtype=np.int64),
        np.zeros(children + 1, dtype=np.int64), np.zeros(children + 1, dtype=np.int64),
        np.zeros(children + 1, dtype=np.int64), np.zeros(children + 1, dtype=np.int64),
    )  # fmt: skip


def price_loops(
    nest: Nest, space: IterationSpace, hierarchy: Hierarchy, timing: Timing, rates: Rates, room: PriceRoom,
    point: Floats,
) -> None:  # fmt: skip
    """Energy (pJ) and latency (steps) of a nest.

    Parameters
    ----------
    point : (2,) float
        Filled.

    Examples
    --------
    >>> from dse.model.counting.counts import RELEVANCE
    >>> from dse.model.counting.records import new_counts
    >>> from dse.model.time import DOUBLE
    >>> zeros = np.zeros(2, int)
    >>> space = IterationSpace(np.array([1, 1, 2, 3, 1, 1, 1, 1]), np.ones(4, int), RELEVANCE)
    >>> levels = Hierarchy(zeros, np.full(2, 2), zeros, np.ones((2, 3), int))
    >>> nest = Nest(2, np.array([2, 3]), np.array([2, 3]), np.ones(2, int), zeros, zeros)
    >>> ports = zeros[:0], np.zeros((0, 3, 2)), np.zeros((0, 2)), zeros[:0]
    >>> timing = Timing(np.full((2, 3), DOUBLE), *ports, np.zeros((2, 8)))
    >>> room = PriceRoom(new_scratch(2, 1, 1), new_counts(2), Spent(np.zeros(6), np.zeros(0)))
    >>> access_pj, point = np.zeros((2, 3, 2)), np.zeros(2)
    >>> access_pj[0] = 10.0  # fourteen words of the outer level
    >>> rates = Rates(access_pj, np.zeros((2, 2)), np.zeros((2, 3, 2)), 6.0, 0.0, 0.0)
    >>> price_loops(nest, space, levels, timing, rates, room, point)
    >>> point.tolist()
    [146.0, 6.0]
    """
    counts, nodes = room.counts, len(hierarchy.is_fan_out)
    steps = count_nest(nest, space, hierarchy, room.scratch, counts)
    busiest = latency(nest, space, counts, steps, timing, room.spent, room.scratch.counted)
    cycles = total_cycles(busiest, room.spent)
    energy = rates.mac_pj + rates.static_pj * cycles
    for node in range(nodes):
        for o in range(3):
            for side in range(2):
                energy += counts.levels[node, o, side] * rates.access_pj[node, o, side]
                energy += counts.fans[node, o, side] * rates.fan_pj[node, o, side]
        energy -= counts.finished[node] * (rates.saved_pj[node, 0] + rates.saved_pj[node, 1])
    if rates.spared_pj != 0.0:
        for k in range(nodes):
            if counts.ends[PSUM, k, 1] == nodes:
                energy -= rates.spared_pj * counts.booked[PSUM, k, 0]
    point[0] = energy
    point[1] = cycles
