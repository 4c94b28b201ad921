"""Shipped specifications beside published figures of their chips: rate, power and area."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from validation.silicon import eyeriss

import dse
from dse.formats.architecture.load import load_architecture_spec
from dse.formats.workload.load import parse_workload

LENET5 = """
workload: lenet5
input: [1, 32, 32]
layers:
  c1: {conv: 6, kernel: 5}
  s2: {avgpool: 2, stride: 2}
  c3: {conv: 16, kernel: 5}
  s4: {avgpool: 2, stride: 2}
  c5: {conv: 120, kernel: 5}
  f6: {fc: 84}
  output: {fc: 10}
"""
"""LeNet-5, one of the networks of ShiDianNao's paper."""

MLP0 = """
workload: mlp0
input: [2000]
layers:
  fc1: {fc: 2000}
  fc2: {fc: 2000}
  fc3: {fc: 2000}
  fc4: {fc: 2000}
  fc5: {fc: 2000}
"""
"""Five fully connected layers with the 20 million weights of MLP0 in TPU v1's paper; equal, for want of their sizes."""

BATCH = {"mlp0": 200}

REASONS = {
    ("eyeriss_silicon", "rate"): "",
    ("eyeriss_silicon", "power"): "",
    ("eyeriss", "area"): "fitted to it",
    (
        "nvdla_large",
        "rate",
    ): "theirs is an estimate at about half of the peak; no layer of ours waits for stripes or starts",
    ("nvdla_large", "power"): "a higher rate; a frame takes 0.98 mJ, theirs 1.08",
    ("nvdla_large", "area"): "control, decompression, post-processing and interfaces are left out",
    ("nvdla_small", "rate"): "DRAM of 1 GB/s binds: the mapper finds tiles that fetch less",
    ("nvdla_small", "power"): "control and post-processing are left out; they weigh more in a small one",
    ("nvdla_small", "area"): "the same as of nvdla_large; it weighs more in a small one",
    (
        "shidiannao",
        "power",
    ): "registers, FIFOs and control of the PEs are a hop and a psum here, for want of a source of their sizes",
    ("shidiannao", "area"): "fitted to it and Eyeriss; 32 KiB for instructions are left out",
    ("simba_pe", "peak"): "the chip's clock is rounded",
    ("simba_pe", "area"): "routers, RISC-V and controllers are left out: none has a source; our macros are dense ones",
    ("tpu_v1", "rate"): "",
    ("tpu_v1", "peak"): "",
    ("tpu_v1", "area of the unified buffer"): "theirs is 29 % of the upper limit of the die",
    ("tpu_v1", "area"): "theirs is an upper limit with PCIe, DDR, control and pads",
    ("tpu_v4i", "area of CMEM"): "wiring is included in theirs; ours is scaled by the bit cell",
    ("tpu_v4i", "area of a matrix unit"): "theirs multiplies bf16, too; ours is of 8 bit",
    (
        "tesla_npu",
        "rate",
    ): "theirs is a lower limit, of networks not named further; maps of 17 x 17 and 8 x 8 fill 96 pixels badly",
    ("tesla_npu", "peak"): "",
    ("ethos_u55", "rate"): "",
    ("ethos_u55", "traffic of SRAM"): "their weights pass through SRAM, too, and their blocks are smaller",
    ("ethos_u55", "traffic of flash"): "theirs are compressed, and come once: SRAM keeps them",
}
"""Why ours differs; nothing where it is near."""


@dataclass(frozen=True)
class Figure:
    """A published figure of a chip and ours.

    Parameters
    ----------
    spec, quantity, unit, network, settings : str
    published, ours : float
    """

    spec: str
    quantity: str
    unit: str
    network: str
    settings: str
    published: float
    ours: float

    @property
    def reason(self) -> str:
        return REASONS[self.spec, self.quantity]


