"""The best mapping of a layer or a network, with proof.

`layer` and `network` are the doors; the flat and the deep search behind them rest on `shared`.
"""

from dse.mapper.alike import layout, points_alike
from dse.mapper.layer import (
    bound_prices,
    bounds_boxes,
    layer_front,
    layer_points,
    lower_bound,
    lower_bounds,
    map_layer,
    points_below,
    points_within,
)
from dse.mapper.network.front_sum import FrontSum, sum_fronts
from dse.mapper.network.mapped import MappedWorkload, NetworkFront
from dse.mapper.network.residency.bound import all_at_home
from dse.mapper.network.residency.result import Residency, ResidencyCertificate
from dse.mapper.network.workload import map_workload
from dse.mapper.shared.result import Certificate, LayerFront, LowerBound, Mapped, NetworkCertificate
from dse.mapper.warm import compile_kernels

__all__ = [
    "Certificate",
    "FrontSum",
    "LayerFront",
    "LowerBound",
    "Mapped",
    "MappedWorkload",
    "NetworkCertificate",
    "NetworkFront",
    "Residency",
    "ResidencyCertificate",
    "all_at_home",
    "bound_prices",
    "bounds_boxes",
    "compile_kernels",
    "layer_front",
    "layer_points",
    "layout",
    "lower_bound",
    "lower_bounds",
    "map_layer",
    "map_workload",
    "points_alike",
    "points_below",
    "points_within",
    "sum_fronts",
]
