"""Pairs of layers whose tensor between them stays on chip, against published models and RTL runs."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

import dse
from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import FanOut, Level, Port
from dse.mapper import map_workload
from dse.model.cost import Cost
from dse.model.homes import Homes, evaluate_at_home
from dse.problem.dims import OPERANDS, PerOperand
from dse.problem.workload import Node

ALL = frozenset(OPERANDS)
REFERENCE = Path(__file__).parents[2] / "reference"


def level(name: str, stores: set[str], read_pj: float = 0.0, write_pj: float = 0.0, **more: Any) -> Level:
    return Level(
        name, frozenset(stores), read_energy_pj=PerOperand.same(read_pj), write_energy_pj=PerOperand.same(write_pj),
        **more,
    )  # fmt: skip


def port(name: str, ways: tuple[str, ...], gigabytes_per_s: float, clock_hz: float) -> Port:
    serves = frozenset((operand, way) for operand in OPERANDS for way in ways)
    return Port(name, serves, gigabytes_per_s * 1e9 / clock_hz)  # type: ignore[arg-type]


# AccelForge at 1c1929c, tests/regression_reference.json: `tpu_v4i`, chains of products of n x n x n with 8-bit words.
# Its machine: DRAM 7.03 pJ a bit, 614 GB/s; GlobalBuffer 128 MiB, read 1.88 pJ a bit at 2048 GB/s, written 2.36 at
# 1024; four LocalBuffers of 4 MiB for ifmap and ofmap (0.249 and 0.293 pJ a bit), which share no words; in each 128 x
# 128 MACs of 0.084 pJ at 1.05 GHz with a register of a weight. Weights go through the GlobalBuffer. A product takes as
# long as its busiest part. Fused: all tensors between products stay in the GlobalBuffer.
CLOCK_HZ = 1.05e9
ACCELFORGE = [
    (128, 3, True, 1.0558374e-5, 1.4673616e-7),
    (128, 3, False, 1.3132628e-5, 2.4015634e-7),
    (64, 2, True, 1.8229494e-6, 3.0476190e-8),
    (64, 2, False, 2.1447312e-6, 4.0026059e-8),
]


def tpu_v4i() -> Architecture:
    bits, both = {"word_bits": 8}, ("read", "write")
    return Architecture(
        "tpu_v4i as AccelForge has it",
        (
            level("DRAM", set(ALL), 8 * 7.03, 8 * 7.03, ports=(port("shared", both, 614, CLOCK_HZ),), **bits),
            level(
                "GlobalBuffer", set(ALL), 8 * 1.88, 8 * 2.36, capacity_bits=8 << 27, on_chip=True,
                may_bypass=frozenset(("ifmap", "psum")),
                ports=(port("read", ("read",), 2048, CLOCK_HZ), port("write", ("write",), 1024, CLOCK_HZ)), **bits,
            ),
            FanOut("units", 1, 4, multicast="none", reduces=False, word_bits=8),
            level("LocalBuffer", {"ifmap", "psum"}, 8 * 0.249, 8 * 0.293, capacity_bits=8 << 22, **bits),
            FanOut("array", 128, 128, word_bits=8),
            level("register", {"weight"}, capacity_bits=8, **bits),
        ),
        Mac(0.084, bits=8), CLOCK_HZ,
    )  # fmt: skip


def product(n: int, at_home: frozenset[str]) -> Cost:
    """One product: its rows over the units and in time, the other two dims over the array."""
    layer = dse.Layer("product", N=n, K=n, C=n, bits=PerOperand.same(8))
    mapping = dse.Mapping.from_dict([
        {"level": "DRAM", "stores": sorted(ALL), "loops": []},
        {"level": "GlobalBuffer", "stores": ["weight"], "loops": []},
        {"fan_out": "units", "rows": [], "cols": [["N", 4]]},
        {"level": "LocalBuffer", "stores": ["ifmap", "psum"], "loops": [["N", n // 4]]},
        {"fan_out": "array", "rows": [["C", n]], "cols": [["K", n]]},
        {"level": "register", "stores": ["weight"], "loops": []},
    ])
    return evaluate_at_home(tpu_v4i(), layer, mapping, Homes("GlobalBuffer", at_home, room_bits=8 << 26))


@pytest.mark.parametrize(("n", "length", "fused", "energy_j", "latency_s"), ACCELFORGE)
def test_chains_cost_what_accelforge_says(n: int, length: int, fused: bool, energy_j: float, latency_s: float) -> None:
    energy = latency = 0.0
    for at in range(length):
        homes = {*(["ifmap"] if fused and at > 0 else []), *(["psum"] if fused and at < length - 1 else [])}
        cost = product(n, frozenset(homes))
        energy += cost.energy_pj * 1e-12
        busiest = max(cycles for part, cycles in cost.cycles_by.items() if part.split()[0] in BUSY)
        latency += busiest / CLOCK_HZ
    assert energy == pytest.approx(energy_j, rel=1e-6)
    assert latency == pytest.approx(latency_s, rel=1e-6)


@pytest.mark.parametrize(
    ("n", "length", "fused", "energy_j"),
    [
        pytest.param(*row[:4], marks=() if row[0] == 64 and row[2] else pytest.mark.slow) for row in ACCELFORGE
    ],
)
def test_chains_cost_no_more_where_mappings_are_free(n: int, length: int, fused: bool, energy_j: float) -> None:
    """Without full use of all units, and with the choice of what stays left to the programme."""
    layer = dse.Layer("p0", N=n, K=n, C=n, bits=PerOperand.same(8))
    nodes = [Node("x", "input", (n, n, 1))]
    for i in range(length):
        name = f"p{i}"
        nodes.append(Node(name, "matmul", (n, n, 1), (nodes[-1].name,), layer=layer.with_(name=name)))
    network = dse.Workload("chain", tuple(nodes))
    run = map_workload(tpu_v4i(), network, "energy", scope="network", resident=fused)
    assert run.energy_pj * 1e-12 <= energy_j
    if fused:
        assert run.residency is not None
        assert set(run.residency.kept) == {f"p{i}" for i in range(length - 1)}



BUSY = ("compute", "DRAM", "GlobalBuffer")

# TileFlow's accelerator: a buffer, 16 x 16 PEs that keep their sums, words of 16 bits.


def rtl() -> Architecture:
    return Architecture(
        "TileFlow's accelerator",
        (
            level("memory", set(ALL)), level("buffer", set(ALL), capacity_bits=1 << 30, on_chip=True),
            FanOut("array", 16, 16), level("PE", {"psum"}, capacity_bits=16),
        ),
        Mac(1.0), 1e9,
    )  # fmt: skip


def strip(name: str, rows: int, outputs: int, inputs: int, at_home: str) -> Cost:
    """A product of one strip, each PE summing up 16 inputs before its sum goes back to the buffer."""
    layer = dse.Layer(name, N=rows, K=outputs, C=inputs)
    mapping = dse.Mapping.from_dict([
        {"level": "memory", "stores": sorted(ALL), "loops": []},
        {"level": "buffer", "stores": sorted(ALL - {at_home}),
         "loops": [["C", inputs // 16], ["N", rows // 16], ["K", outputs // 16]]},
        {"fan_out": "array", "rows": [["N", 16]], "cols": [["K", 16]]},
        {"level": "PE", "stores": ["psum"], "loops": [["C", 16]]},
    ])
    return evaluate_at_home(rtl(), layer, mapping, Homes("buffer", frozenset({at_home}), 1 << 29, wide=True))


with (REFERENCE / "tileflow_rtl.csv").open(encoding="utf-8") as file:
    ROWS = [{k: int(v) for k, v in row.items()} for row in csv.DictReader(line for line in file if line[0] != "#")]


def test_there_are_131_runs() -> None:
    assert sum(row["runs"] for row in ROWS) == 131


@pytest.mark.parametrize("row", ROWS, ids=lambda row: "-".join(str(row[key]) for key in "MNKLm"))
def test_a_fused_pair_moves_the_bits_that_rtl_moves(row: dict[str, int]) -> None:
    M, N, K, L, m = (row[key] for key in "MNKLm")
    first, second = strip("first", m, L, K, "psum"), strip("second", m, N, L, "ifmap")
    words = [cost.accesses.levels for cost in (first, second)]
    strips = M // m
    from_memory = sum(each["memory"][operand].reads for each in words for operand in OPERANDS)
    to_memory = sum(each["memory"][operand].writes for each in words for operand in OPERANDS)
    assert 16 * strips * from_memory == row["mem_to_buf"]
    assert 16 * strips * to_memory == row["buf_to_mem"]
    # what is between the products, an activation, reads its tensor and writes it in the buffer
    between = M * L
    sums = sum(each["buffer"]["psum"].writes for each in words)
    assert 16 * (strips * sums + between) == row["reg_to_buf"]
    # the rest: RTL adds sums up inside the buffer; it reads what is between twice, and the result once on its way out
    fed = sum(each["buffer"][operand].reads for each in words for operand in ("ifmap", "weight"))
    assert 16 * (strips * fed + 2 * between + M * N) == row["buf_to_reg"]
