"""Four PEs with a register inside each, and two loop orders: psums visit the PEs once, or twice."""

from __future__ import annotations

import dse
from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import FanOut, Level
from dse.model.mapping import Loop, Spatial, Temporal
from dse.problem.dims import OPERANDS, PerOperand

LAYER = dse.Layer("visits", K=2, C=16, P=2)
PSUMS = LAYER.psum_words
ALL = frozenset(OPERANDS)
PES = 4


def _level(name: str, read_pj: float, write_pj: float) -> Level:
    """A level at which psums have a price; the other operands cost nothing, so that psums alone decide."""
    read, write = (PerOperand(0.0, 0.0, price) for price in (read_pj, write_pj))
    return Level(name, ALL, read_energy_pj=read, write_energy_pj=write)


ARCHITECTURE = Architecture(
    "four",
    (_level("DRAM", 4.0, 4.0), FanOut("array", PES, 1), _level("PE", 1.0, 1.0), _level("register", 1.0, 8.0)),
    Mac(0.0),
    1e6,
)


def _nest(*outermost: tuple[str, int]) -> dse.Mapping:
    """DRAM's loops as given; in a PE, c outside p, so that a register takes up each psum again and again."""
    return dse.Mapping((
        Temporal("DRAM", tuple(Loop(dim, trips) for dim, trips in outermost), ALL),
        Spatial("array", (Loop("C", PES),), ()),
        Temporal("PE", (Loop("C", 2), Loop("P", 2)), ALL),
        Temporal("register", (), ALL),
    ))  # fmt: skip


ONCE = _nest(("K", 2), ("C", 2))
TWICE = _nest(("C", 2), ("K", 2))
