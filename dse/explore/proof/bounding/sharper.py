"""Bounds of a design that searches prove: closer than those of their roots, and as dear as mapping it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dse.errors import InfeasibleError
from dse.explore.designs.design import BatchEvaluator, Network, NetworkEvaluator
from dse.explore.proof.bounding.bounds import DesignBound, bound_together
from dse.explore.proof.bounding.common import area_of, mapped_by

if TYPE_CHECKING:
    from dse.mapper.shared.reference import Reference

WITHIN = 0.02
"""How far from its best the least energy or latency of a layer may be where a bound is wanted: few searches of the deep
search take much longer than their roots for that."""

SEARCH_S = 0.5
"""CPU seconds that such a search has; the bound is then what it has proven."""


@dataclass(frozen=True, slots=True)
class Sharper:
    """Bounds a design by searches for the least energy and for the least latency of each layer.

    Parameters
    ----------
    resolve : callable
        Settings to a design.
    evaluator : NetworkEvaluator or BatchEvaluator
        Says which networks a design is evaluated for, and how these count together.

    Notes
    -----
    A search that found a mapping of cost c and proves it within a gap g proves that each costs at least c / (1 + g).
    """

    resolve: Callable[[Mapping[str, Any]], Any]
    evaluator: NetworkEvaluator | BatchEvaluator

    def __call__(self, settings: Mapping[str, Any]) -> DesignBound | None:
        """Bounds on energy and on latency, none on their sum; None where layers are not mapped by themselves."""
        design = self.resolve(settings)
        (architecture,), how, images = mapped_by([design], self.evaluator)
        if any(network.resident is not None for network in how.networks):
            return None
        try:
            parts = [_least(architecture, network, how.reference) for network in how.networks]
        except InfeasibleError:
            return None
        return bound_together(how, parts, images, area_of(design))


def _least(architecture: Any, network: Network, reference: Reference | None) -> tuple[float, float, float]:
    """Energy in pJ and latency in seconds that a network takes at least."""
    from dse.mapper import points_within
    from dse.mapper.shared.stopping import Busy

    least = list(network.moved(architecture))
    for layer, count in network.layers:
        for at, objective in enumerate(("energy", "latency")):
            (point,), gap = points_within(
                architecture, layer, objective, gap=WITHIN, time_limit_s=Busy(SEARCH_S), reference=reference
            )
            least[at] += count * point[at] / (1 + gap)
    return least[0], least[1] / architecture.clock_hz, 0.0
