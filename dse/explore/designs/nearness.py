"""How near a design is to its best in one objective, by what is proven of each of its layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dse.explore.designs.resident import keeps_tensors
from dse.explore.designs.together import Combination

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture
    from dse.explore.designs.clock import Clock
    from dse.explore.designs.design import Network, Run

LOOSE = 0.02
"""A gap of the product of energy and time up to which bounds of layers are not worth their time."""


def proven_gap(
    networks: Sequence[Network], architecture: Architecture, clock: Clock, run: Run, objective: str
) -> float:  # fmt: skip
    """How far a run may be above the best for an objective, with each layer mapped for it.

    A layer counts by its part of a network: energies and times add up, and no network has a smaller product of both
    than the square of the sum of the roots of its layers' least ones, by the inequality of Cauchy and Schwarz. The
    same holds of networks that add up, whatever their weights; the largest energy times the largest time is at
    least the largest product; and means of logarithms of energy and of time add up to that of the product. The run
    that keeps the limits may be another one, mapped for what is limited: what is least without limits is no more
    than what is least within them.

    That square is far below the least product where layers spend energy and time in proportions of their own. So where
    layers are mapped by the deep search, bounds of their energy, of their time and of a sum of both say what more they
    can.

    Parameters
    ----------
    networks : sequence of Network
    clock : Clock
        Has what was found of each layer.
    run : Run
        At which energy and latency the networks are.
    objective : {"energy", "latency", "edp"}
    """
    energy, time, root = _least(networks, architecture, clock, run.combination)
    if objective != "edp":
        return float(run.energy_pj / energy if objective == "energy" else run.latency_s / time) - 1
    gap = float(run.energy_pj * run.latency_s / root**2) - 1
    if gap <= LOOSE or clock.is_over or not _has_bounds(networks, architecture):
        return gap
    return min(gap, run.energy_pj * run.latency_s / _least_product(networks, architecture, clock, run) - 1)


def _least(networks: Sequence[Network], architecture: Architecture, clock: Clock, combination: Combination) -> Any:
    """Energy (pJ) and time (s) of all networks together at least, and the root of their product, by the gap of each
    layer."""
    least, reached = list[Any](), iter(clock.reached)
    for network in networks:
        counts = [count for _, count in network.layers]
        sums = np.zeros(3)  # energy, cycles, and the root of their product
        if network.resident is not None and keeps_tensors(architecture):
            counts = [1]
        else:
            moved = np.array(network.moved(architecture), dtype=float)
            sums += *moved, moved.prod() ** 0.5
        for count, ((point,), gap) in zip(counts, reached, strict=False):
            product = point[0] * point[1] / (1 + gap)
            sums += count * np.array([point[0] / (1 + gap), point[1] / (1 + gap), product**0.5])
        least.append(sums / (1.0, architecture.clock_hz, architecture.clock_hz**0.5))
    return [combination.of(list(values)) for values in zip(*least, strict=True)]


def _has_bounds(networks: Sequence[Network], architecture: Architecture) -> bool:
    """Whether layers are mapped by themselves, and take so long that bounds of them take a small part of it."""
    from dse.mapper import has_flat_shape

    return not has_flat_shape(architecture) and all(network.resident is None for network in networks)


def _least_product(networks: Sequence[Network], architecture: Architecture, clock: Clock, run: Run) -> float:
    """Energy (pJ) times time (s) of all networks together at least, by bounds of the layers.

    Networks that add up have a sum of energy and time at least as large as the sum of theirs, and so has the largest
    of each. Of geometric means that does not hold: these are means of the networks' products.
    """
    from dse.mapper import lower_bound

    combination, clock_hz, reached = run.combination, architecture.clock_hz, iter(clock.reached)
    apart = combination.how == "geomean"
    least: list[Any] = []
    for network, (energy_pj, latency_s) in zip(networks, run.points, strict=True):
        per_s = energy_pj / latency_s if apart else run.energy_pj / run.latency_s
        energy, cycles = network.moved(architecture)
        sums = np.array([energy, cycles, energy + per_s / clock_hz * cycles])
        for (layer, count), ((point,), gap) in zip(network.layers, reached, strict=False):
            bound = lower_bound(architecture, layer, cycle_pj=per_s / clock_hz)
            product = point[0] * point[1] / (1 + gap)
            both = max(bound.weighted_pj, 2 * (per_s / clock_hz * product) ** 0.5)
            sums += count * np.array([bound.energy_pj, bound.cycles, both])
        least.append((*(sums / (1.0, clock_hz, 1.0)).tolist(), per_s))
    if apart:
        return combination.of([least_product(*each) for each in least])
    *together, (price, *_) = zip(*least, strict=True)
    energy, time, both = (combination.of(list(values)) for values in together)
    return least_product(energy, time, both, price)


def least_product(energy: float, time: float, both: float, price: float) -> float:
    """The least product of an energy and a time of which each has a lower bound, and so has their sum.

    Parameters
    ----------
    energy, time : float
        Lower bounds.
    both : float
        Of energy plus price times time.
    price : float

    Notes
    -----
    Along the line on which the sum is the same the product is concave, so it is least at one end of what the two other
    bounds leave of the line; where they leave nothing, it is least where both are.

    Examples
    --------
    >>> least_product(1.0, 1.0, 2.0, 1.0), least_product(1.0, 1.0, 4.0, 1.0), least_product(2.0, 1.0, 5.0, 2.0)
    (1.0, 3.0, 3.0)
    """
    if both <= energy + price * time:
        return energy * time
    return min(energy * (both - energy) / price, (both - price * time) * time)
