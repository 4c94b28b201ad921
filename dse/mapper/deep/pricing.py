"""Single mappings priced in all parts of a space, with all of their orders. Compilable."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dse.mapper.deep.bounds.shrink import shrink
from dse.mapper.deep.bounds.sift import Alive, Terms
from dse.mapper.deep.problem import Deep
from dse.mapper.deep.search import Goal, Incumbents, Lists, Scratch, scratch_of, walk_splits
from dse.model.counting.kernel import Floats, Ints, entry


class Parts(NamedTuple):
    """What m kindred spaces differ in.

    Parameters
    ----------
    shifts : (m, T) float
        What the logarithms of their terms' coefficients are above those that `Lists` has.
    limits : (m, B) float
    only_finished : (m, k) int64
    masks : (m,) int64
        The bypass choice of each.
    """

    shifts: Floats
    limits: Floats
    only_finished: Ints
    masks: Ints


@entry
def price_all(
    dp: Deep, tables: tuple[Floats, ...], chains: tuple[Ints, ...], terms: Terms, parts: Parts, lists: Lists,
    rows: Ints, goal: Goal, incumbents: Incumbents, held: int,
) -> int:  # fmt: skip
    """Price some mappings in each of some kindred spaces.

    Parameters
    ----------
    dp, tables, chains, terms, lists, goal
        As `dse.mapper.deep.search.search_deep` takes them, of any of the spaces.
    rows : (n, 6) int64
        Split of each axis.
    incumbents
        `mask` is that of each part instead.
    held : int
        How many incumbents there are.

    Returns
    -------
    int
        How many incumbents there are, -1 when there is no room for all.
    """
    alive, scratch = Alive(np.zeros(6, dtype=np.int64), np.arange(6), np.arange(1, 7), np.zeros(6)), scratch_of(dp)
    for i in range(len(rows)):
        alive.rows[:] = rows[i]
        for part in range(len(parts.masks)):
            mine = Terms(
                lists.first, terms.second, lists.logs + parts.shifts[part], terms.block, terms.group,
                parts.limits[part], terms.fixed, terms.groups, terms.cuts,
            )  # fmt: skip
            found = Incumbents(incumbents.values, incumbents.records, incumbents.visited, parts.masks[part])
            room = Scratch(scratch.split, scratch.orders, scratch.work, parts.only_finished[part])
            sums = shrink(tables, mine, alive)
            held = walk_splits(dp, chains, sums, alive, lists.choices, goal, found, held, room)
            if held < 0:
                return held
    return held
