"""The best mapping of a layer or a network, with proof.

`layer` and `network` are the doors; the flat and the deep search behind them rest on `shared`. The names below are
loaded when they are first used: a layer on a flat hierarchy needs neither the deep search nor networks.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dse.mapper.alike import layout as layout
    from dse.mapper.alike import lower_bounds_alike as lower_bounds_alike
    from dse.mapper.alike import points_alike as points_alike
    from dse.mapper.layer import bound_prices as bound_prices
    from dse.mapper.layer import has_flat_shape as has_flat_shape
    from dse.mapper.layer import layer_front as layer_front
    from dse.mapper.layer import layer_points as layer_points
    from dse.mapper.layer import lower_bound as lower_bound
    from dse.mapper.layer import lower_bounds as lower_bounds
    from dse.mapper.layer import map_layer as map_layer
    from dse.mapper.layer import points_below as points_below
    from dse.mapper.layer import points_within as points_within
    from dse.mapper.network.at_point import runs_at as runs_at
    from dse.mapper.network.front_sum import FrontSum as FrontSum
    from dse.mapper.network.front_sum import sum_fronts as sum_fronts
    from dse.mapper.network.mapped import MappedWorkload as MappedWorkload
    from dse.mapper.network.mapped import NetworkFront as NetworkFront
    from dse.mapper.network.residency.bound import all_at_home as all_at_home
    from dse.mapper.network.residency.outcome.result import Residency as Residency
    from dse.mapper.network.residency.outcome.result import ResidencyCertificate as ResidencyCertificate
    from dse.mapper.network.workload import map_workload as map_workload
    from dse.mapper.rough import rough_bound as rough_bound
    from dse.mapper.shared.result import Certificate as Certificate
    from dse.mapper.shared.result import LayerFront as LayerFront
    from dse.mapper.shared.result import LowerBound as LowerBound
    from dse.mapper.shared.result import Mapped as Mapped
    from dse.mapper.shared.result import NetworkCertificate as NetworkCertificate
    from dse.mapper.warm import compile_kernels as compile_kernels

_HOMES = {
    "Certificate": "dse.mapper.shared.result",
    "FrontSum": "dse.mapper.network.front_sum",
    "LayerFront": "dse.mapper.shared.result",
    "LowerBound": "dse.mapper.shared.result",
    "Mapped": "dse.mapper.shared.result",
    "MappedWorkload": "dse.mapper.network.mapped",
    "NetworkCertificate": "dse.mapper.shared.result",
    "NetworkFront": "dse.mapper.network.mapped",
    "Residency": "dse.mapper.network.residency.outcome.result",
    "ResidencyCertificate": "dse.mapper.network.residency.outcome.result",
    "all_at_home": "dse.mapper.network.residency.bound",
    "bound_prices": "dse.mapper.layer",
    "has_flat_shape": "dse.mapper.layer",
    "compile_kernels": "dse.mapper.warm",
    "layer_front": "dse.mapper.layer",
    "layer_points": "dse.mapper.layer",
    "layout": "dse.mapper.alike",
    "lower_bound": "dse.mapper.layer",
    "lower_bounds": "dse.mapper.layer",
    "lower_bounds_alike": "dse.mapper.alike",
    "map_layer": "dse.mapper.layer",
    "map_workload": "dse.mapper.network.workload",
    "points_alike": "dse.mapper.alike",
    "points_below": "dse.mapper.layer",
    "points_within": "dse.mapper.layer",
    "rough_bound": "dse.mapper.rough",
    "runs_at": "dse.mapper.network.at_point",
    "sum_fronts": "dse.mapper.network.front_sum",
}

__all__ = sorted(_HOMES)


if not TYPE_CHECKING:  # type checkers would take any name for one that this function finds

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'dse.mapper' has no attribute {name!r}")
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return list(__all__)
