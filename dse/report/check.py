"""Our access counts checked against the simulator, on the mappings that layers really get."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from random import Random
from time import perf_counter
from typing import TYPE_CHECKING, Any

from dse.errors import InfeasibleError
from dse.problem.dims import DIMS, OPERANDS
from dse.report.table import Table
from dse.report.units import whole

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture
    from dse.mapper.shared.result import Objective
    from dse.model.accesses import Accesses
    from dse.model.mapping import Mapping
    from dse.problem.layer import Layer
    from dse.problem.workload import Workload

OBJECTIVES: tuple[Objective, ...] = ("energy", "latency", "edp")

TINY_MACS = 2_000
"""Size of the layer that shows this machine's pace."""


def shrink(layer: Layer, macs: int) -> Layer:
    """The layer with its longest loops halved, rounded up, until it has at most `macs` MACs.

    Strides, dilations and filters stay; filters and groups are halved only when nothing else is left.
    """
    while layer.macs > macs:
        sizes = {dim: getattr(layer, dim) for dim in "NKCPQ"}
        if max(sizes.values()) == 1:
            sizes = {dim: getattr(layer, dim) for dim in "GRS"}
        longest = max(sizes, key=lambda dim: sizes[dim])
        layer = layer.with_(**{longest: (sizes[longest] + 1) // 2}, H=0, W=0)
    return layer


@dataclass(frozen=True, slots=True)
class Task:
    """A mapping to check.

    Parameters
    ----------
    layer : Layer
        As it is walked, before the architecture lowers it.
    names : tuple of str
        The network's layers that it stands for.
    objective : {"energy", "latency", "edp"}
        What its mapping is best at.
    """

    layer: Layer
    names: tuple[str, ...]
    objective: Objective


def tasks_of(workload: Workload, macs: int, sample: int | None = None, seed: int = 0) -> list[Task]:
    """The mappings of a network to check: each distinct layer's best for each objective, or a sample of them.

    Parameters
    ----------
    macs : int
        Larger layers are shrunk until they have at most so many MACs.
    sample : int, optional
        How many mappings to draw at random, the same ones for the same seed.
    """
    tasks = [
        Task(shrink(layer, macs), tuple(names), objective)
        for layer, names in workload.distinct() for objective in OBJECTIVES
    ]  # fmt: skip
    if sample is None or sample >= len(tasks):
        return tasks
    return [tasks[i] for i in sorted(Random(seed).sample(range(len(tasks)), sample))]


def expected_seconds(architecture: Architecture, tasks: Sequence[Task], time_limit_s: float = inf) -> float:
    """About how long it takes to check some mappings, by the pace at which this machine maps and walks a tiny layer.

    Of the time limit of it all at most a fifth goes into this.
    """
    from dse.mapper import map_layer
    from dse.model.simulator.walk import simulate

    limit = time_limit_s / 10 if time_limit_s < inf else None
    for task in tasks:
        tiny = architecture.lowered(shrink(task.layer, TINY_MACS))
        try:
            map_layer(architecture, tiny, task.objective, time_limit_s=limit)  # loads the kernels
            start = perf_counter()
            mapping = map_layer(architecture, tiny, task.objective, time_limit_s=limit).mapping
        except InfeasibleError:
            continue
        mapped = perf_counter()
        simulate(tiny, architecture, mapping)
        walked = perf_counter()
        total = sum(task.layer.macs for task in tasks)
        return len(tasks) * (mapped - start) + total * (walked - mapped) / tiny.macs
    return 0.0


def check(architecture: Architecture, task: Task, deadline: float = inf) -> dict[str, Any]:
    """Compare all counts of a mapping.

    Parameters
    ----------
    deadline : float
        When to stop, on the clock of `time.perf_counter`. Half of the time left may go into the search for the mapping;
        then the best one found so far is walked.

    Returns
    -------
    dict
        `layer`, `equal_layers`, `bounds`, `objective`, `macs`; `state`: `compared`, `infeasible`, `stopped` or
        `not begun`; MACs `walked`, `counts` compared, how many `differ`, and the `first` that does or what else there
        is to say.
    """
    from dse.mapper import map_layer

    layer = architecture.lowered(task.layer)
    row: dict[str, Any] = {
        "layer": task.names[0],
        "equal_layers": len(task.names),
        "bounds": " ".join(f"{dim}={size}" for dim, size in zip(DIMS, layer.bounds, strict=True) if size > 1),
        "objective": task.objective,
        "macs": layer.macs,
        "state": "not begun", "walked": 0, "counts": 0, "differ": 0, "first": "",
    }  # fmt: skip
    left = deadline - perf_counter()
    if left <= 0:
        return row
    try:
        limit = left / 2 if left < inf else None
        mapping = map_layer(architecture, layer, task.objective, time_limit_s=limit).mapping
    except InfeasibleError as error:
        return {**row, "state": "infeasible", "first": f"infeasible: {error}"}
    return row | _walked(architecture, layer, mapping, deadline)


def _walked(architecture: Architecture, layer: Layer, mapping: Mapping, deadline: float) -> dict[str, Any]:
    """What a walk shows: the fields of a row from `state` on."""
    from dse.model.counting.counts import count
    from dse.model.simulator.walk import WalkStoppedError, simulate

    closed = _flat(count(layer, architecture, mapping))
    done = {"state": "compared", "walked": layer.macs, "counts": len(closed)}
    try:
        walked = _flat(simulate(layer, architecture, mapping, stop=lambda: perf_counter() >= deadline))
    except WalkStoppedError as stopped:
        remark = f"stopped after {stopped.macs / layer.macs:.0%} of the MACs, counts not compared"
        return {"state": "stopped", "walked": stopped.macs, "first": remark}
    except MemoryError:
        return {"state": "stopped", "first": "out of memory, counts not compared: fewer --macs would do"}
    except AssertionError as error:
        return {**done, "differ": 1, "first": f"the walk broke off: {error}"}
    different = [key for key in closed if closed[key] != walked[key]]
    first = f"{different[0]}: {closed[different[0]]} for {walked[different[0]]}" if different else ""
    return {**done, "differ": len(different), "first": first}


def summary_of(rows: Sequence[dict[str, Any]], planned: int, possible: int) -> dict[str, int]:
    """How much was checked.

    Parameters
    ----------
    rows : sequence of dict
        Of `check`, of the first mappings that were planned.
    planned, possible : int
        Mappings that were to be checked, and that the network has without drawing a sample.
    """
    states = Counter(row["state"] for row in rows)
    return {
        "possible": possible,
        "planned": planned,
        "compared": states["compared"],
        "infeasible": states["infeasible"],
        "stopped": states["stopped"],
        "not_begun": planned - len(rows) + states["not begun"],
        "counts": sum(row["counts"] for row in rows),
        "differ": sum(row["differ"] for row in rows),
    }


def verdict(summary: dict[str, int]) -> str:
    """What a check has shown, in a sentence that holds however far it came."""
    counts, differ = whole(summary["counts"]), summary["differ"]
    if not summary["compared"]:
        said = "nothing was compared"
    elif differ:
        said = f"{differ} of {counts} counts differ"
    else:
        said = f"all {counts} counts are equal"
    notes = []
    if summary["compared"] < summary["possible"]:
        notes.append(f"{summary['compared']} of the network's {summary['possible']} mappings compared")
    if summary["planned"] < summary["possible"]:
        notes.append(f"{summary['planned']} drawn as a sample")
    for state, text in (("infeasible", "infeasible"), ("stopped", "stopped half-way"), ("not_begun", "not begun")):
        if summary[state]:
            notes.append(f"{summary[state]} {text}")
    return said + (f" ({', '.join(notes)})" if notes else "")


def check_table(rows: Sequence[dict[str, Any]], said: str) -> Table:
    """The comparison as a table; below, the first count that differs of each mapping, and the verdict."""
    cells = [
        {
            "layer": row["layer"],
            "best for": row["objective"],
            "walked as": row["bounds"],
            "MACs": whole(row["macs"]),
            "counts": str(row["counts"]),
            "differ": str(row["differ"]),
        }
        for row in rows
    ]
    remarks = [f"{row['layer']}, best for {row['objective']}: {row['first']}" for row in rows if row["first"]]
    left = frozenset({"layer", "best for", "walked as"})
    return Table.of(cells, left=left, note="\n".join([*remarks, said]), spare=("MACs", "walked as"))


def _flat(accesses: Accesses) -> dict[str, int]:
    """Every count under a readable name."""
    flat = {"steps": accesses.steps, "macs": accesses.macs}
    for level, row in accesses.levels.items():
        for operand in OPERANDS:
            flat[f"{level} {operand} reads"] = row[operand].reads
            flat[f"{level} {operand} writes"] = row[operand].writes
    for fan_out, crossings in accesses.fan_outs.items():
        for operand in OPERANDS:
            flat[f"{fan_out} {operand} delivered"] = crossings[operand].delivered
            flat[f"{fan_out} {operand} hops"] = crossings[operand].hops
    return flat
