"""Halves of a subproblem: cut at the factor that cheap splits differ most in, where the bound feels it."""

from collections import namedtuple
from functools import partial
from itertools import islice
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dse import Layer, load_architecture
from dse.mapper.deep.bounds.best import Best
from dse.mapper.deep.bounds.halves import most_undecided
from dse.mapper.deep.bounds.layer_spaces import spaces_of
from dse.mapper.deep.bounds.left import only_left
from dse.mapper.deep.bounds.roots import root_of
from dse.mapper.deep.bounds.sharing import ways_to_share
from dse.mapper.deep.record import record_length
from dse.mapper.deep.solve import DeepSearch, run_whole
from dse.mapper.deep.tree import best_first, branching
from dse.mapper.deep.tree.branching import HALVES, HEAT, ORDERS, SHARES, Learned, half_of, is_long, shares, ways_to_cut
from dse.mapper.deep.tree.walks import OPEN
from dse.mapper.shared.incumbent import EDP, LATENCY

MANY = 10_000
"""Combinations of splits."""

Part = namedtuple("Part", "proven rows gathered", defaults=(0,))
"""What of a subproblem ways to cut are compared by."""

WHOLE: Any = Part(1.0, [range(MANY)])
"""One, with its bound, to be cut while less than 2.0 is looked for."""

GOAL: Any = SimpleNamespace(target_in=lambda part: 2.0)
"""A search for that."""

LAYER = Layer("l", K=64, C=48, P=14, Q=14, R=3, S=3)


@pytest.mark.parametrize("machine", ["simba_pe", "nvdla_small", "edge_npu"])
def test_an_axis_is_cut_at_the_mean_of_its_most_undecided_factor(machine: str) -> None:
    architecture = load_architecture(machine)
    cut = 0
    for space in spaces_of(architecture, architecture.lowered(LAYER), "all")[1]:
        node = root_of(space, Best.knowing_nothing(EDP, space.problem))
        assert node is not None
        spreads = []
        for a, (rows, lifted) in enumerate(zip(node.rows, node.reduced, strict=True)):
            table, shares = space.axes[a].table(), np.exp(-(lifted - lifted.min()) / HEAT)
            shares /= shares.sum()
            for k in range(1, len(table)):
                load = node.weights[node.columns[1][:, a] == k].sum() + node.weights[node.columns[2][:, a] == k].sum()
                values = table[k, rows]
                mean = values @ shares
                spread = load * np.sqrt((values - mean) ** 2 @ shares)
                spreads.append((spread, a, (values <= mean).tolist()))
        half = half_of(node, 1e-7)
        most = max(spreads)[0]
        assert (half is None) == (most <= 1e-7)
        if half is not None:
            _, axis, lower = half
            cut += 1
            assert 0 < lower.sum() < len(lower)
            assert any(a == axis and below == lower.tolist() for spread, a, below in spreads if spread > most - 1e-12)
            assert half_of(node, most + 1e-9) is None
    assert cut > 0


def test_the_kernel_is_compiled_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    monkeypatch.setattr(branching, "compiled", lambda kernel: called.append(kernel) or kernel)
    architecture = load_architecture("nvdla_small")
    run_whole(architecture, architecture.lowered(LAYER))
    assert called == [most_undecided, ways_to_share]


def test_what_has_been_best_is_looked_at_first() -> None:
    """List 2 leaves one part with half of what was to prove, list 1 two with nearly all of it: only 2 is tried then."""
    tried: list[int] = []

    def parts(way: int, *bounds: float) -> list[Part]:
        tried.append(way)
        return [Part(bound, [range(MANY)]) for bound in bounds]

    ways: dict[int, Any] = {
        2: partial(parts, 2, 1.5), 1: partial(parts, 1, 1.1, 1.1), HALVES: partial(parts, HALVES, 1.0, 1.9),
    }  # fmt: skip
    learned = Learned(halved=False)
    assert [one.proven for one in learned.best_of(ways, WHOLE, GOAL, 2.0) or []] == [1.5]
    assert sorted(tried) == [HALVES, 1, 2]  # nothing was known of any
    tried.clear()
    assert [one.proven for one in learned.best_of(ways, WHOLE, GOAL, 2.0) or []] == [1.5]
    assert tried == [2]


def test_nothing_beats_a_way_that_leaves_nothing() -> None:
    learned = Learned(halved=False)
    assert learned.best_of({0: list, HALVES: pytest.fail}, WHOLE, GOAL, 2.0) == []


