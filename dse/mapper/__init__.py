"""The best mapping of a layer or a network, with proof."""

from dse.mapper.compiled import compile_kernels
from dse.mapper.mapper import layer_front, layer_points, map_layer
from dse.mapper.network import MappedWorkload, add_fronts, map_workload
from dse.mapper.result import Certificate, Mapped

__all__ = [
    "Certificate",
    "Mapped",
    "MappedWorkload",
    "add_fronts",
    "compile_kernels",
    "layer_front",
    "layer_points",
    "map_layer",
    "map_workload",
]
