"""CPU time of the mapper by machine, network and objective, beside that of the last table and of other tools.

`python tests/benchmarks/machines.py [WORDS]` maps every distinct conv and FC layer with all factors, and prints a row
for each machine, network and objective among the words: `edge_npu simba_pe alexnet front` are two rows. Where all
networks are mapped, a row `all` has the distinct layers of each. `--write` puts
what was measured into `machines.csv`, which the next run is held against; rows that were not run stay. `--limit 5`
gives a layer up after five CPU seconds. All are seconds of a machine as fast as the first one (`yardstick`). Other
tools' times are in `tests/reference/peers_cpu_s.csv`. Kernels are loaded and have run, as in any search but the first.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.speed import in_child, markdown

from dse.architecture.architecture import Architecture
from dse.formats.architecture.load import load_architecture
from dse.formats.workload.load import load_workload
from dse.mapper import compile_kernels
from dse.mapper.deep.solve import run_whole
from dse.mapper.layer import solve
from dse.problem.layer import Layer

SPECS = Path(__file__).with_name("specs")
MACHINES = (
    "eyeriss", "eyeriss_isca16", "simba_pe", "edge_npu", "nvdla_small", "nvdla_large", "gemmini", "tpu_v4i",
    *sorted(path.stem for path in SPECS.glob("*.yaml")),
)  # fmt: skip
NETWORKS = ("alexnet", "vgg16", "resnet50", "mobilenet_v1", "bert_base", "llama3_8b_prefill")
ALL = "all"
"""Stands for all networks together."""

OBJECTIVES = {
    "energy": ("energy", 0.0), "latency": ("latency", 0.0), "edp": ("edp", 0.0), "front": ("front", 0.0),
    "edp_5%": ("edp", 0.05),
}  # fmt: skip
"""What is asked for, and the gap at which a search may stop."""

FIRST = Layer("first", K=7, C=5, P=11, Q=13, R=2)
SECOND = Layer("second", K=22, C=26, P=15, Q=15, R=3, S=3)
"""Mapped on each machine before the clock runs, and in each fork: sizes are no network's, so they leave no table that
helps. The first one alone leaves some kernels unloaded, which take 4 to 8 ms each."""

REPEATS, SHORT_S = 3, 0.2
"""A layer that takes less than the seconds is mapped so many times, and the median counts."""

LIMIT_S = 30.0
"""CPU seconds after which one layer is given up, if no others are asked for; it counts as unproven."""

LAST = Path(__file__).with_name("machines.csv")
PEERS = Path(__file__).parents[1] / "reference" / "peers_cpu_s.csv"

NUMBERS = ("limit_s", "solves", "unproven", "median_s", "p90_s", "worst_s")
COLUMNS = ("machine", "network", "objective", *NUMBERS, "worst")


@dataclass(frozen=True, slots=True)
class Row:
    """What the layers of a network took on a machine.

    Parameters
    ----------
    limit_s : float
        Seconds after which a layer was given up.
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
    limit_s: float
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
    def of(
        cls, machine: str, network: str, objective: str, seconds: dict[str, float | None], limit_s: float = LIMIT_S
    ) -> Row:
        """The figures of the layers of a network, None for those that were given up."""
        spent = {name: limit_s if each is None else each for name, each in seconds.items()}
        ordered = sorted(spent, key=spent.__getitem__)
        times = [spent[name] for name in ordered]
        return cls(
            machine, network, objective, limit_s, len(spent), sum(each is None for each in seconds.values()),
            statistics.median(times), times[max(0, -(-9 * len(times) // 10) - 1)], times[-1], ordered[-1],
        )  # fmt: skip

    def plain(self) -> dict[str, str]:
        return {column: f"{getattr(self, column):.4g}" if column.endswith("_s") else str(getattr(self, column))
                for column in COLUMNS}  # fmt: skip


@cache
def layers(network: str) -> tuple[Layer, ...]:
    return tuple(layer for layer, _ in load_workload(network).distinct())


@cache
def machine_of(name: str) -> Architecture:
    own = SPECS / f"{name}.yaml"
    return load_architecture(own if own.exists() else name)


def seconds_of(machine: str, layer: Layer, objective: str, limit_s: float) -> float | None:
    """CPU seconds of a search in a fork that has none of the other layers' tables; None if it is given up."""
    aim, gap = OBJECTIVES[objective]

    def work() -> dict[str, Any]:
        return {"found": len(solve(machine_of(machine), layer, aim, gap, "all").values)}

    spent: list[float] = []
    for _ in range(REPEATS):
        answer = in_child(work, limit_s, lambda: warm(machine, objective, limit_s))
        if "error" in answer:
            raise RuntimeError(f"{layer.name} on {machine}: {answer['error']}")
        if not answer:
            break
        spent.append(answer["seconds"])
        if spent[-1] > SHORT_S:
            break
    return statistics.median(spent) if spent else None


def warm(machine: str, objective: str, limit_s: float) -> None:
    """Map other layers."""
    for layer in (FIRST, SECOND):
        solve(machine_of(machine), layer, *OBJECTIVES[objective], "all", limit_s)


def measured(
    machine: str, objective: str, some: Sequence[Layer], limit_s: float = LIMIT_S
) -> dict[str, float | None]:
    """Map layers one by one: the CPU seconds of each, None for those that are given up."""
    for layer in (FIRST, SECOND):
        solve(machine_of(machine), layer, *OBJECTIVES[objective], "all", limit_s)
    # A kernel that long searches alone call would become machine code in the first fork that calls it, for 0.4 s.
    run_whole(machine_of(machine), machine_of(machine).lowered(SECOND))
    return {each.name: seconds_of(machine, each, objective, limit_s) for each in some}


def table(
    machines: Sequence[str], networks: Sequence[str], objectives: Sequence[str], limit_s: float
) -> Iterator[Row]:
    """Rows as they are measured, those of a machine one after another."""
    for machine in machines:
        together: dict[str, dict[str, float | None]] = {objective: {} for objective in objectives}
        for network, objective in product(networks, objectives):
            seconds = measured(machine, objective, layers(network), limit_s)
            together[objective] |= {f"{network} {name}": each for name, each in seconds.items()}
            yield Row.of(machine, network, objective, seconds, limit_s)
        if set(networks) == set(NETWORKS):
            yield from (Row.of(machine, ALL, *each, limit_s) for each in together.items())


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


def chosen(names: Iterable[str], words: Sequence[str]) -> list[str]:
    """The names that are asked for; all, if none is."""
    return [name for name in names if name in words] or list(names)


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", metavar="WORD", help="a machine, network or objective")
    parser.add_argument("--write", action="store_true", help="put what was measured into machines.csv")
    parser.add_argument("--limit", type=float, default=LIMIT_S, help="CPU seconds for a layer")
    asked = parser.parse_args(words)
    unknown = set(asked.words) - {*MACHINES, *NETWORKS, *OBJECTIVES}
    if unknown:
        parser.error(f"no machine, network or objective: {', '.join(sorted(unknown))}")
    compile_kernels()
    last, rows = read(), []
    machines, networks, objectives = (chosen(names, asked.words) for names in (MACHINES, NETWORKS, OBJECTIVES))
    for row in table(machines, networks, objectives, asked.limit):
        rows.append(row)
        sys.stderr.write(" ".join(cells(rows[-1], last.get(rows[-1].key))) + "\n")
        if asked.write:
            write(rows)
    print(markdown([cells(row, last.get(row.key)) for row in rows], HEADER))
    print(*beside_peers(rows), sep="\n")


if __name__ == "__main__":
    main()
