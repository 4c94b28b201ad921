"""What a sweep was asked: how several networks count, which limits hold, and what each figure is of, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dse.explore.plan.search import Search
from dse.formats.architecture.space.ranges import BATCH
from dse.formats.architecture.space.readable import said_limits

if TYPE_CHECKING:
    from dse.explore.plan.plan import Plan
    from dse.explore.results.result import SweepResult

METRICS = {"energy": "energy_pj", "latency": "latency_s", "edp": "edp_js"}
"""What the mappings of a design decide, of what a sweep can minimise."""

NAMES = {"edp": "EDP"}
"""Of objectives, where it is not their own."""


def goals_of(search: Search) -> dict[str, str]:
    """The figures that a sweep is about, by name: its objectives, but area only where there is no other.

    Examples
    --------
    >>> goals_of(Search(9)), goals_of(Search(9, objectives=("edp", "area"))), goals_of(Search(9, objectives=("area",)))
    ({'energy': 'energy_pj', 'latency': 'latency_s'}, {'EDP': 'edp_js'}, {'area': 'area_mm2'})
    """
    asked = [name for name in search.objectives if name in METRICS]
    if {"energy", "latency"} <= set(asked):
        asked = ["energy", "latency"]
    return {NAMES.get(name, name): METRICS[name] for name in asked} or {"area": "area_mm2"}


def goal_name(search: Search) -> str:
    """The name of `Search.goal`.

    Examples
    --------
    >>> goal_name(Search(9)), goal_name(Search(9, objectives=("area", "latency")))
    ('EDP', 'latency')
    """
    return {"edp_js": "EDP", "energy_pj": "energy", "latency_s": "latency", "area_mm2": "area"}[search.goal]


def mix(workloads: Sequence[str], how: str, weights: Mapping[str, float]) -> str:
    """The networks as figures are of them.

    Examples
    --------
    >>> mix(["alexnet"], "sum", {}), mix(["a", "b"], "sum", {"a": 2.0}), mix(["a", "b"], "worst", {"b": 0.5})
    ('alexnet', '2 x a + b', 'the worst of a and 0.5 x b')
    >>> mix(["a", "b", "c"], "geomean", {"a": 2.0})
    'the geometric mean of 2 x a, b and c'
    """
    parts = [name if weights.get(name, 1) == 1 else f"{weights[name]:g} x {name}" for name in workloads]
    if len(parts) == 1 or how == "sum":
        return " + ".join(parts)
    kind = {"worst": "the worst of", "geomean": "the geometric mean of"}[how]
    return f"{kind} {', '.join(parts[:-1])} and {parts[-1]}"


def mix_line(workloads: Sequence[str], how: str, weights: Mapping[str, float]) -> str:
    """What energies and latencies of several networks are; empty for one network that counts once.

    Examples
    --------
    >>> mix_line(["a", "b"], "sum", {"a": 2.0})
    'energy and latency: 2 x a + b, run one after another'
    >>> mix_line(["a", "b"], "geomean", {"a": 2.0})
    'energy and latency, each by itself: the geometric mean of 2 x a and b (2 x: counts so often)'
    >>> mix_line(["a"], "sum", {})
    ''
    """
    weighted = any(weights.get(name, 1) != 1 for name in workloads)
    if len(workloads) == 1 and not weighted:
        return ""
    said = mix(workloads, how, weights)
    if len(workloads) == 1 or how == "sum":
        return f"energy and latency: {said}, run one after another"
    if how == "worst":
        return f"energy and latency, each by itself: {said}"
    counts = [f"{weights[name]:g} x" for name in workloads if weights.get(name, 1) != 1]
    return f"energy and latency, each by itself: {said}{f' ({counts[0]}: counts so often)' if counts else ''}"


def batch_line(batches: Mapping[str, int], chosen: bool = False) -> str:
    """How many images figures are of; empty where each is of one.

    Examples
    --------
    >>> batch_line({"a": 4}), batch_line({"a": 4, "b": 4}), batch_line({"a": 1})
    ('batch: 4 images at once, and figures are of all 4', 'batch: 4 images at once, and figures are of all 4', '')
    >>> batch_line({"a": 4, "b": 1})
    'batch: images at once 4 of a, 1 of b, and figures are of all of them'
    >>> batch_line({}, chosen=True)
    'batch: each design has its own, and figures are per image'
    """
    if chosen:
        return f"{BATCH}: each design has its own, and figures are per image"
    sizes = set(batches.values())
    if sizes <= {1}:
        return ""
    if len(sizes) == 1:
        return f"{BATCH}: {max(sizes)} images at once, and figures are of all {max(sizes)}"
    said = ", ".join(f"{size} of {name}" for name, size in batches.items())
    return f"{BATCH}: images at once {said}, and figures are of all of them"


def limits_line(said: str, networks: int) -> str:
    """The limits that every design keeps; empty without any.

    Examples
    --------
    >>> limits_line("area at most 8 mm2", 2), limits_line("energy at most 40 µJ", 2)
    ('limits: area at most 8 mm2', 'limits, for each network: energy at most 40 µJ')
    """
    each = networks > 1 and any(f"{name} " in f" {said}" for name in (" energy", " latency", " power"))
    return f"limits{', for each network' if each else ''}: {said}" if said else ""


def asked_lines(result: SweepResult) -> list[str]:
    """How the networks of a sweep count, how many images figures are of, and its limits, a line each."""
    batch = batch_line(result.batches, BATCH in result.space)
    lines = mix_line(result.workloads, result.combine, result.weights), batch, _limits_of(result)
    return [line for line in lines if line]


def _limits_of(result: SweepResult) -> str:
    return limits_line(said_limits(result.constraints), len(result.workloads))


def workloads_of(result: SweepResult) -> str:
    """The networks of a sweep as its figures are of them."""
    return mix(result.workloads, result.combine, result.weights)


def planned_lines(plan: Plan) -> list[str]:
    """What a sweep file says besides networks, space and search, a line each."""
    names, together, changes = [workload.name for workload in plan.workloads], plan.together, plan.changes
    given = [
        *([f"batch {changes.batch}"] if changes.batch is not None else []),
        *(f"{what} {_pairs(value)}" for what in ("parameters", "bits", "density") if (value := getattr(changes, what))),
        *([f"layers {', '.join(changes.layers)}"] if changes.layers else []),
    ]
    each = together.fronts == "each" and len(names) > 1
    lines = [
        f"a sweep for each network, in a folder of its own: {', '.join(names)}" if each
        else mix_line(names, together.how, together.weights),
        "; ".join(given),
        f"set in every design: {_pairs(plan.hardware.settings)}" if plan.hardware.settings else "",
        limits_line(said_limits(plan.spec.constraints), len(names)),
    ]  # fmt: skip
    return [line for line in lines if line]


def _pairs(given: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in given.items())
