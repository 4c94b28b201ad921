"""Runs with tensors on chip against a literal walk of the whole network with named words."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from mapper.network.residency.walk_of_words import LostError, Walked, walk_network

import dse
from dse.formats.architecture.load import load_architecture_spec
from dse.mapper import Residency, map_workload
from dse.problem.workload import Node, Workload


def conv(name: str, source: str, channels: int, outputs: int, kernel: int = 1, size: int = 4) -> Node:
    pad = kernel // 2
    layer = dse.Layer(
        name, K=outputs, C=channels, P=size, Q=size, R=kernel, S=kernel, pad_top=pad, pad_bottom=pad, pad_left=pad,
        pad_right=pad,
    )  # fmt: skip
    return Node(name, "conv", (outputs, size, size), (source,), layer=layer)


NETWORK = Workload("branches", (
    Node("x", "input", (4, 4, 4)), conv("a", "x", 4, 8, 3), Node("relu", "activation", (8, 4, 4), ("a",)),
    conv("b", "relu", 8, 4), conv("c", "b", 4, 8, 3), Node("sum", "add", (8, 4, 4), ("relu", "c")),
    conv("d", "sum", 8, 4), conv("e", "sum", 8, 4, 3), Node("both", "concat", (8, 4, 4), ("d", "e")),
    conv("f", "both", 8, 2),
))  # fmt: skip


TWO = Path(__file__).with_name("two_levels.yaml")


@cache
def run(machine: str, capacity: str) -> Residency:
    if machine == "two":
        outer, inner = capacity.split("+")
        architecture = load_architecture_spec(TWO).resolve({"levels.L3.capacity": outer, "levels.L2.capacity": inner})
    else:
        level = {"eyeriss": "GLB", "edge_npu": "L2"}[machine]
        architecture = load_architecture_spec(machine).resolve({f"levels.{level}.capacity": capacity})
    gap = 0.05 if machine == "two" else 0.0
    found = map_workload(architecture, NETWORK, "energy", scope="network", resident=True, gap=gap).residency
    assert found is not None
    return found


@cache
def walked_run(machine: str, capacity: str) -> Walked:
    return walk_network(run(machine, capacity))


RUNS = [("eyeriss", "200B"), ("eyeriss", "330B"), ("eyeriss", "4KiB"), ("edge_npu", "512B"), ("two", "600B+250B")]


@pytest.mark.parametrize(("machine", "capacity"), RUNS)
def test_the_walk_counts_the_words_of_the_closed_sum(machine: str, capacity: str) -> None:
    found, walked = run(machine, capacity), walked_run(machine, capacity)
    for t, stay in enumerate(found.stays):
        assert walked.outer[t] == stay.words_after, stay.name
    closed: dict[tuple[str, str], int] = {}
    for name, mapped, homes in found.layers:
        for operand, home in homes.by_operand().items():
            words = mapped.cost.accesses.levels[home][operand]
            closed[home, name] = closed.get((home, name), 0) + words.reads + words.writes
    for move in found.moves:
        for home in found.setting.levels:
            words = sum(one.words for one in move.transfers if one.level == home)
            closed[home, move.move.name] = closed.get((home, move.move.name), 0) + words
    assert {key: words for key, words in closed.items() if words} == {k: w for k, w in walked.home.items() if w}
    assert walked.macs == sum(layer.macs for layer in NETWORK.layers)
    for home, capacity_bits in zip(found.setting.levels, found.setting.capacities, strict=True):
        assert max(bits for (level, _), bits in walked.bits.items() if level == home) <= capacity_bits


def test_both_levels_keep_tensors() -> None:
    found = run("two", "600B+250B")
    assert all(any(kept.home) for kept in found.choice.levels)
    assert {moment.level for moment in found.timeline} == {"L3", "L2"}
    assert found.certificate.levels == ("L3", "L2")


def test_the_runs_differ_in_what_stays() -> None:
    assert len({run(*which).choice.home for which in RUNS}) >= 3
    assert any(run(*which).choice.levels[0].merged for which in RUNS)


def test_what_leaves_one_step_early_is_missed() -> None:
    found = run("eyeriss", "330B")
    graph, choice = found.setting.graph, found.choice
    last = [(held.read_in[-1], t) for t, held in enumerate(graph.tensors) if held.read_in]
    read = [t for i, t in last if t in choice.home[i] and _reads_at_home(found, i, t)]
    assert read
    with pytest.raises(LostError, match="not there"):
        walk_network(found, freed_early=read[-1])


def test_a_bystander_takes_room_while_it_waits() -> None:
    """The sum's operand waits at home while two layers run."""
    found = run("eyeriss", "4KiB")
    waiting = next(t for t, held in enumerate(found.setting.graph.tensors) if held.name == "a")
    right, wrong = walked_run("eyeriss", "4KiB"), walk_network(found, forgotten=waiting)
    missing = {name: right.bits["GLB", name] - wrong.bits["GLB", name] for _, name in right.bits}
    assert {name for name, bits in missing.items() if bits} == {"c"}  # b and the sum read it
    assert missing["c"] == found.setting.graph.tensors[waiting].bits


def test_an_alias_counts_once() -> None:
    found = run("eyeriss", "200B")
    assert len(found.setting.graph.tensors[1].names) == 2  # and the activation behind it
    right, wrong = walked_run("eyeriss", "200B"), walk_network(found, twice=True)
    assert (wrong.outer[1], sum(wrong.home.values())) != (right.outer[1], sum(right.home.values()))


def _reads_at_home(found: Residency, i: int, t: int) -> bool:
    step, column, places = found.setting.graph.steps[i], found.choice.columns[i], found.choice.places[i]
    if column is not None:
        return any(t in tensors and operand in column.homes[0] for operand, tensors in step.operands)
    if places is not None:
        return any(level and one == t for one, level in zip(step.reads, places.reads, strict=True))
    return step.writes in found.choice.home[i]
