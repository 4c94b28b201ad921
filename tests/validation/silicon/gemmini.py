"""Mappings of `gemmini_rtl_16x16.csv`: what Timeloop and we say of their cycles, and what Gemmini's RTL took.

A mapping is a string such as `L3[WIO] K48 - L2[WI] N1 K16X - L1[O] C48 P16 C16X - L0[W] P8`: levels from DRAM inwards,
each with the temporal loops of its list, outermost first, and with `X` the loop on the fan-out below it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, prod
from pathlib import Path

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import spearmanr

from dse.architecture.architecture import Architecture
from dse.formats.architecture.load import load_architecture_spec
from dse.model.cost import evaluate
from dse.model.counting.timeloop import count_timeloop
from dse.model.mapping import Loop, Mapping, Spatial, Temporal
from dse.problem.dims import OPERANDS, PerOperand
from dse.problem.layer import Layer

REFERENCE = Path(__file__).parents[2] / "reference" / "gemmini_rtl_16x16.csv"

SETS = ("analytical", "both")
"""The two sets of the reference: one is fitted on, the other reported."""

TRANSFER_BYTES, OUTPUTS = 64, 16
"""What a row of a DMA transfer takes at most: bytes of ifmap and weights (`MAX_BYTES`), outputs (`DIM`)."""


@dataclass(frozen=True)
class Point:
    """One row of the reference.

    Parameters
    ----------
    group, kind : str
        Its set, and what kind of layer it is.
    layer : Layer
    mapping : Mapping
    architecture, narrow : Architecture
        `gemmini.yaml` with the row's memories; and with psums that count as one byte, as in its Timeloop description.
    timeloop, rtl : int
        Cycles that Timeloop's model gave, and that the RTL took.
    """

    group: str
    kind: str
    layer: Layer
    mapping: Mapping
    architecture: Architecture
    narrow: Architecture
    timeloop: int
    rtl: int


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a table below its remarks."""
    with path.open(encoding="utf-8") as lines:
        return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def layer_of(row: dict[str, str]) -> Layer:
    """The layer of a row, as wide as Gemmini's words."""
    sizes = {key: int(row[key]) for key in (*"NKCPQRS", "stride_h", "stride_w")}
    return Layer(row["mapping"], **sizes, bits=PerOperand(8, 8, 32))


@lru_cache(maxsize=1)
def points() -> tuple[Point, ...]:
    return tuple(_point(row) for row in rows_of(REFERENCE))


def _point(row: dict[str, str]) -> Point:
    layer = layer_of(row)
    machines = (machine(int(row["scratchpad_words"]), int(row["accumulator_words"]), bits) for bits in (32, 8))
    cycles = (int(row[f"{key}_cycles"]) for key in ("timeloop", "rtl"))
    return Point(row["set"], kind(layer), layer, read_mapping(row["mapping"]), *machines, *cycles)


@lru_cache(maxsize=32)
def machine(scratchpad_words: int, accumulator_words: int, psum_bits: int) -> Architecture:
    """`gemmini.yaml` with memories of other sizes, in words of 8 and of 32 bit; the accumulator's is of all columns."""
    memories = {
        "levels.scratchpad.capacity": f"{scratchpad_words} B",
        "levels.accumulator.capacity.psum": f"{4 * accumulator_words // 16} B",
        "levels.accumulator.word_bits": psum_bits,
    }
    return load_architecture_spec("gemmini").resolve(memories)


def kind(layer: Layer) -> str:
    """Of a layer, as the table has it."""
    if layer.R == layer.S == layer.Q == 1:
        return "matrix product"
    shape = "1 x 1" if layer.R == layer.S == 1 else f"{layer.R} x {layer.S}"
    return f"{shape}, stride {layer.stride_h}"


def read_mapping(text: str) -> Mapping:
    """The mapping that a string of the reference states."""
    nodes: list[Temporal | Spatial] = []
    kept = {"W": "weight", "I": "ifmap", "O": "psum"}
    fan_outs = {"scratchpad": "columns", "accumulator": "rows"}
    for name, part in zip(("DRAM", "scratchpad", "accumulator", "PE"), text.split(" - "), strict=True):
        head, *factors = part.split()
        stores = frozenset(kept[letter] for letter in head[head.index("[") + 1 : -1])
        temporal = tuple(Loop(f[0], int(f[1:])) for f in factors if not f.endswith("X") and f[1:] != "1")
        nodes.append(Temporal(name, temporal, stores))
        spatial = tuple(Loop(f[0], int(f[1:-1])) for f in factors if f.endswith("X"))
        if name in fan_outs:
            sides = ((), spatial) if name == "scratchpad" else (spatial, ())
            nodes.append(Spatial(fan_outs[name], *sides))
        elif spatial:
            raise ValueError(f"{name} has no fan-out below it: {part}")
    return Mapping(tuple(nodes))