@pytest.mark.parametrize(("halved", "worth", "ends"), [(False, 0.6, True), (False, 0.4, False), (True, 0.6, False)])
def test_a_list_is_laid_down_where_halves_get_nowhere(
    halved: bool, worth: float, ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Halves that take as long as the whole give way to a list that was bad once; not where lists say little."""
    monkeypatch.setattr(branching, "_worth", lambda *_: worth)
    learned = Learned(halved)
    learned.worth, learned.count = {1: 1.5, HALVES: 0.0}, {1: 1, HALVES: 1}
    parts = learned.best_of({1: list, HALVES: lambda: [WHOLE]}, WHOLE, GOAL, 2.0)
    assert parts == ([] if ends else [WHOLE])


def test_lists_come_last_where_they_lift_bounds_by_little() -> None:
    """As long as what comes of the other ways is no worse than what is left after a list that says nothing."""
    part = namedtuple("part", "proven rows gathered", defaults=(0,))
    tried: list[int] = []

    def cut(way: int, many: int) -> list[Any]:
        tried.append(way)
        return many * [part(1.0, [range(MANY)])]

    few = {1: lambda: cut(1, 1), SHARES: lambda: cut(SHARES, 2)}
    assert len(Learned(halved=True).best_of(few, WHOLE, GOAL, 2.0) or []) == 2
    assert tried == [SHARES]
    assert len(Learned(halved=False).best_of(few, WHOLE, GOAL, 2.0) or []) == 1
    learned = Learned(halved=True)
    assert len(learned.best_of({1: few[1], SHARES: lambda: cut(SHARES, 9)}, WHOLE, GOAL, 2.0) or []) == 1
    assert learned.worth == pytest.approx({1: 1.0, SHARES: 9.0})
    learned = Learned(halved=True)
    while tried[-1] != 1 and len(tried) < 100:  # what is not tried counts for less each time
        learned.best_of(few, WHOLE, GOAL, 2.0)
    assert tried[-1] == 1


def test_parts_with_few_splits_left_are_worth_more() -> None:
    """Three of which a tenth is left to search beat one of which all is, though none has a better bound."""
    ways: dict[int, Any] = {
        1: lambda: [Part(1.0, [range(MANY)])],
        SHARES: lambda: 3 * [Part(1.0, [range(MANY // 10)])],
        HALVES: lambda: None,
    }
    found = Learned(halved=False).best_of(ways, WHOLE, GOAL, 2.0)
    assert found is not None
    assert len(found) == 3


def test_parts_with_long_tables_are_worth_less() -> None:
    """Of two parts with as many combinations and the same bound the one with fewer splits takes less time."""
    short, long = Part(1.5, [range(400), range(400)]), Part(1.5, [range(160_000)])
    for ways in ({1: lambda: [long], 2: lambda: [short]}, {1: lambda: [short], 2: lambda: [long]}):
        assert Learned(halved=False).best_of(ways, Part(1.0, [range(160_000)]), GOAL, 2.0) == [short]


def test_parts_of_a_front_are_worth_what_is_left_of_each() -> None:
    """Of two with the same bound, that is better which leaves less below the stairs by its own weight of time."""
    steep, level = Part(1.5, [range(MANY)]), Part(1.5, [range(MANY), [0]])
    below: Any = SimpleNamespace(target_in=lambda part: 1.6 if part is steep else 2.0)
    for ways in ({1: lambda: [level], 2: lambda: [steep]}, {1: lambda: [steep], 2: lambda: [level]}):
        assert Learned(halved=False).best_of(ways, WHOLE, below, 2.0) == [steep]


def test_what_a_list_keeps_and_its_slides_are_other_ways() -> None:
    """Both may be open of lists side by side: what one has been worth says little of the other."""
    architecture = load_architecture("tests/benchmarks/specs/npu3.yaml")
    layer = architecture.lowered(LAYER)
    (space, *_) = spaces_of(architecture, layer, "all")[1]
    best = Best.knowing_nothing(EDP, space.problem)
    node = root_of(space, best)
    assert node is not None
    inner = branching.next_list(node)
    assert inner is not None
    kept = [(one, one.choices[inner]) for one in branching.laid_down(node, inner, best)]
    node = next(one for one, choice in kept if choice is not None and choice.partial)
    lists = [way for way in ways_to_cut(node, None, best) if way >= 0]
    assert lists == [inner - 1, inner + ORDERS]


def test_splits_that_one_stands_for_count_where_ways_are_compared() -> None:
    """A list laid down tells stand-ins apart: that does not make it worse than halves, which leave all that later.

    A 1x1 layer with a stride was cut into halves for more than 20,000 subproblems while nothing was known of its lists.
    """
    architecture = load_architecture("tests/benchmarks/specs/npu3.yaml")
    layer = architecture.lowered(Layer("l", K=128, C=256, P=28, Q=28, stride_h=2, stride_w=2))
    search = DeepSearch(architecture, layer, 0.0, "all", np.zeros(1, dtype=np.int64))
    assert sum(1 for _ in islice(search.seek_best(LATENCY), 1_000)) < 1_000
    assert search.best is not None
    assert search.best.values[0] == pytest.approx((1.22435672e8, 41438.875))


def test_nothing_is_lost_where_no_way_can_be_listed() -> None:
    learned = Learned(halved=False)
    assert learned.best_of({SHARES: lambda: None}, WHOLE, GOAL, 2.0) is None
    assert learned.best_of({}, WHOLE, GOAL, 2.0) is None


@pytest.mark.parametrize("machine", ["simba_pe", "nvdla_small", "edge_npu"])
def test_every_split_that_fits_is_in_a_share_of_a_fan_out(machine: str) -> None:
    """While no mapping is known, the ways to share out children have all combinations of splits that fit."""
    architecture = load_architecture(machine)
    layer = Layer("s", K=4, C=3, P=3, Q=2)
    for space in spaces_of(architecture, architecture.lowered(layer), "all")[1]:
        best = Best.knowing_nothing(EDP, space.problem)
        node = root_of(space, best)
        assert node is not None
        for fan, sides in enumerate(space.problem.sides):
            if space.problem.fans[fan] < 0 or sides.prod() == 1:
                continue
            parts = shares(node, fan, best)
            if parts is None:
                continue
            firsts = [[axis.both()[row[0], :, 2 * fan + 1] for axis, row in zip(space.axes, part.rows, strict=True)]
                      for part in parts]  # fmt: skip
            mine = [tuple(int(children.prod()) for children in first) for first in firsts]
            assert len(set(mine)) == len(mine)
            for part, share in zip(parts, mine, strict=True):
                assert np.prod(share) <= sides.prod()
                for axis, row, children in zip(space.axes, part.rows, share, strict=True):
                    assert (axis.both()[row, :, 2 * fan + 1].prod(axis=1) == children).all()


@pytest.mark.parametrize("machine", ["simba_pe", "nvdla_small", "edge_npu"])
def test_shares_are_those_of_the_best_mapping_known_when_they_are_made(machine: str) -> None:
    """A better mapping may be found between: then fewer splits are left than when ways to cut were listed."""
    architecture = load_architecture(machine)
    compared = 0
    for space in spaces_of(architecture, architecture.lowered(LAYER), "all")[1]:
        records = np.zeros((1, record_length(len(space.problem.nodes))), dtype=np.int64)
        counters, stop = np.zeros(5, dtype=np.int64), np.zeros(1, dtype=np.int64)
        best = Best(EDP, 0.0, np.inf, np.array([[1e30, 1.0]]), records, counters, stop, held=1)
        node = root_of(space, best)
        assert node is not None
        node = only_left(node, best.target_in(node))
        ways = ways_to_cut(node, None, best)
        best.values[0] = np.exp(node.bound + 0.3), 1.0
        left = only_left(node, best.target_in(node))
        for way in (way for way in ways if way <= SHARES):
            found, fresh = ways[way](), shares(left, SHARES - way, best)
            assert (found is None) == (fresh is None)
            for one, other in zip(found or [], fresh or [], strict=True):
                assert all(map(np.array_equal, one.rows, other.rows))
                assert one.bound == other.bound
            compared += sum(map(len, left.rows)) < sum(map(len, node.rows))
    assert compared > 0


def test_what_is_walked_with_open_lists_is_looked_through_before() -> None:
    """Else splits that stand for others might be walked as if they were themselves."""
    assert best_first.FEW <= OPEN <= best_first.DIRECT


def test_ways_to_cut_are_compared_soon_where_there_is_a_window_alone() -> None:
    machine = load_architecture("tests/benchmarks/specs/npu3.yaml")
    for taps, soon in ((3, True), (1, False)):
        layer = machine.lowered(Layer("l", K=384, C=256, P=26, Q=26, R=taps, S=taps))
        assert is_long(spaces_of(machine, layer, "all")[1][0]) == soon
