"""A design against what is known: whether any of its mappings comes below the staircase, found layer by layer.

A mapping of a network is in question only where it lies below a corner of the staircase. So with all other layers at
their bounds, a layer may take just so much energy and time, and only what is below is searched: seldom much. What the
search finds, or that there is nothing, raises the layer's bound, which leaves the next layers less.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dse.explore.designs.design import Batched, BatchEvaluator, NetworkEvaluator
from dse.explore.designs.resident import keeps_tensors

if TYPE_CHECKING:
    from dse.architecture.architecture import Architecture
    from dse.problem.layer import Layer


@dataclass(frozen=True, slots=True)
class ContestTask:
    """A design and what it must come below.

    Parameters
    ----------
    settings : mapping
    corners : (*, 2) float
        Energy in pJ and latency in s.
    weight : float
        Of time in a weighted sum, pJ/s.
    layers : (layers, 3) float, optional
        What is known of them: see `DesignBound`.
    """

    settings: Mapping[str, Any]
    corners: Any
    weight: float
    layers: Any = None


@dataclass(frozen=True, slots=True)
class Contest:
    """Finds out whether designs come below corners.

    Parameters
    ----------
    resolve : callable
        Settings to a design.
    evaluator : NetworkEvaluator or BatchEvaluator
        Says which networks a design is evaluated for, and how these count together.
    """

    resolve: Callable[[Mapping[str, Any]], Any]
    evaluator: NetworkEvaluator | BatchEvaluator

    def __call__(self, task: ContestTask) -> bool:
        """Whether no mapping of the design lies below any corner, whatever its networks' limits.

        False also where nothing is known: networks that do not add up, tensors that may stay on chip, so that layers
        cost less than by themselves, hierarchies of the deep search.
        """
        from dse.mapper import has_flat_shape

        design = self.resolve(task.settings)
        architecture, how, images = design, self.evaluator, 1
        if isinstance(how, BatchEvaluator):
            batched: Batched = design
            architecture, how, images = batched.architecture, how.by_batch[batched.batch], batched.batch
        at_home = any(network.resident is not None for network in how.networks) and keeps_tensors(architecture)
        if how.combination.how != "sum" or at_home or not has_flat_shape(architecture):
            return False
        return not _comes_below(architecture, how, np.asarray(task.corners) * images, task)


_RAISED: dict[Layer, float] = {}
"""By layer: how much of a network's weighted sum its last search added to its bound. Layers that add much come first;
the order decides how soon an answer is found, not which."""


def _comes_below(architecture: Architecture, how: NetworkEvaluator, corners: Any, task: ContestTask) -> bool:
    from dse.mapper import points_below

    parts, moved = _parts(architecture, how)
    cycle_pj = task.weight / architecture.clock_hz
    corners = corners * (1.0, architecture.clock_hz) - moved  # pJ and cycles of layers alone
    known = [None] * len(parts) if task.layers is None else task.layers
    least = np.array([times * _least(architecture, layer, cycle_pj, row)
                      for (layer, times, _), row in zip(parts, known, strict=True)])  # fmt: skip
    total = least[:, 2].sum()
    hopes = [_RAISED.get(layer, sum_pj / total) for (layer, _, _), sum_pj in zip(parts, least[:, 2], strict=True)]
    fronts: list[Any] = [None] * len(parts)
    for at in np.argsort(-np.array(hopes), kind="stable"):
        layer, times, share = parts[at]
        corners = _above(corners, least.sum(axis=0), cycle_pj)
        if len(corners) == 0:
            return False
        # Every occurrence of a layer may be mapped in another way, so one of them has all others' bounds beside it.
        beside = least.sum(axis=0)[:2] - least[at, :2] * (share / times)
        points = np.array(points_below(architecture, layer, np.maximum(0.0, corners - beside) / share)).reshape(-1, 2)
        if len(points) == 0:
            _RAISED[layer] = 1.0 - beside[0] / corners[:, 0].max() if np.isfinite(corners).all() else 1.0
            return False
        fronts[at] = points * share
        weighted = points[:, 0] + cycle_pj * points[:, 1]
        raised = np.maximum(least[at], np.array([*points.min(axis=0), weighted.min()]) * times)
        _RAISED[layer], least[at] = (raised[2] - least[at, 2]) / total, raised
    counts = [round(times / share) for _, times, share in parts]
    return _sum_comes_below([front for front, n in zip(fronts, counts, strict=True) for _ in range(n)], corners)


def _sum_comes_below(fronts: list[Any], corners: Any) -> bool:
    """Whether some sum of one point from each front lies below a corner, in both."""
    from dse.mapper import sum_fronts

    least = np.array([front.min(axis=0) for front in fronts])

    def below(left: tuple[int, ...], sums: Any) -> Any:
        most = corners - least[list(left)].sum(axis=0)
        return (sums[:, None, :] < most[None, :, :]).all(axis=2).any(axis=1)

    return len(sum_fronts(fronts, below).points) > 0


def _parts(architecture: Architecture, how: NetworkEvaluator) -> tuple[list[tuple[Layer, float, float]], Any]:
    """Each layer, by how much it counts in all and once; and what nodes without MACs take, pJ and cycles."""
    parts, moved = [], np.zeros(2)
    for network, share in zip(how.networks, how.combination.weights_of(len(how.networks)), strict=True):
        parts += [(layer, count * share, share) for layer, count in network.layers]
        moved += share * np.array(network.moved(architecture))
    return parts, moved


def _least(architecture: Architecture, layer: Layer, cycle_pj: float, known: Any) -> Any:
    from dse.mapper import lower_bound

    if known is not None:
        return known
    bound = lower_bound(architecture, layer, cycle_pj=cycle_pj)
    return np.array([bound.energy_pj, bound.cycles, bound.weighted_pj])


def _above(corners: Any, least: Any, cycle_pj: float) -> Any:
    """The corners below which something may lie."""
    energy, cycles, weighted = least
    sums = corners[:, 0] + cycle_pj * corners[:, 1] if cycle_pj else corners[:, 0]
    return corners[(corners[:, 0] > energy) & (corners[:, 1] > cycles) & (sums > weighted)]
