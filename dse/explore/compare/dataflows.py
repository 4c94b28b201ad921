"""Dataflows side by side: several architectures at equal area, every layer on its best mapping, energy by place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dse.errors import InfeasibleError, MappingError
from dse.explore.compare.dataflows_log import read_results, result_line
from dse.explore.identity import identity
from dse.explore.log import LogWriter
from dse.explore.runner import usable_cpus
from dse.model.mapping import Loop, Spatial, Temporal
from dse.model.mapping import Mapping as LoopNest
from dse.problem.dims import DIMS, OPERANDS

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture
    from dse.formats.architecture.load import ArchitectureSpec
    from dse.model.cost import Cost
    from dse.problem.layer import Layer
    from dse.problem.workload import Workload

Nest = Mapping[str, tuple[str, ...]]
"""Level or fan-out to the dims of its loops, outermost first."""


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
    factors: str = "all"

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
    objective: str
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

    def tasks(self) -> list[Task]:
        """Every layer of every design, batch and point."""
        found = []
        for point in self.points:
            architectures = [self.architecture(design, point) for design in self.designs]
            for batch, (design, architecture) in product(self.batches, zip(self.designs, architectures, strict=True)):
                network = self.workload.with_batch(batch)
                for part, name in ((part, name) for part, names in self.parts.items() for name in names):
                    same = {**point, "batch": batch, "part": part, "layer": name, "dataflow": design.name}
                    search = Search(self.objective, self.gap, design.factors, design.nest)
                    found.append(Task(architecture, design.layer(network.layer(name)), search, same))
        return found


@dataclass(frozen=True, slots=True)
class Search:
    """How a layer's mapping is found; see `best_cost`."""

    objective: str
    gap: float
    factors: str
    nest: Nest | None


