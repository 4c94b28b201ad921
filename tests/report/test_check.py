"""Shrinking keeps a layer what it is; a check says how far it came, whatever ends it."""

from time import perf_counter

import pytest
from explore.toy import ARCH, NET
from hypothesis import given
from hypothesis import strategies as st

from dse import load_architecture, load_workload
from dse.mapper import map_layer
from dse.model.simulator.walk import WalkStoppedError, simulate
from dse.problem.layer import Layer
from dse.report.check import check, expected_seconds, shrink, summary_of, tasks_of, verdict

SIZES = st.integers(1, 64)
LAYERS = st.builds(
    Layer, st.just("any"), G=SIZES, N=SIZES, K=SIZES, C=SIZES, P=SIZES, Q=SIZES,
    R=st.integers(1, 7), S=st.integers(1, 7), stride_h=st.integers(1, 3), dilation_w=st.integers(1, 3),
)  # fmt: skip


@given(LAYERS, st.integers(1, 10**6))
def test_a_shrunken_layer_is_small_enough_and_of_the_same_kind(layer, macs):
    small = shrink(layer, macs)
    assert small.macs <= macs
    assert all(few <= many for few, many in zip(small.bounds, layer.bounds, strict=True))
    assert (small.stride_h, small.dilation_w) == (layer.stride_h, layer.dilation_w)
    assert all((few > 1) <= (many > 1) for few, many in zip(small.bounds, layer.bounds, strict=True))
    if layer.macs <= macs:
        assert small == layer
    if macs >= 49 * 64:
        assert (small.G, small.R, small.S) == (layer.G, layer.R, layer.S), "filters stay while anything else can go"


@pytest.fixture
def toy(tmp_path):
    (tmp_path / "toy.yaml").write_text(ARCH)
    (tmp_path / "tiny.yaml").write_text(NET)
    return load_architecture(tmp_path / "toy.yaml"), load_workload(tmp_path / "tiny.yaml")


def test_a_sample_is_drawn_from_all_mappings_and_is_the_same_again(toy):
    _, network = toy
    everything = tasks_of(network, 3000)
    assert len(everything) == 3 * len(network.distinct())
    some = tasks_of(network, 3000, sample=4, seed=1)
    assert some == tasks_of(network, 3000, sample=4, seed=1)
    assert len(some) == 4
    assert some == [task for task in everything if task in some], "in the network's order"
    drawn = {(task.names, task.objective) for seed in range(30) for task in tasks_of(network, 3000, 4, seed)}
    assert len(drawn) == len(everything)
    assert tasks_of(network, 3000, sample=1000) == everything


def test_the_expected_time_grows_with_the_work(toy):
    arch, network = toy
    few, many = tasks_of(network, 3000, sample=1), tasks_of(network, 3000) * 50
    assert 0 < expected_seconds(arch, few) < expected_seconds(arch, many)


def test_searches_take_a_part_of_the_time_limit(toy, monkeypatch):
    """A layer that takes long to map leaves time for its walk, and the estimate leaves time for both."""
    arch, network = toy
    tasks, limits = tasks_of(network, 3000), []

    def noting(*args, time_limit_s=None):
        limits.append(time_limit_s)
        return map_layer(*args, time_limit_s=time_limit_s)

    monkeypatch.setattr("dse.mapper.map_layer", noting)
    expected_seconds(arch, tasks, 50.0)
    assert limits == [5.0, 5.0]
    check(arch, tasks[0], perf_counter() + 50)
    assert 20 < limits.pop() <= 25
    expected_seconds(arch, tasks)
    check(arch, tasks[0])
    assert limits[2:] == [None, None, None]


def test_a_walk_stops_when_it_is_told_to_and_says_how_far_it_came(toy):
    arch, network = toy
    layer = shrink(network.distinct()[0][0], 3000)
    mapping = map_layer(arch, layer, "edp").mapping
    answers = iter([False] * 10 + [True])
    with pytest.raises(WalkStoppedError) as stopped:
        simulate(layer, arch, mapping, stop=lambda: next(answers))
    assert 10 <= stopped.value.macs < layer.macs
    assert simulate(layer, arch, mapping, stop=lambda: False) == simulate(layer, arch, mapping)


def test_a_walk_forgets_tiles_and_counts_the_same(toy, monkeypatch):
    arch, network = toy
    layer = shrink(network.distinct()[0][0], 1000)
    mapping = map_layer(arch, layer, "edp").mapping
    counted = simulate(layer, arch, mapping)
    monkeypatch.setattr("dse.model.simulator.walk.MOST_REMEMBERED", 20)
    assert simulate(layer, arch, mapping) == counted


def test_a_deadline_ends_a_check_before_or_amid_a_walk(toy):
    arch, network = toy
    small, large = tasks_of(network, 500)[0], tasks_of(network, 10**9)[0]
    assert check(arch, small, perf_counter() - 1)["state"] == "not begun"
    done = check(arch, small, perf_counter() + 60)
    assert (done["state"], done["differ"], done["walked"]) == ("compared", 0, done["macs"])
    map_layer(arch, large.layer, large.objective)  # so that the walk has the time, not the search
    huge = type(large)(large.layer.with_(N=50), large.names, large.objective)
    cut = check(arch, huge, perf_counter() + 0.3)
    assert cut["state"] == "stopped"
    assert 0 <= cut["walked"] < cut["macs"]
    assert cut["counts"] == cut["differ"] == 0
    assert "counts not compared" in cut["first"]


def test_a_walk_that_breaks_off_is_a_difference(toy, monkeypatch):
    def broken(*_, **__):
        raise AssertionError("a parent hands over words that it does not hold")

    arch, network = toy
    monkeypatch.setattr("dse.model.simulator.walk.simulate", broken)
    row = check(arch, tasks_of(network, 500)[0])
    assert (row["state"], row["differ"]) == ("compared", 1)
    assert row["first"] == "the walk broke off: a parent hands over words that it does not hold"


def row(state, counts=0, differ=0):
    return {"state": state, "counts": counts, "differ": differ}


@pytest.mark.parametrize(
    ("rows", "planned", "possible", "said"),
    [
        ([row("compared", 30)] * 3, 3, 3, "all 90 counts are equal"),
        ([row("compared", 30, 2), row("compared", 30)], 2, 2, "2 of 60 counts differ"),
        ([row("compared", 30)] * 2, 2, 9,
         "all 60 counts are equal (2 of the network's 9 mappings compared, 2 drawn as a sample)"),
        ([row("compared", 30), row("infeasible"), row("stopped")], 5, 5,
         "all 30 counts are equal (1 of the network's 5 mappings compared, 1 infeasible, 1 stopped half-way, "
         "2 not begun)"),
        ([], 3, 3, "nothing was compared (0 of the network's 3 mappings compared, 3 not begun)"),
    ],
)  # fmt: skip
def test_the_verdict_says_what_was_checked(rows, planned, possible, said):
    assert verdict(summary_of(rows, planned, possible)) == said
