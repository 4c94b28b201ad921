"""Networks with tensors on chip, with the mapper's own answers."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import dse
from dse.errors import DseError, InfeasibleError
from dse.mapper import map_workload
from dse.mapper.network.residency.solve import NetworkGoal, keep_on_chip
from dse.problem.workload import Node, Workload


def conv(name: str, source: str, channels: int, outputs: int, size: int) -> Node:
    layer = dse.Layer(name, K=outputs, C=channels, P=size, Q=size)
    return Node(name, "conv", (outputs, size, size), (source,), layer=layer)


def block(size: int = 8) -> Workload:
    """A residual block: the sum reads what two layers before it made."""
    return Workload("block", (
        Node("x", "input", (8, size, size)), conv("a", "x", 8, 16, size), conv("b", "a", 16, 8, size),
        conv("c", "b", 8, 16, size), Node("sum", "add", (16, size, size), ("a", "c")), conv("d", "sum", 16, 4, size),
    ))  # fmt: skip


def chip(name: str, **settings: Any) -> dse.Architecture:
    from dse.formats.architecture.load import load_architecture_spec

    return load_architecture_spec(name).resolve(settings)


def on_eyeriss(capacity: str) -> dse.Architecture:
    return chip("eyeriss", **{"levels.GLB.capacity": capacity})


def all_at_home(architecture: dse.Architecture, objective: str) -> float:
    """A level of 64 MiB at the prices of the one there is: no tensor is ever short of room."""
    from dataclasses import replace

    nodes = [
        replace(node, capacity_bits=1 << 29) if getattr(node, "on_chip", False) else node
        for node in architecture.hierarchy
    ]
    roomy = architecture.with_(hierarchy=tuple(nodes), spec=None)
    return keep_on_chip(roomy, block(), NetworkGoal(objective)).certificate.lower_bound


@pytest.mark.parametrize("objective", ["energy", "latency", "edp"])
@pytest.mark.parametrize("capacity", ["1KiB", "3KiB", "108KiB"])
def test_keeping_tensors_lies_between_nothing_and_everything_at_home(objective: str, capacity: str) -> None:
    architecture = on_eyeriss(capacity)
    run = map_workload(architecture, block(), objective, scope="network", resident=True)
    plain = map_workload(architecture, block(), objective, scope="network")
    value = {"energy": run.energy_pj, "latency": run.cycles, "edp": run.energy_pj * run.cycles}[objective]
    without = {"energy": plain.energy_pj, "latency": plain.cycles, "edp": plain.energy_pj * plain.cycles}[objective]
    proof = run.certificate
    assert proof is not None
    assert value == pytest.approx(proof.value, rel=1e-12)
    assert proof.lower_bound * (1 - 1e-9) <= value <= without * (1 + 1e-9)
    assert proof.gap <= 1e-6
    assert value >= all_at_home(architecture, objective) * (1 - 1e-9)
    assert run.residency is not None
    assert run.residency.before.energy_pj >= run.energy_pj or objective != "energy"


def test_everything_stays_where_there_is_room_and_nothing_of_it_reaches_the_outermost_level() -> None:
    run = map_workload(on_eyeriss("108KiB"), block(), "energy", scope="network", resident=True)
    assert run.residency is not None
    stays = {stay.name: stay for stay in run.residency.stays}
    assert {"a", "b", "c", "sum"} <= set(run.residency.kept)
    assert [stays[name].words_after for name in ("a", "b", "c", "sum")] == [0, 0, 0, 0]
    assert stays["a"].steps == ("a", "b", "c", "sum")
    outermost = sum(mapped.cost.accesses.levels["DRAM"][o].reads + mapped.cost.accesses.levels["DRAM"][o].writes
                    for _, mapped, _ in run.residency.layers for o in ("ifmap", "psum"))  # fmt: skip
    moved = sum(stay.words_after for stay in stays.values())
    copied = sum(sum(one.words for one in move.transfers if one.level == "DRAM") for move in run.residency.moves)
    assert moved == outermost + copied


def test_the_sum_takes_the_room_of_an_operand_that_ends_in_it() -> None:
    run = map_workload(on_eyeriss("5KiB"), block(), "energy", scope="network", resident=True)
    moment = next(moment for moment in run.timeline if moment.step == "sum")
    assert {"a", "c", "sum"} <= {name for name, _, _ in moment.tensors}  # three of 2 KiB in 5 KiB
    offsets = {name: offset for name, offset, _ in moment.tensors}
    assert offsets["sum"] in (offsets["a"], offsets["c"])


def test_tensors_alive_together_do_not_overlap_and_everything_fits() -> None:
    for capacity in ("2KiB", "3KiB", "5KiB"):
        run = map_workload(on_eyeriss(capacity), block(), "energy", scope="network", resident=True)
        assert run.residency is not None
        for moment in run.timeline:
            assert moment.free >= 0
            rooms = sorted({(offset, offset + bits) for _, offset, bits in moment.tensors})
            assert all(end <= run.residency.setting.capacities[0] for _, end in rooms)
            assert all(end <= start for (_, end), (start, _) in pairwise(rooms))


def test_why_a_tensor_is_not_kept() -> None:
    run = map_workload(on_eyeriss("1KiB"), block(), "energy", scope="network", resident=True)
    assert run.residency is not None
    reasons = {stay.name: stay.why_not for stay in run.residency.stays}
    assert reasons["x"] == "an input, read once"
    assert reasons["a"] == "1 KiB larger than GLB"
    assert reasons["d"] in ("", "it leaves the network")


def test_more_room_never_costs_more() -> None:
    values = [
        map_workload(on_eyeriss(capacity), block(), "energy", scope="network", resident=True).residency
        for capacity in ("2KiB", "4KiB", "16KiB")
    ]
    # the technology prices a larger buffer higher, so compare words of tensors that cross the outermost edge
    words = [sum(stay.words_after for stay in run.stays) for run in values if run is not None]
    assert words == sorted(words, reverse=True)


def test_a_run_within_a_limit_of_latency_keeps_it() -> None:
    architecture = on_eyeriss("108KiB")
    fast = map_workload(architecture, block(), "latency", scope="network", resident=True)
    limit = fast.latency_s * 1.02
    run = map_workload(architecture, block(), "energy", scope="network", resident=True, max_latency_s=limit)
    assert run.latency_s <= limit * (1 + 1e-9)
    assert run.energy_pj <= fast.energy_pj
    with pytest.raises(dse.InfeasibleError):
        map_workload(architecture, block(), "energy", scope="network", resident=True, max_latency_s=limit / 2)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"scope": "layer"}, "a choice for the whole network"),
        ({"scope": "network", "given": {"a": None}}, "leave no choice"),
    ],
)
def test_what_keeping_tensors_needs(given: dict[str, Any], message: str) -> None:
    with pytest.raises(DseError, match=message):
        map_workload(on_eyeriss("108KiB"), block(), "energy", resident=True, **given)


def test_a_machine_that_keeps_nothing_on_chip_says_how_it_would() -> None:
    with pytest.raises(DseError, match="no level keeps whole tensors") as caught:
        keep_on_chip(chip("eyeriss", **{"levels.GLB.on_chip": "never"}), block(), NetworkGoal("energy"))
    assert "levels.GLB.on_chip=auto" in str(caught.value.hint)


ONE_BUFFER = """\
architecture: tight
technology: {table: eyeriss-isca16, node: 65 nm, clock: 200 MHz}
levels:
  DRAM: {bandwidth: 1 word/cycle, energy: 200 mac}
  GLB: {capacity: 4 word, stores: [ifmap, weight, psum], double_buffer: true, on_chip: auto, bandwidth: 4 word/cycle}
  array: {rows: 1, cols: 1}
  PE: {capacity: {ifmap: 12 word, weight: 24 word, psum: 8 word}}
dataflow: weight-stationary
"""


@pytest.mark.parametrize("objective", ["energy", "latency", "edp"])
def test_a_network_may_fit_only_with_tensors_at_home(objective: str, tmp_path: Path) -> None:
    """Three tiles of one word, twice each, need six words; a tensor at home is there once."""
    (tmp_path / "tight.yaml").write_text(ONE_BUFFER)
    one = dse.Layer("one", K=1, C=1)
    nodes = [Node("x", "input", (1, 1, 1)), Node("one", "conv", (1, 1, 1), ("x",), layer=one)]
    network = Workload("words", (*nodes, Node("two", "conv", (1, 1, 1), ("one",), layer=one.with_(name="two"))))
    spec = dse.load_architecture(tmp_path / "tight.yaml")
    with pytest.raises(InfeasibleError):
        map_workload(spec, network, objective)
    run = map_workload(spec, network, objective, scope="network", resident=True)
    assert run.residency.kept == ("x", "one", "two")
    assert run.residency.before is None
    tighter = spec.with_settings({"levels.GLB.capacity": "3 word"})
    with pytest.raises(InfeasibleError, match="not even of none"):
        map_workload(tighter, network, objective, scope="network", resident=True)
