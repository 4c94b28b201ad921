"""Networks as they run at one point of the front of them all: only the mappings behind it are priced in full."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

from dse.architecture.architecture import Architecture
from dse.mapper.layer import layer_answers
from dse.mapper.network.front_sum import Front, FrontSum, sum_fronts
from dse.mapper.network.mapped import MappedWorkload
from dse.mapper.network.proof import chosen
from dse.problem.workload import Workload


def runs_at(
    architecture: Architecture, workloads: Sequence[Workload], point: tuple[float, float], *, gap: float = 0.0
) -> list[MappedWorkload]:
    """Networks that run one after another, as they do at the point of their exact front that is nearest to a given one.

    What `MappedWorkload.whole_front` and `NetworkFront.run` give, in a fraction of the time: a front has dozens of
    mappings a layer, of which a run takes one or two.

    Parameters
    ----------
    point : (energy_pj, latency_s)
        Of all networks together.
    gap : float
        Of each layer's front.

    Examples
    --------
    >>> import dse
    >>> layer = dse.Layer("conv", K=8, C=4, P=6, Q=6, R=3, S=3)
    >>> network = dse.Workload.of("two", [layer, dse.Layer("fc", K=10, C=16)])
    >>> eyeriss = dse.load_architecture("eyeriss")
    >>> points = dse.map_workload(eyeriss, network).front()
    >>> (run,) = runs_at(eyeriss, [network], points[-1])
    >>> (run.energy_pj, run.latency_s) == points[-1]
    True
    """
    networks = [MappedWorkload(architecture, workload, "front", (), gap, scope="network") for workload in workloads]
    options = [
        tuple((layer_answers(architecture, layer, "front", gap=gap), names) for layer, names in network.distinct())
        for network in workloads
    ]
    sums = []
    for network, layers in zip(networks, options, strict=True):
        fronts: list[Front] = [
            [(one.energy_pj, one.cycles) for one in answers] for answers, names in layers for _ in names
        ]
        sums.append(sum_fronts([*fronts, [network.moved_point]]))
    total = sum_fronts([[tuple(sum_) for sum_ in one.points.tolist()] for one in sums])
    picks = total.picks(_nearest(total, point[0], point[1] * architecture.clock_hz))
    return [
        MappedWorkload(
            architecture, workload, "front",
            tuple((answer.mapped(), names) for answer, names in chosen(layers, one.picks(pick))), gap, scope="network",
        )
        for workload, layers, one, pick in zip(workloads, options, sums, picks, strict=True)
    ]  # fmt: skip


def _nearest(total: FrontSum, energy_pj: float, cycles: float) -> int:
    """The point whose energy and cycles differ from some others by the smallest factors."""
    energy, latency = log(energy_pj), log(cycles)
    return min(
        range(len(total.points)),
        key=lambda at: abs(log(total.points[at][0]) - energy) + abs(log(total.points[at][1]) - latency),
    )
