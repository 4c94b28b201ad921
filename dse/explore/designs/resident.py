"""Designs whose networks keep tensors on chip from layer to layer."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING, Any

from dse.errors import InfeasibleError

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture
    from dse.formats.architecture.space.constraints import Constraint
    from dse.problem.workload import Workload

ROUNDING = 1e-9
"""Relative difference of gaps that is none."""


def keeps_tensors(architecture: Architecture) -> bool:
    """Whether a level says that whole tensors may stay in it."""
    return any(level.on_chip for level in architecture.levels)


def resident_points(
    architecture: Architecture, workload: Workload | None, objectives: Sequence[str], gap: float, limit_s: float,
    constraints: tuple[Constraint, ...] = (),
) -> tuple[list[tuple[float, float]], float]:  # fmt: skip
    """A network's best runs with tensors on chip.

    Parameters
    ----------
    objectives : sequence of {"energy", "latency", "edp"}
        One run for each.
    gap : float
    limit_s : float
        Seconds for all of them; each has an equal part of what the others have left.
    constraints : tuple of Constraint
        Runs keep the largest energy and latency allowed where some run does.

    Returns
    -------
    points : list of (float, float)
        Energy in pJ and latency in s.
    gap : float
        What is proven of each objective.

    Examples
    --------
    >>> import dse
    >>> network = dse.Workload.of("tiny", [dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)])
    >>> (point,), gap = resident_points(dse.load_architecture("eyeriss"), network, ("energy",), 0.0, float("inf"))
    >>> round(point[0]), gap
    (1182120, 0.0)
    """
    from dse.mapper.network.residency.solve import NetworkGoal, keep_on_chip
    from dse.mapper.shared.stopping import Deadline

    assert workload is not None
    limits = {c.metric: c.maximum for c in constraints if c.maximum is not None}
    most = limits.get("energy_pj", inf), limits.get("latency_s", inf)
    deadline = Deadline.after(limit_s)

    def run(objective: str, left: int, max_energy_pj: float, max_latency_s: float) -> Any:
        max_cycles = max_latency_s * architecture.clock_hz
        share_s = deadline.part_s(left) if deadline.is_set else None
        goal = NetworkGoal(objective, gap, time_limit_s=share_s, max_energy_pj=max_energy_pj, max_cycles=max_cycles)
        return keep_on_chip(architecture, workload, goal)

    points, reached = [], gap
    for done, objective in enumerate(objectives):
        left = len(objectives) - done
        try:
            found = run(objective, left, *most)
        except InfeasibleError:
            if most == (inf, inf):
                raise
            found = run(objective, left, inf, inf)  # so that the complaint says by how much limits are exceeded
        proof, (energy_pj, cycles) = found.certificate, found.totals
        points.append((energy_pj, cycles / architecture.clock_hz))
        reached = max(reached, proof.gap if proof.gap > gap * (1 + ROUNDING) + ROUNDING else gap)
    return points, reached


def wiring_of(workload: Workload) -> tuple[Any, ...]:
    """What reads what in a network, in order, whatever the names."""
    place = {node.name: at for at, node in enumerate(workload.nodes)}
    return ("wiring", tuple(
        (
            node.op, node.shape, tuple(place[name] for name in node.inputs), node.weights,
            () if node.layer is None else node.layer.shape_key(),
        )
        for node in workload.nodes
    ))  # fmt: skip
