"""Ways to share a fan-out's children: none is lost in which some assignment of splits is good enough."""

from __future__ import annotations

from itertools import product
from math import inf

import numpy as np
import pytest
from mapper.deep.bounds.drawn_terms import AXES, all_alive, drawn, objective
from mapper.deep.bounds.test_standing import can_stand

from dse.mapper.deep.bounds.sharing import TOO_MANY, FanOut, Reach, Ways, ways_to_share
from dse.mapper.deep.bounds.sums.records import Terms
from dse.model.counting.kernel import Floats, Ints

ROOM, SIDES = 8, (2, 4)


def ways(terms: Terms, tables: tuple[Floats, ...], children: list[Ints], goal: float, most: int) -> tuple[int, Ints]:
    """How many ways there are for one fan-out of `ROOM` children, and which."""
    chains = tuple(np.stack([np.ones_like(one), one, np.ones_like(one), np.ones_like(one)], axis=1).reshape(-1, 2, 2)
                   for one in children)  # fmt: skip
    alive = all_alive(tables)
    found = Ways(np.zeros((most, AXES), dtype=np.int64), np.zeros(len(alive.rows), dtype=np.int64))
    fan, reach = FanOut(0, ROOM, np.array(SIDES), np.ones((2, 8), dtype=np.int64)), Reach(goal, inf)
    many = ways_to_share(tables, chains, terms, terms.logs, terms.first, alive, fan, reach, found)
    assert found.share.tolist() == np.concatenate(children).tolist()
    return many, found.shares


@pytest.mark.parametrize("seed", range(40))
def test_no_way_of_a_good_assignment_is_lost(seed: int) -> None:
    terms, tables = drawn(seed)
    rng = np.random.default_rng(seed)
    children = [rng.integers(1, 4, size=len(table[0])) for table in tables]
    values: dict[tuple[int, ...], float] = {}
    for splits in product(*(range(len(table[0])) for table in tables)):
        share = tuple(int(mine[i]) for mine, i in zip(children, splits, strict=True))
        if can_stand(share, SIDES):
            values[share] = min(values.get(share, inf), objective(terms, tables, splits))
    finite = sorted(value for value in values.values() if value < inf)
    for goal in [inf, *finite[:1], *finite[len(finite) // 2 : len(finite) // 2 + 1]]:
        many, found = ways(terms, tables, children, goal, 800)
        mine = [tuple(one) for one in found[:many].tolist()]
        assert len(set(mine)) == many
        assert set(mine) <= set(values)
        assert set(mine) >= {share for share, value in values.items() if value <= goal and value < inf}


def test_too_many_ways_are_not_listed() -> None:
    terms, tables = drawn(3)
    terms = terms._replace(limits=np.array([0.0, 0.0, 100.0]))
    children = [np.arange(len(table[0])) + 1 for table in tables]
    many, _ = ways(terms, tables, children, inf, 10_000)
    assert many > 1
    assert ways(terms, tables, children, inf, many)[0] == many
    assert ways(terms, tables, children, inf, many - 1)[0] == TOO_MANY
