"""Dataflow design-space explorer for neural-network accelerators.

>>> import dse
>>> layer = dse.Layer("conv", K=64, C=3, P=224, Q=224, R=3, S=3)
>>> layer.macs
86704128

The names below are the public interface; each is loaded when it is first used, so that `import dse` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture as Architecture
    from dse.errors import DseError as DseError
    from dse.errors import InfeasibleError as InfeasibleError
    from dse.errors import MappingError as MappingError
    from dse.errors import SpecError as SpecError
    from dse.explore.results.result import SweepResult as SweepResult
    from dse.explore.sweep import sweep as sweep
    from dse.formats.architecture.load import load_architecture as load_architecture
    from dse.formats.named import evaluate as evaluate
    from dse.formats.named import layer_front as layer_front
    from dse.formats.named import map_layer as map_layer
    from dse.formats.named import map_workload as map_workload
    from dse.formats.torch.model import from_torch as from_torch
    from dse.formats.workload.load import load_workload as load_workload
    from dse.mapper import Certificate as Certificate
    from dse.mapper import LayerFront as LayerFront
    from dse.mapper import Mapped as Mapped
    from dse.mapper import MappedWorkload as MappedWorkload
    from dse.mapper import NetworkCertificate as NetworkCertificate
    from dse.mapper import NetworkFront as NetworkFront
    from dse.model.accesses import Accesses as Accesses
    from dse.model.cost import Cost as Cost
    from dse.model.mapping import Mapping as Mapping
    from dse.problem.dims import PerOperand as PerOperand
    from dse.problem.layer import Layer as Layer
    from dse.problem.workload import Workload as Workload
    from dse.report.pictures import plot as plot

_HOMES = {
    "Accesses": "dse.model.accesses",
    "Architecture": "dse.architecture.architecture",
    "Certificate": "dse.mapper",
    "Cost": "dse.model.cost",
    "DseError": "dse.errors",
    "InfeasibleError": "dse.errors",
    "Layer": "dse.problem.layer",
    "LayerFront": "dse.mapper",
    "Mapped": "dse.mapper",
    "MappedWorkload": "dse.mapper",
    "Mapping": "dse.model.mapping",
    "MappingError": "dse.errors",
    "NetworkCertificate": "dse.mapper",
    "NetworkFront": "dse.mapper",
    "PerOperand": "dse.problem.dims",
    "SpecError": "dse.errors",
    "SweepResult": "dse.explore.results.result",
    "Workload": "dse.problem.workload",
    "evaluate": "dse.formats.named",
    "from_torch": "dse.formats.torch.model",
    "layer_front": "dse.formats.named",
    "load_architecture": "dse.formats.architecture.load",
    "load_workload": "dse.formats.workload.load",
    "map_layer": "dse.formats.named",
    "map_workload": "dse.formats.named",
    "plot": "dse.report.pictures",
    "sweep": "dse.explore.sweep",
}

__all__ = sorted(_HOMES)
__version__ = "0.1.0"


if not TYPE_CHECKING:  # type checkers would take any name for one that this function finds

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'dse' has no attribute {name!r}")
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
