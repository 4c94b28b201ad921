"""Splits with which the prices of all axes together are too high. Compilable."""

from __future__ import annotations

from dse.mapper.deep.bounds.sums.records import Alive
from dse.model.counting.kernel import Floats, Ints


def drop_some(alive: Alive, a: int, mine: Ints, others: Floats, most: float) -> bool:
    """Drop the splits of an axis that cost too much with what the others need, by class; False when none is left."""
    rows, reduced, kept = alive.rows, alive.reduced, alive.start[a]
    for i in range(alive.start[a], alive.end[a]):
        if reduced[i] + others[mine[i]] <= most:
            rows[kept], reduced[kept] = rows[i], reduced[i]
            kept += 1
    alive.end[a] = kept
    return bool(kept > alive.start[a])
