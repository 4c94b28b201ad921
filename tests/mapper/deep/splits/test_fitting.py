"""Splits that fit nowhere are left out of long axes, and none that some mapping has."""

from itertools import islice

import numpy as np
import pytest
from mapper.walks.deep_walk import Walk, deep_problem
from mapper.walks.fronts import EQUAL, significant

from dse.mapper.deep.bounds import kept
from dse.mapper.deep.problem import build
from dse.mapper.deep.splits import listing as module
from dse.mapper.deep.splits.axes import AXES
from dse.mapper.deep.splits.fitting import largest_tiles, pairs_that_fit, room_for
from dse.mapper.deep.splits.listing import axes_of
from dse.mapper.layer import solve
from dse.mapper.shared.mapspace.bypass import bypass_choices
from dse.model.price import price
from dse.problem.dims import DIMS, IFMAP, K, P, R

SOME = 4000


@pytest.fixture
def all_long(monkeypatch):
    """Every axis is a long one, and no tables are there from before."""
    monkeypatch.setattr(kept, "_kept", type(kept._kept)())
    monkeypatch.setattr(kept, "_long", set())
    monkeypatch.setattr(module, "LONG", 0)


def split_of(built, walk, factors, dim):
    """Trips and children of a dim in each level, of the factors in each slot that the walk has."""
    found = []
    for node, fan in zip(built.nodes.tolist(), built.fans.tolist(), strict=True):
        at = {what: factors[walk.slots.index(what)].get(dim, 1) for what in walk.slots if what[0] in (node, fan)}
        rows, cols = at.get((fan, "rows"), 1), at.get((fan, "cols"), 1)
        found += [at.get((node, "list"), 1), rows * cols]
    return tuple(found)


def splits_of(built):
    """The splits of each axis."""
    return [set(map(tuple, np.concatenate(axis.chains, axis=1).tolist())) for axis in axes_of(built)]


@pytest.mark.parametrize("seed", range(16))
def test_what_fits_is_there_still(seed, all_long, monkeypatch):
    problem = deep_problem(f"fitting {seed}")
    walk = Walk(problem.architecture, problem.layer, problem.kind)
    for choice in bypass_choices(problem.architecture):
        prices = price(problem.architecture, problem.layer)
        built = build(problem.architecture, problem.layer, choice, prices, problem.kind)
        there = splits_of(built)
        with monkeypatch.context() as patch:
            patch.setattr(module, "LONG", 1_000_000)
            left_out = [whole - some for whole, some in zip(splits_of(built), there, strict=True)]
        stored = [choice.get(node, frozenset()) for node in range(len(problem.architecture.hierarchy))]
        for factors in islice(walk.fitting(stored), SOME):
            for dims, some in zip(AXES, left_out, strict=True):
                assert sum((split_of(built, walk, factors, DIMS[d]) for d in dims), ()) not in some


@pytest.mark.parametrize("objective", ["energy", "latency", "edp", "front"])
def test_answers_are_those_with_all_splits(objective, all_long, monkeypatch):
    shorter = 0
    for seed in range(16):
        problem = deep_problem(f"fitting {seed}")
        found = []
        for long in (0, 1_000_000):
            kept._kept.clear()
            kept._long.clear()
            monkeypatch.setattr(module, "LONG", long)
            found.append(solve(problem.architecture, problem.layer, objective, 0.0, problem.kind))
            shorter += any(axis.fitting for tables in kept._kept.values() for axis in tables.axes)
        some, every = found
        assert significant(some.values) == pytest.approx(significant(every.values), rel=EQUAL, abs=0)
        assert some.space_size == every.space_size
    assert shorter > 3


def small(capacity):
    """P = 4 with R = 3 on two levels, the inner one with room for some words of the ifmap."""
    problem = deep_problem("kept 1")
    layer = problem.layer.with_(P=4, R=3, K=4, stride_h=2, dilation_h=1)
    built = build(
        problem.architecture, layer, bypass_choices(problem.architecture)[0], price(problem.architecture, layer), "all"
    )
    room = built.capacity.copy()
    room[1, IFMAP] = 8 * capacity
    narrowest = np.zeros_like(built.narrowest)
    narrowest[1, IFMAP] = 8
    return built._replace(capacity=room, narrowest=narrowest)


def test_tiles_are_held_against_the_room():
    built = small(6)
    assert room_for(built)[1, IFMAP] == pytest.approx(6)
    ones = [1] * (2 * len(built.nodes) - 4)
    p = np.array([[4, 1, 1, 1, *ones], [2, 1, 2, 1, *ones], [1, 1, 4, 1, *ones]])
    r = np.array([[3, 1, 1, 1, *ones], [1, 1, 3, 1, *ones]])
    # Boxes of 1, 3 and 7 words with one tap, and of 3, 5 and 9 with three.
    whole = [2 * 4] * (len(built.nodes) - 2)
    assert largest_tiles(built, P).tolist() == [8, 3, *whole], "tiles of 3 have boxes of 5"
    assert largest_tiles(built, R)[1] == 6, "all three taps fit"
    pairs = np.repeat([0, 1], 2), np.tile([0, 1], 2)
    assert pairs_that_fit(built, (P, R), (p, r), pairs).tolist() == [True, True, True, True]
    assert pairs_that_fit(small(4), (P, R), (p, r), pairs).tolist() == [True, True, True, False]
    assert largest_tiles(small(0), P)[1] == 0
    assert largest_tiles(small(1), K)[1] == 8, "no dim of the ifmap"


def test_an_axis_keeps_a_split_where_none_fits(all_long):
    assert [len(chain) for chain in axes_of(small(0))[P].chains] == [1, 1]


def test_splits_are_those_that_fit_whatever_was_mapped_on_before(all_long):
    """Also where the first machine had room for all of them."""
    narrow, ample = small(4), small(1000)
    alone = [len(axis) for axis in kept.tables_of(narrow).axes]
    kept._kept.clear()
    kept._long.clear()
    assert not any(axis.fitting for axis in kept.tables_of(ample).axes)
    after = kept.tables_of(narrow).axes
    assert any(axis.fitting for axis in after)
    assert [len(axis) for axis in after] == alone