def timeloop_cycles(point: Point) -> tuple[int, int]:
    """By `counting: timeloop`, and by the older Timeloop that the reference was made with.

    Every element counts as one word. The older one charges the accumulator a fill of each psum's first visit, too, and
    divides steps by the share of the requested rate that the slowest level has, in floating point.
    """
    layer, narrow = point.layer.with_(bits=PerOperand.same(8)), point.narrow
    now = evaluate(narrow, layer, point.mapping, counting="timeloop").cycles
    counted = count_timeloop(layer, narrow, point.mapping)
    slowest = 1.0
    for level in narrow.levels:
        asked = 0.0
        for operand in (o for o in OPERANDS if o in counted.levels[level.name] and level.ports):
            words = counted.levels[level.name][operand]
            first = words.updates - words.reads if level.name == "accumulator" else 0
            asked += words.reads / counted.steps + (words.updates + words.fills + first) / counted.steps
        if asked:
            slowest = min(slowest, level.ports[0].words_per_cycle / asked)
    return int(now), ceil(counted.steps / slowest)


def cycles(point: Point) -> float:
    """By the house counting, nothing fitted."""
    return evaluate(point.architecture, point.layer, point.mapping).cycles


def dma_rows(point: Point) -> int:
    """Rows of DMA transfers: each tile of DRAM's list loads its ifmap and weights anew, and outputs leave once.

    A row is what lies together in DRAM, as channels of a pixel and filters of a tap do: up to 64 bytes, or 16 outputs.
    """
    layer, outer = point.layer, point.mapping.nodes[0].loops
    tile = point.mapping.tile(layer, 1)
    tiles = prod(loop.trips for loop in outer)
    outputs = prod(loop.trips for loop in outer if loop.dim in "NKPQ")
    height = (tile["P"] - 1) * layer.stride_h + tile["R"]
    width = (tile["Q"] - 1) * layer.stride_w + tile["S"]
    ifmap = tile["N"] * height * width * ceil(tile["C"] / TRANSFER_BYTES)
    weights = tile["C"] * tile["R"] * tile["S"] * ceil(tile["K"] / TRANSFER_BYTES)
    return tiles * (ifmap + weights) + outputs * tile["N"] * tile["P"] * tile["Q"] * ceil(tile["K"] / OUTPUTS)


@dataclass(frozen=True)
class Agreement:
    """RTL over what is said: its median and 90th percentile; and the rank correlation of the two, where they vary."""

    median: float
    p90: float
    rank: float


def agreement(ours: Sequence[float], rtl: Sequence[float]) -> Agreement:
    ratio = np.array(rtl) / np.array(ours)
    rank = spearmanr(ours, rtl).statistic if len(set(ours)) > 1 else np.nan
    return Agreement(float(np.median(ratio)), float(np.quantile(ratio, 0.9)), float(rank))


@lru_cache(maxsize=4)
def cycles_per_row(group: str) -> float:
    """The one fitted constant: cycles a DMA row adds, where the mean of |log(RTL / ours)| of a set is least."""
    ours, rows, rtl = _arrays(of(group))
    found = minimize_scalar(
        lambda c: float(np.mean(np.abs(np.log(rtl / (ours + c * rows))))), bounds=(0, 20), method="bounded"
    )
    return float(found.x)


def of(group: str) -> tuple[Point, ...]:
    return tuple(point for point in points() if point.group == group)


def _arrays(chosen: Iterable[Point]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    several = tuple(chosen)
    return (
        np.array([cycles(point) for point in several]),
        np.array([dma_rows(point) for point in several], dtype=float),
        np.array([point.rtl for point in several], dtype=float),
    )


def compared(chosen: Iterable[Point], per_row: float) -> tuple[Agreement, Agreement, Agreement]:
    """Of Timeloop's cycles, of ours, and of ours with the cycles of DMA rows."""
    several = tuple(chosen)
    ours, rows, rtl = _arrays(several)
    theirs = [point.timeloop for point in several]
    return agreement(theirs, rtl), agreement(ours, rtl), agreement(ours + per_row * rows, rtl)
