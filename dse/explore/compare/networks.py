"""Several networks on one architecture: each shape mapped once, whichever networks have it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dse.errors import DseError
from dse.explore.plan.workloads import UNCHANGED, WorkloadChanges
from dse.explore.workers.runner import Failure, Task, Workers, usable_cpus
from dse.model.cost import edp_js
from dse.problem.footprint import network_figures

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture
    from dse.problem.layer import Layer
    from dse.problem.workload import Workload

GAP = 0.05
"""How far from its optimum each mapping may be, proven, unless said otherwise: a table over networks that differ by
factors needs no more, and it takes a fraction of the time."""

FACTORS = "perfect"
"""Which factors the mapper may take unless said otherwise. Perfect ones answer for any network in milliseconds a layer;
all factors serve bounds better that divide badly, and can take minutes for a layer."""

REVIEWED = (
    "alexnet", "vgg16", "vgg19", "googlenet", "inception_v2", "inception_v3", "resnet50", "resnet152", "xception",
)  # fmt: skip
"""The networks that are compared when none are named."""


@dataclass(frozen=True, slots=True)
class LayerMapper:
    """Maps a layer to its `energy_pj`, `cycles` and `outer_bytes`: what workers run."""

    architecture: Architecture
    objective: str
    gap: float
    factors: str

    def __call__(self, layer: Layer) -> dict[str, float]:
        from dse.mapper import map_layer

        cost = map_layer(self.architecture, layer, self.objective, gap=self.gap, factors=self.factors).cost
        bits = sum(sum(moved.values()) for moved in cost.outermost_bits.values())
        return {"energy_pj": cost.energy_pj, "cycles": cost.cycles, "outer_bytes": bits / 8}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Networks side by side.

    Parameters
    ----------
    networks : tuple of dict
        A row for each network: what `network_figures` gives, and on an architecture `energy_pj`, `latency_s`,
        `power_w`, `inferences_per_s`, `inferences_per_j` (of single images, whatever the batch), `edp_js`,
        `outer_bytes` (to and from the outermost level) and `not_mapped` (empty, or why it cannot run there; the
        figures are None then).
    architecture : str or None
        Its name.
    objective, gap, factors
        How the layers were mapped: each by itself, proven to be within `gap` of the best with those factors.
    mapped_shapes : int
        Distinct layers over all networks.
    """

    networks: tuple[dict[str, Any], ...]
    architecture: str | None
    objective: str
    gap: float
    mapped_shapes: int
    factors: str = FACTORS

    def to_dict(self) -> dict[str, Any]:
        how = {"objective": self.objective, "gap": self.gap, "factors": self.factors}
        mapped = {**how, "mapped_shapes": self.mapped_shapes} if self.architecture else {}
        return {"arch": self.architecture, **mapped, "networks": list(self.networks)}


@dataclass(frozen=True, slots=True)
class Review:
    """A comparison with everything decided: what `compare: networks` in a sweep file asks for.

    Parameters
    ----------
    name : str
    architecture : Architecture or None
        None compares what the networks are by themselves.
    workloads : tuple of Workload
    objective : {"energy", "latency", "edp"}
    gap : float
    factors : {"all", "perfect"}
    """

    name: str
    architecture: Architecture | None
    workloads: tuple[Workload, ...]
    objective: str = "edp"
    gap: float = GAP
    factors: str = FACTORS


