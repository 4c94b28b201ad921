"""AlexNet's CONV layers as the Eyeriss chip ran them, priced by `arch_specs/eyeriss_silicon.yaml`, beside its
measurements."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from math import ceil, prod
from pathlib import Path
from typing import Any

import dse
from dse.formats.architecture.load import load_architecture_spec
from dse.formats.mapping import load_mappings
from dse.model.mapping import Loop, Mapping, Spatial, Temporal
from dse.problem.dims import OPERANDS, PerOperand

REFERENCE = Path(__file__).parents[2] / "reference"
EXAMPLE = Path(__file__).parents[3] / "examples" / "eyeriss_chip"
"""What a reader runs; `REFERENCE` has the published figures."""
BATCH = 4
LAYERS = tuple(f"conv{i}" for i in range(1, 6))
ALL = frozenset(OPERANDS)


@dataclass(frozen=True)
class Silicon:
    """One layer: our number first in each pair, the measured one second.

    Parameters
    ----------
    active_pes, buffer_mb, dram_mb, processing_ms, total_ms : tuple of float
    chip_mj : tuple of float
        Ours: accesses of buffer, array and scratchpads, MACs, and clock power over the measured total latency.
    own_chip_mj : tuple of float
        The same with clock power over our own total latency.
    hidden_ms : float
        Our total latency if all DRAM time that the ports allow were hidden: by `arch_specs/eyeriss.yaml`.
    waits : tuple of str
        Operands whose transfers the PEs wait for.
    """

    layer: str
    active_pes: tuple[float, float]
    buffer_mb: tuple[float, float]
    dram_mb: tuple[float, float]
    processing_ms: tuple[float, float]
    total_ms: tuple[float, float]
    chip_mj: tuple[float, float]
    own_chip_mj: tuple[float, float]
    hidden_ms: float
    waits: tuple[str, ...]


@cache
def chip(dram: str = "unlimited") -> dse.Architecture:
    """The chip; with `unlimited` DRAM its latency is what the paper calls processing latency."""
    spec = load_architecture_spec("eyeriss_silicon")
    return spec.resolve({"levels.DRAM.bandwidth": "1000000 word/cycle"} if dram == "unlimited" else {})


@cache
def layers(with_zeros: bool = True) -> dict[str, dse.Layer]:
    """The layers at batch 4, with the densities that were measured."""
    network = dse.load_workload("alexnet").with_batch(BATCH)
    found = {name: network.layer(name) for name in LAYERS}
    if with_zeros:
        ofmaps = {row["layer"]: float(row["zeros_in_ofmaps_pct"]) for row in rows("alexnet_ofmap_zeros.csv")}
        for name, row in measured().items():
            zeros = float(row["zeros_in_ifmaps_pct"]) / 100
            found[name] = found[name].with_(density=PerOperand(1 - zeros, 1.0, 1 - ofmaps[name] / 100))
    return found


@cache
def chip_mappings() -> dict[str, Mapping]:
    """The chip's own mappings."""
    file = load_mappings(EXAMPLE / "mapping.yaml")
    return file.mappings(chip(), layers(with_zeros=False).values(), any_mapping=True)


@cache
def measured() -> dict[str, dict[str, str]]:
    found = {row["layer"].lower(): row for row in rows("jssc17_alexnet_measured.csv")}
    del found["total"]
    return found


@cache
def silicon() -> tuple[Silicon, ...]:
    """All layers."""
    return tuple(compared(name, layers()[name], chip_mappings()[name], measured()[name]) for name in LAYERS)


