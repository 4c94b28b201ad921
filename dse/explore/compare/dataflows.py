"""Dataflows side by side: several architectures at equal area, every layer on its best mapping, energy by place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dse.errors import InfeasibleError
from dse.explore.compare.layers_log import NOT_REACHED, Record, map_all
from dse.explore.limits import DEFAULT, Limits
from dse.explore.outcomes.identity import identity, networks_text
from dse.explore.workers.runner import Failure
from dse.formats.text.replace import folder_name
from dse.problem.dims import OPERANDS

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture
    from dse.formats.architecture.load import ArchitectureSpec
    from dse.mapper.fixed_nest import Nest
    from dse.mapper.shared.result import Factors, Objective
    from dse.model.cost import Cost
    from dse.problem.layer import Layer
    from dse.problem.workload import Workload


@dataclass(frozen=True, slots=True)
class Design:
    """One dataflow.

    Parameters
    ----------
    name : str
    spec : ArchitectureSpec
    apart : tuple of {"H", "W"}
        Axes in which the windows of its ifmap do not overlap: each word is there once for every window that has it.
    nest : mapping or None
        Walk the mappings of this nest instead of asking the mapper.
    factors : {"all", "perfect"}
        How the mapper may split a bound.
    """

    name: str
    spec: ArchitectureSpec
    apart: tuple[str, ...] = ()
    nest: Nest | None = None
    factors: Factors = "all"

    def layer(self, layer: Layer) -> Layer:
        """The layer as this design takes it."""
        strides = {}
        if "H" in self.apart and layer.stride_h < layer.R:
            strides["stride_h"] = layer.R
        if "W" in self.apart and layer.stride_w < layer.S:
            strides["stride_w"] = layer.S
        return layer.with_(**strides) if strides else layer


@dataclass(frozen=True, slots=True)
class DataflowComparison:
    """What is compared; see `dse.explore.compare.dataflows_file` for the fields of its file."""

    name: str
    description: str
    workload: Workload
    parts: Mapping[str, tuple[str, ...]]
    batches: tuple[int, ...]
    objective: Objective
    gap: float
    points: tuple[Mapping[str, Any], ...]
    designs: tuple[Design, ...]
    area_of: str | None = None
    area_through: str | None = None

    def architecture(self, design: Design, point: Mapping[str, Any]) -> Architecture:
        """A design at a point, with the area of the reference design there."""
        if self.area_of is None or self.area_through is None or design.name == self.area_of:
            return design.spec.resolve(point)
        reference = next(other for other in self.designs if other.name == self.area_of)
        area = reference.spec.resolve(point).area_mm2
        return design.spec.resolve(
            {**point, self.area_through: f"{capacity_kib(design.spec, point, self.area_through, area)} KiB"}
        )

    def tasks(self) -> list[LayerTask]:
        """Every layer of every design, batch and point."""
        found = []
        for point in self.points:
            architectures = [self.architecture(design, point) for design in self.designs]
            for batch, (design, architecture) in product(self.batches, zip(self.designs, architectures, strict=True)):
                network = self.workload.with_batch(batch)
                for part, name in ((part, name) for part, names in self.parts.items() for name in names):
                    same = {
                        **point, "pes": architecture.mac_units, "batch": batch, "part": part, "layer": name,
                        "dataflow": design.name,
                    }  # fmt: skip
                    search = LayerSearch(self.objective, self.gap, design.factors, design.nest)
                    found.append(LayerTask(architecture, design.layer(network.layer(name)), search, same))
        return found


@dataclass(frozen=True, slots=True)
class LayerSearch:
    """How a layer's mapping is found, and within how many seconds; see `best_cost`. A nest is walked whole."""

    objective: Objective
    gap: float
    factors: Factors
    nest: Nest | None
    limit_s: float = inf


@dataclass(frozen=True, slots=True)
class LayerTask:
    """One layer of one design at one point and batch; `map_task` runs it."""

    architecture: Architecture
    layer: Layer
    search: LayerSearch
    same: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Hash of everything that affects its result."""
        from dse.architecture.canonical import canonical

        x = self.search
        nest = None if x.nest is None else [[place, list(dims)] for place, dims in x.nest.items()]
        settings = {"objective": x.objective, "gap": x.gap, "factors": x.factors, "nest": nest}
        return identity(canonical(self.architecture), networks_text([[(self.layer.shape_key(), 1)]]), settings)


def map_task(task: LayerTask) -> dict[str, Any]:
    """Energy per MAC of a task's layer, in MACs, by place and by operand: what workers run."""
    layer, search = task.layer, task.search
    try:
        cost, gaps = best_within(task.architecture, layer, search)
    except InfeasibleError as error:
        return {"macs": layer.macs, "status": "infeasible", "reason": error.message}
    unit = task.architecture.mac.energy_pj * layer.macs
    by_level = {f"at {place}": pj / unit for place, pj in cost.energy_by_level_pj.items()}
    energies = cost.energy_by_operand_pj
    by_operand = {f"of {operand}": energies[operand] / unit for operand in OPERANDS}
    by_operand["of psum"] += energies["ofmap"] / unit
    stopped = {**gaps, "limit_s": search.limit_s} if max(gaps.values()) > search.gap else {}
    return {
        "macs": layer.macs, "status": "ok", "reason": "", **stopped, "energy": cost.energy_pj / unit, **by_level,
        **by_operand,
    }  # fmt: skip


