"""How long the mapper takes: every distinct conv and FC layer of four networks, CPU time, one process.

Times are those of a machine that is as fast as the tables' first one (`yardstick`).

`pytest tests/benchmarks --benchmark-only` runs all rows and prints the table; `python tests/benchmarks/speed.py WORDS`
prints those rows whose names contain all the words.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from benchmarks.yardstick import slowness

from dse.architecture.architecture import Architecture
from dse.formats.architecture.load import load_architecture_spec
from dse.formats.workload.load import load_workload
from dse.mapper import compile_kernels
from dse.mapper.layer import solve
from dse.problem.layer import Layer

NETWORKS = ("alexnet", "vgg16", "resnet50", "mobilenet_v1")
NAMED = ("row-stationary", "weight-stationary", "output-stationary", "input-stationary")
LIMIT_S = 60
"""CPU seconds after which one layer is given up, and reported as such."""
SHORT_S, REPEATS = 0.3, 3
"""Solves shorter than this are repeated, and the median counts: the yardstick errs both ways."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: an objective over dataflows on an architecture, and what it should take.

    Parameters
    ----------
    objective : {"energy", "latency", "edp", "front"}
    median_s, worst_s : float
        Targets in CPU seconds; infinite for none.
    """

    architecture: str
    dataflows: tuple[str, ...]
    factors: str
    objective: str
    gap: float
    median_s: float = float("inf")
    worst_s: float = float("inf")

    @property
    def name(self) -> str:
        flows = "named" if self.dataflows == NAMED else "/".join(self.dataflows)
        gap = f" gap {self.gap:g}" if self.gap else ""
        return f"{self.architecture} {flows} {self.factors} {self.objective}{gap}"


ROWS = tuple(
    Row(architecture, flows, factors, objective, gap, *(targets if not gap else ()))
    for gap in (0.0, 0.01)
    for architecture, flows, factors, objective, targets in (
        ("eyeriss", NAMED, "perfect", "energy", (0.02, 0.15)),
        ("eyeriss", NAMED, "perfect", "edp", (0.02, 0.15)),
        ("eyeriss", NAMED, "perfect", "front", ()),
        ("eyeriss", NAMED, "all", "energy", (0.06, 0.5)),
        ("eyeriss", NAMED, "all", "edp", (0.12, 2.0)),
        ("eyeriss", NAMED, "all", "front", (0.3, 5.0)),
        ("eyeriss_isca16", ("flexible",), "all", "energy", (0.15, 4.0)),
        ("eyeriss_isca16", ("flexible",), "all", "edp", (1.0, 15.0)),
    )
)


@dataclass(frozen=True, slots=True)
class Solve:
    """One layer mapped: CPU seconds (None when given up), what was visited, and the process's largest memory."""

    network: str
    layer: str
    dataflow: str
    seconds: float | None
    visited: tuple[int, ...] = ()
    memory_mib: float = 0.0
    error: str = ""

    @property
    def where(self) -> str:
        return f"{self.network} {self.layer} {self.dataflow}"


@cache
def layers() -> tuple[tuple[str, Layer], ...]:
    """The distinct layers of the four networks, each with the first network that has it."""
    found: dict[Any, tuple[str, Layer]] = {}
    for network in NETWORKS:
        for layer, _ in load_workload(network).distinct():
            found.setdefault(layer.shape_key(), (network, layer))
    return tuple(found.values())


@cache
def architecture(name: str, dataflow: str) -> Architecture:
    spec = load_architecture_spec(name)
    return spec.resolve({"dataflow": spec.parse_setting("dataflow", dataflow)})


