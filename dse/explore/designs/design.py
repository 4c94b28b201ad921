"""Evaluate one design: map every distinct layer on it, add up, and hold the sum against the constraints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf
from time import process_time
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dse.architecture.figures import design_figures
from dse.explore.designs.clock import Clock, Points
from dse.explore.designs.nearness import proven_gap
from dse.explore.designs.resident import keeps_tensors, wiring_of
from dse.explore.designs.together import SUM, Combination
from dse.explore.outcomes.evaluation import Outcome
from dse.explore.outcomes.front import thinned
from dse.formats.architecture.space.readable import complaint
from dse.model.cost import edp_js

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture
    from dse.formats.architecture.space.constraints import Constraint
    from dse.mapper.shared.reference import Reference
    from dse.problem.layer import Layer
    from dse.problem.moves import Move
    from dse.problem.workload import Workload

NEED_NO_MAPPING = ("area_mm2", "peak_power_mw", "pes", "aspect_ratio", "storage_kib")
"""Limits that a design keeps or breaks whatever is mapped on it."""

NOBODY: Mapping[str, str] = {}
"""No network that a metric is of."""

ROUNDING = 1e-12
"""A gap that is no more than this is that of sums in another order."""

FRONT_POINTS = 64
"""Points of a design's front that are recorded; the ends and the best EDP are always among them."""


@dataclass(frozen=True, slots=True)
class Network:
    """What a sweep needs of a workload: its distinct layers, how often each occurs, and its nodes without MACs."""

    name: str
    layers: tuple[tuple[Layer, int], ...]
    moves: tuple[Move, ...] = ()
    resident: Workload | None = None  # the whole, where tensors may stay on chip: then its wiring counts, too

    @classmethod
    def of(cls, workload: Workload, *, resident: bool = False) -> Network:
        from dse.problem.moves import moves_of

        layers = tuple((layer, len(names)) for layer, names in workload.distinct())
        return cls(workload.name, layers, moves_of(workload), workload if resident else None)

    def key(self) -> list[tuple[Any, int]]:
        """What `dse.explore.outcomes.identity` hashes."""
        layers = [(layer.shape_key(), count) for layer, count in self.layers]
        wiring = [] if self.resident is None else [(wiring_of(self.resident), 1)]
        return layers + list(Counter(move.key() for move in self.moves).items()) + wiring

    def moved(self, architecture: Architecture) -> tuple[float, float]:
        """Energy (pJ) and cycles of the nodes without MACs that an architecture does not take along."""
        from dse.model.moves import moved_by

        moves = moved_by(architecture, self.moves)
        return (
            sum(one.energy_pj * len(names) for one, names in moves),
            sum(one.cycles * len(names) for one, names in moves),
        )