def compared(name: str, layer: dse.Layer, mapping: Mapping, row: dict[str, str]) -> Silicon:
    """A layer under a mapping beside a row of measurements."""
    architecture = chip()
    cost, whole = dse.evaluate(architecture, layer, mapping), dse.evaluate(chip("as it is"), layer, mapping)
    buffer = cost.accesses.levels["GLB"]
    words = buffer["ifmap"].reads + buffer["psum"].reads + buffer["psum"].writes
    word_bytes = architecture.level("GLB").word_bits / 8
    dram_words = cost.energy_by_level_pj["DRAM"] / architecture.level("DRAM").read_energy_pj.ifmap
    moving = sum(pj for place, pj in cost.energy_by_level_pj.items() if place not in ("DRAM", "static")) * 1e-9
    total_ms = float(row["total_latency_ms"])
    power_mw = architecture.total_clock_power_mw + architecture.total_static_power_mw
    return Silicon(
        layer=name,
        active_pes=(used_pes(layer, mapping), float(row["active_pes"])),
        buffer_mb=(words * word_bytes * 1e-6, float(row["glb_accesses_MB"])),
        dram_mb=(dram_words * word_bytes * 1e-6, float(row.get("dram_accesses_MB", "nan"))),
        processing_ms=(cost.latency_s * 1e3, float(row["processing_latency_ms"])),
        total_ms=(whole.latency_s * 1e3, total_ms),
        chip_mj=(moving + power_mw * total_ms * 1e-3, float(row["power_mW"]) * total_ms * 1e-3),
        own_chip_mj=(moving + whole.energy_by_level_pj["static"] * 1e-9, float(row["power_mW"]) * total_ms * 1e-3),
        hidden_ms=dse.evaluate(load_architecture_spec("eyeriss").resolve({}), layer, mapping).latency_s * 1e3,
        waits=tuple(operand for operands in whole.waits.values() for operand in operands),
    )


def used_pes(layer: dse.Layer, mapping: Mapping) -> int:
    """PEs that work when no tile is ragged."""
    unrolled = [loop for node in mapping.nodes if isinstance(node, Spatial) for loop in node.loops]
    dims = {loop.dim for loop in unrolled}
    return prod(min(getattr(layer, dim), prod(x.trips for x in unrolled if x.dim == dim)) for dim in dims)


def pass_mapping(layer: dse.Layer, *, m: int, n: int, e: int, p: int, q: int, r: int, t: int) -> Mapping:
    """A mapping of the chip's kind by the paper's parameters: m filters and n images stay in the buffer, strips have e
    rows; a pass takes p t filters and q r channels, of which r and t lie on the array."""
    passes = ceil(layer.C / (q * r))
    outer = (("K", ceil(layer.K / m)), ("N", ceil(layer.N / n)), ("P", ceil(layer.P / e)), ("C", passes))
    return Mapping(
        (
            Temporal("DRAM", _loops(*outer), ALL),
            Temporal("GLB", _loops(("K", ceil(m / (p * t))), ("N", n), ("Q", layer.Q)), frozenset({"ifmap", "psum"})),
            Spatial("array", _loops(("R", layer.R), ("C", r), ("K", t)), _loops(("P", e))),
            Temporal("PE", _loops(("K", p), ("C", q), ("S", layer.S)), ALL),
        )
    )


def strip_mapping(layer: dse.Layer, *, p: int, q: int, t: int, e: int) -> Mapping:
    """A mapping of the chip's kind for a 3 x 3 filter: strips of e rows, p*t filters and q channels a pass."""
    groups = ceil(layer.K / (p * t))
    outer = (("K", groups), ("N", layer.N), ("P", ceil(layer.P / e)), ("C", ceil(layer.C / q)))
    return Mapping(
        (
            Temporal("DRAM", _loops(*outer), ALL),
            Temporal("GLB", _loops(("Q", layer.Q)), frozenset({"ifmap", "psum"})),
            Spatial("array", _loops(("R", layer.R), ("K", t)), _loops(("P", e))),
            Temporal("PE", _loops(("K", p), ("C", q), ("S", layer.S)), ALL),
        )
    )


def _loops(*pairs: tuple[str, int]) -> tuple[Loop, ...]:
    return tuple(Loop(dim, trips) for dim, trips in pairs if trips > 1)


def rows(name: str) -> list[dict[str, Any]]:
    """A table of `tests/reference` without its source lines."""
    lines = (REFERENCE / name).read_text().splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))
