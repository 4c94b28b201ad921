"""The dataflows of the Eyeriss comparison (ISCA 2016) as level lists, and its mappings as loop nests.

What a dataflow does not keep in the buffer goes past it. WS, OSA and OSB pass ifmap words from PE to PE, so a word is
read once for all PEs that it visits: a `window` between buffer and array keeps the words in flight and costs nothing.
The paper's WS adds up a filter row in the array and the rows through the buffer: its rows are a fan-out that does not
reduce. OSB reads ifmap rows, and OSC windows, as if they did not overlap: the same layer with the filter's size as its
stride, in that axis.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from math import ceil
from pathlib import Path

import dse
from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import FanOut, Level
from dse.model.mapping import Loop, Mapping, Spatial, Temporal
from dse.problem.dims import OPERANDS, PerOperand

REFERENCE = Path(__file__).parents[2] / "reference"
ALL = ("ifmap", "weight", "psum")
DATAFLOWS = ("RS", "WS", "OSA", "OSB", "OSC", "NLR")
COLUMNS = ("alu", "dram", "buffer", "array", "rf")
COLUMN_OF = {"MAC": "alu", "DRAM": "dram", "GLB": "buffer", "array": "array", "RF": "rf"}

Case = tuple[Architecture, dse.Layer, Mapping]


def layers() -> tuple[dse.Layer, ...]:
    """AlexNet as the paper takes it: FC6 is a convolution of a 6 x 6 map."""
    network = dse.load_workload("alexnet")
    convolutions = [network.layer(f"conv{i}") for i in range(1, 6)]
    fc6 = network.layer("fc6").with_(C=256, R=6, S=6)
    return (*convolutions, fc6, network.layer("fc7"), network.layer("fc8"))


def _level(name: str, stores: tuple[str, ...], words: float) -> Level:
    """Reads cost what the paper says; what it does not count, filling a level with ifmap or weights, costs nothing."""
    return Level(
        name, frozenset(stores), read_energy_pj=PerOperand.same(words), write_energy_pj=PerOperand(0.0, 0.0, words)
    )


def _architecture(name: str, *inside: Level | FanOut) -> Architecture:
    dram = Level("DRAM", frozenset(ALL), read_energy_pj=PerOperand.same(200.0), write_energy_pj=PerOperand.same(200.0))
    return Architecture(name, (dram, *inside), Mac(1.0), 1e6)


def _array(pes: int) -> FanOut:
    return FanOut("array", pes, 1, energy_pj=2.0)


def _loops(*pairs: tuple[str, int]) -> tuple[Loop, ...]:
    return tuple(Loop(dim, int(trips)) for dim, trips in pairs if trips > 1)


def _nest(architecture: Architecture, **loops: tuple[tuple[str, int], ...]) -> Mapping:
    return Mapping(
        tuple(
            Temporal(node.name, _loops(*loops.get(node.name, ())), node.stores)
            if isinstance(node, Level)
            else Spatial(node.name, _loops(*loops.get(node.name, ())), ())
            for node in architecture.hierarchy
        )
    )


def unroll(layer: dse.Layer, *, rows: bool, columns: bool) -> dse.Layer:
    """The layer whose windows do not overlap in an axis: its ifmap holds a copy of every word for each window."""
    strides = {"stride_h": layer.R if rows else layer.stride_h, "stride_w": layer.S if columns else layer.stride_w}
    return layer.with_(**strides)


def rs(x: dse.Layer, pes: int, *, m: int, n: int, f: int, p: int, q: int, r: int, t: int) -> Case:
    a = _architecture("RS", _level("GLB", ("ifmap", "psum"), 6.0), _array(pes), _level("RF", ALL, 1.0))
    k = ceil(x.K / m)
    return a, x, _nest(
        a, DRAM=(("G", x.G), ("K", k), ("N", ceil(x.N / n)), ("P", ceil(x.P / f)), ("C", ceil(x.C / (q * r)))),
        GLB=(("K", ceil(x.K / (k * p * t))), ("N", n), ("Q", x.Q)), array=(("R", x.R), ("P", f), ("C", r), ("K", t)),
        RF=(("K", p), ("C", q), ("S", x.S)),
    )  # fmt: skip


def ws(x: dse.Layer, pes: int, *, r: int, t: int, f: int) -> Case:
    rows = FanOut("rows", x.R, 1, reduces=False)
    a = _architecture(
        "WS", _level("GLB", ("psum",), 6.0), _level("window", ("ifmap",), 0.0), rows, _level("row", ("ifmap",), 0.0),
        FanOut("array", pes // x.R, 1, energy_pj=2.0), _level("RF", ("weight",), 1.0),
    )  # fmt: skip
    return a, x, _nest(
        a, DRAM=(("G", x.G), ("K", ceil(x.K / t))),
        GLB=(("C", ceil(x.C / r)), ("N", x.N), ("Q", ceil(x.Q / f)), ("P", x.P)), window=(("Q", f),),
        rows=(("R", x.R),), array=(("S", x.S), ("C", r), ("K", t)),
    )  # fmt: skip


def osa(x: dse.Layer, pes: int, *, m: int, n: int, e: int, f: int) -> Case:
    a = _architecture("OSA", *_forwarding(pes))
    k = ceil(x.K / m)
    return a, x, _nest(
        a, DRAM=(("G", x.G), ("K", k), ("N", ceil(x.N / n)), ("P", ceil(x.P / e)), ("Q", ceil(x.Q / f))),
        GLB=(("K", ceil(x.K / k)), ("C", x.C)), window=(("R", x.R), ("S", x.S)), array=(("N", n), ("P", e), ("Q", f)),
    )  # fmt: skip


def osb(x: dse.Layer, pes: int, *, m: int, n: int, p: int, f: int) -> Case:
    x = unroll(x, rows=True, columns=False)
    a = _architecture("OSB", *_forwarding(pes))
    k = ceil(x.K / m)
    return a, x, _nest(
        a, DRAM=(("G", x.G), ("K", k), ("N", ceil(x.N / n)), ("P", x.P), ("Q", ceil(x.Q / f))),
        GLB=(("K", ceil(x.K / (k * p))), ("C", x.C), ("R", x.R)), window=(("S", x.S),),
        array=(("N", n), ("K", p), ("Q", f)),
    )  # fmt: skip


def osc(x: dse.Layer, pes: int, *, m: int, n: int, p: int) -> Case:
    x = unroll(x, rows=True, columns=True)
    a = _architecture("OSC", _level("GLB", ("ifmap", "weight"), 6.0), _array(pes), _level("RF", ("psum",), 1.0))
    k = ceil(x.K / m)
    return a, x, _nest(
        a, DRAM=(("G", x.G), ("K", k), ("N", ceil(x.N / n)), ("P", x.P), ("Q", x.Q)),
        GLB=(("K", ceil(x.K / (k * p))), ("C", x.C), ("R", x.R), ("S", x.S)), array=(("N", n), ("K", p)),
    )  # fmt: skip


def nlr(x: dse.Layer, pes: int, *, n: int, m: int, p: int, q: int, e: int, f: int) -> Case:
    array = FanOut("array", pes, 1, energy_pj=PerOperand(2.0, 0.0, 2.0))
    a = _architecture("NLR", _level("GLB", ALL, 6.0), array)
    k = ceil(x.K / m)
    outer = (("K", k), ("N", ceil(x.N / n)), ("P", ceil(x.P / e)), ("Q", ceil(x.Q / f)), ("C", ceil(x.C / q)))
    return a, x, _nest(
        a, DRAM=(("G", x.G), *outer),
        GLB=(("K", ceil(x.K / (k * p))), ("N", n), ("P", e), ("Q", f), ("R", x.R), ("S", x.S)),
        array=(("C", q), ("K", p)),
    )  # fmt: skip


def _forwarding(pes: int) -> tuple[Level | FanOut, ...]:
    window, psums = _level("window", ("ifmap",), 0.0), _level("RF", ("psum",), 1.0)
    return _level("GLB", ("ifmap", "weight"), 6.0), window, _array(pes), psums


NESTS: dict[str, Callable[..., Case]] = {"RS": rs, "WS": ws, "OSA": osa, "OSB": osb, "OSC": osc, "NLR": nlr}


@dataclass(frozen=True)
class Published:
    """A layer at the published mapping, in MACs of energy.

    Parameters
    ----------
    pes, batch, layer : int
    dataflow : str
    reference : dict of str to float
        The row of the file.
    cost : dse.Cost
    refetched : float
        DRAM words of the ifmap that the formulas fetch once per group of filters, and a loop nest does not, because the
        buffer holds the group's whole ifmap and nothing else comes between.
    """

    pes: int
    batch: int
    layer: int
    dataflow: str
    reference: dict[str, str]
    cost: dse.Cost
    refetched: float

    @property
    def columns(self) -> dict[str, float]:
        """Energy by level and by operand, under the names of the reference."""
        found = dict.fromkeys((*COLUMNS, *OPERANDS), 0.0)
        for place, energy in self.cost.energy_by_level_pj.items():
            if place in COLUMN_OF:
                found[COLUMN_OF[place]] += energy
        energies = self.cost.energy_by_operand_pj
        return found | {o: energies[o] + (energies["ofmap"] if o == "psum" else 0.0) for o in OPERANDS}


@cache
def published() -> tuple[Published, ...]:
    """Every row of `isca16_alexnet_layers.csv`."""
    return tuple(_published())


def _published() -> Iterator[Published]:
    known = layers()
    for row in rows("isca16_alexnet_layers.csv"):
        pes, batch, number = int(row["num_pes"]), int(row["batch"]), int(row["layer"])
        tiles = {key: int(value) for key, value in (pair.split("=") for pair in row["mapping"].split())}
        architecture, layer, mapping = NESTS[row["dataflow"]](known[number - 1].with_(N=batch), pes, **tiles)
        cost = dse.evaluate(architecture, layer, mapping)
        times = ceil(layer.K / tiles["m"]) if "m" in tiles else 1
        once = cost.accesses.levels["DRAM"]["ifmap"].reads
        stays = once == layer.ifmap_words and row["dataflow"] != "RS"
        yield Published(pes, batch, number, row["dataflow"], row, cost, (times - 1) * once if stays else 0.0)


def totals(dataflow: str, batch: int, group: str) -> tuple[dict[str, float], float, float]:
    """Energy per MAC of CONV or FC by column, its total, and the part that refetching a resident ifmap would add."""
    chosen = [
        x for x in published()
        if (x.dataflow, x.batch, "CONV" if x.layer <= 5 else "FC") == (dataflow, batch, group)
    ]  # fmt: skip
    macs = sum(x.cost.macs for x in chosen)
    columns = {key: sum(x.columns[key] for x in chosen) / macs for key in chosen[0].columns}
    return columns, sum(columns[key] for key in COLUMNS), 200 * sum(x.refetched for x in chosen) / macs


def reference() -> dict[tuple[str, int, str], dict[str, float]]:
    """`isca16_energy_per_mac.csv` by dataflow, batch and group."""
    return {
        (row["dataflow"], int(row["batch"]), row["layer_group"]): {
            key: float(value) for key, value in row.items() if key not in ("dataflow", "batch", "layer_group")
        }
        for row in rows("isca16_energy_per_mac.csv")
    }


def rows(name: str) -> list[dict[str, str]]:
    lines = (REFERENCE / name).read_text().splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))
