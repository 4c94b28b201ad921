"""What a run with tensors on chip says of itself: words across the edge, why tensors stay outside, who lies where."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mapper.network.residency.small_networks import columns_of, setting_of

from dse.formats.architecture.load import load_architecture_spec
from dse.mapper.network.residency.choice import Choice, Setting, Weights
from dse.mapper.network.residency.columns import Point
from dse.mapper.network.residency.outcome.reasons import why_not
from dse.mapper.network.residency.outcome.result import (
    Residency,
    ResidencyCertificate,
    mapped_at_home,
    nothing_at_home,
    outer_words_of,
)
from dse.mapper.network.residency.search import best_choice
from dse.mapper.network.residency.solve import NetworkGoal, keep_on_chip
from dse.problem.layer import Layer
from dse.problem.workload import Node, Workload


def chain(size: int = 6) -> Workload:
    """Three layers one after the other, and a sum of the first and the last result."""
    layer = Layer("a", K=8, C=8, P=size, Q=size)
    shape = (8, size, size)
    return Workload("chain", (
        Node("x", "input", shape), Node("a", "conv", shape, ("x",), layer=layer),
        Node("b", "conv", shape, ("a",), layer=layer.with_(name="b")),
        Node("c", "conv", shape, ("b",), layer=layer.with_(name="c")), Node("sum", "add", shape, ("a", "c")),
    ))  # fmt: skip


@pytest.fixture(scope="module")
def run() -> Residency:
    return keep_on_chip(load_architecture_spec("eyeriss").resolve({}), chain(), NetworkGoal("energy"))


def test_what_stays_on_chip_never_crosses_the_outermost_edge(run: Residency) -> None:
    """Weights and the network's own input and output cross it once, what is made and read inside not at all."""
    after = outer_words_of(run.setting, run.choice, run.layers)
    words = dict(zip((held.name for held in run.setting.graph.tensors), after, strict=True))
    assert {"a", "b", "c"} <= set(run.kept)
    assert [words[name] for name in ("a", "b", "c")] == [0, 0, 0]
    assert words["x"] == 8 * 6 * 6
    assert words["sum"] == 8 * 6 * 6
    assert sum(words.values()) == sum(stay.words_after for stay in run.stays)


def test_totals_are_those_of_layers_and_moves(run: Residency) -> None:
    assert run.energy_pj == pytest.approx(run.certificate.value)
    costs = [mapped.cost for _, mapped, _ in run.layers]
    assert run.energy_pj == sum(cost.energy_pj for cost in costs) + sum(move.energy_pj for move in run.moves)
    assert run.cycles == sum(cost.cycles for cost in costs) + sum(move.cycles for move in run.moves)
    assert run.totals == pytest.approx((run.energy_pj, run.cycles), rel=1e-9)
    assert sum(len(names) for _, names in run.grouped) == 3
    assert run.homes.keys() == {"a", "b", "c"}
    assert run.home_of("b") == {"ifmap": "GLB", "psum": "GLB"}
    assert run.home_of("nothing of the kind") == {}


def test_with_nothing_at_home_every_tensor_crosses_the_edge(run: Residency) -> None:
    """Each result is written at least once and read at least once; a step's free room is all but the tiles."""
    points = {i: column.point for i, column in enumerate(run.choice.columns) if column is not None}
    choice = nothing_at_home(run.setting, points)
    assert not any(choice.home)
    for i, column in enumerate(choice.columns):
        taken = 0 if column is None else column.bits[0]
        assert choice.free(run.setting, i) == (run.setting.capacities[0] - taken,)
    assert choice.outside == frozenset(range(len(run.setting.graph.tensors)))
    assert not any(
        places for step, places in zip(run.setting.graph.steps, choice.places, strict=True) if step.layer is not None
    )


def reasons(setting: Setting, choice: Choice) -> dict[str, str]:
    return {held.name: why_not(setting, choice, t) for t, held in enumerate(setting.graph.tensors)}


