"""The best mapping of a layer or a network, with proof."""

from dse.mapper.front_sum import FrontSum, sum_fronts
from dse.mapper.mapper import layer_front, layer_points, map_layer
from dse.mapper.network import MappedWorkload, NetworkFront, map_workload
from dse.mapper.result import Certificate, Mapped, NetworkCertificate
from dse.mapper.warm import compile_kernels

__all__ = [
    "Certificate",
    "FrontSum",
    "Mapped",
    "MappedWorkload",
    "NetworkCertificate",
    "NetworkFront",
    "compile_kernels",
    "layer_front",
    "layer_points",
    "map_layer",
    "map_workload",
    "sum_fronts",
]
