"""Several networks on one architecture: each shape mapped once, whichever networks have it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dse.errors import DseError
from dse.explore.compare.layers_log import NOT_REACHED, Record, map_all
from dse.explore.limits import DEFAULT, Limits
from dse.explore.outcomes.identity import identity, networks_text
from dse.explore.plan.workloads import UNCHANGED, WorkloadChanges
from dse.model.cost import edp_js
from dse.problem.footprint import network_figures

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture
    from dse.mapper.shared.result import Factors, Objective
    from dse.problem.layer import Layer
    from dse.problem.workload import Workload

GAP = 0.05
"""How far from its optimum each mapping may be, proven, unless said otherwise: a table over networks that differ by
factors needs no more, and it takes a fraction of the time."""

FACTORS: Factors = "perfect"
"""Which factors the mapper may take unless said otherwise. Perfect ones answer for any network in milliseconds a layer;
all factors serve bounds better that divide badly, and can take minutes for a layer."""

NO_RECORD = Record()

REVIEWED = (
    "alexnet", "vgg16", "vgg19", "googlenet", "inception_v2", "inception_v3", "resnet50", "resnet152", "xception",
)  # fmt: skip
"""The networks that are compared when none are named."""


@dataclass(frozen=True, slots=True)
class LayerMapper:
    """Maps a layer to its `energy_pj`, `cycles` and `outer_bytes`, within so many seconds: what workers run."""

    architecture: Architecture
    objective: Objective
    gap: float
    factors: Factors
    limit_s: float = inf

    def __call__(self, layer: Layer) -> dict[str, Any]:
        from dse.mapper.layer import layer_answers

        limit_s = None if self.limit_s == inf else self.limit_s
        (best,) = layer_answers(
            self.architecture, layer, self.objective, gap=self.gap, factors=self.factors, time_limit_s=limit_s
        )
        cost, gaps = best.mapped().cost, best.gaps
        bits = sum(sum(moved.values()) for moved in cost.outermost_bits.values())
        stopped = {**gaps, "limit_s": self.limit_s} if max(gaps.values()) > self.gap else {}
        figures = {"energy_pj": cost.energy_pj, "cycles": cost.cycles, "outer_bytes": bits / 8}
        return {"macs": layer.macs, "status": "ok", "reason": "", **stopped, **figures}

    def identify(self, layer: Layer) -> str:
        """Hash of everything that affects a layer's result."""
        from dse.architecture.canonical import canonical

        settings = {"objective": self.objective, "gap": self.gap, "factors": self.factors}
        return identity(canonical(self.architecture), networks_text([[(layer.shape_key(), 1)]]), settings)


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
    gap_reached : float
        How far from its best a layer may be whose search was stopped by a limit; 0 without any.
    unreached : int
        Distinct layers that were not mapped when the time was over.
    energy_gap_reached : float
        For the least latency: how far a layer's energy may be above the least of mappings that are as fast, where its
        search was stopped; 0 without any.
    """

    networks: tuple[dict[str, Any], ...]
    architecture: str | None
    objective: Objective
    gap: float
    mapped_shapes: int
    factors: Factors = FACTORS
    gap_reached: float = 0.0
    unreached: int = 0
    energy_gap_reached: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        how = {"objective": self.objective, "gap": self.gap, "factors": self.factors}
        stopped = {"gap_reached": self.gap_reached} if self.gap_reached else {}
        stopped |= {"energy_gap_reached": self.energy_gap_reached} if self.energy_gap_reached else {}
        unreached = {"unreached_shapes": self.unreached} if self.unreached else {}
        mapped = {**how, "mapped_shapes": self.mapped_shapes, **stopped, **unreached} if self.architecture else {}
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
    objective: Objective = "edp"
    gap: float = GAP
    factors: Factors = FACTORS


def compare_networks(
    review: Review, *, jobs: int | None = None, progress: Callable[[int, int], None] | None = None,
    record: Record = NO_RECORD, limits: Limits = DEFAULT,
) -> Comparison:  # fmt: skip
    """Put networks side by side.

    Parameters
    ----------
    review : Review
    jobs : int, optional
        Worker processes; 0 maps in this process, None takes one for each processor.
    progress : callable, optional
        Told (shapes mapped, shapes) after each.
    record : Record
        Where mapped layers are kept, if anywhere.
    limits : Limits
        Of the whole, and of each network: its layers have equal parts of that time. A network with a layer that was not
        reached says so in `not_mapped`.

    Raises
    ------
    DseError
        When two networks have one name.

    Examples
    --------
    >>> both = compare_networks(make_review("two", None, ["alexnet", "vgg16"]))
    >>> [row["macs"] for row in both.networks]
    [724406816, 15470264320]
    """
    names = [workload.name for workload in review.workloads]
    if len(set(names)) < len(names):
        raise DseError(f"workload {max(names, key=names.count)} is given twice")
    mapper, shapes = _mapper_of(review, limits), _shapes_of(review)
    if mapper is None:
        return comparison_of(review, {})
    failed = lambda layer, failure: {"macs": layer.macs, "status": failure.status, "reason": failure.reason}  # noqa: E731
    known = map_all(
        mapper, {mapper.identify(layer): layer for layer in shapes.values()}, failed, jobs=jobs, record=record,
        limits=limits, progress=progress,
    )  # fmt: skip
    return comparison_of(review, known)


def comparison_of(review: Review, known: Mapping[str, Mapping[str, Any]]) -> Comparison:
    """The networks side by side, as far as their layers are known by identity."""
    rows = [network_figures(workload) for workload in review.workloads]
    architecture, mapper = review.architecture, _mapper_of(review, DEFAULT)
    if architecture is None or mapper is None:
        return Comparison(tuple(rows), None, review.objective, review.gap, 0, review.factors)
    open_ = {"macs": 0, **NOT_REACHED}
    mapped = {key: known.get(mapper.identify(layer), open_) for key, layer in _shapes_of(review).items()}
    for row, workload in zip(rows, review.workloads, strict=True):
        row |= _on_architecture(architecture, workload, mapped)
    unreached = sum(found["status"] == "open" for found in mapped.values())
    return Comparison(
        tuple(rows), architecture.name, review.objective, review.gap, len(mapped) - unreached, review.factors,
        max((found.get("gap", 0.0) for found in mapped.values()), default=0.0), unreached,
        max((found.get("energy_gap", 0.0) for found in mapped.values()), default=0.0),
    )  # fmt: skip


def _mapper_of(review: Review, limits: Limits) -> LayerMapper | None:
    if review.architecture is None:
        return None
    most = max(len(workload.distinct()) for workload in review.workloads)
    limit_s = min(limits.design_s / most, limits.time_s)  # whichever networks share a layer, none takes longer
    return LayerMapper(review.architecture, review.objective, review.gap, review.factors, limit_s)


def _shapes_of(review: Review) -> dict[Any, Layer]:
    """Every distinct layer by its shape, the largest first: no worker starts a long one when the others are done."""
    shapes: dict[Any, Layer] = {}
    for workload in review.workloads:
        for layer, _ in workload.distinct():
            shapes.setdefault(layer.shape_key(), layer)
    return dict(sorted(shapes.items(), key=lambda item: item[1].macs, reverse=True))


def _on_architecture(
    architecture: Architecture, workload: Workload, mapped: Mapping[Any, Mapping[str, Any]]
) -> dict[str, Any]:
    from dse.model.moves import moved_by
    from dse.problem.moves import moves_of

    parts = [(mapped[layer.shape_key()], names) for layer, names in workload.distinct()]
    wrong = [f"{names[0]}: {found['reason']}" for found, names in parts if found["status"] != "ok"]
    sums = dict.fromkeys(("energy_pj", "cycles", "outer_bytes"), 0.0)
    for one, names in moved_by(architecture, moves_of(workload)):
        row = {"energy_pj": one.energy_pj, "cycles": one.cycles, "outer_bytes": (one.read_bits + one.written_bits) / 8}
        sums = {key: value + row[key] * len(names) for key, value in sums.items()}
    for found, names in parts:
        if found["status"] == "ok":
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
    objective: Objective = "edp",
    gap: float = GAP,
    factors: Factors = FACTORS,
) -> Review:
    """Read what a comparison needs; workloads are objects, files, or names of shipped ones.

    Raises
    ------
    DseError
        For files that do not say what they should, and when two networks have one name.

    Examples
    --------
    >>> make_review("two", None, ["alexnet", "vgg16"]).gap
    0.05
    """
    if not workloads:
        raise DseError("a comparison needs a workload")
    return Review(name, architecture, changes.read(workloads), objective, gap, factors)