def in_child(
    work: Callable[[], Any], limit_s: float, before: Callable[[], Any] = lambda: None
) -> dict[str, Any]:  # fmt: skip
    """Do some work in a fork of this process, whose kernels are loaded, within a limit of CPU time.

    The fork has its own caches, so every solve starts with none of its lists, and its own clock of CPU time; the limit
    kills whatever runs, compiled code included.

    Parameters
    ----------
    limit_s : float
        CPU seconds as `yardstick` counts them.
    before : callable
        What the fork does before the clock starts. A fork copies each page of memory that it writes to for the first
        time, which no user's process does: mapping some other layer first takes 4 to 10 ms off the next one.

    Returns
    -------
    dict
        What the work gave, its `seconds` as `yardstick` counts them, and the `slowness` by which its CPU seconds were
        divided. Empty if the limit ended it.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            before()
            slow = slowness()
            most_s = max(1, round(limit_s * slow + time.process_time()))
            resource.setrlimit(resource.RLIMIT_CPU, (most_s, most_s + 1))
            signal.signal(signal.SIGXCPU, signal.SIG_DFL)
            # The clock of the only thread: under a limit the process's own advances by scheduler ticks, 4 ms at a time.
            start = time.thread_time()
            try:
                answer = work()
            except Exception as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
            seconds = time.thread_time() - start
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            slow = (slow + slowness()) / 2
            found = {"seconds": seconds / slow, "slowness": slow, "memory_mib": memory, **answer}
            os.write(write, json.dumps(found).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else {}


def solve_layer(row: Row, network: str, layer: Layer, dataflow: str, limit_s: float = LIMIT_S) -> Solve:
    """Map one layer as a row says."""
    arch = architecture(row.architecture, dataflow)

    def work() -> dict[str, Any]:
        return {"visited": solve(arch, layer, row.objective, row.gap, row.factors).visited}

    answer = in_child(work, limit_s)
    if not answer:
        return Solve(network, layer.name, dataflow, None)
    if "error" in answer:
        return Solve(network, layer.name, dataflow, None, error=answer["error"])
    seconds = [answer["seconds"]]
    for _ in range(REPEATS - 1 if seconds[0] < SHORT_S else 0):
        seconds.append(in_child(work, limit_s).get("seconds", limit_s))
    spent = statistics.median(seconds)
    return Solve(network, layer.name, dataflow, spent, tuple(answer["visited"]), answer["memory_mib"])


def run_row(row: Row, limit_s: float = LIMIT_S, report: Callable[[Solve], None] | None = None) -> list[Solve]:
    """Map every layer under every dataflow of a row."""
    compile_kernels()
    solves = []
    for network, layer in layers():
        for dataflow in row.dataflows:
            solves.append(solve_layer(row, network, layer, dataflow, limit_s))
            if report is not None:
                report(solves[-1])
    return solves


def summary(row: Row, solves: list[Solve], limit_s: float = LIMIT_S) -> dict[str, Any]:
    """Median and worst of a row, the layers behind the worst, and whether both meet their targets."""
    counted = [one for one in solves if not one.error]
    times = sorted((one.seconds if one.seconds is not None else float("inf"), one.where) for one in counted)
    median, worst = statistics.median(seconds for seconds, _ in times), times[-1][0]
    return {
        "row": row.name,
        "solves": len(counted),
        "infeasible": len(solves) - len(counted),
        "median_s": median,
        "worst_s": worst,
        "worst": times[-1][1],
        "next": ", ".join(f"{where} {_seconds(seconds, limit_s)}" for seconds, where in times[-2:-5:-1]),
        "given_up": sum(one.seconds is None for one in counted),
        "memory_mib": max((one.memory_mib for one in counted), default=0.0),
        "met": (median <= row.median_s, worst <= row.worst_s),
        "limit_s": limit_s,
    }


TABLE: list[tuple[str, ...]] = []
REMARKS: list[str] = []
"""What a run has measured, for its closing summary."""

COLUMNS = ("row", "solves", "median", "target", "worst", "target", "worst layer")


def cells(row: Row, plain: dict[str, Any]) -> tuple[str, ...]:
    """A row of the table as texts."""
    limit = plain["limit_s"]
    return (
        row.name, str(plain["solves"]), _seconds(plain["median_s"], limit), _target(row.median_s, plain["met"][0]),
        _seconds(plain["worst_s"], limit), _target(row.worst_s, plain["met"][1]), plain["worst"],
    )  # fmt: skip


def markdown(rows: list[tuple[str, ...]], columns: tuple[str, ...] = COLUMNS) -> str:
    lines = ["| " + " | ".join(cells) + " |" for cells in (columns, tuple("---" for _ in columns), *rows)]
    return "\n".join(lines)


def _seconds(seconds: float, limit_s: float) -> str:
    if seconds == float("inf"):
        return f"> {limit_s:g} s"
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _target(seconds: float, met: bool) -> str:
    if seconds == float("inf"):
        return "-"
    return f"{_seconds(seconds, 0)} {'met' if met else 'missed'}"


def main(words: list[str]) -> None:
    limit = float(LIMIT_S)
    if words and words[0].startswith("--limit="):
        limit = float(words.pop(0).removeprefix("--limit="))
    done = []
    for row in ROWS:
        if not all(word in row.name.split() for word in words):
            continue

        def progress(one: Solve, row: Row = row) -> None:
            line = [row.name, one.where, one.seconds, one.visited, one.memory_mib, one.error]
            print(json.dumps(line), file=sys.stderr, flush=True)

        plain = summary(row, run_row(row, limit, progress), limit)
        done.append(cells(row, plain))
        print(json.dumps(plain, default=str), file=sys.stderr, flush=True)
    print(markdown(done))


if __name__ == "__main__":
    main(sys.argv[1:])
