"""Compiles the kernels ahead of their first use, by tiny problems."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from dse.architecture.architecture import Architecture, Mac
from dse.architecture.hierarchy import Direction, FanOut, Level, Port
from dse.mapper.alike import lower_bounds_alike, points_alike
from dse.mapper.deep.solve import run_whole
from dse.mapper.flat.outer.holders import holders_of
from dse.mapper.flat.outer.table import with_room, work_out
from dse.mapper.flat.outer.walk import new_outer_tile
from dse.mapper.flat.problems import prepare
from dse.mapper.flat.run import new_run
from dse.mapper.layer import has_flat_shape, lower_bound, solve
from dse.mapper.shared.compilation.twins import COMPILING, compiled, marker
from dse.mapper.shared.incumbent import ENERGY
from dse.problem.dims import OPERANDS, PerOperand
from dse.problem.layer import Layer

SEARCHES = ("deep", "flat")


def compile_kernels(report: Callable[[str], None] | None = None, architectures: Iterable[Architecture] = ()) -> None:
    """Compile the mapper's kernels unless they are cached; call it before worker processes start.

    Parameters
    ----------
    report : callable, optional
        Told, in one message, when there is something to compile.
    architectures : iterable of Architecture
        What will be mapped on, those of the shape of Eyeriss when none is given: other shapes have a search of
        their own.
    """
    wanted = searches(architectures)
    if report is not None and not all(marker(name).exists() for name in wanted):
        report(COMPILING)
    for name in wanted:
        warm_up(name)
        marker(name).touch()


def searches(architectures: Iterable[Architecture]) -> list[str]:
    """Which searches some architectures need, `flat` when there are none.

    Examples
    --------
    >>> import dse
    >>> searches([dse.load_architecture("eyeriss"), dse.load_architecture("edge_npu")])
    ['deep', 'flat']
    """
    return sorted({"flat" if has_flat_shape(one) else "deep" for one in architectures} or {"flat"})


def warm_up(search: str) -> None:
    """Map a layer of a few MACs, so that all kernels of a search are compiled or loaded."""
    cheap, dear = (_tiny(search, memory_pj) for memory_pj in (1.0, 2.0))
    layer = Layer("warm-up", K=2, P=2, R=2)  # a window, so that words that slide are counted
    solve(cheap, layer, "energy", 0.0, "all").size()  # as a certificate asks
    lower_bound(cheap, layer)
    if search == "deep":
        run_whole(cheap, layer)
    if search == "flat":
        points_alike(cheap, layer, [dear])
        lower_bounds_alike([cheap, dear], layer, ((2, 2),), (0.0, 0.0))
        problem = prepare(cheap, layer, ENERGY, "all")[1][0]  # what only a long search needs
        table = with_room(problem.table, problem.instance.bounds)
        compiled(work_out)(problem.instance, table, new_outer_tile())
        run, none = new_run(ENERGY, 0.0, False), np.ones((1, 2))
        holders_of(problem.instance, run, problem.options, problem.tiles, table, none)


def _tiny(search: str, memory_pj: float) -> Architecture:
    """An accelerator that one of the searches serves, with a rate: without one, outer points have no time."""
    every = frozenset(OPERANDS)
    ways: tuple[Direction, ...] = ("read", "write")
    rate = Port("memory", frozenset((operand, way) for operand in OPERANDS for way in ways), 1.0)
    memory = Level("memory", every, read_energy_pj=PerOperand(*[memory_pj] * len(OPERANDS)), ports=(rate,))
    inside = (FanOut("lanes", 2, 2),) if search == "deep" else ()
    nodes = (memory, Level("buffer", every), FanOut("array", 2, 2), Level("PE", every), *inside)
    return Architecture("warm-up", nodes, Mac(1.0), 1e9)