@dataclass(frozen=True, slots=True)
class NetworkEvaluator:
    """Evaluates an architecture for one network, or for several that run one after another.

    Parameters
    ----------
    networks : tuple of Network
    objective : {"energy", "latency", "edp"}
        What each layer is mapped for.
    gap : float
        How far from its optimum a mapping may be, proven.
    front : bool
        Find the exact energy-latency front of the design instead of one point.
    constraints : tuple of Constraint
        What needs no mapping is checked before anything is mapped. For several networks, energy, latency and power are
        each network's own, and the largest counts.
    combination : Combination
        How energies and latencies of several networks become one.
    limit_s : float
        Seconds by the clock after which what is found is the outcome; or of CPU time, with seconds by the clock
        beside them (`dse.mapper.shared.stopping.Busy`).
    layers : {"front", "repriced"}
        Of a whole front: of each layer its own, or the points that `dse.explore.designs.clock.learn` was told of it.
    reference : Reference, optional
        The design as it is specified: where the deep search maps within a gap, it begins at what is best there.
    """

    networks: tuple[Network, ...]
    objective: str = "edp"
    gap: float = 0.0
    front: bool = False
    constraints: tuple[Constraint, ...] = ()
    combination: Combination = SUM
    limit_s: float = inf
    layers: Literal["front", "repriced"] = "front"
    reference: Reference | None = None

    def within(self, limit_s: float) -> NetworkEvaluator:
        """The same with no more than so many seconds for a design."""
        from dse.mapper.shared.stopping import LEAST_S, at_most

        return replace(self, limit_s=at_most(self.limit_s, max(LEAST_S, limit_s)))

    @property
    def beside(self) -> str:
        """Which reference decides what is found, by its digest: none without a gap, or of whole fronts."""
        return self.reference.digest if self.reference is not None and self.gap > 0 and not self.front else ""

    def rule_out(self, architecture: Architecture) -> Outcome | None:
        """The outcome of a design that breaks a constraint whatever is mapped on it; None for any other."""
        limited = {constraint.metric for constraint in self.constraints}.intersection(NEED_NO_MAPPING)
        if not limited:
            return None
        reason, violation = self._judge(design_figures(architecture, limited))
        area = {"area_mm2": architecture.area_mm2}
        return Outcome("infeasible", reason, area, violation=violation) if violation else None

    def __call__(self, architecture: Architecture) -> Outcome:
        if (ruled_out := self.rule_out(architecture)) is not None:
            return ruled_out
        start = process_time()
        clock = Clock.of(self.limit_s, sum(len(network.layers) for network in self.networks), self.reference)
        runs = self._whole_front(architecture, clock) if self.front else self._single_runs(architecture, clock)
        together, excess = self.combination.of_all(runs), self._excess(runs)
        kept = np.flatnonzero(excess == 0)
        if len(kept):
            energy, latency = together[kept].T
            value = {"energy": energy, "latency": latency}.get(self.objective, energy * latency)
            best = int(kept[np.lexsort((latency, value))[0]])
        else:
            best = int(np.argmin(excess))
        run = Run(tuple((energy, latency) for energy, latency in runs[best].tolist()), self.combination)
        reason, violation = self._judge(run.worst(), self._worst_of(run))
        front, thin_gap = thinned([(energy, latency) for energy, latency in together[kept].tolist()], FRONT_POINTS)
        return Outcome(
            status="ok" if len(kept) else "infeasible",
            reason=reason,
            objectives={**run.objectives(), "area_mm2": architecture.area_mm2},
            front=front,
            thinned=thin_gap if self.front else 0.0,
            violation=violation,
            workloads={network.name: part for network, part in zip(self.networks, run.parts(), strict=True)},
            cpu_s=process_time() - start,
            limit_s=self._ended_by() if max(clock.gap, clock.energy_gap) > self.gap and self.limit_s < inf else 0.0,
            gap=self._stated(self._gap(architecture, clock, run) if len(kept) else clock.gap),
            energy_gap=clock.energy_gap if clock.energy_gap > self.gap else 0.0,
            nests=clock.nests if len(runs) == 1 and not self.front else {},
        )

    def _single_runs(self, architecture: Architecture, clock: Clock) -> Any:
        """(runs, networks, 2): energy and latency with every layer mapped for the objective, or for what is limited."""
        runs = [self._run(architecture, self.objective, clock)]
        # a design that breaks a limit when mapped for its objective may keep it when mapped for what is limited
        for metric, other in (("latency_s", "latency"), ("energy_pj", "energy"), ("power_mw", "energy")):
            limited = any(constraint.metric == metric for constraint in self.constraints)
            if limited and other != self.objective and self._judge(runs[0].worst())[1]:
                runs.append(self._run(architecture, other, clock))
        return np.array([run.points for run in runs])

    def _whole_front(self, architecture: Architecture, clock: Clock) -> Any:
        """(runs, networks, 2): every network's front cut to what its constraints allow, and the front over all."""
        from dse.mapper import sum_fronts

        fronts: list[Any] = []
        for network in self.networks:
            if (whole := _whole(network, architecture)) is not None:
                goals = ("edp", "energy", "latency")
                points = np.array(clock.resident(architecture, whole, goals, self.gap, self.constraints))
            else:
                layers: list[Points] = [(network.moved(architecture),)]
                for layer, count in network.layers:
                    layers += [clock.points(architecture, layer, self.layers, self.gap)] * count
                points = sum_fronts(layers).points / (1.0, architecture.clock_hz)
            allowed = points[self._excess(points[:, None]) == 0]
            # where nothing is allowed, everything stays, so that the complaint can be the smallest one
            fronts.append(allowed if len(allowed) else points)
        return self.combination.picks(fronts)

    def _excess(self, runs: Any) -> Any:
        """(runs,): by what parts of the limits the largest of each metric over the networks breaks them, added up."""
        energy, latency = runs[:, :, 0], runs[:, :, 1]
        total = np.zeros(len(runs))
        if not self.constraints:
            return total
        largest = {name: values.max(axis=1) for name, values in metrics(energy, latency).items()}
        for constraint in self.constraints:
            if constraint.metric in largest:
                total += excess_of_all(constraint, largest[constraint.metric])
        return total

    def _run(self, architecture: Architecture, objective: str, clock: Clock) -> Run:
        parts = []
        for network in self.networks:
            if (whole := _whole(network, architecture)) is not None:
                parts += clock.resident(architecture, whole, (objective,), self.gap, self.constraints)
                continue
            energy, cycles = network.moved(architecture)
            for layer, count in network.layers:
                ((layer_energy, layer_cycles),) = clock.points(architecture, layer, objective, self.gap)
                energy += count * layer_energy
                cycles += count * layer_cycles
            parts.append((energy, cycles / architecture.clock_hz))
        return Run(tuple(parts), self.combination)

    def _ended_by(self) -> float:
        """The limit that counts: that by the clock where it is no more than that of CPU time."""
        clock_s: float = getattr(self.limit_s, "clock_s", inf)
        return clock_s if clock_s <= self.limit_s else self.limit_s

    def _stated(self, gap: float) -> float:
        """The gap of an outcome; 0 where it is that within which designs are mapped."""
        return gap if gap > self.gap or self.front else 0.0

    def _gap(self, architecture: Architecture, clock: Clock, run: Run) -> float:
        """How far the design may be from its best: of a front, that of its layers' fronts."""
        if self.front:
            return clock.gap
        gap = proven_gap(self.networks, architecture, clock, run, self.objective)
        return gap if gap > max(self.gap, ROUNDING) else self.gap

    def _worst_of(self, run: Run) -> dict[str, str]:
        """Of several networks, the name of the one whose metric is the largest."""
        if len(self.networks) < 2:
            return {}
        parts = run.parts()
        largest = {key: max(range(len(parts)), key=lambda i: parts[i][key]) for key in parts[0]}
        return {key: self.networks[at].name for key, at in largest.items()}

    def _judge(self, metrics: dict[str, float], whose: Mapping[str, str] = NOBODY) -> tuple[str, float]:
        """Which constraints the metrics break and by how much, in words and as a sum of parts of the limits."""
        broken = [
            (constraint, metrics[constraint.metric], excess)
            for constraint in self.constraints
            if constraint.metric in metrics and (excess := constraint.excess(metrics[constraint.metric])) > 0
        ]
        said = "; ".join(complaint(*each, whose.get(each[0].metric, "")) for each in broken)
        return said, sum((excess for _, _, excess in broken), 0.0)


