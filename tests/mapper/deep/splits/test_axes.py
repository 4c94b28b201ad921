"""Factors per axis are those that the closed form counts."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from dse import Layer, load_architecture
from dse.mapper.deep.bounds.layer_spaces import spaces_of
from dse.mapper.deep.splits.axes import Axis, _room_for, tables_of_axes
from dse.mapper.deep.splits.halo import Slide
from dse.mapper.layer import solve
from dse.mapper.shared.stopping import TooLongError
from dse.model.counting import axes as closed
from dse.model.counting.records import WORD, Nest
from dse.problem.dims import IFMAP, PSUM, WEIGHT, K, P, Q, R, S


def chains_of(bound, slots):
    """Every way to cover a bound, ragged ones too, over so many slots."""
    return [c for c in product(range(1, bound + 1), repeat=slots) if bound <= np.prod(c) < 2 * bound]


def closed_combinations(chain, bound, lists, fans):
    """The same by the closed form: a nest of one dim, in which every level has a list and a fan-out."""
    levels = len(chain) // 2
    trips = list(chain)
    counted = [int(y) for i in range(levels) for y in (i < lists, fans >> i & 1)]
    step = [int(np.prod(trips[i + 1 :])) for i in range(len(trips))]
    zeros = np.zeros(len(trips), int)
    nest = Nest(len(trips), zeros + 4, np.array(trips), np.array(step), zeros, zeros)
    return closed.combinations(nest, 4, bound, np.array(counted))


@pytest.mark.parametrize("bound", [5, 6])
def test_combinations_are_those_of_the_closed_form(bound):
    chains = np.array([[a, b, c, 1] for a, b, c in chains_of(bound, 3)])
    one = Axis((K,), (bound,), (chains,), 1, 1)
    for lists, fans in product(range(3), range(4)):
        found = column(one, ("count", K, lists, fans))
        assert found == [closed_combinations(chain, bound, lists, fans) for chain in chains.tolist()]


def axis(stride=1, dilation=1):
    """P = 6 in tiles of 2 with the whole of R = 3 inside, and P whole beside it."""
    p = np.array([[3, 1, 2, 1], [1, 1, 6, 1]])
    r = np.array([[1, 1, 3, 1], [1, 1, 3, 1]])
    return Axis((P, R), (6, 3), (p, r), stride, dilation)


def column(one, key):
    at = one.column(key)
    return one.table(plain=True)[at].tolist()


def test_a_split_is_found_by_its_trips_and_children():
    rng = np.random.default_rng(0)
    p, r = (np.array([[a, b, c, 1] for a, b, c in chains_of(bound, 3)]) for bound in (6, 3))
    some = rng.integers(len(p), size=40), rng.integers(len(r), size=40)
    both = np.unique(np.concatenate([p[some[0]], r[some[1]]], axis=1), axis=0)
    one = Axis((P, R), (6, 3), (both[:, :4].copy(), both[:, 4:].copy()), 1, 1)
    assert [one.place_of(split.reshape(2, 4)) for split in both] == list(range(len(both)))
    assert one.place_of(np.full((2, 4), 9)) == 0


def test_words_of_a_tile_are_its_box():
    one = axis(stride=2)
    assert len(one) == 2
    assert one.tile(1, 0).tolist() == [2, 6]
    assert column(one, ("words", IFMAP, 1)) == [2 + 3, 10 + 3]
    assert column(one, ("words", WEIGHT, 1)) == [3, 3]
    assert column(one, ("words", PSUM, 1)) == [2, 6]


def test_a_column_is_worked_out_once_and_that_of_ones_is_the_first():
    one = axis()
    first = one.column(("words", PSUM, 1))
    assert one.column(("words", PSUM, 1)) == first == 1
    assert one.column(("words", PSUM, 2)) == 0
    assert one.matrix().shape == (2, 2)
    assert np.exp(one.matrix()[:, first]) == pytest.approx([2, 6])


def test_children_and_steps_of_a_spread():
    q = np.array([[2, 3, 1, 1]])
    s = np.array([[1, 2, 1, 1]])
    one = Axis((Q, S), (5, 2), (q, s), 1, 1)
    assert one.children(0).tolist() == [6]
    assert column(one, ("steps",)) == [2]


def test_tables_of_all_axes_are_the_same_until_a_column_is_added():
    axes = [axis(), axis(2)]
    axes[1].column(("words", IFMAP, 0))
    tables = tables_of_axes(axes)
    assert tables_of_axes(axes) is tables
    assert [len(table) for table in tables.factors] == [1, 2]
    axes[0].column(("words", IFMAP, 1))
    more = tables_of_axes(axes)
    assert [len(table) for table in more.factors] == [2, 2]
    assert all((one.table() == table).all() for one, table in zip(axes, more.logs, strict=True))
    assert tables_of_axes(axes[::-1]).factors[0] is not more.factors[0]


def test_axes_with_the_same_splits_have_the_same_words():
    simba = load_architecture("simba_pe")
    layer = simba.lowered(Layer("l", K=8, C=4, P=6, Q=6, R=3, S=3))
    (space, *_) = spaces_of(simba, layer, "all")[1]
    assert space.axes[Q].twin is space.axes[P]
    for one in space.axes[P : Q + 1]:
        key = ("boxes", 1, 0, WORD, (Slide(0, 0, 0, True),))
        alone = replace(one, columns={}, twin=None, _tables=None, _width=1, _equal={})
        assert column(one, key) == column(alone, key)


def test_tables_grow_while_the_words_of_equal_splits_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """P with R is asked by Q with S while its tables have no room for more."""
    registers = load_architecture(str(Path(__file__).parents[3] / "benchmarks/specs/registers.yaml"))
    layer = Layer("square", K=4, C=3, P=10, Q=10, R=3, S=3)
    solve(registers, layer, "energy", 0.0, "all")
    whole = next(axis for axis in spaces_of(registers, layer, "all")[1][0].axes if axis.twin is not None)
    keys = [key for key in whole.columns if key[0] == "boxes"]
    assert len({whole.column(key) for key in keys}) > 2
    monkeypatch.setattr("dse.mapper.deep.splits.axes.COLUMNS", 1)
    same = (whole.bounds, whole.chains, whole.stride, whole.dilation, whole.sides)
    other = Axis(whole.dims, *same, twin=Axis((P, R), *same))
    for key in keys:
        at, there = other.column(key), whole.column(key)
        assert np.array_equal(other.table(plain=True)[at], whole.table(plain=True)[there])


def test_tables_beyond_memory_end_a_search_as_tables_beyond_time_do() -> None:
    assert _room_for(3, 5).shape == (2, 3, 5)
    with pytest.raises(TooLongError, match="10,000,000,000,000 splits of a dim want 12,800,000 GB of memory"):
        _room_for(80, 10**13)
