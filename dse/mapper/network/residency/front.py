"""The front of energy and latency of a network with tensors at home on chip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf, sqrt

from dse.architecture.architecture import Architecture
from dse.errors import InfeasibleError
from dse.mapper.network.residency.choice import Weights, setting_of
from dse.mapper.network.residency.outcome.result import sums
from dse.mapper.network.residency.search import best_choice
from dse.mapper.network.residency.solve import NetworkGoal, columns_of
from dse.problem.workload import Workload

FINEST = 1e-5
"""Relative step between two limits of latency at least: the solver keeps rows to 1e-6."""


def front_on_chip(
    architecture: Architecture, workload: Workload, goal: NetworkGoal,
    progress: Callable[[int, int, str], None] | None = None,
) -> tuple[tuple[tuple[float, float], ...], float]:  # fmt: skip
    """Energies (pJ) and cycles of runs, cycles rising, and a gap: every run has one that is within it in both.

    Parameters
    ----------
    architecture : Architecture
        Tensors stay in its levels that may keep them.
    workload : Workload
        In this order.
    goal : NetworkGoal
        Its gap, `factors` and time limit.

    Returns
    -------
    points : tuple of (float, float)
    gap : float
        That of the goal, and more where the time was over before.

    Notes
    -----
    Least energy within a limit of latency, for limits that fall: first none, then each time the last run's cycles T
    over 1 + s, where (1 + s)^2 = 1 + gap. A run of energy E and cycles between two neighbouring limits is a solution
    for the larger one, so the programme's bound is no more than E, and the run found costs at most 1 + s times that,
    with cycles at most (1 + s)^2 times those of the smaller limit. With no gap s is 1e-5 for the limits and 0 for the
    searches.

    After the time limit the last bound B of energy holds for all runs within the limits that are left, and no run has
    fewer cycles than each layer has at least. So the last run found, with E and T, has at most E / B times the energy
    of each of these, and at most T over those cycles times its latency.

    Examples
    --------
    >>> import dse
    >>> from dse.problem.workload import Node
    >>> layer = dse.Layer("first", C=8, K=8, P=6, Q=6)
    >>> nodes = [Node("x", "input", (8, 6, 6)), Node("first", "conv", (8, 6, 6), ("x",), layer=layer)]
    >>> nodes.append(Node("second", "conv", (8, 6, 6), ("first",), layer=layer.with_(name="second")))
    >>> network, eyeriss = dse.Workload("two", tuple(nodes)), dse.load_architecture("eyeriss")
    >>> front, gap = front_on_chip(eyeriss, network, NetworkGoal("energy"))
    >>> best = dse.map_workload(eyeriss, network, "energy", scope="network", resident=True)
    >>> abs(front[-1][0] / best.energy_pj - 1) < 1e-12, gap
    (True, 0.0)
    """
    setting, step = setting_of(architecture, workload), sqrt(1 + goal.gap) - 1
    columns = columns_of(setting, "front", goal, step, progress)
    weights, points, gap = Weights(1.0, 0.0), list[tuple[float, float]](), goal.gap
    while True:
        try:
            found = best_choice(setting, columns, weights)
        except InfeasibleError:
            if weights.max_cycles == inf:
                raise
            break
        energy, cycles = sums(setting, found.choice)
        points.append((energy, cycles))
        if columns.shares.deadline.is_set:
            gap = max(gap, energy / found.bound - 1)
        if columns.shares.deadline.is_over:
            fewest = best_choice(setting, columns, Weights(0.0, 1.0)).bound
            gap = max(gap, cycles / fewest - 1)
            break
        weights = replace(weights, max_cycles=min(weights.max_cycles, cycles) / (1 + max(step, FINEST)))
    kept: list[tuple[float, float]] = []
    for energy, cycles in sorted(points, key=lambda point: (point[1], point[0])):
        if not kept or energy < kept[-1][0]:
            kept.append((energy, cycles))
    return tuple(kept), gap