@dataclass(frozen=True, slots=True)
class Task:
    """One layer of one design at one point and batch; callable in another process."""

    architecture: Architecture
    layer: Layer
    search: Search
    same: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Hash of everything that affects its result."""
        from dse.formats.architecture.load import canonical

        x = self.search
        nest = None if x.nest is None else [[place, list(dims)] for place, dims in x.nest.items()]
        settings = {"objective": x.objective, "gap": x.gap, "factors": x.factors, "nest": nest}
        return identity(canonical(self.architecture), [[(self.layer.shape_key(), 1)]], settings)

    def __call__(self) -> dict[str, Any]:
        """Energy per MAC, in MACs, by place and by operand."""
        layer = self.layer
        try:
            cost = best_cost(self.architecture, layer, self.search)
        except InfeasibleError as error:
            return {"macs": layer.macs, "status": "infeasible", "reason": error.message}
        unit = self.architecture.mac.energy_pj * layer.macs
        by_level = {f"at {place}": pj / unit for place, pj in cost.energy_by_level_pj.items()}
        by_operand = {f"of {operand}": cost.energy_by_operand_pj[operand] / unit for operand in OPERANDS}
        return {
            "macs": layer.macs, "status": "ok", "reason": "", "energy": cost.energy_pj / unit, **by_level, **by_operand
        }  # fmt: skip


def best_cost(architecture: Architecture, layer: Layer, search: Search) -> Cost:
    """The best mapping's cost: the mapper's, or that of the best mapping of a nest (least energy).

    Of a nest, the mappings that fill the fan-outs are walked; all of them only when no full one fits the levels.

    Raises
    ------
    InfeasibleError
        When no mapping fits.
    """
    from dse.mapper import map_layer
    from dse.model.cost import evaluate

    if search.nest is None:
        return map_layer(architecture, layer, search.objective, gap=search.gap, factors=search.factors).cost
    for fullest in (True, False):
        best: Cost | None = None
        for mapping in nest_mappings(architecture, layer, search.nest, fullest=fullest):
            try:
                cost = evaluate(architecture, layer, mapping)
            except MappingError:
                continue
            if best is None or cost.energy_pj < best.energy_pj:
                best = cost
        if best is not None:
            return best
    raise InfeasibleError(f"layer {layer.name}: no mapping of the nest fits {architecture.name}")


def nest_mappings(architecture: Architecture, layer: Layer, nest: Nest, *, fullest: bool = True) -> Iterator[LoopNest]:
    """Every mapping of a nest whose factors are tight and, if `fullest`, leave no room on a fan-out for a larger one.

    A dim that stands at several places is split over them in every way; at one place it is whole.
    """
    places = {d: [name for name in (x.name for x in architecture.hierarchy) if d in nest.get(name, ())] for d in DIMS}
    rooms = {fan_out.name: fan_out.rows for fan_out in architecture.fan_outs}
    options = [_splits(bound, len(places[d])) for d, bound in zip(DIMS, layer.bounds, strict=True)]
    for split in product(*options):
        if not _fits(places, split, rooms) or (fullest and _has_room(places, split, options, rooms)):
            continue
        factors = {
            (name, d): f for d, parts in zip(DIMS, split, strict=True) for name, f in zip(places[d], parts, strict=True)
        }
        nodes: list[Temporal | Spatial] = []
        for node in architecture.hierarchy:
            loops = tuple(Loop(d, factors[node.name, d]) for d in nest.get(node.name, ()) if factors[node.name, d] > 1)
            if node.name in rooms:
                nodes.append(Spatial(node.name, loops, ()))
            else:
                nodes.append(Temporal(node.name, loops, architecture.level(node.name).stores))
        yield LoopNest(tuple(nodes))


def _splits(bound: int, places: int) -> list[tuple[int, ...]]:
    """Tight factors, outermost first."""
    if places < 2:
        return [(bound,) * places] if places or bound == 1 else []
    trips = sorted({-(-bound // inner) for inner in range(1, bound + 1)})
    return [(outer, *rest) for outer in trips for rest in _splits(-(-bound // outer), places - 1)]


def _used(places: Mapping[str, list[str]], split: tuple[tuple[int, ...], ...], rooms: Mapping[str, int]) -> int:
    used = 1
    for d, parts in zip(DIMS, split, strict=True):
        for name, factor in zip(places[d], parts, strict=True):
            used *= factor if name in rooms else 1
    return used


def _fits(places: Mapping[str, list[str]], split: tuple[tuple[int, ...], ...], rooms: Mapping[str, int]) -> bool:
    return all(_used(places, split, {room: size}) <= size for room, size in rooms.items())


def _has_room(places: Mapping[str, list[str]], split: Any, options: list[Any], rooms: Mapping[str, int]) -> bool:
    """Whether one dim alone can take more of a fan-out."""
    for i, d in enumerate(DIMS):
        if len(split[i]) < 2 or not any(name in rooms for name in places[d]):
            continue
        at = next(k for k, name in enumerate(places[d]) if name in rooms)
        larger = [other for other in options[i] if other[at] > split[i][at]]
        if larger:
            grown = min(larger, key=lambda other: other[at])
            if _fits(places, (*split[:i], grown, *split[i + 1 :]), rooms):
                return True
    return False


def capacity_kib(spec: ArchitectureSpec, point: Mapping[str, Any], path: str, area_mm2: float) -> float:
    """The capacity at which an architecture takes an area, to a word of 16 bit; large memories grow in proportion."""
    small, large = (spec.resolve({**point, path: f"{kib} KiB"}).area_mm2 for kib in (64, 128))
    kib = 64 + 64 * (area_mm2 - small) / (large - small)
    if kib <= 0:
        raise InfeasibleError(f"{spec.name} takes more than {area_mm2:.4g} mm2 without any {path}")
    return int(kib * 512) / 512


def compare_dataflows(
    comparison: DataflowComparison, *, jobs: int | None = None, progress: Callable[[int, int], None] | None = None,
    log: Path | None = None, resume: bool = False,
) -> list[dict[str, Any]]:  # fmt: skip
    """One row for each layer of each design, point and batch, in that order whatever `jobs` is.

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
        Take over what the log holds.
    """
    tasks = comparison.tasks()
    ids = [task.id for task in tasks]
    known = read_results(log) if log is not None and resume else {}
    left = {key: task for key, task in zip(ids, tasks, strict=True) if key not in known}
    with ExitStack() as stack:
        writer = stack.enter_context(LogWriter(log)) if log is not None else None
        for key, found in _results(left, usable_cpus() if jobs is None else jobs, stack):
            known[key] = found
            if writer is not None:
                writer.write(result_line(key, found))
            if progress is not None:
                progress(sum(key in known for key in ids), len(ids))
    return [{**task.same, **known[key]} for key, task in zip(ids, tasks, strict=True)]


def _results(tasks: Mapping[str, Task], workers: int, stack: ExitStack) -> Iterator[tuple[str, dict[str, Any]]]:
    """Results as they come."""
    if workers == 0:
        yield from ((key, task()) for key, task in tasks.items())
        return
    pool = ProcessPoolExecutor(workers)
    stack.callback(pool.shutdown, cancel_futures=True)
    keys = {pool.submit(_call, task): key for key, task in tasks.items()}
    for future in as_completed(keys):
        yield keys[future], future.result()


def _call(task: Task) -> dict[str, Any]:
    return task()


def parts_of(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a part's layers as one, weighted by MACs; `infeasible` when a layer of it is."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        same = tuple((key, value) for key, value in row.items() if _is_setting(key))
        groups.setdefault(same, []).append(row)
    found = []
    for same, members in groups.items():
        macs = sum(row["macs"] for row in members)
        bad = [row for row in members if row["status"] != "ok"]
        if bad:
            found.append({**dict(same), "macs": macs, "status": "infeasible", "reason": bad[0]["reason"]})
            continue
        keys = dict.fromkeys(key for row in members for key in row if key == "energy" or key[:3] in ("at ", "of "))
        means = {key: sum(row["macs"] * row.get(key, 0.0) for row in members) / macs for key in keys}
        found.append({**dict(same), "macs": macs, "status": "ok", "reason": "", **means})
    return found


def _is_setting(key: str) -> bool:
    return key not in ("layer", "macs", "status", "reason", "energy") and key[:3] not in ("at ", "of ")


def folder(comparison: DataflowComparison) -> Path:
    """Where its results go by default."""
    return Path("results") / comparison.name
