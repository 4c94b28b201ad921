"""CPU time of the mapper by machine, network and objective, beside that of the last table and of other tools.

`python tests/benchmarks/machines.py [WORDS]` maps every distinct conv and FC layer at gap 0 with all factors, and
prints a row for each machine, network and objective whose name contains all the words. `--write` puts what was measured
into `machines.csv`, which the next run is held against; rows that were not run stay. Other tools' times are in
`tests/reference/peers_cpu_s.csv`.
"""

from __future__ import annotations

import csv
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.speed import in_child, markdown

from dse.formats.architecture.load import load_architecture
from dse.formats.workload.load import load_workload
from dse.mapper import compile_kernels
from dse.mapper.layer import solve
from dse.problem.layer import Layer

MACHINES = ("eyeriss", "eyeriss_isca16", "simba_pe", "edge_npu", "nvdla_small", "nvdla_large", "gemmini")
NETWORKS = ("alexnet", "vgg16", "resnet50", "mobilenet_v1", "bert_base", "llama3_8b_prefill")
OBJECTIVES = ("energy", "latency", "edp")

LIMIT_S = 30
"""CPU seconds after which one layer is given up; it counts as unproven."""

LAST = Path(__file__).with_name("machines.csv")
PEERS = Path(__file__).parents[1] / "reference" / "peers_cpu_s.csv"

NUMBERS = ("solves", "unproven", "median_s", "p90_s", "worst_s")
COLUMNS = ("machine", "network", "objective", *NUMBERS, "worst")


@dataclass(frozen=True, slots=True)
class Row:
    """What the layers of a network took on a machine.

    Parameters
    ----------
    solves, unproven : int
        Layers, and those that were given up.
    median_s, p90_s, worst_s : float
        CPU seconds of a layer; of one that was given up, the limit.
    worst : str
        The layer that took longest.
    """

    machine: str
    network: str
    objective: str
    solves: int
    unproven: int
    median_s: float
    p90_s: float
    worst_s: float
    worst: str

    @property
    def key(self) -> tuple[str, str, str]:
        return self.machine, self.network, self.objective

    @property
    def name(self) -> str:
        return " ".join(self.key)

    @classmethod
    def of(cls, machine: str, network: str, objective: str, seconds: dict[str, float | None]) -> Row:
        """The figures of the layers of a network, None for those that were given up."""
        spent = {name: float(LIMIT_S) if each is None else each for name, each in seconds.items()}
        ordered = sorted(spent, key=spent.__getitem__)
        times = [spent[name] for name in ordered]
        return cls(
            machine, network, objective, len(spent), sum(each is None for each in seconds.values()),
            statistics.median(times), times[max(0, -(-9 * len(times) // 10) - 1)], times[-1], ordered[-1],
        )  # fmt: skip

    def plain(self) -> dict[str, str]:
        return {column: f"{getattr(self, column):.4g}" if column.endswith("_s") else str(getattr(self, column))
                for column in COLUMNS}  # fmt: skip


@cache
def layers(network: str) -> tuple[Layer, ...]:
    return tuple(layer for layer, _ in load_workload(network).distinct())


def measured(machine: str, network: str, objective: str, some: Sequence[Layer] | None = None) -> Row:
    """Map the layers one by one, each in a fork that has none of the others' tables."""
    architecture = load_architecture(machine)
    seconds: dict[str, float | None] = {}
    for layer in layers(network) if some is None else some:

        def work(layer: Layer = layer) -> dict[str, Any]:
            return {"found": len(solve(architecture, layer, objective, 0.0, "all").values)}

        answer = in_child(work, LIMIT_S)
        if "error" in answer:
            raise RuntimeError(f"{layer.name} on {machine}: {answer['error']}")
        seconds[layer.name] = answer.get("seconds")
    return Row.of(machine, network, objective, seconds)


def read(path: Path = LAST) -> dict[tuple[str, str, str], dict[str, str]]:
    """The last table, by machine, network and objective."""
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        return {(row["machine"], row["network"], row["objective"]): row for row in csv.DictReader(file)}


def write(rows: Iterable[Row], path: Path = LAST) -> None:
    """Replace the rows that were measured, and keep the others."""
    known = read(path) | {row.key: row.plain() for row in rows}
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(known[key] for key in sorted(known))


def cells(row: Row, last: dict[str, str] | None) -> tuple[str, ...]:
    """A row as texts, with how many times its median and its worst are those of the last table."""
    times = [f"{getattr(row, column) * 1e3:.3g} ms" for column in ("median_s", "p90_s", "worst_s")]
    beside = "-" if last is None else " ".join(
        f"{getattr(row, column) / float(last[column]):.2f}" for column in ("median_s", "worst_s")
    )  # fmt: skip
    return row.machine, row.network, row.objective, str(row.solves), *times, str(row.unproven), row.worst, beside


HEADER = ("machine", "network", "objective", "layers", "median", "p90", "worst", "unproven", "worst layer", "x last")


def beside_peers(rows: Iterable[Row]) -> list[str]:
    """How many times as long other tools took for a layer, at the median of ours."""
    known, lines = {row.key: row for row in rows}, []
    with PEERS.open(newline="") as file:
        for peer in csv.DictReader(file):
            ours = known.get((peer["machine of dse"], peer["network of dse"], peer["objective"]))
            if ours is not None:
                low, high = (float(peer[name]) / ours.median_s for name in ("least_s", "most_s"))
                lines.append(f"{peer['tool']} ({peer['work']}): {low:,.0f} to {high:,.0f} times {ours.name}")
    return lines


def main(words: list[str]) -> None:
    writing = "--write" in words
    words = [word for word in words if word != "--write"]
    compile_kernels()
    last, rows = read(), []
    for machine in MACHINES:
        for network in NETWORKS:
            for objective in OBJECTIVES:
                if all(word in (machine, network, objective) for word in words):
                    rows.append(measured(machine, network, objective))
                    sys.stderr.write(" ".join(cells(rows[-1], last.get(rows[-1].key))) + "\n")
                    if writing:
                        write(rows)
    print(markdown([cells(row, last.get(row.key)) for row in rows], HEADER))
    print(*beside_peers(rows), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