def best_cost(architecture: Architecture, layer: Layer, search: LayerSearch) -> Cost:
    """The best mapping's cost: the mapper's, or the least energy of the mappings of a nest.

    Raises
    ------
    InfeasibleError
        When no mapping fits.

    Examples
    --------
    >>> import dse
    >>> chip, layer = dse.load_architecture("eyeriss"), dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    >>> search = LayerSearch("energy", 0.0, "all", None)
    >>> best_cost(chip, layer, search).energy_pj == dse.map_layer(chip, layer, "energy").cost.energy_pj
    True
    """
    return best_within(architecture, layer, search)[0]


def best_within(architecture: Architecture, layer: Layer, search: LayerSearch) -> tuple[Cost, dict[str, float]]:
    """The best mapping's cost, and how far it may be from the best: see `dse.mapper.answer.Answer.gaps`."""
    from dse.mapper.fixed_nest import best_of_nest
    from dse.mapper.layer import layer_answers

    if search.nest is not None:
        return best_of_nest(architecture, layer, search.nest), {"gap": 0.0}
    limit_s = None if search.limit_s == inf else search.limit_s
    (best,) = layer_answers(
        architecture, layer, search.objective, gap=search.gap, factors=search.factors, time_limit_s=limit_s
    )
    return best.mapped().cost, best.gaps


def capacity_kib(spec: ArchitectureSpec, point: Mapping[str, Any], path: str, area_mm2: float) -> float:
    """The capacity at which an architecture takes an area, to a word of 16 bit; large memories grow in proportion."""
    small, large = (spec.resolve({**point, path: f"{kib} KiB"}).area_mm2 for kib in (64, 128))
    kib = 64 + 64 * (area_mm2 - small) / (large - small)
    if kib <= 0:
        raise InfeasibleError(f"{spec.name} takes more than {area_mm2:.4g} mm2 without any {path}")
    return int(kib * 512) / 512


def compare_dataflows(
    comparison: DataflowComparison, *, jobs: int | None = None, progress: Callable[[int, int], None] | None = None,
    log: Path | None = None, resume: bool = False, limits: Limits = DEFAULT,
) -> list[dict[str, Any]]:  # fmt: skip
    """One row for each layer of each design, point and batch, in that order whatever `jobs` is.

    A layer whose search crashes, or kills its worker, has a row with the status `failed`; the others are not touched.
    One that was not reached when the time was over has the status `open`.

    Parameters
    ----------
    comparison : DataflowComparison
    jobs : int, optional
        Worker processes; 0 for this process, by default one a processor.
    progress : callable, optional
        Takes how many layers are done, of how many.
    log : Path, optional
        Where each layer's result is appended as soon as it is there.
    resume : bool
        Take over what the log holds; what failed is tried again.
    limits : Limits
        Of the whole, and of each design: its layers have equal parts of that time.
    """
    tasks = comparison.tasks()
    share_s = min(limits.design_s / sum(map(len, comparison.parts.values())), limits.time_s)
    left = {task.id: replace(task, search=replace(task.search, limit_s=share_s)) for task in tasks}
    known = map_all(
        map_task, left, _failed, jobs=jobs, record=Record(log, resume), limits=limits, progress=progress
    )  # fmt: skip
    return rows_of(tasks, known)


def rows_of(tasks: Iterable[LayerTask], known: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A row for each task, with what is known of it."""
    return [{**task.same, **known.get(task.id, {"macs": task.layer.macs, **NOT_REACHED})} for task in tasks]


def _failed(task: LayerTask, failure: Failure) -> dict[str, Any]:
    return {"macs": task.layer.macs, "status": failure.status, "reason": failure.reason}


def parts_of(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a part's layers as one, weighted by MACs; `failed`, `infeasible` or `open` when a layer of it is.

    Examples
    --------
    >>> row = {"status": "ok", "reason": ""}
    >>> rows = [{**row, "macs": 1, "energy": 6.0}, {**row, "macs": 3, "energy": 2.0}]
    >>> parts_of(rows)[0]["energy"]
    3.0
    """
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        same = tuple((key, value) for key, value in row.items() if _is_setting(key))
        groups.setdefault(same, []).append(row)
    found = []
    for same, members in groups.items():
        macs = sum(row["macs"] for row in members)
        bad = [row for row in members if row["status"] != "ok"]
        if bad:
            worst = min(bad, key=lambda row: ("failed", "infeasible", "open").index(row["status"]))
            found.append({**dict(same), "macs": macs, "status": worst["status"], "reason": worst["reason"]})
            continue
        keys = dict.fromkeys(key for row in members for key in row if key == "energy" or key[:3] in ("at ", "of "))
        means = {key: sum(row["macs"] * row.get(key, 0.0) for row in members) / macs for key in keys}
        found.append({**dict(same), "macs": macs, "status": "ok", "reason": "", **means})
    return found


def _is_setting(key: str) -> bool:
    results = ("layer", "macs", "status", "reason", "energy", "gap", "energy_gap", "limit_s")
    return key not in results and key[:3] not in ("at ", "of ")


def folder(comparison: DataflowComparison) -> Path:
    """Where its results go by default."""
    return Path("results") / folder_name(comparison.name)
