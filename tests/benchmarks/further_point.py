"""How long a further hardware point takes: a design that differs in one setting from one that was mapped before.

`python tests/benchmarks/further_point.py [WORDS]` maps every distinct conv and FC layer of ResNet-50 on a machine as it
is, then on two that differ in one setting, and prints a row for each machine, goal and setting among the words, such as
`simba_pe edp size`. With a gap the machine as it is is the reference, as in a sweep. Times are CPU time of one layer,
each the median of some runs in a fork that has no tables of other layers, on a machine as fast as the first one
(`yardstick`).
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import thread_time
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.machines import FIRST, OBJECTIVES, SECOND, chosen, layers
from benchmarks.speed import in_child, markdown

from dse.architecture.architecture import Architecture
from dse.formats.architecture.load import load_architecture_spec
from dse.mapper import compile_kernels
from dse.mapper.layer import solve
from dse.mapper.shared.reference import Reference
from dse.problem.layer import Layer

CHANGES = {
    "eyeriss": {
        "size": ("levels.GLB.capacity", "64 KiB", "256 KiB"),
        "rate": ("levels.DRAM.bandwidth", "200 MB/s", "800 MB/s"),
        "energy": ("levels.DRAM.energy", "100 mac", "300 mac"),
        "array": ("levels.array.rows", "8", "16"),
    },
    "simba_pe": {
        "size": ("levels.GLB.capacity", "32 KiB", "128 KiB"),
        "rate": ("levels.DRAM.bandwidth", "12.8 GB/s", "51.2 GB/s"),
        "energy": ("levels.GLB.energy", "1 pJ", "4 pJ"),
    },
    "edge_npu": {
        "size": ("levels.L2.capacity", "512 KiB", "2 MiB"),
        "rate": ("levels.DRAM.bandwidth", "6.4 GB/s", "25.6 GB/s"),
        "energy": ("levels.L2.energy", "2 pJ", "8 pJ"),
    },
}
"""By machine, what the two further points have instead of its own."""

GOALS = {name: OBJECTIVES[name] for name in ("energy", "edp", "latency")} | {
    "energy_1%": ("energy", 0.01), "edp_1%": ("edp", 0.01),
}  # fmt: skip
"""What is asked for, and the gap at which a search may stop."""

SETTINGS = ("size", "rate", "energy", "array")
REPEATS, LIMIT_S = 3, 30.0
NETWORK = "resnet50"

FIGURES = ("median", "p90", "worst")
HEADER = ("machine", "goal", "setting", "layers", *(f"{which}, {figure}" for which in ("first", "further")
                                                    for figure in FIGURES), "worst layer")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU seconds of a layer on the machine as it is, and on each further point."""

    layer: str
    first_s: float
    further_s: tuple[float, ...]


@cache
def designs(machine: str, setting: str) -> tuple[Architecture, ...]:
    """A machine as it is, and those that differ in a setting."""
    spec = load_architecture_spec(machine)
    path, *values = CHANGES[machine][setting]
    return spec.architecture, *(spec.resolve({path: spec.parse_setting(path, value)}) for value in values)


def measured(machine: str, goal: str, setting: str, layer: Layer) -> Spent:
    """Map a layer on a machine and then on the further points, some times over."""
    objective, gap = GOALS[goal]
    reference = Reference(designs(machine, setting)[0], machine)

    def work() -> dict[str, Any]:
        spent = []
        for design in designs(machine, setting):
            begin = thread_time()
            solve(design, layer, objective, gap, "all", reference=reference)
            spent.append(thread_time() - begin)
        return {"spent": spent}

    runs = []
    for _ in range(REPEATS):
        answer = in_child(work, LIMIT_S)
        if "spent" not in answer:
            raise RuntimeError(f"{layer.name} on {machine}: {answer.get('error', 'took too long')}")
        runs.append([seconds / answer["slowness"] for seconds in answer["spent"]])
    first, *further = map(statistics.median, zip(*runs, strict=True))
    return Spent(layer.name, first, tuple(further))


def figures(seconds: Sequence[float]) -> tuple[str, ...]:
    """Median, what nine in ten are within, and the worst, in ms."""
    ordered = sorted(seconds)
    most = max(0, -(-9 * len(ordered) // 10) - 1)
    return tuple(f"{each * 1e3:.1f}" for each in (statistics.median(ordered), ordered[most], ordered[-1]))


def cells(machine: str, goal: str, setting: str, some: Sequence[Spent]) -> tuple[str, ...]:
    """What is printed of a machine, goal and setting."""
    further = [each for one in some for each in one.further_s]
    worst = max(some, key=lambda one: max(one.further_s)).layer
    first = figures([one.first_s for one in some])
    return machine, goal, setting, str(len(some)), *first, *figures(further), worst


def main(words: Sequence[str]) -> None:
    compile_kernels(architectures=[load_architecture_spec(name).architecture for name in CHANGES])
    rows = []
    for machine in chosen(CHANGES, words):
        for goal in chosen(GOALS, words):
            for setting in (one for one in chosen(SETTINGS, words) if one in CHANGES[machine]):
                for layer in (FIRST, SECOND):
                    for design in designs(machine, setting):
                        solve(design, layer, *GOALS[goal], "all")
                some = [measured(machine, goal, setting, layer) for layer in layers(NETWORK)]
                rows.append(cells(machine, goal, setting, some))
                sys.stderr.write(" ".join(rows[-1]) + "\n")
    print("CPU time in ms")
    print(markdown(rows, HEADER))


if __name__ == "__main__":
    main(sys.argv[1:])
