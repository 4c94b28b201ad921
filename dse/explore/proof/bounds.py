"""What no design of a box goes below: energy and latency of some networks, and area."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

from dse.errors import DseError
from dse.explore.designs.design import Network, complaint

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture
    from dse.explore.outcomes.evaluation import Outcome
    from dse.formats.architecture.space import Constraint


@dataclass(frozen=True, slots=True)
class DesignBound:
    """A lower bound on all designs of a box.

    Parameters
    ----------
    energy_pj, latency_s : float
    weighted_pj : float
        Of energy plus latency times the weight that was asked for.
    area_mm2 : float
        The least of all; of a single design, its own.
    infeasible : str
        Why no design of the box keeps its constraints or maps all layers; empty where one may.
    """

    energy_pj: float = 0.0
    latency_s: float = 0.0
    weighted_pj: float = 0.0
    area_mm2: float = 0.0
    infeasible: str = ""


@dataclass(frozen=True, slots=True)
class BoundTask:
    """A box to be bounded: the settings of its corners, or of its one design; and the weight of time, pJ/s."""

    corners: tuple[Mapping[str, Any], ...]
    weight: float


@dataclass(frozen=True, slots=True)
class BoxBounds:
    """Bounds boxes of designs for some networks that run one after another.

    Parameters
    ----------
    resolve : callable
        Settings to a design.
    networks : tuple of Network
    constraints : tuple of Constraint
    rule_out : callable
        The outcome of a design that breaks a constraint whatever is mapped on it, None for any other.
    """

    resolve: Callable[[Mapping[str, Any]], Architecture]
    networks: tuple[Network, ...]
    constraints: tuple[Constraint, ...]
    rule_out: Callable[[Architecture], Outcome | None]

    def __call__(self, task: BoundTask) -> DesignBound | None:
        """The bound of a box; None where its corners cannot be resolved."""
        try:
            corners = [self.resolve(settings) for settings in task.corners]
        except DseError as error:
            return DesignBound(infeasible=error.message) if len(task.corners) == 1 else None
        if len(corners) == 1 and (ruled_out := self.rule_out(corners[0])) is not None:
            return DesignBound(area_mm2=corners[0].area_mm2, infeasible=ruled_out.reason)
        area = min(corner.area_mm2 for corner in corners)
        if reason := self._broken({"area_mm2": area}):
            return DesignBound(area_mm2=area, infeasible=reason)
        parts = [self._bound(network, corners, task.weight) for network in self.networks]
        energy, latency, weighted = (sum(values) for values in zip(*parts, strict=True))
        reason = "some layer cannot be mapped" if inf in (energy, latency) else ""
        for one in parts:
            reason = reason or self._broken({"energy_pj": one[0], "latency_s": one[1]})
        return DesignBound(energy, latency, weighted, area, reason)

    def _bound(self, network: Network, corners: list[Architecture], weight: float) -> tuple[float, float, float]:
        """Energy in pJ, latency in seconds and their weighted sum."""
        from dse.mapper import LowerBound, lower_bound

        clock = max(corner.clock_hz for corner in corners)
        total = LowerBound(0.0, 0.0, 0.0)
        for layer, count in network.layers:
            total += lower_bound(corners[0], layer, others=corners[1:], cycle_pj=weight / clock).times(count)
        return total.energy_pj, total.cycles / clock, total.weighted_pj

    def _broken(self, least: Mapping[str, float]) -> str:
        """The first maximum that even the least possible exceeds, in words."""
        for limit in self.constraints:
            value = least.get(limit.metric)
            if value is not None and limit.maximum is not None and value > limit.maximum * (1 + 1e-12):
                return complaint(limit, value, limit.excess(value))
        return ""


@dataclass(frozen=True, slots=True)
class BoxPrices:
    """The prices with which the bounds of some networks rise, of a design by its settings."""

    resolve: Callable[[Mapping[str, Any]], Architecture]
    networks: tuple[Network, ...]

    def __call__(self, settings: Mapping[str, Any]) -> Any:
        import numpy as np

        from dse.mapper import bound_prices

        design = self.resolve(settings)
        layers = [layer for network in self.networks for layer, _ in network.layers]
        rows = [bound_prices(design, layer) for layer in layers]
        return np.concatenate([*rows, [design.area_mm2, -design.clock_hz]])
