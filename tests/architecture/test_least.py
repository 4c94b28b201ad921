"""`dse.architecture.least`: what a machine can do, the least of several can do for no more."""

from itertools import product

import pytest

import dse
from dse.architecture.least import frame_of, least_of
from dse.model.cost import evaluate

ROUNDING = 1e-12

SPACES = {
    "edge_npu": {"levels.L1.capacity": ["8 KiB", "128 KiB"], "levels.L2.capacity": ["64 KiB", "2 MiB"],
                 "levels.DRAM.bandwidth": ["12.8 GB/s", "25.6 GB/s"]},
    "simba_pe": {"levels.PE.capacity.weight": ["16 KiB", "64 KiB"], "levels.GLB.capacity": ["32 KiB", "256 KiB"]},
    "nvdla_small": {"levels.CBUF.capacity": ["64 KiB", "512 KiB"], "levels.DRAM.bandwidth": ["8 GB/s", "16 GB/s"]},
    "gemmini": {"levels.scratchpad.capacity": ["64 KiB", "512 KiB"],
                "levels.accumulator.capacity.psum": ["16 KiB", "64 KiB"]},
    "eyeriss": {"levels.GLB.capacity": ["27 KiB", "108 KiB"], "levels.PE.capacity.weight": ["64 word", "224 word"]},
}  # fmt: skip

LAYERS = [
    dse.Layer("conv", K=32, C=16, P=14, Q=14, R=3, S=3), dse.Layer("fc", K=96, C=200),
    dse.Layer("groups", G=12, P=14, Q=14, R=3, S=3),
]  # fmt: skip


def machines(name):
    chip, space = dse.load_architecture(name), SPACES[name]
    return [chip.with_settings(dict(zip(space, values, strict=True))) for values in product(*space.values())]


@pytest.mark.parametrize("name", SPACES)
def test_mappings_of_each_machine_are_mappings_of_the_least_for_no_more(name):
    each = machines(name)
    least = least_of(each)
    assert {frame_of(one) == frame_of(least) for one in each} == {True}
    assert least.area_mm2 <= min(one.area_mm2 for one in each)
    for machine, layer, objective in product(each, LAYERS, ("energy", "latency")):
        found = dse.map_layer(machine, layer, objective, gap=0.1)
        other = evaluate(least, found.layer, found.mapping)
        assert other.energy_pj <= found.cost.energy_pj * (1 + ROUNDING)
        assert other.cycles <= found.cost.cycles * (1 + ROUNDING)


def test_one_machine_is_the_least_of_itself():
    chip = dse.load_architecture("edge_npu")
    layer = LAYERS[0]
    same = dse.map_layer(least_of([chip]), layer, "edp", gap=0.1)
    own = dse.map_layer(chip, layer, "edp", gap=0.1)
    assert (same.cost.energy_pj, same.cost.cycles) == (own.cost.energy_pj, own.cost.cycles)


@pytest.mark.parametrize(("path", "value"), [
    ("levels.cores.cols", 4), ("technology.clock", "1 GHz"), ("levels.L2.buffering", "double"), ("word_bits", 16),
    ("levels.L1.capacity", {"ifmap": "8 KiB", "weight": "8 KiB", "psum": "8 KiB"}), ("levels.lanes.multicast", "tile"),
])  # fmt: skip
def test_machines_that_differ_in_more_have_other_frames(path, value):
    chip = dse.load_architecture("edge_npu")
    assert frame_of(chip.with_settings({path: value})) != frame_of(chip)
