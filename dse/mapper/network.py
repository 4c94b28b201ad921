"""A whole network on one accelerator: layers mapped once per shape, totals, and the exact energy-latency front."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dse.architecture.architecture import Architecture
from dse.mapper.mapper import layer_front, map_layer
from dse.mapper.result import Mapped
from dse.model.cost import evaluate
from dse.model.mapping import Mapping as LoopNest
from dse.problem.workload import Workload


@dataclass(frozen=True, slots=True)
class MappedWorkload:
    """A network with the best mapping of every layer.

    Parameters
    ----------
    architecture : Architecture
    workload : Workload
    objective : str
    layers : tuple of (Mapped, tuple of str)
        One entry per distinct shape, with the names of the layers that have it.
    gap : float
    factors : str
    """

    architecture: Architecture
    workload: Workload
    objective: str
    layers: tuple[tuple[Mapped, tuple[str, ...]], ...]
    gap: float = 0.0
    factors: str = "all"

    @property
    def energy_pj(self) -> float:
        return sum(mapped.cost.energy_pj * len(names) for mapped, names in self.layers)

    @property
    def cycles(self) -> float:
        """Layers run one after the other."""
        return sum(mapped.cost.cycles * len(names) for mapped, names in self.layers)

    @property
    def latency_s(self) -> float:
        return self.cycles / self.architecture.clock_hz

    @property
    def edp_js(self) -> float:
        """Energy of the network times its latency, in joule seconds."""
        return self.energy_pj * 1e-12 * self.latency_s

    @property
    def area_mm2(self) -> float:
        return self.architecture.area_mm2

    @property
    def macs(self) -> int:
        return sum(mapped.layer.macs * len(names) for mapped, names in self.layers)

    def front(self) -> tuple[tuple[float, float], ...]:
        """The exact energy-latency front of the network, as (energy_pj, latency_s), latency rising.

        Notes
        -----
        The Minkowski sum of the layers' fronts, pruned to its lower left edge after every addition. A layer whose
        mapping was given has that one only.
        """
        points: list[tuple[float, float]] = [(0.0, 0.0)]
        for mapped, names in self.layers:
            options: tuple[Mapped, ...] = (mapped,)
            if mapped.certificate is not None:
                options = layer_front(self.architecture, mapped.layer, gap=self.gap, factors=self.factors)
            costs = [(option.cost.energy_pj, option.cost.cycles) for option in options]
            for _ in names:
                points = add_fronts(points, costs)
        return tuple((energy, cycles / self.architecture.clock_hz) for energy, cycles in points)

    def to_dict(self) -> dict[str, Any]:
        """Totals over the whole network with repeated layers counted, and one entry per distinct layer."""
        return {
            "arch": self.architecture.name,
            "workload": self.workload.name,
            "objective": self.objective,
            "energy_pj": self.energy_pj,
            "cycles": self.cycles,
            "latency_s": self.latency_s,
            "edp_js": self.edp_js,
            "area_mm2": self.area_mm2,
            "macs": self.macs,
            "layers": [
                {"name": names[0], "names": list(names), "count": len(names), **_without_name(mapped)}
                for mapped, names in self.layers
            ],
        }


def map_workload(
    architecture: Architecture,
    workload: Workload,
    objective: str = "edp",
    *,
    gap: float = 0.0,
    factors: str = "all",
    given: Mapping[str, LoopNest] | None = None,
    counting: str = "house",
    progress: Callable[[int, int, str], None] | None = None,
) -> MappedWorkload:
    """Map every distinct layer of a network.

    Parameters
    ----------
    architecture : Architecture
    workload : Workload
    objective : {"energy", "latency", "edp"}
        Of each layer by itself.
    gap : float
        Proven distance from the best at which a layer's search may stop.
    factors : {"all", "perfect"}
    given : mapping, optional
        Layer's name to the mapping to evaluate it with; the other layers get their best.
    counting : {"house", "timeloop"}
        Of the given mappings; the mapper counts by the house rules.
    progress : callable, optional
        Told (layers done, layers, name of the next) before each layer.

    Raises
    ------
    InfeasibleError
        When some layer cannot be mapped.
    """
    distinct = [
        (workload.layer(names[0]), nest, names)
        for _, equal in workload.distinct()
        for nest, names in _by_mapping(equal, given or {})
    ]
    mapped = []
    for done, (layer, nest, names) in enumerate(distinct):
        if progress is not None:
            progress(done, len(distinct), layer.name)
        if nest is None:
            one = map_layer(architecture, layer, objective, gap=gap, factors=factors)
        else:
            cost = evaluate(architecture, layer, nest, counting=counting)
            one = Mapped(architecture.lowered(layer), nest, cost, None)
        mapped.append((one, names))
    return MappedWorkload(architecture, workload, objective, tuple(mapped), gap, factors)


def add_fronts(first: list[tuple[float, float]], second: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The front of all sums of a point of each: (energy, latency), latency rising, energy falling.

    Notes
    -----
    Exact: a sum whose part is dominated is dominated by the sum with what dominates it.
    """
    sums = sorted((b + d, a + c) for a, b in first for c, d in second)
    front: list[tuple[float, float]] = []
    for latency, energy in sums:
        if not front or energy < front[-1][0]:
            front.append((energy, latency))
    return front


def _by_mapping(
    names: tuple[str, ...], given: Mapping[str, LoopNest]
) -> Iterator[tuple[LoopNest | None, tuple[str, ...]]]:
    """Names of equal layers, apart where they have different mappings."""
    nests = list(dict.fromkeys(given.get(name) for name in names))
    for nest in nests:
        yield nest, tuple(name for name in names if given.get(name) == nest)


def _without_name(mapped: Mapped) -> dict[str, Any]:
    plain = mapped.to_dict()
    del plain["name"]
    return plain