@dataclass(frozen=True)
class Run:
    """A network on a chip: its rate, what it draws meanwhile, DRAM left out, and the bytes of a frame moved outside."""

    frames_per_s: float
    tera_ops: float
    power_mw: float
    activations_mb: float = 0.0
    weights_mb: float = 0.0


def figures() -> Iterator[Figure]:
    """Every row of `chips.csv`."""
    for row in eyeriss.rows("chips.csv"):
        ours = _ours(row["spec"], row["quantity"], row["unit"], row["network"], row["settings"])
        texts = (row[key] for key in ("spec", "quantity", "unit", "network", "settings"))
        yield Figure(*texts, float(row["published"]), ours)


def _ours(spec: str, quantity: str, unit: str, network: str, settings: str) -> float:
    architecture = machine(spec, settings)
    if quantity == "peak":
        return 2e-12 * architecture.mac_units * architecture.clock_hz
    if quantity.startswith("area"):
        return _area_mm2(architecture, quantity)
    ran = own_chip() if spec == "eyeriss_silicon" else run(spec, network, settings)
    if quantity == "power":
        return ran.power_mw
    if quantity.startswith("traffic"):
        return ran.weights_mb if quantity == "traffic of flash" else ran.activations_mb
    return ran.tera_ops if unit == "TOPS" else ran.frames_per_s


def machine(spec: str, settings: str) -> dse.Architecture:
    """A shipped specification with one setting changed, `path=value`, or none."""
    return load_architecture_spec(spec).resolve(dict([settings.split("=")]) if settings else {})


def _area_mm2(architecture: dse.Architecture, quantity: str) -> float:
    if quantity == "area of the unified buffer":
        return machine("tpu_v1", "levels.on_chip.capacity.ifmap=24 MiB").level("on_chip").area_mm2
    if quantity == "area of CMEM":
        return architecture.level("CMEM").area_mm2
    if quantity == "area of a matrix unit":
        return 128 * 128 * (architecture.mac.area_mm2 + architecture.level("PE").area_mm2)
    return architecture.area_mm2


@cache
def run(spec: str, network: str, settings: str) -> Run:
    """A network with the mappings of least EDP of each layer."""
    given = {"lenet5": LENET5, "mlp0": MLP0}
    workload = parse_workload(given[network]) if network in given else dse.load_workload(network)
    workload = workload.with_batch(BATCH.get(network, 1))
    architecture = machine(spec, settings)
    mapped = dse.map_workload(architecture, workload)
    dram, layers = architecture.levels[0].name, mapped.to_dict()["layers"]
    outside = sum(layer["count"] * layer["energy_by_level_pj"][dram] for layer in layers)
    frames = workload.batch / mapped.latency_s
    moved = dict.fromkeys(("ifmap", "weight", "psum", "ofmap"), 0.0)
    for layer in layers:
        for part, ways in layer["outermost_bits"].items():
            moved[part] += layer["count"] * sum(ways.values()) / 8e6 / workload.batch
    return Run(
        frames, 2e-12 * mapped.macs / mapped.latency_s, (mapped.energy_pj - outside) * 1e-9 / mapped.latency_s,
        sum(moved.values()) - moved["weight"], moved["weight"],
    )  # fmt: skip


@cache
def own_chip() -> Run:
    """AlexNet's CONV layers with the chip's own mappings and our own latency."""
    chip = eyeriss.chip("as it is")
    layers, mappings = eyeriss.layers(), eyeriss.chip_mappings()
    costs = [dse.evaluate(chip, layer, mappings[name]) for name, layer in layers.items()]
    seconds = sum(cost.latency_s for cost in costs)
    inside_pj = sum(cost.energy_pj - cost.energy_by_level_pj["DRAM"] for cost in costs)
    macs = sum(layer.macs for layer in layers.values())
    return Run(eyeriss.BATCH / seconds, 2e-12 * macs / seconds, inside_pj * 1e-9 / seconds)
