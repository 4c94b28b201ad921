"""AlexNet on systolic arrays: the mapping of the closed forms, and the closed forms of `systolic_cycles.csv`."""

from __future__ import annotations

import csv
from math import ceil
from pathlib import Path

from dse.architecture.architecture import Architecture
from dse.formats.architecture.load import load_architecture_spec
from dse.model.cost import Cost, evaluate
from dse.model.mapping import Loop, Mapping, Spatial, Temporal
from dse.problem.dims import OPERANDS
from dse.problem.layer import Layer
from dse.problem.workload import Workload

REFERENCE = Path(__file__).parents[2] / "reference" / "systolic_cycles.csv"
SPATIAL = {"ws": ("C", "K", "N"), "os": ("N", "K", "C"), "is": ("C", "N", "K")}
"""Dims on the rows, on the columns, and in time."""


def rows() -> list[dict[str, str]]:
    with REFERENCE.open() as lines:
        return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def array(dataflow: str, height: int, width: int, **settings: object) -> Architecture:
    spec = load_architecture_spec(f"systolic_{dataflow}")
    changes = {"levels.array.rows": height, "levels.array.cols": width}
    return spec.resolve(changes | {path.replace("__", "."): value for path, value in settings.items()})


def folded(architecture: Architecture, layer: Layer, dataflow: str) -> Mapping:
    """The mapping of the closed forms: folds outside, one dim in time, everything in the buffer."""
    bounds = {dim: getattr(layer, dim) for dim in "GNKC"}
    y, x, time = SPATIAL[dataflow]
    (fan_out,), pe = architecture.fan_outs, architecture.levels[-1]
    side_y, side_x = min(bounds[y], fan_out.rows), min(bounds[x], fan_out.cols)
    loops = [("G", bounds["G"]), (x, ceil(bounds[x] / side_x)), (y, ceil(bounds[y] / side_y)), (time, bounds[time])]
    everything = frozenset(OPERANDS)
    return Mapping(
        (
            Temporal("DRAM", (), everything),
            Temporal("buffer", tuple(Loop(*loop) for loop in loops), everything),
            Spatial("array", (Loop(y, side_y),), (Loop(x, side_x),)),
            Temporal("PE", (), pe.stores),
        )
    )


def found(cost: Cost) -> tuple[float, int, int, int]:
    """Cycles, and words that the array takes from and gives to the buffer."""
    buffer, dram = cost.accesses.levels["buffer"], cost.accesses.levels["DRAM"]
    arrivals = buffer["psum"].writes - dram["psum"].reads  # less those that come back from DRAM
    return cost.cycles, buffer["ifmap"].reads, buffer["weight"].reads, arrivals


def expected(row: dict[str, str]) -> tuple[int, int, int, int]:
    cycles, ifmap, weight, psum = (int(row[f"formula_{key}"]) for key in ("cycles", "sram_if", "sram_f", "sram_o"))
    return cycles, ifmap, weight, psum


def layer_of(row: dict[str, str], network: Workload) -> Layer:
    """One group of a layer of the shipped network, checked against the matrix sizes of the row."""
    one = network.layer(row["layer"].removeprefix("alex_").removesuffix("g")).with_(G=1)
    lowered = one.as_matmul()
    sizes = tuple(int(row[key]) for key in "MNK")
    assert sizes == (lowered.N, lowered.K, lowered.C)
    return one


def as_the_closed_form_runs_it(row: dict[str, str], network: Workload) -> Cost:
    layer = layer_of(row, network)
    architecture = array(row["dataflow"], int(row["R"]), int(row["C"]), levels__buffer__capacity="16 MiB")
    return evaluate(architecture, layer, folded(architecture, architecture.lowered(layer), row["dataflow"]))
