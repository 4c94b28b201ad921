"""What of a design decides its bounds, by its settings: prices, and which mappings there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dse.explore.designs.design import BatchEvaluator, NetworkEvaluator
from dse.explore.proof.bounding.common import mapped_by


@dataclass(frozen=True, slots=True)
class BoxPrices:
    """The prices with which the bounds of some networks rise, of a design by its settings; areas too."""

    resolve: Callable[[Mapping[str, Any]], Any]
    evaluator: NetworkEvaluator | BatchEvaluator

    def __call__(self, settings: Mapping[str, Any]) -> Any:
        from dse.mapper import bound_prices

        (architecture,), how, _ = mapped_by([self.resolve(settings)], self.evaluator)
        rows = [bound_prices(architecture, layer) for network in how.networks for layer, _ in network.layers]
        return np.concatenate([*rows, [architecture.area_mm2, -architecture.clock_hz]])


@dataclass(frozen=True, slots=True)
class Layouts:
    """What decides which mappings the layers of some networks have, of a design by its settings; not what they cost."""

    resolve: Callable[[Mapping[str, Any]], Any]
    evaluator: NetworkEvaluator | BatchEvaluator

    def __call__(self, settings: Mapping[str, Any]) -> Any:
        from dse.mapper import layout

        (architecture,), how, images = mapped_by([self.resolve(settings)], self.evaluator)
        parts = [layout(architecture, layer) for network in how.networks for layer, _ in network.layers]
        return None if None in parts else (images, *parts)