def test_why_a_tensor_is_never_on_chip(run: Residency) -> None:
    """It has to leave, is read once, is larger than the level, or there is less room in some step than it takes."""
    points = {i: column.point for i, column in enumerate(run.choice.columns) if column is not None}
    choice = nothing_at_home(run.setting, points)
    found = reasons(run.setting, choice)
    assert found["sum"] == "it leaves the network"
    assert found["x"] == "an input, read once"
    assert found["a"] == "it would save nothing"  # there is room for it: only what it saves can speak against it
    bits = next(held.bits for held in run.setting.graph.tensors if held.name == "a")
    small = replace(run.setting, capacities=(bits - 8192,))
    assert reasons(small, choice)["a"] == "1 KiB larger than GLB"
    tiles = max(column.bits[0] for column in choice.columns if column is not None)
    tight = replace(run.setting, capacities=(bits + tiles - 80,))
    assert reasons(tight, choice)["a"].startswith("10 B short in ")


def test_the_gap_is_how_far_the_run_may_be_above_the_best() -> None:
    proof = ResidencyCertificate("energy", 110.0, 100.0, ("a",), 1, 2, 3, 4)
    assert proof.gap == pytest.approx(0.1)
    assert replace(proof, value=100.0 * (1 + 1e-13)).gap == 0.0  # the same numbers summed in another order
    assert replace(proof, lower_bound=0.0, value=0.0).gap == 0.0
    assert proof.to_dict()["gap"] == proof.gap


def test_points_without_a_mapping_are_priced_but_not_read_back() -> None:
    setting, costs = setting_of(3)
    found = best_choice(setting, columns_of(costs, (1.0, 0.0)), Weights(1.0, 0.0))
    assert all(column is None or isinstance(column.point, Point) for column in found.choice.columns)
    with pytest.raises(AssertionError):
        mapped_at_home(setting, found.choice)


def test_the_timeline_fills_the_level(run: Residency) -> None:
    for moment in run.timeline:
        held = {offset: max(bits for _, at, bits in moment.tensors if at == offset) for _, offset, _ in moment.tensors}
        assert moment.tiles + moment.free + sum(held.values()) == run.setting.capacities[0]


def test_an_input_that_nothing_reads_takes_no_room() -> None:
    network = chain()
    unread = Workload("unread", (Node("spare", "input", (4, 6, 6)), *network.nodes))
    architecture = load_architecture_spec("eyeriss").resolve({})
    found, plain = (keep_on_chip(architecture, one, NetworkGoal("energy")) for one in (unread, network))
    assert found.energy_pj == pytest.approx(plain.energy_pj, rel=1e-12)
    assert found.certificate is not None
    assert found.certificate.gap == 0
    (spare,) = (stay for stay in found.stays if stay.name == "spare")
    assert (spare.steps, spare.words_after, spare.why_not) == ((), 0, "an input that nothing reads")


def test_words_of_two_names_are_read_once_and_written_over_by_no_activation() -> None:
    """On a machine that takes activations along, and moves sums and concats itself."""
    architecture = load_architecture_spec("eyeriss").resolve({}).with_(fuses=frozenset({"activation"}))
    nodes = chain().nodes[:2]
    shape = nodes[-1].shape
    again = Node("again", "reshape", shape, ("a",))
    relu = Node("relu", "activation", shape, ("again",), attributes=(("activation", "relu"),))

    def run(*more: Node) -> Residency:
        return keep_on_chip(architecture, Workload("names", (*nodes, *more)), NetworkGoal("energy"))

    one = run(Node("sum", "add", shape, ("a", "a")))
    assert run(again, Node("sum", "add", shape, ("a", "again"))).energy_pj == pytest.approx(one.energy_pj, rel=1e-12)
    joined = run(again, Node("both", "concat", (16, *shape[1:]), ("a", "again")))
    assert joined.setting.graph.steps[-1].reads == (1,)
    kept = run(again, relu, Node("sum", "add", shape, ("a", "relu")))
    assert [step.name for step in kept.setting.graph.steps] == ["a", "relu", "sum"]
    leaves = run(relu := replace(relu, inputs=("a",)), again, Node("max", "maxpool", shape, ("relu",)))
    assert [step.name for step in leaves.setting.graph.steps] == ["a", "relu", "max"]