def compare_networks(
    review: Review, *, jobs: int | None = None, progress: Callable[[int, int], None] | None = None
) -> Comparison:
    """Put networks side by side.

    Parameters
    ----------
    review : Review
    jobs : int, optional
        Worker processes; 0 maps in this process, None takes one for each processor.
    progress : callable, optional
        Told (shapes mapped, shapes) after each.

    Raises
    ------
    DseError
        When two networks have one name.
    """
    names = [workload.name for workload in review.workloads]
    if len(set(names)) < len(names):
        raise DseError(f"workload {max(names, key=names.count)} is given twice")
    rows = [network_figures(workload) for workload in review.workloads]
    architecture = review.architecture
    if architecture is None:
        return Comparison(tuple(rows), None, review.objective, review.gap, 0, review.factors)
    mapped = _map_all(architecture, review, usable_cpus() if jobs is None else jobs, progress)
    for row, workload in zip(rows, review.workloads, strict=True):
        row |= _on_architecture(architecture, workload, mapped)
    return Comparison(
        tuple(rows), architecture.name, review.objective, review.gap, len(mapped), review.factors
    )  # fmt: skip


def _map_all(
    architecture: Architecture, review: Review, jobs: int, progress: Callable[[int, int], None] | None
) -> dict[Any, dict[str, float] | Failure]:
    """What became of every distinct layer, by its shape."""
    shapes: dict[Any, Layer] = {}
    for workload in review.workloads:
        for layer, _ in workload.distinct():
            shapes.setdefault(layer.shape_key(), layer)
    # the largest first, so that no worker starts a long one when the others are done
    order = sorted(shapes, key=lambda key: shapes[key].macs, reverse=True)
    tasks = [Task(number, shapes[key]) for number, key in enumerate(order)]
    mapped: dict[Any, dict[str, float] | Failure] = {}
    mapper = LayerMapper(architecture, review.objective, review.gap, review.factors)
    with Workers.local(min(jobs, len(tasks))) as workers:
        for task, outcome in workers.run(mapper, tasks):
            mapped[order[task.key]] = outcome
            if progress is not None:
                progress(len(mapped), len(tasks))
    return mapped


def _on_architecture(
    architecture: Architecture, workload: Workload, mapped: dict[Any, dict[str, float] | Failure]
) -> dict[str, Any]:
    from dse.model.moves import moved_by
    from dse.problem.moves import moves_of

    parts = [(mapped[layer.shape_key()], names) for layer, names in workload.distinct()]
    wrong = [f"{names[0]}: {found.reason}" for found, names in parts if isinstance(found, Failure)]
    sums = dict.fromkeys(("energy_pj", "cycles", "outer_bytes"), 0.0)
    for one, names in moved_by(architecture, moves_of(workload)):
        row = {"energy_pj": one.energy_pj, "cycles": one.cycles, "outer_bytes": (one.read_bits + one.written_bits) / 8}
        sums = {key: value + row[key] * len(names) for key, value in sums.items()}
    for found, names in parts:
        if isinstance(found, dict):
            sums = {key: value + found[key] * len(names) for key, value in sums.items()}
    if wrong or not parts:
        missing = ("energy_pj", "latency_s", "power_w", "inferences_per_s", "inferences_per_j", "edp_js", "outer_bytes")
        return {**dict.fromkeys(missing), "not_mapped": wrong[0] if wrong else "no layer to map"}
    latency_s, joules = sums["cycles"] / architecture.clock_hz, sums["energy_pj"] * 1e-12
    return {
        "energy_pj": sums["energy_pj"],
        "latency_s": latency_s,
        "power_w": joules / latency_s,
        "inferences_per_s": workload.batch / latency_s,
        "inferences_per_j": workload.batch / joules,
        "edp_js": edp_js(sums["energy_pj"], latency_s),
        "outer_bytes": sums["outer_bytes"],
        "not_mapped": "",
    }


def make_review(
    name: str,
    architecture: Architecture | None,
    workloads: Sequence[str | Path | Workload],
    *,
    changes: WorkloadChanges = UNCHANGED,
    objective: str = "edp",
    gap: float = GAP,
    factors: str = FACTORS,
) -> Review:
    """Read what a comparison needs; workloads are objects, files, or names of shipped ones.

    Raises
    ------
    DseError
        For files that do not say what they should, and when two networks have one name.
    """
    if not workloads:
        raise DseError("a comparison needs a workload")
    return Review(name, architecture, changes.read(workloads), objective, gap, factors)
