"""Outer points of problems that differ in prices alone: one walk over the outer tiles serves all of them.

Energy is linear in prices, so what a tile costs at prices between those of two problems is at least as far between what
it costs at these, and the least over tiles at least as far between their least. The time of the outermost port is the
same but for a factor. So cells (see `OuterTable.points`) hold the least energy of the two problems at the ends, and the
least time of one. Compilable like the model, but for `among`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from dse.mapper.flat.instance import Instance
from dse.mapper.flat.outer.table import pick
from dse.mapper.flat.outer.walk import HIGH_PJ, LEAST_BUSY, LEAST_PJ, walk
from dse.model.counting.kernel import Floats, Record, entry

ROUNDING = 1e-12
"""Relative difference below which prices and times count as equal; parts are lowered by as much."""

SAME = (
    "bounds", "window", "words", "touched", "bits", "in_buffer", "in_pe", "buffer_bits", "room", "ports", "port_outer",
    "relevance",
)  # fmt: skip
"""Fields of an instance that are the same for all problems that share a walk."""


class Between(NamedTuple):
    """Where the prices of some problems lie.

    Parameters
    ----------
    low, high : int
        The problems at the ends.
    parts : tuple of float
        How far each lies from the low end to the high one, at most: no price of it is below that mixture's.
    factors : tuple of float
        By what the time of the low end's outermost port becomes that of each.
    """

    low: int
    high: int
    parts: tuple[float, ...]
    factors: tuple[float, ...]


def among(instances: Any) -> Between | None:
    """Where the prices of some problems lie between those of two of them; None where one walk does not serve all.

    Parameters
    ----------
    instances : sequence of Instance
    """
    first = instances[0]
    ports = np.flatnonzero(first.port_outer[: first.ports])
    if len(ports) != 1 or any(not np.array_equal(one[name], first[name]) for one in instances for name in SAME):
        return None
    prices = np.array([np.concatenate([one.outer_pj, one.up_pj]) for one in instances])
    times = np.array(
        [np.concatenate([one.port_over[ports[0]], one.port_up[ports[0]], one.port_fixed[ports]]) for one in instances]
    )
    order = np.argsort(prices.sum(axis=1), kind="stable")
    low, high = int(order[0]), int(order[-1])
    span, rise = prices[high] - prices[low], prices - prices[low]
    rounded = ROUNDING * prices[high]
    apart = span > rounded
    if (span < -rounded).any() or (rise < -rounded).any() or (times[low] == 0).all():
        return None
    parts = np.min(rise[:, apart] / span[apart], axis=1, initial=1.0) if apart.any() else np.zeros(len(prices))
    widest = int(np.argmax(np.abs(times[low])))
    factors = times[:, widest] / times[low, widest]
    if not np.allclose(times, factors[:, None] * times[low], rtol=ROUNDING, atol=0.0) or (factors <= 0).any():
        return None
    parts = np.where(parts >= 1.0, 1.0, np.maximum(0.0, parts * (1 - ROUNDING)))
    return Between(low, high, tuple(parts.tolist()), tuple(factors.tolist()))


@entry
def cells_of(low: Instance, high: Instance, outer: Record, table: Any, cells: Floats) -> None:
    """Lower all cells to what outer tiles cost at both ends and take at the low one.

    Parameters
    ----------
    outer : an element of `dse.mapper.flat.outer.walk.OUTER_TILE`
        Scratch.
    table : OuterTable
        With one outermost port; nothing of it is filled.
    cells : (6, cells, 3) float
        Lowered. First by the operand that is delivered in every trip over a dim it does not have, then by that which
        stays in the PEs through the outermost list, too.
    """
    walk(low, high, outer, table, cells, False)


@entry
def points_between(inst: Instance, table: Any, cells: Floats, part: float, factor: float) -> None:
    """Fill the points of a problem whose prices lie between those of the ends, see `Between`.

    Parameters
    ----------
    cells : (6, cells, 3) float
        From `cells_of`.
    """
    own = np.full((6, cells.shape[1], 2), np.inf)
    for o in range(6):
        for i in range(cells.shape[1]):
            if cells[o, i, LEAST_PJ] < np.inf:
                own[o, i, LEAST_PJ] = (1.0 - part) * cells[o, i, LEAST_PJ] + part * cells[o, i, HIGH_PJ]
                own[o, i, LEAST_BUSY] = factor * cells[o, i, LEAST_BUSY]
    for o in range(3):
        pick(inst, table, own, o)
