"""Nodes without MACs: they read and write whole tensors at the outermost level, unless the machine takes them along."""

from __future__ import annotations

from pathlib import Path

import pytest

import dse
from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import Level, Port
from dse.explore.designs.design import Network, NetworkEvaluator
from dse.mapper.network.workload import map_workload
from dse.model.moves import moved, moved_by
from dse.problem.dims import OPERANDS, PerOperand
from dse.problem.moves import laid_out, moves_of
from dse.problem.workload import Workload

NET = """workload: net
input: [4, 8, 8]
bits: {ifmap: 8, weight: 8, psum: 32}
layers:
  conv1: {conv: 6, kernel: 3, pad: 1}
  relu1: {activation: relu}
  conv2: {conv: 6, kernel: 3, pad: 1}
  sum: {add: [relu1, conv2]}
  pool: {maxpool: 2}
  joined: {concat: [pool, pool]}
  flat: {reshape: [192]}
  prob: {activation: softmax}
"""


@pytest.fixture
def net(tmp_path: Path) -> Workload:
    path = tmp_path / "net.yaml"
    path.write_text(NET)
    return dse.load_workload(path)


def chip(*fuses: str, ports: tuple[Port, ...] = (), **more: float) -> Architecture:
    """Reading a word of 16 bit costs 3 pJ, writing it 5 pJ."""
    dram = Level(
        "DRAM", frozenset(OPERANDS), read_energy_pj=PerOperand.same(3.0), write_energy_pj=PerOperand.same(5.0),
        ports=ports,
    )  # fmt: skip
    pe = Level("PE", frozenset(OPERANDS))
    return Architecture("chip", (dram, pe), Mac(1.0), 1e9, fuses=frozenset(fuses), **more)


def port(rate: float, *served: tuple[str, str], name: str = "p") -> Port:
    return Port(name, frozenset(served), rate)  # type: ignore[arg-type]


def test_what_moves_words_is_told_by_its_kind(net: Workload) -> None:
    moves = {move.name: move for move in moves_of(net)}
    assert {name: move.kind for name, move in moves.items()} == {
        "relu1": "activation", "sum": "add", "pool": "pool", "joined": "concat", "prob": "softmax",
    }  # fmt: skip
    assert [tensor.words for tensor in moves["sum"].reads] == [384, 384]
    assert (moves["pool"].reads[0].words, moves["pool"].written.words) == (384, 96)
    assert [tensor.words for tensor in moves["joined"].reads] == [96], "a tensor named twice is read once"


def test_tensors_count_at_their_widths_prices_and_batch(net: Workload) -> None:
    """A sum of two tensors of 384 words of 8 bit, for three images."""
    add = next(move for move in moves_of(net.with_batch(3)) if move.name == "sum")
    cost = moved(chip(), add)
    assert (cost.read_bits, cost.written_bits) == (3 * 2 * 384 * 8, 3 * 384 * 8)
    assert (cost.read_pj, cost.written_pj, cost.static_pj) == (3 * 2 * 192 * 3.0, 3 * 192 * 5.0, 0.0)
    assert (cost.cycles, cost.bound_by) == (0.0, "")
    assert cost.bits == {"ifmap": 8, "ofmap": 8}


def test_a_machine_brings_its_widths() -> None:
    alexnet = dse.load_workload("alexnet")
    pool = moves_of(alexnet)[0]
    wide, narrow = (moved(chip(precision=bits), pool) for bits in ((), (("ifmap", 8), ("psum", 24))))  # type: ignore[arg-type]
    assert wide.energy_pj == 2 * narrow.energy_pj


def test_ports_work_at_the_same_time_and_power_is_drawn_meanwhile(net: Workload) -> None:
    add = next(move for move in moves_of(net) if move.name == "sum")
    apart = (port(2.0, ("ifmap", "read"), name="in"), port(0.5, ("psum", "write"), name="out"))
    cost = moved(chip(ports=apart, static_power_mw=2.0), add)
    assert (cost.cycles, cost.bound_by) == (max(384 / 2, 192 / 0.5), "DRAM out")
    assert cost.static_pj == pytest.approx(2.0 * cost.cycles)
    shared = moved(chip(ports=(port(2.0, ("ifmap", "read"), ("psum", "write")),)), add)
    assert shared.cycles == (384 + 192) / 2


def test_a_machine_takes_nodes_along(net: Workload) -> None:
    names = [names for _, names in moved_by(chip("add", "pool", "activation"), moves_of(net))]
    assert names == [("joined",), ("prob",)]


FIRE = """workload: fire
input: [4, 6, 6]
layers:
  squeeze: {conv: 2, kernel: 1}
  left: {conv: 3, kernel: 1, from: squeeze}
  right: {conv: 5, kernel: 1, from: squeeze}
  joined: {concat: [left, right]}
  last: {conv: 4, kernel: 1}
"""


def fire(tmp_path: Path, *changes: tuple[str, str]) -> Workload:
    text = FIRE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "fire.yaml"
    path.write_text(text)
    return dse.load_workload(path)