def _whole(network: Network, architecture: Architecture) -> Workload | None:
    """What is mapped as a whole, as tensors of it may stay on chip; None where layers are mapped by themselves."""
    return network.resident if keeps_tensors(architecture) else None


@dataclass(frozen=True, slots=True)
class Batched:
    """A design of a space in which the batch is a setting, too."""

    architecture: Architecture
    batch: int


def architecture_of(design: Any) -> Architecture:
    """The architecture of a design, of any batch."""
    found: Architecture = design.architecture if isinstance(design, Batched) else design
    return found


@dataclass(frozen=True, slots=True)
class BatchEvaluator:
    """Evaluates designs at their own batch sizes.

    Energies and latencies are per image, so that batches compare; limits are about the whole batch.

    Parameters
    ----------
    by_batch : mapping
        The evaluator of the networks at each batch size.
    """

    by_batch: Mapping[int, NetworkEvaluator]

    def within(self, limit_s: float) -> BatchEvaluator:
        """The same with no more than so many seconds for a design."""
        return BatchEvaluator({batch: one.within(limit_s) for batch, one in self.by_batch.items()})

    def rule_out(self, design: Batched) -> Outcome | None:
        return self.by_batch[design.batch].rule_out(design.architecture)

    def __call__(self, design: Batched) -> Outcome:
        return per_image(self.by_batch[design.batch](design.architecture), design.batch)


def per_image(outcome: Outcome, batch: int) -> Outcome:
    """An outcome of a batch with its energies and latencies divided by the images."""
    shares = {"energy_pj": 1 / batch, "latency_s": 1 / batch, "edp_js": 1 / batch**2}

    def scaled(figures: Mapping[str, float]) -> dict[str, float]:
        return {name: value * shares.get(name, 1.0) for name, value in figures.items()}

    return replace(
        outcome,
        objectives=scaled(outcome.objectives),
        front=tuple((energy / batch, latency / batch) for energy, latency in outcome.front),
        workloads={name: scaled(figures) for name, figures in outcome.workloads.items()},
    )


@dataclass(frozen=True, slots=True)
class Run:
    """Energy in pJ and latency in seconds of each network on a design, and of all of them."""

    points: Points
    combination: Combination = SUM

    @property
    def energy_pj(self) -> float:
        return self.combination.of([energy for energy, _ in self.points])

    @property
    def latency_s(self) -> float:
        return self.combination.of([latency for _, latency in self.points])

    def objectives(self) -> dict[str, float]:
        """Of all networks together; power is energy over latency."""
        return metrics(self.energy_pj, self.latency_s)

    def parts(self) -> list[dict[str, float]]:
        """Of each network by itself."""
        return [metrics(energy, latency) for energy, latency in self.points]

    def worst(self) -> dict[str, float]:
        """The largest of each metric over the networks, which constraints are about."""
        parts = self.parts()
        return {key: max(part[key] for part in parts) for key in parts[0]}


def metrics(energy_pj: Any, latency_s: Any) -> dict[str, Any]:
    """Energy, latency, their product and their quotient, in the units of the names: of numbers, or of arrays."""
    return {
        "energy_pj": energy_pj, "latency_s": latency_s,
        "edp_js": edp_js(energy_pj, latency_s), "power_mw": energy_pj * 1e-9 / latency_s,
    }  # fmt: skip


def excess_of_all(constraint: Constraint, values: Any) -> Any:
    """`Constraint.excess` of every value of an array."""
    excess = np.zeros(len(values))
    beyond = np.zeros(len(values), dtype=bool)
    if constraint.maximum is not None:
        beyond |= values > constraint.maximum
    if constraint.minimum is not None:
        beyond |= values < constraint.minimum
    excess[beyond] = [constraint.excess(value) for value in values[beyond].tolist()]
    return excess
