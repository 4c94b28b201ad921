"""Better mappings from one that is known: exchange the splits of its axes, with the orders of its lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dse.mapper.deep.bounds.sift import OF_ENERGY, OF_TIME
from dse.mapper.deep.nest import COLS, ROWS, TRIPS, parts_of
from dse.model.counting.kernel import Floats, Ints

if TYPE_CHECKING:
    from dse.mapper.deep.bounds.subproblem import Space


def rows_of(space: Space, record: Ints) -> list[int]:
    """The place of each axis' split in a record of the deep search."""
    parts = parts_of(record)
    found = []
    for axis in space.axes:
        same = np.ones(len(axis), dtype=bool)
        for d, chain in zip(axis.dims, axis.chains, strict=True):
            factors = np.stack([parts[:, TRIPS, d], parts[:, ROWS, d] * parts[:, COLS, d]], axis=1)
            for slot, factor in enumerate(factors.ravel()):
                same &= chain[:, slot] == factor
        found.append(int(np.argmax(same)))
    return found


def exchanged(
    space: Space, columns: tuple[Floats, Ints, Ints], rows: list[int], limits: Floats, fixed: Floats
) -> list[Floats]:
    """Per axis, the objective's logarithm with each split in place of the one at hand; infinite past a limit.

    Parameters
    ----------
    columns
        As `dse.mapper.deep.bounds.columns.columns_of` returns them.
    limits, fixed : (B,)
        As for `dse.mapper.deep.bounds.dual.climb`.
    """
    logs, first, second = columns
    tables = [axis.table(plain=True) for axis in space.axes]
    mine = np.array([table[first[:, a], row] * table[second[:, a], row]
                     for a, (table, row) in enumerate(zip(tables, rows, strict=True))])  # fmt: skip
    slot = np.where(space.group < 0, space.block, len(limits) + space.group)
    found = []
    for a, table in enumerate(tables):
        rest = np.exp(logs) * np.prod(np.delete(mine, a, axis=0), axis=0)
        sums = np.zeros((len(limits) + space.groups, table.shape[1]))
        weight: dict[tuple[int, int, int], float] = {}
        for t in range(len(logs)):
            key = int(slot[t]), int(first[t, a]), int(second[t, a])
            weight[key] = weight.get(key, 0.0) + float(rest[t])
        for (at, j, k), value in weight.items():
            sums[at] += value * table[j] * table[k]
        for b in (OF_ENERGY, OF_TIME):
            groups = len(limits) + np.unique(space.group[(space.block == b) & (space.group >= 0)])
            if len(groups):
                sums[b] += sums[groups].max(axis=0)
        with np.errstate(divide="ignore"):
            heights = np.log(sums[: len(limits)])
        value = sum(fixed[b] * heights[b] for b in range(len(limits)) if fixed[b] > 0)
        # A limit of time may be drawn just below the mapping at hand, whose splits are still to go with others.
        kept = np.all([heights[b] <= limits[b] + 1e-9 for b in range(len(limits)) if fixed[b] < 0], axis=0)
        found.append(np.where(kept, value, np.inf))
    return found
