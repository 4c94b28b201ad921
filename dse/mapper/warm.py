"""A tiny problem that makes every kernel compile."""

from __future__ import annotations

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import FanOut, Level
from dse.problem.dims import OPERANDS
from dse.problem.layer import Layer


def warm_up() -> None:
    """Map a layer of a few MACs, so that all kernels are compiled or loaded."""
    from dse.mapper.mapper import solve

    every = frozenset(OPERANDS)
    hierarchy = (Level("memory", every), Level("buffer", every), FanOut("array", 2, 2), Level("PE", every))
    architecture = Architecture("warm-up", hierarchy, Mac(1.0), 1e9)
    solve(architecture, Layer("warm-up", K=2, P=2), "energy", 0.0, "all")
