"""Sums of many splits of the last axis at a time are those of one after another."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from mapper.deep.bounds.drawn_terms import all_alive, drawn

from dse.mapper.deep.bounds.sums.axis_sums import add_up_several, axis_sums_of, weigh_columns
from dse.mapper.deep.bounds.sums.records import FIRST_LIMIT
from dse.mapper.deep.bounds.sums.shrink import LAST, add_up, shrink, walk_of


@pytest.mark.parametrize("seed", range(40))
def test_sums_of_the_last_axis_are_the_same_at_once(seed: int) -> None:
    terms, tables = drawn(seed)
    cuts = np.tile([1.0, 0.0], (len(terms.logs), 1))
    cuts[::3] = [1.5, 0.4]
    terms = terms._replace(cuts=cuts)
    alive = all_alive(tables)
    sums = shrink(tables, terms, alive)
    walk = walk_of(sums, alive)
    last = axis_sums_of(sums, int(walk.sequence[LAST]), alive)
    start, end = (int(ends[walk.sequence[LAST]]) for ends in (alive.start, alive.end))
    for splits in product(*(range(alive.start[a], alive.end[a]) for a in walk.sequence[:LAST])):
        for depth, i in enumerate(splits):
            add_up(sums, walk, depth, i)
        weigh_columns(last, sums, walk.partial[LAST], start)
        for begin in (start, end - 1):
            add_up_several(last, sums, begin - start, end - begin)
            for i in range(begin, end):
                add_up(sums, walk, LAST, i)
                fits = all(walk.total[b] <= sums.room[b] for b in range(FIRST_LIMIT, len(sums.room)))
                assert bool(last.fits[i - begin]) == fits
                assert last.height[:2, i - begin] == pytest.approx(walk.total[:2])
