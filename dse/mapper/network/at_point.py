"""Networks as they run at one point of the front of them all, found without most of the front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dse.architecture.architecture import Architecture
from dse.mapper.answer import Answer
from dse.mapper.layer import layer_answers
from dse.mapper.network.front_sum import Front, FrontSum, sum_fronts
from dse.mapper.network.mapped import MappedWorkload
from dse.mapper.network.proof import Names, chosen
from dse.mapper.shared.result import Mapped
from dse.problem.workload import Workload

Layers = tuple[tuple[Mapped, Names], ...]

SAME = 1e-9
"""Relative difference below which two points are one: far more than rounding, far less than mappings differ by."""


def runs_at(
    architecture: Architecture, workloads: Sequence[Workload], point: tuple[float, float], *, gap: float = 0.0
) -> list[MappedWorkload]:
    """Networks that run one after another, as they do at the point of their exact front that is nearest to a given one.

    What `MappedWorkload.whole_front` and `NetworkFront.run` give, in a fraction of the time.

    Parameters
    ----------
    point : (energy_pj, latency_s)
        Of all networks together.
    gap : float
        Of each layer's front.

    Notes
    -----
    Of all points that networks can have, the one with the least product of energy E and latency T is also the only one
    with the least E + (E/T) T', as the line on which that sum is the same touches the curve of equal products there and
    lies below it elsewhere. A sum over layers is least where it is least for each layer, so one search a layer finds
    the run: for the least energy, with E/T more of it in every cycle. Where these searches do not end at the point, it
    is another one of the front, and each layer's whole front is searched.

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
    cycles = point[1] * architecture.clock_hz
    found = _touching(architecture, workloads, (point[0], cycles)) if gap == 0 else None
    if found is None:
        found = _on_fronts(architecture, workloads, (point[0], cycles), gap)
    return [
        MappedWorkload(architecture, workload, "front", layers, gap, scope="network")
        for workload, layers in zip(workloads, found, strict=True)
    ]


def _touching(
    architecture: Architecture, workloads: Sequence[Workload], point: tuple[float, float]
) -> list[Layers] | None:
    """The layers of each network with the least sum of energy and time in the point's own proportion; None where they
    do not come to the point."""
    energy_pj, cycles = point
    per_cycle_pj = energy_pj / cycles
    power_mw = architecture.static_power_mw + per_cycle_pj * architecture.clock_hz * 1e-9
    dearer = replace(architecture, static_power_mw=power_mw)
    runs: list[list[tuple[Answer, Names]]] = []
    total = np.zeros(2)
    for workload in workloads:
        runs.append([(layer_answers(dearer, layer, "energy")[0], names) for layer, names in workload.distinct()])
        total += MappedWorkload(architecture, workload, "front", ()).moved_point
        for answer, names in runs[-1]:
            total += len(names) * np.array([answer.energy_pj - per_cycle_pj * answer.cycles, answer.cycles])
    if np.abs(total / point - 1).max() > SAME:
        return None
    return [tuple((_on_front(architecture, answer), names) for answer, names in run) for run in runs]


def _on_front(architecture: Architecture, answer: Answer) -> Mapped:
    """A mapping that is the best in a sum of energy and time, as the point of the layer's front that it is."""
    mapped = replace(answer, architecture=architecture).mapped()
    energy_pj, proof = mapped.cost.energy_pj, answer.certificate
    return replace(mapped, certificate=replace(proof, objective="front", value=energy_pj, lower_bound=energy_pj))


def _on_fronts(
    architecture: Architecture, workloads: Sequence[Workload], point: tuple[float, float], gap: float
) -> list[Layers]:
    """The layers of each network behind the point of the common front that is nearest to a given one."""
    options = [
        tuple((layer_answers(architecture, layer, "front", gap=gap), names) for layer, names in network.distinct())
        for network in workloads
    ]
    sums = []
    for network, layers in zip(workloads, options, strict=True):
        fronts: list[Front] = [
            [(one.energy_pj, one.cycles) for one in answers] for answers, names in layers for _ in names
        ]
        moved = MappedWorkload(architecture, network, "front", ()).moved_point
        sums.append(sum_fronts([*fronts, [moved]]))
    total = sum_fronts([one.points for one in sums])
    picks = total.picks(_nearest(total, point))
    return [
        tuple((answer.mapped(), names) for answer, names in chosen(layers, one.picks(pick)))
        for layers, one, pick in zip(options, sums, picks, strict=True)
    ]


def _nearest(total: FrontSum, point: tuple[float, float]) -> int:
    """The point whose energy and cycles differ from some others by the smallest factors."""
    away: Any = np.abs(np.log(total.points) - np.log(point)).sum(axis=1)
    return int(away.argmin())