def test_a_concat_that_its_makers_write_into_moves_no_words(tmp_path: Path) -> None:
    """Every tensor crosses to the outermost level once when it is made, and once for each layer that reads it."""
    net, pixels = fire(tmp_path), 36
    made = pixels * (2 + 3 + 5 + 4)
    read = pixels * (4 + 2 + 2 + (3 + 5))
    weights = 4 * 2 + 2 * 3 + 2 * 5 + 8 * 4
    for fuses, copied in (((), 2 * pixels * 8), (("concat",), 0)):
        run = map_workload(chip(*fuses), net, "energy")
        rows = run.to_dict()["layers"]
        moved_words = sum(
            row["count"] * (way["reads"] + way["writes"]) for row in rows for way in row["accesses"]["DRAM"].values()
        )
        assert moved_words == made + read + weights + copied
        assert len(rows) == 4 + (not fuses)


@pytest.mark.parametrize(
    "changes",
    [
        (("concat: [left, right]", "concat: [left, left]"),),
        (("concat: [left, right]", "concat: [left, input]"),),
        (("last: {conv: 4, kernel: 1}", "again: {concat: [right, left]}\n  last: {conv: 4, kernel: 1}"),),
        (("last: {conv: 4, kernel: 1}", "again: {concat: [squeeze, left]}\n  last: {conv: 4, kernel: 1}"),),
    ],
    ids=["a part twice", "a part that nobody makes", "in another order", "a part in another one too"],
)
def test_a_concat_copies_what_cannot_be_made_in_its_place(tmp_path: Path, changes: tuple[tuple[str, str], ...]) -> None:
    net = fire(tmp_path, *changes)
    concats = [move for move in moves_of(net) if move.kind == "concat"]
    copied = [names for _, names in moved_by(chip("concat"), moves_of(net))]
    assert len(copied) == 1
    assert len(laid_out(net)) == len(concats) - 1


def test_concats_that_grow_share_their_place(tmp_path: Path) -> None:
    """As in DenseNet: each one is the beginning of the next."""
    more = "more: {conv: 2, kernel: 1}\n  longer: {concat: [left, right, more]}\n  last: {conv: 4, kernel: 1}"
    net = fire(tmp_path, ("last: {conv: 4, kernel: 1}", more))
    assert laid_out(net) == {"joined", "longer"}
    assert moved_by(chip("concat"), moves_of(net)) == ()


def test_a_network_counts_them_in_every_total(net: Workload) -> None:
    machine = dse.load_architecture("edge_npu").with_(fuses=frozenset({"activation"}))
    taken = machine.with_(fuses=frozenset({"activation", "add", "pool", "concat", "softmax"}))
    run, bare = map_workload(machine, net, "energy"), map_workload(taken, net, "energy")
    assert [names for _, names in bare.moves] == [("joined",)], "a part that stands in it twice is copied"
    moves = moved_by(machine, moves_of(net))
    assert [names for _, names in moves] == [("sum",), ("pool",), ("joined",), ("prob",)]
    moves = tuple(one for one in moves if one[1] != ("joined",))
    extra, cycles = sum(one.energy_pj for one, _ in moves), sum(one.cycles for one, _ in moves)
    assert run.energy_pj == pytest.approx(bare.energy_pj + extra)
    assert run.cycles == pytest.approx(bare.cycles + cycles)
    plain = run.to_dict()
    for key in ("energy_pj", "cycles", "macs"):
        assert plain[key] == pytest.approx(sum(row[key] * row["count"] for row in plain["layers"]))
    added = next(row for row in plain["layers"] if row["name"] == "sum")
    assert (added["macs"], added["mapping"], added["certificate"]) == (0, None, None)
    assert added["accesses"]["DRAM"]["ofmap"]["writes"] == 384
    for split in ("energy_by_level_pj", "energy_by_operand_pj"):
        assert sum(added[split].values()) == pytest.approx(added["energy_pj"])
        assert set(added[split]) == set(plain["layers"][0][split])
    assert set(added["accesses"]) == set(plain["layers"][0]["accesses"])
    front, without = run.front(), bare.front()
    assert len(front) == len(without)
    for (energy, latency), (less, sooner) in zip(front, without, strict=True):
        assert energy == pytest.approx(less + extra)
        assert latency == pytest.approx(sooner + cycles / machine.clock_hz)
    whole = map_workload(machine, net, "edp", scope="network")
    assert whole.edp_js == pytest.approx(min(e * 1e-12 * t for e, t in front))
    assert whole.certificate is not None
    assert whole.certificate.value == pytest.approx(whole.energy_pj * whole.cycles)


@pytest.mark.parametrize("front", [False, True])
def test_a_sweep_counts_them(net: Workload, front: bool) -> None:
    machine = dse.load_architecture("edge_npu")
    outcome = NetworkEvaluator((Network.of(net),), "energy", front=front)(machine)
    run = map_workload(machine, net, "energy")
    assert min(energy for energy, _ in outcome.front) == pytest.approx(run.energy_pj)
    other = Network.of(net)
    assert other.key() != Network(net.name, other.layers).key()
